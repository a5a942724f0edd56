//! The errors of the engine, and the checks of names, times and limits. A call that fails has
//! changed nothing.

use crate::limits::{self, Limit};
use std::fmt;

/// Why a call failed: an invalid argument, an argument that is too large, or a document in another
/// state.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// An argument breaks a rule.
    InvalidArgument(Invalid),
    /// An argument, or the document with it, exceeds a limit.
    LimitExceeded {
        /// The limit.
        limit: &'static Limit,
        /// The value that exceeds the limit.
        actual: u64,
    },
    /// A local update, delete or unset names a row that does not exist.
    NoSuchRow {
        /// The table.
        table: String,
        /// The row's id.
        row: String,
    },
    /// The bytes are damaged, or were not written by an engine.
    Corrupt(Damage),
    /// The bytes have a format version that this engine does not support.
    UnsupportedVersion(u32),
    /// The bytes use a feature that this engine does not support; the number of its bit.
    UnsupportedFeature(u32),
    /// The other side of a session broke the protocol.
    Protocol(SessionRule),
    /// An earlier error ended the session.
    SessionEnded,
    /// The call needs history that was compacted. The history beyond this version is complete:
    /// peers, sorted, and the count of events of each.
    Compacted(Vec<(String, u32)>),
}

impl Limit {
    /// Fails if `actual` exceeds the limit.
    pub(crate) fn check(&'static self, actual: u64) -> Result<(), Error> {
        if actual <= self.maximum { Ok(()) } else { Err(Error::LimitExceeded { limit: self, actual }) }
    }
}

/// The place and kind of damage in some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// The offset in the bytes.
    pub at: usize,
    /// The rule that the bytes break, as the end of a sentence.
    pub what: &'static str,
}

/// A kind of name.
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
    /// The seed of a key for an ordered list.
    Seed,
}

/// The prefix of reserved table names.
const RESERVED_TABLES: &str = "converge.";
/// The reserved names that tables may have.
const ENGINE_TABLES: [&str; 5] =
    ["converge.mutations", "converge.code", "converge.functions", "converge.models", "converge.fields"];

impl Name {
    /// Fails if a name is empty, too long, a reserved table name, or a peer name that contains the
    /// mark of branches.
    pub(crate) fn check(self, name: &str) -> Result<(), Error> {
        if name.is_empty() {
            return Err(Invalid::EmptyName(self).into());
        }
        let limit = match self {
            Self::Peer | Self::Seed => &limits::PEER_BYTES,
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

/// The rule that an argument breaks. `Display` says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Invalid {
    /// A name is empty.
    EmptyName(Name),
    /// A table name starts with `converge.` and is not one of the assigned names.
    ReservedTable(String),
    /// An operation, or a list of columns, names a column twice.
    RepeatedColumn(String),
    /// A row refers to a list of columns that is not given.
    UnknownShape {
        /// The row's id.
        row: String,
        /// The index of the list.
        shape: u32,
        /// The number of given lists.
        shapes: usize,
    },
    /// A row has more or fewer values than columns.
    ShapeMismatch {
        /// The row's id.
        row: String,
        /// The number of columns in its list.
        columns: usize,
        /// The number of its values.
        values: usize,
    },
    /// A cell that is added to has another value than an integer.
    NotAnInteger {
        /// The table, the row's id and the column.
        cell: (String, String, String),
    },
    /// The sum of a cell and an amount leaves the range of 64-bit integers.
    IntegerRange {
        /// The table, the row's id and the column.
        cell: (String, String, String),
        /// The value of the cell.
        value: i64,
        /// The amount.
        amount: i64,
    },
    /// A cell that is spliced has another value than a text.
    NotAText {
        /// The table, the row's id and the column.
        cell: (String, String, String),
    },
    /// A splice is beyond the end of the text.
    SpliceBeyondText {
        /// The table, the row's id and the column.
        cell: (String, String, String),
        /// The position of the splice.
        at: u32,
        /// The number of characters to remove.
        remove: u32,
        /// The length of the text in characters.
        length: u32,
    },
    /// A position of a view is beyond the end of the text that its editor has.
    PositionBeyondText {
        /// The position.
        at: u32,
        /// The length of the text in the unit of the view.
        length: u32,
    },
    /// A position of a view is inside of a character.
    PositionInCharacter {
        /// The position.
        at: u32,
    },
    /// The bytes of an anchor are damaged, or the anchor is of another document.
    UnknownAnchor,
    /// A view was closed.
    ClosedView,
    /// The text that a transaction splices has changed since.
    TextChanged {
        /// The table, the row's id and the column.
        cell: (String, String, String),
    },
    /// A transaction was begun on another document.
    OtherDocument,
    /// A version names a peer twice.
    RepeatedPeer(String),
    /// A horizon contains more events of a peer than are known.
    HorizonAhead {
        /// The peer.
        peer: String,
        /// The count of its events in the horizon.
        count: u32,
        /// The count of known events.
        known: u32,
    },
    /// A horizon contains an event without all events that the event builds on.
    HorizonNotAVersion,
    /// The name of an event that is not known.
    UnknownEvent {
        /// The peer.
        peer: String,
        /// The event's number among the peer's events, from 0.
        counter: u32,
    },
    /// A name that several events have.
    AmbiguousEvent {
        /// The peer or branch.
        peer: String,
        /// The counter.
        counter: u32,
        /// Branches that have such an event, sorted; at most 16.
        candidates: Vec<String>,
    },
    /// The name of a peer contains `~`, which separates a peer from a fingerprint in the name of a
    /// branch.
    BranchMark(String),
    /// The name of a branch is not a peer, `~` and 16 hexadecimal digits.
    NotABranch(String),
    /// A summary passed to `compact` names events that are unknown here.
    UnknownInSummary {
        /// The peer or branch.
        peer: String,
    },
    /// The first bound of `between` is above the second.
    ReversedRange,
    /// A run breaks a rule.
    Run {
        /// The index of the run in the argument.
        run: usize,
        /// The run's peer.
        peer: String,
        /// The counter of its first event.
        start: u32,
        /// The rule.
        rule: RunRule,
    },
    /// A number of milliseconds is negative, infinite or not a number.
    NotATime {
        /// The meaning of the number.
        what: Time,
        /// The number.
        given: f64,
    },
    /// The time to live is 0, so that entries would never be visible.
    NoTimeToLive,
    /// An entry is dated further beyond the clock than the store allows.
    AheadOfClock {
        /// The entry's timestamp.
        timestamp: f64,
        /// The time of the clock.
        now: f64,
        /// The maximum difference, in milliseconds.
        max_skew: f64,
    },
    /// The maximum size of a session's messages is too small.
    MessageBytes(u32),
    /// A new key is requested between two keys that are not in ascending order.
    KeysNotAscending {
        /// The key before the new one; empty for the start of the list.
        after: String,
        /// The key after the new one.
        before: String,
    },
    /// No text fits between two keys.
    NoKeyBetween {
        /// The key before the new one; empty for the start of the list.
        after: String,
        /// The key after the new one.
        before: String,
    },
}

/// The meaning of a number of milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// The time of the caller's clock.
    Now,
    /// How long entries live.
    TimeToLive,
    /// How far entries may be dated beyond the clock.
    MaxSkew,
    /// The time at which an entry was written.
    Timestamp,
}

impl Time {
    /// Fails if a number is not a time.
    pub(crate) fn check(self, given: f64) -> Result<(), Error> {
        if !given.is_finite() || given < 0.0 {
            return Err(Invalid::NotATime { what: self, given }.into());
        }
        // The maximum skew bounds timestamps. A limit here would leave no timestamp above the
        // largest one.
        if self == Self::Timestamp {
            return Ok(());
        }
        // Values within the limit convert exactly; larger values are rejected anyway.
        limits::TIME_MS.check(given.ceil() as u64)
    }
}

/// A violation of the session protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionRule {
    /// The other side syncs a document of another name.
    OtherDocument {
        /// The name on this side.
        here: String,
        /// The name on the other side.
        there: String,
    },
    /// The first message is not a hello.
    NoHello,
    /// A message does not follow the previous one.
    OutOfOrder {
        /// The number of the next message.
        expected: u64,
        /// The number of the received message.
        given: u64,
    },
    /// The other side acknowledges messages that were not sent to it.
    NotSent,
    /// The other side sends more unacknowledged messages than the limit.
    TooManyInFlight,
    /// The other side sends events, although it declared that it sends none.
    ReadOnly,
    /// The other side sends a document that this side does not need.
    DocumentNotNeeded,
    /// The other side sends content that this side does not accept.
    NotAccepted,
    /// The other side sends an event of a peer that may not write in this session.
    Writer {
        /// The event's author.
        peer: String,
    },
    /// A later hello has another session number than the first one.
    OtherNonce,
}

/// A rule that a run of events breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunRule {
    /// The run has no commits.
    Empty,
    /// The dependencies are not sorted by peer, or name a peer twice.
    DependenciesUnsorted,
    /// The run depends on an event of its own peer that is not the one before it.
    OwnDependency {
        /// The counter of that event.
        counter: u32,
    },
    /// The run does not build on its peer's previous event.
    PreviousMissing,
    /// The run builds on another event that follows its peer's previous event.
    OnSibling,
    /// The run and another run build on each other.
    Circle,
    /// The fingerprints are not one for the previous event, if there is one, and one for each
    /// dependency.
    Fingerprints,
    /// The run has no fingerprints and names an event that is not known.
    UnknownName {
        /// The peer of that event.
        peer: String,
        /// The counter of that event.
        counter: u32,
    },
    /// A dependency builds on another dependency.
    DependenciesNotConcurrent {
        /// The peer of the dependency that the other one builds on.
        peer: String,
        /// The counter of that dependency.
        counter: u32,
    },
    /// The lamport time does not follow from the dependencies.
    Lamport {
        /// The claimed time.
        given: u32,
        /// The time that follows from the dependencies; if they are not known yet, the smallest
        /// possible one.
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
            Self::Seed => "seed",
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
            Self::NotAnInteger { cell: (table, row, column) } => write!(
                f,
                "the column {column:?} of the row {row:?} in {table:?} has a value that is not an integer; add to \
                 integers, nulls and absent cells"
            ),
            Self::IntegerRange { cell: (table, row, column), value, amount } => write!(
                f,
                "the column {column:?} of the row {row:?} in {table:?} is {value}; adding {amount} leaves the range of \
                 64-bit integers"
            ),
            Self::NotAText { cell: (table, row, column) } => write!(
                f,
                "the column {column:?} of the row {row:?} in {table:?} has a value that is not a text; splice texts, \
                 nulls and absent cells"
            ),
            Self::SpliceBeyondText { cell: (table, row, column), at, remove, length } => write!(
                f,
                "the text in the column {column:?} of the row {row:?} in {table:?} has {length} characters; removing \
                 {remove} at {at} reaches beyond its end"
            ),
            Self::PositionBeyondText { at, length } => {
                write!(f, "the position {at} is beyond the end of the text, whose length is {length}")
            }
            Self::PositionInCharacter { at } => write!(
                f,
                "the position {at} is inside of a character; use a position between characters, not between the \
                 surrogates or the bytes of one"
            ),
            Self::UnknownAnchor => {
                write!(f, "the bytes are not an anchor of a text in this document; pass bytes that `anchor` returned")
            }
            Self::ClosedView => write!(f, "the view was closed; open another one"),
            Self::TextChanged { cell: (table, row, column) } => write!(
                f,
                "the text in the column {column:?} of the row {row:?} in {table:?} has changed since the transaction \
                 spliced it; repeat the transaction"
            ),
            Self::UnknownShape { row, shape, shapes } => {
                write!(
                    f,
                    "the row {row:?} has the shape {shape}, but the number of shapes is {shapes}; count them from 0"
                )
            }
            Self::ShapeMismatch { row, columns, values } => write!(
                f,
                "the number of values of the row {row:?} is {values}, and the number of columns of its shape is {columns}; give one value for each column"
            ),
            Self::OtherDocument => f.write_str("the transaction was begun on another document; commit it on that one"),
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
            Self::KeysNotAscending { before, .. } if before.is_empty() => {
                f.write_str("no key is less than the empty text; pass no key for the end of the list")
            }
            Self::KeysNotAscending { after, before } if after == before => {
                write!(f, "no key fits between {after:?} and an equal key; set one of the two to a new key first")
            }
            Self::KeysNotAscending { after, before } => write!(
                f,
                "the key {after:?} is not less than {before:?}; pass two neighbors in the order of their UTF-8 bytes"
            ),
            Self::NoKeyBetween { after, before } => write!(
                f,
                "no key fits between {after:?} and {before:?}, which only adds spaces or control characters; set one of \
                 the two to a new key first"
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
