//! The interface `durable`: documents, watchers and update readers as resources.

use crate::Component;
use crate::contract::exports::converge::sync::durable as wit;
use crate::contract::exports::converge::sync::{transactions, types};
use crate::convert::list;
use crate::transactions::Transaction;
use converge_engine as engine;
use std::cell::RefCell;
use std::rc::Rc;

/// A document, shared with its watchers, views, transactions and sessions.
pub(crate) struct Doc(pub(crate) Rc<RefCell<engine::Doc>>);

/// A watcher of a document. Keeps the document alive.
pub(crate) struct Watcher {
    doc: Rc<RefCell<engine::Doc>>,
    number: engine::WatcherNumber,
}

/// A reader of an update's events.
pub(crate) struct UpdateReader(RefCell<engine::UpdateReader>);

impl wit::Guest for Component {
    type Doc = Doc;
    type Watcher = Watcher;
    type UpdateReader = UpdateReader;
}

impl wit::GuestUpdateReader for UpdateReader {
    fn open(update: Vec<u8>) -> Result<wit::UpdateReader, types::Error> {
        Ok(wit::UpdateReader::new(Self(RefCell::new(engine::UpdateReader::open(&update)?))))
    }

    fn next(&self, limit: u32) -> wit::EventBatch {
        self.0.borrow_mut().next(limit).into()
    }
}

impl wit::GuestWatcher for Watcher {
    fn take(&self, limit: u32) -> wit::Changes {
        self.doc.borrow_mut().take(self.number, limit).into()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.doc.borrow_mut().unwatch(self.number);
    }
}

fn resource(doc: engine::Doc) -> wit::Doc {
    wit::Doc::new(Doc(Rc::new(RefCell::new(doc))))
}

impl wit::GuestDoc for Doc {
    fn create(peer: String) -> Result<wit::Doc, types::Error> {
        let doc = engine::Doc::create(&peer)?;
        Ok(resource(doc))
    }

    fn load(peer: String, saved: Vec<u8>) -> Result<wit::Doc, types::Error> {
        Ok(resource(engine::Doc::load(&peer, &saved)?))
    }

    fn peek(saved: Vec<u8>, table: String, row: String) -> Result<Option<Vec<types::Cell>>, types::Error> {
        Ok(engine::Doc::peek(&saved, &table, &row)?.map(list))
    }

    fn peer(&self) -> String {
        self.0.borrow().peer().to_owned()
    }

    fn insert(&self, table: String, row: String, cells: Vec<types::Cell>) -> Result<types::EventId, types::Error> {
        Ok(self.0.borrow_mut().insert(table, row, list(cells))?.into())
    }

    fn update(&self, table: String, row: String, cells: Vec<types::Cell>) -> Result<types::EventId, types::Error> {
        Ok(self.0.borrow_mut().update(table, row, list(cells))?.into())
    }

    fn delete(&self, table: String, row: String) -> Result<types::EventId, types::Error> {
        Ok(self.0.borrow_mut().delete(table, row)?.into())
    }

    fn unset(&self, table: String, row: String, columns: Vec<String>) -> Result<types::EventId, types::Error> {
        Ok(self.0.borrow_mut().unset(table, row, columns)?.into())
    }

    fn splice(
        &self,
        table: String,
        row: String,
        column: String,
        at: u32,
        remove: u32,
        insert: String,
    ) -> Result<types::EventId, types::Error> {
        Ok(self.0.borrow_mut().splice(table, row, column, (at, remove), insert)?.into())
    }

    fn add(&self, table: String, row: String, column: String, amount: i64) -> Result<types::EventId, types::Error> {
        Ok(self.0.borrow_mut().add(table, row, column, amount)?.into())
    }

    fn distinguish(&self, salt: u64) {
        self.0.borrow_mut().distinguish(salt);
    }

    fn commit(&self, ops: wit::Commit) -> Result<types::EventId, types::Error> {
        Ok(self.0.borrow_mut().commit(list(ops))?.into())
    }

    fn commit_rows(&self, ops: Vec<wit::RowsOp>) -> Result<types::EventId, types::Error> {
        Ok(self.0.borrow_mut().commit_rows(list(ops))?.into())
    }

    fn begin(&self) -> transactions::Transaction {
        Transaction::begin(&self.0)
    }

    fn commit_transaction(
        &self,
        transaction: transactions::Transaction,
    ) -> Result<Option<types::EventId>, types::Error> {
        let event = transaction.into_inner::<Transaction>().commit(&self.0)?;
        Ok(event.map(Into::into))
    }

    fn get(&self, table: String, row: String) -> Option<Vec<types::Cell>> {
        self.0.borrow().get(&table, &row).map(list)
    }

    fn scan(&self, table: String, options: wit::ScanOptions) -> Result<wit::Page, types::Error> {
        Ok(self.0.borrow().scan_shaped(&table, &options.into())?.into())
    }

    fn tables(&self) -> Vec<types::TableSummary> {
        list(self.0.borrow().tables())
    }

    fn watch(&self, tables: Vec<String>, from_start: bool) -> Result<wit::Watcher, types::Error> {
        let number = self.0.borrow_mut().watch(&tables, from_start)?;
        Ok(wit::Watcher::new(Watcher { doc: self.0.clone(), number }))
    }

    fn digest(&self) -> Vec<u8> {
        self.0.borrow().digest().to_vec()
    }

    fn version(&self) -> Vec<types::PeerVersion> {
        list(self.0.borrow().version())
    }

    fn heads(&self) -> Vec<types::EventId> {
        list(self.0.borrow().heads())
    }

    fn summary(&self) -> Vec<u8> {
        self.0.borrow().summary()
    }

    fn summary_of(version: Vec<types::PeerVersion>) -> Result<Vec<u8>, types::Error> {
        let version: Vec<engine::PeerVersion> = list(version);
        Ok(engine::Doc::summary_of(&version)?)
    }

    fn forks(&self, skip: u32, limit: u32) -> Vec<wit::Fork> {
        list(self.0.borrow().forks(skip, limit))
    }

    fn permanent_id(&self, event: types::EventId) -> Result<types::EventId, types::Error> {
        Ok(self.0.borrow().permanent_id(&event.into())?.into())
    }

    fn events_since(&self, summary: Vec<u8>, limit: u32) -> Result<wit::EventBatch, types::Error> {
        Ok(self.0.borrow().events_since(&summary, limit)?.into())
    }

    fn merge_events(&self, events: Vec<wit::EventRun>) -> Result<wit::MergeReport, types::Error> {
        Ok(self.0.borrow_mut().merge_events(list(events))?.into())
    }

    fn update_since(&self, summary: Vec<u8>) -> Result<Vec<u8>, types::Error> {
        Ok(self.0.borrow().update_since(&summary)?)
    }

    fn merge_update(&self, update: Vec<u8>) -> Result<wit::MergeReport, types::Error> {
        Ok(self.0.borrow_mut().merge_update(&update)?.into())
    }

    fn save(&self) -> Vec<u8> {
        self.0.borrow().save()
    }

    fn compact(&self, summaries: Vec<Vec<u8>>) -> Result<wit::CompactionReport, types::Error> {
        Ok(self.0.borrow_mut().compact(&summaries)?.into())
    }

    fn rebase(&self, saved: Vec<u8>) -> Result<wit::MergeReport, types::Error> {
        Ok(self.0.borrow_mut().rebase(&saved)?.into())
    }

    fn diff(
        &self,
        from_heads: Vec<types::EventId>,
        to_heads: Vec<types::EventId>,
    ) -> Result<Vec<wit::RowOp>, types::Error> {
        let (from, to): (Vec<engine::EventId>, Vec<engine::EventId>) = (list(from_heads), list(to_heads));
        Ok(list(self.0.borrow().diff(&from, &to)?))
    }

    fn inverse_of(&self, events: Vec<types::EventId>) -> Result<Vec<wit::RowOp>, types::Error> {
        let events: Vec<engine::EventId> = list(events);
        Ok(list(self.0.borrow().inverse_of(&events)?))
    }

    fn fork_at(&self, heads: Vec<types::EventId>, peer: String) -> Result<wit::Doc, types::Error> {
        let heads: Vec<engine::EventId> = list(heads);
        Ok(resource(self.0.borrow().fork_at(&heads, &peer)?))
    }
}
