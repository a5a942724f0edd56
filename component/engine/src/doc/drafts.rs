//! Rows as they will be after operations that are not committed yet.
//!
//! Stores the rows that the operations touch; everything else is read from the document.

use super::Doc;
use crate::error::{Error, Invalid};
use crate::limits;
use crate::memory;
use crate::oplog::{Cell, RowOp};
use crate::value::Value;
use std::collections::BTreeMap;
use std::mem;

/// The rows that some operations touch.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    /// By table and id.
    rows: BTreeMap<String, BTreeMap<String, Draft>>,
}

/// The state of a touched row.
#[derive(Debug)]
pub(super) enum Draft {
    Deleted,
    /// The written cells by column. Other cells are those of the document, unless the row is new.
    Written {
        is_new: bool,
        cells: BTreeMap<String, DraftCell>,
    },
}

/// The state of a written cell.
#[derive(Debug, Clone)]
pub(super) enum DraftCell {
    Set(Value),
    Removed,
    /// The sum of the additions to the value of the document.
    Added(i128),
    /// The text of the document, and the text that splices made of it.
    Spliced {
        seen: Value,
        text: String,
    },
}

impl Drafts {
    /// Returns the touched rows of a table, or `None` if there are none.
    pub(super) fn of_table(&self, table: &str) -> Option<&BTreeMap<String, Draft>> {
        self.rows.get(table)
    }

    /// Returns the tables and ids of the touched rows, sorted.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rows.iter().flat_map(|(table, rows)| rows.keys().map(move |row| (table.as_str(), row.as_str())))
    }

    /// Returns the cells of a row, sorted by column, or `None` if the row does not exist. O(log n +
    /// size of the row).
    pub(super) fn get(&self, doc: &Doc, table: &str, row: &str) -> Option<Vec<Cell>> {
        match self.draft(table, row) {
            None => doc.get(table, row),
            Some(draft) => draft.cells(|| doc.get(table, row)),
        }
    }

    /// Fails if the document has another text now in a cell that was spliced.
    pub(super) fn check_texts(&self, doc: &Doc) -> Result<(), Error> {
        for (table, row, cells) in self.rows.iter().flat_map(|(table, rows)| {
            rows.iter().filter_map(move |(row, draft)| match draft {
                Draft::Written { is_new: false, cells } => Some((table, row, cells)),
                _ => None,
            })
        }) {
            for (column, cell) in cells {
                let DraftCell::Spliced { seen, .. } = cell else { continue };
                let now = doc.get(table, row).unwrap_or_default();
                let now = now.iter().find(|cell| cell.column == *column).map_or(&Value::Null, |cell| &cell.value);
                if now != seen {
                    return Err(Invalid::TextChanged { cell: (table.clone(), row.clone(), column.clone()) }.into());
                }
            }
        }
        Ok(())
    }

    fn draft(&self, table: &str, row: &str) -> Option<&Draft> {
        self.rows.get(table)?.get(row)
    }

    /// Applies an operation, which was checked as far as this is possible without a document.
    /// O(log n + size of the operation), and O(size of the row) for an edit.
    ///
    /// # Errors
    /// `NoSuchRow` for any operation but an insert on a row that does not exist; `InvalidArgument`
    /// for an edit that does not fit the value of its cell; `LimitExceeded` for a splice that makes
    /// a text too long.
    pub(super) fn write(&mut self, doc: &Doc, op: &RowOp) -> Result<(), Error> {
        let (table, row) = op.row_name();
        let exists = match self.draft(table, row) {
            Some(draft) => matches!(draft, Draft::Written { .. }),
            None => doc.rows.find(table, row).is_some(),
        };
        if !exists && !matches!(op, RowOp::Insert { .. }) {
            return Err(Error::NoSuchRow { table: table.to_owned(), row: row.to_owned() });
        }
        let value = |column: &str| {
            let cells = self.get(doc, table, row).unwrap_or_default();
            cells.into_iter().find(|cell| cell.column == *column).map(|cell| cell.value)
        };
        let seen = match op {
            RowOp::Add { column, amount, .. } => {
                check_sum(value(column).as_ref(), *amount, (table, row, column))?;
                None
            }
            RowOp::Splice { column, .. } => Some(spliced(value(column), op)?),
            _ => None,
        };
        if !self.rows.contains_key(table) {
            self.rows.insert(table.to_owned(), BTreeMap::new());
        }
        let Some(drafts) = self.rows.get_mut(table) else { return Ok(()) };
        match drafts.get_mut(row) {
            Some(draft) => *draft = mem::replace(draft, Draft::Deleted).after(op, exists, seen),
            None => drop(drafts.insert(row.to_owned(), Draft::Deleted.after(op, exists, seen))),
        }
        Ok(())
    }
}

/// Returns the columns that an operation writes, and what it does to their cells.
fn writes(op: &RowOp, spliced: Option<DraftCell>) -> Vec<(String, DraftCell)> {
    match op {
        RowOp::Insert { cells, .. } | RowOp::Update { cells, .. } => {
            let set = |cell: &Cell| (cell.column.clone(), DraftCell::Set(cell.value.clone().canonical()));
            cells.iter().map(set).collect()
        }
        RowOp::Unset { columns, .. } => columns.iter().map(|column| (column.clone(), DraftCell::Removed)).collect(),
        RowOp::Delete { .. } => Vec::new(),
        RowOp::Splice { column, .. } => spliced.map(|cell| (column.clone(), cell)).into_iter().collect(),
        RowOp::Add { column, amount, .. } => vec![(column.clone(), DraftCell::Added((*amount).into()))],
    }
}

impl DraftCell {
    /// Returns the cell after it was written again.
    fn then(self, next: Self) -> Self {
        let (before, amount) = match (self, next) {
            (Self::Spliced { seen, .. }, Self::Spliced { text, .. }) => return Self::Spliced { seen, text },
            (Self::Set(_) | Self::Removed, Self::Spliced { text, .. }) => return Self::Set(Value::Text(text)),
            (before, Self::Added(amount)) => (before, amount),
            (_, next) => return next,
        };
        match before {
            Self::Spliced { .. } => before,
            Self::Added(before) => Self::Added(before.saturating_add(amount)),
            Self::Removed => Self::Set(added(None, amount)),
            Self::Set(value @ (Value::Null | Value::Integer(_))) => Self::Set(added(Some(&value), amount)),
            // If the document's cell has another value by now, the commit will fail.
            Self::Set(_) => before,
        }
    }
}

/// Returns the value of a cell after an addition, clamped to 64 bits.
fn added(value: Option<&Value>, amount: i128) -> Value {
    let value = if let Some(Value::Integer(value)) = value { i128::from(*value) } else { 0 };
    let sum = value.saturating_add(amount).clamp(i64::MIN.into(), i64::MAX.into());
    Value::Integer(i64::try_from(sum).unwrap_or_default())
}

impl Draft {
    /// Returns the draft after a further operation. `exists` reports whether the row existed before
    /// it.
    fn after(self, op: &RowOp, exists: bool, spliced: Option<DraftCell>) -> Self {
        let (is_new, mut cells) = match (self, op) {
            (_, RowOp::Delete { .. }) => return Self::Deleted,
            (Self::Written { is_new, cells }, _) if exists => (is_new, cells),
            _ => (!exists, BTreeMap::new()),
        };
        writes(op, spliced).into_iter().for_each(|(column, next)| write_cell(&mut cells, column, next));
        Self::Written { is_new, cells }
    }

    /// Returns the cells of the row, if it exists. `below` returns those of the document. O(cells
    /// of both × log n).
    pub(super) fn cells(&self, below: impl FnOnce() -> Option<Vec<Cell>>) -> Option<Vec<Cell>> {
        let Self::Written { is_new, cells } = self else { return None };
        let shown = if *is_new { Vec::new() } else { below().unwrap_or_default() };
        let mut all = BTreeMap::new();
        shown.into_iter().for_each(|cell| write_cell(&mut all, cell.column, DraftCell::Set(cell.value)));
        for (column, cell) in cells {
            let cell = match cell {
                DraftCell::Spliced { text, .. } => DraftCell::Set(Value::Text(text.clone())),
                cell => cell.clone(),
            };
            write_cell(&mut all, column.clone(), cell);
        }
        let cell = |(column, cell)| match cell {
            DraftCell::Set(value) => Some(Cell { column, value }),
            DraftCell::Added(amount) => Some(Cell { column, value: added(None, amount) }),
            DraftCell::Spliced { text, .. } => Some(Cell { column, value: Value::Text(text) }),
            DraftCell::Removed => None,
        };
        Some(all.into_iter().filter_map(cell).collect())
    }
}

/// Writes a cell. Removals and bulk insertions would be further code for this kind of map.
fn write_cell(cells: &mut BTreeMap<String, DraftCell>, column: String, next: DraftCell) {
    match cells.get_mut(&column) {
        Some(cell) => *cell = mem::replace(cell, DraftCell::Removed).then(next),
        None => drop(cells.insert(column, next)),
    }
}

/// Fails if a cell has a value that is not an integer, null or absent, or if its sum with an amount
/// leaves the range of 64-bit integers.
fn check_sum(value: Option<&Value>, amount: i64, (table, row, column): (&str, &str, &str)) -> Result<(), Error> {
    let cell = || (table.to_owned(), row.to_owned(), column.to_owned());
    let value = match value {
        None | Some(Value::Null) => 0,
        Some(Value::Integer(value)) => *value,
        Some(_) => return Err(Invalid::NotAnInteger { cell: cell() }.into()),
    };
    match value.checked_add(amount) {
        Some(_) => Ok(()),
        None => Err(Invalid::IntegerRange { cell: cell(), value, amount }.into()),
    }
}

/// Returns the draft of a cell with this value after a splice.
fn spliced(value: Option<Value>, op: &RowOp) -> Result<DraftCell, Error> {
    let RowOp::Splice { table, row, column, at, remove, insert } = op else { return Ok(DraftCell::Removed) };
    let cell = || (table.clone(), row.clone(), column.clone());
    let seen = value.unwrap_or(Value::Null);
    let text = match &seen {
        Value::Null => "",
        Value::Text(text) => text,
        _ => return Err(Invalid::NotAText { cell: cell() }.into()),
    };
    let beyond = |length: usize| {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        Error::from(Invalid::SpliceBeyondText { cell: cell(), at: *at, remove: *remove, length })
    };
    let place = |chars: u32| text.char_indices().map(|(start, _)| start).chain([text.len()]).nth(chars as usize);
    let (Some(start), Some(end)) = (place(*at), at.checked_add(*remove).and_then(place)) else {
        return Err(beyond(text.chars().count()));
    };
    let bytes = (text.len() - (end - start)) as u64 + insert.len() as u64;
    limits::VALUE_BYTES.check(bytes)?;
    memory::spend(2 * (text.len() as u64 + bytes))?;
    let text = [&text[..start], insert, &text[end..]].concat();
    Ok(DraftCell::Spliced { seen, text })
}
