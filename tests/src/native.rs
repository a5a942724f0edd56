//! The engine itself, without a component or a runtime around it.

use crate::host::{Document, Host, Inspection, Refusal};
use converge_engine::{
    Cell, Changes, Commit, CompactionReport, Doc, Entry, Error, EventBatch, EventId, EventRun, Fork, MergeReport, Page,
    PeerVersion, Progress, Received, RowOp, ScanOptions, Session, SessionOptions, Store, StoreOptions, TableSummary,
    Transaction, UpdateReader, VERSION, Value, WatcherNumber, inspect, limits,
};

/// The engine as a Rust library.
pub struct Native;

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

    fn inspect(&self, bytes: &[u8]) -> Result<Inspection, Refusal> {
        let converge_engine::Inspection { content, format_version, sections, version, horizon, waiting, tables } =
            inspect(bytes)?;
        let sections =
            sections.into_iter().map(|section| (section.id, section.name.to_owned(), section.bytes)).collect();
        Ok(Inspection { content, format_version, sections, version, horizon, waiting, tables })
    }

    fn create(&self, peer: &str) -> Result<Doc, Refusal> {
        Ok(Doc::create(peer)?)
    }

    fn load(&self, peer: &str, saved: &[u8]) -> Result<Doc, Refusal> {
        Ok(Doc::load(peer, saved)?)
    }

    fn peek(&self, saved: &[u8], table: &str, row: &str) -> Result<Option<Vec<Cell>>, Refusal> {
        Ok(Doc::peek(saved, table, row)?)
    }

    fn summary_of(&self, version: Vec<PeerVersion>) -> Result<Vec<u8>, Refusal> {
        Ok(Doc::summary_of(&version)?)
    }

    fn open_reader(&self, update: &[u8]) -> Result<UpdateReader, Refusal> {
        Ok(UpdateReader::open(update)?)
    }

    fn store(&self, _: &mut Doc, peer: &str, options: StoreOptions) -> Result<Store, Refusal> {
        Ok(Store::create(peer, options)?)
    }
}

impl Document for Doc {
    type Watcher = WatcherNumber;
    type Transaction = Transaction;

    fn peer(&mut self) -> String {
        Self::peer(self).to_owned()
    }

    fn insert(&mut self, table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Refusal> {
        Ok(self.insert(table, row, cells)?)
    }

    fn update(&mut self, table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Refusal> {
        Ok(self.update(table, row, cells)?)
    }

    fn delete(&mut self, table: &str, row: &str) -> Result<EventId, Refusal> {
        Ok(self.delete(table, row)?)
    }

    fn unset(&mut self, table: &str, row: &str, columns: Vec<String>) -> Result<EventId, Refusal> {
        Ok(self.unset(table, row, columns)?)
    }

    fn commit(&mut self, ops: Commit) -> Result<EventId, Refusal> {
        Ok(self.commit(ops)?)
    }

    fn begin(&mut self) -> Transaction {
        Transaction::default()
    }

    fn commit_transaction(&mut self, transaction: Transaction) -> Result<Option<EventId>, Refusal> {
        Ok(transaction.commit(self)?)
    }

    fn get(&mut self, table: &str, row: &str) -> Option<Vec<Cell>> {
        Self::get(self, table, row)
    }

    fn scan(&mut self, table: &str, options: ScanOptions) -> Result<Page, Refusal> {
        Ok(Self::scan(self, table, &options)?)
    }

    fn tables(&mut self) -> Vec<TableSummary> {
        Self::tables(self)
    }

    fn watch(&mut self, tables: Vec<String>, from_start: bool) -> Result<WatcherNumber, Refusal> {
        Ok(self.watch(&tables, from_start)?)
    }

    fn take(&mut self, watcher: &mut WatcherNumber, limit: u32) -> Changes {
        self.take(*watcher, limit)
    }

    fn unwatch(&mut self, watcher: WatcherNumber) {
        self.unwatch(watcher);
    }

    fn digest(&mut self) -> Vec<u8> {
        Self::digest(self).to_vec()
    }

    fn version(&mut self) -> Vec<PeerVersion> {
        Self::version(self)
    }

    fn heads(&mut self) -> Vec<EventId> {
        Self::heads(self)
    }

    fn summary(&mut self) -> Vec<u8> {
        Self::summary(self)
    }

    fn forks(&mut self, skip: u32, limit: u32) -> Vec<Fork> {
        Self::forks(self, skip, limit)
    }

    fn permanent_id(&mut self, event: EventId) -> Result<EventId, Refusal> {
        Ok(Self::permanent_id(self, &event)?)
    }

    fn events_since(&mut self, summary: &[u8], limit: u32) -> Result<EventBatch, Refusal> {
        Ok(Self::events_since(self, summary, limit)?)
    }

    fn merge_events(&mut self, events: Vec<EventRun>) -> Result<MergeReport, Refusal> {
        Ok(self.merge_events(events)?)
    }

    fn update_since(&mut self, summary: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(Self::update_since(self, summary)?)
    }

    fn merge_update(&mut self, update: &[u8]) -> Result<MergeReport, Refusal> {
        Ok(Self::merge_update(self, update)?)
    }

    fn save(&mut self) -> Vec<u8> {
        Self::save(self)
    }

    fn compact(&mut self, summaries: Vec<Vec<u8>>) -> Result<CompactionReport, Refusal> {
        Ok(Self::compact(self, &summaries)?)
    }

    fn rebase(&mut self, saved: &[u8]) -> Result<MergeReport, Refusal> {
        Ok(Self::rebase(self, saved)?)
    }

    fn diff(&mut self, from_heads: Vec<EventId>, to_heads: Vec<EventId>) -> Result<Vec<RowOp>, Refusal> {
        Ok(Self::diff(self, &from_heads, &to_heads)?)
    }

    fn fork_at(&mut self, heads: Vec<EventId>, peer: &str) -> Result<Self, Refusal> {
        Ok(Self::fork_at(self, &heads, peer)?)
    }
}

impl crate::host::UpdateReader for UpdateReader {
    fn next(&mut self, limit: u32) -> EventBatch {
        self.next(limit)
    }
}

impl crate::host::Transaction<Doc> for Transaction {
    fn get(&mut self, doc: &mut Doc, table: &str, row: &str) -> Option<Vec<Cell>> {
        Self::get(self, doc, table, row)
    }

    fn scan(&mut self, doc: &mut Doc, table: &str, options: ScanOptions) -> Result<Page, Refusal> {
        Ok(Self::scan(self, doc, table, &options)?)
    }

    fn insert(&mut self, doc: &mut Doc, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Refusal> {
        Ok(self.insert(doc, table, row, cells)?)
    }

    fn update(&mut self, doc: &mut Doc, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Refusal> {
        Ok(self.update(doc, table, row, cells)?)
    }

    fn delete(&mut self, doc: &mut Doc, table: &str, row: &str) -> Result<(), Refusal> {
        Ok(self.delete(doc, table, row)?)
    }

    fn unset(&mut self, doc: &mut Doc, table: &str, row: &str, columns: Vec<String>) -> Result<(), Refusal> {
        Ok(self.unset(doc, table, row, columns)?)
    }

    fn touched(&mut self) -> Vec<(String, String)> {
        Self::touched(self)
    }
}

impl crate::host::Store for Store {
    fn peer(&mut self) -> String {
        Self::peer(self).to_owned()
    }

    fn set(&mut self, namespace: &str, key: &str, value: Value, now: f64) -> Result<Entry, Refusal> {
        Ok(self.set(namespace, key, value, now)?)
    }

    fn remove(&mut self, namespace: &str, key: &str, now: f64) -> Result<Option<Entry>, Refusal> {
        Ok(self.remove(namespace, key, now)?)
    }

    fn get(&mut self, namespace: &str, key: &str) -> Option<Entry> {
        Self::get(self, namespace, key)
    }

    fn get_all(&mut self, namespace: &str) -> Vec<Entry> {
        Self::get_all(self, namespace)
    }

    fn namespaces(&mut self) -> Vec<String> {
        Self::namespaces(self)
    }

    fn refused(&mut self) -> u32 {
        Self::refused(self)
    }

    fn merge_entries(&mut self, entries: Vec<Entry>, now: f64) -> Result<Vec<Entry>, Refusal> {
        Ok(self.merge_entries(entries, now)?)
    }

    fn snapshot(&mut self, namespaces: &[String]) -> Vec<u8> {
        Self::snapshot(self, namespaces)
    }

    fn take_update(&mut self) -> Option<Vec<u8>> {
        self.take_update()
    }

    fn merge_update(&mut self, update: &[u8], now: f64) -> Result<Vec<Entry>, Refusal> {
        Ok(self.merge_update(update, now)?)
    }

    fn expire(&mut self, now: f64) -> Result<Vec<Entry>, Refusal> {
        Ok(self.expire(now)?)
    }

    fn leave(&mut self, now: f64) -> Result<Vec<Entry>, Refusal> {
        Ok(self.leave(now)?)
    }
}

impl crate::host::Session<Doc, Store> for Session {
    fn open(doc: &mut Doc, store: &mut Store, options: SessionOptions) -> Result<Self, Refusal> {
        Ok(Self::open(doc, store, options)?)
    }

    fn poll(&mut self, doc: &mut Doc, store: &mut Store, now: f64) -> Result<Option<Vec<u8>>, Refusal> {
        Ok(self.poll(doc, store, now)?)
    }

    fn receive(&mut self, doc: &mut Doc, store: &mut Store, message: &[u8], now: f64) -> Result<Received, Refusal> {
        Ok(self.receive(doc, store, message, now)?)
    }

    fn update_of(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        Ok(Self::update_of(self, message)?)
    }

    fn progress(&mut self, doc: &mut Doc) -> Progress {
        Self::progress(self, doc)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidArgument(invalid) => Self::InvalidArgument(invalid.to_string()),
            Error::LimitExceeded { limit, actual } => {
                Self::LimitExceeded { limit: limit.name.to_owned(), maximum: limit.maximum, actual }
            }
            Error::NoSuchRow { table, row } => Self::NoSuchRow(table, row),
            Error::Corrupt(damage) => Self::Corrupt(Error::Corrupt(damage).to_string()),
            Error::UnsupportedVersion(version) => Self::UnsupportedVersion(version),
            Error::UnsupportedFeature(feature) => Self::UnsupportedFeature(feature),
            Error::Protocol(rule) => Self::Protocol(rule.to_string()),
            Error::SessionEnded => Self::SessionEnded,
            Error::Compacted(horizon) => {
                let horizon = horizon.into_iter().map(|(peer, count)| PeerVersion { peer, count });
                Self::Compacted(horizon.collect())
            }
            other => Self::Other(other.to_string()),
        }
    }
}
