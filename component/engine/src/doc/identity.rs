//! Lookups of events by fingerprint, and of fingerprints by event.

use super::Doc;
use super::waiting::Need;
use crate::chain::Ledger;
use crate::id::{Counter, EventNumber, Fingerprint, PeerNumber, SharedText};
use crate::lanes::AuthorNumber;
use crate::sort;
use std::collections::btree_map::Entry;

impl Doc {
    /// Returns the fingerprint of an event that took effect. Hashes O(1) events. The first call
    /// after `load` can hash the whole history.
    pub(super) fn print(&self, event: EventNumber) -> Fingerprint {
        let Self { graph, lanes, log, rows, prints, .. } = self;
        prints.borrow_mut().of(event, Ledger { graph, lanes, log, names: rows })
    }

    /// Returns the lane and counter of an author's event with this counter and fingerprint. The
    /// event is retained, a stub, or the last compacted one of a lane. O(log n).
    pub(super) fn find_print(
        &self,
        author: AuthorNumber,
        counter: Counter,
        fingerprint: Fingerprint,
    ) -> Option<(PeerNumber, Counter)> {
        let &[lane] = self.lanes.lanes_of(author) else {
            return self.find_in_index(author, fingerprint).filter(|&(_, found)| found == counter);
        };
        let is_it = match self.graph.find(lane, counter).filter(|event| event.0 < self.log.events()) {
            Some(event) => self.print(event) == fingerprint,
            None => self.tip_at_horizon(lane, counter) == Some(fingerprint),
        };
        is_it.then_some((lane, counter))
    }

    /// Returns an event of an author with several lanes. O(log n), and the events that are not in
    /// the index yet.
    fn find_in_index(&self, author: AuthorNumber, fingerprint: Fingerprint) -> Option<(PeerNumber, Counter)> {
        let mut index = self.fork_index.borrow_mut();
        let index = &mut *index;
        let mut stale: Vec<PeerNumber> = std::mem::take(&mut index.touched);
        if let Entry::Vacant(unseen) = index.authors.entry(author) {
            let stubs = (0..).map(EventNumber).zip(self.graph.horizon().stubs());
            let of_author = stubs.filter(|(_, stub)| self.lanes.author_of(stub.peer) == author);
            unseen.insert(sort::map(of_author.map(|(event, stub)| (self.print(event), (stub.peer, stub.counter)))));
            stale.extend(self.lanes.lanes_of(author));
        }
        for lane in stale {
            let Some(events) = index.authors.get_mut(&self.lanes.author_of(lane)) else { continue };
            let done = index.done.entry(lane).or_insert(0);
            if *done == 0 {
                let prints = self.prints.borrow();
                events.extend(prints.kept_of(lane).map(|(counter, kept)| (kept, (lane, counter))));
            }
            let start = self.graph.horizon().count(lane).max(*done);
            for span in self.graph.spans(lane, start..u32::MAX) {
                for steps in 0..span.len {
                    let (event, counter) = (span.first.plus(steps), Counter(span.counter.0 + steps));
                    if event.0 < self.log.events() {
                        events.insert(self.print(event), (lane, counter));
                        *done = counter.0 + 1;
                    }
                }
            }
        }
        index.authors.get(&author)?.get(&fingerprint).copied()
    }

    /// Returns the fingerprint of a compacted event if it is kept: for the last one of a branch,
    /// and for one that a retained event follows.
    pub(super) fn tip_at_horizon(&self, lane: PeerNumber, counter: Counter) -> Option<Fingerprint> {
        self.prints.borrow().at_horizon(lane, counter)
    }

    /// Returns the fingerprint of an event that is retained, or whose fingerprint is kept.
    pub(super) fn print_at(&self, lane: PeerNumber, counter: Counter) -> Option<Fingerprint> {
        match self.graph.find(lane, counter) {
            Some(event) => Some(self.print(event)),
            None => self.tip_at_horizon(lane, counter),
        }
    }

    /// Returns whether an event took effect.
    pub(super) fn has(&self, need: &Need) -> bool {
        let author = self.lanes.author(need.author());
        author.is_some_and(|author| self.find_print(author, Counter(need.counter), need.fingerprint).is_some())
    }

    /// Returns the lane and counter of an event that took effect.
    pub(crate) fn place_of(&self, need: &Need) -> Option<(PeerNumber, Counter)> {
        let author = self.lanes.author(need.author())?;
        self.find_print(author, Counter(need.counter), need.fingerprint)
    }

    /// Returns the name and fingerprint of an event.
    pub(super) fn need_of(&self, event: EventNumber) -> Need {
        let (lane, counter, _) = self.graph.describe(event);
        let name = SharedText::from(&*self.lanes.name(lane, counter));
        Need { name, counter: counter.0, fingerprint: self.print(event) }
    }
}
