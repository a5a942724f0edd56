//! The type `Transaction`, with the functions of the contract's `transaction`, and the methods of
//! `Doc` that begin and commit a transaction.

use crate::backend::{Handle, Resource};
use crate::instance::Instance;
use crate::{Cell, Doc, Error, EventId, Page, RowId, ScanOptions};

impl Doc {
    /// Begins a transaction. Any number of transactions may be open; they do not see each other.
    ///
    /// ```
    /// use converge::Value;
    ///
    /// let doc = converge::Doc::create("ann")?;
    /// doc.insert("accounts", "a", [("cents", 500)])?;
    ///
    /// let transaction = doc.begin()?;
    /// transaction.insert("accounts", "b", [("cents", 0)])?;
    /// transaction.update("accounts", "a", [("cents", 400)])?;
    /// transaction.update("accounts", "b", [("cents", 100)])?;
    /// assert_eq!(transaction.get("accounts", "b")?.unwrap()[0].value, Value::Integer(100));
    /// assert_eq!(doc.get("accounts", "b")?, None);
    /// doc.commit_transaction(transaction)?;
    /// assert_eq!((doc.tables()?[0].rows, doc.version()?[0].count), (2, 2));
    /// # Ok::<(), converge::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn begin(&self) -> Result<Transaction, Error> {
        let handle = self.instance.call(|live| live.doc_begin(self.handle))?;
        Ok(Transaction { handle, instance: self.instance.clone(), is_open: true })
    }

    /// Commits the buffered writes of a transaction of this document as one event and returns its
    /// name, or `None` if there are no writes. On an error nothing is committed. The transaction
    /// ends in any case.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`] if a row that the transaction updates was deleted meanwhile;
    /// [`Error::InvalidArgument`] if the transaction belongs to another document, or
    /// [`Error::OtherInstance`] if that document lives in another instance; the errors of
    /// [`commit`](Self::commit).
    pub fn commit_transaction(&self, mut transaction: Transaction) -> Result<Option<EventId>, Error> {
        if !self.instance.is_same(&transaction.instance) {
            return Err(Error::OtherInstance);
        }
        transaction.is_open = false;
        self.instance.call(|live| live.doc_commit_transaction(self.handle, transaction.handle))
    }
}

/// Buffered writes on a document, which [`Doc::commit_transaction`] commits as one event. Dropping
/// a transaction discards the writes.
///
/// Reads return the document's current state with the buffered writes applied. A transaction keeps
/// its document alive in the engine.
///
/// In addition to the errors that a function documents, every call can fail with
/// [`Error::OutOfMemory`], [`Error::OutOfTime`], [`Error::Trap`] and [`Error::Gone`].
#[derive(Debug)]
pub struct Transaction {
    instance: Instance,
    handle: Handle,
    is_open: bool,
}

impl Transaction {
    /// Returns the cells of a row, like [`Doc::get`].
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn get(&self, table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error> {
        self.instance.call(|live| live.transaction_get(self.handle, table, row))
    }

    /// Returns a page of rows, like [`Doc::scan`].
    ///
    /// # Errors
    ///
    /// The errors of [`Doc::scan`].
    pub fn scan(&self, table: &str, options: &ScanOptions) -> Result<Page, Error> {
        let options = options.clone();
        self.instance.call(|live| live.transaction_scan(self.handle, table, options))
    }

    /// Creates the row with these cells. If the row exists, sets these cells and keeps the others.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if a name is empty or a column occurs twice;
    /// [`Error::LimitExceeded`] if a name, a value or the transaction is too large.
    pub fn insert(
        &self,
        table: &str,
        row: &str,
        cells: impl IntoIterator<Item = impl Into<Cell>>,
    ) -> Result<(), Error> {
        let cells = cells.into_iter().map(Into::into).collect();
        self.instance.call(|live| live.transaction_insert(self.handle, table, row, cells))
    }

    /// Sets these cells of the row.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`] if the row does not exist; the errors of [`insert`](Self::insert).
    pub fn update(
        &self,
        table: &str,
        row: &str,
        cells: impl IntoIterator<Item = impl Into<Cell>>,
    ) -> Result<(), Error> {
        let cells = cells.into_iter().map(Into::into).collect();
        self.instance.call(|live| live.transaction_update(self.handle, table, row, cells))
    }

    /// Deletes the row.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`] if the row does not exist; the errors of [`insert`](Self::insert).
    pub fn delete(&self, table: &str, row: &str) -> Result<(), Error> {
        self.instance.call(|live| live.transaction_delete(self.handle, table, row))
    }

    /// Removes these cells of the row. Columns without a cell are ignored.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`] if the row does not exist; the errors of [`insert`](Self::insert).
    pub fn unset(
        &self,
        table: &str,
        row: &str,
        columns: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<(), Error> {
        let columns = columns.into_iter().map(Into::into).collect();
        self.instance.call(|live| live.transaction_unset(self.handle, table, row, columns))
    }

    /// Edits a text cell; see [`Doc::splice`](crate::Doc::splice). Positions are those of the text
    /// with the buffered writes. The commit fails with
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) if the document's text changed
    /// after the transaction spliced it first.
    ///
    /// # Errors
    ///
    /// Those of [`Doc::splice`](crate::Doc::splice).
    pub fn splice(
        &self,
        table: &str,
        row: &str,
        column: &str,
        at: u32,
        remove: u32,
        insert: &str,
    ) -> Result<(), Error> {
        self.instance.call(|live| live.transaction_splice(self.handle, table, row, column, (at, remove), insert))
    }

    /// Adds to an integer cell; see [`Doc::add`](crate::Doc::add).
    ///
    /// # Errors
    ///
    /// Those of [`Doc::add`](crate::Doc::add).
    pub fn add(&self, table: &str, row: &str, column: &str, amount: i64) -> Result<(), Error> {
        self.instance.call(|live| live.transaction_add(self.handle, table, row, column, amount))
    }

    /// Returns the rows that the buffered writes touch, sorted. An optimistic view refreshes
    /// exactly these rows.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn touched(&self) -> Result<Vec<RowId>, Error> {
        self.instance.call(|live| live.transaction_touched(self.handle))
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.is_open {
            self.instance.drop_resource(Resource::Transaction, self.handle);
        }
    }
}
