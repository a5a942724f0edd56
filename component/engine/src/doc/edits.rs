//! Local edits: splices of text cells, additions to integer cells, and the checks that need the
//! values of cells.

use super::Doc;
use super::drafts::Drafts;
use crate::error::{Error, Invalid};
use crate::id::EventId;
use crate::limits;
use crate::oplog::{CommitRef, RowOp};
use crate::rows::TextCell;
use crate::text::{Lengths, Unit};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

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
    /// Their rows must exist. O(log n) for each operation, and O(length) for a text that was never
    /// spliced, if all are splices of texts that stay far from the limit; O(operations) if none is
    /// an edit. Otherwise the cost is that of `Drafts::write` for each operation.
    pub(super) fn check_edits(&self, ops: CommitRef<'_>) -> Result<(), Error> {
        if !ops.has_edits() || self.fits_text(ops)? || self.fit_texts(ops)? {
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

    /// Returns whether a commit has only splices that fit their texts. Returns false, too, if a
    /// text could get too long if nothing was removed.
    fn fit_texts(&self, ops: CommitRef<'_>) -> Result<bool, Error> {
        let CommitRef::Plain(ops) = ops else { return Ok(false) };
        if !ops.iter().all(|op| matches!(op, RowOp::Splice { .. })) {
            return Ok(false);
        }
        // By cell: the scalar values, and the bytes if nothing was removed.
        let mut lengths: BTreeMap<(&str, &str, &str), (u32, u64)> = BTreeMap::new();
        for op in ops {
            let RowOp::Splice { table, row, column, at, remove, insert } = op else { return Ok(false) };
            let (scalars, bytes) = match lengths.entry((table, row, column)) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let now = match self.rows.text_cell(&self.log, table, row, column) {
                        Some(TextCell::Empty) => Lengths::default(),
                        Some(TextCell::Text(text)) => text.lengths(),
                        Some(TextCell::Other) | None => return Ok(false),
                    };
                    entry.insert((now.scalars, now.bytes.into()))
                }
            };
            let length = *scalars;
            let kept = at.checked_add(*remove).and_then(|end| length.checked_sub(end)).map(|_| length - remove);
            let Some(kept) = kept else {
                let cell = (table.clone(), row.clone(), column.clone());
                return Err(Invalid::SpliceBeyondText { cell, at: *at, remove: *remove, length }.into());
            };
            *bytes += insert.len() as u64;
            if limits::VALUE_BYTES.check(*bytes).is_err() {
                return Ok(false);
            }
            *scalars = kept + Lengths::of(insert).scalars;
        }
        Ok(true)
    }
}
