//! Local edits: additions to integer cells, and the checks that need the values of cells.

use super::Doc;
use crate::error::{Error, Invalid};
use crate::id::EventId;
use crate::oplog::{CommitRef, OpKind, OpRef, RowOp};
use crate::value::{Value, ValueRef};
use std::collections::BTreeMap;

/// The rows that the operations of a commit write to, by table and id: whether the row is new, and
/// the cells that were written, or `None` for removed ones.
type Written<'a> = BTreeMap<(&'a str, &'a str), (bool, BTreeMap<&'a str, Option<Value>>)>;

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

    /// Returns the salt of this replica's next event.
    pub(super) fn take_salt(&mut self, ops: CommitRef<'_>) -> u64 {
        if self.salt != 0 && ops.has_edits() { std::mem::take(&mut self.salt) } else { 0 }
    }

    /// Fails if an edit does not fit the value that its cell has after the operations before it.
    /// Their rows must exist. O(log n) for each operation and cell; O(operations) if none is an
    /// edit.
    pub(super) fn check_edits(&self, ops: CommitRef<'_>) -> Result<(), Error> {
        if !ops.has_edits() {
            return Ok(());
        }
        let mut written: Written<'_> = BTreeMap::new();
        for OpRef { kind, table, row, cells } in ops.ops() {
            let exists = self.rows.find(table, row).is_some();
            let (is_new, values) = written.entry((table, row)).or_insert_with(|| (!exists, BTreeMap::new()));
            if kind == OpKind::Delete {
                (*is_new, *values) = (true, BTreeMap::new());
            }
            for (column, value) in cells.iter() {
                let value = match (kind, value) {
                    (OpKind::Unset, _) => None,
                    (OpKind::Add, ValueRef::Integer(amount)) => {
                        let below = || if *is_new { None } else { self.rows.value(&self.log, (table, row), column) };
                        let before = values.get(column).cloned().unwrap_or_else(below);
                        Some(Value::Integer(checked_sum(before.as_ref(), amount, (table, row, column))?))
                    }
                    (_, value) => Some(value.to_value()),
                };
                values.insert(column, value);
            }
        }
        Ok(())
    }
}

/// Returns the sum of a cell's value and an amount.
///
/// # Errors
/// `InvalidArgument` if the value is not an integer, null or absent, or if the sum leaves the range
/// of 64-bit integers.
pub(super) fn checked_sum(
    value: Option<&Value>,
    amount: i64,
    (table, row, column): (&str, &str, &str),
) -> Result<i64, Error> {
    let cell = || (table.to_owned(), row.to_owned(), column.to_owned());
    let value = match value {
        None | Some(Value::Null) => 0,
        Some(Value::Integer(value)) => *value,
        Some(_) => return Err(Invalid::NotAnInteger { cell: cell() }.into()),
    };
    value.checked_add(amount).ok_or_else(|| Invalid::IntegerRange { cell: cell(), value, amount }.into())
}
