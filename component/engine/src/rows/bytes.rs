//! Rows as bytes: blocks of sorted rows, each with all that it takes to answer for its rows; `docs/format.md` tells the
//! order of the columns.

use super::state::{Meaning, RowState, Written};
use super::version::RowVersion;
use super::{FurtherInserts, NamedRow, Rows, Stamp, Table};
use crate::clock::Lamport;
use crate::codec::{
    Column, ColumnWriter, DeltaColumn, DeltaWriter, Reader, SortedTexts, SortedTextsWriter, put_varint, unzigzag,
    zigzag,
};
use crate::error::Error;
use crate::id::{ColumnNumber, Names, PeerNumber, Ranks, RowNumber, SharedText, TableNumber};
use crate::limits;
use crate::oplog::{
    CellNumber, Ground, OpLog, OpNames, Packed, Place, Shapes, ShapesWriter, ValueColumns, ValueColumnsWriter,
};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Rows of a block, but for the last of a table.
const BLOCK_ROWS: usize = 128;

/// Stamps by number: 0 is that of no operation, 1 that of a settled one.
pub(crate) trait StampTable {
    /// The number of a stamp's time and peer.
    fn number(&self, lamport: Lamport, peer: PeerNumber) -> u64;
    /// The time and peer of a number from 2 on.
    fn stamp(&self, number: u64) -> Option<(Lamport, PeerNumber)>;
    /// Whether the number is that of an event that the history holds.
    fn is_retained(&self, number: u64) -> bool;
}

const NEVER: u64 = 0;
const SETTLED: u64 = 1;

/// Which rows are written, in which order, and which numbers stand for them.
#[derive(Debug)]
pub(crate) struct RowNames {
    /// The tables' numbers, sorted by name, and how many of the rows are theirs.
    pub(crate) tables: Vec<(u32, u32)>,
    /// Sorted by table and id.
    pub(crate) rows: Vec<RowNumber>,
    /// Sorted by name.
    pub(crate) columns: Vec<u32>,
}

impl Rows {
    /// All rows of which anything is known, or that an operation names; the columns of their cells and of the operations.
    pub(crate) fn all_names(&self, log: &OpLog) -> RowNames {
        let mut names = RowNames { tables: Vec::new(), rows: Vec::new(), columns: Vec::new() };
        for (_, number) in self.table_names.sorted() {
            let Table { there, gone } = &self.tables[number as usize];
            let start = names.rows.len();
            names.rows.extend(there.values().chain(gone.values()).filter(|&&row| {
                !self.rows[row.index()].state.is_empty() || self.changed.contains_key(&row) || log.names(row)
            }));
            names.rows[start..].sort_unstable_by_key(|row| &*self.rows[row.index()].id);
            let count = names.rows.len() - start;
            if count > 0 {
                names.tables.push((number, count as u32));
            }
        }
        let mut used = vec![false; self.columns.len()];
        log.columns().for_each(|column| used[column.0 as usize] = true);
        names.columns =
            self.columns.sorted().map(|(_, column)| column).filter(|&column| used[column as usize]).collect();
        names
    }

    /// These rows, and these columns, sorted.
    pub(crate) fn some_names(
        &self,
        rows: impl Iterator<Item = RowNumber>,
        columns: impl Iterator<Item = ColumnNumber>,
    ) -> RowNames {
        let mut rows: Vec<RowNumber> = rows.collect();
        rows.sort_unstable_by_key(|&row| self.row_name(row));
        rows.dedup();
        let mut tables: Vec<(u32, u32)> = Vec::new();
        for row in &rows {
            let TableNumber(table) = self.rows[row.index()].table;
            match tables.last_mut() {
                Some((last, count)) if *last == table => *count += 1,
                _ => tables.push((table, 1)),
            }
        }
        let mut columns: Vec<u32> = columns.map(|column| column.0).collect();
        columns.sort_unstable();
        columns.dedup();
        columns.sort_unstable_by_key(|&column| self.columns.text(column));
        RowNames { tables, rows, columns }
    }

    /// Writes the names of the tables and columns.
    pub(crate) fn write_names(&self, names: &RowNames, out: &mut Vec<u8>) {
        let tables = names.tables.iter().map(|&(table, _)| &**self.table_names.text(table));
        write_texts(names.tables.len(), tables, out);
        write_texts(names.columns.len(), names.columns.iter().map(|&column| &**self.columns.text(column)), out);
    }

    /// Writes how many rows each table has, and their ids.
    pub(crate) fn write_ids(&self, names: &RowNames, out: &mut Vec<u8>) {
        write_counts(names, out);
        let mut rows = names.rows.iter();
        for &(_, count) in &names.tables {
            self.write_some_ids(rows.by_ref().take(count as usize), out);
        }
    }

    fn write_some_ids<'a>(&self, rows: impl Iterator<Item = &'a RowNumber>, out: &mut Vec<u8>) {
        let mut ids = SortedTextsWriter::new();
        rows.for_each(|row| ids.push(&self.rows[row.index()].id));
        ids.finish(out);
    }

    /// The stamps of all rows, and of those at the horizon, but for those of no and of settled operations.
    pub(crate) fn stamps(&self) -> impl Iterator<Item = (Lamport, PeerNumber)> {
        let of = |state: &RowState| {
            let written = state.written.iter().map(|written| written.stamp);
            written.chain([state.deleted, state.inserted]).collect::<Vec<_>>()
        };
        let now = self.rows.iter().flat_map(move |row| of(&row.state)).chain(self.further_inserts.all());
        let before = self.changed.values();
        let before = before.flat_map(move |version| of(&version.state).into_iter().chain(version.further.all()));
        now.chain(before).filter(|stamp| stamp.lamport != Lamport::NEVER).map(|stamp| (stamp.lamport, stamp.peer))
    }
}

fn write_counts(names: &RowNames, out: &mut Vec<u8>) {
    let mut counts = ColumnWriter::new();
    names.tables.iter().for_each(|&(_, count)| counts.push(count.into()));
    counts.finish(out);
}

/// Writes how many texts there are, and the texts, sorted.
pub(crate) fn write_texts<'a>(count: usize, texts: impl Iterator<Item = &'a str>, out: &mut Vec<u8>) {
    put_varint(out, count as u64);
    let mut sorted = SortedTextsWriter::new();
    texts.for_each(|text| sorted.push(text));
    sorted.finish(out);
}

/// Writes the states of rows.
pub(crate) struct StateWriter<'a, S> {
    rows: &'a Rows,
    log: &'a OpLog,
    columns: &'a Ranks,
    stamps: &'a S,
    /// By cell, whether the state holds its value.
    is_held: Vec<bool>,
}

impl<'a, S: StampTable> StateWriter<'a, S> {
    pub(crate) fn new(rows: &'a Rows, log: &'a OpLog, columns: &'a Ranks, stamps: &'a S) -> Self {
        Self { rows, log, columns, stamps, is_held: vec![false; log.cells()] }
    }

    /// Whether the state holds the value of a cell, after `write`.
    pub(crate) fn is_held(&self, cell: CellNumber) -> bool {
        self.is_held[cell.index()]
    }

    /// Writes how many rows each table has, how long each block is, and the blocks.
    pub(crate) fn write(&mut self, names: &RowNames, shapes: &mut ShapesWriter, out: &mut Vec<u8>) {
        write_counts(names, out);
        let (mut lens, mut blocks) = (ColumnWriter::new(), Vec::new());
        let mut rest = &names.rows[..];
        for &(_, count) in &names.tables {
            let (rows, others) = rest.split_at(count as usize);
            rest = others;
            for block in rows.chunks(BLOCK_ROWS) {
                let start = blocks.len();
                self.rows.write_some_ids(block.iter(), &mut blocks);
                let Self { rows, .. } = *self;
                let states = || block.iter().map(|&row| (row, &rows.rows[row.index()].state, &rows.further_inserts));
                self.states(states(), |_| true, shapes, &mut blocks);
                for (_, state, _) in states() {
                    state.written.iter().for_each(|written| self.is_held[written.cell.index()] = true);
                }
                lens.push((blocks.len() - start) as u64);
            }
        }
        lens.finish(out);
        put_varint(out, blocks.len() as u64);
        out.append(&mut blocks);
    }

    /// Writes which rows were changed since the horizon, and their states there; without the values that the state holds.
    /// Nothing where there are none.
    pub(crate) fn write_changed(&self, ranks: &Ranks, shapes: &mut ShapesWriter, out: &mut Vec<u8>) {
        let mut changed: Vec<_> =
            self.rows.changed.iter().map(|(&row, version)| (ranks.of(row.0), row, version)).collect();
        changed.sort_unstable_by_key(|&(rank, ..)| rank);
        let mut rows = DeltaWriter::new();
        changed.iter().for_each(|&(rank, ..)| rows.push(rank.into()));
        if !changed.is_empty() {
            put_varint(out, changed.len() as u64);
            rows.finish(out);
            let states = changed.iter().map(|&(_, row, version)| (row, &version.state, &version.further));
            self.states(states, |cell| !self.is_held(cell), shapes, out);
        }
    }

    fn states<'b>(
        &self,
        states: impl Iterator<Item = (RowNumber, &'b RowState, &'b FurtherInserts)>,
        has_value: impl Fn(CellNumber) -> bool,
        shapes: &mut ShapesWriter,
        out: &mut Vec<u8>,
    ) {
        let (mut deleted, mut deleted_places) = (ColumnWriter::new(), ColumnWriter::new());
        let (mut inserted, mut inserted_places) = (DeltaWriter::new(), DeltaWriter::new());
        let (mut counts, mut further_inserted, mut further_places) =
            (ColumnWriter::new(), ColumnWriter::new(), ColumnWriter::new());
        let (mut row_shapes, mut shape) = (ColumnWriter::new(), Vec::new());
        let (mut written, mut written_places, mut shows) =
            (ColumnWriter::new(), ColumnWriter::new(), ColumnWriter::new());
        let mut values = ValueColumnsWriter::new();
        for (row, state, further) in states {
            let (number, place) = self.number(state.deleted);
            deleted.push(number);
            deleted_places.push(place);
            let from = self.number(state.inserted);
            inserted.push(from.0);
            inserted_places.push(from.1);
            let mut count = 0;
            for (number, place) in further.stamps(row).map(|stamp| self.number(stamp)) {
                further_inserted.push(zigzag(number.wrapping_sub(from.0) as i64));
                further_places.push(place);
                count += 1;
            }
            counts.push(count);
            shape.clear();
            for cell in &state.written {
                let column = self.columns.of(self.log.column(cell.cell).0);
                shape.push(column);
                let (number, place) = self.number(cell.stamp);
                written.push(zigzag(number.wrapping_sub(from.0) as i64));
                written_places.push(zigzag(place.wrapping_sub(from.1) as i64));
                shows.push(cell.shows.into());
                if has_value(cell.cell) {
                    values.push(column, self.log.value(cell.cell));
                }
            }
            row_shapes.push(shapes.number(&shape));
        }
        deleted.finish(out);
        deleted_places.finish(out);
        inserted.finish(out);
        inserted_places.finish(out);
        for column in [counts, further_inserted, further_places, row_shapes, written, written_places, shows] {
            column.finish(out);
        }
        values.finish(out);
    }

    /// The number of a stamp's time and peer, and the place in the commit.
    fn number(&self, stamp: Stamp) -> (u64, u64) {
        match stamp {
            Stamp::NEVER => (NEVER, 0),
            Stamp::SETTLED => (SETTLED, 0),
            Stamp { lamport, peer, index } => (self.stamps.number(lamport, peer), index.into()),
        }
    }
}

/// Reads texts as `write_texts` wrote them: names of one kind.
pub(crate) fn read_texts(
    reader: &mut Reader<'_>,
    limit: &'static limits::Limit,
    most_bytes: u64,
) -> Result<Names, Error> {
    let count = reader.varint()?;
    limit.check(count)?;
    let mut texts = SortedTexts::read(reader)?;
    texts.check_count(count)?;
    let mut names = Names::default();
    for _ in 0..count {
        let text = texts.next(most_bytes)?;
        if !text.is_empty() {
            names.intern(text);
        }
    }
    texts.finish()?;
    if names.len() as u64 == count { Ok(names) } else { Err(reader.damage("a name is empty")) }
}

/// Reads rows and their states, and then gives the values that the history leaves to them.
#[derive(Debug)]
pub(crate) struct StateReader {
    rows: Rows,
    /// Values whose cells the history brings.
    staged: Vec<Packed>,
    /// How many of them the history has brought cells for.
    placed: usize,
    shapes: Rc<Shapes>,
    /// By row, which columns its state has.
    row_shapes: Vec<u32>,
}

impl StateReader {
    /// Reads the names of tables and columns, and which come together.
    pub(crate) fn read_names(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let mut rows = Rows {
            table_names: read_texts(reader, &limits::TABLES, limits::TABLE_BYTES.most)?,
            columns: read_texts(reader, &limits::COLUMNS, limits::COLUMN_BYTES.most)?,
            ..Rows::default()
        };
        rows.tables.resize_with(rows.table_names.len(), Table::default);
        let shapes = Rc::new(Shapes::read(reader, rows.columns.len() as u64)?);
        Ok(Self { rows, staged: Vec::new(), placed: 0, shapes, row_shapes: Vec::new() })
    }

    /// What comes together.
    pub(crate) fn shapes(&self) -> Rc<Shapes> {
        self.shapes.clone()
    }

    fn counts(&self, reader: &mut Reader<'_>) -> Result<Vec<u32>, Error> {
        let mut column = Column::read(reader)?;
        let mut counts = Vec::new();
        for _ in 0..self.rows.tables.len() {
            let count = column.next_to(limits::DOCUMENT_OPERATIONS.most)? as u32;
            if count == 0 {
                return Err(column.damage("a table has no rows"));
            }
            counts.push(count);
        }
        column.finish()?;
        Ok(counts)
    }

    /// Reads the ids of rows without states.
    pub(crate) fn read_ids(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        for (table, count) in (0..).map(TableNumber).zip(self.counts(reader)?) {
            self.ids(reader, table, count)?;
        }
        reader.finish()
    }

    fn ids(&mut self, reader: &mut Reader<'_>, table: TableNumber, count: u32) -> Result<(), Error> {
        let mut ids = SortedTexts::read(reader)?;
        ids.check_count(count.into())?;
        limits::DOCUMENT_OPERATIONS.check(self.rows.rows.len() as u64 + u64::from(count))?;
        for _ in 0..count {
            let id = SharedText::from(ids.next(limits::ROW_BYTES.most)?);
            if id.is_empty() {
                return Err(reader.damage("a row's id is empty"));
            }
            self.rows.rows.push(NamedRow { table, id, state: RowState::default(), is_as_at_horizon: false });
        }
        ids.finish()
    }

    /// Reads rows and states; values that no operation of the history holds are put into the log.
    pub(crate) fn read_states(
        &mut self,
        reader: &mut Reader<'_>,
        log: &mut OpLog,
        (stamps, peers): (&impl StampTable, &Names),
    ) -> Result<(), Error> {
        let counts = self.counts(reader)?;
        let mut lens = Column::read(reader)?;
        let mut blocks = reader.sized_part()?;
        for (table, mut count) in (0..).map(TableNumber).zip(counts) {
            let first = self.rows.rows.len();
            while count > 0 {
                let in_block = count.min(BLOCK_ROWS as u32);
                count -= in_block;
                let mut block = blocks.part(lens.next()?)?;
                let start = self.rows.rows.len();
                self.ids(&mut block, table, in_block)?;
                if start > first && self.rows.rows[start].id <= self.rows.rows[start - 1].id {
                    return Err(block.damage("the rows of a table are not sorted"));
                }
                let columns = StateColumns::read(&mut block)?;
                let numbers = (start as u32..self.rows.rows.len() as u32).map(RowNumber);
                self.states(columns, numbers, log, (stamps, peers), None)?;
                block.finish()?;
            }
            self.fill_table(table, first);
        }
        lens.finish()?;
        blocks.finish()?;
        reader.finish()
    }

    /// Sorts the rows of a table, from this one on, into those that are there and those that are not.
    fn fill_table(&mut self, table: TableNumber, first: usize) {
        let rows = || (first as u32..).map(RowNumber).zip(&self.rows.rows[first..]);
        let of = |is_there: bool| {
            let some = rows().filter(move |(_, row)| row.state.is_there() == is_there);
            some.map(|(number, row)| (row.id.clone(), number)).collect()
        };
        let (there, gone) = (of(true), of(false));
        self.rows.tables[table.index()] = Table { there, gone };
    }

    /// Reads the states that changed rows had at the horizon.
    pub(crate) fn read_changed(
        &mut self,
        reader: &mut Reader<'_>,
        log: &mut OpLog,
        (stamps, peers): (&impl StampTable, &Names),
    ) -> Result<(), Error> {
        let count = reader.varint()?;
        let mut numbers = DeltaColumn::read(reader)?;
        numbers.check_count(count)?;
        let Some(last_row) = (self.rows.rows.len() as u64).checked_sub(1) else {
            return Err(reader.damage("rows were changed where there are none"));
        };
        let mut rows: Vec<RowNumber> = Vec::new();
        for _ in 0..count {
            let row = RowNumber(numbers.next_to(last_row)? as u32);
            if rows.last().is_some_and(|&last| last >= row) {
                return Err(numbers.damage("changed rows are not sorted"));
            }
            rows.push(row);
        }
        numbers.finish()?;
        let columns = StateColumns::read(reader)?;
        let mut changed = BTreeMap::new();
        self.states(columns, rows.into_iter(), log, (stamps, peers), Some(&mut changed))?;
        self.rows.changed = changed;
        reader.finish()
    }

    /// Reads the states of these rows, or, where `changed` is given, puts those that they had at the horizon there.
    fn states(
        &mut self,
        mut columns: StateColumns<'_>,
        numbers: impl Iterator<Item = RowNumber>,
        log: &mut OpLog,
        (stamps, peers): (&impl StampTable, &Names),
        mut changed: Option<&mut BTreeMap<RowNumber, RowVersion>>,
    ) -> Result<(), Error> {
        for row in numbers {
            let (mut version, shape) = columns.row(row, stamps, peers)?;
            let Some(shape_columns) = self.shapes.get(shape) else {
                return Err(columns.shapes.damage("a row names columns that are not listed"));
            };
            for &column in shape_columns {
                let (stamp, is_retained) = columns.cell(stamps)?;
                let shows = columns.shows.next_to(1)? == 1;
                let cell = match self.loose_cell(row, column, stamp).filter(|_| changed.is_some()) {
                    Some(cell) => cell,
                    None => {
                        let value = columns.values.next(column, log)?;
                        log.totals().check()?;
                        if !is_retained {
                            log.push_loose_cell(column, value)
                        } else if changed.is_some() {
                            return Err(columns.written.damage("a row at the horizon knows events beyond it"));
                        } else {
                            self.staged.push(value);
                            CellNumber(self.staged.len() as u32 - 1)
                        }
                    }
                };
                version.state.written.push(Written { stamp, cell, shows });
            }
            match &mut changed {
                Some(changed) => {
                    changed.insert(row, version);
                }
                None => {
                    self.row_shapes.push(shape as u32);
                    self.rows.further_inserts.append(version.further);
                    self.rows.rows[row.index()].state = version.state;
                }
            }
        }
        columns.finish()
    }

    /// The cell that a row's state has for this write, where no retained event made it.
    fn loose_cell(&self, row: RowNumber, column: ColumnNumber, stamp: Stamp) -> Option<CellNumber> {
        let at = self.place_of(row, column)?;
        let written = &self.rows.rows[row.index()].state.written[at];
        (written.stamp == stamp).then_some(written.cell)
    }

    /// Where a row's state has this column.
    fn place_of(&self, row: RowNumber, column: ColumnNumber) -> Option<usize> {
        let &shape = self.row_shapes.get(row.index())?;
        self.shapes.get(shape.into())?.binary_search(&column).ok()
    }

    /// The rows, once the history is read: its operations have brought all cells.
    pub(crate) fn finish(
        mut self,
        reader: &Reader<'_>,
        log: &OpLog,
        peers: &Names,
        is_compacted: bool,
    ) -> Result<Rows, Error> {
        if self.placed != self.staged.len() {
            return Err(reader.damage("the state holds values that no operation wrote"));
        }
        for number in (0..self.rows.rows.len() as u32).map(RowNumber) {
            let row = &mut self.rows.rows[number.index()];
            row.is_as_at_horizon = is_compacted && !log.names(number);
            let is_changed = self.rows.changed.get(&number);
            if row.is_as_at_horizon && is_changed.is_some() {
                return Err(reader.damage("a row was changed that no operation names"));
            }
            let meaning = Meaning { log, columns: &self.rows.columns, peers };
            let defect = row.state.defect(number, meaning, &self.rows.further_inserts);
            let was = is_changed.and_then(|was| was.state.defect(number, meaning, &was.further));
            if let Some(defect) = defect.or(was) {
                return Err(reader.damage(defect));
            }
        }
        Ok(self.rows)
    }
}

impl OpNames for StateReader {
    fn row_name(&self, row: RowNumber) -> (&str, &str) {
        self.rows.row_name(row)
    }

    fn column_name(&self, column: ColumnNumber) -> &str {
        self.rows.column_name(column)
    }
}

impl Ground for StateReader {
    fn rows(&self) -> u32 {
        self.rows.rows.len() as u32
    }

    fn held(&mut self, place: Place, cell: CellNumber) -> Option<Packed> {
        let Place { lamport, peer, index, row, column } = place;
        let at = self.place_of(row, column)?;
        let written = &mut self.rows.rows[row.index()].state.written[at];
        if written.stamp != (Stamp { lamport, peer, index }) {
            return None;
        }
        let value = self.staged.get(written.cell.index()).copied()?;
        written.cell = cell;
        self.placed += 1;
        Some(value)
    }
}

/// The columns of some rows' states.
struct StateColumns<'a> {
    deleted: Column<'a>,
    deleted_places: Column<'a>,
    inserted: DeltaColumn<'a>,
    inserted_places: DeltaColumn<'a>,
    further_counts: Column<'a>,
    further: Column<'a>,
    further_places: Column<'a>,
    shapes: Column<'a>,
    written: Column<'a>,
    written_places: Column<'a>,
    shows: Column<'a>,
    values: ValueColumns<'a>,
    /// The number and the place of the insert of the row that is read.
    from: (u64, u64),
}

impl<'a> StateColumns<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        Ok(Self {
            deleted: Column::read(reader)?,
            deleted_places: Column::read(reader)?,
            inserted: DeltaColumn::read(reader)?,
            inserted_places: DeltaColumn::read(reader)?,
            further_counts: Column::read(reader)?,
            further: Column::read(reader)?,
            further_places: Column::read(reader)?,
            shapes: Column::read(reader)?,
            written: Column::read(reader)?,
            written_places: Column::read(reader)?,
            shows: Column::read(reader)?,
            values: ValueColumns::read(reader)?,
            from: (NEVER, 0),
        })
    }

    /// The next row without its cells, and the number of its shape.
    fn row(&mut self, row: RowNumber, stamps: &impl StampTable, peers: &Names) -> Result<(RowVersion, u64), Error> {
        let wrong = |column: &Column<'_>| column.damage("a row's stamp is that of no operation");
        let mut version = RowVersion::default();
        let deleted = stamp(stamps, self.deleted.next()?, self.deleted_places.next()?);
        let deleted = deleted.filter(|&deleted| deleted != Stamp::SETTLED);
        version.state.deleted = deleted.ok_or_else(|| wrong(&self.deleted))?;
        self.from = (self.inserted.next()?, self.inserted_places.next()?);
        version.state.inserted = stamp(stamps, self.from.0, self.from.1).ok_or_else(|| wrong(&self.deleted))?;
        for _ in 0..self.further_counts.next()? {
            let number = self.from.0.wrapping_add(unzigzag(self.further.next()?) as u64);
            let further = stamp(stamps, number, self.further_places.next()?);
            let further = further.filter(|further| further.lamport != Lamport::NEVER);
            version.further.add(row, further.ok_or_else(|| wrong(&self.further))?, peers);
        }
        Ok((version, self.shapes.next()?))
    }

    /// The stamp of the next cell, and whether a retained event made it.
    fn cell(&mut self, stamps: &impl StampTable) -> Result<(Stamp, bool), Error> {
        let number = self.from.0.wrapping_add(unzigzag(self.written.next()?) as u64);
        let place = self.from.1.wrapping_add(unzigzag(self.written_places.next()?) as u64);
        let stamp = stamp(stamps, number, place).filter(|&stamp| stamp != Stamp::NEVER);
        let stamp = stamp.ok_or_else(|| self.written.damage("a cell's stamp is that of no operation"))?;
        Ok((stamp, stamps.is_retained(number)))
    }

    fn finish(&self) -> Result<(), Error> {
        self.inserted.finish()?;
        self.inserted_places.finish()?;
        let Self { deleted, deleted_places, further_counts, further, further_places, shapes, .. } = self;
        for column in [deleted, deleted_places, further_counts, further, further_places, shapes] {
            column.finish()?;
        }
        self.written.finish()?;
        self.written_places.finish()?;
        self.shows.finish()?;
        self.values.finish()
    }
}

fn stamp(stamps: &impl StampTable, number: u64, place: u64) -> Option<Stamp> {
    match (number, place) {
        (NEVER, 0) => Some(Stamp::NEVER),
        (SETTLED, 0) => Some(Stamp::SETTLED),
        (NEVER | SETTLED, _) => None,
        _ => {
            let (lamport, peer) = stamps.stamp(number)?;
            Some(Stamp { lamport, peer, index: u32::try_from(place).ok()? })
        }
    }
}
