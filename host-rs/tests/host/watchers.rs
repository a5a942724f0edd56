//! Tests of `Watcher`: the changes that its iterators and `take` return, and lifetimes.

use crate::create;
use converge::{Cell, Error, RowOp};

type Tested = Result<(), Error>;

#[test]
fn each_change_is_reported_once_and_changes_of_a_row_as_one() -> Tested {
    let doc = create("ann")?;
    doc.insert("people", "p0", [("name", "Zoe")])?;
    let mut watcher = doc.watch(&["people"], false)?;
    assert!(watcher.ops().next().is_none());

    doc.insert("people", "p1", [("name", "Alice")])?;
    doc.update("people", "p1", [("name", "Alicia")])?;
    doc.insert("places", "x", [("name", "Oslo")])?;
    doc.delete("people", "p0")?;
    let ops: Vec<RowOp> = watcher.ops().collect::<Result<_, _>>()?;
    assert_eq!(ops, [RowOp::insert("people", "p1", [("name", "Alicia")]), RowOp::delete("people", "p0")]);

    // A later iterator of the same watcher returns later changes.
    assert!(watcher.ops().next().is_none());
    doc.update("people", "p1", [("age", 30)])?;
    let mut seen = Vec::new();
    for op in watcher.ops() {
        seen.push(op?);
    }
    assert_eq!(seen, [RowOp::update("people", "p1", [("age", 30)])]);
    Ok(())
}

#[test]
fn from_the_start_every_row_is_returned_in_several_pages() -> Tested {
    let doc = create("ann")?;
    let rows: Vec<RowOp> = (0..3_000).map(|row| RowOp::insert("t", format!("{row:04}"), [("x", row)])).collect();
    doc.commit(rows.clone())?;
    let mut watcher = doc.watch(&[], true)?;
    let ops: Vec<RowOp> = watcher.ops().collect::<Result<_, _>>()?;
    assert_eq!(ops, rows);
    Ok(())
}

#[test]
fn changes_that_an_iterator_did_not_reach_are_not_lost() -> Tested {
    let doc = create("ann")?;
    let mut watcher = doc.watch(&[], false)?;
    for row in ["a", "b", "c", "d"] {
        doc.insert("t", row, [("x", 1)])?;
    }
    let op = |row: &str| RowOp::insert("t", row, [("x", 1)]);
    assert_eq!(watcher.ops().next().transpose()?, Some(op("a")));

    let changes = watcher.take(2)?;
    assert_eq!((changes.ops, changes.more), (vec![op("b"), op("c")], true));
    let changes = watcher.take(2)?;
    assert_eq!((changes.ops, changes.more), (vec![op("d")], false));
    assert_eq!(watcher.take(2)?.ops, []);
    Ok(())
}

#[test]
fn watchers_keep_their_document_alive_until_they_are_dropped() -> Tested {
    let doc = create("ann")?;
    let mut watcher = doc.watch(&[], true)?;
    doc.insert("t", "r", [Cell::new("x", 1)])?;
    let instance = doc.instance().clone();
    drop(doc);
    assert_eq!(watcher.take(10)?.ops, [RowOp::insert("t", "r", [("x", 1)])]);
    drop(watcher);
    assert_eq!(instance.doc("ben")?.tables()?, []);
    Ok(())
}

#[test]
fn a_dropped_watcher_makes_room_for_another() -> Tested {
    let doc = create("ann")?;
    let limits = doc.instance().limits()?;
    let maximum = limits.iter().find(|limit| limit.name == "watchers").map_or(0, |limit| limit.maximum);
    let mut watchers = (0..maximum).map(|_| doc.watch(&[], false)).collect::<Result<Vec<_>, _>>()?;
    assert!(matches!(doc.watch(&[], false), Err(Error::LimitExceeded { .. })));
    watchers.pop();
    doc.watch(&[], false)?;
    Ok(())
}
