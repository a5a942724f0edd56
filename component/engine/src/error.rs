//! Why a call was refused. A refused call has changed nothing.

use crate::limits::{self, Limit};
use std::fmt;

/// Why a call was refused: a bad argument, an argument that is too large, or a document in another state.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// An argument breaks a rule.
    InvalidArgument(Invalid),
    /// An argument, or what it would add to, is larger than the engine takes.
    LimitExceeded {
        /// The limit.
        limit: &'static Limit,
        /// The size that was rejected.
        actual: u64,
    },
    /// A local update or delete names a row that is not there.
    NoSuchRow {
        /// The table.
        table: String,
        /// The row's id.
        row: String,
    },
    /// The bytes are not what this engine writes, or are damaged.
    Corrupt(Damage),
    /// The bytes are of a format version that this engine does not read.
    UnsupportedVersion(u32),
    /// The bytes use a feature that this engine does not know; the number of its bit.
    UnsupportedFeature(u32),
    /// The other side of a session broke the protocol.
    Protocol(SessionRule),
    /// The session ended with an earlier error.
    SessionEnded,
    /// The history that the call needs was compacted away. What is complete is the history beyond this version: peers,
    /// sorted, and how many events of each.
    Compacted(Vec<(String, u32)>),
}

impl Limit {
    /// Refuses what is larger.
    pub(crate) fn check(&'static self, actual: u64) -> Result<(), Error> {
        if actual <= self.maximum { Ok(()) } else { Err(Error::LimitExceeded { limit: self, actual }) }
    }
}

/// Where bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// The offset in the bytes at which it showed.
    pub at: usize,
    /// What the bytes break, as the end of a sentence.
    pub what: &'static str,
}

/// What holds a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Name {
    /// The name of a peer.
    Peer,
    /// The name of a table.
    Table,
    /// The id of a row.
    Row,
    /// The name of a column.
    Column,
    /// The name of a namespace.
    Namespace,
    /// The key of a register.
    Key,
    /// The name of a session's document.
    Document,
}

/// Table names that start with this are reserved.
const RESERVED_TABLES: &str = "converge.";
/// The reserved names that tables can have.
const ENGINE_TABLES: [&str; 5] =
    ["converge.mutations", "converge.code", "converge.functions", "converge.models", "converge.fields"];

impl Name {
    /// Rejects a name that is empty or too long, a reserved table name, and a peer name with the mark of branches.
    pub(crate) fn check(self, name: &str) -> Result<(), Error> {
        if name.is_empty() {
            return Err(Invalid::EmptyName(self).into());
        }
        let limit = match self {
            Self::Peer => &limits::PEER_BYTES,
            Self::Table => &limits::TABLE_BYTES,
            Self::Row => &limits::ROW_BYTES,
            Self::Column => &limits::COLUMN_BYTES,
            Self::Namespace => &limits::NAMESPACE_BYTES,
            Self::Key => &limits::KEY_BYTES,
            Self::Document => &limits::DOCUMENT_NAME_BYTES,
        };
        limit.check(name.len() as u64)?;
        if self == Self::Peer && name.contains(BRANCH_MARK) {
            return Err(Invalid::BranchMark(name.to_owned()).into());
        }
        if self == Self::Table && name.starts_with(RESERVED_TABLES) && !ENGINE_TABLES.contains(&name) {
            return Err(Invalid::ReservedTable(name.to_owned()).into());
        }
        Ok(())
    }
}

/// Separates the name of a peer from the fingerprint of a branch's first event.
pub(crate) const BRANCH_MARK: char = '~';

/// Which rule an argument breaks. Its `Display` says what was wrong and what to do.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Invalid {
    /// A name has no bytes.
    EmptyName(Name),
    /// A table name starts with `converge.` and is none of the names that the engine assigned.
    ReservedTable(String),
    /// One operation, or one choice of columns, names a column twice.
    RepeatedColumn(String),
    /// A version names a peer twice.
    RepeatedPeer(String),
    /// A horizon holds more events of a peer than are known.
    HorizonAhead {
        /// The peer.
        peer: String,
        /// How many of its events the horizon holds.
        count: u32,
        /// How many are known.
        known: u32,
    },
    /// A horizon holds an event, but not all that the event builds on.
    HorizonNotAVersion,
    /// An event is named that is not known.
    UnknownEvent {
        /// Whose.
        peer: String,
        /// Its number among the peer's, from 0.
        counter: u32,
    },
    /// A name stands for several events.
    AmbiguousEvent {
        /// The peer or branch.
        peer: String,
        /// The counter.
        counter: u32,
        /// Branches that have such an event, sorted; a few of them if they are many.
        candidates: Vec<String>,
    },
    /// The name of a peer contains `~`, which separates names of branches.
    BranchMark(String),
    /// The name of a branch is not a peer, `~` and 16 hexadecimal digits.
    NotABranch(String),
    /// A summary passed to `compact` names events that are unknown here.
    UnknownInSummary {
        /// The peer or branch.
        peer: String,
    },
    /// `between` has its upper end first.
    ReversedRange,
    /// A run's rule is broken.
    Run {
        /// The run's place among the argument's runs, from 0.
        run: usize,
        /// Its peer.
        peer: String,
        /// The counter of its first event.
        start: u32,
        /// The rule.
        rule: RunRule,
    },
    /// A number of milliseconds is negative, infinite or not a number.
    NotATime {
        /// What it is the time of.
        what: Time,
        /// What was given.
        given: f64,
    },
    /// Entries would be gone when they come.
    NoTimeToLive,
    /// An entry is dated further beyond the clock than is taken.
    AheadOfClock {
        /// The entry's timestamp.
        timestamp: f64,
        /// The clock.
        now: f64,
        /// How far it may be beyond that.
        max_skew: f64,
    },
    /// A session's messages are bounded to less than it needs.
    MessageBytes(u32),
}

/// What a number of milliseconds is the time of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// The clock of the caller.
    Now,
    /// The life of entries.
    TimeToLive,
    /// How far entries may be dated beyond the clock.
    MaxSkew,
    /// When an entry was written.
    Timestamp,
}

impl Time {
    /// Refuses what is no time.
    pub(crate) fn check(self, given: f64) -> Result<(), Error> {
        if !given.is_finite() || given < 0.0 {
            return Err(Invalid::NotATime { what: self, given }.into());
        }
        // How far a timestamp can be from the clock is bounded, and just above the largest time there must be another one.
        if self == Self::Timestamp {
            return Ok(());
        }
        // What is not too large is exact; what is, need not be.
        limits::TIME_MS.check(given.ceil() as u64)
    }
}

/// What is wrong with a session's use, or with a message for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionRule {
    /// The other side syncs a document of another name.
    OtherDocument {
        /// The name here.
        here: String,
        /// The name there.
        there: String,
    },
    /// The first message is not the one that begins a session.
    NoHello,
    /// A message does not follow the one before.
    OutOfOrder {
        /// The number of the message that follows.
        expected: u64,
        /// The number of the one that came.
        given: u64,
    },
    /// The other side acknowledges what was not sent to it.
    NotSent,
    /// The other side sends more than it may before it is acknowledged.
    TooManyInFlight,
    /// The other side sends events, though it said that it sends none.
    ReadOnly,
    /// The other side sends a document that this one does not need.
    DocumentNotNeeded,
    /// The other side sends what this side does not accept.
    NotAccepted,
    /// An event that the other side sends is not of one of the peers that may write.
    Writer {
        /// Its author.
        peer: String,
    },
    /// A hello that is not the first one has another session number than that.
    OtherNonce,
}

/// What is wrong with a run of events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunRule {
    /// It has no commits.
    Empty,
    /// Its dependencies are not sorted by peer, or name a peer twice.
    DependenciesUnsorted,
    /// It depends on an event of its own peer that is not the one before it: on itself, on a later or on an older one.
    OwnDependency {
        /// The counter that it names.
        counter: u32,
    },
    /// It does not build on its peer's previous event.
    PreviousMissing,
    /// It builds on another event that follows its peer's previous event.
    OnSibling,
    /// It builds on a run that builds on it.
    Circle,
    /// Its fingerprints are not one for the previous event, if there is one, and one for each dependency.
    Fingerprints,
    /// It has no fingerprints and names an event that is not known.
    UnknownName {
        /// The peer that it names.
        peer: String,
        /// The counter that it names.
        counter: u32,
    },
    /// One of its dependencies builds on another one.
    DependenciesNotConcurrent {
        /// The peer of the dependency that another one already builds on.
        peer: String,
        /// That dependency's counter.
        counter: u32,
    },
    /// Its lamport time is not the one that follows from its dependencies.
    Lamport {
        /// What the run claims.
        given: u32,
        /// What follows from the dependencies; where those are not known yet, the least that is possible.
        derived: u32,
    },
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::InvalidArgument(invalid)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Peer => "peer name",
            Self::Table => "table name",
            Self::Row => "row id",
            Self::Column => "column name",
            Self::Namespace => "namespace",
            Self::Key => "key",
            Self::Document => "document name",
        })
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyName(name) => write!(f, "the {name} is empty; give it at least one byte"),
            Self::ReservedTable(table) => write!(
                f,
                "table name {table:?} is reserved: names that start with `{RESERVED_TABLES}` belong to the engine; choose another name"
            ),
            Self::RepeatedColumn(column) => write!(f, "the column {column:?} is named twice; name it once"),
            Self::RepeatedPeer(peer) => write!(f, "the version names the peer {peer:?} twice; name it once"),
            Self::HorizonAhead { peer, count, known } => write!(
                f,
                "the horizon holds {count} events of {peer:?}, but only {known} are known here; give a version that this replica had"
            ),
            Self::HorizonNotAVersion => f.write_str(
                "the horizon holds an event without all that it builds on; give a version that a replica had",
            ),
            Self::UnknownEvent { peer, counter } => {
                write!(f, "event {counter} of {peer:?} is not known here; merge it first, or name another one")
            }
            Self::AmbiguousEvent { peer, counter, candidates } => write!(
                f,
                "event {counter} of {peer:?} can be one of several branches: {}; name the branch",
                candidates.join(", ")
            ),
            Self::BranchMark(peer) => {
                write!(f, "peer name {peer:?} contains \"~\", which separates names of branches; use another character")
            }
            Self::NotABranch(name) => {
                write!(f, "{name:?} is not the name of a branch: a peer, \"~\" and 16 lower-case hexadecimal digits")
            }
            Self::UnknownInSummary { peer } => write!(
                f,
                "a summary names events of {peer:?} that are unknown here and may not build on the horizon; merge them first, or \
                 pass the summary that was recorded when the replicas were in sync"
            ),
            Self::ReversedRange => f.write_str("the range's first end is above its second; swap them"),
            Self::Run { run, peer, start, rule } => {
                write!(f, "run {run} (peer {peer:?}, from event {start}): {rule}")
            }
            Self::NotATime { what, given } => {
                write!(f, "{what} is {given}; give milliseconds: a finite number that is not negative")
            }
            Self::NoTimeToLive => f.write_str("the time to live is 0, and nothing would ever show; give more"),
            Self::AheadOfClock { timestamp, now, max_skew } => write!(
                f,
                "an entry is dated {timestamp}, more than {max_skew} ms beyond the clock, {now}; set the clocks, or allow more skew"
            ),
            Self::MessageBytes(given) => {
                write!(f, "messages cannot be bounded to {given} bytes; give at least {}", limits::MIN_MESSAGE_BYTES)
            }
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Now => "the present time",
            Self::TimeToLive => "the time to live",
            Self::MaxSkew => "the most skew",
            Self::Timestamp => "a timestamp",
        })
    }
}

impl fmt::Display for SessionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherDocument { here, there } => {
                write!(
                    f,
                    "the other side syncs the document {there:?}, this one {here:?}; connect sides of one document"
                )
            }
            Self::NoHello => f.write_str(
                "the other side begins without a hello; carry its messages from the first one on, to one session",
            ),
            Self::OutOfOrder { expected, given } => {
                write!(f, "message {given} came where {expected} follows; carry messages whole, in order, each once")
            }
            Self::NotSent => f.write_str("the other side acknowledges messages that were not given to it"),
            Self::TooManyInFlight => {
                f.write_str("more messages came than the other side may send unacknowledged; poll after each one")
            }
            Self::ReadOnly => f.write_str("the other side sends events, though it said that it sends none"),
            Self::NotAccepted => f.write_str("the other side sent content of a kind that this side does not accept"),
            Self::Writer { peer } => {
                write!(f, "the other side sent an event of {peer:?}, which may not write in this session")
            }
            Self::OtherNonce => {
                f.write_str("the other side changed its session number in the middle of a conversation")
            }
            Self::DocumentNotNeeded => f.write_str("the other side sends a document that this one has no need of"),
        }
    }
}

impl From<SessionRule> for Error {
    fn from(rule: SessionRule) -> Self {
        Self::Protocol(rule)
    }
}

impl fmt::Display for RunRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it has no commits; leave it out"),
            Self::DependenciesUnsorted => {
                f.write_str("its dependencies are not sorted by peer, each peer once; give them as `events-since` does")
            }
            Self::OwnDependency { counter } => write!(
                f,
                "it depends on event {counter} of its own peer; of those it can only depend on the one just before it"
            ),
            Self::PreviousMissing => f.write_str(
                "it does not build on its peer's previous event; name that event, or one that builds on it, as a dependency",
            ),
            Self::OnSibling => f.write_str(
                "it builds on another event that follows the same previous event of its peer; an event has one previous event",
            ),
            Self::Circle => f.write_str("it builds on a run that builds on it; pass runs as `events-since` returns them"),
            Self::Fingerprints => f.write_str(
                "its fingerprints must be one for the peer's previous event, if there is one, and one for each dependency, none of \
                 them 0; or leave them out",
            ),
            Self::UnknownName { peer, counter } => write!(
                f,
                "it has no fingerprints and builds on event {counter} of {peer:?}, which is not known here; merge that event first, \
                 or pass fingerprints as `events-since` returns them, so that this run can wait"
            ),
            Self::DependenciesNotConcurrent { peer, counter } => write!(
                f,
                "another of its dependencies builds on event {counter} of {peer:?}; name only the later one"
            ),
            Self::Lamport { given, derived } => {
                write!(f, "its lamport time is {given}, but its dependencies give {derived}")
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidArgument(invalid) => invalid.fmt(f),
            Self::LimitExceeded { limit, actual } => {
                write!(f, "{actual} exceeds the limit {} of {}", limit.name, limit.maximum)
            }
            Self::NoSuchRow { table, row } => write!(f, "no row {row:?} in table {table:?}"),
            Self::Protocol(rule) => rule.fmt(f),
            Self::SessionEnded => f.write_str("the session ended with an earlier error; open a new session on each side"),
            Self::Corrupt(Damage { at, what }) => write!(f, "at byte {at}: {what}"),
            Self::UnsupportedVersion(version) => {
                write!(f, "the bytes have format version {version}, which this engine does not read; use a newer engine")
            }
            Self::UnsupportedFeature(bit) => {
                write!(f, "the bytes use feature {bit}, which this engine does not support; use a newer engine")
            }
            Self::Compacted(_) => f.write_str(
                "the history that this call needs was compacted away; continue with `rebase` onto a saved document, or ask for a later part",
            ),
        }
    }
}

impl std::error::Error for Error {}
