#!/usr/bin/env bash
# Builds and runs two programs with the packaged crate, in empty folders outside of the repository and without the wasm
# target: one with the component, and one that links the engine. The second may depend on few crates, and not on wasmtime.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for crate in "$root"/target/package/package/*.crate; do
    tar -xzf "$crate" -C "$folder"
done

# Writes the manifest of the program NAME, which depends on the crate with these FEATURES.
program() {
    mkdir -p "$folder/$1/src"
    cp "$root/tests/crate/main.rs" "$folder/$1/src/main.rs"
    cp "$root/Cargo.lock" "$folder/$1/Cargo.lock"
    printf '[package]\nname = "converge-%s"\nedition = "2024"\n\n[dependencies]\n' "$1" > "$folder/$1/Cargo.toml"
    printf 'converge = { path = "%s", %s }\n' "$folder"/converge-[0-9]* "$2" >> "$folder/$1/Cargo.toml"
}

program user 'features = ["mutators"]'
{
    # The features that the workspace selects. With others, cargo compiles wasmtime again.
    printf '%s = "1"\n' anyhow crc32fast semver serde serde_core
    printf 'indexmap = "2"\ntypenum = { version = "1", features = ["const-generics"] }\n\n'
    printf '[build-dependencies]\nanyhow = "1"\nindexmap = "2"\n\n'
    sed -n '/^\[profile.release.package\]/,/^$/p' "$root/Cargo.toml"
} >> "$folder/user/Cargo.toml"
cd "$folder/user"
# Uses the lockfile, profile and target folder of the workspace, to share compiled dependencies. Outside of the
# repository, so that its toolchain file and linker settings do not apply.
cargo run --quiet --release --target-dir "$root/target"

program native-user 'default-features = false, features = ["native"]'
printf '\n[patch.crates-io]\nconverge-engine = { path = "%s" }\n' "$folder"/converge-engine-[0-9]* \
    >> "$folder/native-user/Cargo.toml"
cd "$folder/native-user"
cargo run --quiet --target-dir "$folder/target"
max_crates=25
# Each line is a crate; (*) marks a repetition.
crates=$(cargo tree --edges normal,build --prefix none | sed 's/ (\*)$//' | sort -u)
if grep -q wasmtime <<< "$crates" || [ "$(wc -l <<< "$crates")" -gt "$max_crates" ]; then
    printf 'A program with the feature `native` depends on these crates; the maximum is %s, without wasmtime:\n%s\n' \
        "$max_crates" "$crates" >&2
    exit 1
fi
