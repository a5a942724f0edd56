//! The rules of runs, one by one: the error for breaking each rule, when it is reported, and that
//! the rejected run changes nothing.

use crate::model::{Events, all_events_of};
use crate::past::by_name;
use crate::prints::Prints;
use crate::seeds::{Checked, ensure, same};
use converge_engine::limits::{COLUMN_BYTES, COUNTER, EVENT_DEPENDENCIES, Limit, PEER_BYTES, ROW_BYTES, TABLE_BYTES};
use converge_engine::{
    Cell, Commit, Doc, Error, EventId, EventRun, Invalid, MergeReport, Name, PeerVersion, RowOp, RowsOp, RunRule,
    ShapedRow, TableRows,
};

fn id(peer: &str, counter: u32) -> EventId {
    EventId { peer: peer.to_owned(), counter }
}

fn run(peer: &str, start: u32, lamport: u32, deps: &[(&str, u32)], commits: &[Commit]) -> EventRun {
    let deps = deps.iter().map(|(peer, counter)| id(peer, *counter)).collect();
    EventRun {
        peer: peer.to_owned(),
        start,
        lamport: Some(lamport),
        deps,
        fingerprints: Vec::new(),
        salt: 0,
        commits: commits.to_vec(),
    }
}

/// Returns the run with fingerprints, so that it can wait. Events of c, and events that never
/// arrive, have arbitrary fingerprints.
fn printed(run: EventRun) -> EventRun {
    let runs = [&known()[..2], &[later()]].concat();
    let all: Events = all_events_of(&runs).into_iter().map(|event| (event.id.clone(), event)).collect();
    let prints = Prints::new(&all);
    let of =
        |id: EventId| prints.of(&EventRun { start: 0, deps: vec![id], ..run.clone() }).map_or(7, |prints| prints[0]);
    let previous = run.start.checked_sub(1).map(|counter| id(&run.peer, counter));
    let fingerprints = previous.into_iter().chain(run.deps.clone()).map(of).collect();
    EventRun { fingerprints, ..run }
}

fn report(applied: u32, duplicate: u32, waiting: u32, missing: &[(&str, u32)]) -> MergeReport {
    let missing = missing.iter().map(|(peer, counter)| id(peer, *counter)).collect();
    MergeReport { applied, duplicate, waiting, missing, ..MergeReport::default() }
}

fn set(value: i64) -> Commit {
    insert("t", "r", vec![Cell::new("x", value)])
}

fn insert(table: &str, row: &str, cells: Vec<Cell>) -> Commit {
    vec![RowOp::Insert { table: table.to_owned(), row: row.to_owned(), cells }]
}

/// Returns what the document knows in each case: a 0, followed by a 1 and the concurrent b 0.
fn known() -> Vec<EventRun> {
    vec![run("a", 0, 1, &[], &[set(0), set(1)]), run("b", 0, 2, &[("a", 0)], &[set(2)])]
}

/// Returns the run that waits in each case: c 1, for c 0.
fn waiting() -> EventRun {
    printed(run("c", 1, 3, &[("c", 0)], &[set(3)]))
}

/// Returns an event that arrives later.
fn later() -> EventRun {
    run("z", 0, 3, &[("a", 1)], &[set(4)])
}

fn document() -> Checked<Doc> {
    let mut doc = Doc::create("d").map_err(|error| error.to_string())?;
    let merged = doc.merge_events([known(), vec![waiting()]].concat()).map_err(|error| error.to_string())?;
    same("the report", &merged, &report(3, 0, 1, &[("c", 0)]))?;
    Ok(doc)
}

fn check_refused(case: &str, runs: Vec<EventRun>, expected: Error) -> Checked {
    let mut doc = document()?;
    let before = (doc.digest(), doc.version(), doc.heads(), doc.events_since(&by_name(&[]), u32::MAX));
    same(case, &doc.merge_events(runs), &Err(expected))?;
    same(case, &(doc.digest(), doc.version(), doc.heads(), doc.events_since(&by_name(&[]), u32::MAX)), &before)?;
    // All of these events are known already, and c 1 still waits.
    let report = report(0, 4, 1, &[("c", 0)]);
    same(case, &doc.merge_events([known(), vec![waiting()]].concat()), &Ok(report))
}

#[test]
fn broken_rules() -> Checked {
    use RunRule::{DependenciesNotConcurrent, DependenciesUnsorted, Empty, Lamport, OwnDependency, PreviousMissing};
    let cases = [
        ("no commits", run("e", 0, 1, &[], &[]), Empty),
        ("dependencies not sorted", run("e", 0, 3, &[("b", 0), ("a", 1)], &[set(9)]), DependenciesUnsorted),
        ("a dependency twice", run("e", 0, 3, &[("a", 1), ("a", 1)], &[set(9)]), DependenciesUnsorted),
        ("two of one peer", run("e", 0, 3, &[("a", 0), ("a", 1)], &[set(9)]), DependenciesUnsorted),
        ("on itself", run("a", 2, 3, &[("a", 2)], &[set(9)]), OwnDependency { counter: 2 }),
        ("the first on itself", run("e", 0, 1, &[("e", 0)], &[set(9)]), OwnDependency { counter: 0 }),
        ("on its own future", run("a", 2, 3, &[("a", 3)], &[set(9)]), OwnDependency { counter: 3 }),
        ("on an older one of its own", run("a", 2, 3, &[("a", 0)], &[set(9)]), OwnDependency { counter: 0 }),
        ("past its previous event", run("a", 2, 3, &[("b", 0)], &[set(9)]), PreviousMissing),
        ("on nothing, but not the first", run("a", 2, 3, &[], &[set(9)]), PreviousMissing),
        (
            "one dependency on another",
            run("e", 0, 3, &[("a", 0), ("b", 0)], &[set(9)]),
            DependenciesNotConcurrent { peer: "a".to_owned(), counter: 0 },
        ),
        ("lamport 0", run("e", 0, 0, &[], &[set(9)]), Lamport { given: 0, derived: 1 }),
        ("too early", run("e", 0, 2, &[("a", 1), ("b", 0)], &[set(9)]), Lamport { given: 2, derived: 3 }),
        ("too late", run("e", 0, 4, &[("a", 1), ("b", 0)], &[set(9)]), Lamport { given: 4, derived: 3 }),
        ("too late for a known event", run("a", 1, 5, &[("a", 0)], &[set(1)]), Lamport { given: 5, derived: 2 }),
        ("too late for a known run", run("a", 0, 2, &[], &[set(0), set(1)]), Lamport { given: 2, derived: 1 }),
        ("the latest", run("e", 0, u32::MAX, &[], &[set(9)]), Lamport { given: u32::MAX, derived: 1 }),
        // Whatever the ancestors of the unknown event are, this event comes after a 1, and after
        // eight events of z.
        ("too early for a 1", run("e", 0, 2, &[("a", 1), ("z", 0)], &[set(9)]), Lamport { given: 2, derived: 3 }),
        ("too early for z 7", run("e", 0, 8, &[("a", 1), ("z", 7)], &[set(9)]), Lamport { given: 8, derived: 9 }),
    ];
    for (case, broken, rule) in cases {
        let (peer, start) = (broken.peer.clone(), broken.start);
        let refused = |place| Error::from(Invalid::Run { run: place, peer: peer.clone(), start, rule: rule.clone() });
        check_refused(case, vec![broken.clone()], refused(0))?;
        // With a valid run before it and a valid run after it, no run of the call takes effect.
        let (good, next) = (run("f", 0, 1, &[], &[set(8)]), run("f", 1, 2, &[("f", 0)], &[set(8)]));
        check_refused(case, vec![good, broken, next], refused(1))?;
    }
    Ok(())
}

#[test]
fn bad_names_and_numbers() -> Checked {
    let long = |limit: &Limit| "n".repeat(limit.maximum as usize + 1);
    let exceeded = |limit, given| Error::LimitExceeded { limit, actual: given };
    let too_long = |limit: &'static Limit| exceeded(limit, limit.maximum + 1);
    let empty = |name| Error::from(Invalid::EmptyName(name));
    let many: Vec<String> = (0..65).map(|many| format!("{many:02}")).collect();
    let many: Vec<(&str, u32)> = many.iter().map(|peer| (peer.as_str(), 0)).collect();
    let with = |commit| run("e", 0, 1, &[], &[set(9), commit]);
    let max = u32::MAX;
    let cases = [
        ("no peer", run("", 0, 1, &[], &[set(9)]), empty(Name::Peer)),
        ("a long peer", run(&long(&PEER_BYTES), 0, 1, &[], &[set(9)]), too_long(&PEER_BYTES)),
        ("no peer to depend on", run("e", 0, 2, &[("", 0)], &[set(9)]), empty(Name::Peer)),
        ("a long peer to depend on", run("e", 0, 2, &[(&long(&PEER_BYTES), 0)], &[set(9)]), too_long(&PEER_BYTES)),
        ("no table", with(insert("", "r", vec![])), empty(Name::Table)),
        ("a long table", with(insert(&long(&TABLE_BYTES), "r", vec![])), too_long(&TABLE_BYTES)),
        ("no row", with(insert("t", "", vec![])), empty(Name::Row)),
        ("a long row", with(insert("t", &long(&ROW_BYTES), vec![])), too_long(&ROW_BYTES)),
        ("no column", with(insert("t", "r", vec![Cell::new("", 1)])), empty(Name::Column)),
        ("a long column", with(insert("t", "r", vec![Cell::new(long(&COLUMN_BYTES), 1)])), too_long(&COLUMN_BYTES)),
        (
            "a column twice",
            with(insert("t", "r", vec![Cell::new("x", 1), Cell::new("y", 1), Cell::new("x", 1)])),
            Invalid::RepeatedColumn("x".to_owned()).into(),
        ),
        ("the last counter", run("e", max, max, &[("e", max - 1)], &[set(9)]), exceeded(&COUNTER, max.into())),
        ("beyond it", run("e", max - 1, max - 1, &[("e", max - 2)], &[set(8), set(9)]), exceeded(&COUNTER, max.into())),
        ("on the last counter", run("e", 0, max, &[("z", max)], &[set(9)]), exceeded(&COUNTER, max.into())),
        ("many dependencies", run("e", 0, 2, &many, &[set(9)]), exceeded(&EVENT_DEPENDENCIES, 65)),
    ];
    for (case, bad, error) in cases {
        check_refused(case, vec![bad.clone()], error.clone())?;
        check_refused(case, vec![run("f", 0, 1, &[], &[set(8)]), bad], error)?;
    }
    Ok(())
}

/// Rows with shapes that break a rule are rejected, and change nothing.
#[test]
fn bad_shapes() -> Checked {
    let rows = |shapes: &[&[&str]], shape: u32, values: &[i64]| {
        let shapes = shapes.iter().map(|shape| shape.iter().map(|&column| column.to_owned()).collect()).collect();
        let values = values.iter().map(|&value| value.into()).collect();
        TableRows { table: "t".to_owned(), shapes, rows: vec![ShapedRow { id: "r".to_owned(), shape, values }] }
    };
    let (row, mismatch) =
        ("r".to_owned(), |columns, values| Invalid::ShapeMismatch { row: "r".to_owned(), columns, values });
    let unknown = |shape, shapes| Invalid::UnknownShape { row: row.clone(), shape, shapes };
    let cases: [(&str, TableRows, Error); 7] = [
        ("no shape", rows(&[], 0, &[]), unknown(0, 0).into()),
        ("one shape too few", rows(&[&["x"], &["y"]], 2, &[1]), unknown(2, 2).into()),
        ("a value too few", rows(&[&["x", "y"]], 0, &[1]), mismatch(2, 1).into()),
        ("a value too many", rows(&[&["x", "y"]], 0, &[1, 2, 3]), mismatch(2, 3).into()),
        ("a column twice", rows(&[&["x", "y", "x"]], 0, &[1, 2, 3]), Invalid::RepeatedColumn("x".to_owned()).into()),
        ("no column", rows(&[&["x"], &[""]], 0, &[1]), Invalid::EmptyName(Name::Column).into()),
        (
            "no table",
            TableRows { table: String::new(), ..rows(&[&["x"]], 0, &[1]) },
            Invalid::EmptyName(Name::Table).into(),
        ),
    ];
    let good = rows(&[&["x", "a"]], 0, &[1, 2]);
    for (case, bad, error) in cases {
        let mut doc = document()?;
        let saved = doc.save();
        same(case, &doc.commit_rows(vec![RowsOp::Insert(good.clone()), RowsOp::Insert(bad)]), &Err(error))?;
        same(case, &doc.save(), &saved)?;
    }
    let mut doc = document()?;
    let other = TableRows { table: "other".to_owned(), ..good };
    let missing = Error::NoSuchRow { table: "other".to_owned(), row };
    same("no row to update", &doc.commit_rows(vec![RowsOp::Update(other.clone())]), &Err(missing))?;
    doc.commit_rows(vec![RowsOp::Insert(other.clone()), RowsOp::Update(other)]).map_err(|error| error.to_string())?;
    let expected = vec![Cell::new("a", 2), Cell::new("x", 1)];
    same("the cells", &doc.get("other", "r"), &Some(expected))
}

/// An error in a waiting event is found when its dependencies arrive. The event is dropped, and its
/// name can be used again.
#[test]
fn an_invalid_waiting_event_is_dropped() -> Checked {
    let z = later();
    let cases = [
        (
            "one dependency on another",
            printed(run("e", 0, 4, &[("a", 0), ("z", 0)], &[set(9)])),
            run("e", 0, 4, &[("b", 0), ("z", 0)], &[set(5)]),
        ),
        (
            "past its previous event",
            printed(run("b", 1, 4, &[("z", 0)], &[set(9)])),
            run("b", 1, 4, &[("b", 0), ("z", 0)], &[set(5)]),
        ),
    ];
    for (case, wrong, right) in cases {
        let merge = |doc: &mut Doc, run: &EventRun| doc.merge_events(vec![run.clone()]);
        let mut doc = document()?;
        let waits = report(0, 0, 2, &[("c", 0), ("z", 0)]);
        same(case, &merge(&mut doc, &wrong), &Ok(waits))?;
        let applied = report(1, 0, 1, &[("c", 0)]);
        let mut honest = document()?;
        for run in [&z, &right] {
            same(case, &merge(&mut doc, run), &Ok(applied.clone()))?;
            same(case, &merge(&mut honest, run), &Ok(applied.clone()))?;
        }
        same(case, &(doc.digest(), doc.version(), doc.heads()), &(honest.digest(), honest.version(), honest.heads()))?;
        let again = merge(&mut doc, &wrong);
        ensure!(again.is_err(), "{case}: {again:?}");
    }
    Ok(())
}

/// The lamport time of a waiting event cannot be checked yet, so it is ignored. The event gets the
/// lamport time that follows.
#[test]
fn a_waiting_event_gets_the_lamport_that_follows() -> Result<(), Box<dyn std::error::Error>> {
    let z = later();
    let late = printed(run("e", 0, 9, &[("z", 0)], &[set(5), set(6)]));
    let right = printed(run("e", 0, 4, &[("z", 0)], &[set(5), set(6)]));
    let mut doc = document()?;
    assert_eq!(doc.merge_events(vec![late.clone()])?.waiting, 3);
    assert_eq!(doc.merge_events(vec![right.clone()])?.duplicate, 2);
    assert_eq!(doc.merge_events(vec![z])?.applied, 3);
    let known = ["a", "b", "z"].map(|peer| PeerVersion { peer: peer.to_owned(), count: 2 });
    assert_eq!(doc.events_since(&by_name(&known), u32::MAX)?.runs, std::slice::from_ref(&right));
    let rule = RunRule::Lamport { given: 9, derived: 4 };
    let refused = Invalid::Run { run: 0, peer: "e".to_owned(), start: 0, rule };
    assert_eq!(doc.merge_events(vec![late]), Err(refused.into()));
    assert_eq!(doc.merge_events(vec![right])?.duplicate, 2);
    Ok(())
}

/// A run without fingerprints cannot wait. It must name events that are known or part of the call.
#[test]
fn a_run_without_fingerprints_depends_on_known_events() -> Checked {
    let unknown = |peer: &str, counter| RunRule::UnknownName { peer: peer.to_owned(), counter };
    let cases = [
        ("an unknown peer", run("e", 0, 2, &[("y", 0)], &[set(9)]), unknown("y", 0)),
        ("an unknown event of a known peer", run("e", 0, 4, &[("a", 2)], &[set(9)]), unknown("a", 2)),
        ("an event that waits", run("c", 2, 4, &[("c", 1)], &[set(9)]), unknown("c", 1)),
        ("a gap", run("a", 5, 6, &[("a", 4)], &[set(9)]), unknown("a", 4)),
        ("an unknown branch", run("a~0123456789abcdef", 2, 3, &[("b", 0)], &[set(9)]), RunRule::PreviousMissing),
    ];
    for (case, run, rule) in cases {
        let refused = Invalid::Run { run: 0, peer: run.peer.clone(), start: run.start, rule };
        check_refused(case, vec![run], refused.into())?;
    }
    // Runs of one call can depend on each other, even if they overlap.
    let mut doc = document()?;
    let runs = vec![
        run("e", 3, 4, &[("e", 2)], &[set(3)]),
        run("e", 1, 2, &[("e", 0)], &[set(1)]),
        run("e", 0, 1, &[], &[set(0), set(1), set(2)]),
        run("f", 0, 4, &[("e", 2)], &[set(4)]),
    ];
    same("overlapping runs", &doc.merge_events(runs), &Ok(report(5, 1, 1, &[("c", 0)])))
}
