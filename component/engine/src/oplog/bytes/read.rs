//! Decodes operations.

use super::shapes::Shapes;
use super::splices::{SplicedContents, SplicesReader};
use super::values::ValueColumns;
use crate::clock::Lamport;
use crate::codec::{Column, DeltaColumn, Reader};
use crate::convert::{index_of, u64_of};
use crate::error::Error;
use crate::id::{ColumnNumber, PeerNumber, RowNumber};
use crate::limits;
use crate::memory;
use crate::oplog::op::{ITEM_BYTES, SPLICE_CELLS};
use crate::oplog::view::OpNames;
use crate::oplog::{CellNumber, ContentRange, OpKind, OpLog, Packed, SPLICE_SPENDS, Splices, Totals};
use crate::work;

/// A cell that an operation sets, and the operation's place in the order of execution.
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

/// What decoding operations requires: the names of rows and columns, and the values that the
/// history omits.
pub(crate) trait OpContext: OpNames {
    /// Returns the number of rows.
    fn rows(&self) -> u32;
    /// Returns the value of a cell that the history omits. The cell gets the number `cell` in the
    /// log.
    fn held(&mut self, written: OpCell, cell: CellNumber) -> Option<Packed>;
}

/// Decodes what `OpsWriter` wrote.
#[derive(Debug)]
pub(crate) struct OpsReader<'a> {
    counts: Column<'a>,
    kinds: Column<'a>,
    rows: DeltaColumn<'a>,
    shapes: Column<'a>,
    values: ValueColumns<'a>,
    splices: Option<SplicesReader<'a>>,
    contents: SplicedContents,
}

impl<'a> OpsReader<'a> {
    /// Reads the heads of the columns for the operations of this many events.
    pub(crate) fn read(reader: &mut Reader<'a>, events: u64) -> Result<Self, Error> {
        let counts = Column::read(reader)?;
        counts.check_count(events)?;
        let (kinds, rows, shapes) = (Column::read(reader)?, DeltaColumn::read(reader)?, Column::read(reader)?);
        let values = ValueColumns::read(reader)?;
        let splices = if reader.left() > 0 { Some(SplicesReader::read(reader)?) } else { None };
        Ok(Self { counts, kinds, rows, shapes, values, splices, contents: SplicedContents::default() })
    }

    /// Returns whether there are splices.
    pub(crate) fn has_splices(&self) -> bool {
        self.splices.is_some()
    }

    /// Sets what the splices insert.
    pub(crate) fn set_contents(&mut self, contents: SplicedContents) {
        self.contents = contents;
    }

    /// Returns whether one of the operations of this many events is an edit. O(operations).
    pub(crate) fn any_edit(reader: &mut Reader<'a>, events: u64) -> Result<bool, Error> {
        let mut ops = Self::read(reader, events)?;
        let mut count = 0_u64;
        for _ in 0..events {
            work::step();
            count = count.saturating_add(ops.counts.next_u32_to(u32::MAX)?.into());
        }
        ops.kinds.check_count(count)?;
        for _ in 0..count {
            work::step();
            if ops.kind()?.is_edit() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Appends the next events to the log. `time` returns the time and peer of each one.
    pub(crate) fn events(
        &mut self,
        log: &mut OpLog,
        count: u32,
        time: impl Fn(u32) -> (Lamport, PeerNumber),
        shapes: &Shapes,
        context: &mut impl OpContext,
    ) -> Result<(), Error> {
        let mut read = 0_u32;
        while read < count {
            let splices = self.splices(log, count.saturating_sub(read), shapes, context)?;
            if splices == 0 {
                self.event(log, time(read), shapes, context)?;
            }
            read = read.saturating_add(splices.max(1));
        }
        Ok(())
    }

    /// Appends the next events, up to `max`, to the log, if each is one splice of the same cell, at
    /// positions with equal distances, as far as the present groups of the columns show. Returns
    /// the number of events; 0 for fewer than two. Their times and peers do not matter, because the
    /// state contains no splices.
    fn splices(&mut self, log: &mut OpLog, max: u32, shapes: &Shapes, context: &impl OpContext) -> Result<u32, Error> {
        work::step();
        let Some(splices) = &mut self.splices else { return Ok(0) };
        let Some((1, events)) = self.counts.repeated()? else { return Ok(0) };
        let Some((kind, ops)) = self.kinds.repeated()? else { return Ok(0) };
        if kind_of(kind) != Some(OpKind::Splice) {
            return Ok(0);
        }
        let (Some((row, in_row)), Some((shape, in_shape))) = (self.rows.repeated()?, self.shapes.repeated()?) else {
            return Ok(0);
        };
        let (Ok(row), Some(&[column])) = (u32::try_from(row).map(RowNumber), shapes.get(shape)) else { return Ok(0) };
        let max = max.min(events).min(ops).min(in_row).min(in_shape);
        let Some((place, step, insert, count)) = splices.repeated(max)? else { return Ok(0) };
        if row.0 >= context.rows() {
            return Ok(0);
        }
        let (table, id) = context.row_name(row);
        let names = item_bytes(context.column_name(column).len()).saturating_mul(u64_of(SPLICE_CELLS));
        let bytes =
            item_bytes(table.len().saturating_add(id.len())).saturating_add(names).saturating_add(insert.into());
        let more = Totals::of_splices(count, insert.saturating_mul(count));
        let fits = limits::COMMIT_BYTES.check(bytes).and(limits::VALUE_BYTES.check(insert.into()));
        let mut found =
            Splices { row, column, count, place, step, content: ContentRange::default(), bytes_of_each: insert };
        if fits.and(log.totals().with(more).check()).is_err() || found.last_position().is_none() {
            return Ok(0);
        }
        let taken = self.contents.take_ascii((row, column), (insert, count), log);
        let Some((content, count)) = taken else { return Ok(0) };
        (found.content, found.count) = (content, count);
        let last = found.last_position().unwrap_or(place.at);
        memory::spend(SPLICE_SPENDS)?;
        log.reserve(0, Totals::default(), index_of(context.rows()))?;
        log.push_splices_of(&found);
        self.counts.skip(count);
        self.kinds.skip(count);
        self.rows.skip(count);
        self.shapes.skip(count);
        splices.skip(count, (last, insert));
        Ok(count)
    }

    /// Appends the next event, of this time and peer, to the log.
    fn event(
        &mut self,
        log: &mut OpLog,
        time: (Lamport, PeerNumber),
        shapes: &Shapes,
        context: &mut impl OpContext,
    ) -> Result<(), Error> {
        let count = self.counts.next_u32_to(u32::MAX)?;
        limits::COMMIT_OPERATIONS.check(count.into())?;
        log.reserve(1, Totals::default(), index_of(context.rows()))?;
        let mut bytes = 0_u64;
        for index in 0..count {
            work::step();
            bytes = bytes.saturating_add(self.op(log, time, index, shapes, context)?);
            limits::COMMIT_BYTES.check(bytes)?;
            log.totals().check()?;
        }
        log.end_event();
        Ok(())
    }

    /// Appends the next operation, with this index in its event, to the log. Returns its size, as
    /// limits count it.
    fn op(
        &mut self,
        log: &mut OpLog,
        (lamport, peer): (Lamport, PeerNumber),
        index: u32,
        shapes: &Shapes,
        context: &mut impl OpContext,
    ) -> Result<u64, Error> {
        let kind = self.kind()?;
        let Some(last_row) = context.rows().checked_sub(1) else {
            return Err(self.rows.damage("an operation names a row where there are none"));
        };
        let row = RowNumber(self.rows.next_u32_to(last_row)?);
        let Some(columns) = shapes.get(self.shapes.next()?) else {
            return Err(self.shapes.damage("an operation names columns that are not listed"));
        };
        if kind == OpKind::Delete && !columns.is_empty() {
            return Err(self.shapes.damage("a delete sets cells"));
        }
        if kind.is_edit() && columns.len() != 1 {
            return Err(self.shapes.damage("an edit does not name one cell"));
        }
        let cells = u64_of(columns.len());
        limits::OPERATION_CELLS.check(cells)?;
        let (table, id) = context.row_name(row);
        let mut bytes = item_bytes(table.len().saturating_add(id.len()));
        if kind == OpKind::Splice {
            for &column in columns {
                let bytes_of_splice = self.splice(log, (row, column))?;
                let names = item_bytes(context.column_name(column).len()).saturating_mul(u64_of(SPLICE_CELLS));
                bytes = bytes.saturating_add(names).saturating_add(bytes_of_splice);
            }
            return Ok(bytes);
        }
        log.reserve(0, Totals { operations: 1, cells, ..Totals::default() }, 0)?;
        let start = log.begin_op();
        let is_unset = kind == OpKind::Unset;
        for &column in columns {
            work::step();
            let cell = OpCell { lamport, peer, index, row, column, is_unset };
            let held = if kind.is_edit() { None } else { context.held(cell, log.next_cell()) };
            let value = match held {
                Some(value) => value,
                None => match self.values.next(column, log)? {
                    Some(value) if kind == OpKind::Add && !value.is_integer() => {
                        return Err(self.kinds.damage("an addition adds no integer"));
                    }
                    Some(value) if !is_unset => value,
                    None if is_unset => Packed::NULL,
                    _ => return Err(self.kinds.damage("an operation and its values do not match")),
                },
            };
            bytes = bytes.saturating_add(item_bytes(context.column_name(column).len()));
            bytes = bytes.saturating_add(value.content_bytes());
            log.push_cell(column, value);
        }
        log.end_op(kind, row, start);
        Ok(bytes)
    }

    /// Appends the cells of the next splice, and returns the size of the inserted text in bytes.
    fn splice(&mut self, log: &mut OpLog, cell: (RowNumber, ColumnNumber)) -> Result<u64, Error> {
        let splices = self.splices.as_mut().ok_or_else(|| self.kinds.damage("the places of splices are missing"))?;
        let (place, inserted) = splices.next()?;
        let content = self.contents.take(cell, inserted, log);
        let content = content.ok_or_else(|| self.kinds.damage("what a splice inserts is missing"))?;
        limits::VALUE_BYTES.check(content.bytes.into())?;
        memory::spend(SPLICE_SPENDS)?;
        log.push_splice_of(cell.0, cell.1, place, content);
        Ok(content.bytes.into())
    }

    fn kind(&mut self) -> Result<OpKind, Error> {
        let kind = kind_of(self.kinds.next()?);
        kind.ok_or_else(|| self.kinds.damage("an operation is of an unknown kind"))
    }

    /// Fails if there is anything after the last event.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        self.counts.finish()?;
        self.kinds.finish()?;
        self.rows.finish()?;
        self.shapes.finish()?;
        self.splices.as_ref().map_or(Ok(()), SplicesReader::finish)?;
        if !self.contents.is_taken() {
            return Err(self.kinds.damage("more is inserted than splices insert"));
        }
        self.values.finish()
    }
}

/// Returns the size, as limits count it, of an operation or a cell with names of this length,
/// without its content.
fn item_bytes(names: usize) -> u64 {
    ITEM_BYTES.saturating_add(u64_of(names))
}

/// Returns the kind of an operation that has this number in bytes.
fn kind_of(number: u64) -> Option<OpKind> {
    match number {
        0 => Some(OpKind::Insert),
        1 => Some(OpKind::Update),
        2 => Some(OpKind::Delete),
        3 => Some(OpKind::Unset),
        4 => Some(OpKind::Splice),
        5 => Some(OpKind::Add),
        _ => None,
    }
}
