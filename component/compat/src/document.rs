//! Documents. Each operation is an event. Local operations succeed if the engine accepts their
//! names and values.

use crate::contract::converge::sync::durable::{Doc, EventRun, RowOp};
use crate::contract::converge::sync::types::{Error, EventId, PeerVersion};
use crate::convert::{engine_event_ids, engine_op, event_id, event_ids, merge_ops, op, signed};
use crate::early::Early;
use crate::wit;
use std::collections::BTreeMap;

/// A document.
pub(crate) struct Document {
    doc: Doc,
    /// The event that builds on all others, with its lamport time, if known.
    last: Option<(EventId, u32)>,
    early: Early,
}

/// An event without its operation: its id, dependencies and lamport time.
type Head = (wit::EventId, Vec<wit::EventId>, i32);

/// Returns the event that reports an error.
pub(crate) fn none() -> Head {
    (wit::EventId { peer: String::new(), counter: -1 }, Vec::new(), -1)
}

/// `limits.event-dependencies`.
const MAX_DEPENDENCIES: usize = 64;

impl Document {
    pub(crate) fn create(peer: &str) -> Option<Self> {
        Some(Self { doc: Doc::create(peer).ok()?, last: None, early: Early::default() })
    }

    /// Commits an operation. Returns `None` if the engine rejects it. O(1) after another commit,
    /// otherwise O(peers).
    pub(crate) fn commit(&mut self, op: &wit::RowOp) -> Option<Head> {
        let op = engine_op(op);
        let id = match self.doc.commit(std::slice::from_ref(&op)) {
            Ok(id) => id,
            Err(Error::NoSuchRow(_)) => self.commit_unseen(op)?,
            Err(_) => return None,
        };
        let (deps, lamport) = match self.last.take() {
            Some((last, lamport)) => (vec![last], lamport + 1),
            None => self.described(&id)?,
        };
        if deps.len() < MAX_DEPENDENCIES {
            self.last = Some((id.clone(), lamport));
        }
        Some((event_id(id), event_ids(deps), signed(lamport)))
    }

    /// Commits an operation on a row that does not exist here. The row may exist in another
    /// replica, so the operation is merged like an event of another replica.
    fn commit_unseen(&self, op: RowOp) -> Option<EventId> {
        let peer = self.doc.peer();
        let own = |version: &PeerVersion| version.peer == peer;
        let start = self.doc.version().into_iter().find(own).map_or(0, |version| version.count);
        let mut deps = self.doc.heads();
        deps.truncate(MAX_DEPENDENCIES);
        let commits = vec![vec![op]];
        let run =
            EventRun { peer: peer.clone(), start, lamport: None, deps, fingerprints: Vec::new(), salt: 0, commits };
        let report = self.doc.merge_events(&[run]).ok()?;
        (report.applied == 1).then_some(EventId { peer, counter: start })
    }

    /// Returns the dependencies and the lamport time of a known event. O(peers).
    fn described(&self, id: &EventId) -> Option<(Vec<EventId>, u32)> {
        let mut before = self.doc.version();
        before.iter_mut().filter(|version| version.peer == id.peer).for_each(|version| version.count = id.counter);
        let summary = Doc::summary_of(&before).ok()?;
        let run = self.doc.events_since(&summary, 1).ok()?.runs.into_iter().next()?;
        (run.peer == id.peer && run.start == id.counter).then_some((run.deps, run.lamport?))
    }

    /// Merges all events that the engine accepts, once their dependencies are known. Returns the
    /// changes of the tables.
    pub(crate) fn merge(&mut self, runs: Vec<wit::EventRun>) -> Vec<wit::MergeOp> {
        let runs = runs.into_iter().filter_map(engine_run).collect();
        let runs = self.early.ready(runs, self.doc.version());
        let Ok(watcher) = self.doc.watch(&[], false) else { return Vec::new() };
        self.last = None;
        if self.doc.merge_events(&runs).is_err() {
            // Merge the runs one by one: the old interface cannot report those that the engine rejects.
            for run in runs {
                let _ = self.doc.merge_events(&[run]);
            }
        }
        let mut ops = Vec::new();
        loop {
            let changes = watcher.take(u32::MAX);
            ops.extend(changes.ops.into_iter().flat_map(|op| merge_ops(op, |table, row| self.doc.get(table, row))));
            if !changes.more {
                return ops;
            }
        }
    }

    /// Returns the events that are not in `known`.
    pub(crate) fn pending(&self, known: Vec<wit::PeerVersion>) -> Vec<wit::EventRun> {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for wit::PeerVersion { peer, version } in known {
            let count = u32::try_from(i64::from(version) + 1).unwrap_or(0);
            let known = counts.entry(peer).or_default();
            *known = count.max(*known);
        }
        let mut pending = Vec::new();
        loop {
            let known: Vec<PeerVersion> = (self.doc.version().into_iter())
                .filter_map(|here| {
                    Some(PeerVersion { count: here.count.min(*counts.get(&here.peer)?), peer: here.peer })
                })
                .collect();
            let batch = Doc::summary_of(&known).and_then(|summary| self.doc.events_since(&summary, u32::MAX));
            let Ok(batch) = batch else { return pending };
            for run in &batch.runs {
                counts.insert(run.peer.clone(), run.start + run.commits.len() as u32);
            }
            pending.extend(batch.runs.into_iter().map(run));
            if !batch.more {
                return pending;
            }
        }
    }

    /// Returns the events that no other one depends on, and the last counter of each peer.
    pub(crate) fn state(&self) -> wit::SyncState {
        let version = |PeerVersion { peer, count }| wit::PeerVersion { peer, version: signed(count) - 1 };
        wit::SyncState {
            frontier: event_ids(self.doc.heads()),
            versions: self.doc.version().into_iter().map(version).collect(),
        }
    }
}

fn run(run: EventRun) -> wit::EventRun {
    wit::EventRun {
        peer: run.peer,
        counter_start: signed(run.start),
        // `events-since` always returns it.
        lamport_start: signed(run.lamport.unwrap_or_default()),
        deps: event_ids(run.deps),
        ops: run.commits.into_iter().flatten().map(op).collect(),
    }
}

/// Converts a run. Returns `None` if a counter is negative. In the old interface, dependencies have
/// any order, and lamport times follow another rule: the engine derives them instead.
fn engine_run(run: wit::EventRun) -> Option<EventRun> {
    let mut deps = engine_event_ids(run.deps)?;
    deps.sort_by(|a, b| (&a.peer, b.counter).cmp(&(&b.peer, a.counter)));
    deps.dedup_by(|later, earlier| later.peer == earlier.peer);
    Some(EventRun {
        peer: run.peer,
        start: u32::try_from(run.counter_start).ok()?,
        lamport: None,
        deps,
        fingerprints: Vec::new(),
        salt: 0,
        commits: run.ops.iter().map(|op| vec![engine_op(op)]).collect(),
    })
}
