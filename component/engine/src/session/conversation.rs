//! Conversations. A side is identified by its session number and its restarts. Its hello begins
//! with both, and messages to it contain a hash of both.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

use crate::codec::{Reader, put_varint};
use crate::error::Error;

/// The first bytes of every hello, before the version.
const MAGIC: [u8; 4] = *b"cvgs";
/// The version of the protocol in `docs/protocol.md`.
const VERSION: u64 = 1;

/// The number of earlier conversations of a session to which a hello may still be addressed.
const REMEMBERED_RESTARTS: u64 = 16;

/// The identity of one side of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Conversation {
    pub(super) nonce: u64,
    pub(super) restarts: u64,
}

impl Conversation {
    /// Returns whether an address is that of an earlier conversation of this session, one of the
    /// last `REMEMBERED_RESTARTS`.
    pub(super) fn is_former(self, address: u32) -> bool {
        let first = self.restarts.saturating_sub(REMEMBERED_RESTARTS);
        (first..self.restarts).any(|restarts| Self { restarts, ..self }.address() == address)
    }

    /// Returns the address of the conversation in messages, which is never 0.
    pub(super) fn address(self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.nonce.to_le_bytes());
        hasher.update(&self.restarts.to_le_bytes());
        hasher.finalize().max(1)
    }

    /// Writes the beginning of a hello: the magic bytes, the version, and the identity of the side.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        put_varint(out, VERSION);
        out.extend_from_slice(&self.nonce.to_le_bytes());
        put_varint(out, self.restarts);
    }

    /// Reads the beginning of a hello. Fails for other versions.
    pub(super) fn read(content: &mut Reader<'_>) -> Result<Self, Error> {
        let start = *content;
        if content.array().ok() != Some(MAGIC) {
            return Err(start.damage("this is no message that begins a session"));
        }
        match content.varint()? {
            VERSION => {}
            version => return Err(Error::UnsupportedVersion(u32::try_from(version).unwrap_or(u32::MAX))),
        }
        Ok(Self { nonce: u64::from_le_bytes(content.array()?), restarts: content.varint()? })
    }
}
