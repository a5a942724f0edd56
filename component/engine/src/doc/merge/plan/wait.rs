//! Lets events wait, as far as there is room for them.

use super::{Planner, Refusal, RunState};
use crate::doc::check;
use crate::doc::incoming::{IncomingRun, Link, Target, find_circle};
use crate::doc::waiting::{Need, Waiting, WaitingEvent, event_bytes};
use crate::error::{Error, RunRule};
use crate::id::{EventKey, EventMap};
use crate::memory;
use crate::work;
use std::collections::BTreeMap;

impl Planner<'_, '_> {
    /// Lets the events of undecided runs wait, as far as there is room.
    pub(super) fn wait(&mut self) -> Result<(), Error> {
        let open: Vec<usize> = (0..self.runs.len()).filter(|&run| matches!(self.states[run], RunState::Open)).collect();
        let is_open = |run: usize| matches!(self.states[run], RunState::Open);
        if let Some(run) = find_circle(self.runs, is_open) {
            return Err(check::broken(&self.runs[run].name, self.runs[run].start, run, RunRule::Circle));
        }
        let mut room = WaitingRoom::default();
        let mut late: EventMap<()> = EventMap::default();
        for run_number in open {
            let run = &self.runs[run_number];
            if self.needs_compacted(run) {
                return Err(self.doc.compacted_error());
            }
            let links: Vec<Need> = run.links().map(|link| self.need(link)).collect();
            let (first_previous, others) = match &run.previous {
                Some(_) => (links.first().cloned(), links[1..].to_vec()),
                None => (None, links),
            };
            let mut previous = first_previous;
            for place in 0..run.len as usize {
                work::step();
                let author = run.author();
                let key = EventKey::new(run.start + place as u32, self.print(run_number, place));
                // A run can claim that an event needs others, by names that its fingerprint does
                // not cover, although the event took effect.
                let is_known = self.doc.waiting.get(author, key).is_some()
                    || late.get(author, key).is_some()
                    || self.find(author, key.counter, key.fingerprint).is_some();
                if is_known {
                    self.plan.duplicate = self.plan.duplicate.saturating_add(1);
                } else {
                    let others = if place == 0 { others.clone() } else { Vec::new() };
                    let names = previous.iter().chain(&others).map(|need| need.name.len());
                    let bytes = event_bytes(names, run.commit(place));
                    if room.take(&self.doc.waiting, author, bytes) {
                        memory::spend(bytes.saturating_mul(2))?;
                        late.insert(author, key, ());
                        self.plan.late.push((key, waiting_event(run, place, previous.clone(), others)));
                    } else {
                        self.plan.dropped_late = self.plan.dropped_late.saturating_add(1);
                    }
                }
                previous = Some(Need { name: (&*run.name).into(), counter: key.counter, fingerprint: key.fingerprint });
            }
        }
        Ok(())
    }

    /// Returns whether an undecided run depends on a compacted event, so that it would wait
    /// forever.
    pub(super) fn needs_compacted(&mut self, run: &IncomingRun<'_>) -> bool {
        run.others.iter().any(|link| {
            let is_open = match link.target {
                Target::Inside { run, .. } => matches!(self.states[run], RunState::Open),
                Target::Print(_) => false,
            };
            !is_open && matches!(self.locate(link), Err(Refusal::BelowHorizon))
        })
    }

    pub(super) fn need(&mut self, link: &Link<'_>) -> Need {
        let fingerprint = match link.target {
            Target::Inside { run, place } => self.print(run, place),
            Target::Print(fingerprint) => fingerprint,
        };
        Need { name: (&*link.name).into(), counter: link.counter, fingerprint }
    }
}

/// The room for waiting events that this call uses.
#[derive(Debug, Default)]
struct WaitingRoom {
    by_author: BTreeMap<String, (u64, u64)>,
    all: (u64, u64),
}

impl WaitingRoom {
    /// Uses room for one event, if there is any.
    fn take(&mut self, waiting: &Waiting, author: &str, bytes: u64) -> bool {
        let of_author = self.by_author.get(author).copied().unwrap_or_default();
        if !waiting.has_room(author, bytes, of_author, self.all) {
            return false;
        }
        self.by_author.insert(author.to_owned(), (of_author.0 + 1, of_author.1 + bytes));
        self.all = (self.all.0 + 1, self.all.1 + bytes);
        true
    }
}

/// Returns an event of a run as a waiting event.
fn waiting_event(run: &IncomingRun<'_>, place: usize, previous: Option<Need>, others: Vec<Need>) -> WaitingEvent {
    let is_first = place == 0;
    WaitingEvent {
        name: (&*run.name).into(),
        previous,
        is_direct: !is_first || run.is_direct,
        others,
        salt: if is_first { run.salt } else { 0 },
        commit: run.commit(place).to_commit(),
    }
}
