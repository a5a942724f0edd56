//! The names of events that applications hold, the names of peers, and limits.

use crate::oracle::{branch, print_in};
use crate::seeds::{Checked, ensure, same};
use crate::ways::{Outcome, Way};
use crate::world::{World, nothing, print_of, set};
use converge_engine::{Doc, Error, EventId, EventRun, PeerVersion};

fn id(peer: &str, counter: u32) -> EventId {
    EventId { peer: peer.to_owned(), counter }
}

fn summary_of(known: &[(&str, u32)]) -> Vec<u8> {
    let version: Vec<PeerVersion> =
        known.iter().map(|(peer, count)| PeerVersion { peer: (*peer).to_owned(), count: *count }).collect();
    Doc::summary_of(&version).expect("each peer once")
}

/// Fails unless the name is rejected with an error that lists all these candidates.
fn check_ambiguous(doc: &Doc, name: &EventId, candidates: &[EventId]) -> Checked {
    let calls = [
        ("permanent_id", doc.permanent_id(name).map(drop)),
        ("diff", doc.diff(&[], std::slice::from_ref(name)).map(drop)),
        ("fork_at", doc.fork_at(std::slice::from_ref(name), "fork").map(drop)),
    ];
    for (call, result) in calls {
        let Err(error @ Error::InvalidArgument(_)) = result else {
            return Err(format!("{call} of the ambiguous {name:?} returns {result:?}"));
        };
        let words = error.to_string();
        let unnamed = candidates.iter().find(|candidate| !words.contains(&candidate.peer));
        ensure!(unnamed.is_none(), "{call}: {words:?} does not list {unnamed:?}");
    }
    Ok(())
}

/// Returns a document in which p forks at p 1. One branch has three events, the other one has one.
fn forked() -> Checked<World> {
    let mut world = World::new(&["p"])?;
    world.write(0, "r")?;
    let copy = world.copy(0)?;
    (0..3).try_for_each(|_| world.write(0, "r").map(drop))?;
    world.write(copy, "r")?;
    same("the exchange", &world.bring(copy, 0, Way::Whole)?, &Outcome::Done)?;
    Ok(world)
}

#[test]
fn a_plain_name_stands_for_an_event_of_any_branch_unless_it_is_ambiguous() -> Checked {
    let world = forked()?;
    let doc = world.doc(0);
    let branches = doc.forks(0, 1).remove(0).branches;
    same("the event before the fork", &print_of(doc, &id("p", 0))?, &print_of(doc, &id("p", 0))?)?;
    // Both branches have an event 1. Only one of them has events 2 and 3.
    check_ambiguous(doc, &id("p", 1), &branches)?;
    for counter in [2, 3] {
        let held = print_of(doc, &id("p", counter))?;
        let long = doc.version().into_iter().find(|known| known.count == 4).ok_or("a branch of four events")?;
        same("the event of the longer branch", &held, &print_of(doc, &id(&long.peer, counter))?)?;
    }
    let unknown = doc.permanent_id(&id("p", 4));
    ensure!(matches!(unknown, Err(Error::InvalidArgument(_))), "{unknown:?}");
    Ok(())
}

/// A name that a replica returned stands for the same event at any later time, or for none.
#[test]
fn a_returned_name_never_stands_for_another_event() -> Checked {
    let mut world = World::new(&["p", "q"])?;
    let mut held = Vec::new();
    for _ in 0..2 {
        let print = world.write(0, "r")?;
        held.push((print, world.doc(0).heads()[0].clone()));
    }
    let copies = [world.copy(0)?, world.copy(0)?];
    for round in 0..3 {
        for at in [0, copies[0], copies[1], 1] {
            let print = world.write(at, "r")?;
            if at == 0 {
                held.push((print, world.doc(0).heads()[0].clone()));
            }
        }
        if round == 1 {
            let nested = world.copy(0)?;
            world.write(nested, "r")?;
            world.write(0, "r")?;
            world.bring(nested, 0, Way::Update)?;
        }
        for from in 1..world.replicas.len() {
            for way in [Way::Update, Way::Whole] {
                world.bring(from, 0, way)?;
            }
            let doc = world.doc(0);
            for (print, name) in &held {
                let permanent = EventId { peer: branch("p", *print), counter: name.counter };
                same("a permanent name", &print_of(doc, &permanent)?, print)?;
                match doc.permanent_id(name) {
                    Ok(found) => same("the event of the name", &print_in(&found.peer)?, print)?,
                    Err(Error::InvalidArgument(_)) => {}
                    Err(error) => return Err(format!("{name:?}: {error}")),
                }
            }
        }
    }
    world.check(0).map(drop)
}

/// `p~h` stands for the branch that begins at h and for the branches that begin on it.
#[test]
fn a_branch_name_stands_for_the_branches_on_it() -> Checked {
    let mut world = forked()?;
    let long = world.doc(0).version().into_iter().find(|known| known.count == 4).ok_or("a branch of four events")?;
    let nested = world.copy(0)?;
    world.write(0, "r")?;
    let (first, second) = (world.write(nested, "r")?, world.write(nested, "r")?);
    world.bring(nested, 0, Way::Whole)?;
    let doc = world.doc(0);
    let inner = doc.forks(0, 9).into_iter().find(|fork| fork.peer == long.peer).ok_or("a fork of the branch")?;
    check_ambiguous(doc, &id(&long.peer, 4), &inner.branches)?;
    same("the event of the longer branch", &print_of(doc, &id(&long.peer, 5))?, &second)?;
    same("by its own branch", &print_of(doc, &id(&branch("p", first), 5))?, &second)?;
    // The short branch of the outer fork is no candidate.
    let outer = doc.forks(0, 9).remove(0);
    let short = outer.branches.iter().find(|name| name.peer != long.peer).ok_or("the other branch")?;
    let beyond = doc.permanent_id(&id(&short.peer, 5));
    ensure!(matches!(beyond, Err(Error::InvalidArgument(_))), "{beyond:?}");
    Ok(())
}

/// Compacted events count when a name is looked up. Otherwise a plain name would come to stand for
/// the event that is left.
#[test]
fn a_name_stays_ambiguous_when_one_of_the_events_is_compacted_away() -> Checked {
    let mut world = forked()?;
    let branches = world.doc(0).forks(0, 1).remove(0).branches;
    let known = world.doc(0).summary();
    world.doc_mut(0).compact(&[known]).map_err(|error| error.to_string())?;
    world.write(0, "r")?;
    let doc = world.doc(0);
    let refused = doc.permanent_id(&id("p", 1));
    let Err(error @ Error::InvalidArgument(_)) = refused else {
        return Err(format!("p 1 is {refused:?} after the compaction"));
    };
    ensure!(branches.iter().any(|branch| error.to_string().contains(&branch.peer)), "{error}");
    same("forks", &doc.forks(0, 1).len(), &1)?;
    world.check(0).map(drop)
}

/// Runs without fingerprints are resolved by name when they arrive. An ambiguous name is rejected.
#[test]
fn runs_without_fingerprints_resolve_by_name() -> Checked {
    let mut world = forked()?;
    let branches = world.doc(0).forks(0, 1).remove(0).branches;
    let run = |dep: EventId| EventRun {
        peer: "q".to_owned(),
        start: 0,
        lamport: None,
        deps: vec![dep],
        fingerprints: Vec::new(),
        salt: 0,
        commits: vec![vec![set("r", 77)]],
    };
    let saved = world.doc(0).save();
    let refused = world.doc_mut(0).merge_events(vec![run(id("p", 1))]);
    let Err(error @ Error::InvalidArgument(_)) = refused else { return Err(format!("{refused:?}")) };
    ensure!(branches.iter().all(|branch| error.to_string().contains(&branch.peer)), "{error}");
    ensure!(world.doc(0).save() == saved, "a rejected run changed the document");
    let report = world.doc_mut(0).merge_events(vec![run(branches[0].clone())]).map_err(|error| error.to_string())?;
    same("applied", &report.applied, &1)?;
    let batch = world.doc(0).events_since(&nothing(), u32::MAX).map_err(|error| error.to_string())?;
    let named = batch.runs.iter().find(|run| run.peer == "q").ok_or("the run of q")?;
    same("the event it depends on", &named.fingerprints, &vec![print_in(&branches[0].peer)?])
}

/// A counter that does not fit the previous event of the fingerprint is rejected.
#[test]
fn the_counter_must_fit_the_previous_event() -> Checked {
    let mut world = World::new(&["p"])?;
    (0..2).try_for_each(|_| world.write(0, "r").map(drop))?;
    let batch = world.doc(0).events_since(&summary_of(&[("p", 1)]), 1).map_err(|error| error.to_string())?;
    let good = batch.runs[0].clone();
    for start in [2, 3, u32::MAX - 1] {
        let run = EventRun { start, ..good.clone() };
        let mut doc = Doc::create("c").map_err(|error| error.to_string())?;
        let first = world.doc(0).events_since(&nothing(), 1).map_err(|error| error.to_string())?;
        doc.merge_events(first.runs).map_err(|error| error.to_string())?;
        let saved = doc.save();
        let refused = doc.merge_events(vec![run]);
        ensure!(matches!(refused, Err(Error::InvalidArgument(_))), "start {start}: {refused:?}");
        ensure!(doc.save() == saved, "a rejected run changed the document");
    }
    Ok(())
}

#[test]
fn peer_names_with_a_tilde_or_above_200_bytes_are_rejected() -> Checked {
    let saved = Doc::create("p").map_err(|error| error.to_string())?.save();
    let doc = Doc::load("p", &saved).map_err(|error| error.to_string())?;
    for name in ["~", "p~", "p~0123456789abcdef", "a~b"] {
        for (call, refused) in [
            ("create", Doc::create(name).map(drop)),
            ("load", Doc::load(name, &saved).map(drop)),
            ("fork_at", doc.fork_at(&[], name).map(drop)),
        ] {
            ensure!(matches!(refused, Err(Error::InvalidArgument(_))), "{call} as {name:?}: {refused:?}");
        }
    }
    let (longest, longer) = ("p".repeat(200), "p".repeat(201));
    for (call, taken, refused) in [
        ("create", Doc::create(&longest).map(drop), Doc::create(&longer).map(drop)),
        ("load", Doc::load(&longest, &saved).map(drop), Doc::load(&longer, &saved).map(drop)),
        ("fork_at", doc.fork_at(&[], &longest).map(drop), doc.fork_at(&[], &longer).map(drop)),
    ] {
        ensure!(taken.is_ok(), "{call}: {taken:?}");
        ensure!(matches!(refused, Err(Error::LimitExceeded { actual: 201, .. })), "{call}: {refused:?}");
    }
    Ok(())
}

/// The names of the branches of the longest peer name are accepted wherever peer names are.
#[test]
fn branches_of_the_longest_name_are_sent() -> Checked {
    let name = "é".repeat(100);
    let mut world = World::new(&[&name, "srv"])?;
    let copy = world.copy(0)?;
    world.write(0, "r")?;
    world.write(copy, "r")?;
    for way in [Way::Update, Way::Events(9), Way::Session(700), Way::Whole] {
        world.bring(0, 1, way)?;
        world.bring(copy, 1, way)?;
        world.bring(1, 0, way)?;
        world.bring(1, copy, way)?;
    }
    world.check_all_same()?;
    let version = world.doc(1).version();
    let summary = Doc::summary_of(&version).map_err(|error| error.to_string())?;
    let rest = world.doc(1).events_since(&summary, 9).map_err(|error| error.to_string())?;
    same("events beyond its own version", &rest.runs, &Vec::new())
}

/// An author has at most 65,536 branches. An event that begins one more is rejected.
#[test]
fn an_author_has_at_most_65_536_branches() -> Checked {
    const BRANCHES: i64 = 65_536;
    let mut doc = Doc::create("c").map_err(|error| error.to_string())?;
    let first = |value: i64| EventRun {
        peer: "p".to_owned(),
        start: 0,
        lamport: None,
        deps: Vec::new(),
        fingerprints: Vec::new(),
        salt: 0,
        commits: vec![vec![set("r", value)]],
    };
    let report = doc.merge_events((0..BRANCHES).map(first).collect()).map_err(|error| error.to_string())?;
    same("applied", &report.applied, &(BRANCHES as u32))?;
    let saved = doc.save();
    let refused = doc.merge_events(vec![first(BRANCHES)]);
    ensure!(matches!(refused, Err(Error::LimitExceeded { actual: 65_537, .. })), "{refused:?}");
    ensure!(doc.save() == saved, "a rejected event changed the document");
    // Another event on one of the branches does not begin a branch.
    let branch = doc.forks(0, 1).remove(0).branches.remove(0);
    let print = print_in(&branch.peer)?;
    let run = EventRun { start: 1, deps: vec![branch], fingerprints: vec![print, print], ..first(-1) };
    let report = doc.merge_events(vec![run]).map_err(|error| error.to_string())?;
    same("applied", &report.applied, &1)?;
    Doc::load("c", &doc.save()).map(drop).map_err(|error| format!("load: {error}"))
}

/// `summary_of` trusts names. A count proves the events before every fork that is known here, or
/// those on the named branch.
#[test]
fn a_summary_by_name_proves_the_events_before_known_forks() -> Checked {
    let world = forked()?;
    let doc = world.doc(0);
    let events = |known: &[(&str, u32)]| -> Checked<Vec<(String, u32)>> {
        let batch = doc.events_since(&summary_of(known), u32::MAX).map_err(|error| error.to_string())?;
        let ids =
            batch.runs.iter().flat_map(|run| (run.start..).zip(&run.commits).map(|(at, _)| (run.peer.clone(), at)));
        let mut ids: Vec<(String, u32)> = ids.collect();
        ids.sort();
        Ok(ids)
    };
    let mut branches: Vec<(String, u32)> = Vec::new();
    for PeerVersion { peer, count } in doc.version() {
        branches.extend((1..count).filter(|_| peer != "p").map(|counter| (peer.clone(), counter)));
    }
    branches.sort();
    same("beyond the event before the fork", &events(&[("p", 1)])?, &branches)?;
    for count in [2, 3, 4] {
        same("a plain count beyond the fork proves no branch", &events(&[("p", count)])?, &branches)?;
    }
    let long = doc.version().into_iter().find(|known| known.count == 4).ok_or("a branch of four events")?;
    let mut rest = branches.clone();
    rest.retain(|(peer, counter)| *peer != long.peer || *counter >= 3);
    same("beyond a part of a branch", &events(&[(&long.peer, 3)])?, &rest)?;
    // If a replica does not know about a fork, it takes both branches for one.
    let mut single = World::new(&["p"])?;
    (0..3).try_for_each(|_| single.write(0, "r").map(drop))?;
    let batch = single.doc(0).events_since(&summary_of(&[("p", 2)]), 9).map_err(|error| error.to_string())?;
    same("by name alone", &(batch.runs[0].start, batch.runs[0].commits.len()), &(2, 1))
}
