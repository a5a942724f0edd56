//! Rows as bytes: blocks of sorted rows, each with all that it takes to answer for its rows; `docs/format.md` tells the
//! order of the columns.

mod columns;
mod names;
mod peek;
mod read;
mod stamps;
mod write;

pub(crate) use names::NameTable;
pub(crate) use read::StateReader;
pub(crate) use stamps::Stamps;
pub(crate) use write::StateWriter;

/// Rows of a block, but for the last of a table.
const BLOCK_ROWS: usize = 128;
