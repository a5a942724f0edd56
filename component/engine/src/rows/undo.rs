//! What takes back operations on a row, as far as it still shows.

use super::Rows;
use super::edits::{CellEdit, EditedCell, Ground, Past, PlainOps, RowContent, ShownEdits, Texts};
use super::stamp::Stamp;
use super::state::{LatestWrite, Meaning};
use super::version::{History, RowVersion};
use crate::clock::Lamport;
use crate::error::Error;
use crate::graph::Graph;
use crate::id::{ColumnNumber, EventNumber, PeerNumber, RowNumber};
use crate::memory;
use crate::oplog::{Cell, OpKind, OpNames, RowOp};
use crate::sort;
use crate::text::{Sources, TextSplice};
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The events that are taken back.
pub(crate) struct Undone<'a> {
    pub(crate) events: &'a BTreeSet<EventNumber>,
    /// The times and peers of the events.
    pub(crate) times: BTreeSet<(Lamport, PeerNumber)>,
}

impl<'a> Undone<'a> {
    pub(crate) fn new(events: &'a BTreeSet<EventNumber>, graph: &Graph) -> Self {
        let time = |event: &EventNumber| {
            let (peer, _, lamport) = graph.describe(*event);
            (lamport, peer)
        };
        Self { times: sort::set(events.iter().map(time)), events }
    }

    fn wrote(&self, stamp: Stamp) -> bool {
        self.times.contains(&(stamp.lamport, stamp.peer))
    }
}

/// What takes back the edits of a row.
#[derive(Default)]
struct UndoneEdits {
    /// By column, the sum of the additions.
    sums: BTreeMap<ColumnNumber, i128>,
    /// The columns whose texts have splices.
    texts: BTreeSet<(ColumnNumber, bool)>,
}

impl Rows {
    /// Returns operations that take back what events did to a row, as far as it still shows.
    /// O(operations on the row × log n), and the cost of replaying its spliced texts.
    pub(crate) fn undo(&self, history: History<'_>, row: RowNumber, undone: &Undone<'_>) -> Result<Vec<RowOp>, Error> {
        let History { log, graph, peers } = history;
        let (table, id) = self.row_name(row);
        let (table, id) = (table.to_owned(), id.to_owned());
        let all: Vec<(EventNumber, u32, OpKind)> =
            log.ops_on(row).map(|op| log.numbered(op)).map(|(event, index, op)| (event, index, op.kind)).collect();
        // The undone plain operations, in the order of execution.
        let mut plain: Vec<(Stamp, EventNumber)> = all
            .iter()
            .filter(|(event, ..)| undone.events.contains(event))
            .map(|&(event, index, _)| (stamp_of(event, index, graph), event))
            .collect();
        sort::sort_by(&mut plain, |(a, _), (b, _)| a.order(*b, peers));
        let state = &self.rows[row.index()].state;
        let first = plain.first().copied();
        let was = first.map(|(_, event)| self.before(history, row, event, undone)).transpose()?;
        if !state.exists() {
            let deleted_by = plain.iter().find(|(stamp, _)| *stamp == state.deleted);
            let (Some(&(_, event)), Some(Some(_))) = (deleted_by, &was) else { return Ok(Vec::new()) };
            let cells = self.undeleted(history, row, event, &plain, undone)?;
            return Ok(vec![RowOp::Insert { table, row: id, cells }]);
        }
        if let (Some((_, first)), Some(None)) = (first, &was)
            && undone.wrote(state.inserted)
            && !self.has_others(history, row, first, undone)
        {
            return Ok(vec![RowOp::Delete { table, row: id }]);
        }
        let (mut set, mut removed) = (Vec::new(), Vec::new());
        let mut restored: BTreeSet<ColumnNumber> = BTreeSet::new();
        for write in state.written.iter().filter(|write| write.counts && undone.wrote(write.stamp)) {
            if self.is_edited_by_others(history, row, write, undone)? {
                continue;
            }
            match self.cell_before(history, row, write.column(), &plain, undone)? {
                Some(cell) => set.push(cell),
                // The edits on the unset are taken back like others.
                None if write.is_unset => continue,
                None => removed.push(self.column_name(write.column()).to_owned()),
            }
            restored.insert(write.column());
        }
        // An undone delete that an insert followed removed cells that nobody wrote since.
        if let Some(&(_, event)) = plain.iter().find(|(stamp, _)| *stamp == state.deleted)
            && let Some(Some(_)) = was
        {
            let is_written = |column: &str| {
                let mut written = state.written.iter().filter(|write| write.counts);
                written.any(|write| self.column_name(write.column()) == column)
            };
            for cell in self.undeleted(history, row, event, &plain, undone)? {
                if !is_written(&cell.column) {
                    restored.extend(self.columns.find(&cell.column).map(ColumnNumber));
                    set.push(cell);
                }
            }
        }
        let mut ops = Vec::new();
        let edits = self.undone_edits(history, row, undone)?;
        for (column, is_on_write) in edits.texts {
            if restored.contains(&column) {
                continue;
            }
            let Some(entry) = self.edits.get(row).and_then(|edits| edits.texts.get(column, is_on_write)) else {
                continue;
            };
            let sources = Sources { graph, lanes: peers, content: log.content() };
            for TextSplice { at, remove, insert } in
                entry.value.text.undo(|event| undone.events.contains(&event), sources)?
            {
                let (table, row, column) = (table.clone(), id.clone(), self.column_name(column).to_owned());
                ops.push(RowOp::Splice { table, row, column, at, remove, insert });
            }
        }
        for (column, sum) in edits.sums {
            if restored.contains(&column) {
                continue;
            }
            // The opposite of a sum can need several additions of 64 bits.
            let mut left = sum.saturating_neg();
            while left != 0 && ops.len() < crate::limits::COMMIT_OPERATIONS.maximum as usize {
                let amount = i64::try_from(left.clamp(i64::MIN.into(), i64::MAX.into())).unwrap_or_default();
                left -= i128::from(amount);
                let (table, row, column) = (table.clone(), id.clone(), self.column_name(column).to_owned());
                ops.push(RowOp::Add { table, row, column, amount });
            }
        }
        if !set.is_empty() {
            ops.push(RowOp::Update { table: table.clone(), row: id.clone(), cells: set });
        }
        if !removed.is_empty() {
            ops.push(RowOp::Unset { table, row: id, columns: removed });
        }
        Ok(ops)
    }

    /// Returns the cells of a row before an undone delete, without what the other undone events
    /// wrote. `plain` are the undone operations on the row, in the order of execution.
    fn undeleted(
        &self,
        history: History<'_>,
        row: RowNumber,
        delete: EventNumber,
        plain: &[(Stamp, EventNumber)],
        undone: &Undone<'_>,
    ) -> Result<Vec<Cell>, Error> {
        let deletes = |event: EventNumber| history.log.ops(event).any(|op| op.row == row && op.kind == OpKind::Delete);
        let earlier = plain.iter().rev().map(|(_, event)| *event).filter(|event| *event != delete && deletes(*event));
        let mut known: BTreeSet<ColumnNumber> = BTreeSet::new();
        let mut cells: Vec<Cell> = Vec::new();
        for event in std::iter::once(delete).chain(earlier) {
            let (RowVersion { state, .. }, _) = self.version_before(history, row, event, undone)?;
            for write in state.written.iter().filter(|write| write.counts && undone.wrote(write.stamp)) {
                if known.insert(write.column()) {
                    cells.extend(self.cell_before(history, row, write.column(), plain, undone)?);
                }
            }
            for cell in self.before(history, row, event, undone)?.unwrap_or_default() {
                if self.columns.find(&cell.column).is_some_and(|column| known.insert(ColumnNumber(column))) {
                    cells.push(cell);
                }
            }
        }
        Ok(cells)
    }

    /// Returns a cell as the author of the first undone operation that wrote it saw it.
    fn cell_before(
        &self,
        history: History<'_>,
        row: RowNumber,
        column: ColumnNumber,
        plain: &[(Stamp, EventNumber)],
        undone: &Undone<'_>,
    ) -> Result<Option<Cell>, Error> {
        let event = plain.iter().find(|(_, event)| self.writes(history, *event, row, column));
        let Some(&(_, event)) = event else { return Ok(None) };
        let cells = self.before(history, row, event, undone)?.unwrap_or_default();
        Ok(cells.into_iter().find(|cell| cell.column == self.column_name(column)))
    }

    /// Returns the cells of a row as the author of an event saw it, without undone edits. `None` if
    /// the row did not exist.
    fn before(
        &self,
        history: History<'_>,
        row: RowNumber,
        event: EventNumber,
        undone: &Undone<'_>,
    ) -> Result<Option<Vec<Cell>>, Error> {
        let History { log, graph, peers } = history;
        let (RowVersion { state, sums, .. }, texts) = self.version_before(history, row, event, undone)?;
        if !state.exists() {
            return Ok(None);
        }
        let edits = ShownEdits { sums: &sums, texts: &texts };
        let mut cells: Vec<Cell> = RowContent::new(&state, Some(edits), (log, &self.columns)).cells(None);
        let sources = Sources { graph, lanes: peers, content: log.content() };
        for entry in texts.iter() {
            let name = self.column_name(entry.column);
            if texts.shown(entry.column, &state).is_none_or(|shown| !std::ptr::eq(shown, &entry.value.text)) {
                continue;
            }
            let mut edits = entry.value.text.edits_from(EventNumber(0), log.content());
            let is_only_undone = edits.all(|(edit, is_void)| is_void || undone.events.contains(&edit.event));
            if is_only_undone && !entry.value.has_base() {
                // Without the undone edits, the cell was absent or null.
                cells.retain(|cell| cell.column != name);
                continue;
            }
            let Some(Cell { value: Value::Text(text), .. }) = cells.iter_mut().find(|cell| cell.column == name) else {
                continue;
            };
            for TextSplice { at, remove, insert } in
                entry.value.text.undo(|event| undone.events.contains(&event), sources)?
            {
                let place = |at: u32| text.char_indices().nth(at as usize).map_or(text.len(), |(place, _)| place);
                let range = place(at)..place(at.saturating_add(remove));
                text.replace_range(range, &insert);
            }
        }
        Ok(Some(cells))
    }

    /// Returns a row as the author of an event saw it, without undone additions.
    fn version_before(
        &self,
        history: History<'_>,
        row: RowNumber,
        event: EventNumber,
        undone: &Undone<'_>,
    ) -> Result<(RowVersion, Texts), Error> {
        let History { graph, .. } = history;
        let (of_event, _, _) = graph.describe(event);
        let mut counts = graph.counts_at(&[event]);
        if let Some(count) = counts.get_mut(of_event.index()) {
            *count = count.saturating_sub(1);
        }
        let holds = |event: EventNumber| {
            let (peer, counter, lamport) = graph.describe(event);
            (counter.0 < counts.get(peer.index()).copied().unwrap_or(0)).then_some((lamport, peer))
        };
        let mut version = self.plain_version(history, row, &holds);
        let skipped = |event: EventNumber| undone.events.contains(&event);
        let texts = self.count_edits(history, row, &holds, &skipped, &mut version)?;
        Ok((version, texts))
    }

    /// Returns whether an event writes or deletes a cell.
    fn writes(&self, history: History<'_>, event: EventNumber, row: RowNumber, column: ColumnNumber) -> bool {
        let log = history.log;
        let mut ops = log.ops(event).filter(|op| op.row == row && !op.kind.is_edit());
        ops.any(|op| op.kind == OpKind::Delete || op.cells().any(|cell| log.column(cell) == column))
    }

    /// Returns whether another event than the undone ones and those before the first one names the
    /// row.
    fn has_others(&self, history: History<'_>, row: RowNumber, first: EventNumber, undone: &Undone<'_>) -> bool {
        let History { log, graph, .. } = history;
        let ops = log.ops_on(row).chain(log.edits_on(row)).map(|op| log.numbered(op).0);
        let is_before = |event: EventNumber| graph.first_reaching(&[first], event).is_some();
        ops.into_iter().any(|event| !undone.events.contains(&event) && !is_before(event))
    }

    /// Returns whether an edit by another event than the undone ones counts on a write.
    fn is_edited_by_others(
        &self,
        history: History<'_>,
        row: RowNumber,
        write: &LatestWrite,
        undone: &Undone<'_>,
    ) -> Result<bool, Error> {
        let mut is_edited = false;
        self.each_counting(history, row, |event, edit, ground| {
            let is_on_write = ground == Ground::Write(write.stamp) && edit.column == write.column();
            is_edited |= is_on_write && !undone.events.contains(&event);
        })?;
        Ok(is_edited)
    }

    fn undone_edits(&self, history: History<'_>, row: RowNumber, undone: &Undone<'_>) -> Result<UndoneEdits, Error> {
        let mut edits = UndoneEdits::default();
        let is_undone = history.log.edits_on(row).any(|op| undone.events.contains(&history.log.numbered(op).0));
        if !is_undone {
            return Ok(edits);
        }
        let state = &self.rows[row.index()].state;
        self.each_counting(history, row, |event, EditedCell { column, edit }, ground| {
            let is_shown = match ground {
                Ground::Delete(_) => true,
                Ground::Write(stamp) => state.written.iter().any(|write| write.counts && write.stamp == stamp),
            };
            if !undone.events.contains(&event) || !is_shown {
                return;
            }
            match edit {
                CellEdit::Add(amount) => {
                    let sum = edits.sums.entry(column).or_default();
                    *sum = sum.saturating_add(amount.into());
                }
                CellEdit::Splice(_) => drop(edits.texts.insert((column, ground.is_write()))),
            }
        })?;
        Ok(edits)
    }

    /// Passes the edits of a row that count, with their grounds. Those of one event can be passed
    /// in any order.
    fn each_counting(
        &self,
        history: History<'_>,
        row: RowNumber,
        mut take: impl FnMut(EventNumber, EditedCell, Ground),
    ) -> Result<(), Error> {
        let History { log, graph, peers } = history;
        let meaning = Meaning { log, columns: &self.columns, peers };
        let state = &self.rows[row.index()].state;
        let present = self.edits.get(row);
        let base = self.at_horizon(row);
        let mut plain: Option<PlainOps> = None;
        let mut edits: Vec<u32> = Vec::new();
        for op in log.edits_on(row) {
            memory::reserve(&mut edits, 1)?;
            edits.push(op);
        }
        for (event, index, op) in edits.into_iter().map(|op| log.numbered(op)) {
            let Some(edit) = EditedCell::of((event, index), &op, log) else { continue };
            if let CellEdit::Splice(_) = edit.edit {
                for is_on_write in [true, false] {
                    let text = present.and_then(|present| present.texts.get(edit.column, is_on_write));
                    if let Some(entry) = text.filter(|entry| entry.value.text.is_void(event, index) == Some(false)) {
                        take(event, edit, entry.ground);
                    }
                }
                continue;
            }
            let stamp = stamp_of(event, index, graph);
            let plain = plain.get_or_insert_with(|| PlainOps::of_row(row, log, graph));
            let past = Past::new(graph, event, stamp);
            let ground = || plain.ground((row, edit.column, op.kind), &past, base.parts(), meaning);
            let ground = self.kept.get(stamp).unwrap_or_else(ground);
            if let Some(ground) = ground.filter(|ground| state.has_ground(edit.column, *ground, meaning)) {
                take(event, edit, ground);
            }
        }
        Ok(())
    }
}

fn stamp_of(event: EventNumber, index: u32, graph: &Graph) -> Stamp {
    let (peer, _, lamport) = graph.describe(event);
    Stamp { lamport, peer, index }
}
