//! Builds a document from a part of another one.

use crate::chain::Prints;
use crate::doc::Doc;
use crate::doc::room::make_room;
use crate::doc::translation::Translation;
use crate::error::Error;
use crate::graph::{Graph, Horizon, Stub};
use crate::id::{Counter, EventNumber, PeerNumber};
use crate::lanes::Lanes;
use crate::oplog::Totals;
use crate::rows::{GroundKeeper, Stamp};
use std::cell::RefCell;

impl Doc {
    /// Returns a document with this one's events before `end`, compacted at `horizon`. Both are
    /// versions by lane that include the present horizon. Watchers and waiting events are left out.
    /// O(document × log n).
    pub(super) fn rebuild(&self, horizon: Vec<u32>, end: &[u32]) -> Result<Self, Error> {
        let horizon = self.graph.horizon_at(horizon, end)?;
        let first_unsettled = self.graph.first_unsettled(&horizon, end);
        let compacted = horizon.counts().to_vec();
        let is_compacted = |event: EventNumber| {
            let (peer, counter, lamport) = self.graph.describe(event);
            let is_below = compacted.get(peer.index()).is_some_and(|&count| counter.0 < count);
            is_below.then_some((lamport, peer))
        };
        let (mut rows, mut log) = self.rows.up_to(self.row_history(), &is_compacted, first_unsettled)?;
        let (lanes, numbers) = self.lanes_up_to(end);
        let number = |lane: PeerNumber| numbers.as_ref().map_or(lane, |numbers| numbers[lane.index()]);
        if numbers.is_some() {
            rows.renumber(number);
        }
        let prints = RefCell::new(self.prints_at(&horizon, &number));
        let graph = Graph::beyond(match &numbers {
            Some(numbers) => horizon.renumbered(numbers, lanes.len()),
            None => horizon,
        });
        (0..graph.len()).for_each(|_| log.end_event());
        let mut doc = Self { peer: self.peer.clone(), lanes, graph, log, rows, prints, ..Self::empty() };
        let mut keeper = GroundKeeper::new(&self.rows, self.row_history(), &is_compacted, first_unsettled);
        self.execute_again(&mut doc, &compacted, end, &number, &mut keeper)?;
        let Self { rows, log, graph, lanes, .. } = &mut doc;
        rows.apply_splices(log, graph, lanes)?;
        graph.complete_so_far();
        Ok(doc)
    }

    /// Returns the fingerprints that a document compacted at this horizon keeps. `number` maps
    /// lanes to new ones.
    fn prints_at(&self, horizon: &Horizon, number: &impl Fn(PeerNumber) -> PeerNumber) -> Prints {
        let stub = |stub: &Stub| self.print_at(stub.peer, stub.counter);
        let mut prints = Prints::beyond(horizon.stubs().iter().filter_map(stub));
        for lane in self.lanes.all() {
            let count = horizon.count(lane);
            // The last compacted event of the lane, and the event that its first one follows.
            let ends = [count.checked_sub(1), self.lanes.start(lane).0.checked_sub(1).filter(|_| count == 0)];
            for last in ends.into_iter().flatten().map(Counter) {
                let lane = self.lanes.on_path(lane, last);
                let kept = self.print_at(lane, last).filter(|_| last.0 < horizon.count(lane));
                if let Some(kept) = kept {
                    prints.set_at_horizon(number(lane), last, kept);
                }
            }
        }
        prints
    }

    /// Executes the events beyond `compacted` and before `end` in another document. `number` maps
    /// lanes to new ones.
    fn execute_again(
        &self,
        doc: &mut Self,
        compacted: &[u32],
        end: &[u32],
        number: &impl Fn(PeerNumber) -> PeerNumber,
        keeper: &mut GroundKeeper<'_>,
    ) -> Result<(), Error> {
        let mut translation = Translation::default();
        for span in self.graph.since(compacted) {
            let len = end[span.peer.index()].saturating_sub(span.counter.0);
            let Some(span) = span.first_of(len) else { continue };
            let same = |event: EventNumber| {
                let (peer, counter, _) = self.graph.describe(event);
                doc.graph.find(number(peer), counter)
            };
            let dependencies: Vec<EventNumber> = self.dependencies(span.first).filter_map(same).collect();
            let lane = number(span.peer);
            let first = doc.graph.push((lane, span.counter), &dependencies, self.graph.salt(span.first), span.len);
            // Each event of a span builds on the one before it alone.
            let needs_grounds = self.log.has_edits() && !doc.graph.is_above_horizon(&[first]);
            for (steps, event) in (0..).zip(span.events()) {
                let lamport = span.lamport.plus(steps);
                if needs_grounds {
                    let edits = (0..).zip(self.log.ops(event)).filter(|(_, op)| op.kind.is_edit());
                    for (index, op) in edits {
                        let [here, there] = [span.peer, lane].map(|peer| Stamp { lamport, peer, index });
                        keeper.keep((event, here, &op), (&mut doc.rows, there), number);
                    }
                }
                make_room(&mut doc.rows, &mut doc.log, std::iter::once(self.commit_of(event).alike(1)), Totals::of)?;
                doc.take_effect(lane, lamport, self.commit_of(event), &mut translation);
            }
        }
        Ok(())
    }

    /// Returns the lanes of the events before `end`, and the new numbers of lanes if they changed.
    fn lanes_up_to(&self, end: &[u32]) -> (Lanes, Option<Vec<PeerNumber>>) {
        let counts: Vec<u32> = self.lanes.all().zip(end).map(|(lane, &end)| end.min(self.graph.count(lane))).collect();
        let is_whole = self.lanes.all().zip(&counts).all(|(lane, &count)| count == self.graph.count(lane));
        if is_whole {
            return (self.lanes.clone(), None);
        }
        let (lanes, numbers) = self.lanes.up_to(&counts);
        (lanes, Some(numbers))
    }
}
