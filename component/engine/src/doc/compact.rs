//! Giving up history: what lies below a horizon on which every event still to come builds.

use super::Doc;
use super::room::make_room;
use super::summary::Summary;
use super::translation::Translation;
use crate::chain::Prints;
use crate::error::{Error, Invalid};
use crate::graph::{Graph, Horizon, Stub};
use crate::id::{Counter, EventNumber, PeerNumber, PeerVersion};
use crate::lanes::Lanes;
use std::cell::RefCell;

/// What compaction gave up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactionReport {
    /// Events of the history that are no longer there.
    pub events_dropped: u32,
    /// Deleted rows of which nothing is known any more.
    pub tombstones_dropped: u32,
    /// The horizon in force.
    pub horizon: Vec<PeerVersion>,
}

impl Doc {
    /// Drops the history, and the traces of deleted rows, that all replicas with these summaries and this one have: the horizon
    /// is the intersection of the summaries and this document, together with the former horizon. The caller guarantees that
    /// every replica that still writes is among them. The tables do not change. O(document × log n).
    ///
    /// # Errors
    /// `InvalidArgument` if a summary names events that are unknown here, or, identifying events by name, does not contain what
    /// its events build on; `Corrupt` and `UnsupportedVersion` for bytes that are not a summary; `LimitExceeded` if too many events remain that others depend on.
    pub fn compact(&mut self, summaries: &[Vec<u8>]) -> Result<CompactionReport, Error> {
        let before = self.graph.horizon();
        let mut counts: Vec<u32> = self.lanes.all().map(|lane| self.graph.count(lane)).collect();
        for summary in summaries {
            let summary = Summary::read(summary)?;
            let proven = self.proven(&summary, &[]);
            if let Some((_, branch)) = proven.unknown.first() {
                return Err(Invalid::UnknownInSummary { peer: String::from(&*branch.name) }.into());
            }
            self.check_not_ahead(&summary)?;
            if summary.is_by_name && !self.is_version_above(before, proven.counts.clone()) {
                return Err(Invalid::HorizonNotAVersion.into());
            }
            counts.iter_mut().zip(proven.counts).for_each(|(count, proven)| *count = proven.min(*count));
        }
        for (lane, count) in (0..).map(PeerNumber).zip(&mut counts) {
            *count = before.count(lane).max(*count);
        }
        if !self.graph.is_version(&counts) {
            return Err(Invalid::HorizonNotAVersion.into());
        }
        if (0..).map(PeerNumber).zip(&counts).all(|(lane, &count)| count == before.count(lane)) {
            let horizon = self.horizon();
            return Ok(CompactionReport { horizon, ..CompactionReport::default() });
        }

        let compacted = self.rebuild(counts, &vec![u32::MAX; self.lanes.len()])?;
        let events_dropped = compacted.events_given_up() - self.events_given_up();
        let tombstones_dropped = self.rows.gone().saturating_sub(compacted.rows.gone());
        let renumbered = self.renumbered + 1;
        let mut compacted = Self { renumbered, own: self.own, ..compacted };
        // Waiting events that cannot build on the horizon are dropped, as they are when they arrive.
        for run in self.waiting_runs() {
            match compacted.merge(&[run]) {
                Ok(_) => {}
                Err(error @ Error::LimitExceeded { .. }) => return Err(error),
                Err(_) => {}
            }
        }
        compacted.announced = std::mem::take(&mut self.announced);
        compacted.rows.take_over_watchers(&compacted.log, &mut self.rows, &self.log, true);
        *self = compacted;
        let events_dropped = u32::try_from(events_dropped).unwrap_or(u32::MAX);
        let horizon = self.horizon();
        Ok(CompactionReport { events_dropped, tombstones_dropped, horizon })
    }

    /// Whether these counts, by lane, and the horizon are together those of a version. O(runs × log n).
    fn is_version_above(&self, horizon: &Horizon, mut counts: Vec<u32>) -> bool {
        (0..).map(PeerNumber).zip(&mut counts).for_each(|(lane, count)| *count = horizon.count(lane).max(*count));
        self.graph.is_version(&counts)
    }

    /// Refuses a summary by name that counts more events than are known here.
    fn check_not_ahead(&self, summary: &Summary) -> Result<(), Error> {
        if !summary.is_by_name {
            return Ok(());
        }
        let table = self.branch_table();
        for branch in &summary.branches {
            let known = (0..table.branches.len()).find(|&rank| table.name(rank) == *branch.name);
            let known = known.map_or(0, |rank| table.branches[rank].end);
            if branch.count > known {
                let peer = String::from(&*branch.name);
                return Err(Invalid::HorizonAhead { peer, count: branch.count, known }.into());
            }
        }
        Ok(())
    }

    /// How many events were compacted.
    pub(super) fn events_given_up(&self) -> u64 {
        let horizon = self.graph.horizon();
        let of_lane = |lane| u64::from(horizon.count(lane).saturating_sub(self.lanes.start(lane).0));
        self.lanes.all().map(of_lane).sum()
    }

    /// Returns a document with this one's events before `end`, compacted at `horizon`. Both are counts by lane and versions that
    /// include the present horizon. Watchers and waiting events are left out. O(document × log n).
    pub(super) fn rebuild(&self, horizon: Vec<u32>, end: &[u32]) -> Result<Self, Error> {
        let horizon = self.graph.horizon_at(horizon, end)?;
        let first_unsettled = self.graph.first_unsettled(&horizon, end);
        let is_given_up = |event: EventNumber| {
            let (peer, counter, lamport) = self.graph.describe(event);
            (counter.0 < horizon.count(peer)).then_some((lamport, peer))
        };
        let given_up = horizon.counts().to_vec();
        let (mut rows, mut log) = self.rows.up_to((&self.log, &self.lanes), &is_given_up, first_unsettled)?;
        let stub = |stub: &Stub| self.print_at(stub.peer, stub.counter);
        let mut prints = Prints::beyond(horizon.stubs().iter().filter_map(stub));
        let (lanes, numbers) = self.lanes_up_to(end);
        let number = |lane: PeerNumber| numbers.as_ref().map_or(lane, |numbers| numbers[lane.index()]);
        if numbers.is_some() {
            rows.renumber(number);
        }
        for lane in self.lanes.all() {
            let count = horizon.count(lane);
            // The last compacted event of the lane, and the event that its first one follows.
            let ends = [count.checked_sub(1), self.lanes.start(lane).0.checked_sub(1).filter(|_| count == 0)];
            for last in ends.into_iter().flatten().map(Counter) {
                let lane = self.lanes.on_way(lane, last);
                let kept = self.print_at(lane, last).filter(|_| last.0 < horizon.count(lane));
                if let Some(kept) = kept {
                    prints.set_at_horizon(number(lane), last, kept);
                }
            }
        }
        let graph = Graph::beyond(match &numbers {
            Some(numbers) => horizon.renumbered(numbers, lanes.len()),
            None => horizon,
        });
        (0..graph.len()).for_each(|_| log.end_event());
        let (peer, prints) = (self.peer.clone(), RefCell::new(prints));
        let mut doc = Self { peer, lanes, graph, log, rows, prints, ..Self::empty() };
        let mut translation = Translation::default();
        for span in self.graph.since(&given_up) {
            let len = span.len.min(end[span.peer.index()].saturating_sub(span.counter.0));
            if len == 0 {
                continue;
            }
            let same = |event: EventNumber| {
                let (peer, counter, _) = self.graph.describe(event);
                doc.graph.find(number(peer), counter)
            };
            let dependencies: Vec<EventNumber> = self.dependencies(span.first).filter_map(same).collect();
            let lane = number(span.peer);
            doc.graph.push((lane, span.counter), &dependencies, self.graph.salt(span.first), len);
            for steps in 0..len {
                let event = EventNumber(span.first.0 + steps);
                make_room(&mut doc.rows, &mut doc.log, std::iter::once(self.commit_of(event)))?;
                doc.take_effect(lane, span.lamport.plus(steps), self.commit_of(event), &mut translation);
            }
        }
        doc.graph.complete_so_far();
        Ok(doc)
    }

    /// The lanes of the events before `end`, and their numbers if they are others than here.
    fn lanes_up_to(&self, end: &[u32]) -> (Lanes, Option<Vec<PeerNumber>>) {
        let counts: Vec<u32> = self.lanes.all().zip(end).map(|(lane, &end)| end.min(self.graph.count(lane))).collect();
        let is_whole = self.lanes.all().zip(&counts).all(|(lane, &count)| count == self.graph.count(lane));
        if is_whole {
            return (self.lanes.clone(), None);
        }
        let (lanes, numbers) = self.lanes.up_to(&counts);
        (lanes, Some(numbers))
    }

    /// By name, how many events of each branch were compacted, sorted.
    fn given_up(&self) -> Vec<(String, u32)> {
        let table = self.branch_table();
        let counts = table.counts_at_horizon(self.graph.horizon());
        let counts = counts.into_iter().enumerate().filter(|&(_, count)| count > 0);
        counts.map(|(rank, count)| (table.name(rank).into_owned(), count)).collect()
    }

    fn horizon(&self) -> Vec<PeerVersion> {
        self.given_up().into_iter().map(|(peer, count)| PeerVersion { peer, count }).collect()
    }

    /// The version up to which events were compacted, sorted by peer, as an error.
    pub(crate) fn compacted(&self) -> Error {
        Error::Compacted(self.given_up())
    }
}
