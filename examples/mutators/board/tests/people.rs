//! Runs the JavaScript mutators in `../people`, which `just mutators` builds, in the Rust host.

use converge::mutators::{Call, Error, Mutators, Options};
use converge::{Doc, Value};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

fn people() -> &'static Mutators {
    static PEOPLE: OnceLock<Mutators> = OnceLock::new();
    PEOPLE.get_or_init(|| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/people.wasm");
        let component = fs::read(&file);
        let component = component.unwrap_or_else(|error| panic!("{error}; `just mutators` builds {}", file.display()));
        Mutators::load(&component, Options::default().clock(Duration::from_secs(1_800_000_000))).unwrap()
    })
}

/// Returns a document with four tasks.
fn tasks() -> Doc {
    let doc = Doc::create("ann").unwrap();
    for task in ["t1", "t2", "t3", "t4"] {
        doc.insert("tasks", task, [("title", Value::from("A task")), ("done", false.into())]).unwrap();
    }
    doc
}

/// Returns a cell of a task.
fn cell(doc: &Doc, task: &str, column: &str) -> Option<Value> {
    doc.get("tasks", task).unwrap()?.into_iter().find(|cell| cell.column == column).map(|cell| cell.value)
}

fn rejected(doc: &Doc, name: &str, arguments: &[&str]) -> Error {
    let before = doc.save().unwrap();
    let error = people().apply(doc, &Call::new(name, arguments.iter().copied())).unwrap_err();
    assert_eq!(doc.save().unwrap(), before, "{name}");
    error
}

#[test]
fn javascript_mutators_read_and_write_in_a_transaction() {
    let doc = tasks();
    assert_eq!(people().names(), ["assign", "leave", "vote", "note", "stamp", "fail"]);
    for task in ["t1", "t2", "t3"] {
        people().apply(&doc, &Call::new("assign", [task, "Ben"])).unwrap();
    }
    let error = rejected(&doc, "assign", &["t4", "Ben"]);
    assert!(matches!(&error, Error::Rejected(text) if text == "Ben already has 3 tasks"), "{error}");
    let error = rejected(&doc, "assign", &["t9", "Ben"]);
    assert!(matches!(&error, Error::Rejected(text) if text == "task \"t9\" does not exist"), "{error}");

    let error = rejected(&doc, "assign", &["t4"]);
    assert!(matches!(&error, Error::InvalidArguments(text) if text.contains("two texts")), "{error}");
    for (name, expected) in [("stamp", "a task"), ("leave", "a person")] {
        let error = rejected(&doc, name, &[]);
        assert!(matches!(&error, Error::InvalidArguments(text) if text.contains(expected)), "{error}");
    }
    let error = rejected(&doc, "stamp", &["t9"]);
    assert!(matches!(&error, Error::Failed(converge::Error::NoSuchRow { row, .. }) if row == "t9"), "{error}");

    let before = doc.version().unwrap()[0].count;
    people().apply(&doc, &Call::new("leave", ["Ben"])).unwrap();
    assert_eq!(doc.version().unwrap()[0].count, before + 1);
    assert!(["t1", "t2", "t3"].iter().all(|task| cell(&doc, task, "person").is_none()));
}

#[test]
fn javascript_mutators_add_to_integers() {
    let doc = tasks();
    let vote = |task: &str, votes: i64| Call::new("vote", [Value::from(task), votes.into()]);
    people().apply(&doc, &vote("t1", 3)).unwrap();
    people().apply(&doc, &vote("t1", 1)).unwrap();
    assert_eq!(cell(&doc, "t1", "votes"), Some(Value::Integer(4)));
    let error = people().apply(&doc, &vote("t1", -1)).unwrap_err();
    assert!(matches!(&error, Error::InvalidArguments(text) if text.contains("from 0 on")), "{error}");
    let error = people().apply(&doc, &vote("t9", 1)).unwrap_err();
    assert!(matches!(&error, Error::Failed(converge::Error::NoSuchRow { row, .. }) if row == "t9"), "{error}");
    let error = people().apply(&doc, &vote("t1", i64::MAX)).unwrap_err();
    assert!(matches!(&error, Error::Failed(converge::Error::InvalidArgument(_))), "{error}");
}

#[test]
fn javascript_mutators_splice_texts() {
    let doc = tasks();
    let note = |task: &str, at: i64, remove: i64, insert: &str| {
        Call::new("note", [Value::from(task), at.into(), remove.into(), insert.into()])
    };
    people().apply(&doc, &note("t1", 0, 0, "Grüße \u{1f600}")).unwrap();
    people().apply(&doc, &note("t1", 6, 1, "an alle")).unwrap();
    assert_eq!(cell(&doc, "t1", "notes"), Some(Value::from("Grüße an alle")));
    let error = people().apply(&doc, &note("t1", -1, 0, "")).unwrap_err();
    assert!(matches!(&error, Error::InvalidArguments(text) if text.contains("from 0 to")), "{error}");
    let error = people().apply(&doc, &note("t1", 14, 0, "!")).unwrap_err();
    assert!(matches!(&error, Error::Failed(converge::Error::InvalidArgument(_))), "{error}");
    let error = people().apply(&doc, &note("t9", 0, 0, "!")).unwrap_err();
    assert!(matches!(&error, Error::Failed(converge::Error::NoSuchRow { row, .. }) if row == "t9"), "{error}");
}

#[test]
fn time_and_random_numbers_are_the_same_in_each_call() {
    let [one, other] = [(); 2].map(|()| {
        let doc = tasks();
        people().apply(&doc, &Call::new("stamp", ["t1"])).unwrap();
        doc
    });
    assert_eq!(cell(&one, "t1", "stamped"), Some(Value::Integer(1_800_000_000_000)));
    assert_eq!(one.save().unwrap(), other.save().unwrap());
}

#[test]
fn a_trap_commits_nothing_and_reports_stderr() {
    let Error::Trap { stderr, .. } = rejected(&tasks(), "fail", &[]) else { panic!("the call did not trap") };
    assert!(stderr.contains("a diagnostic message"), "{stderr}");
}
