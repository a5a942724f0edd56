//! `converge verify`, `converge backup` and `converge restore`.

use super::{folder, run, stderr_of, stdout_of};
use converge::Instance;
use converge_storage::{Directory, Options, StoredDoc, Update};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Writes a row to a document, and stores it.
fn write(board: &mut StoredDoc, row: &str) -> Outcome {
    let summary = board.doc().summary()?;
    board.doc().insert("tasks", row, [("title", "Buy milk")])?;
    let update = board.doc().update_since(&summary)?;
    board.store(&[Update::new("", &update)])?;
    Ok(())
}

#[test]
fn a_missing_file_is_named() {
    let folder = folder();
    let refused = stderr_of(folder.path(), &["verify", "none.db"]);
    assert!(refused.contains("none.db"), "{refused}");
}

#[test]
fn a_mirror_that_differs_is_repaired_on_request() -> Outcome {
    let (folder, instance) = (folder(), Instance::new(Default::default())?);
    let path = folder.path().join("board.db");
    let mut board = StoredDoc::create(&path, "board", &instance, &Options::default())?;
    write(&mut board, "t1")?;
    drop(board);
    assert_eq!(stdout_of(folder.path(), &["verify", "board.db"]), "1 rows, 0 differ\n");
    // Other programs cannot write rows, but can damage a file: here, the text of a cell.
    let mut bytes = std::fs::read(&path)?;
    let found: Vec<usize> = (0..=bytes.len() - 8).filter(|&at| bytes[at..].starts_with(b"Buy milk")).collect();
    // Once in the mirror table; the bytes of the document contain it too.
    let mut seen = Vec::new();
    for at in found {
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes)?;
        let (code, stdout, stderr) = run(folder.path(), &["verify", "board.db"]);
        seen.push(format!("{code:?} {stdout}{stderr}"));
        if stdout.contains("1 differ") {
            assert_eq!(code, Some(1));
            assert!(
                stdout.starts_with("table \"tasks\", row \"t1\": has other cells in the mirror table\n"),
                "{stdout}"
            );
            let repaired = stdout_of(folder.path(), &["verify", "board.db", "--repair"]);
            assert!(repaired.ends_with("1 rows, 1 differ\nrepaired\n"), "{repaired}");
            assert_eq!(stdout_of(folder.path(), &["verify", "board.db"]), "1 rows, 0 differ\n");
            return Ok(());
        }
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes)?;
    }
    panic!("no text of the mirror table was found: {seen:?}");
}

#[test]
fn a_directory_is_copied_and_restored() -> Outcome {
    let (folder, instance) = (folder(), Instance::new(Default::default())?);
    let directory = Directory::open(folder.path().join("data"))?;
    let mut board = directory.create("board", &instance, &Options::default())?;
    write(&mut board, "t1")?;
    let backup = ["backup", "--data", "data", "--to", "copy"];
    assert_eq!(stdout_of(folder.path(), &backup), "documents: 1, copied: 1\n");
    assert_eq!(stdout_of(folder.path(), &backup), "documents: 1, copied: 0\n");
    let restore = ["restore", "--from", "copy", "--data", "new"];
    assert_eq!(stdout_of(folder.path(), &restore), "documents restored: 1\n");
    let refused = stderr_of(folder.path(), &restore);
    assert!(refused.contains("new: "), "{refused}");
    let restored = Directory::open(folder.path().join("new"))?.load("board", &instance, &Options::default())?;
    assert_eq!(restored.doc().digest()?, board.doc().digest()?);
    let (code, _, stderr) = run(folder.path(), &["backup", "--data", "data"]);
    assert_eq!((code, stderr.lines().next()), (Some(2), Some("converge: --to is missing")));
    Ok(())
}
