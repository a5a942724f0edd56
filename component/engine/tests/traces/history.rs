//! The published histories as events of a document.

use crate::seeds::Random;
use converge_engine::{Commit, Doc, EventId, EventRun, PeerVersion, RowOp, Value};
use converge_traces::{Patch, Trace};
use std::collections::{BTreeMap, BTreeSet};

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

/// Returns the traces that are there, each with the SHA-256 of its end.
pub(crate) fn traces() -> impl Iterator<Item = (History, &'static str)> {
    converge_traces::all().map(|(trace, end)| (history(&trace), end))
}

/// Returns the traces of several authors, each with the SHA-256 of its end.
pub(crate) fn concurrent_traces() -> impl Iterator<Item = (History, &'static str)> {
    converge_traces::concurrent().map(|(trace, end)| (history(&trace), end))
}

/// Returns the 500 conformance histories, and the SHA-256 of their ends.
pub(crate) fn conformance() -> Option<(Vec<History>, &'static str)> {
    let (traces, end) = converge_traces::conformance()?;
    Some((traces.iter().map(history).collect(), end))
}

fn commit(patches: &[Patch]) -> Commit {
    let (table, row, column) = CELL;
    let splice = |Patch { at, remove, insert }: &Patch| RowOp::Splice {
        table: table.into(),
        row: row.into(),
        column: column.into(),
        at: *at,
        remove: *remove,
        insert: insert.clone(),
    };
    patches.iter().map(splice).collect()
}

/// Returns the history of a trace, after an event that inserts the row.
fn history(trace: &Trace) -> History {
    let (table, row, _) = CELL;
    let insert = RowOp::Insert { table: table.into(), row: row.into(), cells: Vec::new() };
    let setup = EventId { peer: "setup".into(), counter: 0 };
    let mut events = vec![Event { id: setup, previous: None, after: Vec::new(), commit: vec![insert] }];
    for event in &trace.events {
        let previous = event.previous.map(|previous| previous + 1);
        let counter = previous.map_or(0, |previous| events[previous].id.counter + 1);
        let mut after: Vec<Index> = event.after.iter().map(|before| before + 1).collect();
        if after.is_empty() {
            after.push(0);
        }
        after.sort_by(|one, other| events[*one].id.cmp(&events[*other].id));
        let id = EventId { peer: event.peer.clone(), counter };
        events.push(Event { id, previous, after, commit: commit(&event.patches) });
    }
    History { name: trace.name.clone(), events, prints: Vec::new() }
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
