//! Tests of the limits that the backend does not have, and of what it shares with the other one.

use crate::backend::options;
use crate::create;
use converge::{Backend, Error, Instance, RowOp};
use std::time::Duration;

#[test]
fn memory_and_time_are_not_limited() -> Result<(), Error> {
    let instance = Instance::new(options().memory_bytes(0).call_time(Duration::ZERO))?;
    let doc = instance.doc("ann")?;
    doc.commit((0..10_000).map(|row| RowOp::insert("t", row.to_string(), [("x", row)])))?;
    assert_eq!(doc.tables()?[0].rows, 10_000);
    assert_eq!(instance.memory_bytes(), 0);
    Ok(())
}

#[test]
fn objects_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<(converge::Doc, converge::Store, converge::Session)>();
    shared::<(converge::Transaction, converge::Watcher, converge::UpdateReader, Instance)>();
}

#[test]
fn objects_are_dropped_in_any_order_and_their_room_is_used_again() -> Result<(), Error> {
    let instance = Instance::new(options())?;
    for round in 0..3 {
        let docs = [instance.doc("ann")?, instance.doc("ben")?, instance.doc("cid")?];
        let [ann, ben, cid] = docs;
        let (transaction, mut watcher) = (ben.begin()?, cid.watch(&[], true)?);
        drop(ben);
        transaction.insert("t", "r", [("x", round)])?;
        cid.insert("t", "r", [("x", round)])?;
        drop(cid);
        let dan = instance.doc("dan")?;
        assert_eq!(watcher.take(10)?.ops.len(), 1);
        assert_eq!((ann.tables()?, dan.tables()?), (vec![], vec![]));
        assert_eq!((ann.peer()?, dan.peer()?), ("ann".to_owned(), "dan".to_owned()));
        drop(transaction);
        assert_eq!(ann.insert("t", "r", [("x", 1)])?.counter, 0);
    }
    Ok(())
}

/// The other backend is used only if both features are enabled, as in the tests of the workspace.
#[cfg(feature = "component")]
#[test]
fn both_backends_save_the_same_bytes_and_exchange_updates() -> Result<(), Error> {
    let (here, there) = (create("ann")?, Instance::new(options().backend(Backend::Component))?.doc("ann")?);
    for doc in [&here, &there] {
        doc.insert("t", "r", [("x", 1)])?;
        doc.update("t", "r", [("x", 2)])?;
    }
    assert_eq!(here.save()?, there.save()?);
    here.update("t", "r", [("x", 3)])?;
    there.merge_update(&here.update_since(&there.summary()?)?)?;
    assert_eq!(here.digest()?, there.digest()?);
    assert!(matches!(here.commit_transaction(there.begin()?), Err(Error::OtherInstance)));
    Ok(())
}
