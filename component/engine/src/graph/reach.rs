//! Walks to ancestors: which events build on which others.
//!
//! The events of a lane are a chain, so one count for each lane describes the ancestors of an
//! event. Keeping the counts for every run would take memory for lanes × runs, and walking back
//! without counts could visit the whole history. So a run keeps its counts if a walk from it would
//! otherwise be expensive, and walks end at such runs. A walk visits at most `max_toll` runs, and
//! the counts take about 64 bytes for each run.
//!
//! The idea is that of vector clocks (F. Mattern, "Virtual Time and Global States of Distributed
//! Systems", 1989), kept at checkpoints.

use super::{Graph, RunNumber};
use crate::clock::Lamport;
use crate::id::{Counter, EventNumber, PeerNumber};
use crate::work;
use std::collections::{BTreeMap, BTreeSet};

/// The maximum number of runs that a walk visits if there are few lanes.
const MIN_TOLL: u32 = 64;
/// The maximum grows by one run for this many lanes: with more lanes, counts are larger, so fewer
/// runs keep them.
const PEERS_PER_TOLL: u32 = 16;
/// A run keeps its counts if it has at least this many dependencies, and there are at most
/// `LANES_PER_DEPENDENCY` lanes for each of them. Walking through such runs would be expensive:
/// where n peers write in rounds without waiting for each other, each run builds on n runs, which
/// build on n runs.
const MANY_DEPENDENCIES: usize = 8;
/// Bounds the memory of these counts to 32 bytes for each dependency.
const LANES_PER_DEPENDENCY: usize = 8;

impl Graph {
    /// Returns the first of these events that is `ancestor` or builds on it. Visits at most
    /// `max_toll` runs for each event, and each run once.
    pub(crate) fn first_reaching(&self, events: &[EventNumber], ancestor: EventNumber) -> Option<EventNumber> {
        let (peer, counter, lamport) = self.describe(ancestor);
        self.first_reaching_name(events, peer, counter, lamport)
    }

    /// Returns the first of these events that is the lane's event with this counter or builds on
    /// it. That event may be compacted.
    pub(crate) fn first_building_on(
        &self,
        events: &[EventNumber],
        peer: PeerNumber,
        counter: Counter,
    ) -> Option<EventNumber> {
        let lamport = self.find(peer, counter).map_or(Lamport::NEVER, |event| self.describe(event).2);
        self.first_reaching_name(events, peer, counter, lamport)
    }

    /// `lamport` is at most the time of the event with this name.
    fn first_reaching_name(
        &self,
        events: &[EventNumber],
        peer: PeerNumber,
        counter: Counter,
        lamport: Lamport,
    ) -> Option<EventNumber> {
        let mut seen = BTreeSet::new();
        let reaches = |event: &EventNumber| -> bool {
            let mut walk = vec![*event];
            while let Some(event) = walk.pop() {
                work::step();
                let number = self.run_of(event);
                let run = &self.runs[number.index()];
                let steps = event.0 - run.first.0;
                if run.peer == peer && run.counter.0 + steps >= counter.0 {
                    return true;
                }
                if run.peer == peer || run.lamport.plus(steps) <= lamport {
                    continue;
                }
                match &run.known {
                    Some(known) if known.get(peer.index()).is_some_and(|&count| count > counter.0) => return true,
                    None if seen.insert(number) => walk.extend(self.run_dependencies(number)),
                    _ => {}
                }
            }
            false
        };
        events.iter().copied().find(reaches)
    }

    /// Returns one of these events that another one of them builds on, if there is one. Visits at
    /// most `max_toll` runs for each event, and each run once.
    pub(super) fn covered(&self, events: &[EventNumber]) -> Option<EventNumber> {
        let mut targets: BTreeMap<PeerNumber, (Counter, EventNumber)> = BTreeMap::new();
        let mut earliest = None;
        for &event in events {
            let (peer, counter, lamport) = self.describe(event);
            if let Some((_, other)) = targets.insert(peer, (counter, event)) {
                return Some(event.min(other));
            }
            earliest = Some(earliest.map_or(lamport, |earliest: Lamport| earliest.min(lamport)));
        }
        let mut seen = BTreeSet::new();
        for &source in events {
            let mut walk = vec![source];
            while let Some(event) = walk.pop() {
                work::step();
                let number = self.run_of(event);
                let run = &self.runs[number.index()];
                let steps = event.0 - run.first.0;
                let reached =
                    |&(target, found): &(Counter, EventNumber), count: u32| found != source && count > target.0;
                if let Some(target) = targets.get(&run.peer).filter(|target| reached(target, run.counter.0 + steps + 1))
                {
                    return Some(target.1);
                }
                if Some(run.lamport.plus(steps)) <= earliest {
                    continue;
                }
                match &run.known {
                    Some(known) => {
                        let count = |peer: PeerNumber| known.get(peer.index()).copied().unwrap_or(0);
                        if let Some((_, target)) = targets.iter().find(|(peer, target)| reached(target, count(**peer)))
                        {
                            return Some(target.1);
                        }
                    }
                    None if seen.insert(number) => walk.extend(self.run_dependencies(number)),
                    None => {}
                }
            }
        }
        None
    }

    /// Sets the toll of a new run, and its counts if the toll would be too high.
    pub(super) fn set_toll(&mut self, number: RunNumber) {
        let dependencies = self.run_dependencies(number);
        let toll = dependencies
            .iter()
            .fold(1_u32, |toll, &dependency| toll.saturating_add(self.runs[self.run_of(dependency).index()].toll));
        let are_many = dependencies.len() >= MANY_DEPENDENCIES;
        let expensive =
            toll > self.max_toll() || (are_many && self.by_peer.len() <= dependencies.len() * LANES_PER_DEPENDENCY);
        let known = expensive.then(|| self.counts_at(&[self.runs[number.index()].first]).into_boxed_slice());
        let run = &mut self.runs[number.index()];
        run.toll = if expensive { 1 } else { toll };
        run.known = known;
    }

    /// Returns the maximum number of runs that a walk from one event visits.
    fn max_toll(&self) -> u32 {
        MIN_TOLL + self.by_peer.len() as u32 / PEERS_PER_TOLL
    }

    /// Returns, by lane number, the count of events that are among these events or that they build
    /// on. O(lanes); visits at most `max_toll` runs for each event, and each run once.
    pub(crate) fn counts_at(&self, events: &[EventNumber]) -> Vec<u32> {
        let mut counts = vec![0; self.by_peer.len().max(self.horizon.counts.len())];
        let mut walk = events.to_vec();
        let mut seen = BTreeSet::new();
        while let Some(event) = walk.pop() {
            work::step();
            let number = self.run_of(event);
            let run = &self.runs[number.index()];
            let count = &mut counts[run.peer.index()];
            *count = (*count).max(run.counter.0 + (event.0 - run.first.0) + 1);
            if !seen.insert(number) {
                continue;
            }
            match &run.known {
                Some(known) => {
                    counts.iter_mut().zip(known).for_each(|(count, &known)| *count = known.max(*count));
                }
                None => walk.extend(self.run_dependencies(number)),
            }
        }
        counts
    }
}
