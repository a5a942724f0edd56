//! Rows as they were at other versions. Used for differences between versions, and for compaction.
//!
//! A row at the horizon is the present row if no operation since then names it; otherwise it was
//! copied before the first such operation. A row at a version is the row at the horizon, with the
//! operations on it that the version contains.

use super::edits::{EditedCell, Past, PlainOps, Sums};
use super::further::FurtherInserts;
use super::stamp::Stamp;
use super::state::{LatestWrite, Meaning, RowState};
use super::{Rows, named_cells};
use crate::clock::Lamport;
use crate::error::Error;
use crate::graph::Graph;
use crate::id::{EventNumber, PeerNumber, RowNumber};
use crate::lanes::Lanes;
use crate::memory;
use crate::oplog::{CELL_SPENDS, Cell, CellSource, Copies, OpLog, OpNames, ROW_SPENDS, RowOp, Totals};
use crate::sort;
use crate::work;

/// The state of a row at a version.
#[derive(Debug, Clone, Default)]
pub(super) struct RowVersion {
    pub(super) state: RowState,
    pub(super) further: FurtherInserts,
    pub(super) sums: Sums,
}

impl RowVersion {
    /// Returns the stamps of the row.
    pub(super) fn parts(&self) -> (&RowState, &FurtherInserts) {
        (&self.state, &self.further)
    }
}

/// What versions of rows are made of.
#[derive(Clone, Copy)]
pub(crate) struct History<'a> {
    pub(crate) log: &'a OpLog,
    pub(crate) graph: &'a Graph,
    pub(crate) peers: &'a Lanes,
}

/// Returns the time and peer of an event, if the version contains it.
pub(crate) type Holds<'a> = &'a dyn Fn(EventNumber) -> Option<(Lamport, PeerNumber)>;

impl Rows {
    /// Returns the operations that lead from one version of these rows to another, sorted by table
    /// and row. O(rows × log n), and for each row all operations on it since the horizon.
    pub(crate) fn diff(
        &self,
        history: History<'_>,
        mut rows: Vec<RowNumber>,
        here: Holds<'_>,
        there: Holds<'_>,
    ) -> Vec<RowOp> {
        sort::sort_by(&mut rows, |&a, &b| self.row_name(a).cmp(&self.row_name(b)));
        let cells = |row, holds| {
            let RowVersion { state, sums, .. } = self.version(history, row, holds);
            let cells = || named_cells(&state, Some(&sums), (history.log, &self.columns)).collect::<Vec<Cell>>();
            state.exists().then(cells)
        };
        rows.into_iter().flat_map(|row| self.difference(row, cells(row, here).as_deref(), cells(row, there))).collect()
    }

    pub(super) fn version(&self, history: History<'_>, row: RowNumber, holds: Holds<'_>) -> RowVersion {
        let History { log, peers, .. } = history;
        let mut version = self.at_horizon(row);
        // The earliest operation in the log first: later ones then change less.
        let ops: Vec<u32> = log.ops_on(row).collect();
        for (event, index, op) in ops.into_iter().rev().map(|op| log.numbered(op)) {
            if let Some((lamport, peer)) = holds(event) {
                let meaning = Meaning { log, columns: &self.columns, peers };
                version.state.apply(Stamp { lamport, peer, index }, &op, meaning, &mut version.further);
            }
        }
        self.count_edits(history, row, holds, &mut version);
        version
    }

    /// Determines the sums of a version of a row whose plain operations were applied. O(edits of
    /// the row × lanes that wrote to the row × log n).
    fn count_edits(&self, history: History<'_>, row: RowNumber, holds: Holds<'_>, version: &mut RowVersion) {
        let History { log, graph, peers } = history;
        let meaning = Meaning { log, columns: &self.columns, peers };
        version.sums.keep_alive(&version.state, meaning);
        let mut edits = log.edits_on(row).map(|op| log.numbered(op)).peekable();
        if edits.peek().is_none() {
            return;
        }
        let base = self.at_horizon(row);
        let plain = PlainOps::of_row(row, log, graph);
        for (event, index, op) in edits {
            let (Some((lamport, peer)), Some(edit)) = (holds(event), EditedCell::of(&op, log)) else { continue };
            let stamp = Stamp { lamport, peer, index };
            let past = Past::new(graph, event, stamp);
            let ground = || plain.ground((row, edit.column), &past, base.parts(), meaning);
            if let Some(ground) = self.kept.get(stamp).unwrap_or_else(ground) {
                version.sums.add(edit, ground, &version.state, meaning);
            }
        }
    }

    /// Replaces the numbers of peers. The new numbers must keep the order of execution. O(rows).
    pub(crate) fn renumber(&mut self, number: impl Fn(PeerNumber) -> PeerNumber) {
        for row in 0..self.rows.len() {
            self.rows[row].state.renumber(&number);
        }
        self.further_inserts.renumber(&number);
        self.edits.renumber(&number);
        for version in self.changed.values_mut() {
            version.state.renumber(&number);
            version.further.renumber(&number);
            version.sums.renumber(&number);
        }
    }

    /// Returns the row at the horizon. It is empty if there is no horizon, or if the row was not
    /// known there.
    pub(super) fn at_horizon(&self, row: RowNumber) -> RowVersion {
        let named = &self.rows[row.index()];
        if named.is_as_at_horizon {
            return self.now(row);
        }
        self.changed.get(&row).cloned().unwrap_or_default()
    }

    /// Returns the present row.
    pub(super) fn now(&self, row: RowNumber) -> RowVersion {
        work::step();
        let sums = self.sums(row).cloned().unwrap_or_default();
        RowVersion { state: self.rows[row.index()].state.clone(), further: self.further_inserts.only(row), sums }
    }

    /// Returns the rows at a horizon, without anything that does not matter beyond it, and a log
    /// with the values of their cells. `holds` returns the events below the horizon; all other
    /// events, and all future ones, are not before `first_unsettled`. Watchers are left out.
    /// O(everything).
    pub(crate) fn up_to(
        &self,
        history: History<'_>,
        holds: Holds<'_>,
        first_unsettled: Lamport,
    ) -> Result<(Self, OpLog), Error> {
        let History { log, peers, .. } = history;
        let meaning = Meaning { log, columns: &self.columns, peers };
        let (mut rows, mut new_log, mut copies) = (Self::default(), OpLog::default(), Copies::new());
        for old in (0..self.rows.len() as u32).map(RowNumber) {
            work::step();
            let RowVersion { mut state, mut further, sums } = self.version(history, old, holds);
            let unsettled = if sums.is_empty() { None } else { Some(state.clone()) };
            state.settle(first_unsettled, &mut further);
            if state.is_empty() {
                continue;
            }
            let (table, id) = self.row_name(old);
            let cells = state.written.len();
            let content = state.written.iter().map(|written| log.value(written.cell).content_bytes()).sum();
            memory::spend(ROW_SPENDS + cells as u64 * CELL_SPENDS)?;
            rows.reserve(1, id.len())?;
            new_log.reserve(0, Totals { cells: cells as u64, ..Totals::default() }, 0)?;
            new_log.reserve_content(content)?;
            let new = rows.intern(table, id);
            for written in &mut state.written {
                work::step();
                let column = rows.intern_column(self.column_name(written.column()), None);
                let cell = new_log.push_loose_copy(column, CellSource::Logged(log, written.cell), &mut copies);
                let LatestWrite { stamp, counts, is_unset, .. } = *written;
                *written = LatestWrite::new(stamp, cell, column, is_unset).counting(counts);
            }
            rows.further_inserts.push_row(new, further.stamps(old));
            if let Some(unsettled) = unsettled {
                let column = |column| rows.intern_column(self.column_name(column), None);
                let sums = sums.settled(&unsettled, first_unsettled, meaning, column);
                rows.set_sums(new, sums);
            }
            rows.rows[new.index()].state = state;
            rows.rows[new.index()].is_as_at_horizon = true;
            if rows.rows[new.index()].state.exists() {
                rows.find_place(new);
            }
        }
        Ok((rows, new_log))
    }

    /// Returns the number of rows that do not exist, but are remembered.
    pub(crate) fn absent(&self) -> u32 {
        self.tables.iter().map(|table| table.absent).sum()
    }
}
