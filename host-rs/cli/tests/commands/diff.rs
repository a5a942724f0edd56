//! Tests of `converge diff`: differences between versions and between files.

use super::{document, folder, history, odd, run, stderr_of, stdout_of};
use converge::{Doc, Error};

#[test]
fn versions_and_files_have_the_same_differences() -> Result<(), Error> {
    let folder = folder();
    let events = history("automerge.history.tsv.gz");
    let (old, new) = (document(&events[..1_200]), document(&events));
    old.save_file(folder.path().join("old"))?;
    new.save_file(folder.path().join("new"))?;
    let heads = |doc: &Doc| -> Result<String, Error> {
        Ok(doc.heads()?.iter().map(|head| format!("{}:{}", head.peer, head.counter)).collect::<Vec<_>>().join(","))
    };
    let differs = |arguments: &[&str]| {
        let (code, stdout, stderr) = run(folder.path(), arguments);
        assert_eq!((code, stderr.as_str()), (Some(1), ""), "{arguments:?}");
        stdout
    };
    let (from, to) = (heads(&old)?, heads(&new)?);
    let of_files = differs(&["diff", "old", "new"]);
    assert!(of_files.lines().count() > 10, "{of_files}");
    assert_eq!(differs(&["diff", "new", "--from", &from]), of_files);
    assert_eq!(differs(&["diff", "new", "--from", &from, "--to", &to]), of_files);
    assert_eq!(differs(&["diff", "new", "--from", &to, "--to", &from]), differs(&["diff", "new", "old"]));
    assert_eq!(differs(&["diff", "new", "--from", "", "--to", &to]).lines().count(), 649);
    assert_eq!(stdout_of(folder.path(), &["diff", "new", "new"]), "");
    assert_eq!(stdout_of(folder.path(), &["diff", "old", "--from", &from]), "");

    let error = stderr_of(folder.path(), &["diff", "old", "--from", &to]);
    assert!(error.starts_with("converge: old: invalid argument: "), "{error}");
    new.compact(&[old.summary()?])?;
    new.save_file(folder.path().join("new"))?;
    let error = stderr_of(folder.path(), &["diff", "new", "--from", ""]);
    assert!(error.starts_with("converge: new: the call needs history that was compacted away; "), "{error}");
    assert_eq!(differs(&["diff", "new", "--from", &from]), of_files);
    Ok(())
}

#[test]
fn diff_prints_every_kind_of_value() -> Result<(), Error> {
    let folder = folder();
    let doc = odd()?;
    doc.save_file(folder.path().join("doc"))?;
    let (code, stdout, _) = run(folder.path(), &["diff", "doc", "--from", ""]);
    assert_eq!(code, Some(1));
    assert_eq!(
        stdout,
        "insert odd \"r\\n1\" blob=x'00ff' flag=true large=9223372036854775807 none=NaN null=null real=2.0 \
         text=\"a,\\\"b\\\"\\r\\n\\u{1b}[31m\" vast=-inf\ninsert odd r2 text=\"\" zoo=\"é\"\n"
    );
    Ok(())
}
