//! Decodes rows and their states.

use super::block_sizes;
use super::columns::StateColumns;
use super::edits::EditsReader;
use super::names::{NameTable, read_counts, read_some_ids};
use super::stamps::Stamps;
use crate::codec::{Column, DeltaColumn, Reader};
use crate::convert::{index_of, u64_of};
use crate::error::Error;
use crate::graph::Graph;
use crate::id::{ColumnNumber, Order, RowNumber, TableNumber};
use crate::lanes::Lanes;
use crate::memory;
use crate::oplog::{
    CELL_SPENDS, CellNumber, OpCell, OpContext, OpLog, OpNames, Packed, ROW_SPENDS, Shapes, SplicedContents, Totals,
};
use crate::rows::further::FURTHER_SPENDS;
use crate::rows::stamp::Stamp;
use crate::rows::state::{LatestWrite, Meaning, RowState};
use crate::rows::version::RowVersion;
use crate::rows::{NamedRow, Rows, Table};
use crate::text::Sources;
use crate::work;
use std::collections::BTreeMap;

/// The error for a state at the horizon with a stamp from beyond it.
const BEYOND: &str = "a row at the horizon knows events beyond it";

/// Decodes rows and their states. While the history is decoded, provides the values that it omits.
#[derive(Debug)]
pub(crate) struct StateReader<'a> {
    rows: Rows,
    /// The values of the state that belong to operations of the history.
    staged: Vec<Packed>,
    /// The count of staged values that the history has claimed.
    placed: usize,
    shapes: &'a Shapes,
    /// The shape of each row's state.
    row_shapes: Vec<u32>,
    edits: EditsReader<'a>,
}

impl<'a> StateReader<'a> {
    /// Prepares to decode states with these names.
    pub(crate) fn new(names: NameTable, shapes: &'a Shapes) -> Self {
        let NameTable { tables, columns, .. } = names;
        let mut rows = Rows { table_names: tables, columns, ..Rows::default() };
        rows.tables.resize_with(rows.table_names.len(), Table::default);
        Self { rows, staged: Vec::new(), placed: 0, shapes, row_shapes: Vec::new(), edits: EditsReader::none() }
    }

    fn read_ids(&mut self, reader: &mut Reader<'_>, table: TableNumber, count: u32) -> Result<(), Error> {
        let Rows { rows, ids, .. } = &mut self.rows;
        read_some_ids(reader, count, rows.len(), |id| {
            rows.reserve(1)?;
            ids.reserve(1, id.len())?;
            rows.push(NamedRow::new(table));
            ids.push(id);
            Ok(())
        })
    }

    /// Reads the states of all rows. Values that belong to no operation of the history go into the
    /// log.
    pub(crate) fn read_states(
        &mut self,
        reader: &mut Reader<'_>,
        log: &mut OpLog,
        stamps: &Stamps,
    ) -> Result<(), Error> {
        let counts = read_counts(reader, self.rows.tables.len())?;
        let mut lens = Column::read(reader)?;
        let mut blocks = reader.sized_part()?;
        for (table, count) in (0..).map(TableNumber).zip(counts) {
            let first = self.rows.next_row();
            for in_block in block_sizes(count) {
                let mut block = blocks.part(lens.next()?)?;
                let start = self.rows.next_row();
                self.read_ids(&mut block, table, in_block)?;
                let before = start.0.checked_sub(1).filter(|_| start > first);
                if before.is_some_and(|before| self.rows.ids.text(start.0) <= self.rows.ids.text(before)) {
                    return Err(block.damage("the rows of a table are not sorted"));
                }
                let columns = StateColumns::read(&mut block)?;
                let numbers = (start.0..self.rows.next_row().0).map(RowNumber);
                self.states(columns, numbers, log, stamps, None)?;
                block.finish()?;
            }
            self.fill_table(table, first);
        }
        lens.finish()?;
        blocks.finish()?;
        reader.finish()
    }

    /// Fills a table with its rows, which begin with the row `first`.
    fn fill_table(&mut self, table: TableNumber, first: RowNumber) {
        let next = self.rows.next_row();
        let Rows { rows, tables, .. } = &mut self.rows;
        let existing = (first.0..next.0).filter(|&number| rows[index_of(number)].state.exists());
        let existing = Order::of_sorted(existing);
        let absent = index_of(next.0.saturating_sub(first.0)).saturating_sub(existing.len());
        if let Some(table) = tables.get_mut(table.index()) {
            *table = Table { existing, absent: u32::try_from(absent).unwrap_or(u32::MAX) };
        }
    }

    /// Reads what the edits of cells result in, and the kept grounds. Appends texts to the log.
    /// Returns what the splices of the history insert.
    pub(crate) fn read_edits(
        &mut self,
        section: Reader<'a>,
        stamps: &Stamps,
        log: &mut OpLog,
    ) -> Result<SplicedContents, Error> {
        self.edits = EditsReader::read(section, stamps, self.rows.columns.len(), log)?;
        Ok(self.edits.texts().contents())
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
        let Some(last_row) = self.rows.next_row().0.checked_sub(1) else {
            return Err(reader.damage("rows were changed where there are none"));
        };
        let mut rows: Vec<RowNumber> = Vec::new();
        for _ in 0..count {
            let row = RowNumber(numbers.next_u32_to(last_row)?);
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

    /// Reads the states of these rows. If `changed` is `Some`, they are states at the horizon, and
    /// go there.
    fn states(
        &mut self,
        mut columns: StateColumns<'_>,
        numbers: impl Iterator<Item = RowNumber>,
        log: &mut OpLog,
        stamps: &Stamps,
        mut changed: Option<&mut BTreeMap<RowNumber, RowVersion>>,
    ) -> Result<(), Error> {
        for row in numbers {
            let (state, shape) = self.state(&mut columns, row, log, stamps, changed.is_some())?;
            let further = columns.further_stamps.iter().copied();
            match &mut changed {
                Some(changed) => {
                    let mut version = RowVersion { state, ..RowVersion::default() };
                    version.further.push_row(row, further);
                    changed.insert(row, version);
                }
                None => {
                    self.row_shapes.push(shape);
                    self.rows.further_inserts.push_row(row, further);
                    self.rows.rows[row.index()].state = state;
                }
            }
        }
        columns.finish()
    }

    /// Reads the next state and the number of its shape.
    fn state(
        &mut self,
        columns: &mut StateColumns<'_>,
        row: RowNumber,
        log: &mut OpLog,
        stamps: &Stamps,
        is_at_horizon: bool,
    ) -> Result<(RowState, u32), Error> {
        let (mut state, shape, is_retained) = columns.row(stamps)?;
        if is_retained && is_at_horizon {
            return Err(columns.deleted.damage(BEYOND));
        }
        let (shape, shape_columns) = columns.columns_of(self.shapes, shape)?;
        let cells = u64_of(shape_columns.len());
        log.reserve(0, Totals { cells, ..Totals::default() }, 0)?;
        memory::reserve(&mut self.staged, shape_columns.len())?;
        memory::reserve(&mut self.row_shapes, 1)?;
        let spent_on_further = u64_of(columns.further_stamps.len()).saturating_mul(FURTHER_SPENDS);
        let spent = ROW_SPENDS.saturating_add(cells.saturating_mul(CELL_SPENDS)).saturating_add(spent_on_further);
        memory::spend(spent)?;
        for &column in shape_columns {
            let (stamp, is_retained) = columns.cell(stamps)?;
            let shows = columns.shows.next_to(1)? == 1;
            if is_retained && is_at_horizon {
                return Err(columns.written.damage(BEYOND));
            }
            let held = if is_at_horizon { self.loose_cell(row, column, stamp) } else { None };
            let (cell, is_unset) = match held {
                Some(held) => held,
                None => self.value(columns, column, log, is_retained)?,
            };
            state.written.push(LatestWrite::new(stamp, cell, column, is_unset).counting(shows));
        }
        Ok((state, shape))
    }

    /// Reads the next value of a column. Puts it into the log, or stages it for the retained event
    /// that wrote it. Returns the number of its cell, and whether it is an unset.
    fn value(
        &mut self,
        columns: &mut StateColumns<'_>,
        column: ColumnNumber,
        log: &mut OpLog,
        is_retained: bool,
    ) -> Result<(CellNumber, bool), Error> {
        let value = columns.values.next(column, log)?;
        log.totals().check()?;
        let packed = value.unwrap_or(Packed::NULL);
        let cell = if is_retained {
            let number = u32::try_from(self.staged.len()).unwrap_or(u32::MAX);
            self.staged.push(packed);
            CellNumber(number)
        } else {
            log.push_loose_cell(column, packed)
        };
        Ok((cell, value.is_none()))
    }

    /// Returns the cell of a row's state for this write, if no retained event made the write, and
    /// whether it is an unset.
    fn loose_cell(&self, row: RowNumber, column: ColumnNumber, stamp: Stamp) -> Option<(CellNumber, bool)> {
        let at = self.place_of(row, column)?;
        let written = self.rows.rows[row.index()].state.written.get(at)?;
        (written.stamp == stamp).then_some((written.cell, written.is_unset))
    }

    /// Returns the index of a column in a row's state.
    fn place_of(&self, row: RowNumber, column: ColumnNumber) -> Option<usize> {
        let &shape = self.row_shapes.get(row.index())?;
        self.shapes.get(shape.into())?.binary_search(&column).ok()
    }

    /// Returns the rows after the history was decoded. Fails if the history did not claim all
    /// staged values, or if a state breaks a rule.
    pub(crate) fn finish(
        mut self,
        reader: &Reader<'_>,
        log: &OpLog,
        (graph, peers): (&Graph, &Lanes),
        is_compacted: bool,
    ) -> Result<Rows, Error> {
        if self.placed != self.staged.len() {
            return Err(reader.damage("the state holds values that no operation wrote"));
        }
        let mut runs = self.edits.texts().runs(log, graph)?;
        let sources = Sources { graph, lanes: peers, content: log.content() };
        for number in (0..self.rows.next_row().0).map(RowNumber) {
            work::step();
            let row = &mut self.rows.rows[number.index()];
            row.is_as_at_horizon = is_compacted && !log.names(number);
            let mut changed = self.rows.changed.get_mut(&number);
            if row.is_as_at_horizon && changed.is_some() {
                return Err(reader.damage("a row was changed that no operation names"));
            }
            row.state.count_unsets(peers);
            changed.iter_mut().for_each(|was| was.state.count_unsets(peers));
            let meaning = Meaning { log, columns: &self.rows.columns, peers };
            let defect = row.state.defect(number, meaning, &self.rows.further_inserts);
            let was = changed.as_ref().and_then(|was| was.state.defect(number, meaning, &was.further));
            if let Some(defect) = defect.or(was) {
                return Err(reader.damage(defect));
            }
            if self.edits.is_taken() {
                continue;
            }
            let wrong = || reader.damage("a sum belongs to no cell that can be added to");
            let sums = self.edits.take_now(number);
            let now = if sums.is_empty() { None } else { Some(sums.on(&row.state, meaning).ok_or_else(wrong)?) };
            let sums = self.edits.take_changed(number);
            if !sums.is_empty() {
                let was = changed.as_mut().ok_or_else(wrong)?;
                was.sums = sums.on(&was.state, meaning).ok_or_else(wrong)?;
            }
            let was = changed.map(|was| &mut *was);
            let now_and_then = (&row.state, row.is_as_at_horizon);
            let texts = self.edits.texts().take(number, now_and_then, was, &mut runs, (meaning, sources))?;
            let texts = texts.ok_or_else(|| reader.damage("a text does not fit its cell"))?;
            self.rows.set_edits(number, now.unwrap_or_default(), texts);
        }
        if !self.edits.is_taken() || !runs.values().all(Vec::is_empty) {
            return Err(reader.damage("a sum or a text belongs to no row"));
        }
        self.rows.kept = self.edits.take_kept();
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
        self.rows.next_row().0
    }

    fn held(&mut self, written: OpCell, cell: CellNumber) -> Option<Packed> {
        let OpCell { lamport, peer, index, row, column, is_unset } = written;
        let at = self.place_of(row, column)?;
        let written = self.rows.rows[row.index()].state.written.get_mut(at)?;
        if written.stamp != (Stamp { lamport, peer, index }) || written.is_unset != is_unset {
            return None;
        }
        let value = self.staged.get(written.cell.index()).copied()?;
        written.cell = cell;
        self.placed = self.placed.saturating_add(1);
        Some(value)
    }
}
