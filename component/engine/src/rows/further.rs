//! The inserts of each row after its earliest one that counts.
//!
//! Stores them in one list, because few rows have any. Always holds: the list is sorted by row, and
//! the stamps of a row by the order of execution. Does not know the names of peers: callers pass
//! them.

use super::Stamp;
use crate::clock::Lamport;
use crate::id::{Order, PeerNumber, RowNumber};
use crate::lanes::Lanes;
use crate::work;
use std::cmp::Ordering;

/// The slack that a further insert uses.
pub(super) const FURTHER_SPENDS: u64 = 32;

#[derive(Debug, Clone, Copy)]
struct FurtherInsert {
    row: RowNumber,
    stamp: Stamp,
}

/// The further inserts of rows.
#[derive(Debug, Clone, Default)]
pub(super) struct FurtherInserts(Order<FurtherInsert>);

impl FurtherInserts {
    /// Adds an insert that is not in the list. O(log n).
    pub(super) fn add(&mut self, row: RowNumber, stamp: Stamp, peers: &Lanes) {
        work::step();
        let is_before =
            |other: FurtherInsert| other.row.cmp(&row).then_with(|| other.stamp.order(stamp, peers)).is_lt();
        self.0.insert_by(FurtherInsert { row, stamp }, is_before);
    }

    /// Appends the inserts of a row, sorted by the order of execution. All other rows come before
    /// this one. O(1) each.
    pub(super) fn push_row(&mut self, row: RowNumber, stamps: impl Iterator<Item = Stamp>) {
        for stamp in stamps {
            work::step();
            self.0.push(FurtherInsert { row, stamp });
        }
    }

    /// Removes and returns the earliest insert of a row. O(log n).
    pub(super) fn take_earliest(&mut self, row: RowNumber) -> Option<Stamp> {
        work::step();
        self.0.remove_by(|entry| entry.row.cmp(&row)).map(|entry| entry.stamp)
    }

    /// Returns the stamps of a row, in the order of execution. O(log n) for the first one.
    pub(super) fn stamps(&self, row: RowNumber) -> impl Iterator<Item = Stamp> {
        self.of(row).inspect(|_| work::step()).map(|entry| entry.stamp)
    }

    /// Returns the stamps of all rows.
    pub(super) fn all(&self) -> impl Iterator<Item = Stamp> {
        self.0.iter().inspect(|_| work::step()).map(|entry| entry.stamp)
    }

    /// Returns a list with the inserts of one row. O(log n + the result).
    pub(super) fn only(&self, row: RowNumber) -> Self {
        let mut only = Self::default();
        only.push_row(row, self.stamps(row));
        only
    }

    /// Replaces the numbers of peers. The new numbers must keep the order of execution. O(n).
    pub(super) fn renumber(&mut self, number: &impl Fn(PeerNumber) -> PeerNumber) {
        let renumbered =
            self.0.iter().map(|FurtherInsert { row, stamp }| FurtherInsert { row, stamp: stamp.renumbered(number) });
        self.0 = Order::of_sorted(renumbered);
    }

    /// Removes the inserts before a time. O(n).
    pub(super) fn forget_before(&mut self, lamport: Lamport) {
        if self.0.len() > 0 {
            let is_kept = |entry: &FurtherInsert| {
                work::step();
                entry.stamp.lamport >= lamport
            };
            self.0 = Order::of_sorted(self.0.iter().filter(is_kept));
        }
    }

    /// Returns whether the stamps of a row are sorted and after this one. O(log n + the stamps).
    pub(super) fn follow(&self, row: RowNumber, earliest: Stamp, peers: &Lanes) -> bool {
        let mut last = earliest;
        self.stamps(row).all(|stamp| std::mem::replace(&mut last, stamp).order(stamp, peers) == Ordering::Less)
    }

    fn of(&self, row: RowNumber) -> impl Iterator<Item = FurtherInsert> {
        self.0.range(move |entry| entry.row < row, move |entry| entry.row > row)
    }
}

#[cfg(test)]
mod tests {
    use super::{FurtherInserts, PeerNumber};
    use crate::clock::Lamport;
    use crate::id::{RowNumber, SharedText};
    use crate::lanes::Lanes;
    use crate::rows::Stamp;
    use std::collections::BTreeSet;

    type NamedInsert = (RowNumber, Lamport, SharedText, PeerNumber);

    #[test]
    fn is_what_a_sorted_set_is() {
        let mut peers = Lanes::default();
        for peer in ["b", "a", "c"] {
            peers.add_author(peer);
        }
        let (mut inserts, mut set) = (FurtherInserts::default(), BTreeSet::<NamedInsert>::new());
        let mut random = 1_u32;
        for _ in 0..5_000 {
            random = random.wrapping_mul(0x9e37_79b1).wrapping_add(0x7f4a_7c15).rotate_left(5);
            let (row, lamport, peer) = (random % 7, random >> 8 & 0xff, random >> 16 & 0xff);
            let (row, peer) = (RowNumber(row), PeerNumber(peer % 3));
            let name = peers.author_name(peer).clone();
            if random.is_multiple_of(5) {
                let first = set.iter().find(|&&(of, ..)| of == row).cloned();
                let expected = first.clone().map(|(_, lamport, _, peer)| (lamport, peer));
                assert_eq!(inserts.take_earliest(row).map(|stamp| (stamp.lamport, stamp.peer)), expected);
                assert!(first.is_none_or(|first| set.remove(&first)));
            } else if set.insert((row, Lamport(lamport), name, peer)) {
                inserts.add(row, Stamp { lamport: Lamport(lamport), peer, index: 0 }, &peers);
            }
        }
        for row in (0..8).map(RowNumber) {
            let expected = set.iter().filter(|&&(of, ..)| of == row).map(|(_, lamport, _, peer)| (*lamport, *peer));
            let expected: Vec<_> = expected.collect();
            let found = |inserts: &FurtherInserts| -> Vec<_> {
                inserts.stamps(row).map(|stamp| (stamp.lamport, stamp.peer)).collect()
            };
            assert_eq!((found(&inserts), found(&inserts.only(row))), (expected.clone(), expected));
            assert!(inserts.follow(row, Stamp::NEVER, &peers));
        }
        inserts.forget_before(Lamport(100));
        set.retain(|&(_, lamport, ..)| lamport >= Lamport(100));
        assert_eq!(inserts.all().count(), set.len());
    }
}
