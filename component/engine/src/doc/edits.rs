//! Local edits: additions to integer cells, and the checks that need the values of cells.

use super::Doc;
use super::drafts::Drafts;
use crate::error::Error;
use crate::id::EventId;
use crate::oplog::{CommitRef, RowOp};

impl Doc {
    /// Commits an addition to an integer cell. A cell that is absent or null counts as 0.
    /// Concurrent additions all count, as long as the cell's last write or delete is still the one
    /// that this replica sees now. Cost as for [`Doc::commit`].
    ///
    /// # Errors
    /// Those of [`Doc::commit`]; `InvalidArgument` if the cell has another value, or if the sum
    /// leaves the range of 64-bit integers.
    pub fn add(
        &mut self,
        table: impl Into<String>,
        row: impl Into<String>,
        column: impl Into<String>,
        amount: i64,
    ) -> Result<EventId, Error> {
        self.commit(vec![RowOp::Add { table: table.into(), row: row.into(), column: column.into(), amount }])
    }

    /// Makes this replica's next commit with an edit differ from an equal commit of a copy of this
    /// replica. Equal commits on equal states are one event, so that without this call two copies
    /// that add 1 add 1 together. `salt` is a random number; 0 has no effect.
    pub fn distinguish(&mut self, salt: u64) {
        self.salt = salt;
    }

    /// Fails if an edit does not fit the value that its cell has after the operations before it.
    /// Their rows must exist. Cost as for `Drafts::write` for each operation; O(operations) if none
    /// is an edit.
    pub(super) fn check_edits(&self, ops: CommitRef<'_>) -> Result<(), Error> {
        if ops.has_edits() {
            let mut drafts = Drafts::default();
            ops.to_commit().iter().try_for_each(|op| drafts.write(self, op))?;
        }
        Ok(())
    }
}
