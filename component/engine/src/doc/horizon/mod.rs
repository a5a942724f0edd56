//! Giving up history below a horizon, and what other versions held.

mod compact;
mod history;
mod rebase;
mod rebuild;
mod transfer;

pub use compact::CompactionReport;
