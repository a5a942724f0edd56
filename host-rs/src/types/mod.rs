//! The arguments and results of the crate's functions: the contract's records and variants, as
//! plain Rust types.
//!
//! This module makes no calls and checks no rules. The module `contract` converts these types to
//! and from the generated ones, so they do not depend on how the engine is run.

mod events;
mod presence;
mod rows;
mod session;
mod summary;
mod texts;
mod value;

pub use events::{Commit, CompactionReport, EventBatch, EventId, EventRun, Fork, MergeReport, PeerVersion, RowOp};
pub use presence::{Entry, StoreOptions};
pub use rows::{Changes, Digest, KeyRange, Page, Row, RowId, ScanOptions, TableSummary};
pub use session::{Acceptance, Progress, Received, SessionOptions};
pub use summary::{Content, Inspection, Limit, Section};
pub use texts::{Side, TextChange, TextUnit};
pub use value::{Cell, Value};

/// Converts the names that a caller passes.
fn names(names: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    names.into_iter().map(Into::into).collect()
}
