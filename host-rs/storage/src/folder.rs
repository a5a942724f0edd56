//! Folders of files: created, and synced, so that names of files are durable.

use crate::Error;
use std::fs;
use std::io;
use std::path::Path;
use tempfile::NamedTempFile;

/// Returns the folder of a file.
pub(crate) fn of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Creates the folder of a file.
pub(crate) fn create_for(file: &Path) -> Result<(), Error> {
    let folder = of(file);
    fs::create_dir_all(folder).map_err(Error::io(folder))?;
    sync_for(folder)
}

/// Makes the name of a file, or its absence, durable.
pub(crate) fn sync_for(file: &Path) -> Result<(), Error> {
    let folder = of(file);
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io(folder))
}

/// Creates a temporary file with the permissions of other new files.
pub(crate) fn temporary_file(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(".new-").tempfile_in(folder)
}
