//! Encodes rows and their states.

use super::BLOCK_ROWS;
use super::edits::{KEPT_DELETE, KEPT_NOTHING, KEPT_WRITE};
use super::grounds::GroundKind;
use super::stamps::{NEVER, StampNumber, Stamps};
use super::texts_writer::TextsContext;
use crate::clock::Lamport;
use crate::codec::{ColumnWriter, DeltaWriter, SortedTextsWriter, put_varint, zigzag};
use crate::id::{ColumnNumber, PeerNumber, Ranks, RowNumber, TableNumber, write_texts};
use crate::oplog::{CellNumber, OpLog, OpNames, ShapesWriter, ValueColumnsWriter};
use crate::rows::Rows;
use crate::rows::edits::{Ground, Sums};
use crate::rows::further::FurtherInserts;
use crate::rows::stamp::Stamp;
use crate::rows::state::{Meaning, RowState};
use crate::rows::version::History;
use crate::sort;
use crate::work;

/// The rows to write, and their order.
#[derive(Debug)]
pub(crate) struct RowNames {
    /// The numbers of the tables, sorted by name, and the count of rows of each table.
    pub(crate) tables: Vec<(u32, u32)>,
    /// Sorted by table and id.
    pub(crate) rows: Vec<RowNumber>,
    /// Sorted by name.
    pub(crate) columns: Vec<u32>,
}

impl Rows {
    /// Returns all rows of which something is known or that an operation names, and the columns of
    /// all cells.
    pub(crate) fn all_names(&self, log: &OpLog) -> RowNames {
        let rows = Vec::with_capacity(self.rows.len());
        let mut names = RowNames { tables: Vec::new(), rows, columns: Vec::new() };
        let is_known = |row: RowNumber| {
            work::step();
            !self.rows[row.index()].state.is_empty() || self.changed.contains_key(&row) || log.names(row)
        };
        let mut absent: Vec<RowNumber> = Vec::new();
        if self.absent() > 0 {
            let all = (0..self.rows.len() as u32).map(RowNumber);
            absent.extend(all.filter(|row| !self.rows[row.index()].state.exists() && is_known(*row)));
            sort::sort_by(&mut absent, |&a, &b| self.row_name(a).cmp(&self.row_name(b)));
        }
        let mut absent = &absent[..];
        for (_, number) in self.table_names.sorted() {
            let is_here = |row: &&RowNumber| self.rows[row.index()].table.0 == number;
            let (absent_here, others) = absent.split_at(absent.iter().take_while(is_here).count());
            absent = others;
            let start = names.rows.len();
            names.rows.extend(self.tables[number as usize].existing.iter().map(RowNumber));
            if !absent_here.is_empty() {
                names.rows.extend(absent_here);
                sort::sort_by(&mut names.rows[start..], |a, b| self.ids.text(a.0).cmp(self.ids.text(b.0)));
            }
            let count = names.rows.len() - start;
            if count > 0 {
                names.tables.push((number, count as u32));
            }
        }
        let mut used = vec![false; self.columns.len()];
        log.columns().for_each(|column| used[column.0 as usize] = true);
        self.edited_columns().for_each(|column| used[column.0 as usize] = true);
        names.columns =
            self.columns.sorted().map(|(_, column)| column).filter(|&column| used[column as usize]).collect();
        names
    }

    /// Returns these rows and columns, sorted.
    pub(crate) fn some_names(
        &self,
        rows: impl Iterator<Item = RowNumber>,
        columns: impl Iterator<Item = ColumnNumber>,
    ) -> RowNames {
        let mut rows: Vec<RowNumber> = rows.collect();
        sort::sort(&mut rows);
        rows.dedup();
        sort::sort_by(&mut rows, |&a, &b| self.row_name(a).cmp(&self.row_name(b)));
        let mut tables: Vec<(u32, u32)> = Vec::new();
        for row in &rows {
            let TableNumber(table) = self.rows[row.index()].table;
            match tables.last_mut() {
                Some((last, count)) if *last == table => *count += 1,
                _ => tables.push((table, 1)),
            }
        }
        let mut columns: Vec<u32> = columns.map(|column| column.0).collect();
        sort::sort(&mut columns);
        columns.dedup();
        sort::sort_by(&mut columns, |&a, &b| self.columns.text(a).cmp(self.columns.text(b)));
        RowNames { tables, rows, columns }
    }

    /// Writes the names of the tables and columns.
    pub(crate) fn write_names(&self, names: &RowNames, out: &mut Vec<u8>) {
        let tables = names.tables.iter().map(|&(table, _)| &**self.table_names.text(table));
        write_texts(names.tables.len(), tables, out);
        write_texts(names.columns.len(), names.columns.iter().map(|&column| &**self.columns.text(column)), out);
    }

    /// Writes the number of rows of each table, and the ids.
    pub(crate) fn write_ids(&self, names: &RowNames, out: &mut Vec<u8>) {
        write_counts(names, out);
        let mut rows = names.rows.iter();
        for &(_, count) in &names.tables {
            self.write_some_ids(rows.by_ref().take(count as usize), out);
        }
    }

    fn write_some_ids<'a>(&self, rows: impl Iterator<Item = &'a RowNumber>, out: &mut Vec<u8>) {
        let mut ids = SortedTextsWriter::new();
        for row in rows {
            work::step();
            ids.push(self.ids.text(row.0));
        }
        ids.finish(out);
    }

    /// Returns the times and peers of all stamps of rows, now and at the horizon, except for those
    /// of settled operations.
    pub(crate) fn stamps(&self) -> impl Iterator<Item = (Lamport, PeerNumber)> {
        let of = |state: &RowState| {
            work::step();
            let written = state.written.iter().map(|written| written.stamp);
            written.chain([state.deleted, state.inserted]).collect::<Vec<_>>()
        };
        let now = self.rows.iter().flat_map(move |row| of(&row.state)).chain(self.further_inserts.all());
        let before = self.changed.values();
        let before = before.flat_map(move |version| of(&version.state).into_iter().chain(version.further.all()));
        let kept = self.kept.iter().filter_map(|(_, ground)| Some(ground?.stamp()));
        now.chain(before)
            .chain(kept)
            .filter(|stamp| stamp.lamport != Lamport::NEVER)
            .map(|stamp| (stamp.lamport, stamp.peer))
    }
}

impl Rows {
    /// Returns the columns of all sums and texts, now and at the horizon.
    pub(in crate::rows) fn edited_columns(&self) -> impl Iterator<Item = ColumnNumber> {
        let now = self.edits.iter().map(|(_, edits)| edits);
        let now = now.flat_map(|edits| {
            edits.sums.iter().map(|sum| sum.column).chain(edits.texts.iter().map(|text| text.column))
        });
        let changed = self.changed.values().flat_map(|version| {
            version.sums.iter().map(|sum| sum.column).chain(version.bases.iter().map(|base| base.column))
        });
        now.chain(changed)
    }

    /// Writes the sums of edited cells: those of all rows, and those that rows had at the horizon
    /// if they changed since; the kept grounds; and the texts of spliced cells. `contents` is what
    /// the splices of the history insert, and `events` the history. Writes nothing if there are
    /// none of these.
    pub(crate) fn write_edits(
        &self,
        history: History<'_>,
        (rows, columns): (&Ranks, &Ranks),
        stamps: &Stamps,
        texts: &TextsContext<'_>,
        out: &mut Vec<u8>,
    ) {
        if !self.has_edited_cells() && self.kept.len() == 0 && texts.contents.is_empty() {
            return;
        }
        let History { log, peers, .. } = history;
        let meaning = Meaning { log, columns: &self.columns, peers };
        let mut now = self.edits.iter().map(|(row, edits)| (row, &self.rows[row.index()].state, &edits.sums));
        write_sums(&mut now, (rows, columns), meaning, out);
        let mut changed = self.changed.iter().map(|(row, version)| (*row, &version.state, &version.sums));
        write_sums(&mut changed, (rows, columns), meaning, out);
        self.write_kept(stamps, out);
        self.write_texts(history, (rows, columns), texts, out);
    }

    fn write_kept(&self, stamps: &Stamps, out: &mut Vec<u8>) {
        let kept = self.kept.iter().map(|(edit, ground)| (stamps.number_of(edit), ground));
        let mut kept: Vec<(StampNumber, Option<Ground>)> = kept.collect();
        sort::sort_by_key(&mut kept, |&(edit, _)| edit);
        put_varint(out, kept.len() as u64);
        if kept.is_empty() {
            return;
        }
        let mut edits = DeltaWriter::new();
        let [mut places, mut kinds, mut grounds, mut ground_places] = [(); 4].map(|()| ColumnWriter::new());
        for ((number, place), ground) in kept {
            edits.push(number);
            places.push(place);
            kinds.push(match ground {
                None => KEPT_NOTHING,
                Some(Ground::Delete(_)) => KEPT_DELETE,
                Some(Ground::Write(_)) => KEPT_WRITE,
            });
            if let Some(ground) = ground {
                let (number, place) = stamps.number_of(ground.stamp());
                grounds.push(number);
                ground_places.push(place);
            }
        }
        edits.finish(out);
        [places, kinds, grounds, ground_places].into_iter().for_each(|column| column.finish(out));
    }
}

fn write_sums<'a>(
    edited: &mut dyn Iterator<Item = (RowNumber, &'a RowState, &'a Sums)>,
    (row_ranks, column_ranks): (&Ranks, &Ranks),
    meaning: Meaning<'_>,
    out: &mut Vec<u8>,
) {
    let mut sums: Vec<(u32, u32, GroundKind, i128)> = Vec::new();
    for (row, state, of_row) in edited {
        for sum in of_row.iter() {
            let kind = GroundKind::of(sum.ground, sum.column, state, meaning);
            sums.push((row_ranks.of(row.0), column_ranks.of(sum.column.0), kind, sum.value));
        }
    }
    sort::sort_by_key(&mut sums, |&(row, column, kind, _)| (row, column, kind));
    put_varint(out, sums.len() as u64);
    if sums.is_empty() {
        return;
    }
    let mut rows = DeltaWriter::new();
    let [mut columns, mut kinds, mut rests, mut carries] = [(); 4].map(|()| ColumnWriter::new());
    for (row, column, kind, amount) in sums {
        rows.push(row.into());
        columns.push(column.into());
        kinds.push(kind as u64);
        let rest = amount as i64;
        rests.push(zigzag(rest));
        carries.push(zigzag(((amount - i128::from(rest)) >> 64) as i64));
    }
    rows.finish(out);
    [columns, kinds, rests, carries].into_iter().for_each(|column| column.finish(out));
}

fn write_counts(names: &RowNames, out: &mut Vec<u8>) {
    let mut counts = ColumnWriter::new();
    names.tables.iter().for_each(|&(_, count)| counts.push(count.into()));
    counts.finish(out);
}

/// Encodes the states of rows.
pub(crate) struct StateWriter<'a> {
    rows: &'a Rows,
    log: &'a OpLog,
    columns: &'a Ranks,
    stamps: &'a Stamps,
    /// For each cell, whether the state contains its value.
    is_held: Vec<bool>,
}

impl<'a> StateWriter<'a> {
    pub(crate) fn new(rows: &'a Rows, log: &'a OpLog, columns: &'a Ranks, stamps: &'a Stamps) -> Self {
        Self { rows, log, columns, stamps, is_held: vec![false; log.cells()] }
    }

    /// Returns whether the state contains the value of a cell. Called after `write`.
    pub(crate) fn is_held(&self, cell: CellNumber) -> bool {
        self.is_held[cell.index()]
    }

    /// Writes the number of rows of each table, the length of each block, and the blocks.
    pub(crate) fn write(&mut self, names: &RowNames, shapes: &mut ShapesWriter, out: &mut Vec<u8>) {
        write_counts(names, out);
        let (mut lens, mut blocks) = (ColumnWriter::new(), Vec::new());
        let mut rest = &names.rows[..];
        for &(_, count) in &names.tables {
            let (rows, others) = rest.split_at(count as usize);
            rest = others;
            for block in rows.chunks(BLOCK_ROWS as usize) {
                let start = blocks.len();
                self.rows.write_some_ids(block.iter(), &mut blocks);
                let all = self.rows;
                let states = || block.iter().map(|&row| (row, &all.rows[row.index()].state, &all.further_inserts));
                self.states(states(), |_| true, shapes, &mut blocks);
                let written = states().flat_map(|(_, state, _)| &state.written);
                written.for_each(|written| self.is_held[written.cell.index()] = true);
                lens.push((blocks.len() - start) as u64);
            }
        }
        lens.finish(out);
        put_varint(out, blocks.len() as u64);
        out.append(&mut blocks);
    }

    /// Writes the rows that changed since the horizon, and their states there, without the values
    /// that the present states contain. Writes nothing if there are no such rows.
    pub(crate) fn write_changed(&self, ranks: &Ranks, shapes: &mut ShapesWriter, out: &mut Vec<u8>) {
        let mut changed: Vec<_> =
            self.rows.changed.iter().map(|(&row, version)| (ranks.of(row.0), row, version)).collect();
        sort::sort_by_key(&mut changed, |&(rank, ..)| rank);
        let mut rows = DeltaWriter::new();
        changed.iter().for_each(|&(rank, ..)| rows.push(rank.into()));
        if !changed.is_empty() {
            put_varint(out, changed.len() as u64);
            rows.finish(out);
            let states = changed.iter().map(|&(_, row, version)| (row, &version.state, &version.further));
            self.states(states, |cell| !self.is_held(cell), shapes, out);
        }
    }

    /// Writes some states. Omits the values of cells for which `has_value` does not hold.
    fn states<'b>(
        &self,
        states: impl Iterator<Item = (RowNumber, &'b RowState, &'b FurtherInserts)>,
        has_value: impl Fn(CellNumber) -> bool,
        shapes: &mut ShapesWriter,
        out: &mut Vec<u8>,
    ) {
        let (mut columns, mut values) = (StateColumnsWriter::new(), ValueColumnsWriter::new());
        let mut shape = Vec::new();
        for (row, state, further) in states {
            work::step();
            let further = further.stamps(row).map(|stamp| self.number(stamp));
            columns.push(self.number(state.deleted), self.number(state.inserted), further);
            shape.clear();
            for cell in &state.written {
                work::step();
                let column = self.columns.of(cell.column().0);
                shape.push(column);
                columns.push_cell(self.number(cell.stamp), cell.shows());
                if has_value(cell.cell) {
                    values.push(column, (!cell.is_unset).then(|| self.log.value(cell.cell)));
                }
            }
            columns.shapes.push(shapes.number(&shape));
        }
        columns.finish(out);
        values.finish(out);
    }

    /// Returns the number for a stamp.
    fn number(&self, stamp: Stamp) -> StampNumber {
        self.stamps.number_of(stamp)
    }
}

/// The columns of the states of some rows, without the values.
struct StateColumnsWriter {
    deleted: ColumnWriter,
    deleted_places: ColumnWriter,
    inserted: DeltaWriter,
    inserted_places: DeltaWriter,
    further_counts: ColumnWriter,
    further: ColumnWriter,
    further_places: ColumnWriter,
    shapes: ColumnWriter,
    written: ColumnWriter,
    written_places: ColumnWriter,
    shows: ColumnWriter,
    /// The insert of the last row. The other stamps of the row are relative to it.
    from: StampNumber,
}

impl StateColumnsWriter {
    fn new() -> Self {
        Self {
            deleted: ColumnWriter::new(),
            deleted_places: ColumnWriter::new(),
            inserted: DeltaWriter::new(),
            inserted_places: DeltaWriter::new(),
            further_counts: ColumnWriter::new(),
            further: ColumnWriter::new(),
            further_places: ColumnWriter::new(),
            shapes: ColumnWriter::new(),
            written: ColumnWriter::new(),
            written_places: ColumnWriter::new(),
            shows: ColumnWriter::new(),
            from: (NEVER, 0),
        }
    }

    /// Adds a row without its cells and its shape.
    fn push(&mut self, deleted: StampNumber, inserted: StampNumber, further: impl Iterator<Item = StampNumber>) {
        self.deleted.push(deleted.0);
        self.deleted_places.push(deleted.1);
        self.inserted.push(inserted.0);
        self.inserted_places.push(inserted.1);
        self.from = inserted;
        let mut count = 0;
        for (number, place) in further {
            self.further.push(zigzag(number.wrapping_sub(inserted.0) as i64));
            self.further_places.push(place);
            count += 1;
        }
        self.further_counts.push(count);
    }

    /// Adds the next cell of the row.
    fn push_cell(&mut self, (number, place): StampNumber, shows: bool) {
        self.written.push(zigzag(number.wrapping_sub(self.from.0) as i64));
        self.written_places.push(zigzag(place.wrapping_sub(self.from.1) as i64));
        self.shows.push(shows.into());
    }

    fn finish(self, out: &mut Vec<u8>) {
        self.deleted.finish(out);
        self.deleted_places.finish(out);
        self.inserted.finish(out);
        self.inserted_places.finish(out);
        let Self { further_counts, further, further_places, shapes, written, written_places, shows, .. } = self;
        for column in [further_counts, further, further_places, shapes, written, written_places, shows] {
            column.finish(out);
        }
    }
}
