//! The numbers of the keys of a block: a list of integers for each key. Lists are compared item by
//! item, and a list is less than its continuations.

use super::integer::NUMBER;
use std::iter::once;

/// The number of the first key of a block, and of the first key behind another key of the block.
pub(super) const FIRST: i64 = 0;

/// Returns numbers between two lists, or `None` if there are none. `None` stands for the start and
/// the end of the block.
///
/// The result is next to `after`, or next to `before` if `before` continues `after`, and as short
/// as possible.
pub(super) fn between(after: Option<&[i64]>, before: Option<&[i64]>) -> Option<Vec<i64>> {
    match (after, before) {
        (None, None) => Some(vec![FIRST]),
        (Some(after), None) => Some(above(after, 0)),
        (None, Some(before)) => below(before, 0),
        (Some(after), Some(before)) => {
            let shared = after.iter().zip(before).take_while(|(low, high)| low == high).count();
            match (after.get(shared), before.get(shared)) {
                (None, Some(_)) => below(before, shared),
                (Some(low), Some(high)) if low < high => {
                    let are_neighbors = NUMBER.next(*low) == Some(*high);
                    Some(above(after, shared.saturating_add(usize::from(are_neighbors))))
                }
                _ => None,
            }
        }
    }
}

/// Returns the shortest list that is greater than a list and has its items up to an index.
fn above(list: &[i64], from: usize) -> Vec<i64> {
    for (index, number) in list.iter().enumerate().skip(from) {
        if let Some(next) = NUMBER.next(*number) {
            return list.iter().take(index).copied().chain(once(next)).collect();
        }
    }
    list.iter().copied().chain(once(FIRST)).collect()
}

/// Returns the shortest list that is less than a list and has its items up to an index.
fn below(list: &[i64], from: usize) -> Option<Vec<i64>> {
    let with_previous = |(index, number): (usize, &i64)| Some((index, NUMBER.previous(*number)?));
    let (index, previous) = list.iter().enumerate().skip(from).find_map(with_previous)?;
    Some(list.iter().take(index).copied().chain(once(previous)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::unwrap_used,
        reason = "tests read only their own texts"
    )]

    use super::between;

    const MAX: i64 = 853_058_371_866_181_881;
    const MIN: i64 = -1 - MAX;

    /// All lists of one to three of the integers at both ends and in the middle.
    fn lists() -> Vec<Vec<i64>> {
        let numbers = [MIN, MIN + 1, -1, 0, 1, MAX - 1, MAX];
        let mut lists: Vec<Vec<i64>> = vec![vec![]];
        let mut from = 0;
        for _ in 0..3 {
            let longer: Vec<Vec<i64>> = lists[from..]
                .iter()
                .flat_map(|list| numbers.iter().map(|number| [list.as_slice(), &[*number]].concat()))
                .collect();
            from = lists.len();
            lists.extend(longer);
        }
        lists.remove(0);
        lists
    }

    #[test]
    fn results_are_between_their_neighbors() {
        let lists = lists();
        let smallest = |list: &[i64]| list.iter().all(|number| *number == MIN);
        for after in &lists {
            assert!(between(Some(after), None).unwrap() > *after);
            assert!(between(None, Some(after)).map_or(smallest(after), |found| found < *after));
            assert_eq!(between(Some(after), Some(after)), None);
            for before in lists.iter().filter(|before| *before > after) {
                match between(Some(after), Some(before)) {
                    Some(found) => assert!(*after < found && found < *before, "{after:?} {found:?} {before:?}"),
                    None => assert!(before.strip_prefix(after.as_slice()).is_some_and(smallest)),
                }
            }
        }
    }
}
