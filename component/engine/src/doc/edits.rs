//! Local edits: splices of text cells, additions to integer cells, and the checks that need the
//! values of cells.

use super::Doc;
use super::drafts::Drafts;
use crate::error::{Error, Invalid};
use crate::id::EventId;
use crate::limits;
use crate::oplog::{CommitRef, RowOp};
use crate::text::Unit;

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

    /// Commits an edit of a text cell: removes `remove` Unicode scalar values at `at`, then inserts
    /// `insert` there. A cell that is absent or null counts as an empty text. Concurrent splices
    /// all count, as long as the cell's last write or delete is still the one that this replica
    /// sees now. Cost as for [`Doc::commit`].
    ///
    /// # Errors
    /// Those of [`Doc::commit`]; `InvalidArgument` if the cell has another value, or if the text is
    /// shorter; `LimitExceeded` if the text gets longer than `limits::VALUE_BYTES`.
    pub fn splice(
        &mut self,
        table: impl Into<String>,
        row: impl Into<String>,
        column: impl Into<String>,
        (at, remove): (u32, u32),
        insert: impl Into<String>,
    ) -> Result<EventId, Error> {
        let (table, row, column, insert) = (table.into(), row.into(), column.into(), insert.into());
        self.commit(vec![RowOp::Splice { table, row, column, at, remove, insert }])
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
        if !ops.has_edits() || self.fits_text(ops)? {
            return Ok(());
        }
        let mut drafts = Drafts::default();
        ops.to_commit().iter().try_for_each(|op| drafts.write(self, op))
    }

    /// Returns whether a commit is one splice that fits its text. O(log n).
    fn fits_text(&self, ops: CommitRef<'_>) -> Result<bool, Error> {
        let CommitRef::Plain([RowOp::Splice { table, row, column, at, remove, insert }]) = ops else {
            return Ok(false);
        };
        let Some(text) = self.rows.spliced_text(table, row, column) else { return Ok(false) };
        let position = |at: Option<u32>| text.position(at?, Unit::Scalar, self.log.content()).ok();
        let (Some(start), Some(end)) = (position(Some(*at)), position(at.checked_add(*remove))) else {
            let (cell, length) = ((table.clone(), row.clone(), column.clone()), text.lengths().scalars);
            return Err(Invalid::SpliceBeyondText { cell, at: *at, remove: *remove, length }.into());
        };
        let kept = u64::from(text.lengths().bytes) - u64::from(end.bytes - start.bytes);
        limits::VALUE_BYTES.check(kept + insert.len() as u64)?;
        Ok(true)
    }
}
