//! What passes between a hub and its caller.

use super::{ConnectionNumber, RequestNumber};
use converge::{Cell, EventId, MergeReport, Page, RowOp, ScanOptions, TableSummary};

/// What a connection or a request may do, and who it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// The user or program. It is stored with its updates.
    pub subject: String,
    /// Whether it may write events.
    pub write: bool,
    /// Whether it may write entries of the store.
    pub presence: bool,
    /// The authors whose events and entries it may bring; those of all authors if this is empty. An
    /// element that ends with `*` stands for all names that start with the text before it.
    pub writers: Vec<String>,
}

impl Access {
    /// Creates the access of a subject to reading alone.
    pub fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..Self::default() }
    }

    /// Sets whether it may write events.
    #[must_use]
    pub fn write(self, write: bool) -> Self {
        Self { write, ..self }
    }

    /// Sets whether it may write entries of the store.
    #[must_use]
    pub fn presence(self, presence: bool) -> Self {
        Self { presence, ..self }
    }

    /// Sets the authors whose events and entries it may bring.
    #[must_use]
    pub fn writers(self, writers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { writers: writers.into_iter().map(Into::into).collect(), ..self }
    }
}

/// What arrived for a document.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// A client connected. There is room for one message to it.
    Connect(ConnectionNumber, Access),
    /// A message of a session arrived.
    Message(ConnectionNumber, Vec<u8>),
    /// There is room for one message to the client.
    Room(ConnectionNumber),
    /// A client is gone.
    Disconnect(ConnectionNumber),
    /// A request without a session, which reads.
    Read(RequestNumber, Read),
    /// A request without a session, which writes.
    Write(RequestNumber, Access, Write),
}

/// A request that reads.
#[derive(Debug)]
#[non_exhaustive]
pub enum Read {
    /// Returns the saved document, unless it is the one with this tag.
    Save {
        /// The tag of an earlier [`Answer::Saved`].
        unless: Option<String>,
    },
    /// Returns the update that a replica with this summary lacks; the whole document if the summary
    /// is empty.
    Pull(Vec<u8>),
    /// Returns the tables.
    Tables,
    /// Returns a page of the rows of a table.
    Scan(String, ScanOptions),
    /// Returns the cells of a row of a table.
    Get(String, String),
}

/// A request that writes.
#[derive(Debug)]
#[non_exhaustive]
pub enum Write {
    /// Merges an update.
    Push(Vec<u8>),
    /// Commits operations as the home peer.
    Commit {
        /// The operations.
        ops: Vec<RowOp>,
        /// A key that makes the request idempotent: if the subject committed with this key before,
        /// the event of that commit is returned.
        key: Option<String>,
    },
}

/// The answer to a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Answer {
    /// The saved document, and its tag, which is equal for equal documents.
    Saved(String, Vec<u8>),
    /// The saved document is the one with the tag of the request.
    Unchanged(String),
    /// The update that was asked for.
    Update(Vec<u8>),
    /// The update was merged, and is on disk.
    Merged(MergeReport),
    /// The operations are an event, which is on disk.
    Committed(EventId),
    /// The tables.
    Tables(Vec<TableSummary>),
    /// The rows.
    Page(Page),
    /// The cells, or `None` if the row does not exist.
    Row(Option<Vec<Cell>>),
    /// The request was rejected, and changed nothing.
    Rejected(Rejection),
}

/// Why a request was rejected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The access does not include this.
    #[error("the access of {0:?} does not include writing")]
    NotAllowed(String),
    /// An update contains an event of an author that the access does not include.
    #[error("the access of {subject:?} does not include events of {author:?}")]
    Author {
        /// The subject of the access.
        subject: String,
        /// The author of the event.
        author: String,
    },
    /// The file of the document is too large for further updates.
    #[error("the document's file has {bytes} bytes, and accepts no updates from {max} bytes on")]
    Full {
        /// The size of the file in bytes.
        bytes: u64,
        /// The maximum size in bytes.
        max: u64,
    },
    /// The engine rejected it.
    #[error(transparent)]
    Engine(#[from] converge::Error),
}

/// What the caller carries out.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send this message. There is no room for another one until [`Input::Room`].
    Send(ConnectionNumber, Vec<u8>),
    /// Close the connection: its content was rejected, or its session failed. The hub has forgotten
    /// it.
    Close(ConnectionNumber, Rejection),
    /// Answer a request. The number is that of the last update that the answer contains.
    Answer(RequestNumber, Answer, u64),
    /// Rows changed, by updates up to this one.
    Changed(u64, Vec<RowOp>),
}

/// Why a hub cannot continue. Its document in memory may be ahead of its file: drop the hub, and
/// open the document again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The updates could not be stored.
    #[error("{source}")]
    Storage {
        /// Why.
        source: converge_storage::Error,
        /// The connections and requests whose updates were not stored.
        writers: Vec<Writer>,
    },
    /// The engine stopped, for example because it ran out of memory.
    #[error("the engine stopped: {0}")]
    Engine(#[from] converge::Error),
}

/// The source of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// A connection.
    Connection(ConnectionNumber),
    /// A request.
    Request(RequestNumber),
}
