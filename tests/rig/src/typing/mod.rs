//! `converge-rig type`: types what one person of a session typed, while another process types what
//! the other person typed.
//!
//! A keystroke acts on the text that its author saw. A session has latency, so this text often
//! lacks the last keystrokes of the other person. Therefore a person has two replicas: `synced`
//! gets all keystrokes as soon as they arrive, by sessions over a socket, and `typed`, in which the
//! person types, takes them over as far as the next keystroke builds on them. From time to time, a
//! person goes offline. `tests/demo/typist.js` types in Node in the same way.

mod person;
mod run;
mod script;

use crate::Failure;
use lexopt::prelude::{Long, Short, Value, ValueExt};
use person::Person;
use run::{Run, Way};
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const HELP: &str = "\
Types what one of the two peers of a published session typed, keystroke by keystroke, while another
process types what the other peer typed. The processes synchronize by sessions over a loopback
socket, and are offline at times. Prints what the person sees, and at the end the digest and the
text; each line is a word, the peer, and JSON, separated by tabs.

Usage:
  converge-rig type TRACE --peer NAME [--hub PORT] [--pause MS]

Options:
  --peer NAME    the peer: 000 or 001
  --hub PORT     the port to connect to; by default this process listens and prints its port
  --pause MS     the minimum time between two keystrokes, in milliseconds; 0 by default
";

pub(crate) struct Options {
    trace: PathBuf,
    peer: String,
    hub: Option<u16>,
    pause: Duration,
}

/// Returns `None` if help is requested.
pub(crate) fn arguments(arguments: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut trace, mut peer, mut hub, mut pause) = (None, None, None, 0);
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("peer") => peer = Some(arguments.value()?.string()?),
            Long("hub") => hub = Some(arguments.value()?.parse()?),
            Long("pause") => pause = arguments.value()?.parse()?,
            Value(file) if trace.is_none() => trace = Some(PathBuf::from(file)),
            other => return Err(other.unexpected()),
        }
    }
    let (trace, peer) = (trace.ok_or("TRACE is missing")?, peer.ok_or("--peer is missing")?);
    Ok(Some(Options { trace, peer, hub, pause: Duration::from_millis(pause) }))
}

/// Types to the end and prints the reports.
pub(crate) fn run(options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    let name = |error: &dyn std::fmt::Display| format!("{}: {error}", options.trace.display());
    let trace = converge_traces::read_file(&options.trace).map_err(|error| name(&error))?;
    let script = script::of(&trace, &options.peer).map_err(|error| name(&error))?;
    let person = Person::new(&options.peer, script)?;
    let way = match options.hub {
        Some(port) => Way::Connect(port),
        None => {
            let listener = TcpListener::bind(("127.0.0.1", 0))?;
            writeln!(output, "port\t{}", listener.local_addr()?.port())?;
            output.flush()?;
            Way::Listen(listener)
        }
    };
    Run::new(person, way, options.pause, output).finish()
}
