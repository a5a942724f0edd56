//! Conversions between the types of this component's exports and of the engine, field by field.

use crate::contract::converge::sync::types::{Cell, ShapedRow};
use crate::contract::converge::sync::{durable as engine, session as engine_session, texts as engine_texts};
use crate::contract::exports::converge::sync::{durable as wit, session, texts};

/// Converts each element of a list.
pub(crate) fn list<From, To>(elements: Vec<From>) -> Vec<To>
where
    From: Into<To>,
{
    elements.into_iter().map(Into::into).collect()
}

/// Implements `From` for records with the same fields, as `FROM => TO { field, field as list }`.
macro_rules! records {
    ($($from:ty => $to:ty { $($field:ident $(as $with:ident)?),* $(,)? })*) => {$(
        impl From<$from> for $to {
            fn from(from: $from) -> Self {
                Self { $($field: records!(@field from $field $($with)?)),* }
            }
        }
    )*};
    (@field $from:ident $field:ident) => { $from.$field };
    (@field $from:ident $field:ident into) => { $from.$field.into() };
    (@field $from:ident $field:ident option) => { $from.$field.map(Into::into) };
    (@field $from:ident $field:ident list) => { list($from.$field) };
    (@field $from:ident $field:ident commits) => { $from.$field.into_iter().map(list).collect() };
}

records! {
    wit::InsertOp => engine::InsertOp { table, row, cells }
    engine::InsertOp => wit::InsertOp { table, row, cells }
    wit::UpdateOp => engine::UpdateOp { table, row, cells }
    engine::UpdateOp => wit::UpdateOp { table, row, cells }
    wit::DeleteOp => engine::DeleteOp { table, row }
    engine::DeleteOp => wit::DeleteOp { table, row }
    wit::UnsetOp => engine::UnsetOp { table, row, columns }
    engine::UnsetOp => wit::UnsetOp { table, row, columns }
    wit::SpliceOp => engine::SpliceOp { table, row, column, at, remove, insert }
    engine::SpliceOp => wit::SpliceOp { table, row, column, at, remove, insert }
    wit::AddOp => engine::AddOp { table, row, column, amount }
    engine::AddOp => wit::AddOp { table, row, column, amount }
    wit::EventRun => engine::EventRun { peer, start, lamport, deps, fingerprints, salt, commits as commits }
    engine::EventRun => wit::EventRun { peer, start, lamport, deps, fingerprints, salt, commits as commits }
    wit::TableRows => engine::TableRows { table, shapes, rows }
    engine::EventBatch => wit::EventBatch { runs as list, more }
    engine::MergeReport => wit::MergeReport { applied, duplicate, waiting, dropped, missing, forked }
    engine::Fork => wit::Fork { peer, counter, branches }
    engine::CompactionReport => wit::CompactionReport { events_dropped, tombstones_dropped, horizon }
    engine::Changes => wit::Changes { ops as list, more }
    texts::Change => engine_texts::Change { at, remove, insert }
    engine_texts::Change => texts::Change { at, remove, insert }
    session::SessionOptions => engine_session::SessionOptions {
        document, nonce, max_message_bytes, namespaces, read_only, accept as into, writers
    }
    engine_session::Received => session::Received { durable as option, ephemeral, refused }
    engine_session::Progress => session::Progress { known_there, unsent, awaited, in_sync }
}

impl From<session::Acceptance> for engine_session::Acceptance {
    fn from(accept: session::Acceptance) -> Self {
        Self::from_bits_truncate(accept.bits())
    }
}

impl From<texts::Unit> for engine_texts::Unit {
    fn from(unit: texts::Unit) -> Self {
        match unit {
            texts::Unit::Scalar => Self::Scalar,
            texts::Unit::Utf16 => Self::Utf16,
            texts::Unit::Utf8 => Self::Utf8,
        }
    }
}

impl From<texts::Side> for engine_texts::Side {
    fn from(side: texts::Side) -> Self {
        match side {
            texts::Side::Before => Self::Before,
            texts::Side::After => Self::After,
        }
    }
}

impl From<wit::RowOp> for engine::RowOp {
    fn from(op: wit::RowOp) -> Self {
        match op {
            wit::RowOp::Insert(op) => Self::Insert(op.into()),
            wit::RowOp::Update(op) => Self::Update(op.into()),
            wit::RowOp::Delete(op) => Self::Delete(op.into()),
            wit::RowOp::Unset(op) => Self::Unset(op.into()),
            wit::RowOp::Splice(op) => Self::Splice(op.into()),
            wit::RowOp::Add(op) => Self::Add(op.into()),
        }
    }
}

impl From<wit::RowsOp> for engine::RowsOp {
    fn from(op: wit::RowsOp) -> Self {
        match op {
            wit::RowsOp::Insert(rows) => Self::Insert(rows.into()),
            wit::RowsOp::Update(rows) => Self::Update(rows.into()),
        }
    }
}

/// Returns an operation for each row. The rows of an operation that breaks a rule of the contract
/// can be left out.
pub(crate) fn row_ops(ops: &[engine::RowsOp]) -> Vec<engine::RowOp> {
    let each = |op: &engine::RowsOp| {
        let (engine::RowsOp::Insert(rows) | engine::RowsOp::Update(rows)) = op;
        let is_insert = matches!(op, engine::RowsOp::Insert(_));
        let table = &rows.table;
        let ops = rows.rows.iter().map(|row| {
            let (table, cells, row) = (table.clone(), cells(&rows.shapes, row), row.id.clone());
            if is_insert {
                engine::RowOp::Insert(engine::InsertOp { table, row, cells })
            } else {
                engine::RowOp::Update(engine::UpdateOp { table, row, cells })
            }
        });
        ops.collect::<Vec<_>>()
    };
    ops.iter().flat_map(each).collect()
}

/// Returns the cells of a row that has one of these shapes.
pub(crate) fn cells(shapes: &[Vec<String>], row: &ShapedRow) -> Vec<Cell> {
    let columns = shapes.get(row.shape as usize).into_iter().flatten().cloned();
    columns.zip(row.values.iter().cloned()).map(|(column, value)| Cell { column, value }).collect()
}

impl From<engine::RowOp> for wit::RowOp {
    fn from(op: engine::RowOp) -> Self {
        match op {
            engine::RowOp::Insert(op) => Self::Insert(op.into()),
            engine::RowOp::Update(op) => Self::Update(op.into()),
            engine::RowOp::Delete(op) => Self::Delete(op.into()),
            engine::RowOp::Unset(op) => Self::Unset(op.into()),
            engine::RowOp::Splice(op) => Self::Splice(op.into()),
            engine::RowOp::Add(op) => Self::Add(op.into()),
        }
    }
}
