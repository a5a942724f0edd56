//! The interface `transactions`: transactions as resources, which keep their document alive.

use crate::Component;
use crate::contract::exports::converge::sync::{transactions as wit, types};
use crate::convert::list;
use converge_engine as engine;
use std::cell::RefCell;
use std::rc::Rc;

/// A transaction of a document.
pub(crate) struct Transaction {
    transaction: RefCell<engine::Transaction>,
    doc: Rc<RefCell<engine::Doc>>,
}

impl Transaction {
    /// Begins a transaction of this document.
    pub(crate) fn begin(doc: &Rc<RefCell<engine::Doc>>) -> wit::Transaction {
        wit::Transaction::new(Self { transaction: RefCell::default(), doc: doc.clone() })
    }

    /// Commits the buffered writes. Fails if the transaction was begun on another document.
    pub(crate) fn commit(self, doc: &Rc<RefCell<engine::Doc>>) -> Result<Option<engine::EventId>, types::Error> {
        if !Rc::ptr_eq(&self.doc, doc) {
            return Err(engine::Error::from(engine::Invalid::OtherDocument).into());
        }
        Ok(self.transaction.into_inner().commit(&mut doc.borrow_mut())?)
    }
}

impl wit::Guest for Component {
    type Transaction = Transaction;
}

impl wit::GuestTransaction for Transaction {
    fn get(&self, table: String, row: String) -> Option<Vec<types::Cell>> {
        self.transaction.borrow().get(&self.doc.borrow(), &table, &row).map(list)
    }

    fn scan(&self, table: String, options: types::ScanOptions) -> Result<types::Page, types::Error> {
        Ok(self.transaction.borrow().scan_shaped(&self.doc.borrow(), &table, &options.into())?.into())
    }

    fn insert(&self, table: String, row: String, cells: Vec<types::Cell>) -> Result<(), types::Error> {
        Ok(self.transaction.borrow_mut().insert(&self.doc.borrow(), table, row, list(cells))?)
    }

    fn update(&self, table: String, row: String, cells: Vec<types::Cell>) -> Result<(), types::Error> {
        Ok(self.transaction.borrow_mut().update(&self.doc.borrow(), table, row, list(cells))?)
    }

    fn delete(&self, table: String, row: String) -> Result<(), types::Error> {
        Ok(self.transaction.borrow_mut().delete(&self.doc.borrow(), table, row)?)
    }

    fn unset(&self, table: String, row: String, columns: Vec<String>) -> Result<(), types::Error> {
        Ok(self.transaction.borrow_mut().unset(&self.doc.borrow(), table, row, columns)?)
    }

    fn splice(
        &self,
        table: String,
        row: String,
        column: String,
        at: u32,
        remove: u32,
        insert: String,
    ) -> Result<(), types::Error> {
        Ok(self.transaction.borrow_mut().splice(&self.doc.borrow(), table, row, column, (at, remove), insert)?)
    }

    fn add(&self, table: String, row: String, column: String, amount: i64) -> Result<(), types::Error> {
        Ok(self.transaction.borrow_mut().add(&self.doc.borrow(), table, row, column, amount)?)
    }

    fn touched(&self) -> Vec<types::RowId> {
        let touched = self.transaction.borrow().touched().into_iter();
        touched.map(|(table, row)| types::RowId { table, row }).collect()
    }
}
