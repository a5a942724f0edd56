//! Damaged files are found when they are opened, and stay as they are.

use crate::{Outcome, Place, write};
use converge::RowOp;
use converge_storage::Error;
use std::fs;

/// Every this many bytes, one is flipped.
const STRIDE: usize = 61;

#[test]
fn a_flipped_byte_is_found_or_harmless() -> Outcome {
    let place = Place::new()?;
    let (ann, mut board) = (place.instance.doc("ann")?, place.create()?);
    for row in 0..40 {
        write(&ann, &mut board, [RowOp::insert("tasks", format!("t{row}"), [("text", "x".repeat(200))])])?;
        if row == 20 {
            board.snapshot()?;
        }
    }
    drop(board);
    let (whole, digest) = (fs::read(place.path())?, ann.digest()?);
    let (mut found, mut harmless) = (0, 0);
    for at in (0..whole.len()).step_by(STRIDE) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        fs::write(place.path(), &bytes)?;
        match place.open() {
            Ok(board) => {
                harmless += 1;
                assert_eq!(board.doc().digest()?, digest, "byte {at}");
            }
            Err(Error::Damaged { .. } | Error::NotADocument { .. } | Error::Newer { .. } | Error::Sqlite { .. }) => {
                found += 1;
            }
            Err(other) => panic!("byte {at}: {other}"),
        }
        for extension in ["db-wal", "db-shm"] {
            let _ = fs::remove_file(place.path().with_extension(extension));
        }
    }
    assert!(found > 50 && harmless > 50, "{found} found, {harmless} harmless");
    Ok(())
}

#[test]
fn a_lost_update_is_found() -> Outcome {
    for (delete, what) in [
        ("DELETE FROM _converge_updates WHERE seq = 2", "update 2 of the log"),
        ("DELETE FROM _converge_updates WHERE seq = 3", "update 3 of the log"),
        ("UPDATE _converge_updates SET bytes = x'00' WHERE seq = 1", "update 1 of the log"),
        // The checksum is that of the byte, which is no update.
        ("UPDATE _converge_updates SET bytes = x'00', crc = 3523407757 WHERE seq = 1", "an update of the log"),
        ("UPDATE _converge_meta SET last_seq = 2", "the checksum of `_converge_meta`"),
        ("DELETE FROM _converge_meta", "`_converge_meta` has no row"),
    ] {
        let place = Place::new()?;
        let (ann, mut board) = (place.instance.doc("ann")?, place.create()?);
        for row in 0..3 {
            write(&ann, &mut board, [RowOp::insert("tasks", format!("t{row}"), [("n", row)])])?;
        }
        drop(board);
        crate::reader(&place.path())?.execute(delete, [])?;
        let refused = place.open().map(drop).unwrap_err();
        assert!(matches!(&refused, Error::Damaged { what: found, .. } if found.contains(what)), "{delete}: {refused}");
        assert!(refused.to_string().contains("board.db"), "{refused}");
    }
    Ok(())
}

#[test]
fn a_damaged_snapshot_is_found() -> Outcome {
    let place = Place::new()?;
    let (ann, mut board) = (place.instance.doc("ann")?, place.create()?);
    let text = |row: i32| (0..10_000).map(|at| (at * (row + 1)).to_string()).collect::<String>();
    write(&ann, &mut board, (0..40).map(|row| RowOp::insert("t", row.to_string(), [("text", text(row))])))?;
    drop(board);
    let other = crate::reader(&place.path())?;
    let parts: u32 = other.query_row("SELECT count(*) FROM _converge_snapshot", [], |row| row.get(0))?;
    assert!(parts > 0, "a large update is followed by a snapshot");
    other.execute("DELETE FROM _converge_snapshot WHERE part = ?1", [parts - 1])?;
    assert!(matches!(place.open().map(drop), Err(Error::Damaged { .. })));
    Ok(())
}
