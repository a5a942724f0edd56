//! All small histories: up to 5 events by 2 peers, which may have several replicas of one name. The
//! replicas know the events in every possible way, and each history is delivered to a document in
//! every order.
//!
//! For each event, a history contains its author, the events that its writer knew, and the author's
//! event that it follows. The writer must know the followed event, and no other known event may
//! follow the same one. Histories that differ only in the order of their events count once.

use crate::oracle::{Event, Events, Print, Set, author, branch, print_in};
use crate::seeds::{Checked, ensure, first_failure, same};
use crate::world::{print_of, set, tables};
use converge_engine::{Doc, EventId, EventRun, Fork, PeerVersion};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

const AUTHORS: [&str; 2] = ["a", "b"];

/// Returns the number of histories of this many events.
const COUNTS: [(usize, usize); 5] = [(1, 2), (2, 7), (3, 32), (4, 206), (5, 1_870)];

/// An event: its author, the event that it follows, and the events that its writer knew, as a bit
/// set of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Bare {
    author: usize,
    previous: Option<usize>,
    known: u32,
}

#[test]
fn small_histories_in_every_order() {
    for (events, count) in COUNTS {
        let histories = histories(events);
        assert_eq!(histories.len(), count);
        let orders = permutations(events);
        let merges = AtomicU64::new(0);
        let failure = first_failure(0..histories.len() as u64, |number| {
            let history = &histories[number as usize];
            let case = Case::new(history).and_then(|case| case.check(&orders));
            merges.fetch_add(case.map_err(|why| format!("{why}\nof {history:?}"))?, Ordering::Relaxed);
            Ok(())
        });
        if let Some((number, why)) = failure {
            panic!("{events} events, history {number}: {why}");
        }
        eprintln!("{events} events: {count} histories in {} orders, {} merges", orders.len(), merges.into_inner());
    }
}

/// Returns all histories of this many events.
fn histories(events: usize) -> Vec<Vec<Bare>> {
    let mut histories = vec![Vec::new()];
    for _ in 0..events {
        let mut longer = BTreeSet::new();
        for history in &histories {
            for bare in next_events(history) {
                let mut with_it: Vec<Bare> = history.clone();
                with_it.push(bare);
                longer.insert(canonical(&with_it));
            }
        }
        histories = longer.into_iter().collect();
    }
    histories
}

fn next_events(history: &[Bare]) -> Vec<Bare> {
    let mut next = Vec::new();
    let holds = |known: u32, place: usize| known >> place & 1 == 1;
    let is_closed = |known: &u32| (0..history.len()).all(|at| !holds(*known, at) || history[at].known & !known == 0);
    for known in (0..1 << history.len()).filter(is_closed) {
        for author in 0..AUTHORS.len() {
            let own = || (0..history.len()).filter(|&at| holds(known, at) && history[at].author == author);
            let is_followed = |leaf: usize| own().any(|at| history[at].previous == Some(leaf));
            let leaves: Vec<usize> = own().filter(|&leaf| !is_followed(leaf)).collect();
            let follows = leaves.iter().map(|&leaf| Some(leaf)).chain(leaves.is_empty().then_some(None));
            next.extend(follows.map(|previous| Bare { author, previous, known }));
        }
    }
    next
}

/// Returns the smallest of all representations of the same history.
fn canonical(history: &[Bare]) -> Vec<Bare> {
    let written = |order: &Vec<usize>| -> Option<Vec<Bare>> {
        let place = |at: usize| order.iter().position(|&other| other == at).unwrap_or(0);
        let written = order.iter().map(|&at| {
            let Bare { author, previous, known } = history[at];
            let known = (0..history.len()).filter(|other| known >> other & 1 == 1).map(|other| 1 << place(other)).sum();
            Bare { author, previous: previous.map(place), known }
        });
        let written: Vec<Bare> = written.collect();
        written.iter().enumerate().all(|(at, bare)| bare.known < 1 << at).then_some(written)
    };
    permutations(history.len()).iter().filter_map(written).min().unwrap_or_default()
}

/// Returns all permutations of this many items, sorted, so that neighbors have long common
/// prefixes.
fn permutations(len: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for _ in 0..len {
        let longer = |order: &Vec<usize>| {
            let rest = (0..len).filter(|at| !order.contains(at)).collect::<Vec<_>>();
            rest.into_iter().map(|at| order.iter().copied().chain([at]).collect()).collect::<Vec<Vec<usize>>>()
        };
        orders = orders.iter().flat_map(longer).collect();
    }
    orders
}

/// A history with its events as runs, and the expected content of a document for each subset that
/// can arrive.
struct Case {
    runs: Vec<EventRun>,
    prints: Vec<Print>,
    /// Indexed by the set of events that have arrived.
    expected: Vec<Expected>,
}

/// The expected content of a document.
struct Expected {
    applied: Set,
    waiting: u32,
    version: Vec<PeerVersion>,
    forks: Vec<Fork>,
    heads: Vec<EventId>,
    tables: crate::rule::Tables,
}

impl Case {
    fn new(history: &[Bare]) -> Checked<Self> {
        let (mut events, mut runs, mut prints) = (Events::default(), Vec::<EventRun>::new(), Vec::<Print>::new());
        for (place, bare) in history.iter().enumerate() {
            let known: Vec<usize> = (0..place).filter(|other| bare.known >> other & 1 == 1).collect();
            let heads = events.heads(&known.iter().map(|&other| prints[other]).collect());
            let previous = bare.previous.map(|previous| prints[previous]);
            let run = run(&events, AUTHORS[bare.author], previous, &heads, place as i64);
            let print = print_when(&runs, &known, &run)?;
            let event =
                Event { author: AUTHORS[bare.author].to_owned(), previous, deps: heads, ops: run.commits[0].clone() };
            ensure!(!events.contains(print), "two events have the fingerprint {print:016x}");
            events.add(print, event)?;
            runs.push(run);
            prints.push(print);
        }
        let expected = (0..1 << history.len()).map(|arrived| Expected::new(&events, &prints, arrived)).collect();
        Ok(Self { runs, prints, expected })
    }

    /// Delivers the events in each order, and returns how many merges were checked.
    fn check(&self, orders: &[Vec<usize>]) -> Checked<u64> {
        let (mut saved, mut last): (Option<Vec<u8>>, &[usize]) = (None, &[]);
        let mut merges = 0;
        for order in orders {
            // The merges of the prefix that this order shares with the previous one were already
            // checked.
            let looked_at = order.iter().zip(last).take_while(|(one, other)| one == other).count();
            let mut doc = Doc::create("c").map_err(|error| error.to_string())?;
            let mut arrived = 0;
            for (place, &at) in order.iter().enumerate() {
                let before = &self.expected[arrived];
                arrived |= 1 << at;
                let report = doc.merge_events(vec![self.runs[at].clone()]);
                let report = report.map_err(|error| format!("event {at} of {order:?}: {error}"))?;
                merges += 1;
                if place < looked_at {
                    continue;
                }
                let now = &self.expected[arrived];
                let check = || -> Checked {
                    let applied = now.applied.len() - before.applied.len();
                    same("applied", &report.applied, &(applied as u32))?;
                    same("waiting", &report.waiting, &now.waiting)?;
                    now.check(&doc)
                };
                check()
                    .map_err(|why| format!("{why}\nafter {:?} of {order:?}, {:x?}", &order[..=place], self.prints))?;
            }
            let bytes = doc.save();
            let first = saved.get_or_insert_with(|| bytes.clone());
            ensure!(*first == bytes, "the saved bytes differ in the order {order:?}");
            last = order;
        }
        Ok(merges)
    }
}

impl Expected {
    fn new(events: &Events, prints: &[Print], arrived: usize) -> Self {
        let here: Set = (0..prints.len()).filter(|at| arrived >> at & 1 == 1).map(|at| prints[at]).collect();
        let is_complete = |print: &Print| events.past([*print]).is_subset(&here);
        let applied: Set = here.iter().copied().filter(is_complete).collect();
        let names = events.names(&applied);
        let mut heads: Vec<EventId> = events.heads(&applied).iter().map(|head| names[head].clone()).collect();
        heads.sort();
        Self {
            waiting: (here.len() - applied.len()) as u32,
            version: events.version(&applied),
            forks: events.forks(&applied),
            heads,
            tables: events.tables(&applied),
            applied,
        }
    }

    fn check(&self, doc: &Doc) -> Checked {
        same("version", &doc.version(), &self.version)?;
        same("forks", &doc.forks(0, u32::MAX), &self.forks)?;
        same("heads", &doc.heads(), &self.heads)?;
        same("tables", &tables(doc)?, &self.tables)
    }
}

/// Returns an event as a run that contains the permanent names of other events.
fn run(events: &Events, peer: &str, previous: Option<Print>, deps: &Set, value: i64) -> EventRun {
    let id = |print: Print| EventId { peer: branch(&events[print].author, print), counter: events.counter(print) };
    let mut sorted: Vec<(EventId, Print)> = deps.iter().map(|&dep| (id(dep), dep)).collect();
    sorted.sort();
    let fingerprints = previous.into_iter().chain(sorted.iter().map(|(_, print)| *print)).collect();
    EventRun {
        peer: peer.to_owned(),
        start: previous.map_or(0, |previous| events.counter(previous) + 1),
        lamport: None,
        deps: sorted.into_iter().map(|(id, _)| id).collect(),
        fingerprints,
        salt: 0,
        commits: vec![vec![set("row", value)]],
    }
}

/// Returns the fingerprint that a document reports for an event after the events that its writer
/// knew.
fn print_when(runs: &[EventRun], known: &[usize], run: &EventRun) -> Checked<Print> {
    let mut doc = Doc::create("builder").map_err(|error| error.to_string())?;
    let runs = known.iter().map(|&at| runs[at].clone()).chain([run.clone()]).collect();
    let report = doc.merge_events(runs).map_err(|error| format!("{run:?}: {error}"))?;
    same("waiting", &report.waiting, &0)?;
    let heads = doc.heads();
    same("heads", &heads.len(), &1)?;
    print_of(&doc, &heads[0])
}

/// The siblings of an event are events that its writer did not know, so no event can depend on its
/// own sibling.
#[test]
fn an_event_that_depends_on_its_sibling_is_rejected() -> Checked {
    let mut events = Events::default();
    let mut runs = Vec::new();
    for value in [1, 2] {
        let run = run(&events, "a", None, &Set::new(), value);
        let print = print_when(&runs, &[], &run)?;
        let event = Event { author: "a".to_owned(), previous: None, deps: Set::new(), ops: run.commits[0].clone() };
        events.add(print, event)?;
        runs.push(run);
    }
    let prints: Vec<Print> = events.iter().map(|(print, _)| print).collect();
    let names: BTreeMap<Print, EventId> = events.names(&prints.iter().copied().collect());
    ensure!(prints.iter().all(|print| print_in(&names[print].peer) == Ok(*print)), "{names:?}");
    ensure!(names.values().all(|id| author(&id.peer) == "a" && id.counter == 0), "{names:?}");
    let mut doc = Doc::create("c").map_err(|error| error.to_string())?;
    doc.merge_events(runs).map_err(|error| error.to_string())?;
    let before = doc.save();
    let bad = run(&events, "a", None, &Set::from([prints[0]]), 3);
    let refused = doc.merge_events(vec![bad]);
    ensure!(matches!(refused, Err(converge_engine::Error::InvalidArgument(_))), "{refused:?}");
    ensure!(doc.save() == before, "a rejected run changed the document");
    Ok(())
}
