//! The engine as Rust programs have it: the component in wasmtime, by the crate `converge`.
//!
//! Converts between that crate's types and the engine's, and nothing else.

use crate::host::{Document, Host, Inspection, Refusal};
use converge::{
    Component, DeleteOp, Doc, Error, InsertOp, Instance, InstanceOptions, KeyBounds, Session, Store, Transaction,
    UnsetOp, UpdateOp, UpdateReader, Watcher,
};
use converge_engine::{
    Acceptance, Cell, Changes, Commit, CompactionReport, Content, Entry, EventBatch, EventId, EventRun, Fork, KeyRange,
    MergeReport, Page, PeerVersion, Progress, Received, Row, RowOp, ScanOptions, SessionOptions, StoreOptions,
    TableSummary, Value,
};

/// The crate `converge`, each document in an instance of its own: of the engine, or of another component.
#[derive(Default)]
pub struct HostRs(pub Option<Component>);

impl HostRs {
    fn instance(&self) -> Instance {
        let options = InstanceOptions::default();
        working(self.0.as_ref().map_or_else(|| Instance::new(options), |component| Instance::of(component, options)))
    }
}

impl Host for HostRs {
    const NAME: &'static str = "host-rs";
    type Document = Doc;
    type Reader = UpdateReader;
    type Store = Store;
    type Session = Session;

    fn version(&self) -> String {
        working(self.instance().version())
    }

    fn limits(&self) -> Vec<(String, u64)> {
        working(self.instance().limits()).into_iter().map(|limit| (limit.name, limit.maximum)).collect()
    }

    fn inspect(&self, bytes: &[u8]) -> Result<Inspection, Refusal> {
        Ok(inspection(self.instance().inspect(bytes)?))
    }

    fn create(&self, peer: &str) -> Result<Doc, Refusal> {
        Ok(self.instance().doc(peer)?)
    }

    fn load(&self, peer: &str, saved: &[u8]) -> Result<Doc, Refusal> {
        Ok(self.instance().load(peer, saved)?)
    }

    fn peek(&self, saved: &[u8], table: &str, row: &str) -> Result<Option<Vec<Cell>>, Refusal> {
        Ok(self.instance().peek(saved, table, row)?.map(cells))
    }

    fn summary_of(&self, version: Vec<PeerVersion>) -> Result<Vec<u8>, Refusal> {
        Ok(self.instance().summary_of(&guest_version(version))?)
    }

    fn open_reader(&self, update: &[u8]) -> Result<UpdateReader, Refusal> {
        Ok(self.instance().read_update(update)?)
    }

    fn store(&self, beside: &mut Doc, peer: &str, options: StoreOptions) -> Result<Store, Refusal> {
        let StoreOptions { time_to_live_ms: time_to_live, max_skew_ms: max_skew } = options;
        Ok(beside.instance().store(peer, converge::StoreOptions { time_to_live, max_skew })?)
    }
}

/// The result of a call that no argument can make fail.
fn working<T>(result: Result<T, Error>) -> T {
    result.unwrap_or_else(|error| panic!("the instance does not work: {error}"))
}

impl Document for Doc {
    type Watcher = Watcher;
    type Transaction = Transaction;

    fn peer(&mut self) -> String {
        working(Self::peer(self))
    }

    fn insert(&mut self, table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Refusal> {
        Ok(event(Self::insert(self, table, row, cells.into_iter().map(guest_cell))?))
    }

    fn update(&mut self, table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Refusal> {
        Ok(event(Self::update(self, table, row, cells.into_iter().map(guest_cell))?))
    }

    fn delete(&mut self, table: &str, row: &str) -> Result<EventId, Refusal> {
        Ok(event(Self::delete(self, table, row)?))
    }

    fn unset(&mut self, table: &str, row: &str, columns: Vec<String>) -> Result<EventId, Refusal> {
        Ok(event(Self::unset(self, table, row, columns)?))
    }

    fn commit(&mut self, ops: Commit) -> Result<EventId, Refusal> {
        Ok(event(Self::commit(self, guest_commit(ops))?))
    }

    fn begin(&mut self) -> Transaction {
        working(Self::begin(self))
    }

    fn commit_transaction(&mut self, transaction: Transaction) -> Result<Option<EventId>, Refusal> {
        Ok(Self::commit_transaction(self, transaction)?.map(event))
    }

    fn get(&mut self, table: &str, row: &str) -> Option<Vec<Cell>> {
        working(Self::get(self, table, row)).map(cells)
    }

    fn scan(&mut self, table: &str, options: ScanOptions) -> Result<Page, Refusal> {
        Ok(page(Self::scan(self, table, &guest_options(options))?))
    }

    fn tables(&mut self) -> Vec<TableSummary> {
        summaries(working(Self::tables(self)))
    }

    fn watch(&mut self, tables: Vec<String>, from_start: bool) -> Result<Watcher, Refusal> {
        let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
        Ok(Self::watch(self, &tables, from_start)?)
    }

    fn take(&mut self, watcher: &mut Watcher, limit: u32) -> Changes {
        let converge::Changes { ops, more } = working(watcher.take(limit));
        Changes { ops: commit(ops), more }
    }

    fn unwatch(&mut self, watcher: Watcher) {
        drop(watcher);
    }

    fn digest(&mut self) -> Vec<u8> {
        working(Self::digest(self)).0.to_vec()
    }

    fn version(&mut self) -> Vec<PeerVersion> {
        version(working(Self::version(self)))
    }

    fn heads(&mut self) -> Vec<EventId> {
        events(working(Self::heads(self)))
    }

    fn summary(&mut self) -> Vec<u8> {
        working(Self::summary(self))
    }

    fn forks(&mut self, skip: u32, limit: u32) -> Vec<Fork> {
        let fork = |fork: converge::Fork| {
            let converge::Fork { peer, counter, branches } = fork;
            Fork { peer, counter, branches: events(branches) }
        };
        working(Self::forks(self, skip, limit)).into_iter().map(fork).collect()
    }

    fn permanent_id(&mut self, id: EventId) -> Result<EventId, Refusal> {
        Ok(event(Self::permanent_id(self, &converge::EventId::new(id.peer, id.counter))?))
    }

    fn events_since(&mut self, summary: &[u8], limit: u32) -> Result<EventBatch, Refusal> {
        Ok(batch(Self::events_since(self, summary, limit)?))
    }

    fn merge_events(&mut self, events: Vec<EventRun>) -> Result<MergeReport, Refusal> {
        let runs: Vec<converge::EventRun> = events.into_iter().map(guest_run).collect();
        Ok(report(Self::merge_events(self, &runs)?))
    }

    fn update_since(&mut self, summary: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(Self::update_since(self, summary)?)
    }

    fn merge_update(&mut self, update: &[u8]) -> Result<MergeReport, Refusal> {
        Ok(report(Self::merge_update(self, update)?))
    }

    fn save(&mut self) -> Vec<u8> {
        working(Self::save(self))
    }

    fn compact(&mut self, summaries: Vec<Vec<u8>>) -> Result<CompactionReport, Refusal> {
        let report = Self::compact(self, &summaries)?;
        let converge::CompactionReport { events_dropped, tombstones_dropped, horizon } = report;
        Ok(CompactionReport { events_dropped, tombstones_dropped, horizon: version(horizon) })
    }

    fn rebase(&mut self, saved: &[u8]) -> Result<MergeReport, Refusal> {
        Ok(report(Self::rebase(self, saved)?))
    }

    fn diff(&mut self, from_heads: Vec<EventId>, to_heads: Vec<EventId>) -> Result<Vec<RowOp>, Refusal> {
        Ok(commit(Self::diff(self, &guest_events(from_heads), &guest_events(to_heads))?))
    }

    fn fork_at(&mut self, heads: Vec<EventId>, peer: &str) -> Result<Self, Refusal> {
        Ok(Self::fork_at(self, &guest_events(heads), peer)?)
    }
}

impl crate::host::UpdateReader for UpdateReader {
    fn next(&mut self, limit: u32) -> EventBatch {
        batch(working(Self::next(self, limit)))
    }
}

impl crate::host::Transaction<Doc> for Transaction {
    fn get(&mut self, _: &mut Doc, table: &str, row: &str) -> Option<Vec<Cell>> {
        working(Self::get(self, table, row)).map(cells)
    }

    fn scan(&mut self, _: &mut Doc, table: &str, options: ScanOptions) -> Result<Page, Refusal> {
        Ok(page(Self::scan(self, table, &guest_options(options))?))
    }

    fn insert(&mut self, _: &mut Doc, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Refusal> {
        Ok(Self::insert(self, table, row, cells.into_iter().map(guest_cell))?)
    }

    fn update(&mut self, _: &mut Doc, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Refusal> {
        Ok(Self::update(self, table, row, cells.into_iter().map(guest_cell))?)
    }

    fn delete(&mut self, _: &mut Doc, table: &str, row: &str) -> Result<(), Refusal> {
        Ok(Self::delete(self, table, row)?)
    }

    fn unset(&mut self, _: &mut Doc, table: &str, row: &str, columns: Vec<String>) -> Result<(), Refusal> {
        Ok(Self::unset(self, table, row, columns)?)
    }

    fn touched(&mut self) -> Vec<(String, String)> {
        working(Self::touched(self)).into_iter().map(|row| (row.table, row.row)).collect()
    }
}

impl crate::host::Store for Store {
    fn peer(&mut self) -> String {
        working(Self::peer(self))
    }

    fn set(&mut self, namespace: &str, key: &str, value: Value, now: f64) -> Result<Entry, Refusal> {
        Ok(entry(Self::set(self, namespace, key, guest_value(value), now)?))
    }

    fn remove(&mut self, namespace: &str, key: &str, now: f64) -> Result<Option<Entry>, Refusal> {
        Ok(Self::remove(self, namespace, key, now)?.map(entry))
    }

    fn get(&mut self, namespace: &str, key: &str) -> Option<Entry> {
        working(Self::get(self, namespace, key)).map(entry)
    }

    fn get_all(&mut self, namespace: &str) -> Vec<Entry> {
        entries(working(Self::get_all(self, namespace)))
    }

    fn namespaces(&mut self) -> Vec<String> {
        working(Self::namespaces(self))
    }

    fn refused(&mut self) -> u32 {
        working(Self::refused(self))
    }

    fn merge_entries(&mut self, given: Vec<Entry>, now: f64) -> Result<Vec<Entry>, Refusal> {
        let given: Vec<converge::Entry> = given.into_iter().map(guest_entry).collect();
        Ok(entries(Self::merge_entries(self, &given, now)?))
    }

    fn snapshot(&mut self, namespaces: &[String]) -> Vec<u8> {
        let namespaces: Vec<&str> = namespaces.iter().map(String::as_str).collect();
        working(Self::snapshot(self, &namespaces))
    }

    fn take_update(&mut self) -> Option<Vec<u8>> {
        working(Self::take_update(self))
    }

    fn merge_update(&mut self, update: &[u8], now: f64) -> Result<Vec<Entry>, Refusal> {
        Ok(entries(Self::merge_update(self, update, now)?))
    }

    fn expire(&mut self, now: f64) -> Result<Vec<Entry>, Refusal> {
        Ok(entries(Self::expire(self, now)?))
    }

    fn leave(&mut self, now: f64) -> Result<Vec<Entry>, Refusal> {
        Ok(entries(Self::leave(self, now)?))
    }
}

impl crate::host::Session<Doc, Store> for Session {
    fn open(doc: &mut Doc, store: &mut Store, options: SessionOptions) -> Result<Self, Refusal> {
        let SessionOptions { document, nonce, max_message_bytes, namespaces, read_only, accept, writers } = options;
        let Acceptance { events, entries, documents } = accept;
        let mut accept = converge::Acceptance::empty();
        for (accepts, flag) in [
            (events, converge::Acceptance::EVENTS),
            (entries, converge::Acceptance::ENTRIES),
            (documents, converge::Acceptance::DOCUMENTS),
        ] {
            if accepts {
                accept |= flag;
            }
        }
        let options =
            converge::SessionOptions { document, nonce, max_message_bytes, namespaces, read_only, accept, writers };
        Ok(Self::open(doc, store, &options)?)
    }

    fn poll(&mut self, _: &mut Doc, _: &mut Store, now: f64) -> Result<Option<Vec<u8>>, Refusal> {
        Ok(Self::poll(self, now)?)
    }

    fn receive(&mut self, _: &mut Doc, _: &mut Store, message: &[u8], now: f64) -> Result<Received, Refusal> {
        let converge::Received { durable, ephemeral, refused } = Self::receive(self, message, now)?;
        Ok(Received { durable: durable.map(report), ephemeral: entries(ephemeral), refused })
    }

    fn update_of(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        Ok(Self::update_of(self, message)?)
    }

    fn progress(&mut self, _: &mut Doc) -> Progress {
        let converge::Progress { known_there, unsent, awaited, in_sync } = working(Self::progress(self));
        Progress { known_there: version(known_there), unsent, awaited, in_sync }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidArgument(message) => Self::InvalidArgument(message),
            Error::LimitExceeded { limit, maximum, actual } => Self::LimitExceeded { limit, maximum, actual },
            Error::NoSuchRow { table, row } => Self::NoSuchRow(table, row),
            Error::Corrupt(message) => Self::Corrupt(message),
            Error::UnsupportedVersion(version) => Self::UnsupportedVersion(version),
            Error::UnsupportedFeature(feature) => Self::UnsupportedFeature(feature),
            Error::Compacted(horizon) => Self::Compacted(version(horizon)),
            Error::Protocol(message) => Self::Protocol(message),
            Error::SessionEnded => Self::SessionEnded,
            other => Self::Other(other.to_string()),
        }
    }
}

fn event(id: converge::EventId) -> EventId {
    EventId { peer: id.peer, counter: id.counter }
}

fn events(ids: Vec<converge::EventId>) -> Vec<EventId> {
    ids.into_iter().map(event).collect()
}

fn version(version: Vec<converge::PeerVersion>) -> Vec<PeerVersion> {
    version.into_iter().map(|known| PeerVersion { peer: known.peer, count: known.count }).collect()
}

fn report(report: converge::MergeReport) -> MergeReport {
    let converge::MergeReport { applied, duplicate, waiting, dropped, missing, forked } = report;
    MergeReport { applied, duplicate, waiting, dropped, missing: events(missing), forked }
}

fn page(page: converge::Page) -> Page {
    let rows = page.rows.into_iter().map(|row| Row { id: row.id, cells: cells(row.cells) }).collect();
    Page { rows, more: page.more }
}

fn cells(cells: Vec<converge::Cell>) -> Vec<Cell> {
    cells.into_iter().map(|cell| Cell { column: cell.column, value: value(cell.value) }).collect()
}

fn value(value: converge::Value) -> Value {
    match value {
        converge::Value::Null => Value::Null,
        converge::Value::Boolean(value) => Value::Boolean(value),
        converge::Value::Integer(value) => Value::Integer(value),
        converge::Value::Real(value) => Value::Real(value),
        converge::Value::Text(value) => Value::Text(value),
        converge::Value::Blob(value) => Value::Blob(value),
    }
}

fn entry(entry: converge::Entry) -> Entry {
    let converge::Entry { namespace, key, value: held, timestamp, peer } = entry;
    Entry { namespace, key, value: held.map(value), timestamp, peer }
}

fn entries(entries: Vec<converge::Entry>) -> Vec<Entry> {
    entries.into_iter().map(entry).collect()
}

fn guest_entry(entry: Entry) -> converge::Entry {
    let Entry { namespace, key, value, timestamp, peer } = entry;
    converge::Entry { namespace, key, value: value.map(guest_value), timestamp, peer }
}

fn commit(ops: converge::Commit) -> Commit {
    let op = |op| match op {
        converge::RowOp::Insert(InsertOp { table, row, cells: set }) => RowOp::Insert { table, row, cells: cells(set) },
        converge::RowOp::Update(UpdateOp { table, row, cells: set }) => RowOp::Update { table, row, cells: cells(set) },
        converge::RowOp::Delete(DeleteOp { table, row }) => RowOp::Delete { table, row },
        converge::RowOp::Unset(UnsetOp { table, row, columns }) => RowOp::Unset { table, row, columns },
    };
    ops.into_iter().map(op).collect()
}

fn run(run: converge::EventRun) -> EventRun {
    let converge::EventRun { peer, start, lamport, deps, fingerprints, salt, commits } = run;
    let (deps, commits) = (events(deps), commits.into_iter().map(commit).collect());
    EventRun { peer, start, lamport, deps, fingerprints, salt, commits }
}

fn batch(batch: converge::EventBatch) -> EventBatch {
    EventBatch { runs: batch.runs.into_iter().map(run).collect(), more: batch.more }
}

fn summaries(tables: Vec<converge::TableSummary>) -> Vec<TableSummary> {
    tables.into_iter().map(|table| TableSummary { name: table.name, rows: table.rows }).collect()
}

fn inspection(inspection: converge::Inspection) -> Inspection {
    let converge::Inspection { content, format_version, sections, version: events, horizon, waiting, tables } =
        inspection;
    let content = match content {
        converge::Content::Document => Content::Document,
        converge::Content::Update => Content::Update,
        converge::Content::EphemeralSnapshot => Content::EphemeralSnapshot,
        converge::Content::EphemeralUpdate => Content::EphemeralUpdate,
    };
    let section = |section: converge::Section| (section.id, section.name, section.bytes);
    Inspection {
        content,
        format_version,
        sections: sections.into_iter().map(section).collect(),
        version: version(events),
        horizon: version(horizon),
        waiting,
        tables: summaries(tables),
    }
}

fn guest_cell(cell: Cell) -> converge::Cell {
    converge::Cell { column: cell.column, value: guest_value(cell.value) }
}

fn guest_value(value: Value) -> converge::Value {
    match value {
        Value::Null => converge::Value::Null,
        Value::Boolean(value) => converge::Value::Boolean(value),
        Value::Integer(value) => converge::Value::Integer(value),
        Value::Real(value) => converge::Value::Real(value),
        Value::Text(value) => converge::Value::Text(value),
        Value::Blob(value) => converge::Value::Blob(value),
    }
}

fn guest_commit(ops: Commit) -> converge::Commit {
    let set = |cells: Vec<Cell>| cells.into_iter().map(guest_cell);
    let op = |op| match op {
        RowOp::Insert { table, row, cells } => converge::RowOp::insert(table, row, set(cells)),
        RowOp::Update { table, row, cells } => converge::RowOp::update(table, row, set(cells)),
        RowOp::Delete { table, row } => converge::RowOp::delete(table, row),
        RowOp::Unset { table, row, columns } => converge::RowOp::unset(table, row, columns),
    };
    ops.into_iter().map(op).collect()
}

fn guest_events(ids: Vec<EventId>) -> Vec<converge::EventId> {
    ids.into_iter().map(|id| converge::EventId::new(id.peer, id.counter)).collect()
}

fn guest_version(version: Vec<PeerVersion>) -> Vec<converge::PeerVersion> {
    version.into_iter().map(|known| converge::PeerVersion { peer: known.peer, count: known.count }).collect()
}

fn guest_run(run: EventRun) -> converge::EventRun {
    let EventRun { peer, start, lamport, deps, fingerprints, salt, commits } = run;
    let (deps, commits) = (guest_events(deps), commits.into_iter().map(guest_commit).collect());
    converge::EventRun { peer, start, lamport, deps, fingerprints, salt, commits }
}

fn guest_options(options: ScanOptions) -> converge::ScanOptions {
    let ScanOptions { range, descending, limit, after, columns } = options;
    let range = match range {
        KeyRange::All => converge::KeyRange::All,
        KeyRange::Equal(row) => converge::KeyRange::Equal(row),
        KeyRange::AtLeast(row) => converge::KeyRange::AtLeast(row),
        KeyRange::AtMost(row) => converge::KeyRange::AtMost(row),
        KeyRange::Between(first, last) => converge::KeyRange::Between(KeyBounds { first, last }),
        KeyRange::StartsWith(start) => converge::KeyRange::StartsWith(start),
    };
    converge::ScanOptions { range, descending, limit, after, columns }
}
