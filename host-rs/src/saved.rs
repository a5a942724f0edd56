//! The methods of `Doc` that save, load and exchange bytes, compact the history, and read older
//! versions.

use crate::file::{self, Replacement};
use crate::instance::{Instance, InstanceOptions};
use crate::{CompactionReport, Doc, Error, EventId, MergeReport, RowOp};
use std::io::{self, Write};
use std::path::Path;

impl Doc {
    /// Loads a saved document, which writes as `peer` from now on. The bytes can come from any
    /// host. The document gets an instance of its own with the default limits.
    ///
    /// A replica that continues as its former peer continues with that peer's counter. If events of
    /// that peer arrive later that were written after the save, the replica continues after those,
    /// or, if it has written others meanwhile, on a branch of its own. Load a backup under a new
    /// name if the former replica may have written after it.
    ///
    /// Takes time and memory in proportion to the length of the bytes. The history is not executed
    /// again.
    ///
    /// ```
    /// use converge::{Doc, EventId};
    ///
    /// let doc = Doc::create("ann")?;
    /// doc.insert("people", "p1", [("name", "Alice")])?;
    /// let restarted = Doc::load("ann", &doc.save()?)?;
    /// assert_eq!(restarted.update("people", "p1", [("age", 30)])?, EventId::new("ann", 1));
    /// # Ok::<(), converge::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if the bytes are not a saved document, but an update, for example;
    /// [`Error::UnsupportedVersion`]; [`Error::UnsupportedFeature`]; [`Error::LimitExceeded`]; the
    /// errors of [`create`](Self::create).
    pub fn load(peer: &str, saved: &[u8]) -> Result<Self, Error> {
        Instance::new(InstanceOptions::default())?.load(peer, saved)
    }

    /// Like [`load`](Self::load), but reads the bytes from a file.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the file cannot be read, or is larger than [`file::MAX_BYTES`]; the
    /// errors of [`load`](Self::load).
    pub fn load_file(peer: &str, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let saved = file::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        Self::load(peer, &saved)
    }

    /// Encodes the whole document: state, history and waiting events. Replicas that have the
    /// same known events, waiting events and horizon return the same bytes, on every host.
    ///
    /// Takes time and memory in proportion to the document. During the call the instance holds the
    /// bytes in addition to the document.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] if the instance cannot hold the bytes in addition to the document.
    pub fn save(&self) -> Result<Vec<u8>, Error> {
        self.instance.call(|live| live.doc_save(self.handle))
    }

    /// Writes the bytes of [`save`](Self::save) to a file. The file is replaced atomically: at any
    /// time it has either its old content or the whole document. Returns once the system reports
    /// that the bytes are on disk. [`file::Replacement`] documents the treatment of links and
    /// permissions.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the file cannot be written, in which case the old content is intact; the
    /// errors of [`save`](Self::save).
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("people.converge");
    /// use converge::Doc;
    ///
    /// let doc = Doc::create("ann")?;
    /// doc.insert("people", "p1", [("name", "Alice")])?;
    /// doc.save_file(&path)?;
    /// assert_eq!(Doc::load_file("ann", &path)?.digest()?, doc.digest()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save_file(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        write(path, &self.save()?).map_err(|source| Error::File { path: path.to_owned(), source })
    }

    /// Encodes the events that the replica with this summary lacks, for storage and transport.
    /// `summary` is the result of [`summary`](Self::summary) on that replica.
    ///
    /// If two replicas wrote as the same peer, the update can repeat events, and a second exchange
    /// can be needed: the update then makes the other replica's next summary ask for the rest.
    ///
    /// Takes time and memory in proportion to those events, not to the document.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if the bytes are not a summary; [`Error::LimitExceeded`];
    /// [`Error::Compacted`] if some of the events were compacted away, or do not build on the
    /// horizon of the other replica.
    ///
    /// ```
    /// use converge::Doc;
    ///
    /// let (ann, ben) = (Doc::create("ann")?, Doc::create("ben")?);
    /// ann.insert("people", "p1", [("name", "Alice")])?;
    /// assert_eq!(ben.merge_update(&ann.update_since(&ben.summary()?)?)?.applied, 1);
    /// assert_eq!(ann.digest()?, ben.digest()?);
    /// # Ok::<(), converge::Error>(())
    /// ```
    pub fn update_since(&self, summary: &[u8]) -> Result<Vec<u8>, Error> {
        self.instance.call(|live| live.doc_update_since(self.handle, summary))
    }

    /// Merges bytes of [`update_since`](Self::update_since) or [`save`](Self::save) of another
    /// replica, like [`merge_events`](Self::merge_events).
    ///
    /// Takes time and memory in proportion to the length of the bytes, and to the size of the rows
    /// that the events write to.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`], [`Error::UnsupportedVersion`] or [`Error::UnsupportedFeature`] if the
    /// bytes are invalid; the errors of [`merge_events`](Self::merge_events); [`Error::Compacted`]
    /// also if the other document was compacted past events that this replica lacks. Use
    /// [`rebase`](Self::rebase) then.
    pub fn merge_update(&self, update: &[u8]) -> Result<MergeReport, Error> {
        self.instance.call(|live| live.doc_merge_update(self.handle, update))
    }

    /// Drops the history and the tombstones that all of these replicas and this one
    /// have: the horizon is the intersection of their summaries. The tables do not change.
    /// Afterwards events that do not build on the horizon, and requests for history below it, fail
    /// with [`Error::Compacted`]. Horizons only grow.
    ///
    /// The caller guarantees that `summaries` contains a summary of every replica that still
    /// writes. Record this replica's own [`summary`](Self::summary) whenever a session with another
    /// replica is in sync, and pass that summary for the other replica.
    ///
    /// Takes time and memory in proportion to the document.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if some of the bytes are not a summary; [`Error::InvalidArgument`] if a
    /// summary names events that this replica lacks.
    ///
    /// ```
    /// use converge::{Doc, Error};
    ///
    /// let doc = Doc::create("ann")?;
    /// doc.insert("people", "p1", [("name", "Alice")])?;
    /// doc.update("people", "p1", [("name", "Alicia")])?;
    /// assert_eq!(doc.compact(&[doc.summary()?])?.events_dropped, 2);
    /// assert!(doc.get("people", "p1")?.is_some());
    /// let everything = doc.events_since(&doc.instance().summary_of(&[])?, u32::MAX);
    /// assert!(matches!(everything, Err(Error::Compacted(_))));
    /// # Ok::<(), converge::Error>(())
    /// ```
    pub fn compact(&self, summaries: &[Vec<u8>]) -> Result<CompactionReport, Error> {
        self.instance.call(|live| live.doc_compact(self.handle, summaries))
    }

    /// Replaces the content of this replica with a saved document that was compacted past it, and
    /// commits this replica's own events again on top if the saved document lacks them and cannot
    /// take them as they are. Events on all branches of this replica's peer are its own.
    ///
    /// In the report, `applied` counts the events on top of the saved document: re-committed
    /// events, and events of any peer that build on its horizon. `duplicate` counts events that
    /// both documents had. Events of other peers that do not build on the horizon are dropped and
    /// listed in `missing`; their authors re-commit them when they rebase. Waiting events of the
    /// saved document are ignored.
    ///
    /// Takes time and memory in proportion to both documents.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if the bytes are not a saved document; [`Error::UnsupportedVersion`];
    /// [`Error::UnsupportedFeature`]; [`Error::LimitExceeded`]. On an error nothing is replaced.
    pub fn rebase(&self, saved: &[u8]) -> Result<MergeReport, Error> {
        self.instance.call(|live| live.doc_rebase(self.handle, saved))
    }

    /// Returns operations that turn the tables at `from_heads` into the tables at `to_heads`,
    /// sorted by table and row. Swap the arguments to get the operations that undo the difference.
    /// The order of heads does not matter. An empty list stands for the empty document.
    ///
    /// Takes time in proportion to the events that the two versions do not share, and to a bounded
    /// part of the history.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if this replica does not know one of the events;
    /// [`Error::Compacted`] if the heads do not cover the horizon.
    ///
    /// ```
    /// use converge::{Doc, RowOp};
    ///
    /// let doc = Doc::create("ann")?;
    /// let before = [doc.insert("people", "p1", [("name", "Alice")])?];
    /// let after = [doc.update("people", "p1", [("name", "Alicia")])?];
    /// let named = |name: &str| [RowOp::update("people", "p1", [("name", name)])];
    /// assert_eq!(doc.diff(&before, &after)?, named("Alicia"));
    /// assert_eq!(doc.diff(&after, &before)?, named("Alice"));
    /// # Ok::<(), converge::Error>(())
    /// ```
    pub fn diff(&self, from_heads: &[EventId], to_heads: &[EventId]) -> Result<Vec<RowOp>, Error> {
        let (from, to) = (from_heads.to_vec(), to_heads.to_vec());
        self.instance.call(|live| live.doc_diff(self.handle, from, to))
    }

    /// Returns operations that take back what these events did, as far as it still shows. Nothing
    /// changes: commit the operations to undo the events, and pass that commit to redo them. The
    /// list is empty if nothing shows anymore. An [`UndoManager`](crate::UndoManager) remembers the
    /// events.
    ///
    /// An addition counts, and a removal of text shows, also after another event took it back. If
    /// the same events can be passed again, pass that event with them.
    ///
    /// - A cell that still shows what the events wrote gets the value back that their author saw,
    ///   or is unset, unless others edited it since.
    /// - Inserted characters that still show are removed. Characters that nobody else removed are
    ///   inserted again where they stood.
    /// - The opposite of additions that count is added.
    /// - A row that the events inserted is deleted, unless others wrote to it since. A row that the
    ///   events deleted, and that is still gone, is inserted with the cells that it had.
    ///
    /// Takes time in proportion to the operations on the touched rows, and replays the edits of the
    /// touched texts.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if an event is not known or its name is ambiguous;
    /// [`Error::Compacted`] if an event was compacted away; [`Error::LimitExceeded`] for more
    /// events than `commit-operations`.
    ///
    /// ```
    /// use converge::{Doc, RowOp};
    ///
    /// let doc = Doc::create("ann")?;
    /// doc.insert("people", "p1", [("name", "Alice")])?;
    /// let renamed = doc.update("people", "p1", [("name", "Alicia")])?;
    /// let back = doc.inverse_of(&[renamed])?;
    /// assert_eq!(back, [RowOp::update("people", "p1", [("name", "Alice")])]);
    /// doc.commit(back)?;
    /// # Ok::<(), converge::Error>(())
    /// ```
    pub fn inverse_of(&self, events: &[EventId]) -> Result<Vec<RowOp>, Error> {
        let events = events.to_vec();
        self.instance.call(|live| live.doc_inverse_of(self.handle, events))
    }

    /// Creates a document with the content and history of this one at `heads`, which writes as
    /// `peer`, in the same instance. Waiting events are not copied.
    ///
    /// Takes time and memory in proportion to the history up to `heads`, which is executed again.
    ///
    /// # Errors
    ///
    /// The errors of [`diff`](Self::diff) for `heads`, and those of [`create`](Self::create) for
    /// `peer`.
    ///
    /// ```
    /// use converge::Doc;
    ///
    /// let doc = Doc::create("ann")?;
    /// let before = [doc.insert("people", "p1", [("name", "Alice")])?];
    /// doc.delete("people", "p1")?;
    /// let fork = doc.fork_at(&before, "ann-again")?;
    /// assert!(fork.get("people", "p1")?.is_some());
    /// # Ok::<(), converge::Error>(())
    /// ```
    pub fn fork_at(&self, heads: &[EventId], peer: &str) -> Result<Self, Error> {
        let heads = heads.to_vec();
        let handle = self.instance.call(|live| live.doc_fork_at(self.handle, heads, peer))?;
        Ok(Self { instance: self.instance.clone(), handle })
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = Replacement::of(path)?;
    file.write_all(bytes)?;
    file.commit()
}
