//! The tables and their stamps: the state that executing every event in the order of (lamport, peer) gives, in a form
//! that operations join in any order.
//!
//! Holds, for each row that was ever named: the stamp of its latest delete; the stamps of the inserts after that; for
//! each column the latest write and its stamp. Always holds: nothing is kept that is not after the row's latest delete;
//! a row is there when it has such an insert; a cell shows when its stamp is not before the earliest of them. Values
//! stay in the log. Does not know where events come from.

mod bytes;
mod digest;
mod further;
mod scan;
mod stamp;
mod state;
mod version;
mod watch;

pub(crate) use bytes::{NameTable, Stamps, StateReader, StateWriter};

pub use scan::{KeyRange, Page, Row, ScanOptions, TableSummary};
pub use watch::{Changes, WatcherNumber};

use crate::error::Error;
use crate::id::{ColumnNumber, Index, Names, Order, RowNumber, TableNumber, Texts};
use crate::lanes::Lanes;
use crate::limits;
use crate::memory::Chunks;
use crate::oplog::{Cell, CellNumber, CommitRef, LoggedOp, OpLog, OpNames};
use crate::work;
use further::FurtherInserts;
pub(crate) use stamp::Stamp;
use state::{Meaning, RowState};
use std::collections::BTreeMap;
use version::RowVersion;
use watch::Watchers;

/// The rows of a table.
#[derive(Debug, Default)]
struct Table {
    /// Those that are there, by id.
    there: Order,
    /// How many are not there, but were, or may yet come to be.
    gone: u32,
}

#[derive(Debug)]
struct NamedRow {
    table: TableNumber,
    /// Whether it was known at the horizon, and no operation has touched it since.
    is_as_at_horizon: bool,
    state: RowState,
}

/// The tables of a document.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    table_names: Names,
    tables: Vec<Table>,
    columns: Names,
    rows: Chunks<NamedRow>,
    /// By row, as the numbers of `by_name`.
    ids: Texts,
    by_name: Index,
    further_inserts: FurtherInserts,
    /// Rows that were known at the horizon and were touched since, as they were there.
    changed: BTreeMap<RowNumber, RowVersion>,
    watchers: Watchers,
}

impl Rows {
    /// The cells of a row that is there, sorted by column. O(the row's size).
    pub(crate) fn get(&self, log: &OpLog, table: &str, row: &str) -> Option<Vec<Cell>> {
        Some(self.cells(log, self.find(table, row)?))
    }

    /// Refuses commits that would bring more tables or columns than a document may have. The two numbers bound how many
    /// can be new: where that many fit, the commits are not looked at, else O(cells × log columns).
    pub(crate) fn check_room<'a>(
        &self,
        commits: &(impl Iterator<Item = CommitRef<'a>> + Clone),
        (max_tables, max_columns): (u64, u64),
    ) -> Result<(), Error> {
        let ops = || commits.clone().flat_map(CommitRef::ops);
        self.table_names.check_room(&limits::TABLES, max_tables, ops().map(|op| op.table))?;
        let columns = ops().flat_map(|op| op.cells.iter()).map(|(column, _)| column);
        self.columns.check_room(&limits::COLUMNS, max_columns, columns)
    }

    /// Whether there is room for so many rows more, as far as they have small ids.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        self.rows.room() >= more && self.ids.has_room(more) && self.by_name.has_room(more)
    }

    /// Whether the row has a number. O(1).
    pub(crate) fn knows(&self, table: &str, row: &str) -> bool {
        self.table_names.find(table).is_some_and(|table| self.number(TableNumber(table), row).is_some())
    }

    /// Makes room for so many rows more, whose ids have so many bytes together.
    ///
    /// # Errors
    /// `LimitExceeded` where there is none.
    pub(crate) fn reserve(&mut self, more: usize, id_bytes: usize) -> Result<(), Error> {
        let Self { rows, ids, by_name, .. } = self;
        rows.reserve(more)?;
        ids.reserve(more, id_bytes)?;
        by_name.reserve(more, |number| (rows[number as usize].table, ids.text(number)))
    }

    /// The row of this name, which gets a number where it is new; `apply` must follow then, which puts it into its table.
    /// O(1).
    pub(crate) fn intern(&mut self, table: &str, row: &str) -> RowNumber {
        let table = self.intern_table(table);
        match self.number(table, row) {
            Some(number) => number,
            None => self.push_row(table, row),
        }
    }

    fn intern_table(&mut self, table: &str) -> TableNumber {
        let number = TableNumber(self.table_names.intern(table));
        if self.tables.len() <= number.index() {
            self.tables.resize_with(number.index() + 1, Table::default);
        }
        number
    }

    /// The row of this name, there or not.
    fn number(&self, table: TableNumber, row: &str) -> Option<RowNumber> {
        let Self { rows, ids, by_name, .. } = self;
        by_name.find((table, row), |number| (rows[number as usize].table, ids.text(number))).map(RowNumber)
    }

    /// A new row, of a name that no other one has.
    fn push_row(&mut self, table: TableNumber, row: &str) -> RowNumber {
        let Self { rows, ids, by_name, tables, .. } = self;
        let number = rows.len() as u32;
        rows.push(NamedRow { table, is_as_at_horizon: false, state: RowState::default() });
        ids.push(row);
        by_name.insert(number, |number| (rows[number as usize].table, ids.text(number)));
        tables[table.index()].gone += 1;
        RowNumber(number)
    }

    /// The column of this name, which gets a number where it is new. `likely` is looked at first. O(1).
    pub(crate) fn intern_column(&mut self, column: &str, likely: Option<ColumnNumber>) -> ColumnNumber {
        match likely {
            Some(likely) if &**self.columns.text(likely.0) == column => likely,
            _ => ColumnNumber(self.columns.intern(column)),
        }
    }

    /// How many rows have a number.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The same as the number of the row that comes next: `limits::DOCUMENT_OPERATIONS` is far below 2^32.
    fn next_row(&self) -> RowNumber {
        RowNumber(self.rows.len() as u32)
    }

    /// How many columns have a number.
    pub(crate) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Joins an operation to the state, whatever the order in which operations come. `peers` are the names of the
    /// peers that stamps mention. O(log n) where it
    /// comes to be there or is no longer, and the row's size.
    pub(crate) fn apply(&mut self, stamp: Stamp, op: &LoggedOp, log: &OpLog, peers: &Lanes) {
        work::step();
        if self.watchers.any() {
            self.watchers_before_change(op.row, log);
        }
        if self.rows[op.row.index()].is_as_at_horizon {
            self.changed.insert(op.row, self.now(op.row));
            self.rows[op.row.index()].is_as_at_horizon = false;
        }
        let Self { columns, rows, further_inserts, .. } = self;
        let row = &mut rows[op.row.index()];
        let was_there = row.state.is_there();
        row.state.apply(stamp, op, Meaning { log, columns, peers }, further_inserts);
        if row.state.is_there() != was_there {
            self.find_place(op.row);
        }
    }

    /// Puts a row into its table's order, or takes it out, after it came to be there or is no longer.
    fn find_place(&mut self, row: RowNumber) {
        let Self { tables, rows, ids, .. } = self;
        let NamedRow { table, state, .. } = &rows[row.index()];
        let Table { there, gone } = &mut tables[table.index()];
        if state.is_there() {
            there.insert(row.0, |number| ids.text(number));
            *gone -= 1;
        } else {
            there.remove(row.0, |number| ids.text(number));
            *gone += 1;
        }
    }

    /// Fills the index of names, for rows of which no two have the same one. O(n).
    fn index_all(&mut self) -> Result<(), Error> {
        self.reserve(self.rows.len(), 0)?;
        let Self { rows, ids, by_name, .. } = self;
        for number in 0..rows.len() as u32 {
            by_name.insert(number, |number| (rows[number as usize].table, ids.text(number)));
        }
        Ok(())
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
                for row in self.tables[table as usize].there.iter() {
                    self.watchers.announce(watcher, RowNumber(row), name);
                }
            }
        }
        Ok(watcher)
    }

    /// Ends a watch. O(log watchers) and the changes that were not taken.
    pub(crate) fn unwatch(&mut self, watcher: WatcherNumber) {
        self.watchers.remove(watcher);
    }

    /// The row of this name, where it is there. O(1).
    pub(crate) fn find(&self, table: &str, row: &str) -> Option<RowNumber> {
        let table = TableNumber(self.table_names.find(table)?);
        self.number(table, row).filter(|row| self.rows[row.index()].state.is_there())
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
    pub(crate) fn dbg_check(&self, log: &OpLog, peers: &Lanes) {
        for (number, row) in (0..).map(RowNumber).zip(self.rows.iter()) {
            let id = self.ids.text(number.0);
            assert_eq!(self.number(row.table, id), Some(number), "{row:?}");
            let found = self.tables[row.table.index()].there.find(id, |number| self.ids.text(number));
            assert_eq!(found, row.state.is_there().then_some(number.0), "place of {row:?}");
            let meaning = Meaning { log, columns: &self.columns, peers };
            assert_eq!(row.state.defect(number, meaning, &self.further_inserts), None, "{row:?}");
            assert!(!row.is_as_at_horizon || !log.names(number) && !self.changed.contains_key(&number), "{row:?}");
        }
        assert_eq!(
            self.rows.len(),
            self.tables.iter().map(|table| table.there.len() + table.gone as usize).sum::<usize>()
        );
        assert_eq!(self.rows.len(), self.ids.len());
    }
}

impl OpNames for Rows {
    fn row_name(&self, number: RowNumber) -> (&str, &str) {
        let row = &self.rows[number.index()];
        (self.table_names.text(row.table.0), self.ids.text(number.0))
    }

    fn column_name(&self, column: ColumnNumber) -> &str {
        self.columns.text(column.0)
    }
}

fn named_cell(columns: &Names, log: &OpLog, cell: CellNumber) -> Cell {
    Cell { column: String::from(&**columns.text(log.column(cell).0)), value: log.value(cell).to_value() }
}
