//! Events that wait for others that they build on.
//!
//! Holds the events by name, and for each event that some of them need and that did not take effect, who needs it.
//! Always holds: a waiting event needs at least one other; what is missing is what is needed and does not wait itself.
//! Does not know whether an event is right: that shows when what it needs is there.

use super::incoming::{Commits, Incoming};
use super::room::Reserved;
use crate::error::Error;
use crate::id::{EventId, EventMap, SharedText};
use crate::limits;
use crate::oplog::{Commit, CommitRef};
use crate::work;
use std::borrow::Cow;
use std::ops::Range;
use std::slice;

/// An event as it came. Its lamport time follows from what it waits for, so no claim of it is kept.
#[derive(Debug)]
pub(super) struct WaitingEvent {
    pub(super) deps: Vec<EventId>,
    pub(super) commit: Commit,
}

/// Who needs an event.
pub(super) type Waiter = (SharedText, u32);

/// The waiting events of a document.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    events: EventMap<WaitingEvent>,
    bytes: u64,
    reserved: Reserved,
    needed: EventMap<Vec<Waiter>>,
    missing: EventMap<()>,
}

/// What an event adds to `limits::WAITING_BYTES` beside its commit.
const EVENT_BYTES: u64 = 64;

/// The size of a waiting event, as limits count it.
pub(super) fn event_bytes(deps: &[EventId], commit: CommitRef<'_>) -> u64 {
    EVENT_BYTES + deps.iter().map(|dep| EVENT_BYTES + dep.peer.len() as u64).sum::<u64>() + commit.bytes()
}

/// What an event must find before it takes effect: its dependencies, and its peer's previous event.
pub(super) fn requirements<'a>(
    peer: &'a str,
    counter: u32,
    deps: &'a [EventId],
) -> impl Iterator<Item = (&'a str, u32)> {
    let named = deps.iter().map(|dep| (dep.peer.as_str(), dep.counter));
    let is_named = move |previous: &u32| !deps.iter().any(|dep| dep.peer == peer && dep.counter == *previous);
    named.chain(counter.checked_sub(1).filter(is_named).map(move |previous| (peer, previous)))
}

impl Waiting {
    /// How many events wait.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Their size, as limits count it.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What they will bring into the document.
    pub(super) fn reserved(&self) -> &Reserved {
        &self.reserved
    }

    /// The peers whose events wait, sorted.
    pub(super) fn peers(&self) -> impl ExactSizeIterator<Item = &str> {
        self.events.peers()
    }

    /// The commits of all waiting events but these.
    pub(super) fn commits_without<'a>(
        &'a self,
        dropped: &'a EventMap<()>,
    ) -> impl Iterator<Item = CommitRef<'a>> + Clone {
        let events = self.events.iter().filter(|(peer, counter, _)| dropped.get(peer, *counter).is_none());
        events.map(|(_, _, event)| CommitRef::Plain(&event.commit))
    }

    /// The waiting event of this name. O(log n).
    pub(super) fn get(&self, peer: &str, counter: u32) -> Option<&WaitingEvent> {
        self.events.get(peer, counter)
    }

    /// The counter of the first waiting event among these of a peer. O(log n).
    pub(super) fn first_in(&self, peer: &str, counters: Range<u32>) -> Option<u32> {
        self.events.first_in(peer, counters).map(|(counter, _)| counter)
    }

    /// The first event of the peer, from `counter` on, that waits or that a waiting event needs. O(log n).
    pub(super) fn first_claimed(&self, peer: &str, counter: u32) -> Option<u32> {
        let needed = self.needed.first_in(peer, counter..u32::MAX).map(|(needed, _)| needed);
        needed.into_iter().chain(self.first_in(peer, counter..u32::MAX)).min()
    }

    /// Who needs these events of a peer. O(log n) and the result.
    pub(super) fn waiters(&self, peer: &str, counters: Range<u32>) -> impl Iterator<Item = &Waiter> {
        self.needed.range(peer, counters).flatten()
    }

    /// What is missing, sorted; the first `limits::REPORTED_MISSING`.
    pub(super) fn missing(&self) -> Vec<EventId> {
        let missing = self.missing.iter().map(|(peer, counter, ())| EventId { peer: String::from(&**peer), counter });
        missing.take(limits::REPORTED_MISSING.most as usize).collect()
    }

    /// Refuses so many events of this size together.
    pub(super) fn check_room(events: usize, bytes: u64) -> Result<(), Error> {
        limits::WAITING_EVENTS.check(events as u64)?;
        limits::WAITING_BYTES.check(bytes)
    }

    /// All of them, sorted by peer and counter.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u32, &WaitingEvent)> {
        self.events.iter().map(|(peer, counter, event)| (&**peer, counter, event))
    }

    /// All of them as runs of one event, sorted by peer and counter.
    pub(super) fn runs(&self) -> Vec<Incoming<'_>> {
        let runs = self.iter().map(|(peer, start, event)| Incoming {
            peer,
            start,
            len: 1,
            lamport: None,
            deps: Cow::Borrowed(&event.deps),
            commits: Commits::Plain(slice::from_ref(&event.commit)),
        });
        runs.collect()
    }

    /// Lets these events of a run wait. `took_effect` tells of any event whether it did. O(log n) for
    /// each event and dependency.
    pub(super) fn add(&mut self, run: &Incoming<'_>, places: Range<usize>, took_effect: impl Fn(&str, u32) -> bool) {
        for place in places {
            work::step();
            let counter = run.start + place as u32;
            let deps = run.deps_at(place).into_owned();
            let name: SharedText = SharedText::from(run.peer);
            for (peer, needed) in
                requirements(run.peer, counter, &deps).filter(|(peer, needed)| !took_effect(peer, *needed))
            {
                self.needed.entry(peer, needed).push((name.clone(), counter));
                if self.events.get(peer, needed).is_none() {
                    self.missing.insert(peer, needed, ());
                }
            }
            self.missing.remove(run.peer, counter);
            let commit = run.commit(place).to_commit();
            self.bytes += event_bytes(&deps, CommitRef::Plain(&commit));
            self.reserved.add(CommitRef::Plain(&commit));
            self.events.insert(run.peer, counter, WaitingEvent { deps, commit });
        }
    }

    /// Takes out an event that takes effect or is dropped: nothing that it needs is unknown any more. O(log n).
    pub(super) fn remove(&mut self, peer: &str, counter: u32) -> Option<WaitingEvent> {
        let event = self.events.remove(peer, counter)?;
        self.bytes -= event_bytes(&event.deps, CommitRef::Plain(&event.commit));
        self.reserved.remove(CommitRef::Plain(&event.commit));
        if self.needed.get(peer, counter).is_some() {
            self.missing.insert(peer, counter, ());
        }
        Some(event)
    }

    /// Says that these events of a peer took effect. O(log n) and who needed them.
    pub(super) fn forget_needed(&mut self, peer: &str, counters: Range<u32>) {
        self.needed.remove_range(peer, counters.clone());
        self.missing.remove_range(peer, counters);
    }

    /// Panics where something that always holds does not. O(everything).
    pub(super) fn dbg_check(&self, took_effect: impl Fn(&str, u32) -> bool) {
        let (mut bytes, mut reserved) = (0, Reserved::default());
        for (peer, counter, event) in self.events.iter() {
            bytes += event_bytes(&event.deps, CommitRef::Plain(&event.commit));
            reserved.add(CommitRef::Plain(&event.commit));
            assert!(!took_effect(peer, counter), "({peer:?}, {counter}) waits and took effect");
            let mut open = requirements(peer, counter, &event.deps)
                .filter(|(peer, needed)| !took_effect(peer, *needed))
                .peekable();
            assert!(open.peek().is_some(), "({peer:?}, {counter}) waits for nothing");
            for (needed_peer, needed) in open {
                let waiters = self.needed.get(needed_peer, needed).map_or(&[][..], Vec::as_slice);
                assert!(waiters.contains(&(peer.clone(), counter)), "({peer:?}, {counter}) is not on the list");
                let is_missing = self.missing.get(needed_peer, needed).is_some();
                assert_eq!(is_missing, self.events.get(needed_peer, needed).is_none());
            }
        }
        assert_eq!((bytes, &reserved), (self.bytes, &self.reserved));
        for (peer, counter, waiters) in self.needed.iter() {
            assert!(
                !waiters.is_empty() && waiters.iter().all(|(peer, counter)| self.events.get(peer, *counter).is_some())
            );
            assert!(!took_effect(peer, counter));
        }
        assert!(self.missing.iter().all(|(peer, counter, ())| self.needed.get(peer, counter).is_some()));
    }
}
