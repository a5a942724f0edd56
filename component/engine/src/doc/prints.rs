//! Fingerprints of events on their way into a document.

use super::incoming::{IncomingRun, Link, Target};
use crate::chain::{AuthorHash, EventHeader};
use crate::id::Fingerprint;
use crate::work;

/// The fingerprints of runs, as far as they were asked for.
#[derive(Debug)]
pub(super) struct IncomingPrints {
    /// By run, those of its first events.
    of_run: Vec<Vec<Fingerprint>>,
}

impl IncomingPrints {
    pub(super) fn new(runs: usize) -> Self {
        Self { of_run: vec![Vec::new(); runs] }
    }

    /// The fingerprint of an event of a run. Runs must not build on each other in a circle. Each event is hashed once.
    pub(super) fn of(&mut self, runs: &[IncomingRun<'_>], run: usize, place: usize) -> Fingerprint {
        let mut open = vec![(run, place)];
        while let Some(&(run, place)) = open.last() {
            if self.of_run[run].len() > place {
                open.pop();
                continue;
            }
            if self.of_run[run].is_empty() {
                let before = open.len();
                open.extend(runs[run].links().filter_map(|link| match link.target {
                    Target::Inside { run, place } if self.of_run[run].len() <= place => Some((run, place)),
                    _ => None,
                }));
                if open.len() > before {
                    continue;
                }
            }
            self.extend(runs, run, place);
        }
        self.of_run[run][place]
    }

    /// Forgets those of a run.
    pub(super) fn forget(&mut self, run: usize) {
        self.of_run[run].clear();
    }

    /// The fingerprint of an event of which `of` was asked.
    pub(super) fn known(&self, run: usize, place: usize) -> Fingerprint {
        self.of_run[run][place]
    }

    /// Computes those of a run up to this place; those that the run builds on are there.
    fn extend(&mut self, runs: &[IncomingRun<'_>], number: usize, place: usize) {
        let run = &runs[number];
        let author = AuthorHash::of(run.author());
        let told = |link: &Link<'_>| match link.target {
            Target::Inside { run, place } => self.of_run[run][place],
            Target::Print(fingerprint) => fingerprint,
        };
        let mut others: Vec<Fingerprint> = run.others.iter().map(told).collect();
        others.sort_unstable();
        let before = run.previous.as_ref().map(told);
        let first = self.of_run[number].len();
        for place in first..=place {
            work::step();
            let ground = match place.checked_sub(1) {
                None => EventHeader { author, previous: before, salt: run.salt, others: &others },
                Some(last) => EventHeader { author, previous: Some(self.of_run[number][last]), salt: 0, others: &[] },
            };
            let fingerprint = ground.fingerprint(run.commit(place));
            self.of_run[number].push(fingerprint);
        }
    }
}
