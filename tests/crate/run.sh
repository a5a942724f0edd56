#!/usr/bin/env bash
# Builds and runs a program with the packaged crate, in an empty folder outside of the repository and without the wasm
# target. Uses the lockfile, profile and target folder of the workspace, to share compiled dependencies.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

tar -xzf "$root"/target/package/package/converge-[0-9]*.crate -C "$folder"
mkdir "$folder/user" "$folder/user/src"
cp "$root/tests/crate/main.rs" "$folder/user/src/main.rs"
cp "$root/Cargo.lock" "$folder/user/Cargo.lock"
{
    printf '[package]\nname = "converge-user"\nedition = "2024"\n\n[dependencies]\n'
    printf 'converge = { path = "%s", features = ["mutators"] }\n' "$folder"/converge-[0-9]*
    # The features that the workspace selects. With others, cargo compiles wasmtime again.
    printf '%s = "1"\n' anyhow crc32fast semver serde serde_core
    printf 'indexmap = "2"\ntypenum = { version = "1", features = ["const-generics"] }\n\n'
    printf '[build-dependencies]\nanyhow = "1"\nindexmap = "2"\n\n'
    sed -n '/^\[profile.release.package\]/,/^$/p' "$root/Cargo.toml"
} > "$folder/user/Cargo.toml"

cd "$folder/user"
# Outside of the repository, so that its toolchain file and linker settings do not apply.
cargo run --quiet --release --target-dir "$root/target"
