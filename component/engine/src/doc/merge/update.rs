//! Merges encoded events.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

use super::{MergeReport, Merged};
use crate::codec::{Frame, FrameKind, Reader};
use crate::doc::Doc;
use crate::doc::bytes::{NOT_EVENTS, Unpacked};
use crate::error::Error;
impl Doc {
    /// Merges the bytes of `update_since` or `save` of another replica like [`Doc::merge_events`],
    /// including the waiting events of a saved document. Waiting events that do not fit, or do not
    /// build on the horizon, are counted as `dropped`. O(bytes × log n).
    ///
    /// # Errors
    /// Those of [`Doc::merge_events`]; `Corrupt`, `UnsupportedVersion` and `UnsupportedFeature` as
    /// for [`Doc::load`]; `Compacted` if the bytes are a document that was compacted past events
    /// that are unknown here.
    pub fn merge_update(&mut self, update: &[u8]) -> Result<MergeReport, Error> {
        let mut frame = Frame::read(update)?;
        match frame.kind {
            FrameKind::Document => {}
            FrameKind::Update => {
                let unpacked = Unpacked::of_update(&mut frame)?;
                let report = self.merge(&unpacked.runs()?)?.report;
                self.announce(unpacked.markers.iter().cloned());
                return Ok(report.with_missing(self));
            }
            FrameKind::Snapshot | FrameKind::Entries => return Err(Reader::new(update).damage(NOT_EVENTS)),
        }
        let other = Self::read(self.peer.clone(), &mut frame)?;
        let summary = self.own_summary();
        let proven = other.proven(&summary, &[]);
        if other.is_below(&summary, &proven) {
            return Err(other.compacted_error());
        }
        let mut report = self.merge(&other.runs())?.report;
        for run in other.waiting_runs() {
            match self.merge(&[run]) {
                Ok(merged) => report.add(merged.report),
                Err(_) => report.dropped = report.dropped.saturating_add(1),
            }
        }
        Ok(report.with_missing(self))
    }

    /// Merges a page of another replica's session. If `may_write` rejects an author, merges nothing
    /// and returns the author.
    ///
    /// # Errors
    /// Those of [`Doc::merge_update`] for an update.
    pub(crate) fn merge_page(
        &mut self,
        page: Reader<'_>,
        may_write: impl Fn(&str) -> bool,
    ) -> Result<Result<Merged, String>, Error> {
        let unpacked = Unpacked::of_section(page)?;
        let runs = unpacked.runs()?;
        if let Some(run) = runs.iter().find(|run| !may_write(run.author())) {
            return Ok(Err(run.author().to_owned()));
        }
        let Merged { report, reached } = self.merge(&runs)?;
        Ok(Ok(Merged { report: report.with_missing(self), reached }))
    }
}
