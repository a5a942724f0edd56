//! `converge-rig replay`: merges a history into a document, event by event or in batches, and
//! prints the result.

use crate::order::Order;
use converge::{Doc, EventRun, Row, ScanOptions};
use converge_rig::history::{self, TABLE, row_line};
use lexopt::prelude::{Long, Short, Value, ValueExt};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(crate) const HELP: &str = "\
Merges the events of a history into a document and prints the result.

Usage:
  converge-rig replay HISTORY [options]

HISTORY is a file in the format of tests/data/rows, compressed by gzip or not.

Options:
  --expect FILE     compare the rows at the end with those in FILE
  --order ORDER     the order of the events: file, reverse, or shuffle:SEED [default: file]
  --batch N         the number of events per call [default: 1]
  --head N          print the first N rows at the end [default: 0]
  --save FILE       write the document to FILE, completely or not at all
  --progress        show progress on standard error even if that is not a terminal
";

/// The maximum number of differences that are printed.
const MAX_SHOWN_DIFFERENCES: usize = 10;

pub(crate) struct Options {
    history: PathBuf,
    expect: Option<PathBuf>,
    order: Order,
    /// The number of events per call.
    batch: NonZeroUsize,
    /// The number of rows to print.
    head: usize,
    save: Option<PathBuf>,
    progress: bool,
}

/// Returns `None` if help is requested.
pub(crate) fn arguments(arguments: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut history = None;
    let mut expect = None;
    let mut order = Order::File;
    let mut batch = NonZeroUsize::MIN;
    let mut head = 0;
    let mut save = None;
    let mut progress = io::stderr().is_terminal();
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("expect") => expect = Some(PathBuf::from(arguments.value()?)),
            Long("order") => order = arguments.value()?.parse()?,
            Long("batch") => batch = arguments.value()?.parse()?,
            Long("head") => head = arguments.value()?.parse()?,
            Long("save") => save = Some(PathBuf::from(arguments.value()?)),
            Long("progress") => progress = true,
            Value(file) if history.is_none() => history = Some(PathBuf::from(file)),
            other => return Err(other.unexpected()),
        }
    }
    let history = history.ok_or("HISTORY is missing")?;
    Ok(Some(Options { history, expect, order, batch, head, save, progress }))
}

/// Returns whether all events were applied and the rows are the expected ones.
pub(crate) fn replay(options: &Options, output: &mut impl Write) -> Result<bool, Box<dyn Error>> {
    let expected = match &options.expect {
        Some(file) => Some(read(file, history::read_rows)?),
        None => None,
    };
    let mut events = read(&options.history, history::read_events)?;
    history::add_fingerprints(&mut events)?;
    options.order.arrange(&mut events);

    let name = options.history.file_name().unwrap_or_default().to_string_lossy();
    let doc = Doc::create("replay")?;
    let (waiting, time) = merge(&doc, &events, options.batch, options.progress.then_some(&*name))?;
    let rows = doc.rows(TABLE, ScanOptions::default()).collect::<Result<Vec<Row>, _>>()?;
    let version = doc.version()?;
    if let Some(file) = &options.save {
        doc.save_file(file)?;
    }

    writeln!(output, "history   {name}")?;
    writeln!(output, "order     {}, {} per call", options.order, options.batch)?;
    writeln!(output, "events    {}", version.iter().map(|peer| u64::from(peer.count)).sum::<u64>())?;
    writeln!(output, "peers     {}", version.len())?;
    writeln!(output, "waiting   {waiting}")?;
    writeln!(output, "rows      {}", rows.len())?;
    writeln!(output, "digest    {}", doc.digest()?)?;
    writeln!(output, "speed     {:.0} events/s", events.len() as f64 / time.as_secs_f64())?;
    let mut agree = true;
    if let Some(expected) = expected {
        agree = compare(&rows, &expected, output)?;
    }
    if options.head > 0 {
        writeln!(output)?;
        for row in rows.iter().take(options.head) {
            writeln!(output, "{}", row_line(row))?;
        }
    }
    Ok(agree && waiting == 0)
}

fn read<T>(file: &Path, read: impl FnOnce(File) -> Result<T, history::Error>) -> Result<T, Box<dyn Error>> {
    let of_file = |error: &dyn Error| format!("{}: {error}", file.display());
    let opened = File::open(file).map_err(|error| of_file(&error))?;
    Ok(read(opened).map_err(|error| of_file(&error))?)
}

/// Merges the events. Returns the number of events that wait at the end, and the time.
fn merge(
    doc: &Doc,
    events: &[EventRun],
    batch: NonZeroUsize,
    progress: Option<&str>,
) -> Result<(u32, Duration), Box<dyn Error>> {
    let mut progress = Progress { name: progress, total: events.len(), shown: None };
    let mut waiting = 0;
    let mut done = 0;
    let start = Instant::now();
    for events in events.chunks(batch.get()) {
        waiting = doc.merge_events(events.iter().cloned())?.waiting;
        done += events.len();
        progress.show(done);
    }
    let time = start.elapsed();
    progress.end();
    Ok((waiting, time))
}

/// A line on standard error, rewritten at most twenty times per second. Errors of the output are
/// ignored.
struct Progress<'a> {
    name: Option<&'a str>,
    total: usize,
    shown: Option<Instant>,
}

impl Progress<'_> {
    fn show(&mut self, done: usize) {
        let Some(name) = self.name else { return };
        let recent = self.shown.is_some_and(|shown| shown.elapsed() < Duration::from_millis(50));
        if recent && done < self.total {
            return;
        }
        self.shown = Some(Instant::now());
        let _ = write!(io::stderr(), "\r{name} {done}/{}", self.total);
    }

    fn end(self) {
        if self.shown.is_some() {
            let _ = writeln!(io::stderr());
        }
    }
}

/// Prints and returns whether the rows are the expected ones. Prints the first differences.
fn compare(rows: &[Row], expected: &[Row], output: &mut impl Write) -> io::Result<bool> {
    let (found, expected) = (fields_by_path(rows), fields_by_path(expected));
    let mut differences = Vec::new();
    for (path, fields) in &found {
        match expected.get(path) {
            Some(wanted) if wanted == fields => {}
            Some(wanted) => differences.push(format!("{path}  is {fields}, expected {wanted}")),
            None => differences.push(format!("{path}  exists, expected none")),
        }
    }
    let missing = expected.keys().filter(|path| !found.contains_key(*path));
    differences.extend(missing.map(|path| format!("{path}  is missing")));
    if differences.is_empty() {
        writeln!(output, "expected  {} rows agree", expected.len())?;
        return Ok(true);
    }
    writeln!(output, "expected  {} rows differ", differences.len())?;
    output.flush()?;
    for difference in differences.iter().take(MAX_SHOWN_DIFFERENCES) {
        // Ignore errors: the exit code reports the difference, too.
        let _ = writeln!(io::stderr(), "differs  {difference}");
    }
    Ok(false)
}

/// Returns the fields of each row as the format writes them, by path.
fn fields_by_path(rows: &[Row]) -> BTreeMap<String, String> {
    let parts = |row| {
        let line = row_line(row);
        let (path, fields) = line.split_once('\t').unwrap_or((&line, ""));
        (path.to_owned(), fields.to_owned())
    };
    rows.iter().map(parts).collect()
}
