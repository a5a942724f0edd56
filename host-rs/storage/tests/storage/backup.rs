//! Copies of a directory that is in use.

use crate::{Outcome, write};
use converge::{Instance, RowOp};
use converge_storage::{Directory, Error, Options, backup, restore};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The files of a folder, with their content.
fn files(folder: &Path) -> std::io::Result<BTreeMap<std::path::PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.insert(path.clone(), fs::read(path)?);
        }
    }
    Ok(found)
}

#[test]
fn a_copy_of_documents_in_use_can_be_restored() -> Outcome {
    let (folder, instance) = (tempfile::tempdir()?, Instance::new(Default::default())?);
    let (data, copy, restored) = (folder.path().join("data"), folder.path().join("copy"), folder.path().join("new"));
    let directory = Directory::open(&data)?;
    let ann = instance.doc("ann")?;
    let options = &Options::default();
    let names = ["a", "b", "deleted"];
    let mut boards = names.map(|name| directory.create(name, &instance, options).expect("a new document"));
    for (number, board) in boards.iter_mut().enumerate() {
        write(&ann, board, [RowOp::insert("t", "r", [("n", number as i64)])])?;
    }
    let [mut a, b, deleted] = boards;
    drop(deleted);
    directory.delete("deleted")?;
    let counts = |copied: converge_storage::Copied| (copied.documents, copied.changed);
    assert_eq!(counts(backup(&data, &copy)?), (3, 3));
    assert_eq!(counts(backup(&data, &copy)?), (3, 0));
    write(&ann, &mut a, [RowOp::insert("t", "s", [("n", 7)])])?;
    assert_eq!(counts(backup(&data, &copy)?), (3, 1));

    assert_eq!(counts(restore(&copy, &restored)?), (3, 3));
    let other = Directory::open(&restored)?;
    assert_eq!(other.names("")?, ["a", "b"]);
    for (name, board) in [("a", &a), ("b", &b)] {
        let again = other.load(name, &instance, options)?;
        assert_eq!(again.doc().digest()?, board.doc().digest()?, "{name}");
        assert_eq!((again.incarnation(), again.sequence()), (board.incarnation(), board.sequence()));
        // No counter of the former home peer comes again.
        assert_ne!(again.doc().peer()?, board.doc().peer()?);
        assert!(again.verify()?.is_right());
    }
    assert!(other.undelete("deleted")?);
    assert!(other.load("deleted", &instance, options)?.doc().get("t", "r")?.is_some());

    directory.forget("deleted")?;
    assert_eq!(counts(backup(&data, &copy)?), (2, 0));
    assert_eq!(files(&copy)?.len(), 3, "two documents and the manifest");
    Ok(())
}

#[test]
fn an_interrupted_copy_leaves_the_former_one() -> Outcome {
    let (folder, instance) = (tempfile::tempdir()?, Instance::new(Default::default())?);
    let (data, copy, restored) = (folder.path().join("data"), folder.path().join("copy"), folder.path().join("new"));
    let directory = Directory::open(&data)?;
    let ann = instance.doc("ann")?;
    let mut board = directory.create("board", &instance, &Options::default())?;
    write(&ann, &mut board, [RowOp::insert("t", "r", [("n", 1)])])?;
    backup(&data, &copy)?;
    let before = ann.digest()?;
    write(&ann, &mut board, [RowOp::insert("t", "s", [("n", 2)])])?;
    // The last of the files cannot be copied.
    fs::create_dir(data.join("docs/zz"))?;
    fs::write(data.join("docs/zz/other.db"), "no document")?;
    let failed = backup(&data, &copy);
    assert!(matches!(failed, Err(Error::NotADocument { .. })), "{failed:?}");
    restore(&copy, &restored)?;
    let former = Directory::open(&restored)?.load("board", &instance, &Options::default())?;
    assert_eq!(former.doc().digest()?, before);
    fs::remove_file(data.join("docs/zz/other.db"))?;
    backup(&data, &copy)?;
    assert_eq!(files(&copy)?.len(), 2, "the document and the manifest");
    Ok(())
}

#[test]
fn a_damaged_copy_is_not_restored() -> Outcome {
    let (folder, instance) = (tempfile::tempdir()?, Instance::new(Default::default())?);
    let (data, copy, restored) = (folder.path().join("data"), folder.path().join("copy"), folder.path().join("new"));
    let directory = Directory::open(&data)?;
    drop(directory.create("a", &instance, &Options::default())?);
    backup(&data, &copy)?;
    let whole = files(&copy)?;
    let manifest = copy.join("manifest.json");
    for (path, content) in &whole {
        let mut damaged = content.clone();
        damaged[content.len() / 2] ^= 1;
        fs::write(path, &damaged)?;
        let refused = restore(&copy, &restored).unwrap_err();
        assert!(matches!(refused, Error::Damaged { .. } | Error::Io { .. }), "{}: {refused}", path.display());
        fs::write(path, content)?;
    }
    let text = String::from_utf8(whole[&manifest].clone())?;
    for changed in
        [text.replace("docs/", "docs/../../"), text.replace("\"version\": 1", "\"version\": 2"), String::new()]
    {
        fs::write(&manifest, changed)?;
        assert!(matches!(restore(&copy, &restored), Err(Error::Damaged { .. })));
    }
    fs::remove_file(&manifest)?;
    assert!(matches!(restore(&copy, &restored), Err(Error::Io { .. })));
    // A failed restore leaves nothing behind.
    assert_eq!(fs::read_dir(folder.path())?.count(), 2);
    fs::write(&manifest, text)?;
    restore(&copy, &restored)?;
    assert!(matches!(restore(&copy, &restored), Err(Error::Io { .. })), "the directory exists");
    Ok(())
}
