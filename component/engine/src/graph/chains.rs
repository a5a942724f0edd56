//! The events in an order that does not depend on how they came: by the longest runs, and these by the lamport time of
//! their first event, then by peer.
//!
//! A run that depends on an event comes after the run of that event, whose first event has a smaller time: so this order
//! too puts each event after what it depends on.

use super::{Graph, Span};
use crate::clock::Lamport;
use crate::id::{Counter, EventNumber, PeerNumber, Ranks};

/// As many consecutive events of one peer as there are, each of which depends on just the one before it.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) peer: PeerNumber,
    pub(crate) counter: Counter,
    pub(crate) lamport: Lamport,
    pub(crate) len: u32,
    /// Where its events lie.
    pub(crate) pieces: Vec<Span>,
}

impl Graph {
    /// The chains of the events beyond the first `counts[peer]` of each peer, in the order that the peers' ranks give.
    /// O(peers), and O(log n) for each run.
    pub(crate) fn chains(&self, counts: &[u32], ranks: &Ranks) -> Vec<Chain> {
        let mut chains = Vec::new();
        for peer in (0..self.by_peer.len() as u32).map(PeerNumber) {
            let start = chains.len();
            let known = counts.get(peer.index()).copied().unwrap_or(0);
            for span in self.spans(peer, known..u32::MAX) {
                let follows = self.dependencies(span.first).is_none_or(|dependencies| match *dependencies {
                    [dependency] => self.describe(dependency).0 == peer,
                    _ => false,
                });
                match chains[start..].last_mut() {
                    Some(chain) if follows => {
                        let chain: &mut Chain = chain;
                        chain.len += span.len;
                        chain.pieces.push(span);
                    }
                    _ => chains.push(Chain {
                        peer,
                        counter: span.counter,
                        lamport: span.lamport,
                        len: span.len,
                        pieces: vec![span],
                    }),
                }
            }
        }
        chains.sort_unstable_by_key(|chain| (chain.lamport, ranks.of(chain.peer.0)));
        chains
    }
}

impl Chain {
    /// Its events, in their order.
    pub(crate) fn events(&self) -> impl Iterator<Item = EventNumber> + use<'_> {
        self.pieces.iter().flat_map(|piece| (piece.first.0..).take(piece.len as usize).map(EventNumber))
    }
}
