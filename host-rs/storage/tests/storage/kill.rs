//! A process that is killed loses nothing that it acknowledged.

use crate::{Outcome, Place, write};
use converge::{Instance, RowOp};
use converge_storage::{Options, StoredDoc};
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How often the process is killed.
const KILLS: u32 = 30;
/// The file that the child process writes.
const FILE: &str = "CONVERGE_STORAGE_FILE";

/// Writes until it is killed, if this is the child process.
#[test]
fn child() -> Outcome {
    let Some(file) = env::var_os(FILE) else { return Ok(()) };
    let instance = Instance::new(Default::default())?;
    let mut board = StoredDoc::open(Path::new(&file), &instance, &Options::default())?;
    let writer = instance.load(&format!("writer.{}", board.sequence()), &board.doc().save()?)?;
    let mut out = std::io::stdout();
    loop {
        let next = board.sequence() + 1;
        let sequence = write(&writer, &mut board, [RowOp::insert("acks", next.to_string(), [("n", next as i64)])])?;
        writeln!(out, "ack {sequence}")?;
        out.flush()?;
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() -> Outcome {
    let place = Place::new()?;
    drop(place.create()?);
    let mut last = 0;
    for round in 0..KILLS {
        let mut child = Command::new(env::current_exe()?)
            .args(["--exact", "kill::child", "--nocapture"])
            .env(FILE, place.path())
            .stdout(Stdio::piped())
            .spawn()?;
        let lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let mut acknowledged = last;
        let mut lines = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("ack ")?.parse().ok());
        // Killed at another place in each round: after some acknowledgements, and a part of a write.
        for _ in 0..=round % 11 {
            acknowledged = lines.next().ok_or("the child ended")?;
        }
        std::thread::sleep(Duration::from_micros(u64::from(round) * 137 % 3_000));
        child.kill()?;
        acknowledged = lines.last().unwrap_or(acknowledged);
        child.wait()?;
        let board = place.open()?;
        assert!(board.sequence() >= acknowledged, "{} of {acknowledged} are there", board.sequence());
        for number in last + 1..=board.sequence() {
            assert!(board.doc().get("acks", &number.to_string())?.is_some(), "update {number} is there");
        }
        assert!(board.verify()?.is_right());
        last = board.sequence();
    }
    println!("{last} updates in {KILLS} processes");
    Ok(())
}
