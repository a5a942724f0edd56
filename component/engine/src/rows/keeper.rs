//! Determines the grounds that a document keeps when it is compacted.

use super::Rows;
use super::edits::{EditedCell, Past, PlainOps};
use super::stamp::Stamp;
use super::state::Meaning;
use super::version::{History, Holds, RowVersion};
use crate::clock::Lamport;
use crate::id::{EventNumber, PeerNumber, RowNumber};
use crate::oplog::LoggedOp;
use std::collections::BTreeMap;

/// Determines the grounds that a document keeps when it is compacted.
pub(crate) struct GroundKeeper<'a> {
    rows: &'a Rows,
    history: History<'a>,
    /// The events below the new horizon.
    holds: Holds<'a>,
    first_unsettled: Lamport,
    /// The index of each known row in `pasts`.
    known: BTreeMap<RowNumber, u32>,
    pasts: Vec<RowPast>,
}

/// What the grounds of a row's edits follow from.
struct RowPast {
    /// The row at the former horizon.
    base: RowVersion,
    plain: PlainOps,
    /// The row at the new horizon.
    at_horizon: RowVersion,
}

impl<'a> GroundKeeper<'a> {
    pub(crate) fn new(rows: &'a Rows, history: History<'a>, holds: Holds<'a>, first_unsettled: Lamport) -> Self {
        Self { rows, history, holds, first_unsettled, known: BTreeMap::new(), pasts: Vec::new() }
    }

    /// Keeps the ground of an edit in the rows of the compacted document, where it has the stamp
    /// `there`. `number` maps the numbers of peers. O(lanes that wrote to the row × log n), and
    /// O(operations on the row) for the first edit of a row.
    pub(crate) fn keep(
        &mut self,
        (event, stamp, op): (EventNumber, Stamp, &LoggedOp),
        (rows, there): (&mut Rows, Stamp),
        number: &impl Fn(PeerNumber) -> PeerNumber,
    ) {
        let History { log, graph, peers } = self.history;
        let Some(EditedCell { column, .. }) = EditedCell::of((event, stamp.index), op, log) else { return };
        let meaning = Meaning { log, columns: &self.rows.columns, peers };
        let next = self.pasts.len() as u32;
        let at = *self.known.entry(op.row).or_insert(next);
        if at == next {
            self.pasts.push(RowPast {
                base: self.rows.at_horizon(op.row),
                plain: PlainOps::of_row(op.row, log, graph),
                at_horizon: self.rows.plain_version(self.history, op.row, self.holds),
            });
        }
        let row = &self.pasts[at as usize];
        let past = Past::new(graph, event, stamp);
        let ground = self
            .rows
            .kept
            .get(stamp)
            .unwrap_or_else(|| row.plain.ground((op.row, column, op.kind), &past, row.base.parts(), meaning));
        let state = &row.at_horizon.state;
        let ground = ground.and_then(|ground| ground.settled(column, state, self.first_unsettled, meaning));
        rows.kept.insert(there, ground.map(|ground| ground.with(ground.stamp().renumbered(number))));
    }
}
