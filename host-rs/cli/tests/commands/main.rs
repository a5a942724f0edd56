//! Tests of the program `converge`, with real histories and with damaged files.

mod calls;
mod diff;
mod export;
mod inspect;
mod log;
mod merge;
mod readme;
mod stored;

use converge::{Doc, Error, EventRun, Value};
use converge_rig::history::{add_fingerprints, read_events};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Returns the path of a test file.
fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/rows").join(file)
}

/// Runs the program.
fn converge<Argument: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = Argument>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_converge")).args(arguments).output().expect("the program starts")
}

/// Returns the exit code, standard output and standard error.
fn parts(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be created")
}

/// Runs the program in a folder. Returns its exit code, standard output and standard error.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let program = Command::new(env!("CARGO_BIN_EXE_converge")).args(arguments).current_dir(folder).output();
    parts(&program.expect("the program starts"))
}

/// Runs the program, which must succeed and print no errors. Returns its standard output.
fn stdout_of(folder: &Path, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = run(folder, arguments);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}: {stdout}");
    stdout
}

/// Runs the program, which must fail and print nothing else. Returns its standard error.
fn stderr_of(folder: &Path, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = run(folder, arguments);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{arguments:?}: {stderr}");
    assert!(stderr.starts_with("converge: ") && stderr.lines().count() == 1, "{arguments:?}: {stderr}");
    stderr
}

/// Returns the events of a real history.
fn history(name: &str) -> Vec<EventRun> {
    let mut events = read_events(File::open(data(name)).expect("the file exists")).expect("the history is valid");
    add_fingerprints(&mut events).expect("the events are valid");
    events
}

/// Returns a document with these events.
fn document(events: &[EventRun]) -> Doc {
    let doc = Doc::create("test").expect("the name is valid");
    doc.merge_events(events.to_vec()).expect("the events are valid");
    doc
}

/// Returns the value of a fact in the output.
fn fact<'a>(output: &'a str, name: &str) -> &'a str {
    let begins = format!("{name:<9} ");
    // Lines of tables have more spaces.
    let fact = output.lines().find_map(|line| line.strip_prefix(&begins).filter(|fact| !fact.starts_with(' ')));
    fact.unwrap_or_else(|| panic!("no {name} in {output}"))
}

/// Returns a small document with special values, names and characters.
fn odd() -> Result<Doc, Error> {
    let doc = Doc::create("ann, \"the\" first")?;
    let cells: [(&str, Value); 8] = [
        ("blob", Value::Blob(vec![0, 255])),
        ("flag", true.into()),
        ("large", i64::MAX.into()),
        ("none", f64::NAN.into()),
        ("null", Value::Null),
        ("real", 2.0.into()),
        ("text", "a,\"b\"\r\n\u{1b}[31m".into()),
        ("vast", f64::NEG_INFINITY.into()),
    ];
    doc.insert("odd", "r\n1", cells)?;
    doc.insert("odd", "r2", [("text", ""), ("zoo", "é")])?;
    Ok(doc)
}
