//! What `converge-pack` accepts and rejects.

use std::fs;
use std::path::{Path, PathBuf};

const WORLD: Option<&str> = Some("converge");

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Copies the contract and replaces one text in `file`.
fn altered_contract(file: &str, from: &str, to: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(workspace().join("wit")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let file = folder.path().join(file);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "the contract must contain {from:?}");
    fs::write(&file, text.replacen(from, to, 1)).unwrap();
    folder
}

#[test]
fn the_component_exports_exactly_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new").join("converge.wasm");
    let bytes = converge_pack::pack(&workspace(), &file).unwrap();
    let component = fs::read(&file).unwrap();
    assert_eq!(component.len(), bytes);
    let files = fs::read_dir(file.parent().unwrap()).unwrap().count();
    assert_eq!(files, 1, "temporary files must be removed");

    converge_pack::check(&component, &workspace().join("wit"), WORLD).unwrap();
    for (file, from, to) in [
        ("durable.wit", "digest: func() -> list<u8>", "digest: func() -> list<u16>"),
        ("durable.wit", "@since(version = 0.2.0)\n        peer: func() -> string;", ""),
        ("durable.wit", "counter of the first event.\n        start: u32", "x\n        begin: u32"),
        ("types.wit", "other(string),", "other(string),\n        more(u32),"),
        ("engine.wit", "version: func() -> string;", "version: func() -> string;\n    name: func() -> string;"),
        ("world.wit", "@since(version = 0.2.0)\n    export engine;", ""),
    ] {
        let contract = altered_contract(file, from, to);
        let error = converge_pack::check(&component, contract.path(), WORLD).unwrap_err().to_string();
        assert!(error.contains("the component differs from"), "{file}, {to:?}: {error}");
    }
    for (from, to) in [
        ("/// A named value of a row.", "/// Another comment."),
        ("@since(version = 0.2.0)\n    record cell", "record cell"),
    ] {
        let contract = altered_contract("types.wit", from, to);
        converge_pack::check(&component, contract.path(), WORLD).unwrap();
    }
}

#[test]
fn a_component_with_an_import_is_rejected() {
    // (component (import "clock" (func)))
    let component = b"\0asm\x0d\0\x01\0\x07\x05\x01\x40\0\x01\0\x0a\x0a\x01\0\x05clock\x01\0";
    let error = converge_pack::check(component, &workspace().join("wit"), WORLD).unwrap_err().to_string();
    assert_eq!(error, "the component imports clock; it must import nothing");
}

#[test]
fn bytes_that_are_not_a_component_are_rejected() {
    for bytes in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0", b"text"] {
        assert!(converge_pack::check(bytes, &workspace().join("wit"), WORLD).is_err(), "{bytes:?}");
    }
}

#[test]
fn a_missing_workspace_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("converge.wasm");
    fs::write(&file, "as before").unwrap();
    converge_pack::pack(&folder.path().join("missing"), &file).unwrap_err();
    assert_eq!(fs::read_to_string(&file).unwrap(), "as before");
}
