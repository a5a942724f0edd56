//! What is to be sent, and what was.

use super::message::MessageKind;
use crate::doc::{Doc, End, PageStart};
use crate::id::EventNumber;
use std::collections::VecDeque;

/// How many kinds of content can be on their way side by side.
pub(super) const QUEUES: usize = 4;
/// The queue of hellos.
pub(super) const HELLO_QUEUE: usize = 0;

/// What is to be sent, and what was.
#[derive(Debug)]
pub(super) struct Outbox {
    /// A hello is to be said: the first, or again because the events got other numbers.
    pub(super) hello_is_due: bool,
    pub(super) has_said_hello: bool,
    /// The last hello told of the events before this one.
    pub(super) told_until: EventNumber,
    /// What [`Doc::renumbered`] was when numbers of events were last remembered.
    pub(super) renumbered: u64,
    /// Where the next page of events begins.
    pub(super) next: PageStart,
    /// The size of events, as limits count it, that is likely to fill a message.
    pub(super) page_size: u64,
    /// The last change of the store that was looked at.
    pub(super) entries_done: u64,
    pub(super) document: SavedDocument,
    /// How many messages with content were sent up to the last part of the last document; all, while it has further parts.
    pub(super) document_end: u64,
    /// What [`Doc::renumbered`] was when that document was saved.
    pub(super) document_numbers: u64,
    /// What did not fit into the messages so far, one for each of `QUEUES`.
    pub(super) queued: [Option<QueuedContent>; QUEUES],
    /// How many messages the first hello took.
    pub(super) hello_parts: u64,
    /// What [`Doc::renumbered`] was then.
    pub(super) hello_numbers: u64,
    /// How many messages with content were sent.
    pub(super) number: u64,
    /// How many of them the other side has acknowledged.
    pub(super) acknowledged: u64,
    /// Pages of events that it has not: the number after their last message, and what they reach.
    pub(super) in_flight: VecDeque<(u64, Vec<End>)>,
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

/// Content on its way, part by part.
#[derive(Debug)]
pub(super) struct QueuedContent {
    pub(super) kind: MessageKind,
    pub(super) bytes: Vec<u8>,
    /// Where what was not sent yet begins.
    pub(super) at: usize,
    /// What a page of events reaches.
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
            has_said_hello: false,
            told_until: EventNumber(0),
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

    /// Whether the other side knows or will know of an event by a hello.
    pub(super) fn tells_of(&self, event: EventNumber) -> bool {
        self.hello_is_due || event < self.told_until
    }

    pub(super) fn has_said_hello(&self) -> bool {
        self.has_said_hello
    }

    /// Handles an acknowledgement. Returns the ends of the pages that arrived, or `None` if it acknowledges unsent messages.
    pub(super) fn acknowledge(&mut self, acknowledged: u64) -> Option<impl Iterator<Item = Vec<End>> + use<'_>> {
        if !(self.acknowledged..=self.number).contains(&acknowledged) {
            return None;
        }
        self.acknowledged = acknowledged;
        let arrived = self.in_flight.partition_point(|(number, _)| *number <= acknowledged);
        Some(self.in_flight.drain(..arrived).map(|(_, ends)| ends))
    }

    /// What was sent and not acknowledged, or is being sent.
    pub(super) fn on_the_way(&self) -> impl Iterator<Item = &End> {
        let queued = self.queued.iter().flatten().map(|content| &content.ends);
        self.in_flight.iter().map(|(_, ends)| ends).chain(queued).flatten()
    }

    /// Whether the present document was sent and has not arrived: the other side says hello when it has.
    pub(super) fn document_is_on_the_way(&self, doc: &Doc) -> bool {
        self.document_end > self.acknowledged && self.document_numbers == doc.renumbered()
    }

    /// A hello is to be said once more.
    pub(super) fn say_hello_again(&mut self) {
        self.hello_is_due = true;
    }

    /// Starts over with a new conversation.
    pub(super) fn restart(&mut self) {
        self.forget_sent();
        self.hello_is_due = true;
        self.has_said_hello = false;
        self.number = 0;
    }

    /// Sends everything behind the first hello again, to a side that knows nothing else of this one.
    pub(super) fn go_on_after_hello(&mut self) {
        let rest_of_hello = self.queued[HELLO_QUEUE].take();
        self.forget_sent();
        if self.has_said_hello {
            self.number = self.hello_parts;
            self.hello_is_due |= self.renumbered != self.hello_numbers;
        } else {
            self.queued[HELLO_QUEUE] = rest_of_hello;
        }
    }

    fn forget_sent(&mut self) {
        self.let_go();
        self.next = PageStart::Version;
        self.entries_done = 0;
        self.document = SavedDocument::NotNeeded;
        self.document_end = 0;
        self.acknowledged = 0;
    }

    /// Finds the lanes of what is on the way anew.
    pub(super) fn renumber(&mut self, doc: &Doc) {
        let queued = self.queued.iter_mut().flatten().map(|content| &mut content.ends);
        for ends in self.in_flight.iter_mut().map(|(_, ends)| ends).chain(queued) {
            *ends = ends.iter().filter_map(|end| doc.end_of(&end.last)).collect();
        }
    }

    /// Frees what a session that is over does not need.
    pub(super) fn let_go(&mut self) {
        self.queued = [const { None }; QUEUES];
        self.in_flight.clear();
    }
}
