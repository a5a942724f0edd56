//! Reading rows and their states.

use super::BLOCK_ROWS;
use super::columns::StateColumns;
use super::names::{NameTable, read_counts, read_some_ids};
use super::stamps::Stamps;
use crate::codec::{Column, DeltaColumn, Reader};
use crate::error::Error;
use crate::id::{ColumnNumber, Order, RowNumber, TableNumber};
use crate::lanes::Lanes;
use crate::memory;
use crate::oplog::{CELL_SPENDS, CellNumber, OpCell, OpContext, OpLog, OpNames, Packed, ROW_SPENDS, Shapes, Totals};
use crate::rows::further::FURTHER_SPENDS;
use crate::rows::stamp::Stamp;
use crate::rows::state::{LatestWrite, Meaning, RowState};
use crate::rows::version::RowVersion;
use crate::rows::{NamedRow, Rows, Table};
use crate::work;
use std::collections::BTreeMap;

/// What is wrong with a row at the horizon that cannot be from there.
const BEYOND: &str = "a row at the horizon knows events beyond it";

/// Reads rows and their states, and then gives the values that the history leaves to them.
#[derive(Debug)]
pub(crate) struct StateReader<'a> {
    rows: Rows,
    /// Values whose cells the history brings.
    staged: Vec<Packed>,
    /// How many of them the history has brought cells for.
    placed: usize,
    shapes: &'a Shapes,
    /// By row, which columns its state has.
    row_shapes: Vec<u32>,
}

impl<'a> StateReader<'a> {
    /// Reads states of rows with these names.
    pub(crate) fn new(names: NameTable, shapes: &'a Shapes) -> Self {
        let NameTable { tables, columns, .. } = names;
        let mut rows = Rows { table_names: tables, columns, ..Rows::default() };
        rows.tables.resize_with(rows.table_names.len(), Table::default);
        Self { rows, staged: Vec::new(), placed: 0, shapes, row_shapes: Vec::new() }
    }

    fn read_ids(&mut self, reader: &mut Reader<'_>, table: TableNumber, count: u32) -> Result<(), Error> {
        let Rows { rows, ids, .. } = &mut self.rows;
        read_some_ids(reader, count, rows.len(), |id| {
            rows.reserve(1)?;
            ids.reserve(1, id.len())?;
            rows.push(NamedRow { table, is_as_at_horizon: false, state: RowState::default() });
            ids.push(id);
            Ok(())
        })
    }

    /// Reads rows and states; values that no operation of the history holds are put into the log.
    pub(crate) fn read_states(
        &mut self,
        reader: &mut Reader<'_>,
        log: &mut OpLog,
        stamps: &Stamps,
    ) -> Result<(), Error> {
        let counts = read_counts(reader, self.rows.tables.len())?;
        let mut lens = Column::read(reader)?;
        let mut blocks = reader.sized_part()?;
        for (table, mut count) in (0..).map(TableNumber).zip(counts) {
            let first = self.rows.rows.len();
            while count > 0 {
                let in_block = count.min(BLOCK_ROWS as u32);
                count -= in_block;
                let mut block = blocks.part(lens.next()?)?;
                let start = self.rows.rows.len();
                self.read_ids(&mut block, table, in_block)?;
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
        stamps: &Stamps,
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
        stamps: &Stamps,
        mut changed: Option<&mut BTreeMap<RowNumber, RowVersion>>,
    ) -> Result<(), Error> {
        for row in numbers {
            let (mut state, shape, is_retained) = columns.row(stamps)?;
            if is_retained && changed.is_some() {
                return Err(columns.deleted.damage(BEYOND));
            }
            let shape_columns = columns.columns_of(self.shapes, shape)?;
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

impl OpNames for StateReader<'_> {
    fn row_name(&self, row: RowNumber) -> (&str, &str) {
        self.rows.row_name(row)
    }

    fn column_name(&self, column: ColumnNumber) -> &str {
        self.rows.column_name(column)
    }
}

impl OpContext for StateReader<'_> {
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
