//! Entries as bytes: what `docs/format.md` says of them.

mod read;
mod write;

pub(super) use read::{read, read_frame};
pub(super) use write::{AgedEntry, Size, write, write_frame};

/// Stands for a removal; a value's kind is one more than its tag.
const REMOVED: u8 = 0;
