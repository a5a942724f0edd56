//! The past of an edit: the events that its event builds on, and the operations before it in its
//! commit.

use crate::clock::Lamport;
use crate::graph::Graph;
use crate::id::{Counter, EventNumber, PeerNumber};
use crate::rows::stamp::Stamp;
use std::cell::OnceCell;

/// The past of an edit.
pub(in crate::rows) struct Past<'a> {
    graph: &'a Graph,
    event: EventNumber,
    stamp: Stamp,
    /// By lane, the count of events that the edit's event builds on, including itself.
    counts: OnceCell<Vec<u32>>,
}

impl<'a> Past<'a> {
    /// Returns the past of the edit with this stamp, which belongs to this event.
    pub(in crate::rows) fn new(graph: &'a Graph, event: EventNumber, stamp: Stamp) -> Self {
        Self { graph, event, stamp, counts: OnceCell::new() }
    }

    /// Returns the lane of the edit.
    pub(super) fn lane(&self) -> PeerNumber {
        self.stamp.peer
    }

    /// Returns whether the edit's event is this event or builds on it.
    pub(super) fn contains(&self, event: EventNumber) -> bool {
        self.event == event || self.graph.first_reaching(&[self.event], event).is_some()
    }

    /// Returns the time and the place in the commit before which the past contains all operations
    /// of a lane since the horizon, and none from there on. O(lanes) for the first call.
    pub(super) fn end_of(&self, lane: PeerNumber) -> (Lamport, u32) {
        if lane == self.stamp.peer {
            return (self.stamp.lamport, self.stamp.index);
        }
        let counts = self.counts.get_or_init(|| self.graph.counts_at(&[self.event]));
        let last = counts.get(lane.index()).and_then(|count| count.checked_sub(1));
        let last = last.and_then(|last| self.graph.find(lane, Counter(last)));
        last.map_or((Lamport::NEVER, 0), |last| (self.graph.describe(last).2.plus(1), 0))
    }
}
