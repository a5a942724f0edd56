use crate::oplog::{Cell, RowOp};

/// Which rows of a table, by row id, compared as UTF-8 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KeyRange {
    /// All of them.
    #[default]
    All,
    /// Just this one.
    Equal(String),
    /// This one and those above it.
    AtLeast(String),
    /// This one and those below it.
    AtMost(String),
    /// Those from the first to the second, both included.
    Between(String, String),
    /// Those whose id starts with this.
    StartsWith(String),
}

/// What a scan reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanOptions {
    /// Which rows.
    pub range: KeyRange,
    /// From the largest row id down.
    pub descending: bool,
    /// At most this many rows.
    pub limit: u32,
    /// Begin after this row id, in the direction of the scan: the last one of the page before.
    pub after: Option<String>,
    /// Only these columns; all where none are named.
    pub columns: Vec<String>,
}

/// Everything, upwards.
impl Default for ScanOptions {
    fn default() -> Self {
        Self { range: KeyRange::All, descending: false, limit: u32::MAX, after: None, columns: Vec::new() }
    }
}

/// A row as it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The row's id.
    pub id: String,
    /// Its cells, sorted by column.
    pub cells: Vec<Cell>,
}

/// A part of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Row>,
    /// Whether the range holds rows beyond these.
    pub more: bool,
}

/// A table that has rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSummary {
    /// Its name.
    pub name: String,
    /// How many rows it has.
    pub rows: u32,
}

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
