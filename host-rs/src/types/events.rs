//! Events: their operations and names, the form in which replicas exchange them, and the reports of
//! merges and compactions.

use super::{Cell, names};
use crate::Error;
use std::fmt;
use std::str::FromStr;

/// An operation on a row. Later versions of the contract can add operations.
///
/// ```
/// use converge::RowOp;
///
/// let op = RowOp::insert("people", "p1", [("name", "Alice"), ("town", "Oslo")]);
/// assert_eq!((op.table(), op.row()), ("people", "p1"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowOp {
    /// Creates the row with these cells. If the row exists, sets these cells and keeps the others.
    Insert {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
        /// The cells to set.
        cells: Vec<Cell>,
    },
    /// Sets these cells of the row. Does nothing if the row does not exist at this point of the
    /// execution.
    Update {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
        /// The cells to set.
        cells: Vec<Cell>,
    },
    /// Deletes the row. Does nothing if the row does not exist at this point of the execution.
    Delete {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
    },
    /// Removes these cells of the row. Does nothing if the row does not exist at this point of the
    /// execution; columns that have no cell are ignored.
    Unset {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
        /// The columns whose cells are removed.
        columns: Vec<String>,
    },
    /// Edits a text cell: removes `remove` characters at `at`, then inserts `insert` there.
    /// Positions count Unicode scalar values, `char`s, of the text that the author saw. A cell that
    /// is absent or null is an empty text. Concurrent splices all count, as long as the write or
    /// delete that left the value which the author saw is still the last one.
    Splice {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
        /// The column's name.
        column: String,
        /// The position, in characters.
        at: u32,
        /// The number of characters to remove.
        remove: u32,
        /// The text to insert.
        insert: String,
    },
    /// Adds `amount` to an integer cell. A cell that is absent or null counts as 0. Concurrent
    /// additions all count, as long as the write or delete that left the value which the author saw
    /// is still the last one.
    Add {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
        /// The column's name.
        column: String,
        /// What is added.
        amount: i64,
    },
}

impl RowOp {
    /// Creates an [`Insert`](Self::Insert).
    pub fn insert(
        table: impl Into<String>,
        row: impl Into<String>,
        cells: impl IntoIterator<Item = impl Into<Cell>>,
    ) -> Self {
        let cells = cells.into_iter().map(Into::into).collect();
        Self::Insert { table: table.into(), row: row.into(), cells }
    }

    /// Creates an [`Update`](Self::Update).
    pub fn update(
        table: impl Into<String>,
        row: impl Into<String>,
        cells: impl IntoIterator<Item = impl Into<Cell>>,
    ) -> Self {
        let cells = cells.into_iter().map(Into::into).collect();
        Self::Update { table: table.into(), row: row.into(), cells }
    }

    /// Creates a [`Delete`](Self::Delete).
    pub fn delete(table: impl Into<String>, row: impl Into<String>) -> Self {
        Self::Delete { table: table.into(), row: row.into() }
    }

    /// Creates an [`Unset`](Self::Unset).
    pub fn unset(
        table: impl Into<String>,
        row: impl Into<String>,
        columns: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self::Unset { table: table.into(), row: row.into(), columns: names(columns) }
    }

    /// Creates a [`Splice`](Self::Splice).
    pub fn splice(
        table: impl Into<String>,
        row: impl Into<String>,
        column: impl Into<String>,
        at: u32,
        remove: u32,
        insert: impl Into<String>,
    ) -> Self {
        Self::Splice { table: table.into(), row: row.into(), column: column.into(), at, remove, insert: insert.into() }
    }

    /// Creates an [`Add`](Self::Add).
    pub fn add(table: impl Into<String>, row: impl Into<String>, column: impl Into<String>, amount: i64) -> Self {
        Self::Add { table: table.into(), row: row.into(), column: column.into(), amount }
    }

    /// Returns the name of the table that the operation acts on.
    pub fn table(&self) -> &str {
        match self {
            Self::Insert { table, .. }
            | Self::Update { table, .. }
            | Self::Delete { table, .. }
            | Self::Unset { table, .. }
            | Self::Splice { table, .. }
            | Self::Add { table, .. } => table,
        }
    }

    /// Returns the id of the row that the operation acts on.
    pub fn row(&self) -> &str {
        match self {
            Self::Insert { row, .. }
            | Self::Update { row, .. }
            | Self::Delete { row, .. }
            | Self::Unset { row, .. }
            | Self::Splice { row, .. }
            | Self::Add { row, .. } => row,
        }
    }
}

/// The operations of an event, in order.
pub type Commit = Vec<RowOp>;

/// Names an event: the `counter`-th event that `peer` committed, counted from 0. Displays as
/// `peer:counter`.
///
/// If a peer's history forked, `peer` is the name of the branch; see
/// [`Doc::forks`](crate::Doc::forks). As an argument, a name from before a fork is accepted as long
/// as only one known event can be meant: `p` stands for all branches of `p`, `p~h` for `p~h` and
/// the branches that begin on it. [`Doc::permanent_id`](crate::Doc::permanent_id) returns a name
/// that never changes.
///
/// Events compare by peer, as UTF-8 bytes, then by counter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The author, or the branch of the author.
    pub peer: String,
    /// The number of the event among those of its peer, counted from 0.
    pub counter: u32,
}

impl EventId {
    /// Creates the name of the `counter`-th event, counted from 0, that `peer` committed.
    pub fn new(peer: impl Into<String>, counter: u32) -> Self {
        Self { peer: peer.into(), counter }
    }
}

/// Parses what `Display` writes.
///
/// ```
/// use converge::EventId;
///
/// let event = EventId::new("ann", 7);
/// assert_eq!(event.to_string().parse::<EventId>()?, event);
/// # Ok::<(), converge::Error>(())
/// ```
impl FromStr for EventId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parsed = text.rsplit_once(':').and_then(|(peer, counter)| Some(Self::new(peer, counter.parse().ok()?)));
        parsed.ok_or_else(|| {
            Error::InvalidArgument(format!("{text:?} is not an event; write its peer, \":\" and its counter"))
        })
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.peer, self.counter)
    }
}

/// Known events of a peer: those with counters 0 to `count` - 1. The first counter of a branch is
/// that of its fork; earlier counters belong to what it branched off.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerVersion {
    /// The peer, or the branch of the peer.
    pub peer: String,
    /// The number of known events.
    pub count: u32,
}

impl PeerVersion {
    /// Creates an entry for the known events 0 to `count` - 1 of `peer`.
    pub fn new(peer: impl Into<String>, count: u32) -> Self {
        Self { peer: peer.into(), count }
    }
}

/// Consecutive events of a peer. Each event after the first depends only on the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventRun {
    /// The author, or the branch of the author if its history forked.
    pub peer: String,
    /// The counter of the first event.
    pub start: u32,
    /// The lamport time of the first event; the k-th event after it has this plus k. It follows
    /// from the dependencies: `None` stands for "derive it", any other value is checked.
    pub lamport: Option<u32>,
    /// The dependencies of the first event, sorted by peer.
    pub deps: Vec<EventId>,
    /// Fingerprints of the author's event before the first one, if there is one, and of `deps`, in
    /// this order. They identify these events; the names are then informative. If the list is
    /// empty, names alone identify them, and a name that is ambiguous, or stands for no event in
    /// the document or the same call, fails with
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument).
    pub fingerprints: Vec<u64>,
    /// A number that distinguishes the first event from an equal one, or 0.
    pub salt: u64,
    /// The operations of each event.
    pub commits: Vec<Commit>,
}

impl EventRun {
    /// Creates a run of events of `peer`. The first event has the counter `start`. The run has no
    /// dependencies, no fingerprints, no salt, and no lamport time, which is then derived; set the
    /// fields to change that.
    pub fn new(peer: impl Into<String>, start: u32, commits: impl IntoIterator<Item = Commit>) -> Self {
        let (peer, commits) = (peer.into(), commits.into_iter().collect());
        Self { peer, start, lamport: None, deps: Vec::new(), fingerprints: Vec::new(), salt: 0, commits }
    }
}

/// A part of a history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventBatch {
    /// The events, each after its dependencies.
    pub runs: Vec<EventRun>,
    /// Whether there are more events after these.
    pub more: bool,
}

/// The result of a merge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MergeReport {
    /// New events that took effect.
    pub applied: u32,
    /// Events that were known before.
    pub duplicate: u32,
    /// Events in this document that wait for missing dependencies.
    pub waiting: u32,
    /// Events that this merge had no room to keep waiting and dropped. They arrive again with a
    /// later exchange.
    pub dropped: u32,
    /// The missing events, sorted by peer; at most as many as the limit `reported-missing`. An
    /// event whose branch is unknown is named by its permanent id; see
    /// [`Doc::permanent_id`](crate::Doc::permanent_id).
    pub missing: Vec<EventId>,
    /// Peers, without branches, of which this merge found that two replicas wrote in their name,
    /// sorted.
    pub forked: Vec<String>,
}

/// Two or more events of one peer that follow the same event of that peer: two replicas wrote in
/// one name, after a restored backup or a copied profile, for example.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fork {
    /// The peer, or the branch of it that forked again.
    pub peer: String,
    /// The counter of the first event of each branch.
    pub counter: u32,
    /// The first event of each branch, sorted by fingerprint.
    pub branches: Vec<EventId>,
}

/// What a compaction dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompactionReport {
    /// Events that the history no longer contains.
    pub events_dropped: u32,
    /// Deleted rows that are now forgotten.
    pub tombstones_dropped: u32,
    /// The horizon in force: the union of the requested one and the former one.
    pub horizon: Vec<PeerVersion>,
}
