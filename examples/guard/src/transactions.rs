//! The interface `transactions`: wraps transactions of the engine.

use crate::Component;
use crate::contract::converge::sync::durable::{AddOp, DeleteOp, Doc, InsertOp, RowOp, SpliceOp, UnsetOp, UpdateOp};
use crate::contract::converge::sync::transactions::Transaction as EngineTransaction;
use crate::contract::converge::sync::types::{Cell, Error, EventId, Page, RowId, ScanOptions};
use crate::contract::exports::converge::sync::transactions as wit;
use crate::rules::Rules;
use std::cell::RefCell;

/// A transaction of a document.
pub(crate) struct Transaction {
    transaction: EngineTransaction,
    /// The buffered writes, for the rule that needs all of them.
    ops: RefCell<Vec<RowOp>>,
}

impl wit::Guest for Component {
    type Transaction = Transaction;
}

impl Transaction {
    /// Begins a transaction of this document.
    pub(crate) fn begin(doc: &Doc) -> wit::Transaction {
        wit::Transaction::new(Self { transaction: doc.begin(), ops: RefCell::default() })
    }

    /// Checks the references of all writes, and commits the writes to this document.
    pub(crate) fn commit(self, doc: &Doc) -> Result<Option<EventId>, Error> {
        let Self { transaction, ops } = self;
        if let Some(rules) = Rules::get() {
            rules.check_references(&*ops.borrow(), |table, row| transaction.get(table, row).is_some())?;
        }
        doc.commit_transaction(transaction)
    }

    /// Checks a write and passes it to the engine.
    fn write(&self, op: RowOp) -> Result<(), Error> {
        let rules = Rules::get();
        if let Some(rules) = rules {
            rules.check_op(&op)?;
            rules.check_text(&self.transaction, &op)?;
        }
        write(&self.transaction, &op)?;
        if rules.is_some() {
            self.ops.borrow_mut().push(op);
        }
        Ok(())
    }
}

/// Buffers an operation in a transaction of the engine.
pub(crate) fn write(transaction: &EngineTransaction, op: &RowOp) -> Result<(), Error> {
    match op {
        RowOp::Insert(InsertOp { table, row, cells }) => transaction.insert(table, row, cells),
        RowOp::Update(UpdateOp { table, row, cells }) => transaction.update(table, row, cells),
        RowOp::Delete(DeleteOp { table, row }) => transaction.delete(table, row),
        RowOp::Unset(UnsetOp { table, row, columns }) => transaction.unset(table, row, columns),
        RowOp::Splice(SpliceOp { table, row, column, at, remove, insert }) => {
            transaction.splice(table, row, column, *at, *remove, insert)
        }
        RowOp::Add(AddOp { table, row, column, amount }) => transaction.add(table, row, column, *amount),
    }
}

impl wit::GuestTransaction for Transaction {
    fn get(&self, table: String, row: String) -> Option<Vec<Cell>> {
        self.transaction.get(&table, &row)
    }

    fn scan(&self, table: String, options: ScanOptions) -> Result<Page, Error> {
        self.transaction.scan(&table, &options)
    }

    fn insert(&self, table: String, row: String, cells: Vec<Cell>) -> Result<(), Error> {
        self.write(RowOp::Insert(InsertOp { table, row, cells }))
    }

    fn update(&self, table: String, row: String, cells: Vec<Cell>) -> Result<(), Error> {
        self.write(RowOp::Update(UpdateOp { table, row, cells }))
    }

    fn delete(&self, table: String, row: String) -> Result<(), Error> {
        self.write(RowOp::Delete(DeleteOp { table, row }))
    }

    fn unset(&self, table: String, row: String, columns: Vec<String>) -> Result<(), Error> {
        self.write(RowOp::Unset(UnsetOp { table, row, columns }))
    }

    fn splice(
        &self,
        table: String,
        row: String,
        column: String,
        at: u32,
        remove: u32,
        insert: String,
    ) -> Result<(), Error> {
        self.write(RowOp::Splice(SpliceOp { table, row, column, at, remove, insert }))
    }

    fn add(&self, table: String, row: String, column: String, amount: i64) -> Result<(), Error> {
        self.write(RowOp::Add(AddOp { table, row, column, amount }))
    }

    fn touched(&self) -> Vec<RowId> {
        self.transaction.touched()
    }
}
