//! Tests of `Doc` that call the component: reading, writing and exchanging events, and the errors
//! of these calls. The conformance cases test what the functions mean.

use crate::{create, instance};
use converge::{Cell, Doc, Error, EventId, EventRun, KeyRange, PeerVersion, RowOp, ScanOptions, Value};

type Tested = Result<(), Error>;

/// Merges the events into `to` that it lacks from `from`.
fn deliver(from: &Doc, to: &Doc) -> Tested {
    let batch = from.events_since(&to.summary()?, u32::MAX)?;
    assert!(!batch.more);
    to.merge_events(batch.runs)?;
    Ok(())
}

#[test]
fn two_replicas_write_independently_and_converge() -> Tested {
    let (ann, ben) = (create("ann")?, create("ben")?);
    assert_eq!(ann.peer()?, "ann");
    assert_eq!(
        ann.insert("people", "p1", [("name", Value::from("Alice")), ("age", 30.into())])?,
        EventId::new("ann", 0)
    );
    ben.insert("people", "p1", [("town", "Oslo")])?;
    ben.insert("people", "p2", [("name", "Bob")])?;
    assert_ne!(ann.digest()?, ben.digest()?);

    deliver(&ann, &ben)?;
    deliver(&ben, &ann)?;
    assert_eq!(ann.digest()?, ben.digest()?);
    assert_eq!(ann.digest()?.to_string().len(), 64);
    assert_eq!(ann.heads()?, [EventId::new("ann", 0), EventId::new("ben", 1)]);
    let known = |peer: &str, count| PeerVersion { peer: peer.into(), count };
    assert_eq!(ben.version()?, [known("ann", 1), known("ben", 2)]);
    let tables = ann.tables()?;
    assert_eq!((tables.len(), tables[0].name.as_str(), tables[0].rows), (1, "people", 2));
    let p1 = [Cell::new("age", 30), Cell::new("name", "Alice"), Cell::new("town", "Oslo")];
    assert_eq!(ben.get("people", "p1")?, Some(p1.to_vec()));

    ben.commit([RowOp::update("people", "p2", [("age", 31)]), RowOp::delete("people", "p1")])?;
    deliver(&ben, &ann)?;
    assert_eq!(ann.get("people", "p1")?, None);
    assert_eq!(ann.heads()?, [EventId::new("ben", 2)]);
    Ok(())
}

#[test]
fn every_value_is_read_as_it_was_written() -> Tested {
    let doc = create("ann")?;
    let cells = [
        Cell::new("a", None::<i64>),
        Cell::new("b", true),
        Cell::new("c", i64::MIN),
        Cell::new("d", -0.0),
        Cell::new("e", "\0 \u{10ffff}"),
        Cell::new("f", vec![0_u8, 255]),
        Cell::new("g", f64::INFINITY),
        Cell::new("h", ""),
    ];
    doc.insert("t", "r", &cells)?;
    let read = doc.get("t", "r")?.unwrap_or_default();
    assert_eq!(read, cells);
    assert!(matches!(read[3].value, Value::Real(zero) if zero.is_sign_negative()));

    doc.update("t", "r", [("d", f64::from_bits(0xfff0_0000_0000_0001))])?;
    let read = doc.get("t", "r")?.unwrap_or_default();
    assert!(matches!(read[3].value, Value::Real(nan) if nan.to_bits() == 0x7ff8_0000_0000_0000));
    Ok(())
}

#[test]
fn rows_reads_all_pages() -> Tested {
    let doc = create("ann")?;
    // Three rows with this value exceed the maximum size of a page in bytes.
    let large = vec![7_u8; 9 << 20];
    for row in ["a1", "a2", "a3", "b1"] {
        doc.insert("t", row, [("large", Value::from(large.as_slice())), ("small", row.into())])?;
    }
    let ids =
        |options: ScanOptions| doc.rows("t", options).map(|row| row.map(|row| row.id)).collect::<Result<Vec<_>, _>>();
    assert!(doc.scan("t", &ScanOptions::default())?.more);
    assert_eq!(ids(ScanOptions::default())?, ["a1", "a2", "a3", "b1"]);
    assert_eq!(ids(ScanOptions::default().limit(3))?, ["a1", "a2", "a3"]);
    assert_eq!(ids(ScanOptions::default().limit(0))?, [""; 0]);
    let down = ScanOptions::default().range(KeyRange::StartsWith("a".into())).descending(true);
    assert_eq!(ids(down)?, ["a3", "a2", "a1"]);
    let narrow = ScanOptions::default().columns(["small"]);
    assert!(!doc.scan("t", &narrow)?.more);

    let reversed = ScanOptions::default().range(KeyRange::Between("b".into(), "a".into()));
    let mut rows = doc.rows("t", reversed);
    assert!(matches!(rows.next(), Some(Err(Error::InvalidArgument(_)))));
    assert!(rows.next().is_none());
    Ok(())
}

#[test]
fn errors_have_the_details_of_the_contract_and_change_nothing() -> Tested {
    let doc = create("ann")?;
    doc.insert("t", "r", [("x", 1)])?;
    let before = (doc.digest()?, doc.version()?, doc.heads()?);

    let empty = doc.insert("", "r", [("x", 1)]);
    assert!(matches!(&empty, Err(Error::InvalidArgument(rule)) if rule.contains("table name is empty")), "{empty:?}");
    let long = doc.insert(&"t".repeat(257), "r", [("x", 1)]);
    assert!(
        matches!(&long, Err(Error::LimitExceeded { limit, maximum: 256, actual: 257 }) if limit == "table-bytes"),
        "{long:?}"
    );
    let missing = doc.update("t", "other", [("x", 1)]);
    assert!(matches!(&missing, Err(Error::NoSuchRow { table, row }) if table == "t" && row == "other"), "{missing:?}");
    let event = |lamport| {
        let mut event = EventRun::new("ben", 0, [vec![RowOp::insert("t", "r", [("y", 1)])]]);
        event.lamport = Some(lamport);
        event
    };
    let wrong = doc.merge_events([event(1), event(7)]);
    assert!(matches!(&wrong, Err(Error::InvalidArgument(rule)) if rule.contains("lamport")), "{wrong:?}");
    assert!(matches!(create(""), Err(Error::InvalidArgument(_))));

    assert_eq!((doc.digest()?, doc.version()?, doc.heads()?), before);
    assert_eq!(doc.merge_events([event(1)])?.applied, 1);
    Ok(())
}

#[test]
fn documents_in_one_instance_are_independent() -> Tested {
    let instance = instance()?;
    let (ann, ben) = (instance.doc("ann")?, instance.doc("ben")?);
    ann.insert("t", "r", [("x", 1)])?;
    assert_eq!(ben.get("t", "r")?, None);
    drop(ann);
    ben.insert("t", "r", [("x", 2)])?;
    assert_eq!(instance.version()?, env!("CARGO_PKG_VERSION"));
    assert!(instance.limits()?.iter().any(|limit| limit.name == "commit-bytes" && limit.maximum == 64 << 20));
    Ok(())
}

#[test]
fn several_threads_write_to_one_document() -> Tested {
    let doc = create("ann")?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let doc = &doc;
                scope.spawn(move || {
                    (0..50).try_for_each(|row| doc.insert("t", &format!("{thread}-{row}"), [("x", row)]).map(drop))
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| Error::Gone)?)
    })?;
    assert_eq!(doc.tables()?[0].rows, 200);
    assert_eq!(doc.version()?[0].count, 200);
    Ok(())
}
