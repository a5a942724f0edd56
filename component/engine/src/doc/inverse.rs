//! What takes back events.

use super::Doc;
use crate::error::Error;
use crate::id::{EventId, EventNumber, RowNumber};
use crate::limits;
use crate::oplog::{OpNames, RowOp};
use crate::rows::Undone;
use crate::sort;
use std::collections::BTreeSet;

impl Doc {
    /// Returns operations that take back what these events did, as far as it still shows. Nothing
    /// changes: commit the operations to undo the events, and pass that commit to redo them.
    ///
    /// - A cell that still shows what the events wrote gets the value back that their author saw,
    ///   unless others edited it since.
    /// - Inserted characters that still show are removed. Characters that nobody else removed are
    ///   inserted again where they stood.
    /// - The opposite of additions that count is added. A cell that was absent before its edits
    ///   stays, as an empty text or as 0.
    /// - A row that the events inserted is deleted, unless others wrote to it since. A row that the
    ///   events deleted, and that is still gone, is inserted with the cells that it had.
    ///
    /// O(operations on the touched rows × log n), and the cost of replaying the edits of touched
    /// texts.
    ///
    /// # Errors
    /// `InvalidArgument` if no known event or several events have a name; `Compacted` for a
    /// compacted event; `LimitExceeded` for more than `limits::COMMIT_OPERATIONS` events.
    pub fn inverse_of(&self, events: &[EventId]) -> Result<Vec<RowOp>, Error> {
        limits::COMMIT_OPERATIONS.check(events.len() as u64)?;
        let mut undone: BTreeSet<EventNumber> = BTreeSet::new();
        for event in events {
            let (lane, counter) = self.resolve(event)?;
            let event = self.graph.find(lane, counter).filter(|_| counter.0 >= self.graph.horizon().count(lane));
            undone.insert(event.ok_or_else(|| self.compacted_error())?);
        }
        let rows = undone.iter().flat_map(|&event| self.log.ops(event)).map(|op| op.row);
        let mut rows: Vec<RowNumber> = sort::distinct(rows);
        sort::sort_by(&mut rows, |&a, &b| self.rows.row_name(a).cmp(&self.rows.row_name(b)));
        let undone = Undone::new(&undone, &self.graph);
        let mut ops = Vec::new();
        for row in rows {
            ops.extend(self.rows.undo(self.row_history(), row, &undone)?);
        }
        Ok(ops)
    }
}
