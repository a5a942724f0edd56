//! `converge-rig load`: drives sessions against a server, and prints what it measures.

mod arguments;
mod cold;
mod connections;
mod crew;
mod deliveries;
mod http;
mod pace;
mod samples;
mod writers;

pub(crate) use arguments::{HELP, Options, arguments};

use crate::Failure;
use arguments::Work;
use converge::{Doc, Error, Value};
use crew::Rig;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Builder;

/// The table of the rows.
const TABLE: &str = "load";
/// The maximum time in which what was sent before the end of a work must arrive.
const GRACE: Duration = Duration::from_secs(60);

/// Returns whether all clients succeeded.
pub(crate) fn load(options: &Options, output: &mut impl Write) -> Result<bool, Failure> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let rig = Arc::new(Rig::new(options.target.clone(), options.work.clients())?);
    runtime.spawn(rig.clone().report_progress());
    let mut report = runtime.block_on(run(&rig, options.work))?;
    rig.add_outcome(&mut report);
    serde_json::to_writer_pretty(&mut *output, &report)?;
    writeln!(output)?;
    Ok(rig.failed() == 0)
}

async fn run(rig: &Arc<Rig>, work: Work) -> Result<serde_json::Value, Failure> {
    match work {
        Work::Writers(options) => writers::writers(rig, options).await,
        Work::Fanout { readers, rate, time } => deliveries::fanout(rig, readers, rate, time).await,
        Work::Presence { peers, rate, time } => deliveries::presence(rig, peers, rate, time).await,
        Work::Idle { connections, documents, time, pid } => {
            connections::idle(rig, connections, documents, time, pid).await
        }
        Work::Cold { rows, times, idle_wait } => cold::cold(rig, rows, times, idle_wait).await,
        Work::Reconnect { clients, documents } => connections::reconnect(rig, clients, documents).await,
    }
}

/// Commits a small row: a text of 20 bytes and a number.
fn commit(doc: &Doc, row: &str, number: u64) -> Result<(), Error> {
    let cells = [
        ("number", Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))),
        ("text", Value::Text(format!("{number:020}"))),
    ];
    doc.insert(TABLE, row, cells)?;
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
