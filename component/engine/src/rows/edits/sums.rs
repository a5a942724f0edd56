//! The sums of the additions to the cells of one row.

use super::ground::is_base;
use super::{Ground, PerGround};
use crate::id::ColumnNumber;
use crate::oplog::{CellNumber, OpKind, OpLog};
use crate::rows::state::{Meaning, RowState};
use crate::value::ValueRef;

/// By cell and ground, the sum of the additions. 128 bits hold the sum of all additions that a
/// document can contain.
pub(in crate::rows) type Sums = PerGround<i128>;

/// Returns the integer that a cell shows. `base` is the written value, to which the sum is added:
/// null and an absent value count as 0. The result is clamped to 64 bits.
pub(in crate::rows) fn sum_on(log: &OpLog, base: Option<CellNumber>, sum: i128) -> i64 {
    let base = match base.map(|base| log.value(base)) {
        Some(ValueRef::Integer(base)) => base.into(),
        _ => 0,
    };
    let clamped = sum.saturating_add(base).clamp(i64::MIN.into(), i64::MAX.into());
    i64::try_from(clamped).unwrap_or_default()
}

impl Sums {
    /// Counts an addition with this ground, unless a later write or delete replaced the ground.
    /// Cost as for `set`.
    pub(in crate::rows) fn add(
        &mut self,
        (column, amount): (ColumnNumber, i64),
        ground: Ground,
        state: &RowState,
        meaning: Meaning<'_>,
    ) {
        if state.has_ground(column, ground, meaning) {
            let before = self.get(column, ground.is_write()).map_or(0, |sum| sum.value);
            self.set(column, ground, before.saturating_add(amount.into()));
        }
    }

    /// Returns an invariant that is broken, if one is.
    pub(in crate::rows) fn defect(&self, state: &RowState, meaning: Meaning<'_>) -> Option<&'static str> {
        self.defect_of(OpKind::Add, state, meaning).then_some("a cell was added to that has no such value")
    }
}

impl<T> PerGround<T> {
    /// Returns whether an entry has a ground that is not that of its cell, or whose value edits of
    /// this kind cannot act on.
    pub(super) fn defect_of(&self, kind: OpKind, state: &RowState, meaning: Meaning<'_>) -> bool {
        let is_right = |column: ColumnNumber, ground: Ground| {
            let latest = state.latest(column, meaning);
            state.has_ground(column, ground, meaning)
                && (!ground.is_write() || latest.is_some_and(|write| is_base(meaning.log, write, kind)))
        };
        !self.iter().all(|entry| is_right(entry.column, entry.ground))
    }
}
