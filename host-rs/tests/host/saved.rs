//! Tests of saved documents, updates, compaction and older versions, and of the errors of these
//! calls. The conformance cases test what the functions mean.

use crate::{create, instance, load};
use converge::{Doc, Error, EventId, EventRun, PeerVersion, RowOp, Value};

type Tested = Result<(), Error>;

fn known(peer: &str, count: u32) -> PeerVersion {
    PeerVersion::new(peer, count)
}

/// Returns a document with two events: the insert and the update of a row.
fn example() -> Result<Doc, Error> {
    let doc = create("ann")?;
    doc.insert("people", "p1", [("name", Value::from("Alice")), ("age", 30.into())])?;
    doc.update("people", "p1", [("age", 31)])?;
    Ok(doc)
}

/// Checks that two documents have the same rows, version, heads and saved bytes.
fn same(one: &Doc, other: &Doc) -> Tested {
    assert_eq!(one.digest()?, other.digest()?);
    assert_eq!(one.version()?, other.version()?);
    assert_eq!(one.heads()?, other.heads()?);
    assert_eq!(one.save()?, other.save()?);
    Ok(())
}

/// Returns the summary of a replica that knows this version.
fn summary_of(version: &[PeerVersion]) -> Result<Vec<u8>, Error> {
    instance()?.summary_of(version)
}

/// Returns the summary of a replica that knows nothing.
fn nothing() -> Result<Vec<u8>, Error> {
    summary_of(&[])
}

/// Returns the fingerprint of an event without dependencies.
fn fingerprint_of(event: &EventRun) -> Result<u64, Error> {
    let doc = create("another")?;
    doc.merge_events([event.clone()])?;
    let permanent = doc.permanent_id(&EventId::new(&event.peer, event.start))?.peer;
    let digits = permanent.rsplit('~').next().expect("the name is permanent");
    Ok(u64::from_str_radix(digits, 16).expect("the name ends with a fingerprint"))
}

#[test]
fn a_restarted_replica_continues_with_its_counter() -> Tested {
    let doc = example()?;
    let awaited = EventRun::new("ben", 0, [vec![]]);
    let fingerprint = fingerprint_of(&awaited)?;
    let mut early = EventRun::new("ben", 1, [vec![RowOp::insert("people", "p2", [("name", "Bob")])]]);
    early.lamport = Some(3);
    early.deps = vec![EventId::new("ben", 0)];
    early.fingerprints = vec![fingerprint, fingerprint];
    assert_eq!(doc.merge_events([early])?.waiting, 1);
    let saved = doc.save()?;

    let restarted = load("ann", &saved)?;
    assert_eq!(restarted.peer()?, "ann");
    same(&doc, &restarted)?;
    // The waiting event takes effect after the event that it depends on.
    assert_eq!(restarted.merge_events([awaited])?.applied, 2);
    assert!(restarted.get("people", "p2")?.is_some());
    assert_eq!(restarted.update("people", "p1", [("age", 32)])?, EventId::new("ann", 2));

    let instance = instance()?;
    let (zoe, again) = (instance.load("zoe", &saved)?, instance.load("ann", &saved)?);
    assert_eq!(zoe.update("people", "p1", [("age", 33)])?, EventId::new("zoe", 0));
    same(&doc, &again)
}

#[test]
fn updates_and_documents_merge() -> Tested {
    let (ann, ben) = (example()?, create("ben")?);
    let report = ben.merge_update(&ann.update_since(&summary_of(&[known("ann", 1)])?)?)?;
    assert_eq!((report.applied, report.waiting, report.missing), (0, 1, vec![EventId::new("ann", 0)]));
    let report = ben.merge_update(&ann.save()?)?;
    assert_eq!((report.applied, report.waiting), (2, 0));
    same(&ann, &ben)?;

    ben.delete("people", "p1")?;
    let update = ben.update_since(&ann.summary()?)?;
    assert!(update.len() < 100, "{} bytes", update.len());
    assert_eq!(ann.merge_update(&update)?.applied, 1);
    assert_eq!(ann.merge_update(&update)?.duplicate, 1);
    same(&ann, &ben)
}

#[test]
fn a_replica_below_the_horizon_rebases() -> Tested {
    let (ann, ben) = (example()?, create("ben")?);
    ben.merge_update(&ann.save()?)?;
    ann.insert("people", "gone", [("name", "Eve")])?;
    ann.delete("people", "gone")?;
    let before = ann.digest()?;
    let report = ann.compact(&[ann.summary()?])?;
    assert_eq!((report.events_dropped, report.tombstones_dropped), (4, 1));
    assert_eq!(ann.digest()?, before);

    let horizon = vec![known("ann", 4)];
    let compacted =
        |error: Result<_, Error>| assert!(matches!(error, Err(Error::Compacted(version)) if version == horizon));
    compacted(ann.update_since(&nothing()?).map(drop));
    compacted(ann.events_since(&nothing()?, 1).map(drop));
    compacted(ann.diff(&[], &ann.heads()?).map(drop));
    compacted(ann.fork_at(&[EventId::new("ann", 0)], "fork").map(drop));
    ben.update("people", "p1", [("name", "Alicia")])?;
    compacted(ann.merge_update(&ben.update_since(&summary_of(&[known("ann", 2)])?)?).map(drop));
    compacted(ben.merge_update(&ann.save()?).map(drop));

    let report = ben.rebase(&ann.save()?)?;
    assert_eq!((report.applied, report.duplicate, report.missing), (1, 2, vec![]));
    assert_eq!(ann.merge_update(&ben.update_since(&ann.summary()?)?)?.applied, 1);
    same(&ann, &ben)?;
    let name = ann.get("people", "p1")?.unwrap_or_default().remove(1);
    assert_eq!(name.value, Value::from("Alicia"));
    same(&ann, &load("zoe", &ann.save()?)?)
}

#[test]
fn older_versions_are_compared_and_forked() -> Tested {
    let doc = example()?;
    let (first, last) = ([EventId::new("ann", 0)], doc.heads()?);
    assert_eq!(doc.diff(&first, &last)?, [RowOp::update("people", "p1", [("age", 31)])]);
    assert_eq!(doc.diff(&last, &[])?, [RowOp::delete("people", "p1")]);
    let fork = doc.fork_at(&first, "fork")?;
    assert_eq!(fork.peer()?, "fork");
    assert_eq!(fork.version()?, [known("ann", 1)]);
    // The fork is independent of its origin, in the same instance, and outlives it.
    assert_eq!(fork.instance().memory_bytes(), doc.instance().memory_bytes());
    fork.delete("people", "p1")?;
    assert!(doc.get("people", "p1")?.is_some());
    drop(doc);
    assert_eq!(fork.tables()?, []);
    Ok(())
}

#[test]
fn errors_have_their_types_and_change_nothing() -> Tested {
    let doc = example()?;
    let before = doc.save()?;
    let update = doc.update_since(&nothing()?)?;
    let mut flipped = before.clone();
    flipped[20] ^= 1;
    let mut newer = before.clone();
    newer[4] = 2;

    for bytes in [&before[..before.len() - 1], &flipped, b"", b"PK"] {
        assert!(matches!(load("ann", bytes), Err(Error::Corrupt(_))));
        assert!(matches!(doc.merge_update(bytes), Err(Error::Corrupt(_))));
        assert!(matches!(doc.rebase(bytes), Err(Error::Corrupt(_))));
    }
    assert!(matches!(load("ann", &newer), Err(Error::UnsupportedVersion(2))));
    assert!(matches!(doc.merge_update(&newer), Err(Error::UnsupportedVersion(2))));
    assert!(matches!(load("ann", &update), Err(Error::Corrupt(_))));
    assert!(matches!(doc.rebase(&update), Err(Error::Corrupt(_))));
    assert!(matches!(load("", &before), Err(Error::InvalidArgument(_))));
    assert!(matches!(doc.fork_at(&[], ""), Err(Error::InvalidArgument(_))));
    assert!(matches!(summary_of(&[known("a", 1), known("a", 1)]), Err(Error::InvalidArgument(_))));
    assert!(matches!(doc.update_since(b"not a summary"), Err(Error::Corrupt(_))));
    assert!(matches!(doc.compact(&[b"not a summary".to_vec()]), Err(Error::Corrupt(_))));
    let unknown = EventId::new("ann", 9);
    assert!(matches!(doc.permanent_id(&unknown), Err(Error::InvalidArgument(_))));
    let unknown = [EventId::new("ann", 2)];
    assert!(matches!(doc.diff(&unknown, &[]), Err(Error::InvalidArgument(_))));
    assert!(matches!(doc.fork_at(&unknown, "fork"), Err(Error::InvalidArgument(_))));
    assert_eq!(doc.save()?, before);
    Ok(())
}

/// By default, wasmtime limits the arguments and results of a call to 128 MiB.
#[test]
fn documents_of_more_than_128_mib_are_saved_and_merged() -> Tested {
    let doc = create("ann")?;
    let blob = vec![7_u8; 15 << 20];
    for row in 0..9_u8 {
        let mut blob = blob.clone();
        // All values differ, because equal values can be stored once.
        blob[0] = row;
        doc.insert("t", &row.to_string(), [("x", blob)])?;
    }
    let saved = doc.save()?;
    assert!(saved.len() > 128 << 20, "{} bytes", saved.len());
    let loaded = load("ann", &saved)?;
    assert_eq!(loaded.digest()?, doc.digest()?);
    drop(doc);

    let update = loaded.update_since(&nothing()?)?;
    assert!(update.len() > 128 << 20, "{} bytes", update.len());
    let merged = create("ben")?;
    assert_eq!(merged.merge_update(&update)?.applied, 9);
    assert_eq!(merged.digest()?, loaded.digest()?);
    Ok(())
}
