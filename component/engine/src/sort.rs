//! One non-generic sort. Monomorphized copies would add a tenth to the component's size.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Sorts by a comparison. Equal items keep their order. O(n log n), and O(n) for sorted items.
pub(crate) fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    if items.is_sorted_by(|a, b| compare(a, b).is_le()) {
        return;
    }
    let mut places: Vec<u32> = (0..items.len() as u32).collect();
    sort_places(&mut places, &|a, b| compare(&items[a as usize], &items[b as usize]));
    // Follows each cycle of the permutation once.
    for start in 0..places.len() {
        let mut at = start;
        loop {
            let from = std::mem::replace(&mut places[at], at as u32) as usize;
            if from == start {
                break;
            }
            items.swap(at, from);
            at = from;
        }
    }
}

/// Sorts by a key. Equal items keep their order.
pub(crate) fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |a, b| key(a).cmp(&key(b)));
}

/// Sorts items. Equal items keep their order.
pub(crate) fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, T::cmp);
}

/// Returns the distinct items, sorted.
pub(crate) fn distinct<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    sort(&mut items);
    items.dedup();
    items
}

/// Returns the items without those that equal the one before them.
pub(crate) fn without_repeats<T: PartialEq + Copy>(items: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    let mut last = None;
    items.filter(move |item| last.replace(*item) != Some(*item))
}

/// Returns an item that occurs at least twice, if there is one.
pub(crate) fn repeated<T: Ord>(items: impl Iterator<Item = T>) -> Option<T> {
    let mut items: Vec<T> = items.collect();
    sort(&mut items);
    let at = items.windows(2).position(|pair| pair[0] == pair[1])?;
    items.into_iter().nth(at)
}

/// Returns a map of these entries. `collect` would sort them by a copy of the standard library's
/// sort.
pub(crate) fn map<K: Ord, V>(entries: impl Iterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    map.extend(entries);
    map
}

/// Returns a set of these items, like `map`.
pub(crate) fn set<T: Ord>(items: impl Iterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    set.extend(items);
    set
}

#[inline(never)]
fn sort_places(places: &mut [u32], compare: &dyn Fn(u32, u32) -> Ordering) {
    places.sort_unstable_by(|&a, &b| compare(a, b).then(a.cmp(&b)));
}

#[cfg(test)]
mod tests {
    use super::{distinct, repeated, sort, sort_by_key};

    #[test]
    fn sorts_as_the_standard_library_does() {
        let mut random = 1_u64;
        for len in 0..200 {
            let mut next = || {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 33) % 50
            };
            let pairs: Vec<(u64, usize)> = (0..len).map(|at| (next(), at)).collect();
            let (mut ours, mut theirs) = (pairs.clone(), pairs.clone());
            sort_by_key(&mut ours, |pair| pair.0);
            theirs.sort_by_key(|pair| pair.0);
            assert_eq!(ours, theirs);
            sort(&mut ours);
            theirs.sort_unstable();
            assert_eq!(ours, theirs);
            let keys = || pairs.iter().map(|pair| pair.0);
            theirs.dedup_by_key(|pair| pair.0);
            assert_eq!(distinct(keys()), theirs.iter().map(|pair| pair.0).collect::<Vec<_>>());
            assert_eq!(repeated(keys()).is_some(), theirs.len() < len);
        }
    }
}
