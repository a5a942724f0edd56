//! `durable`: documents and their watchers, each around one of the engine's.

use crate::Component;
use crate::contract::converge::sync::durable as engine;
use crate::contract::converge::sync::types::{self, Cell, Error, EventId, PeerVersion};
use crate::contract::exports::converge::sync::durable as wit;
use crate::convert::list;
use crate::rules::Rules;
use std::rc::Rc;

/// A document of the engine, shared with its transactions and sessions.
pub(crate) struct Doc(pub(crate) Rc<engine::Doc>);

pub(crate) struct Watcher(engine::Watcher);

impl wit::Guest for Component {
    type Doc = Doc;
    type Watcher = Watcher;
}

impl wit::GuestWatcher for Watcher {
    fn take(&self, most: u32) -> wit::Changes {
        self.0.take(most).into()
    }
}

impl Doc {
    /// Checks one commit, and makes it.
    fn write(&self, ops: &[engine::RowOp]) -> Result<EventId, Error> {
        if let Some(rules) = Rules::get() {
            rules.check_commit(ops, |table, row| self.0.get(table, row).is_some())?;
        }
        self.0.commit(ops)
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

    fn events_of(update: Vec<u8>, skip: u32, most: u32) -> Result<wit::EventBatch, Error> {
        Ok(engine::Doc::events_of(&update, skip, most)?.into())
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

    fn commit(&self, ops: Vec<wit::RowOp>) -> Result<EventId, Error> {
        self.write(&list::<_, engine::RowOp>(ops))
    }

    fn get(&self, table: String, row: String) -> Option<Vec<Cell>> {
        self.0.get(&table, &row)
    }

    fn scan(&self, table: String, options: types::ScanOptions) -> Result<types::Page, Error> {
        self.0.scan(&table, &options)
    }

    fn tables(&self) -> Vec<wit::TableSummary> {
        list(self.0.tables())
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

    fn events_since(&self, known: Vec<PeerVersion>, most: u32) -> Result<wit::EventBatch, Error> {
        Ok(self.0.events_since(&known, most)?.into())
    }

    fn merge_events(&self, events: Vec<wit::EventRun>) -> Result<wit::MergeReport, Error> {
        let events: Vec<engine::EventRun> = list(events);
        Rules::get().map_or(Ok(()), |rules| rules.check_events(&self.0, |visit| visit(&events)))?;
        Ok(self.0.merge_events(&events)?.into())
    }

    fn update_since(&self, known: Vec<PeerVersion>) -> Result<Vec<u8>, Error> {
        self.0.update_since(&known)
    }

    fn merge_update(&self, update: Vec<u8>) -> Result<wit::MergeReport, Error> {
        Rules::get().map_or(Ok(()), |rules| rules.check_update(&self.0, &update))?;
        Ok(self.0.merge_update(&update)?.into())
    }

    fn save(&self) -> Vec<u8> {
        self.0.save()
    }

    fn compact(&self, horizon: Vec<PeerVersion>) -> Result<wit::CompactionReport, Error> {
        Ok(self.0.compact(&horizon)?.into())
    }

    fn rebase(&self, saved: Vec<u8>) -> Result<wit::MergeReport, Error> {
        Rules::get().map_or(Ok(()), |rules| rules.check_document(&saved))?;
        Ok(self.0.rebase(&saved)?.into())
    }

    fn diff(&self, here: Vec<EventId>, there: Vec<EventId>) -> Result<Vec<wit::RowOp>, Error> {
        Ok(list(self.0.diff(&here, &there)?))
    }

    fn fork_at(&self, heads: Vec<EventId>, peer: String) -> Result<wit::Doc, Error> {
        Ok(resource(self.0.fork_at(&heads, &peer)?))
    }
}
