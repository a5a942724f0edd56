//! The backend that runs the WebAssembly component in wasmtime.

mod bindings;
mod convert;
#[cfg(feature = "mutators")]
pub(crate) mod mutator;
pub(crate) mod runtime;
mod shaped;

use super::convert::{Convert, list};
use super::{Handle, Resource};
use crate::{
    Cell, Changes, CompactionReport, Digest, Entry, Error, EventBatch, EventId, EventRun, Fork, Inspection, Limit,
    MergeReport, Page, PeerVersion, Progress, Received, RowId, RowOp, ScanOptions, SessionOptions, Side, StoreOptions,
    TableSummary, TextChange, TextUnit, Value,
};
use bindings::Converge;
use bindings::durable::GuestDoc;
use bindings::ephemeral::GuestStore;
use bindings::session::GuestSession;
use bindings::texts::GuestView;
use bindings::transactions::GuestTransaction;
use runtime::{Limits, TimeLimit};
use std::time::Duration;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

/// An instance of the component.
pub(crate) struct Live {
    store: Store<Limits>,
    bindings: Converge,
    time: TimeLimit,
}

impl Handle {
    fn resource(self) -> ResourceAny {
        match self {
            Self::Component(resource) => resource,
            #[cfg(feature = "native")]
            Self::Native(_) => unreachable!("a handle is only used in the instance that returned it"),
        }
    }
}

/// The functions of the contract; see [`super::Live`].
impl Live {
    /// Creates an instance of a component.
    pub(crate) fn new(
        component: &runtime::Component,
        memory_bytes: usize,
        call_time: Option<Duration>,
    ) -> Result<Self, Error> {
        let time = component.time_limit(call_time);
        let (store, bindings) = component.instantiate(memory_bytes, &time).map_err(Error::from_start)?;
        Ok(Self { store, bindings, time })
    }

    /// Returns the size of the memory in bytes.
    pub(crate) fn grown_bytes(&self) -> usize {
        self.store.data().grown_bytes
    }

    pub(crate) fn engine_version(&mut self) -> Result<String, Error> {
        self.call(|bindings, store| bindings.converge_sync_engine().call_version(store))
    }

    pub(crate) fn engine_limits(&mut self) -> Result<Vec<Limit>, Error> {
        self.call(|bindings, store| bindings.converge_sync_engine().call_limits(store)).map(list)
    }

    pub(crate) fn engine_inspect(&mut self, bytes: &[u8]) -> Result<Inspection, Error> {
        self.call(|bindings, store| bindings.converge_sync_engine().call_inspect(store, bytes))?.convert()
    }

    pub(crate) fn ordering_between(
        &mut self,
        after: Option<&str>,
        before: Option<&str>,
        seed: &str,
    ) -> Result<String, Error> {
        self.call(|bindings, store| bindings.converge_sync_ordering().call_between(store, after, before, seed))?
            .map_err(Convert::convert)
    }

    pub(crate) fn resource_drop(&mut self, _: Resource, handle: Handle) -> Result<(), Error> {
        self.call(|_, store| handle.resource().resource_drop(store))
    }

    pub(crate) fn doc_create(&mut self, peer: &str) -> Result<Handle, Error> {
        self.doc(|doc, store| doc.call_create(store, peer))?.convert()
    }

    pub(crate) fn doc_load(&mut self, peer: &str, saved: &[u8]) -> Result<Handle, Error> {
        self.doc(|doc, store| doc.call_load(store, peer, saved))?.convert()
    }

    pub(crate) fn doc_peek(&mut self, saved: &[u8], table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error> {
        self.doc(|doc, store| doc.call_peek(store, saved, table, row))?.convert()
    }

    pub(crate) fn doc_peer(&mut self, handle: Handle) -> Result<String, Error> {
        self.doc(|doc, store| doc.call_peer(store, handle.resource()))
    }

    pub(crate) fn doc_insert(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        cells: Vec<Cell>,
    ) -> Result<EventId, Error> {
        let cells: Vec<_> = list(cells);
        self.doc(|doc, store| doc.call_insert(store, handle.resource(), table, row, &cells))?.convert()
    }

    pub(crate) fn doc_update(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        cells: Vec<Cell>,
    ) -> Result<EventId, Error> {
        let cells: Vec<_> = list(cells);
        self.doc(|doc, store| doc.call_update(store, handle.resource(), table, row, &cells))?.convert()
    }

    pub(crate) fn doc_delete(&mut self, handle: Handle, table: &str, row: &str) -> Result<EventId, Error> {
        self.doc(|doc, store| doc.call_delete(store, handle.resource(), table, row))?.convert()
    }

    #[expect(clippy::needless_pass_by_value, reason = "the other backend moves the texts")]
    pub(crate) fn doc_unset(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        columns: Vec<String>,
    ) -> Result<EventId, Error> {
        self.doc(|doc, store| doc.call_unset(store, handle.resource(), table, row, &columns))?.convert()
    }

    pub(crate) fn doc_splice(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        column: &str,
        (at, remove): (u32, u32),
        insert: &str,
    ) -> Result<EventId, Error> {
        let doc = handle.resource();
        self.doc(|it, store| it.call_splice(store, doc, table, row, column, at, remove, insert))?.convert()
    }

    pub(crate) fn doc_add(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        column: &str,
        amount: i64,
    ) -> Result<EventId, Error> {
        self.doc(|doc, store| doc.call_add(store, handle.resource(), table, row, column, amount))?.convert()
    }

    pub(crate) fn doc_distinguish(&mut self, handle: Handle, salt: u64) -> Result<(), Error> {
        self.doc(|doc, store| doc.call_distinguish(store, handle.resource(), salt))
    }

    pub(crate) fn doc_commit(&mut self, handle: Handle, ops: Vec<RowOp>) -> Result<EventId, Error> {
        if shaped::can_share(&ops) {
            let ops = shaped::rows_ops(ops);
            return self.doc(|doc, store| doc.call_commit_rows(store, handle.resource(), &ops))?.convert();
        }
        let ops: Vec<_> = list(ops);
        self.doc(|doc, store| doc.call_commit(store, handle.resource(), &ops))?.convert()
    }

    pub(crate) fn doc_begin(&mut self, handle: Handle) -> Result<Handle, Error> {
        self.doc(|doc, store| doc.call_begin(store, handle.resource())).map(Convert::convert)
    }

    pub(crate) fn doc_commit_transaction(
        &mut self,
        handle: Handle,
        transaction: Handle,
    ) -> Result<Option<EventId>, Error> {
        let transaction = transaction.resource();
        self.doc(|doc, store| doc.call_commit_transaction(store, handle.resource(), transaction))?.convert()
    }

    pub(crate) fn doc_get(&mut self, handle: Handle, table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error> {
        self.doc(|doc, store| doc.call_get(store, handle.resource(), table, row)).map(Convert::convert)
    }

    pub(crate) fn doc_scan(&mut self, handle: Handle, table: &str, options: ScanOptions) -> Result<Page, Error> {
        let options = options.convert();
        self.doc(|doc, store| doc.call_scan(store, handle.resource(), table, &options))?.convert()
    }

    pub(crate) fn doc_tables(&mut self, handle: Handle) -> Result<Vec<TableSummary>, Error> {
        self.doc(|doc, store| doc.call_tables(store, handle.resource())).map(list)
    }

    pub(crate) fn doc_watch(&mut self, handle: Handle, tables: &[String], from_start: bool) -> Result<Handle, Error> {
        self.doc(|doc, store| doc.call_watch(store, handle.resource(), tables, from_start))?.convert()
    }

    pub(crate) fn doc_digest(&mut self, handle: Handle) -> Result<Digest, Error> {
        let bytes = self.doc(|doc, store| doc.call_digest(store, handle.resource()))?;
        let bytes = bytes.try_into().map_err(|bytes: Vec<u8>| {
            Error::Other(format!("the engine's digest has {} bytes; it must have 32", bytes.len()))
        })?;
        Ok(Digest(bytes))
    }

    pub(crate) fn doc_version(&mut self, handle: Handle) -> Result<Vec<PeerVersion>, Error> {
        self.doc(|doc, store| doc.call_version(store, handle.resource())).map(list)
    }

    pub(crate) fn doc_heads(&mut self, handle: Handle) -> Result<Vec<EventId>, Error> {
        self.doc(|doc, store| doc.call_heads(store, handle.resource())).map(list)
    }

    pub(crate) fn doc_summary(&mut self, handle: Handle) -> Result<Vec<u8>, Error> {
        self.doc(|doc, store| doc.call_summary(store, handle.resource()))
    }

    pub(crate) fn doc_summary_of(&mut self, version: Vec<PeerVersion>) -> Result<Vec<u8>, Error> {
        let version: Vec<_> = list(version);
        self.doc(|doc, store| doc.call_summary_of(store, &version))?.map_err(Convert::convert)
    }

    pub(crate) fn doc_forks(&mut self, handle: Handle, skip: u32, limit: u32) -> Result<Vec<Fork>, Error> {
        self.doc(|doc, store| doc.call_forks(store, handle.resource(), skip, limit)).map(list)
    }

    pub(crate) fn doc_permanent_id(&mut self, handle: Handle, event: EventId) -> Result<EventId, Error> {
        let event = event.convert();
        self.doc(|doc, store| doc.call_permanent_id(store, handle.resource(), &event))?.convert()
    }

    pub(crate) fn doc_events_since(&mut self, handle: Handle, summary: &[u8], limit: u32) -> Result<EventBatch, Error> {
        self.doc(|doc, store| doc.call_events_since(store, handle.resource(), summary, limit))?.convert()
    }

    pub(crate) fn doc_merge_events(&mut self, handle: Handle, events: Vec<EventRun>) -> Result<MergeReport, Error> {
        let events: Vec<_> = list(events);
        self.doc(|doc, store| doc.call_merge_events(store, handle.resource(), &events))?.convert()
    }

    pub(crate) fn doc_update_since(&mut self, handle: Handle, summary: &[u8]) -> Result<Vec<u8>, Error> {
        self.doc(|doc, store| doc.call_update_since(store, handle.resource(), summary))?.map_err(Convert::convert)
    }

    pub(crate) fn doc_merge_update(&mut self, handle: Handle, update: &[u8]) -> Result<MergeReport, Error> {
        self.doc(|doc, store| doc.call_merge_update(store, handle.resource(), update))?.convert()
    }

    pub(crate) fn doc_save(&mut self, handle: Handle) -> Result<Vec<u8>, Error> {
        self.doc(|doc, store| doc.call_save(store, handle.resource()))
    }

    pub(crate) fn doc_compact(&mut self, handle: Handle, summaries: &[Vec<u8>]) -> Result<CompactionReport, Error> {
        self.doc(|doc, store| doc.call_compact(store, handle.resource(), summaries))?.convert()
    }

    pub(crate) fn doc_rebase(&mut self, handle: Handle, saved: &[u8]) -> Result<MergeReport, Error> {
        self.doc(|doc, store| doc.call_rebase(store, handle.resource(), saved))?.convert()
    }

    pub(crate) fn doc_diff(
        &mut self,
        handle: Handle,
        from_heads: Vec<EventId>,
        to_heads: Vec<EventId>,
    ) -> Result<Vec<RowOp>, Error> {
        let (from, to): (Vec<_>, Vec<_>) = (list(from_heads), list(to_heads));
        self.doc(|doc, store| doc.call_diff(store, handle.resource(), &from, &to))?.convert()
    }

    pub(crate) fn doc_inverse_of(&mut self, handle: Handle, events: Vec<EventId>) -> Result<Vec<RowOp>, Error> {
        let events: Vec<_> = list(events);
        self.doc(|doc, store| doc.call_inverse_of(store, handle.resource(), &events))?.convert()
    }

    pub(crate) fn doc_fork_at(&mut self, handle: Handle, heads: Vec<EventId>, peer: &str) -> Result<Handle, Error> {
        let heads: Vec<_> = list(heads);
        self.doc(|doc, store| doc.call_fork_at(store, handle.resource(), &heads, peer))?.convert()
    }

    pub(crate) fn watcher_take(&mut self, handle: Handle, limit: u32) -> Result<Changes, Error> {
        let take = |bindings: &Converge, store: &mut Store<Limits>| {
            bindings.converge_sync_durable().watcher().call_take(store, handle.resource(), limit)
        };
        self.call(take).map(Convert::convert)
    }

    pub(crate) fn view_open(
        &mut self,
        doc: Handle,
        table: &str,
        row: &str,
        column: &str,
        unit: TextUnit,
    ) -> Result<Handle, Error> {
        let (doc, unit) = (doc.resource(), unit.convert());
        self.view(|view, store| view.call_open(store, doc, table, row, column, unit))?.convert()
    }

    pub(crate) fn view_read(&mut self, handle: Handle) -> Result<Option<String>, Error> {
        self.view(|view, store| view.call_read(store, handle.resource()))
    }

    pub(crate) fn view_length(&mut self, handle: Handle) -> Result<u32, Error> {
        self.view(|view, store| view.call_length(store, handle.resource()))
    }

    pub(crate) fn view_slice(&mut self, handle: Handle, start: u32, end: u32) -> Result<String, Error> {
        self.view(|view, store| view.call_slice(store, handle.resource(), start, end))?.convert()
    }

    pub(crate) fn view_edit(&mut self, handle: Handle, changes: Vec<TextChange>) -> Result<EventId, Error> {
        let changes: Vec<_> = list(changes);
        self.view(|view, store| view.call_edit(store, handle.resource(), &changes))?.convert()
    }

    pub(crate) fn view_take(&mut self, handle: Handle) -> Result<Option<Vec<TextChange>>, Error> {
        self.view(|view, store| view.call_take(store, handle.resource())).map(Convert::convert)
    }

    pub(crate) fn view_rewrite(&mut self, handle: Handle, text: &str) -> Result<Option<EventId>, Error> {
        self.view(|view, store| view.call_rewrite(store, handle.resource(), text))?.convert()
    }

    pub(crate) fn view_anchor(&mut self, handle: Handle, at: u32, side: Side) -> Result<Vec<u8>, Error> {
        let side = side.convert();
        self.view(|view, store| view.call_anchor(store, handle.resource(), at, side))?.map_err(Convert::convert)
    }

    pub(crate) fn view_position(&mut self, handle: Handle, anchor: &[u8]) -> Result<Option<u32>, Error> {
        self.view(|view, store| view.call_position(store, handle.resource(), anchor))?.map_err(Convert::convert)
    }

    pub(crate) fn reader_open(&mut self, update: &[u8]) -> Result<Handle, Error> {
        let open = |bindings: &Converge, store: &mut Store<Limits>| {
            bindings.converge_sync_durable().update_reader().call_open(store, update)
        };
        self.call(open)?.convert()
    }

    pub(crate) fn reader_next(&mut self, handle: Handle, limit: u32) -> Result<EventBatch, Error> {
        let next = |bindings: &Converge, store: &mut Store<Limits>| {
            bindings.converge_sync_durable().update_reader().call_next(store, handle.resource(), limit)
        };
        self.call(next).map(Convert::convert)
    }

    pub(crate) fn transaction_get(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
    ) -> Result<Option<Vec<Cell>>, Error> {
        self.transaction(|it, store| it.call_get(store, handle.resource(), table, row)).map(Convert::convert)
    }

    pub(crate) fn transaction_scan(
        &mut self,
        handle: Handle,
        table: &str,
        options: ScanOptions,
    ) -> Result<Page, Error> {
        let options = options.convert();
        self.transaction(|it, store| it.call_scan(store, handle.resource(), table, &options))?.convert()
    }

    pub(crate) fn transaction_insert(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        cells: Vec<Cell>,
    ) -> Result<(), Error> {
        let cells: Vec<_> = list(cells);
        self.transaction(|it, store| it.call_insert(store, handle.resource(), table, row, &cells))?.convert()
    }

    pub(crate) fn transaction_update(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        cells: Vec<Cell>,
    ) -> Result<(), Error> {
        let cells: Vec<_> = list(cells);
        self.transaction(|it, store| it.call_update(store, handle.resource(), table, row, &cells))?.convert()
    }

    pub(crate) fn transaction_delete(&mut self, handle: Handle, table: &str, row: &str) -> Result<(), Error> {
        self.transaction(|it, store| it.call_delete(store, handle.resource(), table, row))?.convert()
    }

    #[expect(clippy::needless_pass_by_value, reason = "the other backend moves the texts")]
    pub(crate) fn transaction_unset(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        columns: Vec<String>,
    ) -> Result<(), Error> {
        self.transaction(|it, store| it.call_unset(store, handle.resource(), table, row, &columns))?.convert()
    }

    pub(crate) fn transaction_splice(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        column: &str,
        (at, remove): (u32, u32),
        insert: &str,
    ) -> Result<(), Error> {
        let transaction = handle.resource();
        self.transaction(|it, store| it.call_splice(store, transaction, table, row, column, at, remove, insert))?
            .convert()
    }

    pub(crate) fn transaction_add(
        &mut self,
        handle: Handle,
        table: &str,
        row: &str,
        column: &str,
        amount: i64,
    ) -> Result<(), Error> {
        self.transaction(|it, store| it.call_add(store, handle.resource(), table, row, column, amount))?.convert()
    }

    pub(crate) fn transaction_touched(&mut self, handle: Handle) -> Result<Vec<RowId>, Error> {
        self.transaction(|it, store| it.call_touched(store, handle.resource())).map(list)
    }

    pub(crate) fn store_create(&mut self, peer: &str, options: StoreOptions) -> Result<Handle, Error> {
        let options = options.convert();
        self.store(|it, store| it.call_create(store, peer, options))?.convert()
    }

    pub(crate) fn store_peer(&mut self, handle: Handle) -> Result<String, Error> {
        self.store(|it, store| it.call_peer(store, handle.resource()))
    }

    pub(crate) fn store_set(
        &mut self,
        handle: Handle,
        namespace: &str,
        key: &str,
        value: Value,
        now: f64,
    ) -> Result<Entry, Error> {
        let value = value.convert();
        self.store(|it, store| it.call_set(store, handle.resource(), namespace, key, &value, now))?.convert()
    }

    pub(crate) fn store_remove(
        &mut self,
        handle: Handle,
        namespace: &str,
        key: &str,
        now: f64,
    ) -> Result<Option<Entry>, Error> {
        self.store(|it, store| it.call_remove(store, handle.resource(), namespace, key, now))?.convert()
    }

    pub(crate) fn store_get(&mut self, handle: Handle, namespace: &str, key: &str) -> Result<Option<Entry>, Error> {
        self.store(|it, store| it.call_get(store, handle.resource(), namespace, key)).map(Convert::convert)
    }

    pub(crate) fn store_get_all(&mut self, handle: Handle, namespace: &str) -> Result<Vec<Entry>, Error> {
        self.store(|it, store| it.call_get_all(store, handle.resource(), namespace)).map(list)
    }

    pub(crate) fn store_namespaces(&mut self, handle: Handle) -> Result<Vec<String>, Error> {
        self.store(|it, store| it.call_namespaces(store, handle.resource()))
    }

    pub(crate) fn store_merge_entries(
        &mut self,
        handle: Handle,
        entries: Vec<Entry>,
        now: f64,
    ) -> Result<Vec<Entry>, Error> {
        let entries: Vec<_> = list(entries);
        self.store(|it, store| it.call_merge_entries(store, handle.resource(), &entries, now))?.convert()
    }

    pub(crate) fn store_snapshot(&mut self, handle: Handle, namespaces: &[String]) -> Result<Vec<u8>, Error> {
        self.store(|it, store| it.call_snapshot(store, handle.resource(), namespaces))
    }

    pub(crate) fn store_take_update(&mut self, handle: Handle) -> Result<Option<Vec<u8>>, Error> {
        self.store(|it, store| it.call_take_update(store, handle.resource()))
    }

    pub(crate) fn store_merge_update(&mut self, handle: Handle, update: &[u8], now: f64) -> Result<Vec<Entry>, Error> {
        self.store(|it, store| it.call_merge_update(store, handle.resource(), update, now))?.convert()
    }

    pub(crate) fn store_refused(&mut self, handle: Handle) -> Result<u32, Error> {
        self.store(|it, store| it.call_refused(store, handle.resource()))
    }

    pub(crate) fn store_expire(&mut self, handle: Handle, now: f64) -> Result<Vec<Entry>, Error> {
        self.store(|it, store| it.call_expire(store, handle.resource(), now))?.convert()
    }

    pub(crate) fn store_leave(&mut self, handle: Handle, now: f64) -> Result<Vec<Entry>, Error> {
        self.store(|it, store| it.call_leave(store, handle.resource(), now))?.convert()
    }

    pub(crate) fn session_open(
        &mut self,
        doc: Handle,
        store: Handle,
        options: SessionOptions,
    ) -> Result<Handle, Error> {
        let ((doc, store), options) = ((doc.resource(), store.resource()), options.convert());
        self.session(|session, host| session.call_open(host, doc, store, &options))?.convert()
    }

    pub(crate) fn session_poll(&mut self, handle: Handle, now: f64) -> Result<Option<Vec<u8>>, Error> {
        self.session(|session, store| session.call_poll(store, handle.resource(), now))?.map_err(Convert::convert)
    }

    pub(crate) fn session_receive(&mut self, handle: Handle, message: &[u8], now: f64) -> Result<Received, Error> {
        self.session(|session, store| session.call_receive(store, handle.resource(), message, now))?.convert()
    }

    pub(crate) fn session_update_of(&mut self, handle: Handle, message: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.session(|session, store| session.call_update_of(store, handle.resource(), message))?
            .map_err(Convert::convert)
    }

    pub(crate) fn session_progress(&mut self, handle: Handle) -> Result<Progress, Error> {
        self.session(|session, store| session.call_progress(store, handle.resource())).map(Convert::convert)
    }

    /// Calls a function of the contract's `doc`.
    fn doc<T>(
        &mut self,
        call: impl FnOnce(GuestDoc<'_>, &mut Store<Limits>) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        self.call(|bindings, store| call(bindings.converge_sync_durable().doc(), store))
    }

    /// Calls a function of the contract's `view`.
    fn view<T>(
        &mut self,
        call: impl FnOnce(GuestView<'_>, &mut Store<Limits>) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        self.call(|bindings, store| call(bindings.converge_sync_texts().view(), store))
    }

    /// Calls a function of the contract's `transaction`.
    fn transaction<T>(
        &mut self,
        call: impl FnOnce(GuestTransaction<'_>, &mut Store<Limits>) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        self.call(|bindings, store| call(bindings.converge_sync_transactions().transaction(), store))
    }

    /// Calls a function of the contract's `store`.
    fn store<T>(
        &mut self,
        call: impl FnOnce(GuestStore<'_>, &mut Store<Limits>) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        self.call(|bindings, store| call(bindings.converge_sync_ephemeral().store(), store))
    }

    /// Calls a function of the contract's `session`.
    fn session<T>(
        &mut self,
        call: impl FnOnce(GuestSession<'_>, &mut Store<Limits>) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        self.call(|bindings, store| call(bindings.converge_sync_session().session(), store))
    }

    /// Makes one call, and starts its time limit.
    fn call<T>(&mut self, call: impl FnOnce(&Converge, &mut Store<Limits>) -> wasmtime::Result<T>) -> Result<T, Error> {
        let Self { store, bindings, time } = self;
        store.set_epoch_deadline(time.ticks);
        store.data_mut().was_refused = false;
        call(bindings, store).map_err(|error| Error::from_trap(error, store.data().was_refused))
    }
}
