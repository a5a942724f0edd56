//! What a client reports of itself.

use std::time::Duration;

/// How far a client is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The connection to the server.
    pub connection: Connection,
    /// Events of this replica that the server is not known to have.
    pub unsent: u32,
    /// Events that the server announced and that have not arrived.
    pub awaited: u32,
    /// Whether everything that was written is on disk here. Without a file, always `false`.
    pub saved_here: bool,
    /// Whether, at this moment, the server has everything that was written here, and this replica
    /// has everything that the server announced.
    pub in_sync: bool,
    /// What went wrong last. `None` once the client is in sync again.
    pub problem: Option<Problem>,
}

/// The connection of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connection {
    /// The client connects.
    Connecting,
    /// The session with the server is open.
    Online,
    /// The client connects again after this time.
    Offline(Duration),
    /// The client does not connect again until it is [reset](crate::Client::reset); see
    /// [`Status::problem`].
    Stopped,
    /// The client was closed.
    Closed,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The kind.
    pub reason: Reason,
    /// What was wrong.
    pub why: String,
}

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The server cannot be reached, or closed the connection for now. The client continues.
    Network,
    /// The file cannot be written. The client continues to try, and sends nothing meanwhile.
    Storage,
    /// The token was refused twice, or there is none.
    Token,
    /// The rights do not include this, or the server did not accept what the client sent.
    Refused,
    /// The document was replaced by another one of this name.
    Replaced,
    /// The document was deleted.
    Deleted,
    /// The engine stopped.
    Engine,
}

impl Problem {
    pub(crate) fn new(reason: Reason, why: impl Into<String>) -> Self {
        Self { reason, why: why.into() }
    }
}

impl Reason {
    /// Returns whether the client does not connect again by itself.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Network | Self::Storage)
    }
}
