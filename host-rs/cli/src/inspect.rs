//! `converge inspect`: describes the content of a file and checks it.

use crate::input::{self, Failure, Input};
use crate::show::{Heads, Name, Peer};
use converge::{Content, Doc, Error, EventId, Inspection, MergeReport, PeerVersion, StoreOptions};
use lexopt::prelude::{Long, Short, Value};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Describes and checks a saved document, an update, or the snapshot or update of a store.

Usage:
  converge inspect FILE [--all]

Options:
  --all   print all peers, tables, namespaces and heads [default: twenty of each, and the peers with
          the most events]

A document is loaded, and saved again, which must result in the same bytes. Its history is executed
again, which must result in the same rows. An update is merged into an empty document, and the bytes
of a store into an empty store. The exit code is 1 if a check fails.
";

/// The maximum number of sections that are printed and, without `--all`, of peers, tables,
/// namespaces and heads.
const MAX_SHOWN: usize = 20;

/// A time, a time to live and a skew with which a store accepts all entries: half of the largest
/// time.
const HALF_MAX_TIME_MS: f64 = 4_503_599_627_370_496.0;

pub(crate) struct Options {
    file: PathBuf,
    all: bool,
}

/// The name of a section that the engine skips.
const UNKNOWN: &str = "unknown";

/// Returns `None` if help is requested.
pub(crate) fn arguments(arguments: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut file, mut all) = (None, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("all") => all = true,
            Value(value) if file.is_none() => file = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    let file = file.ok_or("FILE is missing")?;
    Ok(Some(Options { file, all }))
}

/// Describes and checks the file. Returns whether every check passed.
pub(crate) fn inspect(options: &Options, output: &mut impl Write) -> Result<bool, Failure> {
    let input = Input::read(&options.file)?;
    let mut report = Report { text: String::new(), all: options.all, is_sound: true };
    report.file(&input)?;
    output.write_all(report.text.as_bytes())?;
    Ok(report.is_sound)
}

/// The output of the command.
struct Report {
    text: String,
    all: bool,
    /// Whether all checks passed until now.
    is_sound: bool,
}

impl Report {
    fn file(&mut self, input: &Input) -> Result<(), Failure> {
        let name = input.path().file_name().unwrap_or_default().to_string_lossy();
        self.fact("file", Name(&name))?;
        self.fact("bytes", input.bytes.len())?;
        let inspection = match input.inspect() {
            Ok(inspection) => inspection,
            Err(error) => return self.check("bytes", Err(input::explain(&error))),
        };
        self.frame(&inspection)?;
        match inspection.content {
            Content::Document => self.document(&inspection, &input.bytes),
            Content::Update => self.update(&input.bytes),
            Content::EphemeralSnapshot | Content::EphemeralUpdate => self.entries(&input.bytes),
            other => self.check("content", Err(format!("this program cannot check {other:?}"))),
        }
    }

    fn frame(&mut self, inspection: &Inspection) -> Result<(), Failure> {
        let content = match inspection.content {
            Content::Document => "document",
            Content::Update => "update",
            Content::EphemeralSnapshot => "snapshot of a store",
            Content::EphemeralUpdate => "update of a store",
            _ => "unknown",
        };
        self.fact("content", content)?;
        self.fact("version", inspection.format_version)?;
        self.check("bytes", Ok(()))?;
        let sections = &inspection.sections;
        if !sections.is_empty() {
            writeln!(self.text, "\n{:<30} {:>12}", "section", "bytes")?;
        }
        for section in sections.iter().take(MAX_SHOWN) {
            let unknown = format!("unknown ({})", section.id);
            let name = if section.name == UNKNOWN { &unknown } else { &section.name };
            writeln!(self.text, "{name:<30} {:>12}", section.bytes)?;
        }
        self.more(sections.len(), MAX_SHOWN, "sections")?;
        writeln!(self.text)?;
        Ok(())
    }

    fn document(&mut self, inspection: &Inspection, bytes: &[u8]) -> Result<(), Failure> {
        let doc = match input::instance()?.load(input::PEER, bytes) {
            Ok(doc) => doc,
            Err(error) => return self.check("loads", Err(input::explain(&error))),
        };
        self.content(&doc)?;
        self.check("loads", Ok(()))?;
        match inspection.sections.iter().find(|section| section.name == UNKNOWN) {
            None => self.check("saves to the same bytes", saves_to(&doc, bytes))?,
            Some(section) => writeln!(
                self.text,
                "check     saves to the same bytes: skipped: section {} belongs to a later version and would be lost",
                section.id
            )?,
        }
        // Last, because this check can run out of memory.
        self.check("history matches the rows", history_matches_rows(&doc))
    }

    fn entries(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let options = StoreOptions::default().time_to_live_ms(HALF_MAX_TIME_MS).max_skew_ms(HALF_MAX_TIME_MS);
        let store = input::instance()?.store(input::PEER, options)?;
        if let Err(error) = store.merge_update(bytes, HALF_MAX_TIME_MS) {
            return self.check("merges", Err(input::explain(&error)));
        }
        let namespaces = store.namespaces()?;
        writeln!(self.text, "{:<30} {:>12}", "namespace", "entries")?;
        let shown = self.shown(namespaces.len());
        for namespace in namespaces.iter().take(shown) {
            writeln!(self.text, "{:<30} {:>12}", Name(namespace), store.get_all(namespace)?.len())?;
        }
        self.more(namespaces.len(), shown, "namespaces")?;
        writeln!(self.text)?;
        self.check("merges", Ok(()))
    }

    fn update(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let doc = input::instance()?.doc(input::PEER)?;
        let report = match doc.merge_update(bytes) {
            Ok(report) => report,
            Err(error) => return self.check("merges", Err(input::explain(&error))),
        };
        writeln!(self.text, "merged into an empty document:")?;
        let MergeReport { applied, waiting, missing, .. } = report;
        self.fact("applied", applied)?;
        self.fact("waiting", waiting)?;
        self.heads("missing", missing)?;
        writeln!(self.text)?;
        self.tables(&doc)?;
        self.peers(&doc.version()?, None)?;
        self.check("merges", Ok(()))
    }

    fn content(&mut self, doc: &Doc) -> Result<(), Failure> {
        let version = doc.version()?;
        let horizon = input::horizon(doc)?;
        let events = sum(&version);
        self.fact("events", events)?;
        if let Some(horizon) = &horizon {
            self.fact("history", format_args!("{} of them, above the horizon", events.saturating_sub(sum(horizon))))?;
            self.heads("horizon", Heads::of_version(horizon).0)?;
        }
        // An empty merge reports the number of waiting events.
        self.fact("waiting", doc.merge_events([])?.waiting)?;
        self.fact("peers", version.len())?;
        self.heads("heads", doc.heads()?)?;
        self.fact("digest", doc.digest()?)?;
        writeln!(self.text)?;
        self.tables(doc)?;
        self.peers(&version, horizon.as_deref())
    }

    fn tables(&mut self, doc: &Doc) -> Result<(), Failure> {
        let tables = doc.tables()?;
        writeln!(self.text, "{:<30} {:>12}", "table", "rows")?;
        let shown = self.shown(tables.len());
        for table in tables.iter().take(shown) {
            writeln!(self.text, "{:<30} {:>12}", Name(&table.name), table.rows)?;
        }
        self.more(tables.len(), shown, "tables")?;
        writeln!(self.text)?;
        Ok(())
    }

    /// Prints all peers by name, or those with the most events, in descending order.
    fn peers(&mut self, version: &[PeerVersion], horizon: Option<&[PeerVersion]>) -> Result<(), Failure> {
        let below: HashMap<&str, u32> =
            horizon.unwrap_or_default().iter().map(|peer| (peer.peer.as_str(), peer.count)).collect();
        let mut peers: Vec<&PeerVersion> = version.iter().collect();
        let shown = self.shown(peers.len());
        if shown < peers.len() {
            peers.sort_by_key(|peer| Reverse(peer.count));
        }
        write!(self.text, "{:<30} {:>12}", "peer", "events")?;
        writeln!(self.text, "{}", if horizon.is_some() { "   above the horizon" } else { "" })?;
        for peer in peers.iter().take(shown) {
            write!(self.text, "{:<30} {:>12}", Peer(&peer.peer), peer.count)?;
            if horizon.is_some() {
                let compacted = below.get(peer.peer.as_str()).copied().unwrap_or(0);
                write!(self.text, "{:>20}", peer.count.saturating_sub(compacted))?;
            }
            writeln!(self.text)?;
        }
        self.more(peers.len(), shown, "peers")?;
        writeln!(self.text)?;
        Ok(())
    }

    fn heads(&mut self, name: &str, mut heads: Vec<EventId>) -> Result<(), Failure> {
        let count = heads.len();
        heads.truncate(self.shown(count));
        let more = count - heads.len();
        match (count, more) {
            (0, _) => self.fact(name, "none"),
            (_, 0) => self.fact(name, Heads(heads)),
            _ => self.fact(name, format_args!("{} and {more} more (--all shows them)", Heads(heads))),
        }
    }

    fn fact(&mut self, name: &str, fact: impl std::fmt::Display) -> Result<(), Failure> {
        Ok(writeln!(self.text, "{name:<9} {fact}")?)
    }

    fn check(&mut self, name: &str, outcome: Result<(), String>) -> Result<(), Failure> {
        match outcome {
            Ok(()) => writeln!(self.text, "check     {name}: ok")?,
            Err(reason) => {
                self.is_sound = false;
                writeln!(self.text, "check     {name}: FAILED: {}", one_line(&reason))?;
            }
        }
        Ok(())
    }

    fn shown(&self, count: usize) -> usize {
        if self.all { count } else { count.min(MAX_SHOWN) }
    }

    fn more(&mut self, count: usize, shown: usize, what: &str) -> Result<(), Failure> {
        if count > shown {
            let hint = if what == "sections" { "" } else { " (--all shows them)" };
            writeln!(self.text, "and {} more {what}{hint}", count - shown)?;
        }
        Ok(())
    }
}

fn sum(version: &[PeerVersion]) -> u64 {
    version.iter().map(|peer| u64::from(peer.count)).sum()
}

/// Checks that the document is saved to these bytes.
fn saves_to(doc: &Doc, bytes: &[u8]) -> Result<(), String> {
    let saved = doc.save().map_err(|error| input::explain(&error))?;
    if saved == bytes {
        return Ok(());
    }
    let differs = saved.iter().zip(bytes).take_while(|(saved, given)| saved == given).count();
    Err(format!("the saved document differs from byte {differs} on; it has {} bytes", saved.len()))
}

/// Executes the history again, and checks that it results in the same rows and the same version.
fn history_matches_rows(doc: &Doc) -> Result<(), String> {
    let executed = || -> Result<_, Error> {
        let fork = doc.fork_at(&doc.heads()?, input::PEER)?;
        Ok((fork.digest()?, doc.digest()?, fork.version()? == doc.version()?))
    };
    match executed() {
        Ok((executed, saved, true)) if executed == saved => Ok(()),
        Ok((executed, _, true)) => Err(format!("the history results in other rows, with the digest {executed}")),
        Ok((_, _, false)) => Err("the history results in another version".to_owned()),
        Err(error) => Err(input::explain(&error)),
    }
}

/// Replaces control characters: errors can contain names from the file.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
