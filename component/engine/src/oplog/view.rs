//! A uniform view of commits: those of callers, and those in a log.

use super::op::{ITEM_BYTES, SPLICE_CELLS};
use super::{Cell, CellNumber, CellSource, Commit, LoggedOp, OpKind, OpKinds, OpLog, RowOp};
use crate::id::{ColumnNumber, EventNumber, RowNumber};
use crate::value::{Value, ValueRef};
use std::ops::Range;

/// The names that the numbers in a log stand for.
pub(crate) trait OpNames {
    /// Returns the names of a row's table and of the row.
    fn row_name(&self, row: RowNumber) -> (&str, &str);
    /// Returns the name of a column.
    fn column_name(&self, column: ColumnNumber) -> &str;
}

/// The operations of one event.
#[derive(Clone, Copy)]
pub(crate) enum CommitRef<'a> {
    Plain(&'a [RowOp]),
    /// The operations of some `RowsOp`s.
    Listed(&'a [OpRef<'a>]),
    Logged {
        names: &'a dyn OpNames,
        log: &'a OpLog,
        event: EventNumber,
    },
}

/// Commits of consecutive events that take effect at once. Each has one operation, with the same
/// names and as many bytes. Also a single commit of any kind.
#[derive(Clone, Copy)]
pub(crate) struct AlikeCommits<'a> {
    pub(crate) first: CommitRef<'a>,
    pub(crate) count: u32,
}

/// One operation on one row.
#[derive(Clone)]
pub(crate) struct OpRef<'a> {
    pub(crate) kind: OpKind,
    pub(crate) table: &'a str,
    pub(crate) row: &'a str,
    pub(crate) cells: CellsRef<'a>,
}

/// The cells of an operation, sorted by column. Those of an unset are null, that of an addition is
/// the amount, and those of a splice are the inserted text and the place.
#[derive(Clone)]
pub(crate) enum CellsRef<'a> {
    Plain(&'a [Cell]),
    Shaped {
        columns: &'a [String],
        values: &'a [Value],
    },
    /// The columns of an unset.
    Unset(&'a [String]),
    /// The cell of an addition, with the amount.
    Amount(&'a str, i64),
    /// The cells of a splice.
    Splice {
        column: &'a str,
        place: SplicePlace,
        insert: &'a str,
    },
    Logged {
        names: &'a dyn OpNames,
        log: &'a OpLog,
        cells: Range<u32>,
    },
}

/// The place of a splice: the position, and the number of removed scalar values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SplicePlace {
    pub(crate) at: u32,
    pub(crate) remove: u32,
}

impl SplicePlace {
    /// Returns the place as an integer.
    pub(crate) fn to_integer(self) -> i64 {
        (u64::from(self.at) << 32 | u64::from(self.remove)) as i64
    }

    /// Returns the place that an integer stands for.
    pub(crate) fn of_integer(integer: i64) -> Self {
        Self { at: (integer as u64 >> 32) as u32, remove: integer as u32 }
    }
}

impl<'a> CommitRef<'a> {
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Plain(ops) => ops.len(),
            Self::Listed(ops) => ops.len(),
            Self::Logged { log, event, .. } => log.op_count(event),
        }
    }

    pub(crate) fn ops(self) -> impl Iterator<Item = OpRef<'a>> + Clone {
        let start = match self {
            Self::Plain(_) | Self::Listed(_) => 0,
            Self::Logged { log, event, .. } => log.ops_of(event).start,
        };
        (start..start + self.len() as u32).map(move |at| match self {
            Self::Plain(ops) => OpRef::plain(&ops[at as usize]),
            Self::Listed(ops) => ops[at as usize].clone(),
            Self::Logged { names, log, .. } => OpRef::logged(names, log, log.op(at)),
        })
    }

    /// Returns this commit with those after it in its log, up to `max`, that take effect with it at
    /// once. They are not always as many as possible. O(log runs of splices), and O(inserted
    /// bytes).
    pub(crate) fn alike(self, max: u32) -> AlikeCommits<'a> {
        let typed = match self {
            Self::Logged { log, event, .. } => {
                log.splices_from(event, max).and_then(|splices| splices.typed(log.content()))
            }
            Self::Plain(_) | Self::Listed(_) => None,
        };
        AlikeCommits { first: self, count: typed.map_or(1, |(_, count)| count) }
    }

    /// Returns the kinds of the operations. O(operations).
    #[inline]
    pub(crate) fn kinds(self) -> OpKinds {
        match self {
            Self::Plain(ops) => OpKinds::of(ops.iter().map(RowOp::kind)),
            Self::Listed(ops) => OpKinds::of(ops.iter().map(|op| op.kind)),
            Self::Logged { log, event, .. } => OpKinds::of(log.ops(event).map(|op| op.kind)),
        }
    }

    /// Returns whether an operation edits a cell. O(operations).
    #[inline]
    pub(crate) fn has_edits(self) -> bool {
        match self {
            Self::Logged { log, .. } if !log.has_edits() => false,
            _ => self.kinds().have_edits(),
        }
    }

    /// Returns the size of the commit, as limits count it.
    pub(crate) fn bytes(self) -> u64 {
        self.ops().map(|op| op.bytes()).sum()
    }

    /// Copies the commit with its names and values.
    pub(crate) fn to_commit(self) -> Commit {
        self.ops().map(|op| op.to_op()).collect()
    }
}

impl<'a> OpRef<'a> {
    fn plain(op: &'a RowOp) -> Self {
        let (table, row) = op.row_name();
        let cells = match op {
            RowOp::Insert { cells, .. } | RowOp::Update { cells, .. } => CellsRef::Plain(cells),
            RowOp::Delete { .. } => CellsRef::Plain(&[]),
            RowOp::Unset { columns, .. } => CellsRef::Unset(columns),
            RowOp::Splice { column, at, remove, insert, .. } => {
                CellsRef::Splice { column, place: SplicePlace { at: *at, remove: *remove }, insert }
            }
            RowOp::Add { column, amount, .. } => CellsRef::Amount(column, *amount),
        };
        Self { kind: op.kind(), table, row, cells }
    }

    fn logged(names: &'a dyn OpNames, log: &'a OpLog, op: LoggedOp) -> Self {
        let (table, row) = names.row_name(op.row);
        let cells = match log.splice(&op) {
            Some((column, content, place)) => {
                CellsRef::Splice { column: names.column_name(column), place, insert: content.of(log.content()) }
            }
            None => CellsRef::Logged { names, log, cells: op.cells },
        };
        Self { kind: op.kind, table, row, cells }
    }

    fn bytes(&self) -> u64 {
        let cells = self.cells.iter().map(|(column, value)| ITEM_BYTES + column.len() as u64 + value.content_bytes());
        ITEM_BYTES + (self.table.len() + self.row.len()) as u64 + cells.sum::<u64>()
    }

    fn to_op(&self) -> RowOp {
        let (table, row) = (self.table.to_owned(), self.row.to_owned());
        let cells =
            self.cells.iter().map(|(column, value)| Cell { column: column.to_owned(), value: value.to_value() });
        match self.kind {
            OpKind::Insert => RowOp::Insert { table, row, cells: cells.collect() },
            OpKind::Update => RowOp::Update { table, row, cells: cells.collect() },
            OpKind::Delete => RowOp::Delete { table, row },
            OpKind::Unset => {
                let columns = self.cells.iter().map(|(column, _)| column.to_owned()).collect();
                RowOp::Unset { table, row, columns }
            }
            OpKind::Splice => {
                let mut cells = self.cells.iter();
                let (column, insert) = match cells.next() {
                    Some((column, ValueRef::Text(insert))) => (column, insert),
                    _ => ("", ""),
                };
                let place = cells.next().and_then(|(_, place)| place.as_integer()).unwrap_or(0);
                let SplicePlace { at, remove } = SplicePlace::of_integer(place);
                RowOp::Splice { table, row, column: column.to_owned(), at, remove, insert: insert.to_owned() }
            }
            OpKind::Add => {
                let cell = self.cells.iter().next();
                let (column, amount) = cell.map_or(("", None), |(column, value)| (column, value.as_integer()));
                RowOp::Add { table, row, column: column.to_owned(), amount: amount.unwrap_or(0) }
            }
        }
    }
}

impl<'a> CellsRef<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Plain(cells) => cells.len(),
            Self::Shaped { columns, .. } => columns.len(),
            Self::Unset(columns) => columns.len(),
            Self::Amount(..) => 1,
            Self::Splice { .. } => SPLICE_CELLS,
            Self::Logged { cells, .. } => cells.len(),
        }
    }

    /// Returns the columns, and the sources of their values.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&'a str, CellSource<'a>)> + Clone + use<'a> {
        let this = self.clone();
        (0..self.len()).map(move |at| match &this {
            Self::Plain(cells) => (cells[at].column.as_str(), CellSource::Value(cells[at].value.as_ref())),
            Self::Shaped { columns, values } => (columns[at].as_str(), CellSource::Value(values[at].as_ref())),
            Self::Unset(columns) => (columns[at].as_str(), CellSource::Value(ValueRef::Null)),
            &Self::Amount(column, amount) => (column, CellSource::Value(ValueRef::Integer(amount))),
            &Self::Splice { column, insert, .. } if at == 0 => (column, CellSource::Value(ValueRef::Text(insert))),
            &Self::Splice { column, place, .. } => (column, CellSource::Value(ValueRef::Integer(place.to_integer()))),
            Self::Logged { names, log, cells } => {
                let cell = CellNumber(cells.start + at as u32);
                (names.column_name(log.column(cell)), CellSource::Logged(log, cell))
            }
        })
    }

    /// Returns the columns and values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a str, ValueRef<'a>)> + Clone + use<'a> {
        self.sources().map(|(column, source)| match source {
            CellSource::Value(value) => (column, value),
            CellSource::Logged(log, cell) => (column, log.value(cell)),
        })
    }
}

impl<'a> From<&'a Commit> for CommitRef<'a> {
    fn from(commit: &'a Commit) -> Self {
        Self::Plain(commit)
    }
}
