//! The options of sessions, and the results of their functions.

use super::{Entry, MergeReport, PeerVersion, names};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::SystemTime;

/// What a side of a session accepts from the other side.
///
/// ```
/// use converge::Acceptance;
///
/// let server = Acceptance::ALL.documents(false);
/// assert!(server.events && server.entries && !server.documents);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Acceptance {
    /// Whether events of the document are accepted.
    pub events: bool,
    /// Whether entries of the store are accepted.
    pub entries: bool,
    /// Whether a saved document is accepted when this replica lacks events below the other side's
    /// horizon, or has events that do not build on it. The saved document replaces this replica's
    /// content; see [`Doc::rebase`](crate::Doc::rebase). A server must not accept documents from
    /// clients.
    pub documents: bool,
}

impl Acceptance {
    /// Accepts everything.
    pub const ALL: Self = Self { events: true, entries: true, documents: true };

    /// Accepts nothing.
    pub const NONE: Self = Self { events: false, entries: false, documents: false };

    /// Sets whether events are accepted.
    #[must_use]
    pub const fn events(self, events: bool) -> Self {
        Self { events, ..self }
    }

    /// Sets whether entries are accepted.
    #[must_use]
    pub const fn entries(self, entries: bool) -> Self {
        Self { entries, ..self }
    }

    /// Sets whether saved documents are accepted.
    #[must_use]
    pub const fn documents(self, documents: bool) -> Self {
        Self { documents, ..self }
    }
}

/// The options of a [`Session`](crate::Session).
///
/// ```
/// use converge::{Acceptance, SessionOptions};
///
/// let from_clients = Acceptance::ALL.documents(false);
/// let options = SessionOptions::new("people").accept(from_clients).writers(["ann", "ben"]);
/// assert_eq!(options.max_message_bytes, 65_536);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionOptions {
    /// The document's name. Both sides must use the same one.
    pub document: String,
    /// A number that this host never used before for a session of this document.
    pub nonce: u64,
    /// The maximum size of a message in bytes, in both directions.
    pub max_message_bytes: u32,
    /// The namespaces of the store to receive. An empty list selects all namespaces.
    pub namespaces: Vec<String>,
    /// Whether events are received but not sent.
    pub read_only: bool,
    /// What is accepted from the other side.
    pub accept: Acceptance,
    /// The authors whose events and entries are accepted. An empty list selects all authors.
    pub writers: Vec<String>,
}

impl SessionOptions {
    /// Creates options for a session about the document of this name. The defaults are a random
    /// nonce, messages of at most 64 KiB, all namespaces, events in both directions, and the
    /// acceptance of all content from all writers.
    pub fn new(document: impl Into<String>) -> Self {
        Self {
            document: document.into(),
            // The keys of a new hasher are random in each process and differ within it.
            nonce: RandomState::new().hash_one(SystemTime::now()),
            max_message_bytes: 64 << 10,
            namespaces: Vec::new(),
            read_only: false,
            accept: Acceptance::ALL,
            writers: Vec::new(),
        }
    }

    /// Sets the nonce, which lets one side restart the conversation on a living connection. When a
    /// hello with a new nonce arrives, the other side starts over, and ignores messages of the
    /// former conversation that are still on their way.
    #[must_use]
    pub fn nonce(self, nonce: u64) -> Self {
        Self { nonce, ..self }
    }

    /// Sets the maximum size of a message in bytes: from 64 to the limit `message-bytes`. Larger
    /// content travels in several messages.
    #[must_use]
    pub fn max_message_bytes(self, max_message_bytes: u32) -> Self {
        Self { max_message_bytes, ..self }
    }

    /// Sets the namespaces of the store to receive. An empty list selects all namespaces.
    #[must_use]
    pub fn namespaces(self, namespaces: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { namespaces: names(namespaces), ..self }
    }

    /// Sets whether the session receives events but sends none.
    #[must_use]
    pub fn read_only(self, read_only: bool) -> Self {
        Self { read_only, ..self }
    }

    /// Sets what is accepted from the other side.
    #[must_use]
    pub fn accept(self, accept: Acceptance) -> Self {
        Self { accept, ..self }
    }

    /// Sets the peers whose events and entries are accepted, on any branch. An event of another
    /// peer ends the session with [`Error::Protocol`](crate::Error::Protocol). An entry of another
    /// peer is skipped and counted in [`Received::refused`]. An element that ends with `*` selects
    /// all peers whose names start with the text before it. An empty list selects all peers.
    #[must_use]
    pub fn writers(self, writers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { writers: names(writers), ..self }
    }
}

/// What a message changed.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Received {
    /// The result of merging the message's events, or of rebasing on the document that it
    /// completed.
    pub durable: Option<MergeReport>,
    /// The entries that changed what the store shows, sorted by namespace and key.
    pub ephemeral: Vec<Entry>,
    /// Entries that were skipped: their timestamps are too far ahead, they exceed the store's
    /// limits, or a peer wrote them that is not one of [`SessionOptions::writers`].
    pub refused: u32,
}

/// How far both sides of a session are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Events that the other side is known to have.
    pub known_there: Vec<PeerVersion>,
    /// Events that this side has and the other side is not known to have.
    pub unsent: u32,
    /// Events that the other side announced and that have not arrived.
    pub awaited: u32,
    /// Whether both sides said hello, `unsent` and `awaited` are 0, and neither side waits for the
    /// saved document of the other one.
    pub in_sync: bool,
}
