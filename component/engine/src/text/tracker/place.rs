//! The places of new characters: among their siblings, in the order of the siblings' names.
//!
//! A new character is inserted before its next sibling and the descendants of that sibling, or
//! after the descendants of its parent. The search for the end of a node's descendants follows the
//! outermost child, its outermost child, and so on. If the path is long, some nodes on it get
//! marks: blocks without characters before or after their descendants, to which later searches
//! jump. Each node gets at most two marks, so the searches take amortized O(log n) steps.

use super::blocks::{Block, Family, FugueNode, IdRange};
use super::{Effect, NONE, PLACEHOLDERS, START, START_ID, Tracker};
use crate::error::Error;
use crate::graph::Graph;
use crate::id::{Counter, Order, PeerNumber};
use crate::lanes::Lanes;
use crate::memory;
use crate::tree::Cursor;
use crate::work;
use std::cmp::Ordering;

/// One node in this number on a long path gets a mark.
const STEPS_PER_MARK: usize = 8;
/// The bytes that a family of several children takes at first.
const FAMILY_BYTES: u64 = 128;

/// A side of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Left,
    Right,
}

/// The name of an edit: peer, counter and place in the commit.
type EditName = (PeerNumber, Counter, u32);

impl Tracker {
    /// Inserts new characters at a position of the prepare version. Their owner is recorded.
    pub(super) fn insert(
        &mut self,
        at: u32,
        scalars: u32,
        names: (&Graph, &Lanes),
        effects: &mut Vec<Effect>,
    ) -> Result<(), Error> {
        self.reserve(2)?;
        memory::reserve(effects, 1)?;
        let (parent, edge, left_of) = self.parent(at)?;
        if edge == Edge::Right && self.extend(parent, scalars, effects) {
            return Ok(());
        }
        let key = self.nodes.len() as u32;
        let id = self.next_id;
        self.nodes.push(FugueNode::new(id, left_of));
        let next = self.join_family(parent, edge, key, names)?;
        let cursor = match (next, edge) {
            (Some(next), _) => self.start_of(next)?,
            (None, Edge::Left) => self.sequence.locate(parent),
            (None, Edge::Right) => self.end_inside(parent, key)?,
        };
        let cursor = self.sequence.insert(cursor, Block::shown(key, scalars));
        self.inserted.insert(self.inserted.end(), IdRange { key, len: scalars });
        self.next_id += scalars;
        effects.push(Effect::Insert { at: self.sequence.prefix(cursor).after });
        Ok(())
    }

    /// Returns the parent of a character that is inserted at a position of the prepare version, the
    /// side, and the number of the left neighbor. Splits the parent's block where needed.
    fn parent(&mut self, at: u32) -> Result<(u32, Edge, u32), Error> {
        let (mut left, mut left_id, mut existing) = (START, START_ID, 0);
        // Only edits that were loaded can be beyond the end.
        let at = at.min(self.prepared_scalars());
        if let Some(target) = at.checked_sub(1) {
            let (cursor, before) = self.sequence.find(|sum| sum.before, target);
            let block = self.sequence.get(cursor).unwrap_or_default();
            let offset = target.saturating_sub(before.before);
            left = block.key;
            left_id = self.nodes[left as usize].id + offset;
            existing = before.existing + offset + 1;
            if offset + 1 < block.len {
                let right = self.split(left, offset + 1)?;
                let is_placeholder = left_id >= PLACEHOLDERS;
                return Ok(if is_placeholder { (left, Edge::Right, left_id) } else { (right, Edge::Left, left_id) });
            }
        }
        let (cursor, _) = self.sequence.find(|sum| sum.existing, existing);
        let right = self.sequence.get(cursor).filter(|block| self.nodes[block.key as usize].left_of == left_id);
        Ok(right.map_or((left, Edge::Right, left_id), |right| (right.key, Edge::Left, left_id)))
    }

    /// Lengthens the parent's block by new characters if they continue it.
    fn extend(&mut self, parent: u32, scalars: u32, effects: &mut Vec<Effect>) -> bool {
        let node = self.nodes[parent as usize];
        if parent == START || node.id >= PLACEHOLDERS || node.right != Family::NONE {
            return false;
        }
        let cursor = self.sequence.locate(parent);
        let Some(block) = self.sequence.get(cursor) else { return false };
        if node.id + block.len != self.next_id || !block.is_shown() {
            return false;
        }
        let len = block.len + scalars;
        effects.push(Effect::Insert { at: self.sequence.prefix(cursor).after + block.len });
        self.sequence.update(cursor, block.with_len(len));
        if let Some(last) = self.inserted.previous(self.inserted.end()) {
            self.inserted.update(last, IdRange { key: parent, len });
        }
        self.next_id += scalars;
        true
    }

    /// Adds a child to a node, and returns the next sibling.
    fn join_family(
        &mut self,
        parent: u32,
        edge: Edge,
        child: u32,
        names: (&Graph, &Lanes),
    ) -> Result<Option<u32>, Error> {
        let node = &self.nodes[parent as usize];
        let family = if edge == Edge::Left { node.left } else { node.right };
        let is_before = |sibling: u32| self.compare(sibling, child, names).is_lt();
        let (new, next) = if family == Family::NONE {
            (Family::one(child), None)
        } else if let Some(only) = family.only() {
            memory::spend(FAMILY_BYTES)?;
            memory::reserve(&mut self.families, 1)?;
            let is_last = self.compare(only, child, names).is_lt();
            let pair = if is_last { [only, child] } else { [child, only] };
            self.families.push(Order::of_sorted(pair.into_iter()));
            (Family::several(self.families.len() - 1), (!is_last).then_some(only))
        } else {
            let index = family.index().unwrap_or(0);
            let next = self.families[index].range(is_before, |_| false).next();
            memory::spend(size_of::<u32>() as u64)?;
            let mut siblings = std::mem::take(&mut self.families[index]);
            siblings.insert_by(child, |sibling| self.compare(sibling, child, names).is_lt());
            self.families[index] = siblings;
            (family, next)
        };
        let node = &mut self.nodes[parent as usize];
        *(if edge == Edge::Left { &mut node.left } else { &mut node.right }) = new;
        Ok(next)
    }

    /// Compares two siblings by the names of the edits that inserted them.
    fn compare(&self, one: u32, other: u32, (graph, lanes): (&Graph, &Lanes)) -> Ordering {
        work::step();
        let name = |key: u32| self.name_of(self.nodes[key as usize].id, graph);
        match (name(one), name(other)) {
            (Some(one), Some(other)) => order_of_names(one, other, lanes),
            (one, other) => one.is_some().cmp(&other.is_some()),
        }
    }

    /// Returns the last child of a family.
    fn last_of(&self, family: Family) -> Option<u32> {
        match family.index() {
            Some(index) => self.families[index].iter().next_back(),
            None => family.only(),
        }
    }

    /// Returns the first child of a family.
    fn first_of(&self, family: Family) -> Option<u32> {
        match family.index() {
            Some(index) => self.families[index].iter().next(),
            None => family.only(),
        }
    }

    /// Returns the place after all right children of a node. The last one, `new`, has no place yet.
    fn end_inside(&mut self, parent: u32, new: u32) -> Result<Cursor, Error> {
        let FugueNode { closing, right, .. } = self.nodes[parent as usize];
        if closing != NONE {
            return Ok(self.sequence.locate(closing));
        }
        let last = match right.index() {
            Some(index) => self.families[index].iter().rev().find(|&sibling| sibling != new),
            None => None,
        };
        match last {
            Some(last) => self.end_of(last),
            None => Ok(self.sequence.locate(parent).after()),
        }
    }

    /// Returns the place after the descendants of a node.
    fn end_of(&mut self, key: u32) -> Result<Cursor, Error> {
        let (mut key, mut way) = (key, Vec::new());
        let end = loop {
            work::step();
            let FugueNode { closing, right, .. } = self.nodes[key as usize];
            if closing != NONE {
                break self.sequence.locate(closing).after();
            }
            let Some(last) = self.last_of(right) else { break self.sequence.locate(key).after() };
            memory::reserve(&mut way, 1)?;
            way.push(key);
            key = last;
        };
        let mut cursor = end;
        for &key in way.iter().rev().skip(STEPS_PER_MARK - 1).step_by(STEPS_PER_MARK) {
            let (mark, at) = self.mark(cursor)?;
            self.nodes[key as usize].closing = mark;
            cursor = at.after();
        }
        Ok(cursor)
    }

    /// Returns the place before the descendants of a node.
    fn start_of(&mut self, key: u32) -> Result<Cursor, Error> {
        let (mut key, mut way) = (key, Vec::new());
        let start = loop {
            work::step();
            let FugueNode { opening, left, .. } = self.nodes[key as usize];
            if opening != NONE {
                break self.sequence.locate(opening);
            }
            let Some(first) = self.first_of(left) else { break self.sequence.locate(key) };
            memory::reserve(&mut way, 1)?;
            way.push(key);
            key = first;
        };
        let mut cursor = start;
        for &key in way.iter().rev().skip(STEPS_PER_MARK - 1).step_by(STEPS_PER_MARK) {
            let (mark, at) = self.mark(cursor)?;
            self.nodes[key as usize].opening = mark;
            cursor = at;
        }
        Ok(cursor)
    }

    /// Inserts a mark, and returns its key and place.
    fn mark(&mut self, cursor: Cursor) -> Result<(u32, Cursor), Error> {
        self.reserve(2)?;
        let key = self.nodes.len() as u32;
        self.nodes.push(FugueNode::new(NONE, NONE));
        Ok((key, self.sequence.insert(cursor, Block::mark(key))))
    }
}

/// Compares the names of two edits: peers as bytes, branches of one peer in the order of execution.
fn order_of_names(one: EditName, other: EditName, lanes: &Lanes) -> Ordering {
    lanes.order(one.0, other.0).then(one.1.cmp(&other.1)).then(one.2.cmp(&other.2))
}
