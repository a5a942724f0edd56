//! Names, and the small numbers that stand for them inside one document.
//!
//! Holds the peers and the names of tables and columns, each once. Numbers are given in the order of arrival, so they
//! differ between replicas: whatever leaves the engine, or is compared, goes by name. Does not know the graph.

use std::collections::BTreeMap;
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
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(pub(crate) u32);

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

/// Texts with a number each, from 0 up.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_text: BTreeMap<SharedText, u32>,
    texts: Vec<SharedText>,
}

impl Names {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    /// The number of a text that is known. O(log n).
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        self.by_text.get(text).copied()
    }

    /// The number of a text, which is added where it is new. O(log n).
    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        if let Some(number) = self.find(text) {
            return number;
        }
        let shared = SharedText::from(text);
        // Every caller has checked a limit far below 2^32.
        let number = self.texts.len() as u32;
        self.by_text.insert(shared.clone(), number);
        self.texts.push(shared);
        number
    }

    /// The text with this number, which must be one that `intern` gave.
    pub(crate) fn text(&self, number: u32) -> &SharedText {
        &self.texts[number as usize]
    }

    /// All texts with their numbers, sorted as bytes.
    pub(crate) fn sorted(&self) -> impl Iterator<Item = (&SharedText, u32)> {
        self.by_text.iter().map(|(text, &number)| (text, number))
    }

    /// Forgets the texts that were added when there were `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        for text in self.texts.drain(len..) {
            self.by_text.remove(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn numbers_are_stable_and_truncation_forgets() {
        let mut names = Names::default();
        assert_eq!((names.intern("b"), names.intern("a"), names.intern("b")), (0, 1, 0));
        names.truncate(1);
        assert_eq!((names.find("a"), names.find("b"), names.len()), (None, Some(0), 1));
        assert_eq!(names.intern("c"), 1);
        assert_eq!(&**names.text(1), "c");
    }
}
