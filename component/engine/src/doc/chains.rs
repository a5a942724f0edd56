//! Chains: the events of a document in an order that does not depend on how they arrived.
//!
//! A chain is a longest possible run. Chains are sorted by the lamport time of their first event,
//! then by branch. A chain that depends on an event comes after the chain of that event, whose
//! first event has a smaller time; so each event comes after its dependencies.

use super::Doc;
use super::branches::BranchTable;
use crate::clock::Lamport;
use crate::graph::Span;
use crate::id::{Counter, EventNumber, PeerNumber};
use crate::sort;

/// The longest sequence of consecutive events of one branch, each of which depends only on the
/// event before it.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) peer: PeerNumber,
    pub(super) counter: Counter,
    pub(super) lamport: Lamport,
    pub(super) len: u32,
    /// The events of the chain in the graph.
    pub(super) pieces: Vec<Span>,
}

impl Chain {
    /// Returns the events of the chain.
    pub(super) fn events(&self) -> impl Iterator<Item = EventNumber> + use<'_> {
        self.pieces.iter().flat_map(|piece| (piece.first.0..).take(piece.len as usize).map(EventNumber))
    }
}

impl Doc {
    /// Splits a span into parts that are on one branch each.
    pub(super) fn parts(&self, span: Span) -> impl Iterator<Item = Span> + use<'_> {
        let mut rest = Some(span);
        std::iter::from_fn(move || {
            let span = rest?;
            let len = self.lanes.next_start(span.peer, span.counter).map_or(span.len, |next| next.0 - span.counter.0);
            rest = span.without_first(len.min(span.len));
            span.first_of(len)
        })
    }

    /// Returns the chains of the events beyond the first `counts[lane]` of each lane. O(lanes), and
    /// O(log n) for each run.
    pub(super) fn chains(&self, counts: &[u32], branches: &BranchTable<'_>) -> Vec<Chain> {
        let spans = self.lanes.all().flat_map(|lane| {
            let known = counts.get(lane.index()).copied().unwrap_or(0);
            self.graph.spans(lane, known..u32::MAX)
        });
        let mut chains = self.linked(spans);
        sort::sort_by_key(&mut chains, |chain| (chain.lamport, branches.rank(chain.peer, chain.counter)));
        chains
    }

    /// Returns the chains of these spans, which are sorted by lane and counter. O(log n) for each
    /// span.
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
