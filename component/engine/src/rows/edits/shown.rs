//! The visible cells of a row: written values, and those that edits made.

use super::Ground;
use super::sums::{Sums, sum_on};
use super::texts::Texts;
use crate::id::{ColumnNumber, Names};
use crate::oplog::{Cell, CellNumber, OpLog, Packed};
use crate::rows::state::RowState;
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
    Plain(Packed),
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
            Source::Plain(value) => ShownValue::Plain(log.unpack(value)),
            Source::Text(text, ground) => ShownValue::Spliced { text, ground },
        }
    }

    /// Copies the value of the cell.
    pub(in crate::rows) fn to_value(self, log: &OpLog) -> Value {
        match self.source {
            Source::Plain(value) => log.unpack(value).to_value(),
            Source::Text(text, _) => Value::Text(text.slices(log.content()).collect()),
        }
    }
}

/// What the edits of a row result in.
#[derive(Debug, Clone, Copy)]
pub(in crate::rows) struct ShownEdits<'a> {
    pub(in crate::rows) sums: &'a Sums,
    pub(in crate::rows) texts: &'a Texts,
}

/// The columns of which cells are read, sorted by number; `None` for all.
pub(in crate::rows) type Chosen<'a> = Option<&'a [ColumnNumber]>;

/// The stored content of one row.
#[derive(Clone, Copy)]
pub(in crate::rows) struct RowContent<'a> {
    state: &'a RowState,
    /// `None` if no edits count, as in most rows.
    edits: Option<ShownEdits<'a>>,
    log: &'a OpLog,
    columns: &'a Names,
}

impl<'a> RowContent<'a> {
    pub(in crate::rows) fn new(
        state: &'a RowState,
        edits: Option<ShownEdits<'a>>,
        (log, columns): (&'a OpLog, &'a Names),
    ) -> Self {
        let count = |edits: &ShownEdits<'_>| state.exists() && !(edits.sums.is_empty() && edits.texts.is_empty());
        Self { state, edits: edits.filter(count), log, columns }
    }

    /// Returns the visible cells, sorted by column. O(cells), and O(cells × log cells) if there are
    /// edits, in addition to the size of the cells.
    pub(in crate::rows) fn cells(self, chosen: Chosen<'_>) -> Vec<Cell> {
        let Self { state, edits, log, columns } = self;
        let named =
            |column: ColumnNumber, value: Value| Cell { column: String::from(&**columns.text(column.0)), value };
        if edits.is_some() {
            let mut shown = Vec::new();
            self.show(chosen, &mut shown);
            return shown.into_iter().map(|cell| named(cell.column, cell.to_value(log))).collect();
        }
        // Most rows have no edits. A loop takes fewer instructions than an iterator here.
        let mut cells = Vec::with_capacity(state.written.len());
        for write in &state.written {
            if write.shows() && is_among(write.column(), chosen) {
                cells.push(named(write.column(), log.value(write.cell).to_value()));
            }
        }
        cells
    }

    /// Replaces the content of `cells` by the visible cells, sorted by the name of the column. Cost
    /// as for `cells`, without the size of the cells.
    pub(in crate::rows) fn show(self, chosen: Chosen<'_>, cells: &mut Vec<ShownCell<'a>>) {
        cells.clear();
        if let Some(edits) = self.edits {
            self.show_edited(edits, cells);
            return cells.retain(|cell| is_among(cell.column, chosen));
        }
        for write in &self.state.written {
            if write.shows() && is_among(write.column(), chosen) {
                cells.push(ShownCell { column: write.column(), source: Source::Plain(self.log.packed(write.cell)) });
            }
        }
    }

    /// Adds the visible cells of a row that was edited.
    fn show_edited(self, edits: ShownEdits<'a>, cells: &mut Vec<ShownCell<'a>>) {
        let Self { state, log, columns, .. } = self;
        for write in state.written.iter().filter(|write| write.counts) {
            work::step();
            let column = write.column();
            let base = (!write.is_unset).then_some(write.cell);
            let source = edits.shown(column, base, true, log).or(base.map(|base| Source::Plain(log.packed(base))));
            cells.extend(source.map(|source| ShownCell { column, source }));
        }
        let sorted = cells.len();
        let ShownEdits { sums, texts } = edits;
        let on_delete = sums.iter().filter(|sum| !sum.ground.is_write()).map(|sum| sum.column);
        let on_delete = on_delete.chain(texts.iter().filter(|text| !text.ground.is_write()).map(|text| text.column));
        for column in on_delete {
            let is_listed = cells[sorted..].iter().any(|cell| cell.column == column);
            let source = if is_listed { None } else { edits.shown(column, None, false, log) };
            cells.extend(source.map(|source| ShownCell { column, source }));
        }
        if cells.len() > sorted {
            sort::sort_by(cells, |a, b| columns.text(a.column.0).cmp(columns.text(b.column.0)));
        }
    }
}

impl<'a> ShownEdits<'a> {
    /// Returns what the edits of a cell show, if there are any with this kind of ground. `base` is
    /// the written value. A cell with a text and a sum shows the text.
    fn shown(
        self,
        column: ColumnNumber,
        base: Option<CellNumber>,
        is_on_write: bool,
        log: &OpLog,
    ) -> Option<Source<'a>> {
        if let Some(entry) = self.texts.get(column, is_on_write).filter(|entry| entry.value.shows()) {
            return Some(Source::Text(&entry.value.text, entry.ground));
        }
        let sum = self.sums.get(column, is_on_write)?;
        Some(Source::Plain(Packed::integer(sum_on(log, base, sum.value))))
    }
}

fn is_among(column: ColumnNumber, chosen: Chosen<'_>) -> bool {
    chosen.is_none_or(|chosen| chosen.binary_search(&column).is_ok())
}
