//! Names of characters. A name is the same on all replicas and never changes.

use crate::id::{Counter, PeerNumber};
use crate::oplog::ContentRange;

/// The name of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CharName {
    /// A character of the value that was written as the text's ground: its index in scalar values.
    Ground(u32),
    /// A character that an edit inserted.
    Inserted {
        peer: PeerNumber,
        counter: Counter,
        /// The index of the edit in its commit.
        place: u32,
        /// The index of the character in the inserted text, in scalar values.
        offset: u32,
    },
}

/// Characters that show one after the other, whose names and content are consecutive: of the base,
/// of one edit, or of edits that a peer typed one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NamedSpan {
    /// The name of the first character.
    pub(crate) name: CharName,
    /// The number of characters that each event inserted; any number for the ground.
    pub(crate) of_each: u32,
    pub(crate) scalars: u32,
    pub(crate) content: ContentRange,
}

impl NamedSpan {
    /// Returns the name of a character of the span. The event with the next counter follows after
    /// `of_each` characters of an event.
    pub(crate) fn name_at(&self, index: u32) -> CharName {
        match self.name {
            CharName::Ground(first) => CharName::Ground(first.saturating_add(index)),
            CharName::Inserted { peer, counter, place, offset } => {
                let (inside, each) = (offset.saturating_add(index), self.of_each.max(1));
                let counter = Counter(counter.0.saturating_add(inside / each));
                CharName::Inserted { peer, counter, place, offset: inside % each }
            }
        }
    }

    /// Returns whether all characters of the span can have names, whatever the events.
    pub(crate) fn is_sound(&self) -> bool {
        let Some(last) = self.scalars.checked_sub(1) else { return false };
        match self.name {
            CharName::Ground(first) => first.checked_add(last).is_some(),
            CharName::Inserted { offset, .. } => offset < self.of_each && offset.checked_add(last).is_some(),
        }
    }

    /// Returns the name of the last character. There is at least one.
    pub(crate) fn last_name(&self) -> CharName {
        self.name_at(self.scalars.saturating_sub(1))
    }

    /// Returns the index of a character in the span, if the span has it.
    pub(super) fn index_of(&self, name: CharName) -> Option<u32> {
        let index = match (self.name, name) {
            (CharName::Ground(first), CharName::Ground(index)) => index.checked_sub(first)?,
            (
                CharName::Inserted { counter: first, offset: skipped, .. },
                CharName::Inserted { counter, offset, .. },
            ) => {
                let events = counter.0.checked_sub(first.0)?;
                events.checked_mul(self.of_each)?.checked_add(offset)?.checked_sub(skipped)?
            }
            _ => return None,
        };
        (index < self.scalars && self.name_at(index) == name).then_some(index)
    }
}
