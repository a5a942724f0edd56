//! Going on from a document that was compacted past this one.

use crate::doc::waiting::{Need, Waiting};
use crate::doc::{Doc, MergeReport};
use crate::error::Error;
use crate::graph::Span;
use crate::id::{Counter, EventId, EventNumber, PeerNumber};
use crate::limits;
use crate::sort;
use std::collections::BTreeMap;

impl Doc {
    /// Replaces this replica's content with a document that was compacted past it (`saved`). The events that this replica
    /// has and the saved document lacks come on top: as they are, if the document can take them; if it cannot, because they
    /// do not build on its horizon, this replica's own, on all branches, are committed again, in their order and with what they
    /// build on now. Those of other peers are dropped: `missing` names them, in addition to what waiting events wait for.
    /// `applied` counts the events that came on top, `duplicate` those that both held. What waits in the saved document is left
    /// out. If this replica does not know all of the horizon, events whose names the horizon covers count as contained in it.
    /// O(both documents × log n).
    ///
    /// # Errors
    /// As for [`Doc::load`]; `Compacted` if the saved document lacks events that were compacted away here; `LimitExceeded` if
    /// both do not fit into one document.
    pub fn rebase(&mut self, saved: &[u8]) -> Result<MergeReport, Error> {
        let mut doc = Self::load(&self.peer, saved)?;
        // What waits in a document is not passed on.
        doc.waiting = Waiting::default();
        let is_behind = |&head: &EventNumber| !doc.knows_or_gave_up(&self.need_of(head));
        if self.graph.horizon().heads().iter().any(is_behind) {
            return Err(self.compacted());
        }
        // The saved document has what was compacted here.
        let given_up = u32::try_from(self.events_given_up()).unwrap_or(u32::MAX);
        let mut report = MergeReport { duplicate: given_up, ..MergeReport::default() };
        let lost = self.bring_to(&mut doc, &mut report)?;
        let mut missing = Vec::new();
        for event in lost {
            let (lane, _, _) = self.graph.describe(event);
            if **self.lanes.author_name(lane) == *self.peer {
                doc.commit_as_it_is(self.commit_of(event))?;
                report.applied = report.applied.saturating_add(1);
            } else if missing.len() < limits::REPORTED_MISSING.maximum as usize {
                missing.push(self.event_id(event));
            }
        }
        for run in self.waiting_runs() {
            let (peer, counter) = (run.name.clone().into_owned(), run.start);
            match doc.merge(&[run]) {
                Ok(_) => {}
                Err(error @ Error::LimitExceeded { .. }) => return Err(error),
                Err(_) => missing.push(EventId { peer, counter }),
            }
        }
        report.waiting = doc.waiting.len() as u32;
        missing.extend(doc.missing());
        sort::sort(&mut missing);
        missing.dedup();
        missing.truncate(limits::REPORTED_MISSING.maximum as usize);
        report.missing = missing;
        doc.rows.take_over_watchers(&doc.log, &mut self.rows, &self.log, false);
        doc.renumbered = self.renumbered + 1;
        *self = doc;
        Ok(report)
    }

    /// Brings to a document that was compacted what it lacks of this one's events and can take: those that build on its
    /// horizon. Returns the other ones in the order of their execution.
    fn bring_to(&self, doc: &mut Self, report: &mut MergeReport) -> Result<Vec<EventNumber>, Error> {
        let heads: Vec<Need> = doc.graph.horizon().heads().iter().map(|&head| doc.need_of(head)).collect();
        let own_heads: Option<Vec<(PeerNumber, Counter)>> = heads.iter().map(|head| self.place_of(head)).collect();
        // What the horizon contains, by this document's graph if it knows all of its heads.
        let contained = own_heads.as_ref().map(|heads| {
            let events: Vec<EventNumber> =
                heads.iter().filter_map(|&(lane, counter)| self.graph.find(lane, counter)).collect();
            let mut counts = self.graph.counts_at(&events);
            counts.resize(self.lanes.len(), 0);
            counts
        });
        let builds_on_horizon = |event: EventNumber| {
            own_heads.as_ref().is_some_and(|heads| {
                heads.iter().all(|&(lane, counter)| self.graph.first_building_on(&[event], lane, counter).is_some())
            })
        };
        let mut lost: Vec<EventNumber> = Vec::new();
        let mut is_lost = vec![u32::MAX; self.lanes.len()];
        let mut places = Places::default();
        for span in self.graph.since(self.graph.horizon().counts()) {
            let mut first = 0;
            for steps in 0..span.len {
                let (event, counter) = (span.first.plus(steps), Counter(span.counter.0 + steps));
                let need = self.need_of(event);
                let is_in = match &contained {
                    Some(counts) => counter.0 < counts[span.peer.index()] || doc.has(&need),
                    None => {
                        let place = (span.peer, counter);
                        let before = self.lanes.previous(span.peer, counter);
                        let before = before.and_then(|before| {
                            places.of(before).or_else(|| {
                                let (lane, counter) = before;
                                let fingerprint = self.print_at(lane, counter)?;
                                let name = self.lanes.author_name(lane).clone();
                                Some(doc.place_of(&Need { name, counter: counter.0, fingerprint })?.0)
                            })
                        });
                        match doc.lane_holding(&need, before) {
                            Some(lane) => {
                                places.note(place, lane);
                                true
                            }
                            // Only its name is left to decide.
                            None => before.is_none() && doc.is_given_up(&need),
                        }
                    }
                };
                if !is_in {
                    break;
                }
                first = steps + 1;
                report.duplicate = report.duplicate.saturating_add(1);
            }
            if first == span.len {
                continue;
            }
            let event = span.first.plus(first);
            let counter = Counter(span.counter.0 + first);
            let builds_on_lost = |event: EventNumber| {
                let (lane, counter, _) = self.graph.describe(event);
                counter.0 >= is_lost[lane.index()]
            };
            let previous = self.lanes.previous(span.peer, counter);
            let previous = previous.and_then(|(lane, counter)| self.graph.find(lane, counter));
            let is_cut = self.dependencies(event).chain(previous).any(builds_on_lost);
            let rest = Span { first: event, len: span.len - first, counter, lamport: span.lamport.plus(first), ..span };
            if !is_cut && builds_on_horizon(event) {
                match doc.merge(&[self.run_of(&rest)]) {
                    Ok(merged) if merged.report.waiting == 0 => {
                        report.applied = report.applied.saturating_add(merged.report.applied);
                        continue;
                    }
                    Err(error @ Error::LimitExceeded { .. }) => return Err(error),
                    _ => doc.waiting = Waiting::default(),
                }
            }
            is_lost[span.peer.index()] = is_lost[span.peer.index()].min(counter.0);
            lost.extend((event.0..).take(rest.len as usize).map(EventNumber));
        }
        sort::sort_by(&mut lost, |&a, &b| {
            let (a, b) = (self.graph.describe(a), self.graph.describe(b));
            a.2.cmp(&b.2).then_with(|| self.lanes.order(a.0, b.0))
        });
        Ok(lost)
    }

    /// Returns the lane of an event that is known, or that was compacted: its author's previous event is on the lane `before`, of
    /// which longer parts were compacted.
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

/// Which lanes of another document hold events of this one.
#[derive(Default)]
struct Places {
    /// By lane and first counter: the end, and the lane there.
    ranges: BTreeMap<(PeerNumber, u32), (u32, PeerNumber)>,
}

impl Places {
    /// The lane that holds this event. O(log n).
    fn of(&self, (lane, counter): (PeerNumber, Counter)) -> Option<PeerNumber> {
        let (_, &(end, there)) = self.ranges.range((lane, 0)..=(lane, counter.0)).next_back()?;
        (counter.0 < end).then_some(there)
    }

    /// Notes the lane that holds this event. Those of a lane come in the order of their counters. O(log n).
    fn note(&mut self, (lane, counter): (PeerNumber, Counter), there: PeerNumber) {
        match self.ranges.range_mut((lane, 0)..=(lane, counter.0)).next_back() {
            Some((_, (end, known))) if *end == counter.0 && *known == there => *end += 1,
            _ => drop(self.ranges.insert((lane, counter.0), (counter.0 + 1, there))),
        }
    }
}
