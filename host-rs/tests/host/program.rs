//! The program `converge`: what it prints, and how it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(crate) fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/rows").join(file)
}

pub(crate) fn converge<Argument: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = Argument>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_converge")).args(arguments).output().expect("the program starts")
}

fn replay(arguments: &[&str]) -> Output {
    let (history, expected) = (data("yjs.history.tsv.gz"), data("yjs.expected.tsv.gz"));
    let files = [Path::new("replay"), &history, Path::new("--expect"), &expected].map(Path::as_os_str);
    converge(files.into_iter().chain(arguments.iter().map(AsRef::as_ref)))
}

/// The exit code, and both outputs as text.
pub(crate) fn parts(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The output, without the one line that differs from run to run.
fn without_speed(output: &str) -> String {
    output.lines().filter(|line| !line.starts_with("speed")).map(|line| format!("{line}\n")).collect()
}

/// A folder of this test's own.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder for the test")
}

#[test]
fn replay_tells_what_came_out() {
    let digest = "ed38c58be6de32e9f2897db7e6062cf55ab28e382eb80328191167db0a32f274";
    for (order, batch) in [("file", "1"), ("reverse", "100"), ("shuffle:7", "1"), ("shuffle:8", "10000")] {
        let (code, stdout, stderr) = parts(&replay(&["--order", order, "--batch", batch]));
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{order}");
        let expected = format!(
            "history   yjs.history.tsv.gz\norder     {order}, {batch} a call\nevents    2247\npeers     217\n\
             waiting   0\nrows      74\ndigest    {digest}\nexpected  74 rows agree\n"
        );
        assert_eq!(without_speed(&stdout), expected);
        let speed = stdout.lines().find_map(|line| line.strip_prefix("speed     ")?.strip_suffix(" events/s"));
        assert!(speed.is_some_and(|speed| speed.parse::<u64>().is_ok()), "{stdout}");
    }
}

#[test]
fn head_shows_rows_and_progress_one_line() {
    let (code, stdout, stderr) = parts(&replay(&["--head=2", "--progress"]));
    assert_eq!(code, Some(0));
    let rows = stdout.split_once("\n\n").map(|(_, rows)| rows);
    assert_eq!(
        rows,
        Some(
            ".github/FUNDING.yml\tblob=233ab0dba9c51ac6\tby=efd03ee8\tmode=100644\tmodified=1775147674\n\
             .github/INCIDENT_RESPONSE.md\tblob=776c133a464331bf\tby=efd03ee8\tmode=100644\tmodified=1775754044\n"
        )
    );
    assert!(stderr.starts_with('\r') && stderr.ends_with("yjs.history.tsv.gz 2247/2247\n"), "{stderr:?}");
    assert_eq!(stderr.matches('\n').count(), 1);
}

#[test]
fn rows_that_differ_are_shown_and_fail() {
    let folder = folder();
    let history = folder.path().join("history.tsv");
    let expected = folder.path().join("expected.tsv");
    fs::write(&history, "C\tann\t1\t\nI\ta\tmode=1\nI\tb\tmode=1\nI\tc\tmode=1\n").expect("written");
    fs::write(&expected, "a\tmode=1\nb\tmode=2\nd\tmode=1\n").expect("written");
    let run = converge([Path::new("replay"), &history, Path::new("--expect"), &expected]);
    let (code, stdout, stderr) = parts(&run);
    assert_eq!(code, Some(1));
    assert!(stdout.contains("rows      3\n") && stdout.ends_with("expected  3 rows differ\n"), "{stdout}");
    assert_eq!(
        stderr,
        "differs  b  is mode=1, expected mode=2\ndiffers  c  is there, expected none\n\
         differs  d  is missing\n"
    );
}

#[test]
fn at_most_ten_differences_are_shown() {
    let folder = folder();
    let expected = folder.path().join("none.tsv");
    fs::write(&expected, "").expect("written");
    let history = data("yjs.history.tsv.gz");
    let (code, stdout, stderr) = parts(&converge([Path::new("replay"), &history, Path::new("--expect"), &expected]));
    assert_eq!(code, Some(1));
    assert!(stdout.ends_with("expected  74 rows differ\n"), "{stdout}");
    assert_eq!(stderr.lines().count(), 10);
}

#[test]
fn files_that_cannot_be_replayed_fail() {
    let folder = folder();
    let history = folder.path().join("history.tsv");
    let run = |history: &Path| parts(&converge([Path::new("replay"), history]));

    let (code, _, stderr) = run(&history);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("history.tsv"), "{stderr}");

    fs::write(&history, "C\tann\t1\t\nQ\n").expect("written");
    let (code, _, stderr) = run(&history);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("line 2: it begins with \"Q\""), "{stderr}");

    // Well-formed, but no history: the engine refuses the lamport time.
    fs::write(&history, "C\tann\t7\t\n").expect("written");
    let (code, _, stderr) = run(&history);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("lamport"), "{stderr}");
}

#[test]
fn wrong_calls_end_with_2() {
    let wrong: [&[&str]; 12] = [
        &[],
        &["play"],
        &["replay"],
        &["replay", "a", "b"],
        &["replay", "a", "--batch", "0"],
        &["replay", "a", "--batch"],
        &["replay", "a", "--order", "sorted"],
        &["replay", "a", "--head", "-1"],
        &["replay", "a", "--expected", "b"],
        &["component"],
        &["component", "a", "b"],
        &["--verbose"],
    ];
    for arguments in wrong {
        let (code, stdout, stderr) = parts(&converge(arguments));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(stderr.starts_with("converge: "), "{arguments:?}: {stderr}");
    }
}

#[test]
fn help_version_and_component_are_given() {
    let (code, stdout, _) = parts(&converge(["--help"]));
    assert!(code == Some(0) && stdout.contains("converge replay HISTORY"), "{stdout}");
    let (code, stdout, _) = parts(&converge(["--version"]));
    assert_eq!((code, stdout), (Some(0), format!("converge {}\n", env!("CARGO_PKG_VERSION"))));

    let folder = folder();
    let file = folder.path().join("converge.wasm");
    let (code, ..) = parts(&converge([Path::new("component"), &file]));
    assert_eq!(code, Some(0));
    assert!(fs::read(&file).expect("written") == converge::COMPONENT);
    let (code, _, stderr) = parts(&converge([Path::new("component"), folder.path()]));
    assert!(code == Some(1) && stderr.starts_with("converge: "), "{stderr}");
}
