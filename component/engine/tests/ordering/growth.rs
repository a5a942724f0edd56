//! The lengths of keys. `docs/limits.md` states these figures.

use crate::lists::{List, PEERS};
use crate::seeds::Random;
use converge_engine::between;

/// The bytes of a caller's first key.
const FIRST: usize = 13;

fn longest(keys: impl IntoIterator<Item = String>) -> usize {
    keys.into_iter().map(|key| key.len()).max().unwrap_or_default()
}

/// Returns the length of the longest of `count` keys that are made one after the other. `next`
/// receives the count of keys so far and the last key.
fn bytes(count: usize, mut next: impl FnMut(usize, Option<&str>) -> String) -> usize {
    let mut last: Option<String> = None;
    let mut longest = 0;
    for made in 0..count {
        let key = next(made, last.as_deref());
        longest = longest.max(key.len());
        last = Some(key);
    }
    longest
}

#[test]
fn appending_and_prepending_lengthen_keys_logarithmically() {
    for (count, expected) in [(16, FIRST), (78, FIRST + 1), (3_922, FIRST + 2), (100_000, FIRST + 3)] {
        assert_eq!(bytes(count, |_, last| between(last, None, "ann").unwrap()), expected, "{count} appended");
        assert_eq!(bytes(count, |_, last| between(None, last, "ann").unwrap()), expected, "{count} prepended");
    }
    assert_eq!(bytes(79, |_, last| between(last, None, "ann").unwrap()), FIRST + 2);
}

#[test]
fn runs_between_two_keys_lengthen_keys_logarithmically() {
    let low = between(None, None, "ann").unwrap();
    let high = between(Some(&low), None, "ann").unwrap();
    for (peer, first) in [("ann", FIRST + 2), ("ben", FIRST + FIRST)] {
        let appended = bytes(100_000, |_, last| between(Some(last.unwrap_or(&low)), Some(&high), peer).unwrap());
        let prepended = bytes(100_000, |_, last| between(Some(&low), Some(last.unwrap_or(&high)), peer).unwrap());
        assert_eq!((appended, prepended), (first + 3, first + 3), "{peer}");
    }
}

#[test]
fn callers_that_take_turns_lengthen_keys_logarithmically() {
    let mut random = Random::new(0);
    for callers in 2..=5 {
        let appended = bytes(100_000, |made, last| between(last, None, PEERS[made % callers]).unwrap());
        let prepended = bytes(100_000, |made, last| between(None, last, PEERS[made % callers]).unwrap());
        assert_eq!((appended, prepended), (FIRST + 3, FIRST + 3), "{callers} callers");
        let appended = bytes(100_000, |_, last| between(last, None, PEERS[random.below(callers)]).unwrap());
        assert_eq!(appended, FIRST + 3, "{callers} callers at random");
    }
    let appended = bytes(100_000, |made, last| between(last, None, &made.to_string()).unwrap());
    assert_eq!(appended, FIRST + 3, "every key by another caller");
}

/// Returns the length of the longest of `count` keys, each between the last two ones.
fn inward(peers: &[&str], count: usize) -> usize {
    let mut list = List::default();
    let mut at = 0;
    longest((0..count).map(|made| {
        let key = list.insert(at, peers[made % peers.len()]).unwrap();
        at += made % 2;
        key
    }))
}

#[test]
fn inserting_between_the_last_two_keys_takes_a_byte_for_each_key() {
    for count in [10, 100, 1_000, 4_000] {
        assert_eq!(inward(&["ann"], count), FIRST - 2 + count);
    }
    assert_eq!(inward(&PEERS[..2], 10_000), FIRST + 3);
    assert_eq!(inward(&PEERS[..3], 100), 650);
    assert_eq!(inward(&PEERS, 100), 650);
}

/// Returns the mean length and the greatest one of keys at random places.
fn at_random_places(peers: usize, count: usize) -> (usize, usize) {
    let mut random = Random::new(0);
    let mut list = List::default();
    for _ in 0..count {
        let index = random.below(list.0.len() + 1);
        list.insert(index, PEERS[random.below(peers)]).unwrap();
    }
    let sum: usize = list.0.iter().map(String::len).sum();
    (sum / count, longest(list.0))
}

#[test]
fn random_places_lengthen_keys_slowly() {
    let measured = [1, 2, 3, 5].map(|peers| [1_000, 10_000].map(|count| at_random_places(peers, count)));
    let expected = [[(20, 29), (23, 35)], [(40, 82), (52, 130)], [(43, 92), (57, 122)], [(50, 106), (66, 143)]];
    assert_eq!(measured, expected);
}
