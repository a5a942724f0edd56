//! Giving up history: what lies below a horizon on which every event still to come builds.

use super::Doc;
use super::room::make_room;
use super::translation::Translation;
use crate::error::{Error, Invalid};
use crate::graph::Graph;
use crate::id::{EventNumber, PeerNumber, PeerVersion};

/// What compaction gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CompactionReport {
    /// Events of the history that are no longer there.
    pub events_dropped: u32,
    /// Deleted rows of which nothing is known any more.
    pub tombstones_dropped: u32,
}

impl Doc {
    /// Gives up the history, and the traces of deleted rows, up to `horizon`: a version that this replica knows, and that,
    /// as the caller vouches, every event still to come from anyone builds on. The tables stay as they are. A horizon
    /// given before stays: the new one is what both hold together. O(document × log n).
    ///
    /// # Errors
    /// `InvalidArgument` where `horizon` names a peer twice, holds more than is known, or is not a version: holds an event
    /// without what that builds on; `LimitExceeded` where it names too many peers, or leaves too many events that others
    /// depend on.
    pub fn compact(&mut self, horizon: &[PeerVersion]) -> Result<CompactionReport, Error> {
        let before = self.graph.horizon();
        let mut counts = self.known_counts(horizon)?;
        for PeerVersion { peer, count } in horizon {
            let known = self.count_of(peer);
            if *count > known {
                return Err(Invalid::HorizonAhead { peer: peer.clone(), count: *count, known }.into());
            }
        }
        for (peer, count) in (0..).map(PeerNumber).zip(&mut counts) {
            *count = before.count(peer).max(*count);
        }
        if !self.graph.is_version(&counts) {
            return Err(Invalid::HorizonNotAVersion.into());
        }
        let len = before.len();
        if counts.iter().map(|&count| u64::from(count)).sum::<u64>() == len {
            return Ok(CompactionReport::default());
        }

        let mut compacted = self.rebuild(counts, &vec![u32::MAX; self.peers.len()])?;
        let events_dropped = u32::try_from(compacted.graph.horizon().len() - len).unwrap_or(u32::MAX);
        let tombstones_dropped = self.rows.gone().saturating_sub(compacted.rows.gone());
        compacted.renumbered = self.renumbered + 1;
        compacted.waiting = std::mem::take(&mut self.waiting);
        compacted.rows.take_over_watchers(&compacted.log, &mut self.rows, &self.log, true);
        *self = compacted;
        Ok(CompactionReport { events_dropped, tombstones_dropped })
    }

    /// A document of this one's events before `end`, of which those before `horizon` are given up: by peer number, both
    /// versions that hold the present horizon. Without watchers and waiting events. O(document × log n).
    pub(super) fn rebuild(&self, horizon: Vec<u32>, end: &[u32]) -> Result<Self, Error> {
        let horizon = self.graph.horizon_at(horizon, end)?;
        let first_unsettled = self.graph.first_unsettled(&horizon, end);
        let is_given_up = |event: EventNumber| {
            let (peer, counter, lamport) = self.graph.describe(event);
            (counter.0 < horizon.count(peer)).then_some((lamport, peer))
        };
        let (rows, mut log) = self.rows.up_to((&self.log, &self.peers), &is_given_up, first_unsettled)?;
        let graph = Graph::beyond(horizon);
        (0..graph.len()).for_each(|_| log.end_event());
        let mut doc = Self { peer: self.peer.clone(), peers: self.peers.clone(), graph, log, rows, ..Self::empty() };
        let (counts, mut translation) = (doc.graph.horizon().counts().to_vec(), Translation::default());
        for span in self.graph.since(&counts) {
            let len = span.len.min(end[span.peer.index()].saturating_sub(span.counter.0));
            if len == 0 {
                continue;
            }
            let same = |event: EventNumber| {
                let (peer, counter, _) = self.graph.describe(event);
                doc.graph.find(peer, counter)
            };
            let dependencies: Vec<EventNumber> = self.dependencies(span.first).filter_map(same).collect();
            doc.graph.push(span.peer, &dependencies, len);
            for steps in 0..len {
                let event = EventNumber(span.first.0 + steps);
                make_room(&mut doc.rows, &mut doc.log, std::iter::once(self.commit_of(event)))?;
                doc.take_effect(span.peer, span.lamport.plus(steps), self.commit_of(event), &mut translation);
            }
        }
        doc.graph.complete_so_far();
        Ok(doc)
    }

    /// The version up to which events were given up, sorted by peer, as an error.
    pub(crate) fn compacted(&self) -> Error {
        Error::Compacted(self.given_up().map(|(peer, count)| (String::from(&**peer), count)).collect())
    }

    /// Refuses counts, by peer number, that lack events which were given up.
    pub(super) fn check_covers_horizon(&self, counts: &[u32]) -> Result<(), Error> {
        let given_up = self.graph.horizon().counts().iter();
        if given_up.zip(counts).all(|(given_up, count)| count >= given_up) { Ok(()) } else { Err(self.compacted()) }
    }
}
