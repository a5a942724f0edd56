//! Host frames: messages on a WebSocket that are not messages of the session.
//!
//! The first byte is the kind, from 64 to 79. Numbers are varints, and a text is the number of its
//! bytes and the bytes, as in `docs/format.md`.

mod bytes;
mod mutation;
#[cfg(test)]
mod tests;

pub use mutation::{Argument, MAX_ARGUMENTS, MAX_NUMBER, Mutate, Outcome, OutcomeState};

use bytes::{number, take_byte, take_number, take_text, text};

/// The subprotocol of the WebSocket.
pub const SUBPROTOCOL: &str = "converge.v1";

/// The kinds of host frames.
const KINDS: std::ops::RangeInclusive<u8> = 64..=79;
const TOKEN: u8 = 64;
const WELCOME: u8 = 65;
const MUTATE: u8 = 66;
const OUTCOME: u8 = 67;
const PING: u8 = 69;
const PONG: u8 = 70;
const GOODBYE: u8 = 72;

/// A host frame.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Frame {
    /// From the client: the token. The first frame of a connection, and later a new token.
    Token(String),
    /// From the server: the token was accepted.
    Welcome(Welcome),
    /// From the client: a call of a mutator.
    Mutate(Mutate),
    /// From the server: what became of a call.
    Outcome(Outcome),
    /// Asks for a pong.
    Ping,
    /// The answer to a ping.
    Pong,
    /// From the server: it closes the connection.
    Goodbye(Goodbye),
}

/// What a server says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The incarnation of the document.
    pub incarnation: String,
    /// Whether the server accepts events.
    pub write: bool,
    /// Whether the server accepts entries.
    pub presence: bool,
    /// Whether acknowledged events survive a crash of the machine, and not only of the server.
    pub full_sync: bool,
    /// The maximum size of a message in bytes.
    pub max_message_bytes: u64,
    /// After how many milliseconds without a frame the server closes the connection.
    pub silence_ms: u64,
    /// Whether the server accepts calls of mutators.
    pub mutate: bool,
    /// The subject of the token, as the server verified it. Empty if nobody is authenticated, and
    /// from servers that do not say it.
    pub subject: String,
}

/// Why a server closes a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goodbye {
    /// The code with which the WebSocket is closed.
    pub code: u64,
    /// After how many milliseconds the client should connect again, or `None` if it should not.
    pub retry_after_ms: Option<u64>,
    /// What was wrong, and what to do.
    pub why: String,
}

/// The bits of a welcome.
const WRITE: u8 = 1;
const PRESENCE: u8 = 2;
const FULL_SYNC: u8 = 4;
const MUTATES: u8 = 8;

impl Frame {
    /// Returns whether a message is a host frame, by its first byte.
    pub fn is_one(message: &[u8]) -> bool {
        message.first().is_some_and(|kind| KINDS.contains(kind))
    }

    /// Encodes the frame.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Token(token) => text(vec![TOKEN], token),
            Self::Welcome(welcome) => {
                let mut bytes = text(vec![WELCOME], &welcome.incarnation);
                let flags = [
                    (welcome.write, WRITE),
                    (welcome.presence, PRESENCE),
                    (welcome.full_sync, FULL_SYNC),
                    (welcome.mutate, MUTATES),
                ];
                bytes.push(flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, bit)| bit).sum());
                text(number(number(bytes, welcome.max_message_bytes), welcome.silence_ms), &welcome.subject)
            }
            Self::Mutate(mutate) => mutate.encode(vec![MUTATE]),
            Self::Outcome(outcome) => outcome.encode(vec![OUTCOME]),
            Self::Ping => vec![PING],
            Self::Pong => vec![PONG],
            Self::Goodbye(Goodbye { code, retry_after_ms, why }) => {
                let retry = retry_after_ms.map_or(0, |milliseconds| milliseconds.saturating_add(1));
                text(number(number(vec![GOODBYE], *code), retry), why)
            }
        }
    }

    /// Decodes a frame. Bytes after its content are ignored, so that later versions can add some.
    /// Returns `None` if the bytes are no frame of this version.
    pub fn decode(message: &[u8]) -> Option<Self> {
        let (&kind, mut rest) = message.split_first()?;
        let rest = &mut rest;
        Some(match kind {
            TOKEN => Self::Token(take_text(rest)?),
            WELCOME => {
                let incarnation = take_text(rest)?;
                let flags = take_byte(rest)?;
                Self::Welcome(Welcome {
                    incarnation,
                    write: flags & WRITE != 0,
                    presence: flags & PRESENCE != 0,
                    full_sync: flags & FULL_SYNC != 0,
                    max_message_bytes: take_number(rest)?,
                    silence_ms: take_number(rest)?,
                    mutate: flags & MUTATES != 0,
                    subject: if rest.is_empty() { String::new() } else { take_text(rest)? },
                })
            }
            MUTATE => Self::Mutate(Mutate::decode(rest)?),
            OUTCOME => Self::Outcome(Outcome::decode(rest)?),
            PING => Self::Ping,
            PONG => Self::Pong,
            GOODBYE => {
                let (code, retry) = (take_number(rest)?, take_number(rest)?);
                Self::Goodbye(Goodbye { code, retry_after_ms: retry.checked_sub(1), why: take_text(rest)? })
            }
            _ => return None,
        })
    }
}
