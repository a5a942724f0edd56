//! Runs of events on their way into a document, wherever they lie.

use super::events::EventRun;
use super::room::{CONTENT_SPENDS, EVENT_SPENDS, OPERATION_SPENDS};
use crate::error::Error;
use crate::id::{EventId, EventNumber};
use crate::memory;
use crate::oplog::{Commit, CommitRef, OpLog, OpNames};
use std::borrow::Cow;

/// Consecutive events of one peer, each of which depends on just the one before it.
#[derive(Clone)]
pub(super) struct Incoming<'a> {
    pub(super) peer: &'a str,
    pub(super) start: u32,
    pub(super) len: u32,
    /// The lamport time that the first event came with, where it did.
    pub(super) lamport: Option<u32>,
    /// What the first event depends on, sorted by peer.
    pub(super) deps: Cow<'a, [EventId]>,
    pub(super) commits: Commits<'a>,
}

/// The operations of a run's events.
#[derive(Clone, Copy)]
pub(super) enum Commits<'a> {
    Plain(&'a [Commit]),
    /// From this event of a log on.
    Logged {
        names: &'a dyn OpNames,
        log: &'a OpLog,
        first: EventNumber,
    },
}

impl<'a> Incoming<'a> {
    /// The counter just after the run's last event.
    pub(super) fn end(&self) -> u32 {
        self.start + self.len
    }

    /// The lamport time that the event at this place of the run came with.
    pub(super) fn lamport_at(&self, place: usize) -> Option<u32> {
        Some(self.lamport? + place as u32)
    }

    /// What the event at this place of the run depends on.
    pub(super) fn deps_at(&self, place: usize) -> Cow<'_, [EventId]> {
        match place.checked_sub(1) {
            None => Cow::Borrowed(&self.deps),
            Some(previous) => {
                Cow::Owned(vec![EventId { peer: self.peer.to_owned(), counter: self.start + previous as u32 }])
            }
        }
    }

    /// The operations of the event at this place of the run.
    pub(super) fn commit(&self, place: usize) -> CommitRef<'a> {
        match self.commits {
            Commits::Plain(commits) => CommitRef::Plain(&commits[place]),
            Commits::Logged { names, log, first } => {
                CommitRef::Logged { names, log, event: EventNumber(first.0 + place as u32) }
            }
        }
    }
}

impl EventRun {
    /// A run with operations of its own, wherever it lies.
    ///
    /// # Errors
    /// `LimitExceeded` where there is no memory for it.
    pub(super) fn written_out(run: &Incoming<'_>) -> Result<Self, Error> {
        memory::spend(EVENT_SPENDS * (u64::from(run.len) + run.deps.len() as u64))?;
        let commits = (0..run.len as usize).map(|place| {
            let commit = run.commit(place);
            let parts: u64 = commit.ops().map(|op| 1 + op.cells.iter().count() as u64).sum();
            memory::spend(OPERATION_SPENDS * parts + CONTENT_SPENDS * commit.bytes())?;
            Ok(commit.to_commit())
        });
        let commits = commits.collect::<Result<_, Error>>()?;
        let (peer, deps) = (run.peer.to_owned(), run.deps.to_vec());
        Ok(Self { peer, start: run.start, lamport: run.lamport.unwrap_or(0), deps, commits })
    }
}

impl<'a> From<&'a EventRun> for Incoming<'a> {
    fn from(run: &'a EventRun) -> Self {
        Self {
            peer: &run.peer,
            start: run.start,
            len: run.commits.len() as u32,
            lamport: Some(run.lamport),
            deps: Cow::Borrowed(&run.deps),
            commits: Commits::Plain(&run.commits),
        }
    }
}
