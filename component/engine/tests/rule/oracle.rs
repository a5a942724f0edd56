//! The rule of execution, literally: every known event, one at a time, in the order of (lamport,
//! peer).
//!
//! The oracle is deliberately naive and independent of how the engine stores its state.

use converge_engine::{Commit, EventId, RowOp, Value};
use std::collections::BTreeMap;

/// An event outside of any run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: EventId,
    pub(crate) lamport: u32,
    pub(crate) deps: Vec<EventId>,
    pub(crate) ops: Commit,
}

/// The cells of a row, by column.
pub(crate) type Cells = BTreeMap<String, Value>;

/// Rows by table and id. Tables without rows are absent.
pub(crate) type Tables = BTreeMap<String, BTreeMap<String, Cells>>;

/// Returns the tables that these events result in. With each event, all its ancestors must be
/// present.
pub(crate) fn tables<'a>(events: impl Iterator<Item = &'a Event>) -> Tables {
    let mut order: Vec<&Event> = events.collect();
    order.sort_by_key(|event| (event.lamport, event.id.peer.as_bytes()));
    let mut tables = Tables::new();
    for op in order.iter().flat_map(|event| &event.ops) {
        execute(&mut tables, op);
    }
    tables
}

/// Executes one operation directly.
pub(crate) fn execute(tables: &mut Tables, op: &RowOp) {
    match op {
        RowOp::Insert { table, row, cells } => {
            let made = tables.entry(table.clone()).or_default().entry(row.clone()).or_default();
            made.extend(cells.iter().map(|cell| (cell.column.clone(), cell.value.clone())));
        }
        RowOp::Update { table, row, cells } => {
            if let Some(there) = tables.get_mut(table).and_then(|rows| rows.get_mut(row)) {
                there.extend(cells.iter().map(|cell| (cell.column.clone(), cell.value.clone())));
            }
        }
        RowOp::Unset { table, row, columns } => {
            if let Some(there) = tables.get_mut(table).and_then(|rows| rows.get_mut(row)) {
                there.retain(|column, _| !columns.contains(column));
            }
        }
        RowOp::Delete { table, row } => {
            let Some(rows) = tables.get_mut(table) else { return };
            rows.remove(row);
            if rows.is_empty() {
                tables.remove(table);
            }
        }
    }
}
