//! A cache of local numbers for the names of a commit, or for the numbers of another log.

use crate::id::{ColumnNumber, RowNumber};
use crate::oplog::{Copies, OpNames};
use crate::rows::Rows;
use smallvec::SmallVec;

/// The row of each operation, if it was looked up.
pub(super) type FoundRows = SmallVec<[Option<RowNumber>; 1]>;

/// The cache for one log, or for one commit.
#[derive(Debug, Default)]
pub(super) struct Translation {
    /// Indexed by the other log's row number: our row number + 1, or 0 if not looked up yet.
    rows: Vec<u32>,
    columns: Vec<u32>,
    /// The texts and blobs of the other log that were copied.
    pub(super) copies: Copies,
    /// The rows of a commit of a caller.
    pub(super) found: FoundRows,
}

impl Translation {
    /// Returns a cache with these rows of a commit.
    pub(super) fn of_found(found: FoundRows) -> Self {
        Self { found, ..Self::default() }
    }

    /// Returns the local row with the name of a row of the other log.
    pub(super) fn row(&mut self, rows: &mut Rows, names: &dyn OpNames, there: RowNumber) -> RowNumber {
        let known = known(&mut self.rows, there.index());
        if *known == 0 {
            let (table, id) = names.row_name(there);
            *known = rows.intern(table, id).0 + 1;
        }
        RowNumber(*known - 1)
    }

    /// Returns the local column with the name of a column of the other log.
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
