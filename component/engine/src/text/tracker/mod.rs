//! The tracker: a part of a text's history as a sequence of all its characters, removed ones
//! included, with the state of each character in two versions.
//!
//! A tracker starts at a critical edit, or before all edits. Placeholders represent the characters
//! of the text there. The *effect* version contains all edits that the tracker applied. Before each
//! edit, the *prepare* version moves to the version that the author of the edit saw. Characters are
//! sorted as in Fugue's tree.
//!
//! Stores the sequence as blocks: runs of characters with one state. A block is also a node of the
//! tree: its first character has left children, its last one right children, and each other
//! character is the only right child of the one before it. At first there are more placeholders
//! than characters. Therefore placeholders are not children of each other, and no character is
//! inserted as the left child of a placeholder: that one might not exist.
//!
//! Always holds: the sequence has each character once; all characters that an edit of the effect
//! version inserted are in it. Does not know content.
//!
//! Sources: J. Gentle and M. Kleppmann, "Collaborative Text Editing with Eg-walker", 2025; M.
//! Weidner and M. Kleppmann, "The Art of the Fugue", 2025.

mod blocks;
mod place;
mod records;
mod undone;

use super::run::EditRun;
use crate::error::Error;
use crate::graph::{Graph, HeldBy};
use crate::id::{EventNumber, Order};
use crate::lanes::Lanes;
use crate::memory;
use crate::tree::Tree;
use blocks::{Block, FugueNode, IdRange};
use records::{IdOwner, Record};
use std::ops::Range;
pub(super) use undone::PlacedChars;

/// A key that no node has.
const NONE: u32 = u32::MAX;
/// The number of the first placeholder. Inserted characters have smaller numbers.
const PLACEHOLDERS: u32 = 1 << 31;
/// The number of placeholders at first: more than a text can have characters.
const MAX_PLACEHOLDERS: u32 = (1 << 31) - 2;
/// The number of the start of the text, which is the left neighbor of characters inserted there.
const START_ID: u32 = PLACEHOLDERS - 1;
/// The node of the start.
const START: u32 = 0;
/// The mark after the children of the start.
const START_END: u32 = 1;

/// A change of the text of the effect version: removes scalar values, or inserts the content of the
/// edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Remove { at: u32, scalars: u32 },
    Insert { at: u32 },
}

/// A part of the history of a text.
#[derive(Debug)]
pub(super) struct Tracker {
    /// The critical edit after which the tracker begins; `None` if it has all edits.
    start: Option<EventNumber>,
    /// The heads of the prepare version.
    version: Vec<EventNumber>,
    sequence: Tree<Block>,
    /// By key: nodes, and marks, which use none of the fields.
    nodes: Vec<FugueNode>,
    /// The blocks of the inserted characters and of the placeholders, each by number.
    inserted: Tree<IdRange>,
    placeholders: Tree<IdRange>,
    /// Children of one node on one side, where there are several.
    families: Vec<Order>,
    records: Vec<Record>,
    owners: Vec<IdOwner>,
    /// The characters that edits removed: first number and count.
    removed: Vec<(u32, u32)>,
    next_id: u32,
    /// The spans of the present walk between versions.
    spans: Vec<(HeldBy, EventNumber, u32)>,
}

impl Tracker {
    /// Returns a tracker that begins after a critical edit.
    pub(super) fn new(start: Option<EventNumber>) -> Result<Self, Error> {
        let mut tracker = Self {
            start,
            version: Vec::new(),
            sequence: Tree::default(),
            nodes: Vec::new(),
            inserted: Tree::default(),
            placeholders: Tree::default(),
            families: Vec::new(),
            records: Vec::new(),
            owners: Vec::new(),
            removed: Vec::new(),
            next_id: 0,
            spans: Vec::new(),
        };
        memory::reserve(&mut tracker.version, 1)?;
        tracker.version.extend(start);
        tracker.begin()?;
        Ok(tracker)
    }

    /// Returns the critical edit after which the tracker begins.
    pub(super) fn start(&self) -> Option<EventNumber> {
        self.start
    }

    /// Returns the number of runs of edits that the tracker applied.
    pub(super) fn runs(&self) -> usize {
        self.records.len()
    }

    /// Returns the bytes of memory that the tracker holds.
    pub(super) fn bytes(&self) -> usize {
        let of_families: usize = self.families.iter().map(|family| size_of::<Order>() + family.len() * 8).sum();
        self.sequence.bytes()
            + self.inserted.bytes()
            + self.placeholders.bytes()
            + self.nodes.capacity() * size_of::<FugueNode>()
            + self.records.capacity() * size_of::<Record>()
            + self.owners.capacity() * size_of::<IdOwner>()
            + self.removed.capacity() * size_of::<(u32, u32)>()
            + of_families
    }

    /// Moves the prepare version to what the author of an announced run saw.
    pub(super) fn move_before(&mut self, record: usize, graph: &Graph) -> Result<(), Error> {
        let first = self.records[record].first();
        let is_further = record.checked_sub(1).is_some_and(|before| self.records[before].last() == first);
        let before = [EventNumber(first.0.saturating_sub(1))];
        let target = if is_further { &[first] } else { graph.dependencies(first).unwrap_or(&before) };
        if self.version == target {
            return Ok(());
        }
        let mut spans = std::mem::take(&mut self.spans);
        spans.clear();
        let mut room = Ok(());
        graph.between(&self.version, target, |held, first, len| {
            if room.is_ok() {
                room = memory::reserve(&mut spans, 1);
                spans.push((held, first, len));
            }
        });
        room?;
        memory::reserve(&mut self.version, target.len())?;
        self.version.clear();
        self.version.extend_from_slice(target);
        for &(held, first, len) in &spans {
            self.toggle_events(first, len, held == HeldBy::Second)?;
        }
        self.spans = spans;
        Ok(())
    }

    /// Returns the length of the text in the prepare version.
    pub(super) fn prepared_scalars(&self) -> u32 {
        self.sequence.total().before
    }

    /// Removes placeholders from the end, until the text of the effect version has this length.
    pub(super) fn cut(&mut self, scalars: u32) {
        let excess = self.sequence.total().after.saturating_sub(scalars);
        let Some(last) = self.placeholders.previous(self.placeholders.end()) else { return };
        let Some(range) = self.placeholders.get(last) else { return };
        let cursor = self.sequence.locate(range.key);
        let Some(block) = self.sequence.get(cursor) else { return };
        let left = block.len.saturating_sub(excess);
        self.sequence.update(cursor, block.with_len(left));
        self.placeholders.update(last, IdRange { len: left, ..range });
    }

    /// Applies some edits of an announced run, whose author saw the prepare version. They must be
    /// valid there. Adds what they change to `effects`.
    pub(super) fn apply(
        &mut self,
        record: usize,
        part: &EditRun,
        (graph, lanes): (&Graph, &Lanes),
        effects: &mut Vec<Effect>,
    ) -> Result<(), Error> {
        let (at, remove) = part.splice();
        let insert = part.insert.saturating_mul(part.count);
        let targets = self.removed.len();
        self.remove(at, remove, effects)?;
        let id = self.next_id;
        if insert > 0 {
            memory::reserve(&mut self.owners, 1)?;
            self.owners.push(IdOwner { id, record: record as u32 });
        }
        self.records[record].fill(part, id, targets..self.removed.len());
        if insert > 0 {
            self.insert(at, insert, (graph, lanes), effects)?;
        }
        self.version.clear();
        self.version.push(part.last());
        Ok(())
    }

    /// Removes characters from a position of the prepare version on.
    fn remove(&mut self, at: u32, scalars: u32, effects: &mut Vec<Effect>) -> Result<(), Error> {
        let mut left = scalars;
        while left > 0 {
            let (cursor, before) = self.sequence.find(|sum| sum.before, at);
            let Some(block) = self.sequence.get(cursor) else { break };
            let skip = at.saturating_sub(before.before);
            if skip > 0 {
                self.split(block.key, skip)?;
                continue;
            }
            if block.len > left {
                self.split(block.key, left)?;
                continue;
            }
            memory::reserve(&mut self.removed, 1)?;
            self.removed.push((self.nodes[block.key as usize].id, block.len));
            if !block.is_removed() {
                push_removal(effects, before.after, block.len)?;
            }
            self.sequence.update(cursor, block.toggled(true).removed());
            left -= block.len;
        }
        Ok(())
    }

    /// Returns the position of a character in the effect version, and whether it shows there.
    pub(super) fn position(&self, id: u32) -> Option<(u32, bool)> {
        let (range, offset) = self.range_of(id)?;
        let cursor = self.sequence.locate(range.key);
        let block = self.sequence.get(cursor)?;
        let before = self.sequence.prefix(cursor).after;
        Some(if block.is_removed() { (before, false) } else { (before.saturating_add(offset), true) })
    }

    /// Returns the number of the placeholder for a character of the text at the start.
    pub(super) fn placeholder(index: u32) -> u32 {
        PLACEHOLDERS.saturating_add(index.min(MAX_PLACEHOLDERS))
    }

    /// Panics if an invariant is broken. O(n).
    pub(super) fn dbg_check(&self) {
        self.sequence.dbg_check();
        self.inserted.dbg_check();
        self.placeholders.dbg_check();
        self.check_nodes();
        assert!(self.records.windows(2).all(|pair| pair[0].last() <= pair[1].first()));
    }
}

/// Adds a removal to the effects. Removals at one position are one effect.
fn push_removal(effects: &mut Vec<Effect>, at: u32, scalars: u32) -> Result<(), Error> {
    if let Some(Effect::Remove { at: last, scalars: removed }) = effects.last_mut()
        && *last == at
    {
        *removed += scalars;
        return Ok(());
    }
    memory::reserve(effects, 1)?;
    effects.push(Effect::Remove { at, scalars });
    Ok(())
}

/// Returns the part of a range that is in another one, counted from the start of that one.
fn overlap(range: &Range<u32>, other: &Range<u32>) -> Range<u32> {
    let start = range.start.max(other.start);
    let end = range.end.min(other.end).max(start);
    start - other.start..end - other.start
}
