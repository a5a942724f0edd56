//! A document with its file.

use crate::Error;
use crate::file::{Content, File, HOME, Sync, Update};
use crate::folder;
use crate::mutations::StoredMutation;
use crate::verify::{self, Report};
use converge::{Doc, EventId, Instance, RowOp, ScanOptions, Watcher};
use std::borrow::Cow;
use std::fs;
use std::path::Path;

/// How a document is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// When a write is durable.
    pub sync: Sync,
    /// How the random name of the home peer starts.
    pub peer_prefix: Cow<'static, str>,
}

impl Options {
    /// Sets when a write is durable.
    #[must_use]
    pub fn sync(self, sync: Sync) -> Self {
        Self { sync, ..self }
    }

    /// Sets how the random name of the home peer starts. A file keeps its name.
    #[must_use]
    pub fn peer_prefix(self, prefix: impl Into<Cow<'static, str>>) -> Self {
        Self { peer_prefix: prefix.into(), ..self }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { sync: Sync::default(), peer_prefix: Cow::Borrowed(HOME) }
    }
}

/// The number of changes that are taken from the document with one call.
const PAGE_ROWS: u32 = 1_024;

/// What [`StoredDoc::store`] wrote.
#[derive(Debug)]
#[non_exhaustive]
pub struct Stored {
    /// The number of the last update.
    pub sequence: u64,
    /// The changes of the rows, as operations: at most one for each row and kind.
    pub changes: Vec<RowOp>,
    /// Why a snapshot that was due could not be written. The updates are on disk nevertheless, but
    /// [`reload`](StoredDoc::reload) the document before the next write.
    pub snapshot_failed: Option<Error>,
}

/// A document with its file.
///
/// The document is changed in memory: by [`merge_update`](Doc::merge_update), by a session, by
/// local writes. [`store`](Self::store) writes the updates that brought the changes. If it fails,
/// the document in memory is ahead of the file: [`reload`](Self::reload) it, or open the file
/// again.
#[derive(Debug)]
pub struct StoredDoc {
    doc: Doc,
    watcher: Watcher,
    file: File,
    /// Whether the mirror tables were created again when the file was opened.
    was_repaired: bool,
}

impl StoredDoc {
    /// Creates a file with an empty document of this name. The document writes as a peer with a
    /// random name, the home peer.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file exists or cannot be created; [`Error::Full`].
    pub fn create(path: impl AsRef<Path>, name: &str, instance: &Instance, options: &Options) -> Result<Self, Error> {
        let file = File::create(path.as_ref(), name, options.sync, &options.peer_prefix)?;
        Self::with(file, Content { snapshot: None, updates: Vec::new() }, instance)
    }

    /// Creates a file with the content of a saved document, as [`create`](Self::create) does.
    ///
    /// # Errors
    ///
    /// Those of [`create`](Self::create); [`Error::Engine`] if the bytes are no saved document.
    pub(crate) fn create_of(path: &Path, name: &str, saved: &[u8], instance: &Instance) -> Result<(), Error> {
        let mut file = File::create(path, name, Sync::Full, HOME)?;
        let doc = instance.load(&file.meta().home_peer, saved)?;
        file.snapshot(saved, &[])?;
        let watcher = doc.watch(&[], false)?;
        Self { doc, watcher, file, was_repaired: false }.repair()?;
        File::settle(path)
    }

    /// Opens a file. Reads the snapshot and the log, and checks their checksums. If another program
    /// dropped or changed a mirror table, creates the mirror tables again. Costs loading the
    /// snapshot, and merging the log, which is bounded by the size of the snapshot; see
    /// [`SNAPSHOT_UPDATES`](crate::SNAPSHOT_UPDATES).
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::NotADocument`] or [`Error::Newer`] for other files, which stay
    /// as they are; [`Error::Io`] and [`Error::Sqlite`] if the file cannot be read.
    pub fn open(path: impl AsRef<Path>, instance: &Instance, options: &Options) -> Result<Self, Error> {
        let (file, content) = File::open(path.as_ref(), options.sync)?;
        Self::with(file, content, instance)
    }

    /// Reads the document again from its file, after a write failed. Unlike [`open`](Self::open),
    /// it needs no space on the disk, since the file stays open. Costs the same.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn reload(self, instance: &Instance) -> Result<Self, Error> {
        let (file, content) = self.file.reload()?;
        Self::with(file, content, instance)
    }

    fn with(file: File, content: Content, instance: &Instance) -> Result<Self, Error> {
        let peer = &file.meta().home_peer;
        // The checksums are right, so another program wrote these bytes.
        let damaged = |what: &str, error: converge::Error| match error.ends_instance() {
            true => Error::Engine(error),
            false => Error::damaged(file.path(), format!("{what}: {error}")),
        };
        let doc = match content.snapshot {
            Some(saved) => instance.load(peer, &saved).map_err(|error| damaged("the snapshot", error))?,
            None => instance.doc(peer)?,
        };
        for update in content.updates {
            doc.merge_update(&update).map_err(|error| damaged("an update of the log", error))?;
        }
        let watcher = doc.watch(&[], false)?;
        let mut stored = Self { doc, watcher, file, was_repaired: false };
        if !stored.file.has_mirror()? {
            stored.repair()?;
            stored.was_repaired = true;
        }
        Ok(stored)
    }

    /// Returns whether the mirror tables were created again when the file was opened, because
    /// another program had dropped or changed one of them.
    pub fn was_repaired(&self) -> bool {
        self.was_repaired
    }

    /// Returns the document. Store its changes before they are shown to anyone.
    pub fn doc(&self) -> &Doc {
        &self.doc
    }

    /// Returns the document's name.
    pub fn name(&self) -> &str {
        &self.file.meta().name
    }

    /// Returns the random letters that were drawn when the document was created. A client that
    /// knows others has been connected to another document of this name.
    pub fn incarnation(&self) -> &str {
        &self.file.meta().incarnation
    }

    /// Returns the number of updates that were ever stored.
    pub fn sequence(&self) -> u64 {
        self.file.meta().last_seq
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns the size of the file in bytes, without free pages and without the write-ahead log.
    ///
    /// # Errors
    ///
    /// [`Error::Sqlite`] if the file cannot be read.
    pub fn file_bytes(&self) -> Result<u64, Error> {
        self.file.used_bytes()
    }

    /// Returns the size of the write-ahead log of the file in bytes. SQLite empties the log from
    /// time to time, but not while another program reads the file.
    pub fn wal_bytes(&self) -> u64 {
        self.file.wal_bytes()
    }

    /// Writes the updates that changed the document since the last call, and the changes of the
    /// mirror tables, in one transaction. It is durable when the call returns. Returns the
    /// changes.
    ///
    /// # Errors
    ///
    /// [`Error::Full`], [`Error::Io`] and [`Error::Sqlite`] if the updates were not stored;
    /// [`Error::InUse`] if something else wrote to the file; [`Error::Stopped`] after such an
    /// error.
    pub fn store(&mut self, updates: &[Update<'_>]) -> Result<Stored, Error> {
        let changes = self.watcher.ops().collect::<Result<Vec<RowOp>, _>>()?;
        let sequence = self.file.append(updates, &changes)?;
        let snapshot_failed = if self.file.log().is_long() { self.snapshot_log().err() } else { None };
        Ok(Stored { sequence, changes, snapshot_failed })
    }

    fn snapshot_log(&mut self) -> Result<(), Error> {
        self.file.snapshot(&self.doc.save()?, &[])
    }

    /// Returns the event that a request of this subject with this key committed, or `None` if there
    /// is none, or if it is no longer remembered. Keys are remembered for
    /// [`REQUEST_HOURS`](crate::REQUEST_HOURS), and those of the last
    /// [`REQUESTS`](crate::REQUESTS).
    ///
    /// # Errors
    ///
    /// [`Error::Sqlite`] if the file cannot be read.
    pub fn committed(&self, subject: &str, key: &str) -> Result<Option<EventId>, Error> {
        self.file.committed(subject, key)
    }

    /// Returns the call of a client with this number and its outcome, or `None` if there was none,
    /// or if it is no longer remembered. Outcomes are remembered for at least
    /// [`OUTCOME_DAYS`](crate::OUTCOME_DAYS).
    ///
    /// # Errors
    ///
    /// [`Error::Sqlite`] if the file cannot be read.
    pub fn outcome(&self, client: &str, number: u64) -> Result<Option<StoredMutation>, Error> {
        self.file.outcome(client, number)
    }

    /// Returns up to `limit` remembered calls of a client, from the number after `after` on.
    ///
    /// # Errors
    ///
    /// [`Error::Sqlite`] if the file cannot be read.
    pub fn outcomes(&self, client: &str, after: u64, limit: u32) -> Result<Vec<StoredMutation>, Error> {
        self.file.outcomes(client, after, limit)
    }

    /// Returns the subject of a client's first call, or `None` if there was no call. It is never
    /// forgotten.
    ///
    /// # Errors
    ///
    /// [`Error::Sqlite`] if the file cannot be read.
    pub fn subject_of(&self, client: &str) -> Result<Option<String>, Error> {
        self.file.subject_of(client)
    }

    /// Replaces the log by a snapshot, as [`store`](Self::store) does when the log is long, and
    /// brings the mirror tables up to date, in one transaction. Needed after
    /// [`rebase`](Doc::rebase). Returns the changes since the last call of `store` or `snapshot`.
    ///
    /// # Errors
    ///
    /// Those of [`store`](Self::store).
    pub fn snapshot(&mut self) -> Result<Vec<RowOp>, Error> {
        let changes = self.watcher.ops().collect::<Result<Vec<RowOp>, _>>()?;
        self.file.snapshot(&self.doc.save()?, &changes)?;
        Ok(changes)
    }

    /// Draws a new name for the home peer, as which the document writes once the file is opened
    /// again. Needed if another replica wrote in its name, because the file was copied.
    ///
    /// # Errors
    ///
    /// Those of [`store`](Self::store).
    pub fn renew_peer(&mut self, prefix: &str) -> Result<(), Error> {
        self.file.renew_home_peer(prefix)
    }

    /// Writes a note: bytes with a key, which are no part of the document. It is durable when the
    /// call returns.
    ///
    /// # Errors
    ///
    /// Those of [`store`](Self::store).
    pub fn note(&mut self, key: &str, value: &[u8]) -> Result<(), Error> {
        self.file.note(key, value)
    }

    /// Returns the note with this key.
    ///
    /// # Errors
    ///
    /// [`Error::Sqlite`] if the file cannot be read; [`Error::Damaged`] if the checksum of the note
    /// is wrong.
    pub fn noted(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.file.noted(key)
    }

    /// Closes the file and moves it to another path on the same file system. Replaces an existing
    /// file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Sqlite`] if the file cannot be moved.
    pub fn move_to(self, path: impl AsRef<Path>) -> Result<(), Error> {
        let from = self.file.path().to_owned();
        drop(self);
        // The log of changes that SQLite has not written into the file yet moves with it.
        File::settle(&from)?;
        fs::rename(&from, &path).map_err(Error::io(&from))?;
        folder::sync_for(path.as_ref())
    }

    /// Closes the file and removes it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be removed.
    pub fn remove(self) -> Result<(), Error> {
        let path = self.file.path().to_owned();
        drop(self);
        fs::remove_file(&path).map_err(Error::io(&path))?;
        folder::sync_for(&path)
    }

    /// Compares the mirror tables with the document, and checks the structure of the file. Costs
    /// reading the whole file.
    ///
    /// # Errors
    ///
    /// [`Error::Sqlite`] and [`Error::Damaged`] if the file cannot be read.
    pub fn verify(&self) -> Result<Report, Error> {
        verify::verify(&self.doc, &self.file)
    }

    /// Creates the mirror tables again, with the rows of the document, in one transaction.
    ///
    /// # Errors
    ///
    /// Those of [`store`](Self::store).
    pub fn repair(&mut self) -> Result<(), Error> {
        let Self { doc, file, .. } = self;
        file.rebuild(|add| {
            for table in doc.tables()? {
                let mut rows = Vec::new();
                for row in doc.rows(&table.name, ScanOptions::default()) {
                    let row = row?;
                    rows.push(RowOp::insert(&table.name, row.id, row.cells));
                    if rows.len() >= PAGE_ROWS as usize {
                        add(&rows)?;
                        rows.clear();
                    }
                }
                add(&rows)?;
            }
            Ok(())
        })
    }
}
