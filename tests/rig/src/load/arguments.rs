//! The arguments of `converge-rig load`.

use super::writers;
use lexopt::prelude::{Long, Short, Value, ValueExt};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

pub(crate) const HELP: &str = "\
Drives sessions against a server, and prints what it measures as a JSON object. Every run has
documents and peers of its own. Exit code 1 means that clients failed, or that the run did.

Usage:
  converge-rig load ADDRESS WORK [options]

ADDRESS is a host and a port, such as 127.0.0.1:4747.

Works, and the keys of their results:
  writers    each writer commits small rows, and waits until the server acknowledges each event:
             acknowledged (before the end), acknowledgedPerSecond, latencyMs (from commit to
             acknowledgement)
  fanout     one writer commits rows, and all readers of the document receive them: committed,
             deliveries, deliveriesPerSecond, latencyMs (from commit until a reader has merged)
  presence   all peers of a document set a register each: sets, deliveries, deliveriesPerSecond,
             latencyMs (from set until another peer has merged). The server leaves out values that
             are replaced before they are sent, so there can be fewer than sets x (peers - 1)
  idle       connections do nothing but stay open: rssBytes (of the server) with the numbers before,
             opened (one connection for each document), connected and after;
             bytesPerDocument, bytesPerConnection (of the connections after the first ones)
  cold       new replicas load documents that the server has closed: rows, updateBytes, latencyMs
             (from connecting until in sync), one after the other
  reconnect  clients that lack one event connect at once: latencyMs (until in sync), totalMs

latencyMs has the keys p50, p90, p99, max and count, in milliseconds. All results have work,
options, retries (connections that the server postponed), failed (clients) and firstFailure.

Options of all works:
  --token TOKEN      the token; it must allow reading and writing, and presence for that work
  --prefix TEXT      the beginning of the names of documents [default: load/]

Options of works:
  --documents N      writers, idle, reconnect: the number of documents [default: 1; idle: 100]
  --writers N        writers: the writers of each document [default: 8]
  --readers N        fanout: the readers [default: 100]
  --peers N          presence: the peers [default: 20]
  --connections N    idle: the connections, at least one for each document [default: 1000]
  --clients N        reconnect: the clients [default: 1000]
  --seconds N        writers, fanout, presence, idle: the duration [default: 10]
  --rate R           writers: commits of each writer a second, instead of a window
                     fanout: commits a second [default: 20]
                     presence: sets of each peer a second [default: 10]
  --window N         writers: unacknowledged events of each writer [default: 16]
  --pid PID          idle: the process of the server; without it, the memory is not measured
  --rows N           cold: the rows of each document, of one event each [default: 10000]
  --times N          cold: the number of documents [default: 5]
  --idle-wait N      cold: the seconds after which the server has closed the documents; more than
                     its --idle-timeout [default: 65]

The server limits the rates of each connection. To measure without these limits, start it with
--rate-messages 1000000 --rate-burst 1000000 --rate-bytes 1GiB. Many clients need many open files:
`ulimit -n 65536`, for the server too. Latency counts from the planned time of a commit or set, so
that a late client does not hide a slow server. Percentiles are of at most 1,000,000 samples.
";

const MAX_CLIENTS: usize = 100_000;
/// The maximum number of events of a fan-out.
const MAX_EVENTS: f64 = 10_000_000.0;

pub(crate) struct Options {
    pub(super) target: Target,
    pub(super) work: Work,
}

/// The server, and what clients need to use it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) address: String,
    pub(super) token: String,
    /// The beginning of the names of documents.
    pub(super) prefix: String,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    Writers(writers::Options),
    Fanout { readers: usize, rate: f64, time: Duration },
    Presence { peers: usize, rate: f64, time: Duration },
    Idle { connections: usize, documents: usize, time: Duration, pid: Option<u32> },
    Cold { rows: usize, times: usize, idle_wait: Duration },
    Reconnect { clients: usize, documents: usize },
}

impl Work {
    /// Returns the number of replicas.
    pub(super) fn clients(self) -> usize {
        match self {
            Self::Writers(options) => options.clients(),
            Self::Fanout { readers, .. } => readers + 1,
            Self::Presence { peers: clients, .. }
            | Self::Idle { connections: clients, .. }
            | Self::Reconnect { clients, .. }
            | Self::Cold { times: clients, .. } => clients,
        }
    }
}

/// Returns `None` if help is requested.
pub(crate) fn arguments(arguments: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut address, mut work, mut given) = (None, None, Given(BTreeMap::new()));
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long(name) => {
                let name = name.to_owned();
                given.0.insert(name, arguments.value()?.string()?);
            }
            Value(text) if address.is_none() => address = Some(text.string()?),
            Value(text) if work.is_none() => work = Some(text.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let address = address.ok_or("ADDRESS is missing")?;
    let name = work.ok_or("WORK is missing")?;
    let mut text = |name: &str, default: &str| given.0.remove(name).unwrap_or_else(|| default.to_owned());
    let target = Target { address, token: text("token", ""), prefix: text("prefix", "load/") };
    let work = given.work(&name)?;
    match given.0.keys().next() {
        Some(unknown) => Err(format!("{name} has no option --{unknown}").into()),
        None => Ok(Some(Options { target, work })),
    }
}

/// The options that have not been read, by name.
struct Given(BTreeMap<String, String>);

impl Given {
    fn work(&mut self, name: &str) -> Result<Work, lexopt::Error> {
        let work = match name {
            "writers" => Work::Writers(writers::Options {
                documents: self.count("documents", 1, MAX_CLIENTS)?,
                writers: self.count("writers", 8, MAX_CLIENTS)?,
                time: self.seconds("seconds", 10)?,
                rate: self.number("rate", 0.001..=100_000.0)?,
                window: self.count("window", 16, 100_000)?,
            }),
            "fanout" => Work::Fanout {
                readers: self.count("readers", 100, MAX_CLIENTS - 1)?,
                rate: self.rate(20.0)?,
                time: self.seconds("seconds", 10)?,
            },
            "presence" => Work::Presence {
                peers: self.count("peers", 20, MAX_CLIENTS)?,
                rate: self.rate(10.0)?,
                time: self.seconds("seconds", 10)?,
            },
            "idle" => Work::Idle {
                connections: self.count("connections", 1_000, MAX_CLIENTS)?,
                documents: self.count("documents", 100, MAX_CLIENTS)?,
                time: self.seconds("seconds", 10)?,
                pid: self.number("pid", 1..=u32::MAX)?,
            },
            "cold" => Work::Cold {
                rows: self.count("rows", 10_000, 10_000_000)?,
                times: self.count("times", 5, 10_000)?,
                idle_wait: self.seconds("idle-wait", 65)?,
            },
            "reconnect" => Work::Reconnect {
                clients: self.count("clients", 1_000, MAX_CLIENTS)?,
                documents: self.count("documents", 1, MAX_CLIENTS)?,
            },
            _ => {
                let works = "writers, fanout, presence, idle, cold or reconnect";
                return Err(format!("unknown work {name:?}; expected {works}").into());
            }
        };
        if work.clients() > MAX_CLIENTS {
            return Err(format!("{name} has {} clients; the maximum is {MAX_CLIENTS}", work.clients()).into());
        }
        match work {
            Work::Idle { connections: clients, documents, .. } | Work::Reconnect { clients, documents }
                if clients < documents =>
            {
                Err(format!("--documents is {documents} for {clients} clients; expected at most one for each").into())
            }
            Work::Fanout { rate, time, .. } if rate * time.as_secs_f64() > MAX_EVENTS => {
                Err(format!("--rate times --seconds exceeds {MAX_EVENTS} events").into())
            }
            work => Ok(work),
        }
    }

    fn number<T: FromStr + PartialOrd + Display>(
        &mut self,
        name: &str,
        range: RangeInclusive<T>,
    ) -> Result<Option<T>, lexopt::Error> {
        let Some(text) = self.0.remove(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let (start, end) = range.into_inner();
                Err(format!("--{name} is {text:?}; expected a number from {start} to {end}").into())
            }
        }
    }

    fn count(&mut self, name: &str, default: usize, max: usize) -> Result<usize, lexopt::Error> {
        Ok(self.number(name, 1..=max)?.unwrap_or(default))
    }

    fn rate(&mut self, default: f64) -> Result<f64, lexopt::Error> {
        Ok(self.number("rate", 0.001..=100_000.0)?.unwrap_or(default))
    }

    fn seconds(&mut self, name: &str, default: u64) -> Result<Duration, lexopt::Error> {
        Ok(Duration::from_secs(self.number(name, 1..=86_400)?.unwrap_or(default)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, Work, arguments};

    fn parsed(line: &'static str) -> Result<Option<Options>, lexopt::Error> {
        arguments(&mut lexopt::Parser::from_args(line.split(' ')))
    }

    #[test]
    fn options_belong_to_works() {
        let options = parsed("--token T 127.0.0.1:4747 fanout --readers 7 --rate 2.5").ok().flatten();
        let Some(Options { target, work: Work::Fanout { readers, rate, time } }) = options else {
            panic!("no options")
        };
        assert_eq!((&*target.address, &*target.token, &*target.prefix), ("127.0.0.1:4747", "T", "load/"));
        assert_eq!((readers, rate, time.as_secs()), (7, 2.5, 10));
        assert!(matches!(parsed("--help"), Ok(None)));
    }

    #[test]
    fn wrong_options_are_refused() {
        for wrong in [
            "a:1",
            "a:1 sleep",
            "a:1 fanout --peers 3",
            "a:1 fanout --rate NaN",
            "a:1 fanout --rate 100000 --seconds 1000",
            "a:1 idle --connections 0",
            "a:1 idle --connections 9 --documents 10",
            "a:1 writers --documents 1000 --writers 1000",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
