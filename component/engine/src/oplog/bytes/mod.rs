//! The bytes of operations and values. `docs/format.md` specifies the columns.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

mod read;
mod shapes;
mod splices;
mod values;
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
mod write;

pub(crate) use read::{OpCell, OpContext, OpsReader};
pub(crate) use shapes::{Shapes, ShapesWriter};
pub(crate) use splices::{SplicedContents, read_content};
pub(crate) use values::ValueColumns;
pub(crate) use write::{ContentsWriter, OpsWriter, ValueColumnsWriter};

const INTEGERS: u8 = 1;
const REALS: u8 = 2;
const TEXTS: u8 = 4;
const BLOBS: u8 = 8;

/// The tag of an unset, in addition to the tags of values.
const ABSENT: u64 = 7;
