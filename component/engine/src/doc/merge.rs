//! Merging events of other replicas: all of a call is decided and checked first, then carried out.
//!
//! The plan is made on the graph and the lanes themselves, which can undo what they were given; log, rows and waiting events
//! are not touched before everything is known to be right.

use super::events::EventRun;
use super::incoming::Incoming;
use super::plan::{Plan, Planner, Ready, Source};
use super::room::{EVENT_SPENDS, make_room};
use super::runs::Linked;
use super::translation::Translation;
use super::waiting::{Need, Waiter, WaitingEvent, permanent};
use super::{Doc, check};
use crate::error::Error;
use crate::id::{Counter, EventId, EventKey, EventNumber, Fingerprint};
use crate::limits;
use crate::memory;
use crate::oplog::CommitRef;
use crate::sort;

/// What a merge did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MergeReport {
    /// New events that took effect.
    pub applied: u32,
    /// Events that were known before.
    pub duplicate: u32,
    /// Events in this document that wait for missing dependencies.
    pub waiting: u32,
    /// Events that this merge had no room to keep waiting, and dropped.
    pub dropped: u32,
    /// The missing events, sorted; at most [`limits::REPORTED_MISSING`](crate::limits::REPORTED_MISSING).
    pub missing: Vec<EventId>,
    /// Peers, without branches, of which this merge found that two replicas wrote in their name, sorted.
    pub forked: Vec<String>,
}

impl MergeReport {
    /// Adds what a further merge did.
    pub(super) fn add(&mut self, further: Self) {
        self.applied = self.applied.saturating_add(further.applied);
        self.duplicate = self.duplicate.saturating_add(further.duplicate);
        self.dropped = self.dropped.saturating_add(further.dropped);
        self.waiting = further.waiting;
        self.forked.extend(further.forked);
        sort::sort(&mut self.forked);
        self.forked.dedup();
    }

    /// The report with the events that are missing now.
    pub(super) fn with_missing(self, doc: &Doc) -> Self {
        Self { missing: doc.missing(), ..self }
    }
}

/// What became of the events of a merge.
#[derive(Debug)]
pub(crate) struct Merged {
    pub(crate) report: MergeReport,
    /// By run, the last of its events that this replica now has: its lane and counter.
    pub(crate) reached: Vec<Option<(crate::id::PeerNumber, Counter)>>,
}

impl Doc {
    /// Merges events of other replicas. They may arrive in any order and grouping, any number of times. Events with missing
    /// dependencies wait in the document until the dependencies arrive; a waiting event that turns out to break a rule is
    /// dropped. O(log n) for each event, operation, cell and dependency, whatever the history.
    ///
    /// # Errors
    /// `InvalidArgument` for a run that breaks a rule of [`RunRule`](crate::error::RunRule), an empty name, a repeated column, and for
    /// runs without fingerprints whose names do not identify events; `LimitExceeded` for what is too large or does not fit
    /// into the document; `Compacted` for an event that does not build on the horizon.
    pub fn merge_events(&mut self, mut events: Vec<EventRun>) -> Result<MergeReport, Error> {
        check::runs(&mut events)?;
        let Linked { runs, below } = self.linked_runs(&events)?;
        let report = self.merge(&runs)?.report;
        Ok(MergeReport { duplicate: report.duplicate.saturating_add(below), ..report }.with_missing(self))
    }

    /// Merges runs that were checked as far as they can be on their own. The report does not list what is missing.
    pub(super) fn merge(&mut self, runs: &[Incoming<'_>]) -> Result<Merged, Error> {
        memory::spend(runs.iter().map(|run| EVENT_SPENDS * (2 + run.others.len() as u64)).sum())?;
        let mark = self.graph.mark();
        let (lanes, graph_runs, len) = (self.lanes.len(), self.graph.run_count(), self.graph.len());
        let plan = Planner::new(self, runs).plan().and_then(|plan| self.make_room_for(&plan, runs).map(|()| plan));
        match plan {
            Ok(plan) => {
                self.graph.keep();
                Ok(self.carry_out(plan, runs, lanes))
            }
            Err(error) => {
                self.graph.undo(mark);
                self.lanes.truncate(lanes);
                self.prints.get_mut().truncate(graph_runs, len);
                Err(error)
            }
        }
    }

    fn make_room_for(&mut self, plan: &Plan, runs: &[Incoming<'_>]) -> Result<(), Error> {
        let Self { rows, log, waiting, .. } = self;
        let commits = plan.ready.iter().flat_map(|ready| ready.commits(runs, waiting));
        make_room(rows, log, commits)
    }

    fn carry_out(&mut self, plan: Plan, runs: &[Incoming<'_>], lanes_before: usize) -> Merged {
        let mut report =
            MergeReport { duplicate: plan.duplicate, dropped: plan.dropped_late, ..MergeReport::default() };
        let mut translation = Translation::default();
        for Ready { source, lane, counters, lamport } in plan.ready {
            report.applied += counters.len() as u32;
            match source {
                Source::Piece { run, first } => {
                    for steps in 0..counters.len() as u32 {
                        let commit = runs[run].commit(first + steps as usize);
                        self.take_effect(lane, lamport.plus(steps), commit, &mut translation);
                    }
                }
                Source::Waiting((author, key)) => {
                    if let Some(event) = self.waiting.remove(&author, key) {
                        self.take_effect(lane, lamport, CommitRef::Plain(&event.commit), &mut translation);
                    }
                }
            }
            self.fork_index.get_mut().touch(lane);
        }
        debug_assert_eq!(self.log.events(), self.graph.len());
        for (author, key) in plan.awake {
            self.waiting.forget_needed(&author, key);
        }
        for (author, key, ()) in plan.dropped.iter() {
            self.waiting.remove(author, key);
        }
        for (key, event) in plan.late {
            let this = &*self;
            let took_effect: Vec<bool> = event.needs().map(|need| this.has(need)).collect();
            let done: Vec<Need> = event
                .needs()
                .zip(took_effect)
                .filter(|(_, is_there)| *is_there)
                .map(|(need, _)| need.clone())
                .collect();
            self.waiting.add(key, event, |need| done.contains(need));
        }
        for lane in self.lanes.all().skip(lanes_before).filter(|&lane| self.lanes.parent(lane).is_some()) {
            report.forked.push(String::from(&**self.lanes.author_name(lane)));
        }
        sort::sort(&mut report.forked);
        report.forked.dedup();
        report.waiting = self.waiting.len() as u32;
        Merged { report, reached: plan.reached }
    }

    /// Whether an event took effect here.
    pub(super) fn has(&self, need: &Need) -> bool {
        let author = self.lanes.author(need.author());
        author.is_some_and(|author| self.find_print(author, Counter(need.counter), need.fingerprint).is_some())
    }

    /// The missing events by name, sorted; at most `limits::REPORTED_MISSING`.
    pub(super) fn missing(&self) -> Vec<EventId> {
        let max = limits::REPORTED_MISSING.maximum as usize;
        let mut needs: Vec<Need> = self.wanted().take(max).collect();
        if !self.announced.is_empty() {
            let key = |need: &Need| (need.counter, need.fingerprint);
            sort::sort_by(&mut needs, |a, b| a.author().cmp(b.author()).then_with(|| key(a).cmp(&key(b))));
            needs.dedup_by(|a, b| a.author() == b.author() && key(a) == key(b));
        }
        let mut missing = Vec::with_capacity(needs.len());
        for same_counter in needs.chunk_by(|a, b| a.counter == b.counter && a.author() == b.author()) {
            let mut names: Vec<EventId> = same_counter.iter().map(|need| self.name_of_missing(need)).collect();
            // Several events of one name are told apart by their permanent names.
            let plain = names.iter().filter(|id| id.peer == same_counter[0].author()).count();
            if plain > 1 {
                let permanent = |need: &Need| permanent(need.author(), need.counter, need.fingerprint);
                names = same_counter.iter().map(permanent).collect();
            }
            missing.append(&mut names);
        }
        if !missing.is_sorted() {
            sort::sort(&mut missing);
        }
        missing
    }

    /// Missing events that waiting events need, or that an update announced.
    pub(super) fn wanted(&self) -> impl Iterator<Item = Need> {
        let is_open = |need: &&Need| {
            let key = EventKey { counter: need.counter, fingerprint: need.fingerprint };
            !self.has(need) && self.waiting.get(need.author(), key).is_none()
        };
        self.waiting.missing().chain(self.announced.iter().filter(is_open).cloned())
    }

    /// Remembers missing events that an update announced; at most `limits::REPORTED_MISSING`.
    pub(super) fn announce(&mut self, markers: impl Iterator<Item = Need>) {
        let announced = std::mem::take(&mut self.announced);
        let open: Vec<Need> = announced.into_iter().chain(markers).filter(|need| !self.has(need)).collect();
        for need in open.into_iter().take(limits::REPORTED_MISSING.maximum as usize) {
            if !self.announced.contains(&need) && !self.is_given_up(&need) {
                self.announced.push(need);
            }
        }
    }

    /// After a local commit: merges what waited for the event.
    pub(super) fn wake(&mut self, event: EventNumber) {
        let (lane, counter, _) = self.graph.describe(event);
        let author = self.lanes.author_name(lane).clone();
        if self.waiting.counters_in(&author, counter.0, counter.0 + 1).next().is_none() {
            return;
        }
        let known = key(counter.0, self.print(event));
        self.waiting.remove(&author, known);
        let waiters: Vec<Waiter> = self.waiting.waiters(&author, known).cloned().collect();
        self.waiting.forget_needed(&author, known);
        if waiters.is_empty() {
            return;
        }
        self.take_waiters(waiters);
    }

    /// Lets these waiting events take effect. Errors of waiting events drop them. If there is no memory for them they go, and
    /// arrive again with a later exchange.
    fn take_waiters(&mut self, waiters: Vec<Waiter>) {
        let lanes = self.lanes.len();
        let (mark, graph_runs, len) = (self.graph.mark(), self.graph.run_count(), self.graph.len());
        let plan = Planner::new(self, &[]).plan_waiting(waiters.clone());
        match plan.and_then(|plan| self.make_room_for(&plan, &[]).map(|()| plan)) {
            Ok(plan) => {
                self.graph.keep();
                self.carry_out(plan, &[], lanes);
            }
            Err(_) => {
                self.graph.undo(mark);
                self.lanes.truncate(lanes);
                self.prints.get_mut().truncate(graph_runs, len);
                for (author, key) in waiters {
                    self.waiting.remove(&author, key);
                }
            }
        }
    }
}

/// A waiting event made of one that came.
pub(super) fn waiting_event(
    run: &Incoming<'_>,
    place: usize,
    previous: Option<Need>,
    others: Vec<Need>,
) -> WaitingEvent {
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

/// The key of an event.
pub(super) fn key(counter: u32, fingerprint: Fingerprint) -> EventKey {
    EventKey { counter, fingerprint }
}
