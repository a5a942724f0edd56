//! Compaction, rebase, and older versions.
//!
//! Always holds: the tables are the same after compaction; a rebase loses only events that cannot
//! build on the new horizon.

mod closed;
mod compact;
mod history;
mod rebase;
mod rebuild;
mod remake;
mod transfer;

pub use compact::CompactionReport;
