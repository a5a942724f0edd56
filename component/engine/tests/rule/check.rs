//! Compares everything that a document reports, by every call, with the tables that it should have.

use crate::oracle::{Cells, Tables, execute};
use crate::seeds::{Checked, Random, ensure, same};
use converge_engine::{
    Cell, Doc, KeyRange, Page, Row, ScanOptions, ShapedPage, ShapedRow, TableSummary, WatcherNumber,
};
use std::collections::BTreeSet;

/// The names in random histories. They are few, so that events often meet. Some sort differently in
/// UTF-16, without case, or if a zero byte ended a text.
pub(crate) const TABLES: [&str; 3] = ["t", "t\0", "T"];
pub(crate) const ROWS: [&str; 5] = ["r", "r\0", "R", "\u{ffff}", "\u{10000}"];
pub(crate) const COLUMNS: [&str; 3] = ["x", "\u{ffff}", "\u{10000}"];

/// Compares tables, rows and scans of the document with `expected`.
pub(crate) fn check_tables(doc: &Doc, expected: &Tables, random: &mut Random) -> Checked {
    let summaries = expected.iter().map(|(name, rows)| TableSummary { name: name.clone(), rows: rows.len() as u32 });
    same("tables", &doc.tables(), &summaries.collect())?;
    for table in TABLES {
        for row in ROWS {
            let cells = expected.get(table).and_then(|rows| rows.get(row)).map(cells_of);
            same(&format!("row {row:?} of {table:?}"), &doc.get(table, row), &cells)?;
        }
        for descending in [false, true] {
            check_pages(doc, table, descending, expected, random)?;
        }
        let options = random_scan(random);
        check_scan(doc, table, &options, expected)?;
    }
    Ok(())
}

fn cells_of(cells: &Cells) -> Vec<Cell> {
    cells.iter().map(|(column, value)| Cell { column: column.clone(), value: value.clone() }).collect()
}

/// Scans the whole table in pages of random sizes, and checks each page and all of them together.
fn check_pages(doc: &Doc, table: &str, descending: bool, expected: &Tables, random: &mut Random) -> Checked {
    let mut options = ScanOptions { descending, ..ScanOptions::default() };
    let mut rows = Vec::new();
    loop {
        options.limit = 1 + random.below(4) as u32;
        let page = check_scan(doc, table, &options, expected)?;
        rows.extend(page.rows);
        if !page.more {
            break;
        }
        options.after = rows.last().map(|row: &Row| row.id.clone());
    }
    let all = ScanOptions { descending, ..ScanOptions::default() };
    same("all pages", &rows, &scan(expected, table, &all).rows)
}

fn check_scan(doc: &Doc, table: &str, options: &ScanOptions, expected: &Tables) -> Checked<Page> {
    let page = doc.scan(table, options).map_err(|error| format!("scan of {table:?} with {options:?}: {error}"))?;
    same(&format!("scan of {table:?} with {options:?}"), &page, &scan(expected, table, options))?;
    let shaped = doc.scan_shaped(table, options).map_err(|error| format!("shaped scan of {table:?}: {error}"))?;
    same(&format!("shaped scan of {table:?} with {options:?}"), &whole(shaped), &page)?;
    Ok(page)
}

/// Returns a shaped page with the columns of each row.
pub(crate) fn whole(page: ShapedPage) -> Page {
    let ShapedPage { shapes, rows, more } = page;
    let whole = |ShapedRow { id, shape, values }: ShapedRow| {
        let columns = &shapes[shape as usize];
        assert_eq!(columns.len(), values.len(), "the values of {id:?}");
        let cells = columns.iter().zip(values).map(|(column, value)| Cell::new(column, value));
        Row { id, cells: cells.collect() }
    };
    Page { rows: rows.into_iter().map(whole).collect(), more }
}

pub(crate) fn random_scan(random: &mut Random) -> ScanOptions {
    let bound = |random: &mut Random| {
        (*random.pick(&["", "Q", "R", "q", "r", "r\0", "r\0\0", "\u{ffff}", "\u{10000}"])).to_owned()
    };
    let range = match random.below(6) {
        0 => KeyRange::All,
        1 => KeyRange::Equal(bound(random)),
        2 => KeyRange::AtLeast(bound(random)),
        3 => KeyRange::AtMost(bound(random)),
        4 => {
            let (a, b) = (bound(random), bound(random));
            if a <= b { KeyRange::Between(a, b) } else { KeyRange::Between(b, a) }
        }
        _ => KeyRange::StartsWith(bound(random)),
    };
    let mut columns = random.sample(&COLUMNS.map(str::to_owned), 1, 2);
    random.shuffle(&mut columns);
    let after = random.chance(1, 2).then(|| bound(random));
    ScanOptions { range, descending: random.chance(1, 2), limit: random.below(5) as u32, after, columns }
}

/// Returns the result of a scan that the contract specifies.
fn scan(tables: &Tables, table: &str, options: &ScanOptions) -> Page {
    let within = |id: &str| match &options.range {
        KeyRange::All => true,
        KeyRange::Equal(bound) => id == bound,
        KeyRange::AtLeast(bound) => id >= bound.as_str(),
        KeyRange::AtMost(bound) => id <= bound.as_str(),
        KeyRange::Between(low, high) => low.as_str() <= id && id <= high.as_str(),
        KeyRange::StartsWith(prefix) => id.starts_with(prefix),
    };
    let beyond = |id: &str| match &options.after {
        None => true,
        Some(after) if options.descending => id < after.as_str(),
        Some(after) => id > after.as_str(),
    };
    let chosen = |cell: &Cell| options.columns.is_empty() || options.columns.contains(&cell.column);
    let mut rows = Vec::new();
    for (id, cells) in tables.get(table).into_iter().flatten() {
        if within(id) && beyond(id) {
            rows.push(Row { id: id.clone(), cells: cells_of(cells).into_iter().filter(chosen).collect() });
        }
    }
    if options.descending {
        rows.reverse();
    }
    let more = rows.len() > options.limit as usize;
    rows.truncate(options.limit as usize);
    Page { rows, more }
}

/// A watcher, and the mirror that is updated by executing the changes that the watcher takes.
pub(crate) struct Mirror {
    pub(crate) watcher: WatcherNumber,
    tables: Vec<String>,
    copy: Tables,
}

impl Mirror {
    /// Watches these tables of the document, which now contains `now`.
    pub(crate) fn new(doc: &mut Doc, tables: &[String], from_start: bool, now: &Tables) -> Checked<Self> {
        let watcher = doc.watch(tables, from_start).map_err(|error| format!("watch: {error}"))?;
        let mut mirror = Self { watcher, tables: tables.to_vec(), copy: Tables::new() };
        if !from_start {
            mirror.copy = mirror.watched(now);
        }
        Ok(mirror)
    }

    fn watched(&self, tables: &Tables) -> Tables {
        let mut tables = tables.clone();
        tables.retain(|table, _| self.tables.is_empty() || self.tables.contains(table));
        tables
    }

    /// Takes changes once and returns whether there are more.
    pub(crate) fn take(&mut self, doc: &mut Doc, most: u32, now: &Tables) -> Checked<bool> {
        let now = self.watched(now);
        let before = self.copy.clone();
        let changes = doc.take(self.watcher, most);
        let mut touched = BTreeSet::new();
        for op in &changes.ops {
            touched.insert(op.row_name());
            execute(&mut self.copy, op);
        }
        let taken = &changes.ops;
        ensure!(touched.len() <= most as usize, "more than {most} rows in {taken:?}");
        for (table, row) in touched {
            let of = |tables: &Tables| tables.get(table).and_then(|rows| rows.get(row)).cloned();
            same(&format!("mirrored row {row:?} of {table:?} after {taken:?}"), &of(&self.copy), &of(&now))?;
            ensure!(of(&before) != of(&now), "{row:?} of {table:?} was taken, but did not change: {taken:?}");
        }
        let behind = self.copy != now;
        let more = changes.more;
        ensure!(behind == more, "after {taken:?} (more: {more}) the mirror has {:?}, the tables {now:?}", self.copy);
        ensure!(
            !behind || most == 0 || !taken.is_empty(),
            "a take of {most} rows returns none, but reports that there are more"
        );
        Ok(more)
    }

    /// Takes changes until there are no more.
    pub(crate) fn catch_up(&mut self, doc: &mut Doc, most: u32, now: &Tables) -> Checked {
        while self.take(doc, most, now)? {}
        Ok(())
    }
}
