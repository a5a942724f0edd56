//! An order-statistic B-tree in an arena: a sequence of items that is searched by sums of measures.
//!
//! Leaves hold the items, and each inner node holds the sum of each child. Nodes refer to each
//! other by index. Always holds: all leaves have the same depth; no leaf is empty, except the root
//! of an empty tree; the sum of a child is the sum of its items; if an item has a key, `places`
//! holds its leaf. Does not know what the items mean.
//!
//! While the tree is one leaf, it takes the memory of its items only.

mod check;
mod grow;
mod remove;

use crate::error::Error;
use crate::memory;
use crate::work;
use std::fmt::Debug;

/// The maximum number of items of a leaf.
const LEAF: usize = 32;
/// The maximum number of children of a node.
const FAN: usize = 16;
/// Stands for a leaf or node that does not exist.
const NONE: u32 = u32::MAX;

/// What a tree adds up. Addition wraps, so that the difference of two sums can be added.
pub(crate) trait Sum: Copy + Default + PartialEq + Debug {
    /// Returns the sum of both.
    fn plus(self, other: Self) -> Self;
    /// Returns what must be added to `other` for this sum.
    fn minus(self, other: Self) -> Self;
}

impl Sum for u32 {
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
}

/// An item of a tree.
pub(crate) trait Item: Copy + Default + Debug {
    type Sum: Sum;
    /// Returns what the item adds to the sums.
    fn sum(&self) -> Self::Sum;
    /// Returns the number by which `Tree::locate` finds the item. Keys are distinct and dense.
    fn key(&self) -> Option<u32> {
        None
    }
}

/// The place of an item. Each change of the tree makes it invalid, except for updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    leaf: u32,
    at: u32,
}

impl Cursor {
    /// Returns the place directly after this item.
    pub(crate) fn after(self) -> Self {
        Self { at: self.at + 1, ..self }
    }
}

/// Changes of the items of one leaf that are not in the sums yet.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Delta<S> {
    leaf: u32,
    more: S,
}

#[derive(Debug, Clone, Copy)]
struct Leaf {
    len: u32,
    parent: u32,
    /// The neighbors; for an unused leaf, `next` is the next unused one.
    next: u32,
    previous: u32,
}

#[derive(Debug, Clone, Copy)]
struct Node<S> {
    sums: [S; FAN],
    children: [u32; FAN],
    len: u32,
    /// The parent; for an unused node, the next unused one.
    parent: u32,
}

/// A sequence of items with sums.
#[derive(Debug)]
pub(crate) struct Tree<T: Item> {
    /// The items of leaf `n` begin at `n * LEAF`.
    items: Vec<T>,
    leaves: Vec<Leaf>,
    nodes: Vec<Node<T::Sum>>,
    /// The number of levels of nodes. Without nodes, the root is leaf 0.
    height: u32,
    root: u32,
    total: T::Sum,
    len: u32,
    /// The leaf of each item with a key.
    places: Vec<u32>,
    free_leaf: u32,
    free_node: u32,
}

impl<T: Item> Default for Tree<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            leaves: Vec::new(),
            nodes: Vec::new(),
            height: 0,
            root: 0,
            total: T::Sum::default(),
            len: 0,
            places: Vec::new(),
            free_leaf: NONE,
            free_node: NONE,
        }
    }
}

impl<T: Item> Tree<T> {
    /// Returns the sum of all items.
    pub(crate) fn total(&self) -> T::Sum {
        self.total
    }

    /// Returns the number of items.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// Returns the bytes of memory that the tree holds.
    pub(crate) fn bytes(&self) -> usize {
        self.items.capacity() * size_of::<T>()
            + self.leaves.capacity() * size_of::<Leaf>()
            + self.nodes.capacity() * size_of::<Node<T::Sum>>()
            + self.places.capacity() * size_of::<u32>()
    }

    /// Reserves memory for `items` further items with keys below `keys`, which are inserted at up
    /// to `places` different places.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn reserve(&mut self, places: usize, items: usize, keys: usize) -> Result<(), Error> {
        let new_keys = keys.saturating_sub(self.places.len());
        memory::reserve(&mut self.places, new_keys)?;
        if self.leaves.len() <= 1 && self.len() + items <= LEAF {
            memory::reserve(&mut self.leaves, 1)?;
            return memory::reserve(&mut self.items, items);
        }
        // Each present leaf can split once; a half takes half a leaf of items until it splits.
        let leaves = places.min(self.leaves.len()) + items / (LEAF / 2) + 1;
        let of_places = places.min(self.nodes.len()) + self.height as usize;
        let nodes = of_places + leaves / (FAN / 2) + 1;
        memory::reserve(&mut self.leaves, leaves)?;
        let more = (self.leaves.len() + leaves) * LEAF - self.items.len();
        memory::reserve(&mut self.items, more)?;
        memory::reserve(&mut self.nodes, nodes)
    }

    /// Returns the place of the item that contains the unit `target` of a measure, counted from 0,
    /// and the sum of the items before it. Returns the end if there are not that many units.
    pub(crate) fn find(&self, measure: impl Fn(&T::Sum) -> u32, target: u32) -> (Cursor, T::Sum) {
        if self.leaves.is_empty() {
            return (Cursor { leaf: 0, at: 0 }, T::Sum::default());
        }
        let (mut number, mut before) = (self.root, T::Sum::default());
        for _ in 0..self.height {
            work::step();
            let node = &self.nodes[number as usize];
            let len = node.len as usize;
            number = node.children[len - 1];
            for (sum, &child) in node.sums[..len - 1].iter().zip(&node.children) {
                let with = before.plus(*sum);
                if measure(&with) > target {
                    number = child;
                    break;
                }
                before = with;
            }
        }
        work::step();
        let items = self.items_of(number);
        for (at, item) in (0..).zip(items) {
            let with = before.plus(item.sum());
            if measure(&with) > target {
                return (Cursor { leaf: number, at }, before);
            }
            before = with;
        }
        (Cursor { leaf: number, at: items.len() as u32 }, before)
    }

    fn items_of(&self, leaf: u32) -> &[T] {
        let start = leaf as usize * LEAF;
        self.leaves.get(leaf as usize).map_or(&[], |it| &self.items[start..start + it.len as usize])
    }

    /// Returns the item at a place, or `None` at the end of a leaf.
    pub(crate) fn get(&self, cursor: Cursor) -> Option<T> {
        self.items_of(cursor.leaf).get(cursor.at as usize).copied()
    }

    /// Returns the place of the item with a key, which must be in the tree.
    pub(crate) fn locate(&self, key: u32) -> Cursor {
        let leaf = self.places[key as usize];
        let at = self.items_of(leaf).iter().position(|item| item.key() == Some(key));
        debug_assert!(at.is_some(), "key {key} is not in its leaf");
        Cursor { leaf, at: at.unwrap_or(0) as u32 }
    }

    /// Returns the sum of the items before a place.
    pub(crate) fn prefix(&self, cursor: Cursor) -> T::Sum {
        let items = self.items_of(cursor.leaf).iter().take(cursor.at as usize);
        let mut before = items.fold(T::Sum::default(), |sum, item| sum.plus(item.sum()));
        let (mut child, mut parent) = (cursor.leaf, self.leaves.get(cursor.leaf as usize).map_or(NONE, |it| it.parent));
        while let Some(node) = self.nodes.get(parent as usize) {
            work::step();
            let at = node.index_of(child);
            before = node.sums[..at].iter().fold(before, |sum, of_child| sum.plus(*of_child));
            (child, parent) = (parent, node.parent);
        }
        before
    }

    /// Returns the place of the first item, or the end of an empty tree.
    pub(crate) fn first(&self) -> Cursor {
        let mut number = self.root;
        for _ in 0..self.height {
            number = self.nodes[number as usize].children[0];
        }
        Cursor { leaf: number, at: 0 }
    }

    /// Returns the place after the last item.
    pub(crate) fn end(&self) -> Cursor {
        let mut number = self.root;
        for _ in 0..self.height {
            let node = &self.nodes[number as usize];
            number = node.children[node.len as usize - 1];
        }
        Cursor { leaf: number, at: self.items_of(number).len() as u32 }
    }

    /// Returns the place of the item after this one, if there is one.
    pub(crate) fn next(&self, cursor: Cursor) -> Option<Cursor> {
        self.settled(cursor.after())
    }

    /// Returns the place of the first item at this place or after it, if there is one.
    pub(crate) fn settled(&self, cursor: Cursor) -> Option<Cursor> {
        let leaf = self.leaves.get(cursor.leaf as usize)?;
        if cursor.at < leaf.len {
            return Some(cursor);
        }
        (leaf.next != NONE).then_some(Cursor { leaf: leaf.next, at: 0 })
    }

    /// Returns the place of the item before this place, if there is one.
    pub(crate) fn previous(&self, cursor: Cursor) -> Option<Cursor> {
        if let Some(at) = cursor.at.checked_sub(1) {
            return Some(Cursor { at, ..cursor });
        }
        let leaf = self.leaves.get(cursor.leaf as usize)?.previous;
        let len = self.leaves.get(leaf as usize)?.len;
        Some(Cursor { leaf, at: len - 1 })
    }

    /// Returns all items from a place on.
    pub(crate) fn iter_from(&self, cursor: Cursor) -> impl Iterator<Item = T> {
        let mut next = self.settled(cursor);
        std::iter::from_fn(move || {
            let cursor = next?;
            next = self.next(cursor);
            self.get(cursor)
        })
    }

    /// Returns all items.
    pub(crate) fn iter(&self) -> impl Iterator<Item = T> {
        self.iter_from(self.first())
    }

    /// Replaces the item at a place. The new one must have the same key.
    pub(crate) fn update(&mut self, cursor: Cursor, item: T) {
        let mut delta = Delta::default();
        self.update_later(cursor, item, &mut delta);
        self.add_delta(&mut delta);
    }

    /// Replaces the item at a place, and leaves the sums as they were: `delta` says what to add to
    /// them. One delta can have changes of several items, and is added before anything else.
    pub(crate) fn update_later(&mut self, cursor: Cursor, item: T, delta: &mut Delta<T::Sum>) {
        let Some(old) = self.items.get_mut(cursor.leaf as usize * LEAF + cursor.at as usize) else { return };
        let more = item.sum().minus(old.sum());
        *old = item;
        if delta.leaf != cursor.leaf {
            self.add_delta(delta);
            delta.leaf = cursor.leaf;
        }
        delta.more = delta.more.plus(more);
    }

    /// Adds changes of items to the sums.
    pub(crate) fn add_delta(&mut self, delta: &mut Delta<T::Sum>) {
        self.add(delta.leaf, std::mem::take(&mut delta.more));
    }

    /// Adds to the sums above a leaf.
    fn add(&mut self, leaf: u32, more: T::Sum) {
        if more == T::Sum::default() {
            return;
        }
        self.total = self.total.plus(more);
        let (mut child, mut parent) = (leaf, self.leaves[leaf as usize].parent);
        while let Some(node) = self.nodes.get_mut(parent as usize) {
            work::step();
            let at = node.index_of(child);
            node.sums[at] = node.sums[at].plus(more);
            (child, parent) = (parent, node.parent);
        }
    }
}

impl<S: Sum> Node<S> {
    /// Returns the index of a child, which must be one of this node.
    fn index_of(&self, child: u32) -> usize {
        let at = self.children[..self.len as usize].iter().position(|&other| other == child);
        debug_assert!(at.is_some(), "{child} is not a child");
        at.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
