//! Events as replicas exchange them, and reading them out of a document.

use super::Doc;
use super::incoming::Incoming;
use crate::error::{Error, Invalid};
use crate::graph::Span;
use crate::id::{Counter, EventId, EventNumber, PeerNumber, PeerVersion};
use crate::limits;
use crate::oplog::{Commit, CommitRef};
use crate::sort;

/// Consecutive events of one peer, each of which depends on just the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRun {
    /// Whose events.
    pub peer: String,
    /// The counter of the first event.
    pub start: u32,
    /// The lamport time of the first event; the k-th after it has this plus k.
    pub lamport: u32,
    /// What the first event depends on, sorted by peer.
    pub deps: Vec<EventId>,
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

impl EventBatch {
    /// At most `most` of the events of runs after the first `skip`; ends once it has crossed `limits::PAGE_BYTES`.
    pub(super) fn page(runs: &[Incoming<'_>], skip: u32, most: u32) -> Self {
        let mut page = Page { batch: Self { runs: Vec::new(), more: false }, left: most, bytes: 0 };
        let mut skip = skip;
        for run in runs {
            let first = skip.min(run.len);
            skip -= first;
            let places = first as usize..run.len as usize;
            page.add(places.map(|place| run.commit(place)), |commits| EventRun {
                peer: run.peer.to_owned(),
                start: run.start + first,
                lamport: 0,
                deps: run.deps_at(first as usize).into_owned(),
                commits,
            });
            if page.batch.more {
                break;
            }
        }
        page.batch
    }
}

/// What an event counts for in a page, beside its commit.
const EVENT_BYTES: u64 = 8;

/// A batch that is being filled.
struct Page {
    batch: EventBatch,
    /// How many more events may be in it.
    left: u32,
    bytes: u64,
}

impl Page {
    /// Adds these events, as far as they fit, as one run.
    fn add<'a>(&mut self, commits: impl Iterator<Item = CommitRef<'a>>, run: impl FnOnce(Vec<Commit>) -> EventRun) {
        let mut taken = Vec::new();
        for commit in commits {
            if self.left == 0 || self.bytes > limits::PAGE_BYTES.most {
                self.batch.more = true;
                break;
            }
            self.bytes += EVENT_BYTES + commit.bytes();
            self.left -= 1;
            taken.push(commit.to_commit());
        }
        if !taken.is_empty() {
            self.batch.runs.push(run(taken));
        }
    }
}

impl Doc {
    /// The events beyond `known`, at most `most` of them, each after what it depends on. Peers that this replica does
    /// not know do not matter, and a count beyond what it knows means all that it knows. A page ends once it has crossed
    /// `limits::PAGE_BYTES`. O(peers), and for each event its size and O(log n).
    ///
    /// # Errors
    /// `InvalidArgument` where `known` names a peer twice; `LimitExceeded` where it names too many; `Compacted` where
    /// events beyond it were given up.
    pub fn events_since(&self, known: &[PeerVersion], most: u32) -> Result<EventBatch, Error> {
        let counts = self.known_counts(known)?;
        self.check_covers_horizon(&counts)?;
        let mut page = Page { batch: EventBatch { runs: Vec::new(), more: false }, left: most, bytes: 0 };
        for span in self.graph.since(&counts) {
            let events = (span.first.0..).map(EventNumber).take(span.len as usize);
            page.add(events.map(|event| self.commit_of(event)), |commits| self.run(&span, commits));
            if page.batch.more {
                break;
            }
        }
        Ok(page.batch)
    }

    /// By peer number, how many events of each peer `known` names.
    pub(super) fn known_counts(&self, known: &[PeerVersion]) -> Result<Vec<u32>, Error> {
        limits::PEERS.check(known.len() as u64)?;
        let mut counts = vec![0; self.peers.len()];
        if let Some(peer) = sort::repeated(known.iter().map(|known| &known.peer)) {
            return Err(Invalid::RepeatedPeer(peer.clone()).into());
        }
        for PeerVersion { peer, count } in known {
            if let Some(number) = self.peers.find(peer) {
                counts[PeerNumber(number).index()] = *count;
            }
        }
        Ok(counts)
    }

    fn run(&self, span: &Span, commits: Vec<Commit>) -> EventRun {
        let Span { first, peer, counter: Counter(start), lamport, .. } = *span;
        let peer = String::from(&**self.peers.text(peer.0));
        EventRun { peer, start, lamport: lamport.0, deps: self.deps_of(first), commits }
    }

    /// What an event depends on, sorted by peer.
    pub(super) fn deps_of(&self, event: EventNumber) -> Vec<EventId> {
        let Some(dependencies) = self.graph.dependencies(event) else {
            return vec![self.event_id(EventNumber(event.0 - 1))];
        };
        let mut deps: Vec<EventId> = dependencies.iter().map(|&dependency| self.event_id(dependency)).collect();
        sort::sort(&mut deps);
        deps
    }

    /// The operations of an event.
    pub(super) fn commit_of(&self, event: EventNumber) -> CommitRef<'_> {
        CommitRef::Logged { names: &self.rows, log: &self.log, event }
    }

    /// Whether the event that took effect is this one. O(its size).
    pub(super) fn is_event(&self, event: EventNumber, deps: &[EventId], commit: CommitRef<'_>) -> bool {
        self.commit_of(event).equals(commit) && self.deps_of(event) == deps
    }
}
