//! Compaction: drops history below a horizon that every future event builds on.

use crate::doc::Doc;
use crate::doc::bytes::Summary;
use crate::error::{Error, Invalid};
use crate::graph::Horizon;
use crate::id::{PeerNumber, PeerVersion};

/// The result of a compaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactionReport {
    /// The number of events that were removed from the history.
    pub events_dropped: u32,
    /// The number of deleted rows that were forgotten.
    pub tombstones_dropped: u32,
    /// The horizon after the call. It is below the requested one while texts have edits that not
    /// all replicas know.
    pub horizon: Vec<PeerVersion>,
}

impl Doc {
    /// Drops the history and the tombstones that this replica and all replicas with these summaries
    /// have. The new horizon is the intersection of the summaries and this document, joined with
    /// the old horizon, and lowered until each splice that stays in the history builds on all
    /// dropped splices of its cell. The caller guarantees that the summaries include every replica
    /// that still writes. Tables do not change. O(document × log n).
    ///
    /// # Errors
    /// `InvalidArgument` if a summary names events that are unknown here, or if a summary by name
    /// does not contain the dependencies of its events; `Corrupt` and `UnsupportedVersion` for
    /// bytes that are not a summary; `LimitExceeded` if other events depend on too many compacted
    /// ones.
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
        let counts = self.closed_horizon(counts);
        if (0..).map(PeerNumber).zip(&counts).all(|(lane, &count)| count == before.count(lane)) {
            let horizon = self.horizon();
            return Ok(CompactionReport { horizon, ..CompactionReport::default() });
        }

        let compacted = self.rebuild(counts, &vec![u32::MAX; self.lanes.len()])?;
        let events_dropped = compacted.compacted_events() - self.compacted_events();
        let tombstones_dropped = self.rows.absent().saturating_sub(compacted.rows.absent());
        let renumbered = self.renumbered + 1;
        let mut compacted = Self { renumbered, own: self.own, salt: self.salt, ..compacted };
        // Waiting events that cannot build on the horizon are dropped, as they are when they
        // arrive.
        for run in self.waiting_runs() {
            match compacted.merge(&[run]) {
                Ok(_) => {}
                Err(error @ Error::LimitExceeded { .. }) => return Err(error),
                Err(_) => {}
            }
        }
        compacted.announced = std::mem::take(&mut self.announced);
        compacted.rows.take_over_watchers(&compacted.log, &mut self.rows, &self.log, true);
        compacted.rows.take_over_views(&compacted.log, &mut self.rows, &self.log);
        *self = compacted;
        let events_dropped = u32::try_from(events_dropped).unwrap_or(u32::MAX);
        let horizon = self.horizon();
        Ok(CompactionReport { events_dropped, tombstones_dropped, horizon })
    }

    /// Returns whether these counts by lane, joined with the horizon, are a version. O(runs × log
    /// n).
    fn is_version_above(&self, horizon: &Horizon, mut counts: Vec<u32>) -> bool {
        (0..).map(PeerNumber).zip(&mut counts).for_each(|(lane, count)| *count = horizon.count(lane).max(*count));
        self.graph.is_version(&counts)
    }

    /// Fails if a summary by name counts more events than are known here.
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
}
