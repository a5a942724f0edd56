//! Works on one text: published editing histories, and insertions at one place.

use super::Size;
use crate::libraries::Result;
use crate::libraries::text::TextReplica;
use crate::results::{Figure, Unit};
use converge_traces::{Patch, Trace, sha256};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

/// Short measurements are repeated until they took this long together, at most `MAX_REPEATS` times.
const ENOUGH: Duration = Duration::from_millis(300);
const MAX_REPEATS: usize = 9;

/// The peer of replicas that only merge or load. Those that edit have larger numbers.
const READER: u64 = 1;
const FIRST_WRITER: u64 = 2;

/// Runs a work. `is_published` is whether the library sorts insertions at one place as published.
pub fn run<R: TextReplica>(work: &str, size: Size, is_published: bool) -> Result<Vec<Figure>> {
    match work {
        "text" => alone::<R>(size),
        "text-concurrent" => concurrent::<R>(size, is_published),
        "text-prepend" => prepend::<R>(size),
        "text-crowd" => crowd::<R>(size),
        other => Err(format!("unknown work {other}").into()),
    }
}

/// Returns the traces of one author that a size includes.
pub(super) fn traces_alone(size: Size) -> impl Iterator<Item = (Trace, &'static str)> {
    converge_traces::alone().filter(move |(trace, _)| size.has_all_traces || trace.name == "sveltecomponent")
}

fn alone<R: TextReplica>(size: Size) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (trace, end) in traces_alone(size) {
        let mut doc = R::create(FIRST_WRITER)?;
        doc.begin()?;
        let start = Instant::now();
        trace.events.iter().try_for_each(|event| doc.edit(&event.patches))?;
        let typed = start.elapsed().as_secs_f64();
        check(&doc, end)?;
        let name = |figure: &str| format!("{}, {figure}", trace.name);
        figures.push(Figure::per(&name("type, per event"), typed, trace.events.len(), Unit::Nanoseconds));
        let update = doc.changes_since(&R::create(READER)?.version()?)?;
        figures.push(merged::<R>(&trace.name, &update, |doc| check(doc, end))?);
        figures.extend(saved(&trace.name, &mut doc)?);
    }
    Ok(figures)
}

fn concurrent<R: TextReplica>(size: Size, is_published: bool) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (mut trace, end) in converge_traces::concurrent() {
        if !size.has_all_traces {
            trace.events.truncate(size.updates);
        }
        let (setup, updates) = updates::<R>(&trace)?;
        let mut doc = R::load(READER, &setup)?;
        let start = Instant::now();
        updates.iter().try_for_each(|update| doc.merge(update))?;
        let observed = start.elapsed().as_secs_f64();
        // Other libraries cannot use the published names, so they may sort insertions at one place
        // differently.
        let text = doc.read()?;
        let check = |other: &R| {
            if is_published && size.has_all_traces { check(other, end) } else { check_equal(other.read()?, &text) }
        };
        check(&doc)?;
        let name = format!("{}, observe, per event", trace.name);
        figures.push(Figure::per(&name, observed, updates.len(), Unit::Nanoseconds));
        let update = doc.changes_since(&R::create(READER)?.version()?)?;
        figures.push(merged::<R>(&trace.name, &update, check)?);
        figures.extend(saved(&trace.name, &mut doc)?);
    }
    Ok(figures)
}

/// Measures merging a whole history into an empty replica.
fn merged<R: TextReplica>(name: &str, update: &[u8], check: impl Fn(&R) -> Result<()>) -> Result<Figure> {
    let seconds = repeated(|| {
        let mut doc = R::create(READER)?;
        let start = Instant::now();
        doc.merge(update)?;
        let seconds = start.elapsed().as_secs_f64();
        check(&doc)?;
        Ok(seconds)
    })?;
    Ok(Figure::new(&format!("{name}, merge as one update"), seconds * 1e3, Unit::Milliseconds))
}

/// Measures saved documents, with and without history.
fn saved<R: TextReplica>(name: &str, doc: &mut R) -> Result<Vec<Figure>> {
    let text = doc.read()?;
    let bytes = doc.save()?;
    let seconds = repeated(|| {
        let start = Instant::now();
        let loaded = R::load(READER, &bytes)?;
        let read = loaded.read()?;
        let seconds = start.elapsed().as_secs_f64();
        check_equal(read, &text)?;
        Ok(seconds)
    })?;
    let mut figures = vec![Figure::new(&format!("{name}, load and read the text"), seconds * 1e3, Unit::Milliseconds)];
    let mut report = |what: &str, bytes: &[u8]| -> Result<()> {
        figures.push(Figure::new(&format!("{name}, {what}"), bytes.len() as f64, Unit::Bytes));
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(bytes)?;
        let length = gzip.finish()?.len() as f64;
        figures.push(Figure::new(&format!("{name}, {what}, gzip"), length, Unit::Bytes));
        Ok(())
    };
    report("saved", &bytes)?;
    if let Some(compacted) = doc.compacted()? {
        check_equal(R::load(READER, &compacted)?.read()?, &text)?;
        report("compacted", &compacted)?;
    }
    Ok(figures)
}

/// A replica, and which events of the trace it has.
struct Author<R> {
    replica: R,
    has: Vec<bool>,
}

/// Returns a saved document with an empty text, and the update of each event of a trace, made by a
/// replica that has the events before it and no others.
fn updates<R: TextReplica>(trace: &Trace) -> Result<(Vec<u8>, Vec<Vec<u8>>)> {
    let setup = empty::<R>()?;
    let count = trace.events.len();
    let mut peers: Vec<&str> = trace.events.iter().map(|event| event.peer.as_str()).collect();
    peers.sort_unstable();
    peers.dedup();
    let number = |peer: &str| FIRST_WRITER + 1 + peers.binary_search(&peer).expect("a peer of the trace") as u64;
    let mut last_of_peer = BTreeMap::new();
    let mut last_use: Vec<usize> = (0..count).collect();
    for (index, event) in trace.events.iter().enumerate() {
        last_of_peer.insert(event.peer.as_str(), index);
        event.after.iter().for_each(|&before| last_use[before] = index);
    }
    let mut authors: BTreeMap<&str, Author<R>> = BTreeMap::new();
    // Replicas from which the first events of other authors begin.
    let mut bases: BTreeMap<usize, Author<R>> = BTreeMap::new();
    let mut updates: Vec<Vec<u8>> = Vec::with_capacity(count);
    for (index, event) in trace.events.iter().enumerate() {
        let mut author = match authors.remove(event.peer.as_str()) {
            Some(author) => author,
            None => {
                let base = event.after.iter().copied().find(|before| bases.contains_key(before));
                match base.and_then(|base| bases.get_mut(&base)) {
                    Some(Author { replica, has }) => {
                        Author { replica: replica.fork(number(&event.peer))?, has: has.clone() }
                    }
                    None => Author { replica: R::load(number(&event.peer), &setup)?, has: vec![false; count] },
                }
            }
        };
        let mut missing = Vec::new();
        let mut open = event.after.clone();
        while let Some(before) = open.pop() {
            if !std::mem::replace(&mut author.has[before], true) {
                missing.push(before);
                open.extend(&trace.events[before].after);
            }
        }
        missing.sort_unstable();
        missing.iter().try_for_each(|&before| author.replica.merge(&updates[before]))?;
        updates.push(author.replica.edit_and_encode(&event.patches)?);
        author.has[index] = true;
        if last_of_peer[event.peer.as_str()] > index {
            authors.insert(&event.peer, author);
        } else if last_use[index] > index {
            bases.insert(index, author);
        }
        bases.retain(|&base, _| last_use[base] > index);
    }
    Ok((setup, updates))
}

/// Returns a saved document with an empty text.
fn empty<R: TextReplica>() -> Result<Vec<u8>> {
    let mut doc = R::create(FIRST_WRITER)?;
    doc.begin()?;
    doc.save()
}

/// Returns an insertion at the start of a text.
fn at_start(insert: String) -> [Patch; 1] {
    [Patch { at: 0, remove: 0, insert }]
}

fn prepend<R: TextReplica>(size: Size) -> Result<Vec<Figure>> {
    let setup = empty::<R>()?;
    let mut authors = [R::load(FIRST_WRITER + 1, &setup)?, R::load(FIRST_WRITER + 2, &setup)?];
    let before = authors[0].version()?;
    for (author, letter) in authors.iter_mut().zip(["a", "b"]) {
        (0..size.lines).try_for_each(|line| author.edit(&at_start(format!("{letter} {line}\n"))))?;
    }
    let changes = [authors[0].changes_since(&before)?, authors[1].changes_since(&before)?];
    let start = Instant::now();
    authors[0].merge(&changes[1])?;
    let merged = start.elapsed().as_secs_f64();
    authors[1].merge(&changes[0])?;
    let text = authors[0].read()?;
    check_equal(authors[1].read()?, &text)?;
    if text.lines().count() != 2 * size.lines {
        return Err("the text lacks lines".into());
    }
    Ok(vec![Figure::per("merge, per line", merged, size.lines, Unit::Nanoseconds)])
}

fn crowd<R: TextReplica>(size: Size) -> Result<Vec<Figure>> {
    let setup = empty::<R>()?;
    let mut updates = Vec::new();
    for peer in 0..size.crowd {
        let mut author = R::load(FIRST_WRITER + 1 + peer as u64, &setup)?;
        updates.push(author.edit_and_encode(&at_start(format!("{peer}\n")))?);
    }
    let mut reader = R::load(READER, &setup)?;
    let start = Instant::now();
    updates.iter().try_for_each(|update| reader.merge(update))?;
    let crowd = start.elapsed().as_secs_f64();
    if reader.read()?.lines().count() != size.crowd {
        return Err("the text lacks words".into());
    }
    Ok(vec![Figure::per("merge, per peer", crowd, size.crowd, Unit::Nanoseconds)])
}

/// Returns the median of the seconds that `measure` returns, of several measurements if it is fast.
fn repeated(mut measure: impl FnMut() -> Result<f64>) -> Result<f64> {
    let start = Instant::now();
    let mut seconds = vec![measure()?];
    while seconds.len() < MAX_REPEATS && start.elapsed() < ENOUGH {
        seconds.push(measure()?);
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2])
}

fn check<R: TextReplica>(doc: &R, end: &str) -> Result<()> {
    let found = sha256(&doc.read()?);
    if found == end { Ok(()) } else { Err(format!("the text has the hash {found}, not {end}").into()) }
}

fn check_equal(text: String, expected: &str) -> Result<()> {
    if text == expected { Ok(()) } else { Err("two replicas have different texts".into()) }
}
