//! What the runner asks of a host: the functions of the contract, in the engine's types.
//!
//! Knows neither the cases nor how a host does what it is asked.

use converge_engine::{
    Cell, Changes, Commit, CompactionReport, Content, Entry, EventBatch, EventId, EventRun, Fork, MergeReport, Page,
    PeerVersion, Progress, Received, RowOp, ScanOptions, SessionOptions, StoreOptions, TableSummary, Value,
};

/// Why a host refused a call, in the contract's cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// With the whole message.
    InvalidArgument(String),
    /// An argument is larger than the engine takes.
    LimitExceeded {
        /// The limit's name.
        limit: String,
        /// The largest value that passes.
        maximum: u64,
        /// The value that did not.
        actual: u64,
    },
    /// With the table and the row.
    NoSuchRow(String, String),
    /// With the whole message.
    Corrupt(String),
    /// With the version of the format.
    UnsupportedVersion(u32),
    /// With the number of the feature's bit.
    UnsupportedFeature(u32),
    /// With the horizon.
    Compacted(Vec<PeerVersion>),
    /// With the whole message.
    Protocol(String),
    /// An earlier error ended the session.
    SessionEnded,
    /// What no case may expect: a trap, or a case of the contract that cannot occur yet.
    Other(String),
}

/// What `inspect` of the interface `engine` returns.
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

/// A host of the engine.
pub trait Host {
    /// Its name, which is that of its transcript.
    const NAME: &'static str;
    /// Its documents.
    type Document: Document;
    /// Its readers of updates.
    type Reader: UpdateReader;
    /// Its stores.
    type Store: Store;
    /// Its sessions.
    type Session: Session<Self::Document, Self::Store>;

    /// The function `version` of the interface `engine`.
    fn version(&self) -> String;

    /// The function `limits` of the interface `engine`: names and largest values.
    fn limits(&self) -> Vec<(String, u64)>;

    /// The function `inspect` of the interface `engine`.
    fn inspect(&self, bytes: &[u8]) -> Result<Inspection, Refusal>;

    /// The function `create` of the resource `doc`.
    fn create(&self, peer: &str) -> Result<Self::Document, Refusal>;

    /// The function `load` of the resource `doc`.
    fn load(&self, peer: &str, saved: &[u8]) -> Result<Self::Document, Refusal>;

    /// The function `peek` of the resource `doc`.
    fn peek(&self, saved: &[u8], table: &str, row: &str) -> Result<Option<Vec<Cell>>, Refusal>;

    /// The function `summary-of` of the resource `doc`.
    fn summary_of(&self, version: Vec<PeerVersion>) -> Result<Vec<u8>, Refusal>;

    /// The function `open` of the resource `update-reader`.
    fn open_reader(&self, update: &[u8]) -> Result<Self::Reader, Refusal>;

    /// The function `create` of the resource `store`; the store lives where the document does.
    fn store(&self, beside: &mut Self::Document, peer: &str, options: StoreOptions) -> Result<Self::Store, Refusal>;
}

/// The resource `doc`, each function named as in the contract.
#[allow(missing_docs, reason = "the contract documents them")]
pub trait Document: Sized {
    /// The resource `watcher`.
    type Watcher;
    /// The resource `transaction`.
    type Transaction: Transaction<Self>;

    fn peer(&mut self) -> String;
    fn insert(&mut self, table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Refusal>;
    fn update(&mut self, table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Refusal>;
    fn delete(&mut self, table: &str, row: &str) -> Result<EventId, Refusal>;
    fn unset(&mut self, table: &str, row: &str, columns: Vec<String>) -> Result<EventId, Refusal>;
    fn commit(&mut self, ops: Commit) -> Result<EventId, Refusal>;
    fn begin(&mut self) -> Self::Transaction;
    fn commit_transaction(&mut self, transaction: Self::Transaction) -> Result<Option<EventId>, Refusal>;
    fn get(&mut self, table: &str, row: &str) -> Option<Vec<Cell>>;
    fn scan(&mut self, table: &str, options: ScanOptions) -> Result<Page, Refusal>;
    fn tables(&mut self) -> Vec<TableSummary>;
    fn watch(&mut self, tables: Vec<String>, from_start: bool) -> Result<Self::Watcher, Refusal>;
    fn take(&mut self, watcher: &mut Self::Watcher, limit: u32) -> Changes;
    /// Lets go of the watcher.
    fn unwatch(&mut self, watcher: Self::Watcher);
    fn digest(&mut self) -> Vec<u8>;
    fn version(&mut self) -> Vec<PeerVersion>;
    fn heads(&mut self) -> Vec<EventId>;
    fn summary(&mut self) -> Vec<u8>;
    fn forks(&mut self, skip: u32, limit: u32) -> Vec<Fork>;
    fn permanent_id(&mut self, event: EventId) -> Result<EventId, Refusal>;
    fn events_since(&mut self, summary: &[u8], limit: u32) -> Result<EventBatch, Refusal>;
    fn merge_events(&mut self, events: Vec<EventRun>) -> Result<MergeReport, Refusal>;
    fn update_since(&mut self, summary: &[u8]) -> Result<Vec<u8>, Refusal>;
    fn merge_update(&mut self, update: &[u8]) -> Result<MergeReport, Refusal>;
    fn save(&mut self) -> Vec<u8>;
    fn compact(&mut self, summaries: Vec<Vec<u8>>) -> Result<CompactionReport, Refusal>;
    fn rebase(&mut self, saved: &[u8]) -> Result<MergeReport, Refusal>;
    fn diff(&mut self, from_heads: Vec<EventId>, to_heads: Vec<EventId>) -> Result<Vec<RowOp>, Refusal>;
    fn fork_at(&mut self, heads: Vec<EventId>, peer: &str) -> Result<Self, Refusal>;
}

/// The resource `update-reader`.
pub trait UpdateReader {
    /// The function `next`.
    fn next(&mut self, limit: u32) -> EventBatch;
}

/// The resource `transaction`, each function named as in the contract. Every call is given the document on which the
/// transaction was begun.
#[allow(missing_docs, reason = "the contract documents them")]
pub trait Transaction<D> {
    fn get(&mut self, document: &mut D, table: &str, row: &str) -> Option<Vec<Cell>>;
    fn scan(&mut self, document: &mut D, table: &str, options: ScanOptions) -> Result<Page, Refusal>;
    fn insert(&mut self, document: &mut D, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Refusal>;
    fn update(&mut self, document: &mut D, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Refusal>;
    fn delete(&mut self, document: &mut D, table: &str, row: &str) -> Result<(), Refusal>;
    fn unset(&mut self, document: &mut D, table: &str, row: &str, columns: Vec<String>) -> Result<(), Refusal>;
    /// Tables and rows.
    fn touched(&mut self) -> Vec<(String, String)>;
}

/// The resource `store`, each function named as in the contract.
#[allow(missing_docs, reason = "the contract documents them")]
pub trait Store {
    fn peer(&mut self) -> String;
    fn set(&mut self, namespace: &str, key: &str, value: Value, now: f64) -> Result<Entry, Refusal>;
    fn remove(&mut self, namespace: &str, key: &str, now: f64) -> Result<Option<Entry>, Refusal>;
    fn get(&mut self, namespace: &str, key: &str) -> Option<Entry>;
    fn get_all(&mut self, namespace: &str) -> Vec<Entry>;
    fn namespaces(&mut self) -> Vec<String>;
    fn refused(&mut self) -> u32;
    fn merge_entries(&mut self, entries: Vec<Entry>, now: f64) -> Result<Vec<Entry>, Refusal>;
    fn snapshot(&mut self, namespaces: &[String]) -> Vec<u8>;
    fn take_update(&mut self) -> Option<Vec<u8>>;
    fn merge_update(&mut self, update: &[u8], now: f64) -> Result<Vec<Entry>, Refusal>;
    fn expire(&mut self, now: f64) -> Result<Vec<Entry>, Refusal>;
    fn leave(&mut self, now: f64) -> Result<Vec<Entry>, Refusal>;
}

/// The resource `session`, each function named as in the contract. Whatever is called is given what it was opened with.
#[allow(missing_docs, reason = "the contract documents them")]
pub trait Session<D, S>: Sized {
    fn open(document: &mut D, store: &mut S, options: SessionOptions) -> Result<Self, Refusal>;
    fn poll(&mut self, document: &mut D, store: &mut S, now: f64) -> Result<Option<Vec<u8>>, Refusal>;
    fn receive(&mut self, document: &mut D, store: &mut S, message: &[u8], now: f64) -> Result<Received, Refusal>;
    fn update_of(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, Refusal>;
    fn progress(&mut self, document: &mut D) -> Progress;
}
