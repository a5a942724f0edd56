//! The room in a document that is reserved for waiting events.
//!
//! Stores the size of their commits, and how often they name each table and column.

use crate::id::SharedText;
use crate::oplog::{CommitRef, Totals};
use std::collections::BTreeMap;

/// The room that waiting events need when they take effect.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reserved {
    pub(super) totals: Totals,
    pub(super) tables: NameCounts,
    pub(super) columns: NameCounts,
}

/// The number of occurrences of each name.
type NameCounts = BTreeMap<SharedText, u32>;

impl Reserved {
    pub(super) fn add(&mut self, commit: CommitRef<'_>) {
        self.totals += Totals::of(commit);
        for op in commit.ops() {
            count(&mut self.tables, op.table);
            op.cells.iter().for_each(|(column, _)| count(&mut self.columns, column));
        }
    }

    pub(super) fn remove(&mut self, commit: CommitRef<'_>) {
        self.totals -= Totals::of(commit);
        for op in commit.ops() {
            discount(&mut self.tables, op.table);
            op.cells.iter().for_each(|(column, _)| discount(&mut self.columns, column));
        }
    }
}

fn count(counts: &mut NameCounts, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => drop(counts.insert(SharedText::from(name), 1)),
    }
}

fn discount(counts: &mut NameCounts, name: &str) {
    if let Some(count) = counts.get_mut(name) {
        *count -= 1;
        if *count == 0 {
            counts.remove(name);
        }
    }
}
