//! What was received, and what is still to come.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

use super::conversation::Conversation;
use super::message::{Head, MessageKind};
use crate::codec::Reader;
use crate::convert::u64_of;
use crate::doc::End;
use crate::error::{Error, SessionRule};
use crate::limits;
use std::collections::BTreeMap;

/// What came, and what is still to come.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// Whose messages are taken: who said the first hello, or its first part.
    pub(super) from: Option<Conversation>,
    /// How many messages with content were taken.
    pub(super) taken: u64,
    /// How many of them the other side was told that they were.
    pub(super) acknowledged: u64,
    /// The other side waits to be told.
    pub(super) has_news: bool,
    /// What arrived on the other side since it began the hello of which more is to come, which does not tell of it.
    pub(super) arrived: Vec<End>,
    /// By kind, content of which more is to come.
    parts: BTreeMap<MessageKind, Vec<u8>>,
    /// This side waits for the other's document.
    pub(super) awaits_document: bool,
}

impl Inbox {
    /// Whose messages are taken.
    pub(super) fn from(&self) -> Option<Conversation> {
        self.from
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Acknowledges what was taken.
    pub(super) fn acknowledge(&mut self) -> u64 {
        self.acknowledged = self.taken;
        self.has_news = false;
        self.taken
    }

    /// Whether an acknowledgement goes out though there is nothing else to say: at once for events, whose author wants to
    /// know, and before the other side may not send any more.
    pub(super) fn acknowledgement_is_due(&self) -> bool {
        self.has_news || self.unacknowledged() >= limits::MESSAGES_IN_FLIGHT.maximum / 2
    }

    /// Messages that were taken, and of which the other side was not told.
    fn unacknowledged(&self) -> u64 {
        self.taken.saturating_sub(self.acknowledged)
    }

    /// The content of a kind of which more is to come.
    pub(super) fn parts_of(&self, kind: MessageKind) -> &[u8] {
        self.parts.get(&kind).map_or(&[], Vec::as_slice)
    }

    pub(super) fn note_arrival(&mut self, end: End) {
        if !self.parts_of(MessageKind::Hello).is_empty() {
            self.arrived.push(end);
        }
    }

    /// Frees what a session that is over does not need.
    pub(super) fn let_go(&mut self) {
        self.parts.clear();
        self.arrived.clear();
    }

    /// Counts a message with content, which must be the next one.
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

    /// Appends a part to the earlier ones. Returns the whole content if this is the last of several parts.
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
