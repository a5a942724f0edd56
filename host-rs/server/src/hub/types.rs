//! What passes between a hub and its caller.

use super::{ConnectionNumber, RequestNumber};
use converge::mutators::Mutators;
use converge::{Cell, EventId, MergeReport, Page, RowOp, ScanOptions, TableSummary};
use converge_frames::{Mutate, Outcome, OutcomeState};
use converge_storage::StoredMutation;
use std::sync::Arc;

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
    /// Whether it may call mutators.
    pub mutate: bool,
    /// Whether it may write to tables that only the server writes otherwise.
    pub admin: bool,
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

    /// Sets whether it may call mutators.
    #[must_use]
    pub fn mutate(self, mutate: bool) -> Self {
        Self { mutate, ..self }
    }

    /// Sets whether it may write to tables that only the server writes otherwise.
    #[must_use]
    pub fn admin(self, admin: bool) -> Self {
        Self { admin, ..self }
    }

    /// Sets the authors whose events and entries it may bring.
    #[must_use]
    pub fn writers(self, writers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { writers: writers.into_iter().map(Into::into).collect(), ..self }
    }
}

/// A call of a mutator.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs, reason = "the caller of a hub creates it")]
pub struct Call {
    /// The source of the call, which gets the outcome.
    pub caller: Writer,
    /// The rights of the source.
    pub access: Access,
    /// The call. If its client is empty, it has no number: its effect is not recorded.
    pub mutate: Mutate,
    /// The mutators of the document, if it has some.
    pub mutators: Option<Arc<Mutators>>,
    /// The error with which the engine stopped when this call ran before. It is not run again, but
    /// recorded as rejected.
    pub stopped: Option<String>,
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
    /// A call of a mutator, from a connection or a request.
    Call(Call),
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
    /// Returns the outcomes of calls of a client.
    Outcomes {
        /// The client.
        client: String,
        /// The number before that of the first call.
        after: u64,
        /// The number of calls, at most.
        limit: u32,
        /// The subject whose calls may be shown; those of all subjects if this is `None`.
        subject: Option<String>,
    },
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
    /// What became of a call.
    Called(OutcomeState),
    /// The outcomes of calls. `None` if the client made no calls, or none as this subject.
    Outcomes(Option<Vec<StoredMutation>>),
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
    /// An update contains operations on a table that the access does not include.
    #[error("the access of {subject:?} does not include events that write to the table {table:?}")]
    Table {
        /// The subject of the access.
        subject: String,
        /// The table.
        table: String,
    },
    /// Only mutators may write to a table.
    #[error("the table {0:?} is written by mutators only; an event wrote to it")]
    OnlyMutations(String),
    /// The access does not include calls of mutators.
    #[error("the access of {0:?} does not include calls of mutators")]
    NoMutations(String),
    /// The access does not include calls in the name of a client.
    #[error("the access of {subject:?} does not include calls in the name of {client:?}")]
    Client {
        /// The subject of the access.
        subject: String,
        /// The client of the call.
        client: String,
    },
    /// The document has no mutators.
    #[error("the server has no mutators for this document")]
    NoMutators,
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
    /// Send what became of a call. It needs no room.
    Outcome(ConnectionNumber, Outcome),
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
