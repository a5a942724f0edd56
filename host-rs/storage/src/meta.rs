//! The table `_converge_meta`: a single row with what the file is, and how far its log goes.

use crate::Error;
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;

/// What a file is, and how far its log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) name: String,
    pub(crate) incarnation: String,
    pub(crate) home_peer: String,
    /// The number of the last update that the snapshot contains, or 0 without a snapshot.
    pub(crate) snapshot_seq: u64,
    /// The number of parts of the snapshot.
    pub(crate) snapshot_parts: u32,
    /// The number of the last update.
    pub(crate) last_seq: u64,
}

/// Creates the table.
pub(crate) const SCHEMA: &str = "CREATE TABLE _converge_meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL,
    incarnation TEXT NOT NULL,
    home_peer TEXT NOT NULL,
    snapshot_seq INTEGER NOT NULL,
    snapshot_parts INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    crc INTEGER NOT NULL
) STRICT;";

impl Meta {
    /// Reads the row.
    pub(crate) fn read(connection: &Connection, path: &Path) -> Result<Self, Error> {
        let select =
            "SELECT name, incarnation, home_peer, snapshot_seq, snapshot_parts, last_seq, crc FROM _converge_meta";
        let mut select = connection.prepare_cached(select).map_err(Error::sqlite(path))?;
        let found = select.query_row([], |row| {
            let meta = Self {
                name: row.get(0)?,
                incarnation: row.get(1)?,
                home_peer: row.get(2)?,
                snapshot_seq: row.get(3)?,
                snapshot_parts: row.get(4)?,
                last_seq: row.get(5)?,
            };
            Ok((meta, row.get::<_, u32>(6)?))
        });
        match found.optional().map_err(Error::sqlite(path))? {
            Some((meta, crc)) if meta.crc() == crc => Ok(meta),
            Some(_) => Err(Error::damaged(path, "the checksum of `_converge_meta` is wrong")),
            None => Err(Error::damaged(path, "`_converge_meta` has no row")),
        }
    }

    /// Replaces the row.
    pub(crate) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let replace = "INSERT OR REPLACE INTO _converge_meta VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let Self { name, incarnation, home_peer, snapshot_seq, snapshot_parts, last_seq } = self;
        let values = params![name, incarnation, home_peer, snapshot_seq, snapshot_parts, last_seq, self.crc()];
        connection.prepare_cached(replace)?.execute(values).map(drop)
    }

    fn crc(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        for text in [&self.name, &self.incarnation, &self.home_peer] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        for number in [self.snapshot_seq, self.snapshot_parts.into(), self.last_seq] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.finalize()
    }
}
