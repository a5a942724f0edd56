//! Keeps documents in SQLite files that other programs can read.
//!
//! A file contains one document: a log of the updates that were accepted, a snapshot that bounds
//! the log, and mirror tables. A mirror table has the rows of one table of the document. It changes
//! in the same SQLite transaction as the log. Any SQLite program can read it at any time, and none
//! can write it. `docs/storage.md` of the sources describes the tables.
//!
//! [`StoredDoc`] is a document with its file. Changes are made in memory first, and are on disk
//! when [`StoredDoc::store`] returns. A server must not show a change to anyone before that.
//!
//! ```
//! use converge::Instance;
//! use converge_storage::{Options, StoredDoc, Update};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("board.db");
//! let instance = Instance::new(Default::default())?;
//! let mut board = StoredDoc::create(&path, "board", &instance, &Options::default())?;
//!
//! let ann = instance.doc("ann")?;
//! ann.insert("tasks", "t1", [("title", "Buy milk")])?;
//! let update = ann.update_since(&board.doc().summary()?)?;
//! board.doc().merge_update(&update)?;
//! board.store(&[Update::new("ann", &update)])?; // now it is on disk
//!
//! let restarted = StoredDoc::open(&path, &instance, &Options::default())?;
//! assert_eq!(restarted.doc().digest()?, ann.digest()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backup;
mod directory;
mod document;
mod error;
mod file;
mod folder;
mod meta;
mod mirror;
mod mutations;
mod random;
mod sql;
mod verify;

pub use backup::{Copied, backup, restore};
pub use directory::{Directory, Presence};
pub use document::{Options, Stored, StoredDoc};
pub use error::Error;
pub use file::{Sync, Update};
pub use mutations::{Mutation, StoredMutation};
pub use random::random_letters;
pub use verify::{Difference, Report};

/// The number of updates after which a snapshot replaces the log. If the last snapshot is larger
/// than [`SNAPSHOT_BYTES`], the log can be longer in proportion.
pub const SNAPSHOT_UPDATES: u64 = 256;
/// The size of the log in bytes after which a snapshot replaces it. If the last snapshot is larger,
/// the log can be longer in proportion.
pub const SNAPSHOT_BYTES: u64 = 1 << 20;
/// The number of columns of a mirror table. The cells of further columns are JSON in `_more`.
pub const MIRROR_COLUMNS: usize = 1_900;
/// The number of mirror tables of a file. The rows of further tables are JSON in `_converge_rows`.
pub const MIRROR_TABLES: usize = 1_000;
/// How many hours the key of a request is remembered at least; see [`StoredDoc::committed`].
pub const REQUEST_HOURS: u64 = 24;
/// The number of requests of a document whose keys are remembered.
pub const REQUESTS: u64 = 10_000;
/// How many days the outcome of a call of a mutator is remembered at least; see
/// [`StoredDoc::outcome`].
pub const OUTCOME_DAYS: u64 = 90;
/// The number of differences that a [`Report`] lists.
pub const REPORTED_DIFFERENCES: usize = 100;
