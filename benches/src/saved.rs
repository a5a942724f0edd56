//! What saved documents cost: bytes, writing, reading until every row was read, one row, and memory while loading.

use crate::replica::Replica;
use crate::{ALLOCATOR, Size, insert, update};
use converge::history;
use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

/// Times in milliseconds.
#[derive(Clone, Copy)]
pub struct Figures {
    pub bytes: usize,
    pub write: f64,
    pub read: f64,
    pub open: f64,
    /// What the document holds after loading, and the most that loading held beside the bytes.
    pub held: usize,
    pub most: usize,
}

/// The names of the works.
pub const WORKS: [&str; 4] = ["insert", "update", "history of automerge", "history of yjs"];

/// The figures of each work.
pub fn measure<R: Replica>(size: Size) -> Result<Vec<Figures>, Box<dyn std::error::Error>>
where
    R::Error: 'static,
{
    let mut inserted = R::create("ann")?;
    (0..size.rows).try_for_each(|row| inserted.commit(vec![insert(row)]))?;
    let mut updated = R::create("ann")?;
    updated.commit((0..size.updated_rows).map(insert).collect())?;
    (0..size.updates).try_for_each(|number| updated.commit(vec![update(number, size.updated_rows)]))?;
    let mut figures = vec![of(&inserted, "table", "row7")?, of(&updated, "table", "row7")?];
    drop((inserted, updated));
    for name in ["automerge", "yjs"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/data/rows/{name}.history.tsv.gz"));
        let mut doc = R::create("ann")?;
        doc.merge_events(&history::read_events(File::open(path)?)?)?;
        figures.push(of(&doc, history::TABLE, "README.md")?);
    }
    Ok(figures)
}

fn of<R: Replica>(doc: &R, table: &str, row: &str) -> Result<Figures, R::Error> {
    let (saved, write) = timed(|| doc.save())?;
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let start = Instant::now();
    let loaded = R::load(&saved)?;
    let most = ALLOCATOR.peak_usage() - before;
    let held = loaded.memory_bytes(ALLOCATOR.current_usage() - before);
    let rows = loaded.scan(table)?;
    let read = millis(start);
    assert_eq!((loaded.digest()?, rows), (doc.digest()?, doc.scan(table)?));
    let (cells, open) = timed(|| R::open(&saved, table, row))?;
    assert!(black_box(cells).is_some(), "{row} is not in {table}");
    Ok(Figures { bytes: saved.len(), write, read, open, held, most: most.max(held) })
}

fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(T, f64), E> {
    let start = Instant::now();
    let result = work()?;
    Ok((result, millis(start)))
}

fn millis(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1_000.0
}
