//! A document: each function of the contract's `doc`, and the same with structs for rows.

use crate::contract::exports::converge::sync::durable::GuestDoc;
use crate::instance::{Instance, InstanceOptions};
use crate::runtime::Limits;
use crate::types::collect_cells;
use crate::{
    Cell, Commit, Digest, Error, EventBatch, EventId, EventRun, MergeReport, Page, PeerVersion, Row, ScanOptions,
    TableSummary, Watcher, cells,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::vec;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

/// A replica of a document: tables of rows, and the events that made them.
///
/// Besides the errors that each function names, every one can fail with [`Error::OutOfMemory`], [`Error::OutOfTime`],
/// [`Error::Trap`] and [`Error::Gone`]; [`Error`] says what these mean. A document may be used by several threads; their
/// calls wait for each other.
#[derive(Debug)]
pub struct Doc {
    pub(crate) instance: Instance,
    pub(crate) resource: ResourceAny,
}

impl Doc {
    /// An empty document, in an instance of its own with the default limits, in which this replica writes as `peer`. No
    /// two live replicas may write as the same peer.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] and [`Error::LimitExceeded`] for the name; those of [`Instance::new`].
    pub fn create(peer: &str) -> Result<Self, Error> {
        Self::create_in(&Instance::new(InstanceOptions::default())?, peer)
    }

    pub(crate) fn create_in(instance: &Instance, peer: &str) -> Result<Self, Error> {
        let resource =
            instance.call(|store, bindings| bindings.converge_sync_durable().doc().call_create(store, peer))??;
        Ok(Self { instance: instance.clone(), resource })
    }

    /// The instance that the document lives in.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// The name that this replica writes as.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn peer(&self) -> Result<String, Error> {
        self.call(|doc, store| doc.call_peer(store, self.resource))
    }

    /// Creates the row with these cells; where the row exists, sets these cells and leaves the others. Gives the name of
    /// the event that it was.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for an empty name or a column that is named twice, [`Error::LimitExceeded`],
    /// [`Error::ConflictingEvent`] where this peer's name is used elsewhere.
    pub fn insert(
        &self,
        table: &str,
        row: &str,
        cells: impl IntoIterator<Item = impl Into<Cell>>,
    ) -> Result<EventId, Error> {
        let cells = collect_cells(cells);
        Ok(self.call(|doc, store| doc.call_insert(store, self.resource, table, row, &cells))??)
    }

    /// Sets these cells of the row.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`] where the row is not there, and those of [`insert`](Self::insert).
    pub fn update(
        &self,
        table: &str,
        row: &str,
        cells: impl IntoIterator<Item = impl Into<Cell>>,
    ) -> Result<EventId, Error> {
        let cells = collect_cells(cells);
        Ok(self.call(|doc, store| doc.call_update(store, self.resource, table, row, &cells))??)
    }

    /// Removes the row with all its cells.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`] where the row is not there, and those of [`insert`](Self::insert).
    pub fn delete(&self, table: &str, row: &str) -> Result<EventId, Error> {
        Ok(self.call(|doc, store| doc.call_delete(store, self.resource, table, row))??)
    }

    /// Commits all of these operations as one event, or, with an error, none of them.
    ///
    /// # Errors
    ///
    /// Those of [`update`](Self::update), for any of the operations.
    ///
    /// ```
    /// use converge::{Doc, RowOp};
    ///
    /// let doc = Doc::create("ann")?;
    /// doc.commit([RowOp::insert("people", "p1", [("name", "Alice")]), RowOp::insert("people", "p2", [("name", "Bob")])])?;
    /// assert_eq!(doc.tables()?[0].rows, 2);
    /// # Ok::<(), converge::Error>(())
    /// ```
    pub fn commit(&self, ops: impl Into<Commit>) -> Result<EventId, Error> {
        let ops = ops.into();
        Ok(self.call(|doc, store| doc.call_commit(store, self.resource, &ops))??)
    }

    /// The cells of a row, sorted by column; none where the row is not there.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn get(&self, table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error> {
        self.call(|doc, store| doc.call_get(store, self.resource, table, row))
    }

    /// The rows of a table that the options choose, as many of them as fit a page; [`rows`](Self::rows) goes on by
    /// itself.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] and [`Error::LimitExceeded`] for the options.
    pub fn scan(&self, table: &str, options: &ScanOptions) -> Result<Page, Error> {
        Ok(self.call(|doc, store| doc.call_scan(store, self.resource, table, options))??)
    }

    /// Each row of a table that the options choose, read page by page: a row that changes meanwhile shows as it is when
    /// its page is read.
    ///
    /// ```
    /// # let doc = converge::Doc::create("ann")?;
    /// # doc.insert("people", "p1", [("name", "Alice")])?;
    /// use converge::{KeyRange, ScanOptions};
    ///
    /// let people = ScanOptions { range: KeyRange::StartsWith("p".into()), ..ScanOptions::default() };
    /// for row in doc.rows("people", people) {
    ///     println!("{}", row?.id);
    /// }
    /// # Ok::<(), converge::Error>(())
    /// ```
    pub fn rows(&self, table: &str, options: ScanOptions) -> Rows<'_> {
        Rows { doc: self, table: table.to_owned(), options, page: Vec::new().into_iter(), more: true }
    }

    /// The tables that have rows, sorted by name.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn tables(&self) -> Result<Vec<TableSummary>, Error> {
        self.call(|doc, store| doc.call_tables(store, self.resource))
    }

    /// Watches these tables; all where none are named. With `from_start`, the watcher first gives every row that is
    /// there; without, only what changes from now on. A document that nobody watches pays nothing for this.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] and [`Error::LimitExceeded`] for the names and for too many watchers.
    pub fn watch(&self, tables: &[&str], from_start: bool) -> Result<Watcher, Error> {
        let tables: Vec<String> = tables.iter().map(|&table| table.to_owned()).collect();
        let watcher = self.call(|doc, store| doc.call_watch(store, self.resource, &tables, from_start))??;
        Ok(Watcher::new(self.instance.clone(), watcher))
    }

    /// 32 bytes that are the same for the same tables, whatever the history and the host.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn digest(&self) -> Result<Digest, Error> {
        let bytes = self.call(|doc, store| doc.call_digest(store, self.resource))?;
        let bytes = bytes.try_into().map_err(|bytes: Vec<u8>| {
            Error::Other(format!("the engine's digest has {} bytes; it must have 32", bytes.len()))
        })?;
        Ok(Digest(bytes))
    }

    /// The events that this replica knows, peer by peer, sorted by peer.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn version(&self) -> Result<Vec<PeerVersion>, Error> {
        self.call(|doc, store| doc.call_version(store, self.resource))
    }

    /// The events that no known event depends on, sorted by peer: what the next commit will depend on.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn heads(&self) -> Result<Vec<EventId>, Error> {
        self.call(|doc, store| doc.call_heads(store, self.resource))
    }

    /// The events beyond `known`, at most `most` of them, in an order in which each comes after what it depends on.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] where `known` names a peer twice, [`Error::LimitExceeded`], [`Error::Compacted`] where
    /// events beyond `known` were given up.
    pub fn events_since(&self, known: &[PeerVersion], most: u32) -> Result<EventBatch, Error> {
        Ok(self.call(|doc, store| doc.call_events_since(store, self.resource, known, most))??)
    }

    /// Takes in events of other replicas, in any order, any grouping, any number of times. Events whose dependencies
    /// are unknown wait in the document until those come.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a run that breaks a rule, [`Error::LimitExceeded`], [`Error::ConflictingEvent`]
    /// where an event is known with other content, [`Error::Compacted`] where an event does not build on the horizon that
    /// this document was compacted at. Nothing of the call is taken in then.
    pub fn merge_events(&self, events: &[EventRun]) -> Result<MergeReport, Error> {
        Ok(self.call(|doc, store| doc.call_merge_events(store, self.resource, events))??)
    }

    /// As [`insert`](Self::insert), with the fields of a struct, or the entries of a map, for cells.
    ///
    /// # Errors
    ///
    /// [`Error::Cells`] where a field does not fit into a cell, and those of [`insert`](Self::insert).
    pub fn insert_as(&self, table: &str, row: &str, cells: &impl Serialize) -> Result<EventId, Error> {
        self.insert(table, row, cells::to_cells(cells)?)
    }

    /// As [`update`](Self::update), with the fields of a struct, or the entries of a map, for cells.
    ///
    /// # Errors
    ///
    /// [`Error::Cells`] where a field does not fit into a cell, and those of [`update`](Self::update).
    pub fn update_as(&self, table: &str, row: &str, cells: &impl Serialize) -> Result<EventId, Error> {
        self.update(table, row, cells::to_cells(cells)?)
    }

    /// A row as a struct or a map; none where the row is not there.
    ///
    /// # Errors
    ///
    /// [`Error::Cells`] where the row's cells do not make up such a value.
    pub fn get_as<T: DeserializeOwned>(&self, table: &str, row: &str) -> Result<Option<T>, Error> {
        Ok(self.get(table, row)?.map(cells::from_cells).transpose()?)
    }

    /// As [`rows`](Self::rows), with a struct or a map for each row, beside the row's id.
    ///
    /// ```
    /// # let doc = converge::Doc::create("ann")?;
    /// # doc.insert("people", "p1", [("name", "Alice")])?;
    /// #[derive(serde::Deserialize)]
    /// struct Person { name: String }
    ///
    /// let people: Vec<(String, Person)> =
    ///     doc.scan_as("people", Default::default()).collect::<Result<_, _>>()?;
    /// # assert_eq!(people[0].1.name, "Alice");
    /// # Ok::<(), converge::Error>(())
    /// ```
    pub fn scan_as<T: DeserializeOwned>(
        &self,
        table: &str,
        options: ScanOptions,
    ) -> impl Iterator<Item = Result<(String, T), Error>> + use<'_, T> {
        self.rows(table, options).map(|row| {
            let Row { id, cells } = row?;
            Ok((id, cells::from_cells(cells)?))
        })
    }

    pub(crate) fn call<T>(
        &self,
        call: impl FnOnce(GuestDoc<'_>, &mut Store<Limits>) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        self.instance.call(|store, bindings| call(bindings.converge_sync_durable().doc(), store))
    }
}

impl Drop for Doc {
    fn drop(&mut self) {
        self.instance.let_go(self.resource);
    }
}

/// The rows that a scan chooses, read page by page. Made by [`Doc::rows`]. Ends after an error.
#[derive(Debug)]
pub struct Rows<'doc> {
    doc: &'doc Doc,
    table: String,
    /// What is left to scan.
    options: ScanOptions,
    page: vec::IntoIter<Row>,
    more: bool,
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.page.next() {
                return Some(Ok(row));
            }
            if !self.more {
                return None;
            }
            // Also ends the iteration where the next page cannot be read.
            self.more = false;
            if let Err(error) = self.read_page() {
                return Some(Err(error));
            }
        }
    }
}

impl Rows<'_> {
    fn read_page(&mut self) -> Result<(), Error> {
        let Page { rows, more } = self.doc.scan(&self.table, &self.options)?;
        if let Some(last) = rows.last() {
            self.options.after = Some(last.id.clone());
            // No page has more rows than were asked for.
            self.options.limit = self.options.limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
            self.more = more && self.options.limit > 0;
        }
        self.page = rows.into_iter();
        Ok(())
    }
}
