//! Tests the tree against a vector.

use super::{Item, Tree};
use crate::work;

/// An item of a number of units, with a key.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Block {
    key: u32,
    len: u32,
}

impl Item for Block {
    type Sum = u32;
    fn sum(&self) -> u32 {
        self.len
    }
    fn key(&self) -> Option<u32> {
        Some(self.key)
    }
}

fn random(state: &mut u64, end: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize % end.max(1)
}

fn check(tree: &Tree<Block>, model: &[Block]) {
    tree.dbg_check();
    assert!(tree.iter().eq(model.iter().copied()));
    let mut before = 0;
    for block in model {
        let cursor = tree.locate(block.key);
        assert_eq!((tree.get(cursor), tree.prefix(cursor)), (Some(*block), before));
        for target in before..before + block.len {
            assert_eq!(tree.find(|sum| *sum, target), (cursor, before));
        }
        before += block.len;
    }
    assert_eq!((tree.total(), tree.len()), (before, model.len()));
    assert_eq!(tree.find(|sum| *sum, before), (tree.end(), before));
    let mut backwards = Vec::new();
    let mut cursor = tree.end();
    while let Some(previous) = tree.previous(cursor) {
        backwards.push(tree.get(previous).unwrap());
        cursor = previous;
    }
    assert!(backwards.iter().rev().eq(model));
}

#[test]
fn holds_what_a_vector_holds() {
    for seed in 0..60 {
        let mut state = seed;
        let mut tree = Tree::default();
        let mut model: Vec<Block> = Vec::new();
        let mut keys = 0;
        // Phases of growth and of decline, at one end or anywhere.
        for phase in 0..6 {
            let mostly_grows = phase % 2 == 0;
            let kind = random(&mut state, 3);
            for _ in 0..random(&mut state, 900) {
                let at = match kind {
                    0 => model.len(),
                    1 => 0,
                    _ => random(&mut state, model.len() + 1),
                };
                let cursor = model.get(at).map_or(tree.end(), |block| tree.locate(block.key));
                if random(&mut state, 10) < if mostly_grows { 9 } else { 2 } {
                    let block = Block { key: keys, len: random(&mut state, 4) as u32 };
                    keys += 1;
                    tree.reserve(1, 1, keys as usize).unwrap();
                    let bytes = tree.bytes();
                    let placed = tree.insert(cursor, block);
                    assert_eq!(tree.bytes(), bytes, "an insertion allocated memory");
                    assert_eq!(tree.get(placed), Some(block));
                    model.insert(at, block);
                } else if at < model.len() {
                    if random(&mut state, 4) == 0 {
                        model[at].len = random(&mut state, 5) as u32;
                        tree.update(cursor, model[at]);
                    } else {
                        model.remove(at);
                        let next = tree.remove(cursor);
                        assert_eq!(next.and_then(|next| tree.get(next)), model.get(at).copied());
                    }
                }
            }
            check(&tree, &model);
        }
    }
}

#[test]
fn each_operation_takes_logarithmic_work() {
    let mut tree = Tree::default();
    for key in 0..100_000 {
        tree.insert(tree.first(), Block { key, len: 1 });
    }
    let (steps, _) = work::count(|| tree.find(|sum| *sum, 50_000));
    assert!(steps <= 7, "{steps} steps to find an item");
    let (steps, _) = work::count(|| tree.prefix(tree.locate(50_000)));
    assert!(steps <= 7, "{steps} steps to find a place");
    let (steps, _) = work::count(|| (0..1_000).for_each(|key| tree.insert_at_start(100_000 + key)));
    assert!(steps <= 8_000, "{steps} steps for 1,000 insertions");
}

impl Tree<Block> {
    fn insert_at_start(&mut self, key: u32) {
        self.insert(self.first(), Block { key, len: 1 });
    }
}

#[test]
fn a_small_tree_takes_little_memory() {
    let mut tree = Tree::default();
    tree.reserve(1, 1, 0).unwrap();
    tree.insert(tree.end(), Block { key: 0, len: 1 });
    assert!(tree.bytes() <= 160, "{} bytes", tree.bytes());
    // Appending fills the leaves.
    (1..3_200).for_each(|key| {
        tree.insert(tree.end(), Block { key, len: 1 });
    });
    assert!(tree.leaves.len() <= 101, "{} leaves", tree.leaves.len());
}
