//! The visible cells of a row: written values, and those that edits made.

use super::sums::{Sums, sum_on};
use crate::id::{ColumnNumber, Names};
use crate::oplog::{CellNumber, OpLog};
use crate::rows::state::{LatestWrite, RowState};
use crate::sort;
use crate::value::ValueRef;
use crate::work;

/// A visible cell.
#[derive(Debug, Clone, Copy)]
pub(in crate::rows) struct ShownCell {
    pub(in crate::rows) column: ColumnNumber,
    value: ShownValue,
}

#[derive(Debug, Clone, Copy)]
enum ShownValue {
    Written(CellNumber),
    Integer(i64),
}

impl ShownCell {
    /// Returns the value of the cell. O(1).
    pub(in crate::rows) fn value(self, log: &OpLog) -> ValueRef<'_> {
        match self.value {
            ShownValue::Written(cell) => log.value(cell),
            ShownValue::Integer(integer) => ValueRef::Integer(integer),
        }
    }
}

/// The visible cells of a row, sorted by the name of the column.
#[derive(Debug, Clone)]
pub(in crate::rows) enum ShownCells<'a> {
    /// Those of a row without edits.
    Written(std::slice::Iter<'a, LatestWrite>),
    Edited(std::vec::IntoIter<ShownCell>),
}

impl<'a> ShownCells<'a> {
    /// Returns the visible cells of a row. O(1), and O(cells × log cells) if there are sums.
    pub(in crate::rows) fn of(state: &'a RowState, sums: Option<&Sums>, names: (&OpLog, &Names)) -> Self {
        match sums {
            Some(sums) if !sums.is_empty() && state.exists() => Self::Edited(edited(state, sums, names).into_iter()),
            _ => Self::Written(state.written.iter()),
        }
    }
}

impl Iterator for ShownCells<'_> {
    type Item = ShownCell;

    fn next(&mut self) -> Option<ShownCell> {
        match self {
            Self::Written(written) => written
                .find(|write| write.shows())
                .map(|write| ShownCell { column: write.column(), value: ShownValue::Written(write.cell) }),
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

fn edited(state: &RowState, sums: &Sums, (log, columns): (&OpLog, &Names)) -> Vec<ShownCell> {
    let mut cells = Vec::with_capacity(state.written.len());
    for write in state.written.iter().filter(|write| write.counts) {
        work::step();
        let column = write.column();
        let base = (!write.is_unset).then_some(write.cell);
        let value = match sums.get(column, true) {
            Some(sum) => ShownValue::Integer(sum_on(log, base, sum.amount)),
            None if write.is_unset => continue,
            None => ShownValue::Written(write.cell),
        };
        cells.push(ShownCell { column, value });
    }
    let sorted = cells.len();
    let on_delete = sums.iter().filter(|(_, sum)| !sum.ground.is_write());
    cells.extend(
        on_delete.map(|(column, sum)| ShownCell { column, value: ShownValue::Integer(sum_on(log, None, sum.amount)) }),
    );
    if cells.len() > sorted {
        sort::sort_by(&mut cells, |a, b| columns.text(a.column.0).cmp(columns.text(b.column.0)));
    }
    cells
}
