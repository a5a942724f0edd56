//! Local-first tables that merge: replicas write independently, exchange their events in any order,
//! and end with the same rows.
//!
//! The engine is a WebAssembly component, the same one that runs in browsers. This crate embeds the
//! component and compiles it once per process; with the feature `native` it links the engine
//! instead. The functions of the contract (`wit/` in the sources) are methods of [`Doc`],
//! [`Transaction`], [`TextView`], [`Store`], [`Session`], [`Watcher`] and [`UpdateReader`]. The
//! methods of [`Instance`] create documents and stores, and read bytes without either.
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
//! [`cells`] lists the types that fit into a cell.
//!
//! # Watching changes
//!
//! ```
//! use converge::{Doc, RowOp};
//!
//! let doc = Doc::create("ann")?;
//! let mut watcher = doc.watch(&["people"], false)?;
//! doc.insert("people", "p1", [("name", "Alice")])?;
//! doc.update("people", "p1", [("name", "Alicia")])?;
//! for op in watcher.ops() {
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
//! doc.save_file(&file)?; // writes the whole file, or leaves the old one intact
//!
//! let restarted = Doc::load_file("ann", &file)?;
//! assert_eq!(restarted.get("people", "p1")?, doc.get("people", "p1")?);
//! assert_eq!(restarted.save()?, doc.save()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Doc::summary`], [`Doc::update_since`] and [`Doc::merge_update`] exchange new events as bytes.
//! [`Doc::compact`] drops history; [`Doc::diff`] and [`Doc::fork_at`] read it.
//! [`Instance::inspect`] and [`Instance::read_update`] read bytes without a document.
//!
//! # Texts
//!
//! [`Doc::open_text`] opens a [`TextView`], which edits a text cell that other replicas edit at the
//! same time, and keeps cursors in place. An [`UndoManager`] undoes and redoes own commits.
//!
//! # Presence and sessions
//!
//! A [`Store`] holds data that needs no history: who is online, where the cursors are. A
//! [`Session`] synchronizes a document and a store with another replica, over any transport that
//! delivers whole messages in order.
//!
//! # Instances and limits
//!
//! Documents live in an [`Instance`] of the engine, which has a memory of its own. The size of the
//! memory and the duration of each call are limited; [`InstanceOptions`] sets both limits. The
//! backend `Native` has neither limit: it uses the memory of the program, and calls take as long as
//! they need. [`Doc::create`], [`Doc::load`] and [`Doc::load_file`] create an instance for the
//! document. [`Instance::doc`], [`Instance::load`] and [`Instance::store`] put several documents
//! and stores into one instance.
//!
//! A call that would make the document larger than the memory fails with [`Error::LimitExceeded`]
//! for the limit `memory-bytes`, and changes nothing. A call whose argument or result does not fit
//! into the memory in addition to the document fails with [`Error::OutOfMemory`], and a call that
//! takes too long with [`Error::OutOfTime`]. Both end the instance with all its documents; other
//! instances are not affected.
//!
//! # Types
//!
//! The crate's types are plain data. Those that can gain fields or cases in later versions are
//! `#[non_exhaustive]`. Options are created with `default()` or `new()` and changed by their
//! methods, as in `ScanOptions::default().limit(10)`. An [`EventRun`] is created with
//! [`EventRun::new`], and a [`RowOp`] with [`RowOp::insert`] and the functions next to it.
//!
//! # Features
//!
//! At least one of the first two features must be enabled; [`Backend`] chooses between them at run
//! time. The table in the section "Backends" of the crate's `README.md` lists how they differ.
//!
//! - `component`, which is enabled by default, embeds the engine as a WebAssembly component, which
//!   runs in wasmtime.
//! - `native` links the engine as a Rust library, for systems that forbid compiling at run time,
//!   and for programs that trust the engine.
//! - `mutators` adds the module `mutators`, which runs an application's writes as named functions
//!   in WebAssembly components. It enables `component`.

#[cfg(not(any(feature = "component", feature = "native")))]
compile_error!("the crate `converge` needs a backend: enable its feature `component` (the default), `native`, or both");

mod backend;
pub mod cells;
mod doc;
mod error;
pub mod file;
mod instance;
#[cfg(feature = "mutators")]
pub mod mutators;
mod reader;
mod saved;
mod session;
mod store;
mod text_view;
mod transaction;
mod types;
mod undo;
mod watcher;

pub use backend::Backend;
#[cfg(feature = "component")]
pub use backend::component::runtime::Component;
pub use doc::{Doc, Rows};
pub use error::Error;
pub use instance::{Instance, InstanceOptions};
pub use reader::UpdateReader;
pub use session::Session;
pub use store::{Store, now};
pub use text_view::TextView;
pub use transaction::Transaction;
pub use types::{
    Acceptance, Cell, Changes, Commit, CompactionReport, Content, Digest, Entry, EventBatch, EventId, EventRun, Fork,
    Inspection, KeyRange, Limit, MergeReport, Page, PeerVersion, Progress, Received, Row, RowId, RowOp, ScanOptions,
    Section, SessionOptions, Side, StoreOptions, TableSummary, TextChange, TextUnit, Value,
};
pub use undo::{UndoManager, UndoStacks, Undone};
pub use watcher::{Ops, Watcher};

/// The WebAssembly component that this crate embeds: the content of a `.wasm` file.
#[cfg(feature = "component")]
pub const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/converge.wasm"));

/// Compiles and runs the Rust code of the project's README, of the crate's README and of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../../docs/guide/rust.md")]
struct Readme;

/// Compiles and runs the Rust code of `docs/composition.md`.
#[cfg(all(doctest, feature = "mutators"))]
#[doc = include_str!("../../docs/composition.md")]
struct Composition;
