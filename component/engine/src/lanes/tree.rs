//! Walks between lanes, and the order of execution of events on different lanes.
//!
//! Every lane remembers one lane further up, chosen so that each walk upwards takes O(log depth)
//! steps.
//!
//! Source: E. W. Myers, "An Applicative Random-Access Stack", 1983.

use super::{Lanes, Origin};
use crate::id::{Counter, Fingerprint, PeerNumber};
use crate::work;
use std::cmp::Ordering;

/// The place at which two lanes of one author diverge.
enum Parting {
    /// The second lane leaves the first one, directly or by other lanes. The lane that leaves it.
    First(PeerNumber),
    /// The first lane leaves the second one.
    Second(PeerNumber),
    /// Both leave a third one. The lanes that leave it.
    Both(PeerNumber, PeerNumber),
}

impl Lanes {
    /// Returns the origin of a lane that leaves `lane` at the counter `start`.
    pub(super) fn origin_at(&self, lane: PeerNumber, start: Counter) -> Origin {
        let depth = self.depth(lane) + 1;
        let jump = self.jump(lane);
        let further = self.jump(jump);
        let is_even = self.depth(lane) - self.depth(jump) == self.depth(jump) - self.depth(further);
        Origin { lane, start, depth, jump: if is_even { further } else { lane } }
    }

    pub(super) fn depth(&self, lane: PeerNumber) -> u32 {
        self.lanes[lane.index()].origin.map_or(0, |origin| origin.depth)
    }

    fn jump(&self, lane: PeerNumber) -> PeerNumber {
        self.lanes[lane.index()].origin.map_or(lane, |origin| origin.jump)
    }

    fn up(&self, lane: PeerNumber) -> PeerNumber {
        self.parent(lane).unwrap_or(lane)
    }

    /// Returns the lane with the event of this counter, on the path from the author's first event
    /// to `lane`.
    pub(crate) fn on_path(&self, lane: PeerNumber, counter: Counter) -> PeerNumber {
        let mut lane = lane;
        while counter < self.start(lane) {
            work::step();
            let jump = self.jump(lane);
            lane = if counter < self.start(jump) && jump != lane { jump } else { self.up(lane) };
        }
        lane
    }

    /// Returns whether the first event is on the path to the second one, or is that event.
    pub(crate) fn is_on_path(&self, (lane, counter): (PeerNumber, Counter), to: (PeerNumber, Counter)) -> bool {
        counter <= to.1 && self.author_of(lane) == self.author_of(to.0) && self.on_path(to.0, counter) == lane
    }

    /// Compares the authors of two events of one lamport time in the order of execution: by name as
    /// bytes; for one author, by the fingerprints of the events with which the two branches
    /// diverge. O(log depth).
    pub(crate) fn order(&self, one: PeerNumber, other: PeerNumber) -> Ordering {
        if one == other {
            return Ordering::Equal;
        }
        if self.author_of(one) != self.author_of(other) {
            return self.author_name(one).cmp(self.author_name(other));
        }
        let first = |lane: PeerNumber| self.fingerprint_at(lane, self.start(lane));
        // The event with which a lane continues at the place where another lane leaves it.
        let beside = |lane: PeerNumber| {
            let parent = self.up(lane);
            self.fingerprint_at(parent, self.start(lane))
        };
        match self.part(one, other) {
            Parting::First(by) => beside(by).cmp(&first(by)),
            Parting::Second(by) => first(by).cmp(&beside(by)),
            Parting::Both(by_one, by_other) => match self.start(by_one).cmp(&self.start(by_other)) {
                Ordering::Less => first(by_one).cmp(&beside(by_one)),
                Ordering::Equal => first(by_one).cmp(&first(by_other)),
                Ordering::Greater => beside(by_other).cmp(&first(by_other)),
            },
        }
    }

    fn fingerprint_at(&self, lane: PeerNumber, counter: Counter) -> Option<Fingerprint> {
        self.start_at(lane, counter).map(|first| first.fingerprint)
    }

    /// Returns the place at which two different lanes of one author diverge.
    fn part(&self, one: PeerNumber, other: PeerNumber) -> Parting {
        if self.depth(one) > self.depth(other) {
            let above = self.at_depth(one, self.depth(other) + 1);
            if self.up(above) == other {
                return Parting::Second(above);
            }
        }
        if self.depth(other) > self.depth(one) {
            let above = self.at_depth(other, self.depth(one) + 1);
            if self.up(above) == one {
                return Parting::First(above);
            }
        }
        let depth = self.depth(one).min(self.depth(other));
        let (mut one, mut other) = (self.at_depth(one, depth), self.at_depth(other, depth));
        while self.up(one) != self.up(other) {
            work::step();
            let (jump_one, jump_other) = (self.jump(one), self.jump(other));
            (one, other) = if jump_one != jump_other { (jump_one, jump_other) } else { (self.up(one), self.up(other)) };
        }
        Parting::Both(one, other)
    }

    /// Returns the lane of this depth on the path to a lane.
    fn at_depth(&self, lane: PeerNumber, depth: u32) -> PeerNumber {
        let mut lane = lane;
        while self.depth(lane) > depth {
            work::step();
            let jump = self.jump(lane);
            lane = if self.depth(jump) >= depth { jump } else { self.up(lane) };
        }
        lane
    }
}
