//! `transactions` and `committing`: transactions, each around one of the engine's.

use crate::Component;
use crate::contract::converge::sync::committing as engine;
use crate::contract::converge::sync::durable::{DeleteOp, InsertOp, RowOp, UpdateOp};
use crate::contract::converge::sync::transactions::Transaction as EngineTransaction;
use crate::contract::converge::sync::types::{Cell, Error, EventId, Page, ScanOptions};
use crate::contract::exports::converge::sync::{committing, durable, transactions as wit};
use crate::durable::Doc;
use crate::rules::Rules;
use std::cell::RefCell;

/// A transaction of a document.
pub(crate) struct Transaction {
    transaction: EngineTransaction,
    /// What was written, for the rules that look at all of it.
    ops: RefCell<Vec<RowOp>>,
}

impl wit::Guest for Component {
    type Transaction = Transaction;
}

impl Transaction {
    /// Checks one write by itself, and makes it.
    fn write(&self, op: RowOp) -> Result<(), Error> {
        let rules = Rules::get();
        rules.map_or(Ok(()), |rules| rules.check_op(&op))?;
        match &op {
            RowOp::Insert(InsertOp { table, row, cells }) => self.transaction.insert(table, row, cells)?,
            RowOp::Update(UpdateOp { table, row, cells }) => self.transaction.update(table, row, cells)?,
            RowOp::Delete(DeleteOp { table, row }) => self.transaction.delete(table, row)?,
        }
        if rules.is_some() {
            self.ops.borrow_mut().push(op);
        }
        Ok(())
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
}

impl committing::Guest for Component {
    fn begin(doc: durable::DocBorrow<'_>) -> wit::Transaction {
        let transaction = engine::begin(&doc.get::<Doc>().0);
        wit::Transaction::new(Transaction { transaction, ops: RefCell::default() })
    }

    fn commit(transaction: wit::Transaction) -> Result<Option<EventId>, Error> {
        let Transaction { transaction, ops } = transaction.into_inner();
        if let Some(rules) = Rules::get() {
            rules.check_references(&*ops.borrow(), |table, row| transaction.get(table, row).is_some())?;
        }
        engine::commit(transaction)
    }
}
