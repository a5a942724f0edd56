//! The traits that a host implements for the runner: the functions of the contract, with the types
//! of the crate `converge`.
//!
//! This module does not depend on cases or on a host.

use converge::{
    Cell, Changes, Commit, CompactionReport, Content, Entry, Error, EventBatch, EventId, EventRun, Fork, MergeReport,
    Page, PeerVersion, Progress, Received, RowId, RowOp, ScanOptions, SessionOptions, Side, StoreOptions, TableSummary,
    TextChange, TextUnit, Value,
};

/// The result of `inspect` of the interface `engine`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the contract documents them")]
pub struct Inspection {
    pub content: Content,
    pub format_version: u32,
    /// Numbers, names and lengths.
    pub sections: Vec<(u32, String, u64)>,
    pub version: Vec<PeerVersion>,
    pub horizon: Vec<PeerVersion>,
    pub waiting: u32,
    pub tables: Vec<TableSummary>,
}

/// A host of the engine. Cases can expect only an [`Error`] that is a case of the contract.
pub trait Host {
    /// The host's name, which is also the name of its transcript.
    const NAME: &'static str;
    /// The host's documents.
    type Document: Document;
    /// The host's readers of updates.
    type Reader: UpdateReader;
    /// The host's stores.
    type Store: Store;
    /// The host's sessions.
    type Session: Session<Self::Document, Self::Store>;

    /// The function `version` of the interface `engine`.
    fn version(&self) -> String;

    /// The function `limits` of the interface `engine`: names and maximums.
    fn limits(&self) -> Vec<(String, u64)>;

    /// The function `inspect` of the interface `engine`.
    fn inspect(&self, bytes: &[u8]) -> Result<Inspection, Error>;

    /// The function `between` of the interface `ordering`.
    fn between(&self, after: Option<&str>, before: Option<&str>, seed: &str) -> Result<String, Error>;

    /// The function `create` of the resource `doc`.
    fn create(&self, peer: &str) -> Result<Self::Document, Error>;

    /// The function `load` of the resource `doc`.
    fn load(&self, peer: &str, saved: &[u8]) -> Result<Self::Document, Error>;

    /// The function `peek` of the resource `doc`.
    fn peek(&self, saved: &[u8], table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error>;

    /// The function `summary-of` of the resource `doc`.
    fn summary_of(&self, version: &[PeerVersion]) -> Result<Vec<u8>, Error>;

    /// The function `open` of the resource `update-reader`.
    fn open_reader(&self, update: &[u8]) -> Result<Self::Reader, Error>;

    /// The function `create` of the resource `store`. The store lives in the instance of the
    /// document.
    fn store(&self, document: &mut Self::Document, peer: &str, options: StoreOptions) -> Result<Self::Store, Error>;
}

/// The resource `doc`, each function named as in the contract.
#[allow(missing_docs, reason = "the contract documents them")]
pub trait Document: Sized {
    /// The resource `watcher`.
    type Watcher;
    /// The resource `transaction`.
    type Transaction: Transaction<Self>;
    /// The resource `view`.
    type View: View<Self>;

    fn peer(&mut self) -> String;
    fn insert(&mut self, table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Error>;
    fn update(&mut self, table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Error>;
    fn delete(&mut self, table: &str, row: &str) -> Result<EventId, Error>;
    fn unset(&mut self, table: &str, row: &str, columns: Vec<String>) -> Result<EventId, Error>;
    fn splice(
        &mut self,
        table: &str,
        row: &str,
        column: &str,
        at: u32,
        remove: u32,
        insert: &str,
    ) -> Result<EventId, Error>;
    fn add(&mut self, table: &str, row: &str, column: &str, amount: i64) -> Result<EventId, Error>;
    fn distinguish(&mut self, salt: u64);
    fn commit(&mut self, ops: Commit) -> Result<EventId, Error>;
    fn begin(&mut self) -> Self::Transaction;
    fn commit_transaction(&mut self, transaction: Self::Transaction) -> Result<Option<EventId>, Error>;
    fn get(&mut self, table: &str, row: &str) -> Option<Vec<Cell>>;
    fn scan(&mut self, table: &str, options: &ScanOptions) -> Result<Page, Error>;
    fn tables(&mut self) -> Vec<TableSummary>;
    fn watch(&mut self, tables: &[&str], from_start: bool) -> Result<Self::Watcher, Error>;
    fn take(&mut self, watcher: &mut Self::Watcher, limit: u32) -> Changes;
    /// Drops the watcher.
    fn unwatch(&mut self, watcher: Self::Watcher);
    /// The function `open` of the resource `view`.
    fn open_view(&mut self, table: &str, row: &str, column: &str, unit: TextUnit) -> Result<Self::View, Error>;
    fn digest(&mut self) -> Vec<u8>;
    fn version(&mut self) -> Vec<PeerVersion>;
    fn heads(&mut self) -> Vec<EventId>;
    fn summary(&mut self) -> Vec<u8>;
    fn forks(&mut self, skip: u32, limit: u32) -> Vec<Fork>;
    fn permanent_id(&mut self, event: &EventId) -> Result<EventId, Error>;
    fn events_since(&mut self, summary: &[u8], limit: u32) -> Result<EventBatch, Error>;
    fn merge_events(&mut self, events: Vec<EventRun>) -> Result<MergeReport, Error>;
    fn update_since(&mut self, summary: &[u8]) -> Result<Vec<u8>, Error>;
    fn merge_update(&mut self, update: &[u8]) -> Result<MergeReport, Error>;
    fn save(&mut self) -> Vec<u8>;
    fn compact(&mut self, summaries: &[Vec<u8>]) -> Result<CompactionReport, Error>;
    fn rebase(&mut self, saved: &[u8]) -> Result<MergeReport, Error>;
    fn diff(&mut self, from_heads: &[EventId], to_heads: &[EventId]) -> Result<Vec<RowOp>, Error>;
    fn inverse_of(&mut self, events: &[EventId]) -> Result<Vec<RowOp>, Error>;
    fn fork_at(&mut self, heads: &[EventId], peer: &str) -> Result<Self, Error>;
}

/// The resource `update-reader`.
pub trait UpdateReader {
    /// The function `next`.
    fn next(&mut self, limit: u32) -> EventBatch;
}

/// The resource `transaction`, each function named as in the contract. Calls are passed the
/// document on which the transaction was begun.
#[allow(missing_docs, reason = "the contract documents them")]
pub trait Transaction<D> {
    fn get(&mut self, document: &mut D, table: &str, row: &str) -> Option<Vec<Cell>>;
    fn scan(&mut self, document: &mut D, table: &str, options: &ScanOptions) -> Result<Page, Error>;
    fn insert(&mut self, document: &mut D, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Error>;
    fn update(&mut self, document: &mut D, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Error>;
    fn delete(&mut self, document: &mut D, table: &str, row: &str) -> Result<(), Error>;
    fn unset(&mut self, document: &mut D, table: &str, row: &str, columns: Vec<String>) -> Result<(), Error>;
    fn splice(
        &mut self,
        document: &mut D,
        cell: (&str, &str, &str),
        place: (u32, u32),
        insert: &str,
    ) -> Result<(), Error>;
    fn add(&mut self, document: &mut D, table: &str, row: &str, column: &str, amount: i64) -> Result<(), Error>;
    fn touched(&mut self) -> Vec<RowId>;
}

/// The resource `view`, each function named as in the contract. Calls are passed the document on
/// which the view was opened.
#[allow(missing_docs, reason = "the contract documents them")]
pub trait View<D> {
    fn read(&mut self, document: &mut D) -> Option<String>;
    fn length(&mut self, document: &mut D) -> u32;
    fn slice(&mut self, document: &mut D, start: u32, end: u32) -> Result<String, Error>;
    fn edit(&mut self, document: &mut D, changes: Vec<TextChange>) -> Result<EventId, Error>;
    fn take(&mut self, document: &mut D) -> Option<Vec<TextChange>>;
    fn rewrite(&mut self, document: &mut D, text: &str) -> Result<Option<EventId>, Error>;
    fn anchor(&mut self, document: &mut D, at: u32, side: Side) -> Result<Vec<u8>, Error>;
    fn position(&mut self, document: &mut D, anchor: &[u8]) -> Result<Option<u32>, Error>;
}

/// The resource `store`, each function named as in the contract.
#[allow(missing_docs, reason = "the contract documents them")]
pub trait Store {
    fn peer(&mut self) -> String;
    fn set(&mut self, namespace: &str, key: &str, value: Value, now: f64) -> Result<Entry, Error>;
    fn remove(&mut self, namespace: &str, key: &str, now: f64) -> Result<Option<Entry>, Error>;
    fn get(&mut self, namespace: &str, key: &str) -> Option<Entry>;
    fn get_all(&mut self, namespace: &str) -> Vec<Entry>;
    fn namespaces(&mut self) -> Vec<String>;
    fn refused(&mut self) -> u32;
    fn merge_entries(&mut self, entries: Vec<Entry>, now: f64) -> Result<Vec<Entry>, Error>;
    fn snapshot(&mut self, namespaces: &[&str]) -> Vec<u8>;
    fn take_update(&mut self) -> Option<Vec<u8>>;
    fn merge_update(&mut self, update: &[u8], now: f64) -> Result<Vec<Entry>, Error>;
    fn expire(&mut self, now: f64) -> Result<Vec<Entry>, Error>;
    fn leave(&mut self, now: f64) -> Result<Vec<Entry>, Error>;
}

/// The resource `session`, each function named as in the contract. Calls are passed the document
/// and the store with which the session was opened.
#[allow(missing_docs, reason = "the contract documents them")]
pub trait Session<D, S>: Sized {
    fn open(document: &mut D, store: &mut S, options: SessionOptions) -> Result<Self, Error>;
    fn poll(&mut self, document: &mut D, store: &mut S, now: f64) -> Result<Option<Vec<u8>>, Error>;
    fn receive(&mut self, document: &mut D, store: &mut S, message: &[u8], now: f64) -> Result<Received, Error>;
    fn update_of(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    fn progress(&mut self, document: &mut D) -> Progress;
}
