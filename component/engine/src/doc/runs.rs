//! The events of a document in the form of incoming runs, so that another document can merge them.

use super::Doc;
use super::incoming::{Commits, IncomingRun, Link, Target};
use super::waiting::Need;
use crate::graph::Span;
use crate::id::{Counter, EventNumber, Fingerprint, PeerNumber};
use crate::sort;
use std::borrow::Cow;
use std::slice;
impl Doc {
    /// Returns the runs of this document beyond its horizon.
    pub(super) fn runs(&self) -> Vec<IncomingRun<'_>> {
        let spans = self.graph.since(self.graph.horizon().counts());
        let spans: Vec<Span> = spans.flat_map(|span| self.parts(span)).collect();
        // The indexes of runs, sorted by first event.
        let firsts: Vec<EventNumber> = spans.iter().map(|span| span.first).collect();
        let mut order: Vec<usize> = (0..spans.len()).collect();
        sort::sort_by_key(&mut order, |&place| firsts[place]);
        let inside = |event: EventNumber| {
            let at = order.partition_point(|&place| firsts[place] <= event).checked_sub(1)?;
            let run = order[at];
            let place = event.0 - firsts[run].0;
            (place < spans[run].len).then_some(Target::Inside { run, place: place as usize })
        };
        spans.iter().map(|span| self.run_with(span, &inside)).collect()
    }

    pub(super) fn run_of(&self, span: &Span) -> IncomingRun<'_> {
        self.run_with(span, &|_| None)
    }

    fn run_with(&self, span: &Span, inside: &dyn Fn(EventNumber) -> Option<Target>) -> IncomingRun<'_> {
        let link_to = |lane: PeerNumber, counter: Counter| {
            let event = self.graph.find(lane, counter);
            let target = event.and_then(inside).or_else(|| self.print_at(lane, counter).map(Target::Print));
            let name = self.lanes.name(lane, counter);
            Link { name, counter: counter.0, target: target.unwrap_or(Target::Print(Fingerprint::of_hash(0))) }
        };
        let previous = self.lanes.previous(span.peer, span.counter);
        let previous_event = previous.and_then(|(lane, counter)| self.graph.find(lane, counter));
        let others = self.dependencies(span.first).filter(|&event| Some(event) != previous_event);
        let others = others.map(|event| {
            let (lane, counter, _) = self.graph.describe(event);
            link_to(lane, counter)
        });
        IncomingRun {
            name: self.lanes.name(span.peer, span.counter),
            start: span.counter.0,
            len: span.len,
            lamport: None,
            is_direct: self.dependencies(span.first).any(|event| Some(event) == previous_event),
            previous: previous.map(|(lane, counter)| link_to(lane, counter)),
            others: others.collect(),
            salt: self.graph.salt(span.first),
            commits: Commits::Logged { names: &self.rows, log: &self.log, first: span.first },
        }
    }

    /// Returns the waiting events as runs of one event each.
    pub(super) fn waiting_runs(&self) -> Vec<IncomingRun<'_>> {
        let link = |need: &'_ Need| -> Target { Target::Print(need.fingerprint) };
        let runs = self.waiting.iter().map(|(_, key, event)| IncomingRun {
            name: Cow::Borrowed(&*event.name),
            start: key.counter,
            len: 1,
            lamport: None,
            previous: event.previous.as_ref().map(|need| Link {
                name: Cow::Borrowed(&*need.name),
                counter: need.counter,
                target: link(need),
            }),
            is_direct: event.is_direct,
            others: event
                .others
                .iter()
                .map(|need| Link { name: Cow::Borrowed(&*need.name), counter: need.counter, target: link(need) })
                .collect(),
            salt: event.salt,
            commits: Commits::Plain(slice::from_ref(&event.commit)),
        });
        runs.collect()
    }
}
