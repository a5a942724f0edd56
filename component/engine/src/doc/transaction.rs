//! Transactions: writes that become one event, and reads that see them before that.
//!
//! Stores the written operations, and the rows that they touch as they will be; everything else is
//! read from the document. Does not know the peer.

use super::drafts::Drafts;
use super::{Doc, check};
use crate::error::Error;
use crate::id::EventId;
use crate::limits;
use crate::memory;
use crate::oplog::{Cell, Commit, CommitRef, Row, RowOp};
use crate::rows::{Page, ScanOptions, ShapedPage};
use std::cmp::Ordering;
use std::iter::Peekable;
use std::vec;

/// Writes that are committed as one event, or not at all. Every call must receive the same
/// document.
#[derive(Debug, Default)]
pub struct Transaction {
    ops: Commit,
    bytes: u64,
    drafts: Drafts,
}

/// The slack that an operation uses at most, without names and content, and that each of its cells
/// uses.
const OPERATION_SPENDS: u64 = 512;
/// How often names and content are stored in memory.
const CONTENT_SPENDS: u64 = 3;

impl Transaction {
    /// Returns the cells of a row with the buffered writes, sorted by column, or `None` if the row
    /// does not exist. O(log n + size of the row).
    #[must_use]
    pub fn get(&self, doc: &Doc, table: &str, row: &str) -> Option<Vec<Cell>> {
        self.drafts.get(doc, table, row)
    }

    /// Returns a page of a table's rows with the buffered writes; see [`Doc::scan`]. O(log n + size
    /// of the page), and the deleted rows in the range.
    ///
    /// # Errors
    /// Those of [`Doc::scan`].
    pub fn scan(&self, doc: &Doc, table: &str, options: &ScanOptions) -> Result<Page, Error> {
        let Some(drafts) = self.drafts.of_table(table) else { return doc.scan(table, options) };
        let mut below = DocumentRows::first(doc, table, options)?;
        let mut drafts = options.choose(drafts).peekable();
        let mut page = Page { rows: Vec::new(), more: false };
        let mut bytes = 0;
        loop {
            let row = below.peek()?;
            let order = match (row, drafts.peek()) {
                (None, None) => return Ok(page),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(row), Some((id, _))) if options.descending => (*id).cmp(&row.id),
                (Some(row), Some((id, _))) => row.id.cmp(id),
            };
            let draft = if order == Ordering::Less { None } else { drafts.next() };
            let row = if order == Ordering::Greater { None } else { below.rows.next() };
            let row = match draft {
                None => row,
                Some((id, draft)) => draft.cells(|| doc.get(table, id)).map(|mut cells| {
                    cells.retain(|cell| options.columns.is_empty() || options.columns.contains(&cell.column));
                    Row { id: id.clone(), cells }
                }),
            };
            let Some(row) = row else { continue };
            if page.rows.len() >= options.limit as usize || bytes > limits::PAGE_BYTES.maximum {
                page.more = true;
                return Ok(page);
            }
            bytes += row.bytes();
            page.rows.push(row);
        }
    }

    /// Returns the page that [`scan`](Self::scan) returns, with each list of columns named once.
    ///
    /// # Errors
    /// Those of [`Doc::scan`].
    pub fn scan_shaped(&self, doc: &Doc, table: &str, options: &ScanOptions) -> Result<ShapedPage, Error> {
        if self.drafts.of_table(table).is_none() {
            return doc.scan_shaped(table, options);
        }
        let Page { rows, more } = self.scan(doc, table, options)?;
        let mut page = ShapedPage { shapes: Vec::new(), rows: Vec::new(), more };
        rows.into_iter().for_each(|row| page.push(row));
        Ok(page)
    }

    /// Buffers an insert: creates the row, or sets these cells if the row exists. O(log n + size of
    /// the operation).
    ///
    /// # Errors
    /// `InvalidArgument` and `LimitExceeded` as for [`Doc::commit`].
    pub fn insert(
        &mut self,
        doc: &Doc,
        table: impl Into<String>,
        row: impl Into<String>,
        cells: Vec<Cell>,
    ) -> Result<(), Error> {
        self.write(doc, RowOp::Insert { table: table.into(), row: row.into(), cells })
    }

    /// Buffers an update, which sets these cells of an existing row. O(log n + size of the
    /// operation).
    ///
    /// # Errors
    /// `NoSuchRow`, and `InvalidArgument` and `LimitExceeded` as for [`Doc::commit`].
    pub fn update(
        &mut self,
        doc: &Doc,
        table: impl Into<String>,
        row: impl Into<String>,
        cells: Vec<Cell>,
    ) -> Result<(), Error> {
        self.write(doc, RowOp::Update { table: table.into(), row: row.into(), cells })
    }

    /// Buffers a delete of an existing row. O(log n).
    ///
    /// # Errors
    /// `NoSuchRow`, and `InvalidArgument` and `LimitExceeded` as for [`Doc::commit`].
    pub fn delete(&mut self, doc: &Doc, table: impl Into<String>, row: impl Into<String>) -> Result<(), Error> {
        self.write(doc, RowOp::Delete { table: table.into(), row: row.into() })
    }

    /// Buffers an unset, which removes cells of an existing row. Columns that have no cell are
    /// ignored. O(log n + size of the operation).
    ///
    /// # Errors
    /// `NoSuchRow`, and `InvalidArgument` and `LimitExceeded` as for [`Doc::commit`].
    pub fn unset(
        &mut self,
        doc: &Doc,
        table: impl Into<String>,
        row: impl Into<String>,
        columns: Vec<String>,
    ) -> Result<(), Error> {
        self.write(doc, RowOp::Unset { table: table.into(), row: row.into(), columns })
    }

    /// Buffers an addition to an integer cell; see [`Doc::add`]. O(log n + size of the row).
    ///
    /// # Errors
    /// `NoSuchRow`, and `InvalidArgument` and `LimitExceeded` as for [`Doc::add`].
    pub fn add(
        &mut self,
        doc: &Doc,
        table: impl Into<String>,
        row: impl Into<String>,
        column: impl Into<String>,
        amount: i64,
    ) -> Result<(), Error> {
        let (table, row, column) = (table.into(), row.into(), column.into());
        self.write(doc, RowOp::Add { table, row, column, amount })
    }

    /// Buffers a splice of a text cell; see [`Doc::splice`]. O(log n + size of the row).
    ///
    /// # Errors
    /// `NoSuchRow`, and `InvalidArgument` and `LimitExceeded` as for [`Doc::splice`].
    pub fn splice(
        &mut self,
        doc: &Doc,
        table: impl Into<String>,
        row: impl Into<String>,
        column: impl Into<String>,
        (at, remove): (u32, u32),
        insert: impl Into<String>,
    ) -> Result<(), Error> {
        let (table, row, column, insert) = (table.into(), row.into(), column.into(), insert.into());
        self.write(doc, RowOp::Splice { table, row, column, at, remove, insert })
    }

    /// Returns the tables and ids of the rows that the transaction wrote to, sorted, each once.
    /// O(rows).
    #[must_use]
    pub fn touched(&self) -> Vec<(String, String)> {
        self.drafts.rows().map(|(table, row)| (table.to_owned(), row.to_owned())).collect()
    }

    /// Commits the buffered writes as one event and returns its name, or `None` if there are no
    /// writes. Cost as for [`Doc::commit`].
    ///
    /// # Errors
    /// Those of [`Doc::commit`]; `InvalidArgument` if a text that the transaction splices has
    /// changed since it was spliced first. `NoSuchRow` comes first.
    pub fn commit(self, doc: &mut Doc) -> Result<Option<EventId>, Error> {
        if self.ops.is_empty() {
            return Ok(None);
        }
        if let Err(changed) = self.drafts.check_texts(doc) {
            // The row can be gone.
            doc.check_rows(CommitRef::Plain(&self.ops))?;
            return Err(changed);
        }
        doc.commit(self.ops).map(Some)
    }

    fn write(&mut self, doc: &Doc, op: RowOp) -> Result<(), Error> {
        let mut one = [op];
        check::commit(&mut one)?;
        let bytes = CommitRef::Plain(&one).bytes();
        let [op] = one;
        memory::spend(OPERATION_SPENDS * (1 + op.len() as u64) + CONTENT_SPENDS * bytes)?;
        let bytes = self.bytes + bytes;
        limits::COMMIT_OPERATIONS.check(self.ops.len() as u64 + 1)?;
        limits::COMMIT_BYTES.check(bytes)?;

        self.drafts.write(doc, &op)?;
        self.bytes = bytes;
        self.ops.push(op);
        Ok(())
    }
}

/// The rows of the document that a scan selects, read page by page.
struct DocumentRows<'a> {
    doc: &'a Doc,
    table: &'a str,
    options: ScanOptions,
    rows: Peekable<vec::IntoIter<Row>>,
    more: bool,
}

/// The number of rows of the document in a page.
const ROWS_AT_A_TIME: u32 = 256;

impl<'a> DocumentRows<'a> {
    fn first(doc: &'a Doc, table: &'a str, options: &ScanOptions) -> Result<Self, Error> {
        let limit = options.limit.saturating_add(1).min(ROWS_AT_A_TIME);
        let options = ScanOptions { limit, ..options.clone() };
        let mut below = Self { doc, table, options, rows: Vec::new().into_iter().peekable(), more: true };
        below.read()?;
        Ok(below)
    }

    /// Returns the next row without consuming it.
    fn peek(&mut self) -> Result<Option<&Row>, Error> {
        if self.rows.peek().is_none() && self.more {
            self.read()?;
        }
        Ok(self.rows.peek())
    }

    fn read(&mut self) -> Result<(), Error> {
        let Page { rows, more } = self.doc.scan(self.table, &self.options)?;
        self.options.after = rows.last().map(|row| row.id.clone());
        self.more = more;
        self.rows = rows.into_iter().peekable();
        Ok(())
    }
}
