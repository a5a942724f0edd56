//! A hash table from keys to numbers.
//!
//! Uses linear probing with at most `MAX_PROBES` slots. A number that finds no free slot is kept in
//! an ordered list instead. So a lookup of keys that were chosen to collide takes O(log n),
//! although hashes are the same in every process, for the sake of determinism.

use super::Order;
use crate::error::Error;
use crate::memory;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

/// The maximum number of slots that a lookup visits.
const MAX_PROBES: usize = 64;
const MIN_SLOTS: usize = 8;

/// A slot of the table.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    hash: u32,
    /// The number plus 1; 0 if the slot is free.
    entry: u32,
}

/// The entry of a slot whose number was removed.
const TAKEN_OUT: u32 = u32::MAX;

/// Numbers below 2^32 - 2, indexed by key. Callers pass a function from number to key, always the
/// same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    slots: Vec<Slot>,
    /// The count of slots that are not free.
    used: usize,
    crowded: Order,
}

impl Index {
    /// Returns the number with this key. O(1), and O(log n) if keys collide.
    pub(crate) fn find<K: Ord + Hash + Copy>(&self, key: K, key_of: impl Fn(u32) -> K) -> Option<u32> {
        let hash = hash_of(key);
        let mask = self.slots.len().wrapping_sub(1);
        for probe in 0..MAX_PROBES.min(self.slots.len()) {
            let slot = self.slots[(hash as usize + probe) & mask];
            match slot.entry {
                0 => return None,
                TAKEN_OUT => {}
                entry if slot.hash == hash && key_of(entry - 1) == key => return Some(entry - 1),
                _ => {}
            }
        }
        self.crowded.find(key, key_of)
    }

    /// Inserts a number with a new key. O(1), and O(log n) if keys collide; O(n) when the table
    /// grows.
    pub(crate) fn insert<K: Ord + Hash + Copy>(&mut self, number: u32, key_of: impl Fn(u32) -> K) {
        // If there is no memory to grow, the number goes into the ordered list at worst.
        let _ = self.reserve(1, &key_of);
        self.place(hash_of(key_of(number)), number, key_of);
    }

    /// Returns whether this many further numbers fit without an allocation.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        (self.used + more) * 4 <= self.slots.len() * 3
    }

    /// Reserves memory for this many further numbers.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn reserve<K: Ord + Hash + Copy>(
        &mut self,
        more: usize,
        key_of: impl Fn(u32) -> K,
    ) -> Result<(), Error> {
        if self.has_room(more) { Ok(()) } else { self.grow(more, &key_of) }
    }

    /// Removes a number, which must be in the table. O(1), and O(log n) if keys collide.
    pub(crate) fn remove<K: Ord + Hash + Copy>(&mut self, number: u32, key_of: impl Fn(u32) -> K) {
        let hash = hash_of(key_of(number));
        let mask = self.slots.len().wrapping_sub(1);
        let mut places = (0..MAX_PROBES.min(self.slots.len())).map(|probe| (hash as usize + probe) & mask);
        match places.find(|&place| self.slots[place].entry == number + 1) {
            Some(place) => self.slots[place].entry = TAKEN_OUT,
            None => self.crowded.remove(number, key_of),
        }
    }

    fn place<K: Ord + Hash + Copy>(&mut self, hash: u32, number: u32, key_of: impl Fn(u32) -> K) {
        let mask = self.slots.len().wrapping_sub(1);
        for probe in 0..MAX_PROBES.min(self.slots.len()) {
            let slot = &mut self.slots[(hash as usize + probe) & mask];
            if slot.entry == 0 || slot.entry == TAKEN_OUT {
                self.used += usize::from(slot.entry == 0);
                *slot = Slot { hash, entry: number + 1 };
                return;
            }
        }
        self.crowded.insert(number, key_of);
    }

    /// Grows the table for this many further numbers, at least to twice the present ones.
    fn grow<K: Ord + Hash + Copy>(&mut self, more: usize, key_of: &impl Fn(u32) -> K) -> Result<(), Error> {
        let kept = self.slots.iter().filter(|slot| slot.entry != 0 && slot.entry != TAKEN_OUT).count();
        let held = kept + self.crowded.len();
        let len = ((held + more) * 4 / 3 + 1).max(held * 2).next_power_of_two().max(MIN_SLOTS);
        let mut slots: Vec<Slot> = Vec::new();
        memory::reserve(&mut slots, len)?;
        slots.resize(len, Slot::default());
        let old = std::mem::replace(&mut self.slots, slots);
        let crowded = std::mem::take(&mut self.crowded);
        self.used = 0;
        for slot in old.into_iter().filter(|slot| slot.entry != 0 && slot.entry != TAKEN_OUT) {
            self.place(slot.hash, slot.entry - 1, key_of);
        }
        crowded.iter().for_each(|number| self.place(hash_of(key_of(number)), number, key_of));
        Ok(())
    }
}

fn hash_of(key: impl Hash) -> u32 {
    let mut hasher = FxHasher::default();
    key.hash(&mut hasher);
    hasher.finish() as u32
}

#[cfg(test)]
mod tests {
    use super::{Index, hash_of};

    #[test]
    fn finds_what_was_put_in() {
        let texts: Vec<String> = (0..20_000).map(|number| format!("text {number}")).collect();
        let key_of = |number: u32| texts[number as usize].as_str();
        let mut index = Index::default();
        for number in 0..10_000 {
            assert_eq!(index.find(key_of(number), key_of), None);
            index.insert(number, key_of);
        }
        for number in (0..10_000).filter(|number| number % 3 == 0) {
            index.remove(number, key_of);
        }
        for number in 10_000..20_000 {
            index.insert(number, key_of);
        }
        for number in 0..20_000 {
            let exists = number >= 10_000 || number % 3 > 0;
            assert_eq!(index.find(key_of(number), key_of), exists.then_some(number));
        }
    }

    #[test]
    fn keys_that_collide_are_found_in_few_steps() {
        // Numbers whose hashes agree in the lower 12 bits, so they collide in a table of 512 slots.
        let keys: Vec<u32> = (0..2_000_000).filter(|&key| hash_of(key) & 0xfff == 0).collect();
        assert!(keys.len() > 300);
        let steps = std::cell::Cell::new(0);
        let key_of = |number: u32| {
            steps.set(steps.get() + 1);
            keys[number as usize]
        };
        let mut index = Index::default();
        (0..keys.len() as u32).for_each(|number| index.insert(number, key_of));
        for (number, &key) in (0..).zip(&keys) {
            steps.set(0);
            assert_eq!(index.find(key, key_of), Some(number));
            assert!(steps.get() <= 16, "{} keys were looked at", steps.get());
        }
    }
}
