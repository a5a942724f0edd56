//! Merges the real histories of `tests/data/rows` into the native engine and into the component in
//! wasmtime, in several orders and batches. The rows at the end must be those of the real
//! repository, and all digests must be equal.

use converge::{RowOp, ScanOptions, Value};
use converge_engine as engine;
use converge_rig::history::{TABLE, add_fingerprints, read_events, read_rows, row_line};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

/// The order in which a history is merged.
#[derive(Debug, Clone, Copy)]
enum Order {
    File,
    Reverse,
    Shuffle(u64),
}

const ORDERS: [Order; 6] =
    [Order::File, Order::Reverse, Order::Shuffle(1), Order::Shuffle(2), Order::Shuffle(3), Order::Shuffle(2_247)];
const BATCHES: [usize; 4] = [1, 7, 256, usize::MAX];

#[test]
fn yjs_ends_with_the_files_of_the_repository_in_any_order() {
    replay("yjs", 2_247, 217, 74);
}

#[test]
fn automerge_ends_with_the_files_of_the_repository_in_any_order() {
    replay("automerge", 1_655, 118, 649);
}

fn replay(name: &str, events: usize, peers: usize, rows: usize) {
    let mut runs = read_events(open(name, "history")).unwrap();
    add_fingerprints(&mut runs).unwrap();
    let expected = read_rows(open(name, "expected")).unwrap();
    let expected: Vec<String> = expected.iter().map(row_line).collect();
    assert_eq!((runs.len(), expected.len()), (events, rows));

    let mut digests = BTreeSet::new();
    for order in ORDERS {
        let ordered = arranged(&runs, order);
        let of_engine: Vec<engine::EventRun> = ordered.iter().map(engine_run).collect();
        for batch in BATCHES {
            let context = format!("{name}, {order:?}, {batch} per call");

            let mut native = engine::Doc::create("replay").unwrap();
            let mut merged = (0, 0);
            for events in of_engine.chunks(batch) {
                let report = native.merge_events(events.to_vec()).unwrap();
                merged = (merged.0 + report.applied, report.waiting);
            }
            assert_eq!(merged, (events as u32, 0), "native, {context}");
            assert_eq!(native.version().len(), peers, "native, {context}");
            assert_eq!(native_rows(&native), expected, "native, {context}");
            digests.insert(native.digest());

            let wasmtime = converge::Doc::create("replay").unwrap();
            let mut merged = (0, 0);
            for events in ordered.chunks(batch) {
                let report = wasmtime.merge_events(events).unwrap();
                merged = (merged.0 + report.applied, report.waiting);
            }
            assert_eq!(merged, (events as u32, 0), "wasmtime, {context}");
            assert_eq!(wasmtime.version().unwrap().len(), peers, "wasmtime, {context}");
            let rows = wasmtime.rows(TABLE, ScanOptions::default());
            let lines: Vec<String> = rows.map(|row| row_line(&row.unwrap())).collect();
            assert_eq!(lines, expected, "wasmtime, {context}");
            digests.insert(wasmtime.digest().unwrap().0);
        }
    }
    assert_eq!(digests.len(), 1, "{name}: digests of orders, batches or hosts differ");
}

fn open(name: &str, part: &str) -> File {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/rows");
    File::open(folder.join(format!("{name}.{part}.tsv.gz"))).unwrap()
}

fn arranged(runs: &[converge::EventRun], order: Order) -> Vec<converge::EventRun> {
    let mut runs = runs.to_vec();
    match order {
        Order::File => {}
        Order::Reverse => runs.reverse(),
        Order::Shuffle(seed) => {
            // Any order is fine if other seeds result in other orders, so simple pseudo-random keys suffice.
            let mut state = seed;
            runs.sort_by_cached_key(|_| {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                state >> 16
            });
        }
    }
    runs
}

fn native_rows(doc: &engine::Doc) -> Vec<String> {
    let page = doc.scan(TABLE, &engine::ScanOptions::default()).unwrap();
    assert!(!page.more);
    let cell = |cell: engine::Cell| converge::Cell::new(cell.column, host_value(cell.value));
    let row = |row: engine::Row| converge::Row { id: row.id, cells: row.cells.into_iter().map(cell).collect() };
    page.rows.into_iter().map(|of_engine| row_line(&row(of_engine))).collect()
}

fn host_value(value: engine::Value) -> Value {
    match value {
        engine::Value::Integer(integer) => integer.into(),
        engine::Value::Text(text) => text.into(),
        other => panic!("a history has only integers and texts, not {other:?}"),
    }
}

fn engine_run(run: &converge::EventRun) -> engine::EventRun {
    engine::EventRun {
        peer: run.peer.clone(),
        start: run.start,
        lamport: run.lamport,
        deps: run.deps.iter().map(|id| engine::EventId { peer: id.peer.clone(), counter: id.counter }).collect(),
        fingerprints: run.fingerprints.clone(),
        salt: run.salt,
        commits: run.commits.iter().map(|commit| commit.iter().map(engine_op).collect()).collect(),
    }
}

fn engine_op(op: &RowOp) -> engine::RowOp {
    let cells = |cells: &[converge::Cell]| cells.iter().map(engine_cell).collect();
    match op {
        RowOp::Insert(op) => {
            engine::RowOp::Insert { table: op.table.clone(), row: op.row.clone(), cells: cells(&op.cells) }
        }
        RowOp::Update(op) => {
            engine::RowOp::Update { table: op.table.clone(), row: op.row.clone(), cells: cells(&op.cells) }
        }
        RowOp::Delete(op) => engine::RowOp::Delete { table: op.table.clone(), row: op.row.clone() },
        RowOp::Unset(op) => {
            let columns = op.columns.clone();
            engine::RowOp::Unset { table: op.table.clone(), row: op.row.clone(), columns }
        }
    }
}

fn engine_cell(cell: &converge::Cell) -> engine::Cell {
    match &cell.value {
        Value::Integer(integer) => engine::Cell::new(&cell.column, *integer),
        Value::Text(text) => engine::Cell::new(&cell.column, text.as_str()),
        other => panic!("a history has only integers and texts, not {other:?}"),
    }
}
