//! Works on a single table.

use super::Size;
use crate::libraries::{Contents, Replica, Result};
use crate::results::{Figure, Unit};
use std::hint::black_box;
use std::time::Instant;

const BATCH: usize = 100;
/// The first rows that the two replicas of `concurrent` update.
const FIRST_ROWS: [usize; 2] = [0, 7];
const STRIDE: usize = 31;

pub fn run<R: Replica>(work: &str, size: Size) -> Result<Vec<Figure>> {
    match work {
        "insert" => insert::<R>(size),
        "update" => update::<R>(size),
        "concurrent" => concurrent::<R>(size),
        "saved" => saved::<R>(&mut inserted::<R>(size.rows, 1)?, size.rows),
        "saved-updates" => saved::<R>(&mut updated::<R>(size)?, size.updated_rows),
        "catch-up" => catch_up::<R>(size),
        "scale" => scale::<R>(size),
        other => Err(format!("unknown work {other}").into()),
    }
}

fn insert<R: Replica>(size: Size) -> Result<Vec<Figure>> {
    let rows = size.rows;
    let expected = Contents::of_rows(rows);
    warm_up::<R>(size)?;
    let (doc, each) = timed(|| inserted::<R>(rows, 1))?;
    check(&doc, &expected)?;
    let (sum, get) = timed(|| (0..rows).map(|row| doc.get(row)).sum::<Result<i64>>())?;
    check_equal("the sum of the numbers", sum, expected.number_sum)?;
    let (_, scan) = timed(|| doc.read())?;
    let (batches, of_batches) = timed(|| inserted::<R>(rows, BATCH))?;
    check(&batches, &expected)?;
    drop(batches);
    let (one, at_once) = timed(|| inserted::<R>(rows, rows))?;
    check(&one, &expected)?;
    Ok(vec![
        Figure::per("one row per transaction", each, rows, Unit::Nanoseconds),
        Figure::per("100 rows per transaction", of_batches, rows, Unit::Nanoseconds),
        Figure::per("all rows in one transaction", at_once, rows, Unit::Nanoseconds),
        Figure::per("read one row", get, rows, Unit::Nanoseconds),
        Figure::per("read all rows, per row", scan, rows, Unit::Nanoseconds),
    ])
}

fn update<R: Replica>(size: Size) -> Result<Vec<Figure>> {
    warm_up::<R>(size)?;
    let mut doc = inserted::<R>(size.updated_rows, size.updated_rows)?;
    let (_, each) = timed(|| apply(&mut doc, updates(size), 1))?;
    check_updated(&doc, size)?;
    let mut doc = inserted::<R>(size.updated_rows, size.updated_rows)?;
    let (_, batches) = timed(|| apply(&mut doc, updates(size), BATCH))?;
    check_updated(&doc, size)?;
    Ok(vec![
        Figure::per("one update per transaction", each, size.updates, Unit::Nanoseconds),
        Figure::per("100 updates per transaction", batches, size.updates, Unit::Nanoseconds),
    ])
}

fn concurrent<R: Replica>(size: Size) -> Result<Vec<Figure>> {
    warm_up::<R>(size)?;
    let mut figures = Vec::new();
    for (name, batch) in [("one update per transaction", 1), ("100 updates per transaction", BATCH)] {
        let mut ann = updated::<R>(size)?;
        let mut ben = R::load(2, &ann.save()?)?;
        let count = size.updates / 4;
        let rows =
            |first: usize| (0..count).map(move |i| ((STRIDE * i + first) % size.updated_rows, (i + first) as i64));
        let start = Instant::now();
        let common = ann.version()?;
        for (doc, first) in [(&mut ann, FIRST_ROWS[0]), (&mut ben, FIRST_ROWS[1])] {
            apply(doc, rows(first), batch)?;
        }
        let written = start.elapsed().as_secs_f64();
        let changes = [ann.changes_since(&common)?, ben.changes_since(&common)?];
        ann.merge(&changes[1])?;
        ben.merge(&changes[0])?;
        let seconds = start.elapsed().as_secs_f64();
        let (here, there) = (ann.numbers(size.updated_rows)?, ben.numbers(size.updated_rows)?);
        check_equal("the rows of the replicas", &here, &there)?;
        let last = |first: usize| rows(first).collect::<std::collections::BTreeMap<usize, i64>>();
        let (ours, theirs) = (last(FIRST_ROWS[0]), last(FIRST_ROWS[1]));
        if !here.iter().all(|(row, number)| [ours.get(row), theirs.get(row)].contains(&Some(number))) {
            return Err("a row contains a value that neither replica wrote last".into());
        }
        figures.push(Figure::per(name, seconds, 2 * count, Unit::Nanoseconds));
        if batch == 1 {
            figures.push(Figure::per(
                "one update per transaction, exchange only",
                seconds - written,
                2 * count,
                Unit::Nanoseconds,
            ));
        }
    }
    Ok(figures)
}

fn saved<R: Replica>(doc: &mut R, rows: usize) -> Result<Vec<Figure>> {
    let expected = doc.read()?;
    let (bytes, write) = timed(|| doc.save())?;
    let start = Instant::now();
    let loaded = R::load(3, &bytes)?;
    let load = start.elapsed().as_secs_f64();
    let contents = loaded.read()?;
    let read = start.elapsed().as_secs_f64();
    check_equal("the loaded table", &contents, &expected)?;
    drop(loaded);
    let row = rows / 2;
    let number = doc.get(row)?;
    let (opened, open) = timed(|| R::open(&bytes, row))?;
    check_equal("the number of one row", black_box(opened), number)?;
    Ok(vec![
        Figure::new("size", bytes.len() as f64, Unit::Bytes),
        Figure::new("save", write * 1e3, Unit::Milliseconds),
        Figure::new("load", load * 1e3, Unit::Milliseconds),
        Figure::new("load and read all rows", read * 1e3, Unit::Milliseconds),
        Figure::new("open and read one row", open * 1e3, Unit::Milliseconds),
    ])
}

fn catch_up<R: Replica>(size: Size) -> Result<Vec<Figure>> {
    let mut ann = inserted::<R>(size.updated_rows, size.updated_rows)?;
    let events = size.events;
    apply(&mut ann, (1..events - 1).map(|i| (i % size.updated_rows, i as i64)), 1)?;
    let mut ben = R::load(2, &ann.save()?)?;
    ann.update(std::iter::once((0, -1)))?;
    let (traffic, seconds) = timed(|| ann.sync(&mut ben))?;
    check_equal("the number of the row", ben.get(0)?, -1)?;
    Ok(vec![
        Figure::new("sent", traffic.bytes as f64, Unit::Bytes),
        Figure::new("messages", traffic.messages as f64, Unit::Count),
        Figure::new("time", seconds * 1e3, Unit::Milliseconds),
    ])
}

fn scale<R: Replica>(size: Size) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for &rows in size.scale {
        let expected = Contents::of_rows(rows);
        let (mut doc, insert) = timed(|| inserted::<R>(rows, BATCH))?;
        let bytes = doc.save()?;
        drop(doc);
        let (contents, read) = timed(|| R::load(3, &bytes)?.read())?;
        check_equal("the loaded table", &contents, &expected)?;
        figures.push(Figure::per(&format!("insert, {rows} rows"), insert, rows, Unit::Nanoseconds));
        figures.push(Figure::per(&format!("read, {rows} rows"), read, rows, Unit::Nanoseconds));
    }
    Ok(figures)
}

/// Runs a small part of the work, so that the measured part finds warm code and memory.
fn warm_up<R: Replica>(size: Size) -> Result<()> {
    let mut doc = inserted::<R>(size.updated_rows, 1)?;
    apply(&mut doc, updates(size).take(size.updated_rows), 1)
}

pub(super) fn inserted<R: Replica>(rows: usize, batch: usize) -> Result<R> {
    let mut doc = R::create(1)?;
    for first in (0..rows).step_by(batch) {
        doc.insert(first..rows.min(first + batch))?;
    }
    Ok(doc)
}

pub(super) fn updated<R: Replica>(size: Size) -> Result<R> {
    let mut doc = inserted::<R>(size.updated_rows, size.updated_rows)?;
    apply(&mut doc, updates(size), BATCH)?;
    Ok(doc)
}

pub(super) fn updates(size: Size) -> impl Iterator<Item = (usize, i64)> {
    (0..size.updates).map(move |i| (i % size.updated_rows, i as i64))
}

pub(super) fn apply<R: Replica>(doc: &mut R, updates: impl Iterator<Item = (usize, i64)>, batch: usize) -> Result<()> {
    let mut updates = updates.peekable();
    while updates.peek().is_some() {
        doc.update(updates.by_ref().take(batch))?;
    }
    Ok(())
}

fn check_updated<R: Replica>(doc: &R, size: Size) -> Result<()> {
    let number_sum = (size.updates - size.updated_rows..size.updates).map(|number| number as i64).sum();
    check(doc, &Contents { number_sum, ..Contents::of_rows(size.updated_rows) })
}

fn check<R: Replica>(doc: &R, expected: &Contents) -> Result<()> {
    check_equal("the table", &doc.read()?, expected)
}

fn check_equal<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<()> {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found:?}, not {expected:?}").into()) }
}

/// Returns the result of a work and the seconds that it took.
fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let start = Instant::now();
    let result = work()?;
    Ok((result, start.elapsed().as_secs_f64()))
}
