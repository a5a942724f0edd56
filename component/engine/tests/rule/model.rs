//! A naive replica: the set of events that it knows, the set of those that wait, and everything
//! that follows from the two.
//!
//! The model merges honest events only. `hostile` tests the events that the engine must reject.

use crate::oracle::{self, Event, Tables};
use crate::seeds::{Checked, Random, ensure, same};
use converge_engine::{Cell, Commit, EventId, EventRun, MergeReport, PeerVersion, RowOp};
use std::collections::{BTreeMap, BTreeSet};

/// Events by name.
pub(crate) type Events = BTreeMap<EventId, Event>;

#[derive(Clone, Default)]
pub(crate) struct Model {
    pub(crate) known: Events,
    pub(crate) waiting: Events,
}

impl Model {
    pub(crate) fn tables(&self) -> Tables {
        oracle::tables(self.known.values())
    }

    pub(crate) fn version(&self) -> Vec<PeerVersion> {
        let mut counts = BTreeMap::<&str, u32>::new();
        for id in self.known.keys() {
            *counts.entry(&id.peer).or_default() += 1;
        }
        counts.into_iter().map(|(peer, count)| PeerVersion { peer: peer.to_owned(), count }).collect()
    }

    pub(crate) fn heads(&self) -> Vec<EventId> {
        let built_on: BTreeSet<&EventId> = self.known.values().flat_map(|event| &event.deps).collect();
        self.known.keys().filter(|id| !built_on.contains(id)).cloned().collect()
    }

    /// Returns the event that `peer` would commit here, without merging it.
    pub(crate) fn next_event(&self, peer: &str, ops: Commit) -> Event {
        let deps = self.heads();
        let counter = self.known.keys().filter(|id| id.peer == peer).count() as u32;
        let lamport = 1 + deps.iter().map(|id| self.known[id].lamport).max().unwrap_or(0);
        Event { id: EventId { peer: peer.to_owned(), counter }, lamport, deps, ops }
    }

    /// Returns the first event of a peer that is unknown, but waits or is needed by a waiting
    /// event.
    pub(crate) fn first_claimed(&self, peer: &str) -> Option<u32> {
        let needs = |event: &Event| event.deps.iter().cloned().chain(previous(&event.id)).collect::<Vec<_>>();
        let claimed = self.waiting.values().flat_map(needs).chain(self.waiting.keys().cloned());
        claimed.filter(|id| id.peer == peer && !self.known.contains_key(id)).map(|id| id.counter).min()
    }

    /// Merges runs and returns the report that the engine must return.
    pub(crate) fn merge(&mut self, runs: &[EventRun]) -> MergeReport {
        let mut report = MergeReport::default();
        for event in runs.iter().flat_map(events_of) {
            if self.known.contains_key(&event.id) || self.waiting.contains_key(&event.id) {
                report.duplicate += 1;
            } else {
                self.waiting.insert(event.id.clone(), event);
            }
        }
        while let Some(id) = self.ready() {
            let event = self.waiting.remove(&id).expect("it waits");
            self.known.insert(id, event);
            report.applied += 1;
        }
        report.waiting = self.waiting.len() as u32;
        let needs = |event: &Event| event.deps.iter().cloned().chain(previous(&event.id)).collect::<Vec<_>>();
        let needed: BTreeSet<EventId> = self.waiting.values().flat_map(needs).collect();
        let here = |id: &EventId| self.known.contains_key(id) || self.waiting.contains_key(id);
        report.missing = needed.into_iter().filter(|id| !here(id)).collect();
        report
    }

    fn ready(&self) -> Option<EventId> {
        let ready = |event: &&Event| event.deps.iter().all(|dep| self.known.contains_key(dep));
        self.waiting.values().find(ready).map(|event| event.id.clone())
    }
}

/// Returns the name of the same peer's previous event.
pub(crate) fn previous(id: &EventId) -> Option<EventId> {
    let counter = id.counter.checked_sub(1)?;
    Some(EventId { peer: id.peer.clone(), counter })
}

/// Returns the events of a run, one by one, with the cells of each operation sorted by column.
pub(crate) fn events_of(run: &EventRun) -> Vec<Event> {
    let name = |counter| EventId { peer: run.peer.clone(), counter };
    let one = |(counter, commit): (u32, &Commit)| Event {
        id: name(counter),
        lamport: run.lamport.unwrap_or(0).wrapping_add(counter - run.start),
        deps: if counter == run.start { run.deps.clone() } else { vec![name(counter - 1)] },
        ops: commit.clone(),
    };
    (run.start..).zip(&run.commits).map(one).map(|event| with_sorted_cells(&event)).collect()
}

/// Returns all events of some runs, in order.
pub(crate) fn all_events_of(runs: &[EventRun]) -> Vec<Event> {
    runs.iter().flat_map(events_of).collect()
}

/// Returns the event with the cells and columns of each operation sorted by column. Their order is
/// irrelevant.
pub(crate) fn with_sorted_cells(event: &Event) -> Event {
    let mut event = event.clone();
    for op in &mut event.ops {
        match op {
            RowOp::Insert { cells, .. } | RowOp::Update { cells, .. } => {
                cells.sort_by(|a: &Cell, b| a.column.cmp(&b.column));
            }
            RowOp::Unset { columns, .. } => columns.sort(),
            RowOp::Delete { .. } | RowOp::Splice { .. } | RowOp::Add { .. } => {}
        }
    }
    event
}

/// Returns a run of one event.
pub(crate) fn run_of(event: &Event) -> EventRun {
    EventRun {
        peer: event.id.peer.clone(),
        start: event.id.counter,
        lamport: Some(event.lamport),
        deps: event.deps.clone(),
        fingerprints: Vec::new(),
        salt: 0,
        commits: vec![event.ops.clone()],
    }
}

/// Returns the events as runs, in order. An event joins the previous run if possible, at random.
pub(crate) fn runs_of<'a>(
    events: impl IntoIterator<Item = &'a Event>,
    mut join: impl FnMut() -> bool,
) -> Vec<EventRun> {
    let mut runs = Vec::<EventRun>::new();
    for event in events {
        match runs.last_mut() {
            Some(run) if follows(run, event) && join() => run.commits.push(event.ops.clone()),
            _ => runs.push(run_of(event)),
        }
    }
    runs
}

fn follows(run: &EventRun, event: &Event) -> bool {
    let end = run.start + run.commits.len() as u32;
    event.id.peer == run.peer && event.id.counter == end && event.deps.iter().eq(&previous(&event.id))
}

/// Returns the events in any grouping and any order, some of them twice, in overlapping runs.
pub(crate) fn scattered(random: &mut Random, events: &[Event]) -> Vec<EventRun> {
    let mut sorted = events.to_vec();
    sorted.sort_by(|a, b| a.id.cmp(&b.id));
    let mut runs = runs_of(&sorted, || random.chance(3, 4));
    if random.chance(1, 3) {
        let again = random.sample(&sorted, 1, 3);
        runs.extend(runs_of(&again, || random.chance(3, 4)));
    }
    random.shuffle(&mut runs);
    runs
}

/// Checks that these events are a history in which each event comes after its dependencies.
///
/// Names must have no gaps. Dependencies must be sorted, mutually concurrent, and include the
/// peer's previous event or a descendant of it. Lamport times must follow from the dependencies.
/// `before` contains the events that are already known.
pub(crate) fn check_history(before: &Events, events: &[Event]) -> Checked {
    let mut known = BTreeMap::<EventId, (u32, BTreeSet<EventId>)>::new();
    let mut order: Vec<&Event> = before.values().collect();
    order.sort_by_key(|event| event.lamport);
    for event in order.into_iter().chain(events) {
        let id = &event.id;
        ensure!(!known.contains_key(id), "{id:?} is there twice");
        ensure!(event.deps.is_sorted_by(|a, b| a.peer < b.peer), "{id:?} has unsorted dependencies {:?}", event.deps);
        let mut past = BTreeSet::new();
        let mut latest = 0;
        for dep in &event.deps {
            let Some((lamport, below)) = known.get(dep) else { return Err(format!("{id:?} comes before its {dep:?}")) };
            latest = latest.max(*lamport);
            past.extend(below.iter().cloned());
        }
        same(&format!("the lamport of {id:?}"), &event.lamport, &(latest + 1))?;
        for dep in &event.deps {
            ensure!(past.insert(dep.clone()), "{id:?} depends on {dep:?}, which is an ancestor of another dependency");
        }
        ensure!(
            previous(id).is_none_or(|previous| past.contains(&previous)),
            "{id:?} does not depend on its predecessor"
        );
        known.insert(id.clone(), (event.lamport, past));
    }
    Ok(())
}
