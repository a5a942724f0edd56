//! The costs of calls that read a whole document, in counted steps, for each dimension of its
//! state. The work for each unit must not grow with the number of units.

use super::{cell, everything};
use crate::doc::{Doc, EventRun};
use crate::error::Error;
use crate::id::EventId;
use crate::limits;
use crate::oplog::RowOp;
use crate::work;
use std::fmt::Write;

/// A dimension, and a document that is large only in this dimension.
struct Dimension {
    name: &'static str,
    /// The number of units of the small document. The large one has four times as many.
    units: u32,
    make: fn(u32) -> Doc,
}

const DIMENSIONS: &[Dimension] = &[
    Dimension { name: "rows", units: 1_000, make: rows },
    Dimension { name: "cells per row", units: 1_000, make: cells_per_row },
    Dimension { name: "repeated inserts, of many rows", units: 1_000, make: repeated_inserts_of_many_rows },
    Dimension { name: "repeated inserts, of one row", units: 1_000, make: repeated_inserts_of_one_row },
    Dimension { name: "concurrent inserts of one row, backwards", units: 1_000, make: inserts_backwards },
    Dimension { name: "deletes", units: 1_000, make: deletes },
    Dimension { name: "re-inserts, of many rows", units: 1_000, make: reinserts_of_many_rows },
    Dimension { name: "re-inserts, of one row", units: 1_000, make: reinserts_of_one_row },
    Dimension { name: "unsets", units: 1_000, make: unsets },
    Dimension { name: "waiting events, one on another", units: 1_000, make: waiting_in_a_chain },
    Dimension { name: "waiting events, each of a peer", units: 300, make: waiting_side_by_side },
    Dimension { name: "retained versions of a cell", units: 1_000, make: versions },
    Dimension { name: "heads", units: 300, make: heads },
    Dimension { name: "peers", units: 300, make: peers },
    Dimension { name: "tables", units: 1_000, make: tables },
    Dimension { name: "columns", units: 1_000, make: columns },
    Dimension { name: "horizon heads", units: 15, make: horizon_heads },
    Dimension { name: "rows at the horizon", units: 1_000, make: |n| compacted(rows(n)) },
    Dimension { name: "rows changed since the horizon", units: 1_000, make: rows_changed_since },
    Dimension { name: "inserts at the horizon", units: 300, make: inserts_at_the_horizon },
    Dimension { name: "additions to one cell", units: 1_000, make: additions_to_one_cell },
    Dimension { name: "additions to one cell, each of a peer", units: 300, make: additions_side_by_side },
    Dimension { name: "additions to the cells of a row", units: 1_000, make: additions_to_one_row },
    Dimension { name: "additions concurrent with updates of the cell", units: 1_000, make: additions_and_updates },
];

/// A name, and a function that returns the number of steps of one call.
type Measured = (&'static str, fn(&Doc) -> u64);

/// The measured calls.
const CALLS: &[Measured] = &[
    ("save", |doc| work::count(|| doc.save()).0),
    ("load", |doc| {
        let saved = doc.save();
        let (steps, loaded) = work::count(|| Doc::load("zoe", &saved).unwrap());
        loaded.dbg_check();
        assert_eq!(loaded.save(), saved);
        steps
    }),
    ("merge", |doc| {
        let (mut other, bytes) = (below(doc), doc.save());
        let (mut steps, mut merged) = work::count(|| other.merge_update(&bytes));
        if matches!(merged, Err(Error::Compacted(_))) {
            // Events that do not build on the horizon can be merged only if they are known.
            other = copy(doc);
            (steps, merged) = work::count(|| other.merge_update(&bytes));
        }
        assert!(merged.is_ok() && other.digest() == doc.digest());
        steps
    }),
    ("rebase", |doc| {
        let (mut other, saved) = (copy(doc), compacted(copy(doc)).save());
        let (steps, _) = work::count(|| other.rebase(&saved).unwrap());
        assert_eq!(other.digest(), doc.digest());
        steps
    }),
    ("rebase of own events", |doc| {
        if !doc.graph.horizon().is_empty() {
            return 0;
        }
        // No event builds on the horizon of the other document: all are committed again.
        let mut other = Doc::load("ann", &doc.save()).unwrap();
        let saved = compacted(of([insert(u32::MAX, "x")].into_iter(), "eve")).save();
        work::count(|| other.rebase(&saved).unwrap()).0
    }),
    ("fork-at", |doc| {
        let (steps, fork) = work::count(|| doc.fork_at(&doc.heads(), "zoe").unwrap());
        assert_eq!(fork.digest(), doc.digest());
        steps
    }),
    ("compact", |doc| {
        let (mut doc, digest) = (joined(copy(doc)), doc.digest());
        let summary = doc.summary();
        let (steps, _) = work::count(|| doc.compact(&[summary]).unwrap());
        doc.dbg_check();
        assert_eq!(doc.digest(), digest);
        steps
    }),
    ("diff", |doc| {
        let horizon: Vec<EventId> = doc.graph.horizon().heads().iter().map(|&head| doc.event_id(head)).collect();
        let (forth, _) = work::count(|| doc.diff(&horizon, &doc.heads()).unwrap());
        forth + work::count(|| doc.diff(&doc.heads(), &horizon).unwrap()).0
    }),
];

/// The fingerprint of an event that never arrives.
const MISSING: u64 = 1;

/// The allowed growth of the work for each unit. Constant work weighs more in the small document.
const SLACK: f64 = 1.1;

#[test]
fn work_grows_no_faster_than_the_state() {
    let mut table = String::new();
    let mut grown = Vec::new();
    for Dimension { name, units, make } in DIMENSIONS {
        let documents = [*units, units * 4].map(|units| (units, make(units)));
        write!(table, "\n{name}:").unwrap();
        for (call, steps) in CALLS {
            let [small, large] = documents.each_ref().map(|(units, doc)| steps(doc) as f64 / f64::from(*units));
            write!(table, " {call} {small:.1} {large:.1};").unwrap();
            if large > small * SLACK {
                grown.push(format!("{call} of {name}: {small:.1} steps a unit, then {large:.1}"));
            }
        }
    }
    eprintln!("Steps a unit, for n and 4n units:{table}");
    assert!(grown.is_empty(), "{}", grown.join("\n"));
}

fn copy(doc: &Doc) -> Doc {
    Doc::load("zoe", &doc.save()).unwrap()
}

/// Returns the document, with a further event if it has more heads than a horizon may have.
fn joined(mut doc: Doc) -> Doc {
    if doc.graph.head_count() as u64 > limits::HORIZON_HEADS.maximum {
        doc.commit(Vec::new()).unwrap();
    }
    doc
}

fn compacted(doc: Doc) -> Doc {
    let mut doc = joined(doc);
    let summary = doc.summary();
    doc.compact(&[summary]).unwrap();
    doc
}

/// Returns a document that lacks all events of this one beyond its horizon.
fn below(doc: &Doc) -> Doc {
    let horizon: Vec<EventId> = doc.graph.horizon().heads().iter().map(|&head| doc.event_id(head)).collect();
    doc.fork_at(&horizon, "zoe").unwrap()
}

fn insert(row: u32, column: &str) -> RowOp {
    RowOp::Insert { table: "table".into(), row: row.to_string(), cells: cell(column, row.into()) }
}

fn delete(row: u32) -> RowOp {
    RowOp::Delete { table: "table".into(), row: row.to_string() }
}

fn by_ann(ops: impl Iterator<Item = RowOp>) -> Doc {
    of(ops, "ann")
}

/// Returns a document of this peer with one event for each operation.
fn of(ops: impl Iterator<Item = RowOp>, peer: &str) -> Doc {
    let mut doc = Doc::create(peer).unwrap();
    ops.for_each(|op| drop(doc.commit(vec![op]).unwrap()));
    doc
}

fn rows(n: u32) -> Doc {
    by_ann((0..n).map(|row| insert(row, "x")))
}

fn cells_per_row(n: u32) -> Doc {
    by_ann((0..n).map(|column| insert(0, &format!("{:05}", column ^ 0x155))))
}

fn repeated_inserts_of_many_rows(n: u32) -> Doc {
    by_ann((0..2 * n).map(|row| insert(row % n, "x")))
}

fn repeated_inserts_of_one_row(n: u32) -> Doc {
    by_ann((0..n).map(|_| insert(0, "x")))
}

/// Each insert is by a peer of its own. The last one in the order of execution is merged first.
fn inserts_backwards(n: u32) -> Doc {
    side_by_side((0..n).rev().map(|peer| (peer, insert(0, "x"))))
}

fn side_by_side(ops: impl Iterator<Item = (u32, RowOp)>) -> Doc {
    let runs = ops.map(|(peer, op)| {
        let mut doc = Doc::create(&format!("{peer:06}")).unwrap();
        doc.commit(vec![op]).unwrap();
        everything(&doc).remove(0)
    });
    let runs: Vec<EventRun> = runs.collect();
    let mut doc = Doc::create("ann").unwrap();
    doc.merge_events(runs).unwrap();
    doc
}

fn deletes(n: u32) -> Doc {
    by_ann((0..n).map(|row| insert(row, "x")).chain((0..n).map(delete)))
}

fn reinserts_of_many_rows(n: u32) -> Doc {
    by_ann((0..n).flat_map(|row| [insert(row, "x"), delete(row), insert(row, "y")]))
}

fn reinserts_of_one_row(n: u32) -> Doc {
    by_ann((0..n).flat_map(|_| [insert(0, "x"), delete(0), insert(0, "y")]))
}

fn unsets(n: u32) -> Doc {
    let unset = |row: u32| RowOp::Unset { table: "table".into(), row: row.to_string(), columns: vec!["x".into()] };
    by_ann((0..n).flat_map(|row| [insert(row, "x"), unset(row)]))
}

fn waiting_in_a_chain(n: u32) -> Doc {
    let mut runs = everything(&versions(n + 1));
    runs[0].commits.remove(0);
    runs[0].start = 1;
    runs[0].lamport = None;
    runs[0].deps = vec![EventId { peer: "ann".into(), counter: 0 }];
    runs[0].fingerprints = vec![MISSING; 2];
    let mut doc = Doc::create("ben").unwrap();
    assert_eq!(doc.merge_events(runs).unwrap().waiting, n);
    doc
}

fn waiting_side_by_side(n: u32) -> Doc {
    let mut runs = everything(&heads(n));
    for run in &mut runs {
        run.start = 1;
        run.lamport = None;
        run.deps = vec![EventId { peer: run.peer.clone(), counter: 0 }];
        run.fingerprints = vec![MISSING; 2];
    }
    let mut doc = Doc::create("ben").unwrap();
    assert_eq!(doc.merge_events(runs).unwrap().waiting, n);
    doc
}

fn versions(n: u32) -> Doc {
    repeated_inserts_of_one_row(n)
}

fn heads(n: u32) -> Doc {
    side_by_side((0..n).map(|peer| (peer, insert(peer, "x"))))
}

/// Returns a document to which one peer after the other wrote.
fn peers(n: u32) -> Doc {
    let mut doc = Doc::create("ann").unwrap();
    for peer in 0..n {
        doc.peer = format!("{peer:06}").as_str().into();
        doc.commit(vec![insert(peer, "x")]).unwrap();
    }
    doc
}

fn add(column: &str) -> RowOp {
    RowOp::Add { table: "table".into(), row: "0".into(), column: column.into(), amount: 1 }
}

fn additions_to_one_cell(n: u32) -> Doc {
    by_ann([insert(0, "x")].into_iter().chain((0..n).map(|_| add("x"))))
}

fn additions_to_one_row(n: u32) -> Doc {
    by_ann([insert(0, "x")].into_iter().chain((0..n).map(|column| add(&format!("{:05}", column ^ 0x155)))))
}

/// Each peer adds to the cell without knowing the others.
fn additions_side_by_side(n: u32) -> Doc {
    let mut doc = rows(1);
    let saved = doc.save();
    let runs = (0..n).map(|peer| {
        let mut other = Doc::load(&format!("{peer:06}"), &saved).unwrap();
        other.commit(vec![add("x")]).unwrap();
        other.events_since(&doc.summary(), u32::MAX).unwrap().runs.remove(0)
    });
    doc.merge_events(runs.collect()).unwrap();
    doc
}

/// One peer updates the cell as often as another one adds to it, without knowing each other.
fn additions_and_updates(n: u32) -> Doc {
    let mut doc = rows(1);
    let mut other = Doc::load("ben", &doc.save()).unwrap();
    let known = doc.summary();
    for _ in 0..n {
        doc.commit(vec![insert(0, "x")]).unwrap();
        other.commit(vec![add("x")]).unwrap();
    }
    doc.merge_events(other.events_since(&known, u32::MAX).unwrap().runs).unwrap();
    doc
}

fn tables(n: u32) -> Doc {
    by_ann((0..n).map(|table| RowOp::Insert { table: table.to_string(), row: "row".into(), cells: cell("x", 0) }))
}

fn columns(n: u32) -> Doc {
    by_ann((0..n).map(|column| insert(column, &column.to_string())))
}

fn horizon_heads(n: u32) -> Doc {
    compacted(heads(n))
}

fn rows_changed_since(n: u32) -> Doc {
    let mut doc = compacted(rows(n));
    for row in 0..n {
        doc.commit(vec![insert(row, "y"), delete(row)]).unwrap();
    }
    doc
}

/// The inserts of the row are not settled: a peer that knew only the first event may still write.
fn inserts_at_the_horizon(n: u32) -> Doc {
    let mut doc = joined(inserts_backwards(n));
    let mut other = Doc::create("zoe").unwrap();
    other.commit(vec![insert(0, "y")]).unwrap();
    let known = doc.summary();
    doc.merge_events(everything(&other)).unwrap();
    doc.compact(&[known]).unwrap();
    doc
}
