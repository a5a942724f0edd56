//! Messages: a head, content, and a checksum. Does not know what the content means.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

use super::conversation::Conversation;
use crate::codec::{Reader, put_varint};
use crate::convert::u64_of;
use crate::error::Error;
use crate::limits;

/// The kind of a message's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MessageKind {
    /// The sender, its options, and its summary.
    Hello,
    /// A page of events.
    Events,
    /// Entries of the ephemeral store.
    Entries,
    /// A saved document.
    Document,
    /// No content. The message only acknowledges others, as every message does.
    Acknowledgement,
    /// Sparse fingerprints of the histories of contested peers.
    Trace,
}

/// Set in the first byte of a message whose content continues in a later message of the same kind.
const HAS_MORE: u8 = 0x80;
const CHECKSUM_BYTES: usize = 4;

impl MessageKind {
    const ALL: [Self; 6] =
        [Self::Hello, Self::Events, Self::Entries, Self::Document, Self::Acknowledgement, Self::Trace];

    fn byte(self) -> u8 {
        match self {
            Self::Hello => 1,
            Self::Events => 2,
            Self::Entries => 3,
            Self::Document => 4,
            Self::Acknowledgement => 5,
            Self::Trace => 6,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte)
    }

    /// Returns the limit on the size of a content in all of its parts.
    pub(super) fn limit(self) -> &'static limits::Limit {
        match self {
            Self::Hello | Self::Trace => &limits::HELLO_BYTES,
            Self::Events | Self::Entries | Self::Acknowledgement => &limits::PARTS_BYTES,
            Self::Document => &limits::SAVED_BYTES,
        }
    }
}

/// The head of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) kind: MessageKind,
    /// Whether the content continues in a later message.
    pub(super) has_more: bool,
    /// The address of the receiver's conversation; 0 if the sender does not know it.
    pub(super) to: u32,
    /// The number of the receiver's messages with content that the sender has accepted.
    pub(super) acknowledged: u64,
    /// The number of messages with content that were sent before this one.
    pub(super) number: u64,
}

impl Head {
    /// Returns the size of a message without its content.
    pub(super) fn bytes(self) -> usize {
        self.write().len().saturating_add(CHECKSUM_BYTES)
    }

    fn write(self) -> Vec<u8> {
        let more = if self.has_more { HAS_MORE } else { 0 };
        let mut bytes = vec![self.kind.byte() | more];
        bytes.extend_from_slice(&self.to.to_le_bytes());
        put_varint(&mut bytes, self.acknowledged);
        if self.kind != MessageKind::Acknowledgement {
            put_varint(&mut bytes, self.number);
        }
        bytes
    }

    /// Returns the message with this content.
    pub(super) fn message(self, content: &[u8]) -> Vec<u8> {
        let mut bytes = self.write();
        bytes.extend_from_slice(content);
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Decodes a message. Returns its head and its content.
    ///
    /// # Errors
    /// `LimitExceeded` for a message that is too long; `Corrupt` for a damaged one;
    /// `UnsupportedVersion` for the hello of another version, whatever its checksum.
    pub(super) fn read(message: &[u8]) -> Result<(Self, Reader<'_>), Error> {
        limits::MESSAGE_BYTES.check(u64_of(message.len()))?;
        let whole = Reader::new(message);
        let Some((checked, checksum)) = message.split_last_chunk::<CHECKSUM_BYTES>() else {
            return Err(whole.damage("a message is too short to be one"));
        };
        let mut content = Reader::new(checked);
        let first = content.byte()?;
        let kind = MessageKind::of(first & !HAS_MORE).ok_or_else(|| whole.damage("a message is of an unknown kind"))?;
        let has_more = first & HAS_MORE != 0;
        let to = u32::from_le_bytes(content.array()?);
        let acknowledged = content.varint()?;
        let number = if kind == MessageKind::Acknowledgement { 0 } else { content.varint()? };
        if kind == MessageKind::Hello && number == 0 {
            Conversation::read(&mut content.clone())?;
        }
        if crc32fast::hash(checked).to_le_bytes() != *checksum {
            return Err(whole.damage("the checksum is not that of the message: it is damaged"));
        }
        if kind == MessageKind::Acknowledgement && (has_more || content.left() > 0) {
            return Err(content.damage("an acknowledgement has no content"));
        }
        Ok((Self { kind, has_more, to, acknowledged, number }, content))
    }
}
