//! Encodes operations and values.

use super::shapes::ShapesWriter;
use super::{ABSENT, BLOBS, INTEGERS, REALS, TEXTS};
use crate::codec::{ColumnWriter, DeltaWriter, TextColumnWriter, put_varint, zigzag};
use crate::id::{EventNumber, Ranks};
use crate::oplog::{CellNumber, ContentRange, LoggedOp, OpKind, OpLog};
use crate::value::ValueRef;
use crate::work;
use std::collections::BTreeMap;

/// Encodes the values of one column name: their tags, then the values of each type together.
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

/// Encodes values, grouped by column name.
#[derive(Debug)]
pub(crate) struct ValueColumnsWriter<'a>(BTreeMap<u32, ValuesWriter<'a>>);

impl<'a> ValueColumnsWriter<'a> {
    pub(crate) fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a value, or `None` for an unset, of the column with this rank.
    pub(crate) fn push(&mut self, column: u32, value: Option<ValueRef<'a>>) {
        self.0.entry(column).or_insert_with(ValuesWriter::new).push(value);
    }

    /// Writes the number of columns, and the rank and values of each column.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        put_varint(out, self.0.len() as u64);
        for (column, values) in self.0 {
            work::step();
            put_varint(out, column.into());
            values.finish(out);
        }
    }
}

/// Encodes the operations of events.
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
    splices: SplicesWriter,
    contents: ContentsWriter,
    shape: Vec<u32>,
}

impl<'a> OpsWriter<'a> {
    /// Encodes events of this log, with these ranks of rows and columns.
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
            splices: SplicesWriter::new(),
            contents: ContentsWriter::default(),
            shape: Vec::new(),
        }
    }

    /// Adds events. Omits the values of cells for which `is_held` holds.
    pub(crate) fn events(
        &mut self,
        events: impl Iterator<Item = EventNumber>,
        shapes: &mut ShapesWriter,
        is_held: &impl Fn(CellNumber) -> bool,
    ) {
        for (first, count) in self.log.groups(events) {
            let mut written = 0;
            while written < count {
                let event = first.plus(written);
                let splices = self.splices(event, count - written, shapes);
                if splices == 0 {
                    self.event(event, shapes, is_held);
                }
                written += splices.max(1);
            }
        }
    }

    /// Adds events, up to `max`, that have one splice each, as long as they insert ASCII. Returns
    /// their number; 0 for fewer than two.
    fn splices(&mut self, event: EventNumber, max: u32, shapes: &mut ShapesWriter) -> u32 {
        let Some(splices) = self.log.splices_from(event, max) else { return 0 };
        let each = splices.bytes_of_each;
        let count = splices.content.ascii_parts(each, splices.count, self.log.content());
        let Some(last) = splices.first(count).last_position().filter(|_| count > 1) else { return 0 };
        work::step();
        let (row, column) = (self.rows.of(splices.row.0), self.columns.of(splices.column.0));
        self.counts.push_times(1, count);
        self.kinds.push_times(OpKind::Splice as u64, count);
        self.op_rows.push_times(row.into(), count);
        self.shapes.push_times(shapes.number(&[column]), count);
        let SplicesWriter { places, removed, inserted, expected } = &mut self.splices;
        places.push(zigzag(i64::from(splices.place.at) - i64::from(*expected)));
        places.push_times(zigzag(i64::from(splices.step) - i64::from(each)), count - 1);
        removed.push_times(splices.place.remove.into(), count);
        inserted.push_times(each.into(), count);
        *expected = last.saturating_add(each);
        self.contents.push((row, column), splices.first(count).content);
        count
    }

    fn event(&mut self, event: EventNumber, shapes: &mut ShapesWriter, is_held: &impl Fn(CellNumber) -> bool) {
        self.counts.push(self.log.op_count(event) as u64);
        for op in self.log.ops(event) {
            work::step();
            self.kinds.push(op.kind as u64);
            self.op_rows.push(self.rows.of(op.row.0).into());
            self.shape.clear();
            if op.kind == OpKind::Splice {
                self.splice(&op);
                self.shapes.push(shapes.number(&self.shape));
                continue;
            }
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

    fn splice(&mut self, op: &LoggedOp) {
        let Some((column, content, place)) = self.log.splice(op) else { return };
        let (row, column) = (self.rows.of(op.row.0), self.columns.of(column.0));
        self.shape.push(column);
        let text = content.of(self.log.content());
        let inserted = text.chars().count() as u32;
        let continued = i64::from(place.at) - i64::from(self.splices.expected);
        self.splices.places.push(zigzag(continued));
        self.splices.removed.push(place.remove.into());
        self.splices.inserted.push(inserted.into());
        self.splices.expected = place.at.saturating_add(inserted);
        self.contents.push((row, column), content);
    }

    /// Writes the number of operations of each event, the kinds, rows and shapes of the operations,
    /// the values, and the places of splices if there are any. Returns what splices insert.
    pub(crate) fn finish(self, out: &mut Vec<u8>) -> ContentsWriter {
        self.counts.finish(out);
        self.kinds.finish(out);
        self.op_rows.finish(out);
        self.shapes.finish(out);
        self.values.finish(out);
        if !self.contents.is_empty() {
            let SplicesWriter { places, removed, inserted, .. } = self.splices;
            [places, removed, inserted].into_iter().for_each(|column| column.finish(out));
        }
        self.contents
    }
}

/// The places of splices.
#[derive(Debug)]
struct SplicesWriter {
    places: ColumnWriter,
    removed: ColumnWriter,
    inserted: ColumnWriter,
    /// The position of the next splice if it continues the one before it.
    expected: u32,
}

impl SplicesWriter {
    fn new() -> Self {
        let [places, removed, inserted] = [(); 3].map(|()| ColumnWriter::new());
        Self { places, removed, inserted, expected: 0 }
    }
}

/// What the splices of each cell insert, in the order of the history.
#[derive(Debug, Default)]
pub(crate) struct ContentsWriter {
    /// By ranks of row and column. Neighbouring parts of the log are one range.
    cells: BTreeMap<(u32, u32), Vec<ContentRange>>,
}

impl ContentsWriter {
    fn push(&mut self, cell: (u32, u32), content: ContentRange) {
        let ranges = self.cells.entry(cell).or_default();
        match ranges.last_mut() {
            _ if content.bytes == 0 => {}
            Some(last) if last.end() == content.start => last.bytes += content.bytes,
            _ => ranges.push(content),
        }
    }

    /// Returns whether there are no splices.
    pub(crate) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Returns what the splices of a cell insert, as ranges of the log.
    pub(crate) fn of(&self, row: u32, column: u32) -> &[ContentRange] {
        self.cells.get(&(row, column)).map_or(&[], |ranges| ranges)
    }

    /// Writes the number of cells, their ranks, the lengths of their texts, and the texts.
    pub(crate) fn write(&self, log: &OpLog, out: &mut Vec<u8>) {
        put_varint(out, self.cells.len() as u64);
        if self.cells.is_empty() {
            return;
        }
        let (mut rows, mut columns, mut lens) = (DeltaWriter::new(), ColumnWriter::new(), ColumnWriter::new());
        for ((row, column), ranges) in &self.cells {
            rows.push((*row).into());
            columns.push((*column).into());
            lens.push(ranges.iter().map(|range| u64::from(range.bytes)).sum());
        }
        rows.finish(out);
        columns.finish(out);
        lens.finish(out);
        for range in self.cells.values().flatten() {
            work::step();
            out.extend_from_slice(range.of(log.content()).as_bytes());
        }
    }
}
