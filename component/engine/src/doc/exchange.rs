//! Pages of events for sessions, and what a session reads of a document.

use super::Doc;
use super::bytes::{Pack, Summary};
use super::chains::Chain;
use super::waiting::Need;
use crate::graph::Span;
use crate::id::{Counter, EventNumber, Fingerprint, PeerNumber, PeerVersion, SharedText};
use crate::lanes::{AuthorNumber, split_name};
use crate::sort;

/// The place at which a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageStart {
    /// The first event beyond a version.
    Version,
    /// This event. Events with smaller numbers are in earlier pages, or the receiver knows them.
    Event(EventNumber),
}

/// The maximum size of a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageBudget {
    /// Bytes of the page. A page of one event may exceed this.
    pub(crate) bytes: usize,
    /// The size of the events, as limits count it. No event is added after it was reached.
    pub(crate) size: u64,
}

/// An encoded page.
#[derive(Debug)]
pub(crate) struct EventPage {
    pub(crate) bytes: Vec<u8>,
    /// The last event of each lane in the page.
    pub(crate) ends: Vec<End>,
    /// The place at which the next page begins.
    pub(crate) next: PageStart,
    /// The size of the events, as limits count it, from which the next budget is derived.
    pub(crate) size: u64,
    /// Whether the budget left events out.
    pub(crate) is_full: bool,
}

/// The end of a lane.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) lane: PeerNumber,
    /// The counter after the last event.
    pub(crate) count: u32,
    /// The last event.
    pub(crate) last: Need,
}

/// The size of an event, as limits count it, without its commit.
const EVENT_SIZE: u64 = 16;

impl Doc {
    /// Returns the end of a lane at this event, if the event is retained.
    pub(crate) fn end_at(&self, lane: PeerNumber, counter: Counter) -> Option<End> {
        let event = self.graph.find(lane, counter)?;
        Some(End { lane, count: counter.0 + 1, last: self.need_of(event) })
    }

    /// Returns the end of a lane at the event with this fingerprint, if the event is known.
    pub(crate) fn end_of(&self, last: &Need) -> Option<End> {
        let (lane, counter) = self.place_of(last)?;
        Some(End { lane, count: counter.0 + 1, last: last.clone() })
    }

    /// Returns the author of a lane.
    pub(crate) fn author_of(&self, lane: PeerNumber) -> AuthorNumber {
        self.lanes.author_of(lane)
    }

    /// Returns the lane that a lane leaves, and the number of its events before that place.
    pub(crate) fn origin_of(&self, lane: PeerNumber) -> Option<(PeerNumber, u32)> {
        Some((self.lanes.parent(lane)?, self.lanes.start(lane).0))
    }

    /// Returns the lanes of an author.
    pub(crate) fn lanes_of(&self, author: AuthorNumber) -> &[PeerNumber] {
        self.lanes.lanes_of(author)
    }

    /// Returns the known authors of these events, sorted.
    pub(crate) fn authors_of(&self, events: &[Need]) -> Vec<AuthorNumber> {
        let mut authors: Vec<_> = events.iter().filter_map(|event| self.lanes.author(event.author())).collect();
        sort::sort(&mut authors);
        authors.dedup();
        authors
    }

    /// Returns the last event of a lane, if it is retained.
    pub(crate) fn last_on(&self, lane: PeerNumber) -> Option<EventNumber> {
        self.graph.find(lane, Counter(self.graph.count(lane).checked_sub(1)?))
    }

    /// Returns the number of known events of a lane.
    pub(crate) fn count_on(&self, lane: PeerNumber) -> u32 {
        self.graph.count(lane)
    }

    /// Returns the number of events of an author's longest branch. O(lanes of the author).
    pub(crate) fn longest_count(&self, author: AuthorNumber) -> u32 {
        self.lanes.lanes_of(author).iter().map(|&lane| self.graph.count(lane)).max().unwrap_or(0)
    }

    /// Returns the number of events beyond these counts by lane and above the horizon. O(lanes).
    pub(crate) fn count_beyond(&self, known: impl Fn(PeerNumber) -> u32) -> u32 {
        let horizon = self.graph.horizon();
        let beyond = self.lanes.all().map(|lane| {
            let known = known(lane).max(self.lanes.start(lane).0).max(horizon.count(lane));
            self.graph.count(lane).saturating_sub(known)
        });
        beyond.fold(0, u32::saturating_add)
    }

    /// Returns the number of events of a summary that are unknown here, as far as its counts show.
    /// O(branches × log n).
    pub(crate) fn count_unknown(&self, summary: &Summary) -> u32 {
        let unknown = summary.branches.iter().map(|branch| {
            let Some(author) = self.lanes.author(split_name(&branch.name).0) else {
                return branch.count - branch.start;
            };
            let tip = branch.tip.and_then(|tip| self.find_print(author, Counter(branch.last_counter()), tip));
            if tip.is_some() {
                return 0;
            }
            let shared = self.only_leaf(author, branch).map_or(branch.start, |lane| self.graph.count(lane));
            branch.count.saturating_sub(shared).max(1)
        });
        unknown.fold(0, u32::saturating_add)
    }

    /// Converts counts by lane to a version.
    pub(crate) fn version_of(&self, counts: &[u32]) -> Vec<PeerVersion> {
        let table = self.branch_table();
        let known = table.counts(|lane| counts.get(lane.index()).copied().unwrap_or(0));
        let known = known.into_iter().enumerate().filter(|&(_, count)| count > 0);
        known.map(|(rank, count)| PeerVersion { peer: table.name(rank).into_owned(), count }).collect()
    }

    /// Returns sparse fingerprints of an author's branches, if their last events are beyond these
    /// counts by lane: of the last event, those 1, 2, 4, … before it, and the first retained one.
    /// Returns at least one.
    pub(crate) fn trace(&self, author: AuthorNumber, known: &[u32]) -> Vec<Need> {
        let mut trace = Vec::new();
        let name = SharedText::from(&**self.lanes.author_name(self.lanes.lanes_of(author)[0]));
        let mut push = |lane: PeerNumber, counter: Counter| {
            let lane = self.lanes.on_path(lane, counter);
            let fingerprint = self.print_at(lane, counter);
            trace.extend(fingerprint.map(|fingerprint| Need { name: name.clone(), counter: counter.0, fingerprint }));
            fingerprint.is_some()
        };
        let mut any = None;
        for &lane in self.lanes.lanes_of(author) {
            let Some(last) = self.graph.count(lane).checked_sub(1) else { continue };
            any = any.or(Some((lane, Counter(last))));
            let is_leaf = self.lanes.leaving(lane, Counter(last + 1)).is_empty();
            if !is_leaf || known.get(lane.index()).is_some_and(|&count| count > last) {
                continue;
            }
            let (mut distance, mut lowest) = (0, last);
            while let Some(counter) = last.checked_sub(distance) {
                if !push(lane, Counter(counter)) {
                    break;
                }
                lowest = counter;
                distance = (distance * 2).max(1);
            }
            if let Some(first) = self.first_retained(lane, lowest) {
                push(lane, first);
            }
        }
        if trace.is_empty()
            && let Some((lane, last)) = any
        {
            let fingerprint = self.print_at(lane, last).unwrap_or(Fingerprint::of_hash(0));
            trace.push(Need { name, counter: last.0, fingerprint });
        }
        trace
    }

    /// Returns the first retained event on the path to a lane, if its counter is smaller than
    /// `before`.
    fn first_retained(&self, lane: PeerNumber, before: u32) -> Option<Counter> {
        let mut first = None;
        let mut lane = lane;
        loop {
            let event = self.graph.first_beyond(lane, self.graph.horizon().count(lane));
            let counter = event.map(|event| self.graph.describe(event).1).filter(|counter| counter.0 < before);
            first = counter.or(first);
            match self.lanes.parent(lane) {
                Some(parent) if self.graph.horizon().count(lane) == 0 => lane = parent,
                _ => return first,
            }
        }
    }

    /// Returns the number of the next event.
    pub(crate) fn next_event(&self) -> EventNumber {
        EventNumber(self.graph.len())
    }

    /// Returns how often events were renumbered. Remembered numbers are invalid after this changed.
    pub(crate) fn renumbered(&self) -> u64 {
        self.renumbered
    }

    /// Returns the next page of events, without those that `known` counts; `None` if no event is
    /// left. Each event comes after its dependencies. O(size of the events × log n), and O(lanes)
    /// for a page from a version on.
    pub(crate) fn page(
        &self,
        start: PageStart,
        known: impl Fn(PeerNumber) -> u32,
        budget: PageBudget,
    ) -> Option<EventPage> {
        match start {
            PageStart::Version => {
                let horizon = self.graph.horizon();
                let counts: Vec<u32> = self.lanes.all().map(|lane| known(lane).max(horizon.count(lane))).collect();
                self.page_of(self.graph.since(&counts), start, budget)
            }
            PageStart::Event(first) => {
                let unknown = self.graph.spans_from(first).filter_map(|span| {
                    let skipped = known(span.peer).saturating_sub(span.counter.0);
                    span.without_first(skipped)
                });
                self.page_of(unknown, start, budget)
            }
        }
    }

    fn page_of(&self, spans: impl Iterator<Item = Span>, start: PageStart, budget: PageBudget) -> Option<EventPage> {
        let (mut taken, mut sizes, mut size) = (Vec::new(), Vec::new(), 0);
        let mut left = None;
        for span in spans {
            let mut len = 0;
            while len < span.len && (size < budget.size || sizes.is_empty()) {
                size += EVENT_SIZE + self.commit_of(span.first.plus(len)).bytes();
                sizes.push(size);
                len += 1;
            }
            taken.extend(span.first_of(len));
            if len < span.len {
                left = Some(span.first.plus(len));
                break;
            }
        }
        let mut events = sizes.len();
        let mut bytes = self.write_page(&taken);
        while bytes.len() > budget.bytes && events > 1 {
            events /= 2;
            left = cut(&mut taken, events as u32);
            bytes = self.write_page(&taken);
        }
        let next = match (left, start) {
            (None, _) => PageStart::Event(self.next_event()),
            (Some(event), PageStart::Event(_)) => PageStart::Event(event),
            (Some(_), PageStart::Version) => PageStart::Version,
        };
        let ends =
            taken.iter().filter_map(|span| self.end_at(span.peer, Counter(span.counter.0 + span.len - 1))).collect();
        let size = *sizes.get(events.checked_sub(1)?)?;
        Some(EventPage { bytes, ends, next, size, is_full: left.is_some() })
    }

    /// Encodes these events as a pack, sorted by time and peer.
    fn write_page(&self, spans: &[Span]) -> Vec<u8> {
        let mut spans = spans.to_vec();
        sort::sort_by_key(&mut spans, |span| (span.peer, span.counter));
        let mut chains = self.linked(spans.into_iter());
        sort::sort_by(&mut chains, |a, b| {
            let name = |chain: &Chain| self.lanes.name(chain.peer, chain.counter);
            a.lamport.cmp(&b.lamport).then_with(|| name(a).cmp(&name(b)))
        });
        let print = |event| self.print(event);
        Pack::write((&self.rows, &self.log), &self.outgoing_of(&chains), &[], &print).into_section()
    }
}

/// Shortens spans to their first `events` events. Returns the first event that is left out, if
/// there is one.
fn cut(spans: &mut Vec<Span>, events: u32) -> Option<EventNumber> {
    let mut left = events;
    let mut first_out = None;
    spans.retain_mut(|span| {
        let len = span.len.min(left);
        if len < span.len {
            first_out = first_out.or(Some(span.first.plus(len)));
        }
        span.len = len;
        left -= len;
        len > 0
    });
    first_out
}
