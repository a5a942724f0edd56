//! The border between the crate and the engine: the functions of the contract, in the types of the
//! crate.
//!
//! A backend is one way to run the engine. The rest of the crate makes calls through [`Live`]
//! alone, and knows neither wasmtime nor the engine, except for the module `mutators`, which runs
//! components of its own.

#[cfg(feature = "component")]
pub(crate) mod component;
mod convert;
#[cfg(feature = "native")]
pub(crate) mod native;

#[cfg(feature = "mutators")]
pub(crate) use convert::{Convert, list};

use crate::{
    Cell, Changes, CompactionReport, Digest, Entry, Error, EventBatch, EventId, EventRun, Fork, Inspection, Limit,
    MergeReport, Page, PeerVersion, Progress, Received, RowId, RowOp, ScanOptions, SessionOptions, Side, StoreOptions,
    TableSummary, TextChange, TextUnit, Value,
};

/// How an instance runs the engine. Documents, bytes and errors are the same in every backend;
/// limits and start differ. The section "Backends" of the crate's `README.md` compares them.
///
/// Each variant exists if the feature of its name is enabled. The default is `Component` if it
/// exists, and `Native` otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// The WebAssembly component that the crate embeds, in wasmtime. Memory and time are limited,
    /// and a defect of the engine ends its instance alone.
    #[cfg(feature = "component")]
    #[default]
    Component,
    /// The engine as a Rust library, in the program's own memory. Nothing is compiled at run time,
    /// and calls cost less. Neither memory nor time is limited.
    #[cfg(feature = "native")]
    #[cfg_attr(not(feature = "component"), default)]
    Native,
}

/// A running engine, and the objects in it. An error for which [`Error::ends_instance`] is true
/// leaves it in an unknown state.
pub(crate) enum Live {
    /// An instance of a component.
    #[cfg(feature = "component")]
    Component(Box<component::Live>),
    /// The engine in this process.
    #[cfg(feature = "native")]
    Native(Box<native::Live>),
}

/// An object in a running engine: an instance of one of the contract's resources. Valid until it is
/// dropped by [`Live::resource_drop`], and only for the engine that returned it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Handle {
    #[cfg(feature = "component")]
    Component(wasmtime::component::ResourceAny),
    #[cfg(feature = "native")]
    Native(native::Number),
}

/// The contract's resources.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Resource {
    Doc,
    Watcher,
    View,
    UpdateReader,
    Transaction,
    Store,
    Session,
}

impl Live {
    /// Returns the size of the engine's own memory in bytes, or 0 if it has none.
    pub(crate) fn memory_bytes(&self) -> usize {
        match self {
            #[cfg(feature = "component")]
            Self::Component(live) => live.grown_bytes(),
            #[cfg(feature = "native")]
            Self::Native(_) => 0,
        }
    }
}

/// Defines functions of [`Live`] that call the function of the same name of the backend.
macro_rules! functions {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $ok:ty;)*) => {
        /// The functions of the contract, as RESOURCE_FUNCTION. The first argument is the object,
        /// except for functions that create one.
        impl Live {
            $(pub(crate) fn $name(&mut self, $($argument: $type),*) -> Result<$ok, Error> {
                match self {
                    #[cfg(feature = "component")]
                    Self::Component(live) => live.$name($($argument),*),
                    #[cfg(feature = "native")]
                    Self::Native(live) => live.call(|live| live.$name($($argument),*)),
                }
            })*
        }
    };
}

functions! {
    fn engine_version() -> String;
    fn engine_limits() -> Vec<Limit>;
    fn engine_inspect(bytes: &[u8]) -> Inspection;
    fn ordering_between(after: Option<&str>, before: Option<&str>, seed: &str) -> String;
    fn resource_drop(resource: Resource, handle: Handle) -> ();

    fn doc_create(peer: &str) -> Handle;
    fn doc_load(peer: &str, saved: &[u8]) -> Handle;
    fn doc_peek(saved: &[u8], table: &str, row: &str) -> Option<Vec<Cell>>;
    fn doc_summary_of(version: Vec<PeerVersion>) -> Vec<u8>;
    fn doc_peer(doc: Handle) -> String;
    fn doc_insert(doc: Handle, table: &str, row: &str, cells: Vec<Cell>) -> EventId;
    fn doc_update(doc: Handle, table: &str, row: &str, cells: Vec<Cell>) -> EventId;
    fn doc_delete(doc: Handle, table: &str, row: &str) -> EventId;
    fn doc_unset(doc: Handle, table: &str, row: &str, columns: Vec<String>) -> EventId;
    fn doc_splice(
        doc: Handle,
        table: &str,
        row: &str,
        column: &str,
        place: (u32, u32),
        insert: &str
    ) -> EventId;
    fn doc_add(doc: Handle, table: &str, row: &str, column: &str, amount: i64) -> EventId;
    fn doc_distinguish(doc: Handle, salt: u64) -> ();
    fn doc_commit(doc: Handle, ops: Vec<RowOp>) -> EventId;
    fn doc_begin(doc: Handle) -> Handle;
    fn doc_commit_transaction(doc: Handle, transaction: Handle) -> Option<EventId>;
    fn doc_get(doc: Handle, table: &str, row: &str) -> Option<Vec<Cell>>;
    fn doc_scan(doc: Handle, table: &str, options: ScanOptions) -> Page;
    fn doc_tables(doc: Handle) -> Vec<TableSummary>;
    fn doc_watch(doc: Handle, tables: &[String], from_start: bool) -> Handle;
    fn doc_digest(doc: Handle) -> Digest;
    fn doc_version(doc: Handle) -> Vec<PeerVersion>;
    fn doc_heads(doc: Handle) -> Vec<EventId>;
    fn doc_summary(doc: Handle) -> Vec<u8>;
    fn doc_forks(doc: Handle, skip: u32, limit: u32) -> Vec<Fork>;
    fn doc_permanent_id(doc: Handle, event: EventId) -> EventId;
    fn doc_events_since(doc: Handle, summary: &[u8], limit: u32) -> EventBatch;
    fn doc_merge_events(doc: Handle, events: Vec<EventRun>) -> MergeReport;
    fn doc_update_since(doc: Handle, summary: &[u8]) -> Vec<u8>;
    fn doc_merge_update(doc: Handle, update: &[u8]) -> MergeReport;
    fn doc_save(doc: Handle) -> Vec<u8>;
    fn doc_compact(doc: Handle, summaries: &[Vec<u8>]) -> CompactionReport;
    fn doc_rebase(doc: Handle, saved: &[u8]) -> MergeReport;
    fn doc_diff(doc: Handle, from_heads: Vec<EventId>, to_heads: Vec<EventId>) -> Vec<RowOp>;
    fn doc_inverse_of(doc: Handle, events: Vec<EventId>) -> Vec<RowOp>;
    fn doc_fork_at(doc: Handle, heads: Vec<EventId>, peer: &str) -> Handle;

    fn watcher_take(watcher: Handle, limit: u32) -> Changes;

    fn view_open(doc: Handle, table: &str, row: &str, column: &str, unit: TextUnit) -> Handle;
    fn view_read(view: Handle) -> Option<String>;
    fn view_length(view: Handle) -> u32;
    fn view_slice(view: Handle, start: u32, end: u32) -> String;
    fn view_edit(view: Handle, changes: Vec<TextChange>) -> EventId;
    fn view_take(view: Handle) -> Option<Vec<TextChange>>;
    fn view_rewrite(view: Handle, text: &str) -> Option<EventId>;
    fn view_anchor(view: Handle, at: u32, side: Side) -> Vec<u8>;
    fn view_position(view: Handle, anchor: &[u8]) -> Option<u32>;

    fn reader_open(update: &[u8]) -> Handle;
    fn reader_next(reader: Handle, limit: u32) -> EventBatch;

    fn transaction_get(transaction: Handle, table: &str, row: &str) -> Option<Vec<Cell>>;
    fn transaction_scan(transaction: Handle, table: &str, options: ScanOptions) -> Page;
    fn transaction_insert(transaction: Handle, table: &str, row: &str, cells: Vec<Cell>) -> ();
    fn transaction_update(transaction: Handle, table: &str, row: &str, cells: Vec<Cell>) -> ();
    fn transaction_delete(transaction: Handle, table: &str, row: &str) -> ();
    fn transaction_unset(transaction: Handle, table: &str, row: &str, columns: Vec<String>) -> ();
    fn transaction_splice(
        transaction: Handle,
        table: &str,
        row: &str,
        column: &str,
        place: (u32, u32),
        insert: &str
    ) -> ();
    fn transaction_add(transaction: Handle, table: &str, row: &str, column: &str, amount: i64) -> ();
    fn transaction_touched(transaction: Handle) -> Vec<RowId>;

    fn store_create(peer: &str, options: StoreOptions) -> Handle;
    fn store_peer(store: Handle) -> String;
    fn store_set(store: Handle, namespace: &str, key: &str, value: Value, now: f64) -> Entry;
    fn store_remove(store: Handle, namespace: &str, key: &str, now: f64) -> Option<Entry>;
    fn store_get(store: Handle, namespace: &str, key: &str) -> Option<Entry>;
    fn store_get_all(store: Handle, namespace: &str) -> Vec<Entry>;
    fn store_namespaces(store: Handle) -> Vec<String>;
    fn store_merge_entries(store: Handle, entries: Vec<Entry>, now: f64) -> Vec<Entry>;
    fn store_snapshot(store: Handle, namespaces: &[String]) -> Vec<u8>;
    fn store_take_update(store: Handle) -> Option<Vec<u8>>;
    fn store_merge_update(store: Handle, update: &[u8], now: f64) -> Vec<Entry>;
    fn store_refused(store: Handle) -> u32;
    fn store_expire(store: Handle, now: f64) -> Vec<Entry>;
    fn store_leave(store: Handle, now: f64) -> Vec<Entry>;

    fn session_open(doc: Handle, store: Handle, options: SessionOptions) -> Handle;
    fn session_poll(session: Handle, now: f64) -> Option<Vec<u8>>;
    fn session_receive(session: Handle, message: &[u8], now: f64) -> Received;
    fn session_update_of(session: Handle, message: &[u8]) -> Option<Vec<u8>>;
    fn session_progress(session: Handle) -> Progress;
}
