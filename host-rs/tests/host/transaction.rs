//! Transactions: one event or none, on a document that others write to.

use converge::{Doc, Error, EventId, ScanOptions, Value};

#[test]
fn a_transaction_is_one_event_or_none() {
    let doc = Doc::create("ann").unwrap();
    doc.insert("t", "r", [("x", 1)]).unwrap();
    let transaction = doc.begin().unwrap();
    transaction.update("t", "r", [("x", 2)]).unwrap();
    transaction.insert("t", "s", [("x", 3)]).unwrap();
    assert!(matches!(transaction.delete("t", "gone"), Err(Error::NoSuchRow { .. })));
    assert!(matches!(transaction.insert("", "r", [("x", 1)]), Err(Error::InvalidArgument(_))));
    assert_eq!(transaction.get("t", "r").unwrap().unwrap()[0].value, Value::Integer(2));
    let page = transaction.scan("t", &ScanOptions { limit: 1, ..ScanOptions::default() }).unwrap();
    assert_eq!((page.rows[0].id.as_str(), page.more), ("r", true));
    assert_eq!(doc.get("t", "s").unwrap(), None);
    assert_eq!(transaction.commit().unwrap(), Some(EventId::new("ann", 1)));
    assert_eq!(doc.tables().unwrap()[0].rows, 2);

    doc.begin().unwrap().insert("t", "dropped", [("x", 1)]).unwrap();
    assert_eq!(doc.begin().unwrap().commit().unwrap(), None);
    assert_eq!(doc.version().unwrap()[0].count, 2);
}

#[test]
fn a_commit_on_a_row_that_went_away_is_refused() {
    let doc = Doc::create("ann").unwrap();
    doc.insert("t", "r", [("x", 1)]).unwrap();
    let transaction = doc.begin().unwrap();
    transaction.update("t", "r", [("x", 2)]).unwrap();
    doc.delete("t", "r").unwrap();
    assert!(matches!(transaction.commit(), Err(Error::NoSuchRow { .. })));
    assert_eq!(doc.version().unwrap()[0].count, 2);
}

#[test]
fn a_transaction_lives_on_without_the_value_of_its_document() {
    let doc = Doc::create("ann").unwrap();
    let transaction = doc.begin().unwrap();
    drop(doc);
    transaction.insert("t", "r", [("x", 1)]).unwrap();
    assert_eq!(transaction.commit().unwrap(), Some(EventId::new("ann", 0)));
}
