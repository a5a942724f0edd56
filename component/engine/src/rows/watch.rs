//! Watchers: the changes since they were last taken.
//!
//! A watcher keeps each row that was touched since the last take, as its mirror has it.
//! The changes are the differences between these copies and the present rows. Rows are returned in
//! the order in which they were first touched, so that no row starves. Without watchers, nothing is
//! copied.

use super::Rows;
use super::mirrored::{Mirrored, MirroredCell};
use crate::error::{Error, Name};
use crate::id::RowNumber;
use crate::limits;
use crate::oplog::{CommitRef, OpLog, OpNames, RowOp};
use crate::sort;
use crate::work;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Operations that update a mirror of the tables when they are executed in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The operations.
    pub ops: Vec<RowOp>,
    /// Whether there are further operations.
    pub more: bool,
}

/// The number of a watcher in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatcherNumber(u32);

#[derive(Debug, Default)]
struct Watcher {
    /// The names of the watched tables; all tables if empty.
    tables: BTreeSet<String>,
    /// The rows that were touched since the last take, in this order.
    touched: VecDeque<RowNumber>,
    /// The touched rows as the mirror has them.
    mirrored: BTreeMap<RowNumber, Mirrored>,
}

impl Watcher {
    fn touch(&mut self, row: RowNumber, mirrored: impl FnOnce() -> Mirrored) {
        self.mirrored.entry(row).or_insert_with(|| {
            self.touched.push_back(row);
            mirrored()
        });
    }
}

/// The watchers of a document.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    watchers: BTreeMap<WatcherNumber, Watcher>,
    next: u32,
}

impl Watchers {
    pub(super) fn add(&mut self, tables: &[String]) -> Result<WatcherNumber, Error> {
        limits::WATCHERS.check(self.watchers.len() as u64 + 1)?;
        limits::WATCHED_TABLES.check(tables.len() as u64)?;
        for table in tables {
            Name::Table.check(table)?;
        }
        while self.watchers.contains_key(&WatcherNumber(self.next)) {
            self.next = self.next.wrapping_add(1);
        }
        let number = WatcherNumber(self.next);
        self.next = self.next.wrapping_add(1);
        self.watchers.insert(number, Watcher { tables: sort::set(tables.iter().cloned()), ..Watcher::default() });
        Ok(number)
    }

    /// Returns whether there are any watchers.
    pub(super) fn any(&self) -> bool {
        !self.watchers.is_empty()
    }

    pub(super) fn remove(&mut self, number: WatcherNumber) {
        self.watchers.remove(&number);
    }

    /// Announces a row that a watcher's mirror does not have.
    pub(super) fn announce(&mut self, number: WatcherNumber, row: RowNumber, table: &str) {
        if let Some(watcher) = self.watchers.get_mut(&number)
            && (watcher.tables.is_empty() || watcher.tables.contains(table))
        {
            watcher.touch(row, || None);
        }
    }

    /// Announces to the watchers of the table that a row may change.
    pub(super) fn before_change(&mut self, row: RowNumber, table: &str, shown: impl Fn() -> Mirrored) {
        for watcher in self.watchers.values_mut() {
            if watcher.tables.is_empty() || watcher.tables.contains(table) {
                watcher.touch(row, &shown);
            }
        }
    }
}

impl Rows {
    /// Returns the changes since the last take; see `Doc::take`.
    pub(crate) fn take(&mut self, log: &OpLog, watcher: WatcherNumber, limit: u32) -> Changes {
        let mut changes = Changes { ops: Vec::new(), more: false };
        // The watcher is removed for the duration of the call, so that the rows can be read.
        let Some(mut watcher_taken) = self.watchers.watchers.remove(&watcher) else { return changes };
        let Watcher { touched, mirrored, .. } = &mut watcher_taken;
        let (mut rows, mut bytes) = (0, 0);
        while let Some(&row) = touched.front() {
            work::step();
            let now = self.mirrored_row(log, row);
            let ops = self.difference(log, row, mirrored.get(&row).and_then(Option::as_deref), now);
            if !ops.is_empty() && (rows >= limit || bytes > limits::PAGE_BYTES.maximum) {
                changes.more = true;
                break;
            }
            touched.pop_front();
            mirrored.remove(&row);
            rows += u32::from(!ops.is_empty());
            bytes += CommitRef::Plain(&ops).bytes();
            changes.ops.extend(ops);
        }
        self.watchers.watchers.insert(watcher, watcher_taken);
        changes
    }

    /// Takes over the watchers of other rows, which these rows replace, with their pending changes.
    /// Watchers see the differences between both. `is_same` skips the comparison if there are none.
    /// O(pending changes) if `is_same`, otherwise O(all rows).
    pub(crate) fn take_over_watchers(&mut self, log: &OpLog, old: &mut Self, old_log: &OpLog, is_same: bool) {
        if !old.watchers.any() {
            return;
        }
        let mut watchers = std::mem::take(&mut old.watchers);
        for watcher in watchers.watchers.values_mut() {
            let mirrored = std::mem::take(&mut watcher.mirrored);
            for row in &mut watcher.touched {
                let (table, id) = old.row_name(*row);
                let new = self.intern(table, id);
                let mirrored = mirrored.get(row).and_then(Option::as_ref);
                let plain = |cells: &Vec<MirroredCell>| cells.iter().map(|cell| cell.to_plain(old_log)).collect();
                watcher.mirrored.insert(new, mirrored.map(plain));
                *row = new;
            }
        }
        if !is_same {
            for (table, id) in sort::distinct(self.existing_names().chain(old.existing_names())) {
                if self.get(log, &table, &id) != old.get(old_log, &table, &id) {
                    let row = self.intern(&table, &id);
                    let before = old.find(&table, &id).and_then(|row| old.mirrored_row(old_log, row));
                    let plain = |cells: &Vec<MirroredCell>| cells.iter().map(|cell| cell.to_plain(old_log)).collect();
                    watchers.before_change(row, &table, || before.as_ref().map(plain));
                }
            }
        }
        self.watchers = watchers;
    }

    /// Returns the table and id of every existing row.
    fn existing_names(&self) -> impl Iterator<Item = (String, String)> {
        let numbers = self.tables.iter().flat_map(|table| table.existing.iter()).map(RowNumber);
        numbers.map(|row| self.row_name(row)).map(|(table, id)| (table.to_owned(), id.to_owned()))
    }
}
