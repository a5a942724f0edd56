//! The events in an order that does not depend on how they came: by the longest runs, and these by the lamport time of
//! their first event, then by peer.
//!
//! A run that depends on an event comes after the run of that event, whose first event has a smaller time: so this order
//! too puts each event after what it depends on.

use super::Doc;
use super::branches::BranchTable;
use crate::clock::Lamport;
use crate::graph::Span;
use crate::id::{Counter, EventNumber, PeerNumber};
use crate::sort;

/// As many consecutive events of one peer as there are, each of which depends on just the one before it.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) peer: PeerNumber,
    pub(super) counter: Counter,
    pub(super) lamport: Lamport,
    pub(super) len: u32,
    /// Where its events lie.
    pub(super) pieces: Vec<Span>,
}

impl Chain {
    /// Its events, in their order.
    pub(super) fn events(&self) -> impl Iterator<Item = EventNumber> + use<'_> {
        self.pieces.iter().flat_map(|piece| (piece.first.0..).take(piece.len as usize).map(EventNumber))
    }
}

impl Doc {
    /// The parts of a span that lie on one branch each.
    pub(super) fn parts(&self, span: Span) -> impl Iterator<Item = Span> + use<'_> {
        let mut rest = Some(span);
        std::iter::from_fn(move || {
            let span = rest?;
            let len = self.lanes.next_start(span.peer, span.counter).map_or(span.len, |next| next.0 - span.counter.0);
            rest = span.without_first(len.min(span.len));
            span.first_of(len)
        })
    }

    /// The chains of the events beyond the first `counts[peer]` of each peer, in the order that the branches' ranks give.
    /// O(peers), and O(log n) for each run.
    pub(super) fn chains(&self, counts: &[u32], branches: &BranchTable<'_>) -> Vec<Chain> {
        let spans = self.lanes.all().flat_map(|lane| {
            let known = counts.get(lane.index()).copied().unwrap_or(0);
            self.graph.spans(lane, known..u32::MAX)
        });
        let mut chains = self.linked(spans);
        sort::sort_by_key(&mut chains, |chain| (chain.lamport, branches.rank(chain.peer, chain.counter)));
        chains
    }

    /// The chains that these spans make up, which come peer by peer and in the order of their counters. O(log n) for each.
    pub(super) fn linked(&self, spans: impl Iterator<Item = Span>) -> Vec<Chain> {
        let Self { graph, lanes, .. } = self;
        let mut chains: Vec<Chain> = Vec::new();
        for span in spans.flat_map(|span| self.parts(span)) {
            let Span { first, len, peer, counter, lamport } = span;
            let follows = graph.dependencies(first).is_none_or(|dependencies| match *dependencies {
                [dependency] => graph.describe(dependency).0 == peer,
                _ => false,
            }) && graph.salt(first) == 0
                && lanes.start_at(peer, counter).is_none();
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
