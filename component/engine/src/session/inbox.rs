//! The inbox of a session: the received messages, and the parts of content that is not complete.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

use super::conversation::Conversation;
use super::message::{Head, MessageKind};
use crate::codec::Reader;
use crate::convert::u64_of;
use crate::doc::End;
use crate::error::{Error, SessionRule};
use crate::limits;
use std::collections::BTreeMap;

/// The state of received messages.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// The sender of the accepted messages: the side that sent the first hello, or its first part.
    pub(super) from: Option<Conversation>,
    /// The number of accepted messages with content.
    pub(super) taken: u64,
    /// The number of these messages that were acknowledged.
    pub(super) acknowledged: u64,
    /// Whether the other side waits for an acknowledgement.
    pub(super) has_news: bool,
    /// The ends of pages that arrived at the other side after it began a hello, of which parts are
    /// outstanding. The hello does not contain them.
    pub(super) arrived: Vec<End>,
    /// The incomplete content of each kind.
    parts: BTreeMap<MessageKind, Vec<u8>>,
    /// Whether this side waits for the document of the other side.
    pub(super) awaits_document: bool,
}

impl Inbox {
    /// Returns the sender of the accepted messages.
    pub(super) fn from(&self) -> Option<Conversation> {
        self.from
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Marks all accepted messages as acknowledged, and returns their number.
    pub(super) fn acknowledge(&mut self) -> u64 {
        self.acknowledged = self.taken;
        self.has_news = false;
        self.taken
    }

    /// Returns whether to send an acknowledgement without content: immediately for events, and
    /// before the other side has to stop.
    pub(super) fn acknowledgement_is_due(&self) -> bool {
        self.has_news || self.unacknowledged() >= limits::MESSAGES_IN_FLIGHT.maximum / 2
    }

    /// Returns the number of accepted messages that were not acknowledged.
    fn unacknowledged(&self) -> u64 {
        self.taken.saturating_sub(self.acknowledged)
    }

    /// Returns the incomplete content of a kind.
    pub(super) fn parts_of(&self, kind: MessageKind) -> &[u8] {
        self.parts.get(&kind).map_or(&[], Vec::as_slice)
    }

    pub(super) fn note_arrival(&mut self, end: End) {
        if !self.parts_of(MessageKind::Hello).is_empty() {
            self.arrived.push(end);
        }
    }

    /// Frees memory after the session ended.
    pub(super) fn free(&mut self) {
        self.parts.clear();
        self.arrived.clear();
    }

    /// Counts a message with content. Fails if it is not the next one, or if too many are
    /// unacknowledged.
    pub(super) fn count(&mut self, number: u64) -> Result<(), Error> {
        if number != self.taken {
            return Err(SessionRule::OutOfOrder { expected: self.taken, given: number }.into());
        }
        self.taken = self.taken.saturating_add(1);
        if self.unacknowledged() > limits::MESSAGES_IN_FLIGHT.maximum {
            return Err(SessionRule::TooManyInFlight.into());
        }
        Ok(())
    }

    /// Appends a part to the earlier ones. Returns the whole content if this is the last of several
    /// parts.
    pub(super) fn join(&mut self, head: Head, part: &mut Reader<'_>) -> Result<Option<Vec<u8>>, Error> {
        let parts = self.parts.entry(head.kind).or_default();
        head.kind.limit().check(u64_of(parts.len().saturating_add(part.left())))?;
        if parts.is_empty() && !head.has_more {
            return Ok(None);
        }
        if part.left() == 0 {
            return Err(part.damage("a part is empty"));
        }
        parts.extend_from_slice(part.take_rest());
        Ok(Some(if head.has_more { Vec::new() } else { std::mem::take(parts) }))
    }
}
