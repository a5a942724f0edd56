//! The outbox of a session: the content to send, and the unacknowledged messages.

use super::message::MessageKind;
use crate::doc::{Doc, End, PageStart};
use crate::id::EventNumber;
use std::collections::VecDeque;

/// The number of kinds of content that can be in transit at the same time.
pub(super) const QUEUES: usize = 4;
/// The index of the queue of hellos.
pub(super) const HELLO_QUEUE: usize = 0;

/// The state of sent messages.
#[derive(Debug)]
pub(super) struct Outbox {
    /// Whether to send a hello: the first one, or a further one because events were renumbered.
    pub(super) hello_is_due: bool,
    pub(super) has_sent_hello: bool,
    /// The last hello contains the events before this one.
    pub(super) hello_end: EventNumber,
    /// The value of [`Doc::renumbered`] when numbers of events were last remembered.
    pub(super) renumbered: u64,
    /// The place at which the next page of events begins.
    pub(super) next: PageStart,
    /// The size of events, as limits count it, that probably fills a message.
    pub(super) page_size: u64,
    /// The last change of the store that was considered.
    pub(super) entries_done: u64,
    pub(super) document: SavedDocument,
    /// The number of messages up to the last part of the last sent document; `u64::MAX` while parts
    /// are outstanding.
    pub(super) document_end: u64,
    /// The value of [`Doc::renumbered`] when that document was saved.
    pub(super) document_numbers: u64,
    /// The unsent content of each queue.
    pub(super) queued: [Option<QueuedContent>; QUEUES],
    /// The number of messages of the first hello.
    pub(super) hello_parts: u64,
    /// The value of [`Doc::renumbered`] when it was sent.
    pub(super) hello_numbers: u64,
    /// The number of sent messages with content.
    pub(super) number: u64,
    /// The number of these messages that the other side has acknowledged.
    pub(super) acknowledged: u64,
    /// The unacknowledged pages of events: the number of messages up to their last part, and the
    /// ends of lanes that they reach.
    pub(super) in_flight: VecDeque<(u64, Vec<End>)>,
}

/// Whether the other side needs the saved document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SavedDocument {
    NotNeeded,
    /// It is below the horizon.
    Due,
    /// The document was sent. The other side sends a hello after its rebase.
    Sent,
}

/// Content that is sent in parts.
#[derive(Debug)]
pub(super) struct QueuedContent {
    pub(super) kind: MessageKind,
    pub(super) bytes: Vec<u8>,
    /// The index of the first unsent byte.
    pub(super) at: usize,
    /// The ends of lanes that a page of events reaches.
    pub(super) ends: Vec<End>,
}

impl QueuedContent {
    pub(super) fn of(kind: MessageKind, bytes: Vec<u8>) -> Self {
        Self { kind, bytes, at: 0, ends: Vec::new() }
    }
}

impl Outbox {
    pub(super) fn new(doc: &Doc, max_message_bytes: u32) -> Self {
        Self {
            hello_is_due: true,
            has_sent_hello: false,
            hello_end: EventNumber(0),
            renumbered: doc.renumbered(),
            next: PageStart::Version,
            page_size: max_message_bytes.into(),
            entries_done: 0,
            document: SavedDocument::NotNeeded,
            document_end: 0,
            document_numbers: 0,
            queued: [const { None }; QUEUES],
            hello_parts: 0,
            hello_numbers: 0,
            number: 0,
            acknowledged: 0,
            in_flight: VecDeque::new(),
        }
    }

    /// Returns whether a hello contains an event, or will contain it.
    pub(super) fn hello_contains(&self, event: EventNumber) -> bool {
        self.hello_is_due || event < self.hello_end
    }

    pub(super) fn has_sent_hello(&self) -> bool {
        self.has_sent_hello
    }

    /// Handles an acknowledgement. Returns the ends of the pages that arrived, or `None` if it
    /// acknowledges unsent messages.
    pub(super) fn acknowledge(&mut self, acknowledged: u64) -> Option<impl Iterator<Item = Vec<End>> + use<'_>> {
        if !(self.acknowledged..=self.number).contains(&acknowledged) {
            return None;
        }
        self.acknowledged = acknowledged;
        let arrived = self.in_flight.partition_point(|(number, _)| *number <= acknowledged);
        Some(self.in_flight.drain(..arrived).map(|(_, ends)| ends))
    }

    /// Returns the ends of lanes that unacknowledged and queued pages reach.
    pub(super) fn in_transit(&self) -> impl Iterator<Item = &End> {
        let queued = self.queued.iter().flatten().map(|content| &content.ends);
        self.in_flight.iter().map(|(_, ends)| ends).chain(queued).flatten()
    }

    /// Returns whether the present document is in transit. The other side sends a hello when it has
    /// arrived.
    pub(super) fn document_is_in_transit(&self, doc: &Doc) -> bool {
        self.document_end > self.acknowledged && self.document_numbers == doc.renumbered()
    }

    /// Schedules a further hello.
    pub(super) fn schedule_hello(&mut self) {
        self.hello_is_due = true;
    }

    /// Begins a new conversation.
    pub(super) fn restart(&mut self) {
        self.forget_sent();
        self.hello_is_due = true;
        self.has_sent_hello = false;
        self.number = 0;
    }

    /// Sends everything after the first hello again, to a side that knows only that hello.
    pub(super) fn resend_after_hello(&mut self) {
        let rest_of_hello = self.queued[HELLO_QUEUE].take();
        self.forget_sent();
        if self.has_sent_hello {
            self.number = self.hello_parts;
            self.hello_is_due |= self.renumbered != self.hello_numbers;
        } else {
            self.queued[HELLO_QUEUE] = rest_of_hello;
        }
    }

    fn forget_sent(&mut self) {
        self.free();
        self.next = PageStart::Version;
        self.entries_done = 0;
        self.document = SavedDocument::NotNeeded;
        self.document_end = 0;
        self.acknowledged = 0;
    }

    /// Looks up the lanes of pages in transit again after they were renumbered.
    pub(super) fn renumber(&mut self, doc: &Doc) {
        let queued = self.queued.iter_mut().flatten().map(|content| &mut content.ends);
        for ends in self.in_flight.iter_mut().map(|(_, ends)| ends).chain(queued) {
            *ends = ends.iter().filter_map(|end| doc.end_of(&end.last)).collect();
        }
    }

    /// Frees memory after the session ended.
    pub(super) fn free(&mut self) {
        self.queued = [const { None }; QUEUES];
        self.in_flight.clear();
    }
}
