//! Decodes the names of tables, columns and rows.

use crate::codec::{Column, Reader, SortedTexts};
use crate::convert::u64_of;
use crate::error::{Error, Name};
use crate::id::{ColumnNumber, Names, RowNumber, TableNumber, Texts, read_texts};
use crate::limits;
use crate::memory::Chunks;
use crate::oplog::{CellNumber, OpCell, OpContext, OpNames, Packed, Shapes};
use crate::rows::TableSummary;
use crate::work;

/// The names of some bytes: tables, columns and rows by number, without states.
#[derive(Debug)]
pub(crate) struct NameTable {
    pub(super) tables: Names,
    pub(super) columns: Names,
    /// The table of each row.
    rows: Chunks<TableNumber>,
    /// The id of each row.
    ids: Texts,
}

impl NameTable {
    /// Reads the names of tables and columns, and the shapes.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<(Self, Shapes), Error> {
        let tables = read_texts(reader, &limits::TABLES, limits::TABLE_BYTES.maximum)?;
        let columns = read_texts(reader, &limits::COLUMNS, limits::COLUMN_BYTES.maximum)?;
        tables.sorted().try_for_each(|(table, _)| Name::Table.check(table))?;
        let shapes = Shapes::read(reader, u64_of(columns.len()))?;
        Ok((Self { tables, columns, rows: Chunks::default(), ids: Texts::default() }, shapes))
    }

    /// Returns the number of rows of each table of which there are ids, but no states.
    pub(crate) fn named_rows(&self, reader: &mut Reader<'_>) -> Result<Vec<TableSummary>, Error> {
        let counts = read_counts(reader, self.tables.len())?;
        let named = self.tables.sorted().zip(counts);
        Ok(named.map(|((name, _), rows)| TableSummary { name: String::from(&**name), rows }).collect())
    }

    /// Reads the ids of rows that have no states.
    pub(crate) fn read_ids(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        let Self { tables, rows, ids, .. } = self;
        for (table, count) in (0..).map(TableNumber).zip(read_counts(reader, tables.len())?) {
            read_some_ids(reader, count, rows.len(), |id| {
                rows.reserve(1)?;
                ids.reserve(1, id.len())?;
                rows.push(table);
                ids.push(id);
                Ok(())
            })?;
        }
        reader.finish()
    }
}

impl OpNames for NameTable {
    fn row_name(&self, row: RowNumber) -> (&str, &str) {
        (self.tables.text(self.rows[row.index()].0), self.ids.text(row.0))
    }

    fn column_name(&self, column: ColumnNumber) -> &str {
        self.columns.text(column.0)
    }
}

impl OpContext for NameTable {
    fn rows(&self) -> u32 {
        u32::try_from(self.ids.len()).unwrap_or(u32::MAX)
    }

    fn held(&mut self, _: OpCell, _: CellNumber) -> Option<Packed> {
        None
    }
}

/// Reads the number of rows of each table.
pub(super) fn read_counts(reader: &mut Reader<'_>, tables: usize) -> Result<Vec<u32>, Error> {
    let mut column = Column::read(reader)?;
    let mut counts = Vec::new();
    for _ in 0..tables {
        let count = column.next_u32_to(limits::DOCUMENT_OPERATIONS.maximum)?;
        if count == 0 {
            return Err(column.damage("a table has no rows"));
        }
        counts.push(count);
    }
    column.finish()?;
    Ok(counts)
}

/// Reads the ids of `count` rows of a table, after `known` rows of the bytes.
pub(super) fn read_some_ids(
    reader: &mut Reader<'_>,
    count: u32,
    known: usize,
    mut add: impl FnMut(&str) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut ids = SortedTexts::read(reader)?;
    ids.check_count(count.into())?;
    limits::DOCUMENT_OPERATIONS.check(u64_of(known).saturating_add(count.into()))?;
    for _ in 0..count {
        work::step();
        let id = ids.next(limits::ROW_BYTES.maximum)?;
        if id.is_empty() {
            return Err(reader.damage("a row's id is empty"));
        }
        add(id)?;
    }
    ids.finish()
}
