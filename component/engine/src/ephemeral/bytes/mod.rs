//! Entries as bytes: what `docs/format.md` says of them.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

mod read;
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "writes what the engine holds, and reads nothing"
)]
mod write;

pub(super) use read::{read, read_frame};
pub(super) use write::{AgedEntry, Size, write, write_frame};

/// Stands for a removal; a value's kind is one more than its tag.
const REMOVED: u8 = 0;
