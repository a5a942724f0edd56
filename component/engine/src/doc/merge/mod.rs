//! Merging the events of other replicas. All events of a call are decided and checked before any of
//! them takes effect.
//!
//! The plan adds events to the graph and the lanes, which can undo this. Always holds: log, rows
//! and waiting events change only after every event was found right and memory was reserved; after
//! that, nothing can fail.

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
use crate::oplog::{CommitRef, OpKind, Totals};
use crate::sort;
use link::Linked;
use plan::{Plan, Planner, Ready, ReadySource};

/// The result of a merge.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MergeReport {
    /// The number of new events that took effect.
    pub applied: u32,
    /// The number of events that were known before.
    pub duplicate: u32,
    /// The number of waiting events in this document.
    pub waiting: u32,
    /// The number of events that this merge dropped because there was no room for them to wait.
    pub dropped: u32,
    /// The missing events, sorted; at most
    /// [`limits::REPORTED_MISSING`](crate::limits::REPORTED_MISSING).
    pub missing: Vec<EventId>,
    /// The peers, without branches, for which this merge found that two replicas wrote as the same
    /// peer, sorted.
    pub forked: Vec<String>,
}

impl MergeReport {
    /// Adds the report of a further merge.
    pub(super) fn add(&mut self, further: Self) {
        self.applied = self.applied.saturating_add(further.applied);
        self.duplicate = self.duplicate.saturating_add(further.duplicate);
        self.dropped = self.dropped.saturating_add(further.dropped);
        self.waiting = further.waiting;
        self.forked.extend(further.forked);
        sort::sort(&mut self.forked);
        self.forked.dedup();
    }

    /// Adds the events that are missing now.
    pub(super) fn with_missing(self, doc: &Doc) -> Self {
        Self { missing: doc.missing(), ..self }
    }
}

/// The result of a merge, with the position of each run.
#[derive(Debug)]
pub(crate) struct Merged {
    pub(crate) report: MergeReport,
    /// For each run, the lane and counter of its last event that this replica has.
    pub(crate) reached: Vec<Option<(PeerNumber, Counter)>>,
}

impl Doc {
    /// Merges events of other replicas. They may arrive in any order and grouping, and repeatedly.
    /// An event with missing dependencies waits in the document until they arrive; a waiting event
    /// that breaks a rule is dropped. O(log n) for each event, operation, cell and dependency,
    /// independent of the history.
    ///
    /// # Errors
    /// `InvalidArgument` for a run that breaks a [`RunRule`](crate::error::RunRule), an empty name,
    /// a repeated column, and for runs without fingerprints whose names do not identify events;
    /// `LimitExceeded` if an event is too large, or the document would be; `Compacted` for an event
    /// that does not build on the horizon.
    pub fn merge_events(&mut self, mut events: Vec<EventRun>) -> Result<MergeReport, Error> {
        check::runs(&mut events)?;
        let Linked { runs, below } = self.linked_runs(&events)?;
        let report = self.merge(&runs)?.report;
        Ok(MergeReport { duplicate: report.duplicate.saturating_add(below), ..report }.with_missing(self))
    }

    /// Merges runs that were checked as far as this is possible without other events. The report
    /// does not list missing events.
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
        make_room(rows, log, commits.clone(), Totals::of)?;
        let commits = commits.map(|commits| commits.first);
        let edits = commits.filter(|commit| commit.has_edits()).flat_map(CommitRef::ops);
        let splices = edits.filter(|op| op.kind == OpKind::Splice);
        rows.spend_on_trackers(splices.filter_map(|op| {
            let (column, _) = op.cells.iter().next()?;
            Some((op.table, op.row, column))
        }))
    }

    fn carry_out(&mut self, plan: Plan, runs: &[IncomingRun<'_>], lanes_before: usize) -> Merged {
        let mut report =
            MergeReport { duplicate: plan.duplicate, dropped: plan.dropped_late, ..MergeReport::default() };
        let mut translation = Translation::default();
        for Ready { source, lane, counters, lamport } in plan.ready {
            report.applied += counters.len() as u32;
            match source {
                ReadySource::Piece { run, first } => {
                    let (mut steps, len) = (0, counters.len() as u32);
                    while steps < len {
                        let (commit, lamport) = (runs[run].commit(first + steps as usize), lamport.plus(steps));
                        let typed = self.take_typed(lane, lamport, (commit, len - steps), &mut translation);
                        if typed == 0 {
                            self.take_effect(lane, lamport, commit, &mut translation);
                        }
                        steps += typed.max(1);
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
        self.apply_splices();
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
                .filter(|(_, took_effect)| *took_effect)
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
