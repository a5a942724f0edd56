//! A cache of the fingerprints of a document's events.
//!
//! Keeps the fingerprint of the first event of each run after it was computed, one at least every
//! `MARK_EVENTS` events of a run, the last requested one on each lane, and those that bytes
//! contained. Any other fingerprint is computed from the nearest one before it. The first request
//! for an event without a nearby fingerprint, after `load`, is one pass over the history up to the
//! event, without recursion.
//!
//! Always holds: kept fingerprints are right; the first `done` runs have theirs.

use super::{AuthorHash, EventHeader};
use crate::graph::Graph;
use crate::id::{Counter, EventNumber, Fingerprint, PeerNumber};
use crate::lanes::Lanes;
use crate::oplog::{CommitRef, OpLog, OpNames};
use crate::sort;
use crate::work;
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// The distance between kept fingerprints in a run, in events.
const MARK_EVENTS: u32 = 64;
/// A fingerprint is kept after this many bytes of operations, even if the events are few.
const MARK_BYTES: u64 = 4_096;
/// The number of dependencies that are listed without an allocation.
const FEW: usize = 4;

/// The data that fingerprints are computed from.
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

/// The kept fingerprints.
#[derive(Debug, Default)]
pub(crate) struct Prints {
    /// The fingerprint of the first event of each run.
    firsts: Vec<Option<Fingerprint>>,
    /// The number of runs, from the first one on, that have a fingerprint in `firsts`.
    done: usize,
    marks: BTreeMap<EventNumber, Fingerprint>,
    /// The last requested fingerprint on each lane.
    recent: Vec<Option<(EventNumber, Fingerprint)>>,
    /// The fingerprints of compacted events that end a lane or that a retained event follows.
    at_horizon: BTreeMap<(PeerNumber, Counter), Fingerprint>,
}

impl Prints {
    /// Returns the cache of a document that begins with these stubs.
    pub(crate) fn beyond(stubs: impl Iterator<Item = Fingerprint>) -> Self {
        let firsts: Vec<_> = stubs.map(Some).collect();
        Self { done: firsts.len(), firsts, ..Self::default() }
    }

    /// Keeps the fingerprint of an event.
    pub(crate) fn mark(&mut self, event: EventNumber, fingerprint: Fingerprint) {
        self.marks.insert(event, fingerprint);
    }

    /// Keeps the fingerprint of a compacted event.
    pub(crate) fn set_at_horizon(&mut self, lane: PeerNumber, counter: Counter, fingerprint: Fingerprint) {
        self.at_horizon.insert((lane, counter), fingerprint);
    }

    /// Returns the fingerprint of a compacted event, if it is kept.
    pub(crate) fn at_horizon(&self, lane: PeerNumber, counter: Counter) -> Option<Fingerprint> {
        if self.at_horizon.is_empty() { None } else { self.at_horizon.get(&(lane, counter)).copied() }
    }

    /// Returns the compacted events of a lane whose fingerprints are kept.
    pub(crate) fn kept_of(&self, lane: PeerNumber) -> impl Iterator<Item = (Counter, Fingerprint)> {
        let kept = self.at_horizon.range((lane, Counter(0))..=(lane, Counter(u32::MAX)));
        kept.map(|(&(_, counter), &fingerprint)| (counter, fingerprint))
    }

    /// Forgets the events from number `len` on, and the runs from number `runs` on.
    pub(crate) fn truncate(&mut self, runs: usize, len: u32) {
        self.firsts.truncate(runs);
        self.done = self.done.min(runs);
        self.marks.split_off(&EventNumber(len));
        for recent in &mut self.recent {
            recent.take_if(|(event, _)| event.0 >= len);
        }
    }

    /// Returns the fingerprint of an event. Hashes O(1) events. The first request after `load` can
    /// hash the whole history.
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
        // The runs up to this one have a fingerprint of their first event, so the walk has a start.
        self.walk(event, ledger).unwrap_or(Fingerprint::of_hash(0))
    }

    fn first(&self, run: usize) -> Option<Fingerprint> {
        self.firsts.get(run).copied().flatten()
    }

    /// Returns the kept fingerprint in the run of an event that is nearest before the event.
    fn base(&self, event: EventNumber, ledger: Ledger<'_>) -> Option<(EventNumber, Fingerprint)> {
        let (run, first) = ledger.graph.run_at(event);
        let lane = ledger.graph.lane_of_run(run);
        let recent = self.recent.get(lane.index()).copied().flatten();
        let recent = recent.filter(|(known, _)| (first..=event).contains(known));
        let mark = self.marks.range(first..=event).next_back().map(|(&event, &fingerprint)| (event, fingerprint));
        let first = self.first(run).map(|fingerprint| (first, fingerprint));
        [first, mark, recent].into_iter().flatten().max_by_key(|&(event, _)| event)
    }

    /// Returns the fingerprint of an event if it follows from kept ones in the run, or from those
    /// that the run builds on.
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

    /// Computes and keeps the fingerprint of the first event of a run, if those of its dependencies
    /// are available.
    fn compute_first(&mut self, run: usize, ledger: Ledger<'_>) -> Option<Fingerprint> {
        work::step();
        let graph = ledger.graph;
        let event = graph.first_of_run(run);
        let (lane, counter, _) = graph.describe(event);
        let previous = ledger.lanes.previous(lane, counter);
        let previous_event = previous.and_then(|(lane, counter)| graph.find(lane, counter));
        let previous = match (previous, previous_event) {
            (None, _) => None,
            (Some(_), Some(event)) => Some(self.print_in_run(event, ledger)?),
            (Some((lane, counter)), None) => Some(self.at_horizon(lane, counter)?),
        };
        let mut others: SmallVec<[Fingerprint; FEW]> = SmallVec::new();
        for &dependency in graph.dependencies(event).unwrap_or_default() {
            if Some(dependency) != previous_event {
                others.push(self.print_in_run(dependency, ledger)?);
            }
        }
        sort::sort(&mut others);
        let author = AuthorHash::of(ledger.lanes.author_name(lane));
        let ground = EventHeader { author, previous, salt: graph.salt(event), others: &others };
        let fingerprint = ground.fingerprint(ledger.commit(event));
        if self.firsts.len() <= run {
            self.firsts.resize(graph.run_count(), None);
        }
        self.firsts[run] = Some(fingerprint);
        Some(fingerprint)
    }

    /// Returns the fingerprint of an event if its run has a kept one.
    fn print_in_run(&mut self, event: EventNumber, ledger: Ledger<'_>) -> Option<Fingerprint> {
        self.base(event, ledger)?;
        self.walk(event, ledger)
    }
}
