//! Looks up rows in encoded states without decoding all of them.

use super::block_sizes;
use super::columns::StateColumns;
use super::edits::EditsReader;
use super::names::{NameTable, read_counts};
use super::stamps::StampTable;
use crate::clock::Lamport;
use crate::codec::{Column, Reader, SortedTexts};
use crate::convert::index_of;
use crate::error::Error;
use crate::id::{ColumnNumber, PeerNumber, RowNumber};
use crate::limits;
use crate::oplog::{Cell, CellNumber, OpLog, Shapes};
use crate::rows::TableSummary;
use crate::rows::edits::sum_on;
use crate::sort;
use crate::value::Value;
use std::mem;

impl NameTable {
    /// Returns the cells of one row of a state, or `None` if the row does not exist. Decodes only
    /// the block of the row. O(blocks + the rows of the block).
    pub(crate) fn peek(
        &self,
        shapes: &Shapes,
        reader: &mut Reader<'_>,
        edits: Option<Reader<'_>>,
        (table, id): (&str, &str),
    ) -> Result<Option<Vec<Cell>>, Error> {
        let Some((first, mut block, count)) = self.find_block(reader, table, id)? else { return Ok(None) };
        let mut ids = SortedTexts::read(&mut block)?;
        let mut columns = StateColumns::read(&mut block)?;
        let mut log = OpLog::default();
        for row in (first..).take(index_of(count)).map(RowNumber) {
            let is_found = ids.next(limits::ROW_BYTES.maximum)? == id;
            let (state, shape, _) = columns.row(&AnyStamps)?;
            let mut cells: Vec<(ColumnNumber, CellNumber)> = Vec::new();
            let (_, shape_columns) = columns.columns_of(shapes, shape)?;
            for &column in shape_columns {
                columns.cell(&AnyStamps)?;
                let shows = columns.shows.next_to(1)? == 1;
                let Some(value) = columns.values.next(column, &mut log)? else { continue };
                let cell = log.push_loose_cell(column, value);
                if shows && is_found {
                    cells.push((column, cell));
                }
            }
            if is_found && state.exists() {
                let edits = edits.map(|edits| EditsReader::peek(edits, self.columns.len(), &mut log)).transpose()?;
                let written = |column| {
                    let (_, cell) = cells.iter().find(|(other, _)| *other == column)?;
                    log.text(*cell)
                };
                let edits = edits.map(|mut edits| PeekedEdits {
                    texts: edits.texts().shown(row, written, &log),
                    sums: edits.take_now(row).shown().collect(),
                });
                return Ok(Some(self.edited_cells(&log, &cells, edits)));
            }
            if is_found {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Returns the cells of a row, sorted by column, with its visible sums and texts. Columns are
    /// numbered in the order of their names.
    fn edited_cells(
        &self,
        log: &OpLog,
        written: &[(ColumnNumber, CellNumber)],
        edits: Option<PeekedEdits<'_>>,
    ) -> Vec<Cell> {
        let mut cells: Vec<(ColumnNumber, Value)> = Vec::with_capacity(written.len());
        cells.extend(written.iter().map(|(column, cell)| (*column, log.value(*cell).to_value())));
        if let Some(PeekedEdits { sums, texts }) = edits {
            for (column, sum) in sums {
                let base = written.iter().find(|(other, _)| *other == column).map(|(_, cell)| *cell);
                cells.push((column, Value::Integer(sum_on(log, base, sum))));
            }
            cells.extend(texts.into_iter().map(|(column, text)| (column, Value::Text(text.concat()))));
            sort::sort_by_key(&mut cells, |(column, _)| *column);
            // The last value of each column shows.
            cells.dedup_by(|next, last| {
                let is_same = next.0 == last.0;
                if is_same {
                    mem::swap(next, last);
                }
                is_same
            });
        }
        let name = |column: ColumnNumber| String::from(&**self.columns.text(column.0));
        cells.into_iter().map(|(column, value)| Cell { column: name(column), value }).collect()
    }

    /// Returns the last block of a table that begins with an id up to this one, the number of its
    /// first row, and the count of its rows.
    fn find_block<'a>(
        &self,
        reader: &mut Reader<'a>,
        table: &str,
        id: &str,
    ) -> Result<Option<(u32, Reader<'a>, u32)>, Error> {
        let Some(table) = self.tables.find(table) else { return Ok(None) };
        let counts = read_counts(reader, self.tables.len())?;
        let mut lens = Column::read(reader)?;
        let mut blocks = reader.sized_part()?;
        let (mut found, mut first) = (None, 0_u32);
        for (number, rows) in (0..).zip(counts) {
            for count in block_sizes(rows) {
                let block = blocks.part(lens.next()?)?;
                if number == table && SortedTexts::read(&mut block.clone())?.next(limits::ROW_BYTES.maximum)? <= id {
                    found = Some((first, block, count));
                }
                first = first.saturating_add(count);
            }
        }
        Ok(found)
    }

    /// Returns the tables that have rows in a state, sorted by name, without reading cells.
    /// O(rows).
    pub(crate) fn summaries(&self, reader: &mut Reader<'_>) -> Result<Vec<TableSummary>, Error> {
        let counts = read_counts(reader, self.tables.len())?;
        let mut lens = Column::read(reader)?;
        let mut blocks = reader.sized_part()?;
        let mut summaries = Vec::new();
        for ((name, _), in_table) in self.tables.sorted().zip(counts) {
            let mut rows = 0_u32;
            for count in block_sizes(in_table) {
                let mut block = blocks.part(lens.next()?)?;
                SortedTexts::read(&mut block)?.check_count(count.into())?;
                let mut columns = StateColumns::read(&mut block)?;
                for _ in 0..count {
                    rows = rows.saturating_add(columns.row(&AnyStamps)?.0.exists().into());
                }
            }
            if rows > 0 {
                summaries.push(TableSummary { name: String::from(&**name), rows });
            }
        }
        Ok(summaries)
    }
}

/// The visible results of a row's edits.
struct PeekedEdits<'a> {
    sums: Vec<(ColumnNumber, i128)>,
    texts: Vec<(ColumnNumber, Vec<&'a str>)>,
}

/// Stamps for a reader to which only their existence matters: every number stands for some event.
struct AnyStamps;

impl StampTable for AnyStamps {
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
