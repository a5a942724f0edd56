//! Rows as bytes: blocks of sorted rows, each with all that it takes to answer for its rows; `docs/format.md` tells the
//! order of the columns.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

mod columns;
mod names;
mod peek;
mod read;
mod stamps;
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "writes what the engine holds, and reads nothing"
)]
mod write;

pub(crate) use names::NameTable;
pub(crate) use read::StateReader;
pub(crate) use stamps::Stamps;
pub(crate) use write::StateWriter;

/// Rows of a block, but for the last of a table.
const BLOCK_ROWS: u32 = 128;

/// How many rows each block of a table with so many rows has.
fn block_sizes(rows: u32) -> impl Iterator<Item = u32> {
    let mut left = rows;
    std::iter::from_fn(move || {
        let size = left.min(BLOCK_ROWS);
        left = left.saturating_sub(size);
        (size > 0).then_some(size)
    })
}
