//! `converge log`: the events of a document, a line each.

use crate::input::{self, Failure};
use crate::show::{self, Heads, Peer};
use converge::{Doc, Error, EventId, EventRun, PeerVersion};
use lexopt::prelude::{Long, Short, Value, ValueExt};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Tells the events of a saved document, a line each, in the order in which they are executed: oldest first.

Usage:
  converge log FILE [--most N] [--peer PEER]

Options:
  --most N      the last N of them
  --peer PEER   those of this peer

A line is PEER:COUNTER, the lamport time, what the event depends on (- for nothing), and its operations in short:
the kind, the table, the row and the columns of the first three of them. A peer's name shows with %XX for each byte
of what is neither a letter nor a digit nor one of -._~@+. Events that wait are not told, nor those below the horizon
of a compacted document, which are no longer there.
";

/// How many events are asked for at once.
const PAGE_EVENTS: u32 = 10_000;

pub(crate) struct Options {
    file: PathBuf,
    most: usize,
    peer: Option<String>,
}

/// None where help is asked for.
pub(crate) fn arguments(arguments: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut file, mut most, mut peer) = (None, usize::MAX, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("most") => most = arguments.value()?.parse()?,
            Long("peer") => peer = Some(arguments.value()?.string()?),
            Value(value) if file.is_none() => file = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    let file = file.ok_or("which FILE's events are to be told?")?;
    Ok(Some(Options { file, most, peer }))
}

pub(crate) fn log(options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    let doc = input::load(&options.file)?;
    let mut lines = Vec::new();
    let mut known = input::horizon(&doc)?.unwrap_or_default();
    if let Some(peer) = &options.peer
        && !doc.version()?.iter().any(|known| known.peer == *peer && known.count > 0)
    {
        let way = "`converge inspect --all` shows the peers";
        return Err(format!("{}: there are no events of {peer:?}; {way}", options.file.display()).into());
    }
    for_each_run(&doc, &mut known, |run| {
        if options.peer.as_ref().is_none_or(|peer| *peer == run.peer) {
            lines.extend(of_run(run));
        }
    })?;
    // The order of execution. One peer's events never share a lamport time.
    lines.sort_unstable_by(|one, other| (one.lamport, &one.peer).cmp(&(other.lamport, &other.peer)));
    for Line { text, .. } in lines.iter().skip(lines.len().saturating_sub(options.most)) {
        writeln!(output, "{text}")?;
    }
    Ok(())
}

struct Line {
    lamport: u32,
    peer: String,
    text: String,
}

/// Calls `take` with every run beyond `known`, page by page.
fn for_each_run(doc: &Doc, known: &mut Vec<PeerVersion>, mut take: impl FnMut(EventRun)) -> Result<(), Error> {
    let mut counts: BTreeMap<String, u32> = known.drain(..).map(|known| (known.peer, known.count)).collect();
    loop {
        *known = counts.iter().map(|(peer, &count)| PeerVersion { peer: peer.clone(), count }).collect();
        let batch = doc.events_since(known, PAGE_EVENTS)?;
        let last = !batch.more || batch.runs.is_empty();
        for run in batch.runs {
            let count = u32::try_from(run.commits.len()).unwrap_or(u32::MAX);
            counts.insert(run.peer.clone(), run.start.saturating_add(count));
            take(run);
        }
        if last {
            return Ok(());
        }
    }
}

fn of_run(run: EventRun) -> impl Iterator<Item = Line> {
    let EventRun { peer, start, lamport, mut deps, commits } = run;
    (start..).zip(lamport..).zip(commits).map(move |((counter, lamport), ops)| {
        let on = match std::mem::replace(&mut deps, vec![EventId::new(&peer, counter)]) {
            deps if deps.is_empty() => "-".to_owned(),
            deps => Heads(deps).to_string(),
        };
        let text = format!("{}:{counter}  lamport {lamport}  on {on}  {}", Peer(&peer), show::Short(&ops));
        Line { lamport, peer: peer.clone(), text }
    })
}
