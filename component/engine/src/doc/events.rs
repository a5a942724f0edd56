//! Events as replicas exchange them, and reading them out of a document.

use super::Doc;
use crate::error::{Error, Invalid};
use crate::graph::Span;
use crate::id::{Counter, EventId, EventNumber, PeerNumber, PeerVersion};
use crate::limits;
use crate::oplog::{Commit, LoggedOp, OpKind, RowOp, commit_bytes};
use std::borrow::Cow;
use std::collections::BTreeSet;

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

impl EventRun {
    /// The counter just after the run's last event. Not to be asked of a run that was not checked.
    pub(super) fn end(&self) -> u32 {
        self.start + self.commits.len() as u32
    }

    /// What the event at this place of the run depends on.
    pub(super) fn deps_at(&self, place: usize) -> Cow<'_, [EventId]> {
        match place.checked_sub(1) {
            None => Cow::Borrowed(&self.deps),
            Some(previous) => {
                Cow::Owned(vec![EventId { peer: self.peer.clone(), counter: self.start + previous as u32 }])
            }
        }
    }
}

impl Doc {
    /// The events beyond `known`, at most `most` of them, each after what it depends on. Peers that this replica does
    /// not know do not matter, and a count beyond what it knows means all that it knows. A page ends once it has crossed
    /// `limits::PAGE_BYTES`. O(peers), and for each event its size and O(log n).
    ///
    /// # Errors
    /// `InvalidArgument` where `known` names a peer twice; `LimitExceeded` where it names too many.
    pub fn events_since(&self, known: &[PeerVersion], most: u32) -> Result<EventBatch, Error> {
        let counts = self.known_counts(known)?;
        let mut batch = EventBatch { runs: Vec::new(), more: false };
        let (mut left, mut bytes) = (most, 0);
        for span in self.graph.since(&counts) {
            let mut commits = Vec::new();
            for event in (span.first.0..).map(EventNumber).take(span.len as usize) {
                if left == 0 || bytes > limits::PAGE_BYTES.most {
                    batch.more = true;
                    break;
                }
                let commit = self.commit_of(event);
                bytes += commit_bytes(&commit);
                left -= 1;
                commits.push(commit);
            }
            if !commits.is_empty() {
                batch.runs.push(self.run(&span, commits));
            }
            if batch.more {
                break;
            }
        }
        Ok(batch)
    }

    /// By peer number, how many events of each peer `known` names.
    fn known_counts(&self, known: &[PeerVersion]) -> Result<Vec<u32>, Error> {
        limits::PEERS.check(known.len() as u64)?;
        let mut counts = vec![0; self.peers.len()];
        let mut named = BTreeSet::new();
        for PeerVersion { peer, count } in known {
            if !named.insert(peer.as_str()) {
                return Err(Invalid::RepeatedPeer(peer.clone()).into());
            }
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
        deps.sort_unstable();
        deps
    }

    /// The operations of an event.
    fn commit_of(&self, event: EventNumber) -> Commit {
        self.log.ops(event).map(|op| self.op(&op)).collect()
    }

    fn op(&self, op: &LoggedOp) -> RowOp {
        let (table, row) = self.rows.row_name(op.row);
        let (table, row) = (table.to_owned(), row.to_owned());
        let cells = op.cells().map(|cell| self.rows.cell(&self.log, cell));
        match op.kind {
            OpKind::Insert => RowOp::Insert { table, row, cells: cells.collect() },
            OpKind::Update => RowOp::Update { table, row, cells: cells.collect() },
            OpKind::Delete => RowOp::Delete { table, row },
        }
    }

    /// Whether the event that took effect is this one. O(its size).
    pub(super) fn is_event(&self, event: EventNumber, deps: &[EventId], commit: &[RowOp]) -> bool {
        let logged = self.log.ops(event);
        logged.len() == commit.len()
            && logged.zip(commit).all(|(logged, op)| self.is_op(&logged, op))
            && self.deps_of(event) == deps
    }

    fn is_op(&self, logged: &LoggedOp, op: &RowOp) -> bool {
        let (table, row, cells) = op.parts();
        let same_kind = matches!(
            (logged.kind, op),
            (OpKind::Insert, RowOp::Insert { .. })
                | (OpKind::Update, RowOp::Update { .. })
                | (OpKind::Delete, RowOp::Delete { .. })
        );
        same_kind
            && self.rows.row_name(logged.row) == (table, row)
            && logged.cells().len() == cells.len()
            && logged.cells().zip(cells).all(|(logged, cell)| {
                self.rows.column_name(self.log.column(logged)) == cell.column
                    && self.log.value(logged).equals(&cell.value)
            })
    }
}
