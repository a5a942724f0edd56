//! Events that wait for others that they build on.
//!
//! Holds the events by author, counter and fingerprint, and for each event that some of them need and that did not take
//! effect, who needs it. Always holds: a waiting event needs at least one other; what is missing is what is needed and does
//! not wait itself. Does not know whether an event is right: that shows when what it needs is there.

use super::reserved::Reserved;
use crate::id::{EventKey, EventMap, Fingerprint, SharedText};
use crate::lanes::split_name;
use crate::limits;
use crate::oplog::{Commit, CommitRef};
use crate::work;
use std::collections::{BTreeMap, BTreeSet};

/// An event that another one builds on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    /// Its author, or a branch of it as it was named where it came from.
    pub(crate) name: SharedText,
    pub(crate) counter: u32,
    pub(crate) fingerprint: Fingerprint,
}

impl Need {
    /// Its author, without a branch.
    pub(crate) fn author(&self) -> &str {
        split_name(&self.name).0
    }

    /// What identifies it among the events of its author.
    pub(super) fn key(&self) -> EventKey {
        EventKey { counter: self.counter, fingerprint: self.fingerprint }
    }
}

/// An event as it came. Its lamport time follows from what it waits for, so no claim of it is kept.
#[derive(Debug)]
pub(super) struct WaitingEvent {
    /// The name of its author, or of a branch, where it came from.
    pub(super) name: SharedText,
    pub(super) previous: Option<Need>,
    /// Whether it depends on the previous event directly.
    pub(super) is_direct: bool,
    pub(super) others: Vec<Need>,
    pub(super) salt: u64,
    pub(super) commit: Commit,
}

impl WaitingEvent {
    /// What it must find before it takes effect.
    pub(super) fn needs(&self) -> impl Iterator<Item = &Need> {
        self.previous.iter().chain(&self.others)
    }

    /// Its size, as limits count it.
    fn bytes(&self) -> u64 {
        event_bytes(self.needs().map(|need| need.name.len()), CommitRef::Plain(&self.commit))
    }
}

/// A waiting event: its author and what identifies it.
pub(super) type Waiter = (SharedText, EventKey);

/// What the waiting events of one author take.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Share {
    events: u64,
    bytes: u64,
}

/// The waiting events of a document.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    events: EventMap<WaitingEvent>,
    bytes: u64,
    shares: BTreeMap<SharedText, Share>,
    reserved: Reserved,
    needed: EventMap<Needed>,
    /// Needed events that do not wait, with the names by which they are needed.
    missing: EventMap<SharedText>,
}

/// An event that others need.
#[derive(Debug, Default)]
struct Needed {
    name: SharedText,
    waiters: BTreeSet<Waiter>,
}

/// What an event adds to `limits::WAITING_BYTES` beside its commit.
const EVENT_BYTES: u64 = 64;

/// The size of a waiting event whose links have names of these lengths, as limits count it.
pub(super) fn event_bytes(names: impl Iterator<Item = usize>, commit: CommitRef<'_>) -> u64 {
    EVENT_BYTES + names.map(|len| EVENT_BYTES + len as u64).sum::<u64>() + commit.bytes()
}

/// The share of an author in the room for waiting events.
pub(super) const AUTHOR_SHARE: u64 = 8;

impl Waiting {
    /// How many events wait.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether none wait.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// What they will bring into the document.
    pub(super) fn reserved(&self) -> &Reserved {
        &self.reserved
    }

    /// The authors whose events wait, sorted.
    pub(super) fn authors(&self) -> impl ExactSizeIterator<Item = &str> {
        self.events.peers()
    }

    /// The commits of all waiting events but these.
    pub(super) fn commits_without<'a>(
        &'a self,
        dropped: &'a EventMap<()>,
    ) -> impl Iterator<Item = CommitRef<'a>> + Clone {
        let events = self.events.iter().filter(|(author, key, _)| dropped.get(author, *key).is_none());
        events.map(|(_, _, event)| CommitRef::Plain(&event.commit))
    }

    /// The waiting event with this fingerprint. O(log n).
    pub(super) fn get(&self, author: &str, key: EventKey) -> Option<&WaitingEvent> {
        self.events.get(author, key)
    }

    /// The counters, in this range, of events of this author that wait or that others need, in any order. O(log n) and the
    /// result.
    pub(super) fn counters_in(&self, author: &str, start: u32, end: u32) -> impl Iterator<Item = u32> {
        let keys = self.needed.keys_in(author, start, end).chain(self.events.keys_in(author, start, end));
        keys.map(|key| key.counter)
    }

    /// Who needs this event. O(log n) and the result.
    pub(super) fn waiters(&self, author: &str, key: EventKey) -> impl Iterator<Item = &Waiter> {
        self.needed.get(author, key).into_iter().flat_map(|needed| &needed.waiters)
    }

    /// The missing events with their fingerprints, sorted by author, counter and fingerprint.
    pub(super) fn missing(&self) -> impl Iterator<Item = Need> {
        self.missing.iter().map(|(_, key, name)| Need {
            name: name.clone(),
            counter: key.counter,
            fingerprint: key.fingerprint,
        })
    }

    /// Whether there is room for one more event of this author and size, in all and in the author's share, beside events and
    /// bytes that were promised room to the author and in all.
    pub(super) fn has_room(&self, author: &str, bytes: u64, of_author: (u64, u64), all: (u64, u64)) -> bool {
        let share = self.shares.get(author).copied().unwrap_or_default();
        let fits = |of_author: u64, in_all: u64, limit: &limits::Limit| {
            of_author <= limit.maximum / AUTHOR_SHARE && in_all <= limit.maximum
        };
        fits(share.events + of_author.0 + 1, self.events.len() as u64 + all.0 + 1, &limits::WAITING_EVENTS)
            && fits(share.bytes + of_author.1 + bytes, self.bytes + all.1 + bytes, &limits::WAITING_BYTES)
    }

    /// All of them, sorted by author, counter and fingerprint.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&SharedText, EventKey, &WaitingEvent)> {
        self.events.iter()
    }

    /// Lets an event wait. `took_effect` returns whether an event did. O(log n) for each dependency.
    pub(super) fn add(&mut self, key: EventKey, event: WaitingEvent, took_effect: impl Fn(&Need) -> bool) {
        work::step();
        let author = SharedText::from(split_name(&event.name).0);
        for need in event.needs().filter(|need| !took_effect(need)) {
            let needed = self.needed.entry(need.author(), need.key());
            if needed.waiters.is_empty() {
                needed.name = need.name.clone();
            }
            needed.waiters.insert((author.clone(), key));
            if self.events.get(need.author(), need.key()).is_none() {
                self.missing.insert(need.author(), need.key(), needed.name.clone());
            }
        }
        self.missing.remove(&author, key);
        let bytes = event.bytes();
        self.bytes += bytes;
        let share = self.shares.entry(author.clone()).or_default();
        *share = Share { events: share.events + 1, bytes: share.bytes + bytes };
        self.reserved.add(CommitRef::Plain(&event.commit));
        self.events.insert(&author, key, event);
    }

    /// Takes out an event that takes effect or is dropped. O(log n) for each dependency.
    pub(super) fn remove(&mut self, author: &str, key: EventKey) -> Option<WaitingEvent> {
        let event = self.events.remove(author, key)?;
        let bytes = event.bytes();
        self.bytes -= bytes;
        if let Some(share) = self.shares.get_mut(author) {
            *share = Share { events: share.events - 1, bytes: share.bytes - bytes };
            if share.events == 0 {
                self.shares.remove(author);
            }
        }
        self.reserved.remove(CommitRef::Plain(&event.commit));
        if let Some(needed) = self.needed.get(author, key) {
            self.missing.insert(author, key, needed.name.clone());
        }
        let waiter = (SharedText::from(author), key);
        event.needs().for_each(|need| self.no_longer_needed(need, &waiter));
        Some(event)
    }

    /// Takes a waiting event off the list of those that need an event.
    fn no_longer_needed(&mut self, need: &Need, waiter: &Waiter) {
        let Some(needed) = self.needed.get_mut(need.author(), need.key()) else { return };
        needed.waiters.remove(waiter);
        if needed.waiters.is_empty() {
            self.forget_needed(need.author(), need.key());
        }
    }

    /// Says that this event took effect. O(log n) and who needed it.
    pub(super) fn forget_needed(&mut self, author: &str, key: EventKey) {
        self.needed.remove(author, key);
        self.missing.remove(author, key);
    }

    /// Panics where something that always holds does not. O(everything).
    pub(super) fn dbg_check(&self, took_effect: impl Fn(&Need) -> bool) {
        let (mut bytes, mut reserved) = (0, Reserved::default());
        for (author, key, event) in self.events.iter() {
            bytes += event.bytes();
            reserved.add(CommitRef::Plain(&event.commit));
            let mut open = event.needs().filter(|need| !took_effect(need)).peekable();
            assert!(open.peek().is_some(), "({author:?}, {key:?}) waits for nothing");
            for need in open {
                let mut waiters = self.waiters(need.author(), need.key());
                assert!(
                    waiters.any(|waiter| *waiter == (author.clone(), key)),
                    "({author:?}, {key:?}) is not on the list"
                );
                let is_missing = self.missing.get(need.author(), need.key()).is_some();
                assert_eq!(is_missing, self.events.get(need.author(), need.key()).is_none());
            }
        }
        assert_eq!((bytes, &reserved), (self.bytes, &self.reserved));
        assert_eq!(self.shares.values().map(|share| share.events).sum::<u64>(), self.events.len() as u64);
        for (_, _, needed) in self.needed.iter() {
            let waits = |(author, key): &Waiter| self.events.get(author, *key).is_some();
            assert!(!needed.waiters.is_empty() && needed.waiters.iter().all(waits));
        }
        assert!(self.missing.iter().all(|(author, key, _)| self.needed.get(author, key).is_some()));
    }
}
