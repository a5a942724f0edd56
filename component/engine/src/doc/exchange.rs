//! What a session needs of a document: what it knows, by name; pages of events as bytes; and taking such a page in.

use super::pack::{Pack, Unpacked};
use super::{Doc, MergeReport};
use crate::codec::Reader;
use crate::error::Error;
use crate::graph::Span;
use crate::id::{EventId, EventNumber, PeerNumber, SharedText};
use crate::sort;
use crate::value::ValueRef;

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageStart {
    /// With whatever is beyond a version.
    Version,
    /// With this event: those of smaller numbers are in an earlier page, or known where the page goes.
    Event(EventNumber),
}

/// How much a page holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageBudget {
    /// Bytes of the page, but for one of a single event.
    pub(crate) bytes: usize,
    /// The size of its events, as limits count it, after which no other one is tried.
    pub(crate) size: u64,
}

/// Events as bytes.
#[derive(Debug)]
pub(crate) struct EventPage {
    pub(crate) bytes: Vec<u8>,
    /// By peer, the counter after the last of its events in the page.
    pub(crate) ends: Vec<(SharedText, u32)>,
    /// Where the next page begins.
    pub(crate) next: PageStart,
    /// The size of its events, as limits count it, for the next budget.
    pub(crate) size: u64,
    /// Whether there was more than the budget let in.
    pub(crate) is_full: bool,
}

/// What an event counts for, beside its commit.
const EVENT_SIZE: u64 = 16;

impl Doc {
    /// How many events took effect, by peer, sorted.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&SharedText, u32)> {
        let counts = self.peers.sorted().map(|(peer, number)| (peer, self.graph.count(PeerNumber(number))));
        counts.filter(|&(_, count)| count > 0)
    }

    /// A checksum, not 0, of what an event depends on and does, by which two replicas see whether they mean the same event;
    /// none where it is not known, or was given up. O(its size).
    pub(crate) fn check_of(&self, peer: &str, counter: u32) -> Option<u16> {
        let event = self.find_event(peer, counter).filter(|&event| !self.is_stub(event))?;
        let mut hasher = crc32fast::Hasher::new();
        let text = |hasher: &mut crc32fast::Hasher, bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        for EventId { peer, counter } in self.deps_of(event) {
            text(&mut hasher, peer.as_bytes());
            hasher.update(&counter.to_le_bytes());
        }
        for op in self.commit_of(event).ops() {
            hasher.update(&[op.kind as u8]);
            text(&mut hasher, op.table.as_bytes());
            text(&mut hasher, op.row.as_bytes());
            for (column, value) in op.cells.iter() {
                text(&mut hasher, column.as_bytes());
                hasher.update(&[value.tag()]);
                match value {
                    ValueRef::Null | ValueRef::Boolean(_) => {}
                    ValueRef::Integer(integer) => hasher.update(&integer.to_le_bytes()),
                    ValueRef::Real(bits) => hasher.update(&bits.to_le_bytes()),
                    ValueRef::Text(content) => text(&mut hasher, content.as_bytes()),
                    ValueRef::Blob(content) => text(&mut hasher, content),
                }
            }
        }
        Some(((hasher.finalize() & 0xffff) as u16).max(1))
    }

    /// How many events were given up, by peer, sorted.
    pub(crate) fn given_up(&self) -> impl Iterator<Item = (&SharedText, u32)> {
        let horizon = self.graph.horizon();
        let counts = self.peers.sorted().map(|(peer, number)| (peer, horizon.count(PeerNumber(number))));
        counts.filter(|&(_, count)| count > 0)
    }

    /// The text of this name that the document holds, where it does: to be shared. O(log n).
    pub(crate) fn shared_name(&self, peer: &str) -> SharedText {
        let number = self.peers.find(peer);
        number.map_or_else(|| SharedText::from(peer), |number| self.peers.text(number).clone())
    }

    /// The number of the event that comes next.
    pub(crate) fn next_event(&self) -> EventNumber {
        EventNumber(self.graph.len())
    }

    /// How often the events got other numbers: what is remembered by number does not hold any more when this has changed.
    pub(crate) fn renumbered(&self) -> u64 {
        self.renumbered
    }

    /// The next page of events, each after what it depends on, without those that `known` counts of their peer; none where
    /// nothing is left. From a version on O(peers), and for each event its size and O(log n); from an event on the latter
    /// alone.
    ///
    /// # Errors
    /// `Compacted` where events beyond a version were given up.
    pub(crate) fn page(
        &self,
        start: PageStart,
        known: impl Fn(&str) -> u32,
        budget: PageBudget,
    ) -> Result<Option<EventPage>, Error> {
        let known_of = |peer: PeerNumber| known(self.peers.text(peer.0));
        match start {
            PageStart::Version => {
                let counts: Vec<u32> = (0..self.peers.len() as u32).map(|peer| known_of(PeerNumber(peer))).collect();
                self.check_covers_horizon(&counts)?;
                Ok(self.page_of(self.graph.since(&counts), start, budget))
            }
            PageStart::Event(first) => {
                let unknown = self.graph.spans_from(first).filter_map(|span| {
                    let skipped = known_of(span.peer).saturating_sub(span.counter.0);
                    span.without_first(skipped)
                });
                Ok(self.page_of(unknown, start, budget))
            }
        }
    }

    fn page_of(&self, spans: impl Iterator<Item = Span>, start: PageStart, budget: PageBudget) -> Option<EventPage> {
        let (mut taken, mut sizes, mut size) = (Vec::new(), Vec::new(), 0);
        let mut left = None;
        for span in spans {
            let mut len = 0;
            while len < span.len && (size < budget.size || sizes.is_empty()) {
                size += EVENT_SIZE + self.commit_of(EventNumber(span.first.0 + len)).bytes();
                sizes.push(size);
                len += 1;
            }
            taken.extend(span.first_of(len));
            if len < span.len {
                left = Some(EventNumber(span.first.0 + len));
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
        let ends = taken.iter().map(|span| (self.peers.text(span.peer.0).clone(), span.counter.0 + span.len)).collect();
        let size = *sizes.get(events.checked_sub(1)?)?;
        Some(EventPage { bytes, ends, next, size, is_full: left.is_some() })
    }

    /// These events as bytes: what `docs/format.md` says of waiting events, but sorted by time and peer.
    fn write_page(&self, spans: &[Span]) -> Vec<u8> {
        let mut spans = spans.to_vec();
        sort::sort_by_key(&mut spans, |span| (span.peer, span.counter));
        let mut chains = self.graph.linked(spans.into_iter());
        sort::sort_by(&mut chains, |a, b| {
            a.lamport.cmp(&b.lamport).then_with(|| self.peers.text(a.peer.0).cmp(self.peers.text(b.peer.0)))
        });
        Pack::write(&self.rows, &self.log, &self.outgoing_of(&chains)).into_section()
    }

    /// A page as an update. O(bytes).
    ///
    /// # Errors
    /// `Corrupt` where it is none.
    pub(crate) fn update_of_page(page: Reader<'_>) -> Result<Vec<u8>, Error> {
        Pack::section_into_update(page)
    }

    /// Takes in a page of another replica, as `merge_update` does; gives too, by run, whose events it held and the counter
    /// after the last of them.
    ///
    /// # Errors
    /// As [`Doc::merge_update`], for an update.
    pub(crate) fn merge_page(&mut self, page: Reader<'_>) -> Result<(MergeReport, Vec<(String, u32)>), Error> {
        let unpacked = Unpacked::of_section(page)?;
        let runs = unpacked.runs()?;
        let report = self.merge(&runs)?;
        Ok((report, runs.iter().map(|run| (run.peer.to_owned(), run.end())).collect()))
    }
}

/// Leaves the first `events` events of these spans; gives the first one that is left out, if there is one.
fn cut(spans: &mut Vec<Span>, events: u32) -> Option<EventNumber> {
    let mut left = events;
    let mut first_out = None;
    spans.retain_mut(|span| {
        let len = span.len.min(left);
        if len < span.len {
            first_out = first_out.or(Some(EventNumber(span.first.0 + len)));
        }
        span.len = len;
        left -= len;
        len > 0
    });
    first_out
}
