//! The text of a key: the blocks on its path, from the outside to the inside.
//!
//! A block begins with its place and the name of its seed, directly followed by the first number.
//! Each number ends with [`END`]. Places begin with a decimal digit and numbers with a letter, so
//! the blocks that other seeds attach to a key precede the further numbers of its own block.
//!
//! Parts of any other form, for example in keys that were written by hand, belong to no block.

use super::integer::{NUMBER, PLACE};
use super::name::{NAME_BYTES, is_name};
use super::numbers::FIRST;

/// Ends a number. Is less than all digits and letters.
pub(super) const END: char = '.';

/// A block on the path of a key.
#[derive(Debug)]
pub(super) struct KeyBlock<'k> {
    /// The number of bytes in front of the block: those of the key to which it is attached.
    pub(super) from: usize,
    /// The place among the blocks that are attached to the same key. Blocks are sorted by place,
    /// then by name.
    pub(super) place: i64,
    /// The name of the seed that creates the keys of the block.
    pub(super) name: &'k str,
    /// The key up to and including the name.
    pub(super) start: &'k str,
    /// The numbers of the key itself, or of the key in this block to which the next block is
    /// attached.
    pub(super) numbers: Vec<i64>,
}

/// Returns the blocks on the path of a key, the outermost one first.
pub(super) fn blocks(key: &str) -> Vec<KeyBlock<'_>> {
    let mut blocks: Vec<KeyBlock<'_>> = Vec::new();
    let (mut end, mut is_inside) = (0_usize, false);
    for part in key.split_inclusive(END) {
        let from = end;
        end = end.saturating_add(part.len());
        let Some(content) = part.strip_suffix(END) else { break };
        if let Some((place, name, number)) = block(content) {
            let start = from.saturating_add(content.len()).saturating_sub(number.len());
            if let (Some(start), Some(number)) = (key.get(..start), number_of(number)) {
                blocks.push(KeyBlock { from, place, name, start, numbers: vec![number] });
                is_inside = true;
                continue;
            }
        }
        match (is_inside, number_of(content), blocks.last_mut()) {
            (true, Some(number), Some(block)) => block.numbers.push(number),
            _ => is_inside = false,
        }
    }
    blocks
}

/// Splits a part at which a block begins into the place, the name and the first number.
fn block(part: &str) -> Option<(i64, &str, &str)> {
    let (place, rest) = PLACE.decode(part)?;
    let (name, number) = rest.split_at_checked(NAME_BYTES)?;
    is_name(name).then_some((place, name, number))
}

fn number_of(text: &str) -> Option<i64> {
    NUMBER.decode(text).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

/// Returns the key of a block with these numbers.
pub(super) fn key(start: &str, numbers: &[i64]) -> String {
    let mut key = start.to_owned();
    for number in numbers {
        NUMBER.encode(*number, &mut key);
        key.push(END);
    }
    key
}

/// Returns the first key of a block that is attached to a key. `to` is that key, or empty.
pub(super) fn first_key(to: &str, place: i64, name: &str) -> String {
    let mut start = to.to_owned();
    PLACE.encode(place, &mut start);
    start.push_str(name);
    key(&start, &[FIRST])
}
