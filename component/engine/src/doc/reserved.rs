//! What the waiting events will bring into a document.

use crate::id::SharedText;
use crate::oplog::{CommitRef, Totals};
use std::collections::BTreeMap;

/// What the waiting events will bring.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reserved {
    pub(super) totals: Totals,
    pub(super) tables: NameCounts,
    pub(super) columns: NameCounts,
}

/// How often each name occurs.
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
