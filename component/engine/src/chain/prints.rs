//! The fingerprints of a document's events, computed when they are asked for.
//!
//! Kept are the fingerprint of the first event of each run, once it was computed, one at least every `MARK_EVENTS` events of
//! a run, the last one that was asked for on each lane, and those that bytes brought. Any other one is computed from the nearest
//! of these. The first question about an event that `load` left without any costs one pass over the history up to it, in the
//! order of events, without recursion. Always holds: what is kept is right; `done` runs from the first one on have theirs.

use super::{AuthorHash, EventHeader};
use crate::graph::Graph;
use crate::id::{Counter, EventNumber, Fingerprint, PeerNumber};
use crate::lanes::Lanes;
use crate::oplog::{CommitRef, OpLog, OpNames};
use crate::work;
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// Events of a run from one kept fingerprint to the next.
const MARK_EVENTS: u32 = 64;
/// Bytes of operations after which a fingerprint is kept, however few events they are.
const MARK_BYTES: u64 = 4_096;
/// Dependencies that are listed without an allocation.
const FEW: usize = 4;

/// What fingerprints are computed from.
#[derive(Clone, Copy)]
pub(crate) struct Ledger<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) lanes: &'a Lanes,
    pub(crate) log: &'a OpLog,
    pub(crate) names: &'a dyn OpNames,
}

impl<'a> Ledger<'a> {
    fn commit(self, event: EventNumber) -> CommitRef<'a> {
        CommitRef::Logged { names: self.names, log: self.log, event }
    }
}

/// Fingerprints that are kept.
#[derive(Debug, Default)]
pub(crate) struct Prints {
    /// By run, that of its first event.
    firsts: Vec<Option<Fingerprint>>,
    /// How many runs from the first one on have theirs.
    done: usize,
    marks: BTreeMap<EventNumber, Fingerprint>,
    /// By lane, the one that was asked for last.
    recent: Vec<Option<(EventNumber, Fingerprint)>>,
    /// Those of events that were compacted and that retained events follow, or that end a lane.
    at_horizon: BTreeMap<(PeerNumber, Counter), Fingerprint>,
}

impl Prints {
    /// Of a document that begins with these stubs, in the order of their numbers.
    pub(crate) fn beyond(stubs: impl Iterator<Item = Fingerprint>) -> Self {
        let firsts: Vec<_> = stubs.map(Some).collect();
        Self { done: firsts.len(), firsts, ..Self::default() }
    }

    /// Keeps the fingerprint of an event.
    pub(crate) fn mark(&mut self, event: EventNumber, fingerprint: Fingerprint) {
        self.marks.insert(event, fingerprint);
    }

    /// Keeps the fingerprint of an event that was compacted.
    pub(crate) fn set_at_horizon(&mut self, lane: PeerNumber, counter: Counter, fingerprint: Fingerprint) {
        self.at_horizon.insert((lane, counter), fingerprint);
    }

    /// The fingerprint of an event that was compacted, if it is kept.
    pub(crate) fn at_horizon(&self, lane: PeerNumber, counter: Counter) -> Option<Fingerprint> {
        if self.at_horizon.is_empty() { None } else { self.at_horizon.get(&(lane, counter)).copied() }
    }

    /// The events of a lane that were compacted and whose fingerprints are kept.
    pub(crate) fn kept_of(&self, lane: PeerNumber) -> impl Iterator<Item = (Counter, Fingerprint)> {
        let kept = self.at_horizon.range((lane, Counter(0))..=(lane, Counter(u32::MAX)));
        kept.map(|(&(_, counter), &fingerprint)| (counter, fingerprint))
    }

    /// Forgets the events from `len` on, and the runs from `runs` on.
    pub(crate) fn truncate(&mut self, runs: usize, len: u32) {
        self.firsts.truncate(runs);
        self.done = self.done.min(runs);
        self.marks.split_off(&EventNumber(len));
        for recent in &mut self.recent {
            recent.take_if(|(event, _)| event.0 >= len);
        }
    }

    /// The fingerprint of an event. O(1) events are hashed, but for the first question about one that `load` left without:
    /// O(history).
    pub(crate) fn of(&mut self, event: EventNumber, ledger: Ledger<'_>) -> Fingerprint {
        if let Some(fingerprint) = self.walk(event, ledger) {
            return fingerprint;
        }
        let (run, _) = ledger.graph.run_at(event);
        while self.done <= run {
            if self.first(self.done).is_none() {
                self.compute_first(self.done, ledger);
            }
            self.done += 1;
        }
        // A run before that is done has its first fingerprint, so a walk has a place to begin.
        self.walk(event, ledger).unwrap_or(Fingerprint::of_hash(0))
    }

    fn first(&self, run: usize) -> Option<Fingerprint> {
        self.firsts.get(run).copied().flatten()
    }

    /// The kept fingerprint, in the run of an event, that is nearest before it.
    fn base(&self, event: EventNumber, ledger: Ledger<'_>) -> Option<(EventNumber, Fingerprint)> {
        let (run, first) = ledger.graph.run_at(event);
        let lane = ledger.graph.lane_of_run(run);
        let recent = self.recent.get(lane.index()).copied().flatten();
        let recent = recent.filter(|(known, _)| (first..=event).contains(known));
        let mark = self.marks.range(first..=event).next_back().map(|(&event, &fingerprint)| (event, fingerprint));
        let first = self.first(run).map(|fingerprint| (first, fingerprint));
        [first, mark, recent].into_iter().flatten().max_by_key(|&(event, _)| event)
    }

    /// The fingerprint of an event, where it can be told from kept ones in its run or just before.
    fn walk(&mut self, event: EventNumber, ledger: Ledger<'_>) -> Option<Fingerprint> {
        let (mut at, mut fingerprint) = match self.base(event, ledger) {
            Some(base) => base,
            None => {
                let (run, first) = ledger.graph.run_at(event);
                (first, self.compute_first(run, ledger)?)
            }
        };
        if at == event {
            return Some(fingerprint);
        }
        let (lane, first) = (ledger.graph.describe(event).0, ledger.graph.run_at(event).1);
        let author = AuthorHash::of(ledger.lanes.author_name(lane));
        let mut bytes = 0;
        while at < event {
            work::step();
            at = at.plus(1);
            let commit = ledger.commit(at);
            let ground = EventHeader { author, previous: Some(fingerprint), salt: 0, others: &[] };
            fingerprint = ground.fingerprint(commit);
            bytes += commit.bytes();
            if (at.0 - first.0).is_multiple_of(MARK_EVENTS) || bytes > MARK_BYTES {
                self.marks.insert(at, fingerprint);
                bytes = 0;
            }
        }
        if self.recent.len() <= lane.index() {
            self.recent.resize(ledger.lanes.len(), None);
        }
        self.recent[lane.index()] = Some((event, fingerprint));
        Some(fingerprint)
    }

    /// Computes and keeps the fingerprint of the first event of a run, if those of what it depends on can be told.
    fn compute_first(&mut self, run: usize, ledger: Ledger<'_>) -> Option<Fingerprint> {
        work::step();
        let graph = ledger.graph;
        let event = graph.first_of_run(run);
        let (lane, counter, _) = graph.describe(event);
        let previous = ledger.lanes.previous(lane, counter);
        let previous_event = previous.and_then(|(lane, counter)| graph.find(lane, counter));
        let previous = match (previous, previous_event) {
            (None, _) => None,
            (Some(_), Some(event)) => Some(self.told(event, ledger)?),
            (Some((lane, counter)), None) => Some(self.at_horizon(lane, counter)?),
        };
        let mut others: SmallVec<[Fingerprint; FEW]> = SmallVec::new();
        for &dependency in graph.dependencies(event).unwrap_or_default() {
            if Some(dependency) != previous_event {
                others.push(self.told(dependency, ledger)?);
            }
        }
        others.sort_unstable();
        let author = AuthorHash::of(ledger.lanes.author_name(lane));
        let ground = EventHeader { author, previous, salt: graph.salt(event), others: &others };
        let fingerprint = ground.fingerprint(ledger.commit(event));
        if self.firsts.len() <= run {
            self.firsts.resize(graph.run_count(), None);
        }
        self.firsts[run] = Some(fingerprint);
        Some(fingerprint)
    }

    /// The fingerprint of an event in whose run one is kept.
    fn told(&mut self, event: EventNumber, ledger: Ledger<'_>) -> Option<Fingerprint> {
        self.base(event, ledger)?;
        self.walk(event, ledger)
    }
}
