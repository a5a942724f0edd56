//! The visible cells of a row: written values, and those that edits made.

use super::Ground;
use super::sums::{Sums, sum_on};
use super::texts::Texts;
use crate::id::{ColumnNumber, Names};
use crate::oplog::{CellNumber, OpLog};
use crate::rows::state::{LatestWrite, RowState};
use crate::sort;
use crate::text::Text;
use crate::value::{Value, ValueRef};
use crate::work;

/// A visible cell.
#[derive(Debug, Clone, Copy)]
pub(in crate::rows) struct ShownCell<'a> {
    pub(in crate::rows) column: ColumnNumber,
    source: Source<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    Written(CellNumber),
    Integer(i64),
    Text(&'a Text, Ground),
}

/// The value of a visible cell.
#[derive(Debug, Clone, Copy)]
pub(in crate::rows) enum ShownValue<'a> {
    Plain(ValueRef<'a>),
    /// A text that was spliced. It is in pieces.
    Spliced {
        text: &'a Text,
        ground: Ground,
    },
}

impl<'a> ShownCell<'a> {
    /// Returns the value of the cell. O(1).
    pub(in crate::rows) fn value<'b>(self, log: &'b OpLog) -> ShownValue<'b>
    where
        'a: 'b,
    {
        match self.source {
            Source::Written(cell) => ShownValue::Plain(log.value(cell)),
            Source::Integer(integer) => ShownValue::Plain(ValueRef::Integer(integer)),
            Source::Text(text, ground) => ShownValue::Spliced { text, ground },
        }
    }

    /// Copies the value of the cell.
    pub(in crate::rows) fn to_value(self, log: &OpLog) -> Value {
        match self.value(log) {
            ShownValue::Plain(value) => value.to_value(),
            ShownValue::Spliced { text, .. } => Value::Text(text.slices(log.content()).collect()),
        }
    }
}

/// What the edits of a row result in.
#[derive(Debug, Clone, Copy)]
pub(in crate::rows) struct ShownEdits<'a> {
    pub(in crate::rows) sums: &'a Sums,
    pub(in crate::rows) texts: &'a Texts,
}

/// The visible cells of a row, sorted by the name of the column.
#[derive(Debug, Clone)]
pub(in crate::rows) enum ShownCells<'a> {
    /// Those of a row without edits.
    Written(std::slice::Iter<'a, LatestWrite>),
    Edited(std::vec::IntoIter<ShownCell<'a>>),
}

impl<'a> ShownCells<'a> {
    /// Returns the visible cells of a row. O(1), and O(cells × log cells) if there are edits.
    pub(in crate::rows) fn of(
        state: &'a RowState,
        edits: Option<ShownEdits<'a>>,
        (log, columns): (&OpLog, &Names),
    ) -> Self {
        match edits {
            Some(edits) if state.exists() && !(edits.sums.is_empty() && edits.texts.is_empty()) => {
                Self::Edited(edited(state, edits, log, columns).into_iter())
            }
            _ => Self::Written(state.written.iter()),
        }
    }
}

impl<'a> Iterator for ShownCells<'a> {
    type Item = ShownCell<'a>;

    fn next(&mut self) -> Option<ShownCell<'a>> {
        match self {
            Self::Written(written) => written
                .find(|write| write.shows())
                .map(|write| ShownCell { column: write.column(), source: Source::Written(write.cell) }),
            Self::Edited(cells) => cells.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Written(written) => (0, written.size_hint().1),
            Self::Edited(cells) => cells.size_hint(),
        }
    }
}

fn edited<'a>(state: &'a RowState, edits: ShownEdits<'a>, log: &OpLog, columns: &Names) -> Vec<ShownCell<'a>> {
    let ShownEdits { sums, texts } = edits;
    let mut cells = Vec::with_capacity(state.written.len());
    // A cell with a text and a sum shows the text.
    let edited = |column: ColumnNumber, base: Option<CellNumber>, is_on_write: bool| {
        let text = texts.get(column, is_on_write).filter(|entry| entry.value.shows());
        let text = text.map(|entry| Source::Text(&entry.value.text, entry.ground));
        let sum = || sums.get(column, is_on_write).map(|sum| Source::Integer(sum_on(log, base, sum.value)));
        text.or_else(sum)
    };
    for write in state.written.iter().filter(|write| write.counts) {
        work::step();
        let column = write.column();
        let base = (!write.is_unset).then_some(write.cell);
        let source = edited(column, base, true).or(base.map(Source::Written));
        cells.extend(source.map(|source| ShownCell { column, source }));
    }
    let sorted = cells.len();
    let on_delete = sums.iter().filter(|sum| !sum.ground.is_write()).map(|sum| sum.column);
    let on_delete = on_delete.chain(texts.iter().filter(|text| !text.ground.is_write()).map(|text| text.column));
    for column in on_delete {
        let is_listed = cells[sorted..].iter().any(|cell| cell.column == column);
        let source = if is_listed { None } else { edited(column, None, false) };
        cells.extend(source.map(|source| ShownCell { column, source }));
    }
    if cells.len() > sorted {
        sort::sort_by(&mut cells, |a, b| columns.text(a.column.0).cmp(columns.text(b.column.0)));
    }
    cells
}
