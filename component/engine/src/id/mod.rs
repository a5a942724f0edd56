//! Names, and the small numbers that stand for them inside one document.
//!
//! Holds the peers and the names of tables and columns, each once. Numbers are given in the order of arrival, so they
//! differ between replicas: whatever leaves the engine, or is compared, goes by name. Does not know the graph.

mod bytes;
mod index;
mod order;

pub(crate) use bytes::{read_texts, write_texts};
pub(crate) use index::Index;
pub(crate) use order::Order;

use crate::error::Error;
use crate::limits::{self, Limit};
use crate::memory;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

/// The name of an event: the `counter`-th (from 0) that `peer` committed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// Who committed it.
    pub peer: String,
    /// Its number among the peer's events.
    pub counter: u32,
}

/// How much of a peer's history is known: its events 0 to `count` - 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerVersion {
    /// Whose events.
    pub peer: String,
    /// How many of them, without a gap.
    pub count: u32,
}

/// A text that is kept once and shared.
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
            /// This number as an index.
            pub(crate) fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

numbers! {
    /// A peer of this document.
    PeerNumber;
    /// A table of this document.
    TableNumber;
    /// A column name of this document, the same in all tables.
    ColumnNumber;
    /// A row of this document, there or not, in the order in which rows were first named.
    RowNumber;
    /// An event of this document, in the order in which events took effect here: after all that it depends on.
    EventNumber;
    /// The place of an event among its peer's events, from 0.
    Counter;
}

/// What identifies an event: a hash of its content and of what it builds on. Never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Fingerprint(NonZeroU64);

impl Fingerprint {
    /// The smallest one.
    const FIRST: Self = Self(NonZeroU64::MIN);

    /// The fingerprint of this number, which is 0 for none.
    pub(crate) fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// The fingerprint of what has this hash.
    pub(crate) fn of_hash(hash: u64) -> Self {
        Self(NonZeroU64::new(hash).unwrap_or(NonZeroU64::MAX))
    }

    /// Its number, never 0.
    pub(crate) fn get(self) -> u64 {
        self.0.get()
    }

    /// Reads the digits that `Display` writes, and no other form.
    pub(crate) fn parse(digits: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let number = u64::from_str_radix(digits, 16).ok()?;
        Self::new(number).filter(|_| digits.len() == FINGERPRINT_DIGITS && digits.bytes().all(is_digit))
    }
}

/// The hexadecimal digits of a fingerprint.
const FINGERPRINT_DIGITS: usize = 16;

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

indexes! { PeerNumber TableNumber RowNumber EventNumber }

impl EventNumber {
    /// The event with this many events between.
    pub(crate) fn plus(self, steps: u32) -> Self {
        Self(self.0 + steps)
    }
}

/// Texts with a number each, from 0 up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    texts: Vec<SharedText>,
    index: Index,
    order: Order,
}

impl Names {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    /// The number of a text that is known. O(1).
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        self.index.find(text, |number| &*self.texts[number as usize])
    }

    /// The number of a text, which is added where it is new: O(log n) then, else O(1).
    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        if let Some(number) = self.find(text) {
            return number;
        }
        // Every caller has checked a limit far below 2^32.
        let number = self.texts.len() as u32;
        self.texts.push(SharedText::from(text));
        let text_of = |number: u32| &*self.texts[number as usize];
        self.index.insert(number, text_of);
        self.order.insert(number, text_of);
        number
    }

    /// The text with this number, which must be one that `intern` gave.
    pub(crate) fn text(&self, number: u32) -> &SharedText {
        &self.texts[number as usize]
    }

    /// Refuses texts that, with those that are there, are more than `limit`. `max_new` bounds how many of the given ones
    /// can be new: where that many fit, they are not looked at.
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
        given.filter(|text| self.find(text).is_none()).for_each(|text| {
            new.intern(text);
        });
        limit.check((self.len() + new.len()) as u64)
    }

    /// All texts with their numbers, sorted as bytes.
    pub(crate) fn sorted(&self) -> impl Iterator<Item = (&SharedText, u32)> {
        self.order.iter().map(|number| (self.text(number), number))
    }

    /// Forgets the texts that were added when there were `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        for number in len as u32..self.texts.len() as u32 {
            let text_of = |number: u32| &*self.texts[number as usize];
            self.index.remove(number, text_of);
            self.order.remove(number, text_of);
        }
        self.texts.truncate(len);
    }
}

/// Texts by number, one behind the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts {
    bytes: String,
    ends: Vec<u64>,
}

impl Texts {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is room for so many more, of any length that a name can have.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        let bytes = more.saturating_mul(limits::ROW_BYTES.maximum as usize);
        self.ends.capacity() - self.ends.len() >= more && self.bytes.capacity() - self.bytes.len() >= bytes
    }

    /// Makes room for so many more, of so many bytes together.
    ///
    /// # Errors
    /// `LimitExceeded` where there is none.
    pub(crate) fn reserve(&mut self, more: usize, bytes: usize) -> Result<(), Error> {
        memory::reserve(&mut self.ends, more)?;
        memory::reserve_text(&mut self.bytes, bytes)
    }

    /// Adds one, which gets the next number.
    pub(crate) fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len() as u64);
    }

    /// The one with this number, which must be there.
    pub(crate) fn text(&self, number: u32) -> &str {
        let at = number as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..self.ends[at] as usize]
    }
}

/// The numbers that stand in bytes for those of this document.
#[derive(Debug)]
pub(crate) enum Ranks {
    /// By number.
    Dense(Vec<u32>),
    /// Of a few.
    Sparse(BTreeMap<u32, u32>),
}

impl Ranks {
    /// The ranks of these numbers, each that of its place.
    pub(crate) fn sparse(numbers: impl Iterator<Item = u32>) -> Self {
        Self::Sparse(numbers.zip(0..).collect())
    }

    /// The ranks of these numbers, each that of its place, among `len` numbers.
    pub(crate) fn dense(len: usize, numbers: impl Iterator<Item = u32>) -> Self {
        let mut ranks = vec![u32::MAX; len];
        for (number, rank) in numbers.zip(0..) {
            ranks[number as usize] = rank;
        }
        Self::Dense(ranks)
    }

    /// The rank of a number that has one.
    pub(crate) fn of(&self, number: u32) -> u32 {
        match self {
            Self::Dense(ranks) => ranks[number as usize],
            Self::Sparse(ranks) => ranks.get(&number).copied().unwrap_or(u32::MAX),
        }
    }
}

/// What identifies an event among those of its author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventKey {
    pub(crate) counter: u32,
    pub(crate) fingerprint: Fingerprint,
}

impl EventKey {
    /// The key of an event.
    pub(crate) fn new(counter: u32, fingerprint: Fingerprint) -> Self {
        Self { counter, fingerprint }
    }

    /// The smallest key of an event with this counter.
    fn first_at(counter: u32) -> Self {
        Self { counter, fingerprint: Fingerprint::FIRST }
    }
}

/// A map from events, known or not, to something.
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
    /// The number of entries.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no entries.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The peers whose events have entries, sorted.
    pub(crate) fn peers(&self) -> impl ExactSizeIterator<Item = &str> {
        self.by_peer.keys().map(|peer| &**peer)
    }

    /// The entry of this event. O(log n).
    pub(crate) fn get(&self, peer: &str, key: EventKey) -> Option<&T> {
        self.by_peer.get(peer)?.get(&key)
    }

    /// The entry of this event, to be changed. O(log n).
    pub(crate) fn get_mut(&mut self, peer: &str, key: EventKey) -> Option<&mut T> {
        self.by_peer.get_mut(peer)?.get_mut(&key)
    }

    /// The events of a peer, with a counter from `start` on and before `end`, that have entries. O(log n) to begin.
    pub(crate) fn keys_in(&self, peer: &str, start: u32, end: u32) -> impl Iterator<Item = EventKey> {
        let keys = EventKey::first_at(start)..EventKey::first_at(end.max(start));
        self.by_peer.get(peer).into_iter().flat_map(move |of_peer| of_peer.range(keys.clone())).map(|(&key, _)| key)
    }

    /// Sets the entry of this event, and returns the former one. O(log n).
    pub(crate) fn insert(&mut self, peer: &str, key: EventKey, entry: T) -> Option<T> {
        let old = match self.by_peer.get_mut(peer) {
            Some(of_peer) => of_peer.insert(key, entry),
            None => self.by_peer.entry(SharedText::from(peer)).or_default().insert(key, entry),
        };
        self.len += usize::from(old.is_none());
        old
    }

    /// The entry of this event, made if there is none. O(log n).
    pub(crate) fn entry(&mut self, peer: &str, key: EventKey) -> &mut T
    where
        T: Default,
    {
        if self.get(peer, key).is_none() {
            self.insert(peer, key, T::default());
        }
        self.by_peer.entry(SharedText::from(peer)).or_default().entry(key).or_default()
    }

    /// Takes out the entry of this event. O(log n).
    pub(crate) fn remove(&mut self, peer: &str, key: EventKey) -> Option<T> {
        let of_peer = self.by_peer.get_mut(peer)?;
        let old = of_peer.remove(&key)?;
        if of_peer.is_empty() {
            self.by_peer.remove(peer);
        }
        self.len -= 1;
        Some(old)
    }

    /// All entries, sorted by peer, counter and fingerprint.
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
