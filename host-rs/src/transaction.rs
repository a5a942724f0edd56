//! Writes that are collected, and reads that see them: each function of the contract's `transactions` and `committing`.

use crate::contract::exports::converge::sync::transactions::GuestTransaction;
use crate::instance::Instance;
use crate::runtime::Limits;
use crate::types::collect_cells;
use crate::{Cell, Doc, Error, EventId, Page, ScanOptions};
use wasmtime::Store;
use wasmtime::component::ResourceAny;

impl Doc {
    /// A transaction of this document: what is written in it becomes one event when it is committed.
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
    /// transaction.commit()?;
    /// assert_eq!((doc.tables()?[0].rows, doc.version()?[0].count), (2, 2));
    /// # Ok::<(), converge::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn begin(&self) -> Result<Transaction, Error> {
        let begin = |store: &mut _, bindings: &crate::contract::Converge| {
            bindings.converge_sync_committing().call_begin(store, self.resource)
        };
        Ok(Transaction { resource: self.instance.call(begin)?, instance: self.instance.clone(), is_open: true })
    }
}

/// Writes that become one event of a document, or none: those of a transaction that is dropped leave no trace.
///
/// Reads give the document as it is now, with what was written here over it. It keeps the document alive in the engine. Besides
/// the errors that each function names, every one can fail with [`Error::OutOfMemory`], [`Error::OutOfTime`],
/// [`Error::Trap`] and [`Error::Gone`].
#[derive(Debug)]
pub struct Transaction {
    instance: Instance,
    pub(crate) resource: ResourceAny,
    is_open: bool,
}

impl Transaction {
    /// As [`Doc::get`].
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn get(&self, table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error> {
        self.call(|transaction, store| transaction.call_get(store, self.resource, table, row))
    }

    /// As [`Doc::scan`].
    ///
    /// # Errors
    ///
    /// Those of [`Doc::scan`].
    pub fn scan(&self, table: &str, options: &ScanOptions) -> Result<Page, Error> {
        Ok(self.call(|transaction, store| transaction.call_scan(store, self.resource, table, options))??)
    }

    /// Writes an insert: creates the row with these cells; where the row exists, sets these cells and leaves the others.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for an empty name or a column that is named twice, [`Error::LimitExceeded`].
    pub fn insert(
        &self,
        table: &str,
        row: &str,
        cells: impl IntoIterator<Item = impl Into<Cell>>,
    ) -> Result<(), Error> {
        let cells = collect_cells(cells);
        Ok(self.call(|transaction, store| transaction.call_insert(store, self.resource, table, row, &cells))??)
    }

    /// Writes an update: sets these cells of the row.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`] where the row is not there, and those of [`insert`](Self::insert).
    pub fn update(
        &self,
        table: &str,
        row: &str,
        cells: impl IntoIterator<Item = impl Into<Cell>>,
    ) -> Result<(), Error> {
        let cells = collect_cells(cells);
        Ok(self.call(|transaction, store| transaction.call_update(store, self.resource, table, row, &cells))??)
    }

    /// Writes a delete: removes the row with all its cells.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`] where the row is not there, and those of [`insert`](Self::insert).
    pub fn delete(&self, table: &str, row: &str) -> Result<(), Error> {
        Ok(self.call(|transaction, store| transaction.call_delete(store, self.resource, table, row))??)
    }

    /// Commits what was written as one event, or, with an error, none of it; none where nothing was written.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`] where the document changed since and a row is not there any more; those of [`Doc::commit`].
    pub fn commit(mut self) -> Result<Option<EventId>, Error> {
        self.is_open = false;
        Ok(self
            .instance
            .call(|store, bindings| bindings.converge_sync_committing().call_commit(store, self.resource))??)
    }

    /// Makes one call.
    pub(crate) fn call<T>(
        &self,
        call: impl FnOnce(GuestTransaction<'_>, &mut Store<Limits>) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        self.instance.call(|store, bindings| call(bindings.converge_sync_transactions().transaction(), store))
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.is_open {
            self.instance.let_go(self.resource);
        }
    }
}
