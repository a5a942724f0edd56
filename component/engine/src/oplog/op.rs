//! Operations as callers give and get them: with names and owned values.

use crate::value::Value;

/// A named cell of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The column's name.
    pub column: String,
    /// What it holds.
    pub value: Value,
}

impl Cell {
    /// A cell of this column with this value.
    pub fn new(column: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { column: column.into(), value: value.into() }
    }
}

/// One operation on one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowOp {
    /// Creates the row with these cells; where the row exists, sets these cells and leaves the others.
    Insert {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
        /// The cells to set.
        cells: Vec<Cell>,
    },
    /// Sets these cells of the row; does nothing where, in the order of execution, the row is not there.
    Update {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
        /// The cells to set.
        cells: Vec<Cell>,
    },
    /// Removes the row with all its cells; does nothing where, in the order of execution, the row is not there.
    Delete {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
    },
    /// Removes these cells of the row. Does nothing if the row does not exist at this point of the execution; columns
    /// that have no cell are ignored.
    Unset {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
        /// The columns whose cells to remove.
        columns: Vec<String>,
    },
}

/// The operations of one event, which take effect together, in this order.
pub type Commit = Vec<RowOp>;

impl RowOp {
    /// Returns how many cells the operation sets or removes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Insert { cells, .. } | Self::Update { cells, .. } => cells.len(),
            Self::Delete { .. } => 0,
            Self::Unset { columns, .. } => columns.len(),
        }
    }

    /// Returns the table's name and the row's id.
    #[must_use]
    pub fn row_name(&self) -> (&str, &str) {
        match self {
            Self::Insert { table, row, .. }
            | Self::Update { table, row, .. }
            | Self::Delete { table, row }
            | Self::Unset { table, row, .. } => (table, row),
        }
    }
}

/// What an operation or a cell counts for, beside its names and content, where sizes are limited.
pub(crate) const ITEM_BYTES: u64 = 8;

impl Cell {
    /// The size of the cell, as limits count it.
    pub(crate) fn bytes(&self) -> u64 {
        ITEM_BYTES + self.column.len() as u64 + self.value.as_ref().content_bytes()
    }
}
