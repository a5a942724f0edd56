//! One row, and the rule by which operations join it. `docs/semantics.md` says why the rule is right.

use super::Names;
use crate::clock::Lamport;
use crate::id::{PeerNumber, RowNumber, SharedText};
use crate::oplog::{CellNumber, LoggedOp, OpKind, OpLog};
use crate::work;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The place of an operation in the order of execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) lamport: Lamport,
    pub(crate) peer: PeerNumber,
    /// The operation's place in its commit.
    pub(crate) index: u32,
}

impl Stamp {
    /// Before every operation.
    const NEVER: Self = Self { lamport: Lamport::NEVER, peer: PeerNumber(0), index: 0 };

    fn order(self, other: Self, peers: &Names) -> Ordering {
        self.lamport.cmp(&other.lamport).then_with(|| {
            if self.peer == other.peer {
                self.index.cmp(&other.index)
            } else {
                peers.text(self.peer.0).cmp(peers.text(other.peer.0))
            }
        })
    }

    fn is_before(self, other: Self, peers: &Names) -> bool {
        self.order(other, peers).is_lt()
    }
}

/// The inserts of each row after its earliest one that counts. Few rows have any, so they are kept together.
#[derive(Debug, Default)]
pub(super) struct FurtherInserts(BTreeSet<Entry>);

/// In the order of execution within a row.
type Entry = (RowNumber, Lamport, SharedText, u32, PeerNumber);

impl FurtherInserts {
    fn add(&mut self, row: RowNumber, stamp: Stamp, peers: &Names) {
        self.0.insert((row, stamp.lamport, peers.text(stamp.peer.0).clone(), stamp.index, stamp.peer));
    }

    fn take_earliest(&mut self, row: RowNumber) -> Option<Stamp> {
        let entry = self.of(row).next()?.clone();
        self.0.remove(&entry);
        let (_, lamport, _, index, peer) = entry;
        Some(Stamp { lamport, peer, index })
    }

    fn of(&self, row: RowNumber) -> impl Iterator<Item = &Entry> {
        let start = (row, Lamport::NEVER, SharedText::default(), 0, PeerNumber(0));
        self.0.range(start..).take_while(move |entry| entry.0 == row)
    }
}

/// The latest write to a column.
#[derive(Debug, Clone, Copy)]
struct Written {
    stamp: Stamp,
    cell: CellNumber,
    /// Whether it is not before the earliest insert.
    shows: bool,
}

/// What a row is made of.
#[derive(Debug)]
pub(super) struct RowState {
    deleted: Stamp,
    /// The earliest insert after that; `NEVER` where the row is not there.
    inserted: Stamp,
    /// By column, sorted by its name. Writes that do not show have come into a gap in which the row was not there; they
    /// may show once an earlier insert comes.
    written: Vec<Written>,
}

impl Default for RowState {
    fn default() -> Self {
        Self { deleted: Stamp::NEVER, inserted: Stamp::NEVER, written: Vec::new() }
    }
}

/// What the numbers in a row stand for.
#[derive(Clone, Copy)]
pub(super) struct Meaning<'a> {
    pub(super) log: &'a OpLog,
    pub(super) columns: &'a Names,
    pub(super) peers: &'a Names,
}

impl<'a> Meaning<'a> {
    fn column_of(self, written: &Written) -> &'a str {
        self.columns.text(self.log.column(written.cell).0)
    }
}

impl RowState {
    /// Whether the row is there.
    pub(super) fn is_there(&self) -> bool {
        self.inserted != Stamp::NEVER
    }

    /// The cells that show, sorted by column name.
    pub(super) fn cells(&self) -> impl Iterator<Item = CellNumber> {
        self.written.iter().filter(|written| written.shows).map(|written| written.cell)
    }

    /// Joins an operation to the row.
    pub(super) fn apply(&mut self, stamp: Stamp, op: &LoggedOp, meaning: Meaning<'_>, further: &mut FurtherInserts) {
        if stamp.is_before(self.deleted, meaning.peers) {
            return;
        }
        match op.kind {
            OpKind::Insert => {
                self.insert(op.row, stamp, meaning.peers, further);
                self.write(stamp, op, meaning);
            }
            OpKind::Update => self.write(stamp, op, meaning),
            OpKind::Delete => self.delete(op.row, stamp, meaning.peers, further),
        }
    }

    fn insert(&mut self, row: RowNumber, stamp: Stamp, peers: &Names, further: &mut FurtherInserts) {
        if self.is_there() && self.inserted.is_before(stamp, peers) {
            return further.add(row, stamp, peers);
        }
        if self.is_there() {
            further.add(row, self.inserted, peers);
        }
        self.set_inserted(stamp, peers);
    }

    fn write(&mut self, stamp: Stamp, op: &LoggedOp, meaning: Meaning<'_>) {
        let shows = self.is_there() && !stamp.is_before(self.inserted, meaning.peers);
        for cell in op.cells() {
            work::step();
            let written = Written { stamp, cell, shows };
            let column = meaning.column_of(&written);
            match self.written.binary_search_by(|other| meaning.column_of(other).cmp(column)) {
                Ok(at) if self.written[at].stamp.is_before(stamp, meaning.peers) => self.written[at] = written,
                Ok(_) => {}
                Err(at) => self.written.insert(at, written),
            }
        }
    }

    fn delete(&mut self, row: RowNumber, stamp: Stamp, peers: &Names, further: &mut FurtherInserts) {
        self.deleted = stamp;
        self.written.retain(|written| stamp.is_before(written.stamp, peers));
        if self.is_there() && self.inserted.is_before(stamp, peers) {
            let next = loop {
                work::step();
                match further.take_earliest(row) {
                    Some(insert) if insert.is_before(stamp, peers) => {}
                    other => break other,
                }
            };
            self.set_inserted(next.unwrap_or(Stamp::NEVER), peers);
        }
    }

    fn set_inserted(&mut self, stamp: Stamp, peers: &Names) {
        self.inserted = stamp;
        let is_there = self.is_there();
        for written in &mut self.written {
            written.shows = is_there && !written.stamp.is_before(stamp, peers);
        }
    }

    /// Panics where something that always holds does not.
    pub(super) fn dbg_check(&self, row: RowNumber, meaning: Meaning<'_>, further: &FurtherInserts) {
        let peers = meaning.peers;
        let is_sorted = self.written.is_sorted_by(|a, b| meaning.column_of(a) < meaning.column_of(b));
        assert!(is_sorted, "columns of {self:?}");
        for written in &self.written {
            assert!(self.deleted.is_before(written.stamp, peers), "{written:?} before the delete of {self:?}");
            let shows = self.is_there() && !written.stamp.is_before(self.inserted, peers);
            assert_eq!(written.shows, shows, "{written:?} of {self:?}");
        }
        if !self.is_there() {
            assert_eq!(further.of(row).count(), 0, "inserts of {self:?}");
            return;
        }
        assert!(self.deleted.is_before(self.inserted, peers), "insert before the delete of {self:?}");
        for &(_, lamport, _, index, peer) in further.of(row) {
            assert!(self.inserted.is_before(Stamp { lamport, peer, index }, peers), "further insert of {self:?}");
        }
    }
}
