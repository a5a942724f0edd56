# Every task of the project has a recipe. Without `just`, run `npx --yes rust-just RECIPE`.

set shell := ["bash", "-euo", "pipefail", "-c"]
set ignore-comments := true

# List the recipes
default:
    @just --list --unsorted

# Run the demo: real histories replayed in several orders; a dozen live replicas in Rust and in Node; two people typing in one text
demo: build-web
    node tests/demo/main.js

# Run all tests: engine, Rust and JavaScript hosts, conformance, server, clients, compositions, documents, packages, benchmarks
test: npm-all test-all
    # The transcripts of all hosts must be equal, byte for byte.
    cmp target/conformance/native.txt target/conformance/host-rs.txt
    cmp target/conformance/native.txt target/conformance/host-js.txt

# Build the component, target/converge.wasm
build:
    # `--bin`, because with `--package` cargo selects features for that package alone and compiles many dependencies again.
    cargo run --quiet --release --bin converge-pack --target-dir target/component -- target/converge.wasm

# Build the program, target/release/converge, with the task board
build-cli: build-web
    cargo build --release --bin converge


# Start a server with the documents in target/data, and the task board: `just serve --help` lists the options
serve *args: build-cli
    CONVERGE_DATA="${CONVERGE_DATA:-target/data}" target/release/converge serve --demo {{args}}

# Serve the text editor at http://127.0.0.1:4748/, and start a server with the documents in target/data
editor: build-cli (npm-add "examples/editor")
    target/release/converge serve --data "${CONVERGE_DATA:-target/data}" --origin http://127.0.0.1:4748 --origin http://localhost:4748 & \
        trap "kill $! 2> /dev/null || true" EXIT; node examples/editor/build.js --serve

# Compose the engine with other components: target/compat.wasm, which implements `mizchi:converge`, and others
compose:
    cargo run --quiet --release --bin converge-compose -- target

# Compose by the command line of wac instead (installs it, which takes minutes): target/wac
wac: build compose
    [ -x target/tools/bin/wac ] || cargo install --locked --root target/tools --no-default-features --features wit wac-cli@0.12.0
    mkdir -p target/wac
    # As docs/guide/wac.md says.
    target/tools/bin/wac plug target/parts/compat.wasm --plug target/converge.wasm -o target/wac/compat.wasm
    target/tools/bin/wac compose examples/guard/guard.wac \
        --dep converge:engine=target/converge.wasm \
        --dep converge:guard=target/parts/guard.wasm \
        --dep converge:schema=target/parts/board-schema.wasm \
        -o target/wac/guard.wasm
    target/tools/bin/wac targets --wit wit --world converge target/wac/guard.wasm

# Build the mutators in JavaScript: target/people.wasm
mutators: (npm-add "examples/mutators/people")
    node examples/mutators/people/build.js

# Build the JavaScript package
[parallel]
build-js: build npm && transpile

[private]
transpile:
    npm run --silent build --workspace host-js

# Build the task board: examples/web/dist
build-web: build-js (npm-add "examples/web")
    npm run --silent build --workspace examples/web

# Install the tools that build and test the JavaScript package
[private]
npm:
    # This removes the tools of other workspaces, which npm-add installs again.
    [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --workspace host-js --no-audit --no-fund

# Install the tools of a further workspace, for recipes that need more than the demo
[private]
npm-add workspace: npm
    # This file lists what is installed.
    grep -q '"resolved": "{{workspace}}"' node_modules/.package-lock.json || npm install --workspace {{workspace}} --no-save --no-audit --no-fund

# Install the tools of all workspaces: one after the other, since npm cannot do two at the same time
[private]
npm-all: (npm-add "benches") (npm-add "examples/editor") (npm-add "examples/web") (npm-add "tests/browser") (npm-add "tests/platforms") (npm-add "examples/mutators/people")

# Two sequences of tests at the same time, so that both cores are busy. Their Rust builds use different profiles and do not wait for each other.
# Node makes a pipe that is its standard output non-blocking, for all programs that share it, and Rust's tests fail then. So each Node gets a pipe of its own.
[parallel]
[private]
test-all: build-js && test-first test-second

[private]
test-first: test-engine test-js test-docs test-packages test-browser

[private]
test-second: test-rs bench-smoke test-compose test-crate

# Test the engine: units, the rule compared with an oracle, hostile input, growth
test-engine:
    cargo test --package converge-engine

# Test the Rust crates, and run the conformance cases with both backends: the engine linked directly, and in wasmtime
test-rs: mutators fault-tools
    cargo test --release --workspace --exclude converge-engine

# Test the JavaScript host, its client with the server, and run the conformance cases and real histories of texts in Node
test-js: build-js build-cli
    npm test --workspace host-js | cat
    node --test tests/traces.test.js | cat

# Test the compositions in Node; test-rs tests them in wasmtime
test-compose: compose build-js
    node --test tests/compat.test.js examples/guard/guard.test.js examples/mutators/board/board.test.js | cat

# Test the documents (links, recipes, code, limits, wording), and the formats with a second reader and golden files
test-docs: build-js build-cli
    node --test tests/documents.test.js tests/fingerprints.test.js tests/format.test.js tests/protocol.test.js | cat

# Test the package as users install it, on platforms that install fast: Node, TypeScript, Vite, esbuild, Bun, Deno, plain jco
[parallel]
test-packages: build-js build-cli chromium (npm-add "tests/platforms")
    node tests/platforms/run.js --some | cat

# Test the client, the task board and the text editor in Chromium, with the server
test-browser: build-js build-cli chromium fault-tools (npm-add "examples/editor") (npm-add "tests/browser")
    npm test --workspace examples/editor | cat
    npm test --workspace examples/web | cat
    node --test --test-concurrency=2 tests/browser/*.test.js | cat

# Test the package as users install it, on all platforms or on the named ones, and print a table
[parallel]
matrix *names: build-js build-cli chromium (npm-add "tests/platforms")
    node tests/platforms/run.js {{names}}

# Test with more random histories: their number, and the first seed
seeds count="100000" first="10000":
    CONVERGE_SEEDS={{count}} CONVERGE_FIRST_SEED={{first}} cargo test --package converge-engine --test rule -- --nocapture exhaustive:: random:: hostile:: since:: compaction:: rebase:: history::
    CONVERGE_SEEDS={{count}} CONVERGE_FIRST_SEED={{first}} cargo test --package converge-engine --test presence --test session -- --nocapture random:: hostile::
    CONVERGE_SEEDS={{count}} CONVERGE_FIRST_SEED={{first}} cargo test --package converge-engine --test identity -- --nocapture random:: sessions:: hostile::
    CONVERGE_SEEDS={{count}} CONVERGE_FIRST_SEED={{first}} cargo test --package converge-engine --test ordering -- --nocapture lists:: runs:: hostile::
    CONVERGE_SEEDS={{count}} CONVERGE_FIRST_SEED={{first}} cargo test --package converge-engine --lib -- --nocapture text::tests::random:: text::tests::interleaving:: text::tests::parts:: text::tests::delta:: text::tests::rewrite::
    # Each seed replays whole histories: 500 in a case.
    CONVERGE_SEEDS=$((({{count}} + 999) / 1000)) CONVERGE_FIRST_SEED={{first}} cargo test --package converge-engine --test traces -- --nocapture replay:: sessions:: versions::

# Test the decoders with more hostile bytes: the number of inputs, and the first seed
hostile inputs="1000000" first="10000":
    CONVERGE_SEEDS=$(({{inputs}} / 20)) CONVERGE_FIRST_SEED={{first}} cargo test --package converge-engine --test bytes -- --nocapture mutated_bytes

# Test longer: kill the server and pages of browsers many times under load, and open and close documents for some time
faults kills="500" seconds="3600": build-js build-cli chromium fault-tools (npm-add "tests/browser")
    CONVERGE_RENDERER_KILLS=200 node --test --test-name-pattern='page that is killed' tests/browser/client.test.js
    CONVERGE_BROWSER_EVENTS=2000 node --test tests/browser/random.test.js
    CONVERGE_KILLS={{kills}} CONVERGE_NAMES=20000 CONVERGE_CHURN_SECONDS={{seconds}} cargo test --release --bin converge --test serve -- --nocapture --test-threads 1 durable:: load::

# Fuzz the decoders (installs cargo-fuzz, which takes minutes): load, merge_update, rebase or session_free
fuzz target="load" seconds="300":
    [ -x target/tools/bin/cargo-fuzz ] || cargo install --locked --root target/tools cargo-fuzz
    mkdir -p component/engine/fuzz/corpus/{{target}}
    cd component/engine && PATH="$OLDPWD/target/tools/bin:$PATH" cargo fuzz run --sanitizer none {{target}} fuzz/corpus/{{target}} ../../tests/crashers -- -max_total_time={{seconds}}

# Describe a saved document or an update, and compare its state with its history
inspect file: build-cli
    target/release/converge inspect "{{file}}"

# Run replicas in a simulated network: star, gossip, mesh, filtered-star, partition; `just simulate --help` lists the options
simulate *args:
    cargo run --quiet --release --bin converge-rig -- simulate {{args}}

# Compare with other libraries: all benchmarks, or the named ones; `just bench --help` lists the options
bench *args: build-js compose chromium (npm-add "benches")
    cargo build --release --bin converge --bin converge-rig
    cargo build --release --package converge-benches --features peers
    target/release/converge-benches {{args}}

# Run every benchmark of converge once with small numbers, and check that docs/performance.md matches its results
bench-smoke: build-js compose chromium (npm-add "benches")
    cargo build --release --bin converge-benches --bin converge-benches-memory --bin converge --bin converge-rig
    target/release/converge-benches --small --rounds 1 --out target/bench-smoke
    cp docs/performance.md target/bench-smoke/page.md
    target/release/converge-benches report docs/performance/results.json target/bench-smoke/page.md
    cmp docs/performance.md target/bench-smoke/page.md

# Show what changed between two results.json of `just bench`
bench-compare a b:
    target/release/converge-benches compare "{{a}}" "{{b}}"

# Write the results of the last full `just bench` into docs/performance.md
bench-report folder="target/bench":
    target/release/converge-benches report "{{folder}}/results.json" docs/performance.md
    mkdir -p docs/performance
    cp "{{folder}}"/*.svg "{{folder}}/results.json" docs/performance/

# Install Debian's Chromium if this is root on Debian; elsewhere, tests leave out what needs a browser if there is none
[private]
chromium:
    command -v "${CHROMIUM:-chromium}" google-chrome > /dev/null || [ ! -e /etc/debian_version ] || [ "$(id -u)" != 0 ] || \
        (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends chromium > /dev/null)

# Install Debian's strace and faketime if this is root on Debian; elsewhere, the tests of failing disks and jumping clocks are left out if there are none
[private]
fault-tools:
    { command -v strace && command -v faketime; } > /dev/null || [ ! -e /etc/debian_version ] || [ "$(id -u)" != 0 ] || \
        (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends strace faketime > /dev/null)

# Build the component with cargo-component instead (installs it, which takes minutes)
cargo-component:
    rustup target add wasm32-wasip1 wasm32-unknown-unknown
    cargo install --locked --root target/tools cargo-component@0.21.1
    cd component && PATH="$PWD/../target/tools/bin:$PATH" cargo component build --release --target wasm32-unknown-unknown

# Format everything
fmt: npm
    cargo fmt --all
    cargo fmt --manifest-path component/engine/fuzz/Cargo.toml
    npm run --silent fmt

# Check formatting and lints
lint: lint-format
    cargo clippy --locked --workspace --all-targets --release -- -D warnings

# Check formatting, and the types of the JavaScript
[private]
lint-format: npm-all
    cargo fmt --all --check
    cargo fmt --check --manifest-path component/engine/fuzz/Cargo.toml
    npm run --silent lint

# Check licenses, sources and advisories of the dependencies (installs cargo-deny, which takes minutes); `just deny licenses sources bans` works offline
deny *checks:
    [ -x target/tools/bin/cargo-deny ] || cargo install --quiet --locked --root target/tools cargo-deny@0.20.2
    target/tools/bin/cargo-deny check {{checks}}

# Write the installable files to target/release-artifacts: component, contract, npm package, crates, program
release: build-js package-crate musl
    rm -rf target/release-artifacts && mkdir -p target/release-artifacts
    cp target/converge.wasm target/package/package/*.crate target/release-artifacts/
    cargo run --quiet --release --bin converge-pack --target-dir target/component -- --wit target/release-artifacts/converge-sync.wit.wasm
    npm pack --silent --workspace host-js --pack-destination target/release-artifacts
    strip -o target/release-artifacts/converge target/x86_64-unknown-linux-musl/release/converge
    cp host-rs/cli/deploy/* target/release-artifacts/
    cd target/release-artifacts && sha256sum * > SHA256SUMS && cat SHA256SUMS

# Build the program without any library of the system
[private]
musl:
    rustup target add x86_64-unknown-linux-musl
    command -v musl-gcc > /dev/null || apt-get install -qq --yes --no-install-recommends musl-tools
    cargo build --release --bin converge --target x86_64-unknown-linux-musl

# Package the crate, and the engine, on which it depends with the feature `native`. The crate contains the component, so that its users need no wasm target
[private]
package-crate: build
    rm -rf target/package/package
    cp target/converge.wasm host-rs/converge.wasm
    # Without a lockfile, for which cargo would look for the engine on crates.io.
    trap 'rm -f host-rs/converge.wasm' EXIT; cargo package --quiet --no-verify --allow-dirty --exclude-lockfile --package converge --package converge-engine --target-dir target/package

# Test the packaged crate: programs outside the repository are built on it, one for each backend
test-crate: package-crate
    tests/crate/run.sh
