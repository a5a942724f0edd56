//! Reads the published histories from the folder that `CONVERGE_TRACES` names.
//!
//! The files are those of the repositories `josephg/editing-traces` and
//! `josephg/eg-walker-reference`, gzipped. Without them, the tests say so and do nothing; with
//! `CI=true`, a missing file is a failure.

use crate::seeds::Random;
use converge_engine::{Commit, Doc, EventId, EventRun, PeerVersion, RowOp, Value};
use flate2::read::GzDecoder;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
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

/// The table, the row and the column of the text.
pub(crate) const CELL: (&str, &str, &str) = ("texts", "text", "body");

/// An event, by its index in the history.
pub(crate) type Index = usize;

/// An event of a history.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: EventId,
    /// The author's event before it.
    pub(crate) previous: Option<Index>,
    /// The events that it directly builds on.
    pub(crate) after: Vec<Index>,
    pub(crate) commit: Commit,
}

/// The events of a text, each after those that it builds on. The first one inserts the row.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) name: String,
    pub(crate) events: Vec<Event>,
    /// The fingerprints of the events, if they were computed.
    pub(crate) prints: Vec<u64>,
}

/// Reads a file, if it is there.
fn read(name: &str) -> Option<Json> {
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
    Some(serde_json::from_reader(GzDecoder::new(file)).expect("gzipped JSON"))
}

/// Returns the traces that are there, each with the SHA-256 of its end.
pub(crate) fn traces() -> impl Iterator<Item = (History, &'static str)> {
    TRACES.into_iter().filter_map(|(name, end)| Some((history(name, &read(name)?), end)))
}

/// Returns the traces of several authors, each with the SHA-256 of its end.
pub(crate) fn concurrent_traces() -> impl Iterator<Item = (History, &'static str)> {
    TRACES[5..].iter().filter_map(|(name, end)| Some((history(name, &read(name)?), *end)))
}

/// Returns the 500 conformance histories, and the SHA-256 of their ends.
pub(crate) fn conformance() -> Option<(Vec<History>, &'static str)> {
    let (name, end) = CONFORMANCE;
    let all = read(name)?;
    let histories = (0..).zip(list(&all)).map(|(number, trace)| history(&format!("conformance {number}"), trace));
    Some((histories.collect(), end))
}

pub(crate) fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn list(value: &Json) -> &[Json] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Json) -> usize {
    value.as_u64().expect("a number") as usize
}

fn commit(patches: &Json) -> Commit {
    let (table, row, column) = CELL;
    let splice = |patch: &Json| RowOp::Splice {
        table: table.into(),
        row: row.into(),
        column: column.into(),
        at: number(&patch[0]) as u32,
        remove: number(&patch[1]) as u32,
        insert: patch[2].as_str().expect("a text").into(),
    };
    list(patches).iter().map(splice).collect()
}

/// Returns the history of a trace: each transaction is an event.
fn history(name: &str, trace: &Json) -> History {
    let (table, row, _) = CELL;
    let insert = RowOp::Insert { table: table.into(), row: row.into(), cells: Vec::new() };
    let setup = EventId { peer: "setup".into(), counter: 0 };
    let mut events = vec![Event { id: setup, previous: None, after: Vec::new(), commit: vec![insert] }];
    // The event that has the number of an operation, and the last event of each author.
    let mut by_number: BTreeMap<usize, Index> = BTreeMap::new();
    let mut last: BTreeMap<String, Index> = BTreeMap::new();
    for (number_of_txn, txn) in list(&trace["txns"]).iter().enumerate() {
        let parents = list(&txn["parents"]).iter().map(number);
        let this = events.len();
        let (peer, mut after, patches) = if let Some(agent) = txn["agent"].as_str() {
            // The transactions of an agent need not build on each other, so each is a peer.
            let after: Vec<Index> = parents.map(|parent| by_number[&parent]).collect();
            by_number.insert(number(&txn["span"][1]) - 1, this);
            (format!("{agent}\t{:08}", number(&txn["seqStart"])), after, &txn["ops"])
        } else {
            let peer = txn["agent"].as_u64().map_or(String::from("ann"), |agent| format!("{agent:03}"));
            let after = if txn["parents"].is_array() {
                parents.map(|parent| parent + 1).collect()
            } else {
                vec![number_of_txn]
            };
            (peer, after, &txn["patches"])
        };
        if after.is_empty() {
            after.push(0);
        }
        let previous = last.insert(peer.clone(), this);
        let counter = previous.map_or(0, |previous| events[previous].id.counter + 1);
        after.sort_by(|one, other| events[*one].id.cmp(&events[*other].id));
        events.push(Event { id: EventId { peer, counter }, previous, after, commit: commit(patches) });
    }
    History { name: name.to_owned(), events, prints: Vec::new() }
}

impl History {
    /// Returns an event as a run, with the fingerprints of its dependencies if they were computed.
    pub(crate) fn run(&self, event: Index) -> EventRun {
        let Event { id, previous, after, commit } = &self.events[event];
        let links = previous.iter().chain(after);
        let fingerprints: Option<Vec<u64>> = links.map(|&link| self.prints.get(link).copied()).collect();
        EventRun {
            peer: id.peer.clone(),
            start: id.counter,
            lamport: None,
            deps: after.iter().map(|&before| self.events[before].id.clone()).collect(),
            fingerprints: fingerprints.unwrap_or_default(),
            salt: 0,
            commits: vec![commit.clone()],
        }
    }

    /// Returns a random order in which the events can arrive without waiting.
    pub(crate) fn shuffled(&self, random: &mut Random) -> Vec<Index> {
        let mut waits = vec![0; self.events.len()];
        let mut followers: Vec<Vec<Index>> = vec![Vec::new(); self.events.len()];
        for (index, event) in self.events.iter().enumerate() {
            for &before in event.after.iter().chain(&event.previous) {
                waits[index] += 1;
                followers[before].push(index);
            }
        }
        let mut ready: Vec<Index> = (0..waits.len()).filter(|&event| waits[event] == 0).collect();
        // Some orders mix branches, others finish one first.
        let jumps = random.below(4);
        let mut order = Vec::new();
        while !ready.is_empty() {
            let at = if random.below(4) < jumps { random.below(ready.len()) } else { ready.len() - 1 };
            let event = ready.swap_remove(at);
            order.push(event);
            for &follower in &followers[event] {
                waits[follower] -= 1;
                if waits[follower] == 0 {
                    ready.push(follower);
                }
            }
        }
        order
    }

    /// Returns those of these events that no other one of them builds on.
    pub(crate) fn heads(&self, events: &[Index]) -> Vec<EventId> {
        let built_on: BTreeSet<Index> = events.iter().flat_map(|&event| self.events[event].after.clone()).collect();
        let heads = events.iter().filter(|event| !built_on.contains(event));
        let mut heads: Vec<EventId> = heads.map(|&event| self.events[event].id.clone()).collect();
        heads.sort();
        heads
    }

    /// Returns for each event the last event at or before it on which all later events build, with
    /// all events before.
    pub(crate) fn criticals(&self) -> Vec<Index> {
        let mut min_later = vec![self.events.len(); self.events.len()];
        for index in (1..self.events.len()).rev() {
            let least = self.events[index].after.iter().copied().min().unwrap_or(0);
            min_later[index - 1] = min_later[index].min(least);
        }
        let mut heads: BTreeSet<Index> = BTreeSet::new();
        let mut critical = 0;
        (0..)
            .zip(&self.events)
            .map(|(index, event)| {
                event.after.iter().for_each(|before| {
                    heads.remove(before);
                });
                heads.insert(index);
                if heads.len() == 1 && min_later[index] >= index {
                    critical = index;
                }
                critical
            })
            .collect()
    }

    /// Returns the summary of a replica that has the events up to this one.
    pub(crate) fn summary_up_to(&self, last: Index) -> Vec<u8> {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        self.events[..=last].iter().for_each(|event| *counts.entry(&event.id.peer).or_default() += 1);
        let version = counts.into_iter().map(|(peer, count)| PeerVersion { peer: peer.to_owned(), count });
        Doc::summary_of(&version.collect::<Vec<_>>()).expect("each peer once")
    }

    /// Computes the fingerprints of all events, by a document that has them.
    pub(crate) fn with_prints(mut self, doc: &Doc) -> Self {
        let print = |event: &Event| {
            let id = doc.permanent_id(&event.id).expect("a known event");
            let digits = id.peer.rsplit('~').next().expect("a permanent name");
            u64::from_str_radix(digits, 16).expect("a fingerprint")
        };
        self.prints = self.events.iter().map(print).collect();
        self
    }
}

/// Returns the text of a document; an empty one if there is none yet.
pub(crate) fn text(doc: &Doc) -> String {
    let (table, row, column) = CELL;
    let cell = doc.get(table, row).and_then(|cells| cells.into_iter().find(|cell| cell.column == column));
    text_of(cell.map(|cell| cell.value))
}

pub(crate) fn text_of(value: Option<Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::Text(text)) => text,
        Some(other) => panic!("{other:?} is not a text"),
    }
}
