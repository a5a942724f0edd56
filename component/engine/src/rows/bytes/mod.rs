//! The bytes of rows: blocks of sorted rows. A block contains everything that a lookup of one of
//! its rows requires. `docs/format.md` specifies the columns.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

mod by_row;
mod columns;
mod edits;
mod grounds;
mod names;
mod peek;
mod read;
mod segments;
mod stamps;
mod texts;
mod texts_writer;
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
mod write;

pub(crate) use names::NameTable;
pub(crate) use read::StateReader;
pub(crate) use stamps::Stamps;
pub(crate) use texts_writer::TextsContext;
pub(crate) use write::StateWriter;

/// The number of rows in a block. The last block of a table can have fewer.
const BLOCK_ROWS: u32 = 128;

/// Returns the number of rows in each block of a table with this many rows.
fn block_sizes(rows: u32) -> impl Iterator<Item = u32> {
    let mut left = rows;
    std::iter::from_fn(move || {
        let size = left.min(BLOCK_ROWS);
        left = left.saturating_sub(size);
        (size > 0).then_some(size)
    })
}
