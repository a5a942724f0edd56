# Every task of the project. `npx --yes rust-just RECIPE` runs one on a machine that has Node but not `just`.

set shell := ["bash", "-euo", "pipefail", "-c"]
set ignore-comments := true

# List the recipes
default:
    @just --list --unsorted

# The main job: a dozen replicas of a real history, live in Rust and in Node; then real histories, replayed in several orders
demo: build-rs build-js
    node tests/demo/main.js

# All tests: engine, Rust host, JavaScript host, conformance on all hosts, compositions, documents
test: test-engine test-rs test-js test-compose test-docs
    # What all hosts must agree on, they do: byte for byte.
    cmp target/conformance/native.txt target/conformance/host-rs.txt
    cmp target/conformance/native.txt target/conformance/host-js.txt

# Make the component, target/converge.wasm
build:
    # Not by `--package`, which would choose other features of what it is built of than the workspace does.
    cargo run --quiet --release --bin converge-pack -- target/converge.wasm

# Build the Rust host and its program, target/release/converge
build-rs:
    # The whole workspace, as the tests do: both choose the same features of what wasmtime needs, and compile it once.
    cargo build --release --workspace

# Compose the engine with what is built around it: target/compat.wasm, which answers `mizchi:converge`
compose: build-rs
    target/release/converge-compose target

# Build the mutators in JavaScript: target/people.wasm
mutators: people-npm
    node examples/mutators/people/build.js

# Build the JavaScript package
build-js: build npm
    npm run --silent build --prefix host-js

# Install what the JavaScript package is built and tested with
[private]
npm:
    [ host-js/node_modules/.package-lock.json -nt host-js/package-lock.json ] || npm ci --prefix host-js --no-audit --no-fund

# Test the engine: units, the rule against an oracle, hostile input, growth
test-engine:
    cargo test --package converge-engine

# Test the Rust host, and the conformance cases on the native engine and in wasmtime
test-rs: mutators
    cargo test --release --workspace --exclude converge-engine

# Test the JavaScript host, and the conformance cases in Node
test-js: build-js
    npm test --prefix host-js

# Test the compositions in Node; those in wasmtime are tested with the Rust host
test-compose: compose build-js
    node --test tests/compat.test.js examples/guard/guard.test.js examples/mutators/board/board.test.js

# Test the documents: links, commands, recipes, code, limits; and what bytes mean, by a second reader and the golden files
test-docs: build-js
    node --test tests/documents.test.js tests/fingerprints.test.js tests/format.test.js tests/protocol.test.js

# Test with more random histories: how many, and from which seed on
seeds count="100000" first="10000":
    CONVERGE_SEEDS={{count}} CONVERGE_FIRST_SEED={{first}} cargo test --package converge-engine --test rule -- --nocapture exhaustive:: random:: hostile:: since:: compaction:: rebase:: history::
    CONVERGE_SEEDS={{count}} CONVERGE_FIRST_SEED={{first}} cargo test --package converge-engine --test presence --test session -- --nocapture random:: hostile::
    CONVERGE_SEEDS={{count}} CONVERGE_FIRST_SEED={{first}} cargo test --package converge-engine --test identity -- --nocapture random:: sessions:: hostile::

# Test reading with more hostile bytes: how many inputs, and from which seed on
hostile inputs="1000000" first="10000":
    CONVERGE_SEEDS=$(({{inputs}} / 20)) CONVERGE_FIRST_SEED={{first}} cargo test --package converge-engine --test bytes -- --nocapture mutated_bytes

# Fuzz the readers of bytes (installs cargo-fuzz, which takes minutes): load, merge_update, rebase or session_free
fuzz target="load" seconds="300":
    [ -x target/tools/bin/cargo-fuzz ] || cargo install --locked --root target/tools cargo-fuzz
    mkdir -p component/engine/fuzz/corpus/{{target}}
    cd component/engine && PATH="$OLDPWD/target/tools/bin:$PATH" cargo fuzz run --sanitizer none {{target}} fuzz/corpus/{{target}} ../../tests/crashers -- -max_total_time={{seconds}}

# Show what a saved document or an update holds, and check its state against its history
inspect file: build-rs
    target/release/converge inspect "{{file}}"

# Run replicas in a simulated network: star, gossip, mesh, filtered-star, partition; `converge simulate --help` tells the options
simulate *args: build-rs
    target/release/converge simulate {{args}}

# Measure side by side with other libraries: everything, or the works that are named; `just bench --help` tells the options
bench *args: build-js compose bench-npm
    cargo build --release --bins --manifest-path benches/Cargo.toml --target-dir target
    target/release/converge-benches {{args}}

# Run every benchmark once with small numbers, compiled fast and not for speed
bench-smoke: build-js compose bench-npm
    cargo build --profile smoke --bins --manifest-path benches/Cargo.toml --target-dir target
    target/smoke/converge-benches --small --rounds 1 --out target/bench-smoke
    # The page shows the results that lie beside it.
    cp docs/performance.md target/bench-smoke/page.md
    target/smoke/converge-benches report docs/performance/results.json target/bench-smoke/page.md
    cmp docs/performance.md target/bench-smoke/page.md

# Show what changed between two results.json of `just bench`
bench-compare a b:
    target/release/converge-benches compare "{{a}}" "{{b}}"

# Write the results of the last full `just bench` into docs/performance.md
bench-report folder="target/bench":
    target/release/converge-benches report "{{folder}}/results.json" docs/performance.md
    mkdir -p docs/performance
    cp "{{folder}}"/*.svg "{{folder}}/results.json" docs/performance/

# Install what the package is measured against
[private]
bench-npm:
    [ benches/node_modules/.package-lock.json -nt benches/package-lock.json ] || npm ci --prefix benches --no-audit --no-fund

# Install what makes components of JavaScript
[private]
people-npm:
    [ examples/mutators/people/node_modules/.package-lock.json -nt examples/mutators/people/package-lock.json ] || npm ci --prefix examples/mutators/people --no-audit --no-fund

# Build the component with cargo-component instead (installs it, which takes minutes)
cargo-component:
    rustup target add wasm32-wasip1 wasm32-unknown-unknown
    cargo install --locked --root target/tools cargo-component@0.21.1
    cd component && PATH="$PWD/../target/tools/bin:$PATH" cargo component build --release --target wasm32-unknown-unknown

# Format everything
fmt: npm bench-npm
    cargo fmt --all
    cargo fmt --all --manifest-path benches/Cargo.toml
    cargo fmt --manifest-path component/engine/fuzz/Cargo.toml
    npm run --silent fmt --prefix host-js

# Check formatting and lints
lint: npm bench-npm
    cargo fmt --all --check
    cargo fmt --all --check --manifest-path benches/Cargo.toml
    cargo fmt --check --manifest-path component/engine/fuzz/Cargo.toml
    cargo clippy --locked --workspace --all-targets --release -- -D warnings
    npm run --silent lint --prefix host-js
