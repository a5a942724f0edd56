//! Tests of `converge inspect`: its output for documents, updates and stores, and the checks that
//! fail for damaged bytes.

use super::{converge, data, document, fact, folder, history, odd, parts, run, stdout_of};
use converge::{Error, EventId, EventRun, Instance, InstanceOptions, RowOp, StoreOptions};
use converge_rig::history::TABLE;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn inspect_describes_the_real_histories() -> Result<(), Error> {
    let folder = folder();
    for (name, events, peers, rows) in [("yjs", 2_247, 217, 74), ("automerge", 1_655, 118, 649)] {
        let doc = document(&history(&format!("{name}.history.tsv.gz")));
        doc.save_file(folder.path().join("doc"))?;
        let saved = doc.save()?;
        let shown = stdout_of(folder.path(), &["inspect", "doc"]);
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
        assert_eq!(checks, ["bytes: ok", "loads: ok", "saves to the same bytes: ok", "history matches the rows: ok"]);
        // All bytes except the few of the frame belong to a section.
        let sizes = ["peers", "names", "state", "history", "fingerprints"]
            .map(|section| number(&shown, section).parse::<usize>());
        let sections: usize = sizes.into_iter().flatten().sum();
        assert!((1..50).contains(&(saved.len() - sections)), "{shown}");

        assert!(shown.contains(&format!("and {} more peers (--all shows them)", peers - 20)), "{shown}");
        let all = stdout_of(folder.path(), &["inspect", "--all", "doc"]);
        assert!(doc.version()?.iter().all(|known| number(&all, &known.peer) == known.count.to_string()), "{all}");
    }
    Ok(())
}

/// Returns the bytes with a corrected checksum.
fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - 4);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

#[test]
fn inspect_describes_horizons_waiting_events_and_updates() -> Result<(), Error> {
    let folder = folder();
    let events = history("yjs.history.tsv.gz");
    let doc = document(&events[..1_000]);
    doc.compact(&[doc.summary()?])?;
    let horizon: Vec<_> = doc.version()?.iter().map(|of| format!("{}:{}", of.peer, of.count - 1)).collect();
    // The second merge leaves out an event, so that the next one waits.
    doc.merge_events(events[1_000..1_100].to_vec())?;
    let waiting = doc.merge_events([events[1_101].clone()])?.waiting;
    doc.save_file(folder.path().join("doc"))?;
    let shown = stdout_of(folder.path(), &["inspect", "doc", "--all"]);
    assert_eq!(fact(&shown, "events"), (1_101 - waiting).to_string());
    assert_eq!(fact(&shown, "history"), format!("{} of them, above the horizon", 101 - waiting));
    assert_eq!(fact(&shown, "horizon"), horizon.join(","));
    assert_eq!(fact(&shown, "waiting"), waiting.to_string());
    assert!(shown.ends_with("history matches the rows: ok\n"), "{shown}");

    let whole = document(&events);
    let known = document(&events[..2_000]).version()?;
    for (file, since) in [("update", &known[..]), ("all", &[])] {
        let update = whole.update_since(&whole.instance().summary_of(since)?)?;
        fs::write(folder.path().join(file), update).expect("the file can be written");
    }
    let shown = stdout_of(folder.path(), &["inspect", "update"]);
    assert_eq!(fact(&shown, "content"), "update");
    assert_eq!((fact(&shown, "applied"), fact(&shown, "waiting")), ("0", "247"));
    let first_missing = fact(&shown, "missing").split(':').next().unwrap_or_default();
    assert!(known.iter().any(|known| known.peer == first_missing), "{shown}");
    assert!(shown.ends_with("check     merges: ok\n"), "{shown}");
    let shown = stdout_of(folder.path(), &["inspect", "all"]);
    assert_eq!((fact(&shown, "applied"), fact(&shown, "waiting")), ("2247", "0"));
    assert_eq!((fact(&shown, "missing"), number(&shown, TABLE)), ("none", "74"));
    Ok(())
}

#[test]
fn inspect_describes_the_bytes_of_a_store() -> Result<(), Error> {
    let folder = folder();
    let store = Instance::new(InstanceOptions::default())?.store("ann", StoreOptions::default())?;
    store.set("cursors", "ann", 7, 1_000.0)?;
    store.set("cursors", "ben", 8, 1_000.0)?;
    store.set("who is here", "ann", true, 2_000.0)?;
    let update = store.take_update()?.expect("the store has changes");
    for (bytes, content) in [(store.snapshot(&[])?, "snapshot of a store"), (update, "update of a store")] {
        fs::write(folder.path().join("entries"), &bytes).expect("the file can be written");
        let shown = stdout_of(folder.path(), &["inspect", "entries"]);
        assert!(["snapshot of a store", "update of a store"].contains(&fact(&shown, "content")), "{shown}");
        assert_eq!((number(&shown, "cursors"), number(&shown, "\"who is here\"")), ("2", "1"), "{content}: {shown}");
        assert!(shown.ends_with("check     merges: ok\n"), "{shown}");
    }
    Ok(())
}

#[test]
fn inspect_reports_the_check_that_fails() -> Result<(), Error> {
    let folder = folder();
    let saved = odd()?.save()?;
    let shown = |bytes: &[u8]| {
        fs::write(folder.path().join("doc"), bytes).expect("the file can be written");
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
    // The checksum is correct, but the bytes claim to be an update, which has other sections.
    let mut other_kind = saved;
    other_kind[5] = b'U';
    assert!(shown(&with_checksum(other_kind)).starts_with(corrupt));
    Ok(())
}

/// Loading trusts the rows in the bytes; `inspect` compares them with the history.
#[test]
fn a_flipped_bit_fails_a_check_or_results_in_a_valid_document() -> Result<(), Error> {
    let folder = folder();
    let history = "C\tann\t1\t\nI\ta\tmode=1\tby=x\nI\tb\tmode=2\nC\tben\t1\t\nI\ta\tmode=7\tblob=y\n\
                   C\tann\t2\t0,1\nU\ta\tmode=3\nD\tb\nC\tben\t2\t1\nU\ta\tmode=9\n";
    let saved =
        document(&converge_rig::history::read_events(history.as_bytes()).expect("the history is valid")).save()?;
    let mut failed = BTreeSet::new();
    // From the end of the header to the checksum.
    for at in 9..saved.len() - 4 {
        let mut bytes = saved.clone();
        bytes[at] ^= 2;
        fs::write(folder.path().join("doc"), with_checksum(bytes)).expect("the file can be written");
        let (code, stdout, stderr) = run(folder.path(), &["inspect", "doc"]);
        let has_failed = stdout.contains("FAILED");
        assert_eq!((code, stderr.as_str()), (Some(i32::from(has_failed)), ""), "byte {at}: {stdout}");
        let checks = stdout.lines().filter_map(|line| line.strip_prefix("check     ")?.split_once(": FAILED"));
        failed.extend(checks.map(|(check, _)| check.to_owned()));
    }
    let every = ["bytes", "history matches the rows", "loads", "saves to the same bytes"];
    assert_eq!(failed.iter().collect::<Vec<_>>(), every);
    Ok(())
}

/// Hostile files that load, because loading executes no history, and whose rows are not those that
/// the history results in.
const WRONG_ROWS: [&str; 5] = [
    "spliced-text-in-another-order.bin",
    "spliced-text-without-ranges.bin",
    "sum-of-2-126.bin",
    "sum-of-a-spliced-cell.bin",
    "sum-of-minus-2-126.bin",
];

/// Hostile bytes with the results that the engine must return for them.
#[test]
fn inspect_handles_hostile_bytes() {
    let crashers = data("../../crashers");
    let verdicts = fs::read_to_string(crashers.join("verdicts.txt")).expect("the verdicts exist");
    let mut files: Vec<PathBuf> = fs::read_dir(&crashers)
        .expect("the folder exists")
        .map(|entry| entry.expect("the entry can be read").path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "bin"));
    assert!(files.len() > 20);
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // For a merge, any document counts: in an empty one, events may wait.
        let is_ok =
            |call| verdicts.lines().any(|line| line.starts_with(&format!("{name} {call} ")) && line.ends_with(" ok"));
        let has_wrong_rows = WRONG_ROWS.contains(&&*name);
        let is_sound = (is_ok("load") || is_ok("merge-update")) && !has_wrong_rows;
        let (code, stdout, stderr) = parts(&converge([Path::new("inspect"), &file]));
        assert_eq!((code, stderr.as_str()), (Some(i32::from(!is_sound)), ""), "{name}: {stdout}");
        assert_eq!(stdout.contains("FAILED"), !is_sound, "{name}: {stdout}");
        assert_eq!(stdout.contains("history matches the rows: FAILED"), has_wrong_rows, "{name}: {stdout}");
        let is_skipped = stdout.contains("skipped: section 64 belongs to a later version and would be lost");
        assert_eq!(is_skipped, name == "unknown-section-to-skip.bin", "{name}: {stdout}");
    }
}

/// Returns the number next to a section, table or peer.
fn number<'a>(output: &'a str, name: &str) -> &'a str {
    let begins = format!("{name:<30} ");
    let number = output.lines().find_map(|line| line.strip_prefix(&begins));
    number.unwrap_or_else(|| panic!("no {name} in {output}")).trim_start()
}

/// `inspect` counts waiting events; `log` does not print them.
#[test]
fn waiting_events_are_counted_but_not_printed() -> Result<(), Error> {
    let folder = folder();
    let doc = odd()?;
    let mut early = EventRun::new("ben", 0, [vec![RowOp::delete("odd", "r2")]]);
    early.lamport = Some(9);
    early.deps = vec![EventId::new("zoe", 3)];
    early.fingerprints = vec![7];
    doc.merge_events([early])?;
    doc.save_file(folder.path().join("doc"))?;
    assert_eq!(fact(&stdout_of(folder.path(), &["inspect", "doc"]), "waiting"), "1");
    assert_eq!(stdout_of(folder.path(), &["log", "doc"]).lines().count(), 2);
    Ok(())
}
