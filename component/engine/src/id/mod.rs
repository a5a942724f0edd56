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
use std::ops::Range;
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

indexes! { PeerNumber TableNumber RowNumber EventNumber }

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

    /// Refuses texts that, with those that are there, are more than `limit`. `most_new` bounds how many of the given ones
    /// can be new: where that many fit, they are not looked at.
    pub(crate) fn check_room<'a>(
        &self,
        limit: &'static Limit,
        most_new: u64,
        given: impl Iterator<Item = &'a str>,
    ) -> Result<(), Error> {
        if self.len() as u64 + most_new <= limit.most {
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
        let bytes = more.saturating_mul(limits::ROW_BYTES.most as usize);
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

/// A map from event names, known or not, to something.
#[derive(Debug)]
pub(crate) struct EventMap<T> {
    by_peer: BTreeMap<SharedText, BTreeMap<u32, T>>,
    len: usize,
}

impl<T> Default for EventMap<T> {
    fn default() -> Self {
        Self { by_peer: BTreeMap::new(), len: 0 }
    }
}

impl<T> EventMap<T> {
    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The peers whose events have entries, sorted.
    pub(crate) fn peers(&self) -> impl ExactSizeIterator<Item = &str> {
        self.by_peer.keys().map(|peer| &**peer)
    }

    /// The entry of this event. O(log n).
    pub(crate) fn get(&self, peer: &str, counter: u32) -> Option<&T> {
        self.by_peer.get(peer)?.get(&counter)
    }

    /// The entry of the peer's first event from `counters.start` on and before `counters.end`. O(log n).
    pub(crate) fn first_in(&self, peer: &str, counters: Range<u32>) -> Option<(u32, &T)> {
        let (&counter, entry) = self.by_peer.get(peer)?.range(counters).next()?;
        Some((counter, entry))
    }

    /// The entry of the peer's last event before `counter`. O(log n).
    pub(crate) fn last_before(&self, peer: &str, counter: u32) -> Option<(u32, &T)> {
        let (&found, entry) = self.by_peer.get(peer)?.range(..counter).next_back()?;
        Some((found, entry))
    }

    /// The entries of these events of a peer. O(log n) to begin.
    pub(crate) fn range(&self, peer: &str, counters: Range<u32>) -> impl Iterator<Item = &T> {
        self.by_peer
            .get(peer)
            .into_iter()
            .flat_map(move |of_peer| of_peer.range(counters.clone()))
            .map(|(_, entry)| entry)
    }

    /// Sets the entry of this event, and gives the one that it had. O(log n).
    pub(crate) fn insert(&mut self, peer: &str, counter: u32, entry: T) -> Option<T> {
        let old = match self.by_peer.get_mut(peer) {
            Some(of_peer) => of_peer.insert(counter, entry),
            None => self.by_peer.entry(SharedText::from(peer)).or_default().insert(counter, entry),
        };
        self.len += usize::from(old.is_none());
        old
    }

    /// The entry of this event, made where there is none. O(log n).
    pub(crate) fn entry(&mut self, peer: &str, counter: u32) -> &mut T
    where
        T: Default,
    {
        if self.get(peer, counter).is_none() {
            self.insert(peer, counter, T::default());
        }
        self.by_peer.entry(SharedText::from(peer)).or_default().entry(counter).or_default()
    }

    /// Takes out the entry of this event. O(log n).
    pub(crate) fn remove(&mut self, peer: &str, counter: u32) -> Option<T> {
        let of_peer = self.by_peer.get_mut(peer)?;
        let old = of_peer.remove(&counter)?;
        if of_peer.is_empty() {
            self.by_peer.remove(peer);
        }
        self.len -= 1;
        Some(old)
    }

    /// Takes out the entries of these events of a peer. O(log n) for each that there is.
    pub(crate) fn remove_range(&mut self, peer: &str, counters: Range<u32>) -> Vec<T> {
        let mut removed = Vec::new();
        while let Some((counter, _)) = self.first_in(peer, counters.clone()) {
            removed.extend(self.remove(peer, counter));
        }
        removed
    }

    /// All entries, sorted by peer, then by counter.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&SharedText, u32, &T)> + Clone {
        self.by_peer
            .iter()
            .flat_map(|(peer, of_peer)| of_peer.iter().map(move |(&counter, entry)| (peer, counter, entry)))
    }
}

#[cfg(test)]
mod tests {
    use super::{EventMap, Names};

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
        let mut map = EventMap::default();
        assert_eq!(
            (map.insert("a", 3, 'x'), map.insert("a", 3, 'y'), map.insert("b", 0, 'z')),
            (None, Some('x'), None)
        );
        assert_eq!(
            (map.first_in("a", 0..3), map.first_in("a", 0..4), map.last_before("a", 9)),
            (None, Some((3, &'y')), Some((3, &'y')))
        );
        assert_eq!(map.remove_range("a", 0..9), ['y']);
        assert_eq!((map.len(), map.get("a", 3)), (1, None));
        assert_eq!((map.remove("b", 0), map.len()), (Some('z'), 0));
        assert_eq!(map.iter().count(), 0);
    }
}
