//! The runner fails where it must: on wrong expectations, and on a host that does not keep the contract.

use super::{permutations, run};
use crate::case::{Case, parse_case};
use crate::host::{Document, Host, Refusal};
use crate::native::Native;
use converge_engine::{
    Cell, Changes, Commit, Doc, EventBatch, EventId, EventRun, MergeReport, Page, PeerVersion, ScanOptions,
    TableSummary, WatcherNumber,
};

fn case(steps: &str) -> Case {
    let text = format!("{{\"about\": \"\", \"steps\": [{{\"create\": \"a\"}}, {steps}]}}");
    parse_case("c".to_owned(), &text).unwrap()
}

fn failure(steps: &str) -> String {
    run(&Native, &case(steps)).unwrap_err()
}

/// A host whose refused updates leave a trace.
struct Careless;
struct CarelessDoc(Doc);

impl Host for Careless {
    const NAME: &'static str = "careless";
    type Document = CarelessDoc;

    fn version(&self) -> String {
        Native.version()
    }

    fn limits(&self) -> Vec<(String, u64)> {
        Native.limits()
    }

    fn create(&self, peer: &str) -> Result<CarelessDoc, Refusal> {
        Native.create(peer).map(CarelessDoc)
    }
}

impl Document for CarelessDoc {
    type Watcher = WatcherNumber;

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

    fn commit(&mut self, ops: Commit) -> Result<EventId, Refusal> {
        Document::commit(&mut self.0, ops)
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

    fn take(&mut self, watcher: &mut WatcherNumber, most: u32) -> Changes {
        Document::take(&mut self.0, watcher, most)
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

    fn events_since(&mut self, known: Vec<PeerVersion>, most: u32) -> Result<EventBatch, Refusal> {
        Document::events_since(&mut self.0, known, most)
    }

    fn merge_events(&mut self, events: Vec<EventRun>) -> Result<MergeReport, Refusal> {
        Document::merge_events(&mut self.0, events)
    }
}

#[test]
fn a_refused_call_that_changes_something_fails() {
    let refused = case(r#"{"on": "a", "update": ["t", "r", []], "error": {"no-such-row": ["t", "r"]}}"#);
    run(&Native, &refused).unwrap();
    assert!(run(&Careless, &refused).unwrap_err().contains("the document changed"));
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
