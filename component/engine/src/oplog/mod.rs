//! The operation log: the operations of all events, in columns.
//!
//! Stores where the operations of each event end, the kind and row of each operation, where its
//! cells end, and the column and value of each cell. Cells of compacted events, which belong to no
//! operation, come first. Always holds: ends never decrease, and a text or blob is stored at the
//! place that its cell contains. Does not know tables: rows and columns are numbers here.

mod bytes;
mod content;
mod op;
mod shaped;
mod view;

pub(crate) use bytes::{
    ContentsWriter, OpCell, OpContext, OpsReader, OpsWriter, Shapes, ShapesWriter, SplicedContents, ValueColumns,
    ValueColumnsWriter, read_content,
};
pub(crate) use content::ContentRange;
pub(crate) use op::ITEM_BYTES;
pub(crate) use shaped::find_shape;
pub(crate) use view::{CommitRef, OpNames, OpRef, SplicePlace};

pub use op::{Cell, Commit, RowOp};
pub use shaped::{Row, RowsOp, ShapedRow, TableRows};

use crate::error::Error;
use crate::id::{ColumnNumber, EventNumber, RowNumber};
use crate::limits;
use crate::memory::{self, Chunks};
use crate::value::ValueRef;
use crate::work;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{AddAssign, Range, SubAssign};

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
    cells: Range<u32>,
}

impl LoggedOp {
    /// Returns the cells of the operation. Those of an unset contain null, that of an addition
    /// contains the amount, and those of a splice contain the inserted text and the place.
    pub(crate) fn cells(&self) -> impl ExactSizeIterator<Item = CellNumber> + use<> {
        self.cells.clone().map(CellNumber)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tag {
    Null,
    False,
    True,
    Integer,
    Real,
    Text,
    Blob,
}

/// The size of a log, or of what is added to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) operations: u64,
    pub(crate) cells: u64,
    /// Bytes of texts and blobs.
    pub(crate) bytes: u64,
}

impl Totals {
    /// Returns the size of a commit. O(cells).
    pub(crate) fn of(commit: CommitRef<'_>) -> Self {
        if let CommitRef::Logged { log, event, .. } = commit {
            return log.totals_of(event);
        }
        let mut totals = Self { operations: commit.len() as u64, ..Self::default() };
        for op in commit.ops() {
            work::step();
            totals.cells += op.cells.len() as u64;
            totals.bytes += op.cells.iter().map(|(_, value)| value.content_bytes()).sum::<u64>();
        }
        totals
    }

    /// Returns the size of some commits. O(cells).
    pub(crate) fn of_all<'a>(commits: impl Iterator<Item = CommitRef<'a>>) -> Self {
        let mut totals = Self::default();
        commits.for_each(|commit| totals += Self::of(commit));
        totals
    }

    /// Fails if a document cannot have this size.
    pub(crate) fn check(&self) -> Result<(), Error> {
        limits::DOCUMENT_OPERATIONS.check(self.operations)?;
        limits::DOCUMENT_CELLS.check(self.cells)?;
        limits::DOCUMENT_BYTES.check(self.bytes)
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.operations += other.operations;
        self.cells += other.cells;
        self.bytes += other.bytes;
    }
}

impl SubAssign for Totals {
    fn sub_assign(&mut self, other: Self) {
        self.operations -= other.operations;
        self.cells -= other.cells;
        self.bytes -= other.bytes;
    }
}

/// The slack that an operation and its row use at most, in addition to what the columns reserve.
pub(crate) const ROW_SPENDS: u64 = 96;
/// The slack that a cell uses at most, in addition to what the columns reserve.
pub(crate) const CELL_SPENDS: u64 = 48;

/// The operation log of a document.
#[derive(Debug, Default)]
pub(crate) struct OpLog {
    /// The end of the operations of each event.
    operation_ends: Vec<u32>,
    /// The row and kind of each operation.
    rows: Vec<PackedOp>,
    /// The end of the cells of each operation.
    cell_ends: Vec<u32>,
    /// For each operation, the number of the previous operation on the same row, plus 1; 0 if there
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
            4 => OpKind::Splice,
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
        self.operation_ends.len() as u32
    }

    /// Returns the size of the log.
    pub(crate) fn totals(&self) -> Totals {
        Totals { operations: self.rows.len() as u64, cells: self.columns.len() as u64, bytes: self.content_bytes }
    }

    /// Returns the size of an event. O(cells).
    fn totals_of(&self, event: EventNumber) -> Totals {
        let ops = self.ops_of(event);
        let cells = self.first_cell(ops.start)..self.first_cell(ops.end);
        let content = cells.clone().map(|cell| {
            work::step();
            self.packed(CellNumber(cell)).content_bytes()
        });
        Totals { operations: ops.len() as u64, cells: cells.len() as u64, bytes: content.sum() }
    }

    /// Reserves memory for this many events, for the operations and cells of `more`, and for row
    /// numbers below `rows`. Does not reserve memory for texts and blobs.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn reserve(&mut self, events: usize, more: Totals, rows: usize) -> Result<(), Error> {
        let (operations, cells) = (more.operations as usize, more.cells as usize);
        memory::reserve(&mut self.operation_ends, events)?;
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

    /// Appends an operation to the event that the next `end_event` ends. `copies` are the copied
    /// values of the log that the cells come from.
    pub(crate) fn push_op<'a>(
        &mut self,
        kind: OpKind,
        row: RowNumber,
        cells: impl Iterator<Item = (ColumnNumber, CellSource<'a>)>,
        copies: &mut Copies,
    ) -> LoggedOp {
        let start = self.begin_op();
        cells.for_each(|(column, source)| self.push_copy(column, source, copies));
        self.end_op(kind, row, start)
    }

    /// Returns the number of the next cell.
    fn next_cell(&self) -> CellNumber {
        CellNumber(self.columns.len() as u32)
    }

    /// Begins an operation. `push_copy` adds its cells, and `end_op` ends it.
    pub(crate) fn begin_op(&self) -> u32 {
        self.columns.len() as u32
    }

    /// Returns the column of the previous operation at the same position, for the operation that
    /// begins at `start`. Most operations set the same columns as the one before them.
    pub(crate) fn likely_column(&self, start: u32) -> Option<ColumnNumber> {
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
        let end = self.columns.len() as u32;
        self.rows.push(PackedOp::new(kind, row));
        self.cell_ends.push(end);
        if self.latest.len() <= row.index() {
            self.latest.resize(row.index() + 1, 0);
        }
        let number = self.rows.len() as u32;
        let before = if kind.is_edit() {
            self.latest_edits.insert(row, number).unwrap_or(0)
        } else {
            std::mem::replace(&mut self.latest[row.index()], number)
        };
        self.before.push(before);
        LoggedOp { kind, row, cells: start..end }
    }

    /// Ends the present event.
    pub(crate) fn end_event(&mut self) {
        self.operation_ends.push(self.rows.len() as u32);
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

    /// Returns the events and indexes of all edits, in no particular order. O(log events) each.
    pub(crate) fn all_edits(&self) -> impl Iterator<Item = (EventNumber, u32)> {
        let edits = self.latest_edits.values().flat_map(|&latest| self.list_from(latest));
        edits.map(|op| self.numbered(op)).map(|(event, index, _)| (event, index))
    }

    /// Returns whether any operation is an edit.
    pub(crate) fn has_edits(&self) -> bool {
        !self.latest_edits.is_empty()
    }

    fn list_from(&self, mut next: u32) -> impl Iterator<Item = u32> {
        std::iter::from_fn(move || {
            let at = next.checked_sub(1)?;
            work::step();
            next = self.before[at as usize];
            Some(at)
        })
    }

    /// Returns the operation with this number, its event, which need not have ended, and its index
    /// in the commit. O(log events).
    pub(crate) fn numbered(&self, op: u32) -> (EventNumber, u32, LoggedOp) {
        let event = EventNumber(self.operation_ends.partition_point(|&end| end <= op) as u32);
        let index = op - self.first_op(event);
        (event, index, self.op(op as usize))
    }

    /// Returns whether there is an operation on the row.
    pub(crate) fn names(&self, row: RowNumber) -> bool {
        self.latest.get(row.index()).is_some_and(|&latest| latest > 0) || self.latest_edits.contains_key(&row)
    }

    fn ops_of(&self, event: EventNumber) -> Range<usize> {
        self.first_op(event) as usize..self.operation_ends[event.index()] as usize
    }

    /// Returns the number of the first operation of an event, which need not have ended.
    fn first_op(&self, event: EventNumber) -> u32 {
        event.index().checked_sub(1).map_or(0, |previous| self.operation_ends[previous])
    }

    fn op(&self, at: usize) -> LoggedOp {
        let packed = self.rows[at];
        LoggedOp { kind: packed.kind(), row: packed.row(), cells: self.first_cell(at)..self.cell_ends[at] }
    }

    /// Returns the number of the first cell of an operation, which may be the next one.
    fn first_cell(&self, op: usize) -> u32 {
        op.checked_sub(1).map_or(self.loose_cells, |previous| self.cell_ends[previous])
    }

    /// Returns the number of cells.
    pub(crate) fn cells(&self) -> usize {
        self.columns.len()
    }

    /// Returns the column of a cell. O(1).
    pub(crate) fn column(&self, cell: CellNumber) -> ColumnNumber {
        self.columns[cell.index()]
    }

    /// Returns the columns of all cells.
    pub(crate) fn columns(&self) -> impl Iterator<Item = ColumnNumber> {
        self.columns.iter().copied()
    }

    /// Returns the value of a cell. O(1).
    pub(crate) fn value(&self, cell: CellNumber) -> ValueRef<'_> {
        self.unpack(self.packed(cell))
    }

    /// Returns the texts of all cells, which the places of splices refer to.
    pub(crate) fn content(&self) -> &str {
        &self.texts
    }

    /// Returns the column, the inserted text and the place of a splice.
    pub(crate) fn splice(&self, op: &LoggedOp) -> Option<(ColumnNumber, ContentRange, SplicePlace)> {
        let mut cells = op.cells();
        let (insert, place) = (cells.next()?, cells.next()?);
        let place = SplicePlace::of_integer(self.value(place).as_integer()?);
        Some((self.column(insert), self.packed(insert).content()?, place))
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
        let start = self.texts.len();
        self.texts.push_str(text);
        Packed::at(Tag::Text, start, text.len())
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

/// A value as the log stores it. A text or blob is its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Packed {
    tag: Tag,
    payload: u64,
}

impl Packed {
    /// The stored value of the cells of an unset.
    pub(crate) const NULL: Self = Self { tag: Tag::Null, payload: 0 };

    fn at(tag: Tag, start: usize, len: usize) -> Self {
        Self { tag, payload: (start as u64) << 32 | len as u64 }
    }

    /// Returns the value of a text in the log.
    fn text(ContentRange { start, bytes }: ContentRange) -> Self {
        Self::at(Tag::Text, start as usize, bytes as usize)
    }

    /// Returns an integer, which needs no log.
    pub(crate) fn integer(integer: i64) -> Self {
        Self { tag: Tag::Integer, payload: integer as u64 }
    }

    /// Returns the place of a text.
    fn content(self) -> Option<ContentRange> {
        let (start, bytes) = ((self.payload >> 32) as u32, self.payload as u32);
        (self.tag == Tag::Text).then_some(ContentRange { start, bytes })
    }

    /// Returns whether the value is an integer.
    pub(crate) fn is_integer(self) -> bool {
        self.tag == Tag::Integer
    }

    /// Returns the length of a text or blob, and 0 for other values.
    pub(crate) fn content_bytes(self) -> u64 {
        if matches!(self.tag, Tag::Text | Tag::Blob) { self.payload & 0xffff_ffff } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::{CellSource, Copies, EventNumber, OpKind, OpLog, RowNumber, Totals};
    use crate::id::ColumnNumber;
    use crate::value::{Value, ValueRef};

    #[test]
    fn gives_back_what_it_took() {
        let mut log = OpLog::default();
        let values = [
            Value::Null,
            false.into(),
            true.into(),
            i64::MIN.into(),
            f64::NAN.into(),
            (-0.0).into(),
            "a".into(),
            vec![0, 255].into(),
            "ß".into(),
        ];
        let sources = values.iter().map(|value| CellSource::Value(value.as_ref()));
        let cells = || (3..).map(ColumnNumber).zip(sources.clone());
        let mut copies = Copies::new();
        log.push_op(OpKind::Insert, RowNumber((1 << 29) - 1), cells(), &mut copies);
        log.push_op(OpKind::Delete, RowNumber(0), std::iter::empty(), &mut copies);
        let nothing = [(ColumnNumber(2), CellSource::Value(ValueRef::Null))];
        log.push_op(OpKind::Unset, RowNumber(1), nothing.into_iter(), &mut copies);
        log.end_event();
        log.end_event();
        log.push_op(
            OpKind::Update,
            RowNumber(7),
            [(ColumnNumber(1), CellSource::Value(values[6].as_ref()))].into_iter(),
            &mut copies,
        );
        log.end_event();

        let first: Vec<_> = log.ops(EventNumber(0)).collect();
        assert_eq!((first[0].kind, first[0].row.0), (OpKind::Insert, (1 << 29) - 1));
        for ((cell, value), column) in first[0].cells().zip(&values).zip(3..) {
            assert_eq!((log.column(cell).0, log.value(cell) == value.as_ref()), (column, true), "{value:?}");
            assert_eq!(log.value(cell).to_value(), *value);
        }
        assert_eq!((first[1].kind, first[1].cells().len()), (OpKind::Delete, 0));
        assert_eq!((first[2].kind, first[2].cells().len()), (OpKind::Unset, 1));
        assert_eq!(log.ops(EventNumber(1)).len(), 0);
        let last: Vec<_> = log.ops(EventNumber(2)).collect();
        assert_eq!((last.len(), last[0].kind, last[0].row.0), (1, OpKind::Update, 7));
        assert_eq!(last[0].cells().map(|cell| log.value(cell)).collect::<Vec<_>>(), [ValueRef::Text("a")]);
        assert_eq!(log.totals(), Totals { operations: 4, cells: 11, bytes: 6 });
    }
}
