//! Applies operations to rows.

use super::edits::{CellEdit, EditedCell, Past, PlainOps, TypedRun};
use super::stamp::Stamp;
use super::state::Meaning;
use super::version::RowVersion;
use super::{NamedRow, Rows};
use crate::graph::Graph;
use crate::id::{EventNumber, RowNumber};
use crate::lanes::Lanes;
use crate::oplog::{LoggedOp, OpKind, OpLog, Splices};
use crate::work;

impl Rows {
    /// Applies an operation of the event that the log does not end yet. The result does not depend
    /// on the order of the calls, except that an event follows those that it builds on. `peers` are
    /// the lanes that stamps refer to. A call of `apply_splices` must follow before the rows are
    /// read. O(size of the row), and O(log n) if the row begins or ceases to exist; for an edit see
    /// [`Rows::apply_edit`].
    pub(crate) fn apply(&mut self, stamp: Stamp, op: &LoggedOp, log: &OpLog, (graph, peers): (&Graph, &Lanes)) {
        work::step();
        self.before_change(op.row, log);
        let viewed = if self.views.any() { self.viewed_texts(op, log) } else { Vec::new() };
        if op.kind.is_edit() {
            let event = EventNumber(log.events());
            if let Some(edit) = EditedCell::of((event, stamp.index), op, log) {
                self.apply_edit((event, stamp), (op.row, op.kind), edit, log, (graph, peers));
            }
        } else if self.rows[op.row.index()].is_edited {
            self.apply_to_edited(stamp, op, log, peers);
        } else {
            self.apply_plain(stamp, op, log, peers);
        }
        self.after_viewed(op.row, viewed, log);
    }

    /// Returns the first of these splices of a log that `apply_typed` can apply, at least two.
    pub(crate) fn typed(&self, splices: &Splices, log: &OpLog) -> Option<Splices> {
        if self.kept.len() > 0 {
            return None;
        }
        let typed = TypedRun::of(EventNumber(0), splices, log).filter(|typed| typed.run.count > 1)?;
        Some(splices.first(typed.run.count))
    }

    /// Applies splices of consecutive events of the log, like calls of `apply`. Each event builds
    /// on the one before it alone, so that all splices have the same ground. `stamp` is that of the
    /// first one. Costs as much as for one splice.
    pub(crate) fn apply_typed(
        &mut self,
        (event, stamp): (EventNumber, Stamp),
        splices: &Splices,
        log: &OpLog,
        (graph, peers): (&Graph, &Lanes),
    ) {
        work::step();
        let Some(TypedRun { row, column, run }) = TypedRun::of(event, splices, log) else { return };
        debug_assert_eq!(run.count, splices.count);
        self.before_change(row, log);
        let edit = EditedCell { column, edit: CellEdit::Splice(run) };
        self.apply_edit((event, stamp), (row, OpKind::Splice), edit, log, (graph, peers));
    }

    /// Remembers a row that is about to change for the first time since the horizon, or since a
    /// watcher reported it.
    fn before_change(&mut self, row: RowNumber, log: &OpLog) {
        if self.watchers.any() {
            self.watchers_before_change(row, log);
        }
        if self.rows[row.index()].is_as_at_horizon {
            self.changed.insert(row, self.now(row));
            self.rows[row.index()].is_as_at_horizon = false;
        }
    }

    // Inlined, because the row is seldom edited and the call would cost more than the work.
    #[inline(always)]
    fn apply_plain(&mut self, stamp: Stamp, op: &LoggedOp, log: &OpLog, peers: &Lanes) {
        let Self { columns, rows, further_inserts, .. } = self;
        let row = &mut rows[op.row.index()];
        let was_there = row.state.exists();
        row.state.apply(stamp, op, Meaning { log, columns, peers }, further_inserts);
        if row.state.exists() != was_there {
            self.find_place(op.row);
        }
    }

    /// Applies an edit of an event, or of several ones. The result does not depend on the order of
    /// the calls, except that an event follows those that it builds on. O(log n), and
    /// O(lanes that wrote to the row × log n) if a plain operation on the row is concurrent; the
    /// first edit of a row since it was loaded costs O(plain operations on the row) in addition.
    fn apply_edit(
        &mut self,
        (event, stamp): (EventNumber, Stamp),
        (row, kind): (RowNumber, OpKind),
        EditedCell { column, edit }: EditedCell,
        log: &OpLog,
        (graph, peers): (&Graph, &Lanes),
    ) {
        let mut edits = std::mem::take(self.edits.entry(row));
        let plain = edits.plain.get_or_insert_with(|| PlainOps::of_row(row, log, graph));
        let past = Past::new(graph, event, stamp);
        let meaning = Meaning { log, columns: &self.columns, peers };
        let ground = if let Some(kept) = self.kept.get(stamp) {
            kept
        } else if plain.are_all_in(&past) {
            self.rows[row.index()].state.edit_ground((column, kind), meaning)
        } else {
            let unknown = RowVersion::default();
            let base = self.changed.get(&row).unwrap_or(&unknown);
            plain.ground((row, column, kind), &past, base.parts(), meaning)
        };
        let state = &self.rows[row.index()].state;
        match (ground, edit) {
            (Some(ground), CellEdit::Add(amount)) => edits.sums.add((column, amount), ground, state, meaning),
            (Some(ground), CellEdit::Splice(run)) if state.has_ground(column, ground, meaning) => {
                self.pending.push(row, column, ground, run);
            }
            _ => {}
        }
        self.rows[row.index()].is_edited = true;
        *self.edits.entry(row) = edits;
    }

    /// Applies a plain operation to an edited row, removes what the edits result in where the
    /// operation replaced the ground, and records it.
    fn apply_to_edited(&mut self, stamp: Stamp, op: &LoggedOp, log: &OpLog, peers: &Lanes) {
        let NamedRow { state, .. } = &self.rows[op.row.index()];
        let before = (state.deleted, state.inserted);
        self.apply_plain(stamp, op, log, peers);
        let Self { edits, rows, columns, .. } = self;
        let Some(edits) = edits.get_mut(op.row) else { return };
        let NamedRow { state, .. } = &rows[op.row.index()];
        let meaning = Meaning { log, columns, peers };
        if before == (state.deleted, state.inserted) {
            for column in op.cells().map(|cell| log.column(cell)) {
                edits.sums.keep_alive_in(column, state, meaning);
                edits.texts.keep_alive_in(column, state, meaning);
            }
        } else {
            edits.sums.keep_alive(state, meaning);
            edits.texts.keep_alive(state, meaning);
        }
        if let Some(plain) = &mut edits.plain {
            plain.push(EventNumber(log.events()), stamp, op, log);
        }
    }
}
