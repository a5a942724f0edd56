//! Waiting events: received events that build on missing ones.
//!
//! Stores them by author, counter and fingerprint, and the waiting events that need each event.
//! Always holds: a waiting event needs at least one event that did not take effect; a missing event
//! is one that is needed and does not wait itself. Does not know whether an event keeps the rules:
//! that shows when its dependencies are known.

use super::reserved::Reserved;
use crate::id::{EventKey, EventMap, Fingerprint, SharedText};
use crate::lanes::split_name;
use crate::limits;
use crate::oplog::{Commit, CommitRef};
use crate::work;
use std::collections::{BTreeMap, BTreeSet};

/// An event that another event builds on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    /// The author, or a branch of it, as the source of the event names it.
    pub(crate) name: SharedText,
    pub(crate) counter: u32,
    pub(crate) fingerprint: Fingerprint,
}

impl Need {
    /// Returns the author without a branch.
    pub(crate) fn author(&self) -> &str {
        split_name(&self.name).0
    }

    /// Returns the key of the event among those of its author.
    pub(in crate::doc) fn key(&self) -> EventKey {
        EventKey { counter: self.counter, fingerprint: self.fingerprint }
    }
}

/// A received event that waits. Its lamport time follows from its dependencies, so the claimed one
/// is not stored.
#[derive(Debug)]
pub(super) struct WaitingEvent {
    /// The author, or a branch of it, as the source of the event names it.
    pub(super) name: SharedText,
    pub(super) previous: Option<Need>,
    /// Whether the event depends on `previous` directly.
    pub(super) is_direct: bool,
    pub(super) others: Vec<Need>,
    pub(super) salt: u64,
    pub(super) commit: Commit,
}

impl WaitingEvent {
    /// Returns the events that must take effect before this one.
    pub(super) fn needs(&self) -> impl Iterator<Item = &Need> {
        self.previous.iter().chain(&self.others)
    }

    /// Returns the size of the event, as limits count it.
    fn bytes(&self) -> u64 {
        event_bytes(self.needs().map(|need| need.name.len()), CommitRef::Plain(&self.commit))
    }
}

/// The author and key of a waiting event.
pub(super) type Waiter = (SharedText, EventKey);

/// The room that the waiting events of one author use.
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
    /// Needed events that do not wait, with the names that waiting events use for them.
    missing: EventMap<SharedText>,
}

/// The waiting events that need an event.
#[derive(Debug, Default)]
struct Needed {
    name: SharedText,
    waiters: BTreeSet<Waiter>,
}

/// The size of an event or a link in `limits::WAITING_BYTES`, without its name and commit.
const EVENT_BYTES: u64 = 64;

/// Returns the size, as limits count it, of a waiting event whose links have names of these
/// lengths.
pub(super) fn event_bytes(names: impl Iterator<Item = usize>, commit: CommitRef<'_>) -> u64 {
    EVENT_BYTES + names.map(|len| EVENT_BYTES + len as u64).sum::<u64>() + commit.bytes()
}

/// An author can use this fraction of the room for waiting events.
pub(super) const AUTHOR_SHARE: u64 = 8;

impl Waiting {
    /// Returns the number of waiting events.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns whether no events wait.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Returns the room in the document that is reserved for the waiting events.
    pub(super) fn reserved(&self) -> &Reserved {
        &self.reserved
    }

    /// Returns the authors of waiting events, sorted.
    pub(super) fn authors(&self) -> impl ExactSizeIterator<Item = &str> {
        self.events.peers()
    }

    /// Returns the commits of the waiting events without these.
    pub(super) fn commits_without<'a>(
        &'a self,
        dropped: &'a EventMap<()>,
    ) -> impl Iterator<Item = CommitRef<'a>> + Clone {
        let events = self.events.iter().filter(|(author, key, _)| dropped.get(author, *key).is_none());
        events.map(|(_, _, event)| CommitRef::Plain(&event.commit))
    }

    /// Returns the waiting event with this key. O(log n).
    pub(super) fn get(&self, author: &str, key: EventKey) -> Option<&WaitingEvent> {
        self.events.get(author, key)
    }

    /// Returns the counters in this range of the author's events that wait or are needed, in any
    /// order. O(log n + the result).
    pub(super) fn counters_in(&self, author: &str, start: u32, end: u32) -> impl Iterator<Item = u32> {
        let keys = self.needed.keys_in(author, start, end).chain(self.events.keys_in(author, start, end));
        keys.map(|key| key.counter)
    }

    /// Returns the waiting events that need this event. O(log n + the result).
    pub(super) fn waiters(&self, author: &str, key: EventKey) -> impl Iterator<Item = &Waiter> {
        self.needed.get(author, key).into_iter().flat_map(|needed| &needed.waiters)
    }

    /// Returns the missing events, sorted by author, counter and fingerprint.
    pub(super) fn missing(&self) -> impl Iterator<Item = Need> {
        self.missing.iter().map(|(_, key, name)| Need {
            name: name.clone(),
            counter: key.counter,
            fingerprint: key.fingerprint,
        })
    }

    /// Returns whether there is room for a further event of this author and size, in total and in
    /// the author's share. `of_author` and `all` are events and bytes that were promised room
    /// before.
    pub(super) fn has_room(&self, author: &str, bytes: u64, of_author: (u64, u64), all: (u64, u64)) -> bool {
        let share = self.shares.get(author).copied().unwrap_or_default();
        let fits = |of_author: u64, in_all: u64, limit: &limits::Limit| {
            of_author <= limit.maximum / AUTHOR_SHARE && in_all <= limit.maximum
        };
        fits(share.events + of_author.0 + 1, self.events.len() as u64 + all.0 + 1, &limits::WAITING_EVENTS)
            && fits(share.bytes + of_author.1 + bytes, self.bytes + all.1 + bytes, &limits::WAITING_BYTES)
    }

    /// Returns all waiting events, sorted by author, counter and fingerprint.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&SharedText, EventKey, &WaitingEvent)> {
        self.events.iter()
    }

    /// Adds a waiting event. `took_effect` returns whether an event took effect. O(log n) for each
    /// dependency.
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

    /// Removes an event that takes effect or is dropped. O(log n) for each dependency.
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

    /// Removes a waiting event from those that need an event.
    fn no_longer_needed(&mut self, need: &Need, waiter: &Waiter) {
        let Some(needed) = self.needed.get_mut(need.author(), need.key()) else { return };
        needed.waiters.remove(waiter);
        if needed.waiters.is_empty() {
            self.forget_needed(need.author(), need.key());
        }
    }

    /// Forgets which events need an event, after it took effect. O(log n + those that needed it).
    pub(super) fn forget_needed(&mut self, author: &str, key: EventKey) {
        self.needed.remove(author, key);
        self.missing.remove(author, key);
    }

    /// Panics if an invariant is broken. O(everything).
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
