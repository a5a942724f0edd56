//! The events that the other side has, as far as this side knows.

use crate::doc::{Doc, End, Need, Proven, Summary};
use crate::id::PeerNumber;
use std::collections::BTreeMap;

/// By lane, the events that the other side has, and those that were sent to it.
#[derive(Debug, Default)]
pub(super) struct Known {
    reaches: Vec<Reach>,
    /// The last summary of the other side.
    pub(super) summary: Summary,
    /// The last event of each lane that the other side is known to have since the summary. Lanes
    /// can be renumbered, so the events are kept by fingerprint.
    since: BTreeMap<PeerNumber, Need>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Reach {
    /// The number of events that the other side is known to have.
    there: u32,
    /// The number of events that it will have when all sent messages have arrived.
    sent: u32,
}

impl Known {
    /// Forgets everything but these counts, which a summary proves.
    pub(super) fn restart(&mut self, counts: &[u32], summary: Summary) {
        self.reaches = counts.iter().map(|&count| Reach { there: count, sent: count }).collect();
        self.summary = summary;
        self.since.clear();
    }

    /// Looks up the lanes again after they were renumbered.
    pub(super) fn renumber(&mut self, doc: &Doc) {
        let since: Vec<Need> = std::mem::take(&mut self.since).into_values().collect();
        let proven = doc.proven(&self.summary, &since);
        self.reaches = proven.counts.iter().map(|&count| Reach { there: count, sent: count }).collect();
        self.since.extend(since.into_iter().filter_map(|need| Some((doc.place_of(&need)?.0, need))));
    }

    /// Returns the number of a lane's events that the other side is known to have.
    pub(super) fn there(&self, lane: PeerNumber) -> u32 {
        self.reaches.get(lane.index()).map_or(0, |reach| reach.there)
    }

    /// Returns the number of a lane's events that need not be sent.
    pub(super) fn sent(&self, lane: PeerNumber) -> u32 {
        self.reaches.get(lane.index()).map_or(0, |reach| reach.sent)
    }

    /// Sets the counts of a lane.
    pub(super) fn set(&mut self, lane: PeerNumber, there: u32, sent: u32) {
        *self.reach(lane) = Reach { there, sent: sent.max(there) };
    }

    /// Records that the events of a lane up to this end were sent. O(1).
    pub(super) fn raise_sent(&mut self, end: &End) {
        let reach = self.reach(end.lane);
        reach.sent = reach.sent.max(end.count);
    }

    /// Records that the other side has the events of a lane up to this end, and those before the
    /// lane. O(log n), and the lanes that it was not known to have.
    pub(super) fn raise_there(&mut self, doc: &Doc, end: &End) {
        // The end can be an earlier one: a page in parts can arrive after the acknowledgement of a
        // later page.
        if self.since.get(&end.lane).is_none_or(|last| last.counter < end.last.counter) {
            self.since.insert(end.lane, end.last.clone());
        }
        let mut next = Some((end.lane, end.count));
        while let Some((lane, count)) = next {
            let reach = self.reach(lane);
            let is_new = reach.there < count;
            reach.there = reach.there.max(count);
            reach.sent = reach.sent.max(count);
            next = doc.origin_of(lane).filter(|_| is_new);
        }
    }

    fn reach(&mut self, lane: PeerNumber) -> &mut Reach {
        if self.reaches.len() <= lane.index() {
            self.reaches.resize(lane.index() + 1, Reach::default());
        }
        &mut self.reaches[lane.index()]
    }

    /// Returns the counts of sent events in the form of a proof.
    pub(super) fn proven(&self) -> Proven {
        Proven { counts: self.reaches.iter().map(|reach| reach.sent).collect(), unknown: Vec::new() }
    }

    /// Returns, by lane, the number of events that the other side is known to have.
    pub(super) fn counts(&self) -> Vec<u32> {
        self.reaches.iter().map(|reach| reach.there).collect()
    }
}
