//! The event graph: which event builds on which.
//!
//! Stores every event that took effect, by dense local numbers in the order in which events took
//! effect. Consecutive events of a lane, each of which depends only on the event before it, are one
//! run. A lane is a path in the tree of an author's events (`lanes`); its number is a `PeerNumber`.
//! Always holds: an event's dependencies have smaller numbers; a lane's events have no gaps, and
//! each builds on the author's event before it; heads are the events that no other event depends
//! on. Of compacted events, the graph keeps the count for each lane, and stubs (`horizon.rs`). Does
//! not know operations.
//!
//! Source: J. Gentle and M. Kleppmann, "Collaborative Text Editing with Eg-walker", 2025, section 3
//! (the event graph and its runs).

mod between;
mod bytes;
mod horizon;
mod reach;
mod since;

pub(crate) use between::HeldBy;
pub(crate) use bytes::{RankedHorizon, RankedStub, RunHead, RunsReader, RunsWriter};
pub(crate) use horizon::{Horizon, Stub};
pub(crate) use since::Span;

use crate::clock::Lamport;
use crate::id::{Counter, EventNumber, PeerNumber};
use crate::sort;
use std::collections::{BTreeMap, BTreeSet};

/// The index of a run in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct RunNumber(u32);

impl RunNumber {
    fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug)]
struct Run {
    first: EventNumber,
    peer: PeerNumber,
    /// The counter of the first event, like the lamport time and the dependencies below.
    counter: Counter,
    lamport: Lamport,
    /// The index of the first dependency in `Graph::dependencies`. They end where those of the next
    /// run begin.
    dependencies: u32,
    /// The maximum number of runs that a walk to ancestors visits from this run.
    toll: u32,
    /// By lane number, the count of events that the first event builds on, including itself.
    known: Option<Box<[u32]>>,
}

/// A rule that the dependencies of an event break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// No dependency builds on the author's previous event.
    PreviousMissing,
    /// A dependency builds on another event that follows the author's previous event.
    OnSibling,
    /// Another dependency builds on this one.
    NotConcurrent(EventNumber),
}

/// Up to this number, siblings are checked one by one.
const FEW_SIBLINGS: usize = 64;

/// The event graph of a document.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    runs: Vec<Run>,
    dependencies: Vec<EventNumber>,
    /// The numbers that distinguish events from equal ones. An event with a salt begins a run.
    salts: BTreeMap<EventNumber, u64>,
    len: u32,
    by_peer: Vec<Vec<RunNumber>>,
    /// The heads without the newest event.
    heads: BTreeSet<EventNumber>,
    /// The last added event, which is always a head; `None` if no event was added since the graph
    /// was made.
    newest: Option<EventNumber>,
    horizon: Horizon,
    /// All events from this one on build on the horizon.
    complete_from: EventNumber,
    /// The heads that `push` removed since `mark`, between `mark` and `undo` or `keep`.
    covered: Option<Vec<EventNumber>>,
}

/// A state of the graph to which `undo` returns.
#[derive(Debug)]
pub(crate) struct Mark(u32);

impl Graph {
    /// Returns the number of events.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// Returns the count of known events of a lane, including compacted ones.
    pub(crate) fn count(&self, peer: PeerNumber) -> u32 {
        let compacted = self.horizon.count(peer);
        match self.by_peer.get(peer.index()).and_then(|runs| runs.last()) {
            Some(&last) => compacted.max(self.runs[last.index()].counter.0 + self.run_len(last)),
            None => compacted,
        }
    }

    /// Returns the event with this name, unless it is unknown or compacted. O(log of the lane's
    /// runs).
    pub(crate) fn find(&self, peer: PeerNumber, counter: Counter) -> Option<EventNumber> {
        let runs = self.by_peer.get(peer.index())?;
        let number = runs[runs.partition_point(|&run| self.runs[run.index()].counter <= counter).checked_sub(1)?];
        let run = &self.runs[number.index()];
        let steps = counter.0 - run.counter.0;
        (steps < self.run_len(number)).then(|| run.first.plus(steps))
    }

    /// Returns the lane, the counter and the lamport time of an event. O(log of the runs).
    pub(crate) fn describe(&self, event: EventNumber) -> (PeerNumber, Counter, Lamport) {
        let run = &self.runs[self.run_of(event).index()];
        let steps = event.0 - run.first.0;
        (run.peer, Counter(run.counter.0 + steps), run.lamport.plus(steps))
    }

    /// Returns the dependencies of an event, or `None` if the only one is the event before it in
    /// the same run.
    pub(crate) fn dependencies(&self, event: EventNumber) -> Option<&[EventNumber]> {
        let run = self.run_of(event);
        (self.runs[run.index()].first == event).then(|| self.run_dependencies(run))
    }

    /// Returns the events that no event depends on, in the order of their numbers.
    pub(crate) fn heads(&self) -> impl Iterator<Item = EventNumber> {
        self.heads.iter().copied().chain(self.newest)
    }

    /// Returns the number of heads.
    pub(crate) fn head_count(&self) -> usize {
        self.heads.len() + usize::from(self.newest.is_some())
    }

    fn is_head(&self, event: EventNumber) -> bool {
        self.newest == Some(event) || self.heads.contains(&event)
    }

    /// Returns the lamport time of an event with these dependencies. O(dependencies × log of the
    /// runs).
    pub(crate) fn lamport_after(&self, dependencies: &[EventNumber]) -> Lamport {
        Lamport::after(dependencies.iter().map(|&dependency| self.describe(dependency).2))
    }

    /// Checks the dependencies of a new event, which must be in the graph. `previous` is the
    /// author's event before it, and `siblings` are the other events that follow `previous`.
    pub(crate) fn check(
        &self,
        previous: Option<(PeerNumber, Counter)>,
        siblings: &[(PeerNumber, Counter)],
        dependencies: &[EventNumber],
    ) -> Result<(), Broken> {
        if let ([dependency], Some((peer, counter))) = (dependencies, previous)
            && self.find(peer, counter) == Some(*dependency)
        {
            return Ok(());
        }
        let builds_on =
            |(peer, counter): (PeerNumber, Counter)| self.first_building_on(dependencies, peer, counter).is_some();
        if previous.is_some_and(|previous| !builds_on(previous)) {
            return Err(Broken::PreviousMissing);
        }
        if siblings.len() <= FEW_SIBLINGS {
            if siblings.iter().copied().any(builds_on) {
                return Err(Broken::OnSibling);
            }
        } else {
            let counts = self.counts_at(dependencies);
            let is_held = |&(peer, counter): &(PeerNumber, Counter)| {
                counts.get(peer.index()).is_some_and(|&count| count > counter.0)
            };
            if siblings.iter().any(is_held) {
                return Err(Broken::OnSibling);
            }
        }
        // Heads are concurrent: no event builds on them.
        if dependencies.iter().all(|&dependency| self.is_head(dependency)) {
            return Ok(());
        }
        self.covered(dependencies).map_or(Ok(()), |covered| Err(Broken::NotConcurrent(covered)))
    }

    /// Adds `len` consecutive events of a lane, and returns the number of the first. `counter`,
    /// `dependencies` and `salt` are those of the first event; `check` must accept them.
    /// O(dependencies × log n), independent of `len`.
    pub(crate) fn push(
        &mut self,
        (peer, counter): (PeerNumber, Counter),
        dependencies: &[EventNumber],
        salt: u64,
        len: u32,
    ) -> EventNumber {
        let first = EventNumber(self.len);
        if salt != 0 || !self.extends_last_run(peer, dependencies) {
            self.push_run((peer, counter), dependencies);
        }
        if salt != 0 {
            self.salts.insert(first, salt);
        }
        let mut previous = self.newest.take();
        for &dependency in dependencies {
            let was_previous = previous.take_if(|previous| *previous == dependency).is_some();
            if (was_previous || self.heads.remove(&dependency))
                && let Some(covered) = &mut self.covered
            {
                covered.push(dependency);
            }
        }
        self.heads.extend(previous);
        self.len += len;
        self.newest = Some(EventNumber(self.len - 1));
        first
    }

    /// Begins changes, which end with `undo` or `keep`.
    pub(crate) fn mark(&mut self) -> Mark {
        self.covered = Some(Vec::new());
        Mark(self.len)
    }

    /// Keeps the changes since the mark.
    pub(crate) fn keep(&mut self) {
        self.covered = None;
    }

    /// Restores the graph to its state at the mark. O(changes × log n).
    pub(crate) fn undo(&mut self, Mark(len): Mark) {
        while let Some(run) = self.runs.pop_if(|run| run.first.0 >= len) {
            self.by_peer[run.peer.index()].pop();
            self.dependencies.truncate(run.dependencies as usize);
        }
        self.salts.split_off(&EventNumber(len));
        self.len = len;
        self.heads.split_off(&EventNumber(len));
        self.newest.take_if(|newest| newest.0 >= len);
        self.heads.extend(self.covered.take().into_iter().flatten().filter(|head| head.0 < len));
    }

    fn extends_last_run(&self, peer: PeerNumber, dependencies: &[EventNumber]) -> bool {
        let &[dependency] = dependencies else { return false };
        dependency.0 + 1 == self.len
            && self.runs.last().is_some_and(|run| run.peer == peer)
            && self.describe(dependency).1.0 + 1 == self.count(peer)
    }

    fn push_run(&mut self, (peer, counter): (PeerNumber, Counter), dependencies: &[EventNumber]) {
        let run = Run {
            first: EventNumber(self.len),
            peer,
            counter,
            lamport: self.lamport_after(dependencies),
            dependencies: self.dependencies.len() as u32,
            toll: 0,
            known: None,
        };
        let number = RunNumber(self.runs.len() as u32);
        self.dependencies.extend_from_slice(dependencies);
        self.runs.push(run);
        if self.by_peer.len() <= peer.index() {
            self.by_peer.resize_with(peer.index() + 1, Vec::new);
        }
        self.by_peer[peer.index()].push(number);
        self.set_toll(number);
    }

    /// Returns the number that distinguishes an event from an equal one, or 0.
    pub(crate) fn salt(&self, event: EventNumber) -> u64 {
        if self.salts.is_empty() { 0 } else { self.salts.get(&event).copied().unwrap_or(0) }
    }

    /// Returns the number of runs.
    pub(crate) fn run_count(&self) -> usize {
        self.runs.len()
    }

    /// Returns the index of an event's run, and the first event of the run. O(log of the runs).
    pub(crate) fn run_at(&self, event: EventNumber) -> (usize, EventNumber) {
        let run = self.run_of(event).index();
        (run, self.runs[run].first)
    }

    /// Returns the event after the last one of an event's run. O(log of the runs).
    pub(crate) fn end_of_run(&self, event: EventNumber) -> EventNumber {
        match self.runs.get(self.run_at(event).0 + 1) {
            Some(next) => next.first,
            None => EventNumber(self.len()),
        }
    }

    /// Returns the first event of the run with this index.
    pub(crate) fn first_of_run(&self, run: usize) -> EventNumber {
        self.runs[run].first
    }

    /// Returns the lane of the run with this index.
    pub(crate) fn lane_of_run(&self, run: usize) -> PeerNumber {
        self.runs[run].peer
    }

    fn run_of(&self, event: EventNumber) -> RunNumber {
        let last = self.runs.len() - 1;
        // Most lookups are for the events that were added last.
        if self.runs[last].first <= event {
            return RunNumber(last as u32);
        }
        RunNumber(self.runs.partition_point(|run| run.first <= event) as u32 - 1)
    }

    fn run_len(&self, run: RunNumber) -> u32 {
        let end = self.runs.get(run.index() + 1).map_or(self.len, |next| next.first.0);
        end - self.runs[run.index()].first.0
    }

    fn run_dependencies(&self, run: RunNumber) -> &[EventNumber] {
        let start = self.runs[run.index()].dependencies as usize;
        let end = self.runs.get(run.index() + 1).map_or(self.dependencies.len(), |next| next.dependencies as usize);
        &self.dependencies[start..end]
    }

    /// Panics if an invariant is broken. O(everything).
    pub(crate) fn dbg_check(&self) {
        let mut heads = sort::set(self.horizon.heads.iter().copied());
        let mut counts: Vec<u32> =
            (0..self.by_peer.len() as u32).map(|peer| self.horizon.count(PeerNumber(peer))).collect();
        for number in (0..self.runs.len() as u32).map(RunNumber) {
            let run = &self.runs[number.index()];
            let last = run.first.plus(self.run_len(number) - 1);
            assert!(self.run_len(number) > 0, "empty run {run:?}");
            let count = &mut counts[run.peer.index()];
            if run.first.index() < self.horizon.stubs.len() {
                assert!(run.known.is_some() && self.run_dependencies(number).is_empty(), "{run:?}");
                *count = (*count).max(run.counter.0 + self.run_len(number));
                if last > run.first {
                    heads.remove(&run.first);
                    heads.insert(last);
                }
                continue;
            }
            assert!(*count == 0 || run.counter.0 == *count, "gap before {run:?}");
            *count = run.counter.0 + self.run_len(number);
            for dependency in self.run_dependencies(number) {
                assert!(*dependency < run.first, "{run:?} before what it depends on");
                heads.remove(dependency);
            }
            assert_eq!(run.lamport, self.lamport_after(self.run_dependencies(number)), "lamport of {run:?}");
            heads.insert(last);
        }
        assert!(heads.iter().copied().eq(self.heads()), "{heads:?}");
        for (peer, runs) in self.by_peer.iter().enumerate() {
            assert!(runs.is_sorted() && runs.iter().all(|run| self.runs[run.index()].peer.index() == peer));
            assert_eq!(counts[peer], self.count(PeerNumber(peer as u32)));
        }
    }
}

#[cfg(test)]
mod tests;
