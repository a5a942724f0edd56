//! Merging events of other replicas: all of a call is decided and checked first, then carried out.
//!
//! The plan is made on the graph and the lanes themselves, which can undo what they were given; log, rows and waiting events
//! are not touched before everything is known to be right.

mod link;
mod load;
mod plan;
mod update;
mod wake;

use super::Doc;
use super::check;
use super::events::EventRun;
use super::incoming::IncomingRun;
use super::room::{EVENT_SPENDS, make_room};
use super::translation::Translation;
use super::waiting::Need;
use crate::error::Error;
use crate::id::{Counter, EventId, PeerNumber};
use crate::memory;
use crate::oplog::CommitRef;
use crate::sort;
use link::Linked;
use plan::{Plan, Planner, Ready, ReadySource};

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
    pub(crate) reached: Vec<Option<(PeerNumber, Counter)>>,
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
    pub(super) fn merge(&mut self, runs: &[IncomingRun<'_>]) -> Result<Merged, Error> {
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

    fn make_room_for(&mut self, plan: &Plan, runs: &[IncomingRun<'_>]) -> Result<(), Error> {
        let Self { rows, log, waiting, .. } = self;
        let commits = plan.ready.iter().flat_map(|ready| ready.commits(runs, waiting));
        make_room(rows, log, commits)
    }

    fn carry_out(&mut self, plan: Plan, runs: &[IncomingRun<'_>], lanes_before: usize) -> Merged {
        let mut report =
            MergeReport { duplicate: plan.duplicate, dropped: plan.dropped_late, ..MergeReport::default() };
        let mut translation = Translation::default();
        for Ready { source, lane, counters, lamport } in plan.ready {
            report.applied += counters.len() as u32;
            match source {
                ReadySource::Piece { run, first } => {
                    for steps in 0..counters.len() as u32 {
                        let commit = runs[run].commit(first + steps as usize);
                        self.take_effect(lane, lamport.plus(steps), commit, &mut translation);
                    }
                }
                ReadySource::Waiting((author, key)) => {
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
}
