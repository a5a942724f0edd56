//! Rows and tables, and the arguments and results of the functions that read them.

use super::{Cell, RowOp, names};
use std::fmt;

/// A row with its cells, which are sorted by column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The row's id.
    pub id: String,
    /// The row's cells.
    pub cells: Vec<Cell>,
}

/// The name of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    /// The table's name.
    pub table: String,
    /// The row's id.
    pub row: String,
}

/// A set of row ids. Ids are compared as UTF-8 bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyRange {
    /// All ids.
    #[default]
    All,
    /// This id.
    Equal(String),
    /// This id and all larger ones.
    AtLeast(String),
    /// This id and all smaller ones.
    AtMost(String),
    /// The ids from the first to the second, both included.
    Between(String, String),
    /// The ids that start with this text.
    StartsWith(String),
}

/// Which rows a scan returns, and in which order. The default is all rows with all columns, in
/// ascending order of their ids.
///
/// ```
/// use converge::{KeyRange, ScanOptions};
///
/// let of_2026 = ScanOptions::default().range(KeyRange::StartsWith("2026-".into()));
/// let last_ten = of_2026.descending(true).limit(10);
/// assert_eq!(last_ten.limit, 10);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanOptions {
    /// The ids of the rows to return.
    pub range: KeyRange,
    /// Whether rows are returned in descending order of their ids.
    pub descending: bool,
    /// The maximum number of rows to return.
    pub limit: u32,
    /// The row id after which the scan starts, in its direction.
    pub after: Option<String>,
    /// The columns to return. An empty list selects all columns.
    pub columns: Vec<String>,
}

impl ScanOptions {
    /// Sets the ids of the rows to return.
    #[must_use]
    pub fn range(self, range: KeyRange) -> Self {
        Self { range, ..self }
    }

    /// Sets whether rows are returned in descending order of their ids.
    #[must_use]
    pub fn descending(self, descending: bool) -> Self {
        Self { descending, ..self }
    }

    /// Sets the maximum number of rows to return.
    #[must_use]
    pub fn limit(self, limit: u32) -> Self {
        Self { limit, ..self }
    }

    /// Sets the row id after which the scan starts, in its direction. Pass the last id of a page to
    /// read the next page.
    #[must_use]
    pub fn after(self, row: impl Into<String>) -> Self {
        Self { after: Some(row.into()), ..self }
    }

    /// Sets the columns to return. An empty list selects all columns.
    #[must_use]
    pub fn columns(self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { columns: names(columns), ..self }
    }
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { range: KeyRange::All, descending: false, limit: u32::MAX, after: None, columns: Vec::new() }
    }
}

/// A page of rows. A page ends early once its rows exceed the limit `page-bytes`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The rows, in the order of the scan.
    pub rows: Vec<Row>,
    /// Whether the range contains rows beyond this page.
    pub more: bool,
}

/// A table and the number of its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableSummary {
    /// The table's name.
    pub name: String,
    /// The number of its rows.
    pub rows: u32,
}

/// Operations that bring a mirror of the tables up to date when they are executed in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// The operations.
    pub ops: Vec<RowOp>,
    /// Whether there are more changes after these.
    pub more: bool,
}

/// 32 bytes that are equal for equal tables, independent of history and host. Displays as 64
/// hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
