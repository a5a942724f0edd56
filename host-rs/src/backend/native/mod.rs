//! The backend that calls the engine directly.

mod convert;
mod table;

pub(crate) use table::Number;

use super::convert::{Convert, list};
use super::{Handle, Resource};
use crate::{
    Cell, Changes, CompactionReport, Digest, Entry, Error, EventBatch, EventId, EventRun, Fork, Inspection, Limit,
    MergeReport, Page, PeerVersion, Progress, Received, RowId, RowOp, ScanOptions, SessionOptions, Side, StoreOptions,
    TableSummary, TextChange, TextUnit, Value,
};
use converge_engine as engine;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use table::{Shared, Table};

/// The objects of an instance. Watchers, views, transactions and sessions keep their document
/// alive, and sessions their store.
#[derive(Default)]
pub(crate) struct Live {
    docs: Table<Shared<engine::Doc>>,
    watchers: Table<Watcher>,
    views: Table<View>,
    readers: Table<engine::UpdateReader>,
    transactions: Table<Transaction>,
    stores: Table<Shared<engine::Store>>,
    sessions: Table<Session>,
}

struct Watcher {
    number: engine::WatcherNumber,
    doc: Number,
}

#[derive(Clone, Copy)]
struct View {
    number: engine::ViewNumber,
    doc: Number,
}

struct Transaction {
    transaction: engine::Transaction,
    doc: Number,
}

struct Session {
    session: engine::Session,
    doc: Number,
    store: Number,
}

/// The engine panicked, with this message.
#[derive(Debug)]
struct Panic(String);

impl std::fmt::Display for Panic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the engine panicked: {}", self.0)
    }
}

impl std::error::Error for Panic {}

impl Panic {
    fn new(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self(text.unwrap_or("without a message").to_owned())
    }
}

impl Handle {
    fn number(self) -> Number {
        match self {
            Self::Native(number) => number,
            #[cfg(feature = "component")]
            Self::Component(_) => unreachable!("a handle is only used in the instance that returned it"),
        }
    }
}

/// The functions of the contract; see [`super::Live`].
impl Live {
    /// Makes one call. A panic of the engine is an error, as a trap of the component is.
    #[inline]
    pub(crate) fn call<T>(&mut self, call: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        // The caller drops the instance after a panic.
        catch_unwind(AssertUnwindSafe(|| call(self)))
            .unwrap_or_else(|payload| Err(Error::Trap(Box::new(Panic::new(&*payload)))))
    }

    pub(crate) fn engine_version(&mut self) -> Result<String, Error> {
        Ok(engine::VERSION.to_owned())
    }

    pub(crate) fn engine_limits(&mut self) -> Result<Vec<Limit>, Error> {
        Ok(list(engine::limits::ALL.to_vec()))
    }

    pub(crate) fn engine_inspect(&mut self, bytes: &[u8]) -> Result<Inspection, Error> {
        engine::inspect(bytes).convert()
    }

    pub(crate) fn ordering_between(
        &mut self,
        after: Option<&str>,
        before: Option<&str>,
        seed: &str,
    ) -> Result<String, Error> {
        engine::between(after, before, seed).map_err(Convert::convert)
    }

    pub(crate) fn resource_drop(&mut self, resource: Resource, handle: Handle) -> Result<(), Error> {
        let number = handle.number();
        match resource {
            Resource::Doc => self.docs.release(number),
            Resource::Watcher => {
                let watcher = self.watchers.remove(number);
                self.docs[watcher.doc].object.unwatch(watcher.number);
                self.docs.release(watcher.doc);
            }
            Resource::View => {
                let view = self.views.remove(number);
                self.docs[view.doc].object.close_view(view.number);
                self.docs.release(view.doc);
            }
            Resource::UpdateReader => drop(self.readers.remove(number)),
            Resource::Transaction => {
                let transaction = self.transactions.remove(number);
                self.docs.release(transaction.doc);
            }
            Resource::Store => self.stores.release(number),
            Resource::Session => {
                let session = self.sessions.remove(number);
                self.docs.release(session.doc);
                self.stores.release(session.store);
            }
        }
        Ok(())
    }

    pub(crate) fn doc_create(&mut self, peer: &str) -> Result<Handle, Error> {
        self.add_doc(engine::Doc::create(peer))
    }

    pub(crate) fn doc_load(&mut self, peer: &str, saved: &[u8]) -> Result<Handle, Error> {
        self.add_doc(engine::Doc::load(peer, saved))
    }

    pub(crate) fn doc_peek(&mut self, saved: &[u8], table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error> {
        engine::Doc::peek(saved, table, row).convert()
    }

    pub(crate) fn doc_peer(&mut self, handle: Handle) -> Result<String, Error> {
        Ok(self.doc(handle).peer().to_owned())
    }

    pub(crate) fn doc_insert(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        cells: Vec<Cell>,
    ) -> Result<EventId, Error> {
        self.doc_mut(handle).insert(table, row, list(cells)).convert()
    }

    pub(crate) fn doc_update(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        cells: Vec<Cell>,
    ) -> Result<EventId, Error> {
        self.doc_mut(handle).update(table, row, list(cells)).convert()
    }

    pub(crate) fn doc_delete(&mut self, handle: Handle, table: &str, row: &str) -> Result<EventId, Error> {
        self.doc_mut(handle).delete(table, row).convert()
    }

    pub(crate) fn doc_unset(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        columns: Vec<String>,
    ) -> Result<EventId, Error> {
        self.doc_mut(handle).unset(table, row, columns).convert()
    }

    pub(crate) fn doc_splice(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        column: &str,
        place: (u32, u32),
        insert: &str,
    ) -> Result<EventId, Error> {
        self.doc_mut(handle).splice(table, row, column, place, insert).convert()
    }

    pub(crate) fn doc_add(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        column: &str,
        amount: i64,
    ) -> Result<EventId, Error> {
        self.doc_mut(handle).add(table, row, column, amount).convert()
    }

    pub(crate) fn doc_distinguish(&mut self, handle: Handle, salt: u64) -> Result<(), Error> {
        self.doc_mut(handle).distinguish(salt);
        Ok(())
    }

    pub(crate) fn doc_commit(&mut self, handle: Handle, ops: Vec<RowOp>) -> Result<EventId, Error> {
        self.doc_mut(handle).commit(list(ops)).convert()
    }

    pub(crate) fn doc_begin(&mut self, handle: Handle) -> Result<Handle, Error> {
        let doc = handle.number();
        self.docs.retain(doc);
        Ok(Handle::Native(self.transactions.add(Transaction { transaction: engine::Transaction::default(), doc })))
    }

    pub(crate) fn doc_commit_transaction(
        &mut self,
        handle: Handle,
        transaction: Handle,
    ) -> Result<Option<EventId>, Error> {
        let Transaction { transaction, doc } = self.transactions.remove(transaction.number());
        self.docs.release(doc);
        if doc != handle.number() {
            return Err(engine::Error::from(engine::Invalid::OtherDocument).convert());
        }
        transaction.commit(self.doc_mut(handle)).convert()
    }

    pub(crate) fn doc_get(&mut self, handle: Handle, table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error> {
        Ok(self.doc(handle).get(table, row).convert())
    }

    pub(crate) fn doc_scan(&mut self, handle: Handle, table: &str, options: ScanOptions) -> Result<Page, Error> {
        self.doc(handle).scan(table, &options.convert()).convert()
    }

    pub(crate) fn doc_tables(&mut self, handle: Handle) -> Result<Vec<TableSummary>, Error> {
        Ok(list(self.doc(handle).tables()))
    }

    pub(crate) fn doc_watch(&mut self, handle: Handle, tables: &[String], from_start: bool) -> Result<Handle, Error> {
        let number = self.doc_mut(handle).watch(tables, from_start).map_err(Convert::convert)?;
        let doc = handle.number();
        self.docs.retain(doc);
        Ok(Handle::Native(self.watchers.add(Watcher { number, doc })))
    }

    pub(crate) fn doc_digest(&mut self, handle: Handle) -> Result<Digest, Error> {
        Ok(Digest(self.doc(handle).digest()))
    }

    pub(crate) fn doc_version(&mut self, handle: Handle) -> Result<Vec<PeerVersion>, Error> {
        Ok(list(self.doc(handle).version()))
    }

    pub(crate) fn doc_heads(&mut self, handle: Handle) -> Result<Vec<EventId>, Error> {
        Ok(list(self.doc(handle).heads()))
    }

    pub(crate) fn doc_summary(&mut self, handle: Handle) -> Result<Vec<u8>, Error> {
        Ok(self.doc(handle).summary())
    }

    pub(crate) fn doc_summary_of(&mut self, version: Vec<PeerVersion>) -> Result<Vec<u8>, Error> {
        let version: Vec<_> = list(version);
        engine::Doc::summary_of(&version).map_err(Convert::convert)
    }

    pub(crate) fn doc_forks(&mut self, handle: Handle, skip: u32, limit: u32) -> Result<Vec<Fork>, Error> {
        Ok(list(self.doc(handle).forks(skip, limit)))
    }

    pub(crate) fn doc_permanent_id(&mut self, handle: Handle, event: EventId) -> Result<EventId, Error> {
        self.doc(handle).permanent_id(&event.convert()).convert()
    }

    pub(crate) fn doc_events_since(&mut self, handle: Handle, summary: &[u8], limit: u32) -> Result<EventBatch, Error> {
        self.doc(handle).events_since(summary, limit).convert()
    }

    pub(crate) fn doc_merge_events(&mut self, handle: Handle, events: Vec<EventRun>) -> Result<MergeReport, Error> {
        self.doc_mut(handle).merge_events(list(events)).convert()
    }

    pub(crate) fn doc_update_since(&mut self, handle: Handle, summary: &[u8]) -> Result<Vec<u8>, Error> {
        self.doc(handle).update_since(summary).map_err(Convert::convert)
    }

    pub(crate) fn doc_merge_update(&mut self, handle: Handle, update: &[u8]) -> Result<MergeReport, Error> {
        self.doc_mut(handle).merge_update(update).convert()
    }

    pub(crate) fn doc_save(&mut self, handle: Handle) -> Result<Vec<u8>, Error> {
        Ok(self.doc(handle).save())
    }

    pub(crate) fn doc_compact(&mut self, handle: Handle, summaries: &[Vec<u8>]) -> Result<CompactionReport, Error> {
        self.doc_mut(handle).compact(summaries).convert()
    }

    pub(crate) fn doc_rebase(&mut self, handle: Handle, saved: &[u8]) -> Result<MergeReport, Error> {
        self.doc_mut(handle).rebase(saved).convert()
    }

    pub(crate) fn doc_diff(
        &mut self,
        handle: Handle,
        from_heads: Vec<EventId>,
        to_heads: Vec<EventId>,
    ) -> Result<Vec<RowOp>, Error> {
        let (from, to): (Vec<_>, Vec<_>) = (list(from_heads), list(to_heads));
        self.doc(handle).diff(&from, &to).convert()
    }

    pub(crate) fn doc_inverse_of(&mut self, handle: Handle, events: Vec<EventId>) -> Result<Vec<RowOp>, Error> {
        let events: Vec<_> = list(events);
        self.doc(handle).inverse_of(&events).convert()
    }

    pub(crate) fn doc_fork_at(&mut self, handle: Handle, heads: Vec<EventId>, peer: &str) -> Result<Handle, Error> {
        let heads: Vec<_> = list(heads);
        let fork = self.doc(handle).fork_at(&heads, peer);
        self.add_doc(fork)
    }

    pub(crate) fn watcher_take(&mut self, handle: Handle, limit: u32) -> Result<Changes, Error> {
        let Watcher { number, doc } = self.watchers[handle.number()];
        Ok(self.docs[doc].object.take(number, limit).convert())
    }

    pub(crate) fn view_open(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        column: &str,
        unit: TextUnit,
    ) -> Result<Handle, Error> {
        let number = self.doc_mut(handle).open_view(table, row, column, unit.convert()).map_err(Convert::convert)?;
        let doc = handle.number();
        self.docs.retain(doc);
        Ok(Handle::Native(self.views.add(View { number, doc })))
    }

    pub(crate) fn view_read(&mut self, handle: Handle) -> Result<Option<String>, Error> {
        let (view, doc) = self.view(handle);
        Ok(doc.read_view(view))
    }

    pub(crate) fn view_length(&mut self, handle: Handle) -> Result<u32, Error> {
        let (view, doc) = self.view(handle);
        Ok(doc.view_length(view))
    }

    pub(crate) fn view_slice(&mut self, handle: Handle, start: u32, end: u32) -> Result<String, Error> {
        let (view, doc) = self.view(handle);
        doc.view_slice(view, start, end).convert()
    }

    pub(crate) fn view_edit(&mut self, handle: Handle, changes: Vec<TextChange>) -> Result<EventId, Error> {
        let (view, doc) = self.view(handle);
        let changes: Vec<_> = list(changes);
        doc.edit_view(view, &changes).convert()
    }

    pub(crate) fn view_take(&mut self, handle: Handle) -> Result<Option<Vec<TextChange>>, Error> {
        let (view, doc) = self.view(handle);
        Ok(doc.take_view(view).convert())
    }

    pub(crate) fn view_rewrite(&mut self, handle: Handle, text: &str) -> Result<Option<EventId>, Error> {
        let (view, doc) = self.view(handle);
        doc.rewrite_view(view, text).convert()
    }

    pub(crate) fn view_anchor(&mut self, handle: Handle, at: u32, side: Side) -> Result<Vec<u8>, Error> {
        let (view, doc) = self.view(handle);
        doc.anchor_view(view, at, side.convert()).map_err(Convert::convert)
    }

    pub(crate) fn view_position(&mut self, handle: Handle, anchor: &[u8]) -> Result<Option<u32>, Error> {
        let (view, doc) = self.view(handle);
        doc.anchor_position(view, anchor).map_err(Convert::convert)
    }

    pub(crate) fn reader_open(&mut self, update: &[u8]) -> Result<Handle, Error> {
        let reader = engine::UpdateReader::open(update).map_err(Convert::convert)?;
        Ok(Handle::Native(self.readers.add(reader)))
    }

    pub(crate) fn reader_next(&mut self, handle: Handle, limit: u32) -> Result<EventBatch, Error> {
        Ok(self.readers[handle.number()].next(limit).convert())
    }

    pub(crate) fn transaction_get(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
    ) -> Result<Option<Vec<Cell>>, Error> {
        let (transaction, doc) = self.transaction(handle);
        Ok(transaction.get(doc, table, row).convert())
    }

    pub(crate) fn transaction_scan(
        &mut self,
        handle: Handle,
        table: &str,
        options: ScanOptions,
    ) -> Result<Page, Error> {
        let (transaction, doc) = self.transaction(handle);
        transaction.scan(doc, table, &options.convert()).convert()
    }

    pub(crate) fn transaction_insert(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        cells: Vec<Cell>,
    ) -> Result<(), Error> {
        let (transaction, doc) = self.transaction(handle);
        transaction.insert(doc, table, row, list(cells)).convert()
    }

    pub(crate) fn transaction_update(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        cells: Vec<Cell>,
    ) -> Result<(), Error> {
        let (transaction, doc) = self.transaction(handle);
        transaction.update(doc, table, row, list(cells)).convert()
    }

    pub(crate) fn transaction_delete(&mut self, handle: Handle, table: &str, row: &str) -> Result<(), Error> {
        let (transaction, doc) = self.transaction(handle);
        transaction.delete(doc, table, row).convert()
    }

    pub(crate) fn transaction_unset(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        columns: Vec<String>,
    ) -> Result<(), Error> {
        let (transaction, doc) = self.transaction(handle);
        transaction.unset(doc, table, row, columns).convert()
    }

    pub(crate) fn transaction_splice(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        column: &str,
        place: (u32, u32),
        insert: &str,
    ) -> Result<(), Error> {
        let (transaction, doc) = self.transaction(handle);
        transaction.splice(doc, table, row, column, place, insert).convert()
    }

    pub(crate) fn transaction_add(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        column: &str,
        amount: i64,
    ) -> Result<(), Error> {
        let (transaction, doc) = self.transaction(handle);
        transaction.add(doc, table, row, column, amount).convert()
    }

    pub(crate) fn transaction_touched(&mut self, handle: Handle) -> Result<Vec<RowId>, Error> {
        Ok(list(self.transaction(handle).0.touched()))
    }

    pub(crate) fn store_create(&mut self, peer: &str, options: StoreOptions) -> Result<Handle, Error> {
        let store = engine::Store::create(peer, options.convert()).map_err(Convert::convert)?;
        Ok(Handle::Native(self.stores.share(store)))
    }

    pub(crate) fn store_peer(&mut self, handle: Handle) -> Result<String, Error> {
        Ok(self.store(handle).peer().to_owned())
    }

    pub(crate) fn store_set(
        &mut self,
        handle: Handle,
        namespace: &str,
        key: &str,
        value: Value,
        now: f64,
    ) -> Result<Entry, Error> {
        self.store(handle).set(namespace, key, value.convert(), now).convert()
    }

    pub(crate) fn store_remove(
        &mut self,
        handle: Handle,
        namespace: &str,
        key: &str,
        now: f64,
    ) -> Result<Option<Entry>, Error> {
        self.store(handle).remove(namespace, key, now).convert()
    }

    pub(crate) fn store_get(&mut self, handle: Handle, namespace: &str, key: &str) -> Result<Option<Entry>, Error> {
        Ok(self.store(handle).get(namespace, key).convert())
    }

    pub(crate) fn store_get_all(&mut self, handle: Handle, namespace: &str) -> Result<Vec<Entry>, Error> {
        Ok(list(self.store(handle).get_all(namespace)))
    }

    pub(crate) fn store_namespaces(&mut self, handle: Handle) -> Result<Vec<String>, Error> {
        Ok(self.store(handle).namespaces())
    }

    pub(crate) fn store_merge_entries(
        &mut self,
        handle: Handle,
        entries: Vec<Entry>,
        now: f64,
    ) -> Result<Vec<Entry>, Error> {
        self.store(handle).merge_entries(list(entries), now).convert()
    }

    pub(crate) fn store_snapshot(&mut self, handle: Handle, namespaces: &[String]) -> Result<Vec<u8>, Error> {
        Ok(self.store(handle).snapshot(namespaces))
    }

    pub(crate) fn store_take_update(&mut self, handle: Handle) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.store(handle).take_update())
    }

    pub(crate) fn store_merge_update(&mut self, handle: Handle, update: &[u8], now: f64) -> Result<Vec<Entry>, Error> {
        self.store(handle).merge_update(update, now).convert()
    }

    pub(crate) fn store_refused(&mut self, handle: Handle) -> Result<u32, Error> {
        Ok(self.store(handle).refused())
    }

    pub(crate) fn store_expire(&mut self, handle: Handle, now: f64) -> Result<Vec<Entry>, Error> {
        self.store(handle).expire(now).convert()
    }

    pub(crate) fn store_leave(&mut self, handle: Handle, now: f64) -> Result<Vec<Entry>, Error> {
        self.store(handle).leave(now).convert()
    }

    pub(crate) fn session_open(
        &mut self,
        doc: Handle,
        store: Handle,
        options: SessionOptions,
    ) -> Result<Handle, Error> {
        let (doc, store) = (doc.number(), store.number());
        let session = engine::Session::open(&self.docs[doc].object, &mut self.stores[store].object, options.convert());
        let session = session.map_err(Convert::convert)?;
        self.docs.retain(doc);
        self.stores.retain(store);
        Ok(Handle::Native(self.sessions.add(Session { session, doc, store })))
    }

    pub(crate) fn session_poll(&mut self, handle: Handle, now: f64) -> Result<Option<Vec<u8>>, Error> {
        let (session, doc, store) = self.session(handle);
        session.poll(doc, store, now).map_err(Convert::convert)
    }

    pub(crate) fn session_receive(&mut self, handle: Handle, message: &[u8], now: f64) -> Result<Received, Error> {
        let (session, doc, store) = self.session(handle);
        session.receive(doc, store, message, now).convert()
    }

    pub(crate) fn session_update_of(&mut self, handle: Handle, message: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.session(handle).0.update_of(message).map_err(Convert::convert)
    }

    pub(crate) fn session_progress(&mut self, handle: Handle) -> Result<Progress, Error> {
        let (session, doc, _) = self.session(handle);
        Ok(session.progress(doc).convert())
    }

    fn add_doc(&mut self, doc: Result<engine::Doc, engine::Error>) -> Result<Handle, Error> {
        Ok(Handle::Native(self.docs.share(doc.map_err(Convert::convert)?)))
    }

    fn doc(&self, handle: Handle) -> &engine::Doc {
        &self.docs[handle.number()].object
    }

    fn doc_mut(&mut self, handle: Handle) -> &mut engine::Doc {
        &mut self.docs[handle.number()].object
    }

    fn store(&mut self, handle: Handle) -> &mut engine::Store {
        &mut self.stores[handle.number()].object
    }

    /// Returns a view and its document.
    fn view(&mut self, handle: Handle) -> (engine::ViewNumber, &mut engine::Doc) {
        let View { number, doc } = self.views[handle.number()];
        (number, &mut self.docs[doc].object)
    }

    /// Returns a transaction and its document.
    fn transaction(&mut self, handle: Handle) -> (&mut engine::Transaction, &engine::Doc) {
        let Transaction { transaction, doc } = &mut self.transactions[handle.number()];
        (transaction, &self.docs[*doc].object)
    }

    /// Returns a session, its document and its store.
    fn session(&mut self, handle: Handle) -> (&mut engine::Session, &mut engine::Doc, &mut engine::Store) {
        let Session { session, doc, store } = &mut self.sessions[handle.number()];
        (session, &mut self.docs[*doc].object, &mut self.stores[*store].object)
    }
}

#[cfg(test)]
mod tests {
    use super::Live;
    use crate::Error;

    #[test]
    fn a_panic_is_a_trap_that_ends_the_instance() {
        let mut live = Live::default();
        for text in ["at once", "later"] {
            let error = live.call(|_| -> Result<(), Error> { panic!("{text}") }).unwrap_err();
            assert!(error.ends_instance());
            let source = std::error::Error::source(&error).map(ToString::to_string);
            assert_eq!(source, Some(format!("the engine panicked: {text}")));
        }
    }
}
