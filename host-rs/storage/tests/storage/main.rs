//! Documents in files: what is stored, what other programs read, and what happens to damaged files.

#![expect(clippy::print_stdout, reason = "a child process reports to the test that started it")]

mod backup;
mod damage;
mod directory;
mod faults;
mod kill;
mod mirror;

use converge::{Doc, Instance, RowOp, Value};
use converge_storage::{Error, MIRROR_COLUMNS, MIRROR_TABLES, Options, SNAPSHOT_UPDATES, StoredDoc, Update};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A folder for one file, and an instance for its documents.
struct Place {
    folder: TempDir,
    instance: Instance,
}

impl Place {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self { folder: tempfile::tempdir()?, instance: Instance::new(Default::default())? })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("board.db")
    }

    fn create(&self) -> Result<StoredDoc, Error> {
        StoredDoc::create(self.path(), "board", &self.instance, &Options::default())
    }

    fn open(&self) -> Result<StoredDoc, Error> {
        StoredDoc::open(self.path(), &self.instance, &Options::default())
    }
}

/// Commits these operations as `writer`, and stores them in a document.
fn write(writer: &Doc, board: &mut StoredDoc, ops: impl IntoIterator<Item = RowOp>) -> Result<u64, Error> {
    writer.commit(ops)?;
    let update = writer.update_since(&board.doc().summary()?)?;
    board.doc().merge_update(&update)?;
    board.store(&[Update::new("ann", &update)]).map(|stored| stored.sequence)
}

#[test]
fn what_was_stored_is_there_after_a_restart() -> Outcome {
    let place = Place::new()?;
    let ann = place.instance.doc("ann")?;
    let mut board = place.create()?;
    let names = (board.name().to_owned(), board.incarnation().to_owned(), board.doc().peer()?);
    assert_eq!(names.0, "board");
    for number in 1..=SNAPSHOT_UPDATES + 10 {
        let row = format!("t{}", number % 7);
        assert_eq!(write(&ann, &mut board, [RowOp::insert("tasks", row, [("number", number as i64)])])?, number);
    }
    drop(board);

    let mut board = place.open()?;
    assert_eq!(names, (board.name().to_owned(), board.incarnation().to_owned(), board.doc().peer()?));
    assert_eq!(board.sequence(), SNAPSHOT_UPDATES + 10);
    assert_eq!((board.doc().digest()?, board.doc().version()?), (ann.digest()?, ann.version()?));
    assert!(board.verify()?.is_right());
    // A snapshot bounds the log.
    let log: u64 = reader(&place.path())?.query_row("SELECT count(*) FROM _converge_updates", [], |row| row.get(0))?;
    assert_eq!(log, 10);

    // The home peer continues where it was.
    let summary = board.doc().summary()?;
    board.doc().insert("tasks", "home", [("number", 0)])?;
    let update = board.doc().update_since(&summary)?;
    board.store(&[Update::new("", &update)])?;
    drop(board);
    let board = place.open()?;
    assert_eq!(board.doc().get("tasks", "home")?.map(|cells| cells.len()), Some(1));
    let event = board.doc().insert("tasks", "next", [("number", 1)])?;
    assert_eq!((event.peer, event.counter), (names.2, 1));
    Ok(())
}

#[test]
fn a_document_is_created_once() -> Outcome {
    let place = Place::new()?;
    let board = place.create()?;
    let again = place.create().map(drop);
    assert!(matches!(&again, Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists));
    drop(board);
    assert_eq!(place.open()?.sequence(), 0);
    let missing = StoredDoc::open(place.folder.path().join("none.db"), &place.instance, &Options::default());
    assert!(matches!(missing.map(drop), Err(Error::Sqlite { .. })));
    // No temporary file is left.
    let left: Vec<_> = std::fs::read_dir(place.folder.path())?.collect::<Result<_, _>>()?;
    assert_eq!(left.len(), 1, "{left:?}");
    Ok(())
}

#[test]
fn a_second_writer_is_noticed() -> Outcome {
    let place = Place::new()?;
    let (ann, mut board) = (place.instance.doc("ann")?, place.create()?);
    let mut other = place.open()?;
    write(&ann, &mut board, [RowOp::insert("tasks", "t1", [("n", 1)])])?;
    for refused in [write(&ann, &mut other, [RowOp::insert("tasks", "t2", [("n", 2)])]).map(drop), other.repair()] {
        assert!(matches!(refused, Err(Error::InUse { .. } | Error::Stopped { .. })), "{refused:?}");
    }
    write(&ann, &mut board, [RowOp::insert("tasks", "t3", [("n", 3)])])?;
    drop((board, other));
    let board = place.open()?;
    assert_eq!((board.doc().digest()?, board.sequence(), board.verify()?.is_right()), (ann.digest()?, 2, true));
    Ok(())
}

#[test]
fn other_files_are_rejected_and_stay_as_they_are() -> Outcome {
    let place = Place::new()?;
    for content in [&b""[..], b"hello", &[0; 8192]] {
        std::fs::write(place.path(), content)?;
        let refused = place.open().map(drop);
        assert!(matches!(refused, Err(Error::NotADocument { .. })), "{refused:?}");
        assert_eq!(std::fs::read(place.path())?, content);
    }
    std::fs::remove_file(place.path())?;
    drop(place.create()?);
    let other = rusqlite::Connection::open(place.path())?;
    other.pragma_update(None, "user_version", 2)?;
    drop(other);
    let refused = place.open().map(drop);
    assert!(matches!(refused, Err(Error::Newer { version: 2, known: 1, .. })), "{refused:?}");
    Ok(())
}

/// `docs/storage.md` has the numbers of the code and of the files.
#[test]
fn the_documentation_has_the_numbers() -> Outcome {
    let place = Place::new()?;
    drop(place.create()?);
    let pragma = |name: &str| reader(&place.path())?.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let page = include_str!("../../../../docs/storage.md");
    for (number, words) in [
        (pragma("application_id")?, "`application_id` is {}"),
        (pragma("user_version")?, "`user_version` is {}"),
        (SNAPSHOT_UPDATES as u32, "After {} updates"),
        (MIRROR_COLUMNS as u32, "at most {} columns"),
        (MIRROR_TABLES as u32, "at most {} mirror tables"),
    ] {
        let grouped: Vec<String> =
            number.to_string().as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).map(Into::into).collect();
        let words = words.replace("{}", &grouped.join(","));
        assert!(page.contains(&words), "{words:?} is not in docs/storage.md");
    }
    Ok(())
}

/// Opens a file as any SQLite program does.
fn reader(path: &Path) -> rusqlite::Result<rusqlite::Connection> {
    rusqlite::Connection::open(path)
}

/// Returns values of all types, with those that are difficult to store.
fn values() -> Vec<Value> {
    let reals = [0.5, -0.0, 1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324, 1e300];
    let texts = ["", "a\0b", "\u{feff}", "\u{10ffff}", "it's \"quoted\""];
    let blobs: [&[u8]; 3] = [b"", b"\0", &[0xff; 300]];
    let integers = [0, 1, -1, i64::MIN, i64::MAX];
    let mut values = vec![Value::Null, true.into(), false.into()];
    values.extend(integers.map(Value::from));
    values.extend(reals.map(Value::from));
    values.extend(texts.map(Value::from));
    values.extend(blobs.map(Value::from));
    values
}
