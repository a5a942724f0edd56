//! The contract's records and variants, and how Rust values become them. Holds no rule and no call.

use crate::contract::exports::converge::sync::{durable, engine, ephemeral, session, types};
use std::cmp::Ordering;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::time::SystemTime;

#[doc(inline)]
pub use durable::{
    Changes, Commit, CompactionReport, DeleteOp, EventBatch, EventRun, Fork, InsertOp, MergeReport, RowOp, UnsetOp,
    UpdateOp,
};
#[doc(inline)]
pub use engine::{Content, Inspection, Limit, Section};
#[doc(inline)]
pub use ephemeral::{Entry, StoreOptions};
#[doc(inline)]
pub use session::{Acceptance, Progress, Received, SessionOptions};
#[doc(inline)]
pub use types::{Cell, EventId, KeyBounds, KeyRange, Page, PeerVersion, Row, RowId, ScanOptions, TableSummary, Value};

/// 32 bytes that are equal for equal tables, independent of history and host. Displays as 64 hexadecimal digits.
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
    /// Creates the row with these cells. If the row exists, sets these cells and keeps the others.
    pub fn insert(
        table: impl Into<String>,
        row: impl Into<String>,
        cells: impl IntoIterator<Item = impl Into<Cell>>,
    ) -> Self {
        Self::Insert(InsertOp { table: table.into(), row: row.into(), cells: collect_cells(cells) })
    }

    /// Sets these cells of the row. Does nothing if the row does not exist at this point of the execution.
    pub fn update(
        table: impl Into<String>,
        row: impl Into<String>,
        cells: impl IntoIterator<Item = impl Into<Cell>>,
    ) -> Self {
        Self::Update(UpdateOp { table: table.into(), row: row.into(), cells: collect_cells(cells) })
    }

    /// Deletes the row. Does nothing if the row does not exist at this point of the execution.
    pub fn delete(table: impl Into<String>, row: impl Into<String>) -> Self {
        Self::Delete(DeleteOp { table: table.into(), row: row.into() })
    }

    /// Removes these cells of the row. Does nothing if the row does not exist at this point of the execution.
    pub fn unset(
        table: impl Into<String>,
        row: impl Into<String>,
        columns: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Self::Unset(UnsetOp { table: table.into(), row: row.into(), columns })
    }
}

/// Everything, upwards.
impl Default for ScanOptions {
    fn default() -> Self {
        Self { range: KeyRange::All, descending: false, limit: u32::MAX, after: None, columns: Vec::new() }
    }
}

/// A time to live of 30 seconds, so that a peer that renews its entries every ten survives a lost message; a maximum skew of
/// 10 minutes, within which devices' clocks normally agree.
impl Default for StoreOptions {
    fn default() -> Self {
        Self { time_to_live: 30_000.0, max_skew: 600_000.0 }
    }
}

impl SessionOptions {
    /// Options for a session about the document of this name: a random nonce, messages of at most 64 KiB, all namespaces,
    /// events both ways, everything accepted, from all writers. A server should not accept
    /// [`Acceptance::DOCUMENTS`] from clients.
    pub fn new(document: impl Into<String>) -> Self {
        Self {
            document: document.into(),
            // The keys of a new hasher are random in each process and differ within it.
            nonce: RandomState::new().hash_one(SystemTime::now()),
            max_message_bytes: 64 << 10,
            namespaces: Vec::new(),
            read_only: false,
            accept: Acceptance::all(),
            writers: Vec::new(),
        }
    }
}

impl EventId {
    /// Names the `counter`-th event, counted from 0, that `peer` committed.
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
