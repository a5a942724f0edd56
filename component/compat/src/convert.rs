//! Conversions between the types of the two contracts.

use crate::contract::converge::sync::durable::{AddOp, DeleteOp, InsertOp, RowOp, SpliceOp, UnsetOp, UpdateOp};
use crate::contract::converge::sync::types::{Cell, EventId, Value};
use crate::wit;

/// Converts a value. The old interface has neither blobs nor large integers, so none occur.
pub(crate) fn value(value: Value) -> wit::Value {
    match value {
        Value::Null => wit::Value::ValNull,
        Value::Boolean(boolean) => wit::Value::ValBool(boolean),
        Value::Integer(integer) => wit::Value::ValInt(integer as i32),
        Value::Real(real) => wit::Value::ValFloat(real),
        Value::Text(text) => wit::Value::ValStr(text),
        Value::Blob(_) => wit::Value::ValNull,
    }
}

pub(crate) fn engine_value(value: &wit::Value) -> Value {
    match value {
        wit::Value::ValNull => Value::Null,
        wit::Value::ValBool(boolean) => Value::Boolean(*boolean),
        wit::Value::ValInt(integer) => Value::Integer((*integer).into()),
        wit::Value::ValFloat(real) => Value::Real(*real),
        wit::Value::ValStr(text) => Value::Text(text.clone()),
    }
}

/// Converts cells. If a key occurs twice, the last value wins.
fn engine_cells(values: &[wit::KeyValue]) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::with_capacity(values.len());
    for (at, wit::KeyValue { key, val }) in values.iter().enumerate() {
        if !values[at + 1..].iter().any(|later| later.key == *key) {
            cells.push(Cell { column: key.clone(), value: engine_value(val) });
        }
    }
    cells
}

pub(crate) fn key_values(cells: Vec<Cell>) -> Vec<wit::KeyValue> {
    cells.into_iter().map(|cell| wit::KeyValue { key: cell.column, val: value(cell.value) }).collect()
}

pub(crate) fn engine_op(op: &wit::RowOp) -> RowOp {
    match op {
        wit::RowOp::Insert(wit::InsertOp { tbl, row_id, values }) => {
            RowOp::Insert(InsertOp { table: tbl.clone(), row: row_id.clone(), cells: engine_cells(values) })
        }
        wit::RowOp::Update(wit::UpdateOp { tbl, row_id, col, val }) => RowOp::Update(UpdateOp {
            table: tbl.clone(),
            row: row_id.clone(),
            cells: vec![Cell { column: col.clone(), value: engine_value(val) }],
        }),
        wit::RowOp::Delete(wit::DeleteOp { tbl, row_id }) => {
            RowOp::Delete(DeleteOp { table: tbl.clone(), row: row_id.clone() })
        }
    }
}

/// Converts an operation. Updates have one cell, because the old interface writes no others.
pub(crate) fn op(op: RowOp) -> wit::RowOp {
    match op {
        RowOp::Insert(InsertOp { table, row, cells }) => {
            wit::RowOp::Insert(wit::InsertOp { tbl: table, row_id: row, values: key_values(cells) })
        }
        RowOp::Update(UpdateOp { table, row, cells }) => {
            let cell = cells.into_iter().next();
            let (col, val) = cell.map_or_else(Default::default, |cell| (cell.column, Some(value(cell.value))));
            wit::RowOp::Update(wit::UpdateOp { tbl: table, row_id: row, col, val: val.unwrap_or(wit::Value::ValNull) })
        }
        RowOp::Delete(DeleteOp { table, row }) => wit::RowOp::Delete(wit::DeleteOp { tbl: table, row_id: row }),
        // The old interface has no such operation, so none occurs.
        RowOp::Unset(UnsetOp { table, row, columns }) => wit::RowOp::Update(wit::UpdateOp {
            tbl: table,
            row_id: row,
            col: columns.into_iter().next().unwrap_or_default(),
            val: wit::Value::ValNull,
        }),
        // Nor these.
        RowOp::Splice(SpliceOp { table, row, column, insert, .. }) => {
            wit::RowOp::Update(wit::UpdateOp { tbl: table, row_id: row, col: column, val: value(Value::Text(insert)) })
        }
        RowOp::Add(AddOp { table, row, column, amount }) => wit::RowOp::Update(wit::UpdateOp {
            tbl: table,
            row_id: row,
            col: column,
            val: value(Value::Integer(amount)),
        }),
    }
}

/// Returns the operations that update a mirror: for an update, a `set-cell` for each cell. A row
/// that lost cells is deleted and inserted again, because the old interface cannot remove cells.
/// `cells` returns the cells of a row.
pub(crate) fn merge_ops(op: RowOp, cells: impl FnOnce(&str, &str) -> Option<Vec<Cell>>) -> Vec<wit::MergeOp> {
    match op {
        RowOp::Insert(InsertOp { table, row, cells }) => {
            vec![wit::MergeOp::InsertRow(wit::InsertRowOp { tbl: table, row_id: row, values: key_values(cells) })]
        }
        RowOp::Update(UpdateOp { table, row, cells }) => {
            let set = |cell: Cell| wit::SetCellOp {
                tbl: table.clone(),
                row_id: row.clone(),
                col: cell.column,
                val: value(cell.value),
            };
            cells.into_iter().map(|cell| wit::MergeOp::SetCell(set(cell))).collect()
        }
        RowOp::Delete(DeleteOp { table, row }) => {
            vec![wit::MergeOp::DeleteRow(wit::DeleteRowOp { tbl: table, row_id: row })]
        }
        RowOp::Unset(UnsetOp { table, row, .. }) => {
            let values = key_values(cells(&table, &row).unwrap_or_default());
            let delete = wit::DeleteRowOp { tbl: table.clone(), row_id: row.clone() };
            let insert = wit::InsertRowOp { tbl: table, row_id: row, values };
            vec![wit::MergeOp::DeleteRow(delete), wit::MergeOp::InsertRow(insert)]
        }
        RowOp::Splice(SpliceOp { table, row, column, .. }) => {
            let cells = cells(&table, &row).unwrap_or_default();
            let text = cells.into_iter().find(|cell| cell.column == column);
            let set = |cell: Cell| wit::SetCellOp { tbl: table, row_id: row, col: cell.column, val: value(cell.value) };
            text.map(|cell| wit::MergeOp::SetCell(set(cell))).into_iter().collect()
        }
        // Changes report the sum as an update.
        RowOp::Add(_) => Vec::new(),
    }
}

pub(crate) fn event_id(id: EventId) -> wit::EventId {
    wit::EventId { peer: id.peer, counter: signed(id.counter) }
}

pub(crate) fn event_ids(ids: Vec<EventId>) -> Vec<wit::EventId> {
    ids.into_iter().map(event_id).collect()
}

/// Returns `None` if a counter is negative.
pub(crate) fn engine_event_ids(ids: Vec<wit::EventId>) -> Option<Vec<EventId>> {
    let engine_event_id = |id: wit::EventId| Some(EventId { peer: id.peer, counter: u32::try_from(id.counter).ok()? });
    ids.into_iter().map(engine_event_id).collect()
}

/// Converts a counter or a lamport time. A document has far fewer events than 2^31.
pub(crate) fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
