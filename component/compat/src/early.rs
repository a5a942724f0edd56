//! Runs that arrived before their dependencies. In the old interface only names identify events,
//! and the engine keeps an event waiting only if fingerprints identify its dependencies.

use crate::contract::converge::sync::durable::{Cell, EventRun, RowOp};
use crate::contract::converge::sync::types::{EventId, PeerVersion, Value};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

/// The maximum number of events that wait in a document. Further events are dropped.
const MAX_EARLY_EVENTS: usize = 100_000;
/// The maximum size of the waiting events, counted as for `commit-bytes`, plus 64 bytes for each
/// event and dependency.
const MAX_EARLY_BYTES: usize = 64 << 20;

/// The size of an event, a dependency or an operation without its names and values.
const ITEM_BYTES: usize = 64;

/// The peer, the first counter and the number of events of a run.
type RunKey = (String, u32, usize);

/// Runs that wait for missing events.
#[derive(Default)]
pub(crate) struct Early {
    /// By the missing event that they wait for.
    runs: BTreeMap<(String, u32), BTreeMap<RunKey, EventRun>>,
    events: usize,
    bytes: usize,
}

impl Early {
    /// Returns the new and waiting runs whose dependencies are all in `version` or returned, each
    /// after its dependencies, and keeps the others. O(peers), and O(log n) for each dependency of
    /// a new or returned run.
    pub(crate) fn ready(&mut self, new: Vec<EventRun>, version: Vec<PeerVersion>) -> Vec<EventRun> {
        let mut counts: BTreeMap<String, u32> =
            version.into_iter().map(|PeerVersion { peer, count }| (peer, count)).collect();
        let mut candidates: VecDeque<EventRun> =
            counts.iter().flat_map(|(peer, count)| self.take_waiting(peer, *count)).collect();
        candidates.extend(new);
        let mut ready = Vec::new();
        while let Some(run) = candidates.pop_front() {
            if let Some(EventId { peer, counter }) = missing(&run, &counts) {
                self.keep((peer, counter), run);
                continue;
            }
            let end = run.start.saturating_add(run.commits.len() as u32);
            let count = counts.entry(run.peer.clone()).or_default();
            *count = end.max(*count);
            candidates.extend(self.take_waiting(&run.peer, end));
            ready.push(run);
        }
        ready
    }

    /// Removes and returns the runs that wait for the first `count` events of a peer.
    fn take_waiting(&mut self, peer: &str, count: u32) -> Vec<EventRun> {
        let mut taken = Vec::new();
        while let Some((key, _)) = self.runs.range((peer.to_owned(), 0)..(peer.to_owned(), count)).next() {
            let key = key.clone();
            taken.extend(self.runs.remove(&key).into_iter().flat_map(BTreeMap::into_values));
        }
        for run in &taken {
            self.events -= run.commits.len();
            self.bytes -= bytes_of(run);
        }
        taken
    }

    fn keep(&mut self, missing: (String, u32), run: EventRun) {
        let (events, bytes) = (self.events + run.commits.len(), self.bytes.saturating_add(bytes_of(&run)));
        if events > MAX_EARLY_EVENTS || bytes > MAX_EARLY_BYTES {
            return;
        }
        let key = (run.peer.clone(), run.start, run.commits.len());
        if let Entry::Vacant(place) = self.runs.entry(missing).or_default().entry(key) {
            place.insert(run);
            (self.events, self.bytes) = (events, bytes);
        }
    }
}

/// Returns a dependency of a run that is not in `counts`.
fn missing(run: &EventRun, counts: &BTreeMap<String, u32>) -> Option<EventId> {
    let is_known = |id: &EventId| counts.get(&id.peer).is_some_and(|count| id.counter < *count);
    let name = |counter| EventId { peer: run.peer.clone(), counter };
    if is_known(&name(run.start)) {
        return None;
    }
    let previous = run.start.checked_sub(1).map(name);
    previous.into_iter().chain(run.deps.iter().cloned()).find(|id| !is_known(id))
}

fn bytes_of(run: &EventRun) -> usize {
    let deps: usize = run.deps.iter().map(|dep| ITEM_BYTES + dep.peer.len()).sum();
    let ops = run.commits.iter().flatten();
    run.peer.len() + deps + ITEM_BYTES * run.commits.len() + ops.map(|op| ITEM_BYTES + bytes_of_op(op)).sum::<usize>()
}

fn bytes_of_op(op: &RowOp) -> usize {
    let cells = |cells: &[Cell]| cells.iter().map(|cell| cell.column.len() + bytes_of_value(&cell.value)).sum();
    let (table, row, content): (&str, &str, usize) = match op {
        RowOp::Insert(op) => (&op.table, &op.row, cells(&op.cells)),
        RowOp::Update(op) => (&op.table, &op.row, cells(&op.cells)),
        RowOp::Delete(op) => (&op.table, &op.row, 0),
        RowOp::Unset(op) => (&op.table, &op.row, op.columns.iter().map(String::len).sum()),
        RowOp::Splice(op) => (&op.table, &op.row, op.column.len() + op.insert.len()),
        RowOp::Add(op) => (&op.table, &op.row, op.column.len()),
    };
    table.len() + row.len() + content
}

fn bytes_of_value(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        _ => size_of::<u64>(),
    }
}
