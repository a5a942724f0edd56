//! Looking back: what was different between any two versions, and documents that begin at any of them.

use crate::compaction::{check_equal, show_past};
use crate::model::{Events, scattered};
use crate::oracle::{Event, execute};
use crate::past::{document, heads_of, model_of, random_past};
use crate::random::history;
use crate::seeds::{Checked, Random, ensure, for_each_seed, same};
use converge_engine::{Doc, Error, EventId, PeerVersion, RowOp};
use std::collections::BTreeSet;

#[test]
fn between_any_versions() {
    for_each_seed(3_000, |seed| {
        let mut random = Random::new(seed);
        history(&mut random).check_then(seed, |world, random| {
            let all = world.all_events();
            let doc = document("complete", &all, random)?;
            let bytes = doc.save();
            for _ in 0..3 {
                let pasts = [random_past(&all, random), random_past(&all, random)];
                check_history_of(&doc, &[], &pasts, None, random)?;
                fork_and_go_on(&doc, &all, &pasts[0], random)?;
            }
            same("what is saved after looking back", &doc.save(), &bytes)
        })
    });
}

/// `diff` forward and back between two versions that `doc`, compacted at `horizon`, knows, and a fork at each; or the
/// refusal of what is below the horizon.
pub(crate) fn check_history_of(
    doc: &Doc,
    horizon: &[PeerVersion],
    pasts: &[Events; 2],
    refusal: Option<&Error>,
    random: &mut Random,
) -> Checked {
    let [here, there] = pasts;
    let shown = format!("between {} and {}", show_past(here), show_past(there));
    check_diff(doc, [here, there], refusal, random).map_err(|why| format!("{why}\n{shown}"))?;
    check_diff(doc, [there, here], refusal, random).map_err(|why| format!("{why}\n{shown}, back"))?;
    if refusal.is_some() {
        return Ok(());
    }
    let heads = named(here, random);
    let fork = doc.fork_at(&heads, "fork").map_err(|error| format!("fork_at {heads:?}: {error}"))?;
    same("the fork's name", &fork.peer(), &"fork")?;
    check_equal(&fork, &model_of(here), random).map_err(|why| format!("the fork at {heads:?}: {why}"))?;
    let mut expected = document("another", here, random)?;
    expected.compact(horizon).map_err(|error| format!("compact: {error}"))?;
    same("what the fork saves", &fork.save(), &expected.save())
}

fn check_diff(doc: &Doc, [here, there]: [&Events; 2], refusal: Option<&Error>, random: &mut Random) -> Checked {
    let heads = [named(here, random), named(there, random)];
    let diff = doc.diff(&heads[0], &heads[1]);
    if let Some(refusal) = refusal {
        return same(&format!("the difference of {heads:?}"), &diff, &Err(refusal.clone()));
    }
    let ops = diff.map_err(|error| format!("diff of {heads:?}: {error}"))?;
    let (before, after) = (model_of(here).tables(), model_of(there).tables());
    let mut tables = before.clone();
    for op in &ops {
        execute(&mut tables, op);
    }
    ensure!(tables == after, "{ops:?} lead to {tables:?}, expected {after:?}");
    let mut rows = BTreeSet::new();
    for op in &ops {
        let name = row_of(op);
        let of = |tables: &crate::oracle::Tables| tables.get(name.0).and_then(|rows| rows.get(name.1)).cloned();
        ensure!(of(&before) != of(&after), "{name:?} is as it was, but comes in {ops:?}");
        let is_made_again = matches!(op, RowOp::Insert { .. }) && of(&before).is_some();
        ensure!(rows.insert(name) || is_made_again, "{name:?} comes twice in {ops:?}");
    }
    ensure!(ops.is_sorted_by_key(row_of), "not sorted: {ops:?}");
    Ok(())
}

/// The heads of a past in any order, some of them twice, and at times more of what they build on.
fn named(past: &Events, random: &mut Random) -> Vec<EventId> {
    let mut heads = heads_of(past);
    let again = random.sample(&heads, 1, 4);
    heads.extend(again);
    if random.chance(1, 3) {
        let ids: Vec<EventId> = past.keys().cloned().collect();
        heads.extend(random.sample(&ids, 1, 8));
    }
    random.shuffle(&mut heads);
    heads
}

fn row_of(op: &RowOp) -> (&str, &str) {
    let (RowOp::Insert { table, row, .. } | RowOp::Update { table, row, .. } | RowOp::Delete { table, row }) = op;
    (table, row)
}

/// A fork writes, learns the rest, and ends as everyone who knows all that does.
fn fork_and_go_on(doc: &Doc, all: &Events, past: &Events, random: &mut Random) -> Checked {
    let heads = heads_of(past);
    let mut fork = doc.fork_at(&heads, "fork").map_err(|error| format!("fork_at {heads:?}: {error}"))?;
    let mut model = model_of(past);
    let op = RowOp::Insert { table: "t".to_owned(), row: "forked".to_owned(), cells: Vec::new() };
    let event = model.next_event("fork", vec![op.clone()]);
    same("the fork's commit", &fork.commit(vec![op]), &Ok(event.id.clone()))?;
    model.known.insert(event.id.clone(), event);
    let rest: Vec<Event> = all.values().cloned().collect();
    let runs = scattered(random, &rest);
    same("the report", &fork.merge_events(runs.clone()), &Ok(model.merge(&runs)))?;
    check_equal(&fork, &model, random)?;
    let mut other = Doc::load("other", &doc.save()).map_err(|error| format!("load: {error}"))?;
    other.merge_update(&fork.save()).map_err(|error| format!("merge_update: {error}"))?;
    same("what both save", &other.save(), &fork.save())
}

#[test]
fn events_that_are_unknown_are_refused() {
    let doc = Doc::create("a").expect("a good name");
    let unknown = [EventId { peer: "a".to_owned(), counter: 0 }];
    for (here, there) in [(&unknown[..], &[][..]), (&[], &unknown)] {
        let refused = doc.diff(here, there);
        assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{refused:?}");
    }
    assert!(matches!(doc.fork_at(&unknown, "b"), Err(Error::InvalidArgument(_))));
    assert_eq!(doc.diff(&[], &[]), Ok(Vec::new()));
    let refused = doc.fork_at(&[], "").map(|_| ());
    assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{refused:?}");
}
