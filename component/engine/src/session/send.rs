//! What a side sends: which content comes next, in messages that fit.

use super::message::{Head, Kind};
use super::{Session, hello};
use crate::doc::{Doc, EventPage, PageBudget, PageStart};
use crate::ephemeral::Store;
use crate::error::Error;
use crate::id::SharedText;
use crate::limits;
use std::collections::VecDeque;

/// How far beyond a message's bytes the size of its events, as limits count it, can be.
const MOST_PACKING: u64 = 64;

/// What is to be sent, and what was.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// A hello is to be said: the first, or again because the events got other numbers.
    hello_is_due: bool,
    has_said_hello: bool,
    /// What [`Doc::renumbered`] was when numbers of events were last remembered.
    renumbered: u64,
    /// Where the next page of events begins.
    pub(super) next: PageStart,
    /// The size of events, as limits count it, that is likely to fill a message.
    page_size: u64,
    /// The last change of the store that was looked at.
    entries_done: u64,
    pub(super) document: SavedDocument,
    /// What did not fit into the messages so far, one for each of [`LANES`].
    queued: [Option<Content>; LANES.len()],
    /// How many messages with content were sent.
    pub(super) number: u64,
    /// How many of them the other side has acknowledged.
    acknowledged: u64,
    /// Pages of events that it has not: the number after their last message, and what they reach.
    in_flight: VecDeque<(u64, Ends)>,
}

/// Whether the other side needs the saved document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SavedDocument {
    NotNeeded,
    /// It is below the horizon.
    Due,
    /// It was, and will say hello when it has rebased.
    Given,
}

/// By peer, the counter after the last event.
type Ends = Vec<(SharedText, u32)>;

/// Content on its way, part by part.
#[derive(Debug)]
struct Content {
    kind: Kind,
    bytes: Vec<u8>,
    /// Where what was not sent yet begins.
    at: usize,
    /// What a page of events reaches.
    ends: Ends,
}

/// What gives the next content of its kind; none where there is nothing to say.
type Lane = fn(&mut Session, &Doc, &Store) -> Result<Option<Content>, Error>;

/// What can be on its way side by side, the first of which goes first: no long history keeps presence waiting.
const LANES: [Lane; 3] = [Session::next_hello, Session::next_entries, Session::next_history];

impl Outgoing {
    pub(super) fn new(doc: &Doc, most_message_bytes: u32) -> Self {
        Self {
            hello_is_due: true,
            has_said_hello: false,
            renumbered: doc.renumbered(),
            next: PageStart::Version,
            page_size: most_message_bytes.into(),
            entries_done: 0,
            document: SavedDocument::NotNeeded,
            queued: [const { None }; LANES.len()],
            number: 0,
            acknowledged: 0,
            in_flight: VecDeque::new(),
        }
    }

    pub(super) fn has_said_hello(&self) -> bool {
        self.has_said_hello
    }

    /// Takes an acknowledgement; gives what the other side has now, page by page. None for one that cannot be.
    pub(super) fn acknowledge(&mut self, acknowledged: u64) -> Option<impl Iterator<Item = Ends> + use<'_>> {
        if !(self.acknowledged..=self.number).contains(&acknowledged) {
            return None;
        }
        self.acknowledged = acknowledged;
        let arrived = self.in_flight.partition_point(|(number, _)| *number <= acknowledged);
        Some(self.in_flight.drain(..arrived).map(|(_, ends)| ends))
    }

    /// What was sent and not acknowledged, or is being sent.
    pub(super) fn on_the_way(&self) -> impl Iterator<Item = &(SharedText, u32)> {
        let queued = self.queued.iter().flatten().map(|content| &content.ends);
        self.in_flight.iter().map(|(_, ends)| ends).chain(queued).flatten()
    }

    /// Frees what a session that is over does not need.
    pub(super) fn let_go(&mut self) {
        self.queued = [const { None }; LANES.len()];
        self.in_flight.clear();
    }
}

impl Session {
    pub(super) fn next_message(&mut self, doc: &Doc, store: &mut Store, now: f64) -> Result<Option<Vec<u8>>, Error> {
        store.tick(now)?;
        self.notice_new_numbers(doc);
        if self.outgoing.number - self.outgoing.acknowledged < limits::MESSAGES_IN_FLIGHT.most {
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

    /// Compaction and rebase, of whoever shares the document, change what this side can give and must tell.
    fn notice_new_numbers(&mut self, doc: &Doc) {
        if doc.renumbered() == self.outgoing.renumbered {
            return;
        }
        self.outgoing.renumbered = doc.renumbered();
        self.outgoing.next = PageStart::Version;
        self.outgoing.hello_is_due = true;
        if self.other.is_some() && self.other_is_below(doc) {
            self.outgoing.document = SavedDocument::Due;
        }
    }

    /// Whether the other side is below this one's horizon, with all that is on the way to it.
    pub(super) fn other_is_below(&self, doc: &Doc) -> bool {
        doc.given_up().any(|(peer, count)| self.known.sent(peer) < count)
    }

    fn head(&mut self, kind: Kind, has_more: bool) -> Head {
        Head { kind, has_more, acknowledged: self.incoming.acknowledge(), number: self.outgoing.number }
    }

    /// How many bytes of content a message can have.
    fn budget(&self, kind: Kind) -> usize {
        let theirs = self.other.as_ref().map_or(u32::MAX, |other| other.most_message_bytes);
        let most = self.options.most_message_bytes.min(theirs) as usize;
        let head = Head { kind, has_more: false, acknowledged: self.incoming.taken(), number: self.outgoing.number };
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
            self.outgoing.has_said_hello |= content.kind == Kind::Hello;
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
        let bytes = hello::write(doc, &self.options)?;
        self.outgoing.hello_is_due = false;
        Ok(Some(Content::of(Kind::Hello, bytes)))
    }

    /// Entries that changed, but for those that came from the other side.
    fn next_entries(&mut self, _: &Doc, store: &Store) -> Result<Option<Content>, Error> {
        let done = self.outgoing.entries_done;
        if store.last_change() <= done {
            return Ok(None);
        }
        let budget = self.budget(Kind::Entries);
        let Some(other) = &self.other else { return Ok(None) };
        let mut bytes = Vec::new();
        self.outgoing.entries_done = store.write_changes(done, self.source, &other.namespaces, budget, &mut bytes);
        Ok((!bytes.is_empty()).then(|| Content::of(Kind::Entries, bytes)))
    }

    /// The saved document where it is needed, else a page of events.
    fn next_history(&mut self, doc: &Doc, _: &Store) -> Result<Option<Content>, Error> {
        if self.other.is_none() || self.options.read_only {
            return Ok(None);
        }
        match self.outgoing.document {
            SavedDocument::NotNeeded if !self.incoming.awaits_document(doc) => self.next_events(doc),
            // Whoever is below the other's horizon speaks of events after the hello that follows the rebase.
            SavedDocument::NotNeeded | SavedDocument::Given => Ok(None),
            SavedDocument::Due => {
                let saved = doc.save();
                limits::SAVED_BYTES.check(saved.len() as u64)?;
                self.outgoing.document = SavedDocument::Given;
                Ok(Some(Content::of(Kind::Document, saved)))
            }
        }
    }

    fn next_events(&mut self, doc: &Doc) -> Result<Option<Content>, Error> {
        if self.outgoing.next == PageStart::Event(doc.next_event()) {
            return Ok(None);
        }
        let budget = PageBudget { bytes: self.budget(Kind::Events), size: self.outgoing.page_size };
        let page = doc.page(self.outgoing.next, |peer| self.known.sent(peer), budget)?;
        let Some(EventPage { bytes, ends, next, size, is_full }) = page else {
            self.outgoing.next = PageStart::Event(doc.next_event());
            return Ok(None);
        };
        self.outgoing.next = next;
        if size < budget.size / 2 && is_full {
            self.outgoing.page_size = size.max(1);
        } else if is_full && bytes.len() < budget.bytes / 2 {
            self.outgoing.page_size = (budget.size * 2).min(budget.bytes as u64 * MOST_PACKING);
        }
        ends.iter().for_each(|(peer, count)| self.known.raise_sent(peer, *count));
        Ok(Some(Content { ends, ..Content::of(Kind::Events, bytes) }))
    }
}

impl Content {
    fn of(kind: Kind, bytes: Vec<u8>) -> Self {
        Self { kind, bytes, at: 0, ends: Vec::new() }
    }
}
