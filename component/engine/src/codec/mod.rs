//! Bytes: bounded readers and writers of numbers, columns, texts and frames, as `docs/format.md` specifies them.
//!
//! Always holds: a reader takes no memory for what the bytes claim, only for what they are; every item of a column costs
//! at least `1 / ITEMS_PER_BYTE` bytes; a place at which bytes are wrong is named in the error. Does not know what is in
//! the columns.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

mod column;
mod frame;
mod reader;
mod sorted;
mod texts;
mod writer;

pub(crate) use column::{Column, ColumnWriter, DeltaColumn, DeltaWriter};
pub(crate) use frame::{Frame, FrameKind, FrameWriter, Section};
pub(crate) use reader::Reader;
pub(crate) use sorted::{SortedTexts, SortedTextsWriter};
pub(crate) use texts::{TextColumn, TextColumnWriter, TextPiece};
pub(crate) use writer::put_varint;

/// A signed difference as a number that is small where the difference is.
pub(crate) fn zigzag(difference: i64) -> u64 {
    ((difference << 1) ^ (difference >> 63)).cast_unsigned()
}

/// What `zigzag` made a number of.
pub(crate) fn unzigzag(number: u64) -> i64 {
    ((number >> 1) ^ 0_u64.wrapping_sub(number & 1)).cast_signed()
}

#[cfg(test)]
mod tests;
