//! Operations and values as bytes: columns, of which `docs/format.md` tells the order.

use super::op::ITEM_BYTES;
use super::view::OpNames;
use super::{CellNumber, OpKind, OpLog, Packed, Tag, Totals};
use crate::clock::Lamport;
use crate::codec::{
    Column, ColumnWriter, DeltaColumn, DeltaWriter, Reader, TextColumn, TextColumnWriter, TextPiece, put_varint,
};
use crate::error::Error;
use crate::id::{ColumnNumber, EventNumber, PeerNumber, Ranks, RowNumber};
use crate::limits;
use crate::value::{CANONICAL_NAN, ValueRef};
use crate::work;
use std::collections::BTreeMap;

const INTEGERS: u8 = 1;
const REALS: u8 = 2;
const TEXTS: u8 = 4;
const BLOBS: u8 = 8;

/// The kind of what an unset leaves, next to the kinds of values.
const ABSENT: u64 = 7;

/// Writes the values of one column name: their kinds, then those of each kind together.
#[derive(Debug)]
pub(crate) struct ValuesWriter<'a> {
    tags: ColumnWriter,
    integers: DeltaWriter,
    reals: ColumnWriter,
    texts: TextColumnWriter<'a>,
    blobs: TextColumnWriter<'a>,
}

impl<'a> ValuesWriter<'a> {
    fn new() -> Self {
        Self {
            tags: ColumnWriter::new(),
            integers: DeltaWriter::new(),
            reals: ColumnWriter::fixed(),
            texts: TextColumnWriter::new(),
            blobs: TextColumnWriter::new(),
        }
    }

    /// Adds a value, or `None` for an unset.
    fn push(&mut self, value: Option<ValueRef<'a>>) {
        let Some(value) = value else { return self.tags.push(ABSENT) };
        match value {
            ValueRef::Null | ValueRef::Boolean(_) => {}
            ValueRef::Integer(integer) => self.integers.push(integer as u64),
            ValueRef::Real(bits) => self.reals.push(bits),
            ValueRef::Text(text) => self.texts.push(text.as_bytes()),
            ValueRef::Blob(blob) => self.blobs.push(blob),
        }
        self.tags.push(value.tag().into());
    }

    fn finish(self, out: &mut Vec<u8>) {
        let Self { tags, integers, reals, texts, blobs } = self;
        let present = |is_empty: bool, bit: u8| if is_empty { 0 } else { bit };
        out.push(
            present(integers.is_empty(), INTEGERS)
                | present(reals.is_empty(), REALS)
                | present(texts.is_empty(), TEXTS)
                | present(blobs.is_empty(), BLOBS),
        );
        tags.finish(out);
        if !integers.is_empty() {
            integers.finish(out);
        }
        if !reals.is_empty() {
            reals.finish(out);
        }
        if !texts.is_empty() {
            texts.finish(out);
        }
        if !blobs.is_empty() {
            blobs.finish(out);
        }
    }
}

/// Reads the values of one column name.
#[derive(Debug)]
struct ValuesReader<'a> {
    tags: Column<'a>,
    integers: Option<DeltaColumn<'a>>,
    reals: Option<Column<'a>>,
    texts: Option<(TextColumn<'a>, Vec<Packed>)>,
    blobs: Option<(TextColumn<'a>, Vec<Packed>)>,
}

impl<'a> ValuesReader<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let present = reader.byte()?;
        if present > (INTEGERS | REALS | TEXTS | BLOBS) {
            return Err(reader.damage("values of an unknown kind"));
        }
        let tags = Column::read(reader)?;
        let has = |bit: u8| present & bit != 0;
        let integers = has(INTEGERS).then(|| DeltaColumn::read(reader)).transpose()?;
        let reals = has(REALS).then(|| Column::read_fixed(reader)).transpose()?;
        let texts = has(TEXTS).then(|| TextColumn::read(reader)).transpose()?.map(|texts| (texts, Vec::new()));
        let blobs = has(BLOBS).then(|| TextColumn::read(reader)).transpose()?.map(|blobs| (blobs, Vec::new()));
        Ok(Self { tags, integers, reals, texts, blobs })
    }

    /// The next value, or `None` for an unset; a text or blob is put into the log, or shared with an equal one.
    fn next(&mut self, log: &mut OpLog) -> Result<Option<Packed>, Error> {
        let tag = self.tags.next()?;
        let absent = || self.tags.damage("values of a kind are missing");
        let (tag, payload) = match tag {
            0 => (Tag::Null, 0),
            1 => (Tag::False, 0),
            2 => (Tag::True, 0),
            3 => (Tag::Integer, self.integers.as_mut().ok_or_else(absent)?.next()?),
            4 => {
                let reals = self.reals.as_mut().ok_or_else(absent)?;
                let bits = reals.next()?;
                if f64::from_bits(bits).is_nan() && bits != CANONICAL_NAN {
                    return Err(reals.damage("a real is a NaN that documents do not hold"));
                }
                (Tag::Real, bits)
            }
            5 => {
                let (texts, known) = self.texts.as_mut().ok_or_else(absent)?;
                return next_piece(texts, known, log, |log, bytes| {
                    str::from_utf8(bytes).ok().map(|text| log.pack_text(text))
                });
            }
            6 => {
                let (blobs, known) = self.blobs.as_mut().ok_or_else(absent)?;
                return next_piece(blobs, known, log, |log, bytes| Some(log.pack_blob(bytes)));
            }
            ABSENT => return Ok(None),
            _ => return Err(self.tags.damage("a value is of an unknown kind")),
        };
        Ok(Some(Packed { tag, payload }))
    }

    fn finish(&self) -> Result<(), Error> {
        self.tags.finish()?;
        self.integers.as_ref().map_or(Ok(()), DeltaColumn::finish)?;
        self.reals.as_ref().map_or(Ok(()), Column::finish)?;
        self.texts.as_ref().map_or(Ok(()), |(texts, _)| texts.finish())?;
        self.blobs.as_ref().map_or(Ok(()), |(blobs, _)| blobs.finish())
    }
}

fn next_piece<'a>(
    texts: &mut TextColumn<'a>,
    known: &mut Vec<Packed>,
    log: &mut OpLog,
    pack: impl FnOnce(&mut OpLog, &'a [u8]) -> Option<Packed>,
) -> Result<Option<Packed>, Error> {
    match texts.next()? {
        TextPiece::Known(number) => {
            let named = known.get(number).copied();
            let packed = named.ok_or_else(|| texts.damage("a text is named that did not come before"))?;
            log.shared.insert(packed);
            Ok(Some(packed))
        }
        TextPiece::New { bytes, is_numbered } => {
            limits::VALUE_BYTES.check(bytes.len() as u64)?;
            limits::DOCUMENT_BYTES.check((log.texts.len().max(log.blobs.len()) + bytes.len()) as u64)?;
            log.reserve_content(bytes.len() as u64)?;
            let packed = pack(log, bytes).ok_or_else(|| texts.damage("a text is not UTF-8"))?;
            if is_numbered {
                known.push(packed);
            }
            Ok(Some(packed))
        }
    }
}

/// Writes values, those of each column name together.
#[derive(Debug)]
pub(crate) struct ValueColumnsWriter<'a>(BTreeMap<u32, ValuesWriter<'a>>);

impl<'a> ValueColumnsWriter<'a> {
    pub(crate) fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a value, or `None` for an unset, of the column with this number in the bytes.
    pub(crate) fn push(&mut self, column: u32, value: Option<ValueRef<'a>>) {
        self.0.entry(column).or_insert_with(ValuesWriter::new).push(value);
    }

    /// Writes how many columns there are, and for each its number and values.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        put_varint(out, self.0.len() as u64);
        for (column, values) in self.0 {
            work::step();
            put_varint(out, column.into());
            values.finish(out);
        }
    }
}

/// Reads what `ValueColumnsWriter` wrote.
#[derive(Debug)]
pub(crate) struct ValueColumns<'a> {
    columns: BTreeMap<u32, ValuesReader<'a>>,
    end: Reader<'a>,
}

impl<'a> ValueColumns<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let count = reader.number(limits::COLUMNS.maximum)?;
        let mut columns = BTreeMap::new();
        for _ in 0..count {
            work::step();
            let column = reader.number(limits::COLUMNS.maximum)? as u32;
            if columns.last_key_value().is_some_and(|(&last, _)| last >= column) {
                return Err(reader.damage("columns of values are not in the order of their names"));
            }
            columns.insert(column, ValuesReader::read(reader)?);
        }
        Ok(Self { columns, end: *reader })
    }

    /// The next value of a column, or `None` for an unset.
    pub(crate) fn next(&mut self, column: ColumnNumber, log: &mut OpLog) -> Result<Option<Packed>, Error> {
        match self.columns.get_mut(&column.0) {
            Some(values) => values.next(log),
            None => Err(self.end.damage("the values of a column are missing")),
        }
    }

    /// Refuses values behind what should be the last.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        self.columns.values().try_for_each(ValuesReader::finish)
    }
}

/// Numbers the lists of columns that come together, in the order in which they come.
#[derive(Debug, Default)]
pub(crate) struct ShapesWriter {
    numbers: BTreeMap<Vec<u32>, u64>,
    in_order: Vec<Vec<u32>>,
    last: u64,
}

impl ShapesWriter {
    /// The number of this list of columns, sorted.
    pub(crate) fn number(&mut self, columns: &[u32]) -> u64 {
        if self.in_order.get(self.last as usize).is_some_and(|last| last == columns) {
            return self.last;
        }
        self.last = match self.numbers.get(columns) {
            Some(&number) => number,
            None => {
                let number = self.in_order.len() as u64;
                self.numbers.insert(columns.to_vec(), number);
                self.in_order.push(columns.to_vec());
                number
            }
        };
        self.last
    }

    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        put_varint(out, self.in_order.len() as u64);
        let (mut lens, mut columns) = (ColumnWriter::new(), DeltaWriter::new());
        for shape in &self.in_order {
            lens.push(shape.len() as u64);
            for &column in shape {
                work::step();
                columns.push(column.into());
            }
        }
        lens.finish(out);
        columns.finish(out);
    }
}

/// Lists of columns that come together.
#[derive(Debug)]
pub(crate) struct Shapes {
    ends: Vec<u32>,
    columns: Vec<ColumnNumber>,
}

impl Shapes {
    /// Reads what `ShapesWriter` wrote, for a document of so many columns.
    pub(crate) fn read(reader: &mut Reader<'_>, column_count: u64) -> Result<Self, Error> {
        let count = reader.varint()?;
        let (mut lens, mut columns) = (Column::read(reader)?, DeltaColumn::read(reader)?);
        lens.check_count(count)?;
        let mut shapes = Self { ends: Vec::new(), columns: Vec::new() };
        for _ in 0..count {
            let start = shapes.columns.len();
            for _ in 0..lens.next_to(column_count)? {
                work::step();
                let column = columns.next_to(column_count - 1)? as u32;
                if shapes.columns[start..].last().is_some_and(|last| last.0 >= column) {
                    return Err(columns.damage("columns that come together are not sorted"));
                }
                shapes.columns.push(ColumnNumber(column));
            }
            shapes.ends.push(shapes.columns.len() as u32);
        }
        lens.finish()?;
        columns.finish()?;
        Ok(shapes)
    }

    /// The list of this number.
    pub(crate) fn get(&self, number: u64) -> Option<&[ColumnNumber]> {
        let number = usize::try_from(number).ok()?;
        let end = *self.ends.get(number)? as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        Some(&self.columns[start..end])
    }
}

/// Writes the operations of events.
#[derive(Debug)]
pub(crate) struct OpsWriter<'a> {
    log: &'a OpLog,
    rows: &'a Ranks,
    columns: &'a Ranks,
    counts: ColumnWriter,
    kinds: ColumnWriter,
    op_rows: DeltaWriter,
    shapes: ColumnWriter,
    values: ValueColumnsWriter<'a>,
    shape: Vec<u32>,
}

impl<'a> OpsWriter<'a> {
    /// Writes from this log, with these numbers for rows and columns.
    pub(crate) fn new(log: &'a OpLog, rows: &'a Ranks, columns: &'a Ranks) -> Self {
        Self {
            log,
            rows,
            columns,
            counts: ColumnWriter::new(),
            kinds: ColumnWriter::new(),
            op_rows: DeltaWriter::new(),
            shapes: ColumnWriter::new(),
            values: ValueColumnsWriter::new(),
            shape: Vec::new(),
        }
    }

    /// Adds an event. The values of cells that `is_held` are left out.
    pub(crate) fn event(
        &mut self,
        event: EventNumber,
        shapes: &mut ShapesWriter,
        is_held: &impl Fn(CellNumber) -> bool,
    ) {
        self.counts.push(self.log.op_count(event) as u64);
        for op in self.log.ops(event) {
            work::step();
            self.kinds.push(op.kind as u64);
            self.op_rows.push(self.rows.of(op.row.0).into());
            self.shape.clear();
            for cell in op.cells() {
                work::step();
                let column = self.columns.of(self.log.column(cell).0);
                self.shape.push(column);
                if !is_held(cell) {
                    let value = (op.kind != OpKind::Unset).then(|| self.log.value(cell));
                    self.values.push(column, value);
                }
            }
            self.shapes.push(shapes.number(&self.shape));
        }
    }

    /// Writes how many operations each event has, what they do, to which rows, which columns they set, and the values.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        self.counts.finish(out);
        self.kinds.finish(out);
        self.op_rows.finish(out);
        self.shapes.finish(out);
        self.values.finish(out);
    }
}

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
