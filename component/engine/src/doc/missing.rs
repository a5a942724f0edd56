//! Missing events: those that waiting events need, and those that updates announced.

use super::Doc;
use super::names::permanent;
use super::waiting::Need;
use crate::id::{EventId, EventKey, Fingerprint};
use crate::lanes::split_name;
use crate::limits;
use crate::sort;
impl Doc {
    /// Returns the names of missing events, sorted; at most `limits::REPORTED_MISSING`.
    pub(super) fn missing(&self) -> Vec<EventId> {
        let max = limits::REPORTED_MISSING.maximum as usize;
        let mut needs: Vec<Need> = self.wanted().take(max).collect();
        if !self.announced.is_empty() {
            let key = |need: &Need| (need.counter, need.fingerprint);
            sort::sort_by(&mut needs, |a, b| a.author().cmp(b.author()).then_with(|| key(a).cmp(&key(b))));
            needs.dedup_by(|a, b| a.author() == b.author() && key(a) == key(b));
        }
        let mut missing = Vec::with_capacity(needs.len());
        for same_counter in needs.chunk_by(|a, b| a.counter == b.counter && a.author() == b.author()) {
            let mut names: Vec<EventId> = same_counter.iter().map(|need| self.name_of_missing(need)).collect();
            // Several events with one name get permanent names.
            let plain = names.iter().filter(|id| id.peer == same_counter[0].author()).count();
            if plain > 1 {
                let permanent = |need: &Need| permanent(need.author(), need.counter, need.fingerprint);
                names = same_counter.iter().map(permanent).collect();
            }
            missing.append(&mut names);
        }
        if !missing.is_sorted() {
            sort::sort(&mut missing);
        }
        missing
    }

    /// Returns the name of a missing event: its peer, or the permanent name if the event is on a
    /// branch, or if a known event has its name.
    pub(super) fn name_of_missing(&self, need: &Need) -> EventId {
        let Need { name, counter, fingerprint } = need;
        let (author, digits) = split_name(name);
        let lanes = self.lanes.author(author).map_or(&[][..], |author| self.lanes.lanes_of(author));
        let is_taken =
            lanes.iter().any(|&lane| self.lanes.start(lane).0 <= *counter && *counter < self.graph.count(lane));
        // A permanent name does not contain the branch.
        let is_plain = digits.is_none_or(|digits| Fingerprint::parse(digits) == Some(*fingerprint));
        if is_plain && !is_taken {
            EventId { peer: author.to_owned(), counter: *counter }
        } else {
            permanent(author, *counter, *fingerprint)
        }
    }

    /// Returns the missing events that waiting events need or that an update announced.
    pub(super) fn wanted(&self) -> impl Iterator<Item = Need> {
        let is_open = |need: &&Need| {
            let key = EventKey { counter: need.counter, fingerprint: need.fingerprint };
            !self.has(need) && self.waiting.get(need.author(), key).is_none()
        };
        self.waiting.missing().chain(self.announced.iter().filter(is_open).cloned())
    }

    /// Remembers missing events that an update announced; at most `limits::REPORTED_MISSING`.
    pub(super) fn announce(&mut self, markers: impl Iterator<Item = Need>) {
        let announced = std::mem::take(&mut self.announced);
        let open: Vec<Need> = announced.into_iter().chain(markers).filter(|need| !self.has(need)).collect();
        for need in open.into_iter().take(limits::REPORTED_MISSING.maximum as usize) {
            if !self.announced.contains(&need) && !self.is_compacted(&need) {
                self.announced.push(need);
            }
        }
    }
}
