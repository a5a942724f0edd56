//! A file: the log of updates, the snapshot, and the mirror tables, changed in one transaction.

use crate::folder;
use crate::meta::{self, Meta};
use crate::mirror::{self, Mirror};
use crate::mutations::{self, Mutation, StoredMutation};
use crate::random;
use crate::{Error, REQUEST_HOURS, REQUESTS, SNAPSHOT_BYTES, SNAPSHOT_UPDATES};
use converge::{EventId, RowOp};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Marks a file of this crate: the letters `cvrg`.
const APPLICATION_ID: i32 = 0x6376_7267;
/// The version of the tables.
const VERSION: i32 = 1;
/// How the random name of the home peer starts by default.
pub(crate) const HOME: &str = "home.";
/// The size of the parts of a snapshot in bytes.
const PART_BYTES: usize = 1 << 20;
/// How long a write waits for another connection, such as one that takes a checkpoint.
const BUSY: Duration = Duration::from_secs(5);

const SCHEMA: &str = "CREATE TABLE _converge_updates (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    subject TEXT NOT NULL,
    crc INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE TABLE _converge_snapshot (
    part INTEGER PRIMARY KEY,
    crc INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE TABLE _converge_requests (
    subject TEXT NOT NULL,
    key TEXT NOT NULL,
    at INTEGER NOT NULL,
    peer TEXT NOT NULL,
    counter INTEGER NOT NULL,
    PRIMARY KEY (subject, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX _converge_requests_at ON _converge_requests (at);";

const NOTES: &str = "CREATE TABLE IF NOT EXISTS _converge_notes (
    key TEXT PRIMARY KEY,
    crc INTEGER NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID";

/// When a write is durable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sync {
    /// When it returns, also if the machine loses power.
    #[default]
    Full,
    /// When it returns, but the last writes can be lost if the machine loses power.
    Normal,
}

/// An update that a document accepted.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Update<'a> {
    /// The user or program that sent it, as the caller names them.
    pub subject: &'a str,
    /// The bytes of `update_since`, or of a message's update.
    pub bytes: &'a [u8],
    /// The key of the request that committed the update, and the event that it contains.
    pub request: Option<(&'a str, &'a EventId)>,
    /// The call of a mutator that committed the update.
    pub mutation: Option<&'a Mutation>,
}

impl<'a> Update<'a> {
    /// Creates an update of a subject.
    pub fn new(subject: &'a str, bytes: &'a [u8]) -> Self {
        Self { subject, bytes, request: None, mutation: None }
    }

    /// Sets the key of the request that committed the update, so that
    /// [`committed`](crate::StoredDoc::committed) finds its event.
    #[must_use]
    pub fn request(self, key: &'a str, event: &'a EventId) -> Self {
        Self { request: Some((key, event)), ..self }
    }

    /// Sets the call of a mutator that committed the update, so that
    /// [`outcome`](crate::StoredDoc::outcome) finds it.
    #[must_use]
    pub fn mutation(self, mutation: &'a Mutation) -> Self {
        Self { mutation: Some(mutation), ..self }
    }
}

/// What a file contains of a document.
#[derive(Debug)]
pub(crate) struct Content {
    /// The saved document, if there is a snapshot.
    pub(crate) snapshot: Option<Vec<u8>>,
    /// The updates after it, in their order.
    pub(crate) updates: Vec<Vec<u8>>,
}

/// The size of the snapshot, and of the log after it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LogSize {
    snapshot_bytes: u64,
    updates: u64,
    bytes: u64,
}

impl LogSize {
    /// Returns whether the log is so long that a snapshot should replace it. The larger the
    /// snapshot, the longer the log may be, so that the cost of a snapshot for each update is
    /// bounded.
    pub(crate) fn is_long(self) -> bool {
        let units = self.snapshot_bytes.div_ceil(SNAPSHOT_BYTES).max(1);
        self.updates >= units * SNAPSHOT_UPDATES || self.bytes >= units * SNAPSHOT_BYTES
    }
}

/// An open file.
#[derive(Debug)]
pub(crate) struct File {
    path: PathBuf,
    connection: Connection,
    meta: Meta,
    mirror: Mirror,
    log: LogSize,
    /// Whether a write failed. What is in the file is then unknown until it is opened again.
    failed: bool,
}

impl File {
    /// Creates a file with an empty document. Fails if there is one.
    pub(crate) fn create(path: &Path, name: &str, sync: Sync, peer_prefix: &str) -> Result<Self, Error> {
        let temporary = folder::temporary_file(folder::of(path)).map_err(Error::io(path))?;
        let meta = Meta {
            name: name.to_owned(),
            incarnation: random::random_letters().map_err(Error::io(path))?,
            home_peer: home_peer(path, peer_prefix)?,
            snapshot_seq: 0,
            snapshot_parts: 0,
            last_seq: 0,
        };
        fill(temporary.path(), &meta).map_err(Error::sqlite(path))?;
        temporary.as_file().sync_all().map_err(Error::io(path))?;
        temporary.persist_noclobber(path).map_err(|error| Error::io(path)(error.error))?;
        folder::sync_for(path)?;
        Ok(Self::open(path, sync)?.0)
    }

    /// Opens a file, and returns its content. Checks all checksums. O(snapshot + log).
    pub(crate) fn open(path: &Path, sync: Sync) -> Result<(Self, Content), Error> {
        let connection = connect(path)?;
        prepare(&connection, sync).map_err(Error::sqlite(path))?;
        Self::read(path, connection)
    }

    /// Reads the content again through the open connection, after a write failed.
    pub(crate) fn reload(self) -> Result<(Self, Content), Error> {
        Self::read(&self.path, self.connection)
    }

    fn read(path: &Path, connection: Connection) -> Result<(Self, Content), Error> {
        let meta = Meta::read(&connection, path)?;
        let mirror = Mirror::read(&connection).map_err(Error::sqlite(path))?;
        let snapshot = read_snapshot(&connection, &meta, path)?;
        let updates = read_updates(&connection, &meta, path)?;
        let bytes = updates.iter().map(|update| update.len() as u64).sum();
        let snapshot_bytes = snapshot.as_ref().map_or(0, |snapshot| snapshot.len() as u64);
        let log = LogSize { snapshot_bytes, updates: updates.len() as u64, bytes };
        let file = Self { path: path.to_owned(), connection, meta, mirror, log, failed: false };
        Ok((file, Content { snapshot, updates }))
    }

    /// Returns the name of the document in a file.
    pub(crate) fn name_of(path: &Path) -> Result<String, Error> {
        Ok(Meta::read(&connect(path)?, path)?.name)
    }

    /// Returns a text that is equal for equal content of a file: the incarnation and the numbers of
    /// its updates.
    pub(crate) fn state_of(path: &Path) -> Result<String, Error> {
        let Meta { incarnation, home_peer, snapshot_seq, last_seq, .. } = Meta::read(&connect(path)?, path)?;
        Ok(format!("{incarnation} {home_peer} {snapshot_seq} {last_seq}"))
    }

    /// Copies a file, which can be in use, as it is at one moment, to an empty file.
    pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Error> {
        let source = connect(from)?;
        let copy = || -> rusqlite::Result<bool> {
            let mut target = Connection::open(to)?;
            let backup = Backup::new(&source, &mut target)?;
            let end = Instant::now() + BUSY;
            // In one step, so that a document that changes all the time does not prevent the copy.
            while backup.step(-1)? != StepResult::Done {
                if Instant::now() > end {
                    return Ok(false);
                }
                thread::sleep(BUSY / 500);
            }
            drop(backup);
            target.close().map(|()| true).map_err(|(_, error)| error)
        };
        match copy().map_err(Error::sqlite(to))? {
            true => Ok(()),
            false => Err(Error::InUse { path: from.to_owned() }),
        }
    }

    /// Draws a new home peer.
    pub(crate) fn renew_home_peer(&mut self, prefix: &str) -> Result<(), Error> {
        let home_peer = home_peer(&self.path, prefix)?;
        self.write(|_, meta, _| {
            meta.home_peer = home_peer;
            Ok(())
        })
    }

    /// Moves everything from the write-ahead log of a file that is not open into the file.
    pub(crate) fn settle(path: &Path) -> Result<(), Error> {
        let connection = connect(path)?;
        let checkpoint = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        checkpoint.map_err(Error::sqlite(path))?;
        connection.close().map_err(|(_, error)| Error::sqlite(path)(error))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn meta(&self) -> &Meta {
        &self.meta
    }

    pub(crate) fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the size of the pages that are not free, in bytes.
    pub(crate) fn used_bytes(&self) -> Result<u64, Error> {
        let pragma = |name: &str| {
            let mut pragma = self.connection.prepare_cached(&format!("PRAGMA {name}"))?;
            pragma.query_row([], |row| row.get::<_, u64>(0))
        };
        let used = || Ok((pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?);
        used().map_err(Error::sqlite(&self.path))
    }

    /// Returns the size of the write-ahead log in bytes.
    pub(crate) fn wal_bytes(&self) -> u64 {
        let mut path = self.path.clone().into_os_string();
        path.push("-wal");
        fs::metadata(path).map_or(0, |metadata| metadata.len())
    }

    pub(crate) fn log(&self) -> LogSize {
        self.log
    }

    /// Appends updates to the log, and executes the changes that they made on the mirror tables, in
    /// one transaction. Returns the number of the last update.
    pub(crate) fn append(&mut self, updates: &[Update<'_>], changes: &[RowOp]) -> Result<u64, Error> {
        let at = now();
        self.write(|transaction, meta, mirror| {
            for update in updates {
                meta.last_seq += 1;
                let insert = "INSERT INTO _converge_updates VALUES (?1, ?2, ?3, ?4, ?5)";
                let crc = crc32fast::hash(update.bytes);
                let values = params![meta.last_seq, at, update.subject, crc, update.bytes];
                transaction.prepare_cached(insert)?.execute(values)?;
                if let Some((key, event)) = update.request {
                    let insert = "INSERT OR IGNORE INTO _converge_requests VALUES (?1, ?2, ?3, ?4, ?5)";
                    let values = params![update.subject, key, at, event.peer, event.counter];
                    transaction.prepare_cached(insert)?.execute(values)?;
                }
                if let Some(mutation) = update.mutation {
                    mutations::write(transaction, mutation, update.subject, at)?;
                }
            }
            Ok(mirror.apply(transaction, changes)?)
        })?;
        self.log.updates += updates.len() as u64;
        self.log.bytes += updates.iter().map(|update| update.bytes.len() as u64).sum::<u64>();
        Ok(self.meta.last_seq)
    }

    /// Returns the event that a request of a subject committed.
    pub(crate) fn committed(&self, subject: &str, key: &str) -> Result<Option<EventId>, Error> {
        let find = || {
            let select = "SELECT peer, counter FROM _converge_requests WHERE subject = ?1 AND key = ?2";
            let mut select = self.connection.prepare_cached(select)?;
            let event = |row: &rusqlite::Row<'_>| Ok(EventId { peer: row.get(0)?, counter: row.get(1)? });
            select.query_row([subject, key], event).optional()
        };
        find().map_err(Error::sqlite(&self.path))
    }

    /// Returns a call of a client.
    pub(crate) fn outcome(&self, client: &str, number: u64) -> Result<Option<StoredMutation>, Error> {
        mutations::outcome(&self.connection, client, number).map_err(Error::sqlite(&self.path))
    }

    /// Returns calls of a client.
    pub(crate) fn outcomes(&self, client: &str, after: u64, limit: u32) -> Result<Vec<StoredMutation>, Error> {
        mutations::outcomes(&self.connection, client, after, limit).map_err(Error::sqlite(&self.path))
    }

    /// Returns the subject of a client's first call.
    pub(crate) fn subject_of(&self, client: &str) -> Result<Option<String>, Error> {
        mutations::subject_of(&self.connection, client).map_err(Error::sqlite(&self.path))
    }

    /// Replaces the snapshot by the saved document, which contains all updates of the log, and
    /// empties the log.
    /// Executes `changes` on the mirror tables, in the same transaction.
    pub(crate) fn snapshot(&mut self, saved: &[u8], changes: &[RowOp]) -> Result<(), Error> {
        self.write(|transaction, meta, mirror| {
            mirror.apply(transaction, changes)?;
            transaction.execute("DELETE FROM _converge_snapshot", [])?;
            meta.snapshot_parts = 0;
            for bytes in saved.chunks(PART_BYTES) {
                let insert = "INSERT INTO _converge_snapshot VALUES (?1, ?2, ?3)";
                let values = params![meta.snapshot_parts, crc32fast::hash(bytes), bytes];
                transaction.prepare_cached(insert)?.execute(values)?;
                meta.snapshot_parts += 1;
            }
            meta.snapshot_seq = meta.last_seq;
            transaction.execute("DELETE FROM _converge_updates", [])?;
            forget_requests(transaction)?;
            Ok(mutations::forget(transaction, now())?)
        })?;
        self.log = LogSize { snapshot_bytes: saved.len() as u64, ..LogSize::default() };
        Ok(())
    }

    /// Writes a note. Files of earlier versions have no table for them.
    pub(crate) fn note(&mut self, key: &str, value: &[u8]) -> Result<(), Error> {
        self.write(|transaction, _, _| {
            transaction.execute(NOTES, [])?;
            let replace = "INSERT OR REPLACE INTO _converge_notes VALUES (?1, ?2, ?3)";
            Ok(transaction.execute(replace, params![key, crc32fast::hash(value), value]).map(drop)?)
        })
    }

    /// Returns a note.
    pub(crate) fn noted(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let find = || -> rusqlite::Result<Option<(u32, Vec<u8>)>> {
            if !self.connection.table_exists(None, "_converge_notes")? {
                return Ok(None);
            }
            let select = "SELECT crc, value FROM _converge_notes WHERE key = ?1";
            self.connection.query_row(select, [key], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        };
        match find().map_err(Error::sqlite(&self.path))? {
            Some((crc, value)) if crc != crc32fast::hash(&value) => {
                Err(Error::damaged(&self.path, format!("the checksum of the note {key:?} is wrong")))
            }
            found => Ok(found.map(|(_, value)| value)),
        }
    }

    /// Returns whether the mirror tables are as this module creates them.
    pub(crate) fn has_mirror(&self) -> Result<bool, Error> {
        self.mirror.is_whole(&self.connection).map_err(Error::sqlite(&self.path))
    }

    /// Creates the mirror tables again. `fill` passes their rows, page by page.
    pub(crate) fn rebuild(
        &mut self,
        fill: impl FnOnce(&mut dyn FnMut(&[RowOp]) -> Result<(), Error>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let path = self.path.clone();
        self.write(|transaction, _, mirror| {
            mirror.reset(transaction)?;
            fill(&mut |rows| mirror.apply(transaction, rows).map_err(Error::sqlite(&path))).map_err(Abort::Other)
        })
    }

    /// Carries out one transaction, which is durable when this returns.
    fn write(
        &mut self,
        write: impl FnOnce(&Transaction<'_>, &mut Meta, &mut Mirror) -> Result<(), Abort>,
    ) -> Result<(), Error> {
        let Self { path, connection, meta, mirror, failed, .. } = self;
        if *failed {
            return Err(Error::Stopped { path: path.clone() });
        }
        let sqlite = Error::sqlite(path);
        let carry_out = || -> Result<Meta, Error> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&sqlite)?;
            if Meta::read(&transaction, path)? != *meta {
                return Err(Error::InUse { path: path.clone() });
            }
            let mut next = meta.clone();
            match write(&transaction, &mut next, mirror) {
                Ok(()) => {}
                Err(Abort::Sqlite(error)) => return Err(sqlite(error)),
                Err(Abort::Other(error)) => return Err(error),
            }
            next.write(&transaction).and_then(|()| transaction.commit()).map_err(&sqlite)?;
            Ok(next)
        };
        match carry_out() {
            Ok(next) => {
                *meta = next;
                Ok(())
            }
            Err(error) => {
                *failed = true;
                Err(error)
            }
        }
    }
}

/// Why a transaction is rolled back.
enum Abort {
    Sqlite(rusqlite::Error),
    Other(Error),
}

impl From<rusqlite::Error> for Abort {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Forgets the keys of old requests, and the oldest ones if there are too many.
fn forget_requests(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let oldest = now().saturating_sub(REQUEST_HOURS * 3_600_000);
    let nth = "SELECT at FROM _converge_requests ORDER BY at DESC LIMIT 1 OFFSET ?1";
    let nth: Option<u64> = transaction.query_row(nth, [REQUESTS], |row| row.get(0)).optional()?;
    let delete = "DELETE FROM _converge_requests WHERE at <= ?1";
    transaction.execute(delete, [nth.unwrap_or(0).max(oldest)]).map(drop)
}

/// Returns the time in milliseconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Returns a new name for a home peer.
fn home_peer(path: &Path, prefix: &str) -> Result<String, Error> {
    Ok(format!("{prefix}{}", random::random_letters().map_err(Error::io(path))?))
}

/// Connects to the file of a document, which can be in use.
fn connect(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(Error::sqlite(path))?;
    connection.busy_timeout(BUSY).map_err(Error::sqlite(path))?;
    check_kind(&connection, path)?;
    Ok(connection)
}

/// Creates the tables of a new file, whose durability is the caller's task.
fn fill(path: &Path, meta: &Meta) -> rusqlite::Result<()> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    connection.execute_batch(&format!("BEGIN; {} {} {} COMMIT;", meta::SCHEMA, SCHEMA, mirror::SCHEMA))?;
    meta.write(&connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.flush_prepared_statement_cache();
    connection.close().map_err(|(_, error)| error)
}

/// Fails for a file that is no document, or that a newer version wrote.
fn check_kind(connection: &Connection, path: &Path) -> Result<(), Error> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if pragma("application_id").map_err(Error::sqlite(path))? != APPLICATION_ID {
        return Err(Error::NotADocument { path: path.to_owned() });
    }
    let version = pragma("user_version").map_err(Error::sqlite(path))?;
    if version > VERSION {
        return Err(Error::Newer { path: path.to_owned(), version, known: VERSION });
    }
    Ok(())
}

/// Sets the options of a connection.
fn prepare(connection: &Connection, sync: Sync) -> rusqlite::Result<()> {
    let level = match sync {
        Sync::Full => "FULL",
        Sync::Normal => "NORMAL",
    };
    // A name in double quotes that does not exist is an error, and not a text.
    for setting in [DbConfig::SQLITE_DBCONFIG_DQS_DML, DbConfig::SQLITE_DBCONFIG_DQS_DDL] {
        connection.set_db_config(setting, false)?;
    }
    connection.pragma_update(None, "synchronous", level)?;
    connection.pragma_update(None, "cache_size", -256)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // A damaged or foreign schema must not call functions that could do harm.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    mirror::allow_writes(connection)
}

fn read_snapshot(connection: &Connection, meta: &Meta, path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let damaged = || Error::damaged(path, "the snapshot is incomplete, or its checksum is wrong");
    let read = || -> rusqlite::Result<Option<(u32, Vec<u8>)>> {
        let mut select = connection.prepare("SELECT part, crc, bytes FROM _converge_snapshot ORDER BY part")?;
        let mut rows = select.query([])?;
        let (mut parts, mut snapshot) = (0, Vec::new());
        while let Some(row) = rows.next()? {
            let bytes = row.get_ref(2)?.as_blob()?;
            if row.get::<_, u32>(0)? != parts || row.get::<_, u32>(1)? != crc32fast::hash(bytes) {
                return Ok(None);
            }
            snapshot.extend_from_slice(bytes);
            parts += 1;
        }
        Ok(Some((parts, snapshot)))
    };
    let (parts, snapshot) = read().map_err(Error::sqlite(path))?.ok_or_else(damaged)?;
    if parts != meta.snapshot_parts {
        return Err(damaged());
    }
    Ok((parts > 0).then_some(snapshot))
}

fn read_updates(connection: &Connection, meta: &Meta, path: &Path) -> Result<Vec<Vec<u8>>, Error> {
    let read = || -> rusqlite::Result<Result<Vec<Vec<u8>>, u64>> {
        let mut select = connection.prepare("SELECT seq, crc, bytes FROM _converge_updates ORDER BY seq")?;
        let mut rows = select.query([])?;
        let (mut seq, mut updates) = (meta.snapshot_seq, Vec::new());
        while let Some(row) = rows.next()? {
            seq += 1;
            let bytes = row.get_ref(2)?.as_blob()?;
            if row.get::<_, u64>(0)? != seq || row.get::<_, u32>(1)? != crc32fast::hash(bytes) {
                return Ok(Err(seq));
            }
            updates.push(bytes.to_vec());
        }
        Ok(if seq == meta.last_seq { Ok(updates) } else { Err(seq + 1) })
    };
    let damaged = |seq| Error::damaged(path, format!("update {seq} of the log is missing, or its checksum is wrong"));
    read().map_err(Error::sqlite(path))?.map_err(damaged)
}

#[cfg(test)]
mod tests {
    use super::LogSize;

    #[test]
    fn the_log_may_be_as_long_as_the_snapshot() {
        for (snapshot_bytes, updates, bytes, is_long) in [
            (0, 255, (1 << 20) - 1, false),
            (0, 256, 0, true),
            (0, 1, 1 << 20, true),
            (1 << 20, 255, 0, false),
            (1 << 20, 256, 0, true),
            ((1 << 20) + 1, 511, (2 << 20) - 1, false),
            ((1 << 20) + 1, 512, 0, true),
            (10 << 20, 3, (10 << 20) - 1, false),
            (10 << 20, 3, 10 << 20, true),
        ] {
            let size = LogSize { snapshot_bytes, updates, bytes };
            assert_eq!(size.is_long(), is_long, "{size:?}");
        }
    }
}
