//! Which event builds on which.
//!
//! Holds every event that took effect, by dense local numbers in the order in which it did, in runs: consecutive events
//! of one peer, each of which depends on just the one before it. Always holds: an event's dependencies have smaller
//! numbers; a peer's events come without gaps, each building on the one before; heads are the events that no other one
//! depends on. Of events that were compacted it holds how many there were of each peer, and those that others depend on
//! (`horizon.rs`). Does not know operations.
//!
//! After J. Gentle and M. Kleppmann, "Collaborative Text Editing with Eg-walker", 2025, section 3 (the event graph and
//! its runs).

mod bytes;
mod horizon;
mod reach;
mod since;

pub(crate) use bytes::{RankedHorizon, RankedStub, RunHead, RunsReader, RunsWriter};
pub(crate) use horizon::{Horizon, Stub};
pub(crate) use since::Span;

use crate::clock::Lamport;
use crate::id::{Counter, EventNumber, PeerNumber};
use std::collections::{BTreeMap, BTreeSet};

/// The place of a run among the graph's runs.
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
    /// Of the first event, as are the lamport time and the dependencies.
    counter: Counter,
    lamport: Lamport,
    /// Where its dependencies begin among `Graph::dependencies`; they end where the next run's begin.
    dependencies: u32,
    /// How many runs a question about ancestors visits at most from here.
    toll: u32,
    /// By peer number, how many of the peer's events the first event builds on, itself included.
    known: Option<Box<[u32]>>,
}

/// What is wrong with the dependencies of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// None of them builds on the peer's previous event.
    PreviousMissing,
    /// One of them builds on another event that follows the peer's previous event.
    OnSibling,
    /// Another one builds on this one.
    NotConcurrent(EventNumber),
}

/// Events of which it is asked one by one whether others build on them.
const FEW_SIBLINGS: usize = 64;

/// The event graph of a document.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    runs: Vec<Run>,
    dependencies: Vec<EventNumber>,
    /// The numbers that distinguish events from equal ones. Such an event begins a run.
    salts: BTreeMap<EventNumber, u64>,
    len: u32,
    by_peer: Vec<Vec<RunNumber>>,
    /// The heads, but for the newest one.
    heads: BTreeSet<EventNumber>,
    /// The event that was added last, which is a head always; none where nothing was added since the graph was made.
    newest: Option<EventNumber>,
    horizon: Horizon,
    /// The events from this one on build on the horizon.
    complete_from: EventNumber,
    /// The heads that `push` took away since `mark`, where there was one.
    covered: Option<Vec<EventNumber>>,
}

/// A state of the graph to which `undo` leads back.
#[derive(Debug)]
pub(crate) struct Mark(u32);

impl Graph {
    /// How many events there are.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// How many events of this peer are known, those that were compacted included.
    pub(crate) fn count(&self, peer: PeerNumber) -> u32 {
        let given_up = self.horizon.count(peer);
        match self.by_peer.get(peer.index()).and_then(|runs| runs.last()) {
            Some(&last) => given_up.max(self.runs[last.index()].counter.0 + self.run_len(last)),
            None => given_up,
        }
    }

    /// The event that a name stands for, where it is there. O(log of the peer's runs).
    pub(crate) fn find(&self, peer: PeerNumber, counter: Counter) -> Option<EventNumber> {
        let runs = self.by_peer.get(peer.index())?;
        let number = runs[runs.partition_point(|&run| self.runs[run.index()].counter <= counter).checked_sub(1)?];
        let run = &self.runs[number.index()];
        let steps = counter.0 - run.counter.0;
        (steps < self.run_len(number)).then(|| run.first.plus(steps))
    }

    /// Who committed an event, as which of theirs, and when. O(log of the runs).
    pub(crate) fn describe(&self, event: EventNumber) -> (PeerNumber, Counter, Lamport) {
        let run = &self.runs[self.run_of(event).index()];
        let steps = event.0 - run.first.0;
        (run.peer, Counter(run.counter.0 + steps), run.lamport.plus(steps))
    }

    /// What an event depends on; none where that is just the event before it, of the same run.
    pub(crate) fn dependencies(&self, event: EventNumber) -> Option<&[EventNumber]> {
        let run = self.run_of(event);
        (self.runs[run.index()].first == event).then(|| self.run_dependencies(run))
    }

    /// The events that no event depends on, in the order in which they took effect.
    pub(crate) fn heads(&self) -> impl Iterator<Item = EventNumber> {
        self.heads.iter().copied().chain(self.newest)
    }

    /// How many events no event depends on.
    pub(crate) fn head_count(&self) -> usize {
        self.heads.len() + usize::from(self.newest.is_some())
    }

    fn is_head(&self, event: EventNumber) -> bool {
        self.newest == Some(event) || self.heads.contains(&event)
    }

    /// The lamport time of an event with these dependencies. O(dependencies × log of the runs).
    pub(crate) fn lamport_after(&self, dependencies: &[EventNumber]) -> Lamport {
        Lamport::after(dependencies.iter().map(|&dependency| self.describe(dependency).2))
    }

    /// Whether an event may have these dependencies, all of them there, if its author's event before it is `previous` and
    /// `siblings` follow that one too.
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
        // Heads are concurrent: nothing builds on them.
        if dependencies.iter().all(|&dependency| self.is_head(dependency)) {
            return Ok(());
        }
        self.covered(dependencies).map_or(Ok(()), |covered| Err(Broken::NotConcurrent(covered)))
    }

    /// Adds `len` events of a peer, the first with these dependencies, which `check` lets pass, and gives the number of
    /// the first. O(dependencies × log n), whatever `len` is.
    /// `counter` is that of the first, and `salt` distinguishes it from an equal one.
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

    /// Begins changes, which `undo` or `keep` must end.
    pub(crate) fn mark(&mut self) -> Mark {
        self.covered = Some(Vec::new());
        Mark(self.len)
    }

    /// Keeps the changes since the mark.
    pub(crate) fn keep(&mut self) {
        self.covered = None;
    }

    /// Makes the graph what it was at the mark. O(what came since × log n).
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
        self.lay_toll(number);
    }

    /// What distinguishes an event from an equal one, or 0.
    pub(crate) fn salt(&self, event: EventNumber) -> u64 {
        if self.salts.is_empty() { 0 } else { self.salts.get(&event).copied().unwrap_or(0) }
    }

    /// The number of runs.
    pub(crate) fn run_count(&self) -> usize {
        self.runs.len()
    }

    /// The place of an event's run among the runs, and the first event of the run. O(log of the runs).
    pub(crate) fn run_at(&self, event: EventNumber) -> (usize, EventNumber) {
        let run = self.run_of(event).index();
        (run, self.runs[run].first)
    }

    /// The first event of the run at this place.
    pub(crate) fn first_of_run(&self, run: usize) -> EventNumber {
        self.runs[run].first
    }

    /// The lane of the run at this place.
    pub(crate) fn lane_of_run(&self, run: usize) -> PeerNumber {
        self.runs[run].peer
    }

    fn run_of(&self, event: EventNumber) -> RunNumber {
        let last = self.runs.len() - 1;
        // Most questions are about what was added last.
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

    /// Panics where something that always holds does not. O(everything).
    pub(crate) fn dbg_check(&self) {
        let mut heads: BTreeSet<EventNumber> = self.horizon.heads.iter().copied().collect();
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
