//! The bytes of entries. `docs/format.md` specifies them.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

mod read;
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
mod write;

pub(super) use read::{read, read_frame};
pub(super) use write::{AgedEntry, Size, write, write_frame};

/// The tag of a removal. Values have their tag plus 1.
const REMOVED: u8 = 0;
