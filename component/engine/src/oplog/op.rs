//! Operations with owned names and values, as callers pass and receive them.

use super::OpKind;
use crate::value::Value;

/// A cell of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The column's name.
    pub column: String,
    /// The cell's value.
    pub value: Value,
}

impl Cell {
    /// Returns a cell of this column with this value.
    pub fn new(column: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { column: column.into(), value: value.into() }
    }
}

/// An operation on a row.
// With `repr`, the table and the row are at the same place in all variants, and reading them needs
// no branch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[repr(u8)]
pub enum RowOp {
    /// Creates the row with these cells. If the row exists, sets these cells and leaves the other
    /// ones.
    Insert {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
        /// The cells to set.
        cells: Vec<Cell>,
    },
    /// Sets these cells of the row. Does nothing if the row does not exist at this point of the
    /// execution.
    Update {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
        /// The cells to set.
        cells: Vec<Cell>,
    },
    /// Removes the row with all its cells. Does nothing if the row does not exist at this point of
    /// the execution.
    Delete {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
    },
    /// Removes these cells of the row. Does nothing if the row does not exist at this point of the
    /// execution; columns that have no cell are ignored.
    Unset {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
        /// The columns of the cells to remove.
        columns: Vec<String>,
    },
    /// Edits a text cell: removes `remove` characters at `at`, then inserts `insert` there.
    /// Positions count Unicode scalar values of the text that the author saw. A cell that is absent
    /// or null counts as an empty text. Does nothing if the author's state had no such row, another
    /// value in the cell, or no such place in the text.
    Splice {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
        /// The column's name.
        column: String,
        /// The position, in Unicode scalar values.
        at: u32,
        /// The number of Unicode scalar values to remove.
        remove: u32,
        /// What is inserted.
        insert: String,
    },
    /// Adds `amount` to an integer cell. A cell that is absent or null counts as 0. Concurrent
    /// additions all count. Does nothing if the author's state had no such row, or another value in
    /// the cell.
    Add {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
        /// The column's name.
        column: String,
        /// What is added.
        amount: i64,
    },
}

/// The operations of one event. They take effect together, in this order.
pub type Commit = Vec<RowOp>;

impl RowOp {
    /// Returns the number of cells that the operation sets, removes or edits.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Insert { cells, .. } | Self::Update { cells, .. } => cells.len(),
            Self::Delete { .. } => 0,
            Self::Unset { columns, .. } => columns.len(),
            Self::Splice { .. } => SPLICE_CELLS,
            Self::Add { .. } => 1,
        }
    }

    /// Returns the kind of the operation.
    pub(super) fn kind(&self) -> OpKind {
        match self {
            Self::Insert { .. } => OpKind::Insert,
            Self::Update { .. } => OpKind::Update,
            Self::Delete { .. } => OpKind::Delete,
            Self::Unset { .. } => OpKind::Unset,
            Self::Splice { .. } => OpKind::Splice,
            Self::Add { .. } => OpKind::Add,
        }
    }

    /// Returns the table's name and the row's id.
    #[must_use]
    pub fn row_name(&self) -> (&str, &str) {
        match self {
            Self::Insert { table, row, .. }
            | Self::Update { table, row, .. }
            | Self::Delete { table, row }
            | Self::Unset { table, row, .. }
            | Self::Splice { table, row, .. }
            | Self::Add { table, row, .. } => (table, row),
        }
    }
}

/// The number of cells that a splice counts as: the inserted text, and the place.
pub(crate) const SPLICE_CELLS: usize = 2;

/// The size of an operation or a cell, as limits count it, without its names and content.
pub(crate) const ITEM_BYTES: u64 = 8;

impl Cell {
    /// Returns the size of the cell, as limits count it.
    pub(crate) fn bytes(&self) -> u64 {
        ITEM_BYTES + self.column.len() as u64 + self.value.as_ref().content_bytes()
    }
}
