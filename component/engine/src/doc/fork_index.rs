//! An index of the events of forked authors.

use crate::id::{Counter, Fingerprint, PeerNumber};
use crate::lanes::AuthorNumber;
use std::collections::BTreeMap;

/// The events of authors with several lanes, by fingerprint. The index of an author is built on
/// first use.
#[derive(Debug, Default)]
pub(super) struct ForkIndex {
    pub(super) authors: BTreeMap<AuthorNumber, BTreeMap<Fingerprint, (PeerNumber, Counter)>>,
    /// The counter up to which the events of each lane are in the index.
    pub(super) done: BTreeMap<PeerNumber, u32>,
    /// Lanes with events that are not in the index.
    pub(super) touched: Vec<PeerNumber>,
}

impl ForkIndex {
    /// Announces new events of a lane.
    pub(super) fn touch(&mut self, lane: PeerNumber) {
        if !self.authors.is_empty() && self.touched.last() != Some(&lane) {
            self.touched.push(lane);
        }
    }
}
