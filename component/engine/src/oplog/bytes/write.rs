//! Encodes operations and values.

use super::shapes::ShapesWriter;
use super::{ABSENT, BLOBS, INTEGERS, REALS, TEXTS};
use crate::codec::{ColumnWriter, DeltaWriter, TextColumnWriter, put_varint};
use crate::id::{EventNumber, Ranks};
use crate::oplog::{CellNumber, OpKind, OpLog};
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
            shape: Vec::new(),
        }
    }

    /// Adds an event. Omits the values of cells for which `is_held` holds.
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

    /// Writes the number of operations of each event, the kinds, rows and shapes of the operations,
    /// and the values.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        self.counts.finish(out);
        self.kinds.finish(out);
        self.op_rows.finish(out);
        self.shapes.finish(out);
        self.values.finish(out);
    }
}
