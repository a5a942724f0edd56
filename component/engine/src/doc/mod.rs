use crate::error::Error;
use crate::id::{EventId, PeerVersion};
use crate::oplog::{Cell, Commit, RowOp};
use crate::rows::{Changes, Page, ScanOptions, TableSummary, WatcherNumber};

/// Consecutive events of one peer, each of which depends on just the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRun {
    /// Whose events.
    pub peer: String,
    /// The counter of the first event.
    pub start: u32,
    /// The lamport time of the first event; the k-th after it has this plus k.
    pub lamport: u32,
    /// What the first event depends on, sorted by peer.
    pub deps: Vec<EventId>,
    /// The operations of each event.
    pub commits: Vec<Commit>,
}

/// A part of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBatch {
    /// The events, each after what it depends on.
    pub runs: Vec<EventRun>,
    /// Whether there is more of it.
    pub more: bool,
}

/// What a merge did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MergeReport {
    /// Events that were new and took effect.
    pub applied: u32,
    /// Events that were already known.
    pub duplicate: u32,
    /// Events that wait, in this document, for others that they depend on.
    pub waiting: u32,
    /// What the waiting events wait for, sorted; the first [`limits::REPORTED_MISSING`](crate::limits::REPORTED_MISSING).
    pub missing: Vec<EventId>,
}

/// A replica of a document.
pub struct Doc {}

#[allow(unused_variables, missing_docs)]
impl Doc {
    pub fn create(peer: &str) -> Result<Doc, Error> { unimplemented!() }
    pub fn peer(&self) -> &str { unimplemented!() }
    pub fn insert(&mut self, table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Error> { unimplemented!() }
    pub fn update(&mut self, table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Error> { unimplemented!() }
    pub fn delete(&mut self, table: &str, row: &str) -> Result<EventId, Error> { unimplemented!() }
    pub fn commit(&mut self, ops: Commit) -> Result<EventId, Error> { unimplemented!() }
    pub fn get(&self, table: &str, row: &str) -> Option<Vec<Cell>> { unimplemented!() }
    pub fn scan(&self, table: &str, options: &ScanOptions) -> Result<Page, Error> { unimplemented!() }
    pub fn tables(&self) -> Vec<TableSummary> { unimplemented!() }
    pub fn watch(&mut self, tables: &[String], from_start: bool) -> Result<WatcherNumber, Error> { unimplemented!() }
    /// Empty where there is no such watcher
    pub fn take(&mut self, watcher: WatcherNumber, most: u32) -> Changes { unimplemented!() }
    pub fn unwatch(&mut self, watcher: WatcherNumber) { unimplemented!() }
    pub fn digest(&self) -> [u8; 32] { unimplemented!() }
    pub fn version(&self) -> Vec<PeerVersion> { unimplemented!() }
    pub fn heads(&self) -> Vec<EventId> { unimplemented!() }
    pub fn events_since(&self, known: &[PeerVersion], most: u32) -> Result<EventBatch, Error> { unimplemented!() }
    pub fn merge_events(&mut self, events: Vec<EventRun>) -> Result<MergeReport, Error> { unimplemented!() }
}
