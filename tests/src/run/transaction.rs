//! The calls on transactions of a running case.

use super::state::State;
use super::{Stop, World, named};
use crate::case::Step;
use crate::form;
use crate::host::{Document, Host, Transaction};
use crate::transaction::TransactionCall;
use converge::RowId;
use serde_json::{Value as Json, json};

/// A transaction, or `None` after its end, and the replica on which it was begun.
pub(super) struct TransactionOf<T> {
    pub(super) replica: String,
    transaction: Option<T>,
}

impl<H: Host> World<'_, H> {
    pub(super) fn begin(&mut self, step: &Step) -> Result<Json, Stop> {
        let transaction = self.on(step)?.begin();
        let replica = step.on.clone().unwrap_or_default();
        let name = step.name.clone().unwrap_or_default();
        self.transactions.insert(name, TransactionOf { replica, transaction: Some(transaction) });
        Ok(Json::Null)
    }

    pub(super) fn commit_transaction(&mut self, step: &Step, name: &str) -> Result<Json, Stop> {
        let TransactionOf { replica, transaction } = named(&mut self.transactions, Some(name))?;
        if step.on.as_ref() != Some(replica) {
            return Err(Stop::Failed(format!("the transaction {name:?} was begun on {replica:?}")));
        }
        let transaction = transaction.take().ok_or_else(|| ended(name))?;
        let event = self.on(step)?.commit_transaction(transaction)?;
        Ok(event.map_or(Json::Null, |event| form::event(&event)))
    }

    pub(super) fn call_transaction(&mut self, on: &str, call: TransactionCall) -> Result<Json, Stop> {
        let TransactionOf { replica, transaction: open } = named(&mut self.transactions, Some(on))?;
        let document = named(&mut self.replicas, Some(replica))?;
        if let TransactionCall::Drop([]) = call {
            open.take().ok_or_else(|| ended(on))?;
            return Ok(Json::Null);
        }
        let transaction = open.as_mut().ok_or_else(|| ended(on))?;
        match call {
            TransactionCall::Get(table, row) => {
                let cells = transaction.get(document, &table, &row);
                return Ok(cells.map_or(Json::Null, |cells| form::cells(&cells)));
            }
            TransactionCall::Scan(table, options) => {
                return Ok(form::page(&transaction.scan(document, &table, &options.into())?));
            }
            TransactionCall::Insert(table, row, cells) => transaction.insert(document, &table, &row, cells.into())?,
            TransactionCall::Update(table, row, cells) => transaction.update(document, &table, &row, cells.into())?,
            TransactionCall::Delete(table, row) => transaction.delete(document, &table, &row)?,
            TransactionCall::Unset(table, row, columns) => transaction.unset(document, &table, &row, columns)?,
            TransactionCall::Splice(table, row, column, at, remove, insert) => {
                transaction.splice(document, (&table, &row, &column), (at, remove), &insert)?;
            }
            TransactionCall::Add(table, row, column, amount) => {
                transaction.add(document, &table, &row, &column, amount.get())?;
            }
            TransactionCall::Touched([]) => {
                return Ok(transaction.touched().into_iter().map(|RowId { table, row }| json!([table, row])).collect());
            }
            TransactionCall::Drop([]) => {}
        }
        Ok(Json::Null)
    }

    /// Returns the state of the replica on which a transaction was begun.
    pub(super) fn transaction_state(&mut self, on: &str) -> Result<State, String> {
        let replica = &named(&mut self.transactions, Some(on))?.replica;
        State::of(named(&mut self.replicas, Some(replica))?)
    }
}

fn ended(name: &str) -> String {
    format!("the transaction {name:?} has ended")
}
