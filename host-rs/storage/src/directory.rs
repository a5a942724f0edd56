//! A directory with documents, each in a file of its own.
//!
//! The file system is the only catalog: the name of a file follows from the name of its document. A
//! deleted document keeps its file under another name, so that the document can be restored, and so
//! that its name is not used again by accident.

use crate::file::File;
use crate::folder;
use crate::{Error, Options, StoredDoc};
use converge::Instance;
use sha2::{Digest, Sha256};
use std::fs::{self, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The length of a file's name in bytes beyond which a hash replaces the end.
const NAME_BYTES: usize = 200;
/// The ending of the file of a document.
const LIVE: &str = ".db";
/// The ending of the file of a deleted document.
const DELETED: &str = ".db.deleted";
/// The ending of a file that is about to replace that of a document.
const IMPORTED: &str = ".db.imported";

/// What a directory knows of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// There is no document of this name.
    Missing,
    /// There is a document of this name.
    Present,
    /// The document was deleted, at this time.
    Deleted(SystemTime),
}

/// A directory with documents. One process at a time can open it.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    /// Locked until the directory is dropped.
    _lock: fs::File,
}

impl Directory {
    /// Opens a directory, and creates it if it does not exist.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] if another process has it open; [`Error::Io`] if it cannot be created.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, Error> {
        let root = root.as_ref().to_owned();
        let documents = root.join("docs");
        fs::create_dir_all(&documents).map_err(Error::io(&documents))?;
        let path = root.join("lock");
        let lock = fs::File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(Error::io(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse { path: root }),
            Err(TryLockError::Error(error)) => Err(Error::io(&path)(error)),
        }
    }

    /// Returns whether there is a document of this name.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file system cannot be read.
    pub fn presence(&self, name: &str) -> Result<Presence, Error> {
        let live = self.path(name, LIVE);
        if live.try_exists().map_err(Error::io(&live))? {
            return Ok(Presence::Present);
        }
        let deleted = self.path(name, DELETED);
        match fs::metadata(&deleted).and_then(|metadata| metadata.modified()) {
            Ok(time) => Ok(Presence::Deleted(time)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Presence::Missing),
            Err(error) => Err(Error::io(&deleted)(error)),
        }
    }

    /// Creates an empty document.
    ///
    /// # Errors
    ///
    /// Those of [`StoredDoc::create`]; [`Error::Deleted`] if there was a document of this name.
    pub fn create(&self, name: &str, instance: &Instance, options: &Options) -> Result<StoredDoc, Error> {
        if let Presence::Deleted(_) = self.presence(name)? {
            return Err(Error::Deleted { path: self.path(name, DELETED) });
        }
        let path = self.path(name, LIVE);
        folder::create_for(&path)?;
        StoredDoc::create(path, name, instance, options)
    }

    /// Opens a document.
    ///
    /// # Errors
    ///
    /// Those of [`StoredDoc::open`]; [`Error::Deleted`] if it was deleted.
    pub fn load(&self, name: &str, instance: &Instance, options: &Options) -> Result<StoredDoc, Error> {
        match self.presence(name)? {
            Presence::Deleted(_) => Err(Error::Deleted { path: self.path(name, DELETED) }),
            _ => StoredDoc::open(self.path(name, LIVE), instance, options),
        }
    }

    /// Replaces the content of a document by a saved document, or creates the document. It must not
    /// be open. Its incarnation and its home peer are new, so that clients notice.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] if the bytes are no saved document; [`Error::Deleted`] if the document was
    /// deleted; [`Error::Io`], [`Error::Sqlite`] and [`Error::Full`] if it cannot be written. The
    /// former content is then unchanged.
    pub fn replace(&self, name: &str, saved: &[u8], instance: &Instance) -> Result<(), Error> {
        let (live, new) = (self.path(name, LIVE), self.path(name, IMPORTED));
        match self.presence(name)? {
            Presence::Deleted(_) => return Err(Error::Deleted { path: self.path(name, DELETED) }),
            // The log of changes that SQLite has not written into the file yet belongs to the former content.
            Presence::Present => File::settle(&live)?,
            Presence::Missing => folder::create_for(&live)?,
        }
        found(fs::remove_file(&new)).map_err(Error::io(&new))?;
        let created = StoredDoc::create_of(&new, name, saved, instance).and_then(|()| rename(&new, &live));
        if created.is_err() {
            let _ = fs::remove_file(&new);
        }
        created
    }

    /// Returns the names of the documents that start with `prefix`, sorted as bytes. Costs reading
    /// the whole directory, and the metadata of documents with long names.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the directory cannot be read; [`Error::Damaged`] and [`Error::Sqlite`] if
    /// the file of a document with a long name cannot be read.
    pub fn names(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let names = self.names_of(LIVE, prefix)?;
        Ok(names.into_iter().map(|(name, _)| name).collect())
    }

    /// Returns the names of the deleted documents that start with `prefix`, sorted as bytes, with
    /// the time of their deletion. A [purged](Self::purge) document is missing if its name was too
    /// long for the name of a file. Costs as much as [`names`](Self::names).
    ///
    /// # Errors
    ///
    /// Those of [`names`](Self::names).
    pub fn deleted(&self, prefix: &str) -> Result<Vec<(String, SystemTime)>, Error> {
        let names = self.names_of(DELETED, prefix)?;
        let time = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).map_err(Error::io(path));
        names.into_iter().map(|(name, path)| Ok((name, time(&path)?))).collect()
    }

    /// Returns the names, and the files, of the documents whose files have this ending.
    fn names_of(&self, ending: &str, prefix: &str) -> Result<Vec<(String, PathBuf)>, Error> {
        let mut names = Vec::new();
        for folder in entries(&self.root.join("docs"))? {
            for file in entries(&folder)? {
                let Some(encoded) = file.file_name().and_then(|name| name.to_str()?.strip_suffix(ending)) else {
                    continue;
                };
                let name = match decoded(encoded) {
                    Some(name) => name,
                    None if fs::metadata(&file).map_err(Error::io(&file))?.len() == 0 => continue,
                    None => File::name_of(&file)?,
                };
                if name.starts_with(prefix) {
                    names.push((name, file));
                }
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Deletes a document, which must not be open. Returns whether there was one. Until it is
    /// [forgotten](Self::forget), it can be restored, and its name is not free.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be renamed.
    pub fn delete(&self, name: &str) -> Result<bool, Error> {
        let (live, deleted) = (self.path(name, LIVE), self.path(name, DELETED));
        let Some(file) = found(fs::File::options().write(true).open(&live)).map_err(Error::io(&live))? else {
            return Ok(false);
        };
        // The log of changes that SQLite has not written into the file yet moves with it.
        File::settle(&live)?;
        file.set_modified(SystemTime::now()).map_err(Error::io(&live))?;
        rename(&live, &deleted)?;
        Ok(true)
    }

    /// Restores a deleted document. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be renamed; [`Error::NotADocument`] if it was
    /// [purged](Self::purge).
    pub fn undelete(&self, name: &str) -> Result<bool, Error> {
        let (live, deleted) = (self.path(name, LIVE), self.path(name, DELETED));
        let Some(metadata) = found(fs::metadata(&deleted)).map_err(Error::io(&deleted))? else { return Ok(false) };
        if metadata.len() == 0 {
            return Err(Error::NotADocument { path: deleted });
        }
        rename(&deleted, &live)?;
        Ok(true)
    }

    /// Removes a deleted document, and frees its name. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be removed.
    pub fn forget(&self, name: &str) -> Result<bool, Error> {
        let deleted = self.path(name, DELETED);
        let Some(()) = found(fs::remove_file(&deleted)).map_err(Error::io(&deleted))? else { return Ok(false) };
        folder::sync_for(&deleted)?;
        Ok(true)
    }

    /// Removes the content of documents that were deleted before this time. Their names stay
    /// reserved. Returns the number of these documents.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if a file cannot be read or changed.
    pub fn purge(&self, before: SystemTime) -> Result<u64, Error> {
        let mut purged = 0;
        for folder in entries(&self.root.join("docs"))? {
            for file in entries(&folder)? {
                if !file.to_str().is_some_and(|name| name.ends_with(DELETED)) {
                    continue;
                }
                let purge = || -> io::Result<bool> {
                    let metadata = fs::metadata(&file)?;
                    let deleted = metadata.modified()?;
                    if metadata.len() == 0 || deleted >= before {
                        return Ok(false);
                    }
                    let emptied = fs::File::options().write(true).open(&file)?;
                    emptied.set_len(0)?;
                    emptied.set_modified(deleted)?;
                    emptied.sync_all().map(|()| true)
                };
                purged += u64::from(purge().map_err(Error::io(&file))?);
            }
        }
        Ok(purged)
    }

    fn path(&self, name: &str, ending: &str) -> PathBuf {
        let hash = hex(&Sha256::digest(name.as_bytes()));
        let mut encoded = encoded(name);
        if encoded.len() > NAME_BYTES {
            encoded = format!("{}%{}", whole_escapes(&encoded[..NAME_BYTES - 65]), hash);
        }
        self.root.join("docs").join(&hash[..2]).join(encoded + ending)
    }
}

/// Returns the name of a document as a part of a file's name: lower-case letters, digits, `.`, `_`
/// and `-`; other bytes, and a `.` at the start, as `%` and two hexadecimal digits.
fn encoded(name: &str) -> String {
    let mut encoded = String::new();
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => encoded.push(byte.into()),
            b'.' if at > 0 => encoded.push('.'),
            _ => encoded += &format!("%{byte:02x}"),
        }
    }
    encoded
}

/// Returns the name of a document, or `None` if a hash replaces its end, or if another program made
/// the file.
fn decoded(file: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = file.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok().filter(|name| encoded(name) == file)
}

/// Returns the text without an escape that was cut at the end.
fn whole_escapes(text: &str) -> &str {
    let cut = text.len().saturating_sub(2);
    text[cut..].find('%').map_or(text, |at| &text[..cut + at])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::io(from))?;
    folder::sync_for(to)
}

/// Returns `None` if the file does not exist.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let read = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    read().map_err(Error::io(folder))
}

#[cfg(test)]
mod tests {
    use super::{decoded, encoded, whole_escapes};

    #[test]
    fn names_of_files_decode_to_names_of_documents() {
        for (name, file) in [
            ("board", "board"),
            ("board/1", "board%2f1"),
            ("Board", "%42oard"),
            (".", "%2e"),
            ("..", "%2e."),
            ("a.db", "a.db"),
            ("", ""),
            ("%2f", "%252f"),
            ("é\0", "%c3%a9%00"),
        ] {
            assert_eq!((encoded(name), decoded(file)), (file.to_owned(), Some(name.to_owned())));
        }
        for other in ["Board", "a b", "%2", "%zz", "%2F", "%ff", ".hidden"] {
            assert_eq!(decoded(other), None, "{other}");
        }
        assert_eq!(
            ["ab%2fc", "abc%2f", "abc%2", "abc%", ""].map(whole_escapes),
            ["ab%2fc", "abc%2f", "abc", "abc", ""]
        );
    }
}
