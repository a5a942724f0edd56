//! Real editing histories and published random ones, from the folder that `CONVERGE_TRACES` names.
//!
//! The files are those of the repositories `josephg/editing-traces` and
//! `josephg/eg-walker-reference`, gzipped. Without them, the tests say so and do nothing; with
//! `CI=true`, a missing file is a failure.

use super::oracle::Event;
use super::random::on_all_processors;
use super::world::{History, Random, Replica, TestEvent};
use crate::text::Edit;
use flate2::read::GzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

/// The traces, each with the SHA-256 of its end.
const TRACES: [(&str, &str); 7] = [
    ("automerge-paper", "a489e9022976c14e46627aea174d07797edcb3fd17df42605956d4cf01bf9039"),
    ("seph-blog1", "fd42bef4fbb237f8cd748d2c1c628c51b489ea9b98992e6eb815d04a090a70ba"),
    ("rustcode", "2cde7bd1dedbcd198e3f5a66a4135f120571a4349d48d057009f311622a0894c"),
    ("sveltecomponent", "d8bb93b7cf87b4c3a0394fddc028284a093d90d5794a213d1ccb0794eb4ede8f"),
    ("json-crdt-blog-post", "6ec88c8b06c91f84f614be16552dba3d7997e1197dde149010caa706a6853314"),
    ("friendsforever", "4720ec330c91e288c00b71cab318f7a1cdde689dfc401f269c353acfd6cb03f6"),
    ("node-nodecc", "c822bf881ad1fb04d1aec80575212131fb45ec33600f84f59e829526c6d8f5f1"),
];
const CONFORMANCE: (&str, &str) = ("conformance", "18a542f186411c5fec686cecd12120e5b0d987b6edc3832b3e7356090c70ebc6");

/// Reads a file, if it is there.
fn read(name: &str) -> Option<Value> {
    let folder = std::env::var_os("CONVERGE_TRACES").map(PathBuf::from);
    let file = folder.as_ref().and_then(|folder| File::open(folder.join(format!("{name}.json.gz"))).ok());
    let Some(file) = file else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CONVERGE_TRACES={folder:?} has no {name}.json.gz");
        eprintln!(
            "left out: {name}. Set CONVERGE_TRACES to a folder with {name}.json.gz, from the repositories \
             josephg/editing-traces and josephg/eg-walker-reference on GitHub"
        );
        return None;
    };
    Some(serde_json::from_reader(GzDecoder::new(file)).unwrap())
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

fn edits(value: &Value) -> Vec<(u32, u32, String)> {
    let patches = list(value).iter().map(list);
    patches
        .map(|patch| (number(&patch[0]) as u32, number(&patch[1]) as u32, patch[2].as_str().unwrap().to_owned()))
        .collect()
}

/// Returns the history of a trace: each transaction is an event.
fn history(trace: &Value) -> History {
    let mut history = History::default();
    // The event that has the number of an operation, and the last event of each author.
    let mut by_number: BTreeMap<usize, Event> = BTreeMap::new();
    let mut last: BTreeMap<String, Event> = BTreeMap::new();
    for (event, txn) in list(&trace["txns"]).iter().enumerate() {
        let parents = list(&txn["parents"]).iter().map(number);
        if let Some(agent) = txn["agent"].as_str() {
            // The transactions of an agent need not build on each other, so each is a peer.
            let author = format!("{agent}\t{:08}", number(&txn["seqStart"]));
            let after = parents.map(|parent| by_number[&parent]).collect();
            by_number.insert(number(&txn["span"][1]) - 1, event);
            history.events.push(TestEvent { author, previous: None, after, edits: edits(&txn["ops"]) });
            continue;
        }
        let author = txn["agent"].as_u64().map_or(String::from("ann"), |agent| format!("{agent:03}"));
        let after =
            if txn["parents"].is_array() { parents.collect() } else { event.checked_sub(1).into_iter().collect() };
        let previous = last.insert(author.clone(), event);
        history.events.push(TestEvent { author, previous, after, edits: edits(&txn["patches"]) });
    }
    history
}

/// Returns the end of a history whose events arrive in this order, in groups of up to `most`.
fn replay(history: &History, order: &[Event], most: usize, random: &mut Random) -> String {
    let mut replica = Replica::new(history);
    let mut edits: Vec<Edit> = Vec::new();
    let mut left = 1 + random.below(most);
    for &event in order {
        edits.extend(replica.add(history, event));
        left -= 1;
        if left == 0 {
            replica.apply(&edits);
            edits.clear();
            left = 1 + random.below(most);
        }
    }
    replica.apply(&edits);
    replica.read()
}

#[test]
fn traces_end_as_published() {
    for (name, end) in TRACES {
        let Some(trace) = read(name) else { continue };
        let history = history(&trace);
        let order: Vec<Event> = (0..history.events.len()).collect();
        for most in [1, 1_000, usize::MAX] {
            let text = replay(&history, &order, most, &mut Random(1));
            assert_eq!(sha256(&text), end, "{name}, up to {most} events a call");
        }
    }
}

#[test]
fn concurrent_traces_end_as_published_in_any_order() {
    for (name, end) in &TRACES[5..] {
        let Some(trace) = read(name) else { continue };
        let history = history(&trace);
        on_all_processors(0..4, |seed| {
            let mut random = Random(seed);
            let order = history.shuffled(&mut random);
            let most = [1, 10, 1_000, usize::MAX][seed as usize % 4];
            assert_eq!(
                sha256(&replay(&history, &order, most, &mut random)),
                *end,
                "{name}, up to {most} events a call"
            );
        });
    }
}

#[test]
fn conformance_histories_end_as_published() {
    let (name, end) = CONFORMANCE;
    let Some(trace) = read(name) else { return };
    let histories: Vec<History> = list(&trace).iter().map(history).collect();
    assert_eq!(histories.len(), 500);
    on_all_processors(0..6, |seed| {
        let mut random = Random(seed);
        let ends = histories.iter().map(|history| {
            let order = if seed == 0 { (0..history.events.len()).collect() } else { history.shuffled(&mut random) };
            let most = 1 + random.below(20);
            replay(history, &order, most, &mut random)
        });
        let ends: Vec<String> = ends.collect();
        assert_eq!(sha256(&ends.join("\n")), end);
    });
}
