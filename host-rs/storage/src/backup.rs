//! Copies of a directory with documents: made while the documents are in use, and restored.
//!
//! A copy has a file for each document, which is named by the hash of its content, and a manifest,
//! which maps the names to the hashes. Copying again to the same place copies the documents that
//! changed, then replaces the manifest, and then removes the files that it no longer names. So an
//! interrupted copy leaves the former one intact.

use crate::file::{File, HOME, Sync};
use crate::folder;
use crate::{Error, random};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The folder with the files of a copy.
const FILES: &str = "files";
/// The file with the hashes of a copy.
const MANIFEST: &str = "manifest.json";
/// The version of the manifest.
const VERSION: u64 = 1;

/// The result of a copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// The number of documents in the copy, with deleted ones.
    pub documents: u64,
    /// The number of documents that were copied, because they changed.
    pub changed: u64,
}

/// What a manifest says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    /// What the content depends on: the incarnation and the number of the last update, or the time
    /// and the size of a deleted file.
    state: String,
    /// The SHA-256 of the file, as hexadecimal digits.
    hash: String,
}

/// A manifest: the files by their paths in the directory.
type Manifest = BTreeMap<String, Listed>;

/// Copies the documents of a directory, which can be in use by another process, to a folder. Each
/// document is copied as it is at some moment during the call. If there is a copy of the directory
/// in the folder, copies the documents that changed since then, and removes those that are gone.
///
/// # Errors
///
/// [`Error::Io`], [`Error::Full`] and [`Error::Sqlite`] if a file cannot be read or written;
/// [`Error::NotADocument`] and [`Error::Damaged`] for a file that is no sound document. The former
/// copy is then still there.
pub fn backup(data: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<Copied, Error> {
    let (data, to) = (data.as_ref(), to.as_ref());
    let former = match read_manifest(to) {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Manifest::new(),
        other => other?,
    };
    let (mut manifest, mut copied) = (Manifest::new(), Copied::default());
    for (name, source) in files(data)? {
        let Some(state) = state_of(&source)? else { continue };
        let listed = match former.get(&name) {
            Some(listed) if listed.state == state && file_of(to, listed).exists() => listed.clone(),
            _ => {
                copied.changed += 1;
                // The document can have changed since its state was read: it is then copied again
                // the next time.
                Listed { state, hash: copy(&source, to)? }
            }
        };
        manifest.insert(name, listed);
    }
    copied.documents = manifest.len() as u64;
    write_manifest(to, &manifest)?;
    let kept: BTreeSet<PathBuf> = manifest.values().map(|listed| file_of(to, listed)).collect();
    let gone = former.values().map(|listed| file_of(to, listed)).filter(|file| !kept.contains(file));
    for gone in gone {
        match fs::remove_file(&gone) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::io(&gone)(error)),
            _ => {}
        }
    }
    Ok(copied)
}

/// Returns the file of a copy.
fn file_of(folder: &Path, listed: &Listed) -> PathBuf {
    folder.join(FILES).join(&listed.hash)
}

/// Restores a copy to a directory that does not exist. Every document gets a new home peer, because
/// clients may know events of the former one that the copy lacks.
///
/// # Errors
///
/// [`Error::Damaged`] for a file whose hash is not that of the manifest; [`Error::Io`] if the
/// directory exists, or if a file cannot be read or written. The directory is then not created.
pub fn restore(from: impl AsRef<Path>, data: impl AsRef<Path>) -> Result<Copied, Error> {
    let (from, data) = (from.as_ref(), data.as_ref());
    let manifest = read_manifest(from).map_err(|error| match error {
        Error::Io { path, source } if source.kind() == ErrorKind::NotFound => {
            let why = "there is no backup here";
            Error::io(&path)(io::Error::new(ErrorKind::NotFound, why))
        }
        other => other,
    })?;
    if data.try_exists().map_err(Error::io(data))? {
        let why = "the directory exists; move it away, or restore to another one";
        return Err(Error::io(data)(io::Error::new(ErrorKind::AlreadyExists, why)));
    }
    let letters = random::random_letters().map_err(Error::io(data))?;
    let mut name = data.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{letters}"));
    let unfinished = data.with_file_name(name);
    let restored = fill(from, &unfinished, &manifest)
        .and_then(|()| fs::rename(&unfinished, data).map_err(Error::io(data)))
        .and_then(|()| folder::sync_for(data));
    if restored.is_err() {
        // The error of the restore is the one to report.
        let _ = fs::remove_dir_all(&unfinished);
    }
    let documents = manifest.len() as u64;
    restored.map(|()| Copied { documents, changed: documents })
}

/// Copies the files of a manifest, and draws new home peers.
fn fill(from: &Path, to: &Path, manifest: &Manifest) -> Result<(), Error> {
    fs::create_dir_all(to.join("docs")).map_err(Error::io(to))?;
    for (name, listed) in manifest {
        let (source, target) = (file_of(from, listed), to.join(name));
        folder::create_for(&target)?;
        fs::copy(&source, &target).map_err(Error::io(&source))?;
        if hash(&target)? != listed.hash {
            return Err(Error::damaged(&source, "its hash is not that of the manifest"));
        }
        if name.ends_with(".db") {
            let (mut file, _) = File::open(&target, Sync::Full)?;
            file.renew_home_peer(HOME)?;
            drop(file);
            File::settle(&target)?;
        }
        fs::File::open(&target).and_then(|file| file.sync_all()).map_err(Error::io(&target))?;
        folder::sync_for(&target)?;
    }
    Ok(())
}

/// Returns the files of documents, with their paths in the directory.
fn files(data: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut files = Vec::new();
    let read = |folder: &Path| -> Result<Vec<(String, PathBuf)>, Error> {
        let named = |entry: fs::DirEntry| Some((entry.file_name().into_string().ok()?, entry.path()));
        let entries =
            fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(Error::io(folder))?;
        Ok(entries.into_iter().filter_map(named).collect())
    };
    for (folder, path) in read(&data.join("docs"))? {
        for (name, path) in read(&path)? {
            if name.ends_with(".db") || name.ends_with(".db.deleted") {
                files.push((format!("docs/{folder}/{name}"), path));
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Returns the state of a file, or `None` if it was renamed or removed.
fn state_of(path: &Path) -> Result<Option<String>, Error> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Error::io(path))?,
    };
    if path.extension().is_some_and(|extension| extension == "db") {
        return File::state_of(path).map(Some);
    }
    let modified = metadata.modified().map_err(Error::io(path))?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(Some(format!("deleted {} {}", since.as_nanos(), metadata.len())))
}

/// Copies a file as it is at one moment to the folder of a copy. Returns its hash.
fn copy(source: &Path, to: &Path) -> Result<String, Error> {
    let files = to.join(FILES);
    folder::create_for(&files.join("any"))?;
    let temporary = folder::temporary_file(&files).map_err(Error::io(&files))?;
    if source.extension().is_some_and(|extension| extension == "db") {
        File::copy(source, temporary.path())?;
    } else {
        fs::copy(source, temporary.path()).map_err(Error::io(source))?;
    }
    let hash = hash(temporary.path())?;
    let target = files.join(&hash);
    fs::File::open(temporary.path()).and_then(|file| file.sync_all()).map_err(Error::io(&target))?;
    temporary.persist(&target).map_err(|error| Error::io(&target)(error.error))?;
    folder::sync_for(&target)?;
    Ok(hash)
}

fn hash(path: &Path) -> Result<String, Error> {
    let read = || -> io::Result<String> {
        let (mut file, mut hasher, mut buffer) = (fs::File::open(path)?, Sha256::new(), vec![0; 1 << 16]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
                len => hasher.update(&buffer[..len]),
            }
        }
    };
    read().map_err(Error::io(path))
}

fn read_manifest(folder: &Path) -> Result<Manifest, Error> {
    let path = folder.join(MANIFEST);
    let text = fs::read(&path).map_err(Error::io(&path))?;
    let parse = || -> Option<Manifest> {
        let json: Json = serde_json::from_slice(&text).ok()?;
        let files = (json.get("version")?.as_u64()? == VERSION).then(|| json.get("files")?.as_object())??;
        let listed = |listed: &Json| {
            let text = |name: &str| Some(listed.get(name)?.as_str()?.to_owned());
            let hash =
                text("sha256").filter(|hash| hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()));
            Some(Listed { state: text("state")?, hash: hash? })
        };
        // A path that leads out of the folder is not one that `backup` wrote.
        let is_inside = |name: &str| name.starts_with("docs/") && !name.contains("..") && !name.contains('\\');
        files.iter().map(|(name, value)| is_inside(name).then(|| Some((name.clone(), listed(value)?)))?).collect()
    };
    parse().ok_or_else(|| Error::damaged(&path, "it is no manifest of this version"))
}

fn write_manifest(folder: &Path, manifest: &Manifest) -> Result<(), Error> {
    let path = folder.join(MANIFEST);
    fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let files: serde_json::Map<String, Json> = manifest
        .iter()
        .map(|(name, Listed { state, hash })| (name.clone(), json!({ "state": state, "sha256": hash })))
        .collect();
    let text = format!("{:#}\n", json!({ "version": VERSION, "files": files }));
    let write = || -> io::Result<()> {
        let mut temporary = folder::temporary_file(folder)?;
        temporary.write_all(text.as_bytes())?;
        temporary.as_file().sync_all()?;
        temporary.persist(&path).map(drop).map_err(|error| error.error)
    };
    write().map_err(Error::io(&path))?;
    folder::sync_for(&path)
}
