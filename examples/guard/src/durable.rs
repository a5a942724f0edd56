//! The interface `durable`: wraps documents, watchers and update readers of the engine.

use crate::Component;
use crate::contract::converge::sync::durable as engine;
use crate::contract::converge::sync::types::{self, Cell, Error, EventId, PeerVersion};
use crate::contract::exports::converge::sync::{durable as wit, transactions};
use crate::convert::{list, row_ops};
use crate::rules::Rules;
use crate::transactions::Transaction;
use std::rc::Rc;

/// A document of the engine, shared with its views, transactions and sessions.
pub(crate) struct Doc(pub(crate) Rc<engine::Doc>);

pub(crate) struct Watcher(engine::Watcher);

pub(crate) struct UpdateReader(engine::UpdateReader);

impl wit::Guest for Component {
    type Doc = Doc;
    type Watcher = Watcher;
    type UpdateReader = UpdateReader;
}

impl wit::GuestUpdateReader for UpdateReader {
    fn open(update: Vec<u8>) -> Result<wit::UpdateReader, Error> {
        Ok(wit::UpdateReader::new(Self(engine::UpdateReader::open(&update)?)))
    }

    fn next(&self, limit: u32) -> wit::EventBatch {
        self.0.next(limit).into()
    }
}

impl wit::GuestWatcher for Watcher {
    fn take(&self, limit: u32) -> wit::Changes {
        self.0.take(limit).into()
    }
}

impl Doc {
    /// Checks a commit and passes it to the engine.
    fn write(&self, ops: &[engine::RowOp]) -> Result<EventId, Error> {
        self.check(ops)?;
        self.0.commit(ops)
    }

    /// Checks a commit.
    fn check(&self, ops: &[engine::RowOp]) -> Result<(), Error> {
        let Some(rules) = Rules::get() else { return Ok(()) };
        rules.check_commit(ops, |table, row| self.0.get(table, row).is_some())?;
        rules.check_texts(&self.0, ops)
    }
}

fn resource(doc: engine::Doc) -> wit::Doc {
    wit::Doc::new(Doc(Rc::new(doc)))
}

impl wit::GuestDoc for Doc {
    fn create(peer: String) -> Result<wit::Doc, Error> {
        Ok(resource(engine::Doc::create(&peer)?))
    }

    fn load(peer: String, saved: Vec<u8>) -> Result<wit::Doc, Error> {
        let doc = engine::Doc::load(&peer, &saved)?;
        Rules::get().map_or(Ok(()), |rules| rules.check_document(&saved))?;
        Ok(resource(doc))
    }

    fn peek(saved: Vec<u8>, table: String, row: String) -> Result<Option<Vec<Cell>>, Error> {
        engine::Doc::peek(&saved, &table, &row)
    }

    fn peer(&self) -> String {
        self.0.peer()
    }

    fn insert(&self, table: String, row: String, cells: Vec<Cell>) -> Result<EventId, Error> {
        self.write(&[engine::RowOp::Insert(engine::InsertOp { table, row, cells })])
    }

    fn update(&self, table: String, row: String, cells: Vec<Cell>) -> Result<EventId, Error> {
        self.write(&[engine::RowOp::Update(engine::UpdateOp { table, row, cells })])
    }

    fn delete(&self, table: String, row: String) -> Result<EventId, Error> {
        self.write(&[engine::RowOp::Delete(engine::DeleteOp { table, row })])
    }

    fn unset(&self, table: String, row: String, columns: Vec<String>) -> Result<EventId, Error> {
        self.write(&[engine::RowOp::Unset(engine::UnsetOp { table, row, columns })])
    }

    fn splice(
        &self,
        table: String,
        row: String,
        column: String,
        at: u32,
        remove: u32,
        insert: String,
    ) -> Result<EventId, Error> {
        self.write(&[engine::RowOp::Splice(engine::SpliceOp { table, row, column, at, remove, insert })])
    }

    fn add(&self, table: String, row: String, column: String, amount: i64) -> Result<EventId, Error> {
        self.write(&[engine::RowOp::Add(engine::AddOp { table, row, column, amount })])
    }

    fn distinguish(&self, salt: u64) {
        self.0.distinguish(salt);
    }

    fn commit(&self, ops: Vec<wit::RowOp>) -> Result<EventId, Error> {
        self.write(&list::<_, engine::RowOp>(ops))
    }

    fn commit_rows(&self, ops: Vec<wit::RowsOp>) -> Result<EventId, Error> {
        let ops: Vec<engine::RowsOp> = list(ops);
        self.check(&row_ops(&ops))?;
        self.0.commit_rows(&ops)
    }

    fn begin(&self) -> transactions::Transaction {
        Transaction::begin(&self.0)
    }

    fn commit_transaction(&self, transaction: transactions::Transaction) -> Result<Option<EventId>, Error> {
        transaction.into_inner::<Transaction>().commit(&self.0)
    }

    fn get(&self, table: String, row: String) -> Option<Vec<Cell>> {
        self.0.get(&table, &row)
    }

    fn scan(&self, table: String, options: types::ScanOptions) -> Result<types::Page, Error> {
        self.0.scan(&table, &options)
    }

    fn tables(&self) -> Vec<types::TableSummary> {
        self.0.tables()
    }

    fn watch(&self, tables: Vec<String>, from_start: bool) -> Result<wit::Watcher, Error> {
        Ok(wit::Watcher::new(Watcher(self.0.watch(&tables, from_start)?)))
    }

    fn digest(&self) -> Vec<u8> {
        self.0.digest()
    }

    fn version(&self) -> Vec<PeerVersion> {
        self.0.version()
    }

    fn heads(&self) -> Vec<EventId> {
        self.0.heads()
    }

    fn summary(&self) -> Vec<u8> {
        self.0.summary()
    }

    fn summary_of(version: Vec<PeerVersion>) -> Result<Vec<u8>, Error> {
        engine::Doc::summary_of(&version)
    }

    fn forks(&self, skip: u32, limit: u32) -> Vec<wit::Fork> {
        list(self.0.forks(skip, limit))
    }

    fn permanent_id(&self, event: EventId) -> Result<EventId, Error> {
        self.0.permanent_id(&event)
    }

    fn events_since(&self, summary: Vec<u8>, limit: u32) -> Result<wit::EventBatch, Error> {
        Ok(self.0.events_since(&summary, limit)?.into())
    }

    fn merge_events(&self, events: Vec<wit::EventRun>) -> Result<wit::MergeReport, Error> {
        let events: Vec<engine::EventRun> = list(events);
        Rules::get().map_or(Ok(()), |rules| rules.check_events(&self.0, |visit| visit(&events)))?;
        Ok(self.0.merge_events(&events)?.into())
    }

    fn update_since(&self, summary: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.0.update_since(&summary)
    }

    fn merge_update(&self, update: Vec<u8>) -> Result<wit::MergeReport, Error> {
        Rules::get().map_or(Ok(()), |rules| rules.check_update(&self.0, &update))?;
        Ok(self.0.merge_update(&update)?.into())
    }

    fn save(&self) -> Vec<u8> {
        self.0.save()
    }

    fn compact(&self, summaries: Vec<Vec<u8>>) -> Result<wit::CompactionReport, Error> {
        Ok(self.0.compact(&summaries)?.into())
    }

    fn rebase(&self, saved: Vec<u8>) -> Result<wit::MergeReport, Error> {
        Rules::get().map_or(Ok(()), |rules| rules.check_document(&saved))?;
        Ok(self.0.rebase(&saved)?.into())
    }

    fn diff(&self, from_heads: Vec<EventId>, to_heads: Vec<EventId>) -> Result<Vec<wit::RowOp>, Error> {
        Ok(list(self.0.diff(&from_heads, &to_heads)?))
    }

    fn inverse_of(&self, events: Vec<EventId>) -> Result<Vec<wit::RowOp>, Error> {
        Ok(list(self.0.inverse_of(&events)?))
    }

    fn fork_at(&self, heads: Vec<EventId>, peer: String) -> Result<wit::Doc, Error> {
        Ok(resource(self.0.fork_at(&heads, &peer)?))
    }
}
