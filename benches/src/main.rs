//! What an operation costs: the native engine, and the component in wasmtime, on the same work, taken in turns.
//!
//! `cargo run --release --manifest-path benches/Cargo.toml [-- --small]`. Times are medians of several rounds, in
//! nanoseconds for each operation; memory is what the document holds after the work, in bytes for each operation. A second
//! table shows what saved documents cost, a third presence and sessions.

mod live;
mod replica;
mod saved;

use peak_alloc::PeakAlloc;
use replica::{Native, Op, Replica, Wasmtime};
use std::hint::black_box;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const ROUNDS: usize = 5;
const BATCH: usize = 100;

/// How much work is done.
#[derive(Clone, Copy)]
pub struct Size {
    rows: usize,
    updated_rows: usize,
    updates: usize,
}

/// Nanoseconds for each operation of a work, by its name, and the bytes that it leaves where that is measured.
type Figures = Vec<(&'static str, f64, Option<f64>)>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let is_small = std::env::args().any(|argument| argument == "--small");
    let size = if is_small {
        Size { rows: 1_000, updated_rows: 100, updates: 2_000 }
    } else {
        Size { rows: 100_000, updated_rows: 1_000, updates: 200_000 }
    };
    let (mut native, mut wasmtime) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        native.push(measure::<Native>(size)?);
        wasmtime.push(measure::<Wasmtime>(size)?);
    }
    eprintln!("saved documents");
    let (mut native_saved, mut wasmtime_saved) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        native_saved.push(saved::measure::<Native>(size)?);
        wasmtime_saved.push(saved::measure::<Wasmtime>(size)?);
    }
    let component = converge::COMPONENT.len();
    println!(
        "{} rows of 3 cells; {} updates of {} rows; component: {component} bytes\n",
        size.rows, size.updates, size.updated_rows
    );
    println!(
        "{:<28}{:>12}{:>12}{:>8}{:>16}{:>16}",
        "", "native, ns", "wasmtime, ns", "ratio", "native, bytes", "wasmtime, bytes"
    );
    for (at, (name, _, _)) in native[0].iter().enumerate() {
        let (native, native_bytes) = median(&native, at);
        let (wasmtime, wasmtime_bytes) = median(&wasmtime, at);
        let bytes = |bytes: Option<f64>| bytes.map_or(String::new(), |bytes| format!("{bytes:.0}"));
        println!(
            "{name:<28}{native:>12.0}{wasmtime:>12.0}{:>8.2}{:>16}{:>16}",
            wasmtime / native,
            bytes(native_bytes),
            bytes(wasmtime_bytes)
        );
    }
    println!(
        "\n{:<24}{:<10}{:>12}{:>12}{:>12}{:>12}{:>14}{:>14}",
        "saved", "", "bytes", "write, ms", "read, ms", "open, ms", "held, bytes", "most, bytes"
    );
    for (at, work) in saved::WORKS.iter().enumerate() {
        for (host, rounds) in [("native", &native_saved), ("wasmtime", &wasmtime_saved)] {
            let saved::Figures { bytes, held, most, .. } = rounds[0][at];
            let of = |time: fn(&saved::Figures) -> f64| {
                let mut times: Vec<f64> = rounds.iter().map(|figures| time(&figures[at])).collect();
                times.sort_by(f64::total_cmp);
                times[times.len() / 2]
            };
            let (write, read, open) = (of(|f| f.write), of(|f| f.read), of(|f| f.open));
            println!("{work:<24}{host:<10}{bytes:>12}{write:>12.2}{read:>12.2}{open:>12.3}{held:>14}{most:>14}");
        }
    }
    live::run(if is_small {
        live::Size { sets: 1_000, peers: 10, rounds: 10, events: 2_000 }
    } else {
        live::Size { sets: 10_000, peers: 100, rounds: 300, events: 1_000_000 }
    })
}

fn median(rounds: &[Figures], at: usize) -> (f64, Option<f64>) {
    let mut times: Vec<f64> = rounds.iter().map(|figures| figures[at].1).collect();
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], rounds[0][at].2)
}

fn measure<R: Replica>(size: Size) -> Result<Figures, R::Error> {
    let mut figures = Figures::new();
    let Size { rows, updated_rows, updates } = size;

    let (before, mut doc) = (ALLOCATOR.current_usage(), R::create("ann")?);
    let time = time(rows, || (0..rows).try_for_each(|row| doc.commit(vec![insert(row)])))?;
    let held = (doc.memory_bytes(ALLOCATOR.current_usage() - before)) as f64 / rows as f64;
    figures.push(("insert, a commit each", time, Some(held)));

    let mut other = R::create("ann")?;
    figures.push(("insert, one commit", self::time(rows, || other.commit((0..rows).map(insert).collect()))?, None));

    let get = |row: usize| -> Result<(), R::Error> { doc.get("table", &id(row)).map(|cells| drop(black_box(cells))) };
    figures.push(("get", self::time(rows, || (0..rows).try_for_each(get))?, None));
    figures.push(("scan, a row", self::time(rows, || doc.scan("table").map(|read| assert_eq!(read, rows)))?, None));
    figures.push(("digest, a row", self::time(rows, || doc.digest().map(drop))?, None));

    let mut replica = R::create("ben")?;
    figures.push(("events since + merge", self::time(rows, || replica.merge_from(&doc))?, None));
    assert_eq!(replica.digest()?, doc.digest()?);

    let (before, mut doc) = (ALLOCATOR.current_usage(), R::create("ann")?);
    doc.commit((0..updated_rows).map(insert).collect())?;
    let each = |update_number: usize| doc.commit(vec![update(update_number, updated_rows)]);
    let time = self::time(updates, || (0..updates).try_for_each(each))?;
    let held = (doc.memory_bytes(ALLOCATOR.current_usage() - before)) as f64 / updates as f64;
    figures.push(("update, a commit each", time, Some(held)));

    let mut other = R::create("ann")?;
    other.commit((0..updated_rows).map(insert).collect())?;
    let batches = || {
        (0..updates / BATCH).try_for_each(|batch| {
            other.commit((0..BATCH).map(|place| update(batch * BATCH + place, updated_rows)).collect())
        })
    };
    figures.push(("update, commits of 100", self::time(updates, batches)?, None));
    assert_eq!(other.digest()?, doc.digest()?);
    Ok(figures)
}

/// Nanoseconds for each of `operations`.
fn time<E>(operations: usize, work: impl FnOnce() -> Result<(), E>) -> Result<f64, E> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_nanos() as f64 / operations as f64)
}

fn id(row: usize) -> String {
    format!("row{row}")
}

fn insert(row: usize) -> Op {
    Op::Insert { row: id(row), name: "Alice", number: row as i64, share: 1.5 }
}

fn update(number: usize, rows: usize) -> Op {
    Op::Update { row: id(number % rows), number: number as i64 }
}
