//! Large documents: the longest calls, long histories, and how many rows fit into memory.

use super::Size;
use super::rows::{apply, inserted, updates};
use crate::libraries::{Native, Replica, Result, Wasmtime, id};
use crate::results::{Figure, Unit};
use converge::{Cell, Error, Instance, InstanceOptions, RowOp, ScanOptions};
use std::time::Instant;

/// Rows or events per call.
const BATCH: usize = 1_000;

/// Measures the longest calls, with the amounts that a host would pass to keep a frame of 16 ms.
pub fn frames(library: &str, size: Size) -> Result<Vec<Figure>> {
    match library {
        "converge" => longest::<Native>(size),
        _ => longest::<Wasmtime>(size),
    }
}

/// Measures the cost of an event in histories of growing length.
pub fn events<R: Replica>(size: Size) -> Result<Vec<Figure>> {
    let mut doc = inserted::<R>(size.updated_rows, size.updated_rows)?;
    let (mut figures, mut done) = (Vec::new(), 0);
    for &end in size.histories {
        let start = Instant::now();
        apply(&mut doc, (done..end).map(|event| (event % size.updated_rows, event as i64)), 1)?;
        let seconds = start.elapsed().as_secs_f64();
        figures.push(Figure::per(&format!("update, events {done} to {end}"), seconds, end - done, Unit::Nanoseconds));
        let bytes = doc.save()?;
        let start = Instant::now();
        let loaded = R::load(3, &bytes)?;
        let seconds = start.elapsed().as_secs_f64();
        figures.push(Figure::per(&format!("load {end} events, per event"), seconds, end, Unit::Nanoseconds));
        if loaded.get((end - 1) % size.updated_rows)? != end as i64 - 1 {
            return Err("the last update is missing".into());
        }
        done = end;
    }
    Ok(figures)
}

fn longest<R: Replica>(size: Size) -> Result<Vec<Figure>> {
    let rows = size.scale.last().copied().unwrap_or(0);
    let mut figures = Vec::new();
    let mut report = |name: &str, milliseconds: f64| figures.push(Figure::new(name, milliseconds, Unit::Milliseconds));
    let mut doc = R::create(1)?;
    let (mut each, mut batches) = (0.0_f64, 0.0_f64);
    for first in (0..rows).step_by(BATCH) {
        batches = batches.max(millis(|| doc.insert(first..first + BATCH - 1))?);
        each = each.max(millis(|| doc.insert(first + BATCH - 1..first + BATCH))?);
    }
    report(&format!("longest insert of one row, up to {rows} rows"), each);
    report(&format!("longest insert of {} rows", BATCH - 1), batches);
    let mut page = 0.0_f64;
    doc.pages(BATCH, |milliseconds| page = page.max(milliseconds))?;
    report(&format!("longest page of {BATCH} rows"), page);

    let (mut ann, mut ben) = (inserted::<R>(size.updated_rows, size.updated_rows)?, R::create(2)?);
    let mut merge = 0.0_f64;
    let mut updates = updates(size).peekable();
    while updates.peek().is_some() {
        let version = ben.version()?;
        apply(&mut ann, updates.by_ref().take(BATCH), 1)?;
        let changes = ann.changes_since(&version)?;
        merge = merge.max(millis(|| ben.merge(&changes))?);
    }
    report(&format!("longest merge of {BATCH} events"), merge);
    Ok(figures)
}

fn millis(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// Measures how many rows fit into instances of these sizes. A full document must still answer.
pub fn fill(size: Size) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for &memory_bytes in size.memories {
        let instance = Instance::new(InstanceOptions::default().memory_bytes(memory_bytes))?;
        let doc = instance.doc("ann")?;
        let op = |row: usize| {
            let cells = [Cell::new("name", "Alice"), Cell::new("number", row as i64), Cell::new("share", 1.5)];
            RowOp::insert("table", id(row), cells)
        };
        let mut rows = 0;
        loop {
            match doc.commit((rows..rows + BATCH).map(op)) {
                Ok(_) => rows += BATCH,
                Err(Error::LimitExceeded { limit, .. }) if limit == "memory-bytes" => break,
                Err(other) => return Err(other.into()),
            }
        }
        let page = doc.scan("table", &ScanOptions::default().limit(BATCH as u32))?;
        let saved = doc.save()?;
        if page.rows.len() != BATCH || doc.get("table", &id(rows - 1))?.is_none() {
            return Err("a full document does not answer".into());
        }
        let mebibytes = memory_bytes >> 20;
        figures.push(Figure::new(&format!("rows in {mebibytes} MiB"), rows as f64, Unit::Count));
        let each = memory_bytes as f64 / rows as f64;
        figures.push(Figure::new(&format!("{mebibytes} MiB, per row"), each, Unit::Bytes));
        figures.push(Figure::new(&format!("{mebibytes} MiB, saved document"), saved.len() as f64, Unit::Bytes));
    }
    Ok(figures)
}
