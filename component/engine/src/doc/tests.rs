//! Tests of costs, in counted steps: an event never costs the size of the document or of the
//! waiting events. Also tests limits that no history could reach in a test.

use super::{Doc, EventBatch, UpdateReader};
use crate::error::Error;
use crate::id::PeerVersion;
use crate::limits;
use crate::oplog::{Cell, CommitRef, RowOp, Totals};
use crate::work;

mod growth;
mod text_growth;

fn cell(column: &str, value: i64) -> Vec<Cell> {
    vec![Cell::new(column, value)]
}

/// Returns the summary of a replica without events.
fn nothing() -> Vec<u8> {
    Doc::summary_of(&[]).unwrap()
}

fn everything(doc: &Doc) -> Vec<super::EventRun> {
    doc.events_since(&nothing(), u32::MAX).unwrap().runs
}

/// Returns a document with this many events: updates of 1,000 rows by two peers, which exchange
/// events after every 1,000.
fn history(events: u32) -> Doc {
    let (mut ann, mut ben) = (Doc::create("ann").unwrap(), Doc::create("ben").unwrap());
    for event in 0..events {
        let row = (event % 1_000).to_string();
        ann.insert("table", &row, cell("x", event.into())).unwrap();
        if event % 1_000 == 999 {
            let batch = ann.events_since(&ben.summary(), u32::MAX).unwrap();
            assert!(!batch.more);
            ben.merge_events(batch.runs).unwrap();
            std::mem::swap(&mut ann, &mut ben);
        }
    }
    ann.merge_events(ben.events_since(&ann.summary(), u32::MAX).unwrap().runs).unwrap();
    assert_eq!(ann.graph.len(), events);
    ann
}

/// Returns the steps of merging an event that builds on the newest ones, and of merging one that
/// builds on nothing.
fn steps_of_merging_one_event(events: u32) -> (u64, u64) {
    let mut doc = history(events);
    let mut late = Doc::create("cleo").unwrap();
    late.insert("table", "7", cell("x", -1)).unwrap();
    let (concurrent, report) = work::count(|| doc.merge_events(everything(&late)).unwrap());
    assert_eq!(report.applied, 1);

    // The next event of the same peer builds on all other events.
    let mut next = everything(&late).remove(0);
    next.start = 1;
    next.deps = doc.heads();
    next.lamport = None;
    let (after_all, report) = work::count(|| doc.merge_events(vec![next]).unwrap());
    assert_eq!(report.applied, 1);
    (concurrent, after_all)
}

#[test]
fn merging_an_event_costs_the_same_in_any_history() {
    let small = steps_of_merging_one_event(10_000);
    let large = steps_of_merging_one_event(1_000_000);
    assert_eq!(small.0, large.0);
    // A walk to the ancestors of the event visits at most 64 runs, wherever it begins.
    for steps in [small, large] {
        assert!(steps.0 <= 12 && steps.1 <= 12 + 64, "{steps:?} steps");
    }
}

#[test]
fn asking_for_one_event_costs_the_same_in_any_history() {
    let steps = [10_000, 1_000_000].map(|events| {
        let doc = history(events);
        let mut known = doc.version();
        known[0].count -= 1;
        let (steps, batch) = work::count(|| doc.events_since(&Doc::summary_of(&known).unwrap(), u32::MAX).unwrap());
        assert_eq!((batch.runs.len(), batch.runs[0].commits.len(), batch.more), (1, 1, false));
        steps
    });
    assert_eq!(steps[0], steps[1]);
}

#[test]
fn an_event_costs_the_same_among_any_number_of_waiting_ones() {
    let steps = [1_000, 10_000].map(|waiting| {
        let mut ann = Doc::create("ann").unwrap();
        for event in 0..=waiting {
            ann.insert("table", "row", cell("x", event)).unwrap();
        }
        let mut runs = Vec::new();
        for counter in 0..=waiting as u32 {
            let known = [PeerVersion { peer: "ann".into(), count: counter }];
            runs.extend(ann.events_since(&Doc::summary_of(&known).unwrap(), 1).unwrap().runs);
        }
        let mut ben = Doc::create("ben").unwrap();
        let (mut max, mut last) = (0, 0);
        for run in runs.into_iter().rev() {
            let is_last = run.start == 0;
            let (steps, report) = work::count(|| ben.merge_events(vec![run]).unwrap());
            assert_eq!(report.waiting == 0, is_last);
            if is_last { last = steps } else { max = max.max(steps) }
        }
        ben.dbg_check();
        assert_eq!(ben.digest(), ann.digest());
        (max, last / waiting as u64)
    });
    assert_eq!(steps[0], steps[1], "steps while they wait, and for each when the first one comes");
    assert!(steps[0].0 <= 7 && steps[0].1 <= 8, "{steps:?}");
}

#[test]
fn inserts_of_one_row_in_reverse_order_cost_the_same() {
    let count = |events: u32| {
        // Each event is of a peer of its own, and all are concurrent. Every one of them is the
        // row's earliest insert for a while.
        let runs: Vec<_> = (0..events)
            .rev()
            .map(|number| {
                let mut doc = Doc::create(&format!("{number:06}")).unwrap();
                doc.insert("table", "row", cell("x", number.into())).unwrap();
                everything(&doc).remove(0)
            })
            .collect();
        let mut doc = Doc::create("ann").unwrap();
        let (steps, report) = work::count(|| doc.merge_events(runs).unwrap());
        assert_eq!(report.applied, events);
        doc.delete("table", "row").unwrap();
        doc.dbg_check();
        steps / u64::from(events)
    };
    assert_eq!(count(500), count(5_000));
}

#[test]
fn a_commit_on_many_heads_costs_what_they_are() {
    for heads in [1_000, 50_000] {
        let mut doc = Doc::create("ann").unwrap();
        doc.insert("table", "row", cell("x", 0)).unwrap();
        let all = everything(&doc);
        let runs: Vec<_> = (0..heads)
            .map(|number| {
                let deps = vec![crate::id::EventId { peer: "ann".into(), counter: 0 }];
                super::EventRun { peer: format!("{number:06}"), start: 0, lamport: Some(2), deps, ..all[0].clone() }
            })
            .collect();
        assert_eq!(doc.merge_events(runs).unwrap().applied, heads);
        let (steps, event) = work::count(|| doc.insert("table", "row", cell("x", 1)).unwrap());
        assert_eq!((doc.heads(), doc.graph.head_count()), (vec![event], 1));
        doc.dbg_check();
        assert!(steps <= 2 * u64::from(heads), "{steps} steps for {heads} heads");
    }
}

#[test]
fn a_refused_call_costs_nothing_later() {
    let mut ann = Doc::create("ann").unwrap();
    for number in 0..100 {
        ann.insert("table", "row", cell("x", number)).unwrap();
        let refused = ann.commit(vec![RowOp::Delete { table: "table".into(), row: "other".into() }]);
        assert!(matches!(refused, Err(Error::NoSuchRow { .. })));
    }
    assert_eq!((ann.graph.len(), ann.log.totals().operations), (100, 100));
}

#[test]
fn events_and_peers_have_an_end() {
    let doc = Doc::create("ann").unwrap();
    let room = |events, peers: &[&str]| {
        let commits = std::iter::empty::<CommitRef<'_>>();
        let (size, dropped) = (Totals::default(), &crate::id::EventMap::default());
        doc.check_room(&super::room::Additions { events, peers, commits, size, dropped })
    };
    let exceeded = |limit: &'static limits::Limit| Err(Error::LimitExceeded { limit, actual: limit.maximum + 1 });
    assert_eq!(room(limits::DOCUMENT_EVENTS.maximum, &[]), Ok(()));
    assert_eq!(room(limits::DOCUMENT_EVENTS.maximum + 1, &[]), exceeded(&limits::DOCUMENT_EVENTS));

    let names: Vec<String> = (0..=limits::PEERS.maximum).map(|number| number.to_string()).collect();
    let mut peers: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(room(0, &peers), exceeded(&limits::PEERS));
    // A name that occurs twice counts once.
    peers[0] = peers[1];
    assert_eq!(room(0, &peers), Ok(()));

    let known: Vec<PeerVersion> = names.into_iter().map(|peer| PeerVersion { peer, count: 1 }).collect();
    assert_eq!(Doc::summary_of(&known).map(drop), exceeded(&limits::PEERS));
    let known = Doc::summary_of(&known[1..]).unwrap();
    assert_eq!(doc.events_since(&known, 1).map(drop), Ok(()));
}

#[test]
fn a_log_has_an_end() {
    let max = Totals {
        operations: limits::DOCUMENT_OPERATIONS.maximum,
        cells: limits::DOCUMENT_CELLS.maximum,
        bytes: limits::DOCUMENT_BYTES.maximum,
        ..Totals::default()
    };
    assert_eq!(max.check(), Ok(()));
    for (limit, totals) in [
        (&limits::DOCUMENT_OPERATIONS, Totals { operations: max.operations + 1, ..max }),
        (&limits::DOCUMENT_CELLS, Totals { cells: max.cells + 1, ..max }),
        (&limits::DOCUMENT_BYTES, Totals { bytes: max.bytes + 1, ..max }),
    ] {
        assert_eq!(totals.check(), Err(Error::LimitExceeded { limit, actual: limit.maximum + 1 }));
    }
}

#[test]
fn one_row_is_answered_from_its_block() {
    for rows in [1, 128, 129, 100_000_u32] {
        let mut doc = Doc::create("ann").unwrap();
        let id = |row: u32| format!("r{row}");
        let insert = |table: &str, row| RowOp::Insert {
            table: table.to_owned(),
            row: id(row),
            cells: vec![Cell::new("number", i64::from(row)), Cell::new("table", table)],
        };
        doc.commit((0..rows).flat_map(|row| [insert("a", row), insert("b", row)]).collect()).unwrap();
        doc.delete("b", "r0").unwrap();
        doc.insert("a", "r0", vec![Cell::new("more", true)]).unwrap();
        let saved = doc.save();
        for row in [0, rows / 2, rows - 1] {
            for table in ["a", "b"] {
                let (steps, cells) = work::count(|| Doc::peek(&saved, table, &id(row)));
                assert_eq!(cells, Ok(doc.get(table, &id(row))), "{table} {row}");
                // Decoding visits each row of a block, and its three cells at most.
                assert!(steps <= 4 * 128, "{steps} steps for {rows} rows");
            }
        }
        for (table, row) in [("a", ""), ("a", "r00"), ("a", "z"), ("c", "r1")] {
            assert_eq!(Doc::peek(&saved, table, row), Ok(None), "{table} {row}");
        }
    }
    assert!(Doc::peek(&Doc::create("ann").unwrap().update_since(&nothing()).unwrap(), "a", "b").is_err());
}

/// Returns a document with this many rows. Each has an insert and an update, which are commits of
/// their own.
fn document_of_rows(rows: u32) -> Doc {
    let mut doc = Doc::create("ann").unwrap();
    for row in 0..rows {
        doc.insert("table", row.to_string(), cell("x", row.into())).unwrap();
    }
    for row in 0..rows {
        doc.update("table", row.to_string(), cell("x", -1)).unwrap();
    }
    doc
}

#[test]
fn looking_back_and_what_is_new_cost_the_same_in_any_history() {
    let mut costs = Vec::new();
    for rows in [1_000, 100_000] {
        let mut doc = document_of_rows(rows);
        let (before, summary) = (doc.heads(), doc.summary());
        doc.update("table", "7", cell("x", 7)).unwrap();
        doc.delete("table", "8").unwrap();
        let after = doc.heads();
        let (forth, ops) = work::count(|| doc.diff(&before, &after).unwrap());
        assert_eq!(ops.len(), 2);
        let (back, ops) = work::count(|| doc.diff(&after, &before).unwrap());
        assert_eq!(ops.len(), 2);
        let (write, update) = work::count(|| doc.update_since(&summary).unwrap());
        let mut other = document_of_rows(rows);
        // Events are hashed once, for the first summary.
        drop(other.summary());
        let (merge, report) = work::count(|| other.merge_update(&update).unwrap());
        assert_eq!((report.applied, other.save() == doc.save()), (2, true));
        costs.push([forth, back, write, merge]);
    }
    assert_eq!(costs[0], costs[1]);
    assert!(costs[0].iter().all(|&steps| steps <= 40), "{costs:?}");
}

#[test]
fn a_page_of_an_update_costs_its_events() {
    let mut costs = Vec::new();
    for events in [4_000, 40_000] {
        let mut doc = history(events);
        let mut late = everything(&history(1_000));
        late.retain_mut(|run| {
            run.peer.push('!');
            run.start += 1;
            run.lamport = None;
            run.deps = vec![crate::id::EventId { peer: run.peer.clone(), counter: run.start - 1 }];
            run.fingerprints = vec![1; 2];
            true
        });
        doc.merge_events(late).unwrap();
        for bytes in [doc.update_since(&nothing()).unwrap(), doc.save()] {
            let mut reader = UpdateReader::open(&bytes).unwrap();
            let mut other = Doc::create("other").unwrap();
            let mut max = 0;
            loop {
                let (steps, page) = work::count(|| reader.next(100));
                assert_eq!(page.runs.iter().map(|run| run.commits.len()).sum::<usize>(), 100);
                max = steps.max(max);
                other.merge_events(page.runs).unwrap();
                if !page.more {
                    break;
                }
            }
            assert_eq!(reader.next(100), EventBatch { runs: Vec::new(), more: false });
            assert_eq!(other.version(), doc.version());
            let waiting = if bytes == doc.save() { doc.waiting.len() } else { 0 };
            assert_eq!((other.waiting.len(), other.digest()), (waiting, doc.digest()));
            costs.push(max);
        }
    }
    assert_eq!(costs[..2], costs[2..]);
    assert!(costs.iter().all(|&steps| steps < 250), "{costs:?}");
}
