//! Rows that share the names of their columns, as callers pass and receive them.

use super::OpKind;
use super::op::{Cell, ITEM_BYTES};
use super::view::{CellsRef, OpRef};
use crate::value::Value;

/// A row with its cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The row's id.
    pub id: String,
    /// The cells, sorted by column.
    pub cells: Vec<Cell>,
}

/// A row whose columns are one of several lists, its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapedRow {
    /// The row's id.
    pub id: String,
    /// The index of the list of columns.
    pub shape: u32,
    /// A value for each of these columns.
    pub values: Vec<Value>,
}

/// Rows of one table, with the lists of columns that they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRows {
    /// The table's name.
    pub table: String,
    /// The lists of columns.
    pub shapes: Vec<Vec<String>>,
    /// The rows.
    pub rows: Vec<ShapedRow>,
}

/// Operations of one kind on rows of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowsOp {
    /// Creates these rows. If a row exists, sets these cells and leaves the other ones.
    Insert(TableRows),
    /// Sets these cells of existing rows.
    Update(TableRows),
}

/// The number of shapes that the columns of a row are compared with: the latest ones.
const COMPARED_SHAPES: usize = 16;

/// Returns the index of a shape among the latest ones, if it is one of them.
pub(crate) fn find_shape<Shape>(shapes: &[Shape], is_it: impl Fn(&Shape) -> bool) -> Option<usize> {
    let start = shapes.len().saturating_sub(COMPARED_SHAPES);
    Some(start + shapes[start..].iter().rposition(is_it)?)
}

impl Row {
    /// Returns the size of the row, as limits count it.
    pub(crate) fn bytes(&self) -> u64 {
        ITEM_BYTES + self.id.len() as u64 + self.cells.iter().map(Cell::bytes).sum::<u64>()
    }
}

impl ShapedRow {
    /// Returns the columns of the row, which must be one of these lists.
    pub(crate) fn columns<'a>(&self, shapes: &'a [Vec<String>]) -> &'a [String] {
        &shapes[self.shape as usize]
    }
}

impl RowsOp {
    /// Returns the rows, and their table.
    pub(crate) fn rows_mut(&mut self) -> &mut TableRows {
        match self {
            Self::Insert(rows) | Self::Update(rows) => rows,
        }
    }

    /// Returns an operation for each row. The rows must have been checked.
    pub(crate) fn ops(&self) -> impl Iterator<Item = OpRef<'_>> {
        let (kind, TableRows { table, shapes, rows }) = match self {
            Self::Insert(rows) => (OpKind::Insert, rows),
            Self::Update(rows) => (OpKind::Update, rows),
        };
        rows.iter().map(move |row| OpRef {
            kind,
            table,
            row: &row.id,
            cells: CellsRef::Shaped { columns: row.columns(shapes), values: &row.values },
        })
    }
}
