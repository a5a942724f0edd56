//! Row histories as files: every event of some replicas, as `tests/data/rows/README.md` in the sources describes them,
//! packed by gzip or not.
//!
//! Reading holds the whole history in memory; a file is bounded in size, unpacked, and its lines in length. What
//! it reads are [`EventRun`]s, one for each event, and [`Row`]s.
//!
//! ```
//! let file = b"C\tann\t1\t\nI\tREADME\tmode=100644\tmodified=7\n";
//! let runs = converge_rig::history::read_events(&file[..])?;
//! assert_eq!((runs[0].peer.as_str(), runs[0].start, runs[0].lamport), ("ann", 0, Some(1)));
//!
//! let doc = converge::Doc::create("ben")?;
//! doc.merge_events(&runs)?;
//! let row = doc.scan(converge_rig::history::TABLE, &Default::default())?.rows.remove(0);
//! assert_eq!(converge_rig::history::row_line(&row), "README\tmode=100644\tmodified=7");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use converge::{Cell, Doc, EventId, EventRun, Row, RowOp, Value};
use flate2::bufread::MultiGzDecoder;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};

/// The table that the rows of a history are in.
pub const TABLE: &str = "files";

/// The maximum size of a file in bytes, unpacked.
pub const MAX_BYTES: u64 = 256 << 20;

/// The maximum size of a line in bytes.
pub const MAX_LINE_BYTES: u64 = 1 << 20;

/// Why a file is not a history, or not the rows of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It cannot be read, or unpacked.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// It has more bytes than are taken.
    #[error("more than {MAX_BYTES} bytes")]
    TooLarge,
    /// A line is not of the form.
    #[error("line {line}: {reason}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        reason: Reason,
    },
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// It is longer than lines may be.
    #[error("it has more than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// It begins with another letter than those of the form.
    #[error("it begins with {0:?}; expected C, I, U or D")]
    Kind(String),
    /// An operation comes before the first event.
    #[error("an operation before the first event")]
    BeforeFirstEvent,
    /// It has fewer or more fields than it must have.
    #[error("it has {0} fields, and another number is expected")]
    FieldCount(usize),
    /// A number is none, or is out of range.
    #[error("{0:?} is not a number that can stand here")]
    Number(String),
    /// A dependency is not an earlier event of the file.
    #[error("dependency {0} is not an earlier event")]
    Dependency(usize),
    /// A peer has more events than can be counted.
    #[error("too many events of one peer")]
    TooManyEvents,
    /// A cell has no `=`.
    #[error("the cell {0:?} has no `=`")]
    Cell(String),
    /// A backslash stands before something other than `\`, `t` and `n`.
    #[error("{0:?} has a backslash that escapes nothing")]
    Escape(String),
}

/// Every event of a history, in the file's order, as a run of its own.
///
/// # Errors
///
/// Where the file cannot be read, is too large, or is not of the form.
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

/// Every row of a file that holds the rows at the end of a history.
///
/// # Errors
///
/// As [`read_events`].
pub fn read_rows(file: impl Read) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for_each_line(file, |line| {
        let (id, cells) = row(line)?;
        rows.push(Row { id, cells });
        Ok(())
    })?;
    Ok(rows)
}

/// The line, without its end, that stands for a row in such a file.
pub fn row_line(row: &Row) -> String {
    let mut line = escape(&row.id);
    for Cell { column, value } in &row.cells {
        line.push('\t');
        line.push_str(column);
        line.push('=');
        match value {
            Value::Integer(integer) => line.push_str(&integer.to_string()),
            Value::Text(text) => line.push_str(&escape(text)),
            // The form has integers and texts alone; what else a row may hold is shown so that it differs from them.
            other => line.push_str(&format!("\\{other:?}")),
        }
    }
    line
}

/// Calls `take` with each line of a file, which may be packed, without the line's end.
fn for_each_line(file: impl Read, mut take: impl FnMut(&str) -> Result<(), Reason>) -> Result<(), Error> {
    let mut file = BufReader::new(file);
    let packed = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let unpacked: Box<dyn Read + '_> = if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut lines = BufReader::new(unpacked.take(MAX_BYTES + 1));
    let mut bytes = Vec::new();
    let mut total = 0;
    for line in 1.. {
        bytes.clear();
        let read = (&mut lines).take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            break;
        }
        total += read as u64;
        if total > MAX_BYTES {
            return Err(Error::TooLarge);
        }
        let of_line = |reason| Error::Line { line, reason };
        if read as u64 > MAX_LINE_BYTES {
            return Err(of_line(Reason::TooLong));
        }
        let text = str::from_utf8(bytes.strip_suffix(b"\n").unwrap_or(&bytes)).map_err(|_| of_line(Reason::NotUtf8))?;
        take(text).map_err(of_line)?;
    }
    Ok(())
}

/// Adds the fingerprints of their dependencies to events that have none, each of which follows its dependencies. With
/// fingerprints, they can be merged in any order. Merges all of them into a document of its own.
///
/// # Errors
/// Those of [`Doc::merge_events`] and [`Doc::permanent_id`].
pub fn add_fingerprints(events: &mut [EventRun]) -> Result<(), converge::Error> {
    let doc = Doc::create("fingerprints")?;
    doc.merge_events(events)?;
    let mut known: HashMap<EventId, u64> = HashMap::with_capacity(events.len());
    for event in events {
        let previous = event.start.checked_sub(1).map(|counter| EventId::new(&event.peer, counter));
        let links = previous.iter().chain(&event.deps);
        event.fingerprints = links.filter_map(|id| known.get(id).copied()).collect();
        let id = EventId::new(&event.peer, event.start);
        let permanent = doc.permanent_id(&id)?;
        // Its name ends with the digits of its fingerprint.
        let digits = permanent.peer.rsplit('~').next().unwrap_or_default();
        known.extend(u64::from_str_radix(digits, 16).map(|fingerprint| (id, fingerprint)));
    }
    Ok(())
}

/// The event of `PEER LAMPORT DEPS`, which comes after `events`.
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
    Ok(EventRun {
        peer,
        start,
        lamport: Some(parse(lamport)?),
        deps: ids,
        fingerprints: Vec::new(),
        salt: 0,
        commits: vec![Vec::new()],
    })
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

/// The row of `PATH column=value…`.
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
    // After a backslash: a letter, or nothing, which means that a second backslash and its own rest come next.
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
