//! Why the server refuses something, with the codes of WebSocket and HTTP.

use crate::hub::Rejection;
use converge::Error;
use std::time::Duration;

/// A reason to refuse a request, or to close a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// The client breaks the WebSocket protocol.
    WebSocket,
    /// A message is a text, which no message of this protocol is.
    Text,
    /// A frame, a message or a request breaks the protocol.
    Malformed,
    /// The token is missing, wrong or expired.
    Token,
    /// The rights do not include this, or the content is not accepted.
    Refused,
    /// There is no such document, table or row.
    NotFound,
    /// The client does not answer, or does not take what is sent to it.
    Slow,
    /// The document has no common history with what was sent.
    Conflict,
    /// The document was deleted.
    Deleted,
    /// Something is too large for the server.
    TooLarge,
    /// The disk is full, or the file of the document has its maximum size.
    Full,
    /// There are too many connections or requests.
    TooMany,
    /// The server stops, or starts the document again.
    Restart,
    /// The server cannot do this now.
    Unavailable,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 14] = [
        Self::WebSocket,
        Self::Text,
        Self::Malformed,
        Self::Token,
        Self::Refused,
        Self::NotFound,
        Self::Slow,
        Self::Conflict,
        Self::Deleted,
        Self::TooLarge,
        Self::Full,
        Self::TooMany,
        Self::Restart,
        Self::Unavailable,
    ];

    /// Returns the name, as it is in the bodies of responses, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Text => "text",
            Self::Malformed => "malformed",
            Self::Token => "token",
            Self::Refused => "refused",
            Self::NotFound => "not-found",
            Self::Slow => "slow",
            Self::Conflict => "conflict",
            Self::Deleted => "deleted",
            Self::TooLarge => "too-large",
            Self::Full => "full",
            Self::TooMany => "too-many",
            Self::Restart => "restart",
            Self::Unavailable => "unavailable",
        }
    }

    /// Returns the code with which a WebSocket is closed.
    pub fn close_code(self) -> u16 {
        match self {
            Self::WebSocket => 1002,
            Self::Text => 1003,
            Self::Malformed => 4400,
            Self::Token => 4401,
            Self::Refused => 4403,
            Self::NotFound => 4404,
            Self::Slow => 4408,
            Self::Conflict => 4409,
            Self::Deleted => 4410,
            Self::TooLarge => 1009,
            Self::Full => 4413,
            Self::TooMany => 4429,
            Self::Restart => 1012,
            Self::Unavailable => 1013,
        }
    }

    /// Returns the status of an HTTP response.
    pub fn status(self) -> u16 {
        match self {
            Self::WebSocket | Self::Text | Self::Malformed => 400,
            Self::Token => 401,
            Self::Refused => 403,
            Self::NotFound => 404,
            Self::Slow => 408,
            Self::Conflict => 409,
            Self::Deleted => 410,
            Self::TooLarge => 413,
            Self::Full => 507,
            Self::TooMany => 429,
            Self::Restart | Self::Unavailable => 503,
        }
    }

    /// Returns after which time a client should try again, at the earliest and at the latest, or
    /// `None` if that is useless. Clients draw a time, so that they do not all come back at once.
    pub fn retry_after(self) -> Option<[Duration; 2]> {
        let milliseconds = match self {
            Self::Restart => [200, 5_000],
            Self::Slow | Self::TooMany => [2_000, 10_000],
            Self::Full | Self::Unavailable => [5_000, 20_000],
            _ => return None,
        };
        Some(milliseconds.map(Duration::from_millis))
    }
}

/// Why the server refuses something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
#[non_exhaustive]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// What was wrong, and what to do.
    pub why: String,
}

impl Refusal {
    /// Creates a refusal.
    pub fn new(reason: Reason, why: impl Into<String>) -> Self {
        Self { reason, why: why.into() }
    }

    /// Creates the refusal of an error of the engine that one client caused.
    pub(crate) fn of_engine(error: &Error) -> Self {
        let reason = match error {
            Error::Compacted(_) => Reason::Conflict,
            Error::LimitExceeded { .. } => Reason::TooLarge,
            Error::InvalidArgument(_) | Error::NoSuchRow { .. } | Error::Corrupt(_) => Reason::Malformed,
            Error::UnsupportedVersion(_) | Error::UnsupportedFeature(_) => Reason::Malformed,
            _ => Reason::Refused,
        };
        Self::new(reason, error.to_string())
    }

    /// Creates the refusal of what a hub rejected.
    pub(crate) fn of_rejection(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::Engine(error) => Self::of_engine(error),
            Rejection::Full { .. } => Self::new(Reason::Full, rejection.to_string()),
            _ => Self::new(Reason::Refused, rejection.to_string()),
        }
    }

    /// Creates the refusal of an error of the storage.
    pub(crate) fn of_storage(error: &converge_storage::Error) -> Self {
        match error {
            converge_storage::Error::Full { .. } => Self::new(Reason::Full, "the server's disk is full"),
            converge_storage::Error::Deleted { .. } => Self::new(Reason::Deleted, "the document was deleted"),
            converge_storage::Error::Damaged { .. } | converge_storage::Error::Newer { .. } => {
                Self::new(Reason::Unavailable, "the document's file cannot be read; the server's log says why")
            }
            _ => Self::new(Reason::Unavailable, "the server cannot store or read the document; its log says why"),
        }
    }
}
