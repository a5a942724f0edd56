//! Applies operations to rows.

use super::edits::{CellEdit, EditedCell, Past, PlainOps};
use super::stamp::Stamp;
use super::state::Meaning;
use super::version::RowVersion;
use super::{NamedRow, Rows};
use crate::graph::Graph;
use crate::id::EventNumber;
use crate::lanes::Lanes;
use crate::oplog::{LoggedOp, OpLog};
use crate::work;

impl Rows {
    /// Applies an operation of the event that the log does not end yet. The result does not depend
    /// on the order of the calls, except that an event follows those that it builds on. `peers` are
    /// the lanes that stamps refer to. A call of `apply_splices` must follow before the rows are
    /// read. O(size of the row), and O(log n) if the row begins or ceases to exist; for an edit see
    /// [`Rows::apply_edit`].
    pub(crate) fn apply(&mut self, stamp: Stamp, op: &LoggedOp, log: &OpLog, (graph, peers): (&Graph, &Lanes)) {
        work::step();
        if self.watchers.any() {
            self.watchers_before_change(op.row, log);
        }
        if self.rows[op.row.index()].is_as_at_horizon {
            self.changed.insert(op.row, self.now(op.row));
            self.rows[op.row.index()].is_as_at_horizon = false;
        }
        let viewed = if self.views.any() { self.viewed_texts(op, log) } else { Vec::new() };
        if op.kind.is_edit() {
            self.apply_edit(stamp, op, log, (graph, peers));
        } else if self.rows[op.row.index()].is_edited {
            self.apply_to_edited(stamp, op, log, peers);
        } else {
            self.apply_plain(stamp, op, log, peers);
        }
        self.after_viewed(op.row, viewed, log);
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

    /// Applies an edit of the event that the log does not end yet. The result does not depend on
    /// the order of the calls, except that an event follows those that it builds on. O(log n), and
    /// O(lanes that wrote to the row × log n) if a plain operation on the row is concurrent; the
    /// first edit of a row since it was loaded costs O(plain operations on the row) in addition.
    fn apply_edit(&mut self, stamp: Stamp, op: &LoggedOp, log: &OpLog, (graph, peers): (&Graph, &Lanes)) {
        let event = EventNumber(log.events());
        let Some(edit) = EditedCell::of((event, stamp.index), op, log) else { return };
        let EditedCell { column, .. } = edit;
        let mut edits = std::mem::take(self.edits.entry(op.row));
        let plain = edits.plain.get_or_insert_with(|| PlainOps::of_row(op.row, log, graph));
        let past = Past::new(graph, event, stamp);
        let meaning = Meaning { log, columns: &self.columns, peers };
        let ground = if let Some(kept) = self.kept.get(stamp) {
            kept
        } else if plain.are_all_in(&past) {
            self.rows[op.row.index()].state.edit_ground((column, op.kind), meaning)
        } else {
            let unknown = RowVersion::default();
            let base = self.changed.get(&op.row).unwrap_or(&unknown);
            plain.ground((op.row, column, op.kind), &past, base.parts(), meaning)
        };
        let state = &self.rows[op.row.index()].state;
        match (ground, edit.edit) {
            (Some(ground), CellEdit::Add(amount)) => edits.sums.add((column, amount), ground, state, meaning),
            (Some(ground), CellEdit::Splice(edit)) if state.has_ground(column, ground, meaning) => {
                self.pending.push(op.row, column, ground, edit);
            }
            _ => {}
        }
        self.rows[op.row.index()].is_edited = true;
        *self.edits.entry(op.row) = edits;
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
