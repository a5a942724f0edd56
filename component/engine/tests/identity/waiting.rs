//! Events that arrive before their dependencies. They wait for fingerprints, not for names. The
//! early events of one author leave room for those of the others.

use crate::oracle::branch;
use crate::seeds::{Checked, Random, ensure, same};
use crate::ways::{Outcome, Way};
use crate::world::{World, nothing, set};
use converge_engine::limits::{WAITING_BYTES, WAITING_EVENTS};
use converge_engine::{Cell, Doc, EventId, EventRun, RowOp, Value};

/// The share of the room for waiting events that one author can use.
const AUTHOR_SHARE: u64 = 8;

/// Returns all events of a document, one run each.
fn single_runs(doc: &Doc) -> Checked<Vec<EventRun>> {
    let mut runs = Vec::new();
    let mut reader =
        converge_engine::UpdateReader::open(&doc.update_since(&nothing()).map_err(|error| error.to_string())?)
            .map_err(|error| error.to_string())?;
    loop {
        let batch = reader.next(1);
        ensure!(batch.runs.iter().all(|run| run.lamport.is_none()), "an update's reader derives no lamport times");
        runs.extend(batch.runs);
        if !batch.more {
            return Ok(runs);
        }
    }
}

/// Events of both branches arrive early. Each waits for its own previous event.
#[test]
fn events_of_two_branches_wait_for_their_own_previous_events() -> Checked {
    let mut world = World::new(&["p", "c"])?;
    let copy = world.copy(0)?;
    for at in [0, copy, 0, copy] {
        world.write(at, "r")?;
    }
    let lives = [single_runs(world.doc(0))?, single_runs(world.doc(copy))?];
    for order in [[0, 1], [1, 0]] {
        let events = world.events.clone();
        let mut world = World::new(&["c"])?;
        world.events = events;
        for life in order {
            same("an early event", &world.merge_events(0, &lives[life][1..])?, &Outcome::Done)?;
        }
        let report = world.doc_mut(0).merge_events(Vec::new()).map_err(|error| error.to_string())?;
        same("waiting", &report.waiting, &2)?;
        let mut missing: Vec<EventId> = Vec::new();
        for life in &lives {
            missing.push(EventId { peer: branch("p", life[1].fingerprints[0]), counter: 0 });
        }
        missing.sort();
        same("missing", &report.missing, &missing)?;
        same("the first event of one branch", &world.merge_events(0, &lives[0][..1])?, &Outcome::Done)?;
        same("the events that took effect", &world.doc(0).version()[0].count, &2)?;
        same("the first event of the other branch", &world.merge_events(0, &lives[1][..1])?, &Outcome::Done)?;
        world.check_all_same()?;
    }
    Ok(())
}

/// A document that is saved and loaded waits for the same events.
#[test]
fn waiting_events_are_saved() -> Checked {
    let mut world = World::new(&["p", "q", "c"])?;
    let copy = world.copy(0)?;
    world.write(0, "r")?;
    world.write(copy, "r")?;
    world.bring(0, 1, Way::Update)?;
    world.bring(copy, 1, Way::Update)?;
    world.write(1, "r")?;
    let runs = single_runs(world.doc(1))?;
    let late: Vec<EventRun> = runs.iter().filter(|run| run.peer == "q").cloned().collect();
    world.merge_events(2, &late)?;
    let before = world.doc_mut(2).merge_events(Vec::new()).map_err(|error| error.to_string())?;
    let loaded = world.copy(2)?;
    let after = world.doc_mut(loaded).merge_events(Vec::new()).map_err(|error| error.to_string())?;
    same("the report", &after, &before)?;
    same("missing", &after.missing.len(), &2)?;
    world.bring(1, loaded, Way::Update)?;
    world.bring(1, 2, Way::Update)?;
    world.bring(1, 0, Way::Whole)?;
    world.bring(1, copy, Way::Whole)?;
    world.check_all_same().map(drop)
}

/// Delivers the runs of a small fork below another peer's event in random orders, each run twice.
#[test]
fn any_order_results_in_the_same_bytes() -> Checked {
    let mut world = World::new(&["p", "q"])?;
    let copy = world.copy(0)?;
    for at in [0, copy, copy] {
        world.write(at, "r")?;
    }
    for at in [0, copy] {
        world.bring(at, 1, Way::Update)?;
    }
    world.write(1, "r")?;
    world.bring(1, 0, Way::Update)?;
    world.write(0, "r")?;
    let (mut runs, expected) = (single_runs(world.doc(0))?, world.doc(0).save());
    runs.extend(runs.clone());
    for seed in 0..200 {
        let mut random = Random::new(seed);
        random.shuffle(&mut runs);
        let mut doc = Doc::create("c").map_err(|error| error.to_string())?;
        for run in &runs {
            doc.merge_events(vec![run.clone()]).map_err(|error| format!("{run:?}: {error}"))?;
            doc.dbg_check();
        }
        ensure!(doc.save() == expected, "seed {seed} saves other bytes");
    }
    Ok(())
}

/// Returns an event of `peer` that waits for an event that never arrives.
fn early(peer: &str, number: u32, value: Value) -> EventRun {
    let missing = u64::from(number) + 1;
    EventRun {
        peer: peer.to_owned(),
        start: 0,
        lamport: None,
        deps: vec![EventId { peer: branch("nobody", missing), counter: 0 }],
        fingerprints: vec![missing],
        salt: 0,
        commits: vec![vec![RowOp::Insert {
            table: "t".to_owned(),
            row: number.to_string(),
            cells: vec![Cell::new("x", value)],
        }]],
    }
}

/// If an author uses more than an eighth of the room, further early events are dropped and counted.
/// Events of other authors still wait.
#[test]
fn one_authors_early_events_leave_room_for_the_others() -> Checked {
    let share = (WAITING_EVENTS.maximum / AUTHOR_SHARE) as u32;
    let mut doc = Doc::create("c").map_err(|error| error.to_string())?;
    let flood: Vec<EventRun> = (0..share + 10).map(|number| early("mallory", number, number.into_value())).collect();
    let report = doc.merge_events(flood).map_err(|error| error.to_string())?;
    same("waiting and dropped", &(report.waiting, report.dropped), &(share, 10))?;
    let report = doc.merge_events(vec![early("ann", 1, Value::Null)]).map_err(|error| error.to_string())?;
    same("another author's", &(report.waiting, report.dropped), &(share + 1, 0))?;
    let report =
        doc.merge_events(vec![early("mallory", share + 50, Value::Null)]).map_err(|error| error.to_string())?;
    same("one more of the first", &(report.waiting, report.dropped), &(share + 1, 1))
}

/// The same limit in bytes.
#[test]
fn one_authors_large_early_events_leave_room_for_the_others() -> Checked {
    let share = WAITING_BYTES.maximum / AUTHOR_SHARE;
    let large = || Value::Text("x".repeat(share as usize / 4));
    let mut doc = Doc::create("c").map_err(|error| error.to_string())?;
    let runs = (0..5).map(|number| early("mallory", number, large())).collect();
    let report = doc.merge_events(runs).map_err(|error| error.to_string())?;
    ensure!(report.waiting == 3 && report.dropped == 2, "{report:?}");
    let report = doc.merge_events(vec![early("ann", 1, large())]).map_err(|error| error.to_string())?;
    same("another author's", &(report.waiting, report.dropped), &(4, 0))
}

/// Both branches of a name share the room of their author.
#[test]
fn a_dropped_event_is_sent_again_later() -> Checked {
    let mut world = World::new(&["p", "c"])?;
    world.write(0, "r")?;
    world.commit(0, &[set("large", "x".repeat((WAITING_BYTES.maximum / AUTHOR_SHARE) as usize))])?;
    let runs = single_runs(world.doc(0))?;
    let report = world.doc_mut(1).merge_events(runs[1..].to_vec()).map_err(|error| error.to_string())?;
    same("waiting and dropped", &(report.waiting, report.dropped), &(0, 1))?;
    same("an exchange", &world.bring(0, 1, Way::Update)?, &Outcome::Done)?;
    world.check_all_same().map(drop)
}

trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for u32 {
    fn into_value(self) -> Value {
        Value::Integer(self.into())
    }
}

/// A saved document contains waiting events. An event that cannot depend on the reader's horizon is
/// dropped and counted.
#[test]
fn waiting_events_of_a_saved_document_wait_or_are_counted() -> Result<(), Box<dyn std::error::Error>> {
    let mut ann = Doc::create("ann")?;
    ann.insert("t", "r", Vec::new())?;
    ann.insert("t", "s", Vec::new())?;
    let mut ben = Doc::create("ben")?;
    ben.merge_events(ann.events_since(&nothing(), 1)?.runs)?;
    ben.insert("t", "q", Vec::new())?;
    let early = single_runs(&ben)?.pop().ok_or("ben wrote an event")?;
    let mut dan = Doc::create("dan")?;
    assert_eq!(dan.merge_events(vec![early])?.waiting, 1);

    let mut eve = Doc::create("eve")?;
    let report = eve.merge_update(&dan.save())?;
    assert_eq!((report.applied, report.waiting, report.dropped), (0, 1, 0));
    let mut cleo = Doc::create("cleo")?;
    cleo.merge_update(&ann.save())?;
    cleo.compact(&[])?;
    let before = cleo.save();
    let report = cleo.merge_update(&dan.save())?;
    assert_eq!((report.applied, report.waiting, report.dropped), (0, 0, 1));
    assert_eq!(cleo.save(), before);
    Ok(())
}
