//! What the names of a commit, or the numbers in another log, are here, so that each is looked up once.

use crate::id::{ColumnNumber, RowNumber};
use crate::oplog::{Copies, OpNames};
use crate::rows::Rows;
use smallvec::SmallVec;

/// By operation, its row, where it was looked up.
pub(super) type FoundRows = SmallVec<[Option<RowNumber>; 1]>;

/// Of the log that events are from, where they are from one.
#[derive(Debug, Default)]
pub(super) struct Translation {
    /// By row there, 1 and the row here; 0 where it was not asked for.
    rows: Vec<u32>,
    columns: Vec<u32>,
    /// Its texts and blobs that were copied.
    pub(super) copies: Copies,
    /// Of a commit that is given plainly.
    pub(super) found: FoundRows,
}

impl Translation {
    /// Of a commit of which these rows were looked up.
    pub(super) fn of_found(found: FoundRows) -> Self {
        Self { found, ..Self::default() }
    }

    /// The row of this document that has the name of one there.
    pub(super) fn row(&mut self, rows: &mut Rows, names: &dyn OpNames, there: RowNumber) -> RowNumber {
        let known = known(&mut self.rows, there.index());
        if *known == 0 {
            let (table, id) = names.row_name(there);
            *known = rows.intern(table, id).0 + 1;
        }
        RowNumber(*known - 1)
    }

    /// The column of this document that has the name of one there.
    pub(super) fn column(&mut self, rows: &mut Rows, names: &dyn OpNames, there: ColumnNumber) -> ColumnNumber {
        let known = known(&mut self.columns, there.0 as usize);
        if *known == 0 {
            *known = rows.intern_column(names.column_name(there), None).0 + 1;
        }
        ColumnNumber(*known - 1)
    }
}

fn known(numbers: &mut Vec<u32>, at: usize) -> &mut u32 {
    if numbers.len() <= at {
        numbers.resize((at + 1).max(numbers.len() * 2), 0);
    }
    &mut numbers[at]
}
