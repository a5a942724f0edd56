//! Checks that events fit into a document, and reserves memory for them.
//!
//! Room for waiting events stays reserved, so that they fit when the missing events arrive.

use super::Doc;
use crate::error::Error;
use crate::id::EventMap;
use crate::limits;
use crate::memory;
use crate::oplog::{AlikeCommits, CELL_SPENDS, CommitRef, OpLog, ROW_SPENDS, Totals};
use crate::rows::{PLAIN_SPENDS, Rows};

/// The slack that an event uses at most, without its operations.
pub(super) const EVENT_SPENDS: u64 = 256;

/// The effect of a call on the size of a document.
pub(super) struct Additions<'a, Commits> {
    /// The number of new events that neither the graph contains nor wait.
    pub(super) events: u64,
    /// The authors of the new events.
    pub(super) peers: &'a [&'a str],
    /// The commits of the new events, including those that the graph already contains.
    pub(super) commits: Commits,
    /// The size of these commits.
    pub(super) size: Totals,
    /// Waiting events that are removed.
    pub(super) dropped: &'a EventMap<()>,
}

impl Doc {
    /// Fails if the document, with its waiting events and the changes of a call, exceeds a limit.
    /// O(size of the call), and O(waiting events) near a limit on names.
    pub(super) fn check_room<'a, Commits>(&'a self, additions: &Additions<'a, Commits>) -> Result<(), Error>
    where
        Commits: Iterator<Item = CommitRef<'a>> + Clone,
    {
        let Additions { events, peers, commits, size, dropped } = additions;
        let Self { graph, log, rows, waiting, .. } = self;
        limits::DOCUMENT_EVENTS.check(u64::from(graph.len()) + waiting.len() as u64 + events)?;
        let max_peers = waiting.authors().len() + peers.len();
        self.lanes.check_room(max_peers as u64, waiting.authors().chain(peers.iter().copied()))?;

        let reserved = waiting.reserved();
        let mut totals = log.totals();
        totals += *size;
        totals += reserved.totals;
        for (peer, counter, ()) in dropped.iter() {
            totals -=
                waiting.get(peer, counter).map(|event| Totals::of(CommitRef::Plain(&event.commit))).unwrap_or_default();
        }
        totals.check()?;
        let max_tables = size.operations + reserved.tables.len() as u64;
        let max_columns = size.cells + reserved.columns.len() as u64;
        rows.check_room(&commits.clone().chain(waiting.commits_without(dropped)), (max_tables, max_columns))
    }
}

/// Reserves memory for commits that are about to take effect. `size` returns the size of a commit.
/// O(size of the commits), and O(1) for commits that are alike.
///
/// # Errors
/// `LimitExceeded` if there is not enough memory.
pub(super) fn make_room<'a>(
    rows: &mut Rows,
    log: &mut OpLog,
    commits: impl Iterator<Item = AlikeCommits<'a>> + Clone,
    size: impl Fn(CommitRef<'a>) -> Totals,
) -> Result<(), Error> {
    let (mut events, mut brought, mut has_edits) = (0, Totals::default(), false);
    // Events that are alike take memory once.
    let (mut unlike_events, mut unlike) = (0, Totals::default());
    // Content that cells of a log share is shared here too.
    let (mut given_bytes, mut logged_bytes, mut log_bytes) = (0, 0, 0);
    commits.clone().for_each(|AlikeCommits { first: commit, count }| {
        let of_one = size(commit);
        let totals = of_one.times(count);
        events += count as usize;
        brought += totals;
        unlike_events += 1;
        unlike += of_one;
        has_edits |= commit.has_edits();
        match commit {
            CommitRef::Plain(_) | CommitRef::Listed(_) => given_bytes += totals.bytes,
            CommitRef::Logged { log, .. } => {
                logged_bytes += totals.bytes;
                log_bytes = log.content_len();
            }
        }
    });
    let commits = commits.map(|commits| commits.first);
    let operations = unlike.operations as usize;
    if has_edits {
        let edited = commits.clone().flat_map(CommitRef::ops).filter(|op| op.kind.is_edit());
        memory::spend(rows.edits_spend(log, edited.map(|op| (op.table, op.row))))?;
    }
    if rows.has_edits() {
        memory::spend((unlike.operations + unlike.cells) * PLAIN_SPENDS)?;
    }
    memory::spend(EVENT_SPENDS * unlike_events + ROW_SPENDS * unlike.operations + CELL_SPENDS * unlike.cells)?;
    let mut len = rows.len();
    if !rows.has_room(operations) {
        let new = commits.flat_map(CommitRef::ops).filter(|op| !rows.knows(op.table, op.row));
        let (more, id_bytes) = new.fold((0, 0), |(more, bytes), op| (more + 1, bytes + op.row.len()));
        rows.reserve(more, id_bytes)?;
        len += more;
    }
    log.reserve(events, brought, len)?;
    log.reserve_content(given_bytes + logged_bytes.min(log_bytes))
}
