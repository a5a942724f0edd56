//! Table names that start with `converge.`. Some of them are ordinary tables that belong to the
//! engine. All others are rejected.

use converge_engine::{Cell, Doc, Error, Invalid, RowOp, Transaction};

#[test]
fn tables_of_the_engine_are_ordinary_tables() -> Result<(), Error> {
    let mut doc = Doc::create("ann")?;
    for table in ["converge.mutations", "converge.code", "converge.functions", "converge.models", "converge.fields"] {
        doc.insert(table, "r", vec![Cell::new("x", 1)])?;
        doc.watch(&[table.to_owned()], true)?;
    }
    doc.insert("converge", "r", Vec::new())?;
    doc.insert("Converge.code", "r", Vec::new())?;
    assert_eq!((doc.tables().len(), Doc::load("ben", &doc.save())?.digest()), (7, doc.digest()));
    let mut other = Doc::create("ben")?;
    other.merge_events(doc.events_since(&other.summary(), u32::MAX)?.runs)?;
    assert_eq!(other.digest(), doc.digest());
    Ok(())
}

/// `tests/crashers` contains them as bytes.
#[test]
fn other_reserved_tables_are_rejected() -> Result<(), Error> {
    let mut doc = Doc::create("ann")?;
    doc.insert("t", "r", Vec::new())?;
    for table in ["converge.", "converge.secret", "converge.codes", "converge.code.x", "converge.\u{10ffff}"] {
        let reserved = Error::InvalidArgument(Invalid::ReservedTable(table.to_owned()));
        let saved = doc.save();
        assert_eq!(doc.insert(table, "r", Vec::new()), Err(reserved.clone()));
        assert_eq!(doc.update(table, "r", Vec::new()), Err(reserved.clone()));
        assert_eq!(doc.unset(table, "r", Vec::new()), Err(reserved.clone()));
        assert_eq!(Transaction::default().insert(&doc, table, "r", Vec::new()), Err(reserved.clone()));
        assert_eq!(doc.watch(&[table.to_owned()], false), Err(reserved.clone()));
        let mut runs = doc.events_since(&Doc::summary_of(&[])?, 1)?.runs;
        runs[0].peer = "ben".to_owned();
        runs[0].commits = vec![vec![RowOp::Delete { table: table.to_owned(), row: "r".to_owned() }]];
        assert_eq!(doc.merge_events(runs), Err(reserved));
        assert_eq!(doc.save(), saved);
    }
    Ok(())
}
