//! The tables and their stamps: the state that executing every event in the order of (lamport, peer) gives, in a form
//! that operations join in any order.
//!
//! Holds, for each row that was ever named: the stamp of its latest delete; the stamps of the inserts after that; for
//! each column the latest write and its stamp. Always holds: nothing is kept that is not after the row's latest delete;
//! a row is there when it has such an insert; a cell shows when its stamp is not before the earliest of them. Values
//! stay in the log. Does not know where events come from.

mod bytes;
mod digest;
mod scan;
mod state;
mod version;
mod watch;

pub(crate) use bytes::{StampTable, StateReader, StateWriter};

pub use scan::{KeyRange, Page, Row, ScanOptions, TableSummary};
pub use watch::{Changes, WatcherNumber};

use crate::error::Error;
use crate::id::{ColumnNumber, Names, RowNumber, SharedText, TableNumber};
use crate::limits;
use crate::oplog::{Cell, CellNumber, CommitRef, LoggedOp, OpLog, OpNames};
use crate::work;
pub(crate) use state::Stamp;
use state::{FurtherInserts, Meaning, RowState};
use std::collections::BTreeMap;
use version::RowVersion;
use watch::Watchers;

/// The rows of a table by id, each in one of the two.
#[derive(Debug, Default)]
struct Table {
    there: BTreeMap<SharedText, RowNumber>,
    /// Rows that are not there, but were, or may yet come to be.
    gone: BTreeMap<SharedText, RowNumber>,
}

#[derive(Debug)]
struct NamedRow {
    table: TableNumber,
    id: SharedText,
    state: RowState,
    /// Whether it was known at the horizon, and no operation has touched it since.
    is_as_at_horizon: bool,
}

/// The tables of a document.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    table_names: Names,
    tables: Vec<Table>,
    columns: Names,
    rows: Vec<NamedRow>,
    further_inserts: FurtherInserts,
    /// Rows that were known at the horizon and were touched since, as they were there.
    changed: BTreeMap<RowNumber, RowVersion>,
    watchers: Watchers,
}

impl Rows {
    /// Whether the row is there. O(log n).
    pub(crate) fn is_there(&self, table: &str, row: &str) -> bool {
        self.find(table, row).is_some()
    }

    /// The cells of a row that is there, sorted by column. O(log n) and the row's size.
    pub(crate) fn get(&self, log: &OpLog, table: &str, row: &str) -> Option<Vec<Cell>> {
        Some(self.cells(log, self.find(table, row)?))
    }

    /// Refuses commits that would bring more tables or columns than a document may have. The two numbers bound how many
    /// can be new: where that many fit, the commits are not looked at, else O(cells × log columns).
    pub(crate) fn check_room<'a>(
        &self,
        commits: &(impl Iterator<Item = CommitRef<'a>> + Clone),
        (most_tables, most_columns): (u64, u64),
    ) -> Result<(), Error> {
        let ops = || commits.clone().flat_map(CommitRef::ops);
        self.table_names.check_room(&limits::TABLES, most_tables, ops().map(|op| op.table))?;
        let columns = ops().flat_map(|op| op.cells.iter()).map(|(column, _)| column);
        self.columns.check_room(&limits::COLUMNS, most_columns, columns)
    }

    /// The row of this name, which gets a number where it is new; `apply` must follow, which puts it into its table. O(log n).
    pub(crate) fn intern(&mut self, table: &str, row: &str) -> RowNumber {
        let table = TableNumber(self.table_names.intern(table));
        if self.tables.len() <= table.index() {
            self.tables.resize_with(table.index() + 1, Table::default);
        }
        let Table { there, gone } = &self.tables[table.index()];
        if let Some(&number) = there.get(row).or_else(|| gone.get(row)) {
            return number;
        }
        let number = RowNumber(self.rows.len() as u32);
        self.rows.push(NamedRow {
            table,
            id: SharedText::from(row),
            state: RowState::default(),
            is_as_at_horizon: false,
        });
        number
    }

    /// The column of this name, which gets a number where it is new. O(log columns).
    pub(crate) fn intern_column(&mut self, column: &str) -> ColumnNumber {
        ColumnNumber(self.columns.intern(column))
    }

    /// The row of this name, which is remembered as one that is not there where it is new. O(log n).
    pub(crate) fn name(&mut self, table: &str, row: &str) -> RowNumber {
        let known = self.rows.len();
        let number = self.intern(table, row);
        if number.index() == known {
            self.find_place(number);
        }
        number
    }

    /// How many rows have a number.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many columns have a number.
    pub(crate) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Joins an operation to the state, whatever the order in which operations come. `peers` are the names of the
    /// peers that stamps mention. O(log n) and the row's size.
    pub(crate) fn apply(&mut self, stamp: Stamp, op: &LoggedOp, log: &OpLog, peers: &Names) {
        work::step();
        if self.watchers.any() {
            self.watchers_before_change(op.row, log);
        }
        if self.rows[op.row.index()].is_as_at_horizon {
            self.changed.insert(op.row, self.now(op.row));
            self.rows[op.row.index()].is_as_at_horizon = false;
        }
        let Self { tables, columns, rows, further_inserts, .. } = self;
        let row = &mut rows[op.row.index()];
        let was_there = row.state.is_there();
        row.state.apply(stamp, op, Meaning { log, columns, peers }, further_inserts);
        let table = &mut tables[row.table.index()];
        match (was_there, row.state.is_there()) {
            (true, false) => {
                table.there.remove(&row.id);
                table.gone.insert(row.id.clone(), op.row);
            }
            (false, true) => {
                if !table.gone.is_empty() {
                    table.gone.remove(&row.id);
                }
                table.there.insert(row.id.clone(), op.row);
            }
            (false, false) => {
                table.gone.insert(row.id.clone(), op.row);
            }
            (true, true) => {}
        }
    }

    /// Puts a row into its table that is in none.
    fn find_place(&mut self, number: RowNumber) {
        let row = &self.rows[number.index()];
        let Table { there, gone } = &mut self.tables[row.table.index()];
        let place = if row.state.is_there() { there } else { gone };
        place.insert(row.id.clone(), number);
    }

    fn watchers_before_change(&mut self, row: RowNumber, log: &OpLog) {
        let Self { table_names, columns, rows, watchers, .. } = self;
        let NamedRow { table, state, .. } = &rows[row.index()];
        let cell = |cell: CellNumber| named_cell(columns, log, cell);
        watchers.before_change(row, table_names.text(table.0), || {
            state.is_there().then(|| state.cells().map(cell).collect())
        });
    }

    /// Begins to watch; see `Doc::watch`.
    pub(crate) fn watch(&mut self, tables: &[String], from_start: bool) -> Result<WatcherNumber, Error> {
        let watcher = self.watchers.add(tables)?;
        if from_start {
            for (name, table) in self.table_names.sorted() {
                for &row in self.tables[table as usize].there.values() {
                    self.watchers.announce(watcher, row, name);
                }
            }
        }
        Ok(watcher)
    }

    /// Ends a watch. O(log watchers) and the changes that were not taken.
    pub(crate) fn unwatch(&mut self, watcher: WatcherNumber) {
        self.watchers.remove(watcher);
    }

    fn find(&self, table: &str, row: &str) -> Option<RowNumber> {
        self.table(table)?.there.get(row).copied()
    }

    fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(self.table_names.find(name)? as usize)
    }

    /// The cells of a row that show, sorted by column.
    fn cells(&self, log: &OpLog, row: RowNumber) -> Vec<Cell> {
        self.rows[row.index()].state.cells().map(|cell| self.cell(log, cell)).collect()
    }

    /// A written cell, by name.
    pub(crate) fn cell(&self, log: &OpLog, cell: CellNumber) -> Cell {
        named_cell(&self.columns, log, cell)
    }

    /// Panics where something that always holds does not. O(everything).
    pub(crate) fn dbg_check(&self, log: &OpLog, peers: &Names) {
        for (number, row) in (0..).map(RowNumber).zip(&self.rows) {
            let Table { there, gone } = &self.tables[row.table.index()];
            let places = (there.get(&row.id), gone.get(&row.id));
            let expected = if row.state.is_there() { (Some(&number), None) } else { (None, Some(&number)) };
            assert_eq!(places, expected, "place of {row:?}");
            let meaning = Meaning { log, columns: &self.columns, peers };
            assert_eq!(row.state.defect(number, meaning, &self.further_inserts), None, "{row:?}");
            assert!(!row.is_as_at_horizon || !log.names(number) && !self.changed.contains_key(&number), "{row:?}");
        }
        assert_eq!(
            self.rows.len(),
            self.tables.iter().map(|table| table.there.len() + table.gone.len()).sum::<usize>()
        );
    }
}

impl OpNames for Rows {
    fn row_name(&self, row: RowNumber) -> (&str, &str) {
        let row = &self.rows[row.index()];
        (self.table_names.text(row.table.0), &row.id)
    }

    fn column_name(&self, column: ColumnNumber) -> &str {
        self.columns.text(column.0)
    }
}

fn named_cell(columns: &Names, log: &OpLog, cell: CellNumber) -> Cell {
    Cell { column: String::from(&**columns.text(log.column(cell).0)), value: log.value(cell).to_value() }
}
