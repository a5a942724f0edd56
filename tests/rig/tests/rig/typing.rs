//! `converge-rig type`: two processes type a session.

use super::{folder, parts, rig};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// The number of keystrokes of each person, and how many of them they type before they see what the
/// other one typed meanwhile.
const COUNT: usize = 600;
const ALONE: usize = 60;

/// Returns a session. The first person types a line feed, and then everything before it. The second
/// person types behind it. Both see what the other one typed only after every `ALONE` keystrokes.
fn session() -> Value {
    let mut txns = vec![json!({ "agent": 0, "parents": [], "patches": [[0, 0, "\n"]] })];
    // The last event of each person.
    let mut last = [0, 0];
    for start in (0..COUNT).step_by(ALONE) {
        let seen = last;
        for number in start..start + ALONE {
            for (agent, at, letter) in [(0, number, "a"), (1, start + 1 + number, "é")] {
                let mut parents: Vec<usize> = if number == start { seen.to_vec() } else { vec![last[agent]] };
                parents.dedup();
                last[agent] = txns.len();
                txns.push(json!({ "agent": agent, "parents": parents, "patches": [[at, 0, letter]] }));
            }
        }
    }
    let end = format!("{}\n{}", "a".repeat(COUNT), "é".repeat(COUNT));
    json!({ "kind": "concurrent", "numAgents": 2, "endContent": end, "txns": txns })
}

/// Writes a session in the form of the published files.
fn write(file: &Path, session: &Value) {
    let encoder = GzEncoder::new(File::create(file).expect("created"), Compression::fast());
    serde_json::to_writer(encoder, session).expect("written");
}

/// Runs both persons. Returns the reports of each: the kind of each line, and its JSON.
fn type_both(trace: &Path) -> [Vec<(String, Value)>; 2] {
    let command = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_converge-rig"));
        command.arg("type").arg(trace).args(arguments).stdout(Stdio::piped());
        command
    };
    let mut first = command(&["--peer", "000"]).spawn().expect("the program starts");
    let mut lines = BufReader::new(first.stdout.take().expect("a pipe")).lines().map(|line| line.expect("UTF-8"));
    let port = lines.next().expect("a line").strip_prefix("port\t").expect("a port").to_owned();
    let second = command(&["--peer", "001", "--hub", &port]).spawn().expect("the program starts");
    let first_lines: Vec<String> = lines.collect();
    assert!(first.wait().expect("the program ends").success());
    let (code, second_lines, _) = parts(&second.wait_with_output().expect("the program ends"));
    assert_eq!(code, Some(0));
    let report = |peer: &str, line: &str| {
        let [kind, author, report] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!(author, peer);
        (kind.to_owned(), serde_json::from_str(report).expect("JSON"))
    };
    [
        first_lines.iter().map(|line| report("000", line)).collect(),
        second_lines.lines().map(|line| report("001", line)).collect(),
    ]
}

#[test]
fn both_persons_end_with_the_text_of_the_session() {
    let folder = folder();
    let file = folder.path().join("session.json.gz");
    let session = session();
    write(&file, &session);
    let reports = type_both(&file);
    let ends = reports.each_ref().map(|reports| {
        let (kind, end) = reports.last().expect("a report");
        assert_eq!(kind, "done");
        assert_eq!(end["text"], session["endContent"]);
        end
    });
    assert_eq!(ends[0]["digest"], ends[1]["digest"]);
    for (end, [typed, merged]) in ends.iter().zip([[COUNT + 1, COUNT], [COUNT, COUNT + 1]]) {
        assert_eq!((&end["typed"], &end["merged"]), (&json!(typed), &json!(merged)));
        assert!(end["periods"].as_u64() > Some(0), "offline at times: {end}");
    }
    let offline: u64 = ends.iter().filter_map(|end| end["offline"].as_u64()).sum();
    assert!(offline > 0 && offline < 2 * COUNT as u64, "{offline} keystrokes were typed offline");
    // At the end, each person sees its own cursor; the second one types far behind the first one.
    for (reports, peer) in reports.iter().zip(["000", "001"]) {
        let (_, screen) = &reports[reports.len() - 2];
        assert_eq!(screen["activity"], "done");
        assert!(screen["cursors"][peer].is_u64(), "{screen}");
    }
}

#[test]
fn friendsforever_ends_with_the_published_text() {
    let Some((trace, sha256)) = converge_traces::concurrent().find(|(trace, _)| trace.name == "friendsforever") else {
        return;
    };
    let folder = std::env::var_os("CONVERGE_TRACES").expect("the folder of the file");
    let file = Path::new(&folder).join("friendsforever.json.gz");
    for reports in type_both(&file) {
        let (_, end) = reports.last().expect("a report");
        let keystrokes = [&end["typed"], &end["merged"]].map(|count| count.as_u64().expect("a number"));
        assert_eq!(keystrokes.iter().sum::<u64>(), trace.events.len() as u64);
        assert_eq!(converge_traces::sha256(end["text"].as_str().expect("a text")), sha256);
    }
}

#[test]
fn invalid_arguments_and_files_are_reported() {
    for (arguments, message) in [
        ("type", "TRACE is missing"),
        ("type t", "--peer is missing"),
        ("type t --peer 000 --hub x", "\"x\""),
        ("type t --peer 000 --pause -1", "\"-1\""),
        ("type t u --peer 000", "unexpected argument \"u\""),
    ] {
        let (code, _, stderr) = parts(&rig(arguments.split(' ')));
        assert_eq!(code, Some(2), "{arguments}");
        assert!(stderr.contains(message), "{arguments}: {stderr}");
    }
    let folder = folder();
    let file = folder.path().join("session.json.gz");
    let event = |agent: u32, parents: &[usize]| json!({ "agent": agent, "parents": parents, "patches": [] });
    for (txns, message) in [
        (vec![event(0, &[])], "\"000\" is not one of two peers"),
        (vec![event(1, &[]), event(2, &[])], "\"000\" is not one of two peers"),
        (vec![event(0, &[]), event(1, &[]), event(2, &[])], "\"000\" is not one of two peers"),
        (vec![event(0, &[]), event(1, &[]), event(0, &[1])], "event 1 of 000 does not build on the one before it"),
    ] {
        write(&file, &json!({ "endContent": "", "txns": txns }));
        let (code, _, stderr) = parts(&rig(["type", file.to_str().expect("UTF-8"), "--peer", "000"]));
        assert!(code == Some(1) && stderr.contains(message), "{stderr}");
    }
    let (code, _, stderr) = parts(&rig(["type", "no-such-file", "--peer", "000"]));
    assert!(code == Some(1) && stderr.contains("no-such-file"), "{stderr}");
}
