//! Tests of `Transaction`: reads, commits, lifetimes and errors.

use crate::create;
use converge::{Error, EventId, ScanOptions, Value};

#[test]
fn a_transaction_commits_one_event_or_none() {
    let doc = create("ann").unwrap();
    doc.insert("t", "r", [("x", 1)]).unwrap();
    let transaction = doc.begin().unwrap();
    transaction.update("t", "r", [("x", 2)]).unwrap();
    transaction.insert("t", "s", [("x", 3)]).unwrap();
    assert!(matches!(transaction.delete("t", "gone"), Err(Error::NoSuchRow { .. })));
    assert!(matches!(transaction.insert("", "r", [("x", 1)]), Err(Error::InvalidArgument(_))));
    assert_eq!(transaction.get("t", "r").unwrap().unwrap()[0].value, Value::Integer(2));
    let page = transaction.scan("t", &ScanOptions::default().limit(1)).unwrap();
    assert_eq!((page.rows[0].id.as_str(), page.more), ("r", true));
    assert_eq!(doc.get("t", "s").unwrap(), None);
    assert_eq!(doc.commit_transaction(transaction).unwrap(), Some(EventId::new("ann", 1)));
    assert_eq!(doc.tables().unwrap()[0].rows, 2);

    doc.begin().unwrap().insert("t", "dropped", [("x", 1)]).unwrap();
    assert_eq!(doc.commit_transaction(doc.begin().unwrap()).unwrap(), None);
    assert_eq!(doc.version().unwrap()[0].count, 2);
}

#[test]
fn a_commit_that_updates_a_deleted_row_fails() {
    let doc = create("ann").unwrap();
    doc.insert("t", "r", [("x", 1)]).unwrap();
    let transaction = doc.begin().unwrap();
    transaction.update("t", "r", [("x", 2)]).unwrap();
    doc.delete("t", "r").unwrap();
    assert!(matches!(doc.commit_transaction(transaction), Err(Error::NoSuchRow { .. })));
    assert_eq!(doc.version().unwrap()[0].count, 2);
}

#[test]
fn a_transaction_keeps_its_document_alive() {
    let doc = create("ann").unwrap();
    let transaction = doc.begin().unwrap();
    drop(doc);
    transaction.insert("t", "r", [("x", 1)]).unwrap();
    assert!(transaction.get("t", "r").unwrap().is_some());
}

#[test]
fn a_transaction_of_another_document_is_rejected() {
    let ann = create("ann").unwrap();
    let neighbor = ann.instance().doc("ben").unwrap();
    let transaction = neighbor.begin().unwrap();
    transaction.insert("t", "r", [("x", 1)]).unwrap();
    let refused = ann.commit_transaction(transaction);
    let expected = "the transaction was begun on another document; commit it on that one";
    assert!(matches!(&refused, Err(Error::InvalidArgument(why)) if why == expected), "{refused:?}");

    let elsewhere = create("ben").unwrap();
    let refused = ann.commit_transaction(elsewhere.begin().unwrap());
    assert!(matches!(refused, Err(Error::OtherInstance)));
    for doc in [&ann, &neighbor, &elsewhere] {
        assert_eq!(doc.version().unwrap(), []);
    }
    ann.insert("t", "r", [("x", 1)]).unwrap();
}

#[test]
fn touched_returns_the_rows_that_the_writes_touch() {
    let doc = create("ann").unwrap();
    doc.insert("t", "r", [("x", 1), ("y", 2)]).unwrap();
    let transaction = doc.begin().unwrap();
    assert_eq!(transaction.touched().unwrap(), []);
    transaction.insert("u", "s", [("x", 3)]).unwrap();
    transaction.unset("t", "r", ["y"]).unwrap();
    assert!(matches!(transaction.unset("t", "gone", ["y"]), Err(Error::NoSuchRow { .. })));
    let touched = transaction.touched().unwrap();
    let touched: Vec<(&str, &str)> = touched.iter().map(|row| (row.table.as_str(), row.row.as_str())).collect();
    assert_eq!(touched, [("t", "r"), ("u", "s")]);
    assert_eq!(transaction.get("t", "r").unwrap().unwrap().len(), 1);
    doc.commit_transaction(transaction).unwrap();
    assert_eq!(doc.get("t", "r").unwrap().unwrap().len(), 1);
}
