//! A document beyond one process: as bytes, as a file, as an update; and what its history tells.

use crate::file::{self, Replacement};
use crate::instance::{Instance, InstanceOptions};
use crate::{Cell, CompactionReport, Doc, Error, EventBatch, EventId, MergeReport, PeerVersion, RowOp};
use std::io::{self, Write};
use std::path::Path;

impl Doc {
    /// The document that [`save`](Self::save) wrote, on whatever host, in an instance of its own with the default
    /// limits. This replica writes as `peer` from now on.
    ///
    /// As the peer that it was, it goes on with its counter. Where events of that peer come in later that were written
    /// after the save, it goes on after those. Another life of a document that may still be written to elsewhere needs
    /// another peer.
    ///
    /// Takes time and memory in proportion to the bytes; nothing is executed again.
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
    /// [`Error::Corrupt`] for bytes that are no saved document, an update among them; [`Error::UnsupportedVersion`];
    /// [`Error::LimitExceeded`]; those of [`create`](Self::create).
    pub fn load(peer: &str, saved: &[u8]) -> Result<Self, Error> {
        Self::load_in(&Instance::new(InstanceOptions::default())?, peer, saved)
    }

    pub(crate) fn load_in(instance: &Instance, peer: &str, saved: &[u8]) -> Result<Self, Error> {
        let resource =
            instance.call(|store, bindings| bindings.converge_sync_durable().doc().call_load(store, peer, saved))??;
        Ok(Self { instance: instance.clone(), resource })
    }

    /// The cells of one row of a document that [`save`](Self::save) wrote, sorted by column, without loading it; none where
    /// the row is not there. In an instance of its own; [`Instance::peek`] is in one that is there.
    ///
    /// Takes a pass over the bytes, the names of tables and columns, and one block of rows. Of the bytes only the checksum,
    /// and what is read, are checked.
    ///
    /// ```
    /// # let doc = converge::Doc::create("ann")?;
    /// doc.insert("people", "p1", [("name", "Alice")])?;
    /// let saved = doc.save()?;
    /// assert_eq!(converge::Doc::peek(&saved, "people", "p1")?, doc.get("people", "p1")?);
    /// # Ok::<(), converge::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load).
    pub fn peek(saved: &[u8], table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error> {
        Instance::new(InstanceOptions::default())?.peek(saved, table, row)
    }

    /// The events that [`merge_update`](Self::merge_update) would be given by these bytes, and those that wait in a saved
    /// document, without merging them: at most `most` of those after the first `skip`, for whoever decides whether to merge them.
    /// Their lamport times, which follow from what they depend on, are 0. Each page reads the bytes anew, in an instance of its
    /// own; [`Instance::events_of`] does so in one that is there.
    ///
    /// ```
    /// # let doc = converge::Doc::create("ann")?;
    /// doc.insert("people", "p1", [("name", "Alice")])?;
    /// let batch = converge::Doc::events_of(&doc.update_since(&[])?, 0, u32::MAX)?;
    /// assert_eq!(batch.runs[0].commits, [[converge::RowOp::insert("people", "p1", [("name", "Alice")])]]);
    /// # Ok::<(), converge::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`], [`Error::UnsupportedVersion`], [`Error::LimitExceeded`].
    pub fn events_of(update: &[u8], skip: u32, most: u32) -> Result<EventBatch, Error> {
        Instance::new(InstanceOptions::default())?.events_of(update, skip, most)
    }

    /// The document of a file that [`save_file`](Self::save_file) wrote, or of any that holds the bytes of
    /// [`save`](Self::save). As [`load`](Self::load).
    ///
    /// # Errors
    ///
    /// [`Error::File`] where the file cannot be read, or is larger than [`file::MOST_BYTES`]; those of
    /// [`load`](Self::load).
    pub fn load_file(peer: &str, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let saved = file::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        Self::load(peer, &saved)
    }

    /// The whole document as bytes: state, history and waiting events. The same document gives the same bytes, whatever
    /// replica writes them, on whatever host, and in whatever order it learned what it knows.
    ///
    /// Takes time and memory in proportion to the document; the bytes exist in the instance and here for a moment.
    ///
    /// # Errors
    ///
    /// None of its own; [`Error::OutOfMemory`] where the instance does not hold the bytes beside the document.
    pub fn save(&self) -> Result<Vec<u8>, Error> {
        self.call(|doc, store| doc.call_save(store, self.resource))
    }

    /// Writes what [`save`](Self::save) gives to a file, which is whole at any time: it holds what it held before, or
    /// the document. Returns when it is on the disk, as far as the system tells. [`file::Replacement`] says what becomes
    /// of links and permissions.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where the file cannot be written; it is as it was then. Those of [`save`](Self::save).
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

    /// The events beyond `known` as bytes, for storage and transport: what [`events_since`](Self::events_since) gives,
    /// smaller, and all of it.
    ///
    /// Takes time and memory in proportion to those events, not to the document.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] where `known` names a peer twice, [`Error::LimitExceeded`], [`Error::Compacted`] where
    /// events beyond `known` were given up.
    ///
    /// ```
    /// use converge::Doc;
    ///
    /// let (ann, ben) = (Doc::create("ann")?, Doc::create("ben")?);
    /// ann.insert("people", "p1", [("name", "Alice")])?;
    /// assert_eq!(ben.merge_update(&ann.update_since(&ben.version()?)?)?.applied, 1);
    /// assert_eq!(ann.digest()?, ben.digest()?);
    /// # Ok::<(), converge::Error>(())
    /// ```
    pub fn update_since(&self, known: &[PeerVersion]) -> Result<Vec<u8>, Error> {
        Ok(self.call(|doc, store| doc.call_update_since(store, self.resource, known))??)
    }

    /// Takes in what [`update_since`](Self::update_since) or [`save`](Self::save) of another replica wrote, as
    /// [`merge_events`](Self::merge_events) does. The waiting events of a saved document are left out.
    ///
    /// Takes time and memory in proportion to the bytes, and to what the events touch.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`], [`Error::UnsupportedVersion`], those of [`merge_events`](Self::merge_events);
    /// [`Error::Compacted`] also where the bytes are of a document that gave up events which this replica lacks:
    /// [`rebase`](Self::rebase) leads on.
    pub fn merge_update(&self, update: &[u8]) -> Result<MergeReport, Error> {
        Ok(self.call(|doc, store| doc.call_merge_update(store, self.resource, update))??)
    }

    /// Gives up the history, and the traces of deleted rows, up to `horizon`: a version that this replica knows, and
    /// that, as the caller vouches, every event still to come from anyone builds on. The tables stay as they are.
    /// Afterwards an event that does not build on the horizon, and a request for history below it, fail with
    /// [`Error::Compacted`]. A horizon given before stays: the new one is what both hold together.
    ///
    /// Takes time and memory in proportion to the document.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] where `horizon` names a peer twice, holds events that this replica does not know, or
    /// holds an event and not what that builds on.
    ///
    /// ```
    /// use converge::{Doc, Error};
    ///
    /// let doc = Doc::create("ann")?;
    /// doc.insert("people", "p1", [("name", "Alice")])?;
    /// doc.update("people", "p1", [("name", "Alicia")])?;
    /// assert_eq!(doc.compact(&doc.version()?)?.events_dropped, 2);
    /// assert!(doc.get("people", "p1")?.is_some());
    /// assert!(matches!(doc.events_since(&[], u32::MAX), Err(Error::Compacted(_))));
    /// # Ok::<(), converge::Error>(())
    /// ```
    pub fn compact(&self, horizon: &[PeerVersion]) -> Result<CompactionReport, Error> {
        Ok(self.call(|doc, store| doc.call_compact(store, self.resource, horizon))??)
    }

    /// Replaces this replica's content with a document that was compacted past it (`saved`), and commits again, on top
    /// of that, the events of its own that the saved document lacks and cannot take as they are.
    ///
    /// `applied` counts the events that came on top of the saved document: those made again, and those of anyone that
    /// it could take. `duplicate` counts the events that both held. Events of other peers that do not build on the saved
    /// document's horizon are given up here, and named by `missing` beside what waiting events wait for: their authors
    /// make them again when they rebase.
    ///
    /// Takes time and memory in proportion to both documents.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] for bytes that are no saved document, an update among them; [`Error::UnsupportedVersion`];
    /// [`Error::LimitExceeded`]; [`Error::ConflictingEvent`] where an event is known with other content. Nothing is
    /// replaced then.
    pub fn rebase(&self, saved: &[u8]) -> Result<MergeReport, Error> {
        Ok(self.call(|doc, store| doc.call_rebase(store, self.resource, saved))??)
    }

    /// Operations that lead from the tables at `here` to those at `there`, both given as heads: what happened, or, the
    /// other way round, what would undo it. Sorted by table and row; a row that lost cells comes as a delete and an
    /// insert. Heads may come in any order and need not be concurrent; none at all are the empty document.
    ///
    /// Takes time in proportion to what the two versions do not share, and to a bounded share of the history.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for an event that this replica does not know; [`Error::Compacted`] for heads that do
    /// not cover the horizon.
    ///
    /// ```
    /// use converge::{Doc, RowOp};
    ///
    /// let doc = Doc::create("ann")?;
    /// let before = [doc.insert("people", "p1", [("name", "Alice")])?];
    /// doc.update("people", "p1", [("name", "Alicia")])?;
    /// assert_eq!(doc.diff(&before, &doc.heads()?)?, [RowOp::update("people", "p1", [("name", "Alicia")])]);
    /// assert_eq!(doc.diff(&doc.heads()?, &before)?, [RowOp::update("people", "p1", [("name", "Alice")])]);
    /// # Ok::<(), converge::Error>(())
    /// ```
    pub fn diff(&self, here: &[EventId], there: &[EventId]) -> Result<Vec<RowOp>, Error> {
        Ok(self.call(|doc, store| doc.call_diff(store, self.resource, here, there))??)
    }

    /// A new document, in the same instance, that holds what this one held at `heads`, and writes as `peer`. Waiting
    /// events stay here.
    ///
    /// Takes time and memory in proportion to the history up to `heads`, which is executed again.
    ///
    /// # Errors
    ///
    /// Those of [`diff`](Self::diff) for the heads, those of [`create`](Self::create) for the name.
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
        let resource = self.call(|doc, store| doc.call_fork_at(store, self.resource, heads, peer))??;
        Ok(Self { instance: self.instance.clone(), resource })
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = Replacement::of(path)?;
    file.write_all(bytes)?;
    file.commit()
}
