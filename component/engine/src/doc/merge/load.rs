//! Loads saved documents.
//!
//! This is a part of merging because the waiting events of a saved document are merged like
//! received ones.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

use crate::codec::{Frame, Reader};
use crate::doc::Doc;
use crate::doc::bytes::{Unpacked, check_features, document_frame, read_document};
use crate::doc::incoming::{IncomingRun, Target};
use crate::error::{Error, Name};
use crate::id::SharedText;
use crate::lanes::branch_name;
impl Doc {
    /// Returns the document that `save` wrote. It writes as `peer`: 1 to `limits::PEER_BYTES`
    /// bytes. If this is the peer that wrote before, its counter continues. Does not execute the
    /// history again. O(bytes × log n).
    ///
    /// # Errors
    /// `InvalidArgument` for an empty name; `Corrupt` for bytes that are damaged or not a saved
    /// document; `UnsupportedVersion` and `UnsupportedFeature` for bytes of a newer engine;
    /// `LimitExceeded` for a name or a document that is too large.
    pub fn load(peer: &str, saved: &[u8]) -> Result<Self, Error> {
        Name::Peer.check(peer)?;
        let mut frame = document_frame(saved)?;
        Self::read(SharedText::from(peer), &mut frame)
    }

    pub(in crate::doc) fn read(peer: SharedText, frame: &mut Frame<'_>) -> Result<Self, Error> {
        let (mut doc, waiting) = read_document(peer, frame)?;
        let mut has_edits = doc.log.has_edits() || doc.rows.has_edited_cells();
        if let Some(section) = waiting {
            has_edits |= doc.read_waiting(section)?;
        }
        frame.finish()?;
        check_features(frame, has_edits)?;
        Ok(doc)
    }

    /// Returns whether a waiting event edits a cell.
    fn read_waiting(&mut self, section: Reader<'_>) -> Result<bool, Error> {
        let wrong = section.damage("a waiting event does not wait, or breaks a rule");
        let unpacked = Unpacked::of_section(section)?;
        let runs = unpacked.runs().map(|runs| {
            let plain = with_permanent_names(runs).into_iter();
            plain.map(|run| run.with_plain_names(|author| !self.is_forked(author))).collect::<Vec<_>>()
        });
        let merged = runs.and_then(|runs| self.merge(&runs)).map_err(|error| match error {
            Error::LimitExceeded { .. } => error,
            _ => wrong.clone(),
        })?;
        let report = merged.report;
        let has_edits = unpacked.has_edits();
        if report.applied == 0 && report.duplicate == 0 && report.waiting > 0 { Ok(has_edits) } else { Err(wrong) }
    }
}

/// Names the previous events of waiting runs by permanent names, like other dependencies. The bytes
/// do not contain their names.
fn with_permanent_names(mut runs: Vec<IncomingRun<'_>>) -> Vec<IncomingRun<'_>> {
    for previous in runs.iter_mut().filter_map(|run| run.previous.as_mut()) {
        let Target::Print(fingerprint) = previous.target else { continue };
        previous.name = branch_name(previous.author(), fingerprint).into();
    }
    runs
}
