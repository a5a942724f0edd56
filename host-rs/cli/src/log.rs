//! `converge log`: prints the events of a document, one per line.

use crate::input::{self, Failure};
use crate::show::{self, Heads, Peer};
use converge::{Doc, Error, EventId, EventRun, PeerVersion};
use lexopt::prelude::{Long, Short, Value, ValueExt};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Prints the events of a saved document, one per line, in the order of their execution.

Usage:
  converge log FILE [--limit N] [--peer PEER]

Options:
  --limit N     print only the last N events
  --peer PEER   print only events of this peer, or of this branch of a peer

A line consists of PEER:COUNTER, the lamport time, the dependencies (- for none), and a summary of
the operations: kind, table, row and columns of the first three. In a peer's name, characters other
than letters, digits and -._~@+ are printed as %XX for each byte. Events on different branches of a
peer with the same lamport time are printed in any order. Waiting events are not printed, and a
compacted document does not contain the events below its horizon.
";

/// The number of events per page.
const PAGE_EVENTS: u32 = 10_000;

pub(crate) struct Options {
    file: PathBuf,
    limit: usize,
    peer: Option<String>,
}

/// Returns `None` if help is requested.
pub(crate) fn arguments(arguments: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut file, mut limit, mut peer) = (None, usize::MAX, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("limit") => limit = arguments.value()?.parse()?,
            Long("peer") => peer = Some(arguments.value()?.string()?),
            Value(value) if file.is_none() => file = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    let file = file.ok_or("FILE is missing")?;
    Ok(Some(Options { file, limit, peer }))
}

/// Prints the events.
pub(crate) fn log(options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    let doc = input::load(&options.file)?;
    let mut lines = Vec::new();
    let mut known = input::horizon(&doc)?.unwrap_or_default();
    if let Some(peer) = &options.peer
        && !doc.version()?.iter().any(|known| known.peer == *peer && known.count > 0)
    {
        let hint = "`converge inspect --all` shows the peers";
        return Err(format!("{}: there are no events of {peer:?}; {hint}", options.file.display()).into());
    }
    for_each_run(&doc, &mut known, |run| {
        if options.peer.as_ref().is_none_or(|peer| *peer == run.peer) {
            lines.extend(of_run(run));
        }
    })?;
    // The order of execution, except for branches of one peer.
    let author = |line: &Line| line.peer.split('~').next().map(str::to_owned);
    lines.sort_by_cached_key(|line| (line.lamport, author(line)));
    for Line { text, .. } in lines.iter().skip(lines.len().saturating_sub(options.limit)) {
        writeln!(output, "{text}")?;
    }
    Ok(())
}

/// The output for an event.
struct Line {
    lamport: u32,
    peer: String,
    text: String,
}

/// Calls `visit` with each run that is not in `known`, page by page.
fn for_each_run(doc: &Doc, known: &mut Vec<PeerVersion>, mut visit: impl FnMut(EventRun)) -> Result<(), Error> {
    let mut counts: BTreeMap<String, u32> = known.drain(..).map(|known| (known.peer, known.count)).collect();
    loop {
        *known = counts.iter().map(|(peer, &count)| PeerVersion { peer: peer.clone(), count }).collect();
        let summary = doc.instance().summary_of(known)?;
        let batch = doc.events_since(&summary, PAGE_EVENTS)?;
        let last = !batch.more || batch.runs.is_empty();
        for run in batch.runs {
            let count = u32::try_from(run.commits.len()).unwrap_or(u32::MAX);
            counts.insert(run.peer.clone(), run.start.saturating_add(count));
            visit(run);
        }
        if last {
            return Ok(());
        }
    }
}

/// Returns the lines of a run.
fn of_run(run: EventRun) -> impl Iterator<Item = Line> {
    let EventRun { peer, start, lamport, mut deps, commits, .. } = run;
    // `events-since` always returns the lamport time.
    let lamport = lamport.unwrap_or_default();
    (start..).zip(lamport..).zip(commits).map(move |((counter, lamport), ops)| {
        let on = match std::mem::replace(&mut deps, vec![EventId::new(&peer, counter)]) {
            deps if deps.is_empty() => "-".to_owned(),
            deps => Heads(deps).to_string(),
        };
        let text = format!("{}:{counter}  lamport {lamport}  on {on}  {}", Peer(&peer), show::Short(&ops));
        Line { lamport, peer: peer.clone(), text }
    })
}
