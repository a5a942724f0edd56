//! Decides which content to send next, and splits it into messages.

use super::conversation::Conversation;
use super::message::{Head, MessageKind};
use super::outbox::{QUEUES, QueuedContent, SavedDocument};
use super::{Session, hello};
use crate::doc::{Doc, EventPage, PageBudget, PageStart};
use crate::ephemeral::Store;
use crate::error::Error;
use crate::limits;

/// The maximum ratio of the size of events, as limits count it, to their encoded size.
const MAX_PACKING: u64 = 64;

/// Returns the next content of a kind, or `None` if there is nothing to send.
type NextContent = fn(&mut Session, &Doc, &Store) -> Result<Option<QueuedContent>, Error>;

/// The queues. Earlier ones are sent first, so that a long history does not delay presence.
const CONTENTS: [NextContent; QUEUES] =
    [Session::next_hello, Session::next_trace, Session::next_entries, Session::next_history];

impl Session {
    pub(super) fn next_message(&mut self, doc: &Doc, store: &mut Store, now: f64) -> Result<Option<Vec<u8>>, Error> {
        store.tick(now)?;
        self.notice_new_numbers(doc);
        if self.outbox.number - self.outbox.acknowledged < limits::MESSAGES_IN_FLIGHT.maximum {
            for (lane, next) in CONTENTS.iter().enumerate() {
                if self.outbox.queued[lane].is_none() {
                    self.outbox.queued[lane] = next(self, doc, store)?;
                }
                if let Some(content) = self.outbox.queued[lane].take() {
                    return Ok(Some(self.next_part(lane, content)));
                }
            }
        }
        if !self.inbox.acknowledgement_is_due() {
            return Ok(None);
        }
        Ok(Some(self.head(MessageKind::Acknowledgement, false).message(&[])))
    }

    /// Handles a compaction or rebase of the document, which changes what this side can send and
    /// must announce.
    fn notice_new_numbers(&mut self, doc: &Doc) {
        if doc.renumbered() == self.outbox.renumbered {
            return;
        }
        self.outbox.renumbered = doc.renumbered();
        self.outbox.next = PageStart::Version;
        self.outbox.hello_is_due = true;
        self.outbox.renumber(doc);
        self.contested.clear();
        self.known.renumber(doc);
        for end in self.outbox.in_transit() {
            self.known.raise_sent(end);
        }
        // A side that waits for a document cannot decide whether the other side lacks events.
        let can_tell = self.other.is_some() && !self.inbox.awaits_document;
        if can_tell && doc.is_below(&self.known.summary, &self.known.proven()) {
            self.outbox.document = SavedDocument::Due;
        }
    }

    fn head(&mut self, kind: MessageKind, has_more: bool) -> Head {
        let to = self.address();
        Head { kind, has_more, to, acknowledged: self.inbox.acknowledge(), number: self.outbox.number }
    }

    /// Returns the address of the other side's conversation, or 0 if it is unknown.
    fn address(&self) -> u32 {
        self.inbox.from().map_or(0, Conversation::address)
    }

    /// Returns the maximum size of the content of a message.
    fn budget(&self, kind: MessageKind) -> usize {
        let theirs = self.other.as_ref().map_or(u32::MAX, |other| other.max_message_bytes);
        let max_bytes = self.options.max_message_bytes.min(theirs) as usize;
        let (to, acknowledged, number) = (self.address(), self.inbox.taken(), self.outbox.number);
        let head = Head { kind, has_more: false, to, acknowledged, number };
        max_bytes - head.bytes()
    }

    /// Returns the message with the next part of the content. The rest remains queued.
    fn next_part(&mut self, lane: usize, mut content: QueuedContent) -> Vec<u8> {
        let left = content.bytes.len() - content.at;
        let len = left.min(self.budget(content.kind));
        let has_more = len < left;
        let message = self.head(content.kind, has_more).message(&content.bytes[content.at..content.at + len]);
        self.outbox.number += 1;
        if has_more {
            content.at += len;
            self.outbox.queued[lane] = Some(content);
        } else {
            if content.kind == MessageKind::Hello && !self.outbox.has_sent_hello {
                self.outbox.has_sent_hello = true;
                self.outbox.hello_parts = self.outbox.number;
                self.outbox.hello_numbers = self.outbox.renumbered;
            }
            if content.kind == MessageKind::Document {
                self.outbox.document_end = self.outbox.number;
            }
            if !content.ends.is_empty() {
                self.outbox.in_flight.push_back((self.outbox.number, content.ends));
            }
        }
        message
    }

    fn next_hello(&mut self, doc: &Doc, _: &Store) -> Result<Option<QueuedContent>, Error> {
        if !self.outbox.hello_is_due {
            return Ok(None);
        }
        let bytes = hello::write(doc, &self.options, self.conversation, self.inbox.awaits_document)?;
        self.outbox.hello_is_due = false;
        self.outbox.hello_end = doc.next_event();
        Ok(Some(QueuedContent::of(MessageKind::Hello, bytes)))
    }

    /// Returns the trace of contested peers.
    fn next_trace(&mut self, doc: &Doc, _: &Store) -> Result<Option<QueuedContent>, Error> {
        let Self { contested, known, .. } = self;
        let bytes = contested.next(doc, |_| known.counts());
        bytes.map_or(Ok(None), |bytes| {
            limits::HELLO_BYTES.check(bytes.len() as u64)?;
            Ok(Some(QueuedContent::of(MessageKind::Trace, bytes)))
        })
    }

    /// Returns the changed entries, except for those that the other side sent.
    fn next_entries(&mut self, _: &Doc, store: &Store) -> Result<Option<QueuedContent>, Error> {
        let done = self.outbox.entries_done;
        if store.last_change() <= done {
            return Ok(None);
        }
        let budget = self.budget(MessageKind::Entries);
        let Some(other) = self.other.as_ref().filter(|other| other.accept.entries) else { return Ok(None) };
        let mut bytes = Vec::new();
        self.outbox.entries_done = store.write_changes(done, self.source, &other.namespaces, budget, &mut bytes);
        Ok((!bytes.is_empty()).then(|| QueuedContent::of(MessageKind::Entries, bytes)))
    }

    /// Returns the saved document if the other side needs it, and otherwise a page of events.
    fn next_history(&mut self, doc: &Doc, _: &Store) -> Result<Option<QueuedContent>, Error> {
        let Some(other) = self.other.as_ref().filter(|_| !self.options.read_only) else { return Ok(None) };
        let accepts_events = other.accept.events;
        match self.outbox.document {
            SavedDocument::NotNeeded if accepts_events && !self.inbox.awaits_document => Ok(self.next_events(doc)),
            // A side that waits for a document sends events after the hello that follows the
            // rebase.
            SavedDocument::NotNeeded | SavedDocument::Sent => Ok(None),
            SavedDocument::Due => {
                let saved = doc.save();
                limits::SAVED_BYTES.check(saved.len() as u64)?;
                self.outbox.document = SavedDocument::Sent;
                self.outbox.document_end = u64::MAX;
                self.outbox.document_numbers = doc.renumbered();
                Ok(Some(QueuedContent::of(MessageKind::Document, saved)))
            }
        }
    }

    fn next_events(&mut self, doc: &Doc) -> Option<QueuedContent> {
        if self.outbox.next == PageStart::Event(doc.next_event()) {
            return None;
        }
        let budget = PageBudget { bytes: self.budget(MessageKind::Events), size: self.outbox.page_size };
        let known = |lane| {
            let is_held = self.contested.is_held(doc.author_of(lane));
            if is_held { u32::MAX } else { self.known.sent(lane) }
        };
        let page = doc.page(self.outbox.next, known, budget);
        let Some(EventPage { bytes, ends, next, size, is_full }) = page else {
            self.outbox.next = PageStart::Event(doc.next_event());
            return None;
        };
        self.outbox.next = next;
        if size < budget.size / 2 && is_full {
            self.outbox.page_size = size.max(1);
        } else if is_full && bytes.len() < budget.bytes / 2 {
            self.outbox.page_size = (budget.size * 2).min(budget.bytes as u64 * MAX_PACKING);
        }
        ends.iter().for_each(|end| self.known.raise_sent(end));
        Some(QueuedContent { ends, ..QueuedContent::of(MessageKind::Events, bytes) })
    }
}
