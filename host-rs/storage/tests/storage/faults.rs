//! Writes that the system refuses: each call of a write, and each sync, fails in turn, by strace.

use crate::{Outcome, Place, write};
use converge::{Instance, RowOp};
use converge_storage::{Error, Options, StoredDoc};
use std::env;
use std::path::Path;
use std::process::Command;

/// The file that the child process writes.
const FILE: &str = "CONVERGE_STORAGE_FAULTY_FILE";
/// The calls that fail: each from the first to this one, and all after it.
const CALLS: u32 = 14;

/// Writes until a write fails, if this is the child process.
#[test]
fn child() -> Outcome {
    let Some(file) = env::var_os(FILE) else { return Ok(()) };
    let instance = Instance::new(Default::default())?;
    let mut board = match StoredDoc::open(Path::new(&file), &instance, &Options::default()) {
        Ok(board) => board,
        Err(error) => {
            println!("failed {error}");
            return Ok(());
        }
    };
    let writer = instance.load(&format!("writer.{}", board.sequence()), &board.doc().save()?)?;
    for number in board.sequence() + 1..=board.sequence() + 20 {
        match write(&writer, &mut board, [RowOp::insert("acks", number.to_string(), [("n", number as i64)])]) {
            Ok(sequence) => println!("ack {sequence}"),
            Err(error) => {
                println!("failed {error}");
                let again = board.store(&[]);
                assert!(matches!(again, Err(Error::Stopped { .. })), "{again:?}");
                return Ok(());
            }
        }
    }
    println!("failed never");
    Ok(())
}

#[test]
fn what_was_acknowledged_survives_failing_writes() -> Outcome {
    if Command::new("strace").arg("-V").output().is_err() {
        // CI has strace; elsewhere, this test needs it.
        assert!(env::var_os("CI").is_none(), "strace is not installed");
        println!("strace is not installed: left out");
        return Ok(());
    }
    let place = Place::new()?;
    drop(place.create()?);
    let (mut last, mut failures, mut full) = (0, 0, 0);
    for (call, error) in [("fdatasync", "EIO"), ("pwrite64", "ENOSPC"), ("pwrite64", "EIO"), ("fdatasync", "ENOSPC")] {
        for number in 1..=CALLS {
            let output = Command::new("strace")
                .args(["-f", "-q", "-o", "/dev/null", "-e"])
                .arg(format!("trace={call}"))
                .arg("-e")
                .arg(format!("inject={call}:error={error}:when={number}+"))
                .arg(env::current_exe()?)
                .args(["--exact", "faults::child", "--nocapture"])
                .env(FILE, place.path())
                .output()?;
            let text = String::from_utf8(output.stdout)?;
            let what = format!("{call} {number} fails with {error}: {text}{}", String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{what}");
            let acknowledged =
                text.lines().filter_map(|line| line.strip_prefix("ack ")?.parse().ok()).next_back().unwrap_or(last);
            let has_failed = !text.contains("failed never");
            // The first calls write the shared memory of SQLite, whose error does not name the cause.
            full += u32::from(error == "ENOSPC" && text.contains("the disk is full"));
            failures += u32::from(has_failed);
            let board = place.open()?;
            assert!(board.sequence() >= acknowledged, "{what}");
            for number in 1..=board.sequence() {
                assert!(board.doc().get("acks", &number.to_string())?.is_some(), "update {number}: {what}");
            }
            assert!(board.verify()?.is_right(), "{what}");
            last = board.sequence();
        }
    }
    assert!(failures > 2 * CALLS && full > 2, "{failures} writes failed, {full} because the disk was full");
    Ok(())
}
