//! Rows as they were at other versions. Used for differences between versions, and for compaction.
//!
//! A row at the horizon is the present row if no operation since then names it; otherwise it was
//! copied before the first such operation. A row at a version is the row at the horizon, with the
//! operations on it that the version contains.

use super::Rows;
use super::edits::{CellEdit, EditedCell, Ground, Past, PlainOps, ShownEdits, SplicedText, Sums, TextBases, Texts};
use super::further::FurtherInserts;
use super::mirrored::mirrored;
use super::stamp::Stamp;
use super::state::{LatestWrite, Meaning, RowState};
use crate::clock::Lamport;
use crate::error::Error;
use crate::graph::Graph;
use crate::id::{ColumnNumber, EventNumber, PeerNumber, RowNumber};
use crate::lanes::Lanes;
use crate::memory;
use crate::oplog::{CELL_SPENDS, CellSource, Copies, OpKind, OpLog, OpNames, ROW_SPENDS, RowOp, Totals};
use crate::sort;
use crate::text::{EditRun, Sources};
use crate::value::ValueRef;
use crate::work;

/// The state of a row at a version.
#[derive(Debug, Clone, Default)]
pub(super) struct RowVersion {
    pub(super) state: RowState,
    pub(super) further: FurtherInserts,
    pub(super) sums: Sums,
    /// The texts of a row at the horizon.
    pub(super) bases: TextBases,
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
    ) -> Result<Vec<RowOp>, Error> {
        sort::sort_by(&mut rows, |&a, &b| self.row_name(a).cmp(&self.row_name(b)));
        let cells = |row, holds| {
            let (RowVersion { state, sums, .. }, texts) = self.version(history, row, holds)?;
            let edits = ShownEdits { sums: &sums, texts: &texts };
            Ok::<_, Error>(mirrored(&state, Some(edits), (history.log, &self.columns)))
        };
        let mut ops = Vec::new();
        for row in rows {
            ops.extend(self.difference(history.log, row, cells(row, here)?.as_deref(), cells(row, there)?));
        }
        Ok(ops)
    }

    /// Returns a version of a row and its texts.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(super) fn version(
        &self,
        history: History<'_>,
        row: RowNumber,
        holds: Holds<'_>,
    ) -> Result<(RowVersion, Texts), Error> {
        let mut version = self.plain_version(history, row, holds);
        let texts = self.count_edits(history, row, holds, &|_| false, &mut version)?;
        Ok((version, texts))
    }

    /// Returns a version of a row to which the plain operations of the version were applied.
    pub(super) fn plain_version(&self, history: History<'_>, row: RowNumber, holds: Holds<'_>) -> RowVersion {
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
        version
    }

    /// Determines the sums of a version of a row whose plain operations were applied, without the
    /// additions of some events, and returns its texts. O(edits of the row × lanes that wrote to
    /// the row × log n), and the cost of [`Text::at`](crate::text::Text::at) for each text.
    pub(super) fn count_edits(
        &self,
        history: History<'_>,
        row: RowNumber,
        holds: Holds<'_>,
        skipped: &dyn Fn(EventNumber) -> bool,
        version: &mut RowVersion,
    ) -> Result<Texts, Error> {
        let History { log, graph, peers } = history;
        let meaning = Meaning { log, columns: &self.columns, peers };
        let RowVersion { state, sums, bases, .. } = version;
        sums.keep_alive(state, meaning);
        bases.keep_alive(state, meaning);
        let mut texts = Texts::default();
        let mut edits = log.edits_on(row).map(|op| log.numbered(op)).peekable();
        if edits.peek().is_none() && bases.is_empty() {
            return Ok(texts);
        }
        let base = self.at_horizon(row);
        let plain = PlainOps::of_row(row, log, graph);
        let present = self.edits.get(row).map(|edits| &edits.texts);
        let mut splices: Vec<(ColumnNumber, Ground, EditRun)> = Vec::new();
        for (event, index, op) in edits {
            let (Some((lamport, peer)), Some(edit)) = (holds(event), EditedCell::of((event, index), &op, log)) else {
                continue;
            };
            let EditedCell { column, .. } = edit;
            // Most splices are those of a present text.
            let of_text = |is_on_write| {
                let text = present?.get(column, is_on_write)?;
                text.value.text.has_edit(event, index).then_some(text.ground)
            };
            let of_text = || [true, false].into_iter().find_map(of_text).filter(|_| op.kind == OpKind::Splice);
            let stamp = Stamp { lamport, peer, index };
            let past = || Past::new(graph, event, stamp);
            let ground = || plain.ground((row, column, op.kind), &past(), base.parts(), meaning);
            let ground = self.kept.get(stamp).unwrap_or_else(|| of_text().or_else(ground));
            let Some(ground) = ground.filter(|ground| state.has_ground(column, *ground, meaning)) else { continue };
            match edit.edit {
                CellEdit::Add(_) if skipped(event) => {}
                CellEdit::Add(amount) => sums.add((column, amount), ground, state, meaning),
                CellEdit::Splice(run) => {
                    memory::reserve(&mut splices, 1)?;
                    splices.push((column, ground, run));
                }
            }
        }
        let sources = Sources { graph, lanes: peers, content: log.content() };
        for entry in bases.iter() {
            texts.set(entry.column, entry.ground, SplicedText::at_horizon(&entry.value, log)?);
        }
        // The edits were found from the latest to the first.
        splices.reverse();
        sort::sort_by_key(&mut splices, |(column, ground, run)| (*column, ground.is_write(), run.first, run.place()));
        for of_text in splices.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let Some(&(column, ground, _)) = of_text.first() else { continue };
            if let Some(present) = present.and_then(|present| present.with(column, ground)) {
                texts.set(column, ground, present.at(|event| holds(event).is_some(), sources)?);
                continue;
            }
            let text = texts.with_or_set(column, ground, || SplicedText::of_ground(column, ground, state, meaning))?;
            text.apply(of_text.iter().map(|(.., run)| *run), sources)?;
        }
        Ok(texts)
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
            version.bases.renumber(&number);
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

    /// Returns the present row, which is as it was at the horizon.
    pub(super) fn now(&self, row: RowNumber) -> RowVersion {
        work::step();
        let edits = self.edits.get(row);
        let sums = edits.map(|edits| edits.sums.clone()).unwrap_or_default();
        let bases = edits.map(|edits| edits.texts.bases()).unwrap_or_default();
        RowVersion { state: self.rows[row.index()].state.clone(), further: self.further_inserts.only(row), sums, bases }
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
        let History { log, graph, peers } = history;
        let meaning = Meaning { log, columns: &self.columns, peers };
        let sources = Sources { graph, lanes: peers, content: log.content() };
        let (mut rows, mut new_log, mut copies) = (Self::default(), OpLog::default(), Copies::new());
        for old in (0..self.rows.len() as u32).map(RowNumber) {
            work::step();
            let (RowVersion { mut state, mut further, sums, .. }, texts) = self.version(history, old, holds)?;
            let unsettled = if sums.is_empty() && texts.is_empty() { None } else { Some(state.clone()) };
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
                // The text at the horizon takes the place of the written one.
                let is_spliced = log.text(written.cell).is_some() && texts.get(written.column(), true).is_some();
                let source = match is_spliced {
                    true => CellSource::Value(ValueRef::Text("")),
                    false => CellSource::Logged(log, written.cell),
                };
                let cell = new_log.push_loose_copy(column, source, &mut copies);
                let LatestWrite { stamp, counts, is_unset, .. } = *written;
                *written = LatestWrite::new(stamp, cell, column, is_unset).counting(counts);
            }
            rows.further_inserts.push_row(new, further.stamps(old));
            if let Some(unsettled) = unsettled {
                let mut column = |column| rows.intern_column(self.column_name(column), None);
                let sums = sums.settled(&unsettled, first_unsettled, meaning, &mut column);
                let mut bases = Texts::default();
                for entry in texts.settled(&unsettled, first_unsettled, meaning, column).iter() {
                    if entry.value.shows() {
                        let text = entry.value.copied(sources, &mut new_log)?;
                        bases.set(entry.column, entry.ground, text);
                    }
                }
                rows.set_edits(new, sums, bases);
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
