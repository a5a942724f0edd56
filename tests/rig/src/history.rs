//! Reads files with row histories, compressed by gzip or not. `tests/data/rows/README.md` describes
//! the format.
//!
//! Events are read as [`EventRun`]s, one for each event, and rows as [`Row`]s. The whole history is
//! held in memory; [`MAX_BYTES`] and [`MAX_LINE_BYTES`] limit the uncompressed file.
//!
//! ```
//! let file = b"C\tann\t1\t\nI\tREADME\tmode=100644\tmodified=7\n";
//! let runs = converge_rig::history::read_events(&file[..])?;
//! assert_eq!((runs[0].peer.as_str(), runs[0].start, runs[0].lamport), ("ann", 0, Some(1)));
//!
//! let doc = converge::Doc::create("ben")?;
//! doc.merge_events(runs)?;
//! let row = doc.scan(converge_rig::history::TABLE, &Default::default())?.rows.remove(0);
//! assert_eq!(converge_rig::history::row_line(&row), "README\tmode=100644\tmodified=7");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use converge::{Cell, Doc, EventId, EventRun, Row, RowOp, Value};
use flate2::bufread::MultiGzDecoder;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};

/// The table of a history's rows.
pub const TABLE: &str = "files";

/// The maximum size of an uncompressed file, in bytes.
pub const MAX_BYTES: u64 = 256 << 20;

/// The maximum size of a line, in bytes.
pub const MAX_LINE_BYTES: u64 = 1 << 20;

/// An error while reading a history or its rows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read or decompressed.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// The file is too large.
    #[error("the file has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// A line is invalid.
    #[error("line {line}: {reason}")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with the line.
        reason: Reason,
    },
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The line is too long.
    #[error("the line has more than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// The line is not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// The line starts with an unknown letter.
    #[error("the line starts with {0:?}; expected C, I, U or D")]
    Kind(String),
    /// An operation comes before the first event.
    #[error("the operation comes before the first event")]
    BeforeFirstEvent,
    /// The line has the wrong number of fields.
    #[error("the line has a wrong number of fields: {0}")]
    FieldCount(usize),
    /// A number is invalid or out of range.
    #[error("{0:?} is not a valid number here")]
    Number(String),
    /// A dependency is not an earlier event of the file.
    #[error("dependency {0} is not an earlier event of the file")]
    Dependency(usize),
    /// A peer has more than 2^32 - 1 events.
    #[error("a peer has more than 4294967295 events")]
    TooManyEvents,
    /// A cell has no `=`.
    #[error("the cell {0:?} has no `=`")]
    Cell(String),
    /// A backslash is followed by something other than `\`, `t` or `n`.
    #[error("{0:?} contains an invalid escape sequence; expected \\\\, \\t or \\n")]
    Escape(String),
}

/// Reads the events of a history, each as a separate run, in the order of the file.
///
/// # Errors
///
/// If the file cannot be read, is too large, or has an invalid line.
pub fn read_events(file: impl Read) -> Result<Vec<EventRun>, Error> {
    let mut events: Vec<EventRun> = Vec::new();
    let mut counts: HashMap<String, u32> = HashMap::new();
    for_each_line(file, |line| {
        let (kind, rest) = line.split_once('\t').unwrap_or((line, ""));
        if kind == "C" {
            let event = event(rest, &events, &mut counts)?;
            events.push(event);
            return Ok(());
        }
        let op = operation(kind, rest)?;
        let event = events.last_mut().ok_or(Reason::BeforeFirstEvent)?;
        event.commits.iter_mut().for_each(|commit| commit.push(op.clone()));
        Ok(())
    })?;
    Ok(events)
}

/// Reads a file with the rows at the end of a history.
///
/// # Errors
///
/// The same as [`read_events`].
pub fn read_rows(file: impl Read) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for_each_line(file, |line| {
        let (id, cells) = row(line)?;
        rows.push(Row { id, cells });
        Ok(())
    })?;
    Ok(rows)
}

/// Formats a row as a line of such a file, without the line feed.
pub fn row_line(row: &Row) -> String {
    let mut line = escape(&row.id);
    for Cell { column, value } in &row.cells {
        line.push('\t');
        line.push_str(column);
        line.push('=');
        match value {
            Value::Integer(integer) => line.push_str(&integer.to_string()),
            Value::Text(text) => line.push_str(&escape(text)),
            // The format has only integers and texts. Other values are shown so that they differ from these.
            other => line.push_str(&format!("\\{other:?}")),
        }
    }
    line
}

/// Calls `read` with each line of a file, without the line feed. The file may be compressed.
fn for_each_line(file: impl Read, mut read: impl FnMut(&str) -> Result<(), Reason>) -> Result<(), Error> {
    let mut file = BufReader::new(file);
    let is_compressed = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let uncompressed: Box<dyn Read + '_> =
        if is_compressed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut lines = BufReader::new(uncompressed.take(MAX_BYTES + 1));
    let mut bytes = Vec::new();
    let mut total = 0;
    for line in 1.. {
        bytes.clear();
        let length = (&mut lines).take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut bytes)?;
        if length == 0 {
            break;
        }
        total += length as u64;
        if total > MAX_BYTES {
            return Err(Error::TooLarge);
        }
        let of_line = |reason| Error::Line { line, reason };
        if length as u64 > MAX_LINE_BYTES {
            return Err(of_line(Reason::TooLong));
        }
        let text = str::from_utf8(bytes.strip_suffix(b"\n").unwrap_or(&bytes)).map_err(|_| of_line(Reason::NotUtf8))?;
        read(text).map_err(of_line)?;
    }
    Ok(())
}

/// Adds the fingerprints of the dependencies to events without fingerprints. Each event must come
/// after its dependencies. Events with fingerprints can be merged in any order.
///
/// Merges all events into a temporary document.
///
/// # Errors
///
/// The errors of [`Doc::merge_events`] and [`Doc::permanent_id`].
pub fn add_fingerprints(events: &mut [EventRun]) -> Result<(), converge::Error> {
    let doc = Doc::create("fingerprints")?;
    doc.merge_events(events.iter().cloned())?;
    let mut known: HashMap<EventId, u64> = HashMap::with_capacity(events.len());
    for event in events {
        let previous = event.start.checked_sub(1).map(|counter| EventId::new(&event.peer, counter));
        let links = previous.iter().chain(&event.deps);
        event.fingerprints = links.filter_map(|id| known.get(id).copied()).collect();
        let id = EventId::new(&event.peer, event.start);
        let permanent = doc.permanent_id(&id)?;
        // The name ends with the digits of the fingerprint.
        let digits = permanent.peer.rsplit('~').next().unwrap_or_default();
        known.extend(u64::from_str_radix(digits, 16).map(|fingerprint| (id, fingerprint)));
    }
    Ok(())
}

/// Parses `PEER LAMPORT DEPS`, an event that follows `events`.
fn event(fields: &str, events: &[EventRun], counts: &mut HashMap<String, u32>) -> Result<EventRun, Reason> {
    let fields: Vec<&str> = fields.split('\t').collect();
    let [peer, lamport, deps] = fields[..] else { return Err(Reason::FieldCount(fields.len() + 1)) };
    let mut ids = Vec::new();
    for number in deps.split(',').filter(|_| !deps.is_empty()) {
        let number = parse(number)?;
        let event: &EventRun = events.get(number).ok_or(Reason::Dependency(number))?;
        ids.push(EventId::new(&event.peer, event.start));
    }
    ids.sort_unstable();
    let peer = unescape(peer)?;
    let count = counts.entry(peer.clone()).or_default();
    let start = *count;
    *count = count.checked_add(1).ok_or(Reason::TooManyEvents)?;
    let mut event = EventRun::new(peer, start, [Vec::new()]);
    (event.lamport, event.deps) = (Some(parse(lamport)?), ids);
    Ok(event)
}

fn operation(kind: &str, fields: &str) -> Result<RowOp, Reason> {
    match kind {
        "I" => row(fields).map(|(id, cells)| RowOp::insert(TABLE, id, cells)),
        "U" => row(fields).map(|(id, cells)| RowOp::update(TABLE, id, cells)),
        "D" if fields.contains('\t') => Err(Reason::FieldCount(fields.split('\t').count() + 1)),
        "D" => Ok(RowOp::delete(TABLE, unescape(fields)?)),
        _ => Err(Reason::Kind(kind.chars().take(20).collect())),
    }
}

/// Parses `PATH column=value…`.
fn row(fields: &str) -> Result<(String, Vec<Cell>), Reason> {
    let mut fields = fields.split('\t');
    let id = unescape(fields.next().unwrap_or_default())?;
    let cells = fields.map(cell).collect::<Result<_, _>>()?;
    Ok((id, cells))
}

fn cell(field: &str) -> Result<Cell, Reason> {
    let (column, value) = field.split_once('=').ok_or_else(|| Reason::Cell(field.to_owned()))?;
    let value = match column {
        "modified" => Value::Integer(parse(value)?),
        _ => Value::Text(unescape(value)?),
    };
    Ok(Cell::new(column, value))
}

fn parse<Number: std::str::FromStr>(text: &str) -> Result<Number, Reason> {
    text.parse().map_err(|_| Reason::Number(text.to_owned()))
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n")
}

fn unescape(text: &str) -> Result<String, Reason> {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    // The part after a backslash starts with a letter. It is empty if a second backslash follows.
    while let Some(part) = parts.next() {
        match part.as_bytes().first() {
            Some(b't') => plain.push('\t'),
            Some(b'n') => plain.push('\n'),
            None => {
                plain.push('\\');
                plain.push_str(parts.next().ok_or_else(|| Reason::Escape(text.to_owned()))?);
                continue;
            }
            Some(_) => return Err(Reason::Escape(text.to_owned())),
        }
        plain.push_str(part.get(1..).unwrap_or_default());
    }
    Ok(plain)
}
