//! Rows that share the names of their columns: the form in which many rows are passed to the
//! component and returned by it. A list of columns, which the contract calls a shape, is passed
//! once, and each row refers to it by its index.

use super::super::convert::{Convert, list};
use super::bindings::durable::{RowsOp, TableRows};
use super::bindings::types::{self, ShapedRow};
use crate::{Cell, Page, Row, RowOp};

/// The number of shapes that the columns of a row are compared with: the latest ones.
const COMPARED_SHAPES: usize = 16;

/// Returns whether the operations of a commit can be passed as rows: whether they are several
/// inserts and updates.
pub(super) fn can_share(ops: &[RowOp]) -> bool {
    ops.len() > 1 && ops.iter().all(|op| matches!(op, RowOp::Insert { .. } | RowOp::Update { .. }))
}

/// Converts inserts and updates, in their order. Leaves out other operations.
pub(super) fn rows_ops(ops: Vec<RowOp>) -> Vec<RowsOp> {
    let mut shared: Vec<RowsOp> = Vec::new();
    for op in ops {
        match (op, shared.last_mut()) {
            (RowOp::Insert { table, row, cells }, Some(RowsOp::Insert(last))) if last.table == table => {
                push(&mut last.shapes, &mut last.rows, row, cells);
            }
            (RowOp::Update { table, row, cells }, Some(RowsOp::Update(last))) if last.table == table => {
                push(&mut last.shapes, &mut last.rows, row, cells);
            }
            (RowOp::Insert { table, row, cells }, _) => shared.push(RowsOp::Insert(table_rows(table, row, cells))),
            (RowOp::Update { table, row, cells }, _) => shared.push(RowsOp::Update(table_rows(table, row, cells))),
            (RowOp::Delete { .. } | RowOp::Unset { .. } | RowOp::Splice { .. } | RowOp::Add { .. }, _) => {}
        }
    }
    shared
}

fn table_rows(table: String, row: String, cells: Vec<Cell>) -> TableRows {
    let (mut shapes, mut rows) = (Vec::new(), Vec::new());
    push(&mut shapes, &mut rows, row, cells);
    TableRows { table, shapes, rows }
}

/// Adds a row, and the list of its columns if it is none of the latest ones.
fn push(shapes: &mut Vec<Vec<String>>, rows: &mut Vec<ShapedRow>, id: String, cells: Vec<Cell>) {
    let columns = || cells.iter().map(|cell| &cell.column);
    let start = shapes.len().saturating_sub(COMPARED_SHAPES);
    let known = shapes[start..].iter().rposition(|shape| shape.iter().eq(columns()));
    let shape = known.map_or(shapes.len(), |at| start + at);
    let mut values = Vec::with_capacity(cells.len());
    if known.is_none() {
        let mut shape = Vec::with_capacity(cells.len());
        for Cell { column, value } in cells {
            shape.push(column);
            values.push(value.convert());
        }
        shapes.push(shape);
    } else {
        values.extend(cells.into_iter().map(|cell| cell.value.convert()));
    }
    rows.push(ShapedRow { id, shape: shape as u32, values });
}

impl Convert<Page> for types::Page {
    fn convert(self) -> Page {
        let Self { shapes, rows, more } = self;
        let whole = |ShapedRow { id, shape, values }: ShapedRow| {
            let columns = shapes.get(shape as usize).into_iter().flatten();
            let cells = columns.zip(list(values)).map(|(column, value)| Cell { column: column.clone(), value });
            Row { id, cells: cells.collect() }
        };
        Page { rows: rows.into_iter().map(whole).collect(), more }
    }
}

#[cfg(feature = "mutators")]
impl Convert<types::Page> for Page {
    fn convert(self) -> types::Page {
        let (mut shapes, mut rows) = (Vec::new(), Vec::with_capacity(self.rows.len()));
        self.rows.into_iter().for_each(|Row { id, cells }| push(&mut shapes, &mut rows, id, cells));
        types::Page { shapes, rows, more: self.more }
    }
}
