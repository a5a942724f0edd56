//! The engine of converge, in plain Rust: tables of rows kept as an event graph that merges without conflicts.
//!
//! It knows no host, no clock, no randomness, no files and no network. [`Doc`] is one replica of a document; what its
//! functions mean is said once, in `docs/semantics.md`, and how the engine is built in `docs/architecture.md`.
//!
//! ```
//! use converge_engine::{Cell, Doc, Value};
//!
//! let mut ann = Doc::create("ann")?;
//! ann.insert("people", "p1", vec![Cell::new("name", "Alice"), Cell::new("age", 30_i64)])?;
//!
//! let mut ben = Doc::create("ben")?;
//! ben.merge_events(ann.events_since(&ben.summary(), u32::MAX)?.runs)?;
//! assert_eq!(ben.get("people", "p1").unwrap()[0], Cell::new("age", Value::Integer(30)));
//! assert_eq!(ann.digest(), ben.digest());
//! # Ok::<(), converge_engine::Error>(())
//! ```

mod chain;
mod clock;
mod codec;
mod convert;
mod doc;
mod ephemeral;
mod error;
mod graph;
mod id;
mod lanes;
pub mod limits;
mod memory;
mod oplog;
mod rows;
mod session;
mod sort;
mod value;
mod work;

pub use doc::{
    CompactionReport, Content, Doc, EventBatch, EventRun, Fork, Inspection, MergeReport, SectionSize, Transaction,
    UpdateReader, inspect,
};
pub use ephemeral::{Entry, Store, StoreOptions};
pub use error::{Damage, Error, Invalid, Name, RunRule, SessionRule, Time};
pub use id::{EventId, PeerVersion};
pub use oplog::{Cell, Commit, RowOp};
pub use rows::{Changes, KeyRange, Page, Row, ScanOptions, TableSummary, WatcherNumber};
pub use session::{Acceptance, Progress, Received, Session, SessionOptions};
pub use value::Value;

/// The engine's version, as semver.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
