//! Reading rows and their states.

use super::super::further::FURTHER_SPENDS;
use super::super::state::{LatestWrite, Meaning, RowState};
use super::super::version::RowVersion;
use super::super::{NamedRow, Rows, Stamp, Table, TableSummary};
use super::{BLOCK_ROWS, NEVER, SETTLED, StampTable};
use crate::clock::Lamport;
use crate::codec::{Column, DeltaColumn, Reader, SortedTexts, unzigzag};
use crate::error::{Error, Name};
use crate::id::{ColumnNumber, Order, PeerNumber, RowNumber, TableNumber, read_texts};
use crate::lanes::Lanes;
use crate::limits;
use crate::memory;
use crate::oplog::{
    CELL_SPENDS, Cell, CellNumber, OpCell, OpContext, OpLog, OpNames, Packed, ROW_SPENDS, Shapes, Totals, ValueColumns,
};
use crate::work;
use std::collections::BTreeMap;
use std::rc::Rc;

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
            table_names: read_texts(reader, &limits::TABLES, limits::TABLE_BYTES.maximum)?,
            columns: read_texts(reader, &limits::COLUMNS, limits::COLUMN_BYTES.maximum)?,
            ..Rows::default()
        };
        rows.table_names.sorted().try_for_each(|(table, _)| Name::Table.check(table))?;
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
            let count = column.next_to(limits::DOCUMENT_OPERATIONS.maximum)? as u32;
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
            work::step();
            let id = ids.next(limits::ROW_BYTES.maximum)?;
            self.rows.rows.reserve(1)?;
            self.rows.ids.reserve(1, id.len())?;
            if id.is_empty() {
                return Err(reader.damage("a row's id is empty"));
            }
            self.rows.rows.push(NamedRow { table, is_as_at_horizon: false, state: RowState::default() });
            self.rows.ids.push(id);
        }
        ids.finish()
    }

    /// Reads rows and states; values that no operation of the history holds are put into the log.
    pub(crate) fn read_states(
        &mut self,
        reader: &mut Reader<'_>,
        log: &mut OpLog,
        stamps: &impl StampTable,
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
                let id = |row: usize| self.rows.ids.text(row as u32);
                if start > first && id(start) <= id(start - 1) {
                    return Err(block.damage("the rows of a table are not sorted"));
                }
                let columns = StateColumns::read(&mut block)?;
                let numbers = (start as u32..self.rows.rows.len() as u32).map(RowNumber);
                self.states(columns, numbers, log, stamps, None)?;
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
        let rows = (first as u32..self.rows.rows.len() as u32).map(|number| (number, &self.rows.rows[number as usize]));
        let there = Order::of_sorted(rows.filter(|(_, row)| row.state.is_there()).map(|(number, _)| number));
        let gone = (self.rows.rows.len() - first - there.len()) as u32;
        self.rows.tables[table.index()] = Table { there, gone };
    }

    /// Reads the states that changed rows had at the horizon.
    pub(crate) fn read_changed(
        &mut self,
        reader: &mut Reader<'_>,
        log: &mut OpLog,
        stamps: &impl StampTable,
    ) -> Result<(), Error> {
        let count = reader.varint()?;
        if count == 0 {
            return Err(reader.damage("there are no changed rows where there should be"));
        }
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
        self.states(columns, rows.into_iter(), log, stamps, Some(&mut changed))?;
        self.rows.changed = changed;
        reader.finish()
    }

    /// Reads the states of these rows, or, where `changed` is given, puts those that they had at the horizon there.
    fn states(
        &mut self,
        mut columns: StateColumns<'_>,
        numbers: impl Iterator<Item = RowNumber>,
        log: &mut OpLog,
        stamps: &impl StampTable,
        mut changed: Option<&mut BTreeMap<RowNumber, RowVersion>>,
    ) -> Result<(), Error> {
        for row in numbers {
            let (mut state, shape, is_retained) = columns.row(stamps)?;
            if is_retained && changed.is_some() {
                return Err(columns.deleted.damage(BEYOND));
            }
            let Some(shape_columns) = self.shapes.get(shape) else {
                return Err(columns.shapes.damage("a row names columns that are not listed"));
            };
            let cells = shape_columns.len();
            log.reserve(0, Totals { cells: cells as u64, ..Totals::default() }, 0)?;
            memory::reserve(&mut self.staged, cells)?;
            memory::reserve(&mut self.row_shapes, 1)?;
            let further = columns.further_stamps.len() as u64;
            memory::spend(ROW_SPENDS + cells as u64 * CELL_SPENDS + further * FURTHER_SPENDS)?;
            for &column in shape_columns {
                let (stamp, is_retained) = columns.cell(stamps)?;
                let shows = columns.shows.next_to(1)? == 1;
                if is_retained && changed.is_some() {
                    return Err(columns.written.damage(BEYOND));
                }
                let (cell, is_unset) = match self.loose_cell(row, column, stamp).filter(|_| changed.is_some()) {
                    Some(held) => held,
                    None => {
                        let value = columns.values.next(column, log)?;
                        log.totals().check()?;
                        let packed = value.unwrap_or(Packed::NULL);
                        let cell = if is_retained {
                            self.staged.push(packed);
                            CellNumber(self.staged.len() as u32 - 1)
                        } else {
                            log.push_loose_cell(column, packed)
                        };
                        (cell, value.is_none())
                    }
                };
                state.written.push(LatestWrite::new(stamp, cell, column, is_unset).showing(shows));
            }
            let further = columns.further_stamps.iter().copied();
            match &mut changed {
                Some(changed) => {
                    let mut version = RowVersion { state, ..RowVersion::default() };
                    version.further.push_row(row, further);
                    changed.insert(row, version);
                }
                None => {
                    self.row_shapes.push(shape as u32);
                    self.rows.further_inserts.push_row(row, further);
                    self.rows.rows[row.index()].state = state;
                }
            }
        }
        columns.finish()
    }

    /// The cells of one row of a state, without reading what the blocks of other rows hold. O(blocks), and the row's block.
    pub(crate) fn peek(&self, reader: &mut Reader<'_>, table: &str, id: &str) -> Result<Option<Vec<Cell>>, Error> {
        let Some(table) = self.rows.table_names.find(table) else { return Ok(None) };
        let counts = self.counts(reader)?;
        let mut lens = Column::read(reader)?;
        let mut blocks = reader.sized_part()?;
        // The block of the table that begins with the last id that is not above the one that is looked for.
        let mut found = None;
        for (number, mut left) in (0..).zip(counts) {
            while left > 0 {
                let count = left.min(BLOCK_ROWS as u32);
                left -= count;
                let block = blocks.part(lens.next()?)?;
                if number == table && SortedTexts::read(&mut block.clone())?.next(limits::ROW_BYTES.maximum)? <= id {
                    found = Some((block, count));
                }
            }
        }
        let Some((mut block, count)) = found else { return Ok(None) };
        let mut ids = SortedTexts::read(&mut block)?;
        let mut columns = StateColumns::read(&mut block)?;
        let mut log = OpLog::default();
        for _ in 0..count {
            let is_found = ids.next(limits::ROW_BYTES.maximum)? == id;
            let (state, shape, _) = columns.row(&AnyStamps)?;
            let mut cells = Vec::new();
            for &column in self.columns_of(shape, &columns)? {
                columns.cell(&AnyStamps)?;
                let shows = columns.shows.next_to(1)? == 1;
                let Some(value) = columns.values.next(column, &mut log)? else { continue };
                let cell = log.push_loose_cell(column, value);
                if shows && is_found {
                    cells.push(self.rows.cell(&log, cell));
                }
            }
            if is_found {
                return Ok(state.is_there().then_some(cells));
            }
        }
        Ok(None)
    }

    /// Returns the tables that have rows in a state, sorted by name, without reading cells. O(rows).
    pub(crate) fn summaries(&self, reader: &mut Reader<'_>) -> Result<Vec<TableSummary>, Error> {
        let counts = self.counts(reader)?;
        let mut lens = Column::read(reader)?;
        let mut blocks = reader.sized_part()?;
        let mut summaries = Vec::new();
        for ((name, _), mut left) in self.rows.table_names.sorted().zip(counts) {
            let mut rows = 0;
            while left > 0 {
                let count = left.min(BLOCK_ROWS as u32);
                left -= count;
                let mut block = blocks.part(lens.next()?)?;
                SortedTexts::read(&mut block)?.check_count(count.into())?;
                let mut columns = StateColumns::read(&mut block)?;
                for _ in 0..count {
                    rows += u32::from(columns.row(&AnyStamps)?.0.is_there());
                }
            }
            if rows > 0 {
                summaries.push(TableSummary { name: String::from(&**name), rows });
            }
        }
        Ok(summaries)
    }

    fn columns_of(&self, shape: u64, columns: &StateColumns<'_>) -> Result<&[ColumnNumber], Error> {
        self.shapes.get(shape).ok_or_else(|| columns.shapes.damage("a row names columns that are not listed"))
    }

    /// The cell that a row's state has for this write, where no retained event made it, and whether it is an unset.
    fn loose_cell(&self, row: RowNumber, column: ColumnNumber, stamp: Stamp) -> Option<(CellNumber, bool)> {
        let at = self.place_of(row, column)?;
        let written = &self.rows.rows[row.index()].state.written[at];
        (written.stamp == stamp).then_some((written.cell, written.is_unset))
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
        peers: &Lanes,
        is_compacted: bool,
    ) -> Result<Rows, Error> {
        if self.placed != self.staged.len() {
            return Err(reader.damage("the state holds values that no operation wrote"));
        }
        for number in (0..self.rows.rows.len() as u32).map(RowNumber) {
            work::step();
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
        self.rows.index_all()?;
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

impl OpContext for StateReader {
    fn rows(&self) -> u32 {
        self.rows.rows.len() as u32
    }

    fn held(&mut self, place: OpCell, cell: CellNumber) -> Option<Packed> {
        let OpCell { lamport, peer, index, row, column, is_unset } = place;
        let at = self.place_of(row, column)?;
        let written = &mut self.rows.rows[row.index()].state.written[at];
        if written.stamp != (Stamp { lamport, peer, index }) || written.is_unset != is_unset {
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
    /// Its further inserts, as they were read.
    further_stamps: Vec<Stamp>,
}

/// What is wrong with a row at the horizon that cannot be from there.
const BEYOND: &str = "a row at the horizon knows events beyond it";

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
            further_stamps: Vec::new(),
        })
    }

    /// The next row without its cells, the number of its shape, and whether a retained event made one of its stamps.
    fn row(&mut self, stamps: &impl StampTable) -> Result<(RowState, u64, bool), Error> {
        work::step();
        let wrong = |column: &Column<'_>| column.damage("a row's stamp is that of no operation");
        let mut state = RowState::default();
        let deleted = self.deleted.next()?;
        let mut is_retained = stamps.is_retained(deleted);
        let deleted = stamp(stamps, deleted, self.deleted_places.next()?);
        let deleted = deleted.filter(|&deleted| deleted != Stamp::SETTLED);
        state.deleted = deleted.ok_or_else(|| wrong(&self.deleted))?;
        self.from = (self.inserted.next()?, self.inserted_places.next()?);
        is_retained |= stamps.is_retained(self.from.0);
        state.inserted = stamp(stamps, self.from.0, self.from.1).ok_or_else(|| wrong(&self.deleted))?;
        self.further_stamps.clear();
        for _ in 0..self.further_counts.next()? {
            let number = self.from.0.wrapping_add(unzigzag(self.further.next()?) as u64);
            is_retained |= stamps.is_retained(number);
            let further = stamp(stamps, number, self.further_places.next()?);
            let further = further.filter(|further| further.lamport != Lamport::NEVER);
            let further = further.ok_or_else(|| wrong(&self.further))?;
            work::step();
            self.further_stamps.push(further);
        }
        Ok((state, self.shapes.next()?, is_retained))
    }

    /// The stamp of the next cell, and whether a retained event made it.
    fn cell(&mut self, stamps: &impl StampTable) -> Result<(Stamp, bool), Error> {
        work::step();
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
        (SETTLED, 0) => stamps.has_settled().then_some(Stamp::SETTLED),
        (NEVER | SETTLED, _) => None,
        _ => {
            let (lamport, peer) = stamps.stamp(number)?;
            Some(Stamp { lamport, peer, index: u32::try_from(place).ok()? })
        }
    }
}

/// Stamps where only their being there matters: any number is some event's.
struct AnyStamps;

impl StampTable for AnyStamps {
    fn number(&self, _: Lamport, _: PeerNumber) -> u64 {
        NEVER
    }

    fn stamp(&self, _: u64) -> Option<(Lamport, PeerNumber)> {
        Some((Lamport::NEVER.plus(1), PeerNumber(0)))
    }

    fn has_settled(&self) -> bool {
        true
    }

    fn is_retained(&self, _: u64) -> bool {
        false
    }
}
