//! Why a call failed: the contract's cases, and those of the host.

use crate::cells;
use crate::types::PeerVersion;
use std::io;
use std::path::PathBuf;

/// Why a call failed.
///
/// After the contract's own cases, those up to [`Other`](Self::Other), and after
/// [`Cells`](Self::Cells), [`OtherInstance`](Self::OtherInstance) and [`File`](Self::File), the
/// document is as before the call. After [`OutOfMemory`](Self::OutOfMemory),
/// [`OutOfTime`](Self::OutOfTime) and [`Trap`](Self::Trap) the instance and its documents are lost:
/// every later call to it fails with [`Gone`](Self::Gone).
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
    /// passed. The version is that horizon. [`Doc::rebase`](crate::Doc::rebase) brings a replica
    /// past it.
    #[error("the call needs history that was compacted away; rebase the replica that is behind on a saved document")]
    Compacted(Vec<PeerVersion>),
    /// The other side of a session broke the protocol. The text says how.
    #[error("the other side broke the protocol: {0}")]
    Protocol(String),
    /// The session ended with an earlier error.
    #[error("the session ended with an earlier error; open a new one on each side")]
    SessionEnded,
    /// A case that this version of the contract does not name.
    #[error("{0}")]
    Other(String),
    /// The document and the store or transaction of a call live in different instances.
    #[error(
        "both must live in one instance; create the store with `doc.instance().store(…)`, the transaction with `doc.begin()`"
    )]
    OtherInstance,
    /// A value does not fit into the cells of a row, or the cells do not fit the requested type.
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
    /// The call needed more memory than its instance may have; the instance is gone.
    #[error("the call needed more memory than its instance may have; the instance is gone")]
    OutOfMemory,
    /// The call took longer than its instance allows; the instance is gone.
    #[error("the call took longer than its instance allows; the instance is gone")]
    OutOfTime,
    /// The engine stopped because of a defect; the instance is gone.
    #[error("the engine stopped because of a defect; the instance is gone")]
    Trap(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An earlier call to this instance ran out of memory or time, or trapped.
    #[error("the instance is gone: an earlier call ran out of memory or time, or trapped; create a new one")]
    Gone,
    /// The system has no room for another instance: addresses, memory mappings or memory.
    #[error("the system has no room for another instance: {0}; put several documents into one, with `Instance::doc`")]
    NoRoom(String),
    /// WebAssembly cannot be run on this machine, or a component is not one that implements the
    /// contract.
    #[error("the engine cannot be started: {0}")]
    Start(String),
}

/// Says how a limit is exceeded. A host can bound the memory of an instance to less than the
/// engine's limit.
fn excess(actual: u64, maximum: u64) -> String {
    if actual > maximum {
        format!("{actual}; the maximum is {maximum}")
    } else {
        format!("this call needs {actual}, which is more than the instance may use")
    }
}
