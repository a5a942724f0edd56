//! Why a call failed: the contract's cases, and what can happen around them.

use crate::contract::exports::converge::sync::types;
use crate::types::{EventId, PeerVersion};
use crate::{cells, runtime};
use std::io;
use std::path::PathBuf;

/// Why a call failed.
///
/// After the contract's own cases, those up to [`Other`](Self::Other), and after [`Cells`](Self::Cells),
/// [`OtherInstance`](Self::OtherInstance) and [`File`](Self::File), the document is as before the call. After [`OutOfMemory`](Self::OutOfMemory),
/// [`OutOfTime`](Self::OutOfTime) and [`Trap`](Self::Trap) the instance is lost with its documents: every later call to
/// it fails with [`Gone`](Self::Gone).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument breaks a rule that its function states; the text says which one.
    #[error("invalid argument: {0}")]
    InvalidArgument(String),
    /// An argument is larger than the engine takes.
    #[error("limit {limit} exceeded: {}", told(*given, *most))]
    LimitExceeded {
        /// The limit's name, as [`Instance::limits`](crate::Instance::limits) lists it.
        limit: String,
        /// The most that is taken.
        most: u64,
        /// What was given.
        given: u64,
    },
    /// A local update or delete names a row that is not there.
    #[error("no row {row:?} in table {table:?}")]
    NoSuchRow {
        /// The table.
        table: String,
        /// The row's id.
        row: String,
    },
    /// The bytes are not what the engine writes, or are damaged; the text says what was expected and where.
    #[error("corrupt bytes: {0}")]
    Corrupt(String),
    /// The bytes are of a format version that the engine does not read.
    #[error("format version {0} is not one that this engine reads")]
    UnsupportedVersion(u32),
    /// Two different events carry this name: a peer identity was used twice, or somebody lies.
    #[error("two different events are named ({:?}, {}): the peer name was used twice", .0.peer, .0.counter)]
    ConflictingEvent(EventId),
    /// The history that the call needs was compacted away; what lies beyond this version is complete.
    /// [`Doc::rebase`](crate::Doc::rebase) leads on where a replica is behind it.
    #[error("the history that this needs was compacted away")]
    Compacted(Vec<PeerVersion>),
    /// Whatever a later minor version of the contract has to report.
    #[error("{0}")]
    Other(String),
    /// A document and a store live in different instances, so that no session can have both.
    #[error(
        "the document and the store live in different instances; make both with one, as by `doc.instance().store(…)`"
    )]
    OtherInstance,
    /// A value does not fit into the cells of a row, or the cells not into the type that was asked for.
    #[error(transparent)]
    Cells(#[from] cells::Error),
    /// A file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The call needed more memory than its instance may have; the instance is gone.
    #[error("the call needed more memory than its instance may have; the instance is gone")]
    OutOfMemory,
    /// The call took longer than its instance allows; the instance is gone.
    #[error("the call took longer than its instance allows; the instance is gone")]
    OutOfTime,
    /// The engine stopped by a defect; the instance is gone.
    #[error("the engine stopped by a defect; the instance is gone")]
    Trap(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An earlier call to this instance ran out of memory or time, or trapped.
    #[error("the instance is gone: an earlier call ran out of memory or time, or trapped; make a new one")]
    Gone,
    /// WebAssembly cannot be run here.
    #[error("the engine cannot be started: {0}")]
    Start(String),
}

/// The host may bound the memory to less than the limit: then that is not what was exceeded.
fn told(given: u64, most: u64) -> String {
    if given > most {
        format!("{given} given, at most {most} taken")
    } else {
        format!("{given} would be needed, and are not there")
    }
}

impl Error {
    /// What a call's failure in WebAssembly means; `was_refused` where it asked for memory that it did not get.
    pub(crate) fn from_trap(error: wasmtime::Error, was_refused: bool) -> Self {
        if error.is::<runtime::MemoryRefused>() {
            return Self::OutOfMemory;
        }
        match error.downcast_ref() {
            Some(wasmtime::Trap::UnreachableCodeReached) if was_refused => Self::OutOfMemory,
            Some(wasmtime::Trap::Interrupt) => Self::OutOfTime,
            _ => Self::Trap(error.into_boxed_dyn_error()),
        }
    }
}

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        match error {
            types::Error::InvalidArgument(rule) => Self::InvalidArgument(rule),
            types::Error::LimitExceeded(types::ExceededLimit { limit, most, given }) => {
                Self::LimitExceeded { limit, most, given }
            }
            types::Error::NoSuchRow((table, row)) => Self::NoSuchRow { table, row },
            types::Error::Corrupt(what) => Self::Corrupt(what),
            types::Error::UnsupportedVersion(version) => Self::UnsupportedVersion(version),
            types::Error::ConflictingEvent(event) => Self::ConflictingEvent(event),
            types::Error::Compacted(version) => Self::Compacted(version),
            types::Error::Other(what) => Self::Other(what),
        }
    }
}
