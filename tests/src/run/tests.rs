//! Tests of the runner: it fails if an expectation is wrong, and if a host breaks the contract.

use super::delivery::permutations;
use super::run;
use crate::case::{Case, parse_case};
use crate::host::{self, Document, Host, Inspection};
use crate::host_rs::Native;
use converge::{
    Cell, Changes, Commit, CompactionReport, Doc, Entry, Error, EventBatch, EventId, EventRun, Fork, MergeReport, Page,
    PeerVersion, Progress, Received, RowId, RowOp, ScanOptions, Session, SessionOptions, Side, Store, StoreOptions,
    TableSummary, TextChange, TextUnit, TextView, Transaction, UpdateReader, Value, Watcher,
};

/// Returns a case with these steps on a replica `a`.
fn case(steps: &str) -> Case {
    let text = format!("{{\"about\": \"\", \"steps\": [{{\"create\": \"a\"}}, {steps}]}}");
    parse_case("c".to_owned(), &text).unwrap()
}

/// Runs a case, which must fail. Returns the failure.
fn failure(steps: &str) -> String {
    run(&Native, &case(steps)).unwrap_err()
}

/// `update-of` of a `Careless` session does not return updates of at most this length.
const MAX_HIDDEN_BYTES: usize = 100;

/// A host that breaks the contract in many ways:
///
/// - Failed updates change the document.
/// - Loading a document deletes the table `x`, and accepts empty bytes as an empty document.
/// - `peek` finds no rows of the table `unseen`.
/// - Update readers omit events of peers whose names start with `hidden`.
/// - Failed edits of views change the document.
/// - `update-of` does not return small updates.
/// - Peers whose names start with `z` save different bytes.
/// - Failed writes to a store set another register. Stores accept empty bytes as an update, and
///   omit everything from snapshots if they have the namespace `lost`.
/// - Sessions write rejected messages to the store, accept empty messages, and can still be polled
///   after an error.
struct Careless;
struct CarelessDoc(Doc);
struct CarelessReader(UpdateReader);
struct CarelessStore(Store);
struct CarelessView(TextView);
struct CarelessSession(Session);

/// Implements functions by those of the engine, without a change.
macro_rules! forward {
    ($trait:path: $($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        fn $name(&mut self, $($argument: $type),*) -> $result {
            <_ as $trait>::$name(&mut self.0, $($argument),*)
        }
    )*};
}

impl Host for Careless {
    const NAME: &'static str = "careless";
    type Document = CarelessDoc;
    type Reader = CarelessReader;
    type Store = CarelessStore;
    type Session = CarelessSession;

    fn version(&self) -> String {
        Native.version()
    }

    fn limits(&self) -> Vec<(String, u64)> {
        Native.limits()
    }

    fn between(&self, after: Option<&str>, before: Option<&str>, seed: &str) -> Result<String, Error> {
        Native.between(after, before, seed)
    }

    fn create(&self, peer: &str) -> Result<CarelessDoc, Error> {
        Native.create(peer).map(CarelessDoc)
    }

    fn load(&self, peer: &str, saved: &[u8]) -> Result<CarelessDoc, Error> {
        if saved.is_empty() {
            return self.create(peer);
        }
        let mut document = Native.load(peer, saved)?;
        for row in Document::scan(&mut document, "x", &ScanOptions::default())?.rows {
            Document::delete(&mut document, "x", &row.id)?;
        }
        Ok(CarelessDoc(document))
    }

    fn inspect(&self, bytes: &[u8]) -> Result<Inspection, Error> {
        Native.inspect(bytes)
    }

    fn summary_of(&self, version: &[PeerVersion]) -> Result<Vec<u8>, Error> {
        Native.summary_of(version)
    }

    fn open_reader(&self, update: &[u8]) -> Result<CarelessReader, Error> {
        Native.open_reader(update).map(CarelessReader)
    }

    fn peek(&self, saved: &[u8], table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error> {
        Native.peek(saved, if table == "unseen" { "none" } else { table }, row)
    }

    fn store(&self, document: &mut CarelessDoc, peer: &str, options: StoreOptions) -> Result<CarelessStore, Error> {
        Native.store(&mut document.0, peer, options).map(CarelessStore)
    }
}

impl host::UpdateReader for CarelessReader {
    fn next(&mut self, limit: u32) -> EventBatch {
        let mut batch = host::UpdateReader::next(&mut self.0, limit);
        batch.runs.retain(|run| !run.peer.starts_with("hidden"));
        batch
    }
}

impl host::Store for CarelessStore {
    forward! { host::Store:
        peer() -> String;
        remove(namespace: &str, key: &str, now: f64) -> Result<Option<Entry>, Error>;
        get(namespace: &str, key: &str) -> Option<Entry>;
        get_all(namespace: &str) -> Vec<Entry>;
        namespaces() -> Vec<String>;
        refused() -> u32;
        merge_entries(entries: Vec<Entry>, now: f64) -> Result<Vec<Entry>, Error>;
        take_update() -> Option<Vec<u8>>;
        expire(now: f64) -> Result<Vec<Entry>, Error>;
        leave(now: f64) -> Result<Vec<Entry>, Error>;
    }

    fn set(&mut self, namespace: &str, key: &str, value: Value, now: f64) -> Result<Entry, Error> {
        let set = host::Store::set(&mut self.0, namespace, key, value.clone(), now);
        if set.is_err() {
            host::Store::set(&mut self.0, "refused", "refused", value, 0.0)?;
        }
        set
    }

    fn snapshot(&mut self, namespaces: &[&str]) -> Vec<u8> {
        match host::Store::namespaces(&mut self.0).iter().any(|namespace| namespace == "lost") {
            true => host::Store::snapshot(&mut self.0, &["none"]),
            false => host::Store::snapshot(&mut self.0, namespaces),
        }
    }

    fn merge_update(&mut self, update: &[u8], now: f64) -> Result<Vec<Entry>, Error> {
        if update.is_empty() {
            return Ok(Vec::new());
        }
        host::Store::merge_update(&mut self.0, update, now)
    }
}

impl host::Session<CarelessDoc, CarelessStore> for CarelessSession {
    fn open(doc: &mut CarelessDoc, store: &mut CarelessStore, options: SessionOptions) -> Result<Self, Error> {
        host::Session::open(&mut doc.0, &mut store.0, options).map(Self)
    }

    fn poll(&mut self, doc: &mut CarelessDoc, store: &mut CarelessStore, now: f64) -> Result<Option<Vec<u8>>, Error> {
        match host::Session::poll(&mut self.0, &mut doc.0, &mut store.0, now) {
            Err(Error::SessionEnded) => Ok(None),
            result => result,
        }
    }

    fn receive(
        &mut self,
        doc: &mut CarelessDoc,
        store: &mut CarelessStore,
        message: &[u8],
        now: f64,
    ) -> Result<Received, Error> {
        if message.is_empty() {
            return Ok(Received::default());
        }
        let received = host::Session::receive(&mut self.0, &mut doc.0, &mut store.0, message, now);
        if received.is_err() {
            host::Store::set(&mut store.0, "refused", "refused", message.to_vec().into(), 0.0)?;
        }
        received
    }

    fn update_of(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let update = self.0.update_of(message)?;
        Ok(update.filter(|update| update.len() > MAX_HIDDEN_BYTES))
    }

    fn progress(&mut self, doc: &mut CarelessDoc) -> Progress {
        host::Session::progress(&mut self.0, &mut doc.0)
    }
}

impl Document for CarelessDoc {
    type Watcher = Watcher;
    type Transaction = Transaction;
    type View = CarelessView;

    forward! { Document:
        peer() -> String;
        insert(table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Error>;
        delete(table: &str, row: &str) -> Result<EventId, Error>;
        unset(table: &str, row: &str, columns: Vec<String>) -> Result<EventId, Error>;
        splice(table: &str, row: &str, column: &str, at: u32, remove: u32, insert: &str) -> Result<EventId, Error>;
        add(table: &str, row: &str, column: &str, amount: i64) -> Result<EventId, Error>;
        distinguish(salt: u64) -> ();
        commit(ops: Commit) -> Result<EventId, Error>;
        begin() -> Transaction;
        commit_transaction(transaction: Transaction) -> Result<Option<EventId>, Error>;
        get(table: &str, row: &str) -> Option<Vec<Cell>>;
        scan(table: &str, options: &ScanOptions) -> Result<Page, Error>;
        tables() -> Vec<TableSummary>;
        watch(tables: &[&str], from_start: bool) -> Result<Watcher, Error>;
        take(watcher: &mut Watcher, limit: u32) -> Changes;
        unwatch(watcher: Watcher) -> ();
        digest() -> Vec<u8>;
        version() -> Vec<PeerVersion>;
        heads() -> Vec<EventId>;
        summary() -> Vec<u8>;
        forks(skip: u32, limit: u32) -> Vec<Fork>;
        permanent_id(event: &EventId) -> Result<EventId, Error>;
        events_since(summary: &[u8], limit: u32) -> Result<EventBatch, Error>;
        merge_events(events: Vec<EventRun>) -> Result<MergeReport, Error>;
        update_since(summary: &[u8]) -> Result<Vec<u8>, Error>;
        merge_update(update: &[u8]) -> Result<MergeReport, Error>;
        compact(summaries: &[Vec<u8>]) -> Result<CompactionReport, Error>;
        rebase(saved: &[u8]) -> Result<MergeReport, Error>;
        diff(from_heads: &[EventId], to_heads: &[EventId]) -> Result<Vec<RowOp>, Error>;
        inverse_of(events: &[EventId]) -> Result<Vec<RowOp>, Error>;
    }

    fn open_view(&mut self, table: &str, row: &str, column: &str, unit: TextUnit) -> Result<CarelessView, Error> {
        Document::open_view(&mut self.0, table, row, column, unit).map(CarelessView)
    }

    fn update(&mut self, table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Error> {
        let result = Document::update(&mut self.0, table, row, cells);
        if result.is_err() {
            self.0.commit([]).unwrap();
        }
        result
    }

    fn save(&mut self) -> Vec<u8> {
        let mut saved = Document::save(&mut self.0);
        saved.extend(Document::peer(&mut self.0).strip_prefix('z').map(|_| 0));
        saved
    }

    fn fork_at(&mut self, heads: &[EventId], peer: &str) -> Result<Self, Error> {
        Document::fork_at(&mut self.0, heads, peer).map(Self)
    }
}

impl host::Transaction<CarelessDoc> for Transaction {
    fn get(&mut self, doc: &mut CarelessDoc, table: &str, row: &str) -> Option<Vec<Cell>> {
        host::Transaction::get(self, &mut doc.0, table, row)
    }

    fn scan(&mut self, doc: &mut CarelessDoc, table: &str, options: &ScanOptions) -> Result<Page, Error> {
        host::Transaction::scan(self, &mut doc.0, table, options)
    }

    fn insert(&mut self, doc: &mut CarelessDoc, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Error> {
        host::Transaction::insert(self, &mut doc.0, table, row, cells)
    }

    fn update(&mut self, doc: &mut CarelessDoc, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Error> {
        let update = host::Transaction::update(self, &mut doc.0, table, row, cells);
        if update.is_err() {
            Document::insert(&mut doc.0, table, row, Vec::new())?;
        }
        update
    }

    fn delete(&mut self, doc: &mut CarelessDoc, table: &str, row: &str) -> Result<(), Error> {
        host::Transaction::delete(self, &mut doc.0, table, row)
    }

    fn unset(&mut self, doc: &mut CarelessDoc, table: &str, row: &str, columns: Vec<String>) -> Result<(), Error> {
        host::Transaction::unset(self, &mut doc.0, table, row, columns)
    }

    fn splice(
        &mut self,
        doc: &mut CarelessDoc,
        cell: (&str, &str, &str),
        place: (u32, u32),
        insert: &str,
    ) -> Result<(), Error> {
        host::Transaction::splice(self, &mut doc.0, cell, place, insert)
    }

    fn add(&mut self, doc: &mut CarelessDoc, table: &str, row: &str, column: &str, amount: i64) -> Result<(), Error> {
        host::Transaction::add(self, &mut doc.0, table, row, column, amount)
    }

    fn touched(&mut self) -> Vec<RowId> {
        <Self as host::Transaction<Doc>>::touched(self)
    }
}

impl host::View<CarelessDoc> for CarelessView {
    fn read(&mut self, doc: &mut CarelessDoc) -> Option<String> {
        host::View::read(&mut self.0, &mut doc.0)
    }

    fn length(&mut self, doc: &mut CarelessDoc) -> u32 {
        host::View::length(&mut self.0, &mut doc.0)
    }

    fn slice(&mut self, doc: &mut CarelessDoc, start: u32, end: u32) -> Result<String, Error> {
        host::View::slice(&mut self.0, &mut doc.0, start, end)
    }

    fn edit(&mut self, doc: &mut CarelessDoc, changes: Vec<TextChange>) -> Result<EventId, Error> {
        let edit = host::View::edit(&mut self.0, &mut doc.0, changes);
        if edit.is_err() {
            doc.0.commit([]).unwrap();
        }
        edit
    }

    fn take(&mut self, doc: &mut CarelessDoc) -> Option<Vec<TextChange>> {
        host::View::take(&mut self.0, &mut doc.0)
    }

    fn rewrite(&mut self, doc: &mut CarelessDoc, text: &str) -> Result<Option<EventId>, Error> {
        host::View::rewrite(&mut self.0, &mut doc.0, text)
    }

    fn anchor(&mut self, doc: &mut CarelessDoc, at: u32, side: Side) -> Result<Vec<u8>, Error> {
        host::View::anchor(&mut self.0, &mut doc.0, at, side)
    }

    fn position(&mut self, doc: &mut CarelessDoc, anchor: &[u8]) -> Result<Option<u32>, Error> {
        host::View::position(&mut self.0, &mut doc.0, anchor)
    }
}

#[test]
fn failed_calls_that_change_the_state_are_detected() {
    let refused = case(r#"{"on": "a", "update": ["t", "r", []], "error": {"no-such-row": ["t", "r"]}}"#);
    run(&Native, &refused).unwrap();
    assert!(run(&Careless, &refused).unwrap_err().contains("changed the state"));
    let store = r#"{"on": "a", "store.create": ["a", {}]}"#;
    let refused = case(&format!(
        r#"{store}, {{"on": "a", "store.set": ["", "k", "null", 0], "error": {{"invalid-argument": "empty"}}}}"#
    ));
    run(&Native, &refused).unwrap();
    assert!(run(&Careless, &refused).unwrap_err().contains("changed the state"));
    let begin = r#"{"on": "a", "begin": [], "as": "x"}"#;
    let refused = case(&format!(
        r#"{begin}, {{"on": "x", "transaction.update": ["t", "r", []], "error": {{"no-such-row": ["t", "r"]}}}}"#
    ));
    run(&Native, &refused).unwrap();
    assert!(run(&Careless, &refused).unwrap_err().contains("changed the state"));
    let open = r#"{"on": "a", "view.open": ["t", "r", "c", "scalar"], "as": "v"}"#;
    let refused = case(&format!(r#"{open}, {{"on": "v", "view.edit": [], "error": {{"no-such-row": ["t", "r"]}}}}"#));
    run(&Native, &refused).unwrap();
    assert!(run(&Careless, &refused).unwrap_err().contains("changed the state"));
    let session = r#"{"session.open": ["a", "a", {}], "as": "s"}"#;
    let refused = case(&format!(
        r#"{store}, {session}, {{"on": "s", "session.receive": ["00", 0], "error": {{"corrupt": "too short"}}}}"#
    ));
    run(&Native, &refused).unwrap();
    assert!(run(&Careless, &refused).unwrap_err().contains("changed the state"));
}

#[test]
fn documents_that_cannot_be_restored_are_detected() {
    let inserted = case(r#"{"on": "a", "insert": ["x", "r", []]}"#);
    run(&Native, &inserted).unwrap();
    assert!(run(&Careless, &inserted).unwrap_err().contains("the loaded document differs"));
    let inserted = case("{\"on\": \"a\", \"insert\": [\"unseen\", \"r\", []]}");
    assert!(run(&Careless, &inserted).unwrap_err().contains("peek returns None for the row \"r\""));
    let hidden = case(r#"{"create": "hidden"}, {"on": "hidden", "insert": ["t", "r", []]}"#);
    run(&Native, &hidden).unwrap();
    assert!(run(&Careless, &hidden).unwrap_err().contains("the update reader returns []"));
}

#[test]
fn updates_that_update_of_does_not_return_are_detected() {
    let sides = ["a", "b"].map(|name| {
        format!(r#"{{"on": "{name}", "store.create": ["{name}", {{}}]}}, {{"session.open": ["{name}", "{name}", {{}}], "as": "{name}"}}"#)
    });
    let insert = r#"{"on": "a", "insert": ["t", "r", []]}"#;
    let carried =
        case(&format!(r#"{{"create": "b"}}, {insert}, {}, {{"session.carry": [["a", "b"], 0]}}"#, sides.join(", ")));
    run(&Native, &carried).unwrap();
    assert!(run(&Careless, &carried).unwrap_err().contains("session.update-of and session.receive disagree"));
}

#[test]
fn replicas_that_save_different_bytes_are_detected() {
    let same = case(r#"{"create": "z"}, {"same": ["a", "z"]}"#);
    run(&Native, &same).unwrap();
    assert!(run(&Careless, &same).unwrap_err().contains("save different bytes"));
}

#[test]
fn accepted_damaged_bytes_are_detected() {
    let cut = case(r#"{"on": "a", "save": [], "as": "x"}, {"every-damage": {"to": {"bytes": "x"}, "kind": "keep"}}"#);
    run(&Native, &cut).unwrap();
    assert!(run(&Careless, &cut).unwrap_err().contains("damaged bytes are accepted"));
    let store = r#"{"on": "a", "store.create": ["a", {}]}, {"on": "a", "store.snapshot": [], "as": "x"}"#;
    let cut = case(&format!(r#"{store}, {{"store.every-damage": {{"to": {{"bytes": "x"}}, "kind": "keep"}}}}"#));
    run(&Native, &cut).unwrap();
    assert!(run(&Careless, &cut).unwrap_err().contains("damaged bytes are accepted"));
    let hello = r#"{"session.open": ["a", "a", {}], "as": "s"}, {"on": "s", "session.poll": 0, "as": "x"}"#;
    let damage = r#"{"session.every-damage": {"to": [{"bytes": "x"}], "kind": "keep"}}"#;
    let cut = case(&format!("{store}, {hello}, {damage}"));
    run(&Native, &cut).unwrap();
    assert!(run(&Careless, &cut).unwrap_err().contains("damaged bytes are accepted"));
}

#[test]
fn stores_that_transmit_nothing_are_detected() {
    let set = r#"{"on": "a", "store.create": ["a", {}]}, {"on": "a", "store.set": ["lost", "k", "null", 1]}"#;
    let lost = case(set);
    run(&Native, &lost).unwrap();
    assert!(run(&Careless, &lost).unwrap_err().contains("the result of merging the snapshot differs"));
    // A store that is dropped before the end is not checked.
    run(&Careless, &case(&format!(r#"{set}, {{"on": "a", "store.drop": []}}"#))).unwrap();
}

#[test]
fn sessions_that_continue_after_an_error_are_detected() {
    let opened = r#"{"on": "a", "store.create": ["a", {}]}, {"session.open": ["a", "a", {}], "as": "s"}"#;
    let poll = r#"{"on": "s", "session.poll": {"real": "nan"}, "error": {"invalid-argument": "NaN"}}"#;
    let ended = case(&format!("{opened}, {poll}"));
    run(&Native, &ended).unwrap();
    assert!(run(&Careless, &ended).unwrap_err().contains("the session continues after an error"));
}

#[test]
fn wrong_expectations_fail() {
    assert!(failure(r#"{"on": "a", "insert": ["t", "r", []], "gives": ["a", 1]}"#).contains(r#"got:      ["a",0]"#));
    assert!(failure(r#"{"on": "a", "delete": ["t", "r"]}"#).contains("unexpected error"));
    assert!(failure(r#"{"on": "a", "delete": ["t", "r"], "error": {"no-such-row": ["t", "q"]}}"#).contains("got"));
    assert!(failure(r#"{"on": "a", "tables": [], "error": {"no-such-row": ["t", "q"]}}"#).contains("got"));
    assert!(failure(r#"{"on": "a", "insert": ["", "r", []], "error": {"invalid-argument": "row"}}"#).contains("got"));
    assert!(failure(r#"{"on": "b", "tables": []}"#).contains("no object is named"));
    assert!(failure(r#"{"on": "a", "deliver": {"from": "a", "events": [["a", 0]]}}"#).contains("does not know"));
    let other = r#"{"create": "b"}, {"on": "b", "insert": ["t", "r", []]}, "#;
    assert!(failure(&format!(r#"{other} {{"same": ["a", "b"]}}"#)).contains("differ"));
    assert!(failure(r#"{"differ": ["a", "a"]}"#).contains("same digest"));
    let bytes =
        r#"{"on": "a", "save": [], "as": "one"}, {"on": "a", "commit": []}, {"on": "a", "save": [], "as": "two"}"#;
    let same = r#"{"same-bytes": [{"bytes": "one"}, {"bytes": "two"}]}"#;
    assert!(failure(&format!("{bytes}, {same}")).contains("differ"));
    assert!(failure(r#"{"other-bytes": ["0a", "0a"]}"#).contains("are equal"));
    assert!(failure(r#"{"shorter": ["0a0b", 2]}"#).contains("not less than 2"));
    assert!(failure(r#"{"load": ["a", {"bytes": "one"}]}"#).contains("no bytes are named"));
    assert!(failure(r#"{"load": ["a", ""], "error": {"corrupt": ""}}"#).contains("got"));
    let session = r#"{"on": "a", "store.create": ["a", {}]}, {"session.open": ["a", "a", {}], "as": "s"}"#;
    let progress = r#"{"on": "s", "session.progress": [], "gives": {"in-sync": true}}"#;
    assert!(failure(&format!("{session}, {progress}")).contains("got:      {}"));
    assert!(failure(r#"{"on": "s", "session.progress": []}"#).contains("no object is named"));
    let dropped = format!(r#"{session}, {{"on": "s", "session.drop": []}}, {{"on": "s", "session.poll": 0}}"#);
    assert!(failure(&dropped).contains("no object is named"));
    let dropped = format!(r#"{session}, {{"on": "a", "store.drop": []}}, {{"on": "s", "session.poll": 0}}"#);
    assert!(failure(&dropped).contains("no object is named"));
    assert!(failure(r#"{"session.every-damage": {"to": [], "kind": "keep"}}"#).contains("no message to damage"));
    assert!(failure(r#"{"on": "a", "store.peer": []}"#).contains("no object is named"));
    let inner = r#"{"on": "c", "get": ["t", "r"], "gives": null}"#;
    let group = format!(r#"{{"all-orders": {{"from": "b", "as": "c", "steps": [{inner}]}}}}"#);
    assert!(failure(&format!("{other} {group}")).contains("in the order"));
}

#[test]
fn permutations_are_complete_and_distinct() {
    let mut orders = permutations(4).unwrap();
    orders.sort();
    orders.dedup();
    assert_eq!(orders.len(), 24);
    permutations(8).unwrap_err();
}
