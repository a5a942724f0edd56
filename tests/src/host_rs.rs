//! The hosts in Rust: the crate `converge` with each of its backends.

use crate::host::{self, Document, Host, Inspection};
use converge::{
    Backend, Cell, Changes, Commit, CompactionReport, Component, Doc, Entry, Error, EventBatch, EventId, EventRun,
    Fork, Instance, InstanceOptions, MergeReport, Page, PeerVersion, Progress, Received, RowId, RowOp, ScanOptions,
    Session, SessionOptions, Side, Store, StoreOptions, TableSummary, TextChange, TextUnit, TextView, Transaction,
    UpdateReader, Value, Watcher,
};

/// The host `host-rs`: the component in wasmtime, with each document in an instance of its own: of
/// the engine, or of another component.
#[derive(Default)]
pub struct HostRs(pub Option<Component>);

/// The host `native`: the engine as a Rust library, with each document in an instance of its own.
pub struct Native;

/// A backend of the crate as a host.
pub trait Instances {
    /// The host's name.
    const NAME: &'static str;

    /// Creates an instance.
    fn instance(&self) -> Instance;
}

impl Instances for HostRs {
    const NAME: &'static str = "host-rs";

    fn instance(&self) -> Instance {
        let options = InstanceOptions::default().backend(Backend::Component);
        infallible(self.0.as_ref().map_or_else(|| Instance::new(options), |component| Instance::of(component, options)))
    }
}

impl Instances for Native {
    const NAME: &'static str = "native";

    fn instance(&self) -> Instance {
        infallible(Instance::new(InstanceOptions::default().backend(Backend::Native)))
    }
}

/// Returns the result of a call that cannot fail because of its arguments.
fn infallible<T>(result: Result<T, Error>) -> T {
    result.unwrap_or_else(|error| panic!("the call failed: {error}"))
}

/// Implements functions by those of the same name in the crate.
macro_rules! forward {
    ($($name:ident($($argument:ident: $type:ty),*) -> $ok:ty;)*) => {$(
        fn $name(&mut self, $($argument: $type),*) -> Result<$ok, Error> {
            Self::$name(self, $($argument),*)
        }
    )*};
}

/// Implements functions by those of the same name in the crate, which cannot fail because of their
/// arguments.
macro_rules! forward_infallible {
    ($($name:ident($($argument:ident: $type:ty),*) -> $ok:ty;)*) => {$(
        fn $name(&mut self, $($argument: $type),*) -> $ok {
            infallible(Self::$name(self, $($argument),*))
        }
    )*};
}

impl<Backend: Instances> Host for Backend {
    const NAME: &'static str = Backend::NAME;
    type Document = Doc;
    type Reader = UpdateReader;
    type Store = Store;
    type Session = Session;

    fn version(&self) -> String {
        infallible(self.instance().version())
    }

    fn limits(&self) -> Vec<(String, u64)> {
        infallible(self.instance().limits()).into_iter().map(|limit| (limit.name, limit.maximum)).collect()
    }

    fn inspect(&self, bytes: &[u8]) -> Result<Inspection, Error> {
        let found = self.instance().inspect(bytes)?;
        let sections = found.sections.into_iter().map(|section| (section.id, section.name, section.bytes)).collect();
        Ok(Inspection {
            content: found.content,
            format_version: found.format_version,
            sections,
            version: found.version,
            horizon: found.horizon,
            waiting: found.waiting,
            tables: found.tables,
        })
    }

    fn between(&self, after: Option<&str>, before: Option<&str>, seed: &str) -> Result<String, Error> {
        self.instance().between(after, before, seed)
    }

    fn create(&self, peer: &str) -> Result<Doc, Error> {
        self.instance().doc(peer)
    }

    fn load(&self, peer: &str, saved: &[u8]) -> Result<Doc, Error> {
        self.instance().load(peer, saved)
    }

    fn peek(&self, saved: &[u8], table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error> {
        self.instance().peek(saved, table, row)
    }

    fn summary_of(&self, version: &[PeerVersion]) -> Result<Vec<u8>, Error> {
        self.instance().summary_of(version)
    }

    fn open_reader(&self, update: &[u8]) -> Result<UpdateReader, Error> {
        self.instance().read_update(update)
    }

    fn store(&self, document: &mut Doc, peer: &str, options: StoreOptions) -> Result<Store, Error> {
        document.instance().store(peer, options)
    }
}

impl Document for Doc {
    type Watcher = Watcher;
    type Transaction = Transaction;
    type View = TextView;

    forward! {
        insert(table: &str, row: &str, cells: Vec<Cell>) -> EventId;
        update(table: &str, row: &str, cells: Vec<Cell>) -> EventId;
        delete(table: &str, row: &str) -> EventId;
        unset(table: &str, row: &str, columns: Vec<String>) -> EventId;
        splice(table: &str, row: &str, column: &str, at: u32, remove: u32, insert: &str) -> EventId;
        add(table: &str, row: &str, column: &str, amount: i64) -> EventId;
        commit(ops: Commit) -> EventId;
        commit_transaction(transaction: Transaction) -> Option<EventId>;
        scan(table: &str, options: &ScanOptions) -> Page;
        watch(tables: &[&str], from_start: bool) -> Watcher;
        permanent_id(event: &EventId) -> EventId;
        events_since(summary: &[u8], limit: u32) -> EventBatch;
        merge_events(events: Vec<EventRun>) -> MergeReport;
        update_since(summary: &[u8]) -> Vec<u8>;
        merge_update(update: &[u8]) -> MergeReport;
        compact(summaries: &[Vec<u8>]) -> CompactionReport;
        rebase(saved: &[u8]) -> MergeReport;
        diff(from_heads: &[EventId], to_heads: &[EventId]) -> Vec<RowOp>;
        inverse_of(events: &[EventId]) -> Vec<RowOp>;
        fork_at(heads: &[EventId], peer: &str) -> Self;
    }

    forward_infallible! {
        peer() -> String;
        begin() -> Transaction;
        get(table: &str, row: &str) -> Option<Vec<Cell>>;
        tables() -> Vec<TableSummary>;
        version() -> Vec<PeerVersion>;
        heads() -> Vec<EventId>;
        summary() -> Vec<u8>;
        forks(skip: u32, limit: u32) -> Vec<Fork>;
        save() -> Vec<u8>;
    }

    fn distinguish(&mut self, salt: u64) {
        infallible(Self::distinguish(self, salt));
    }

    fn take(&mut self, watcher: &mut Watcher, limit: u32) -> Changes {
        infallible(watcher.take(limit))
    }

    fn unwatch(&mut self, watcher: Watcher) {
        drop(watcher);
    }

    fn open_view(&mut self, table: &str, row: &str, column: &str, unit: TextUnit) -> Result<TextView, Error> {
        self.open_text_in(table, row, column, unit)
    }

    fn digest(&mut self) -> Vec<u8> {
        infallible(Self::digest(self)).0.to_vec()
    }
}

impl host::UpdateReader for UpdateReader {
    forward_infallible! { next(limit: u32) -> EventBatch; }
}

impl host::Transaction<Doc> for Transaction {
    fn get(&mut self, _: &mut Doc, table: &str, row: &str) -> Option<Vec<Cell>> {
        infallible(Self::get(self, table, row))
    }

    fn scan(&mut self, _: &mut Doc, table: &str, options: &ScanOptions) -> Result<Page, Error> {
        Self::scan(self, table, options)
    }

    fn insert(&mut self, _: &mut Doc, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Error> {
        Self::insert(self, table, row, cells)
    }

    fn update(&mut self, _: &mut Doc, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Error> {
        Self::update(self, table, row, cells)
    }

    fn delete(&mut self, _: &mut Doc, table: &str, row: &str) -> Result<(), Error> {
        Self::delete(self, table, row)
    }

    fn unset(&mut self, _: &mut Doc, table: &str, row: &str, columns: Vec<String>) -> Result<(), Error> {
        Self::unset(self, table, row, columns)
    }

    fn splice(
        &mut self,
        _: &mut Doc,
        (table, row, column): (&str, &str, &str),
        (at, remove): (u32, u32),
        insert: &str,
    ) -> Result<(), Error> {
        Self::splice(self, table, row, column, at, remove, insert)
    }

    fn add(&mut self, _: &mut Doc, table: &str, row: &str, column: &str, amount: i64) -> Result<(), Error> {
        Self::add(self, table, row, column, amount)
    }

    forward_infallible! { touched() -> Vec<RowId>; }
}

impl host::View<Doc> for TextView {
    fn read(&mut self, _: &mut Doc) -> Option<String> {
        infallible(Self::read(self))
    }

    fn length(&mut self, _: &mut Doc) -> u32 {
        infallible(Self::length(self))
    }

    fn slice(&mut self, _: &mut Doc, start: u32, end: u32) -> Result<String, Error> {
        Self::slice(self, start, end)
    }

    fn edit(&mut self, _: &mut Doc, changes: Vec<TextChange>) -> Result<EventId, Error> {
        Self::edit(self, changes)
    }

    fn take(&mut self, _: &mut Doc) -> Option<Vec<TextChange>> {
        infallible(Self::take(self))
    }

    fn rewrite(&mut self, _: &mut Doc, text: &str) -> Result<Option<EventId>, Error> {
        Self::rewrite(self, text)
    }

    fn anchor(&mut self, _: &mut Doc, at: u32, side: Side) -> Result<Vec<u8>, Error> {
        Self::anchor(self, at, side)
    }

    fn position(&mut self, _: &mut Doc, anchor: &[u8]) -> Result<Option<u32>, Error> {
        Self::position(self, anchor)
    }
}

impl host::Store for Store {
    forward! {
        set(namespace: &str, key: &str, value: Value, now: f64) -> Entry;
        remove(namespace: &str, key: &str, now: f64) -> Option<Entry>;
        merge_entries(entries: Vec<Entry>, now: f64) -> Vec<Entry>;
        merge_update(update: &[u8], now: f64) -> Vec<Entry>;
        expire(now: f64) -> Vec<Entry>;
        leave(now: f64) -> Vec<Entry>;
    }

    forward_infallible! {
        peer() -> String;
        get(namespace: &str, key: &str) -> Option<Entry>;
        get_all(namespace: &str) -> Vec<Entry>;
        namespaces() -> Vec<String>;
        refused() -> u32;
        snapshot(namespaces: &[&str]) -> Vec<u8>;
        take_update() -> Option<Vec<u8>>;
    }
}

impl host::Session<Doc, Store> for Session {
    fn open(doc: &mut Doc, store: &mut Store, options: SessionOptions) -> Result<Self, Error> {
        Self::open(doc, store, &options)
    }

    fn poll(&mut self, _: &mut Doc, _: &mut Store, now: f64) -> Result<Option<Vec<u8>>, Error> {
        Self::poll(self, now)
    }

    fn receive(&mut self, _: &mut Doc, _: &mut Store, message: &[u8], now: f64) -> Result<Received, Error> {
        Self::receive(self, message, now)
    }

    forward! { update_of(message: &[u8]) -> Option<Vec<u8>>; }

    fn progress(&mut self, _: &mut Doc) -> Progress {
        infallible(Self::progress(self))
    }
}
