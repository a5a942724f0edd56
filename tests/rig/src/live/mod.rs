//! `converge-rig live`: some of the replicas of a live run, each the writer of some branches of a history.
//!
//! The first replica of all is the hub: it listens on a loopback socket, and the others talk sessions with it, in turns
//! offline and online. `host-js/bin/live.js` is the same for replicas in Node, but for the hub.

mod client;
mod hub;
mod replica;
mod wire;

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
Runs some of the replicas of a live run. Each commits the operations of some branches of a history as its own, offline and
online in turns, and talks sessions with the hub, which is replica 0, over a loopback socket. Each tells on standard output,
parted by tabs, what it does, and in the end the digest of its document.

Usage:
  converge-rig live HISTORY --replicas FROM..TO --of N [--hub PORT]

Options:
  --replicas FROM..TO   the replicas that this process runs, without TO
  --of N                how many replicas there are in all, 2 to 64
  --hub PORT            where the hub listens, if it is not among these
";

/// The name of the document, which both sides of each session agree on.
const DOCUMENT: &str = "live";
/// Where each replica shows which row it writes, and that it has no more to write; and where the hub shows the end.
const CURSORS: &str = "cursors";
const DONE: &str = "done";
const END: &str = "end";

pub(crate) struct Options {
    history: PathBuf,
    replicas: Range<usize>,
    of: usize,
    hub: Option<u16>,
}

/// None where help is asked for.
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
    let history = history.ok_or("which HISTORY?")?;
    let (replicas, of): (Range<usize>, usize) =
        (replicas.ok_or("--replicas is missing")?, of.ok_or("--of is missing")?);
    if !(2..=64).contains(&of) || replicas.is_empty() || replicas.end > of {
        return Err("give 2 to 64 replicas --of which --replicas are some".into());
    }
    if (replicas.start == 0) == hub.is_some() {
        return Err("give --hub where the hub, replica 0, is not among these, and there alone".into());
    }
    Ok(Some(Options { history, replicas, of, hub }))
}

fn parse<T>(arguments: &mut lexopt::Parser, read: impl Fn(&str) -> Option<T>) -> Result<T, lexopt::Error> {
    let value = arguments.value()?;
    let text = value.to_str().unwrap_or_default();
    read(text).ok_or_else(|| format!("{text:?} cannot stand there").into())
}

fn range(text: &str) -> Option<Range<usize>> {
    let (from, to) = text.split_once("..")?;
    Some(from.parse().ok()?..to.parse().ok()?)
}

/// Runs the replicas to the end, and writes down what they tell.
pub(crate) fn live(options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    let name = |error: &dyn std::fmt::Display| format!("{}: {error}", options.history.display());
    let file = File::open(&options.history).map_err(|error| name(&error))?;
    let events = converge_rig::history::read_events(file).map_err(|error| name(&error))?;
    let work = replica::share_out(events, options.of);
    let (teller, told) = mpsc::channel();
    let mut threads = Vec::new();
    let mut port = options.hub.unwrap_or_default();
    for (number, work) in work.into_iter().enumerate().filter(|(number, _)| options.replicas.contains(number)) {
        let replica = Replica::new(number, work, teller.clone())?;
        let of = options.of;
        let thread = if number == 0 {
            let listener = TcpListener::bind(("127.0.0.1", 0))?;
            port = listener.local_addr()?.port();
            tell(&teller, &["port", &port.to_string()]);
            thread::spawn(move || hub::run(replica, listener, of).map_err(|error| error.to_string()))
        } else {
            thread::spawn(move || client::run(replica, port).map_err(|error| error.to_string()))
        };
        threads.push((number, thread));
    }
    drop(teller);
    // Ends when the last replica does.
    for line in told {
        writeln!(output, "{line}")?;
        output.flush()?;
    }
    for (number, thread) in threads {
        let outcome = thread.join().map_err(|_| "it panicked".to_owned()).flatten();
        outcome.map_err(|error| format!("replica {number}: {error}"))?;
    }
    Ok(())
}

/// Tells whoever writes it down.
fn tell(teller: &Sender<String>, fields: &[&str]) {
    // Where nobody does any more, the end comes by the sockets.
    let _ = teller.send(fields.join("\t"));
}
