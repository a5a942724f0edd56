//! Whether one event builds on another.
//!
//! A peer's events are a chain, so what an event builds on is told by one count for each peer. To keep those counts for
//! every run would cost peers × runs; to walk back through the runs could visit the whole history. So a run that a walk
//! would leave expensive keeps the counts, and a walk ends there: from any run it visits at most `most_toll` runs, and
//! the counts come to a few dozen bytes for each run.
//!
//! The idea is that of vector clocks (F. Mattern, "Virtual Time and Global States of Distributed Systems", 1989), kept
//! at checkpoints.

use super::{Graph, RunNumber};
use crate::id::EventNumber;
use crate::work;

/// Runs that a walk visits at most, where the peers are few.
const LEAST_TOLL: u32 = 64;
/// With many peers counts are larger, so runs that keep them are rarer: a run more for so many peers.
const PEERS_PER_TOLL: u32 = 8;

impl Graph {
    /// Whether `event` is `ancestor` or builds on it. Visits at most `most_toll` runs, whatever the history.
    pub(crate) fn reaches(&self, event: EventNumber, ancestor: EventNumber) -> bool {
        if ancestor >= event {
            return ancestor == event;
        }
        let (peer, counter, lamport) = self.describe(ancestor);
        let mut walk = vec![event];
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
                Some(_) => {}
                None => walk.extend(self.run_dependencies(number)),
            }
        }
        false
    }

    /// Sets the toll of a new run, and its counts where the toll would be too high.
    pub(super) fn lay_toll(&mut self, number: RunNumber) {
        let dependencies = self.run_dependencies(number).iter();
        let toll = dependencies
            .fold(1_u32, |toll, &dependency| toll.saturating_add(self.runs[self.run_of(dependency).index()].toll));
        let peers = self.by_peer.len() as u32;
        let expensive = toll > LEAST_TOLL + peers / PEERS_PER_TOLL;
        let known = expensive.then(|| self.counts_at(number));
        let run = &mut self.runs[number.index()];
        run.toll = if expensive { 1 } else { toll };
        run.known = known;
    }

    fn counts_at(&self, number: RunNumber) -> Box<[u32]> {
        let mut counts = vec![0; self.by_peer.len()];
        let mut walk = vec![self.runs[number.index()].first];
        while let Some(event) = walk.pop() {
            work::step();
            let number = self.run_of(event);
            let run = &self.runs[number.index()];
            let count = &mut counts[run.peer.index()];
            *count = (*count).max(run.counter.0 + (event.0 - run.first.0) + 1);
            match &run.known {
                Some(known) => {
                    counts.iter_mut().zip(known).for_each(|(count, &known)| *count = known.max(*count));
                }
                None => walk.extend(self.run_dependencies(number)),
            }
        }
        counts.into_boxed_slice()
    }
}
