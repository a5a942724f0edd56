//! The contract's records and variants, and how Rust values become them. Holds no rule and no call.

use crate::contract::exports::converge::sync::{durable, engine, ephemeral, session, types};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

#[doc(inline)]
pub use durable::{
    Changes, Commit, CompactionReport, DeleteOp, EventBatch, EventRun, InsertOp, MergeReport, RowOp, TableSummary,
    UpdateOp,
};
#[doc(inline)]
pub use engine::Limit;
#[doc(inline)]
pub use ephemeral::{Entry, StoreOptions};
#[doc(inline)]
pub use session::{Progress, Received, SessionOptions};
#[doc(inline)]
pub use types::{Cell, EventId, KeyRange, Page, PeerVersion, Row, ScanOptions, Value};

/// 32 bytes that are the same for the same tables, whatever the history and the host. Shows as 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Cell {
    /// A cell of this column with this value.
    pub fn new(column: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { column: column.into(), value: value.into() }
    }
}

impl<Column: Into<String>, Content: Into<Value>> From<(Column, Content)> for Cell {
    fn from((column, value): (Column, Content)) -> Self {
        Self::new(column, value)
    }
}

impl From<&Cell> for Cell {
    fn from(cell: &Cell) -> Self {
        cell.clone()
    }
}

/// Collects what a caller gives as cells.
pub(crate) fn collect_cells(cells: impl IntoIterator<Item = impl Into<Cell>>) -> Vec<Cell> {
    cells.into_iter().map(Into::into).collect()
}

impl RowOp {
    /// Creates the row with these cells; where the row exists, sets these cells and leaves the others.
    pub fn insert(
        table: impl Into<String>,
        row: impl Into<String>,
        cells: impl IntoIterator<Item = impl Into<Cell>>,
    ) -> Self {
        Self::Insert(InsertOp { table: table.into(), row: row.into(), cells: collect_cells(cells) })
    }

    /// Sets these cells of the row; does nothing where, in the order of execution, the row is not there.
    pub fn update(
        table: impl Into<String>,
        row: impl Into<String>,
        cells: impl IntoIterator<Item = impl Into<Cell>>,
    ) -> Self {
        Self::Update(UpdateOp { table: table.into(), row: row.into(), cells: collect_cells(cells) })
    }

    /// Removes the row with all its cells; does nothing where, in the order of execution, the row is not there.
    pub fn delete(table: impl Into<String>, row: impl Into<String>) -> Self {
        Self::Delete(DeleteOp { table: table.into(), row: row.into() })
    }
}

/// Everything, upwards.
impl Default for ScanOptions {
    fn default() -> Self {
        Self { range: KeyRange::All, descending: false, limit: u32::MAX, after: None, columns: Vec::new() }
    }
}

/// 30 seconds to live, so that who renews every ten is not lost with one message; clocks apart by a minute at most.
impl Default for StoreOptions {
    fn default() -> Self {
        Self { time_to_live: 30_000.0, most_skew: 60_000.0 }
    }
}

impl SessionOptions {
    /// Options for a session about the document of this name: messages of at most 64 KiB, all namespaces, events both ways.
    pub fn new(document: impl Into<String>) -> Self {
        Self { document: document.into(), most_message_bytes: 64 << 10, namespaces: Vec::new(), read_only: false }
    }
}

impl EventId {
    /// The name of the `counter`-th event, from 0, that `peer` committed.
    pub fn new(peer: impl Into<String>, counter: u32) -> Self {
        Self { peer: peer.into(), counter }
    }
}

impl Eq for EventId {}

impl Hash for EventId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.peer, self.counter).hash(state);
    }
}

/// By peer, as UTF-8 bytes, then by counter.
impl Ord for EventId {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.peer, self.counter).cmp(&(&other.peer, other.counter))
    }
}

impl PartialOrd for EventId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `From` each of these types, by way of the type that the variant holds.
macro_rules! values_from {
    ($($from:ty => $variant:ident,)*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

values_from! {
    bool => Boolean,
    i8 => Integer,
    i16 => Integer,
    i32 => Integer,
    i64 => Integer,
    u8 => Integer,
    u16 => Integer,
    u32 => Integer,
    f32 => Real,
    f64 => Real,
    char => Text,
    &str => Text,
    &String => Text,
    String => Text,
    &[u8] => Blob,
    Vec<u8> => Blob,
}

/// `None` is null.
impl<Content: Into<Value>> From<Option<Content>> for Value {
    fn from(value: Option<Content>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
