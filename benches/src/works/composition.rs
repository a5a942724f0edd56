//! Writes through components that are composed with the engine. `just compose` builds them in
//! `target`.

use super::Size;
use crate::libraries::{Result, id};
use crate::results::{Figure, Unit};
use converge::mutators::{Call, Mutators, Options};
use converge::{COMPONENT, Cell, Component, Doc, Instance, InstanceOptions, RowOp};
use mizchi::exports::mizchi::converge::converge::{KeyValue, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use wasmtime::component::Linker;
use wasmtime::{Config, Engine, Store};

/// The interface that `component/compat` implements.
mod mizchi {
    wasmtime::component::bindgen!({ path: "../component/compat/wit" });
}

/// Rows per commit.
const BATCH: usize = 100;
const TITLE: &str = "Write the minutes";

pub fn run(size: Size) -> Result<Vec<Figure>> {
    let rows = size.sets;
    let mut figures = Vec::new();
    let mut report = |name: String, seconds: f64| figures.push(Figure::per(&name, seconds, rows, Unit::Nanoseconds));
    for (name, component) in [
        ("the engine", COMPONENT.to_vec()),
        ("a guard that allows everything", read("guard-anything.wasm")?),
        ("a guard with a schema", read("guard.wasm")?),
    ] {
        let component = Component::new(&component)?;
        let empty = || -> Result<Doc> {
            let doc = Instance::of(&component, InstanceOptions::default())?.doc("ann")?;
            doc.insert("columns", "todo", [("name", "To do")])?;
            Ok(doc)
        };
        warm_up(&empty()?, size)?;
        for (way, batch) in [("one per call", 1), ("100 per commit", BATCH)] {
            let doc = empty()?;
            let start = Instant::now();
            for first in (0..rows).step_by(batch) {
                doc.commit((first..rows.min(first + batch)).map(task))?;
            }
            report(format!("{name}: insert, {way}"), start.elapsed().as_secs_f64());
            check(&doc, rows)?;
        }
        let doc = empty()?;
        let start = Instant::now();
        for row in 0..rows {
            let transaction = doc.begin()?;
            transaction.insert("tasks", &id(row), cells(row))?;
            doc.commit_transaction(transaction)?;
        }
        report(format!("{name}: insert, one per transaction"), start.elapsed().as_secs_f64());
        check(&doc, rows)?;
        let start = Instant::now();
        for row in 0..rows {
            doc.get("tasks", &id(row))?.ok_or("a row is missing")?;
        }
        report(format!("{name}: read one row"), start.elapsed().as_secs_f64());
    }

    let board = Mutators::load(&read("board.wasm")?, Options::default())?;
    let doc = Doc::create("ann")?;
    let add = |row: usize| board.apply(&doc, &Call::new("add", [id(row).as_str(), TITLE]));
    for row in rows..rows + size.updated_rows {
        add(row)?;
    }
    let start = Instant::now();
    for row in 0..rows {
        add(row)?;
    }
    report("mutators: add, one per call".to_owned(), start.elapsed().as_secs_f64());
    check(&doc, rows)?;

    report("mizchi:converge: insert, one per call".to_owned(), old_interface(rows)?);
    Ok(figures)
}

/// Returns the seconds that `rows` inserts take through the interface `mizchi:converge`.
fn old_interface(rows: usize) -> Result<f64> {
    let mut config = Config::new();
    // The same configuration as in the crate `converge`.
    config.epoch_interruption(true).concurrency_support(false);
    let engine = Engine::new(&config)?;
    let component = wasmtime::component::Component::new(&engine, read("compat.wasm")?)?;
    let mut store = Store::new(&engine, ());
    store.set_epoch_deadline(1);
    let world = mizchi::ConvergeWorld::instantiate(&mut store, &component, &Linker::new(&engine))?;
    let calls = world.mizchi_converge_converge();
    let mut seconds = 0.0;
    // The first round is a warm-up.
    for _ in 0..2 {
        let doc = calls.call_create_doc(&mut store, "ann")?;
        let start = Instant::now();
        for row in 0..rows {
            let value = |key: &str, val| KeyValue { key: key.to_owned(), val };
            let values = [
                value("title", Value::ValStr(TITLE.to_owned())),
                value("column", Value::ValStr("todo".to_owned())),
                value("votes", Value::ValInt(row as i32)),
                value("position", Value::ValFloat(1.5)),
            ];
            let event = calls.call_doc_insert(&mut store, doc, "tasks", &id(row), &values)?;
            if event.id.counter != row as i32 {
                return Err("an insert failed".into());
            }
        }
        seconds = start.elapsed().as_secs_f64();
    }
    Ok(seconds)
}

fn cells(row: usize) -> [Cell; 4] {
    [Cell::new("title", TITLE), Cell::new("column", "todo"), Cell::new("votes", row as i64), Cell::new("position", 1.5)]
}

fn task(row: usize) -> RowOp {
    RowOp::insert("tasks", id(row), cells(row))
}

fn warm_up(doc: &Doc, size: Size) -> Result<()> {
    for row in 0..size.updated_rows {
        doc.commit([task(row)])?;
    }
    Ok(())
}

fn check(doc: &Doc, rows: usize) -> Result<()> {
    match doc.tables()?.iter().find(|table| table.name == "tasks") {
        Some(table) if table.rows as usize >= rows => Ok(()),
        other => Err(format!("the table is {other:?}").into()),
    }
}

fn read(component: &str) -> Result<Vec<u8>> {
    let file: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target").join(component);
    fs::read(&file).map_err(|error| format!("{}: {error}; `just compose` builds it", file.display()).into())
}
