//! Replaces files atomically: at any time a file has either its old content or its new content.
//!
//! [`Doc::save_file`](crate::Doc::save_file) uses this module. It does not depend on documents, so
//! programs can use it for other files.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The maximum size in bytes of a file that [`read`] reads. No instance has more memory.
pub const MAX_BYTES: u64 = 4 << 30;

/// Reads a file of at most [`MAX_BYTES`] bytes.
///
/// # Errors
///
/// Fails if the file cannot be read, and with [`ErrorKind::FileTooLarge`] if it is larger.
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let too_large =
        || io::Error::new(ErrorKind::FileTooLarge, format!("the file is larger than the maximum of {MAX_BYTES} bytes"));
    let expected = file.metadata()?.len();
    if expected > MAX_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // The size that the system reports can be wrong, for example for a device.
    bytes.try_reserve_exact(usize::try_from(expected).unwrap_or(0))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES { Err(too_large()) } else { Ok(bytes) }
}

/// New content for a file. [`commit`](Self::commit) replaces the old content atomically. Readers
/// see the old content until then. Dropping a `Replacement` discards the new content. If several
/// writers replace one file, the last commit wins.
///
/// The content is written to a temporary file in the same folder. The name of that file is random,
/// so that no other process or thread uses the same one. The temporary file is left behind if the
/// process is killed, and possibly if the machine loses power.
///
/// ```
/// use converge::file::Replacement;
/// use std::io::Write;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("greeting");
/// let mut greeting = Replacement::of(&path)?;
/// greeting.write_all(b"hello")?;
/// assert!(!path.exists());
/// greeting.commit()?;
/// assert_eq!(std::fs::read(&path)?, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Replacement {
    /// The file that is replaced, with links resolved.
    target: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl Replacement {
    /// Creates empty content for the file at `path`, which may exist. If `path` is a link, its
    /// target is replaced.
    ///
    /// On Unix an existing file keeps its permissions, and its owner and group if the system allows
    /// that. If the group cannot be kept, the new group gets only the permissions that all users
    /// have. A new file gets the system's default permissions.
    ///
    /// # Errors
    ///
    /// Fails if the folder is not writable, or if `path` is not a file, is read-only, or is a link
    /// to a missing file.
    pub fn of(path: impl AsRef<Path>) -> io::Result<Self> {
        let target = resolve(path.as_ref())?;
        let existing = metadata(&target)?;
        let folder = folder_of(&target);
        let file = create(folder, existing.as_ref())?;
        Ok(Self { target, file: BufWriter::new(file) })
    }

    /// Replaces the content of the file. Returns once the system reports that the new content is on
    /// disk.
    ///
    /// # Errors
    ///
    /// Fails if the content cannot be written; the file then has its old content. Also fails if the
    /// folder cannot be synced to disk; the file then has its new content.
    pub fn commit(self) -> io::Result<()> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&self.target).map_err(|error| error.error)?;
        sync_folder(folder_of(&self.target))
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Resolves links. Returns `path` itself if no file exists there.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::symlink_metadata(path) {
            Ok(_) => Err(io::Error::new(ErrorKind::NotFound, "the path is a link to a missing file")),
            Err(_) => Ok(path.to_owned()),
        },
        resolved => resolved,
    }
}

/// Returns the metadata of the file that is replaced, or `None` if it does not exist.
fn metadata(target: &Path) -> io::Result<Option<Metadata>> {
    let metadata = match fs::metadata(target) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    if metadata.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "the path is not a regular file"));
    }
    if metadata.permissions().readonly() {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "the file is read-only"));
    }
    Ok(Some(metadata))
}

/// Returns the folder of a file: `.` for a name without a folder, whose parent is the empty path.
fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(unix)]
fn create(folder: &Path, existing: Option<&Metadata>) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    let mut builder = tempfile::Builder::new();
    builder.prefix(".converge-");
    let Some(existing) = existing else {
        // The system applies its mask to these permissions.
        return builder.permissions(fs::Permissions::from_mode(0o666)).tempfile_in(folder);
    };
    // At first only this user can read the file. Then it gets the permissions of the old file.
    let file = builder.tempfile_in(folder)?;
    let created = file.as_file().metadata()?;
    let mut mode = existing.mode() & 0o777;
    if created.uid() != existing.uid() {
        // Only the administrator can change the owner. Other users own the files that they create.
        let _ = fchown(&file, Some(existing.uid()), None);
    }
    if created.gid() != existing.gid() && fchown(&file, None, Some(existing.gid())).is_err() {
        mode = (mode & 0o707) | ((mode & 0o007) << 3);
    }
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    Ok(file)
}

#[cfg(not(unix))]
fn create(folder: &Path, _existing: Option<&Metadata>) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(".converge-").tempfile_in(folder)
}

/// Syncs the folder, so that the new file's name is on disk.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // File systems that cannot sync folders report one of these errors.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Does nothing: only Unix can open folders and sync them.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
