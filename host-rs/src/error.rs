//! The error type of all calls: the cases of the contract, and those of the host.

use crate::cells;
use crate::types::PeerVersion;
use std::io;
use std::path::PathBuf;

/// Why a call failed.
///
/// Functions document which errors they return. In addition, every call can fail with
/// [`OutOfMemory`](Self::OutOfMemory), [`OutOfTime`](Self::OutOfTime) or [`Trap`](Self::Trap). The
/// instance of the call and all its documents are then lost, and every later call to the instance
/// fails with [`Gone`](Self::Gone). After all other errors, the document is as it was before the
/// call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument breaks a rule of the function. The text names the rule.
    #[error("invalid argument: {0}")]
    InvalidArgument(String),
    /// An argument, or what it would add to the document, exceeds a limit.
    #[error("limit {limit} exceeded: {}", excess(*actual, *maximum))]
    LimitExceeded {
        /// The limit's name, as [`Instance::limits`](crate::Instance::limits) lists it.
        limit: String,
        /// The largest value that is accepted.
        maximum: u64,
        /// The value of this call.
        actual: u64,
    },
    /// A local update, delete or unset names a row that does not exist.
    #[error("no row {row:?} in table {table:?}")]
    NoSuchRow {
        /// The table.
        table: String,
        /// The row's id.
        row: String,
    },
    /// The bytes are damaged or were not written by the engine. The text says what was expected and
    /// where.
    #[error("corrupt bytes: {0}")]
    Corrupt(String),
    /// The bytes have a format version that this engine cannot read.
    #[error("this engine cannot read format version {0}; a newer engine wrote the bytes")]
    UnsupportedVersion(u32),
    /// The bytes use a format feature that this engine does not know.
    #[error("this engine does not know format feature {0}; a newer engine wrote the bytes")]
    UnsupportedFeature(u32),
    /// The call needs history that was compacted away, here or at the replica whose bytes were
    /// passed. The version is the horizon of that compaction. Use
    /// [`Doc::rebase`](crate::Doc::rebase) on the replica that is behind the horizon.
    #[error(
        "the call needs history that was compacted away; pass a saved document to `rebase` of the outdated replica"
    )]
    Compacted(Vec<PeerVersion>),
    /// The other side of a session broke the protocol. The text says how.
    #[error("the other side broke the protocol: {0}")]
    Protocol(String),
    /// The session ended with an earlier error.
    #[error("the session ended with an earlier error; open a new one on each side")]
    SessionEnded,
    /// An error for which this version of the contract has no case.
    #[error("{0}")]
    Other(String),
    /// The document and the store or transaction of a call live in different instances.
    #[error("the objects live in different instances; use `doc.instance().store(…)` and `doc.begin()` to create them")]
    OtherInstance,
    /// A value cannot be converted to the cells of a row, or the cells cannot be converted to the
    /// requested type.
    #[error(transparent)]
    Cells(#[from] cells::Error),
    /// A file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The call needed more memory than its instance may use. The instance is gone.
    #[error("the call needed more memory than its instance may use; the instance is gone")]
    OutOfMemory,
    /// The call took longer than its instance allows. The instance is gone.
    #[error("the call took longer than its instance allows; the instance is gone")]
    OutOfTime,
    /// The engine stopped because of a defect. The instance is gone.
    #[error("the engine stopped because of a defect; the instance is gone")]
    Trap(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The instance is gone, because an earlier call ran out of memory or time, or trapped.
    #[error("the instance is gone: an earlier call ran out of memory or time, or trapped; create a new one")]
    Gone,
    /// The system lacks the address space, memory mappings or memory for another instance.
    #[error("the system has no room for another instance: {0}; put several documents into one, with `Instance::doc`")]
    NoRoom(String),
    /// This machine cannot run WebAssembly, or a component does not implement the contract.
    #[error("the engine cannot be started: {0}")]
    Start(String),
}

/// Describes how a limit is exceeded. An `actual` value within the engine's maximum exceeds the
/// memory that the host allows the instance.
fn excess(actual: u64, maximum: u64) -> String {
    if actual > maximum {
        format!("{actual}; the maximum is {maximum}")
    } else {
        format!("the instance would need {actual} bytes, which is more than it may use")
    }
}
