//! Documents: an operation is an event, local ones always succeed where names and values are such as the engine takes.

use crate::contract::converge::sync::durable::{Doc, EventRun, RowOp};
use crate::contract::converge::sync::types::{Error, EventId, PeerVersion};
use crate::convert::{engine_event_ids, engine_op, event_id, event_ids, merge_ops, op, signed};
use crate::wit;
use std::collections::BTreeMap;

/// A document.
pub(crate) struct Document {
    doc: Doc,
    /// The event that all others are below of, with its lamport time, where that is known.
    last: Option<(EventId, u32)>,
}

/// An event without its operation: its name, what it depends on, its lamport time.
type Head = (wit::EventId, Vec<wit::EventId>, i32);

/// What stands for an event that is none.
pub(crate) fn none() -> Head {
    (wit::EventId { peer: String::new(), counter: -1 }, Vec::new(), -1)
}

/// `limits.event-dependencies`.
const MOST_DEPENDENCIES: usize = 64;

impl Document {
    pub(crate) fn create(peer: &str) -> Option<Self> {
        Some(Self { doc: Doc::create(peer).ok()?, last: None })
    }

    /// Commits an operation; none where the engine refuses it. O(1) after another one, else O(peers).
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
        if deps.len() < MOST_DEPENDENCIES {
            self.last = Some((id.clone(), lamport));
        }
        Some((event_id(id), event_ids(deps), signed(lamport)))
    }

    /// Commits an operation on a row that is not there. It may be elsewhere, so that what the rule makes of it is not known
    /// yet: it is an event as one of another replica is.
    fn commit_unseen(&self, op: RowOp) -> Option<EventId> {
        let peer = self.doc.peer();
        let own = |version: &PeerVersion| version.peer == peer;
        let start = self.doc.version().into_iter().find(own).map_or(0, |version| version.count);
        let mut deps = self.doc.heads();
        deps.truncate(MOST_DEPENDENCIES);
        let lamport = deps.iter().filter_map(|id| self.lamport(id)).max().unwrap_or(0) + 1;
        let run = EventRun { peer: peer.clone(), start, lamport, deps, commits: vec![vec![op]] };
        let report = self.doc.merge_events(&[run]).ok()?;
        (report.applied == 1).then_some(EventId { peer, counter: start })
    }

    /// What a known event depends on, and its lamport time. O(peers).
    fn described(&self, id: &EventId) -> Option<(Vec<EventId>, u32)> {
        let mut before = self.doc.version();
        before.iter_mut().filter(|version| version.peer == id.peer).for_each(|version| version.count = id.counter);
        let run = self.doc.events_since(&before, 1).ok()?.runs.into_iter().next()?;
        (run.peer == id.peer && run.start == id.counter).then_some((run.deps, run.lamport))
    }

    fn lamport(&self, id: &EventId) -> Option<u32> {
        let known =
            |(last, lamport): &(EventId, u32)| (last.peer == id.peer && last.counter == id.counter).then_some(*lamport);
        self.last.as_ref().and_then(known).or_else(|| Some(self.described(id)?.1))
    }

    /// Takes events in, all that can be; gives what that changed in the tables.
    pub(crate) fn merge(&mut self, runs: Vec<wit::EventRun>) -> Vec<wit::MergeOp> {
        let runs: Vec<EventRun> = runs.into_iter().filter_map(engine_run).collect();
        let Ok(watcher) = self.doc.watch(&[], false) else { return Vec::new() };
        self.last = None;
        if self.doc.merge_events(&runs).is_err() {
            runs.into_iter().for_each(|run| self.merge_run(run));
        }
        let mut ops = Vec::new();
        loop {
            let changes = watcher.take(u32::MAX);
            ops.extend(changes.ops.into_iter().flat_map(merge_ops));
            if !changes.more {
                return ops;
            }
        }
    }

    /// Takes in a run, where that can be. That interface counts lamport times in another way, which does not matter here: the
    /// one that follows from the dependencies takes the place of what the run claims.
    fn merge_run(&self, mut run: EventRun) {
        let lamports: Option<Vec<u32>> = run.deps.iter().map(|id| self.lamport(id)).collect();
        run.lamport = match lamports {
            Some(lamports) => lamports.into_iter().max().unwrap_or(0) + 1,
            // It waits, and gets its time when those come; what it claims must be possible.
            None => {
                run.deps.iter().map(|id| id.counter.saturating_add(2)).fold(run.lamport, u32::max).max(run.start + 1)
            }
        };
        // What is refused cannot be told.
        let _ = self.doc.merge_events(&[run]);
    }

    /// The events after those that are known.
    pub(crate) fn pending(&self, known: Vec<wit::PeerVersion>) -> Vec<wit::EventRun> {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for wit::PeerVersion { peer, version } in known {
            let count = u32::try_from(i64::from(version) + 1).unwrap_or(0);
            let most = counts.entry(peer).or_default();
            *most = count.max(*most);
        }
        let mut pending = Vec::new();
        loop {
            let known: Vec<PeerVersion> = (self.doc.version().into_iter())
                .filter_map(|here| {
                    Some(PeerVersion { count: here.count.min(*counts.get(&here.peer)?), peer: here.peer })
                })
                .collect();
            let Ok(batch) = self.doc.events_since(&known, u32::MAX) else { return pending };
            for run in &batch.runs {
                counts.insert(run.peer.clone(), run.start + run.commits.len() as u32);
            }
            pending.extend(batch.runs.into_iter().map(run));
            if !batch.more {
                return pending;
            }
        }
    }

    /// What is known: the events that no other one depends on, and the last counter of each peer.
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
        lamport_start: signed(run.lamport),
        deps: event_ids(run.deps),
        ops: run.commits.into_iter().flatten().map(op).collect(),
    }
}

/// None where a counter is negative. Dependencies come in any order there.
fn engine_run(run: wit::EventRun) -> Option<EventRun> {
    let mut deps = engine_event_ids(run.deps)?;
    deps.sort_by(|a, b| (&a.peer, b.counter).cmp(&(&b.peer, a.counter)));
    deps.dedup_by(|later, earlier| later.peer == earlier.peer);
    Some(EventRun {
        peer: run.peer,
        start: u32::try_from(run.counter_start).ok()?,
        lamport: u32::try_from(run.lamport_start).unwrap_or(0),
        deps,
        commits: run.ops.iter().map(|op| vec![engine_op(op)]).collect(),
    })
}
