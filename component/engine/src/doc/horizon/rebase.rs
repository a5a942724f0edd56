//! Rebase: continues from a document that was compacted past this one.

use super::remake::Remaking;
use super::transfer::Transfer;
use crate::doc::waiting::Waiting;
use crate::doc::{Doc, MergeReport};
use crate::error::Error;
use crate::id::{EventId, EventNumber};
use crate::limits;
use crate::oplog::CommitRef;
use crate::sort;

impl Doc {
    /// Replaces the content of this replica with a saved document that was compacted past it, and
    /// adds the events that only this replica has.
    ///
    /// Events that build on the horizon of the saved document are merged as they are. Of the other
    /// events, this replica's own, on all branches, are committed again, in the order of execution.
    /// Splices that count here are made again next to the characters that both documents have, so
    /// that no inserted character is lost; other splices are left out.
    /// Those of other peers are dropped: `missing` names them, in addition to the missing
    /// dependencies of waiting events. `applied` counts the added events, and `duplicate` the
    /// events that both documents contain. Waiting events of the saved document are dropped. If
    /// this replica does not know all heads of the horizon, events whose names the horizon covers
    /// count as contained in it. O(both documents × log n).
    ///
    /// # Errors
    /// Those of [`Doc::load`]; `Compacted` if the saved document lacks events that were compacted
    /// here; `LimitExceeded` if the result exceeds a limit.
    pub fn rebase(&mut self, saved: &[u8]) -> Result<MergeReport, Error> {
        let mut doc = Self::load(&self.peer, saved)?;
        doc.salt = self.salt;
        // Waiting events of a document are not passed on.
        doc.waiting = Waiting::default();
        let is_behind = |&head: &EventNumber| !doc.knows_or_compacted(&self.need_of(head));
        if self.graph.horizon().heads().iter().any(is_behind) {
            return Err(self.compacted_error());
        }
        // The saved document contains what was compacted here.
        let compacted = u32::try_from(self.compacted_events()).unwrap_or(u32::MAX);
        let mut report = MergeReport { duplicate: compacted, ..MergeReport::default() };
        let lost = Transfer::new(self, &mut doc, &mut report).run()?;
        let mut missing = Vec::new();
        let mut remaking = Remaking::new(self);
        for event in lost {
            let (lane, _, _) = self.graph.describe(event);
            if **self.lanes.author_name(lane) == *self.peer {
                let ops = remaking.commit(event, &doc)?;
                let there = doc.commit_again(CommitRef::Plain(&ops), self.print(event).get())?;
                remaking.note(event, &there, &doc);
                report.applied = report.applied.saturating_add(1);
            } else if missing.len() < limits::REPORTED_MISSING.maximum as usize {
                missing.push(self.event_id(event));
            }
        }
        for run in self.waiting_runs() {
            let (peer, counter) = (run.name.clone().into_owned(), run.start);
            match doc.merge(&[run]) {
                Ok(_) => {}
                Err(error @ Error::LimitExceeded { .. }) => return Err(error),
                Err(_) => missing.push(EventId { peer, counter }),
            }
        }
        report.waiting = doc.waiting.len() as u32;
        missing.extend(doc.missing());
        sort::sort(&mut missing);
        missing.dedup();
        missing.truncate(limits::REPORTED_MISSING.maximum as usize);
        report.missing = missing;
        doc.rows.take_over_watchers(&doc.log, &mut self.rows, &self.log, false);
        doc.rows.take_over_views(&doc.log, &mut self.rows, &self.log);
        doc.renumbered = self.renumbered + 1;
        *self = doc;
        Ok(report)
    }
}
