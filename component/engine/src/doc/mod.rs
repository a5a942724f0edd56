//! A replica of a document: its graph, log, rows and waiting events.
//!
//! Every event, local or remote, enters through `take_effect` after it was checked: graph, log,
//! rows, watchers. Runs of received events that type in one cell enter through `take_typed`. Always
//! holds: graph, log and rows contain the same events; an event waits only while one of the events
//! that it builds on is missing. Does not know hosts.
//!
//! The files and folders here are ordered like the rooms of the engine; `tests/rooms.rs` lists the
//! order.

mod anchors;
mod below;
mod branches;
mod bytes;
mod chains;
mod check;
mod dbg_check;
mod drafts;
mod edits;
mod events;
mod exchange;
mod fork_index;
mod horizon;
mod identity;
mod incoming;
mod inverse;
mod local;
mod merge;
mod missing;
mod names;
mod prints;
mod reader;
mod reserved;
mod room;
mod runs;
mod since;
mod transaction;
mod translation;
mod views;
mod waiting;

pub use anchors::Side;
pub use bytes::{Content, Inspection, SectionSize, inspect};
pub(crate) use bytes::{Summary, read_named_events, write_named_events};
pub use events::{EventBatch, EventRun};
pub(crate) use exchange::{End, EventPage, PageBudget, PageStart};
pub use horizon::CompactionReport;
pub use merge::MergeReport;
pub(crate) use merge::Merged;
pub use names::Fork;
pub use reader::UpdateReader;
pub(crate) use since::Proven;
pub use transaction::Transaction;
pub use views::TextChange;
pub(crate) use waiting::Need;

use crate::chain::Prints;
use crate::clock::Lamport;
use crate::error::{Error, Name};
use crate::graph::Graph;
use crate::id::{Counter, EventNumber, PeerNumber, SharedText};
use crate::lanes::Lanes;
use crate::memory;
use crate::oplog::{Cell, CellSource, CommitRef, OpLog, Splices};
use crate::rows::{Changes, History, Page, Rows, ScanOptions, ShapedPage, Stamp, TableSummary, WatcherNumber};
use crate::text::Sources;
use fork_index::ForkIndex;
use std::cell::RefCell;
use translation::Translation;
use waiting::Waiting;

/// A replica of a document.
///
/// `docs/semantics.md` defines what the functions mean. A function that fails has changed nothing.
/// In costs, n is the size of the document in rows, events or peers.
#[derive(Debug)]
pub struct Doc {
    peer: SharedText,
    lanes: Lanes,
    graph: Graph,
    log: OpLog,
    rows: Rows,
    waiting: Waiting,
    prints: RefCell<Prints>,
    fork_index: RefCell<ForkIndex>,
    /// The lane and counter of the last event that this replica wrote.
    own: Option<(PeerNumber, Counter)>,
    /// Missing events that updates announced: their writers assumed that this replica has them.
    announced: Vec<Need>,
    /// How often events were renumbered.
    renumbered: u64,
    /// Distinguishes the next commit with an edit from an equal one, unless it is 0.
    salt: u64,
}

impl Doc {
    /// Returns an empty document that writes as `peer`: 1 to `limits::PEER_BYTES` bytes. No two
    /// live replicas may write as the same peer.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty name; `LimitExceeded` for a name that is too long.
    pub fn create(peer: &str) -> Result<Self, Error> {
        Name::Peer.check(peer)?;
        Ok(Self { peer: SharedText::from(peer), ..Self::empty() })
    }

    fn empty() -> Self {
        Self {
            peer: SharedText::default(),
            lanes: Lanes::default(),
            graph: Graph::default(),
            log: OpLog::default(),
            rows: Rows::default(),
            waiting: Waiting::default(),
            prints: RefCell::default(),
            fork_index: RefCell::default(),
            own: None,
            announced: Vec::new(),
            renumbered: 0,
            salt: 0,
        }
    }

    /// Returns the peer as which this replica writes.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Returns the cells of a row, sorted by column, or `None` if the row does not exist. O(log n +
    /// size of the row).
    #[must_use]
    pub fn get(&self, table: &str, row: &str) -> Option<Vec<Cell>> {
        self.rows.get(&self.log, table, row)
    }

    /// Returns a page of a table's rows, in the order of their ids as bytes. A page has at most
    /// `options.limit` rows, and ends after it has crossed `limits::PAGE_BYTES`. A table that does
    /// not exist has no rows. O(log n + size of the page).
    ///
    /// # Errors
    /// `InvalidArgument` for a reversed range, and for a column that is empty or named twice;
    /// `LimitExceeded` for ids and column names that are too long, and for too many columns.
    pub fn scan(&self, table: &str, options: &ScanOptions) -> Result<Page, Error> {
        self.rows.scan(&self.log, table, options)
    }

    /// Returns the page that [`scan`](Self::scan) returns, with each list of columns named once.
    ///
    /// # Errors
    /// Those of [`Doc::scan`].
    pub fn scan_shaped(&self, table: &str, options: &ScanOptions) -> Result<ShapedPage, Error> {
        self.rows.scan_shaped(&self.log, table, options)
    }

    /// Returns the tables that have rows, sorted by name as bytes. O(tables).
    #[must_use]
    pub fn tables(&self) -> Vec<TableSummary> {
        self.rows.summaries()
    }

    /// Watches these tables, or all tables if none are named. With `from_start`, the changes begin
    /// with all existing rows. O(rows of these tables) with `from_start`, otherwise O(1). Every
    /// later change of a row in these tables costs O(log n), and the size of the row for the first
    /// change after a take.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty name; `LimitExceeded` for a name that is too long, for too
    /// many names, and for more than `limits::WATCHERS` watchers.
    pub fn watch(&mut self, tables: &[String], from_start: bool) -> Result<WatcherNumber, Error> {
        self.rows.watch(tables, from_start)
    }

    /// Returns the changes since the last take, of at most `limit` rows, in the order in which the
    /// rows first changed. Rows that are the same as before are left out. A watcher that does not
    /// exist has no changes. A page ends after it has crossed `limits::PAGE_BYTES`. O(touched rows
    /// × log n), and their sizes.
    pub fn take(&mut self, watcher: WatcherNumber, limit: u32) -> Changes {
        self.rows.take(&self.log, watcher, limit)
    }

    /// Ends a watch.
    pub fn unwatch(&mut self, watcher: WatcherNumber) {
        self.rows.unwatch(watcher);
    }

    /// Returns 32 bytes that are equal for equal tables, whatever their histories: a SHA-256 over
    /// the rows, as `docs/semantics.md` specifies. O(all rows).
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.rows.digest(&self.log)
    }

    /// Returns what versions of rows are made of.
    fn row_history(&self) -> History<'_> {
        History { log: &self.log, graph: &self.graph, peers: &self.lanes }
    }

    /// Returns what texts refer to.
    pub(super) fn sources(&self) -> Sources<'_> {
        Sources { graph: &self.graph, lanes: &self.lanes, content: self.log.content() }
    }

    /// Applies the splices of the events that took effect in this call. Memory for them was
    /// reserved.
    fn apply_splices(&mut self) {
        let Self { rows, log, lanes, graph, .. } = self;
        if rows.apply_splices(log, graph, lanes).is_err() {
            memory::exhausted();
        }
    }

    /// Executes the next events, up to `max`, as `take_effect` does, if their commits type or
    /// delete in one cell, and each builds on the one before it alone. Returns the number of
    /// events. Costs as much as for one event.
    fn take_typed(
        &mut self,
        peer: PeerNumber,
        lamport: Lamport,
        (commit, max): (CommitRef<'_>, u32),
        translation: &mut Translation,
    ) -> u32 {
        let Self { rows, log, lanes, graph, .. } = self;
        let CommitRef::Logged { names, log: from, event } = commit else { return 0 };
        let Some(splices) = from.splices_from(event, max).and_then(|splices| rows.typed(&splices, from)) else {
            return 0;
        };
        let row = translation.row(rows, names, splices.row);
        let column = translation.column(rows, names, splices.column);
        let first = EventNumber(log.events());
        let splices = log.push_splices(&Splices { row, column, ..splices }, from.content());
        rows.apply_typed((first, Stamp { lamport, peer, index: 0 }), &splices, log, (graph, lanes));
        splices.count
    }

    /// Executes the next event, which was checked, and which the graph already contains. A call of
    /// `apply_splices` must follow before the rows are read. `translation` is that of the log that
    /// contains the commit, if one does. O(1) for each operation and cell, and O(log n) for a row
    /// that begins or ceases to exist.
    fn take_effect(
        &mut self,
        peer: PeerNumber,
        lamport: Lamport,
        commit: CommitRef<'_>,
        translation: &mut Translation,
    ) {
        let Self { rows, log, lanes, graph, .. } = self;
        let stamp = |index| Stamp { lamport, peer, index };
        match commit {
            CommitRef::Plain(_) | CommitRef::Listed(_) => {
                for (index, op) in (0..).zip(commit.ops()) {
                    let found = translation.found.get(index as usize).copied().flatten();
                    let row = found.unwrap_or_else(|| rows.intern(op.table, op.row));
                    let column = |column: &str, likely| rows.intern_column(column, likely);
                    let logged = log.push_op(&op, row, column, &mut translation.copies);
                    rows.apply(stamp(index), &logged, log, (graph, lanes));
                }
            }
            CommitRef::Logged { names, log: from, event } => {
                for (index, op) in (0..).zip(from.ops(event)) {
                    let row = translation.row(rows, names, op.row);
                    let logged = if let Some((column, content, place)) = from.splice(&op) {
                        let column = translation.column(rows, names, column);
                        log.push_splice(row, column, place, content.of(from.content()))
                    } else {
                        let start = log.begin_op();
                        for cell in op.cells() {
                            let column = translation.column(rows, names, from.column(cell));
                            log.push_copy(column, CellSource::Logged(from, cell), &mut translation.copies);
                        }
                        log.end_op(op.kind, row, start)
                    };
                    rows.apply(stamp(index), &logged, log, (graph, lanes));
                }
            }
        }
        log.end_event();
    }
}

#[cfg(test)]
mod tests;
