//! The tables: the state that results from executing every event in the order of lamport time and
//! peer, in a form to which operations can be added in any order.
//!
//! Stores, for each row that was ever named, the stamp of its latest delete, the stamps of the
//! inserts after it, and the latest write of each column with its stamp; for edited cells also what
//! the edits add up to. Always holds: everything stored is after the latest delete; a row exists if
//! it has such an insert; a write counts if its stamp is not before the earliest of these inserts.
//! Values stay in the log. Does not know where events come from.

mod apply;
mod bytes;
mod cell_text;
mod digest;
mod edits;
mod further;
mod keeper;
mod mirrored;
mod scan;
mod splices;
mod stamp;
mod state;
mod undo;
mod version;
mod views;
mod watch;

pub(crate) use bytes::{NameTable, Stamps, StateReader, StateWriter, TextsContext};

pub(crate) use version::History;

pub use scan::{KeyRange, Page, ScanOptions, ShapedPage, TableSummary};
pub use watch::{Changes, WatcherNumber};

use crate::error::Error;
use crate::graph::Graph;
use crate::id::{ColumnNumber, Index, Names, Order, RowNumber, TableNumber, Texts};
use crate::lanes::Lanes;
use crate::limits;
use crate::memory::Chunks;
use crate::oplog::{Cell, CommitRef, OpLog, OpNames};
use crate::sort;
use crate::text::{Sources, Text};
pub(crate) use cell_text::{CellText, SplicedCell, TextCell, TextOrigin, ViewedCell};
pub(crate) use edits::PLAIN_SPENDS;
use edits::{EditedRows, KeptGrounds, RowContent, RowEdits};
use further::FurtherInserts;
pub(crate) use keeper::GroundKeeper;
use mirrored::mirrored;
use splices::PendingSplices;
pub(crate) use stamp::Stamp;
use state::{Meaning, RowState};
use std::collections::BTreeMap;
pub(crate) use undo::Undone;
use version::RowVersion;
pub(crate) use views::View;
pub use views::ViewNumber;
use views::Views;
use watch::Watchers;

/// The rows of a table.
#[derive(Debug, Default)]
struct Table {
    /// The existing rows, sorted by id.
    existing: Order,
    /// The count of rows that do not exist, but did, or may exist later.
    absent: u32,
}

#[derive(Debug)]
struct NamedRow {
    table: TableNumber,
    /// Whether the row was known at the horizon, and no operation since then names it.
    is_as_at_horizon: bool,
    /// Whether the row has an entry in `Rows::edits`.
    is_edited: bool,
    state: RowState,
}

impl NamedRow {
    /// Returns a row of which nothing is known.
    fn new(table: TableNumber) -> Self {
        Self { table, is_as_at_horizon: false, is_edited: false, state: RowState::default() }
    }
}

/// The tables of a document.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    table_names: Names,
    tables: Vec<Table>,
    columns: Names,
    rows: Chunks<NamedRow>,
    /// The id of each row.
    ids: Texts,
    by_name: Index,
    further_inserts: FurtherInserts,
    edits: EditedRows,
    kept: KeptGrounds,
    /// Splices of the present call, which are applied together at its end.
    pending: PendingSplices,
    /// The states at the horizon of rows that changed since then.
    changed: BTreeMap<RowNumber, RowVersion>,
    watchers: Watchers,
    views: Views,
}

impl Rows {
    /// Returns the cells of an existing row, sorted by column. O(size of the row).
    pub(crate) fn get(&self, log: &OpLog, table: &str, row: &str) -> Option<Vec<Cell>> {
        Some(self.cells(log, self.find(table, row)?))
    }

    /// Fails if the document would have too many tables or columns with these commits. At most
    /// `max_tables` and `max_columns` of their names are new; the commits are not read if this many
    /// fit. O(cells × log columns) otherwise.
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

    /// Returns whether this many further rows fit without an allocation.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        self.rows.room() >= more && self.ids.has_room(more) && self.by_name.has_room(more)
    }

    /// Returns whether the row has a number. O(1).
    pub(crate) fn knows(&self, table: &str, row: &str) -> bool {
        self.table_names.find(table).is_some_and(|table| self.number(TableNumber(table), row).is_some())
    }

    /// Reserves memory for this many further rows, with ids of this many bytes in total.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn reserve(&mut self, more: usize, id_bytes: usize) -> Result<(), Error> {
        let Self { rows, ids, by_name, .. } = self;
        rows.reserve(more)?;
        ids.reserve(more, id_bytes)?;
        by_name.reserve(more, |number| (rows[number as usize].table, ids.text(number)))
    }

    /// Returns the number of a row, and adds the row if it is new. A call of `apply` must follow.
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

    /// Returns the number of a row, whether or not it exists.
    fn number(&self, table: TableNumber, row: &str) -> Option<RowNumber> {
        let Self { rows, ids, by_name, .. } = self;
        by_name.find((table, row), |number| (rows[number as usize].table, ids.text(number))).map(RowNumber)
    }

    /// Adds a row with a new name.
    fn push_row(&mut self, table: TableNumber, row: &str) -> RowNumber {
        let Self { rows, ids, by_name, tables, .. } = self;
        let number = rows.len() as u32;
        rows.push(NamedRow::new(table));
        ids.push(row);
        by_name.insert(number, |number| (rows[number as usize].table, ids.text(number)));
        tables[table.index()].absent += 1;
        RowNumber(number)
    }

    /// Returns the number of a column, and adds the column if it is new. Compares with `likely`
    /// first. O(1).
    pub(crate) fn intern_column(&mut self, column: &str, likely: Option<ColumnNumber>) -> ColumnNumber {
        match likely {
            Some(likely) if &**self.columns.text(likely.0) == column => likely,
            _ => ColumnNumber(self.columns.intern(column)),
        }
    }

    /// Returns the number of rows, including those that do not exist.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the memory that edits of these rows use in addition to what operations spend: the
    /// first edit of a row since it was loaded records its plain operations. O(these operations).
    pub(crate) fn edits_spend<'a>(&self, log: &OpLog, rows: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
        let number = |(table, row)| self.number(TableNumber(self.table_names.find(table)?), row);
        let new = sort::distinct(sort::without_repeats(rows).filter_map(number));
        let new = new.into_iter().filter(|row| !self.edits.get(*row).is_some_and(RowEdits::is_indexed));
        let plain = new.flat_map(|row| log.ops_on(row)).map(|op| 1 + log.numbered(op).2.cells().len() as u64);
        plain.sum::<u64>() * PLAIN_SPENDS
    }

    /// Returns whether a cell has a sum of additions or a spliced text, now or at the horizon.
    pub(crate) fn has_edited_cells(&self) -> bool {
        self.edited_columns().next().is_some()
    }

    /// Returns whether any row was edited.
    pub(crate) fn has_edits(&self) -> bool {
        !self.edits.is_empty()
    }

    /// Returns the number of the next row. `limits::DOCUMENT_OPERATIONS` is far below 2^32.
    fn next_row(&self) -> RowNumber {
        RowNumber(self.rows.len() as u32)
    }

    /// Returns the number of column names.
    pub(crate) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Inserts a row into its table, or removes it, after it began or ceased to exist.
    fn find_place(&mut self, row: RowNumber) {
        let Self { tables, rows, ids, .. } = self;
        let NamedRow { table, state, .. } = &rows[row.index()];
        let Table { existing, absent } = &mut tables[table.index()];
        if state.exists() {
            existing.insert(row.0, |number| ids.text(number));
            *absent -= 1;
        } else {
            existing.remove(row.0, |number| ids.text(number));
            *absent += 1;
        }
    }

    /// Fills the index of names. The names must be distinct. O(n).
    fn index_all(&mut self) -> Result<(), Error> {
        self.reserve(self.rows.len(), 0)?;
        let Self { rows, ids, by_name, .. } = self;
        for number in 0..rows.len() as u32 {
            by_name.insert(number, |number| (rows[number as usize].table, ids.text(number)));
        }
        Ok(())
    }

    fn watchers_before_change(&mut self, row: RowNumber, log: &OpLog) {
        let Self { table_names, columns, rows, edits, watchers, .. } = self;
        let NamedRow { table, state, .. } = &rows[row.index()];
        let edits = edits.get(row).map(RowEdits::shown);
        watchers.before_change(row, table_names.text(table.0), || mirrored(state, edits, (log, columns)));
    }

    /// Begins a watch; see `Doc::watch`.
    pub(crate) fn watch(&mut self, tables: &[String], from_start: bool) -> Result<WatcherNumber, Error> {
        let watcher = self.watchers.add(tables)?;
        if from_start {
            for (name, table) in self.table_names.sorted() {
                for row in self.tables[table as usize].existing.iter() {
                    self.watchers.announce(watcher, RowNumber(row), name);
                }
            }
        }
        Ok(watcher)
    }

    /// Ends a watch. O(log watchers + its pending changes).
    pub(crate) fn unwatch(&mut self, watcher: WatcherNumber) {
        self.watchers.remove(watcher);
    }

    /// Returns the number of a row, if the row exists. O(1).
    pub(crate) fn find(&self, table: &str, row: &str) -> Option<RowNumber> {
        let table = TableNumber(self.table_names.find(table)?);
        self.number(table, row).filter(|row| self.rows[row.index()].state.exists())
    }

    /// Returns the text that a cell of an existing row shows, if the cell was spliced. O(log n).
    pub(crate) fn spliced_text(&self, table: &str, row: &str, column: &str) -> Option<&Text> {
        let row = self.find(table, row)?;
        let column = ColumnNumber(self.columns.find(column)?);
        let NamedRow { state, is_edited, .. } = &self.rows[row.index()];
        let edits = if *is_edited { self.edits.get(row)? } else { return None };
        edits.texts.shown(column, state)
    }

    fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(self.table_names.find(name)? as usize)
    }

    /// Returns the visible cells of a row, sorted by column.
    fn cells(&self, log: &OpLog, row: RowNumber) -> Vec<Cell> {
        self.content(log, row).cells(None)
    }

    /// Returns the content of a row. O(1), and O(log n) if the row was edited.
    #[inline]
    fn content<'a>(&'a self, log: &'a OpLog, row: RowNumber) -> RowContent<'a> {
        let NamedRow { state, is_edited, .. } = &self.rows[row.index()];
        let edits = if *is_edited { self.edits.get(row).map(RowEdits::shown) } else { None };
        RowContent::new(state, edits, (log, &self.columns))
    }

    /// Panics if an invariant is broken. O(everything).
    pub(crate) fn dbg_check(&self, log: &OpLog, graph: &Graph, lanes: &Lanes) {
        assert!(self.pending.is_empty());
        self.views.dbg_check();
        for (number, row) in (0..).map(RowNumber).zip(self.rows.iter()) {
            let id = self.ids.text(number.0);
            assert_eq!(self.number(row.table, id), Some(number), "{row:?}");
            let found = self.tables[row.table.index()].existing.find(id, |number| self.ids.text(number));
            assert_eq!(found, row.state.exists().then_some(number.0), "place of {row:?}");
            let meaning = Meaning { log, columns: &self.columns, peers: lanes };
            assert_eq!(row.state.defect(number, meaning, &self.further_inserts), None, "{row:?}");
            assert!(!row.is_as_at_horizon || !log.names(number) && !self.changed.contains_key(&number), "{row:?}");
            let edits = self.edits.get(number);
            assert_eq!(row.is_edited, edits.is_some(), "{row:?}");
            let Some(RowEdits { sums, texts, .. }) = edits else { continue };
            assert_eq!(sums.defect(&row.state, meaning), None, "{sums:?} of {row:?}");
            assert_eq!(texts.defect(&row.state, meaning), None, "{texts:?} of {row:?}");
            for entry in texts.iter() {
                entry.value.text.dbg_check(Sources { graph, lanes, content: log.content() });
            }
        }
        assert_eq!(
            self.rows.len(),
            self.tables.iter().map(|table| table.existing.len() + table.absent as usize).sum::<usize>()
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
