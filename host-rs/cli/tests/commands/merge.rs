//! Tests of `converge merge`: merging documents and updates.

use super::{document, fact, folder, history, odd, stderr_of, stdout_of};
use converge::{Doc, Error};
use std::fs;

#[test]
fn merge_accepts_any_number_of_documents_and_updates() -> Result<(), Error> {
    let folder = folder();
    let events = history("yjs.history.tsv.gz");
    let whole = document(&events);
    let (early, middle) = (document(&events[..800]), document(&events[..1_500]));
    early.save_file(folder.path().join("early"))?;
    middle.save_file(folder.path().join("middle"))?;
    fs::write(folder.path().join("late"), whole.update_since(&middle.summary()?)?).expect("the file can be written");

    let shown = stdout_of(folder.path(), &["merge", "early", "late", "middle", "-o", "out"]);
    let expected = format!(
        "late: 0 applied, 0 duplicate\nmiddle: 1447 applied, 800 duplicate\nwaiting   0\ndigest    {}\n",
        whole.digest()?
    );
    assert_eq!(shown, expected);
    assert_eq!(fs::read(folder.path().join("out")).expect("the file exists"), whole.save()?);
    // The output replaces one of the merged files, and events are left waiting.
    let shown = stdout_of(folder.path(), &["merge", "-o", "early", "early", "late"]);
    assert_eq!(fact(&shown, "waiting"), "747");
    assert!(fact(&shown, "missing").contains(':'), "{shown}");
    let waiting = Doc::load_file("test", folder.path().join("early"))?;
    assert_eq!(waiting.merge_events([])?.waiting, 747);
    let shown = stdout_of(folder.path(), &["merge", "middle", "early", "--output", "out"]);
    assert!(shown.starts_with("early: 747 applied, 800 duplicate\nwaiting   0\n"), "{shown}");
    Ok(())
}

#[test]
fn merging_two_replicas_of_one_peer_keeps_both() -> Result<(), Error> {
    let folder = folder();
    for (name, text) in [("first", "one replica"), ("second", "another replica")] {
        let doc = Doc::create("ann")?;
        doc.insert("notes", name, [("text", text)])?;
        doc.save_file(folder.path().join(name))?;
    }
    let shown = stdout_of(folder.path(), &["merge", "first", "second", "-o", "out"]);
    assert!(shown.starts_with("second: 1 applied, 0 duplicate\nwaiting   0\n"), "{shown}");
    let doc = Doc::load_file("test", folder.path().join("out"))?;
    assert_eq!(doc.version()?.len(), 2);
    assert!(doc.get("notes", "first")?.is_some() && doc.get("notes", "second")?.is_some());
    Ok(())
}

#[test]
fn failed_merges_write_nothing() -> Result<(), Error> {
    let folder = folder();
    let doc = odd()?;
    let compacted = Doc::load("zoe", &doc.save()?)?;
    compacted.compact(&[compacted.summary()?])?;
    for (name, doc) in [("doc", &doc), ("compacted", &compacted), ("empty", &Doc::create("ann")?)] {
        doc.save_file(folder.path().join(name))?;
    }
    fs::write(folder.path().join("update"), doc.update_since(&doc.instance().summary_of(&[])?)?)
        .expect("the file can be written");
    fs::write(folder.path().join("damaged"), "PK").expect("the file can be written");

    let merge = |one: &str, other: &str| stderr_of(folder.path(), &["merge", one, other, "-o", "out"]);
    let error = merge("empty", "compacted");
    assert!(
        error.starts_with("converge: compacted: ") && error.contains("name the compacted document first"),
        "{error}"
    );
    let error = merge("update", "doc");
    assert!(
        error.starts_with("converge: update: the file contains an update, but the command needs a document"),
        "{error}"
    );
    assert!(merge("doc", "damaged").starts_with("converge: damaged: corrupt bytes: at byte 0"));
    assert!(merge("doc", "none").starts_with("converge: none: "));
    assert!(!folder.path().join("out").exists());
    let error = stderr_of(folder.path(), &["merge", "doc", "doc", "-o", "none/out"]);
    assert!(error.starts_with("converge: none/out: "), "{error}");
    stdout_of(folder.path(), &["merge", "compacted", "empty", "-o", "out"]);
    assert_eq!(fs::read(folder.path().join("out")).expect("the file exists"), compacted.save()?);
    Ok(())
}

/// Limits file sizes to 128 KiB, which has the effect of a full disk. With a lower limit the engine
/// does not start.
#[cfg(unix)]
#[test]
fn a_failed_write_leaves_the_old_file() -> Result<(), Box<dyn std::error::Error>> {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let doc = Doc::create("ann")?;
    doc.save_file(at("small"))?;
    // Texts without repetitions, so that the file becomes large.
    for row in 0..20_000_u64 {
        doc.insert("t", &row.to_string(), [("x", format!("{:x}", row.wrapping_mul(0x9e37_79b9_7f4a_7c15)))])?;
    }
    doc.save_file(at("large"))?;
    assert!(fs::metadata(at("large"))?.len() > 200_000);
    fs::write(at("out"), "old")?;

    let script = "trap '' XFSZ; ulimit -f 256; exec \"$0\" merge small large -o out";
    let run = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_converge")])
        .current_dir(folder.path())
        .output()?;
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("converge: out: "), "{stderr}");
    assert_eq!(fs::read(at("out"))?, b"old");
    let mut names: Vec<_> =
        fs::read_dir(folder.path())?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<_>>()?;
    names.sort();
    assert_eq!(names, ["large", "out", "small"]);
    Ok(())
}
