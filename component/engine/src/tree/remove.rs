//! Removal: small leaves join their neighbors, and empty nodes disappear.

use super::{Cursor, Item, LEAF, Leaf, NONE, Sum, Tree};
use crate::work;

/// A leaf with fewer items joins a neighbor if both fit into `JOINED` items.
const SMALL: usize = LEAF / 4;
const JOINED: usize = LEAF * 3 / 4;

impl<T: Item> Tree<T> {
    /// Removes the item at a place, if there is one, and returns the place of the item after it.
    /// O(log n).
    pub(crate) fn remove(&mut self, cursor: Cursor) -> Option<Cursor> {
        let item = self.get(cursor)?;
        let start = cursor.leaf as usize * LEAF;
        let leaf = &mut self.leaves[cursor.leaf as usize];
        self.items.copy_within(start + cursor.at as usize + 1..start + leaf.len as usize, start + cursor.at as usize);
        leaf.len -= 1;
        let len = leaf.len as usize;
        self.len -= 1;
        let nothing = T::Sum::default();
        self.add(cursor.leaf, nothing.minus(item.sum()));
        if self.height == 0 {
            if self.leaves.len() == 1 {
                self.items.truncate(len);
            }
            return self.settled(cursor);
        }
        if len == 0 {
            let next = self.settled(cursor);
            self.drop_leaf(cursor.leaf);
            return next;
        }
        if len < SMALL { self.join(cursor) } else { self.settled(cursor) }
    }

    /// Joins a small leaf with a neighbor under the same parent, if both fit into one leaf.
    fn join(&mut self, cursor: Cursor) -> Option<Cursor> {
        let Leaf { len, parent, next, previous } = self.leaves[cursor.leaf as usize];
        let fits = |other: u32| {
            let other = self.leaves.get(other as usize);
            other.is_some_and(|it| it.parent == parent && (it.len + len) as usize <= JOINED)
        };
        let (left, right, at) = if fits(previous) {
            (previous, cursor.leaf, self.leaves[previous as usize].len + cursor.at)
        } else if fits(next) {
            (cursor.leaf, next, cursor.at)
        } else {
            return self.settled(cursor);
        };
        let (kept, moved) = (self.leaves[left as usize].len as usize, self.leaves[right as usize].len as usize);
        let (from, to) = (right as usize * LEAF, left as usize * LEAF + kept);
        self.items.copy_within(from..from + moved, to);
        let mut sum = T::Sum::default();
        for at in to..to + moved {
            let item = self.items[at];
            sum = sum.plus(item.sum());
            self.note(item, left);
        }
        self.leaves[left as usize].len += moved as u32;
        let node = &mut self.nodes[parent as usize];
        let (of_left, of_right) = (node.index_of(left), node.index_of(right));
        node.sums[of_left] = node.sums[of_left].plus(sum);
        node.sums[of_right] = node.sums[of_right].minus(sum);
        self.drop_leaf(right);
        self.settled(Cursor { leaf: left, at })
    }

    /// Removes a leaf whose items are gone, and the nodes that are empty then.
    fn drop_leaf(&mut self, leaf: u32) {
        let Leaf { parent, next, previous, .. } = self.leaves[leaf as usize];
        if let Some(next) = self.leaves.get_mut(next as usize) {
            next.previous = previous;
        }
        if let Some(previous) = self.leaves.get_mut(previous as usize) {
            previous.next = next;
        }
        self.leaves[leaf as usize] = Leaf { len: 0, parent: NONE, next: self.free_leaf, previous: NONE };
        self.free_leaf = leaf;
        self.drop_child(parent, leaf);
        self.lower();
    }

    fn drop_child(&mut self, parent: u32, child: u32) {
        let (mut parent, mut child) = (parent, child);
        while let Some(node) = self.nodes.get_mut(parent as usize) {
            work::step();
            let at = node.index_of(child);
            let len = node.len as usize;
            node.sums.copy_within(at + 1..len, at);
            node.children.copy_within(at + 1..len, at);
            node.len -= 1;
            if node.len > 0 {
                return;
            }
            let above = node.parent;
            node.parent = self.free_node;
            self.free_node = parent;
            (parent, child) = (above, parent);
        }
    }

    /// Replaces a root with one child by the child. A tree without leaves begins anew.
    fn lower(&mut self) {
        if self.len == 0 {
            let places = std::mem::take(&mut self.places);
            *self = Self { places, ..Self::default() };
            return;
        }
        while self.height > 0 && self.nodes[self.root as usize].len == 1 {
            let old = self.root;
            self.root = self.nodes[old as usize].children[0];
            self.height -= 1;
            self.set_parent(self.root, self.height, NONE);
            self.nodes[old as usize].parent = self.free_node;
            self.free_node = old;
        }
    }
}
