//! The size of a compacted document depends on its rows, not on the operations that led to them.

use converge_engine::{Cell, Doc, Error};

const ROWS: u32 = 1_000;

/// Counters and lamport times grow with the history, by some bytes each.
const SLACK_BYTES: usize = 64;

#[test]
fn a_million_updates() -> Result<(), Error> {
    let saved = |updates: u32| -> Result<usize, Error> {
        let mut doc = rows()?;
        for update in 0..updates {
            // In the end every row has its own number, whatever the number of updates.
            doc.update("people", row(update % ROWS), vec![Cell::new("age", i64::from(update % ROWS))])?;
        }
        compacted_bytes(&mut doc, ROWS + updates)
    };
    let (few, many) = (saved(ROWS)?, saved(1_000_000)?);
    eprintln!("1,000 rows, compacted: {few} bytes after 1,000 updates, {many} after 1,000,000");
    assert!(few.abs_diff(many) <= SLACK_BYTES, "{few} and {many} bytes");
    Ok(())
}

#[test]
fn a_million_deleted_rows() -> Result<(), Error> {
    let saved = |gone: u32| -> Result<usize, Error> {
        let mut doc = rows()?;
        for number in 0..gone {
            doc.insert("people", format!("gone {number}"), vec![Cell::new("age", 1)])?;
            doc.delete("people", format!("gone {number}"))?;
        }
        let bytes = compacted_bytes(&mut doc, ROWS + 2 * gone)?;
        assert_eq!(doc.tables()[0].rows, ROWS);
        Ok(bytes)
    };
    let (few, many) = (saved(1_000)?, saved(1_000_000)?);
    eprintln!("1,000 rows, compacted: {few} bytes after 1,000 others were deleted, {many} after 1,000,000");
    assert!(few.abs_diff(many) <= SLACK_BYTES, "{few} and {many} bytes");
    Ok(())
}

fn rows() -> Result<Doc, Error> {
    let mut doc = Doc::create("ann")?;
    for number in 0..ROWS {
        doc.insert("people", row(number), vec![Cell::new("name", "Alice"), Cell::new("age", i64::from(number))])?;
    }
    Ok(doc)
}

fn row(number: u32) -> String {
    format!("row {number}")
}

/// Compacts a document of `events` events at its version and returns the size of its saved bytes.
/// Checks that these load to the same tables.
fn compacted_bytes(doc: &mut Doc, events: u32) -> Result<usize, Error> {
    let digest = doc.digest();
    let report = doc.compact(&[])?;
    assert_eq!(report.events_dropped, events);
    let bytes = doc.save();
    let loaded = Doc::load("ben", &bytes)?;
    assert_eq!((loaded.digest(), doc.digest()), (digest, digest));
    assert_eq!(loaded.save(), bytes);
    Ok(bytes.len())
}
