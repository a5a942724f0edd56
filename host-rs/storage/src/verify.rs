//! Compares the mirror tables with the document.

use crate::file::File;
use crate::mirror::{CellRef, Table, object};
use crate::sql::is_stored;
use crate::{Error, REPORTED_DIFFERENCES};
use converge::{Doc, Row, ScanOptions, Value};
use rusqlite::types::ValueRef;
use serde_json::Value as Json;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A row that differs between the document and its mirror table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The table of the document.
    pub table: String,
    /// The row's id.
    pub row: String,
    /// What differs.
    pub what: String,
}

/// The result of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// What SQLite found wrong with the structure of the file.
    pub structure: Vec<String>,
    /// The first differences, at most [`REPORTED_DIFFERENCES`](crate::REPORTED_DIFFERENCES).
    pub differences: Vec<Difference>,
    /// The number of rows that differ.
    pub differing: u64,
    /// The number of compared rows.
    pub rows: u64,
}

impl Report {
    /// Returns whether nothing is wrong.
    pub fn is_right(&self) -> bool {
        self.structure.is_empty() && self.differing == 0
    }

    fn add(&mut self, table: &str, row: &str, what: &str) {
        self.differing += 1;
        if self.differences.len() < REPORTED_DIFFERENCES {
            let (table, row, what) = (table.to_owned(), row.to_owned(), what.to_owned());
            self.differences.push(Difference { table, row, what });
        }
    }
}

pub(crate) fn verify(doc: &Doc, file: &File) -> Result<Report, Error> {
    let sqlite = Error::sqlite(file.path());
    let mut report = Report { structure: structure(file).map_err(&sqlite)?, ..Report::default() };
    let mut tables: Vec<String> = doc.tables()?.into_iter().map(|table| table.name).collect();
    tables.extend(file.mirror().tables().keys().cloned());
    tables.extend(other_tables(file).map_err(&sqlite)?);
    tables.sort_unstable();
    tables.dedup();
    for name in tables {
        let rows = doc.rows(&name, ScanOptions::default());
        match file.mirror().tables().get(&name) {
            Some(table) => {
                compare(&mut report, &name, rows, file, &table.select(), |stored, row| is_same(table, stored, row))?;
            }
            None => {
                let select = "SELECT _id, _more FROM _converge_rows WHERE tbl = ?1 ORDER BY _id";
                compare(&mut report, &name, rows, file, select, |stored, row| {
                    let cells: Vec<_> = row.cells.iter().map(|cell| (&*cell.column, &cell.value)).collect();
                    Ok(is_object(stored.get_ref(1)?.as_bytes()?, &cells))
                })?;
            }
        }
    }
    Ok(report)
}

/// Returns what SQLite finds wrong.
fn structure(file: &File) -> rusqlite::Result<Vec<String>> {
    let mut check = file.connection().prepare("PRAGMA integrity_check")?;
    let found = check.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}

/// Returns the tables that have rows in `_converge_rows`.
fn other_tables(file: &File) -> rusqlite::Result<Vec<String>> {
    let mut select = file.connection().prepare("SELECT DISTINCT tbl FROM _converge_rows")?;
    select.query_map([], |row| row.get(0))?.collect()
}

fn is_same(table: &Table, stored: &rusqlite::Row<'_>, row: &Row) -> rusqlite::Result<bool> {
    let mut cells: BTreeMap<&str, &Value> = row.cells.iter().map(|cell| (&*cell.column, &cell.value)).collect();
    for (at, column) in table.columns.keys().enumerate() {
        if !is_stored(stored.get_ref(at + 2)?, cells.remove(&**column)) {
            return Ok(false);
        }
    }
    cells.retain(|_, value| **value != Value::Null);
    Ok(match stored.get_ref(1)? {
        ValueRef::Null => cells.is_empty(),
        ValueRef::Text(more) => is_object(more, &Vec::from_iter(cells)),
        _ => false,
    })
}

/// Returns whether a text is the JSON object with these cells, in any order.
fn is_object(text: &[u8], cells: &[CellRef<'_>]) -> bool {
    let stored = serde_json::from_slice::<Json>(text);
    // Both sides are parsed, so that rounding is the same.
    stored.is_ok_and(|stored| serde_json::from_str::<Json>(&object(cells)).is_ok_and(|cells| stored == cells))
}

/// Compares the rows of a table, which both sides return in the order of their ids.
fn compare(
    report: &mut Report,
    table: &str,
    mut rows: impl Iterator<Item = Result<Row, converge::Error>>,
    file: &File,
    select: &str,
    is_same: impl Fn(&rusqlite::Row<'_>, &Row) -> rusqlite::Result<bool>,
) -> Result<(), Error> {
    let sqlite = Error::sqlite(file.path());
    let mut select = file.connection().prepare(select).map_err(&sqlite)?;
    let mut stored_rows = select.query([table]).map_err(&sqlite)?;
    let (mut row, mut stored) = (rows.next().transpose()?, stored_rows.next().map_err(&sqlite)?);
    loop {
        let id_of = |stored: &rusqlite::Row<'_>| Ok(stored.get_ref(0)?.as_bytes()?.to_vec());
        let id = stored.map(id_of).transpose().map_err(&sqlite)?;
        let order = match (&row, &id) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(row), Some(id)) => row.id.as_bytes().cmp(id),
        };
        report.rows += 1;
        if let (Ordering::Equal, Some(row), Some(stored)) = (order, &row, stored) {
            if !is_same(stored, row).map_err(&sqlite)? {
                report.add(table, &row.id, "has other cells in the mirror table");
            }
        } else if let (Ordering::Less, Some(row)) = (order, &row) {
            report.add(table, &row.id, "is missing in the mirror table");
        } else if let Some(id) = id {
            report.add(table, &String::from_utf8_lossy(&id), "is not in the document");
        }
        if order != Ordering::Greater {
            row = rows.next().transpose()?;
        }
        if order != Ordering::Less {
            stored = stored_rows.next().map_err(&sqlite)?;
        }
    }
}
