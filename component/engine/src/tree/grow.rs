//! Insertion: full leaves and nodes split.

use super::{Cursor, FAN, Item, LEAF, Leaf, NONE, Node, Sum, Tree};
use crate::work;

impl<T: Item> Tree<T> {
    /// Inserts an item at a place, before the item that is there, and returns its place. O(log n).
    /// After `reserve`, this does not allocate memory.
    pub(crate) fn insert(&mut self, cursor: Cursor, item: T) -> Cursor {
        if self.leaves.is_empty() {
            self.leaves.push(Leaf { len: 0, parent: NONE, next: NONE, previous: NONE });
            self.root = 0;
        }
        let mut cursor = cursor;
        if self.leaves[cursor.leaf as usize].len as usize == LEAF {
            let right = self.split_leaf(cursor);
            let len = self.leaves[cursor.leaf as usize].len;
            if cursor.at > len || len as usize == LEAF {
                cursor = Cursor { leaf: right, at: cursor.at - len };
            }
        }
        self.put(cursor, item);
        self.len += 1;
        self.add(cursor.leaf, item.sum());
        cursor
    }

    /// Puts an item into a leaf with room, without a change of the sums.
    fn put(&mut self, Cursor { leaf, at }: Cursor, item: T) {
        let start = leaf as usize * LEAF;
        let len = self.leaves[leaf as usize].len as usize;
        if self.items.len() == start + len {
            self.items.push(item);
        }
        self.items.copy_within(start + at as usize..start + len, start + at as usize + 1);
        self.items[start + at as usize] = item;
        self.leaves[leaf as usize].len += 1;
        self.note(item, leaf);
    }

    /// Records the leaf of an item.
    pub(super) fn note(&mut self, item: T, leaf: u32) {
        let Some(key) = item.key() else { return };
        if self.places.len() <= key as usize {
            self.places.resize(key as usize + 1, NONE);
        }
        self.places[key as usize] = leaf;
    }

    /// Splits a full leaf for an insertion at a place of it, and returns the new leaf on the right.
    /// Appending keeps the old leaf full.
    fn split_leaf(&mut self, Cursor { leaf, at }: Cursor) -> u32 {
        work::step();
        let right = self.new_leaf();
        let Leaf { next, parent, .. } = self.leaves[leaf as usize];
        let keep = if at as usize == LEAF && next == NONE { LEAF } else { LEAF / 2 };
        let (from, to) = (leaf as usize * LEAF, right as usize * LEAF);
        self.items.copy_within(from + keep..from + LEAF, to);
        let mut moved = T::Sum::default();
        for at in to..to + LEAF - keep {
            let item = self.items[at];
            moved = moved.plus(item.sum());
            self.note(item, right);
        }
        self.leaves[leaf as usize].len = keep as u32;
        self.leaves[leaf as usize].next = right;
        self.leaves[right as usize] = Leaf { len: (LEAF - keep) as u32, parent, next, previous: leaf };
        if let Some(next) = self.leaves.get_mut(next as usize) {
            next.previous = right;
        }
        self.add_child(parent, leaf, right, moved, 0);
        right
    }

    fn new_leaf(&mut self) -> u32 {
        if self.free_leaf != NONE {
            let leaf = self.free_leaf;
            self.free_leaf = self.leaves[leaf as usize].next;
            return leaf;
        }
        let leaf = self.leaves.len() as u32;
        self.leaves.push(Leaf { len: 0, parent: NONE, next: NONE, previous: NONE });
        self.items.resize(self.leaves.len() * LEAF, T::default());
        leaf
    }

    fn new_node(&mut self, node: Node<T::Sum>) -> u32 {
        if self.free_node != NONE {
            let number = self.free_node;
            self.free_node = self.nodes[number as usize].parent;
            self.nodes[number as usize] = node;
            return number;
        }
        self.nodes.push(node);
        self.nodes.len() as u32 - 1
    }

    /// Adds a child directly after another one, from which it took a part of the sum. `level` is
    /// the number of levels of nodes below the parent.
    fn add_child(&mut self, parent: u32, left: u32, right: u32, moved: T::Sum, level: u32) {
        work::step();
        if parent == NONE {
            return self.add_root(left, right, moved, level);
        }
        let mut parent = parent;
        if self.nodes[parent as usize].len as usize == FAN {
            let other = self.split_node(parent, level);
            let held = self.nodes[parent as usize];
            if !held.children[..held.len as usize].contains(&left) {
                parent = other;
            }
        }
        let node = &mut self.nodes[parent as usize];
        let at = node.index_of(left);
        let len = node.len as usize;
        node.sums.copy_within(at + 1..len, at + 2);
        node.children.copy_within(at + 1..len, at + 2);
        node.sums[at] = node.sums[at].minus(moved);
        node.sums[at + 1] = moved;
        node.children[at + 1] = right;
        node.len += 1;
        self.set_parent(right, level, parent);
    }

    /// Makes a new root of the old one and of a node or leaf after it.
    fn add_root(&mut self, left: u32, right: u32, moved: T::Sum, level: u32) {
        let mut node = Node { sums: [T::Sum::default(); FAN], children: [NONE; FAN], len: 2, parent: NONE };
        node.sums[0] = self.total.minus(moved);
        node.sums[1] = moved;
        node.children[0] = left;
        node.children[1] = right;
        let root = self.new_node(node);
        self.root = root;
        self.height += 1;
        self.set_parent(left, level, root);
        self.set_parent(right, level, root);
    }

    /// Splits a full node, and returns the new one on the right.
    fn split_node(&mut self, number: u32, level: u32) -> u32 {
        let old = self.nodes[number as usize];
        // Appending keeps the old node full but for the last child.
        let keep = if self.is_last(number) { FAN - 1 } else { FAN / 2 };
        let mut node = Node { sums: [T::Sum::default(); FAN], children: [NONE; FAN], len: 0, parent: old.parent };
        node.sums[..FAN - keep].copy_from_slice(&old.sums[keep..]);
        node.children[..FAN - keep].copy_from_slice(&old.children[keep..]);
        node.len = (FAN - keep) as u32;
        let moved = node.sums[..FAN - keep].iter().fold(T::Sum::default(), |sum, of_child| sum.plus(*of_child));
        self.nodes[number as usize].len = keep as u32;
        let right = self.new_node(node);
        for child in &old.children[keep..] {
            self.set_parent(*child, level, right);
        }
        self.add_child(old.parent, number, right, moved, level + 1);
        right
    }

    /// Returns whether there is nothing after this node on its level.
    fn is_last(&self, number: u32) -> bool {
        let (mut child, mut parent) = (number, self.nodes[number as usize].parent);
        while let Some(node) = self.nodes.get(parent as usize) {
            if node.children[node.len as usize - 1] != child {
                return false;
            }
            (child, parent) = (parent, node.parent);
        }
        true
    }

    /// Sets the parent of a leaf (level 0) or node.
    pub(super) fn set_parent(&mut self, child: u32, level: u32, parent: u32) {
        if level == 0 {
            self.leaves[child as usize].parent = parent;
        } else {
            self.nodes[child as usize].parent = parent;
        }
    }
}
