//! Merges the real histories of `tests/data/rows` into the engine as a library and into the
//! component in wasmtime, in several orders and batches. The rows at the end must be those of the
//! real repository, and all digests must be equal.

use converge::{Backend, EventRun, Instance, InstanceOptions, ScanOptions};
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
        for batch in BATCHES {
            let context = format!("{name}, {order:?}, {batch} per call");

            for backend in [Backend::Native, Backend::Component] {
                let instance = Instance::new(InstanceOptions::default().backend(backend)).unwrap();
                let doc = instance.doc("replay").unwrap();
                let mut merged = (0, 0);
                for events in ordered.chunks(batch) {
                    let report = doc.merge_events(events.to_vec()).unwrap();
                    merged = (merged.0 + report.applied, report.waiting);
                }
                assert_eq!(merged, (events as u32, 0), "{backend:?}, {context}");
                assert_eq!(doc.version().unwrap().len(), peers, "{backend:?}, {context}");
                let rows = doc.rows(TABLE, ScanOptions::default());
                let lines: Vec<String> = rows.map(|row| row_line(&row.unwrap())).collect();
                assert_eq!(lines, expected, "{backend:?}, {context}");
                digests.insert(doc.digest().unwrap());
            }
        }
    }
    assert_eq!(digests.len(), 1, "{name}: digests of orders, batches or backends differ");
}

fn open(name: &str, part: &str) -> File {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/rows");
    File::open(folder.join(format!("{name}.{part}.tsv.gz"))).unwrap()
}

fn arranged(runs: &[EventRun], order: Order) -> Vec<EventRun> {
    let mut runs = runs.to_vec();
    match order {
        Order::File => {}
        Order::Reverse => runs.reverse(),
        Order::Shuffle(seed) => {
            // Sorting by pseudorandom keys results in another order for every seed.
            let mut state = seed;
            runs.sort_by_cached_key(|_| {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                state >> 16
            });
        }
    }
    runs
}
