//! Host frames: messages on a WebSocket that are not messages of the session.
//!
//! The first byte is the kind, from 64 to 79. Numbers are varints, and a text is the number of its
//! bytes and the bytes, as in `docs/format.md`.

/// The subprotocol of the WebSocket.
pub const SUBPROTOCOL: &str = "converge.v1";

/// The kinds of host frames.
const KINDS: std::ops::RangeInclusive<u8> = 64..=79;
const TOKEN: u8 = 64;
const WELCOME: u8 = 65;
const PING: u8 = 69;
const PONG: u8 = 70;
const GOODBYE: u8 = 72;

/// A host frame.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame {
    /// From the client: the token. The first frame of a connection, and later a new token.
    Token(String),
    /// From the server: the token was accepted.
    Welcome(Welcome),
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
                let flag = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
                bytes.push(
                    flag(welcome.write, WRITE) | flag(welcome.presence, PRESENCE) | flag(welcome.full_sync, FULL_SYNC),
                );
                number(number(bytes, welcome.max_message_bytes), welcome.silence_ms)
            }
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
                let (&flags, after) = rest.split_first()?;
                *rest = after;
                Self::Welcome(Welcome {
                    incarnation,
                    write: flags & WRITE != 0,
                    presence: flags & PRESENCE != 0,
                    full_sync: flags & FULL_SYNC != 0,
                    max_message_bytes: take_number(rest)?,
                    silence_ms: take_number(rest)?,
                })
            }
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

fn number(mut bytes: Vec<u8>, mut value: u64) -> Vec<u8> {
    while value >= 128 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn text(bytes: Vec<u8>, text: &str) -> Vec<u8> {
    let mut bytes = number(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 127).checked_shl(shift)?;
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

fn take_text(bytes: &mut &[u8]) -> Option<String> {
    let len = usize::try_from(take_number(bytes)?).ok()?;
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::{Frame, Goodbye, Welcome};

    #[test]
    fn frames_decode_to_what_was_encoded() {
        let welcome = Welcome {
            incarnation: "abc".into(),
            write: true,
            presence: false,
            full_sync: true,
            max_message_bytes: 65_536,
            silence_ms: 60_000,
        };
        let goodbye = |retry_after_ms| Frame::Goodbye(Goodbye { code: 4410, retry_after_ms, why: "ß".into() });
        let frames = [
            Frame::Token(String::new()),
            Frame::Token("x".repeat(300)),
            Frame::Welcome(welcome),
            Frame::Ping,
            Frame::Pong,
            goodbye(None),
            goodbye(Some(0)),
            goodbye(Some(u64::MAX - 1)),
        ];
        for frame in frames {
            let mut bytes = frame.encode();
            assert!(Frame::is_one(&bytes));
            for end in 1..bytes.len() {
                assert_ne!(Frame::decode(&bytes[..end]).as_ref(), Some(&frame), "{end} bytes of {frame:?}");
            }
            bytes.push(7);
            assert_eq!(Frame::decode(&bytes), Some(frame));
        }
    }

    #[test]
    fn other_bytes_are_no_frames() {
        assert!(!Frame::is_one(&[]) && !Frame::is_one(&[6]) && !Frame::is_one(&[129]));
        for bytes in [
            &[][..],
            &[66],
            &[79, 1],
            &[64],
            &[64, 5, b'a'],
            &[64, 1, 0xff],
            &[72, 255],
            &[64, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
        ] {
            assert_eq!(Frame::decode(bytes), None, "{bytes:?}");
        }
    }
}
