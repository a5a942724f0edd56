//! Stamps: the order in which operations are executed.

use crate::clock::Lamport;
use crate::id::PeerNumber;
use crate::lanes::Lanes;
use std::cmp::Ordering;

/// The place of an operation in the order of execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) lamport: Lamport,
    pub(crate) peer: PeerNumber,
    /// The index of the operation in its commit.
    pub(crate) index: u32,
}

impl Stamp {
    /// A stamp before that of every operation.
    pub(super) const NEVER: Self = Self { lamport: Lamport::NEVER, peer: PeerNumber(0), index: 0 };
    /// The stamp of settled operations. It is before the stamps of all operations that are not
    /// settled, and of all future ones.
    pub(super) const SETTLED: Self = Self { lamport: Lamport::NEVER, peer: PeerNumber(0), index: 1 };

    pub(super) fn order(self, other: Self, peers: &Lanes) -> Ordering {
        self.lamport.cmp(&other.lamport).then_with(|| {
            if self.peer == other.peer { self.index.cmp(&other.index) } else { peers.order(self.peer, other.peer) }
        })
    }

    /// Returns the stamp with another number for its peer.
    pub(super) fn renumbered(self, number: &impl Fn(PeerNumber) -> PeerNumber) -> Self {
        if self.lamport == Lamport::NEVER { self } else { Self { peer: number(self.peer), ..self } }
    }

    pub(super) fn is_before(self, other: Self, peers: &Lanes) -> bool {
        self.order(other, peers).is_lt()
    }
}
