//! What a side sends: which content comes next, in messages that fit.

use super::conversation::Conversation;
use super::message::{Head, Kind};
use super::outbox::{Content, QUEUES, SavedDocument};
use super::{Session, hello};
use crate::doc::{Doc, EventPage, PageBudget, PageStart};
use crate::ephemeral::Store;
use crate::error::Error;
use crate::limits;

/// How far beyond a message's bytes the size of its events, as limits count it, can be.
const MAX_PACKING: u64 = 64;

/// Returns the next content of its kind, or `None` if there is nothing to send.
type Lane = fn(&mut Session, &Doc, &Store) -> Result<Option<Content>, Error>;

/// What can be on its way side by side, the first of which goes first: no long history keeps presence waiting.
const LANES: [Lane; QUEUES] = [Session::next_hello, Session::next_trace, Session::next_entries, Session::next_history];

impl Session {
    pub(super) fn next_message(&mut self, doc: &Doc, store: &mut Store, now: f64) -> Result<Option<Vec<u8>>, Error> {
        store.tick(now)?;
        self.notice_new_numbers(doc);
        if self.outgoing.number - self.outgoing.acknowledged < limits::MESSAGES_IN_FLIGHT.maximum {
            for (lane, next) in LANES.iter().enumerate() {
                if self.outgoing.queued[lane].is_none() {
                    self.outgoing.queued[lane] = next(self, doc, store)?;
                }
                if let Some(content) = self.outgoing.queued[lane].take() {
                    return Ok(Some(self.next_part(lane, content)));
                }
            }
        }
        if !self.incoming.acknowledgement_is_due() {
            return Ok(None);
        }
        Ok(Some(self.head(Kind::Acknowledgement, false).message(&[])))
    }

    /// Compaction and rebase, by any user of the document, change what this side can send and must announce.
    fn notice_new_numbers(&mut self, doc: &Doc) {
        if doc.renumbered() == self.outgoing.renumbered {
            return;
        }
        self.outgoing.renumbered = doc.renumbered();
        self.outgoing.next = PageStart::Version;
        self.outgoing.hello_is_due = true;
        self.outgoing.renumber(doc);
        self.contested.clear();
        self.known.renumber(doc);
        for end in self.outgoing.on_the_way() {
            self.known.raise_sent(end);
        }
        // A side that waits for a document cannot tell whether the other side lacks events.
        let can_tell = self.other.is_some() && !self.incoming.awaits_document;
        if can_tell && doc.is_below(&self.known.summary, &self.known.proven()) {
            self.outgoing.document = SavedDocument::Due;
        }
    }

    fn head(&mut self, kind: Kind, has_more: bool) -> Head {
        let to = self.address();
        Head { kind, has_more, to, acknowledged: self.incoming.acknowledge(), number: self.outgoing.number }
    }

    /// The conversation of the other side, as far as it is known.
    fn address(&self) -> u32 {
        self.incoming.from().map_or(0, Conversation::address)
    }

    /// How many bytes of content a message can have.
    fn budget(&self, kind: Kind) -> usize {
        let theirs = self.other.as_ref().map_or(u32::MAX, |other| other.max_message_bytes);
        let most = self.options.max_message_bytes.min(theirs) as usize;
        let (to, acknowledged, number) = (self.address(), self.incoming.taken(), self.outgoing.number);
        let head = Head { kind, has_more: false, to, acknowledged, number };
        most - head.bytes()
    }

    /// The message with as much of the content as fits; the rest stays queued.
    fn next_part(&mut self, lane: usize, mut content: Content) -> Vec<u8> {
        let left = content.bytes.len() - content.at;
        let len = left.min(self.budget(content.kind));
        let has_more = len < left;
        let message = self.head(content.kind, has_more).message(&content.bytes[content.at..content.at + len]);
        self.outgoing.number += 1;
        if has_more {
            content.at += len;
            self.outgoing.queued[lane] = Some(content);
        } else {
            if content.kind == Kind::Hello && !self.outgoing.has_said_hello {
                self.outgoing.has_said_hello = true;
                self.outgoing.hello_parts = self.outgoing.number;
                self.outgoing.hello_numbers = self.outgoing.renumbered;
            }
            if content.kind == Kind::Document {
                self.outgoing.document_end = self.outgoing.number;
            }
            if !content.ends.is_empty() {
                self.outgoing.in_flight.push_back((self.outgoing.number, content.ends));
            }
        }
        message
    }

    fn next_hello(&mut self, doc: &Doc, _: &Store) -> Result<Option<Content>, Error> {
        if !self.outgoing.hello_is_due {
            return Ok(None);
        }
        let bytes = hello::write(doc, &self.options, self.conversation, self.incoming.awaits_document)?;
        self.outgoing.hello_is_due = false;
        self.outgoing.told_until = doc.next_event();
        Ok(Some(Content::of(Kind::Hello, bytes)))
    }

    /// The trace of peers that are contested.
    fn next_trace(&mut self, doc: &Doc, _: &Store) -> Result<Option<Content>, Error> {
        let Self { contested, known, .. } = self;
        let bytes = contested.next(doc, |_| known.counts());
        bytes.map_or(Ok(None), |bytes| {
            limits::HELLO_BYTES.check(bytes.len() as u64)?;
            Ok(Some(Content::of(Kind::Trace, bytes)))
        })
    }

    /// Entries that changed, but for those that came from the other side.
    fn next_entries(&mut self, _: &Doc, store: &Store) -> Result<Option<Content>, Error> {
        let done = self.outgoing.entries_done;
        if store.last_change() <= done {
            return Ok(None);
        }
        let budget = self.budget(Kind::Entries);
        let Some(other) = self.other.as_ref().filter(|other| other.accept.entries) else { return Ok(None) };
        let mut bytes = Vec::new();
        self.outgoing.entries_done = store.write_changes(done, self.source, &other.namespaces, budget, &mut bytes);
        Ok((!bytes.is_empty()).then(|| Content::of(Kind::Entries, bytes)))
    }

    /// The saved document where it is needed, else a page of events.
    fn next_history(&mut self, doc: &Doc, _: &Store) -> Result<Option<Content>, Error> {
        let Some(other) = self.other.as_ref().filter(|_| !self.options.read_only) else { return Ok(None) };
        let accepts_events = other.accept.events;
        match self.outgoing.document {
            SavedDocument::NotNeeded if accepts_events && !self.incoming.awaits_document => Ok(self.next_events(doc)),
            // A side that waits for a document sends events after the hello that follows the rebase.
            SavedDocument::NotNeeded | SavedDocument::Given => Ok(None),
            SavedDocument::Due => {
                let saved = doc.save();
                limits::SAVED_BYTES.check(saved.len() as u64)?;
                self.outgoing.document = SavedDocument::Given;
                self.outgoing.document_end = u64::MAX;
                self.outgoing.document_numbers = doc.renumbered();
                Ok(Some(Content::of(Kind::Document, saved)))
            }
        }
    }

    fn next_events(&mut self, doc: &Doc) -> Option<Content> {
        if self.outgoing.next == PageStart::Event(doc.next_event()) {
            return None;
        }
        let budget = PageBudget { bytes: self.budget(Kind::Events), size: self.outgoing.page_size };
        let known = |lane| {
            let is_held = self.contested.is_held(doc.author_of(lane));
            if is_held { u32::MAX } else { self.known.sent(lane) }
        };
        let page = doc.page(self.outgoing.next, known, budget);
        let Some(EventPage { bytes, ends, next, size, is_full }) = page else {
            self.outgoing.next = PageStart::Event(doc.next_event());
            return None;
        };
        self.outgoing.next = next;
        if size < budget.size / 2 && is_full {
            self.outgoing.page_size = size.max(1);
        } else if is_full && bytes.len() < budget.bytes / 2 {
            self.outgoing.page_size = (budget.size * 2).min(budget.bytes as u64 * MAX_PACKING);
        }
        ends.iter().for_each(|end| self.known.raise_sent(end));
        Some(Content { ends, ..Content::of(Kind::Events, bytes) })
    }
}
