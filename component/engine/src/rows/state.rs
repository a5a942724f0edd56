//! The state of one row, and the rule by which operations change it. `docs/semantics.md` explains
//! why the rule is right.

use super::Names;
use super::further::FurtherInserts;
use super::stamp::Stamp;
use crate::clock::Lamport;
use crate::id::{ColumnNumber, PeerNumber, RowNumber};
use crate::lanes::Lanes;
use crate::oplog::{CellNumber, LoggedOp, OpKind, OpLog};
use crate::work;
use smallvec::SmallVec;

/// The latest write to a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct LatestWrite {
    pub(super) stamp: Stamp,
    pub(super) cell: CellNumber,
    /// The column of the cell. `limits::COLUMNS` keeps the number below 2^16.
    column: u16,
    /// Whether the row exists, and the write is not before its earliest insert.
    pub(super) counts: bool,
    /// Whether the write removed the cell. Its stamp then rejects earlier writes that arrive later.
    pub(super) is_unset: bool,
}

impl LatestWrite {
    /// Returns a write that is not visible.
    pub(super) fn new(stamp: Stamp, cell: CellNumber, column: ColumnNumber, is_unset: bool) -> Self {
        Self { stamp, cell, column: column.0 as u16, counts: false, is_unset }
    }

    pub(super) fn counting(self, counts: bool) -> Self {
        Self { counts, ..self }
    }

    /// Returns whether the row has this cell: the write counts, and wrote a value.
    pub(super) fn shows(&self) -> bool {
        self.counts && !self.is_unset
    }

    /// Returns whether the write counts in a row with this earliest insert.
    fn counts_after(&self, inserted: Stamp, peers: &Lanes) -> bool {
        inserted != Stamp::NEVER && !self.stamp.is_before(inserted, peers)
    }

    pub(super) fn column(&self) -> ColumnNumber {
        ColumnNumber(self.column.into())
    }
}

/// The number of cells that are stored in the row itself. Most rows have few cells.
const IN_PLACE: usize = 3;
/// Up to this number of cells, a linear search is the fastest.
const FEW: usize = 16;

/// The state of a row.
#[derive(Debug, Clone)]
pub(super) struct RowState {
    pub(super) deleted: Stamp,
    /// The earliest insert after the delete; `NEVER` if the row does not exist.
    pub(super) inserted: Stamp,
    /// The writes, sorted by column name. A write that is not visible was made while the row did
    /// not exist. It becomes visible if an earlier insert arrives.
    pub(super) written: SmallVec<[LatestWrite; IN_PLACE]>,
}

impl Default for RowState {
    fn default() -> Self {
        Self { deleted: Stamp::NEVER, inserted: Stamp::NEVER, written: SmallVec::new() }
    }
}

/// The names and values that the numbers in a row stand for.
#[derive(Clone, Copy)]
pub(super) struct Meaning<'a> {
    pub(super) log: &'a OpLog,
    pub(super) columns: &'a Names,
    pub(super) peers: &'a Lanes,
}

impl<'a> Meaning<'a> {
    fn column_name(self, written: &LatestWrite) -> &'a str {
        self.columns.text(written.column().0)
    }
}

impl RowState {
    /// Replaces the numbers of peers. The new numbers must keep the order of execution.
    pub(super) fn renumber(&mut self, number: &impl Fn(PeerNumber) -> PeerNumber) {
        self.deleted = self.deleted.renumbered(number);
        self.inserted = self.inserted.renumbered(number);
        self.written.iter_mut().for_each(|written| written.stamp = written.stamp.renumbered(number));
    }

    /// Returns whether the row exists.
    pub(super) fn exists(&self) -> bool {
        self.inserted != Stamp::NEVER
    }

    /// Returns the latest write to a column. O(log cells).
    pub(super) fn latest(&self, column: ColumnNumber, meaning: Meaning<'_>) -> Option<&LatestWrite> {
        self.written.get(self.place(column, meaning).ok()?)
    }

    /// Determines whether the unsets count, which bytes do not contain.
    pub(super) fn count_unsets(&mut self, peers: &Lanes) {
        for written in self.written.iter_mut().filter(|written| written.is_unset) {
            work::step();
            written.counts = written.counts_after(self.inserted, peers);
        }
    }

    /// Returns whether nothing is known of the row.
    pub(super) fn is_empty(&self) -> bool {
        !self.exists() && self.deleted == Stamp::NEVER && self.written.is_empty()
    }

    /// Removes settled stamps, and settled writes that are not visible. Settled operations are
    /// before `first_unsettled`, and so before every future operation. Their effects on each other
    /// stay as they are.
    pub(super) fn settle(&mut self, first_unsettled: Lamport, further: &mut FurtherInserts) {
        let is_settled = |stamp: Stamp| stamp.lamport < first_unsettled;
        if is_settled(self.deleted) {
            self.deleted = Stamp::NEVER;
        }
        if self.exists() && is_settled(self.inserted) {
            self.inserted = Stamp::SETTLED;
        }
        self.written.retain(|written: &mut LatestWrite| {
            work::step();
            written.shows() || !is_settled(written.stamp)
        });
        for written in self.written.iter_mut().filter(|written| is_settled(written.stamp)) {
            written.stamp = Stamp::SETTLED;
        }
        further.forget_before(first_unsettled);
    }

    /// Applies a plain operation to the row.
    pub(super) fn apply(&mut self, stamp: Stamp, op: &LoggedOp, meaning: Meaning<'_>, further: &mut FurtherInserts) {
        if stamp.is_before(self.deleted, meaning.peers) {
            return;
        }
        match op.kind {
            OpKind::Insert => self.insert(op.row, stamp, meaning.peers, further),
            OpKind::Update | OpKind::Unset => {}
            OpKind::Delete => return self.delete(op.row, stamp, meaning.peers, further),
            OpKind::Splice | OpKind::Add => return,
        }
        self.write(stamp, op, meaning);
    }

    fn insert(&mut self, row: RowNumber, stamp: Stamp, peers: &Lanes, further: &mut FurtherInserts) {
        if self.exists() && self.inserted.is_before(stamp, peers) {
            return further.add(row, stamp, peers);
        }
        if self.exists() {
            further.add(row, self.inserted, peers);
        }
        self.set_inserted(stamp, peers);
    }

    fn write(&mut self, stamp: Stamp, op: &LoggedOp, meaning: Meaning<'_>) {
        let is_unset = op.kind == OpKind::Unset;
        let counts = self.exists() && !stamp.is_before(self.inserted, meaning.peers);
        for cell in op.cells() {
            work::step();
            let written = LatestWrite::new(stamp, cell, meaning.log.column(cell), is_unset).counting(counts);
            match self.place(written.column(), meaning) {
                Ok(at) if self.written[at].stamp.is_before(stamp, meaning.peers) => self.written[at] = written,
                Ok(_) => {}
                Err(at) => self.written.insert(at, written),
            }
        }
    }

    /// Returns the index of the write to a column, or the index at which to insert it. O(log
    /// cells).
    #[inline(always)]
    fn place(&self, column: ColumnNumber, meaning: Meaning<'_>) -> Result<usize, usize> {
        if self.written.len() <= FEW
            && let Some(at) = self.written.iter().position(|other| other.column() == column)
        {
            return Ok(at);
        }
        let name = &**meaning.columns.text(column.0);
        // The cells of an operation are sorted, so the next one often comes last.
        match self.written.last() {
            Some(last) if meaning.column_name(last) < name => Err(self.written.len()),
            _ => self.written.binary_search_by(|other| meaning.column_name(other).cmp(name)),
        }
    }

    fn delete(&mut self, row: RowNumber, stamp: Stamp, peers: &Lanes, further: &mut FurtherInserts) {
        self.deleted = stamp;
        self.written.retain(|written: &mut LatestWrite| {
            work::step();
            stamp.is_before(written.stamp, peers)
        });
        if self.exists() && self.inserted.is_before(stamp, peers) {
            let next = loop {
                match further.take_earliest(row) {
                    Some(insert) if insert.is_before(stamp, peers) => {}
                    other => break other,
                }
            };
            self.set_inserted(next.unwrap_or(Stamp::NEVER), peers);
        }
    }

    fn set_inserted(&mut self, stamp: Stamp, peers: &Lanes) {
        self.inserted = stamp;
        for written in &mut self.written {
            work::step();
            written.counts = written.counts_after(stamp, peers);
        }
    }

    /// Returns an invariant that is broken, if one is.
    pub(super) fn defect(
        &self,
        row: RowNumber,
        meaning: Meaning<'_>,
        further: &FurtherInserts,
    ) -> Option<&'static str> {
        let peers = meaning.peers;
        let is_sorted = self.written.is_sorted_by(|a, b| meaning.column_name(a) < meaning.column_name(b));
        let holds = |written: &LatestWrite| {
            work::step();
            let counts = written.counts_after(self.inserted, peers);
            let is_of_column = meaning.log.column(written.cell) == written.column();
            self.deleted.is_before(written.stamp, peers) && written.counts == counts && is_of_column
        };
        let has_further = further.stamps(row).next().is_some();
        if !is_sorted {
            return Some("the columns of a row are not sorted");
        }
        if !self.written.iter().all(holds) {
            return Some("a cell does not follow from its row's stamps");
        }
        if !self.exists() {
            return has_further.then_some("a row that is not there has inserts");
        }
        if !self.deleted.is_before(self.inserted, peers) {
            return Some("a row was inserted before it was deleted");
        }
        let follow = further.follow(row, self.inserted, peers);
        (!follow).then_some("the inserts of a row are not in the order of execution")
    }
}
