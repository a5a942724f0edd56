//! Shapes: lists of columns that occur together.

use crate::codec::{Column, ColumnWriter, DeltaColumn, DeltaWriter, Reader, put_varint};
use crate::error::Error;
use crate::id::ColumnNumber;
use crate::work;
use std::collections::BTreeMap;

/// Encodes shapes, numbered in the order in which they first occur.
#[derive(Debug, Default)]
pub(crate) struct ShapesWriter {
    numbers: BTreeMap<Vec<u32>, u64>,
    in_order: Vec<Vec<u32>>,
    last: u64,
}

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
impl ShapesWriter {
    /// Returns the number of a shape, whose columns are sorted.
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

/// The shapes of some bytes, by number.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    /// The end of each shape in `columns`.
    ends: Vec<usize>,
    columns: Vec<ColumnNumber>,
}

impl Shapes {
    /// Decodes what `ShapesWriter` wrote, for this many columns.
    pub(crate) fn read(reader: &mut Reader<'_>, column_count: u64) -> Result<Self, Error> {
        let count = reader.varint()?;
        let (mut lens, mut columns) = (Column::read(reader)?, DeltaColumn::read(reader)?);
        lens.check_count(count)?;
        let mut shapes = Self::default();
        for _ in 0..count {
            let mut last = None;
            for _ in 0..lens.next_to(column_count)? {
                work::step();
                let column = columns.next_u32_to(column_count.saturating_sub(1))?;
                if last.replace(column).is_some_and(|last| last >= column) {
                    return Err(columns.damage("columns that come together are not sorted"));
                }
                shapes.columns.push(ColumnNumber(column));
            }
            shapes.ends.push(shapes.columns.len());
        }
        lens.finish()?;
        columns.finish()?;
        Ok(shapes)
    }

    /// Returns the columns of a shape.
    pub(crate) fn get(&self, number: u64) -> Option<&[ColumnNumber]> {
        let number = usize::try_from(number).ok()?;
        let end = *self.ends.get(number)?;
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.columns.get(start..end)
    }
}
