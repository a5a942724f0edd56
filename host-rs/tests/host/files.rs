//! Tests of files: saving and loading documents, and the atomic replacement of files.

use converge::file::{self, Replacement};
use converge::{Doc, Error};
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Creates a temporary folder.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be created")
}

/// Returns the sorted names of the files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(folder).expect("the folder exists").map(|entry| entry.expect("the entry can be read").file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

/// Returns the kind of the error, which must name the file.
fn kind_of<T: std::fmt::Debug>(outcome: Result<T, Error>, named: &Path) -> ErrorKind {
    match outcome {
        Err(Error::File { path, source }) if path == named => source.kind(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn saved_documents_are_loaded_from_files() -> Result<(), Error> {
    let folder = folder();
    let path = folder.path().join("people.converge");
    let doc = Doc::create("ann")?;
    for age in 30..33 {
        doc.insert("people", "p1", [("age", age)])?;
        doc.save_file(&path)?;
        let loaded = Doc::load_file("ann", &path)?;
        assert_eq!(loaded.save()?, doc.save()?);
    }
    assert_eq!(names(folder.path()), ["people.converge"]);
    Ok(())
}

#[test]
fn errors_name_the_file_that_cannot_be_read_or_written() -> Result<(), Error> {
    let folder = folder();
    let (missing, below) = (folder.path().join("none"), folder.path().join("none/none"));
    let doc = Doc::create("ann")?;
    assert_eq!(kind_of(Doc::load_file("ann", &missing), &missing), ErrorKind::NotFound);
    assert_eq!(kind_of(doc.save_file(&below), &below), ErrorKind::NotFound);
    assert_eq!(kind_of(doc.save_file(folder.path()), folder.path()), ErrorKind::IsADirectory);
    let error = Doc::load_file("ann", &missing).expect_err("the file does not exist").to_string();
    assert!(error.starts_with(&missing.display().to_string()), "{error}");

    fs::write(&missing, "PK").expect("the file can be written");
    assert!(matches!(Doc::load_file("ann", &missing), Err(Error::Corrupt(_))));
    assert_eq!(names(folder.path()), ["none"]);
    Ok(())
}

#[test]
fn a_dropped_replacement_leaves_the_old_file() -> io::Result<()> {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "old")?;
    let mut replacement = Replacement::of(&path)?;
    replacement.write_all(&[7; 100_000])?;
    replacement.flush()?;
    assert_eq!(fs::read(&path)?, b"old");
    assert_eq!(names(folder.path()).len(), 2);
    drop(replacement);
    assert_eq!(fs::read(&path)?, b"old");
    assert_eq!(names(folder.path()), ["file"]);
    Ok(())
}

#[test]
fn concurrent_writers_replace_the_file_atomically() -> io::Result<()> {
    let folder = folder();
    let path = folder.path().join("file");
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8_u8)
            .map(|writer| {
                let path = &path;
                scope.spawn(move || {
                    (0..20).try_for_each(|_| {
                        let mut replacement = Replacement::of(path)?;
                        replacement.write_all(&[writer; 50_000])?;
                        replacement.commit()?;
                        let read = fs::read(path)?;
                        assert_eq!(read, [read[0]; 50_000]);
                        io::Result::Ok(())
                    })
                })
            })
            .collect();
        writers.into_iter().try_for_each(|writer| writer.join().expect("the writer does not panic"))
    })?;
    assert_eq!(names(folder.path()), ["file"]);
    Ok(())
}

#[test]
fn a_read_only_file_is_not_replaced() -> io::Result<()> {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "old")?;
    let mut permissions = fs::metadata(&path)?.permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions)?;
    assert_eq!(Replacement::of(&path).map(drop).map_err(|error| error.kind()), Err(ErrorKind::PermissionDenied));
    assert_eq!(names(folder.path()), ["file"]);
    Ok(())
}

#[test]
fn files_larger_than_the_maximum_are_not_read() -> io::Result<()> {
    let folder = folder();
    let path = folder.path().join("file");
    fs::File::create(&path)?.set_len(file::MAX_BYTES + 1)?;
    assert_eq!(kind_of(Doc::load_file("ann", &path), &path), ErrorKind::FileTooLarge);
    Ok(())
}

#[cfg(unix)]
mod unix {
    use super::{folder, names};
    use converge::file::Replacement;
    use std::fs;
    use std::io::{self, ErrorKind, Write};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
    use std::path::Path;

    /// Replaces the content of a file with `new`.
    fn replace(path: &Path) -> io::Result<()> {
        let mut replacement = Replacement::of(path)?;
        replacement.write_all(b"new")?;
        replacement.commit()
    }

    #[test]
    fn permissions_are_kept_and_new_files_have_the_default_permissions() -> io::Result<()> {
        let folder = folder();
        let (path, default) = (folder.path().join("file"), folder.path().join("default"));
        fs::write(&default, "")?;
        replace(&path)?;
        assert_eq!(fs::metadata(&path)?.mode(), fs::metadata(&default)?.mode());
        for mode in [0o600, 0o640, 0o666, 0o755] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
            replace(&path)?;
            assert_eq!(fs::metadata(&path)?.mode() & 0o7777, mode);
        }
        // If the test may change the owner of a file, the new file keeps that owner.
        if chown(&path, Some(4_711), Some(4_712)).is_ok() {
            replace(&path)?;
            let metadata = fs::metadata(&path)?;
            assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), (4_711, 4_712, 0o755));
        }
        Ok(())
    }

    #[test]
    fn links_are_kept_and_their_targets_are_replaced() -> io::Result<()> {
        let folder = folder();
        let (path, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&path, "old")?;
        symlink("file", &link)?;
        replace(&link)?;
        assert!(fs::symlink_metadata(&link)?.is_symlink());
        assert_eq!(fs::read(&path)?, b"new");

        fs::remove_file(&path)?;
        assert_eq!(replace(&link).map_err(|error| error.kind()), Err(ErrorKind::NotFound));
        assert_eq!(names(folder.path()), ["link"]);
        assert_eq!(replace(Path::new("/dev/null")).map_err(|error| error.kind()), Err(ErrorKind::InvalidInput));
        Ok(())
    }
}
