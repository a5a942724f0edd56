//! Names, and the small numbers that stand for them inside a document.
//!
//! Numbers are assigned in the order of arrival, so they differ between replicas: everything that
//! leaves the engine or is compared uses names. Does not know the graph.

mod bytes;
mod index;
mod order;

pub(crate) use bytes::{read_texts, write_texts};
pub(crate) use index::Index;
pub(crate) use order::Order;

use crate::error::Error;
use crate::limits::{self, Limit};
use crate::memory;
use crate::sort;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

/// The name of an event: a peer, and the number of the event among the peer's events.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The peer that committed the event, or a branch of it.
    pub peer: String,
    /// The number among the peer's events, from 0.
    pub counter: u32,
}

/// A count of a peer's events: those with the counters 0 to `count` - 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerVersion {
    /// The peer, or a branch of it.
    pub peer: String,
    /// The count of events.
    pub count: u32,
}

/// A shared text.
pub(crate) type SharedText = Arc<str>;

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(pub(crate) u32);
    )*};
}

macro_rules! indexes {
    ($($name:ident)*) => {$(
        impl $name {
            /// Returns the number as an index.
            pub(crate) fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

numbers! {
    /// A lane of this document: a peer, or a branch of its history.
    PeerNumber;
    /// A table of this document.
    TableNumber;
    /// A column name of this document. All tables share the column names.
    ColumnNumber;
    /// A row of this document, in the order in which rows were first named. The row need not exist.
    RowNumber;
    /// An event of this document, in the order in which events took effect, which is after their
    /// dependencies.
    EventNumber;
    /// The number of an event among its peer's events, from 0.
    Counter;
}

/// A hash that identifies an event: of its content and of the events that it builds on. Never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Fingerprint(NonZeroU64);

impl Fingerprint {
    /// The smallest fingerprint.
    const FIRST: Self = Self(NonZeroU64::MIN);

    /// Returns the fingerprint with this number, or `None` for 0.
    pub(crate) fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// Returns the fingerprint for a hash.
    pub(crate) fn of_hash(hash: u64) -> Self {
        Self(NonZeroU64::new(hash).unwrap_or(NonZeroU64::MAX))
    }

    /// Returns the number, which is never 0.
    pub(crate) fn get(self) -> u64 {
        self.0.get()
    }

    /// Parses what `Display` writes, and no other form.
    pub(crate) fn parse(digits: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let number = u64::from_str_radix(digits, 16).ok()?;
        Self::new(number).filter(|_| digits.len() == FINGERPRINT_DIGITS && digits.bytes().all(is_digit))
    }
}

/// The number of hexadecimal digits of a fingerprint.
const FINGERPRINT_DIGITS: usize = 16;

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

indexes! { PeerNumber TableNumber RowNumber EventNumber }

impl EventNumber {
    /// Returns the event that is `steps` events after this one.
    pub(crate) fn plus(self, steps: u32) -> Self {
        Self(self.0 + steps)
    }
}

/// Texts with consecutive numbers from 0.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    texts: Vec<SharedText>,
    index: Index,
    order: Order,
}

impl Names {
    /// Returns the number of texts.
    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    /// Returns the number of a text. O(1).
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        self.index.find(text, |number| &*self.texts[number as usize])
    }

    /// Returns the number of a text, and adds the text if it is new. O(1), and O(log n) for a new
    /// text.
    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        if let Some(number) = self.find(text) {
            return number;
        }
        // Every caller has checked a limit that is far below 2^32.
        let number = self.texts.len() as u32;
        self.texts.push(SharedText::from(text));
        let text_of = |number: u32| &*self.texts[number as usize];
        self.index.insert(number, text_of);
        self.order.insert(number, text_of);
        number
    }

    /// Returns the text with this number, which `intern` returned.
    pub(crate) fn text(&self, number: u32) -> &SharedText {
        &self.texts[number as usize]
    }

    /// Fails if the texts together with the given ones are more than `limit`. At most `max_new` of
    /// the given texts are new; they are not read if this many fit.
    pub(crate) fn check_room<'a>(
        &self,
        limit: &'static Limit,
        max_new: u64,
        given: impl Iterator<Item = &'a str>,
    ) -> Result<(), Error> {
        if self.len() as u64 + max_new <= limit.maximum {
            return Ok(());
        }
        let mut new = Self::default();
        sort::without_repeats(given).filter(|text| self.find(text).is_none()).for_each(|text| {
            new.intern(text);
        });
        limit.check((self.len() + new.len()) as u64)
    }

    /// Returns all texts with their numbers, sorted as bytes.
    pub(crate) fn sorted(&self) -> impl Iterator<Item = (&SharedText, u32)> {
        self.order.iter().map(|number| (self.text(number), number))
    }

    /// Removes the texts that were added when there were `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        for number in len as u32..self.texts.len() as u32 {
            let text_of = |number: u32| &*self.texts[number as usize];
            self.index.remove(number, text_of);
            self.order.remove(number, text_of);
        }
        self.texts.truncate(len);
    }
}

/// Texts by number, stored one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts {
    bytes: String,
    ends: Vec<u64>,
}

impl Texts {
    /// Returns the number of texts.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether this many further texts fit without an allocation, if each is as long as a
    /// name can be.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        let bytes = more.saturating_mul(limits::ROW_BYTES.maximum as usize);
        self.ends.capacity() - self.ends.len() >= more && self.bytes.capacity() - self.bytes.len() >= bytes
    }

    /// Reserves memory for this many further texts, with this many bytes in total.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn reserve(&mut self, more: usize, bytes: usize) -> Result<(), Error> {
        memory::reserve(&mut self.ends, more)?;
        memory::reserve_text(&mut self.bytes, bytes)
    }

    /// Adds a text, which gets the next number.
    pub(crate) fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len() as u64);
    }

    /// Returns the text with this number. Panics if there is none.
    pub(crate) fn text(&self, number: u32) -> &str {
        let at = number as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..self.ends[at] as usize]
    }
}

/// Maps local numbers to the ranks that are used in bytes.
#[derive(Debug)]
pub(crate) enum Ranks {
    /// Indexed by number.
    Dense(Vec<u32>),
    /// For a small part of the numbers.
    Sparse(BTreeMap<u32, u32>),
}

impl Ranks {
    /// Returns the ranks of these numbers, in their order.
    pub(crate) fn sparse(numbers: impl Iterator<Item = u32>) -> Self {
        Self::Sparse(sort::map(numbers.zip(0..)))
    }

    /// Returns the ranks of these numbers, in their order; all numbers are below `len`.
    pub(crate) fn dense(len: usize, numbers: impl Iterator<Item = u32>) -> Self {
        let mut ranks = vec![u32::MAX; len];
        for (number, rank) in numbers.zip(0..) {
            ranks[number as usize] = rank;
        }
        Self::Dense(ranks)
    }

    /// Returns the rank of a number, which must have one.
    pub(crate) fn of(&self, number: u32) -> u32 {
        match self {
            Self::Dense(ranks) => ranks[number as usize],
            Self::Sparse(ranks) => ranks.get(&number).copied().unwrap_or(u32::MAX),
        }
    }
}

/// The counter and fingerprint of an event, which identify it among the events of its author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventKey {
    pub(crate) counter: u32,
    pub(crate) fingerprint: Fingerprint,
}

impl EventKey {
    /// Returns the key of an event.
    pub(crate) fn new(counter: u32, fingerprint: Fingerprint) -> Self {
        Self { counter, fingerprint }
    }

    /// Returns the smallest key with this counter.
    fn first_at(counter: u32) -> Self {
        Self { counter, fingerprint: Fingerprint::FIRST }
    }
}

/// A map with events as keys. The events need not be known.
#[derive(Debug)]
pub(crate) struct EventMap<T> {
    by_peer: BTreeMap<SharedText, BTreeMap<EventKey, T>>,
    len: usize,
}

impl<T> Default for EventMap<T> {
    fn default() -> Self {
        Self { by_peer: BTreeMap::new(), len: 0 }
    }
}

impl<T> EventMap<T> {
    /// Returns the number of entries.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no entries.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the peers whose events have entries, sorted.
    pub(crate) fn peers(&self) -> impl ExactSizeIterator<Item = &str> {
        self.by_peer.keys().map(|peer| &**peer)
    }

    /// Returns the entry of an event. O(log n).
    pub(crate) fn get(&self, peer: &str, key: EventKey) -> Option<&T> {
        self.by_peer.get(peer)?.get(&key)
    }

    /// Returns the entry of an event for changing it. O(log n).
    pub(crate) fn get_mut(&mut self, peer: &str, key: EventKey) -> Option<&mut T> {
        self.by_peer.get_mut(peer)?.get_mut(&key)
    }

    /// Returns the keys of a peer's entries with a counter from `start` and before `end`. O(log n)
    /// for the first one.
    pub(crate) fn keys_in(&self, peer: &str, start: u32, end: u32) -> impl Iterator<Item = EventKey> {
        let keys = EventKey::first_at(start)..EventKey::first_at(end.max(start));
        self.by_peer.get(peer).into_iter().flat_map(move |of_peer| of_peer.range(keys.clone())).map(|(&key, _)| key)
    }

    /// Sets the entry of an event, and returns the previous one. O(log n).
    pub(crate) fn insert(&mut self, peer: &str, key: EventKey, entry: T) -> Option<T> {
        let old = match self.by_peer.get_mut(peer) {
            Some(of_peer) => of_peer.insert(key, entry),
            None => self.by_peer.entry(SharedText::from(peer)).or_default().insert(key, entry),
        };
        self.len += usize::from(old.is_none());
        old
    }

    /// Returns the entry of an event, and inserts a default one if there is none. O(log n).
    pub(crate) fn entry(&mut self, peer: &str, key: EventKey) -> &mut T
    where
        T: Default,
    {
        if self.get(peer, key).is_none() {
            self.insert(peer, key, T::default());
        }
        self.by_peer.entry(SharedText::from(peer)).or_default().entry(key).or_default()
    }

    /// Removes and returns the entry of an event. O(log n).
    pub(crate) fn remove(&mut self, peer: &str, key: EventKey) -> Option<T> {
        let of_peer = self.by_peer.get_mut(peer)?;
        let old = of_peer.remove(&key)?;
        if of_peer.is_empty() {
            self.by_peer.remove(peer);
        }
        self.len -= 1;
        Some(old)
    }

    /// Returns all entries, sorted by peer, counter and fingerprint.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&SharedText, EventKey, &T)> + Clone {
        self.by_peer.iter().flat_map(|(peer, of_peer)| of_peer.iter().map(move |(&key, entry)| (peer, key, entry)))
    }
}

#[cfg(test)]
mod tests {
    use super::{EventKey, EventMap, Fingerprint, Names};

    #[test]
    fn numbers_are_stable_and_truncation_forgets() {
        let mut names = Names::default();
        assert_eq!((names.intern("b"), names.intern("a"), names.intern("b")), (0, 1, 0));
        names.truncate(1);
        assert_eq!((names.find("a"), names.find("b"), names.len()), (None, Some(0), 1));
        assert_eq!(names.intern("c"), 1);
        assert_eq!(&**names.text(1), "c");
    }

    #[test]
    fn event_maps_count_and_forget() {
        let key = |counter, print| EventKey { counter, fingerprint: Fingerprint::of_hash(print) };
        let mut map = EventMap::default();
        assert_eq!(
            (map.insert("a", key(3, 7), 'x'), map.insert("a", key(3, 7), 'y'), map.insert("a", key(3, 9), 'z')),
            (None, Some('x'), None)
        );
        let first = |end| map.keys_in("a", 0, end).next();
        assert_eq!((first(3), first(4)), (None, Some(key(3, 7))));
        assert_eq!(map.remove("a", key(3, 7)), Some('y'));
        assert_eq!((map.len(), map.get("a", key(3, 7)), map.get("a", key(3, 9))), (1, None, Some(&'z')));
        assert_eq!((map.remove("a", key(3, 9)), map.is_empty()), (Some('z'), true));
        assert_eq!(map.iter().count(), 0);
    }

    #[test]
    fn fingerprints_have_one_form() {
        let fingerprint = Fingerprint::of_hash(0x00ab_cdef);
        assert_eq!(fingerprint.to_string(), "0000000000abcdef");
        assert_eq!(Fingerprint::parse("0000000000abcdef"), Some(fingerprint));
        for other in ["0000000000ABCDEF", "abcdef", "+000000000abcdef", "0000000000000000", ""] {
            assert_eq!(Fingerprint::parse(other), None, "{other}");
        }
    }
}
