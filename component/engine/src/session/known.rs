//! How much of each peer's history the other side has, as far as this one knows.

use crate::id::{PeerVersion, SharedText};
use std::collections::BTreeMap;

/// By peer: events of it that the other side has, and those that were sent to it beside.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<SharedText, Reach>);

#[derive(Debug, Default, Clone, Copy)]
struct Reach {
    /// What the other side is known to have.
    there: u32,
    /// What it is known to have, or will have once all that was sent has come.
    sent: u32,
}

impl Known {
    /// Forgets everything but this version, which the other side has.
    pub(super) fn restart(&mut self, version: Vec<(SharedText, u32)>) {
        self.0 = version.into_iter().map(|(peer, count)| (peer, Reach { there: count, sent: count })).collect();
    }

    /// How many events of a peer the other side is known to have. O(log n).
    pub(super) fn there(&self, peer: &str) -> u32 {
        self.0.get(peer).map_or(0, |reach| reach.there)
    }

    /// How many events of a peer need not be sent any more. O(log n).
    pub(super) fn sent(&self, peer: &str) -> u32 {
        self.0.get(peer).map_or(0, |reach| reach.sent)
    }

    /// Says that the events of a peer before this counter are on their way. O(log n).
    pub(super) fn raise_sent(&mut self, peer: &SharedText, count: u32) {
        let reach = self.reach(peer);
        reach.sent = reach.sent.max(count);
    }

    /// Says that the other side has the events of a peer before this counter. O(log n).
    pub(super) fn raise_there(&mut self, peer: &SharedText, count: u32) {
        let reach = self.reach(peer);
        reach.there = reach.there.max(count);
        reach.sent = reach.sent.max(count);
    }

    fn reach(&mut self, peer: &SharedText) -> &mut Reach {
        self.0.entry(peer.clone()).or_default()
    }

    /// What the other side is known to have, sorted by peer.
    pub(super) fn version(&self) -> impl Iterator<Item = (&SharedText, u32)> {
        self.0.iter().map(|(peer, reach)| (peer, reach.there)).filter(|&(_, count)| count > 0)
    }

    /// The same, for the outside.
    pub(super) fn peer_versions(&self) -> Vec<PeerVersion> {
        self.version().map(|(peer, count)| PeerVersion { peer: String::from(&**peer), count }).collect()
    }
}
