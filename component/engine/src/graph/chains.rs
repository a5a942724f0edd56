//! The events in an order that does not depend on how they came: by the longest runs, and these by the lamport time of
//! their first event, then by peer.
//!
//! A run that depends on an event comes after the run of that event, whose first event has a smaller time: so this order
//! too puts each event after what it depends on.

use super::{Graph, Span};
use crate::clock::Lamport;
use crate::id::{Counter, EventNumber, PeerNumber};
use crate::sort;

/// What is known of the branches that lanes consist of.
pub(crate) trait Branches {
    /// The place of an event's branch in an order that does not depend on how events came.
    fn rank(&self, lane: PeerNumber, counter: Counter) -> u32;
    /// Whether a branch begins with this event.
    fn begins_at(&self, lane: PeerNumber, counter: Counter) -> bool;
    /// The first event of the next branch on this lane behind the event, if there is one.
    fn next_start(&self, lane: PeerNumber, counter: Counter) -> Option<Counter>;
}

/// The parts of a span that lie on one branch each.
pub(crate) fn parts(span: Span, branches: &impl Branches) -> impl Iterator<Item = Span> {
    let mut rest = Some(span);
    std::iter::from_fn(move || {
        let span = rest?;
        let len = branches.next_start(span.peer, span.counter).map_or(span.len, |next| next.0 - span.counter.0);
        rest = span.without_first(len.min(span.len));
        span.first_of(len)
    })
}

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
    /// The chains of the events beyond the first `counts[peer]` of each peer, in the order that the branches' ranks give.
    /// O(peers), and O(log n) for each run.
    pub(crate) fn chains(&self, counts: &[u32], branches: &impl Branches) -> Vec<Chain> {
        let peers = (0..self.by_peer.len() as u32).map(PeerNumber);
        let spans = peers.flat_map(|peer| {
            let known = counts.get(peer.index()).copied().unwrap_or(0);
            self.spans(peer, known..u32::MAX)
        });
        let mut chains = self.linked(spans, branches);
        sort::sort_by_key(&mut chains, |chain| (chain.lamport, branches.rank(chain.peer, chain.counter)));
        chains
    }

    /// The chains that these spans make up, which come peer by peer and in the order of their counters. O(log n) for each.
    pub(crate) fn linked(&self, spans: impl Iterator<Item = Span>, branches: &impl Branches) -> Vec<Chain> {
        let mut chains: Vec<Chain> = Vec::new();
        for span in spans.flat_map(|span| parts(span, branches)) {
            let Span { first, len, peer, counter, lamport } = span;
            let follows = self.dependencies(first).is_none_or(|dependencies| match *dependencies {
                [dependency] => self.describe(dependency).0 == peer,
                _ => false,
            }) && self.salt(first) == 0
                && !branches.begins_at(peer, counter);
            match chains.last_mut().filter(|chain| chain.peer == peer) {
                Some(chain) if follows => {
                    chain.len += len;
                    chain.pieces.push(span);
                }
                _ => chains.push(Chain { peer, counter, lamport, len, pieces: vec![span] }),
            }
        }
        chains
    }
}

impl Chain {
    /// Its events, in their order.
    pub(crate) fn events(&self) -> impl Iterator<Item = EventNumber> + use<'_> {
        self.pieces.iter().flat_map(|piece| (piece.first.0..).take(piece.len as usize).map(EventNumber))
    }
}
