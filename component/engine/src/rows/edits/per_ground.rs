//! What a row stores for each cell and ground.

use super::Ground;
use crate::clock::Lamport;
use crate::id::{ColumnNumber, PeerNumber};
use crate::rows::state::{Meaning, RowState};
use crate::work;

/// Whether the ground of an entry is a write. A cell has at most one entry of each kind.
pub(in crate::rows) type IsOnWrite = bool;

/// What the edits of one cell that have one ground result in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rows) struct OnGround<T> {
    pub(in crate::rows) column: ColumnNumber,
    pub(in crate::rows) ground: Ground,
    pub(in crate::rows) value: T,
}

/// The entries of one row, sorted by column number, and by whether the ground is a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rows) struct PerGround<T>(Vec<OnGround<T>>);

impl<T> Default for PerGround<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> PerGround<T> {
    /// Returns the entries, in their order.
    pub(in crate::rows) fn iter(&self) -> impl Iterator<Item = &OnGround<T>> {
        self.0.iter().inspect(|_| work::step())
    }

    pub(in crate::rows) fn entries_mut(&mut self) -> impl Iterator<Item = &mut OnGround<T>> {
        self.0.iter_mut()
    }

    pub(in crate::rows) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, column: ColumnNumber, is_on_write: IsOnWrite) -> Result<usize, usize> {
        self.0.binary_search_by(|entry| (entry.column, entry.ground.is_write()).cmp(&(column, is_on_write)))
    }

    /// Sets the entry of a column and kind of ground. O(entries), and O(log n) if the column has
    /// the largest number.
    pub(in crate::rows) fn set(&mut self, column: ColumnNumber, ground: Ground, value: T) {
        let entry = OnGround { column, ground, value };
        match self.place(column, ground.is_write()) {
            Ok(at) => self.0[at] = entry,
            Err(at) => self.0.insert(at, entry),
        }
    }

    /// Returns the entry of a column whose ground is a write, or that whose ground is a delete.
    pub(in crate::rows) fn get(&self, column: ColumnNumber, is_on_write: IsOnWrite) -> Option<&OnGround<T>> {
        self.place(column, is_on_write).ok().map(|at| &self.0[at])
    }

    /// Returns the value of a column with this ground.
    pub(in crate::rows) fn with(&self, column: ColumnNumber, ground: Ground) -> Option<&T> {
        self.get(column, ground.is_write()).filter(|entry| entry.ground == ground).map(|entry| &entry.value)
    }

    /// Returns the value of a column with this ground. Sets it first if there is none. Cost as for
    /// `set`.
    pub(in crate::rows) fn with_or_set<E>(
        &mut self,
        column: ColumnNumber,
        ground: Ground,
        value: impl FnOnce() -> Result<T, E>,
    ) -> Result<&mut T, E> {
        let at = match self.place(column, ground.is_write()) {
            Ok(at) if self.0[at].ground == ground => at,
            Ok(at) => {
                self.0[at] = OnGround { column, ground, value: value()? };
                at
            }
            Err(at) => {
                self.0.insert(at, OnGround { column, ground, value: value()? });
                at
            }
        };
        Ok(&mut self.0[at].value)
    }

    /// Removes the entries that can never count again. O(entries × log n).
    pub(in crate::rows) fn keep_alive(&mut self, state: &RowState, meaning: Meaning<'_>) {
        self.0.retain(|entry| {
            work::step();
            state.has_ground(entry.column, entry.ground, meaning)
        });
    }

    /// Removes the entries of a column that can never count again. O(log n).
    pub(in crate::rows) fn keep_alive_in(&mut self, column: ColumnNumber, state: &RowState, meaning: Meaning<'_>) {
        for is_on_write in [false, true] {
            if let Ok(at) = self.place(column, is_on_write)
                && !state.has_ground(column, self.0[at].ground, meaning)
            {
                self.0.remove(at);
            }
        }
    }

    /// Returns the entries of a row after its stamps before `first_unsettled` were settled. `state`
    /// is the row with all stamps. `column` maps the numbers of columns.
    pub(in crate::rows) fn settled(
        self,
        state: &RowState,
        first_unsettled: Lamport,
        meaning: Meaning<'_>,
        mut column: impl FnMut(ColumnNumber) -> ColumnNumber,
    ) -> Self {
        let mut settled = Self::default();
        for entry in self.0 {
            work::step();
            if let Some(ground) = entry.ground.settled(entry.column, state, first_unsettled, meaning) {
                settled.set(column(entry.column), ground, entry.value);
            }
        }
        settled
    }

    /// Replaces the numbers of peers in the grounds.
    pub(in crate::rows) fn renumber(&mut self, number: &impl Fn(PeerNumber) -> PeerNumber) {
        for entry in &mut self.0 {
            entry.ground = entry.ground.with(entry.ground.stamp().renumbered(number));
        }
    }
}
