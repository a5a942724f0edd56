//! Edits of cells, as the log has them.

use crate::graph::Graph;
use crate::id::{ColumnNumber, EventNumber, RowNumber};
use crate::oplog::{ContentRange, LoggedOp, OpKind, OpLog, SplicePlace, Splices, Typed};
use crate::text::{Edit, EditRun, Lengths, RunKind};
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
    /// One splice, or those of several events.
    Splice(EditRun),
}

impl EditedCell {
    /// Returns the edit of a logged operation, which has this index in the commit of its event.
    pub(in crate::rows) fn of((event, place): (EventNumber, u32), op: &LoggedOp, log: &OpLog) -> Option<Self> {
        if op.kind == OpKind::Splice {
            let (column, content, SplicePlace { at, remove }) = log.splice(op)?;
            let scalars = Lengths::of(content.of(log.content())).scalars;
            let edit = Edit { event, place, at, remove, content, scalars };
            return Some(Self { column, edit: CellEdit::Splice(EditRun::new(&edit)) });
        }
        let cell = op.cells().next()?;
        match log.value(cell) {
            ValueRef::Integer(amount) => Some(Self { column: log.column(cell), edit: CellEdit::Add(amount) }),
            _ => None,
        }
    }
}

/// Splices of consecutive events that type or delete in one cell. Each event has one splice, and
/// builds on the event before it alone.
#[derive(Debug, Clone, Copy)]
pub(in crate::rows) struct TypedRun {
    pub(in crate::rows) row: RowNumber,
    pub(in crate::rows) column: ColumnNumber,
    pub(in crate::rows) run: EditRun,
}

impl TypedRun {
    /// Returns the splices from an event on, up to `max`, if they are like this. They are not
    /// always as many as possible. O(log n), and O(inserted bytes).
    pub(in crate::rows) fn from(event: EventNumber, max: u32, log: &OpLog, graph: &Graph) -> Option<Self> {
        let max = max.min(graph.end_of_run(event).0.checked_sub(event.0)?);
        Self::of(event, &log.splices_from(event, max)?, log)
    }

    /// Returns the first of these splices that are like this. The first event is `event`.
    pub(in crate::rows) fn of(event: EventNumber, splices: &Splices, log: &OpLog) -> Option<Self> {
        let &Splices { row, column, place: SplicePlace { at, remove }, bytes_of_each: each, .. } = splices;
        let (typed, count) = splices.typed(log.content())?;
        let kind = match typed {
            Typed::Typing => RunKind::Typing,
            Typed::Backspace => RunKind::Backspace,
            Typed::Delete => RunKind::Delete,
        };
        let content = ContentRange { bytes: each * count, ..splices.content };
        let first = Edit { event, place: 0, at, remove, content, scalars: each };
        Some(Self { row, column, run: EditRun::repeated(&first, count, kind) })
    }
}
