//! Going on from a document that was compacted past this one.

use super::incoming::{Commits, Incoming};
use super::waiting::Waiting;
use super::{Doc, MergeReport};
use crate::error::Error;
use crate::graph::Span;
use crate::id::{Counter, EventId, EventNumber, PeerNumber};
use crate::limits;
use crate::sort;
use std::borrow::Cow;

impl Doc {
    /// Replaces this replica's content with a document that was compacted past it (`saved`). The events that this replica
    /// has and the saved document lacks come on top: as they are, where that can take them; where it cannot, because they
    /// do not build on its horizon, this replica's own are committed again, in their order and with what they build on
    /// now. Those of other peers are given up: `missing` names them, beside what waiting events wait for. `applied` counts
    /// the events that came on top, `duplicate` those that both held. What waits in the saved document is left out.
    /// O(both documents × log n).
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

        let lost = self.bring_to(&mut doc, &mut report)?;
        let own = doc.count_of(&self.peer);
        let mut missing = Vec::new();
        for (peer, number) in self.peers.sorted() {
            let number = PeerNumber(number);
            let is_own = **peer == *self.peer;
            let known = if is_own { own } else { doc.count_of(peer) };
            for span in self.graph.spans(number, lost[number.index()].max(known)..u32::MAX) {
                for steps in 0..span.len {
                    if is_own {
                        doc.commit_as_it_is(self.commit_of(EventNumber(span.first.0 + steps)))?;
                        report.applied = report.applied.saturating_add(1);
                    } else if missing.len() < limits::REPORTED_MISSING.most as usize {
                        missing.push(EventId { peer: String::from(&**peer), counter: span.counter.0 + steps });
                    }
                }
            }
        }
        for run in self.waiting.runs() {
            let (peer, counter) = (run.peer.to_owned(), run.start);
            match doc.merge(&[run]) {
                Ok(_) => {}
                Err(error @ Error::LimitExceeded { .. }) => return Err(error),
                Err(_) => missing.push(EventId { peer, counter }),
            }
        }
        report.waiting = doc.waiting.len() as u32;
        missing.extend(doc.waiting.missing());
        sort::sort(&mut missing);
        missing.dedup();
        missing.truncate(limits::REPORTED_MISSING.most as usize);
        report.missing = missing;
        doc.rows.take_over_watchers(&doc.log, &mut self.rows, &self.log, false);
        doc.renumbered = self.renumbered + 1;
        *self = doc;
        Ok(report)
    }

    /// Brings to a document that was compacted what it lacks of this one's events and can take: those that build on its
    /// horizon. Gives, by peer number here, from which counter on a peer's events are lost to it: those that do not, and
    /// those that build on lost ones.
    fn bring_to(&self, doc: &mut Self, report: &mut MergeReport) -> Result<Vec<u32>, Error> {
        let mut lost = vec![u32::MAX; self.peers.len()];
        let heads = doc.graph.horizon().heads().iter().map(|&head| doc.event_id(head));
        let heads: Vec<Option<(PeerNumber, Counter)>> = heads
            .map(|EventId { peer, counter }| {
                let number = self.peers.find(&peer).filter(|_| self.count_of(&peer) > counter)?;
                Some((PeerNumber(number), Counter(counter)))
            })
            .collect();
        let builds_on_horizon = |event: EventNumber| {
            let builds_on = |&(peer, counter)| self.graph.first_building_on(&[event], peer, counter).is_some();
            heads.iter().all(|head| head.as_ref().is_some_and(builds_on))
        };
        for span in self.graph.since(self.graph.horizon().counts()) {
            let peer = self.peers.text(span.peer.0);
            let known = doc.count_of(peer).saturating_sub(span.counter.0).min(span.len);
            let other = (0..known).find(|&steps| !self.is_same(span, steps, doc));
            if let Some(counter) = other.map(|steps| span.counter.0 + steps) {
                if **peer == *self.peer {
                    return Err(Error::ConflictingEvent { peer: String::from(&**peer), counter });
                }
                lost[span.peer.index()] = lost[span.peer.index()].min(counter);
            }
            if known == span.len {
                continue;
            }
            let first = EventNumber(span.first.0 + known);
            let builds_on_lost = |event: EventNumber| {
                let (peer, counter, _) = self.graph.describe(event);
                counter.0 >= lost[peer.index()]
            };
            if self.dependencies(first).any(builds_on_lost) || !builds_on_horizon(first) {
                let counter = span.counter.0 + known;
                lost[span.peer.index()] = lost[span.peer.index()].min(counter);
                continue;
            }
            let rest = Span { first, len: span.len - known, counter: Counter(span.counter.0 + known), ..span };
            let merged = doc.merge(&[self.run_of(&rest)])?;
            report.applied = report.applied.saturating_add(merged.applied);
        }
        Ok(lost)
    }

    /// Whether an event of a span is the one that another document has under that name, as far as that can tell.
    fn is_same(&self, span: Span, steps: u32, other: &Self) -> bool {
        let event = EventNumber(span.first.0 + steps);
        let found = other.find_event(self.peers.text(span.peer.0), span.counter.0 + steps);
        let found = found.filter(|&found| !other.is_stub(found));
        found.is_none_or(|found| other.is_event(found, &self.deps_of(event), self.commit_of(event)))
    }

    /// The runs of this document beyond its horizon, to be merged into another one.
    pub(super) fn runs(&self) -> Vec<Incoming<'_>> {
        self.graph.since(self.graph.horizon().counts()).map(|span| self.run_of(&span)).collect()
    }

    fn run_of(&self, span: &Span) -> Incoming<'_> {
        Incoming {
            peer: self.peers.text(span.peer.0),
            start: span.counter.0,
            len: span.len,
            lamport: None,
            deps: Cow::Owned(self.deps_of(span.first)),
            commits: Commits::Logged { names: &self.rows, log: &self.log, first: span.first },
        }
    }
}
