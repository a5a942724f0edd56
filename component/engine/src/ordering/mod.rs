//! Keys for ordered lists: texts between which another text always fits.
//!
//! A key is a path in a tree of blocks. Each block belongs to one seed, and its keys have numbers.
//! A block is attached to a key of another block, or to the start of the list. See `path` for the
//! text.
//!
//! A new key goes into the outermost block of its seed, on the path of either neighbor, that has
//! room between the neighbors; otherwise into a new block, as far outside as possible. So all keys
//! that a seed creates between two neighbors are in one block, and no other seed creates keys
//! between them:
//!
//! - A key of another seed that is between two keys of a block begins with a key of the block. Its
//!   creator therefore saw that key, or a key whose path leads through it.
//! - A block that has room between two neighbors also has room between a neighbor and a key that
//!   was created in the block. No block of the seed further outside has room there, because the
//!   path of the created key contains no other blocks than the paths of the neighbors.
//! - Blocks that other seeds attach to a neighbor in the block are not between the new keys,
//!   because they precede all further numbers behind that neighbor.
//!
//! The idea of a path in a tree as a text, with the creator's name and a counter in each node, is
//! that of position-strings by Matthew Weidner
//! (<https://github.com/mweidner037/position-strings/blob/master/algorithm.md>). In contrast, this
//! module has no state, and it attaches keys as far outside as possible: numbers also count down,
//! several numbers of one seed follow one name, and blocks have places. So prepending lengthens
//! keys only logarithmically too, and so do seeds that take turns.
//!
//! This module does not know documents: a key is only compared with its two neighbors.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

mod integer;
mod name;
mod numbers;
mod path;

use crate::convert::u64_of;
use crate::error::{Error, Invalid, Name};
use crate::limits;
use integer::PLACE;
use path::{END, KeyBlock};

/// The place of the first block that is attached to a key.
const FIRST_PLACE: i64 = 0;

/// Returns a key between two keys, compared as bytes. `None` stands for the start and the end of
/// the list.
///
/// `seed` distinguishes callers, normally by their peer name; any text of 1 to 200 bytes is a seed.
/// Equal arguments return equal keys. If only the seed differs, the keys differ, except with a
/// probability of about 2^-59. Keys that callers with different seeds create between the same two
/// neighbors, without seeing each other's keys, do not interleave: between two keys of one caller
/// there are only keys of this caller.
///
/// The neighbors can be any texts, such as keys that were written by hand. If neither is such a
/// text, the result consists of ASCII letters, digits and `.`.
///
/// Takes time linear in the length of the neighbors.
///
/// # Errors
///
/// [`Error::InvalidArgument`] if `after` is not less than `before`, if no text fits between them
/// because `before` only adds spaces or control characters to `after`, or if the seed is empty.
/// [`Error::LimitExceeded`] if the seed is longer than `peer-bytes`, or if a neighbor or the result
/// is longer than `row-bytes`.
pub fn between(after: Option<&str>, before: Option<&str>, seed: &str) -> Result<String, Error> {
    Name::Seed.check(seed)?;
    for key in [after, before].into_iter().flatten() {
        limits::ROW_BYTES.check(u64_of(key.len()))?;
    }
    let after = after.unwrap_or("");
    if let Some(before) = before.filter(|before| *before <= after) {
        return Err(Invalid::KeysNotAscending { after: after.to_owned(), before: before.to_owned() }.into());
    }
    let gap = Gap::new(after, before);
    let name = name::of(seed);
    let key = match gap.in_existing_block(&name).or_else(|| gap.in_new_block(&name)) {
        Some(key) => key,
        None => gap.next_to_any_text(&name)?,
    };
    limits::ROW_BYTES.check(u64_of(key.len()))?;
    Ok(key)
}

/// The place between two neighbors, which are in ascending order.
struct Gap<'k> {
    after: &'k str,
    before: Option<&'k str>,
    /// The number of bytes at the start that are equal in both.
    shared: usize,
    /// The blocks on the paths of the neighbors. Blocks that are on both paths have the same index
    /// in both lists.
    below: Vec<KeyBlock<'k>>,
    above: Vec<KeyBlock<'k>>,
}

impl<'k> Gap<'k> {
    fn new(after: &'k str, before: Option<&'k str>) -> Self {
        let bytes = after.bytes().zip(before.unwrap_or_default().bytes());
        let shared = bytes.take_while(|(low, high)| low == high).count();
        Self { after, before, shared, below: path::blocks(after), above: before.map(path::blocks).unwrap_or_default() }
    }

    /// Returns whether a key is between the neighbors. Further keys of a block always are, unless a
    /// neighbor continues the block with a text that was written by hand.
    fn contains(&self, key: &str) -> bool {
        key > self.after && self.before.is_none_or(|before| key < before)
    }

    /// Returns a key in the outermost block of the seed that has room. Prefers blocks on the path
    /// of `after`.
    fn in_existing_block(&self, name: &str) -> Option<String> {
        let below = self.below.iter().enumerate().filter(|(_, block)| block.name == name);
        let behind = below.filter_map(|(index, block)| {
            let before = if block.start.len() > self.shared {
                None
            } else {
                Some(self.above.get(index).filter(|other| other.start == block.start)?.numbers.as_slice())
            };
            Some(path::key(block.start, &numbers::between(Some(&block.numbers), before)?))
        });
        let above = self.above.iter().filter(|block| block.name == name && block.start.len() > self.shared);
        let in_front =
            above.filter_map(|block| Some(path::key(block.start, &numbers::between(None, Some(&block.numbers))?)));
        behind.chain(in_front).find(|key| self.contains(key))
    }

    /// Returns the first key of a new block: behind the outermost block on the path of `after` that
    /// has room behind it or, if both paths lead through all of these blocks, in front of the next
    /// block on the path of `before`.
    fn in_new_block(&self, name: &str) -> Option<String> {
        let outermost = self.below.iter().position(|block| block.start.len() > self.shared);
        let (to, place) = if let Some(index) = outermost {
            let has_room = |place: i64, block: &KeyBlock<'_>| {
                let next = self.above.get(index).filter(|other| other.from == block.from && block.from <= self.shared);
                next.is_none_or(|next| place < next.place)
            };
            let place_behind = |block: &KeyBlock<'k>| {
                let place = PLACE.next(block.place).filter(|place| has_room(*place, block))?;
                Some((self.after.get(..block.from)?, place))
            };
            self.below.iter().skip(index).find_map(place_behind)?
        } else {
            let next = self.above.get(self.below.len()).filter(|block| block.from >= self.after.len())?;
            (self.before?.get(..next.from)?, PLACE.previous(next.place)?)
        };
        Some(path::first_key(to, place, name)).filter(|key| self.contains(key))
    }

    /// Returns the first key of a new block that is attached to `after`. If that is not between the
    /// neighbors, because `before` begins with `after`, the block is attached to a text that is.
    fn next_to_any_text(&self, name: &str) -> Result<String, Error> {
        let mark = if self.after.is_empty() || self.after.ends_with(END) { "" } else { "." };
        let key = path::first_key(&[self.after, mark].concat(), FIRST_PLACE, name);
        let Some(before) = self.before.filter(|_| !self.contains(&key)) else { return Ok(key) };
        let mut added = before.char_indices().rev().take_while(|(at, _)| *at >= self.after.len());
        // The text begins as `before` and continues with a lesser character.
        let to = added.find_map(|(at, character)| {
            let mark = ["-.", " ."].into_iter().find(|mark| mark.starts_with(|low| low < character))?;
            Some([before.get(..at)?, mark].concat())
        });
        let no_key = || Invalid::NoKeyBetween { after: self.after.to_owned(), before: before.to_owned() };
        Ok(path::first_key(&to.ok_or_else(no_key)?, FIRST_PLACE, name))
    }
}
