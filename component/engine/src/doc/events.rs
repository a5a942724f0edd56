//! Runs of events in the form in which callers pass and receive them.

use super::Doc;
use crate::graph::Span;
use crate::id::{EventId, EventNumber, Fingerprint};
use crate::limits;
use crate::oplog::{Commit, CommitRef};
use crate::sort;
use crate::work;

/// Consecutive events of one peer, each of which depends only on the event before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRun {
    /// The peer, or a branch of it.
    pub peer: String,
    /// The counter of the first event.
    pub start: u32,
    /// The lamport time of the first event; each further event has the next one. `None` to derive
    /// it from the dependencies.
    pub lamport: Option<u32>,
    /// The dependencies of the first event, sorted by peer.
    pub deps: Vec<EventId>,
    /// The fingerprint of the author's event before the first one, if there is one, and those of
    /// `deps`, in this order. If empty, events are identified by name.
    pub fingerprints: Vec<u64>,
    /// A number that distinguishes the first event from an equal one, or 0.
    pub salt: u64,
    /// The operations of each event.
    pub commits: Vec<Commit>,
}

/// A page of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBatch {
    /// The events. Each comes after its dependencies.
    pub runs: Vec<EventRun>,
    /// Whether there are further events.
    pub more: bool,
}

/// The size of an event in a page, as limits count it, without its commit.
const EVENT_BYTES: u64 = 8;

/// A page under construction.
pub(super) struct BatchFiller {
    pub(super) batch: EventBatch,
    /// The number of events that can be added.
    left: u32,
    bytes: u64,
}

impl BatchFiller {
    /// Returns an empty page for at most `limit` events.
    pub(super) fn new(limit: u32) -> Self {
        Self { batch: EventBatch { runs: Vec::new(), more: false }, left: limit, bytes: 0 }
    }

    /// Adds events as one run, as many as fit. Returns their number.
    pub(super) fn add<'a>(
        &mut self,
        commits: impl Iterator<Item = CommitRef<'a>>,
        run: impl FnOnce(Vec<Commit>) -> EventRun,
    ) -> u32 {
        let mut taken = Vec::new();
        for commit in commits {
            work::step();
            if self.left == 0 || self.bytes > limits::PAGE_BYTES.maximum {
                self.batch.more = true;
                break;
            }
            self.bytes += EVENT_BYTES + commit.bytes();
            self.left -= 1;
            taken.push(commit.to_commit());
        }
        let count = taken.len() as u32;
        if count > 0 {
            self.batch.runs.push(run(taken));
        }
        count
    }
}

impl Doc {
    pub(super) fn event_run(&self, span: &Span, commits: Vec<Commit>) -> EventRun {
        let Span { first, peer: lane, counter, lamport, .. } = *span;
        let previous = self.lanes.previous(lane, counter).and_then(|(lane, counter)| self.print_at(lane, counter));
        let mut deps: Vec<(EventId, Fingerprint)> =
            self.dependencies(first).map(|event| (self.event_id(event), self.print(event))).collect();
        sort::sort_by(&mut deps, |(a, _), (b, _)| a.cmp(b));
        let fingerprints = previous.into_iter().chain(deps.iter().map(|&(_, fingerprint)| fingerprint));
        EventRun {
            peer: self.lanes.name(lane, counter).into_owned(),
            start: counter.0,
            lamport: Some(lamport.0),
            fingerprints: fingerprints.map(Fingerprint::get).collect(),
            deps: deps.into_iter().map(|(id, _)| id).collect(),
            salt: self.graph.salt(first),
            commits,
        }
    }

    /// Returns the dependencies of an event.
    pub(super) fn dependencies(&self, event: EventNumber) -> impl Iterator<Item = EventNumber> {
        let listed = self.graph.dependencies(event);
        let previous = if listed.is_none() { event.0.checked_sub(1).map(EventNumber) } else { None };
        listed.unwrap_or_default().iter().copied().chain(previous)
    }

    /// Returns the operations of an event.
    pub(super) fn commit_of(&self, event: EventNumber) -> CommitRef<'_> {
        CommitRef::Logged { names: &self.rows, log: &self.log, event }
    }
}
