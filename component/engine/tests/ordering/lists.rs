//! A list of keys, and tests of the keys that several callers add to one list, one after the other.

use crate::seeds::{Checked, Random, ensure, for_each_seed};
use converge_engine::{Cell, Doc, ScanOptions, Value, between};
use std::collections::BTreeSet;

/// Names of peers, of different lengths and scripts.
pub(crate) const PEERS: [&str; 5] = ["ann", "ben", "cleo", "émile.-~ \0", "a name that is longer than a hash"];

/// Keys in ascending order, as one caller sees them.
#[derive(Clone, Default)]
pub(crate) struct List(pub(crate) Vec<String>);

impl List {
    /// Inserts a key by `seed` at an index, and returns the key. Fails if the key is not between
    /// its neighbors.
    pub(crate) fn insert(&mut self, index: usize, seed: &str) -> Checked<String> {
        let after = index.checked_sub(1).map(|index| self.0[index].as_str());
        let before = self.0.get(index).map(String::as_str);
        let key = between(after, before, seed).map_err(|error| error.to_string())?;
        let is_between = after.is_none_or(|after| *after < *key) && before.is_none_or(|before| *key < *before);
        ensure!(is_between, "{key:?} is not between {after:?} and {before:?}");
        self.0.insert(index, key.clone());
        Ok(key)
    }
}

#[test]
fn random_inserts_are_between_their_neighbors_and_distinct() {
    for_each_seed(300, |seed| {
        let mut random = Random::new(seed);
        let peers = &PEERS[..1 + random.below(5)];
        let mut list = List::default();
        let mut all = BTreeSet::new();
        for _ in 0..100 {
            let index = random.below(list.0.len() + 1);
            let key = list.insert(index, peers[random.below(peers.len())])?;
            ensure!(all.insert(key.clone()), "{key:?} was returned twice");
        }
        Ok(())
    });
}

#[test]
fn equal_neighbors_with_different_seeds_have_different_keys() {
    for_each_seed(300, |seed| {
        let mut random = Random::new(seed);
        let mut list = List::default();
        for _ in 0..30 {
            let index = random.below(list.0.len() + 1);
            list.insert(index, PEERS[random.below(5)])?;
        }
        for index in 0..=list.0.len() {
            let of = |seed: &str| list.clone().insert(index, seed);
            let keys = PEERS.iter().map(|peer| of(peer)).collect::<Checked<BTreeSet<_>>>()?;
            ensure!(keys.len() == PEERS.len(), "at {index}: {keys:?}");
            ensure!(of("ann")? == of("ann")?, "equal arguments have different keys at {index}");
        }
        Ok(())
    });
    let keys: BTreeSet<_> = (0..100_000).map(|peer| between(None, None, &format!("peer {peer}")).unwrap()).collect();
    assert_eq!(keys.len(), 100_000);
}

/// All lists that two callers make in up to six steps: at each place, by either caller.
#[test]
fn all_small_lists_are_between_their_neighbors_and_distinct() {
    let mut lists = vec![List::default()];
    for _ in 0..6 {
        let mut longer = Vec::new();
        for list in &lists {
            for (index, peer) in (0..=list.0.len()).flat_map(|index| [(index, "ann"), (index, "ben")]) {
                let mut list = list.clone();
                list.insert(index, peer).unwrap();
                longer.push(list);
            }
        }
        lists = longer;
    }
    assert_eq!(lists.len(), 46_080);
}

#[test]
fn the_keys_of_the_documentation() {
    let first = between(None, None, "ann").unwrap();
    assert_eq!(first, "5G3TkXza1vxa.");
    let second = between(Some(&first), None, "ann").unwrap();
    assert_eq!(second, "5G3TkXza1vxb.");
    assert_eq!(between(None, Some(&first), "ann").unwrap(), "5G3TkXza1vxZ.");
    assert_eq!(between(Some(&first), Some(&second), "ann").unwrap(), "5G3TkXza1vxa.a.");
    let of_ben = between(Some(&first), Some(&second), "ben").unwrap();
    assert_eq!(of_ben, "5G3TkXza1vxa.5zQJNkJpS9Ha.");
    assert_eq!(between(Some(&first), Some(&of_ben), "cleo").unwrap(), "5G3TkXza1vxa.49Fo1dStEupa.");
    assert_eq!(between(Some(&of_ben), Some(&second), "ann").unwrap(), "5G3TkXza1vxa.a.");
    assert_eq!(between(Some(&second), None, "ben").unwrap(), "6zQJNkJpS9Ha.");
    assert_eq!(between(None, Some(&first), "ben").unwrap(), "4zQJNkJpS9Ha.");
    assert_eq!(between(Some("a"), Some("b"), "ann").unwrap(), "a.5G3TkXza1vxa.");
    assert_eq!(between(Some("a"), Some("a!"), "ann").unwrap(), "a .5G3TkXza1vxa.");
}

#[test]
fn keys_are_row_ids_and_texts() {
    let mut list = List::default();
    let mut random = Random::new(0);
    for _ in 0..200 {
        let index = random.below(list.0.len() + 1);
        list.insert(index, PEERS[random.below(5)]).unwrap();
    }
    let mut doc = Doc::create("ann").unwrap();
    for key in list.0.iter().rev() {
        doc.insert("items", key, vec![Cell::new("order", Value::Text(key.clone()))]).unwrap();
    }
    let page = doc.scan("items", &ScanOptions::default()).unwrap();
    let ids: Vec<&str> = page.rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, list.0);
}
