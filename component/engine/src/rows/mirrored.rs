//! Rows as a mirror has them, and the operations that bring a mirror up to date.
//!
//! Of a spliced text, a mirrored row has the ranges of the content that it showed, and never a
//! copy. So a text that changes a little is mirrored by splices.

use super::Rows;
use super::edits::{Ground, RowContent, RowEdits, ShownCell, ShownEdits, ShownValue};
use super::state::RowState;
use crate::id::{Names, RowNumber};
use crate::oplog::{Cell, ContentRange, OpLog, OpNames, RowOp};
use crate::text::{TextSplice, difference};
use crate::value::Value;
use crate::work;

/// A text is mirrored as a whole if it has more splices than this.
const MAX_SPLICES: usize = 64;

/// A cell as a mirror has it.
#[derive(Debug, Clone)]
pub(super) struct MirroredCell {
    column: String,
    value: MirroredValue,
}

#[derive(Debug, Clone)]
enum MirroredValue {
    Plain(Value),
    /// The text of this ground, as ranges of the log's content.
    Spliced {
        ground: Ground,
        shown: Vec<ContentRange>,
    },
}

/// The cells of a row, sorted by column; `None` if the row does not exist.
pub(super) type Mirrored = Option<Vec<MirroredCell>>;

impl MirroredCell {
    fn new(columns: &Names, log: &OpLog, cell: ShownCell<'_>) -> Self {
        let value = match cell.value(log) {
            ShownValue::Plain(value) => MirroredValue::Plain(value.to_value()),
            ShownValue::Spliced { text, ground } => MirroredValue::Spliced { ground, shown: text.shown().collect() },
        };
        Self { column: String::from(&**columns.text(cell.column.0)), value }
    }

    /// Returns the value of the cell.
    fn to_value(&self, log: &OpLog) -> Value {
        match &self.value {
            MirroredValue::Plain(value) => value.clone(),
            MirroredValue::Spliced { shown, .. } => {
                Value::Text(shown.iter().map(|range| range.of(log.content())).collect())
            }
        }
    }

    /// Returns the cell for a document with another log.
    pub(super) fn to_plain(&self, log: &OpLog) -> Self {
        Self { column: self.column.clone(), value: MirroredValue::Plain(self.to_value(log)) }
    }

    fn to_cell(&self, log: &OpLog) -> Cell {
        Cell { column: self.column.clone(), value: self.to_value(log) }
    }

    /// Returns the splices that lead from an older text of the same ground to this one, if they are
    /// few and small.
    fn splices_from(&self, old: &Self, log: &OpLog) -> Option<Vec<TextSplice>> {
        let (MirroredValue::Spliced { ground: before, shown: old }, MirroredValue::Spliced { ground, shown: new }) =
            (&old.value, &self.value)
        else {
            return None;
        };
        if before != ground {
            return None;
        }
        let splices = difference(old, new, log.content());
        let changed: usize = splices.iter().map(|splice| splice.remove as usize + splice.insert.len()).sum();
        let bytes: u64 = new.iter().map(|range| u64::from(range.bytes)).sum();
        (splices.len() <= MAX_SPLICES && changed as u64 <= bytes / 2 || splices.is_empty()).then_some(splices)
    }
}

/// Returns the cells of a row for a mirror.
pub(super) fn mirrored(state: &RowState, edits: Option<ShownEdits<'_>>, (log, columns): (&OpLog, &Names)) -> Mirrored {
    let cells = || {
        let mut shown = Vec::new();
        RowContent::new(state, edits, (log, columns)).show(None, &mut shown);
        shown.into_iter().map(|cell| MirroredCell::new(columns, log, cell)).collect()
    };
    state.exists().then(cells)
}

impl Rows {
    /// Returns the present cells of a row for a mirror.
    pub(super) fn mirrored_row(&self, log: &OpLog, row: RowNumber) -> Mirrored {
        let edits = self.edits.get(row).map(RowEdits::shown);
        mirrored(&self.rows[row.index()].state, edits, (log, &self.columns))
    }

    /// Returns the operations that turn a row with the old cells into one with the new ones; `None`
    /// stands for a row that does not exist. A row that exists in both gets an update of the cells
    /// that changed or are new, an unset of those that were removed, and splices of texts that
    /// changed a little. O(cells, and ranges of texts).
    pub(super) fn difference(
        &self,
        log: &OpLog,
        row: RowNumber,
        old: Option<&[MirroredCell]>,
        new: Mirrored,
    ) -> Vec<RowOp> {
        let (table, row) = self.row_name(row);
        let (table, row) = (table.to_owned(), row.to_owned());
        let (old, new) = match (old, new) {
            (None, None) => return Vec::new(),
            (None, Some(cells)) => {
                let cells = cells.iter().map(|cell| cell.to_cell(log)).collect();
                return vec![RowOp::Insert { table, row, cells }];
            }
            (Some(_), None) => return vec![RowOp::Delete { table, row }],
            (Some(old), Some(new)) => (old, new),
        };
        // The cells of both are sorted by column.
        let (mut set, mut removed, mut splices) = (Vec::new(), Vec::new(), Vec::new());
        let mut rest = old.iter().peekable();
        for cell in &new {
            work::step();
            while let Some(old) = rest.next_if(|old| old.column < cell.column) {
                removed.push(old.column.clone());
            }
            let old = rest.next_if(|old| old.column == cell.column);
            match old.and_then(|old| cell.splices_from(old, log)) {
                Some(of_text) => {
                    let splice = |TextSplice { at, remove, insert }| {
                        let (table, row, column) = (table.clone(), row.clone(), cell.column.clone());
                        RowOp::Splice { table, row, column, at, remove, insert }
                    };
                    splices.extend(of_text.into_iter().map(splice));
                }
                None => {
                    let value = cell.to_value(log);
                    if old.is_none_or(|old| old.to_value(log) != value) {
                        set.push(Cell { column: cell.column.clone(), value });
                    }
                }
            }
        }
        removed.extend(rest.map(|old| old.column.clone()));
        let mut ops = Vec::new();
        if !set.is_empty() {
            ops.push(RowOp::Update { table: table.clone(), row: row.clone(), cells: set });
        }
        if !removed.is_empty() {
            ops.push(RowOp::Unset { table, row, columns: removed });
        }
        ops.extend(splices);
        ops
    }
}
