//! Local-first tables that merge: replicas write on their own, exchange what they wrote in any order, and end with the
//! same rows.
//!
//! The engine is a WebAssembly component, the very one that runs in browsers. This crate embeds it, compiles it once per
//! process and gives its functions as Rust: every [`Doc`] method has the name that the contract (`wit/` in the sources)
//! gives it, and means what the contract says.
//!
//! ```
//! use converge::{Doc, Value};
//!
//! let ann = Doc::create("ann")?;
//! let ben = Doc::create("ben")?;
//! ann.insert("people", "p1", [("name", Value::from("Alice")), ("age", 30.into())])?;
//! ben.insert("people", "p1", [("town", "Oslo")])?;
//!
//! ben.merge_update(&ann.update_since(&ben.summary()?)?)?;
//! ann.merge_update(&ben.update_since(&ann.summary()?)?)?;
//! assert_eq!(ann.get("people", "p1")?, ben.get("people", "p1")?);
//! assert_eq!(ann.digest()?, ben.digest()?);
//! # Ok::<(), converge::Error>(())
//! ```
//!
//! # Structs as rows
//!
//! ```
//! use converge::Doc;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, PartialEq, Debug)]
//! struct Person { name: String, age: Option<u8> }
//!
//! let doc = Doc::create("ann")?;
//! let alice = Person { name: "Alice".into(), age: None };
//! doc.insert_as("people", "p1", &alice)?;
//! assert_eq!(doc.get_as("people", "p1")?, Some(alice));
//! # Ok::<(), converge::Error>(())
//! ```
//!
//! [`cells`] says which types fit into a cell.
//!
//! # What changed
//!
//! ```
//! use converge::{Doc, RowOp};
//!
//! let doc = Doc::create("ann")?;
//! let mut watcher = doc.watch(&["people"], false)?;
//! doc.insert("people", "p1", [("name", "Alice")])?;
//! doc.update("people", "p1", [("name", "Alicia")])?;
//! for op in &mut watcher {
//!     assert_eq!(op?, RowOp::insert("people", "p1", [("name", "Alicia")]));
//! }
//! # Ok::<(), converge::Error>(())
//! ```
//!
//! # Saved documents
//!
//! ```
//! use converge::Doc;
//!
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("people.converge");
//! let doc = Doc::create("ann")?;
//! doc.insert("people", "p1", [("name", "Alice")])?;
//! doc.save_file(&file)?; // whole, or not at all
//!
//! let restarted = Doc::load_file("ann", &file)?;
//! assert_eq!(restarted.get("people", "p1")?, doc.get("people", "p1")?);
//! assert_eq!(restarted.save()?, doc.save()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Doc::summary`], [`Doc::update_since`] and [`Doc::merge_update`] exchange new events as bytes. [`Doc::compact`] drops
//! history; [`Doc::diff`] and [`Doc::fork_at`] read it. [`inspect`] and [`UpdateReader`] read bytes without a document.
//!
//! # Presence and sessions
//!
//! [`Store`] holds what is not worth a history: who is here, where the cursors are. [`Session`] carries the events of a
//! document and the entries of a store between two replicas, over whatever carries bytes.
//!
//! # Limits
//!
//! [`Doc::create`] gives the document an [`Instance`] of its own: a memory that no other document sees, bounded in size,
//! in which each call is bounded in time. [`InstanceOptions`] sets both; [`Instance::doc`] and [`Instance::load`] put
//! several documents into one instance. What a call would bring beyond the memory is refused with
//! [`Error::LimitExceeded`], `memory-bytes`. A call whose argument or answer does not fit beside it fails with
//! [`Error::OutOfMemory`], one beyond its time with [`Error::OutOfTime`]; either takes its instance with it, and others go on.

pub mod cells;
mod doc;
mod error;
pub mod file;
mod instance;
#[cfg(feature = "mutators")]
pub mod mutators;
mod reader;
mod runtime;
mod saved;
mod session;
mod store;
mod transaction;
mod types;
mod watcher;

/// The contract, as Rust types and calls.
#[allow(missing_docs)]
mod contract {
    wasmtime::component::bindgen!({ path: "../wit", world: "converge", additional_derives: [PartialEq] });
}

pub use doc::{Doc, Rows};
pub use error::Error;
pub use instance::{Instance, InstanceOptions};
pub use reader::UpdateReader;
pub use runtime::Component;
pub use session::Session;
pub use store::{Store, now};
pub use transaction::Transaction;
pub use types::{
    Acceptance, Cell, Changes, Commit, CompactionReport, Content, DeleteOp, Digest, Entry, EventBatch, EventId,
    EventRun, Fork, InsertOp, Inspection, KeyBounds, KeyRange, Limit, MergeReport, Page, PeerVersion, Progress,
    Received, Row, RowId, RowOp, ScanOptions, Section, SessionOptions, StoreOptions, TableSummary, UnsetOp, UpdateOp,
    Value,
};
pub use watcher::{Ops, Watcher};

/// Summarizes the bytes of a saved document, an update, or an ephemeral snapshot or update, without loading them, in an
/// instance of its own; [`Instance::inspect`] uses an existing one. Checks the checksum and everything that it reads.
///
/// ```
/// use converge::{Content, Doc, inspect};
///
/// let doc = Doc::create("ann")?;
/// doc.insert("people", "p1", [("name", "Alice")])?;
/// let inspection = inspect(&doc.save()?)?;
/// assert_eq!((inspection.content, inspection.version), (Content::Document, doc.version()?));
/// # Ok::<(), converge::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Corrupt`], [`Error::UnsupportedVersion`] and [`Error::UnsupportedFeature`] for the bytes.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, Error> {
    Instance::new(InstanceOptions::default())?.inspect(bytes)
}

/// The component that this crate embeds, as a file's bytes.
pub const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/converge.wasm"));

/// The Rust code of the project's README and of the crate's is compiled and run, as all examples are.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../../docs/guide/rust.md")]
struct Readme;

/// So is that of the page on composition.
#[cfg(all(doctest, feature = "mutators"))]
#[doc = include_str!("../../docs/composition.md")]
struct Composition;
