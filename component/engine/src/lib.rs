//! The engine of converge in plain Rust. It stores tables of rows as a graph of events, and two
//! replicas that have the same events show the same tables.
//!
//! It has no access to a host, a clock, randomness, files or a network: whatever it needs, the
//! caller passes. [`Doc`] is one replica of a document. `docs/semantics.md` says what its functions
//! mean, `docs/architecture.md` how the engine is built.
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
mod ordering;
mod rows;
mod session;
mod sort;
mod text;
mod tree;
mod value;
mod work;

pub use doc::{
    CompactionReport, Content, Doc, EventBatch, EventRun, Fork, Inspection, MergeReport, SectionSize, Side, TextChange,
    Transaction, UpdateReader, inspect,
};
pub use ephemeral::{Entry, Store, StoreOptions};
pub use error::{Damage, Error, Invalid, Name, RunRule, SessionRule, Time};
pub use id::{EventId, PeerVersion};
pub use oplog::{Cell, Commit, Row, RowOp, RowsOp, ShapedRow, TableRows};
pub use ordering::between;
pub use rows::{Changes, KeyRange, Page, ScanOptions, ShapedPage, TableSummary, ViewNumber, WatcherNumber};
pub use session::{Acceptance, Progress, Received, Session, SessionOptions};
pub use text::Unit;
pub use value::Value;

/// The version of the engine, as semver.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
