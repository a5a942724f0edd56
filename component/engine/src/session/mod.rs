//! Sessions: one side of a conversation between two replicas, as a state machine. `poll` returns
//! messages, which the `receive` of the other side accepts. `docs/protocol.md` specifies them.
//!
//! Stores which events the other side has, the unacknowledged messages, and incomplete content;
//! neither the document nor the store, which are passed to each call. Always holds: an event is
//! sent only if the other side is not known to have it and it was not sent before; at most
//! `limits::MESSAGES_IN_FLIGHT` messages with content are unacknowledged, so no queue grows without
//! bounds. Does not know how messages travel.

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

/// The options of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// The name of the document, which must be equal on both sides: 1 to
    /// `limits::DOCUMENT_NAME_BYTES` bytes.
    pub document: String,
    /// The maximum size of messages in both directions, in bytes: from
    /// [`limits::MIN_MESSAGE_BYTES`] to `limits::MESSAGE_BYTES`.
    pub max_message_bytes: u32,
    /// The namespaces of the store to request from the other side; all namespaces if empty.
    pub namespaces: Vec<String>,
    /// Whether to receive events only, and send none.
    pub read_only: bool,
    /// A number that this host never used before for a session of this document, such as a random
    /// one.
    pub nonce: u64,
    /// What this side accepts from the other side.
    pub accept: Acceptance,
    /// If not empty, received events and entries may only be of these peers, on any branch. An
    /// element that ends with `*` selects all peers whose names start with the text before it.
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

/// Ends a writer that selects all peers whose names start with the text before it.
const WRITER_PREFIX: char = '*';

/// The effect of a message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Received {
    /// The report of merging the events of the message, or of the rebase onto the document that it
    /// completed.
    pub durable: Option<MergeReport>,
    /// The entries that changed the visible registers, sorted by namespace and key.
    pub ephemeral: Vec<Entry>,
    /// The number of entries that the store skipped: dated too far ahead, or beyond its limits.
    pub refused: u32,
}

/// The progress of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The events that the other side is known to have, sorted by peer.
    pub known_there: Vec<PeerVersion>,
    /// The number of known events that the other side is not known to have.
    pub unsent: u32,
    /// The number of events that the other side announced and that have not arrived.
    pub awaited: u32,
    /// Whether both numbers are 0, both sides have sent a hello, and neither waits for a document.
    pub in_sync: bool,
}

/// One side of a conversation about one document and one store. Every call must receive the
/// same ones.
#[derive(Debug)]
pub struct Session {
    options: SessionOptions,
    /// The name of the other side as a source of entries in the store.
    source: EntrySource,
    is_over: bool,
    conversation: Conversation,
    /// `None` before the hello of the other side.
    other: Option<Other>,
    known: Known,
    contested: Contested,
    outbox: Outbox,
    inbox: Inbox,
}

/// What the hello of the other side said.
#[derive(Debug)]
struct Other {
    conversation: Conversation,
    max_message_bytes: u32,
    namespaces: BTreeSet<String>,
    read_only: bool,
    accept: Acceptance,
    /// Whether the other side has compacted its history, so that it may send its document.
    is_compacted: bool,
}

impl Session {
    /// Opens one side of a conversation about this document and this store. The other side does the
    /// same. O(options).
    ///
    /// # Errors
    /// `InvalidArgument` for an empty name, and for a maximum message size below
    /// [`limits::MIN_MESSAGE_BYTES`]; `LimitExceeded` for names that are too long, too many
    /// namespaces or writers, and a maximum message size that is too large.
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

    /// Returns the next message to send, or `None` if there is nothing to send now. Call it after
    /// opening, after a local write, and after `receive`, until it returns `None`. `now` is the
    /// caller's clock in milliseconds. O(peers) for a hello, and for each page of a history that
    /// the other side lacks; otherwise O(log n) for each event and entry in the message.
    ///
    /// # Errors
    /// `SessionEnded` if an earlier error ended the session; `InvalidArgument` for a `now` that is
    /// not a time; `LimitExceeded` if the hello or the saved document is too large to send. An
    /// error ends the session.
    pub fn poll(&mut self, doc: &Doc, store: &mut Store, now: f64) -> Result<Option<Vec<u8>>, Error> {
        self.until_error(|session| session.next_message(doc, store, now))
    }

    /// Handles a message of the other side. `now` is the caller's clock in milliseconds. O(message
    /// × log n); O(peers × log n) for a hello; the cost of [`Doc::rebase`] for a document.
    ///
    /// # Errors
    /// `SessionEnded` if an earlier error ended the session; `Protocol` for a message that breaks a
    /// [`SessionRule`](crate::error::SessionRule); `InvalidArgument` for a `now` that is not a
    /// time; `Corrupt` for a damaged message; `UnsupportedVersion` if the other side uses another
    /// version of the protocol; those of [`Doc::merge_update`] and [`Doc::rebase`]; `Compacted` if
    /// each side lacks events that the other one compacted, or if the side that must send its
    /// document is read-only. An error ends the session; the document and the store are unchanged.
    pub fn receive(&mut self, doc: &mut Doc, store: &mut Store, message: &[u8], now: f64) -> Result<Received, Error> {
        self.until_error(|session| {
            memory::spend_on(message)?;
            session.take_message(doc, store, message, now)
        })
    }

    /// Returns the update that [`receive`](Self::receive) would merge with this message, or the
    /// saved document that it would rebase onto; `None` if the message completes neither, or is
    /// stale. Changes nothing. O(size of the update).
    ///
    /// # Errors
    /// `SessionEnded` if an earlier error ended the session; `Corrupt` and `UnsupportedVersion` for
    /// a damaged message; `LimitExceeded` for one that is too large.
    pub fn update_of(&self, message: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        if self.is_over {
            return Err(Error::SessionEnded);
        }
        memory::spend_on(message)?;
        self.update_in(message)
    }

    /// Returns the progress of both sides. A read-only side announces no events. O(peers × log n).
    #[must_use]
    pub fn progress(&self, doc: &Doc) -> Progress {
        let unsent = doc.count_beyond(|lane| self.known.there(lane));
        let announces = self.other.as_ref().is_some_and(|other| !other.read_only) && self.options.accept.events;
        let awaited = if announces { doc.count_unknown(&self.known.summary) } else { 0 };
        let have_sent_hello = self.other.is_some() && self.outbox.has_sent_hello();
        // The events of a document that one side waits for are not counted.
        let needs_document = self.inbox.awaits_document || self.outbox.document != SavedDocument::NotNeeded;
        let is_settled = !needs_document && !self.contested.any_held();
        let in_sync = have_sent_hello && unsent == 0 && awaited == 0 && is_settled;
        Progress { known_there: doc.version_of(&self.known.counts()), unsent, awaited, in_sync }
    }

    /// Returns whether a peer may be the author of received events and entries.
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
            self.outbox.free();
            self.inbox.free();
        }
        result
    }
}
