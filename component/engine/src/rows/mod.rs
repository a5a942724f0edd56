//! The tables and their stamps: the state that executing every event in the order of (lamport, peer) gives, in a form
//! that operations join in any order.
//!
//! Holds, for each row that was ever named: the stamp of its latest delete; the stamps of the inserts after that; for
//! each column the latest write and its stamp. Always holds: nothing is kept that is not after the row's latest delete;
//! a row is there when it has such an insert; a cell shows when its stamp is not before the earliest of them. Values
//! stay in the log. Does not know where events come from.

mod digest;
mod scan;
mod state;
mod watch;

pub use scan::{KeyRange, Page, Row, ScanOptions, TableSummary};
pub use watch::{Changes, WatcherNumber};

use crate::error::Error;
use crate::id::{ColumnNumber, Names, RowNumber, SharedText, TableNumber};
use crate::limits;
use crate::oplog::{Cell, CellNumber, LoggedOp, OpLog, RowOp};
use crate::work;
pub(crate) use state::Stamp;
use state::{FurtherInserts, Meaning, RowState};
use std::collections::BTreeMap;
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
}

/// The tables of a document.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    table_names: Names,
    tables: Vec<Table>,
    columns: Names,
    rows: Vec<NamedRow>,
    further_inserts: FurtherInserts,
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
        commits: &(impl Iterator<Item = &'a [RowOp]> + Clone),
        (most_tables, most_columns): (u64, u64),
    ) -> Result<(), Error> {
        let ops = || commits.clone().flatten().map(RowOp::parts);
        self.table_names.check_room(&limits::TABLES, most_tables, ops().map(|(table, ..)| table))?;
        let columns = ops().flat_map(|(_, _, cells)| cells).map(|cell| cell.column.as_str());
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
        self.rows.push(NamedRow { table, id: SharedText::from(row), state: RowState::default() });
        number
    }

    /// The column of this name, which gets a number where it is new. O(log columns).
    pub(crate) fn intern_column(&mut self, column: &str) -> ColumnNumber {
        ColumnNumber(self.columns.intern(column))
    }

    /// Joins an operation to the state, whatever the order in which operations come. `peers` are the names of the
    /// peers that stamps mention. O(log n) and the row's size.
    pub(crate) fn apply(&mut self, stamp: Stamp, op: &LoggedOp, log: &OpLog, peers: &Names) {
        work::step();
        let Rows { table_names, tables, columns, rows, further_inserts, watchers } = self;
        let row = &mut rows[op.row.index()];
        let table = &mut tables[row.table.index()];
        watchers.before_change(op.row, table_names.text(row.table.0), || {
            row.state.is_there().then(|| row.state.cells().collect())
        });

        let was_there = row.state.is_there();
        row.state.apply(stamp, op, Meaning { log, columns, peers }, further_inserts);
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

    /// The names of an operation's table and row.
    pub(crate) fn row_name(&self, row: RowNumber) -> (&str, &str) {
        let row = &self.rows[row.index()];
        (self.table_names.text(row.table.0), &row.id)
    }

    /// The name of a column.
    pub(crate) fn column_name(&self, column: ColumnNumber) -> &str {
        self.columns.text(column.0)
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
        Cell { column: self.column_name(log.column(cell)).to_owned(), value: log.value(cell).to_value() }
    }

    /// Panics where something that always holds does not. O(everything).
    pub(crate) fn dbg_check(&self, log: &OpLog, peers: &Names) {
        for (number, row) in (0..).map(RowNumber).zip(&self.rows) {
            let Table { there, gone } = &self.tables[row.table.index()];
            let places = (there.get(&row.id), gone.get(&row.id));
            let expected = if row.state.is_there() { (Some(&number), None) } else { (None, Some(&number)) };
            assert_eq!(places, expected, "place of {row:?}");
            let meaning = Meaning { log, columns: &self.columns, peers };
            row.state.dbg_check(number, meaning, &self.further_inserts);
        }
        assert_eq!(
            self.rows.len(),
            self.tables.iter().map(|table| table.there.len() + table.gone.len()).sum::<usize>()
        );
    }
}
