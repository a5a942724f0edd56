//! The blocks of a tracker: runs of characters with one state.

use super::{MAX_PLACEHOLDERS, NONE, PLACEHOLDERS, START, START_END, START_ID, Tracker};
use crate::error::Error;
use crate::memory;
use crate::tree::{Delta, Item, Sum, Tree};
use crate::work;

/// Characters with consecutive numbers and one state, or a mark, which has no characters.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Block {
    pub(super) key: u32,
    pub(super) len: u32,
    /// The count of edits of the prepare version that inserted or removed the characters: 0 if they
    /// are not inserted, 1 if they show. The highest bit says whether any edit removed them.
    state: u32,
}

const REMOVED: u32 = 1 << 31;

impl Block {
    /// Returns a block of characters that show in both versions.
    pub(super) fn shown(key: u32, len: u32) -> Self {
        Self { key, len, state: 1 }
    }

    /// Returns a block without characters.
    pub(super) fn mark(key: u32) -> Self {
        Self { key, ..Self::default() }
    }

    /// Returns the block with another number of characters.
    pub(super) fn with_len(self, len: u32) -> Self {
        Self { len, ..self }
    }

    fn count(self) -> u32 {
        self.state & !REMOVED
    }

    pub(super) fn is_removed(self) -> bool {
        self.state & REMOVED != 0
    }

    /// Returns whether the characters show in both versions.
    pub(super) fn is_shown(self) -> bool {
        self.state == 1
    }

    /// Returns the block with one edit more or less in the prepare version.
    pub(super) fn toggled(self, is_done: bool) -> Self {
        let count = if is_done { self.count() + 1 } else { self.count().saturating_sub(1) };
        Self { state: count | self.state & REMOVED, ..self }
    }

    pub(super) fn removed(self) -> Self {
        Self { state: self.state | REMOVED, ..self }
    }
}

/// Counts of characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Those that show in the prepare version.
    pub(super) before: u32,
    /// Those that show in the effect version.
    pub(super) after: u32,
    /// Those that the prepare version inserted, removed ones included.
    pub(super) existing: u32,
}

impl Sum for Counts {
    fn plus(self, other: Self) -> Self {
        Self {
            before: self.before.wrapping_add(other.before),
            after: self.after.wrapping_add(other.after),
            existing: self.existing.wrapping_add(other.existing),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            before: self.before.wrapping_sub(other.before),
            after: self.after.wrapping_sub(other.after),
            existing: self.existing.wrapping_sub(other.existing),
        }
    }
}

impl Item for Block {
    type Sum = Counts;

    fn sum(&self) -> Counts {
        let if_so = |holds: bool| if holds { self.len } else { 0 };
        Counts { before: if_so(self.count() == 1), after: if_so(!self.is_removed()), existing: if_so(self.count() > 0) }
    }

    fn key(&self) -> Option<u32> {
        Some(self.key)
    }
}

/// The block of characters with consecutive numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct IdRange {
    pub(super) key: u32,
    pub(super) len: u32,
}

impl Item for IdRange {
    type Sum = u32;

    fn sum(&self) -> u32 {
        self.len
    }
}

/// The children of a node on one side: none, the key of the only one, or the index of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Family(u32);

impl Family {
    pub(super) const NONE: Self = Self(NONE);
    const SEVERAL: u32 = 1 << 31;

    pub(super) fn one(key: u32) -> Self {
        Self(key)
    }

    pub(super) fn several(index: usize) -> Self {
        Self(index as u32 | Self::SEVERAL)
    }

    /// Returns the index of several children.
    pub(super) fn index(self) -> Option<usize> {
        (self != Self::NONE && self.0 & Self::SEVERAL != 0).then_some((self.0 & !Self::SEVERAL) as usize)
    }

    /// Returns the only child.
    pub(super) fn only(self) -> Option<u32> {
        (self.0 & Self::SEVERAL == 0).then_some(self.0)
    }
}

/// A block as a node of Fugue's tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct FugueNode {
    /// The number of the first character.
    pub(super) id: u32,
    /// The character that the first one was inserted after.
    pub(super) left_of: u32,
    /// The left children of the first character, and the right children of the last one.
    pub(super) left: Family,
    pub(super) right: Family,
    /// The marks before and after the characters that descend from the block, or `NONE`.
    pub(super) opening: u32,
    pub(super) closing: u32,
}

impl FugueNode {
    pub(super) fn new(id: u32, left_of: u32) -> Self {
        Self { id, left_of, left: Family::NONE, right: Family::NONE, opening: NONE, closing: NONE }
    }
}

impl Tracker {
    /// Adds the start of the text and the placeholders.
    pub(super) fn begin(&mut self) -> Result<(), Error> {
        self.reserve(3)?;
        let mut start = FugueNode::new(START_ID, NONE);
        start.closing = START_END;
        self.nodes.push(start);
        self.nodes.push(FugueNode::new(NONE, NONE));
        let first = self.nodes.len() as u32;
        self.nodes.push(FugueNode::new(PLACEHOLDERS, NONE));
        const { assert!(START == 0 && START_END == 1) };
        self.sequence.insert(self.sequence.end(), Block::mark(START_END));
        self.sequence.insert(self.sequence.end(), Block::shown(first, MAX_PLACEHOLDERS));
        self.placeholders.insert(self.placeholders.end(), IdRange { key: first, len: MAX_PLACEHOLDERS });
        Ok(())
    }

    /// Reserves memory for this many blocks and marks.
    pub(super) fn reserve(&mut self, more: usize) -> Result<(), Error> {
        memory::reserve(&mut self.nodes, more)?;
        self.sequence.reserve(more, more, self.nodes.len() + more)?;
        self.inserted.reserve(more, more, 0)?;
        self.placeholders.reserve(more, more, 0)
    }

    /// Returns the block of a character by number, and the index of the character in it.
    pub(super) fn range_of(&self, id: u32) -> Option<(IdRange, u32)> {
        let (ids, index) = self.ids(id);
        let (cursor, before) = ids.find(|sum| *sum, index);
        Some((ids.get(cursor)?, index.saturating_sub(before)))
    }

    /// Returns the blocks among which a character is, and its index there.
    fn ids(&self, id: u32) -> (&Tree<IdRange>, u32) {
        match id.checked_sub(PLACEHOLDERS) {
            Some(index) => (&self.placeholders, index),
            None => (&self.inserted, id),
        }
    }

    /// Splits a block after this many characters, fewer than it has, and returns the key of the
    /// second half.
    pub(super) fn split(&mut self, key: u32, at: u32) -> Result<u32, Error> {
        work::step();
        self.reserve(1)?;
        let new = self.nodes.len() as u32;
        let node = &mut self.nodes[key as usize];
        let first = node.id;
        let is_placeholder = first >= PLACEHOLDERS;
        let mut half = FugueNode::new(first + at, if is_placeholder { NONE } else { first + at - 1 });
        half.right = std::mem::replace(&mut node.right, if is_placeholder { Family::NONE } else { Family::one(new) });
        half.closing = std::mem::replace(&mut node.closing, NONE);
        self.nodes.push(half);
        let cursor = self.sequence.locate(key);
        let block = self.sequence.get(cursor).unwrap_or_default();
        self.sequence.update(cursor, block.with_len(at));
        self.sequence.insert(cursor.after(), Block { key: new, len: block.len - at, ..block });
        let ids = if is_placeholder { &mut self.placeholders } else { &mut self.inserted };
        let (cursor, _) = ids.find(|sum| *sum, if is_placeholder { first - PLACEHOLDERS } else { first });
        ids.update(cursor, IdRange { key, len: at });
        ids.insert(cursor.after(), IdRange { key: new, len: block.len - at });
        Ok(new)
    }

    /// Undoes or redoes an insertion or a removal of characters in the prepare version.
    pub(super) fn toggle(&mut self, first: u32, count: u32, is_done: bool) -> Result<(), Error> {
        let (mut id, mut left) = (first, count);
        // Sums are changed once for the blocks of one leaf.
        let mut delta = Delta::default();
        let mut last = None;
        while left > 0 {
            let (ids, index) = self.ids(id);
            let (cursor, offset) = match last.and_then(|last| ids.next(last)) {
                Some(next) => (next, 0),
                None => {
                    let (cursor, before) = ids.find(|sum| *sum, index);
                    (cursor, index.saturating_sub(before))
                }
            };
            let Some(range) = ids.get(cursor) else { break };
            if offset > 0 || range.len > left {
                self.sequence.add_delta(&mut delta);
                self.split(range.key, if offset > 0 { offset } else { left })?;
                last = None;
                continue;
            }
            last = Some(cursor);
            let cursor = self.sequence.locate(range.key);
            if let Some(block) = self.sequence.get(cursor) {
                self.sequence.update_later(cursor, block.toggled(is_done), &mut delta);
            }
            id += range.len;
            left -= range.len;
        }
        self.sequence.add_delta(&mut delta);
        Ok(())
    }

    /// Panics if the blocks do not agree with the nodes and the numbers.
    pub(super) fn check_nodes(&self) {
        for (ids, start) in [(&self.inserted, 0), (&self.placeholders, PLACEHOLDERS)] {
            let mut next = start;
            for range in ids.iter() {
                let block = self.sequence.get(self.sequence.locate(range.key));
                assert_eq!(block.map(|block| block.len), Some(range.len), "{range:?}");
                assert_eq!(self.nodes[range.key as usize].id, next, "{range:?}");
                next += range.len;
            }
            assert!(start > 0 || next == self.next_id);
        }
    }
}
