//! Transactions of a running case.

use super::state::State;
use super::{Stop, World, named};
use crate::form;
use crate::host::{Document, Host, Transaction};
use crate::transaction::TransactionCall;
use serde_json::Value as Json;

/// A transaction until it ends, and the replica that it was begun on.
pub(super) struct TransactionOf<T> {
    pub(super) replica: String,
    transaction: Option<T>,
}

impl<H: Host> World<'_, H> {
    pub(super) fn call_transaction(
        &mut self,
        on: &str,
        name: Option<&str>,
        call: TransactionCall,
    ) -> Result<Json, Stop> {
        if let TransactionCall::Begin([]) = call {
            let transaction = named(&mut self.replicas, Some(on))?.begin();
            let of = TransactionOf { replica: on.to_owned(), transaction: Some(transaction) };
            self.transactions.insert(name.unwrap_or_default().to_owned(), of);
            return Ok(Json::Null);
        }
        let TransactionOf { replica, transaction: of } = named(&mut self.transactions, Some(on))?;
        let document = named(&mut self.replicas, Some(replica))?;
        let open = of.take().ok_or_else(|| format!("the transaction {on:?} has ended"))?;
        match call {
            TransactionCall::Drop([]) => return Ok(Json::Null),
            TransactionCall::Commit([]) => {
                let event = open.commit(document)?;
                return Ok(event.map_or(Json::Null, |event| form::event(&event)));
            }
            _ => {}
        }
        let transaction = of.insert(open);
        match call {
            TransactionCall::Get(table, row) => {
                let cells = transaction.get(document, &table, &row);
                return Ok(cells.map_or(Json::Null, |cells| form::cells(&cells)));
            }
            TransactionCall::Scan(table, options) => {
                return Ok(form::page(&transaction.scan(document, &table, options.into())?));
            }
            TransactionCall::Insert(table, row, cells) => transaction.insert(document, &table, &row, cells.into())?,
            TransactionCall::Update(table, row, cells) => transaction.update(document, &table, &row, cells.into())?,
            TransactionCall::Delete(table, row) => transaction.delete(document, &table, &row)?,
            TransactionCall::Begin(_) | TransactionCall::Commit(_) | TransactionCall::Drop(_) => {}
        }
        Ok(Json::Null)
    }

    /// The state of the replica that a transaction was begun on.
    pub(super) fn transaction_state(&mut self, on: &str, call: &TransactionCall) -> Result<State, String> {
        let replica = match call {
            TransactionCall::Begin(_) => on,
            _ => &named(&mut self.transactions, Some(on))?.replica,
        };
        State::of(named(&mut self.replicas, Some(replica))?)
    }
}
