//! One side of a conversation between two replicas, as a state machine: messages come out of `poll` and go into `receive`
//! of the other side. `docs/protocol.md` says what they are.
//!
//! Holds what the other side is known to have, what was sent to it and not acknowledged, and the parts of what has not come
//! whole; neither document nor store: each call is given both. Always holds: of events, only those are sent that the other
//! side is not known to have and was not sent before; no more than `limits::MESSAGES_IN_FLIGHT` messages with content are
//! out unacknowledged, so neither side's queues grow, whatever the other one does. Does not know how messages travel.

mod conversation;
mod hello;
mod inbox;
mod known;
mod message;
mod outbox;
mod receive;
mod send;
#[cfg(test)]
mod tests;
mod trace;

use crate::doc::{Doc, MergeReport};
use crate::ephemeral::{Entry, EntrySource, Store};
use crate::error::{Error, Invalid, Name};
use crate::id::PeerVersion;
use crate::limits;
use crate::memory;
use crate::sort;
use conversation::Conversation;
use inbox::Inbox;
use known::Known;
use outbox::{Outbox, SavedDocument};
use std::collections::BTreeSet;
use trace::Contested;

/// What a session is opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// The document's name, which both sides must agree on: 1 to `limits::DOCUMENT_NAME_BYTES` bytes.
    pub document: String,
    /// The maximum size of messages in both directions, in bytes: from [`limits::MIN_MESSAGE_BYTES`] to `limits::MESSAGE_BYTES`.
    pub max_message_bytes: u32,
    /// Only these namespaces of the store are wanted from the other side; all where none are named.
    pub namespaces: Vec<String>,
    /// Receive events from the other side, but send none.
    pub read_only: bool,
    /// A number that this host never used before for a session of this document, such as a random one.
    pub nonce: u64,
    /// What this side accepts from the other side.
    pub accept: Acceptance,
    /// If not empty, only these peers, on any branch, may be the authors of what arrives. An element that ends with `*`
    /// selects all peers whose names start with the text before it.
    pub writers: Vec<String>,
}

/// What a side of a session accepts from the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acceptance {
    /// Events.
    pub events: bool,
    /// Entries of the ephemeral store.
    pub entries: bool,
    /// A saved document, which replaces this replica's content; see [`Doc::rebase`].
    pub documents: bool,
}

impl Acceptance {
    /// Accepts everything.
    pub const ALL: Self = Self { events: true, entries: true, documents: true };
}

/// Ends a writer that stands for all peers whose names start with what is before it.
const WRITER_PREFIX: char = '*';

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
    /// Both are 0, both sides have said hello, and neither waits for the document of the other one.
    pub in_sync: bool,
}

/// One side of a conversation. Made for one document and one store, which every call must be given.
#[derive(Debug)]
pub struct Session {
    options: SessionOptions,
    /// As whom the store knows entries from the other side.
    source: EntrySource,
    is_over: bool,
    conversation: Conversation,
    /// `None` before its hello.
    other: Option<Other>,
    known: Known,
    contested: Contested,
    outbox: Outbox,
    inbox: Inbox,
}

/// What the other side said of itself.
#[derive(Debug)]
struct Other {
    conversation: Conversation,
    max_message_bytes: u32,
    namespaces: BTreeSet<String>,
    read_only: bool,
    accept: Acceptance,
    /// It compacted its history, and may send its document.
    is_compacted: bool,
}

impl Session {
    /// One side of a conversation about this document and this store. The other side is opened alike. O(options).
    ///
    /// # Errors
    /// `InvalidArgument` for an empty name and for messages bounded to less than [`limits::MIN_MESSAGE_BYTES`];
    /// `LimitExceeded` for names that are too long, too many namespaces, and messages that are too large.
    pub fn open(doc: &Doc, store: &mut Store, options: SessionOptions) -> Result<Self, Error> {
        Name::Document.check(&options.document)?;
        limits::NAMESPACES.check(options.namespaces.len() as u64)?;
        options.namespaces.iter().try_for_each(|namespace| Name::Namespace.check(namespace))?;
        limits::SESSION_WRITERS.check(options.writers.len() as u64)?;
        for writer in &options.writers {
            match writer.strip_suffix(WRITER_PREFIX) {
                Some("") => {}
                Some(prefix) => Name::Peer.check(prefix)?,
                None => Name::Peer.check(writer)?,
            }
        }
        limits::MESSAGE_BYTES.check(options.max_message_bytes.into())?;
        if options.max_message_bytes < limits::MIN_MESSAGE_BYTES {
            return Err(Invalid::MessageBytes(options.max_message_bytes).into());
        }
        let mut options = options;
        sort::sort(&mut options.namespaces);
        options.namespaces.dedup();
        Ok(Self {
            outbox: Outbox::new(doc, options.max_message_bytes),
            conversation: Conversation { nonce: options.nonce, restarts: 0 },
            options,
            source: store.new_source(),
            is_over: false,
            other: None,
            known: Known::default(),
            contested: Contested::default(),
            inbox: Inbox::default(),
        })
    }

    /// Returns the next message to send, or `None` if there is nothing to send now. Call it until it returns `None`: after opening,
    /// after a local write, after `receive`. `now` is the caller's clock in milliseconds. O(peers) for a hello and for each
    /// page of a history that the other side lacks; else O(log n) for each event and entry that the message holds, and O(1)
    /// where there is none.
    ///
    /// # Errors
    /// `InvalidArgument` where an error ended the session, and for a `now` that is no time; `LimitExceeded` where the hello
    /// or the saved document is too large to be sent. An error ends the session.
    pub fn poll(&mut self, doc: &Doc, store: &mut Store, now: f64) -> Result<Option<Vec<u8>>, Error> {
        self.until_error(|session| session.next_message(doc, store, now))
    }

    /// Handles one message of the other side. `now` is the caller's clock in milliseconds. O(message × log n), for a hello
    /// O(peers × log n); for a document what [`Doc::rebase`] costs.
    ///
    /// # Errors
    /// `InvalidArgument` for a message that breaks a [`SessionRule`], and for a `now` that is no time; `Corrupt` for a
    /// damaged one; `UnsupportedVersion` where the other side speaks another version; those of [`Doc::merge_update`] and
    /// [`Doc::rebase`]; `Compacted` where each side lacks what the other one gave up, or the one that should send its
    /// document is read-only. An error ends the session; document and store are as they were.
    pub fn receive(&mut self, doc: &mut Doc, store: &mut Store, message: &[u8], now: f64) -> Result<Received, Error> {
        self.until_error(|session| {
            memory::spend_on(message)?;
            session.take_message(doc, store, message, now)
        })
    }

    /// The update that [`receive`](Self::receive) would merge with this message, or the saved document that it would rebase
    /// on, or `None` if the message completes neither or is stale. Changes nothing. O(the update).
    ///
    /// # Errors
    /// `InvalidArgument` where an error ended the session; `Corrupt` and `UnsupportedVersion` for a message that is damaged;
    /// `LimitExceeded` for one that is too large.
    pub fn update_of(&self, message: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        if self.is_over {
            return Err(Error::SessionEnded);
        }
        memory::spend_on(message)?;
        self.update_in(message)
    }

    /// How far both sides are. A side that is read-only announces nothing. O(peers × log n).
    #[must_use]
    pub fn progress(&self, doc: &Doc) -> Progress {
        let unsent = doc.count_beyond(|lane| self.known.there(lane));
        let announces = self.other.as_ref().is_some_and(|other| !other.read_only) && self.options.accept.events;
        let awaited = if announces { doc.count_unknown(&self.known.summary) } else { 0 };
        let have_said_hello = self.other.is_some() && self.outbox.has_said_hello();
        // The events of a document that one side waits for are not counted.
        let needs_document = self.inbox.awaits_document || self.outbox.document != SavedDocument::NotNeeded;
        let is_settled = !needs_document && !self.contested.any_held();
        let in_sync = have_said_hello && unsent == 0 && awaited == 0 && is_settled;
        Progress { known_there: doc.version_of(&self.known.counts()), unsent, awaited, in_sync }
    }

    /// Whether this peer may be an author of what arrives.
    fn may_write(&self, peer: &str) -> bool {
        let allows = |writer: &String| match writer.strip_suffix(WRITER_PREFIX) {
            Some(prefix) => peer.starts_with(prefix),
            None => *writer == peer,
        };
        self.options.writers.is_empty() || self.options.writers.iter().any(allows)
    }

    fn until_error<T>(&mut self, call: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.is_over {
            return Err(Error::SessionEnded);
        }
        let result = call(self);
        if result.is_err() {
            self.is_over = true;
            self.outbox.let_go();
            self.inbox.let_go();
        }
        result
    }
}
