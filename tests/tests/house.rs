//! Checks the dependencies between the crates, and the imports of the JavaScript package, as
//! described in `docs/architecture.md`. `component/engine/tests/rooms.rs` checks the modules of the
//! engine.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates that each crate may depend on, apart from its tests. The test fails for missing
/// crates.
const ARROWS: [(&str, &[&str]); 20] = [
    ("converge-engine", &[]),
    ("converge-component", &["converge-engine"]),
    ("converge-compat", &[]),
    ("converge-pack", &[]),
    ("converge-compose", &["converge-pack"]),
    ("converge", &["converge-engine"]),
    ("converge-storage", &["converge"]),
    ("converge-frames", &[]),
    ("converge-server", &["converge", "converge-frames", "converge-storage"]),
    ("converge-client", &["converge", "converge-frames", "converge-storage"]),
    ("converge-cli", &["converge", "converge-server", "converge-storage"]),
    ("converge-traces", &[]),
    ("converge-rig", &["converge", "converge-client", "converge-frames", "converge-traces"]),
    ("converge-tests", &["converge"]),
    ("converge-benches", &["converge", "converge-rig", "converge-traces"]),
    ("converge-example-guard", &[]),
    ("converge-example-board-schema", &[]),
    ("converge-example-anything", &[]),
    ("converge-example-board", &[]),
    ("converge-hostile-mutator", &[]),
];

/// Crates that no other crate may depend on, not even in tests.
const LEAVES: [&str; 6] = [
    "converge-cli",
    "converge-benches",
    "converge-example-guard",
    "converge-example-board-schema",
    "converge-example-anything",
    "converge-example-board",
];

/// Third-party crates, and the crates that may depend on them. JSON never enters the component.
const RESERVED: [(&str, &[&str]); 5] = [
    ("axum", &["converge-server"]),
    ("rusqlite", &["converge-storage"]),
    (
        "serde_json",
        &[
            "converge-storage",
            "converge-server",
            "converge-client",
            "converge-cli",
            "converge-traces",
            "converge-rig",
            "converge-tests",
            "converge-benches",
        ],
    ),
    ("tokio", &["converge-server", "converge-client", "converge-cli", "converge-rig"]),
    ("wasmtime", &["converge", "converge-benches"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the dependencies of each crate in the workspace, and those of its tests.
fn crates() -> BTreeMap<String, [Vec<String>; 2]> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let list = |value: &Value| value.as_array().expect("a list").clone();
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            let (tests, build): (Vec<_>, _) =
                list(&package["dependencies"]).into_iter().partition(|dependency| dependency["kind"] == "dev");
            let names = |dependencies: Vec<Value>| dependencies.iter().map(|it| text(&it["name"])).collect();
            (text(&package["name"]), [names(build), names(tests)])
        })
        .collect()
}

#[test]
fn crates_depend_on_what_the_architecture_allows() {
    let crates = crates();
    for (name, [build, tests]) in &crates {
        let allowed = ARROWS.iter().find(|(listed, _)| listed == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{name} is not in the list of arrows"));
        for dependency in build.iter().filter(|dependency| crates.contains_key(*dependency)) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
        for dependency in build.iter().chain(tests) {
            assert!(!LEAVES.contains(&dependency.as_str()), "nothing may depend on {dependency}, but {name} does");
        }
        for (reserved, users) in RESERVED {
            let uses = build.iter().any(|dependency| dependency == reserved);
            assert!(!uses || users.contains(&name.as_str()), "{name} must not depend on {reserved}");
        }
    }
    let unknown = ARROWS.iter().map(|(name, _)| *name).find(|name| !crates.contains_key(*name));
    assert_eq!(unknown, None, "a crate in the list of arrows does not exist");
}

fn scripts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let files = entries.flat_map(|path| if path.is_dir() { scripts(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "js")).collect()
}

/// The dependencies of the JavaScript package, and the file that may import each of them. All other
/// sources import each other, generated files, and modules of Node. The package itself stands for
/// the entry point of the platform.
const IMPORTS: [(&str, &str); 3] = [
    ("@converge/sync", "client/index.js"),
    ("idb", "client/indexeddb/database.js"),
    ("partysocket/ws", "client/connection.js"),
];

#[test]
fn the_javascript_package_imports_nothing_else() {
    let package = root().join("host-js").canonicalize().expect("a folder");
    let (sources, generated) = (package.join("src"), package.join("dist"));
    let mut imports = 0;
    for file in scripts(&sources) {
        let text = fs::read_to_string(&file).expect("text");
        let statements = text.lines().filter(|line| !line.trim_start().starts_with(['*', '/']));
        for line in statements.filter(|line| line.contains(" from '") || line.trim_start().starts_with("import '")) {
            let module = line.split('\'').nth(1).unwrap_or_default();
            imports += 1;
            let is_listed = |(name, user): &(&str, &str)| *name == module && file == sources.join(user);
            if module.starts_with("node:") || IMPORTS.iter().any(is_listed) {
                continue;
            }
            assert!(module.starts_with('.'), "{}: {module} is another package", file.display());
            let mut target = file.parent().expect("a folder").to_owned();
            for part in module.split('/') {
                match part {
                    "." => {}
                    ".." => assert!(target.pop()),
                    name => target.push(name),
                }
            }
            let inside = target.starts_with(&sources) || target.starts_with(&generated);
            assert!(inside, "{}: {module} is outside the package's sources", file.display());
        }
    }
    assert!(imports > 30, "only {imports} imports were read");
}
