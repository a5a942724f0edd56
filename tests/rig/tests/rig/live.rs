//! `converge-rig live`: replicas over sockets, and invalid arguments.

use super::{data, parts, rig};
use std::collections::BTreeSet;

#[test]
fn all_replicas_end_with_the_same_digest() {
    let history = data("automerge.history.tsv.gz");
    let arguments = ["live", history.to_str().unwrap(), "--replicas", "0..8", "--of", "8"];
    let (code, stdout, stderr) = parts(&rig(arguments));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let lines: Vec<Vec<&str>> = stdout.lines().map(|line| line.split('\t').collect()).collect();
    let done: Vec<&Vec<&str>> = lines.iter().filter(|line| line[0] == "done").collect();
    let (names, events, digests): (BTreeSet<&str>, BTreeSet<&str>, BTreeSet<&str>) = (
        done.iter().map(|line| line[1]).collect(),
        done.iter().map(|line| line[2]).collect(),
        done.iter().map(|line| line[4]).collect(),
    );
    assert_eq!((done.len(), names.len(), events.len(), digests.len()), (8, 8, 1, 1), "{stdout}");
    // In addition to the 1,655 commits, there are events that join heads.
    assert!(events.first().unwrap().parse::<u32>().unwrap() >= 1_655);
    assert!(lines.iter().any(|line| line[0] == "status" && line[4] == "offline"), "replicas must be offline at times");
    assert!(lines.iter().any(|line| line[0] == "status" && line[5] == "8"), "a replica must see all cursors");
}

#[test]
fn invalid_arguments_are_reported() {
    for (arguments, message) in [
        ("live", "HISTORY is missing"),
        ("live h --of 2", "--replicas is missing"),
        ("live h --replicas 0..2", "--of is missing"),
        ("live h --replicas 0..2 --of 1", "--of must be 2 to 64"),
        ("live h --replicas 0..3 --of 2", "--of must be 2 to 64"),
        ("live h --replicas 1..2 --of 2", "--hub is required if"),
        ("live h --replicas 0..2 --of 2 --hub 9", "--hub is required if"),
        ("live h --replicas x --of 2", "invalid value \"x\""),
    ] {
        let (code, _, stderr) = parts(&rig(arguments.split(' ')));
        assert_eq!(code, Some(2), "{arguments}");
        assert!(stderr.contains(message), "{arguments}: {stderr}");
    }
    let (code, _, stderr) = parts(&rig(["live", "no-such-file", "--replicas", "0..2", "--of", "2"]));
    assert!(code == Some(1) && stderr.contains("no-such-file"), "{stderr}");
}
