//! The sums of the additions to the cells of one row.

use super::Ground;
use super::ground::is_summand;
use crate::clock::Lamport;
use crate::id::{ColumnNumber, PeerNumber};
use crate::oplog::{CellNumber, LoggedOp, OpLog};
use crate::rows::state::{Meaning, RowState};
use crate::value::ValueRef;
use crate::work;

/// An addition to a cell.
#[derive(Debug, Clone, Copy)]
pub(in crate::rows) struct EditedCell {
    pub(in crate::rows) column: ColumnNumber,
    amount: i64,
}

impl EditedCell {
    /// Returns the addition of a logged operation.
    pub(in crate::rows) fn of(op: &LoggedOp, log: &OpLog) -> Option<Self> {
        let cell = op.cells().next()?;
        match log.value(cell) {
            ValueRef::Integer(amount) => Some(Self { column: log.column(cell), amount }),
            _ => None,
        }
    }
}

/// The sum of the additions to one cell that have one ground. 128 bits hold the sum of all
/// additions that a document can contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rows) struct Sum {
    pub(in crate::rows) ground: Ground,
    pub(in crate::rows) amount: i128,
}

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

/// Whether the ground of a sum is a write. A cell has at most one sum of each kind.
type IsOnWrite = bool;

/// The sums of one row, sorted by column number, and by whether the ground is a write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::rows) struct Sums(Vec<(ColumnNumber, Sum)>);

impl Sums {
    /// Returns the sums with their columns, in the order of the columns' numbers.
    pub(in crate::rows) fn iter(&self) -> impl Iterator<Item = (ColumnNumber, &Sum)> {
        self.0.iter().inspect(|_| work::step()).map(|(column, sum)| (*column, sum))
    }

    pub(in crate::rows) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets the sum of a column. O(sums), and O(log n) if the column has the largest number.
    pub(in crate::rows) fn set(&mut self, column: ColumnNumber, sum: Sum) {
        match self.place(column, sum.ground.is_write()) {
            Ok(at) => self.0[at] = (column, sum),
            Err(at) => self.0.insert(at, (column, sum)),
        }
    }

    fn place(&self, column: ColumnNumber, is_on_write: IsOnWrite) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, sum)| (*other, sum.ground.is_write()).cmp(&(column, is_on_write)))
    }

    /// Counts an addition with this ground, unless a later write or delete replaced the ground.
    /// Cost as for `set`.
    pub(in crate::rows) fn add(&mut self, edit: EditedCell, ground: Ground, state: &RowState, meaning: Meaning<'_>) {
        let EditedCell { column, amount } = edit;
        if state.has_ground(column, ground, meaning) {
            let before = self.get(column, ground.is_write()).map_or(0, |sum| sum.amount);
            self.set(column, Sum { ground, amount: before.saturating_add(amount.into()) });
        }
    }

    /// Returns the sum of a column whose ground is a write, or that whose ground is a delete.
    pub(in crate::rows) fn get(&self, column: ColumnNumber, is_on_write: IsOnWrite) -> Option<&Sum> {
        self.place(column, is_on_write).ok().map(|at| &self.0[at].1)
    }

    /// Returns an invariant that is broken, if one is.
    pub(in crate::rows) fn defect(&self, state: &RowState, meaning: Meaning<'_>) -> Option<&'static str> {
        let is_alive = |(column, sum): (ColumnNumber, &Sum)| state.has_ground(column, sum.ground, meaning);
        let is_on_integer = |(column, sum): (ColumnNumber, &Sum)| {
            !sum.ground.is_write() || state.latest(column, meaning).is_some_and(|write| is_summand(meaning.log, write))
        };
        let is_right = self.iter().all(is_alive) && self.iter().all(is_on_integer);
        (!is_right).then_some("a cell was added to that has no such value")
    }

    /// Removes the sums that can never count again. O(sums × log n).
    pub(in crate::rows) fn keep_alive(&mut self, state: &RowState, meaning: Meaning<'_>) {
        self.0.retain(|(column, sum)| {
            work::step();
            state.has_ground(*column, sum.ground, meaning)
        });
    }

    /// Removes the sums of a column that can never count again. O(log n).
    pub(in crate::rows) fn keep_alive_in(&mut self, column: ColumnNumber, state: &RowState, meaning: Meaning<'_>) {
        for is_on_write in [false, true] {
            if let Ok(at) = self.place(column, is_on_write)
                && !state.has_ground(column, self.0[at].1.ground, meaning)
            {
                self.0.remove(at);
            }
        }
    }

    /// Returns the sums of a row after its stamps before `first_unsettled` were settled. `state` is
    /// the row with all stamps. `column` maps the numbers of columns.
    pub(in crate::rows) fn settled(
        &self,
        state: &RowState,
        first_unsettled: Lamport,
        meaning: Meaning<'_>,
        mut column: impl FnMut(ColumnNumber) -> ColumnNumber,
    ) -> Self {
        let mut settled = Self::default();
        for (old, sum) in self.iter() {
            if let Some(ground) = sum.ground.settled(old, state, first_unsettled, meaning) {
                settled.set(column(old), Sum { ground, ..*sum });
            }
        }
        settled
    }

    /// Replaces the numbers of peers.
    pub(in crate::rows) fn renumber(&mut self, number: &impl Fn(PeerNumber) -> PeerNumber) {
        for (_, sum) in &mut self.0 {
            sum.ground = match sum.ground {
                Ground::Delete(stamp) => Ground::Delete(stamp.renumbered(number)),
                Ground::Write(stamp) => Ground::Write(stamp.renumbered(number)),
            };
        }
    }
}
