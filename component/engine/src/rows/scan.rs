//! Scans: reading rows in the order of their ids.

use super::edits::Chosen;
use super::{Rows, Table};
use crate::error::{Error, Invalid, Name};
use crate::id::{ColumnNumber, RowNumber};
use crate::limits;
use crate::oplog::{ITEM_BYTES, OpLog, OpNames, Row, ShapedRow, find_shape};
use crate::sort;
use crate::value::Value;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::ops::Bound;

/// A range of row ids, compared as UTF-8 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KeyRange {
    /// All rows.
    #[default]
    All,
    /// The row with this id.
    Equal(String),
    /// The rows with this id or a larger one.
    AtLeast(String),
    /// The rows with this id or a smaller one.
    AtMost(String),
    /// The rows from the first id to the second, both included.
    Between(String, String),
    /// The rows whose ids start with this text.
    StartsWith(String),
}

/// The arguments of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanOptions {
    /// The rows to read.
    pub range: KeyRange,
    /// Whether to read from the largest row id down.
    pub descending: bool,
    /// The maximum number of rows to return.
    pub limit: u32,
    /// The row id after which to begin, in the direction of the scan: the last one of the previous
    /// page.
    pub after: Option<String>,
    /// The columns to return; all columns if empty.
    pub columns: Vec<String>,
}

/// All rows and columns, in ascending order.
impl Default for ScanOptions {
    fn default() -> Self {
        Self { range: KeyRange::All, descending: false, limit: u32::MAX, after: None, columns: Vec::new() }
    }
}

/// A page of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Row>,
    /// Whether there are rows in the range beyond these.
    pub more: bool,
}

/// A page of a scan whose rows share the names of their columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapedPage {
    /// The lists of columns of the rows, each sorted. A list can occur more than once.
    pub shapes: Vec<Vec<String>>,
    /// The rows.
    pub rows: Vec<ShapedRow>,
    /// Whether there are rows in the range beyond these.
    pub more: bool,
}

/// A table that has rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSummary {
    /// The table's name.
    pub name: String,
    /// The number of rows.
    pub rows: u32,
}

impl ShapedPage {
    /// Adds a row.
    pub(crate) fn push(&mut self, Row { id, cells }: Row) {
        let columns = || cells.iter().map(|cell| &cell.column);
        let shape = find_shape(&self.shapes, |shape| shape.iter().eq(columns())).unwrap_or_else(|| {
            self.shapes.push(columns().cloned().collect());
            self.shapes.len() - 1
        });
        let values = cells.into_iter().map(|cell| cell.value).collect();
        self.rows.push(ShapedRow { id, shape: shape as u32, values });
    }
}

type Bounds = (Bound<String>, Bound<String>);

impl KeyRange {
    fn check(&self) -> Result<(), Error> {
        let texts: [&str; 2] = match self {
            Self::All => return Ok(()),
            Self::Equal(id) | Self::AtLeast(id) | Self::AtMost(id) | Self::StartsWith(id) => [id, id],
            Self::Between(first, last) => [first, last],
        };
        for text in texts {
            limits::ROW_BYTES.check(text.len() as u64)?;
        }
        if texts[0] > texts[1] { Err(Invalid::ReversedRange.into()) } else { Ok(()) }
    }

    fn bounds(&self) -> Bounds {
        let included = |id: &String| Bound::Included(id.clone());
        match self {
            Self::All => (Bound::Unbounded, Bound::Unbounded),
            Self::Equal(id) => (included(id), included(id)),
            Self::AtLeast(id) => (included(id), Bound::Unbounded),
            Self::AtMost(id) => (Bound::Unbounded, included(id)),
            Self::Between(first, last) => (included(first), included(last)),
            Self::StartsWith(prefix) => {
                (included(prefix), after_prefix(prefix).map_or(Bound::Unbounded, Bound::Excluded))
            }
        }
    }
}

/// Returns the smallest text above all texts that start with `prefix`, or `None` if there is no
/// such text.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // The range skips surrogates. There is no text above the last code point.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

impl ScanOptions {
    fn check(&self) -> Result<(), Error> {
        self.range.check()?;
        limits::ROW_BYTES.check(self.after.as_ref().map_or(0, |after| after.len() as u64))?;
        limits::OPERATION_CELLS.check(self.columns.len() as u64)?;
        self.columns.iter().try_for_each(|column| Name::Column.check(column))?;
        match sort::repeated(self.columns.iter()) {
            Some(column) => Err(Invalid::RepeatedColumn(column.clone()).into()),
            None => Ok(()),
        }
    }

    /// Returns the bounds of the range, restricted to ids beyond `after`.
    fn bounds(&self) -> Bounds {
        let (mut low, mut high) = self.range.bounds();
        if let Some(after) = &self.after {
            if self.descending {
                if is_above(&high, after) {
                    high = Bound::Excluded(after.clone());
                }
            } else if is_below(&low, after) {
                low = Bound::Excluded(after.clone());
            }
        }
        (low, high)
    }
}

impl ScanOptions {
    /// Returns the items in the range, in the direction of the scan.
    pub(crate) fn choose<'a, T>(
        &self,
        by_id: &'a BTreeMap<String, T>,
    ) -> Box<dyn Iterator<Item = (&'a String, &'a T)> + 'a> {
        let bounds = self.bounds();
        if is_empty(&bounds) {
            return Box::new(std::iter::empty());
        }
        let chosen = by_id.range(bounds);
        if self.descending { Box::new(chosen.rev()) } else { Box::new(chosen) }
    }
}

/// Returns whether the upper bound includes `id` or larger ids.
fn is_above(high: &Bound<String>, id: &str) -> bool {
    match high {
        Bound::Unbounded => true,
        Bound::Included(end) | Bound::Excluded(end) => end.as_str() >= id,
    }
}

/// Returns whether the lower bound includes `id` or smaller ids.
fn is_below(low: &Bound<String>, id: &str) -> bool {
    match low {
        Bound::Unbounded => true,
        Bound::Included(start) | Bound::Excluded(start) => start.as_str() <= id,
    }
}

/// Returns whether the bounds exclude every text. `BTreeMap::range` panics for some such bounds.
fn is_empty(bounds: &Bounds) -> bool {
    match bounds {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(low), Bound::Included(high)) => low > high,
        (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => low >= high,
    }
}

/// A shape of the rows of a page.
struct PageShape {
    columns: SmallVec<[ColumnNumber; 8]>,
    /// The size of these columns in a row, as limits count it, without the content of the cells.
    bytes: u64,
}

impl Rows {
    /// Returns the rows of a table in the bounds.
    fn range<'a>(
        &'a self,
        table: &'a Table,
        bounds: &'a Bounds,
        descending: bool,
    ) -> Box<dyn Iterator<Item = (&'a str, RowNumber)> + 'a> {
        if is_empty(bounds) {
            return Box::new(std::iter::empty());
        }
        let is_below = |number: u32| match &bounds.0 {
            Bound::Unbounded => false,
            Bound::Included(low) => self.ids.text(number) < low.as_str(),
            Bound::Excluded(low) => self.ids.text(number) <= low.as_str(),
        };
        let is_above = |number: u32| match &bounds.1 {
            Bound::Unbounded => false,
            Bound::Included(high) => self.ids.text(number) > high.as_str(),
            Bound::Excluded(high) => self.ids.text(number) >= high.as_str(),
        };
        let rows = table.existing.range(is_below, is_above).map(|number| (self.ids.text(number), RowNumber(number)));
        if descending { Box::new(rows.rev()) } else { Box::new(rows) }
    }

    /// Returns a page of a table's rows; see `Doc::scan`.
    pub(crate) fn scan(&self, log: &OpLog, table: &str, options: &ScanOptions) -> Result<Page, Error> {
        let mut rows = Vec::new();
        let more = self.select(table, options, |id, row, chosen| {
            let row = Row { id: id.to_owned(), cells: self.content(log, row).cells(chosen) };
            let bytes = row.bytes();
            rows.push(row);
            bytes
        })?;
        Ok(Page { rows, more })
    }

    /// Returns the same page as `scan`; see `Doc::scan_shaped`.
    pub(crate) fn scan_shaped(&self, log: &OpLog, table: &str, options: &ScanOptions) -> Result<ShapedPage, Error> {
        let (mut shapes, mut known, mut rows, mut cells) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let more = self.select(table, options, |id, row, chosen| {
            self.content(log, row).show(chosen, &mut cells);
            let columns = || cells.iter().map(|cell| cell.column);
            let shape = find_shape(&known, |shape: &PageShape| shape.columns.iter().copied().eq(columns()));
            let shape = shape.unwrap_or_else(|| {
                let names = || columns().map(|column| self.column_name(column));
                shapes.push(names().map(str::to_owned).collect());
                let bytes = names().map(|name| ITEM_BYTES + name.len() as u64).sum();
                known.push(PageShape { columns: columns().collect(), bytes });
                known.len() - 1
            });
            let values: Vec<Value> = cells.iter().map(|cell| cell.to_value(log)).collect();
            let content = values.iter().map(|value| value.as_ref().content_bytes());
            let bytes = ITEM_BYTES + id.len() as u64 + known[shape].bytes + content.sum::<u64>();
            rows.push(ShapedRow { id: id.to_owned(), shape: shape as u32, values });
            bytes
        })?;
        Ok(ShapedPage { shapes, rows, more })
    }

    /// Passes the ids and numbers of the rows of a page to `add`, with the chosen columns. `add`
    /// returns the size of the row. Returns whether there are rows in the range beyond these.
    fn select(
        &self,
        table: &str,
        options: &ScanOptions,
        mut add: impl FnMut(&str, RowNumber, Chosen<'_>) -> u64,
    ) -> Result<bool, Error> {
        options.check()?;
        let Some(table) = self.table(table) else { return Ok(false) };
        let chosen = self.chosen_columns(&options.columns);
        let (mut rows, mut bytes) = (0, 0);
        for (id, row) in self.range(table, &options.bounds(), options.descending) {
            if rows >= options.limit || bytes > limits::PAGE_BYTES.maximum {
                return Ok(true);
            }
            bytes += add(id, row, chosen.as_deref());
            rows += 1;
        }
        Ok(false)
    }

    /// Returns the known ones of these columns, sorted by number, or `None` for all columns if none
    /// are named.
    fn chosen_columns(&self, names: &[String]) -> Option<Vec<ColumnNumber>> {
        let known = names.iter().filter_map(|name| self.columns.find(name)).map(ColumnNumber);
        (!names.is_empty()).then(|| sort::distinct(known))
    }

    /// Returns the tables that have rows, sorted by name. O(tables).
    pub(crate) fn summaries(&self) -> Vec<TableSummary> {
        let summaries = self.table_names.sorted().map(|(name, number)| TableSummary {
            name: String::from(&**name),
            rows: self.tables[number as usize].existing.len() as u32,
        });
        summaries.filter(|summary| summary.rows > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::after_prefix;

    #[test]
    fn the_end_of_a_prefix() {
        for (prefix, end) in [
            ("", None),
            ("a", Some("b")),
            ("ab", Some("ac")),
            ("a\u{7f}", Some("a\u{80}")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}\u{10ffff}", None),
        ] {
            assert_eq!(after_prefix(prefix).as_deref(), end, "{prefix:?}");
        }
    }
}
