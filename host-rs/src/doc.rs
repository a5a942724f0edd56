//! The type `Doc`, with the functions of the contract's `doc` that write, read and exchange events,
//! and with functions that write and read structs as rows. `saved.rs` has the functions on bytes,
//! `transaction.rs` those on transactions.

use crate::backend::{Handle, Resource};
use crate::instance::{Instance, InstanceOptions};
use crate::{
    Cell, Digest, Error, EventBatch, EventId, EventRun, Fork, MergeReport, Page, PeerVersion, Row, RowOp, ScanOptions,
    TableSummary, TextUnit, TextView, Watcher, cells,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::vec;

/// A replica of a document: tables of rows, and the history of events that resulted in them.
///
/// In addition to the errors that a function documents, every call can fail with
/// [`Error::OutOfMemory`], [`Error::OutOfTime`], [`Error::Trap`] and [`Error::Gone`].
///
/// Several threads can use a document at the same time; their calls run one after the other.
#[derive(Debug)]
pub struct Doc {
    pub(crate) instance: Instance,
    pub(crate) handle: Handle,
}

impl Doc {
    /// Creates an empty document that writes as `peer`, a name without `~`.
    ///
    /// The document gets an instance of its own with the default options, which takes 81 KiB in the
    /// backend `Component`. A program with many documents should put them into one instance, with
    /// [`Instance::doc`], where a document takes 3 KiB.
    ///
    /// Every replica should write as a peer of its own. If two replicas write as the same peer
    /// nonetheless, the events of both are kept apart; see [`forks`](Self::forks).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if the name is empty or contains `~`; [`Error::LimitExceeded`] if
    /// it is too long; the errors of [`Instance::new`].
    pub fn create(peer: &str) -> Result<Self, Error> {
        Instance::new(InstanceOptions::default())?.doc(peer)
    }

    /// Returns the instance that the document lives in.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Returns the name that this replica writes as, without a branch.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn peer(&self) -> Result<String, Error> {
        self.instance.call(|live| live.doc_peer(self.handle))
    }

    /// Creates the row with these cells. If the row exists, sets these cells and keeps the others.
    /// Returns the name of the event.
    ///
    /// ```
    /// use converge::{Doc, EventId, Value};
    ///
    /// let doc = Doc::create("ann")?;
    /// let cells = [("name", Value::from("Alice")), ("age", 30.into())];
    /// let event = doc.insert("people", "p1", cells)?;
    /// assert_eq!(event, EventId::new("ann", 0));
    /// # Ok::<(), converge::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if a name is empty or a column occurs twice;
    /// [`Error::LimitExceeded`] if a name, a value or the event is too large.
    pub fn insert(
        &self,
        table: &str,
        row: &str,
        cells: impl IntoIterator<Item = impl Into<Cell>>,
    ) -> Result<EventId, Error> {
        let cells = cells.into_iter().map(Into::into).collect();
        self.instance.call(|live| live.doc_insert(self.handle, table, row, cells))
    }

    /// Sets these cells of the row. Returns the name of the event.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`] if the row does not exist; the errors of [`insert`](Self::insert).
    pub fn update(
        &self,
        table: &str,
        row: &str,
        cells: impl IntoIterator<Item = impl Into<Cell>>,
    ) -> Result<EventId, Error> {
        let cells = cells.into_iter().map(Into::into).collect();
        self.instance.call(|live| live.doc_update(self.handle, table, row, cells))
    }

    /// Deletes the row. Returns the name of the event.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`] if the row does not exist; the errors of [`insert`](Self::insert).
    pub fn delete(&self, table: &str, row: &str) -> Result<EventId, Error> {
        self.instance.call(|live| live.doc_delete(self.handle, table, row))
    }

    /// Removes these cells of the row. Columns without a cell are ignored. Returns the name of the
    /// event.
    ///
    /// ```
    /// # let doc = converge::Doc::create("ann")?;
    /// doc.insert("people", "p1", [("name", "Alice"), ("town", "Oslo")])?;
    /// doc.unset("people", "p1", ["town"])?;
    /// assert_eq!(doc.get("people", "p1")?.unwrap().len(), 1);
    /// # Ok::<(), converge::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`] if the row does not exist; the errors of [`insert`](Self::insert).
    pub fn unset(
        &self,
        table: &str,
        row: &str,
        columns: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<EventId, Error> {
        let columns = columns.into_iter().map(Into::into).collect();
        self.instance.call(|live| live.doc_unset(self.handle, table, row, columns))
    }

    /// Commits an edit of a text cell: removes `remove` characters at `at`, then inserts `insert`
    /// there. Positions count Unicode scalar values, `char`s. A cell that is absent or null is an
    /// empty text. Concurrent splices all count, as long as the write or delete that left the value
    /// which this replica sees now is still the last one.
    ///
    /// ```
    /// # let doc = converge::Doc::create("ann")?;
    /// doc.insert("notes", "n1", [("title", "Greeting")])?;
    /// doc.splice("notes", "n1", "body", 0, 0, "Hello")?;
    /// doc.splice("notes", "n1", "body", 1, 4, "i, all")?;
    /// assert_eq!(doc.get("notes", "n1")?.unwrap()[0], converge::Cell::new("body", "Hi, all"));
    /// # Ok::<(), converge::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`] if the row does not exist; [`Error::InvalidArgument`] if the cell has a
    /// value of another type, or if the text has no such place; [`Error::LimitExceeded`] if the
    /// text would be longer than `value-bytes`; the errors of [`insert`](Self::insert).
    pub fn splice(
        &self,
        table: &str,
        row: &str,
        column: &str,
        at: u32,
        remove: u32,
        insert: &str,
    ) -> Result<EventId, Error> {
        self.instance.call(|live| live.doc_splice(self.handle, table, row, column, (at, remove), insert))
    }

    /// Commits an addition to an integer cell. A cell that is absent or null counts as 0.
    /// Concurrent additions all count, as long as the write or delete that left the value which
    /// this replica sees now is still the last one.
    ///
    /// ```
    /// # let doc = converge::Doc::create("ann")?;
    /// doc.insert("posts", "p1", [("title", "Hello")])?;
    /// doc.add("posts", "p1", "likes", 1)?;
    /// assert_eq!(doc.get("posts", "p1")?.unwrap()[0], converge::Cell::new("likes", 1));
    /// # Ok::<(), converge::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`] if the row does not exist; [`Error::InvalidArgument`] if the cell has a
    /// value of another type, or if the sum leaves the range of `i64`; the errors of
    /// [`insert`](Self::insert).
    pub fn add(&self, table: &str, row: &str, column: &str, amount: i64) -> Result<EventId, Error> {
        self.instance.call(|live| live.doc_add(self.handle, table, row, column, amount))
    }

    /// Makes this replica's next commit that contains an addition or a splice differ from an equal
    /// commit of a copy of this replica. Equal commits on equal states are one event, so that
    /// without this call two copies that add 1 add 1 together. Call it after [`load`](Self::load)
    /// with a random number. 0 has no effect.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn distinguish(&self, salt: u64) -> Result<(), Error> {
        self.instance.call(|live| live.doc_distinguish(self.handle, salt))
    }

    /// Commits these operations as one event, or none of them on an error. Returns the name of the
    /// event.
    ///
    /// One call costs much less than a call for each operation.
    ///
    /// ```
    /// use converge::{Doc, RowOp};
    ///
    /// let doc = Doc::create("ann")?;
    /// doc.commit(["Alice", "Bob"].map(|name| RowOp::insert("people", name, [("name", name)])))?;
    /// assert_eq!(doc.tables()?[0].rows, 2);
    /// # Ok::<(), converge::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`update`](Self::update), for any of the operations.
    pub fn commit(&self, ops: impl IntoIterator<Item = RowOp>) -> Result<EventId, Error> {
        let ops = ops.into_iter().collect();
        self.instance.call(|live| live.doc_commit(self.handle, ops))
    }

    /// Returns the cells of a row, sorted by column, or `None` if the row does not exist.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn get(&self, table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error> {
        self.instance.call(|live| live.doc_get(self.handle, table, row))
    }

    /// Returns a page of rows; [`rows`](Self::rows) fetches further pages automatically. A table
    /// that does not exist has no rows.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] or [`Error::LimitExceeded`] if the options are invalid, for
    /// example if a range ends before it starts.
    pub fn scan(&self, table: &str, options: &ScanOptions) -> Result<Page, Error> {
        let options = options.clone();
        self.instance.call(|live| live.doc_scan(self.handle, table, options))
    }

    /// Returns an iterator over the rows that `options` select. It reads a page when it needs the
    /// next row, from the document's state at that time. The iterator ends after an error.
    ///
    /// ```
    /// # let doc = converge::Doc::create("ann")?;
    /// # doc.insert("people", "p1", [("name", "Alice")])?;
    /// use converge::{KeyRange, ScanOptions};
    ///
    /// let people = ScanOptions::default().range(KeyRange::StartsWith("p".into()));
    /// for row in doc.rows("people", people) {
    ///     println!("{}", row?.id);
    /// }
    /// # Ok::<(), converge::Error>(())
    /// ```
    pub fn rows(&self, table: &str, options: ScanOptions) -> Rows<'_> {
        Rows { doc: self, table: table.to_owned(), options, page: Vec::new().into_iter(), more: true }
    }

    /// Returns the tables that have rows, sorted by name.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn tables(&self) -> Result<Vec<TableSummary>, Error> {
        self.instance.call(|live| live.doc_tables(self.handle))
    }

    /// Watches these tables, or all tables if the list is empty. With `from_start` the watcher
    /// first returns all existing rows; otherwise only later changes are reported. An unwatched
    /// document pays nothing for watching.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if a name is empty; [`Error::LimitExceeded`] if a name is too
    /// long, or if the document has too many watchers.
    pub fn watch(&self, tables: &[&str], from_start: bool) -> Result<Watcher, Error> {
        let tables: Vec<String> = tables.iter().map(|&table| table.to_owned()).collect();
        let watcher = self.instance.call(|live| live.doc_watch(self.handle, &tables, from_start))?;
        Ok(Watcher::new(self.instance.clone(), watcher))
    }

    /// Opens a view of a text cell, for an editor. Positions count Unicode scalar values, `char`s.
    /// The editor's copy is the text that the cell shows, and empty if the cell shows none. Neither
    /// the cell nor the row need exist; edits fail until the row exists.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if a name is empty; [`Error::LimitExceeded`] if a name is too
    /// long, or if the document has too many views.
    pub fn open_text(&self, table: &str, row: &str, column: &str) -> Result<TextView, Error> {
        self.open_text_in(table, row, column, TextUnit::Scalar)
    }

    /// Like [`open_text`](Self::open_text), with positions and lengths in this unit. An editor that
    /// counts UTF-16 code units or bytes needs no conversions then.
    ///
    /// # Errors
    ///
    /// The errors of [`open_text`](Self::open_text).
    pub fn open_text_in(&self, table: &str, row: &str, column: &str, unit: TextUnit) -> Result<TextView, Error> {
        let view = self.instance.call(|live| live.view_open(self.handle, table, row, column, unit))?;
        Ok(TextView::new(self.instance.clone(), view))
    }

    /// Returns 32 bytes that are equal for equal tables, independent of history and host.
    ///
    /// Takes time in proportion to the size of the tables.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn digest(&self) -> Result<Digest, Error> {
        self.instance.call(|live| live.doc_digest(self.handle))
    }

    /// Returns the known events as a count per peer, sorted by peer. Each branch of a forked peer
    /// is listed under a name of its own; see [`forks`](Self::forks). Compacted events count.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn version(&self) -> Result<Vec<PeerVersion>, Error> {
        self.instance.call(|live| live.doc_version(self.handle))
    }

    /// Encodes which events this replica knows, and which missing events it needs, identified by
    /// content. Send it to another replica, which answers with [`update_since`](Self::update_since)
    /// or [`events_since`](Self::events_since).
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn summary(&self) -> Result<Vec<u8>, Error> {
        self.instance.call(|live| live.doc_summary(self.handle))
    }

    /// Returns known forks, sorted by peer and counter: at most `limit` of them, starting after the
    /// first `skip`. A peer is forked if two replicas wrote in its name, after a restored backup or
    /// a copied profile, for example. The branches of a forked peer `p` are named `p~` and the
    /// fingerprint of their first event, on every replica that knows the fork.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn forks(&self, skip: u32, limit: u32) -> Result<Vec<Fork>, Error> {
        self.instance.call(|live| live.doc_forks(self.handle, skip, limit))
    }

    /// Returns a name of this event that never changes: the author, `~` and the event's own
    /// fingerprint. Every function that takes an event accepts it. Store this name, not `event`, in
    /// data that outlives a merge.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if the event is not known, or if `event` can mean several known
    /// events.
    pub fn permanent_id(&self, event: &EventId) -> Result<EventId, Error> {
        let event = event.clone();
        self.instance.call(|live| live.doc_permanent_id(self.handle, event))
    }

    /// Returns the events that no known event depends on, sorted by peer. The next commit depends
    /// on them.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn heads(&self) -> Result<Vec<EventId>, Error> {
        self.instance.call(|live| live.doc_heads(self.handle))
    }

    /// Returns at most `limit` events that the replica with this summary lacks, in an order in
    /// which each follows its dependencies.
    ///
    /// If that replica is ahead on a branch, it is assumed to have this replica's part of the
    /// branch. Exchange events in both directions, so that a fork is found if the assumption is
    /// wrong.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if the bytes are not a summary; [`Error::LimitExceeded`] if the summary
    /// is too large; [`Error::Compacted`] if some of the events were compacted away.
    pub fn events_since(&self, summary: &[u8], limit: u32) -> Result<EventBatch, Error> {
        self.instance.call(|live| live.doc_events_since(self.handle, summary, limit))
    }

    /// Merges events of other replicas. They may arrive in any order and grouping, any number of
    /// times. Events with missing dependencies wait in the document until the dependencies arrive.
    ///
    /// ```
    /// # let (ann, ben) = (converge::Doc::create("ann")?, converge::Doc::create("ben")?);
    /// ann.insert("people", "p1", [("name", "Alice")])?;
    /// let batch = ann.events_since(&ben.summary()?, u32::MAX)?;
    /// assert_eq!(ben.merge_events(batch.runs)?.applied, 1);
    /// # Ok::<(), converge::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if a run breaks a rule; [`Error::LimitExceeded`];
    /// [`Error::Compacted`] if an event does not build on the horizon of this document. On an error
    /// nothing is merged.
    pub fn merge_events(&self, events: impl IntoIterator<Item = EventRun>) -> Result<MergeReport, Error> {
        let events = events.into_iter().collect();
        self.instance.call(|live| live.doc_merge_events(self.handle, events))
    }

    /// Like [`insert`](Self::insert), with the fields of a struct or the entries of a map as cells.
    ///
    /// # Errors
    ///
    /// [`Error::Cells`] if a field does not fit into a cell; the errors of
    /// [`insert`](Self::insert).
    pub fn insert_as(&self, table: &str, row: &str, cells: &impl Serialize) -> Result<EventId, Error> {
        self.insert(table, row, cells::to_cells(cells)?)
    }

    /// Like [`update`](Self::update), with the fields of a struct or the entries of a map as cells.
    ///
    /// # Errors
    ///
    /// [`Error::Cells`] if a field does not fit into a cell; the errors of
    /// [`update`](Self::update).
    pub fn update_as(&self, table: &str, row: &str, cells: &impl Serialize) -> Result<EventId, Error> {
        self.update(table, row, cells::to_cells(cells)?)
    }

    /// Returns a row as a struct or a map, or `None` if the row does not exist.
    ///
    /// # Errors
    ///
    /// [`Error::Cells`] if a cell does not have the type of its field, or is missing.
    pub fn get_as<T: DeserializeOwned>(&self, table: &str, row: &str) -> Result<Option<T>, Error> {
        Ok(self.get(table, row)?.map(cells::from_cells).transpose()?)
    }

    /// Like [`rows`](Self::rows), but returns the id of each row, and its cells as a struct or a
    /// map. If the cells of a row do not fit the type, its element is [`Error::Cells`], and the
    /// iterator continues with the next row.
    ///
    /// ```
    /// # let doc = converge::Doc::create("ann")?;
    /// # doc.insert("people", "p1", [("name", "Alice")])?;
    /// #[derive(serde::Deserialize)]
    /// struct Person { name: String }
    ///
    /// let people: Vec<(String, Person)> =
    ///     doc.rows_as("people", Default::default()).collect::<Result<_, _>>()?;
    /// # assert_eq!(people[0].1.name, "Alice");
    /// # Ok::<(), converge::Error>(())
    /// ```
    pub fn rows_as<T: DeserializeOwned>(
        &self,
        table: &str,
        options: ScanOptions,
    ) -> impl Iterator<Item = Result<(String, T), Error>> + use<'_, T> {
        self.rows(table, options).map(|row| {
            let Row { id, cells } = row?;
            Ok((id, cells::from_cells(cells)?))
        })
    }
}

impl Drop for Doc {
    fn drop(&mut self) {
        self.instance.drop_resource(Resource::Doc, self.handle);
    }
}

/// An iterator over the rows that a scan selects, which reads them page by page. Created by
/// [`Doc::rows`].
#[derive(Debug)]
pub struct Rows<'doc> {
    doc: &'doc Doc,
    table: String,
    /// The options of the scan that reads the next page.
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
            // If the next page cannot be read, the iteration ends after the error.
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
            // No page has more rows than the limit.
            self.options.limit = self.options.limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
            self.more = more && self.options.limit > 0;
        }
        self.page = rows.into_iter();
        Ok(())
    }
}
