//! The costs of calls on documents with large histories of one text, in counted steps: twice the
//! history takes at most 2.5 times the steps.

use super::everything;
use crate::doc::{Doc, EventRun};
use crate::id::EventId;
use crate::oplog::RowOp;
use crate::work;

/// The maximum growth when the number of units doubles.
const MAX_GROWTH: f64 = 2.5;

fn splice(at: u32) -> RowOp {
    let [table, row, column, insert] = ["table", "row", "x", "x"].map(String::from);
    RowOp::Splice { table, row, column, at, remove: 0, insert }
}

/// Returns a document with an empty row.
fn start() -> Doc {
    let mut doc = Doc::create("start").unwrap();
    doc.insert("table", "row", Vec::new()).unwrap();
    doc
}

fn id(peer: &str, counter: u32) -> EventId {
    EventId { peer: peer.into(), counter }
}

fn run(peer: &str, start: u32, deps: Vec<EventId>, positions: impl Iterator<Item = u32>) -> EventRun {
    let commits = positions.map(|at| vec![splice(at)]).collect();
    EventRun { peer: peer.into(), start, lamport: None, deps, fingerprints: Vec::new(), salt: 0, commits }
}

/// Each peer writes a branch of its own.
fn branches(events: u32, peers: u32, at: impl Fn(u32) -> u32) -> Doc {
    let mut doc = start();
    let of_peer = |peer: u32| run(&format!("{peer:04}"), 0, vec![id("start", 0)], (0..events).map(&at));
    doc.merge_events((0..peers).map(of_peer).collect()).unwrap();
    doc
}

fn scattered(index: u32) -> u32 {
    index.wrapping_mul(0x9e37_79b9) % (index + 1)
}

/// In each round, two peers build on both events of the round before.
fn ladder(rounds: u32) -> Doc {
    let mut doc = start();
    let rung = |round: u32| {
        let deps = round.checked_sub(1).map_or(vec![id("start", 0)], |before| vec![id("a", before), id("b", before)]);
        ["a", "b"].map(|peer| run(peer, round, deps.clone(), std::iter::once(round)))
    };
    doc.merge_events((0..rounds).flat_map(rung).collect()).unwrap();
    doc
}

/// Two peers type; each sees the other's events one round later.
fn session(rounds: u32) -> Doc {
    let mut doc = start();
    let of_round = |round: u32| {
        ["a", "b"].map(|peer| {
            let other = if peer == "a" { "b" } else { "a" };
            let own = round.checked_sub(1).map(|before| id(peer, before));
            let seen = round.checked_sub(2).map(|before| id(other, before));
            let mut deps: Vec<EventId> = own.into_iter().chain(seen).collect();
            if deps.is_empty() {
                deps.push(id("start", 0));
            }
            deps.sort();
            run(peer, round, deps, std::iter::once(0))
        })
    };
    doc.merge_events((0..rounds).flat_map(of_round).collect()).unwrap();
    doc
}

/// Returns the steps of merging a document as one update.
fn merged_at_once(doc: &Doc) -> u64 {
    let update = doc.update_since(&Doc::create("zoe").unwrap().summary()).unwrap();
    let mut other = Doc::create("zoe").unwrap();
    let steps = work::count(|| other.merge_update(&update).unwrap()).0;
    assert_eq!(other.digest(), doc.digest());
    steps
}

/// Returns the steps of merging the events of a document one by one. The peers' events arrive in
/// turns.
fn merged_one_by_one(doc: &Doc) -> u64 {
    let mut events: Vec<(u32, EventRun)> = Vec::new();
    for run in everything(doc) {
        for (place, commit) in (0..).zip(&run.commits) {
            let start = run.start + place;
            let deps = if place == 0 { run.deps.clone() } else { vec![id(&run.peer, start - 1)] };
            let event = EventRun {
                start,
                lamport: None,
                deps,
                fingerprints: Vec::new(),
                commits: vec![commit.clone()],
                ..run.clone()
            };
            events.push((start, event));
        }
    }
    events.sort_by_key(|(start, event)| (event.peer != "start", *start));
    let mut other = Doc::create("zoe").unwrap();
    let steps = events.into_iter().map(|(_, event)| work::count(|| other.merge_events(vec![event]).unwrap()).0).sum();
    assert_eq!(other.digest(), doc.digest());
    steps
}

/// Returns the steps of loading a document, and of a splice.
fn loaded_and_spliced(doc: &Doc) -> u64 {
    let saved = doc.save();
    let load = || {
        let mut doc = Doc::load("zoe", &saved).unwrap();
        doc.splice("table", "row", "x", (0, 0), "y").unwrap();
    };
    work::count(load).0 + work::count(|| doc.save()).0
}

/// Returns the steps of compactions: at the version, and at a version that lacks the last event.
fn compacted(doc: &Doc) -> u64 {
    let copy = || Doc::load("zoe", &doc.save()).unwrap();
    let mut whole = copy();
    // A horizon has few heads.
    whole.commit(Vec::new()).unwrap();
    let steps = work::count(|| whole.compact(&[]).unwrap()).0;
    let mut partly = copy();
    let mut version = partly.version();
    version.last_mut().unwrap().count -= 1;
    let horizon = Doc::summary_of(&version).unwrap();
    // The horizon may not be a version, or have too many heads.
    let more = work::count(|| drop(partly.compact(&[horizon]))).0;
    assert_eq!((whole.digest(), partly.digest()), (doc.digest(), doc.digest()));
    steps + more
}

/// Returns the steps of a difference and a copy.
fn compared(doc: &Doc) -> u64 {
    let (heads, first) = (doc.heads(), [id("start", 0)]);
    let diff =
        work::count(|| doc.diff(&first, &heads).unwrap()).0 + work::count(|| doc.diff(&heads, &first).unwrap()).0;
    diff + work::count(|| doc.fork_at(&heads, "zoe").unwrap()).0
}

/// A name, and a function that returns the number of steps of one call.
type Measured = (&'static str, fn(&Doc) -> u64);

const CALLS: &[Measured] = &[
    ("merge at once", merged_at_once),
    ("merge one by one", merged_one_by_one),
    ("load, splice and save", loaded_and_spliced),
    ("compact", compacted),
    ("diff and fork", compared),
];

/// Checks all calls but `merge one by one`. It costs n² steps for two branches whose events arrive
/// in turns, one a call: the tracker moves from one branch to the other for each event.
fn check_at_once(name: &str, units: u32, make: impl Fn(u32) -> Doc) {
    let calls: Vec<Measured> = CALLS.iter().filter(|(call, _)| *call != "merge one by one").copied().collect();
    check_calls(name, units, make, &calls);
}

fn check(name: &str, units: u32, make: impl Fn(u32) -> Doc) {
    check_calls(name, units, make, CALLS);
}

fn check_calls(name: &str, units: u32, make: impl Fn(u32) -> Doc, calls: &[Measured]) {
    let (small, large) = (make(units), make(2 * units));
    let mut grown = Vec::new();
    for (call, steps) in calls {
        let (one, two) = (steps(&small), steps(&large));
        let growth = two as f64 / one as f64;
        eprintln!("{name}, {call}: {one} steps, then {two}, {growth:.2} times as many");
        if growth > MAX_GROWTH {
            grown.push(format!("{call}: {one} steps, then {two}, which is {growth:.2} times as many"));
        }
    }
    assert!(grown.is_empty(), "{name}: {}", grown.join("; "));
}

#[test]
fn typing_grows_with_its_length() {
    let type_locally = |events: u32| {
        let mut doc = start();
        work::count(|| (0..events).for_each(|at| drop(doc.splice("table", "row", "x", (at, 0), "x").unwrap()))).0
    };
    let (one, two) = (type_locally(4_000), type_locally(8_000));
    assert!(two as f64 <= MAX_GROWTH * one as f64, "{one} steps, then {two}");
    check("typing", 2_000, |events| branches(events, 1, |index| index));
    check("scattered", 1_000, |events| branches(events, 1, scattered));
}

#[test]
fn two_peers_prepend() {
    check_at_once("two peers prepend", 1_000, |events| branches(events, 2, |_| 0));
    check_at_once("two scattered branches", 1_000, |events| branches(events, 2, scattered));
}

#[test]
fn a_crowd_inserts_at_one_place() {
    check("a crowd", 1_000, |peers| branches(1, peers, |_| 0));
    check("a crowd that types", 500, |peers| branches(2, peers, |index| index));
}

#[test]
fn ladders_and_sessions() {
    check("a ladder", 1_000, ladder);
    check("a live session", 1_000, session);
}

#[test]
fn a_commit_of_many_splices() {
    let commit = |splices: u32| {
        let mut doc = start();
        doc.commit((0..splices).map(scattered).map(splice).collect()).unwrap();
        doc
    };
    check("one commit", 1_000, commit);
}
