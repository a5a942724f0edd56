//! Mutators in JavaScript, run in the Rust host: `../people`, which `just mutators` builds, on the tasks of the board.

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
        let component = component.unwrap_or_else(|error| panic!("{error}; `just mutators` makes {}", file.display()));
        Mutators::load(&component, Options { clock: Duration::from_secs(1_800_000_000), ..Options::default() }).unwrap()
    })
}

/// A document with four tasks.
fn tasks() -> Doc {
    let doc = Doc::create("ann").unwrap();
    for task in ["t1", "t2", "t3", "t4"] {
        doc.insert("tasks", task, [("title", Value::from("A task")), ("done", false.into())]).unwrap();
    }
    doc
}

/// The cell of a task.
fn cell(doc: &Doc, task: &str, column: &str) -> Option<Value> {
    doc.get("tasks", task).unwrap()?.into_iter().find(|cell| cell.column == column).map(|cell| cell.value)
}

fn refused(doc: &Doc, name: &str, arguments: &[&str]) -> Error {
    let before = doc.save().unwrap();
    let error = people().apply(doc, &Call::new(name, arguments.iter().copied())).unwrap_err();
    assert_eq!(doc.save().unwrap(), before, "{name}");
    error
}

#[test]
fn javascript_reads_and_writes_in_the_transaction() {
    let doc = tasks();
    assert_eq!(people().names(), ["assign", "leave", "stamp", "fail"]);
    for task in ["t1", "t2", "t3"] {
        people().apply(&doc, &Call::new("assign", [task, "Ben"])).unwrap();
    }
    let error = refused(&doc, "assign", &["t4", "Ben"]);
    assert!(matches!(&error, Error::Rejected(text) if text == "Ben has 3 tasks already"), "{error}");
    let error = refused(&doc, "assign", &["t9", "Ben"]);
    assert!(matches!(&error, Error::Rejected(text) if text == "there is no task \"t9\""), "{error}");

    let error = refused(&doc, "assign", &["t4"]);
    assert!(matches!(&error, Error::InvalidArguments(text) if text.contains("as texts")), "{error}");
    let error = refused(&doc, "stamp", &["t9"]);
    assert!(matches!(&error, Error::Failed(converge::Error::NoSuchRow { row, .. }) if row == "t9"), "{error}");

    let before = doc.version().unwrap()[0].count;
    people().apply(&doc, &Call::new("leave", ["Ben"])).unwrap();
    assert_eq!(doc.version().unwrap()[0].count, before + 1);
    assert!(["t1", "t2", "t3"].iter().all(|task| cell(&doc, task, "person").is_none()));
}

#[test]
fn what_javascript_has_of_the_world_is_the_same_each_time() {
    let [one, other] = [(); 2].map(|()| {
        let doc = tasks();
        people().apply(&doc, &Call::new("stamp", ["t1"])).unwrap();
        doc
    });
    assert_eq!(cell(&one, "t1", "stamped"), Some(Value::Integer(1_800_000_000_000)));
    assert_eq!(one.save().unwrap(), other.save().unwrap());
}

#[test]
fn a_defect_commits_nothing_and_says_what_it_was() {
    let Error::Trap { stderr, .. } = refused(&tasks(), "fail", &[]) else { panic!("it did not stop") };
    assert!(stderr.contains("this is what went wrong"), "{stderr}");
}
