//! A directory with many documents.

use crate::{Outcome, write};
use converge::{Instance, RowOp};
use converge_storage::{Directory, Error, Options, Presence};
use std::fs;
use std::time::{Duration, SystemTime};

#[test]
fn documents_have_files_of_their_own() -> Outcome {
    let (folder, instance) = (tempfile::tempdir()?, Instance::new(Default::default())?);
    let directory = Directory::open(folder.path().join("data"))?;
    let long = "é".repeat(300);
    let (other_end, capitals) = (format!("{long}!"), "Board/1".to_owned());
    let names = ["", ".", "..", "board/1", &*capitals, "board", &*long, &*other_end, "a%2fb", "a/b", "\0"];
    for (number, name) in names.iter().enumerate() {
        assert_eq!(directory.presence(name)?, Presence::Missing, "{name:?}");
        let mut board = directory.create(name, &instance, &Options::default())?;
        assert_eq!((board.name(), directory.presence(name)?), (*name, Presence::Present));
        let ann = instance.doc("ann")?;
        write(&ann, &mut board, [RowOp::insert("t", "r", [("n", number as i64)])])?;
    }
    for (number, name) in names.iter().enumerate() {
        let board = directory.load(name, &instance, &Options::default())?;
        assert_eq!(board.doc().get("t", "r")?.ok_or("no row")?[0].value, (number as i64).into(), "{name:?}");
    }
    let mut sorted = names.map(str::to_owned);
    sorted.sort();
    assert_eq!(directory.names("")?, sorted);
    assert_eq!(directory.names("board")?, ["board", "board/1"]);
    // Nothing is outside of the folders of the documents.
    let data = folder.path().join("data");
    let mut top: Vec<_> = fs::read_dir(&data)?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<_>>()?;
    top.sort();
    assert_eq!(top, ["docs", "lock"]);
    assert!(fs::read_dir(data.join("docs"))?.all(|entry| entry.is_ok_and(|entry| entry.file_name().len() == 2)));
    Ok(())
}

#[test]
fn one_process_at_a_time_opens_a_directory() -> Outcome {
    let folder = tempfile::tempdir()?;
    let directory = Directory::open(folder.path())?;
    let refused = Directory::open(folder.path()).map(drop);
    assert!(matches!(refused, Err(Error::InUse { .. })), "{refused:?}");
    drop(directory);
    Directory::open(folder.path())?;
    Ok(())
}

#[test]
fn a_deleted_document_can_be_restored_until_it_is_purged() -> Outcome {
    let (folder, instance) = (tempfile::tempdir()?, Instance::new(Default::default())?);
    let directory = Directory::open(folder.path())?;
    let options = &Options::default();
    assert!(!directory.delete("board")? && !directory.undelete("board")? && !directory.forget("board")?);
    let ann = instance.doc("ann")?;
    let mut board = directory.create("board", &instance, options)?;
    write(&ann, &mut board, [RowOp::insert("t", "r", [("n", 1)])])?;
    let incarnation = board.incarnation().to_owned();
    drop(board);

    let before = SystemTime::now() - Duration::from_secs(1);
    assert!(directory.delete("board")?);
    let presence = directory.presence("board")?;
    assert!(matches!(presence, Presence::Deleted(at) if at > before), "{presence:?}");
    assert_eq!(directory.names("")?, [""; 0]);
    for refused in [directory.load("board", &instance, options), directory.create("board", &instance, options)] {
        assert!(matches!(refused.map(drop), Err(Error::Deleted { .. })));
    }
    // A purge of what was deleted earlier leaves it.
    assert_eq!(directory.purge(before)?, 0);
    assert!(directory.undelete("board")?);
    let board = directory.load("board", &instance, options)?;
    assert_eq!((board.incarnation(), board.doc().digest()?), (&*incarnation, ann.digest()?));
    drop(board);

    assert!(directory.delete("board")?);
    assert_eq!(directory.purge(SystemTime::now() + Duration::from_secs(1))?, 1);
    assert_eq!(directory.purge(SystemTime::now() + Duration::from_secs(1))?, 0);
    assert!(matches!(directory.presence("board")?, Presence::Deleted(at) if at > before));
    assert!(matches!(directory.undelete("board"), Err(Error::NotADocument { .. })));
    assert!(directory.forget("board")?);
    assert_eq!(directory.presence("board")?, Presence::Missing);
    let board = directory.create("board", &instance, options)?;
    assert_ne!(board.incarnation(), incarnation);
    Ok(())
}
