//! Watchers: what changed since they were last asked.
//!
//! A watcher keeps, for each row that was touched since, the row as its mirror has it; what changed is the difference
//! between that and the row as it is. Rows come in the order in which they were first touched, so that nothing waits
//! forever. Without watchers none of this costs anything.

use super::Rows;
use crate::error::{Error, Name};
use crate::id::RowNumber;
use crate::limits;
use crate::oplog::{Cell, CellNumber, OpLog, RowOp};
use crate::work;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Operations that, executed plainly and in this order, bring a mirror of the tables up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The operations.
    pub ops: Vec<RowOp>,
    /// Whether there are more of them.
    pub more: bool,
}

/// The name of a watcher within its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatcherNumber(u32);

/// The cells of a row, sorted by column; none where it is not there.
type Shown = Option<Vec<CellNumber>>;

#[derive(Debug, Default)]
struct Watcher {
    /// The tables' names; all where there are none.
    tables: BTreeSet<String>,
    /// The rows that were touched since the last take, in order.
    touched: VecDeque<RowNumber>,
    /// Each of those as the mirror has it.
    mirrored: BTreeMap<RowNumber, Shown>,
}

impl Watcher {
    fn touch(&mut self, row: RowNumber, mirrored: impl FnOnce() -> Shown) {
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
        self.watchers.insert(number, Watcher { tables: tables.iter().cloned().collect(), ..Watcher::default() });
        Ok(number)
    }

    pub(super) fn remove(&mut self, number: WatcherNumber) {
        self.watchers.remove(&number);
    }

    /// Tells a watcher of a row that its mirror has not.
    pub(super) fn announce(&mut self, number: WatcherNumber, row: RowNumber, table: &str) {
        if let Some(watcher) = self.watchers.get_mut(&number)
            && (watcher.tables.is_empty() || watcher.tables.contains(table))
        {
            watcher.touch(row, || None);
        }
    }

    /// Tells every watcher of the table that a row may change now.
    pub(super) fn before_change(&mut self, row: RowNumber, table: &str, shown: impl Fn() -> Shown) {
        for watcher in self.watchers.values_mut() {
            if watcher.tables.is_empty() || watcher.tables.contains(table) {
                watcher.touch(row, &shown);
            }
        }
    }
}

impl Rows {
    /// The changes since the last take; see `Doc::take`.
    pub(crate) fn take(&mut self, log: &OpLog, watcher: WatcherNumber, most: u32) -> Changes {
        let mut changes = Changes { ops: Vec::new(), more: false };
        // Taken out, so that the rows can be read meanwhile.
        let Some(mut watcher_taken) = self.watchers.watchers.remove(&watcher) else { return changes };
        let Watcher { touched, mirrored, .. } = &mut watcher_taken;
        let (mut rows, mut bytes) = (0, 0);
        while let Some(&row) = touched.front() {
            work::step();
            let ops = self.difference(log, row, mirrored.get(&row).and_then(Option::as_deref));
            if !ops.is_empty() && (rows >= most || bytes > limits::PAGE_BYTES.most) {
                changes.more = true;
                break;
            }
            touched.pop_front();
            mirrored.remove(&row);
            rows += u32::from(!ops.is_empty());
            bytes += ops.iter().map(RowOp::bytes).sum::<u64>();
            changes.ops.extend(ops);
        }
        self.watchers.watchers.insert(watcher, watcher_taken);
        changes
    }

    /// The operations that make of a mirrored row the row as it is.
    fn difference(&self, log: &OpLog, number: RowNumber, mirrored: Option<&[CellNumber]>) -> Vec<RowOp> {
        let state = &self.rows[number.index()].state;
        let (table, row) = self.row_name(number);
        let (table, row) = (table.to_owned(), row.to_owned());
        let Some(mirrored) = mirrored else {
            let cells = || self.cells(log, number);
            return state.is_there().then(|| RowOp::Insert { table, row, cells: cells() }).into_iter().collect();
        };
        if !state.is_there() {
            return vec![RowOp::Delete { table, row }];
        }
        let old: BTreeMap<_, _> = mirrored.iter().map(|&cell| (log.column(cell), cell)).collect();
        let new: Vec<CellNumber> = state.cells().collect();
        let kept = new.iter().filter(|&&cell| old.contains_key(&log.column(cell))).count();
        if kept < old.len() {
            // A cell is gone, which only deleting the row can bring about.
            let delete = RowOp::Delete { table: table.clone(), row: row.clone() };
            return vec![delete, RowOp::Insert { table, row, cells: self.cells(log, number) }];
        }
        let is_new = |cell: &CellNumber| {
            old.get(&log.column(*cell)).is_none_or(|&old| old != *cell && log.value(old) != log.value(*cell))
        };
        let cells: Vec<Cell> = new.into_iter().filter(is_new).map(|cell| self.cell(log, cell)).collect();
        if cells.is_empty() { Vec::new() } else { vec![RowOp::Update { table, row, cells }] }
    }
}
