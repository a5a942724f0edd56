//! The error type of all calls: the cases of the contract, and those of the host.

use crate::cells;
use crate::types::PeerVersion;
use std::path::PathBuf;
use std::{fmt, io};

/// Why a call failed.
///
/// Functions document which errors they return. In addition, every call can fail with
/// [`OutOfMemory`](Self::OutOfMemory), [`OutOfTime`](Self::OutOfTime) or [`Trap`](Self::Trap). The
/// instance of the call and all its documents are then lost, and every later call to the instance
/// fails with [`Gone`](Self::Gone). After all other errors, the document is as it was before the
/// call.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// An argument breaks a rule of the function. The text names the rule.
    InvalidArgument(String),
    /// An argument, or what it would add to the document, exceeds a limit.
    LimitExceeded {
        /// The limit's name, as [`Instance::limits`](crate::Instance::limits) lists it.
        limit: String,
        /// The largest value that is accepted.
        maximum: u64,
        /// The value of this call.
        actual: u64,
    },
    /// A local update, delete or unset names a row that does not exist.
    NoSuchRow {
        /// The table.
        table: String,
        /// The row's id.
        row: String,
    },
    /// The bytes are damaged or were not written by the engine. The text says what was expected and
    /// where.
    Corrupt(String),
    /// The bytes have a format version that this engine cannot read.
    UnsupportedVersion(u32),
    /// The bytes use a format feature that this engine does not know.
    UnsupportedFeature(u32),
    /// The call needs history that was compacted away, here or at the replica whose bytes were
    /// passed. The version is the horizon of that compaction. Use
    /// [`Doc::rebase`](crate::Doc::rebase) on the replica that is behind the horizon.
    Compacted(Vec<PeerVersion>),
    /// The other side of a session broke the protocol. The text says how.
    Protocol(String),
    /// The session ended with an earlier error.
    SessionEnded,
    /// An error for which this version of the contract has no case.
    Other(String),
    /// The document and the store or transaction of a call live in different instances.
    OtherInstance,
    /// A value cannot be converted to the cells of a row, or the cells cannot be converted to the
    /// requested type.
    Cells(cells::Error),
    /// A file cannot be read or written.
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The call needed more memory than its instance may use. The instance is gone.
    OutOfMemory,
    /// The call took longer than its instance allows. The instance is gone.
    OutOfTime,
    /// The engine stopped because of a defect. The instance is gone.
    Trap(Box<dyn std::error::Error + Send + Sync>),
    /// The instance is gone, because an earlier call ran out of memory or time, or trapped.
    Gone,
    /// The system lacks the address space, memory mappings or memory for another instance.
    NoRoom(String),
    /// This machine cannot run WebAssembly, or a component does not implement the contract.
    Start(String),
}

impl Error {
    /// Returns whether the instance of the call is gone, with all its documents: by this call, or
    /// by an earlier one.
    pub fn ends_instance(&self) -> bool {
        matches!(self, Self::OutOfMemory | Self::OutOfTime | Self::Trap(_) | Self::Gone)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidArgument(rule) => write!(f, "invalid argument: {rule}"),
            Self::LimitExceeded { limit, maximum, actual } => {
                write!(f, "limit {limit} exceeded: {}", excess(*actual, *maximum))
            }
            Self::NoSuchRow { table, row } => write!(f, "no row {row:?} in table {table:?}"),
            Self::Corrupt(what) => write!(f, "corrupt bytes: {what}"),
            Self::UnsupportedVersion(version) => {
                write!(f, "this engine cannot read format version {version}; a newer engine wrote the bytes")
            }
            Self::UnsupportedFeature(feature) => {
                write!(f, "this engine does not know format feature {feature}; a newer engine wrote the bytes")
            }
            Self::Compacted(_) => f.write_str(
                "the call needs history that was compacted away; pass a saved document to `rebase` of the outdated \
                 replica",
            ),
            Self::Protocol(rule) => write!(f, "the other side broke the protocol: {rule}"),
            Self::SessionEnded => f.write_str("the session ended with an earlier error; open a new one on each side"),
            Self::Other(what) => f.write_str(what),
            Self::OtherInstance => f.write_str(
                "the objects live in different instances; use `doc.instance().store(…)` and `doc.begin()` to create \
                 them",
            ),
            Self::Cells(error) => error.fmt(f),
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::OutOfMemory => {
                f.write_str("the call needed more memory than its instance may use; the instance is gone")
            }
            Self::OutOfTime => f.write_str("the call took longer than its instance allows; the instance is gone"),
            Self::Trap(_) => f.write_str("the engine stopped because of a defect; the instance is gone"),
            Self::Gone => f.write_str(
                "the instance is gone: an earlier call ran out of memory or time, or trapped; create a new one",
            ),
            Self::NoRoom(why) => {
                write!(f, "the system has no room for another instance: {why}; ")?;
                f.write_str("put several documents into one, with `Instance::doc`")
            }
            Self::Start(why) => write!(f, "the engine cannot be started: {why}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // The message of this error is that of its cause.
            Self::Cells(error) => error.source(),
            Self::File { source, .. } => Some(source),
            Self::Trap(source) => Some(&**source),
            _ => None,
        }
    }
}

impl From<cells::Error> for Error {
    fn from(error: cells::Error) -> Self {
        Self::Cells(error)
    }
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
