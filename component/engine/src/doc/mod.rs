//! A replica of a document: the graph, the log, the rows, and the events that wait.
//!
//! Every event, local or remote, comes in through `take_effect`, after everything about it was checked: graph, then log,
//! then rows, then watchers. Always holds: the three hold the same events; an event waits only while something that it
//! builds on is unknown. Does not know hosts.

mod below;
mod branches;
mod bytes;
mod chains;
mod check;
mod dbg_check;
mod events;
mod exchange;
mod fork_index;
mod horizon;
mod identity;
mod incoming;
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
mod waiting;

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
pub(crate) use waiting::Need;

use crate::chain::Prints;
use crate::clock::Lamport;
use crate::error::{Error, Name};
use crate::graph::Graph;
use crate::id::{Counter, PeerNumber, SharedText};
use crate::lanes::Lanes;
use crate::oplog::{Cell, CellSource, CommitRef, OpLog};
use crate::rows::{Changes, Page, Rows, ScanOptions, Stamp, TableSummary, WatcherNumber};
use fork_index::ForkIndex;
use std::cell::RefCell;
use translation::Translation;
use waiting::Waiting;

/// A replica of a document.
///
/// What the functions mean is in `docs/semantics.md`. A function that fails has changed nothing. Costs are given in n,
/// the size of the document in rows, events or peers, whichever it is about.
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
    /// The last event that this replica wrote.
    own: Option<(PeerNumber, Counter)>,
    /// Missing events that updates announced: events of peers of which their writers took this replica to be ahead.
    announced: Vec<Need>,
    /// How often the events got other numbers.
    renumbered: u64,
}

impl Doc {
    /// An empty document in which this replica writes as `peer`: 1 to `limits::PEER_BYTES` bytes. No two live replicas
    /// may write as the same peer.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty name, `LimitExceeded` for one that is too long.
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
        }
    }

    /// Whom this replica writes as.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Returns the cells of a row, sorted by column, or `None` if the row does not exist. O(log n) and the row's size.
    #[must_use]
    pub fn get(&self, table: &str, row: &str) -> Option<Vec<Cell>> {
        self.rows.get(&self.log, table, row)
    }

    /// A page of a table's rows, in the order of their ids as bytes: at most `options.limit`, and none after the page
    /// has crossed `limits::PAGE_BYTES`. A table that does not exist has no rows. O(log n) and what the page holds.
    ///
    /// # Errors
    /// `InvalidArgument` for a range whose ends are reversed and for a column that is empty or named twice;
    /// `LimitExceeded` for texts longer than a row id or column name can be, and for too many columns.
    pub fn scan(&self, table: &str, options: &ScanOptions) -> Result<Page, Error> {
        self.rows.scan(&self.log, table, options)
    }

    /// The tables that have rows, sorted by name as bytes. O(tables).
    #[must_use]
    pub fn tables(&self) -> Vec<TableSummary> {
        self.rows.summaries()
    }

    /// Watches these tables; all where none are named. With `from_start`, the first takes give every row that is there;
    /// without, only what changes from now on. O(rows of these tables) with `from_start`, else O(1); afterwards every
    /// change of a row in these tables costs O(log n) and, the first time after a take, the row's size.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty name; `LimitExceeded` for a name that is too long, for too many names, and for
    /// one watcher more than `limits::WATCHERS`.
    pub fn watch(&mut self, tables: &[String], from_start: bool) -> Result<WatcherNumber, Error> {
        self.rows.watch(tables, from_start)
    }

    /// The changes since the last take, of at most `most` rows, in the order in which the rows first changed; nothing for
    /// rows that are as they were, and nothing for a watcher that does not exist. A page ends once it has crossed
    /// `limits::PAGE_BYTES`. O(rows that were touched and are taken × log n), and their sizes.
    pub fn take(&mut self, watcher: WatcherNumber, most: u32) -> Changes {
        self.rows.take(&self.log, watcher, most)
    }

    /// Ends a watch.
    pub fn unwatch(&mut self, watcher: WatcherNumber) {
        self.rows.unwatch(watcher);
    }

    /// 32 bytes that are the same for the same tables, whatever the history: a SHA-256 over the rows as
    /// `docs/semantics.md` writes them down. O(all rows).
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.rows.digest(&self.log)
    }

    /// Lets the next event that the graph holds and the log does not take effect. Everything about it was checked.
    /// O(1) for each operation and cell, O(log n) for a row that comes to be there or is no longer. `translation` is that of
    /// the log that the commit is from, where it is from one.
    fn take_effect(
        &mut self,
        peer: PeerNumber,
        lamport: Lamport,
        commit: CommitRef<'_>,
        translation: &mut Translation,
    ) {
        let Self { rows, log, lanes, .. } = self;
        let stamp = |index| Stamp { lamport, peer, index };
        match commit {
            CommitRef::Plain(_) => {
                for (index, op) in (0..).zip(commit.ops()) {
                    let found = translation.found.get(index as usize).copied().flatten();
                    let row = found.unwrap_or_else(|| rows.intern(op.table, op.row));
                    let start = log.begin_op();
                    for (column, source) in op.cells.sources() {
                        let column = rows.intern_column(column, log.likely_column(start));
                        log.push_copy(column, source, &mut translation.copies);
                    }
                    let logged = log.end_op(op.kind, row, start);
                    rows.apply(stamp(index), &logged, log, lanes);
                }
            }
            CommitRef::Logged { names, log: from, event } => {
                for (index, op) in (0..).zip(from.ops(event)) {
                    let row = translation.row(rows, names, op.row);
                    let start = log.begin_op();
                    for cell in op.cells() {
                        let column = translation.column(rows, names, from.column(cell));
                        log.push_copy(column, CellSource::Logged(from, cell), &mut translation.copies);
                    }
                    let logged = log.end_op(op.kind, row, start);
                    rows.apply(stamp(index), &logged, log, lanes);
                }
            }
        }
        log.end_event();
    }
}

#[cfg(test)]
mod tests;
