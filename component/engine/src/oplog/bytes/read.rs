//! Reading operations.

use super::shapes::Shapes;
use super::values::ValueColumns;
use crate::clock::Lamport;
use crate::codec::{Column, DeltaColumn, Reader};
use crate::error::Error;
use crate::id::{ColumnNumber, PeerNumber, RowNumber};
use crate::limits;
use crate::oplog::op::ITEM_BYTES;
use crate::oplog::view::OpNames;
use crate::oplog::{CellNumber, OpKind, OpLog, Packed, Totals};
use crate::work;

/// A cell that an operation sets, by the operation's place in the order of execution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpCell {
    pub(crate) lamport: Lamport,
    pub(crate) peer: PeerNumber,
    pub(crate) index: u32,
    pub(crate) row: RowNumber,
    pub(crate) column: ColumnNumber,
    /// Whether the operation removes the cell.
    pub(crate) is_unset: bool,
}

/// What the operations of a history name, and what it leaves out.
pub(crate) trait OpContext: OpNames {
    /// How many rows there are.
    fn rows(&self) -> u32;
    /// The value of a cell that the history leaves out, which is this one in the log.
    fn held(&mut self, place: OpCell, cell: CellNumber) -> Option<Packed>;
}

/// Reads what `OpsWriter` wrote.
#[derive(Debug)]
pub(crate) struct OpsReader<'a> {
    counts: Column<'a>,
    kinds: Column<'a>,
    rows: DeltaColumn<'a>,
    shapes: Column<'a>,
    values: ValueColumns<'a>,
}

impl<'a> OpsReader<'a> {
    /// Reads the operations of this many events.
    pub(crate) fn read(reader: &mut Reader<'a>, events: u64) -> Result<Self, Error> {
        let counts = Column::read(reader)?;
        counts.check_count(events)?;
        let (kinds, rows, shapes) = (Column::read(reader)?, DeltaColumn::read(reader)?, Column::read(reader)?);
        Ok(Self { counts, kinds, rows, shapes, values: ValueColumns::read(reader)? })
    }

    /// Puts the next event, of this time and peer, into the log.
    pub(crate) fn event(
        &mut self,
        log: &mut OpLog,
        (lamport, peer): (Lamport, PeerNumber),
        shapes: &Shapes,
        ground: &mut impl OpContext,
    ) -> Result<(), Error> {
        let count = self.counts.next_u32()?;
        limits::COMMIT_OPERATIONS.check(count.into())?;
        log.reserve(1, Totals::default(), ground.rows() as usize)?;
        let mut bytes = 0;
        for index in 0..count {
            work::step();
            let kind = match self.kinds.next()? {
                0 => OpKind::Insert,
                1 => OpKind::Update,
                2 => OpKind::Delete,
                3 => OpKind::Unset,
                _ => return Err(self.kinds.damage("an operation is of an unknown kind")),
            };
            let Some(last_row) = ground.rows().checked_sub(1) else {
                return Err(self.rows.damage("an operation names a row where there are none"));
            };
            let row = RowNumber(self.rows.next_to(last_row.into())? as u32);
            let Some(columns) = shapes.get(self.shapes.next()?) else {
                return Err(self.shapes.damage("an operation names columns that are not listed"));
            };
            if kind == OpKind::Delete && !columns.is_empty() {
                return Err(self.shapes.damage("a delete sets cells"));
            }
            limits::OPERATION_CELLS.check(columns.len() as u64)?;
            log.reserve(0, Totals { operations: 1, cells: columns.len() as u64, bytes: 0 }, 0)?;
            let (table, id) = ground.row_name(row);
            bytes += ITEM_BYTES + (table.len() + id.len()) as u64;
            let start = log.columns.len() as u32;
            for &column in columns {
                work::step();
                let cell = CellNumber(log.columns.len() as u32);
                let is_unset = kind == OpKind::Unset;
                let value = match ground.held(OpCell { lamport, peer, index, row, column, is_unset }, cell) {
                    Some(value) => value,
                    None => match self.values.next(column, log)? {
                        Some(value) if !is_unset => value,
                        None if is_unset => Packed::NULL,
                        _ => return Err(self.kinds.damage("an operation and its values do not match")),
                    },
                };
                bytes += ITEM_BYTES + ground.column_name(column).len() as u64 + value.content_bytes();
                log.push_cell(column, value);
            }
            log.end_op(kind, row, start);
            limits::COMMIT_BYTES.check(bytes)?;
            log.totals().check()?;
        }
        log.end_event();
        Ok(())
    }

    /// Refuses what is behind the last event.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        self.counts.finish()?;
        self.kinds.finish()?;
        self.rows.finish()?;
        self.shapes.finish()?;
        self.values.finish()
    }
}
