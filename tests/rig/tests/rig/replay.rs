//! `converge-rig replay`: its output and exit codes.

use super::{data, folder, parts, rig};
use converge::Doc;
use converge_rig::history::{add_fingerprints, read_events};
use std::fs::{self, File};
use std::path::Path;
use std::process::Output;

fn replay(arguments: &[&str]) -> Output {
    let (history, expected) = (data("yjs.history.tsv.gz"), data("yjs.expected.tsv.gz"));
    let files = [Path::new("replay"), &history, Path::new("--expect"), &expected].map(Path::as_os_str);
    rig(files.into_iter().chain(arguments.iter().map(AsRef::as_ref)))
}

/// Removes the line that differs from run to run.
fn without_speed(output: &str) -> String {
    output.lines().filter(|line| !line.starts_with("speed")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn replay_prints_the_result() {
    let digest = "ed38c58be6de32e9f2897db7e6062cf55ab28e382eb80328191167db0a32f274";
    for (order, batch) in [("file", "1"), ("reverse", "100"), ("shuffle:7", "1"), ("shuffle:8", "10000")] {
        let (code, stdout, stderr) = parts(&replay(&["--order", order, "--batch", batch]));
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{order}");
        let expected = format!(
            "history   yjs.history.tsv.gz\norder     {order}, {batch} per call\nevents    2247\npeers     217\n\
             waiting   0\nrows      74\ndigest    {digest}\nexpected  74 rows agree\n"
        );
        assert_eq!(without_speed(&stdout), expected);
        let speed = stdout.lines().find_map(|line| line.strip_prefix("speed     ")?.strip_suffix(" events/s"));
        assert!(speed.is_some_and(|speed| speed.parse::<u64>().is_ok()), "{stdout}");
    }
}

#[test]
fn head_prints_rows_and_progress_prints_one_line() {
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
fn differing_rows_are_printed_and_fail() {
    let folder = folder();
    let history = folder.path().join("history.tsv");
    let expected = folder.path().join("expected.tsv");
    fs::write(&history, "C\tann\t1\t\nI\ta\tmode=1\nI\tb\tmode=1\nI\tc\tmode=1\n").expect("written");
    fs::write(&expected, "a\tmode=1\nb\tmode=2\nd\tmode=1\n").expect("written");
    let run = rig([Path::new("replay"), &history, Path::new("--expect"), &expected]);
    let (code, stdout, stderr) = parts(&run);
    assert_eq!(code, Some(1));
    assert!(stdout.contains("rows      3\n") && stdout.ends_with("expected  3 rows differ\n"), "{stdout}");
    assert_eq!(
        stderr,
        "differs  b  is mode=1, expected mode=2\ndiffers  c  exists, expected none\n\
         differs  d  is missing\n"
    );
}

#[test]
fn at_most_ten_differences_are_printed() {
    let folder = folder();
    let expected = folder.path().join("none.tsv");
    fs::write(&expected, "").expect("written");
    let history = data("yjs.history.tsv.gz");
    let (code, stdout, stderr) = parts(&rig([Path::new("replay"), &history, Path::new("--expect"), &expected]));
    assert_eq!(code, Some(1));
    assert!(stdout.ends_with("expected  74 rows differ\n"), "{stdout}");
    assert_eq!(stderr.lines().count(), 10);
}

#[test]
fn files_that_cannot_be_replayed_fail() {
    let folder = folder();
    let history = folder.path().join("history.tsv");
    let run = |history: &Path| parts(&rig([Path::new("replay"), history]));

    let (code, _, stderr) = run(&history);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("history.tsv"), "{stderr}");

    fs::write(&history, "C\tann\t1\t\nQ\n").expect("written");
    let (code, _, stderr) = run(&history);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("line 2: the line starts with \"Q\""), "{stderr}");

    // A well-formed file, but the engine rejects the lamport time.
    fs::write(&history, "C\tann\t7\t\n").expect("written");
    let (code, _, stderr) = run(&history);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("lamport"), "{stderr}");
}

#[test]
fn invalid_arguments_exit_with_2() {
    let wrong: [&[&str]; 11] = [
        &[],
        &["play"],
        &["replay"],
        &["replay", "a", "b"],
        &["replay", "a", "--batch", "0"],
        &["replay", "a", "--batch"],
        &["replay", "a", "--order", "sorted"],
        &["replay", "a", "--head", "-1"],
        &["replay", "a", "--expected", "b"],
        &["replay", "a", "--save"],
        &["--verbose"],
    ];
    for arguments in wrong {
        let (code, stdout, stderr) = parts(&rig(arguments));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(stderr.starts_with("converge-rig: "), "{arguments:?}: {stderr}");
    }
}

#[test]
fn every_command_has_help() {
    let (_, all, _) = parts(&rig(["--help"]));
    for command in ["replay", "live", "type", "simulate"] {
        let usage = format!("  converge-rig {command} ");
        assert!(all.contains(&usage), "{all}");
        let (code, stdout, stderr) = parts(&rig([command, "--help"]));
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert!(stdout.contains(&usage) && stdout != all, "{stdout}");
    }
}

#[test]
fn the_saved_document_equals_that_of_the_library() {
    let folder = folder();
    let history = data("yjs.history.tsv.gz");
    let saved = |arguments: &[&str]| {
        let file = folder.path().join("saved");
        let files = [Path::new("replay"), &history, Path::new("--save"), &file].map(Path::as_os_str);
        let (code, ..) = parts(&rig(files.into_iter().chain(arguments.iter().map(AsRef::as_ref))));
        assert_eq!(code, Some(0));
        fs::read(file).expect("written")
    };
    let mut events = read_events(File::open(&history).expect("the file exists")).expect("a history");
    add_fingerprints(&mut events).expect("valid events");
    let doc = Doc::create("test").expect("a valid name");
    doc.merge_events(events).expect("valid events");
    // The bytes do not depend on the order of arrival.
    let expected = doc.save().expect("saved");
    assert!(saved(&["--batch", "100"]) == expected);
    assert!(saved(&["--order", "shuffle:3"]) == expected);
}
