//! Runs of events on their way into a document, wherever they lie.

use super::events::EventRun;
use crate::id::{EventId, EventNumber};
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
