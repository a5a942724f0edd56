//! `converge-rig live`: runs some of the replicas of a live run. Each replica writes some branches
//! of a history.
//!
//! The first replica is the hub, which listens on a loopback socket. The others are alternately
//! offline and online, and synchronize with the hub by sessions. `host-js/bin/live.js` runs
//! replicas in Node in the same way; it has no hub.

mod client;
mod hub;
mod replica;

use crate::Failure;
use lexopt::prelude::{Long, Short, Value};
use replica::Replica;
use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::thread;

pub(crate) const HELP: &str = "\
Runs some of the replicas of a live run. Each replica commits the operations of some branches of a
history. It is alternately offline and online, and synchronizes with the hub, which is replica 0,
over a loopback socket. Prints the status of each replica and its final digest, separated by tabs.

Usage:
  converge-rig live HISTORY --replicas FROM..TO --of N [--hub PORT]

Options:
  --replicas FROM..TO   the replicas that this process runs, from FROM to TO - 1
  --of N                the number of all replicas, 2 to 64
  --hub PORT            the port of the hub; required if replica 0 is not among these
";

/// The name of the document in all sessions.
const DOCUMENT: &str = "live";
/// The namespace with the row that each replica writes.
const CURSORS: &str = "cursors";
/// The namespace with the replicas that have finished their work.
const DONE: &str = "done";
/// The namespace in which the hub announces the end.
const END: &str = "end";

pub(crate) struct Options {
    history: PathBuf,
    replicas: Range<usize>,
    of: usize,
    hub: Option<u16>,
}

/// Returns `None` if help is requested.
pub(crate) fn arguments(arguments: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut history, mut replicas, mut of, mut hub) = (None, None, None, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("replicas") => replicas = Some(parse(arguments, range)?),
            Long("of") => of = Some(parse(arguments, |text| text.parse().ok())?),
            Long("hub") => hub = Some(parse(arguments, |text| text.parse().ok())?),
            Value(file) if history.is_none() => history = Some(PathBuf::from(file)),
            other => return Err(other.unexpected()),
        }
    }
    let history = history.ok_or("HISTORY is missing")?;
    let (replicas, of): (Range<usize>, usize) =
        (replicas.ok_or("--replicas is missing")?, of.ok_or("--of is missing")?);
    if !(2..=64).contains(&of) || replicas.is_empty() || replicas.end > of {
        return Err("--of must be 2 to 64, and --replicas must be a range below it".into());
    }
    if (replicas.start == 0) == hub.is_some() {
        return Err(
            "--hub is required if --replicas does not include the hub, replica 0, and not allowed otherwise".into()
        );
    }
    Ok(Some(Options { history, replicas, of, hub }))
}

fn parse<T>(arguments: &mut lexopt::Parser, read: impl Fn(&str) -> Option<T>) -> Result<T, lexopt::Error> {
    let value = arguments.value()?;
    let text = value.to_str().unwrap_or_default();
    read(text).ok_or_else(|| format!("invalid value {text:?}").into())
}

fn range(text: &str) -> Option<Range<usize>> {
    let (from, to) = text.split_once("..")?;
    Some(from.parse().ok()?..to.parse().ok()?)
}

/// Runs the replicas to the end and prints their reports.
pub(crate) fn live(options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    let name = |error: &dyn std::fmt::Display| format!("{}: {error}", options.history.display());
    let file = File::open(&options.history).map_err(|error| name(&error))?;
    let events = converge_rig::history::read_events(file).map_err(|error| name(&error))?;
    let work = replica::share_out(events, options.of);
    let (reports, lines) = mpsc::channel();
    let mut threads = Vec::new();
    let mut port = options.hub.unwrap_or_default();
    for (number, work) in work.into_iter().enumerate().filter(|(number, _)| options.replicas.contains(number)) {
        let replica = Replica::new(number, work, reports.clone())?;
        let of = options.of;
        let thread = if number == 0 {
            let listener = TcpListener::bind(("127.0.0.1", 0))?;
            port = listener.local_addr()?.port();
            report(&reports, &["port", &port.to_string()]);
            thread::spawn(move || hub::run(replica, listener, of).map_err(|error| error.to_string()))
        } else {
            thread::spawn(move || client::run(replica, port).map_err(|error| error.to_string()))
        };
        threads.push((number, thread));
    }
    drop(reports);
    // Ends with the last replica.
    for line in lines {
        writeln!(output, "{line}")?;
        output.flush()?;
    }
    for (number, thread) in threads {
        let outcome = thread.join().map_err(|_| "the thread panicked".to_owned()).flatten();
        outcome.map_err(|error| format!("replica {number}: {error}"))?;
    }
    Ok(())
}

/// Sends a line to the thread that prints the reports.
fn report(reports: &Sender<String>, fields: &[&str]) {
    // Ignore errors: if that thread has ended, the replica ends with its socket.
    let _ = reports.send(fields.join("\t"));
}
