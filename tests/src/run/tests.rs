//! The runner fails where it must: on wrong expectations, and on a host that does not keep the contract.

use super::{permutations, run};
use crate::case::{Case, parse_case};
use crate::host::{Document, Host, Inspection, Refusal};
use crate::native::Native;
use converge_engine::{
    Cell, Changes, Commit, CompactionReport, Doc, Entry, Error, EventBatch, EventId, EventRun, Fork, MergeReport, Page,
    PeerVersion, Progress, Received, RowOp, ScanOptions, Session, SessionOptions, Store, StoreOptions, TableSummary,
    Transaction, UpdateReader, Value, WatcherNumber,
};

fn case(steps: &str) -> Case {
    let text = format!("{{\"about\": \"\", \"steps\": [{{\"create\": \"a\"}}, {steps}]}}");
    parse_case("c".to_owned(), &text).unwrap()
}

fn failure(steps: &str) -> String {
    run(&Native, &case(steps)).unwrap_err()
}

/// What `Careless` does not tell of a message.
const LEAST_TOLD_BYTES: usize = 100;

/// A host whose refused updates leave a trace, whose documents forget the tables named `x` when they are loaded, which peeks at
/// no row of a table `unseen`, and tells no events of a peer `unsaid` nor any small update of a message, for which no bytes are
/// an empty document, and with which the peer `z` saves other bytes than the rest; its stores set what they
/// refuse to set, take no bytes for entries, and pass nothing on where they have the namespace `lost`; its sessions pass
/// refused messages on to the store, take empty messages, and go on polling after an error.
struct Careless;
struct CarelessDoc(Doc);
struct CarelessReader(UpdateReader);
struct CarelessStore(Store);
struct CarelessSession(Session);

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

    fn create(&self, peer: &str) -> Result<CarelessDoc, Refusal> {
        Native.create(peer).map(CarelessDoc)
    }

    fn load(&self, peer: &str, saved: &[u8]) -> Result<CarelessDoc, Refusal> {
        if saved.is_empty() {
            return self.create(peer);
        }
        let mut document = Native.load(peer, saved)?;
        for row in document.scan("x", &ScanOptions::default()).unwrap().rows {
            document.delete("x", &row.id).unwrap();
        }
        Ok(CarelessDoc(document))
    }

    fn inspect(&self, bytes: &[u8]) -> Result<Inspection, Refusal> {
        Native.inspect(bytes)
    }

    fn summary_of(&self, version: Vec<PeerVersion>) -> Result<Vec<u8>, Refusal> {
        Native.summary_of(version)
    }

    fn open_reader(&self, update: &[u8]) -> Result<CarelessReader, Refusal> {
        Native.open_reader(update).map(CarelessReader)
    }

    fn peek(&self, saved: &[u8], table: &str, row: &str) -> Result<Option<Vec<Cell>>, Refusal> {
        Native.peek(saved, if table == "unseen" { "none" } else { table }, row)
    }

    fn store(&self, beside: &mut CarelessDoc, peer: &str, options: StoreOptions) -> Result<CarelessStore, Refusal> {
        Native.store(&mut beside.0, peer, options).map(CarelessStore)
    }
}

impl crate::host::UpdateReader for CarelessReader {
    fn next(&mut self, limit: u32) -> EventBatch {
        let mut batch = self.0.next(limit);
        batch.runs.retain(|run| !run.peer.starts_with("unsaid"));
        batch
    }
}

impl crate::host::Store for CarelessStore {
    fn peer(&mut self) -> String {
        crate::host::Store::peer(&mut self.0)
    }

    fn set(&mut self, namespace: &str, key: &str, value: Value, now: f64) -> Result<Entry, Refusal> {
        let set = crate::host::Store::set(&mut self.0, namespace, key, value.clone(), now);
        if set.is_err() {
            self.0.set("refused", "refused", value, 0.0)?;
        }
        set
    }

    fn remove(&mut self, namespace: &str, key: &str, now: f64) -> Result<Option<Entry>, Refusal> {
        crate::host::Store::remove(&mut self.0, namespace, key, now)
    }

    fn get(&mut self, namespace: &str, key: &str) -> Option<Entry> {
        crate::host::Store::get(&mut self.0, namespace, key)
    }

    fn get_all(&mut self, namespace: &str) -> Vec<Entry> {
        crate::host::Store::get_all(&mut self.0, namespace)
    }

    fn namespaces(&mut self) -> Vec<String> {
        crate::host::Store::namespaces(&mut self.0)
    }

    fn refused(&mut self) -> u32 {
        crate::host::Store::refused(&mut self.0)
    }

    fn merge_entries(&mut self, entries: Vec<Entry>, now: f64) -> Result<Vec<Entry>, Refusal> {
        crate::host::Store::merge_entries(&mut self.0, entries, now)
    }

    fn snapshot(&mut self, namespaces: &[String]) -> Vec<u8> {
        match self.0.namespaces().iter().any(|namespace| namespace == "lost") {
            true => crate::host::Store::snapshot(&mut self.0, &["none".to_owned()]),
            false => crate::host::Store::snapshot(&mut self.0, namespaces),
        }
    }

    fn take_update(&mut self) -> Option<Vec<u8>> {
        crate::host::Store::take_update(&mut self.0)
    }

    fn merge_update(&mut self, update: &[u8], now: f64) -> Result<Vec<Entry>, Refusal> {
        if update.is_empty() {
            return Ok(Vec::new());
        }
        crate::host::Store::merge_update(&mut self.0, update, now)
    }

    fn expire(&mut self, now: f64) -> Result<Vec<Entry>, Refusal> {
        crate::host::Store::expire(&mut self.0, now)
    }

    fn leave(&mut self, now: f64) -> Result<Vec<Entry>, Refusal> {
        crate::host::Store::leave(&mut self.0, now)
    }
}

impl crate::host::Session<CarelessDoc, CarelessStore> for CarelessSession {
    fn open(doc: &mut CarelessDoc, store: &mut CarelessStore, options: SessionOptions) -> Result<Self, Refusal> {
        Ok(Self(Session::open(&doc.0, &mut store.0, options)?))
    }

    fn poll(&mut self, doc: &mut CarelessDoc, store: &mut CarelessStore, now: f64) -> Result<Option<Vec<u8>>, Refusal> {
        match self.0.poll(&doc.0, &mut store.0, now) {
            Err(Error::SessionEnded) => Ok(None),
            result => Ok(result?),
        }
    }

    fn receive(
        &mut self,
        doc: &mut CarelessDoc,
        store: &mut CarelessStore,
        message: &[u8],
        now: f64,
    ) -> Result<Received, Refusal> {
        if message.is_empty() {
            return Ok(Received::default());
        }
        let received = self.0.receive(&mut doc.0, &mut store.0, message, now);
        if received.is_err() {
            store.0.set("refused", "refused", message.to_vec().into(), 0.0)?;
        }
        Ok(received?)
    }

    fn update_of(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        Ok(self.0.update_of(message)?.filter(|update| update.len() > LEAST_TOLD_BYTES))
    }

    fn progress(&mut self, doc: &mut CarelessDoc) -> Progress {
        self.0.progress(&doc.0)
    }
}

impl Document for CarelessDoc {
    type Watcher = WatcherNumber;
    type Transaction = Transaction;

    fn peer(&mut self) -> String {
        Document::peer(&mut self.0)
    }

    fn insert(&mut self, table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Refusal> {
        Document::insert(&mut self.0, table, row, cells)
    }

    fn update(&mut self, table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Refusal> {
        let result = Document::update(&mut self.0, table, row, cells);
        if result.is_err() {
            self.0.commit(Vec::new()).unwrap();
        }
        result
    }

    fn delete(&mut self, table: &str, row: &str) -> Result<EventId, Refusal> {
        Document::delete(&mut self.0, table, row)
    }

    fn unset(&mut self, table: &str, row: &str, columns: Vec<String>) -> Result<EventId, Refusal> {
        Document::unset(&mut self.0, table, row, columns)
    }

    fn commit(&mut self, ops: Commit) -> Result<EventId, Refusal> {
        Document::commit(&mut self.0, ops)
    }

    fn begin(&mut self) -> Transaction {
        Document::begin(&mut self.0)
    }

    fn commit_transaction(&mut self, transaction: Transaction) -> Result<Option<EventId>, Refusal> {
        Document::commit_transaction(&mut self.0, transaction)
    }

    fn get(&mut self, table: &str, row: &str) -> Option<Vec<Cell>> {
        Document::get(&mut self.0, table, row)
    }

    fn scan(&mut self, table: &str, options: ScanOptions) -> Result<Page, Refusal> {
        Document::scan(&mut self.0, table, options)
    }

    fn tables(&mut self) -> Vec<TableSummary> {
        Document::tables(&mut self.0)
    }

    fn watch(&mut self, tables: Vec<String>, from_start: bool) -> Result<WatcherNumber, Refusal> {
        Document::watch(&mut self.0, tables, from_start)
    }

    fn take(&mut self, watcher: &mut WatcherNumber, limit: u32) -> Changes {
        Document::take(&mut self.0, watcher, limit)
    }

    fn unwatch(&mut self, watcher: WatcherNumber) {
        Document::unwatch(&mut self.0, watcher);
    }

    fn digest(&mut self) -> Vec<u8> {
        Document::digest(&mut self.0)
    }

    fn version(&mut self) -> Vec<PeerVersion> {
        Document::version(&mut self.0)
    }

    fn heads(&mut self) -> Vec<EventId> {
        Document::heads(&mut self.0)
    }

    fn summary(&mut self) -> Vec<u8> {
        Document::summary(&mut self.0)
    }

    fn forks(&mut self, skip: u32, limit: u32) -> Vec<Fork> {
        Document::forks(&mut self.0, skip, limit)
    }

    fn permanent_id(&mut self, event: EventId) -> Result<EventId, Refusal> {
        Document::permanent_id(&mut self.0, event)
    }

    fn events_since(&mut self, summary: &[u8], limit: u32) -> Result<EventBatch, Refusal> {
        Document::events_since(&mut self.0, summary, limit)
    }

    fn merge_events(&mut self, events: Vec<EventRun>) -> Result<MergeReport, Refusal> {
        Document::merge_events(&mut self.0, events)
    }

    fn update_since(&mut self, summary: &[u8]) -> Result<Vec<u8>, Refusal> {
        Document::update_since(&mut self.0, summary)
    }

    fn merge_update(&mut self, update: &[u8]) -> Result<MergeReport, Refusal> {
        Document::merge_update(&mut self.0, update)
    }

    fn save(&mut self) -> Vec<u8> {
        let mut saved = Document::save(&mut self.0);
        saved.extend(Document::peer(&mut self.0).strip_prefix('z').map(|_| 0));
        saved
    }

    fn compact(&mut self, summaries: Vec<Vec<u8>>) -> Result<CompactionReport, Refusal> {
        Document::compact(&mut self.0, summaries)
    }

    fn rebase(&mut self, saved: &[u8]) -> Result<MergeReport, Refusal> {
        Document::rebase(&mut self.0, saved)
    }

    fn diff(&mut self, from_heads: Vec<EventId>, to_heads: Vec<EventId>) -> Result<Vec<RowOp>, Refusal> {
        Document::diff(&mut self.0, from_heads, to_heads)
    }

    fn fork_at(&mut self, heads: Vec<EventId>, peer: &str) -> Result<Self, Refusal> {
        Document::fork_at(&mut self.0, heads, peer).map(Self)
    }
}

impl crate::host::Transaction<CarelessDoc> for Transaction {
    fn get(&mut self, doc: &mut CarelessDoc, table: &str, row: &str) -> Option<Vec<Cell>> {
        Self::get(self, &doc.0, table, row)
    }

    fn scan(&mut self, doc: &mut CarelessDoc, table: &str, options: ScanOptions) -> Result<Page, Refusal> {
        crate::host::Transaction::scan(self, &mut doc.0, table, options)
    }

    fn insert(&mut self, doc: &mut CarelessDoc, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Refusal> {
        crate::host::Transaction::insert(self, &mut doc.0, table, row, cells)
    }

    fn update(&mut self, doc: &mut CarelessDoc, table: &str, row: &str, cells: Vec<Cell>) -> Result<(), Refusal> {
        let update = crate::host::Transaction::update(self, &mut doc.0, table, row, cells);
        if update.is_err() {
            Document::insert(&mut doc.0, table, row, Vec::new())?;
        }
        update
    }

    fn delete(&mut self, doc: &mut CarelessDoc, table: &str, row: &str) -> Result<(), Refusal> {
        crate::host::Transaction::delete(self, &mut doc.0, table, row)
    }

    fn unset(&mut self, doc: &mut CarelessDoc, table: &str, row: &str, columns: Vec<String>) -> Result<(), Refusal> {
        crate::host::Transaction::unset(self, &mut doc.0, table, row, columns)
    }

    fn touched(&mut self) -> Vec<(String, String)> {
        Self::touched(self)
    }
}

#[test]
fn a_refused_call_that_changes_something_fails() {
    let refused = case(r#"{"on": "a", "update": ["t", "r", []], "error": {"no-such-row": ["t", "r"]}}"#);
    run(&Native, &refused).unwrap();
    assert!(run(&Careless, &refused).unwrap_err().contains("something changed"));
    let store = r#"{"on": "a", "store.create": ["a", {}]}"#;
    let refused = case(&format!(
        r#"{store}, {{"on": "a", "store.set": ["", "k", "null", 0], "error": {{"invalid-argument": "empty"}}}}"#
    ));
    run(&Native, &refused).unwrap();
    assert!(run(&Careless, &refused).unwrap_err().contains("something changed"));
    let begin = r#"{"on": "a", "begin": [], "as": "x"}"#;
    let refused = case(&format!(
        r#"{begin}, {{"on": "x", "transaction.update": ["t", "r", []], "error": {{"no-such-row": ["t", "r"]}}}}"#
    ));
    run(&Native, &refused).unwrap();
    assert!(run(&Careless, &refused).unwrap_err().contains("something changed"));
    let session = r#"{"session.open": ["a", "a", {}], "as": "s"}"#;
    let refused = case(&format!(
        r#"{store}, {session}, {{"on": "s", "session.receive": ["00", 0], "error": {{"corrupt": "too short"}}}}"#
    ));
    run(&Native, &refused).unwrap();
    assert!(run(&Careless, &refused).unwrap_err().contains("something changed"));
}

#[test]
fn a_document_that_does_not_last_fails() {
    let inserted = case(r#"{"on": "a", "insert": ["x", "r", []]}"#);
    run(&Native, &inserted).unwrap();
    assert!(run(&Careless, &inserted).unwrap_err().contains("what is loaded is not the same"));
    let inserted = case("{\"on\": \"a\", \"insert\": [\"unseen\", \"r\", []]}");
    assert!(run(&Careless, &inserted).unwrap_err().contains("peek finds None of the row \"r\""));
    let unsaid = case(r#"{"create": "unsaid"}, {"on": "unsaid", "insert": ["t", "r", []]}"#);
    run(&Native, &unsaid).unwrap();
    assert!(run(&Careless, &unsaid).unwrap_err().contains("the update reader returns []"));
}

#[test]
fn messages_that_bring_more_than_is_told_fail() {
    let sides = ["a", "b"].map(|name| {
        format!(r#"{{"on": "{name}", "store.create": ["{name}", {{}}]}}, {{"session.open": ["{name}", "{name}", {{}}], "as": "{name}"}}"#)
    });
    let insert = r#"{"on": "a", "insert": ["t", "r", []]}"#;
    let carried =
        case(&format!(r#"{{"create": "b"}}, {insert}, {}, {{"session.carry": [["a", "b"], 0]}}"#, sides.join(", ")));
    run(&Native, &carried).unwrap();
    assert!(run(&Careless, &carried).unwrap_err().contains("does not tell what session.receive does"));
}

#[test]
fn replicas_that_save_other_bytes_fail() {
    let same = case(r#"{"create": "z"}, {"same": ["a", "z"]}"#);
    run(&Native, &same).unwrap();
    assert!(run(&Careless, &same).unwrap_err().contains("save other bytes"));
}

#[test]
fn damaged_bytes_that_are_taken_fail() {
    let cut = case(r#"{"on": "a", "save": [], "as": "x"}, {"every-damage": {"to": {"bytes": "x"}, "kind": "keep"}}"#);
    run(&Native, &cut).unwrap();
    assert!(run(&Careless, &cut).unwrap_err().contains("damaged bytes are taken"));
    let store = r#"{"on": "a", "store.create": ["a", {}]}, {"on": "a", "store.snapshot": [], "as": "x"}"#;
    let cut = case(&format!(r#"{store}, {{"store.every-damage": {{"to": {{"bytes": "x"}}, "kind": "keep"}}}}"#));
    run(&Native, &cut).unwrap();
    assert!(run(&Careless, &cut).unwrap_err().contains("damaged bytes are taken"));
    let hello = r#"{"session.open": ["a", "a", {}], "as": "s"}, {"on": "s", "session.poll": 0, "as": "x"}"#;
    let damage = r#"{"session.every-damage": {"to": [{"bytes": "x"}], "kind": "keep"}}"#;
    let cut = case(&format!("{store}, {hello}, {damage}"));
    run(&Native, &cut).unwrap();
    assert!(run(&Careless, &cut).unwrap_err().contains("damaged bytes are taken"));
}

#[test]
fn a_store_that_passes_nothing_on_fails() {
    let set = r#"{"on": "a", "store.create": ["a", {}]}, {"on": "a", "store.set": ["lost", "k", "null", 1]}"#;
    let lost = case(set);
    run(&Native, &lost).unwrap();
    assert!(run(&Careless, &lost).unwrap_err().contains("what the snapshot changes in view is not the same"));
    // Where it goes before the end, there is nothing to check.
    run(&Careless, &case(&format!(r#"{set}, {{"on": "a", "store.drop": []}}"#))).unwrap();
}

#[test]
fn a_session_that_goes_on_after_an_error_fails() {
    let opened = r#"{"on": "a", "store.create": ["a", {}]}, {"session.open": ["a", "a", {}], "as": "s"}"#;
    let poll = r#"{"on": "s", "session.poll": {"real": "nan"}, "error": {"invalid-argument": "NaN"}}"#;
    let ended = case(&format!("{opened}, {poll}"));
    run(&Native, &ended).unwrap();
    assert!(run(&Careless, &ended).unwrap_err().contains("the session goes on"));
}

#[test]
fn a_wrong_expectation_fails() {
    assert!(failure(r#"{"on": "a", "insert": ["t", "r", []], "gives": ["a", 1]}"#).contains(r#"got:      ["a",0]"#));
    assert!(failure(r#"{"on": "a", "delete": ["t", "r"]}"#).contains("refused"));
    assert!(failure(r#"{"on": "a", "delete": ["t", "r"], "error": {"no-such-row": ["t", "q"]}}"#).contains("got"));
    assert!(failure(r#"{"on": "a", "tables": [], "error": {"no-such-row": ["t", "q"]}}"#).contains("got"));
    assert!(failure(r#"{"on": "a", "insert": ["", "r", []], "error": {"invalid-argument": "row"}}"#).contains("got"));
    assert!(failure(r#"{"on": "b", "tables": []}"#).contains("nothing is named"));
    assert!(failure(r#"{"on": "a", "deliver": {"from": "a", "events": [["a", 0]]}}"#).contains("does not know"));
    let other = r#"{"create": "b"}, {"on": "b", "insert": ["t", "r", []]}, "#;
    assert!(failure(&format!(r#"{other} {{"same": ["a", "b"]}}"#)).contains("differ"));
    assert!(failure(r#"{"differ": ["a", "a"]}"#).contains("same digest"));
    let bytes =
        r#"{"on": "a", "save": [], "as": "one"}, {"on": "a", "commit": []}, {"on": "a", "save": [], "as": "two"}"#;
    let same = r#"{"same-bytes": [{"bytes": "one"}, {"bytes": "two"}]}"#;
    assert!(failure(&format!("{bytes}, {same}")).contains("differ"));
    assert!(failure(r#"{"other-bytes": ["0a", "0a"]}"#).contains("the same"));
    assert!(failure(r#"{"shorter": ["0a0b", 2]}"#).contains("not less than 2"));
    assert!(failure(r#"{"load": ["a", {"bytes": "one"}]}"#).contains("no bytes are named"));
    assert!(failure(r#"{"load": ["a", ""], "error": {"corrupt": ""}}"#).contains("got"));
    let session = r#"{"on": "a", "store.create": ["a", {}]}, {"session.open": ["a", "a", {}], "as": "s"}"#;
    let progress = r#"{"on": "s", "session.progress": [], "gives": {"in-sync": true}}"#;
    assert!(failure(&format!("{session}, {progress}")).contains("got:      {}"));
    assert!(failure(r#"{"on": "s", "session.progress": []}"#).contains("nothing is named"));
    let dropped = format!(r#"{session}, {{"on": "s", "session.drop": []}}, {{"on": "s", "session.poll": 0}}"#);
    assert!(failure(&dropped).contains("nothing is named"));
    let dropped = format!(r#"{session}, {{"on": "a", "store.drop": []}}, {{"on": "s", "session.poll": 0}}"#);
    assert!(failure(&dropped).contains("nothing is named"));
    assert!(failure(r#"{"session.every-damage": {"to": [], "kind": "keep"}}"#).contains("no message to damage"));
    assert!(failure(r#"{"on": "a", "store.peer": []}"#).contains("nothing is named"));
    let inner = r#"{"on": "c", "get": ["t", "r"], "gives": null}"#;
    let group = format!(r#"{{"all-orders": {{"from": "b", "as": "c", "steps": [{inner}]}}}}"#);
    assert!(failure(&format!("{other} {group}")).contains("in the order"));
}

#[test]
fn orders_are_all_and_distinct() {
    let mut orders = permutations(4).unwrap();
    orders.sort();
    orders.dedup();
    assert_eq!(orders.len(), 24);
    permutations(8).unwrap_err();
}
