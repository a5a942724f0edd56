//! Fingerprints of honest events. Runs need them if their dependencies arrive later.

use crate::model::{Events, previous, run_of};
use crate::oracle::Event;
use crate::seeds::Random;
use converge_engine::{Doc, EventId, EventRun};
use std::collections::{BTreeMap, BTreeSet};

/// The fingerprints of events, as computed by a document that has all of them.
pub(crate) struct Prints {
    doc: Doc,
    known: BTreeMap<EventId, u64>,
}

impl Prints {
    pub(crate) fn new(all: &Events) -> Self {
        let doc = Doc::create("prints").expect("a valid name");
        let mut prints = Self { doc, known: BTreeMap::new() };
        prints.learn(all);
        prints
    }

    /// Adds the fingerprints of these events, which must contain, with each event, all its
    /// ancestors.
    pub(crate) fn learn(&mut self, all: &Events) {
        let mut new: Vec<&Event> = all.values().filter(|event| !self.known.contains_key(&event.id)).collect();
        new.sort_by_key(|event| event.lamport);
        for event in new {
            let merged = self.doc.merge_events(vec![run_of(event)]).expect("an honest event");
            assert_eq!(merged.applied, 1, "{:?}", event.id);
            let id = self.doc.permanent_id(&event.id).expect("an event that took effect");
            let digits = id.peer.rsplit('~').next().expect("a permanent name");
            self.known.insert(event.id.clone(), u64::from_str_radix(digits, 16).expect("a fingerprint"));
        }
    }

    /// Returns the fingerprints of a run's dependencies, if these are honest events.
    pub(crate) fn of(&self, run: &EventRun) -> Option<Vec<u64>> {
        links(run).map(|id| self.known.get(&id).copied()).collect()
    }

    /// Returns the runs with the fingerprints of their dependencies.
    pub(crate) fn fill(&self, mut runs: Vec<EventRun>) -> Vec<EventRun> {
        for run in &mut runs {
            run.fingerprints = self.of(run).expect("an honest event");
        }
        runs
    }

    /// Returns the runs with the dependencies that their fingerprints stand for, whatever names
    /// they contain.
    pub(crate) fn meant(&self, runs: &[EventRun]) -> Vec<EventRun> {
        let names: BTreeMap<u64, &EventId> = self.known.iter().map(|(id, print)| (*print, id)).collect();
        let mut runs = runs.to_vec();
        for run in &mut runs {
            let of_deps = run.fingerprints.iter().rev().take(run.deps.len()).rev();
            for (dep, print) in run.deps.iter_mut().zip(of_deps) {
                *dep = names.get(print).map_or_else(|| dep.clone(), |&name| name.clone());
            }
            run.deps.sort();
        }
        runs
    }

    /// Returns the runs with fingerprints. A third of the runs that do not need them get none:
    /// their dependencies are in `known` or in the call itself.
    pub(crate) fn fill_some(&self, runs: Vec<EventRun>, known: &Events, random: &mut Random) -> Vec<EventRun> {
        let name = |run: &EventRun, counter| EventId { peer: run.peer.clone(), counter };
        let names = |run: &EventRun| {
            (0..run.commits.len() as u32).map(|place| name(run, run.start + place)).collect::<Vec<_>>()
        };
        let inside: BTreeSet<EventId> = runs.iter().flat_map(names).collect();
        let mut runs = self.fill(runs);
        for run in &mut runs {
            let is_named = links(run).all(|id| known.contains_key(&id) || inside.contains(&id));
            if is_named && random.chance(1, 3) {
                run.fingerprints.clear();
            }
        }
        runs
    }
}

/// Returns the names of a run's dependencies, in the order of its fingerprints.
fn links(run: &EventRun) -> impl Iterator<Item = EventId> {
    let first = EventId { peer: run.peer.clone(), counter: run.start };
    previous(&first).into_iter().chain(run.deps.clone())
}
