//! Events as replicas exchange them, and reading them out of a document.

use super::Doc;
use crate::graph::Span;
use crate::id::{EventId, EventNumber, Fingerprint};
use crate::limits;
use crate::oplog::{Commit, CommitRef};
use crate::sort;
use crate::work;

/// Consecutive events of one peer, each of which depends on just the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRun {
    /// Whose events.
    pub peer: String,
    /// The counter of the first event.
    pub start: u32,
    /// The lamport time of the first event; the k-th after it has this plus k. `None` stands for "derive it".
    pub lamport: Option<u32>,
    /// What the first event depends on, sorted by peer.
    pub deps: Vec<EventId>,
    /// The fingerprints of the author's event before the first one, if there is one, and of `deps`, in this order. If
    /// empty, names alone identify them.
    pub fingerprints: Vec<u64>,
    /// Distinguishes the first event from an equal one, or 0.
    pub salt: u64,
    /// The operations of each event.
    pub commits: Vec<Commit>,
}

/// A part of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBatch {
    /// The events, each after what it depends on.
    pub runs: Vec<EventRun>,
    /// Whether there is more of it.
    pub more: bool,
}

/// What an event counts for in a page, beside its commit.
const EVENT_BYTES: u64 = 8;

/// A batch that is being filled.
pub(super) struct BatchFiller {
    pub(super) batch: EventBatch,
    /// How many more events may be in it.
    left: u32,
    bytes: u64,
}

impl BatchFiller {
    /// An empty page, for at most `limit` events.
    pub(super) fn new(limit: u32) -> Self {
        Self { batch: EventBatch { runs: Vec::new(), more: false }, left: limit, bytes: 0 }
    }

    /// Adds these events as one run, as far as they fit. Returns how many were added.
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

    /// What an event depends on.
    pub(super) fn dependencies(&self, event: EventNumber) -> impl Iterator<Item = EventNumber> {
        let listed = self.graph.dependencies(event);
        let previous = if listed.is_none() { event.0.checked_sub(1).map(EventNumber) } else { None };
        listed.unwrap_or_default().iter().copied().chain(previous)
    }

    /// The operations of an event.
    pub(super) fn commit_of(&self, event: EventNumber) -> CommitRef<'_> {
        CommitRef::Logged { names: &self.rows, log: &self.log, event }
    }
}
