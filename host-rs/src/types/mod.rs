//! The data that the crate's functions take and return: the contract's records and variants, as
//! plain Rust types.
//!
//! Holds no rule of the engine and no call. `contract` converts these types to and from the
//! generated ones, so nothing here depends on how the engine is run.

mod events;
mod presence;
mod rows;
mod session;
mod summary;
mod value;

pub use events::{Commit, CompactionReport, EventBatch, EventId, EventRun, Fork, MergeReport, PeerVersion, RowOp};
pub use presence::{Entry, StoreOptions};
pub use rows::{Changes, Digest, KeyRange, Page, Row, RowId, ScanOptions, TableSummary};
pub use session::{Acceptance, Progress, Received, SessionOptions};
pub use summary::{Content, Inspection, Limit, Section};
pub use value::{Cell, Value};

/// Collects names that a caller passes.
fn names(names: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    names.into_iter().map(Into::into).collect()
}
