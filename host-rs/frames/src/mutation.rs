//! Calls of mutators, and their outcomes.

use crate::bytes::{blob, number, take_blob, take_byte, take_number, take_text, text};

/// The maximum number of arguments of a call.
pub const MAX_ARGUMENTS: usize = 256;

/// The largest number and the largest mark of a call: what JavaScript's numbers represent.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// A call of a mutator. It has the same bytes each time that it is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Mutate {
    /// The name under which the client numbers its calls.
    pub client: String,
    /// The number of the call: from 1, without gaps, at most [`MAX_NUMBER`].
    pub number: u64,
    /// A random number that tells the call from others with the same number, which a copy of the
    /// client can send. From 1 to [`MAX_NUMBER`].
    pub mark: u64,
    /// The peer whose events must be there before the call runs; empty if it waits for none.
    pub peer: String,
    /// The number of events of this peer.
    pub after: u64,
    /// The mutator's name.
    pub name: String,
    /// The arguments.
    pub arguments: Vec<Argument>,
}

/// An argument of a call.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the types of values")]
pub enum Argument {
    Null,
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The client of the call.
    pub client: String,
    /// The number of the call.
    pub number: u64,
    /// What became of it.
    pub state: OutcomeState,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutcomeState {
    /// The call took effect.
    Confirmed {
        /// The author of the event that contains the effect.
        peer: String,
        /// The counter of this event.
        counter: u64,
    },
    /// The call was rejected, and has no effect. Its number is used up.
    Rejected {
        /// The kind of the reason, such as `rejected` or `out-of-fuel`.
        code: String,
        /// The reason, for the user.
        why: String,
    },
    /// The number does not follow. The number that does.
    Expected(u64),
    /// The call cannot run now. Its number is not used up.
    NotNow {
        /// After how many milliseconds the client should send the call again.
        retry_after_ms: u64,
        /// The reason.
        why: String,
    },
    /// Another call has this number.
    Taken,
    /// The server does not run calls of this client, for this reason. The number is not used up.
    Refused(String),
    /// The call had an outcome, which the server no longer has.
    Forgotten,
}

const NULL: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const INTEGER: u8 = 4;
const REAL: u8 = 5;
const TEXT: u8 = 6;
const BLOB: u8 = 7;

const CONFIRMED: u8 = 0;
const REJECTED: u8 = 1;
const EXPECTED: u8 = 2;
const NOT_NOW: u8 = 3;
const TAKEN: u8 = 4;
const REFUSED: u8 = 5;
const FORGOTTEN: u8 = 6;

impl Mutate {
    pub(crate) fn encode(&self, bytes: Vec<u8>) -> Vec<u8> {
        let Self { client, number: of_client, mark, peer, after, name, arguments } = self;
        let bytes = number(number(text(bytes, client), *of_client), *mark);
        let bytes = text(number(text(bytes, peer), *after), name);
        Argument::encode_all(arguments, bytes)
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let mutate = Self {
            client: take_text(bytes)?,
            number: take_number(bytes)?,
            mark: take_number(bytes)?,
            peer: take_text(bytes)?,
            after: take_number(bytes)?,
            name: take_text(bytes)?,
            arguments: Argument::decode_all(bytes)?,
        };
        let is_number = |number| (1..=MAX_NUMBER).contains(&number);
        (is_number(mutate.number) && is_number(mutate.mark)).then_some(mutate)
    }
}

impl Argument {
    /// Appends the number of some arguments, and the arguments, as a call contains them.
    pub fn encode_all(arguments: &[Self], bytes: Vec<u8>) -> Vec<u8> {
        arguments.iter().fold(number(bytes, arguments.len() as u64), |bytes, argument| argument.encode(bytes))
    }

    /// Takes what [`encode_all`](Self::encode_all) appended. Returns `None` if the bytes are
    /// damaged.
    pub fn decode_all(bytes: &mut &[u8]) -> Option<Vec<Self>> {
        let count = usize::try_from(take_number(bytes)?).ok().filter(|count| *count <= MAX_ARGUMENTS)?;
        (0..count).map(|_| Self::decode(bytes)).collect()
    }

    fn encode(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.push(match self {
            Self::Null => NULL,
            Self::Boolean(false) => FALSE,
            Self::Boolean(true) => TRUE,
            Self::Integer(_) => INTEGER,
            Self::Real(_) => REAL,
            Self::Text(_) => TEXT,
            Self::Blob(_) => BLOB,
        });
        match self {
            Self::Null | Self::Boolean(_) => bytes,
            Self::Integer(integer) => number(bytes, ((integer << 1) ^ (integer >> 63)) as u64),
            Self::Real(real) => {
                let real = if real.is_nan() { f64::NAN } else { *real };
                bytes.extend_from_slice(&real.to_bits().to_le_bytes());
                bytes
            }
            Self::Text(content) => text(bytes, content),
            Self::Blob(content) => blob(bytes, content),
        }
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some(match take_byte(bytes)? {
            NULL => Self::Null,
            FALSE => Self::Boolean(false),
            TRUE => Self::Boolean(true),
            INTEGER => {
                let zigzag = take_number(bytes)?;
                Self::Integer((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
            }
            REAL => {
                let (real, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Self::Real(f64::from_bits(u64::from_le_bytes(*real)))
            }
            TEXT => Self::Text(take_text(bytes)?),
            BLOB => Self::Blob(take_blob(bytes)?),
            _ => return None,
        })
    }
}

impl OutcomeState {
    /// Returns the name, as it is in responses and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Confirmed { .. } => "confirmed",
            Self::Rejected { .. } => "rejected",
            Self::Expected(_) => "expected",
            Self::NotNow { .. } => "not-now",
            Self::Taken => "taken",
            Self::Refused(_) => "refused",
            Self::Forgotten => "forgotten",
        }
    }
}

impl Outcome {
    pub(crate) fn encode(&self, bytes: Vec<u8>) -> Vec<u8> {
        let mut bytes = number(text(bytes, &self.client), self.number);
        bytes.push(match self.state {
            OutcomeState::Confirmed { .. } => CONFIRMED,
            OutcomeState::Rejected { .. } => REJECTED,
            OutcomeState::Expected(_) => EXPECTED,
            OutcomeState::NotNow { .. } => NOT_NOW,
            OutcomeState::Taken => TAKEN,
            OutcomeState::Refused(_) => REFUSED,
            OutcomeState::Forgotten => FORGOTTEN,
        });
        match &self.state {
            OutcomeState::Confirmed { peer, counter } => number(text(bytes, peer), *counter),
            OutcomeState::Rejected { code, why } => text(text(bytes, code), why),
            OutcomeState::Expected(expected) => number(bytes, *expected),
            OutcomeState::NotNow { retry_after_ms, why } => text(number(bytes, *retry_after_ms), why),
            OutcomeState::Refused(why) => text(bytes, why),
            OutcomeState::Taken | OutcomeState::Forgotten => bytes,
        }
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (client, number) = (take_text(bytes)?, take_number(bytes)?);
        let state = match take_byte(bytes)? {
            CONFIRMED => OutcomeState::Confirmed { peer: take_text(bytes)?, counter: take_number(bytes)? },
            REJECTED => OutcomeState::Rejected { code: take_text(bytes)?, why: take_text(bytes)? },
            EXPECTED => OutcomeState::Expected(take_number(bytes)?),
            NOT_NOW => OutcomeState::NotNow { retry_after_ms: take_number(bytes)?, why: take_text(bytes)? },
            TAKEN => OutcomeState::Taken,
            REFUSED => OutcomeState::Refused(take_text(bytes)?),
            FORGOTTEN => OutcomeState::Forgotten,
            _ => return None,
        };
        Some(Self { client, number, state })
    }
}
