//! `transactions` and `committing`: transactions, each a resource that keeps its document alive.

use crate::Component;
use crate::contract::exports::converge::sync::{committing, durable, transactions as wit, types};
use crate::convert::list;
use crate::durable::Doc;
use converge_engine as engine;
use std::cell::RefCell;
use std::rc::Rc;

/// A transaction of a document.
pub(crate) struct Transaction {
    transaction: RefCell<engine::Transaction>,
    doc: Rc<RefCell<engine::Doc>>,
}

impl wit::Guest for Component {
    type Transaction = Transaction;
}

impl wit::GuestTransaction for Transaction {
    fn get(&self, table: String, row: String) -> Option<Vec<types::Cell>> {
        self.transaction.borrow().get(&self.doc.borrow(), &table, &row).map(list)
    }

    fn scan(&self, table: String, options: types::ScanOptions) -> Result<types::Page, types::Error> {
        Ok(self.transaction.borrow().scan(&self.doc.borrow(), &table, &options.into())?.into())
    }

    fn insert(&self, table: String, row: String, cells: Vec<types::Cell>) -> Result<(), types::Error> {
        Ok(self.transaction.borrow_mut().insert(&self.doc.borrow(), &table, &row, list(cells))?)
    }

    fn update(&self, table: String, row: String, cells: Vec<types::Cell>) -> Result<(), types::Error> {
        Ok(self.transaction.borrow_mut().update(&self.doc.borrow(), &table, &row, list(cells))?)
    }

    fn delete(&self, table: String, row: String) -> Result<(), types::Error> {
        Ok(self.transaction.borrow_mut().delete(&self.doc.borrow(), &table, &row)?)
    }
}

impl committing::Guest for Component {
    fn begin(doc: durable::DocBorrow<'_>) -> wit::Transaction {
        let doc = doc.get::<Doc>().0.clone();
        wit::Transaction::new(Transaction { transaction: RefCell::default(), doc })
    }

    fn commit(transaction: wit::Transaction) -> Result<Option<types::EventId>, types::Error> {
        let Transaction { transaction, doc } = transaction.into_inner();
        Ok(transaction.into_inner().commit(&mut doc.borrow_mut())?.map(Into::into))
    }
}
