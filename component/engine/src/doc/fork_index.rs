//! The events of forked authors by fingerprint.

use crate::id::{Counter, Fingerprint, PeerNumber};
use crate::lanes::AuthorNumber;
use std::collections::BTreeMap;

/// The events of authors with several lanes by fingerprint. Each author's is made when it is first asked for.
#[derive(Debug, Default)]
pub(super) struct ForkIndex {
    pub(super) authors: BTreeMap<AuthorNumber, BTreeMap<Fingerprint, (PeerNumber, Counter)>>,
    /// By lane, the counter up to which its events are in.
    pub(super) done: BTreeMap<PeerNumber, u32>,
    /// Lanes that got events since.
    pub(super) touched: Vec<PeerNumber>,
}

impl ForkIndex {
    /// Says that a lane got events.
    pub(super) fn touch(&mut self, lane: PeerNumber) {
        if !self.authors.is_empty() && self.touched.last() != Some(&lane) {
            self.touched.push(lane);
        }
    }
}
