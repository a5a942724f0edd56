//! Going on from a document that was compacted past this one.

use super::incoming::{Commits, Incoming};
use super::waiting::Waiting;
use super::{Doc, MergeReport};
use crate::error::Error;
use crate::graph::Span;
use crate::id::{EventId, EventNumber, PeerNumber};
use crate::limits;
use std::borrow::Cow;

impl Doc {
    /// Replaces this replica's content with a document that was compacted past it (`saved`). The events that this replica
    /// has and the saved document lacks come on top: as they are, where that can take them; where it cannot, because they
    /// do not build on its horizon, this replica's own are committed again, in their order and with what they build on
    /// now. Those of other peers are given up: `missing` names them, beside what waiting events wait for. `applied` counts
    /// the events that came on top, `duplicate` those that both held. What waits in the saved document is left out. O(both documents × log n).
    ///
    /// # Errors
    /// As for [`Doc::load`]; `Compacted` where the saved document lacks events that were given up here;
    /// `ConflictingEvent` where an event of the same name is another one there; `LimitExceeded` where both do not fit into
    /// one document.
    pub fn rebase(&mut self, saved: &[u8]) -> Result<MergeReport, Error> {
        let mut doc = Self::load(&self.peer, saved)?;
        // What waits in a document is not passed on; it could wait for events that are made again here under their names.
        doc.waiting = Waiting::default();
        let given_up = |number: u32| self.graph.horizon().count(PeerNumber(number));
        if self.peers.sorted().any(|(peer, number)| given_up(number) > doc.count_of(peer)) {
            return Err(self.compacted());
        }
        let mut report = MergeReport::default();
        for (peer, number) in self.peers.sorted() {
            let both = self.graph.count(PeerNumber(number)).min(doc.count_of(peer));
            report.duplicate = report.duplicate.saturating_add(both);
        }

        let mut lost: Vec<Span> = Vec::new();
        for (span, run) in self.spans_and_runs() {
            if doc.lacks_a_dependency(&run) {
                lost.push(span);
                continue;
            }
            match doc.merge(&[run]) {
                Ok(merged) => report.applied = report.applied.saturating_add(merged.applied),
                Err(Error::Compacted(_)) => lost.push(span),
                Err(error) => return Err(error),
            }
        }
        let mut missing = Vec::new();
        let own = doc.count_of(&self.peer);
        for span in lost {
            let peer = self.peers.text(span.peer.0);
            let is_own = **peer == *self.peer;
            let known = if is_own { own } else { doc.count_of(peer) };
            for steps in known.saturating_sub(span.counter.0)..span.len {
                if is_own {
                    doc.commit_as_it_is(self.commit_of(EventNumber(span.first.0 + steps)))?;
                    report.applied = report.applied.saturating_add(1);
                } else if missing.len() < limits::REPORTED_MISSING.most as usize {
                    missing.push(EventId { peer: String::from(&**peer), counter: span.counter.0 + steps });
                }
            }
        }
        for (peer, counter, event) in self.waiting.iter() {
            let commits = std::slice::from_ref(&event.commit);
            let run = Incoming {
                peer,
                start: counter,
                len: 1,
                lamport: None,
                deps: Cow::Borrowed(&event.deps),
                commits: Commits::Plain(commits),
            };
            match doc.merge(&[run]) {
                Ok(_) => {}
                Err(error @ Error::LimitExceeded { .. }) => return Err(error),
                Err(_) => missing.push(EventId { peer: peer.to_owned(), counter }),
            }
        }
        report.waiting = doc.waiting.len() as u32;
        missing.extend(doc.waiting.missing());
        missing.sort_unstable();
        missing.dedup();
        missing.truncate(limits::REPORTED_MISSING.most as usize);
        report.missing = missing;
        doc.rows.take_over_watchers(&doc.log, &mut self.rows, &self.log, false);
        *self = doc;
        Ok(report)
    }

    /// The runs of this document beyond its horizon, to be merged into another one.
    pub(super) fn runs(&self) -> Vec<Incoming<'_>> {
        self.spans_and_runs().map(|(_, run)| run).collect()
    }

    fn spans_and_runs(&self) -> impl Iterator<Item = (Span, Incoming<'_>)> {
        self.graph.since(self.graph.horizon().counts()).map(|span| {
            let run = Incoming {
                peer: self.peers.text(span.peer.0),
                start: span.counter.0,
                len: span.len,
                lamport: Some(span.lamport.0),
                deps: Cow::Owned(self.deps_of(span.first)),
                commits: Commits::Logged { names: &self.rows, log: &self.log, first: span.first },
            };
            (span, run)
        })
    }

    fn lacks_a_dependency(&self, run: &Incoming<'_>) -> bool {
        run.deps.iter().any(|dep| self.count_of(&dep.peer) <= dep.counter)
    }
}
