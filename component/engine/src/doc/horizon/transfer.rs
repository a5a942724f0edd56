//! Transfers the events of a document to one that was compacted past it.
//!
//! Goes through the events in the order of their numbers. An event is contained in the other
//! document, merged into it, or lost: if it does not build on the horizon there, or if it builds on
//! a lost event. Does not know what becomes of the lost events.

use crate::doc::waiting::{Need, Waiting};
use crate::doc::{Doc, MergeReport};
use crate::error::Error;
use crate::graph::Span;
use crate::id::{Counter, EventNumber, PeerNumber};
use crate::sort;
use std::collections::BTreeMap;

/// A transfer from one document to another.
pub(super) struct Transfer<'a> {
    from: &'a Doc,
    to: &'a mut Doc,
    report: &'a mut MergeReport,
    /// The heads of the other document's horizon, by numbers of this document; `None` if one of
    /// them is unknown.
    heads: Option<Vec<(PeerNumber, Counter)>>,
    /// By lane of this document, the number of events that the heads are or build on.
    contained: Option<Vec<u32>>,
    places: Places,
    lost: Vec<EventNumber>,
    /// By lane of this document, the counter of the first lost event; `u32::MAX` if none is lost.
    first_lost: Vec<u32>,
}

impl<'a> Transfer<'a> {
    /// Prepares a transfer. `report` counts the events that the other document contains or merges.
    pub(super) fn new(from: &'a Doc, to: &'a mut Doc, report: &'a mut MergeReport) -> Self {
        let heads = to.graph.horizon().heads().iter().map(|&head| from.place_of(&to.need_of(head)));
        let heads: Option<Vec<(PeerNumber, Counter)>> = heads.collect();
        let contained = heads.as_ref().map(|heads| {
            let events = heads.iter().filter_map(|&(lane, counter)| from.graph.find(lane, counter));
            let mut counts = from.graph.counts_at(&events.collect::<Vec<EventNumber>>());
            counts.resize(from.lanes.len(), 0);
            counts
        });
        let first_lost = vec![u32::MAX; from.lanes.len()];
        Self { from, to, report, heads, contained, places: Places::default(), lost: Vec::new(), first_lost }
    }

    /// Transfers all events. Returns the lost ones in the order of execution. O(both documents ×
    /// log n).
    ///
    /// # Errors
    /// `LimitExceeded` if the events do not fit into the other document.
    pub(super) fn run(mut self) -> Result<Vec<EventNumber>, Error> {
        let from = self.from;
        for span in from.graph.since(from.graph.horizon().counts()) {
            let contained = (0..span.len).take_while(|&steps| self.is_contained(&span, steps)).count() as u32;
            self.report.duplicate = self.report.duplicate.saturating_add(contained);
            let Some(rest) = span.without_first(contained) else { continue };
            if !self.builds_on_horizon(&rest) || !self.merge(&rest)? {
                let first = &mut self.first_lost[rest.peer.index()];
                *first = rest.counter.0.min(*first);
                self.lost.extend(rest.events());
            }
        }
        sort::sort_by(&mut self.lost, |&a, &b| {
            let (a, b) = (from.graph.describe(a), from.graph.describe(b));
            a.2.cmp(&b.2).then_with(|| from.lanes.order(a.0, b.0))
        });
        Ok(self.lost)
    }

    /// Returns whether the other document knows an event of a span, or compacted it.
    fn is_contained(&mut self, span: &Span, steps: u32) -> bool {
        let Self { from, to, places, .. } = self;
        let (lane, counter) = (span.peer, Counter(span.counter.0 + steps));
        let event = from.need_of(span.first.plus(steps));
        if let Some(counts) = &self.contained {
            return counter.0 < counts[lane.index()] || to.has(&event);
        }
        let before = from.lanes.previous(lane, counter).and_then(|before| {
            places.of(before).or_else(|| {
                let (lane, counter) = before;
                let fingerprint = from.print_at(lane, counter)?;
                let name = from.lanes.author_name(lane).clone();
                Some(to.place_of(&Need { name, counter: counter.0, fingerprint })?.0)
            })
        });
        match to.lane_holding(&event, before) {
            Some(there) => {
                places.note((lane, counter), there);
                true
            }
            // Only the name of the event can decide.
            None => before.is_none() && to.is_compacted(&event),
        }
    }

    /// Returns whether the first event of a span builds on the other document's horizon, and on no
    /// lost event.
    fn builds_on_horizon(&self, span: &Span) -> bool {
        let Doc { graph, lanes, .. } = self.from;
        let is_lost = |event: EventNumber| {
            let (lane, counter, _) = graph.describe(event);
            counter.0 >= self.first_lost[lane.index()]
        };
        let previous = lanes.previous(span.peer, span.counter);
        let previous = previous.and_then(|(lane, counter)| graph.find(lane, counter));
        let builds_on =
            |&(lane, counter): &(PeerNumber, Counter)| graph.first_building_on(&[span.first], lane, counter).is_some();
        !self.from.dependencies(span.first).chain(previous).any(is_lost)
            && self.heads.as_ref().is_some_and(|heads| heads.iter().all(builds_on))
    }

    /// Merges a span into the other document. Returns `false` if the document cannot take it.
    fn merge(&mut self, span: &Span) -> Result<bool, Error> {
        match self.to.merge(&[self.from.run_of(span)]) {
            Ok(merged) if merged.report.waiting == 0 => {
                self.report.applied = self.report.applied.saturating_add(merged.report.applied);
                Ok(true)
            }
            Err(error @ Error::LimitExceeded { .. }) => Err(error),
            _ => {
                self.to.waiting = Waiting::default();
                Ok(false)
            }
        }
    }
}

impl Doc {
    /// Returns the lane of an event that is known or was compacted. `before` is the lane of its
    /// author's previous event, if that is known.
    fn lane_holding(&self, event: &Need, before: Option<PeerNumber>) -> Option<PeerNumber> {
        let author = self.lanes.author(event.author())?;
        let counter = Counter(event.counter);
        let branch = self.lanes.find_branch(author, event.fingerprint).filter(|&(_, start)| start == counter);
        if let Some((lane, _)) = branch.or_else(|| self.place_of(event)) {
            return Some(lane);
        }
        let lane = before.filter(|&lane| self.lanes.leaving(lane, counter).is_empty())?;
        let is_below = counter.0 < self.graph.horizon().count(lane);
        (is_below && self.tip_at_horizon(lane, counter).is_none()).then_some(lane)
    }
}

/// The lanes of another document that contain events of this one.
#[derive(Default)]
struct Places {
    /// By lane and first counter: the end of the range, and the lane in the other document.
    ranges: BTreeMap<(PeerNumber, u32), (u32, PeerNumber)>,
}

impl Places {
    /// Returns the lane that contains an event. O(log n).
    fn of(&self, (lane, counter): (PeerNumber, Counter)) -> Option<PeerNumber> {
        let (_, &(end, there)) = self.ranges.range((lane, 0)..=(lane, counter.0)).next_back()?;
        (counter.0 < end).then_some(there)
    }

    /// Records the lane that contains an event. Called in the order of the counters of a lane.
    /// O(log n).
    fn note(&mut self, (lane, counter): (PeerNumber, Counter), there: PeerNumber) {
        match self.ranges.range_mut((lane, 0)..=(lane, counter.0)).next_back() {
            Some((_, (end, known))) if *end == counter.0 && *known == there => *end += 1,
            _ => drop(self.ranges.insert((lane, counter.0), (counter.0 + 1, there))),
        }
    }
}
