//! Passes each file of `tests/crashers` to each call and checks the verdicts that every host must
//! return.

use crate::allowance::allocated_too_much;
use crate::attempt::{Call, Victim, verdict};
use crate::make;
use allocation_counter::measure;
use converge_engine::Doc;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/crashers")
}

/// Set `CONVERGE_WRITE_CRASHERS=1` to write the files. Their verdicts must be considered and
/// written by hand.
#[test]
fn files_equal_the_output_of_make() {
    let files = make::all().expect("valid documents, made hostile afterwards");
    for (name, bytes) in files {
        let path = folder().join(name);
        if std::env::var_os("CONVERGE_WRITE_CRASHERS").is_some() {
            fs::write(&path, &bytes).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        }
        let found = fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        assert!(found == bytes, "{name} differs from the output of `make.rs`");
    }
}

#[test]
fn calls_return_the_documented_verdicts() {
    let text = fs::read_to_string(folder().join("verdicts.txt")).expect("the list of verdicts");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[file, call, into, expected] = words.as_slice() else { panic!("{line:?} is not four words") };
        let read = |name: &str| fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let bytes = read(file);
        let into = if into == "-" { Doc::create("nobody").expect("a valid name").save() } else { read(into) };
        let mut victim = Victim::new("nobody", &into).expect("a valid document");
        let mut peak = 0;
        let result = victim.attempt(call_of(call), &bytes, |run| peak = measure(run).bytes_max);
        assert!(!allocated_too_much(peak, bytes.len()), "{line}: {peak} bytes allocated");
        if verdict(&result) != expected {
            wrong.push(format!("{line}: the engine returns {result:?}"));
        }
        seen.insert((file, call));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for entry in fs::read_dir(folder()).expect("the folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("a plain name");
        let is_judged = |call: &&str| seen.contains(&(name.as_str(), *call));
        let calls = ["load", "merge-update", "rebase"];
        assert!(!name.ends_with(".bin") || calls.iter().all(is_judged), "{name} has no verdicts");
    }
}

fn call_of(name: &str) -> Call {
    match name {
        "load" => Call::Load,
        "merge-update" => Call::MergeUpdate,
        "rebase" => Call::Rebase,
        _ => panic!("there is no call {name:?}"),
    }
}
