//! The sync session.

use crate::doc::{Doc, MergeReport};
use crate::ephemeral::{Entry, Store};
use crate::error::Error;
use crate::id::PeerVersion;

/// What a session is opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// The document's name, which both sides must agree on.
    pub document: String,
    /// Messages, both ways, have at most so many bytes: from [`limits::LEAST_MESSAGE_BYTES`](crate::limits::LEAST_MESSAGE_BYTES)
    /// to `limits::MESSAGE_BYTES`.
    pub most_message_bytes: u32,
    /// Only these namespaces of the store are wanted from the other side; all where none are named.
    pub namespaces: Vec<String>,
    /// Take events from the other side, and send it none.
    pub read_only: bool,
}

/// What one message changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Received {
    /// What the events of the message did, or the rebase on the document that it completed.
    pub durable: Option<MergeReport>,
    /// The entries that changed what the store shows, sorted by namespace and key.
    pub ephemeral: Vec<Entry>,
    /// Entries that the store does not take: dated too far ahead, or beyond its limits. They were left out.
    pub refused: u32,
}

/// How far two sides are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What the other side is known to have, sorted by peer.
    pub known_there: Vec<PeerVersion>,
    /// Events known here that the other side is not known to have.
    pub unsent: u32,
    /// Events that the other side announced and that have not come.
    pub awaited: u32,
    /// Both are 0, and both sides have said hello.
    pub in_sync: bool,
}

/// One side of a conversation between two replicas.
#[derive(Debug)]
pub struct Session {}

#[allow(unused_variables, clippy::missing_errors_doc, clippy::needless_pass_by_value, missing_docs)]
impl Session {
    pub fn open(doc: &Doc, store: &mut Store, options: SessionOptions) -> Result<Self, Error> {
        Ok(Self {})
    }
    pub fn poll(&mut self, doc: &Doc, store: &mut Store, now: f64) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }
    pub fn receive(&mut self, doc: &mut Doc, store: &mut Store, message: &[u8], now: f64) -> Result<Received, Error> {
        Ok(Received::default())
    }
    pub fn progress(&self, doc: &Doc) -> Progress {
        Progress { known_there: Vec::new(), unsent: 0, awaited: 0, in_sync: false }
    }
}
