//! Numbers in the order of what they stand for, in chunks that grow and split.

use std::ops::Range;

/// Numbers in a chunk, after which it is split in two.
const MOST_IN_CHUNK: usize = 512;

/// The place of a number: its chunk, and its place there.
type Place = (usize, usize);

/// Numbers, each once, in the order of their keys. Callers tell the key of a number, always the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order {
    /// None is empty.
    chunks: Vec<Vec<u32>>,
    len: usize,
    /// Where the last number went: the next one often follows it.
    last: Place,
}

impl Order {
    /// How many numbers there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The number with this key. O(log n).
    pub(crate) fn find<K: Ord + Copy>(&self, key: K, key_of: impl Fn(u32) -> K) -> Option<u32> {
        let (chunk, at) = self.place(|number| key_of(number) < key);
        let number = *self.chunks.get(chunk)?.get(at)?;
        (key_of(number) == key).then_some(number)
    }

    /// Puts in a number whose key is not there yet. O(log n); O(1) where it comes next after the one before.
    pub(crate) fn insert<K: Ord>(&mut self, number: u32, key_of: impl Fn(u32) -> K) {
        let key = key_of(number);
        let is_before = |number: u32| key_of(number) < key;
        let (chunk, at) = self.place_after_last(is_before).unwrap_or_else(|| self.place(is_before));
        self.len += 1;
        if chunk == self.chunks.len() {
            // Behind all others.
            self.push(number);
            let chunk = self.chunks.len() - 1;
            self.last = (chunk, self.chunks[chunk].len() - 1);
            return;
        }
        let numbers = &mut self.chunks[chunk];
        numbers.insert(at, number);
        self.last = (chunk, at);
        if numbers.len() > MOST_IN_CHUNK {
            let upper = numbers.split_off(numbers.len() / 2);
            if at >= numbers.len() {
                self.last = (chunk + 1, at - numbers.len());
            }
            self.chunks.insert(chunk + 1, upper);
        }
    }

    /// Takes out a number that is there. O(log n).
    pub(crate) fn remove<K: Ord>(&mut self, number: u32, key_of: impl Fn(u32) -> K) {
        let key = key_of(number);
        let (chunk, at) = self.place(|number| key_of(number) < key);
        if self.chunks.get(chunk).and_then(|numbers| numbers.get(at)) != Some(&number) {
            return;
        }
        self.chunks[chunk].remove(at);
        if self.chunks[chunk].is_empty() {
            self.chunks.remove(chunk);
        }
        self.len -= 1;
        self.last = (usize::MAX, 0);
    }

    /// All numbers.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.chunks.iter().flatten().copied()
    }

    /// The numbers from the first that is not below to the last that is not above; both say so of numbers in their order.
    /// O(log n) to begin.
    pub(crate) fn range(
        &self,
        is_below: impl Fn(u32) -> bool,
        is_above: impl Fn(u32) -> bool,
    ) -> impl DoubleEndedIterator<Item = u32> {
        let start = self.place(is_below);
        let end = self.place(|number| !is_above(number)).max(start);
        let part = move |chunk: usize, len: usize| -> Range<usize> {
            let from = if chunk == start.0 { start.1 } else { 0 };
            let to = if chunk == end.0 { end.1 } else { len };
            from..to.max(from)
        };
        let chunks = self.chunks.iter().enumerate().skip(start.0).take((end.0 + 1).saturating_sub(start.0));
        chunks.flat_map(move |(chunk, numbers)| numbers[part(chunk, numbers.len())].iter().copied())
    }

    /// Of numbers that come in their order.
    pub(crate) fn of_sorted(numbers: impl Iterator<Item = u32>) -> Self {
        let mut order = Self::default();
        for number in numbers {
            order.push(number);
            order.len += 1;
        }
        order
    }

    /// Puts a number behind all others.
    fn push(&mut self, number: u32) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < MOST_IN_CHUNK => last.push(number),
            _ => self.chunks.push(vec![number]),
        }
    }

    /// The place of the first number that is not before.
    fn place(&self, is_before: impl Fn(u32) -> bool) -> Place {
        let is_chunk_before = |numbers: &Vec<u32>| numbers.last().is_none_or(|&last| is_before(last));
        let chunk = self.chunks.partition_point(is_chunk_before);
        (chunk, self.chunks.get(chunk).map_or(0, |numbers| numbers.partition_point(|&number| is_before(number))))
    }

    /// The same, where it is just behind the number that went in last.
    fn place_after_last(&self, is_before: impl Fn(u32) -> bool) -> Option<Place> {
        let (chunk, at) = self.last;
        let numbers = self.chunks.get(chunk)?;
        if !is_before(*numbers.get(at)?) {
            return None;
        }
        let (place, next) = match numbers.get(at + 1) {
            Some(next) => ((chunk, at + 1), Some(next)),
            None => ((chunk + 1, 0), self.chunks.get(chunk + 1).and_then(|numbers| numbers.first())),
        };
        next.is_none_or(|&next| !is_before(next)).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::Order;
    use std::collections::BTreeSet;

    /// Numbers whose order is not their own.
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
