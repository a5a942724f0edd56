//! Readers and writers of numbers, columns, texts and frames. `docs/format.md` specifies the bytes.
//!
//! Always holds: a reader allocates memory for the bytes that exist, not for a count that they
//! claim; every item of a column takes at least `1 / ITEMS_PER_BYTE` bytes; an error names the
//! position of the damage. Does not know what the columns contain.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

mod column;
mod frame;
mod reader;
mod sorted;
mod texts;
mod writer;

pub(crate) use column::{Column, ColumnWriter, DeltaColumn, DeltaWriter};
pub(crate) use frame::{Feature, Frame, FrameKind, FrameWriter, Section};
pub(crate) use reader::Reader;
pub(crate) use sorted::{SortedTexts, SortedTextsWriter};
pub(crate) use texts::{TextColumn, TextColumnWriter, TextPiece};
pub(crate) use writer::put_varint;

/// Converts a signed difference to a number that is small if the difference is.
pub(crate) fn zigzag(difference: i64) -> u64 {
    ((difference << 1) ^ (difference >> 63)).cast_unsigned()
}

/// Reverses `zigzag`.
pub(crate) fn unzigzag(number: u64) -> i64 {
    ((number >> 1) ^ 0_u64.wrapping_sub(number & 1)).cast_signed()
}

#[cfg(test)]
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "tests read only their own bytes"
)]
mod tests;
