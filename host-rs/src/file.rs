//! Files that are whole at any time: what they held before, or what they hold now, and nothing in between.
//!
//! Knows no documents: [`Doc::save_file`](crate::Doc::save_file) writes by it, and so can whoever has bytes to keep.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The maximum size in bytes of a file that [`read`] reads. No instance holds more.
pub const MAX_BYTES: u64 = 4 << 30;

/// The bytes of a file, of at most [`MAX_BYTES`].
///
/// # Errors
///
/// Where it cannot be read or is larger.
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let too_large = || io::Error::new(ErrorKind::FileTooLarge, format!("it has more than {MAX_BYTES} bytes"));
    let expected = file.metadata()?.len();
    if expected > MAX_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // What the system says of the size may be wrong, of a device for one.
    bytes.try_reserve_exact(usize::try_from(expected).unwrap_or(0))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES { Err(too_large()) } else { Ok(bytes) }
}

/// New content for a file, which takes its place all at once by [`commit`](Self::commit). Dropped before, it leaves the
/// file as it was. Who reads meanwhile reads the old content; of several who write, the last one's stays, whole.
///
/// The content is written to a new file in the same folder, with a name by chance, so that no other process or thread
/// has the same one. A process that is killed leaves that file behind, and a machine that loses power may.
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
    /// Where links lead.
    target: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl Replacement {
    /// New content for the file at `path`, which may exist. Where it is a link, what it leads to is replaced. On Unix an
    /// existing file's permissions stay, and its owner and group where the system allows that; a group that cannot stay
    /// gets the permissions of others. A new file's permissions are those that the system gives new files.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be written to; where `path` is something other than a file, is marked as not to be
    /// written, or is a link that leads nowhere.
    pub fn of(path: impl AsRef<Path>) -> io::Result<Self> {
        let target = resolve(path.as_ref())?;
        let existing = metadata(&target)?;
        // The parent of a bare name is empty, which is no folder to the system.
        let folder = folder_of(&target);
        let file = create(folder, existing.as_ref())?;
        Ok(Self { target, file: BufWriter::new(file) })
    }

    /// Puts the content in its place, and returns when it is on the disk, as far as the system tells.
    ///
    /// # Errors
    ///
    /// Where it cannot be written; the file is as it was then. Where only the folder cannot be brought to the disk, the
    /// content is in its place already.
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

/// Where the path leads; the path itself where nothing is there.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::symlink_metadata(path) {
            Ok(_) => Err(io::Error::new(ErrorKind::NotFound, "a link that leads nowhere")),
            Err(_) => Ok(path.to_owned()),
        },
        resolved => resolved,
    }
}

/// That of the file that is to be replaced, where there is one.
fn metadata(target: &Path) -> io::Result<Option<Metadata>> {
    let metadata = match fs::metadata(target) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    if metadata.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not a file that can be replaced"));
    }
    if metadata.permissions().readonly() {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "marked as not to be written"));
    }
    Ok(Some(metadata))
}

fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(unix)]
fn create(folder: &Path, existing: Option<&Metadata>) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    let mut builder = tempfile::Builder::new();
    builder.prefix(".converge-");
    let Some(existing) = existing else {
        // What the system's mask takes away of this is taken away.
        return builder.permissions(fs::Permissions::from_mode(0o666)).tempfile_in(folder);
    };
    // Nobody else reads it before it has the permissions of the one that it replaces.
    let file = builder.tempfile_in(folder)?;
    let created = file.as_file().metadata()?;
    let mut mode = existing.mode() & 0o777;
    if created.uid() != existing.uid() {
        // Only the system's administrator may; everybody else owns what they write.
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

/// Brings to the disk that the folder has a new file.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some file systems have nothing to do here, and say it by these.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Only Unix opens folders.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
