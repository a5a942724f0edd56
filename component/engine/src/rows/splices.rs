//! Applies splices. Those of a call are applied together, because concurrent edits cost least then.

use super::Rows;
use super::cell_text::TextSource;
use super::edits::{Ground, SplicedText};
use super::state::Meaning;
use crate::error::Error;
use crate::graph::Graph;
use crate::id::{ColumnNumber, RowNumber};
use crate::lanes::Lanes;
use crate::memory;
use crate::oplog::OpLog;
use crate::sort;
use crate::text::{EditRun, Outcome, Sources, TRACKER_BYTES};

/// Splices of one cell that are not applied yet.
#[derive(Debug)]
struct PendingSplice {
    row: RowNumber,
    column: ColumnNumber,
    ground: Ground,
    run: EditRun,
}

/// Splices that are not applied yet, in the order of their events.
#[derive(Debug, Default)]
pub(super) struct PendingSplices {
    splices: Vec<PendingSplice>,
    /// The cells whose texts keep trackers, and the bytes of these.
    tracked: Vec<(RowNumber, ColumnNumber)>,
    tracker_bytes: usize,
}

impl PendingSplices {
    pub(super) fn is_empty(&self) -> bool {
        self.splices.is_empty()
    }

    /// Adds splices. Their events follow those of all splices before them.
    pub(super) fn push(&mut self, row: RowNumber, column: ColumnNumber, ground: Ground, run: EditRun) {
        self.splices.push(PendingSplice { row, column, ground, run });
    }
}

/// The memory that a run of edits uses at most in a tracker.
const RUN_SPENDS: u64 = 512;
/// A merge spends no more than this on trackers. Those that need more are built all the same.
const MAX_SPENT: u64 = 4 * TRACKER_BYTES as u64;

impl Rows {
    /// Spends memory for the trackers that concurrent splices of these cells can need. O(cells ×
    /// log n).
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn spend_on_trackers<'a>(
        &self,
        cells: impl Iterator<Item = (&'a str, &'a str, &'a str)>,
    ) -> Result<(), Error> {
        let (mut splices, mut known) = (0_u64, Vec::new());
        for (table, row, column) in sort::without_repeats(cells.inspect(|_| splices += 1)) {
            let Some(row) = self.find(table, row) else { continue };
            known.extend(self.columns.find(column).map(|column| (row, ColumnNumber(column))));
        }
        if splices == 0 {
            return Ok(());
        }
        let runs = |(row, column): (RowNumber, ColumnNumber)| {
            let texts = self.edits.get(row).into_iter().flat_map(|edits| edits.texts.iter());
            texts.filter(move |entry| entry.column == column).map(|entry| entry.value.text.run_count() as u64)
        };
        let runs: u64 = splices + sort::distinct(known.into_iter()).into_iter().flat_map(runs).sum::<u64>();
        memory::spend(runs.saturating_mul(RUN_SPENDS).min(MAX_SPENT))
    }

    /// Applies the pending splices. Their events are in the graph and in the log. Cost as for
    /// [`Text::apply`](crate::text::Text::apply).
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory. The rows must not be used then.
    pub(crate) fn apply_splices(&mut self, log: &OpLog, graph: &Graph, lanes: &Lanes) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut splices = std::mem::take(&mut self.pending.splices);
        if splices.len() > 1 {
            let key = |splice: &PendingSplice| {
                let PendingSplice { row, column, ground, run } = splice;
                (*row, *column, ground.is_write(), run.first, run.place())
            };
            sort::sort_by_key(&mut splices, key);
        }
        let sources = Sources { graph, lanes, content: log.content() };
        let mut rest = &splices[..];
        let mut edits: Vec<EditRun> = Vec::new();
        while let Some(first) = rest.first() {
            let is_of_cell = |splice: &&PendingSplice| {
                (splice.row, splice.column, splice.ground.is_write())
                    == (first.row, first.column, first.ground.is_write())
            };
            let (of_cell, behind) = rest.split_at(rest.iter().take_while(is_of_cell).count());
            rest = behind;
            // A later operation of the call can have replaced the ground, and another one can have
            // followed.
            let Self { rows, columns, .. } = &*self;
            let meaning = Meaning { log, columns, peers: lanes };
            let state = &rows[first.row.index()].state;
            let alive = of_cell.iter().find(|splice| state.has_ground(splice.column, splice.ground, meaning));
            let Some(ground) = alive.map(|splice| splice.ground) else { continue };
            edits.clear();
            edits.extend(of_cell.iter().filter(|splice| splice.ground == ground).map(|splice| splice.run));
            self.apply_to_text((first.row, first.column), ground, &edits, (log, sources))?;
        }
        splices.clear();
        self.pending.splices = splices;
        Ok(())
    }

    fn apply_to_text(
        &mut self,
        (row, column): (RowNumber, ColumnNumber),
        ground: Ground,
        edits: &[EditRun],
        (log, sources): (&OpLog, Sources<'_>),
    ) -> Result<(), Error> {
        let is_viewed = self.is_viewed((row, column));
        let Self { rows, columns, edits: edited, pending, .. } = self;
        let meaning = Meaning { log, columns, peers: sources.lanes };
        let state = &rows[row.index()].state;
        let texts = &mut edited.entry(row).texts;
        let new = || SplicedText::of_ground(column, ground, state, meaning);
        let SplicedText { text, .. } = texts.with_or_set(column, ground, new)?;
        let before = text.tracker_bytes();
        let mut outcome = Outcome::new(is_viewed);
        text.apply(edits.iter().copied(), sources, TRACKER_BYTES, &mut outcome)?;
        let after = text.tracker_bytes();
        pending.tracker_bytes = pending.tracker_bytes.saturating_sub(before).saturating_add(after);
        if before == 0 && after > 0 && !pending.tracked.contains(&(row, column)) {
            pending.tracked.push((row, column));
        }
        if pending.tracker_bytes > TRACKER_BYTES {
            self.drop_trackers_except((row, column));
        }
        if is_viewed && self.text_source(log, row, column) == Some(TextSource::Spliced(ground)) {
            self.after_splices((row, column), &outcome, log);
        }
        Ok(())
    }

    /// Drops the trackers of all texts but those of one cell.
    fn drop_trackers_except(&mut self, kept: (RowNumber, ColumnNumber)) {
        let Self { edits, pending, .. } = self;
        pending.tracker_bytes = 0;
        pending.tracked.retain(|&(row, column)| {
            let texts = edits.get_mut(row).into_iter().flat_map(|edits| edits.texts.entries_mut());
            let mut is_kept = false;
            for text in texts.filter(|entry| entry.column == column).map(|entry| &mut entry.value.text) {
                if (row, column) == kept {
                    pending.tracker_bytes += text.tracker_bytes();
                    is_kept = true;
                } else {
                    text.drop_tracker();
                }
            }
            is_kept
        });
    }
}
