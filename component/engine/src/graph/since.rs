//! Iterators over the events beyond a version, and over those of a lane.

use super::{Graph, RunNumber};
use crate::clock::Lamport;
use crate::id::{Counter, EventNumber, PeerNumber};
use crate::work;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

/// Consecutive events of one lane, each of which depends only on the event before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: EventNumber,
    pub(crate) len: u32,
    pub(crate) peer: PeerNumber,
    pub(crate) counter: Counter,
    pub(crate) lamport: Lamport,
}

impl Span {
    /// Returns the events of the span.
    pub(crate) fn events(self) -> impl Iterator<Item = EventNumber> {
        (self.first.0..self.first.0 + self.len).map(EventNumber)
    }

    /// Returns the span without its first `count` events, or `None` if no event is left.
    pub(crate) fn without_first(self, count: u32) -> Option<Self> {
        (count < self.len).then(|| Self {
            first: self.first.plus(count),
            len: self.len - count,
            counter: Counter(self.counter.0 + count),
            lamport: self.lamport.plus(count),
            ..self
        })
    }

    /// Returns the first `count` events of the span, or `None` if `count` is 0.
    pub(crate) fn first_of(self, count: u32) -> Option<Self> {
        (count > 0).then(|| Self { len: self.len.min(count), ..self })
    }
}

impl Graph {
    /// Returns the events beyond the first `counts[lane]` of each lane, in the order in which they
    /// took effect. A count may exceed the number of events. O(lanes), and O(log lanes) for each
    /// span.
    pub(crate) fn since(&self, counts: &[u32]) -> impl Iterator<Item = Span> {
        let mut next: BinaryHeap<Reverse<(EventNumber, usize)>> = BinaryHeap::new();
        for (peer, runs) in (0..).map(PeerNumber).zip(&self.by_peer) {
            let known = counts.get(peer.index()).copied().unwrap_or(0);
            if let Some(first) = self.first_beyond(peer, known) {
                let at = runs.partition_point(|run| self.runs[run.index()].first <= first) - 1;
                next.push(Reverse((first, at)));
            }
        }
        std::iter::from_fn(move || {
            work::step();
            let Reverse((first, at)) = next.pop()?;
            let span = self.span(first);
            let runs = &self.by_peer[span.peer.index()];
            if let Some(later) = runs.get(at + 1) {
                next.push(Reverse((self.runs[later.index()].first, at + 1)));
            }
            Some(span)
        })
    }

    /// Returns the first event of a lane with this counter or a larger one. O(log of the lane's
    /// runs).
    pub(crate) fn first_beyond(&self, peer: PeerNumber, counter: u32) -> Option<EventNumber> {
        let first = self.by_peer.get(peer.index())?.first()?;
        self.find(peer, Counter(counter.max(self.runs[first.index()].counter.0)))
    }

    /// Returns the events from this one on, in the order in which they took effect. O(log n) for
    /// each span.
    pub(crate) fn spans_from(&self, first: EventNumber) -> impl Iterator<Item = Span> {
        let mut next = first;
        std::iter::from_fn(move || {
            work::step();
            let span = (next.0 < self.len).then(|| self.span(next))?;
            next.0 += span.len;
            Some(span)
        })
    }

    /// Returns the lane's events with these counters that are in the graph. O(log n) for each span.
    pub(crate) fn spans(&self, peer: PeerNumber, counters: Range<u32>) -> impl Iterator<Item = Span> {
        let start = self.by_peer.get(peer.index()).and_then(|runs| runs.first());
        let mut next = start.map_or(0, |run| self.runs[run.index()].counter.0).max(counters.start);
        std::iter::from_fn(move || {
            work::step();
            let first = self.find(peer, Counter(next)).filter(|_| next < counters.end)?;
            let mut span = self.span(first);
            span.len = span.len.min(counters.end - next);
            next += span.len;
            Some(span)
        })
    }

    /// Returns the event and those after it in its run.
    fn span(&self, first: EventNumber) -> Span {
        let number: RunNumber = self.run_of(first);
        let run = &self.runs[number.index()];
        let steps = first.0 - run.first.0;
        Span {
            first,
            len: self.run_len(number) - steps,
            peer: run.peer,
            counter: Counter(run.counter.0 + steps),
            lamport: run.lamport.plus(steps),
        }
    }
}
