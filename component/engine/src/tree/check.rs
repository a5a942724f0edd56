//! Checks the invariants of a tree.

use super::{Item, LEAF, NONE, Sum, Tree};

impl<T: Item> Tree<T> {
    /// Panics if an invariant is broken. O(n).
    pub(crate) fn dbg_check(&self) {
        if self.leaves.is_empty() {
            assert_eq!((self.len, self.height), (0, 0));
            return;
        }
        let mut leaves = Vec::new();
        let total = self.check_child(self.root, self.height, NONE, &mut leaves);
        assert_eq!(total, self.total, "the total");
        let mut count = 0;
        for (at, &leaf) in leaves.iter().enumerate() {
            let held = self.leaves[leaf as usize];
            assert!(
                held.len as usize <= LEAF && (held.len > 0 || self.height == 0),
                "leaf {leaf} has {} items",
                held.len
            );
            count += held.len;
            let previous = at.checked_sub(1).map_or(NONE, |before| leaves[before]);
            assert_eq!((held.previous, held.next), (previous, leaves.get(at + 1).copied().unwrap_or(NONE)));
            for item in self.items_of(leaf) {
                assert!(item.key().is_none_or(|key| self.places[key as usize] == leaf), "{item:?} is not in {leaf}");
            }
        }
        assert_eq!(count, self.len, "the number of items");
    }

    /// Checks a leaf (level 0) or a node, and returns its sum.
    fn check_child(&self, number: u32, level: u32, parent: u32, leaves: &mut Vec<u32>) -> T::Sum {
        if level == 0 {
            leaves.push(number);
            assert_eq!(self.leaves[number as usize].parent, parent, "the parent of leaf {number}");
            return self.items_of(number).iter().fold(T::Sum::default(), |sum, item| sum.plus(item.sum()));
        }
        let node = &self.nodes[number as usize];
        assert!(node.len > 0 && node.parent == parent, "node {number}");
        let mut total = T::Sum::default();
        for at in 0..node.len as usize {
            let sum = self.check_child(node.children[at], level - 1, number, leaves);
            assert_eq!(sum, node.sums[at], "the sum of child {at} of {number}");
            total = total.plus(sum);
        }
        total
    }
}
