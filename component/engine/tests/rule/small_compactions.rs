//! All small compactions: up to 4 events by 2 replicas on one row, which know each other's events
//! in all possible patterns. A third replica knows each part of the history and is compacted at
//! every horizon. Then the other events arrive one by one.
//!
//! As in `exhaustive`, histories that differ only in the operations on their row share one
//! document.

use crate::compaction::{check_equal, show_past};
use crate::exhaustive::{EDITS, EFFECTS, Effect, SPLICES, ops, patterns, show};
use crate::model::{Events, run_of};
use crate::oracle::{self, Event};
use crate::past::{builds_on, closed, document, model_of, pasts, summary_of, takeable};
use crate::prints::Prints;
use crate::seeds::{Checked, Random, ensure, first_failure, same};
use converge_engine::{Cell, Doc, Error, Row, ScanOptions};
use std::sync::atomic::{AtomicU64, Ordering};

const SIDE_BY_SIDE: usize = 216;

#[test]
fn small_compactions() {
    small_compactions_of(EFFECTS, [(1, 9), (2, 9), (3, 9), (4, 6)]);
}

#[test]
fn small_compactions_with_splices() {
    small_compactions_of(SPLICES, [(1, 9), (2, 9), (3, 9), (4, 6)]);
}

#[test]
fn small_compactions_with_additions() {
    small_compactions_of(EDITS, [(1, 9), (2, 9), (3, 9), (4, 6)]);
}

/// Checks histories of these numbers of events and of effects.
fn small_compactions_of(effects: [&'static [Effect]; 9], sizes: [(usize, usize); 4]) {
    for (events, count) in sizes {
        let effects = &effects[..count];
        let patterns = patterns(events, 2);
        let compactions = AtomicU64::new(0);
        let failure = first_failure(0..patterns.len() as u64, |pattern| {
            let bare = &patterns[pattern as usize];
            for first in (0..count.pow(events as u32)).step_by(SIDE_BY_SIDE) {
                let with_ops = side_by_side(bare, effects, first);
                let cases = check_pattern(&with_ops).map_err(|why| {
                    let order: Vec<usize> = (0..events).collect();
                    format!("{why}\n{}", show(&with_ops, &order))
                })?;
                compactions.fetch_add(cases, Ordering::Relaxed);
            }
            Ok(())
        });
        if let Some((pattern, why)) = failure {
            panic!("{events} events, pattern {pattern}: {why}");
        }
        eprintln!("{events} events: {} documents compacted", compactions.into_inner());
    }
}

/// Returns the pattern. The operations of each event on a row are given by the row's number.
fn side_by_side(bare: &[Event], effects: &[&[Effect]], first: usize) -> Vec<Event> {
    let mut events = bare.to_vec();
    for (place, event) in events.iter_mut().enumerate() {
        let effect = |number: usize| effects[number / effects.len().pow(place as u32) % effects.len()];
        let numbers = first..(first + SIDE_BY_SIDE).min(effects.len().pow(bare.len() as u32));
        event.ops = numbers.flat_map(|number| ops(effect(number), place, &format!("{number:04}"))).collect();
    }
    events
}

/// Checks all parts of a history, compacted at all horizons, and returns their number.
fn check_pattern(events: &[Event]) -> Checked<u64> {
    let all: Events = events.iter().map(|event| (event.id.clone(), event.clone())).collect();
    let pasts = pasts(events);
    let mut cases = 0;
    for known in &pasts {
        for horizon in pasts.iter().filter(|horizon| horizon.keys().all(|id| known.contains_key(id))) {
            check(&all, known, horizon)
                .map_err(|why| format!("{why}\nknown: {}; compacted at: {}", show_past(known), show_past(horizon)))?;
            cases += 1;
        }
    }
    Ok(cases)
}

fn check(all: &Events, known: &Events, horizon: &Events) -> Checked {
    let mut random = Random::new(0);
    let mut doc = document("c", known, &mut random)?;
    let asked = horizon;
    let horizon = &closed(known, horizon, &Events::new());
    doc.compact(&[summary_of(asked)]).map_err(|error| format!("compact: {error}"))?;
    check_rows(&doc, known)?;
    let bytes = doc.save();
    doc = Doc::load("c", &bytes).map_err(|error| format!("load: {error}"))?;
    same("the bytes that a loaded document saves", &doc.save(), &bytes)?;

    let good = takeable(all, known, horizon);
    let mut order: Vec<&Event> = all.values().filter(|event| !known.contains_key(&event.id)).collect();
    order.sort_by_key(|event| event.lamport);
    let (prints, mut waiting) = (Prints::new(all), 0);
    for event in order {
        let merged = doc.merge_events(prints.fill(vec![run_of(event)]));
        let is_ready = event.deps.iter().all(|dep| known.contains_key(dep) || good.contains_key(dep));
        if good.contains_key(&event.id) {
            ensure!(merged.as_ref().is_ok_and(|report| report.applied == 1), "{:?}: {merged:?}", event.id);
        } else if is_ready {
            ensure!(!builds_on(all, event, horizon), "{:?} can be merged", event.id);
            ensure!(matches!(merged, Err(Error::Compacted(_))), "{:?}: {merged:?}", event.id);
        } else if matches!(merged, Err(Error::Compacted(_))) {
            // One of its ancestors is below the horizon and forgotten.
            ensure!(!builds_on(all, event, horizon), "{:?} was rejected, but may wait", event.id);
        } else {
            waiting += 1;
            ensure!(merged.as_ref().is_ok_and(|report| report.waiting == waiting), "{:?}: {merged:?}", event.id);
        }
    }
    let mut taken = known.clone();
    taken.extend(good);
    check_rows(&doc, &taken)?;
    check_equal(&doc, &model_of(&taken), &mut random)?;
    if waiting == 0 {
        let mut other = document("d", &taken, &mut random)?;
        other.compact(&[summary_of(horizon)]).map_err(|error| format!("compact: {error}"))?;
        same("the saved bytes of the same events and horizon", &doc.save(), &other.save())?;
    }
    Ok(())
}

fn check_rows(doc: &Doc, known: &Events) -> Checked {
    let cell = |(column, value)| Cell { column, value };
    let rows = oracle::tables(known.values()).remove("t").unwrap_or_default();
    let expected: Vec<Row> =
        rows.into_iter().map(|(id, cells)| Row { id, cells: cells.into_iter().map(cell).collect() }).collect();
    let page = doc.scan("t", &ScanOptions::default()).map_err(|error| error.to_string())?;
    let differ = page.rows.iter().zip(&expected).find(|(engine, expected)| engine != expected);
    ensure!(differ.is_none(), "the engine and the oracle differ: {differ:?}");
    same("rows", &page.rows.len(), &expected.len())
}
