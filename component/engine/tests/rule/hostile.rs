//! Runs that no honest replica sends. A document merges them validly or rejects the whole call, and
//! still accepts honest events afterwards.
//!
//! A run that uses a known name for another event forks the history of its author. The oracle of
//! these tests does not know forks, so a document with forks is compared with documents that merge
//! the same events in other ways.

use crate::check::check_tables;
use crate::model::{
    Events, Model, all_events_of, check_history, previous, run_of, runs_of, scattered, with_sorted_cells,
};
use crate::oracle::{self, Event};
use crate::past::by_name;
use crate::prints::Prints;
use crate::random::history;
use crate::seeds::{Checked, Random, ensure, for_each_seed, same};
use crate::world::{show_event, show_peer, show_runs};
use converge_engine::{
    Cell, Doc, EventBatch, EventId, EventRun, MergeReport, PeerVersion, Row, RowOp, ScanOptions, Value,
};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

#[test]
fn mutated_runs() {
    let [taken, refused, forked] = [const { AtomicU32::new(0) }; 3];
    for_each_seed(500, |seed| {
        let mut random = Random::new(seed);
        let world = history(&mut random).check(seed)?;
        let honest: Vec<Event> = world.all_events().into_values().collect();
        for _ in 0..6 {
            let mut victim = Victim::new(&honest, &mut random)?;
            let count = if victim.attack(&mut random)? { &taken } else { &refused };
            count.fetch_add(1, Ordering::Relaxed);
            victim.recover(&mut random)?;
            forked.fetch_add(u32::from(victim.is_forked()), Ordering::Relaxed);
        }
        Ok(())
    });
    let [taken, refused, forked] = [taken, refused, forked].map(AtomicU32::into_inner);
    let calls = taken + refused;
    eprintln!("calls with mutated runs: {taken} merged, {refused} rejected; {forked} resulted in forks");
    assert!(
        calls < 1_000 || taken.min(refused).min(forked) > calls / 50,
        "too few mutations were merged, rejected, or resulted in forks"
    );
}

/// The fingerprints of a run identify what its first event builds on, and its names are wrong. So
/// it cannot take effect, but its later events can, once the first event arrives with right names.
#[test]
fn a_run_with_wrong_names_continues_an_event() {
    let id = |peer: &str, counter| EventId { peer: peer.to_owned(), counter };
    let mut all = Events::new();
    for (peer, known) in [("ann", &[][..]), ("ben", &[]), ("ben", &["ann", "ben"]), ("ben", &["ann", "ben"])] {
        let knows = all.clone().into_iter().filter(|(id, _): &(EventId, Event)| known.contains(&&*id.peer)).collect();
        let event = Model { known: knows, ..Model::default() }.next_event(peer, Vec::new());
        all.insert(event.id.clone(), event);
    }
    let prints = Prints::new(&all);
    let run = |peer: &str, counter| prints.fill(vec![run_of(&all[&id(peer, counter)])]).swap_remove(0);
    let mut wrong = run("ben", 1);
    wrong.commits.push(Vec::new());
    wrong.lamport = None;
    wrong.deps.iter_mut().filter(|dep| dep.peer == "ann").for_each(|dep| dep.counter = 7);
    let mut doc = Doc::create("victim").expect("a valid name");
    doc.merge_events(vec![run("ben", 0)]).expect("an honest event");
    let report = doc.merge_events(vec![wrong, run("ben", 1), run("ann", 0)]).expect("valid runs");
    doc.dbg_check();
    assert_eq!((report.applied, report.duplicate, report.waiting), (3, 1, 0));
    assert_eq!(doc.heads(), [id("ben", 2)]);
}

/// A fingerprint does not cover the counter, so two events that wait can claim one fingerprint.
#[test]
fn waiting_events_that_claim_one_fingerprint() {
    let claimed = |start| EventRun {
        peer: "ann".to_owned(),
        start,
        lamport: None,
        deps: vec![EventId { peer: "ann".to_owned(), counter: start - 1 }],
        fingerprints: vec![7, 7],
        salt: 0,
        commits: vec![Vec::new()],
    };
    let mut doc = Doc::create("victim").expect("a valid name");
    let report = doc.merge_events(vec![claimed(2), claimed(3)]).expect("valid runs");
    assert_eq!(report.waiting, 2);
    doc.dbg_check();
    let saved = doc.save();
    let mut loaded = Doc::load("loaded", &saved).expect("what a document saves");
    assert_eq!(loaded.merge_events(Vec::new()).map(|report| report.waiting), Ok(1));
    assert_eq!(loaded.save(), saved);
}

/// A document that knows some of an honest history and has a commit of its own, and the model of
/// it. Also the events that were committed, and those that the document accepted from an attack.
struct Victim {
    doc: Doc,
    model: Model,
    honest: Vec<Event>,
    prints: Prints,
    hostile: Vec<Event>,
}

/// Returns everything that a document shows, including the report of its waiting events.
#[derive(Debug, PartialEq)]
struct Shown {
    digest: [u8; 32],
    version: Vec<PeerVersion>,
    heads: Vec<EventId>,
    rows: Vec<(String, Vec<Row>)>,
    history: EventBatch,
    waiting: MergeReport,
}

impl Victim {
    fn new(honest: &[Event], random: &mut Random) -> Checked<Self> {
        let mut doc = Doc::create("victim").map_err(|error| error.to_string())?;
        let part = random.sample(honest, 2, 3);
        let all: Events = honest.iter().map(|event| (event.id.clone(), event.clone())).collect();
        let mut prints = Prints::new(&all);
        let runs = prints.fill_some(scattered(random, &part), &Events::new(), random);
        let mut model = Model::default();
        same("the report", &doc.merge_events(runs.clone()), &Ok(model.merge(&runs)))?;
        doc.insert("t", "r", Vec::new()).map_err(|error| error.to_string())?;
        let insert = RowOp::Insert { table: "t".to_owned(), row: "r".to_owned(), cells: Vec::new() };
        let own = model.next_event("victim", vec![insert]);
        model.known.insert(own.id.clone(), own.clone());
        prints.learn(&model.known);
        let honest = honest.iter().cloned().chain([own]).collect();
        Ok(Self { doc, model, honest, prints, hostile: Vec::new() })
    }

    /// Merges mutated runs among honest ones. Returns true if the document merges them, validly,
    /// and false if it rejects them and does not change.
    fn attack(&mut self, random: &mut Random) -> Checked<bool> {
        let part = random.sample(&self.honest, 1, 8);
        let mut runs = self.prints.fill_some(scattered(random, &part), &self.model.known, random);
        for _ in 0..1 + random.below(2) {
            let start = random.below(self.honest.len());
            let end = (start + 1 + random.below(4)).min(self.honest.len());
            // The slice is sorted by peer and counter, so consecutive events join into runs.
            let base = runs_of(&self.honest[start..end], || true);
            let mut base = self.prints.fill_some(base, &self.model.known, random);
            let mut run = base.swap_remove(random.below(base.len()));
            for _ in 0..1 + random.below(2) {
                mutate(&mut run, &self.honest, random);
            }
            if random.chance(2, 3) {
                mend(&mut run, &self.honest, &self.prints);
            }
            runs.insert(random.below(runs.len() + 1), run);
        }
        let before = self.shown()?;
        let known = self.permanent_ids()?;
        let merged = self.doc.merge_events(runs.clone());
        let called = format!("{merged:?} from {}", show_runs(&runs));
        let Ok(report) = merged else {
            same("after a rejected call", &self.shown()?, &before).map_err(|why| format!("{why}\n{called}"))?;
            return Ok(false);
        };
        let events = all_events_of(&self.prints.meant(&runs));
        for event in &events {
            let mut others = self.model.known.values().chain(&events);
            let is_other = others.any(|other| other.id == event.id && !is_same(other, event));
            let is_kept = report.waiting > 0 || report.forked.contains(&event.id.peer);
            ensure!(!is_other || is_kept, "another {:?} made no fork\n{called}", event.id);
        }
        for id in known {
            same("an earlier event", &self.doc.permanent_id(&id), &Ok(id)).map_err(|why| format!("{why}\n{called}"))?;
        }
        let is_honest = |event: &Event| self.honest.iter().any(|honest| is_same(honest, event));
        self.hostile = events.into_iter().filter(|event| !is_honest(event)).collect();
        self.check_valid(random).map_err(|why| format!("{why}\n{called}"))?;
        Ok(true)
    }

    /// Merges the honest events one by one. Each must be accepted, unless a hostile event has its
    /// name, or the name of one of its ancestors.
    fn recover(&mut self, random: &mut Random) -> Checked {
        let mut order: Vec<&Event> = self.honest.iter().collect();
        order.sort_by_key(|event| event.lamport);
        let mut tainted: BTreeSet<EventId> = self.hostile.iter().map(|event| event.id.clone()).collect();
        for event in order {
            let merged = self.doc.merge_events(self.prints.fill(vec![run_of(event)]));
            if event.deps.iter().chain(&previous(&event.id)).any(|id| tainted.contains(id)) {
                tainted.insert(event.id.clone());
            }
            if !tainted.contains(&event.id) {
                let known = self.doc.version().iter().any(|v| v.peer == event.id.peer && v.count > event.id.counter);
                ensure!(
                    merged.is_ok() && known,
                    "{} {} returned {merged:?}",
                    show_peer(&event.id.peer),
                    show_event(event)
                );
            }
        }
        self.check_valid(random)
    }

    fn is_forked(&self) -> bool {
        !self.doc.forks(0, 1).is_empty()
    }

    /// Returns the names of the events that took effect, in a form that no fork changes.
    fn permanent_ids(&self) -> Checked<Vec<EventId>> {
        let batch = self.doc.events_since(&by_name(&[]), u32::MAX).map_err(|error| error.to_string())?;
        let events = all_events_of(&batch.runs);
        let ids = events.iter().map(|event| self.doc.permanent_id(&event.id));
        ids.collect::<Result<_, _>>().map_err(|error| format!("permanent_id: {error}"))
    }

    /// Checks that each event that took effect has arrived. Without forks, these events must be a
    /// valid history that results in the tables.
    fn check_valid(&self, random: &mut Random) -> Checked {
        self.doc.dbg_check();
        let batch = self.doc.events_since(&by_name(&[]), u32::MAX).map_err(|error| error.to_string())?;
        let events = all_events_of(&batch.runs);
        for event in &events {
            let came = self.honest.iter().chain(&self.hostile).any(|other| is_same(other, &plain(event)));
            ensure!(came, "an event was shown that never arrived: {} {}", show_peer(&event.id.peer), show_event(event));
        }
        if self.is_forked() {
            return self.check_forked(batch, random);
        }
        check_history(&Events::new(), &events)?;
        let built_on: BTreeSet<&EventId> = events.iter().flat_map(|event| &event.deps).collect();
        let mut heads: Vec<EventId> = events.iter().map(|event| event.id.clone()).collect();
        heads.retain(|id| !built_on.contains(id));
        heads.sort();
        same("heads", &self.doc.heads(), &heads)?;
        let counted: u32 = self.doc.version().iter().map(|version| version.count).sum();
        same("the version's events", &(counted as usize), &events.len())?;
        check_tables(&self.doc, &oracle::tables(events.iter()), random)
    }

    /// Checks that a document with forks is the same after loading, and after merging its history
    /// in another order. A replica that knows only the honest events must be the same after both
    /// have exchanged their events.
    fn check_forked(&self, batch: EventBatch, random: &mut Random) -> Checked {
        let saved = self.doc.save();
        let mut doc = Doc::load("loaded", &saved).map_err(|error| format!("load: {error}"))?;
        doc.dbg_check();
        same("the bytes that a loaded document saves", &doc.save(), &saved)?;

        let mut runs = batch.runs;
        random.shuffle(&mut runs);
        let mut other = Doc::create("other").map_err(|error| error.to_string())?;
        for run in runs {
            other.merge_events(vec![run]).map_err(|error| format!("merge: {error}"))?;
        }
        same_content(&other, &self.doc)?;

        let mut twin = Doc::create("twin").map_err(|error| error.to_string())?;
        twin.merge_events(self.prints.fill(scattered(random, &self.honest)))
            .map_err(|error| format!("merge: {error}"))?;
        exchange(&mut doc, &mut twin)?;
        exchange(&mut doc, &mut twin)?;
        same_content(&twin, &doc)
    }

    fn shown(&mut self) -> Checked<Shown> {
        let waiting = self.doc.merge_events(Vec::new()).map_err(|error| error.to_string())?;
        let history = self.doc.events_since(&by_name(&[]), u32::MAX).map_err(|error| error.to_string())?;
        let mut rows = Vec::new();
        for table in self.doc.tables() {
            let page = self.doc.scan(&table.name, &ScanOptions::default()).map_err(|error| error.to_string())?;
            rows.push((table.name, page.rows));
        }
        let (digest, version, heads) = (self.doc.digest(), self.doc.version(), self.doc.heads());
        Ok(Shown { digest, version, heads, rows, history, waiting })
    }
}

/// Returns whether two events are the same. The lamport time is no part of an event's content; it
/// follows from the history. The same is true of a direct dependency on the author's previous
/// event.
fn is_same(a: &Event, b: &Event) -> bool {
    let others = |event: &Event| {
        let previous = previous(&event.id);
        event.deps.iter().filter(|dep| Some(*dep) != previous.as_ref()).cloned().collect::<Vec<_>>()
    };
    a.id == b.id && others(a) == others(b) && with_sorted_cells(a).ops == with_sorted_cells(b).ops
}

/// Returns the event with the names of peers in place of the names of branches.
fn plain(event: &Event) -> Event {
    let peer = |id: &EventId| id.peer.split('~').next().unwrap_or_default().to_owned();
    let plain = |id: &EventId| EventId { peer: peer(id), counter: id.counter };
    let mut deps: Vec<EventId> = event.deps.iter().map(plain).collect();
    deps.sort();
    Event { id: plain(&event.id), deps, ..event.clone() }
}

fn same_content(doc: &Doc, expected: &Doc) -> Checked {
    doc.dbg_check();
    same("version", &doc.version(), &expected.version())?;
    same("heads", &doc.heads(), &expected.heads())?;
    same("forks", &doc.forks(0, u32::MAX), &expected.forks(0, u32::MAX))?;
    same("digest", &doc.digest(), &expected.digest())
}

/// Merges into each of the two the events that it lacks.
fn exchange(doc: &mut Doc, twin: &mut Doc) -> Checked {
    let send = |from: &Doc, to: &mut Doc| {
        let update = from.update_since(&to.summary())?;
        to.merge_update(&update)
    };
    send(doc, twin).and_then(|_| send(twin, doc)).map_err(|error| format!("exchange: {error}"))?;
    Ok(())
}

/// Changes one property of a run.
fn mutate(run: &mut EventRun, honest: &[Event], random: &mut Random) {
    match random.below(12) {
        0 => run.start = number(run.start, random),
        1 => run.lamport = random.chance(7, 8).then(|| number(run.lamport.unwrap_or(0), random)),
        2 => run.peer = peer(honest, random),
        3 => {
            run.commits.truncate(random.below(run.commits.len() + 1));
        }
        4 => random.shuffle(&mut run.commits),
        5 => {
            let again = run.commits.clone();
            run.commits.extend(again);
        }
        6..9 => mutate_deps(run, honest, random),
        _ => mutate_commits(run, random),
    }
}

/// Sorts the dependencies, and sets the fingerprints and the lamport time that follow from them. So
/// the run is valid, or its error lies deeper.
fn mend(run: &mut EventRun, honest: &[Event], prints: &Prints) {
    run.deps.sort();
    run.deps.dedup_by(|a, b| a.peer == b.peer);
    if !run.fingerprints.is_empty() {
        run.fingerprints = prints.of(run).unwrap_or_default();
    }
    let lamport = |dep: &EventId| honest.iter().find(|event| event.id == *dep).map(|event| event.lamport);
    run.lamport = Some(run.deps.iter().filter_map(lamport).max().unwrap_or(0).saturating_add(1));
}

fn number(near: u32, random: &mut Random) -> u32 {
    let any = random.below(12) as u32;
    *random.pick(&[near.wrapping_add(1), near.wrapping_sub(1), 0, 1, any, u32::MAX - 1, u32::MAX])
}

fn peer(honest: &[Event], random: &mut Random) -> String {
    match random.below(6) {
        0 => String::new(),
        1 => "p".repeat(257),
        2 => "nobody".to_owned(),
        3 => "victim".to_owned(),
        _ => random.pick(honest).id.peer.clone(),
    }
}

fn mutate_deps(run: &mut EventRun, honest: &[Event], random: &mut Random) {
    let place = random.below(run.deps.len() + 1);
    match random.below(8) {
        0 => run.deps.truncate(place),
        1 => drop(run.deps.splice(place.., [])),
        2 => run.deps.reverse(),
        3 => run.deps.insert(place, EventId { peer: peer(honest, random), counter: number(0, random) }),
        4 => run.deps.insert(place, EventId { peer: run.peer.clone(), counter: number(run.start, random) }),
        5 => run.deps.extend((0..65).map(|many| EventId { peer: format!("many {many:02}"), counter: 0 })),
        6 => {
            // The dependency is well-formed, whether or not it is concurrent with the others.
            let dep = random.pick(honest).id.clone();
            run.deps.retain(|other| other.peer != dep.peer);
            run.deps.push(dep);
            run.deps.sort();
        }
        _ => {
            if let Some(dep) = run.deps.get_mut(place) {
                dep.counter = number(dep.counter, random);
            }
        }
    }
}

fn mutate_commits(run: &mut EventRun, random: &mut Random) {
    if run.commits.is_empty() {
        return;
    }
    let place = random.below(run.commits.len());
    let commit = &mut run.commits[place];
    let (mut table, mut row) = ("t".to_owned(), "r".to_owned());
    let mut cells = vec![Cell::new("x", random.below(4) as i64)];
    match random.below(8) {
        0 => drop(commit.pop()),
        1 => commit.reverse(),
        2 => table = String::new(),
        3 => row = ["", &"r".repeat(4_097)][random.below(2)].to_owned(),
        4 => cells[0].column = ["", &"c".repeat(257)][random.below(2)].to_owned(),
        5 => cells.push(cells[0].clone()),
        6 => cells[0].value = Value::Text("v".repeat(5)),
        _ => {}
    }
    commit.push(match random.below(5) {
        4 => RowOp::Unset { table, row, columns: cells.into_iter().map(|cell| cell.column).collect() },
        0 => RowOp::Update { table, row, cells },
        1 => RowOp::Delete { table, row },
        _ => RowOp::Insert { table, row, cells },
    });
}
