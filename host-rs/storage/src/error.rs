//! Why a file could not be read or written.

use rusqlite::ErrorCode;
use std::io;
use std::path::{Path, PathBuf};

/// Why a call failed. Each message names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// The disk is full. What the failed transaction would have written was not stored.
    #[error("{}: the disk is full; free some space", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged, and was left as it is.
    #[error("{}: the file is damaged: {what}; restore it from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The file is no document.
    #[error("{}: this is no document of converge", path.display())]
    NotADocument {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version.
    #[error("{}: the file has version {version}, and this program knows version {known}; use a newer program", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of the file.
        version: i32,
        /// The newest version that this program knows.
        known: i32,
    },
    /// An earlier write failed, so that the document in memory may be ahead of the file.
    #[error("{}: an earlier write failed; open the file again", path.display())]
    Stopped {
        /// The file.
        path: PathBuf,
    },
    /// Another process, or another [`StoredDoc`](crate::StoredDoc), uses the directory or the file.
    #[error("{}: another process uses it; stop that process first", path.display())]
    InUse {
        /// The directory or the file.
        path: PathBuf,
    },
    /// The document was deleted.
    #[error("{}: the document was deleted; restore it, or forget it to use its name again", path.display())]
    Deleted {
        /// The file.
        path: PathBuf,
    },
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] converge::Error),
}

impl Error {
    /// Returns a function that converts an error of the system for this file.
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| {
            let path = path.to_owned();
            if source.kind() == io::ErrorKind::StorageFull { Self::Full { path } } else { Self::Io { path, source } }
        }
    }

    /// Returns a function that converts an error of SQLite for this file.
    pub(crate) fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> Self {
        move |source| {
            let path = path.to_owned();
            match source.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => Self::Full { path },
                Some(ErrorCode::NotADatabase) => Self::NotADocument { path },
                Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, what: source.to_string() },
                _ => Self::Sqlite { path, source },
            }
        }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }
}
