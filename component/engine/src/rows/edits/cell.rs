//! Edits of cells, as the log has them.

use crate::id::{ColumnNumber, EventNumber};
use crate::oplog::{LoggedOp, OpKind, OpLog, SplicePlace};
use crate::text::{Edit, Lengths};
use crate::value::ValueRef;

/// An edit of a cell.
#[derive(Debug, Clone, Copy)]
pub(in crate::rows) struct EditedCell {
    pub(in crate::rows) column: ColumnNumber,
    pub(in crate::rows) edit: CellEdit,
}

/// What an edit does to its cell.
#[derive(Debug, Clone, Copy)]
pub(in crate::rows) enum CellEdit {
    /// Adds an amount.
    Add(i64),
    Splice(Edit),
}

impl EditedCell {
    /// Returns the edit of a logged operation, which has this index in the commit of its event.
    pub(in crate::rows) fn of((event, place): (EventNumber, u32), op: &LoggedOp, log: &OpLog) -> Option<Self> {
        if op.kind == OpKind::Splice {
            let (column, content, SplicePlace { at, remove }) = log.splice(op)?;
            let scalars = Lengths::of(content.of(log.content())).scalars;
            return Some(Self { column, edit: CellEdit::Splice(Edit { event, place, at, remove, content, scalars }) });
        }
        let cell = op.cells().next()?;
        match log.value(cell) {
            ValueRef::Integer(amount) => Some(Self { column: log.column(cell), edit: CellEdit::Add(amount) }),
            _ => None,
        }
    }
}
