//! Rows as bytes: blocks of sorted rows, each with all that it takes to answer for its rows; `docs/format.md` tells the
//! order of the columns.

mod read;
mod write;

pub(crate) use read::StateReader;
pub(crate) use write::StateWriter;

use crate::clock::Lamport;
use crate::id::PeerNumber;

/// Rows of a block, but for the last of a table.
const BLOCK_ROWS: usize = 128;

/// Stamps by number: 0 is that of no operation, 1 that of a settled one.
pub(crate) trait StampTable {
    /// The number of a stamp's time and peer.
    fn number(&self, lamport: Lamport, peer: PeerNumber) -> u64;
    /// The time and peer of a number from 2 on.
    fn stamp(&self, number: u64) -> Option<(Lamport, PeerNumber)>;
    /// Whether operations can be settled.
    fn has_settled(&self) -> bool;
    /// Whether the number is that of an event that the history holds.
    fn is_retained(&self, number: u64) -> bool;
}

const NEVER: u64 = 0;
const SETTLED: u64 = 1;
