//! The operations of the events, in columns, by event number: where each event's operations end, what each operation
//! does to which row and where its cells end, what each cell sets. Always holds: ends never decrease, and a text or
//! blob lies where its cell says. Does not know tables: rows and columns are numbers here.

mod op;

pub use op::{Cell, Commit, RowOp, Value};
pub(crate) use op::{ITEM_BYTES, canonical_bits, commit_bytes};

use crate::error::Error;
use crate::id::{ColumnNumber, EventNumber, RowNumber};
use crate::limits;
use std::ops::{AddAssign, Range, SubAssign};

/// The place of a written cell among all of them. Whoever wants a value keeps this, not a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CellNumber(u32);

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpKind {
    Insert,
    Update,
    Delete,
}

/// An operation as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoggedOp {
    pub(crate) kind: OpKind,
    pub(crate) row: RowNumber,
    cells: Range<u32>,
}

impl LoggedOp {
    /// The cells that it sets.
    pub(crate) fn cells(&self) -> impl ExactSizeIterator<Item = CellNumber> + use<> {
        self.cells.clone().map(CellNumber)
    }
}

/// A value as the log holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ValueRef<'log> {
    Null,
    Boolean(bool),
    Integer(i64),
    /// By its bits, so that equal means the same bytes.
    Real(u64),
    Text(&'log str),
    Blob(&'log [u8]),
}

#[derive(Debug, Clone, Copy)]
enum Tag {
    Null,
    False,
    True,
    Integer,
    Real,
    Text,
    Blob,
}

/// What a log holds, or would hold more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) operations: u64,
    pub(crate) cells: u64,
    /// Of texts and blobs.
    pub(crate) bytes: u64,
}

impl Totals {
    /// What a commit holds.
    pub(crate) fn of(commit: &[RowOp]) -> Self {
        let cells = || commit.iter().flat_map(|op| op.parts().2);
        Self {
            operations: commit.len() as u64,
            cells: cells().count() as u64,
            bytes: cells().map(|cell| cell.value.content_bytes()).sum(),
        }
    }

    /// Refuses more than a document takes.
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

/// The operation log of a document.
#[derive(Debug, Default)]
pub(crate) struct OpLog {
    /// By event: where its operations end.
    operation_ends: Vec<u32>,
    /// By operation: the row, and what is done to it.
    rows: Vec<PackedOp>,
    /// By operation: where its cells end.
    cell_ends: Vec<u32>,
    /// By cell.
    columns: Vec<ColumnNumber>,
    tags: Vec<Tag>,
    /// The number's bits; of a text or blob, its start (upper half) and length (lower half).
    payloads: Vec<u64>,
    texts: String,
    blobs: Vec<u8>,
}

/// A row number, times 4, plus the kind. `limits::DOCUMENT_OPERATIONS` keeps row numbers below 2^30.
#[derive(Debug, Clone, Copy)]
struct PackedOp(u32);

impl PackedOp {
    fn new(kind: OpKind, row: RowNumber) -> Self {
        let kind = match kind {
            OpKind::Insert => 0,
            OpKind::Update => 1,
            OpKind::Delete => 2,
        };
        Self(row.0 << 2 | kind)
    }

    fn kind(self) -> OpKind {
        match self.0 & 3 {
            0 => OpKind::Insert,
            1 => OpKind::Update,
            _ => OpKind::Delete,
        }
    }

    fn row(self) -> RowNumber {
        RowNumber(self.0 >> 2)
    }
}

impl OpLog {
    /// How many events the log holds.
    pub(crate) fn events(&self) -> u32 {
        self.operation_ends.len() as u32
    }

    /// What the log holds.
    pub(crate) fn totals(&self) -> Totals {
        Totals {
            operations: self.rows.len() as u64,
            cells: self.columns.len() as u64,
            bytes: (self.texts.len() + self.blobs.len()) as u64,
        }
    }

    /// Adds an operation to the event that the next `end_event` ends.
    pub(crate) fn push_op<'a>(
        &mut self,
        kind: OpKind,
        row: RowNumber,
        cells: impl Iterator<Item = (ColumnNumber, &'a Value)>,
    ) -> LoggedOp {
        let start = self.columns.len() as u32;
        for (column, value) in cells {
            let (tag, payload) = self.pack(value);
            self.columns.push(column);
            self.tags.push(tag);
            self.payloads.push(payload);
        }
        let end = self.columns.len() as u32;
        self.rows.push(PackedOp::new(kind, row));
        self.cell_ends.push(end);
        LoggedOp { kind, row, cells: start..end }
    }

    /// Ends the event that follows the one ended last.
    pub(crate) fn end_event(&mut self) {
        self.operation_ends.push(self.rows.len() as u32);
    }

    /// The operations of an event. O(1) each.
    pub(crate) fn ops(&self, event: EventNumber) -> impl ExactSizeIterator<Item = LoggedOp> {
        let start = event.index().checked_sub(1).map_or(0, |previous| self.operation_ends[previous]);
        let end = self.operation_ends[event.index()];
        (start as usize..end as usize).map(|at| LoggedOp {
            kind: self.rows[at].kind(),
            row: self.rows[at].row(),
            cells: at.checked_sub(1).map_or(0, |previous| self.cell_ends[previous])..self.cell_ends[at],
        })
    }

    /// The column that a cell belongs to. O(1).
    pub(crate) fn column(&self, cell: CellNumber) -> ColumnNumber {
        self.columns[cell.0 as usize]
    }

    /// What was written into a cell. O(1).
    pub(crate) fn value(&self, cell: CellNumber) -> ValueRef<'_> {
        let payload = self.payloads[cell.0 as usize];
        let range = || (payload >> 32) as usize..(payload >> 32) as usize + (payload & 0xffff_ffff) as usize;
        match self.tags[cell.0 as usize] {
            Tag::Null => ValueRef::Null,
            Tag::False => ValueRef::Boolean(false),
            Tag::True => ValueRef::Boolean(true),
            Tag::Integer => ValueRef::Integer(payload as i64),
            Tag::Real => ValueRef::Real(payload),
            Tag::Text => ValueRef::Text(&self.texts[range()]),
            Tag::Blob => ValueRef::Blob(&self.blobs[range()]),
        }
    }

    fn pack(&mut self, value: &Value) -> (Tag, u64) {
        let place = |start: usize, len: usize| (start as u64) << 32 | len as u64;
        match value {
            Value::Null => (Tag::Null, 0),
            Value::Boolean(false) => (Tag::False, 0),
            Value::Boolean(true) => (Tag::True, 0),
            Value::Integer(integer) => (Tag::Integer, *integer as u64),
            Value::Real(real) => (Tag::Real, canonical_bits(*real)),
            Value::Text(text) => {
                let start = self.texts.len();
                self.texts.push_str(text);
                (Tag::Text, place(start, text.len()))
            }
            Value::Blob(blob) => {
                let start = self.blobs.len();
                self.blobs.extend_from_slice(blob);
                (Tag::Blob, place(start, blob.len()))
            }
        }
    }
}

impl ValueRef<'_> {
    /// A copy of its own.
    pub(crate) fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(boolean) => Value::Boolean(boolean),
            Self::Integer(integer) => Value::Integer(integer),
            Self::Real(bits) => Value::Real(f64::from_bits(bits)),
            Self::Text(text) => Value::Text(text.to_owned()),
            Self::Blob(blob) => Value::Blob(blob.to_owned()),
        }
    }

    /// Whether documents would hold the same bytes for both.
    pub(crate) fn equals(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Null, Value::Null) => true,
            (Self::Boolean(a), Value::Boolean(b)) => a == *b,
            (Self::Integer(a), Value::Integer(b)) => a == *b,
            (Self::Real(a), Value::Real(b)) => a == canonical_bits(*b),
            (Self::Text(a), Value::Text(b)) => a == b,
            (Self::Blob(a), Value::Blob(b)) => a == b,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{EventNumber, OpKind, OpLog, RowNumber, Totals, Value, ValueRef};
    use crate::id::ColumnNumber;

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
        log.push_op(OpKind::Insert, RowNumber((1 << 30) - 1), (3..).map(ColumnNumber).zip(&values));
        log.push_op(OpKind::Delete, RowNumber(0), std::iter::empty());
        log.end_event();
        log.end_event();
        log.push_op(OpKind::Update, RowNumber(7), [(ColumnNumber(1), &values[6])].into_iter());
        log.end_event();

        let first: Vec<_> = log.ops(EventNumber(0)).collect();
        assert_eq!((first[0].kind, first[0].row.0), (OpKind::Insert, (1 << 30) - 1));
        for ((cell, value), column) in first[0].cells().zip(&values).zip(3..) {
            assert_eq!((log.column(cell).0, log.value(cell).equals(value)), (column, true), "{value:?}");
            assert_eq!(log.value(cell).to_value(), *value);
        }
        assert_eq!((first[1].kind, first[1].cells().len()), (OpKind::Delete, 0));
        assert_eq!(log.ops(EventNumber(1)).len(), 0);
        let last: Vec<_> = log.ops(EventNumber(2)).collect();
        assert_eq!((last.len(), last[0].kind, last[0].row.0), (1, OpKind::Update, 7));
        assert_eq!(last[0].cells().map(|cell| log.value(cell)).collect::<Vec<_>>(), [ValueRef::Text("a")]);
        assert_eq!(log.totals(), Totals { operations: 3, cells: 10, bytes: 6 });
    }
}
