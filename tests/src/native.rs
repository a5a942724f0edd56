//! The host `native`: the engine as a Rust library, without a component or a runtime around it.

use crate::convert::Convert;
use crate::host::{self, Document, Host, Inspection};
use converge::{
    Cell, Changes, Commit, CompactionReport, Entry, Error, EventBatch, EventId, EventRun, Fork, MergeReport, Page,
    PeerVersion, Progress, Received, RowId, RowOp, ScanOptions, SessionOptions, StoreOptions, TableSummary, Value,
};
use converge_engine as engine;
use converge_engine::{Doc, Session, Store, Transaction, UpdateReader, VERSION, WatcherNumber, limits};

/// The engine as a Rust library.
pub struct Native;

/// Implements functions by those of the same name in the engine, with converted arguments.
macro_rules! forward {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        fn $name(&mut self, $($argument: $type),*) -> $result {
            Self::$name(self, $($argument.convert()),*).convert()
        }
    )*};
}

impl Host for Native {
    const NAME: &'static str = "native";
    type Document = Doc;
    type Reader = UpdateReader;
    type Store = Store;
    type Session = Session;

    fn version(&self) -> String {
        VERSION.to_owned()
    }

    fn limits(&self) -> Vec<(String, u64)> {
        limits::ALL.iter().map(|limit| (limit.name.to_owned(), limit.maximum)).collect()
    }

    fn inspect(&self, bytes: &[u8]) -> Result<Inspection, Error> {
        let found = engine::inspect(bytes).map_err(Convert::convert)?;
        let engine::Inspection { content, format_version, sections, version, horizon, waiting, tables } = found;
        let sections = sections.into_iter().map(|section| (section.id, section.name.to_owned(), section.bytes));
        Ok(Inspection {
            content: content.convert(),
            format_version,
            sections: sections.collect(),
            version: version.convert(),
            horizon: horizon.convert(),
            waiting,
            tables: tables.convert(),
        })
    }

    fn create(&self, peer: &str) -> Result<Doc, Error> {
        Doc::create(peer).convert()
    }

    fn load(&self, peer: &str, saved: &[u8]) -> Result<Doc, Error> {
        Doc::load(peer, saved).convert()
    }

    fn peek(&self, saved: &[u8], table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error> {
        Doc::peek(saved, table, row).convert()
    }

    fn summary_of(&self, version: &[PeerVersion]) -> Result<Vec<u8>, Error> {
        Doc::summary_of(&version.to_vec().convert()).convert()
    }

    fn open_reader(&self, update: &[u8]) -> Result<UpdateReader, Error> {
        UpdateReader::open(update).convert()
    }

    fn store(&self, _: &mut Doc, peer: &str, options: StoreOptions) -> Result<Store, Error> {
        Store::create(peer, options.convert()).convert()
    }
}

impl Document for Doc {
    type Watcher = WatcherNumber;
    type Transaction = Transaction;

    forward! {
        insert(table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Error>;
        update(table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Error>;
        delete(table: &str, row: &str) -> Result<EventId, Error>;
        unset(table: &str, row: &str, columns: Vec<String>) -> Result<EventId, Error>;
        commit(ops: Commit) -> Result<EventId, Error>;
        get(table: &str, row: &str) -> Option<Vec<Cell>>;
        tables() -> Vec<TableSummary>;
        version() -> Vec<PeerVersion>;
        heads() -> Vec<EventId>;
        summary() -> Vec<u8>;
        forks(skip: u32, limit: u32) -> Vec<Fork>;
        events_since(summary: &[u8], limit: u32) -> Result<EventBatch, Error>;
        merge_events(events: Vec<EventRun>) -> Result<MergeReport, Error>;
        update_since(summary: &[u8]) -> Result<Vec<u8>, Error>;
        merge_update(update: &[u8]) -> Result<MergeReport, Error>;
        save() -> Vec<u8>;
        compact(summaries: &[Vec<u8>]) -> Result<CompactionReport, Error>;
        rebase(saved: &[u8]) -> Result<MergeReport, Error>;
    }

    fn peer(&mut self) -> String {
        Self::peer(self).to_owned()
    }

    fn begin(&mut self) -> Transaction {
        Transaction::default()
    }

    fn commit_transaction(&mut self, transaction: Transaction) -> Result<Option<EventId>, Error> {
        transaction.commit(self).convert()
    }

    fn scan(&mut self, table: &str, options: &ScanOptions) -> Result<Page, Error> {
        Self::scan(self, table, &options.clone().convert()).convert()
    }

    fn watch(&mut self, tables: &[&str], from_start: bool) -> Result<WatcherNumber, Error> {
        let tables: Vec<String> = tables.iter().map(|&table| table.to_owned()).collect();
        Self::watch(self, &tables, from_start).convert()
    }

    fn take(&mut self, watcher: &mut WatcherNumber, limit: u32) -> Changes {
        Self::take(self, *watcher, limit).convert()
    }

    fn unwatch(&mut self, watcher: WatcherNumber) {
        Self::unwatch(self, watcher);
    }

    fn digest(&mut self) -> Vec<u8> {
        Self::digest(self).to_vec()
    }

    fn permanent_id(&mut self, event: &EventId) -> Result<EventId, Error> {
        Self::permanent_id(self, &event.clone().convert()).convert()
    }

    fn diff(&mut self, from_heads: &[EventId], to_heads: &[EventId]) -> Result<Vec<RowOp>, Error> {
        let (from, to): (Vec<_>, Vec<_>) = (from_heads.to_vec().convert(), to_heads.to_vec().convert());
        Self::diff(self, &from, &to).convert()
    }

    fn fork_at(&mut self, heads: &[EventId], peer: &str) -> Result<Self, Error> {
        let heads: Vec<_> = heads.to_vec().convert();
        Self::fork_at(self, &heads, peer).convert()
    }
}

impl host::UpdateReader for UpdateReader {
    forward! { next(limit: u32) -> EventBatch; }
}

impl host::Transaction<Doc> for Transaction {
    fn get(&mut self, doc: &mut Doc, table: &str, row: &str) -> Option<Vec<Cell>> {
        Self::get(self, doc, table, row).convert()
    }

    fn scan(&mut self, doc: &mut Doc, table: &str, options: &ScanOptions) -> Result<Page, Error> {
        Self::scan(self, doc, table, &options.clone().convert()).convert()
    }

    fn insert(&mut self, doc: &mut Doc, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Error> {
        Self::insert(self, doc, table, row, cells.convert()).convert()
    }

    fn update(&mut self, doc: &mut Doc, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Error> {
        Self::update(self, doc, table, row, cells.convert()).convert()
    }

    fn delete(&mut self, doc: &mut Doc, table: &str, row: &str) -> Result<(), Error> {
        Self::delete(self, doc, table, row).convert()
    }

    fn unset(&mut self, doc: &mut Doc, table: &str, row: &str, columns: Vec<String>) -> Result<(), Error> {
        Self::unset(self, doc, table, row, columns).convert()
    }

    fn touched(&mut self) -> Vec<RowId> {
        Self::touched(self).into_iter().map(|(table, row)| RowId { table, row }).collect()
    }
}

impl host::Store for Store {
    forward! {
        set(namespace: &str, key: &str, value: Value, now: f64) -> Result<Entry, Error>;
        remove(namespace: &str, key: &str, now: f64) -> Result<Option<Entry>, Error>;
        get(namespace: &str, key: &str) -> Option<Entry>;
        get_all(namespace: &str) -> Vec<Entry>;
        namespaces() -> Vec<String>;
        refused() -> u32;
        merge_entries(entries: Vec<Entry>, now: f64) -> Result<Vec<Entry>, Error>;
        take_update() -> Option<Vec<u8>>;
        merge_update(update: &[u8], now: f64) -> Result<Vec<Entry>, Error>;
        expire(now: f64) -> Result<Vec<Entry>, Error>;
        leave(now: f64) -> Result<Vec<Entry>, Error>;
    }

    fn peer(&mut self) -> String {
        Self::peer(self).to_owned()
    }

    fn snapshot(&mut self, namespaces: &[&str]) -> Vec<u8> {
        let namespaces: Vec<String> = namespaces.iter().map(|&namespace| namespace.to_owned()).collect();
        Self::snapshot(self, &namespaces)
    }
}

impl host::Session<Doc, Store> for Session {
    fn open(doc: &mut Doc, store: &mut Store, options: SessionOptions) -> Result<Self, Error> {
        Self::open(doc, store, options.convert()).convert()
    }

    fn poll(&mut self, doc: &mut Doc, store: &mut Store, now: f64) -> Result<Option<Vec<u8>>, Error> {
        Self::poll(self, doc, store, now).convert()
    }

    fn receive(&mut self, doc: &mut Doc, store: &mut Store, message: &[u8], now: f64) -> Result<Received, Error> {
        Self::receive(self, doc, store, message, now).convert()
    }

    forward! { update_of(message: &[u8]) -> Result<Option<Vec<u8>>, Error>; }

    fn progress(&mut self, doc: &mut Doc) -> Progress {
        Self::progress(self, doc).convert()
    }
}
