//! An ordered list of items in chunks that grow and split.
//!
//! Does not know the order: each call passes a comparison, always the same one.

use std::cmp::Ordering;
use std::ops::Range;

/// The maximum number of items in a chunk. A larger chunk is split.
const MAX_IN_CHUNK: usize = 512;

/// The index of a chunk, and an index in the chunk.
type ChunkPlace = (usize, usize);

/// An ordered list of distinct items. By default, the items are numbers, ordered by their keys.
#[derive(Debug, Clone)]
pub(crate) struct Order<T = u32> {
    /// No chunk is empty.
    chunks: Vec<Vec<T>>,
    len: usize,
    /// The place of the last inserted item. The next item often follows it.
    last: ChunkPlace,
}

impl<T> Default for Order<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0, last: (0, 0) }
    }
}

impl Order {
    /// Returns the number with this key. O(log n).
    pub(crate) fn find<K: Ord + Copy>(&self, key: K, key_of: impl Fn(u32) -> K) -> Option<u32> {
        let (chunk, at) = self.place(|number| key_of(number) < key);
        let number = *self.chunks.get(chunk)?.get(at)?;
        (key_of(number) == key).then_some(number)
    }

    /// Inserts a number with a new key. O(log n), and O(1) if it follows the last inserted one.
    pub(crate) fn insert<K: Ord>(&mut self, number: u32, key_of: impl Fn(u32) -> K) {
        let key = key_of(number);
        self.insert_by(number, |other| key_of(other) < key);
    }

    /// Removes a number, which must be in the list. O(log n).
    pub(crate) fn remove<K: Ord>(&mut self, number: u32, key_of: impl Fn(u32) -> K) {
        let key = key_of(number);
        self.remove_by(|other| key_of(other).cmp(&key));
    }
}

impl<T: Copy> Order<T> {
    /// Returns the number of items.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Inserts an item after all items for which `is_before` holds. O(log n), and O(1) if it
    /// follows the last inserted one.
    pub(crate) fn insert_by(&mut self, item: T, is_before: impl Fn(T) -> bool) {
        let (chunk, at) = self.place_after_last(&is_before).unwrap_or_else(|| self.place(is_before));
        if chunk == self.chunks.len() {
            return self.push(item);
        }
        self.len += 1;
        let items = &mut self.chunks[chunk];
        items.insert(at, item);
        self.last = (chunk, at);
        if items.len() > MAX_IN_CHUNK {
            let upper = items.split_off(items.len() / 2);
            if at >= items.len() {
                self.last = (chunk + 1, at - items.len());
            }
            self.chunks.insert(chunk + 1, upper);
        }
    }

    /// Removes and returns the first item that equals the one looked for, if there is one. `order`
    /// compares an item with it. O(log n).
    pub(crate) fn remove_by(&mut self, order: impl Fn(T) -> Ordering) -> Option<T> {
        let (chunk, at) = self.place(|item| order(item).is_lt());
        let item = *self.chunks.get(chunk)?.get(at)?;
        if order(item).is_gt() {
            return None;
        }
        self.chunks[chunk].remove(at);
        if self.chunks[chunk].is_empty() {
            self.chunks.remove(chunk);
        }
        self.len -= 1;
        self.last = (usize::MAX, 0);
        Some(item)
    }

    /// Returns all items.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = T> {
        self.chunks.iter().flatten().copied()
    }

    /// Returns the items from the first one that is not below to the last one that is not above.
    /// O(log n) for the first item.
    pub(crate) fn range(
        &self,
        is_below: impl Fn(T) -> bool,
        is_above: impl Fn(T) -> bool,
    ) -> impl DoubleEndedIterator<Item = T> {
        let start = self.place(is_below);
        let end = self.place(|item| !is_above(item)).max(start);
        let part = move |chunk: usize, len: usize| -> Range<usize> {
            let from = if chunk == start.0 { start.1 } else { 0 };
            let to = if chunk == end.0 { end.1 } else { len };
            from..to.max(from)
        };
        let chunks = self.chunks.iter().enumerate().skip(start.0).take((end.0 + 1).saturating_sub(start.0));
        chunks.flat_map(move |(chunk, items)| items[part(chunk, items.len())].iter().copied())
    }

    /// Returns a list of items that are already in order.
    pub(crate) fn of_sorted(items: impl Iterator<Item = T>) -> Self {
        let mut order = Self::default();
        items.for_each(|item| order.push(item));
        order
    }

    /// Appends an item after all others. O(1).
    pub(crate) fn push(&mut self, item: T) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < MAX_IN_CHUNK => last.push(item),
            _ => self.chunks.push(vec![item]),
        }
        self.len += 1;
        let chunk = self.chunks.len() - 1;
        self.last = (chunk, self.chunks[chunk].len() - 1);
    }

    /// Returns the place of the first item that is not before.
    fn place(&self, is_before: impl Fn(T) -> bool) -> ChunkPlace {
        let is_chunk_before = |items: &Vec<T>| items.last().is_none_or(|&last| is_before(last));
        let chunk = self.chunks.partition_point(is_chunk_before);
        (chunk, self.chunks.get(chunk).map_or(0, |items| items.partition_point(|&item| is_before(item))))
    }

    /// Returns the same place if it directly follows the last inserted item.
    fn place_after_last(&self, is_before: impl Fn(T) -> bool) -> Option<ChunkPlace> {
        let (chunk, at) = self.last;
        let items = self.chunks.get(chunk)?;
        if !is_before(*items.get(at)?) {
            return None;
        }
        let (place, next) = match items.get(at + 1) {
            Some(next) => ((chunk, at + 1), Some(next)),
            None => ((chunk + 1, 0), self.chunks.get(chunk + 1).and_then(|items| items.first())),
        };
        next.is_none_or(|&next| !is_before(next)).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::Order;
    use std::collections::BTreeSet;

    /// A key whose order differs from that of the numbers.
    fn key_of(number: u32) -> u32 {
        number.wrapping_mul(0x9e37_79b1).rotate_left(7)
    }

    #[test]
    fn is_what_a_sorted_set_is() {
        for key_of in [key_of as fn(u32) -> u32, |number| number, |number| !number] {
            let (mut order, mut set) = (Order::default(), BTreeSet::new());
            let expected = |set: &BTreeSet<(u32, u32)>| set.iter().map(|&(_, number)| number).collect::<Vec<_>>();
            for number in 0..5_000 {
                order.insert(number, key_of);
                set.insert((key_of(number), number));
                if number % 3 == 0 {
                    order.remove(number / 2, key_of);
                    set.remove(&(key_of(number / 2), number / 2));
                }
                if number % 500 == 0 {
                    assert_eq!(order.iter().collect::<Vec<_>>(), expected(&set));
                }
            }
            assert_eq!(order.len(), set.len());
            assert_eq!(order.iter().rev().collect::<Vec<_>>(), expected(&set).into_iter().rev().collect::<Vec<_>>());
            for number in 0..5_001 {
                let found = order.find(key_of(number), key_of);
                assert_eq!(found, set.contains(&(key_of(number), number)).then_some(number));
            }
            for (low, high) in [(0, u32::MAX), (1 << 20, 1 << 31), (1 << 31, 1 << 20), (7, 4_000), (u32::MAX, u32::MAX)]
            {
                let some = order.range(|number| key_of(number) < low, |number| key_of(number) > high);
                let expected = set.iter().filter(|(key, _)| (low..=high).contains(key)).map(|&(_, number)| number);
                assert_eq!(some.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{low} to {high}");
            }
            let sorted = Order::of_sorted(order.iter());
            assert_eq!((sorted.len(), sorted.iter().eq(order.iter())), (order.len(), true));
        }
    }
}
