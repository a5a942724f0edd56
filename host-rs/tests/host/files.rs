//! Files: whole before and after, whatever happens between.

use converge::file::{self, Replacement};
use converge::{Doc, Error};
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// A folder of its own for a test.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder for the test")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

/// The kind of the error, and that it names the file.
fn kind_of<T: std::fmt::Debug>(outcome: Result<T, Error>, named: &Path) -> ErrorKind {
    match outcome {
        Err(Error::File { path, source }) if path == named => source.kind(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn documents_survive_in_files() -> Result<(), Error> {
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
fn files_that_cannot_be_read_or_written_are_named() -> Result<(), Error> {
    let folder = folder();
    let (missing, below) = (folder.path().join("none"), folder.path().join("none/none"));
    let doc = Doc::create("ann")?;
    assert_eq!(kind_of(Doc::load_file("ann", &missing), &missing), ErrorKind::NotFound);
    assert_eq!(kind_of(doc.save_file(&below), &below), ErrorKind::NotFound);
    assert_eq!(kind_of(doc.save_file(folder.path()), folder.path()), ErrorKind::IsADirectory);
    let error = Doc::load_file("ann", &missing).expect_err("no file").to_string();
    assert!(error.starts_with(&missing.display().to_string()), "{error}");

    fs::write(&missing, "PK").expect("written");
    assert!(matches!(Doc::load_file("ann", &missing), Err(Error::Corrupt(_))));
    assert_eq!(names(folder.path()), ["none"]);
    Ok(())
}

#[test]
fn what_is_not_committed_leaves_no_trace() -> io::Result<()> {
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
fn of_several_who_write_one_stays_whole() -> io::Result<()> {
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
        writers.into_iter().try_for_each(|writer| writer.join().expect("a writer ends"))
    })?;
    assert_eq!(names(folder.path()), ["file"]);
    Ok(())
}

#[test]
fn a_file_marked_as_not_to_be_written_stays() -> io::Result<()> {
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
fn files_beyond_any_instance_are_not_even_read() -> io::Result<()> {
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

    fn replace(path: &Path) -> io::Result<()> {
        let mut replacement = Replacement::of(path)?;
        replacement.write_all(b"new")?;
        replacement.commit()
    }

    #[test]
    fn permissions_stay_and_new_files_have_the_usual_ones() -> io::Result<()> {
        let folder = folder();
        let (path, usual) = (folder.path().join("file"), folder.path().join("usual"));
        fs::write(&usual, "")?;
        replace(&path)?;
        assert_eq!(fs::metadata(&path)?.mode(), fs::metadata(&usual)?.mode());
        for mode in [0o600, 0o640, 0o666, 0o755] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
            replace(&path)?;
            assert_eq!(fs::metadata(&path)?.mode() & 0o7777, mode);
        }
        // Where the test may give files away, they stay with whom they were given to.
        if chown(&path, Some(4_711), Some(4_712)).is_ok() {
            replace(&path)?;
            let metadata = fs::metadata(&path)?;
            assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), (4_711, 4_712, 0o755));
        }
        Ok(())
    }

    #[test]
    fn links_stay_and_what_they_lead_to_is_replaced() -> io::Result<()> {
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
