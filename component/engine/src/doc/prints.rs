//! The fingerprints of incoming runs, computed on demand.

use super::incoming::{IncomingRun, Link, Target};
use crate::chain::{AuthorHash, EventHeader};
use crate::id::Fingerprint;
use crate::sort;
use crate::work;

/// The computed fingerprints of some runs.
#[derive(Debug)]
pub(super) struct IncomingPrints {
    /// For each run, the fingerprints of its first events.
    of_run: Vec<Vec<Fingerprint>>,
}

impl IncomingPrints {
    pub(super) fn new(runs: usize) -> Self {
        Self { of_run: vec![Vec::new(); runs] }
    }

    /// Returns the fingerprint of an event of a run. The runs must not build on each other in a
    /// circle. Hashes each event once.
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

    /// Forgets the fingerprints of a run.
    pub(super) fn forget(&mut self, run: usize) {
        self.of_run[run].clear();
    }

    /// Returns the fingerprint of an event for which `of` was called before.
    pub(super) fn known(&self, run: usize, place: usize) -> Fingerprint {
        self.of_run[run][place]
    }

    /// Computes the fingerprints of a run up to this index. Those of the events that it builds on
    /// are available.
    fn extend(&mut self, runs: &[IncomingRun<'_>], number: usize, place: usize) {
        let run = &runs[number];
        let author = AuthorHash::of(run.author());
        let print_of = |link: &Link<'_>| match link.target {
            Target::Inside { run, place } => self.of_run[run][place],
            Target::Print(fingerprint) => fingerprint,
        };
        let mut others: Vec<Fingerprint> = run.others.iter().map(print_of).collect();
        sort::sort(&mut others);
        let before = run.previous.as_ref().map(print_of);
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
