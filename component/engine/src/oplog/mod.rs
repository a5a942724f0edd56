//! The operation log: the operations of all events, in columns.
//!
//! Stores splices in runs. Of the other operations, it stores where those of each event end, the
//! kind and row of each one, where its cells end, and the column and value of each cell. Cells of
//! compacted events, which belong to no operation, come first. Always holds: ends never decrease,
//! and a text or blob is stored at the place that its cell contains. Does not know tables: rows and
//! columns are numbers here.

mod bytes;
mod content;
mod op;
mod packed;
mod shaped;
mod splices;
mod totals;
mod view;

pub(crate) use bytes::{
    ContentsWriter, OpCell, OpContext, OpsReader, OpsWriter, Shapes, ShapesWriter, SplicedContents, ValueColumns,
    ValueColumnsWriter, read_content,
};
pub(crate) use content::ContentRange;
pub(crate) use op::ITEM_BYTES;
pub(crate) use packed::Packed;
pub(crate) use shaped::find_shape;
pub(crate) use splices::{Splices, Typed};
pub(crate) use totals::Totals;
pub(crate) use view::{AlikeCommits, CommitRef, OpNames, OpRef, SplicePlace};

use op::SPLICE_CELLS;
pub use op::{Cell, Commit, RowOp};
use packed::Tag;
use splices::{SpliceRuns, StoredEvent, StoredOp};
use view::CellsRef;

pub use shaped::{Row, RowsOp, ShapedRow, TableRows};

use crate::error::Error;
use crate::id::{ColumnNumber, EventNumber, RowNumber};
use crate::memory::{self, Chunks};
use crate::value::ValueRef;
use crate::work;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The index of a written cell. It stands for the value, which is never copied inside of a
/// document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CellNumber(pub(crate) u32);

impl CellNumber {
    /// Returns the number as an index.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The kind of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpKind {
    Insert = 0,
    Update = 1,
    Delete = 2,
    Unset = 3,
    Splice = 4,
    Add = 5,
}

impl OpKind {
    /// Returns whether an operation of this kind edits the value of a cell. Other operations are
    /// plain: what they do does not depend on the value that their author saw.
    pub(crate) fn is_edit(self) -> bool {
        matches!(self, Self::Splice | Self::Add)
    }
}

/// A set of kinds of operations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpKinds(u8);

impl OpKinds {
    /// Returns the kinds of these operations.
    pub(super) fn of(kinds: impl Iterator<Item = OpKind>) -> Self {
        Self(kinds.fold(0, |set, kind| set | 1 << kind as u8))
    }

    /// Returns whether all kinds are among these.
    pub(crate) fn are_among(self, others: &[OpKind]) -> bool {
        self.0 & !Self::of(others.iter().copied()).0 == 0
    }

    /// Returns whether one of the kinds edits the value of a cell.
    pub(crate) fn have_edits(self) -> bool {
        self.0 & (1 << OpKind::Splice as u8 | 1 << OpKind::Add as u8) != 0
    }
}

/// An operation in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoggedOp {
    pub(crate) kind: OpKind,
    pub(crate) row: RowNumber,
    number: u32,
    cells: Range<u32>,
}

impl LoggedOp {
    /// Returns the cells of the operation. Those of an unset contain null, and that of an addition
    /// contains the amount. A splice has none; [`OpLog::splice`] returns what it does.
    pub(crate) fn cells(&self) -> impl ExactSizeIterator<Item = CellNumber> + use<> {
        self.cells.clone().map(CellNumber)
    }
}

/// The slack that an operation and its row use at most, in addition to what the columns reserve.
pub(crate) const ROW_SPENDS: u64 = 96;
/// The slack that a cell uses at most, in addition to what the columns reserve.
pub(crate) const CELL_SPENDS: u64 = 48;

/// The slack that a splice uses at most in the log.
const SPLICE_SPENDS: u64 = 128;

/// The operation log of a document.
#[derive(Debug, Default)]
pub(crate) struct OpLog {
    /// Operations have consecutive numbers, whether they are splices or not.
    splices: SpliceRuns,
    /// The end of the operations of each event that no run of splices covers.
    operation_ends: Vec<u32>,
    /// The row and kind of each operation that is no splice.
    rows: Vec<PackedOp>,
    /// The end of the cells of each of these.
    cell_ends: Vec<u32>,
    /// For each of these, the number of the previous operation on the same row, plus 1; 0 if there
    /// is none. Edits and plain operations form separate lists.
    before: Vec<u32>,
    /// By row, the number of its latest plain operation, plus 1; 0 or absent if there is none.
    latest: Vec<u32>,
    /// The number of the latest edit of each edited row, plus 1.
    latest_edits: BTreeMap<RowNumber, u32>,
    /// The count of cells that belong to no operation.
    loose_cells: u32,
    /// The column of each cell.
    columns: Vec<ColumnNumber>,
    tags: Vec<Tag>,
    /// The bits of a number; for a text or blob, its start (upper half) and length (lower half).
    payloads: Chunks<u64>,
    texts: String,
    blobs: Vec<u8>,
    /// Bytes of the texts and blobs of all cells. Shared ones count for each cell.
    content_bytes: u64,
    /// Texts and blobs that several cells share. Bytes can refer to a text repeatedly; without
    /// sharing, few bytes could take a lot of memory.
    shared: BTreeSet<Packed>,
}

/// The shared texts and blobs of another log that were copied, and their places in this one.
pub(crate) type Copies = BTreeMap<Packed, Packed>;

/// The source of a cell's value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CellSource<'a> {
    Value(ValueRef<'a>),
    Logged(&'a OpLog, CellNumber),
}

/// A row number, multiplied by 8, plus the kind. `limits::DOCUMENT_OPERATIONS` keeps row numbers
/// below 2^29.
#[derive(Debug, Clone, Copy)]
struct PackedOp(u32);

impl PackedOp {
    fn new(kind: OpKind, row: RowNumber) -> Self {
        Self(row.0 << 3 | kind as u32)
    }

    fn kind(self) -> OpKind {
        match self.0 & 7 {
            0 => OpKind::Insert,
            1 => OpKind::Update,
            2 => OpKind::Delete,
            3 => OpKind::Unset,
            _ => OpKind::Add,
        }
    }

    fn row(self) -> RowNumber {
        RowNumber(self.0 >> 3)
    }
}

impl OpLog {
    /// Returns the number of events.
    pub(crate) fn events(&self) -> u32 {
        self.operation_ends.len() as u32 + self.splices.covered()
    }

    /// Returns the number of operations.
    fn operations(&self) -> u32 {
        self.rows.len() as u32 + self.splices.len()
    }

    /// Returns the size of the log.
    pub(crate) fn totals(&self) -> Totals {
        let splices = u64::from(self.splices.len());
        Totals {
            operations: self.operations().into(),
            cells: self.columns.len() as u64 + SPLICE_CELLS as u64 * splices,
            bytes: self.content_bytes,
            splices,
            lone_splices: self.splices.covered().into(),
        }
    }

    /// Returns the size of an event. O(cells).
    pub(super) fn totals_of(&self, event: EventNumber) -> Totals {
        let mut totals = Totals::default();
        for op in self.ops(event) {
            totals.operations += 1;
            if let Some((_, content, _)) = self.splice(&op) {
                work::step();
                totals.cells += SPLICE_CELLS as u64;
                totals.bytes += u64::from(content.bytes);
                totals.splices += 1;
            }
            for cell in op.cells() {
                work::step();
                totals.cells += 1;
                totals.bytes += self.packed(cell).content_bytes();
            }
        }
        totals.with_lone_splices()
    }

    /// Reserves memory for this many events, for the operations and cells of `more`, and for row
    /// numbers below `rows`. Does not reserve memory for texts and blobs, and for splices, which
    /// use slack.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn reserve(&mut self, events: usize, more: Totals, rows: usize) -> Result<(), Error> {
        let splices = more.splices as usize;
        let (operations, cells) = (more.operations as usize - splices, more.cells as usize - SPLICE_CELLS * splices);
        memory::reserve(&mut self.operation_ends, events - more.lone_splices as usize)?;
        memory::reserve(&mut self.rows, operations)?;
        memory::reserve(&mut self.cell_ends, operations)?;
        memory::reserve(&mut self.before, operations)?;
        let new_rows = rows.saturating_sub(self.latest.len());
        memory::reserve(&mut self.latest, new_rows)?;
        memory::reserve(&mut self.columns, cells)?;
        memory::reserve(&mut self.tags, cells)?;
        self.payloads.reserve(cells)
    }

    /// Returns the bytes of the stored texts and blobs. Shared ones count once.
    pub(crate) fn content_len(&self) -> u64 {
        (self.texts.len() + self.blobs.len()) as u64
    }

    /// Reserves memory for this many bytes of texts or of blobs.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn reserve_content(&mut self, bytes: u64) -> Result<(), Error> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        memory::reserve_text(&mut self.texts, bytes)?;
        // Few documents have blobs, so memory for them is reserved only if there are some.
        if self.blobs.is_empty() { memory::spend(bytes as u64) } else { memory::reserve(&mut self.blobs, bytes) }
    }

    /// Appends an operation to the event that the next `end_event` ends. `number` returns the
    /// number of a column, given its name and a likely number. `copies` are the copied values of
    /// the log that the cells come from.
    pub(crate) fn push_op(
        &mut self,
        op: &OpRef<'_>,
        row: RowNumber,
        mut number: impl FnMut(&str, Option<ColumnNumber>) -> ColumnNumber,
        copies: &mut Copies,
    ) -> LoggedOp {
        if let CellsRef::Splice { column, place, insert } = op.cells {
            let column = number(column, self.splices.last_column());
            return self.push_splice(row, column, place, insert);
        }
        let start = self.begin_op();
        for (column, source) in op.cells.sources() {
            let column = number(column, self.likely_column(start));
            self.push_copy(column, source, copies);
        }
        self.end_op(op.kind, row, start)
    }

    /// Returns the number of the next cell.
    fn next_cell(&self) -> CellNumber {
        CellNumber(self.columns.len() as u32)
    }

    /// Appends a splice to the event that the next `end_event` ends.
    pub(crate) fn push_splice(
        &mut self,
        row: RowNumber,
        column: ColumnNumber,
        place: SplicePlace,
        insert: &str,
    ) -> LoggedOp {
        let content = self.push_content(insert);
        self.push_splice_of(row, column, place, content)
    }

    /// Appends a splice whose inserted text is already in the log.
    fn push_splice_of(
        &mut self,
        row: RowNumber,
        column: ColumnNumber,
        place: SplicePlace,
        content: ContentRange,
    ) -> LoggedOp {
        work::step();
        self.count_content(content.bytes);
        let (number, cells) = (self.operations(), self.next_cell().0);
        self.mention(row);
        let before = self.latest_edits.insert(row, number + 1).unwrap_or(0);
        self.splices.push((EventNumber(self.events()), number, before), (row, column), (content, place));
        LoggedOp { kind: OpKind::Splice, row, number, cells: cells..cells }
    }

    /// Appends events that have one splice each. `splices` refers to texts of `content`. Returns
    /// the splices as they are in this log.
    pub(crate) fn push_splices(&mut self, splices: &Splices, content: &str) -> Splices {
        let content = self.push_content(splices.content.of(content));
        let splices = Splices { content, ..*splices };
        self.push_splices_of(&splices);
        splices
    }

    /// Appends events that have one splice each, whose inserted texts are already in the log.
    fn push_splices_of(&mut self, splices: &Splices) {
        work::step();
        let &Splices { row, count, content, .. } = splices;
        self.count_content(content.bytes);
        let (event, number) = (EventNumber(self.events()), self.operations());
        self.mention(row);
        let before = self.latest_edits.insert(row, number + count).unwrap_or(0);
        self.splices.push_ended((event, number, before), splices);
    }

    /// Returns the splices from an event on, up to `max` events, if each of these events has one
    /// splice and nothing else. They are not always as many as possible. O(log runs).
    pub(crate) fn splices_from(&self, event: EventNumber, max: u32) -> Option<Splices> {
        self.splices.from(event, max)
    }

    /// Groups events so that those of a group are consecutive, and that their commits are alike.
    /// Returns the first event and the number of events of each group. O(log runs of splices) for
    /// each group.
    pub(crate) fn groups(&self, events: impl Iterator<Item = EventNumber>) -> impl Iterator<Item = (EventNumber, u32)> {
        let mut events = events.peekable();
        std::iter::from_fn(move || {
            let first = events.next()?;
            let max = self.splices.from(first, u32::MAX).map_or(1, |splices| splices.count);
            let mut count = 1;
            while count < max && events.next_if_eq(&first.plus(count)).is_some() {
                count += 1;
            }
            Some((first, count))
        })
    }

    /// Makes room for a row's latest operation.
    fn mention(&mut self, row: RowNumber) {
        if self.latest.len() <= row.index() {
            self.latest.resize(row.index() + 1, 0);
        }
    }

    /// Begins an operation that is no splice. `push_copy` adds its cells, and `end_op` ends it.
    pub(crate) fn begin_op(&self) -> u32 {
        self.columns.len() as u32
    }

    /// Returns the column of the previous operation at the same position, for the operation that
    /// begins at `start`. Most operations set the same columns as the one before them. Splices do
    /// not count.
    fn likely_column(&self, start: u32) -> Option<ColumnNumber> {
        let ends = &self.cell_ends;
        let before = ends.len().checked_sub(2).map_or(self.loose_cells, |at| ends[at]);
        let at = before as usize + (self.columns.len() - start as usize);
        self.columns.get(at).copied()
    }

    /// Adds a cell to the present operation.
    pub(crate) fn push_copy(&mut self, column: ColumnNumber, source: CellSource<'_>, copies: &mut Copies) {
        let packed = self.take(source, copies);
        self.push_cell(column, packed);
    }

    /// Adds a cell that belongs to no operation. There must not be any operation yet.
    pub(crate) fn push_loose_copy(
        &mut self,
        column: ColumnNumber,
        source: CellSource<'_>,
        copies: &mut Copies,
    ) -> CellNumber {
        let packed = self.take(source, copies);
        self.push_loose_cell(column, packed)
    }

    /// Adds a cell that belongs to no operation, whose value is already in the log.
    pub(crate) fn push_loose_cell(&mut self, column: ColumnNumber, value: Packed) -> CellNumber {
        debug_assert!(self.rows.is_empty());
        self.loose_cells += 1;
        self.push_cell(column, value)
    }

    fn push_cell(&mut self, column: ColumnNumber, value: Packed) -> CellNumber {
        work::step();
        self.columns.push(column);
        self.tags.push(value.tag);
        self.payloads.push(value.payload);
        self.content_bytes += value.content_bytes();
        CellNumber(self.columns.len() as u32 - 1)
    }

    /// Ends an operation, whose cells are those from `start` on.
    pub(crate) fn end_op(&mut self, kind: OpKind, row: RowNumber, start: u32) -> LoggedOp {
        let (number, end) = (self.operations(), self.columns.len() as u32);
        self.rows.push(PackedOp::new(kind, row));
        self.cell_ends.push(end);
        self.mention(row);
        let before = if kind.is_edit() {
            self.latest_edits.insert(row, number + 1).unwrap_or(0)
        } else {
            std::mem::replace(&mut self.latest[row.index()], number + 1)
        };
        self.before.push(before);
        LoggedOp { kind, row, number, cells: start..end }
    }

    /// Ends the present event.
    pub(crate) fn end_event(&mut self) {
        let end = self.operations();
        let is_alone = end > 0 && end - 1 == self.first_op(EventNumber(self.events()));
        if !is_alone || !self.splices.cover(end - 1) {
            self.operation_ends.push(end);
        }
    }

    /// Returns the number of operations of an event.
    pub(crate) fn op_count(&self, event: EventNumber) -> usize {
        self.ops_of(event).len()
    }

    /// Returns the operations of an event. O(1) each.
    pub(crate) fn ops(&self, event: EventNumber) -> impl ExactSizeIterator<Item = LoggedOp> {
        self.ops_of(event).map(|at| self.op(at))
    }

    /// Returns the numbers of the plain operations on a row, the latest one first. O(1) each.
    pub(crate) fn ops_on(&self, row: RowNumber) -> impl Iterator<Item = u32> {
        self.list_from(self.latest.get(row.index()).copied().unwrap_or(0))
    }

    /// Returns the numbers of the edits of a row, the latest one first. O(log edited rows), and
    /// O(1) each.
    pub(crate) fn edits_on(&self, row: RowNumber) -> impl Iterator<Item = u32> {
        self.list_from(self.latest_edits.get(&row).copied().unwrap_or(0))
    }

    /// Returns all edits with their events and indexes, in no particular order. O(log events) each.
    pub(crate) fn all_edits(&self) -> impl Iterator<Item = (EventNumber, u32, LoggedOp)> {
        let edits = self.latest_edits.values().flat_map(|&latest| self.list_from(latest));
        edits.map(|op| self.numbered(op))
    }

    /// Returns whether any operation is an edit.
    pub(crate) fn has_edits(&self) -> bool {
        !self.latest_edits.is_empty()
    }

    fn list_from(&self, mut next: u32) -> impl Iterator<Item = u32> {
        std::iter::from_fn(move || {
            let at = next.checked_sub(1)?;
            work::step();
            next = match self.splices.find(at) {
                StoredOp::Splice(run, 0) => run.before,
                StoredOp::Splice(..) => at,
                StoredOp::Other(stored) => self.before[stored],
            };
            Some(at)
        })
    }

    /// Returns the operation with this number, its event, which need not have ended, and its index
    /// in the commit. O(log events).
    pub(crate) fn numbered(&self, op: u32) -> (EventNumber, u32, LoggedOp) {
        if let StoredOp::Splice(run, index) = self.splices.find(op)
            && run.covers
        {
            return (run.event.plus(index), 0, self.op(op));
        }
        let uncovered = self.operation_ends.partition_point(|&end| end <= op);
        let event = EventNumber(uncovered as u32 + self.splices.covered_before(op));
        (event, op - self.first_op(event), self.op(op))
    }

    /// Returns whether there is an operation on the row.
    pub(crate) fn names(&self, row: RowNumber) -> bool {
        self.latest.get(row.index()).is_some_and(|&latest| latest > 0) || self.latest_edits.contains_key(&row)
    }

    fn ops_of(&self, event: EventNumber) -> Range<u32> {
        match self.splices.find_event(event) {
            StoredEvent::Splice(op) => op..op + 1,
            StoredEvent::Other { index, min_start } => self.start_of(index, min_start)..self.operation_ends[index],
        }
    }

    /// Returns the number of the first operation of an event, which need not have ended.
    fn first_op(&self, event: EventNumber) -> u32 {
        match self.splices.find_event(event) {
            StoredEvent::Splice(op) => op,
            StoredEvent::Other { index, min_start } => self.start_of(index, min_start),
        }
    }

    fn start_of(&self, index: usize, min_start: u32) -> u32 {
        index.checked_sub(1).map_or(0, |before| self.operation_ends[before]).max(min_start)
    }

    fn op(&self, number: u32) -> LoggedOp {
        match self.splices.find(number) {
            StoredOp::Splice(run, _) => LoggedOp { kind: OpKind::Splice, row: run.row, number, cells: 0..0 },
            StoredOp::Other(at) => {
                let packed = self.rows[at];
                let start = at.checked_sub(1).map_or(self.loose_cells, |previous| self.cell_ends[previous]);
                LoggedOp { kind: packed.kind(), row: packed.row(), number, cells: start..self.cell_ends[at] }
            }
        }
    }

    /// Returns the number of cells.
    pub(crate) fn cells(&self) -> usize {
        self.columns.len()
    }

    /// Returns the column of a cell. O(1).
    pub(crate) fn column(&self, cell: CellNumber) -> ColumnNumber {
        self.columns[cell.index()]
    }

    /// Returns the columns that an operation names. O(log runs of splices), and O(1) each.
    pub(crate) fn columns_of<'a>(&'a self, op: &LoggedOp) -> impl Iterator<Item = ColumnNumber> + use<'a> {
        let spliced = self.splice(op).map(|(column, ..)| column);
        spliced.into_iter().chain(op.cells().map(|cell| self.column(cell)))
    }

    /// Returns the columns of all cells and splices, each at least once.
    pub(crate) fn columns(&self) -> impl Iterator<Item = ColumnNumber> {
        self.columns.iter().copied().chain(self.splices.columns())
    }

    /// Returns the value of a cell. O(1).
    pub(crate) fn value(&self, cell: CellNumber) -> ValueRef<'_> {
        self.unpack(self.packed(cell))
    }

    /// Returns the texts of all cells, which the places of splices refer to.
    pub(crate) fn content(&self) -> &str {
        &self.texts
    }

    /// Returns the column, the inserted text and the place of an operation, if it is a splice.
    /// O(log runs of splices).
    pub(crate) fn splice(&self, op: &LoggedOp) -> Option<(ColumnNumber, ContentRange, SplicePlace)> {
        if op.kind != OpKind::Splice {
            return None;
        }
        match self.splices.find(op.number) {
            StoredOp::Splice(run, index) => {
                let (content, place) = run.splice(index);
                Some((run.column, content, place))
            }
            StoredOp::Other(_) => None,
        }
    }

    /// Returns the place of a cell's text, if the cell contains a text.
    pub(crate) fn text(&self, cell: CellNumber) -> Option<ContentRange> {
        self.packed(cell).content()
    }

    /// Returns the packed value of a cell, which `unpack` returns.
    pub(crate) fn packed(&self, cell: CellNumber) -> Packed {
        Packed { tag: self.tags[cell.index()], payload: self.payloads[cell.index()] }
    }

    /// Returns a value of this log. O(1).
    pub(crate) fn unpack(&self, Packed { tag, payload }: Packed) -> ValueRef<'_> {
        let range = || (payload >> 32) as usize..(payload >> 32) as usize + (payload & 0xffff_ffff) as usize;
        match tag {
            Tag::Null => ValueRef::Null,
            Tag::False => ValueRef::Boolean(false),
            Tag::True => ValueRef::Boolean(true),
            Tag::Integer => ValueRef::Integer(payload as i64),
            Tag::Real => ValueRef::Real(payload),
            Tag::Text => ValueRef::Text(&self.texts[range()]),
            Tag::Blob => ValueRef::Blob(&self.blobs[range()]),
        }
    }

    fn pack(&mut self, value: ValueRef<'_>) -> Packed {
        let (tag, payload) = match value {
            ValueRef::Null => (Tag::Null, 0),
            ValueRef::Boolean(false) => (Tag::False, 0),
            ValueRef::Boolean(true) => (Tag::True, 0),
            ValueRef::Integer(integer) => (Tag::Integer, integer as u64),
            ValueRef::Real(bits) => (Tag::Real, bits),
            ValueRef::Text(text) => return self.pack_text(text),
            ValueRef::Blob(blob) => return self.pack_blob(blob),
        };
        Packed { tag, payload }
    }

    fn take(&mut self, source: CellSource<'_>, copies: &mut Copies) -> Packed {
        let (log, cell) = match source {
            CellSource::Value(value) => return self.pack(value),
            CellSource::Logged(log, cell) => (log, cell),
        };
        let there = log.packed(cell);
        if log.shared.is_empty() || !log.shared.contains(&there) {
            return self.pack(log.unpack(there));
        }
        if let Some(&here) = copies.get(&there) {
            self.shared.insert(here);
            return here;
        }
        let here = self.pack(log.unpack(there));
        copies.insert(there, here);
        here
    }

    fn pack_text(&mut self, text: &str) -> Packed {
        Packed::text(self.push_content(text))
    }

    /// Appends a text. It does not count towards the size of the log.
    pub(crate) fn push_content(&mut self, text: &str) -> ContentRange {
        let start = self.texts.len() as u32;
        self.texts.push_str(text);
        ContentRange { start, bytes: text.len() as u32 }
    }

    /// Counts a text that belongs to no cell.
    pub(crate) fn count_content(&mut self, bytes: u32) {
        self.content_bytes += u64::from(bytes);
    }

    fn pack_blob(&mut self, blob: &[u8]) -> Packed {
        let start = self.blobs.len();
        self.blobs.extend_from_slice(blob);
        Packed::at(Tag::Blob, start, blob.len())
    }
}

#[cfg(test)]
mod tests;
