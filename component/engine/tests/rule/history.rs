//! History: the differences between any two versions, and documents that begin at any of them.

use crate::compaction::{check_equal, show_past};
use crate::model::{Events, scattered};
use crate::oracle::{Event, execute};
use crate::past::{by_name, document, heads_of, model_of, random_past};
use crate::random::history;
use crate::seeds::{Checked, Random, ensure, for_each_seed, same};
use converge_engine::{Cell, Doc, Error, EventId, PeerVersion, RowOp};
use std::collections::BTreeSet;

#[test]
fn between_any_versions() {
    for_each_seed(375, |seed| {
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
            same("the saved bytes after reading the history", &doc.save(), &bytes)
        })
    });
}

/// Checks `diff` in both directions between two versions that `doc`, compacted at `horizon`, knows,
/// and a fork at each version. Below the horizon, both must be rejected.
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
    expected.compact(&[by_name(horizon)]).map_err(|error| format!("compact: {error}"))?;
    same("the saved bytes of the fork", &fork.save(), &expected.save())
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
        let name = op.row_name();
        let of = |tables: &crate::oracle::Tables| tables.get(name.0).and_then(|rows| rows.get(name.1)).cloned();
        ensure!(of(&before) != of(&after), "{name:?} did not change, but is in {ops:?}");
        let is_as_it_should = match op {
            RowOp::Insert { .. } => of(&before).is_none(),
            RowOp::Update { .. } | RowOp::Unset { .. } | RowOp::Splice { .. } => {
                of(&before).is_some() && of(&after).is_some()
            }
            RowOp::Delete { .. } => of(&after).is_none(),
            RowOp::Add { .. } => false,
        };
        ensure!(is_as_it_should, "{op:?} leads from {:?} to {:?}", of(&before), of(&after));
        let is_second = matches!(op, RowOp::Unset { .. });
        // A text can have several splices.
        let is_splice = matches!(op, RowOp::Splice { .. });
        ensure!(is_splice || rows.insert((name, is_second)), "{name:?} is in {ops:?} twice");
    }
    ensure!(ops.is_sorted_by_key(RowOp::row_name), "not sorted: {ops:?}");
    Ok(())
}

/// Returns the heads of a past in any order, sometimes repeated, and sometimes with ancestors.
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

/// Checks that a fork can commit, merges the other events, and ends equal to every replica that
/// knows the same events.
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
    same("the saved bytes of both", &other.save(), &fork.save())
}

#[test]
fn unknown_events_are_rejected() {
    let doc = Doc::create("a").expect("a valid name");
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

/// Ann fills an empty cell, and Ben edits two others. Ann undoes her edit by committing the
/// difference in reverse.
#[test]
fn an_undo_by_diff_does_not_change_the_cells_of_others() -> Result<(), Error> {
    let mut ann = Doc::create("ann")?;
    ann.insert("tasks", "t1", vec![Cell::new("title", "Call"), Cell::new("done", false)])?;
    let before = ann.heads();
    let mut ben = Doc::load("ben", &ann.save())?;
    ann.update("tasks", "t1", vec![Cell::new("note", "at noon"), Cell::new("done", true)])?;
    let after = ann.heads();
    ben.update("tasks", "t1", vec![Cell::new("title", "Call Cleo"), Cell::new("due", 3)])?;

    let undo = ann.diff(&after, &before)?;
    let (table, row) = ("tasks".to_owned(), "t1".to_owned());
    let update = RowOp::Update { table: table.clone(), row: row.clone(), cells: vec![Cell::new("done", false)] };
    assert_eq!(undo, [update, RowOp::Unset { table, row, columns: vec!["note".to_owned()] }]);
    ann.commit(undo)?;

    ann.merge_update(&ben.save())?;
    ben.merge_update(&ann.save())?;
    let cells = vec![Cell::new("done", false), Cell::new("due", 3), Cell::new("title", "Call Cleo")];
    assert_eq!((ann.get("tasks", "t1"), ben.get("tasks", "t1")), (Some(cells.clone()), Some(cells)));
    Ok(())
}

/// A removed cell wins over an earlier write that arrives later, until compaction settles the
/// removal.
#[test]
fn a_removed_cell_wins_over_an_earlier_write_that_arrives_later() -> Result<(), Error> {
    let mut ann = Doc::create("ann")?;
    ann.insert("t", "r", vec![Cell::new("x", 1)])?;
    let mut ben = Doc::load("ben", &ann.save())?;
    ben.update("t", "r", vec![Cell::new("x", 2)])?;
    ann.commit(Vec::new())?;
    ann.unset("t", "r", vec!["x".to_owned(), "y".to_owned()])?;
    let mut ann = Doc::load("ann", &ann.save())?;
    ann.merge_update(&ben.save())?;
    assert_eq!((ann.get("t", "r"), Doc::peek(&ann.save(), "t", "r")?), (Some(Vec::new()), Some(Vec::new())));
    let mut rest = Doc::create("cleo")?;
    rest.merge_update(&ann.save())?;
    assert_eq!(rest.save(), ann.save());

    ann.compact(&[ann.summary()])?;
    let mut never = Doc::create("ann")?;
    never.insert("t", "r", Vec::new())?;
    never.compact(&[never.summary()])?;
    assert_eq!(ann.digest(), never.digest());
    assert!(matches!(ann.unset("t", "other", vec!["x".to_owned()]), Err(Error::NoSuchRow { .. })));
    assert!(matches!(ann.unset("t", "r", vec!["x".to_owned(); 2]), Err(Error::InvalidArgument(_))));
    Ok(())
}
