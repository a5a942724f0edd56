//! Reads published editing histories of texts from the folder that the environment variable
//! `CONVERGE_TRACES` names.
//!
//! The files are those of the repositories `josephg/editing-traces` and
//! `josephg/eg-walker-reference`, gzipped. They are not part of this project. Without them, tests
//! say so and leave them out; with `CI=true`, a missing file is a failure.

use flate2::read::GzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The traces of one author, each with the SHA-256 of its end.
const ALONE: [(&str, &str); 5] = [
    ("automerge-paper", "a489e9022976c14e46627aea174d07797edcb3fd17df42605956d4cf01bf9039"),
    ("seph-blog1", "fd42bef4fbb237f8cd748d2c1c628c51b489ea9b98992e6eb815d04a090a70ba"),
    ("rustcode", "2cde7bd1dedbcd198e3f5a66a4135f120571a4349d48d057009f311622a0894c"),
    ("sveltecomponent", "d8bb93b7cf87b4c3a0394fddc028284a093d90d5794a213d1ccb0794eb4ede8f"),
    ("json-crdt-blog-post", "6ec88c8b06c91f84f614be16552dba3d7997e1197dde149010caa706a6853314"),
];

/// The traces of several authors, each with the SHA-256 of its end.
const CONCURRENT: [(&str, &str); 2] = [
    ("friendsforever", "4720ec330c91e288c00b71cab318f7a1cdde689dfc401f269c353acfd6cb03f6"),
    ("node-nodecc", "c822bf881ad1fb04d1aec80575212131fb45ec33600f84f59e829526c6d8f5f1"),
];

/// The file of 500 random histories, with the SHA-256 of their ends, joined by U+000A.
const CONFORMANCE: (&str, &str) = ("conformance", "18a542f186411c5fec686cecd12120e5b0d987b6edc3832b3e7356090c70ebc6");

/// A history of a text, which begins empty.
#[derive(Debug, Clone)]
pub struct Trace {
    /// The name of its file, in the conformance histories with a number.
    pub name: String,
    /// In an order in which each event comes after those that it builds on.
    pub events: Vec<Event>,
}

/// An event of a trace.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its author. Where several characters are inserted at one place, the order of their authors'
    /// names as UTF-8 decides.
    pub peer: String,
    /// The index of the author's event before it.
    pub previous: Option<usize>,
    /// The indices of the events that it directly builds on, as the file lists them.
    pub after: Vec<usize>,
    /// Each one acts on the text after the one before.
    pub patches: Vec<Patch>,
}

/// A replacement of a part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Where the part begins, in scalar values.
    pub at: u32,
    /// The length of the part, in scalar values.
    pub remove: u32,
    /// The text that replaces it.
    pub insert: String,
}

/// Returns the traces of one author that are there, each with the SHA-256 of its end.
pub fn alone() -> impl Iterator<Item = (Trace, &'static str)> {
    named(&ALONE)
}

/// Returns the traces of several authors that are there, each with the SHA-256 of its end.
pub fn concurrent() -> impl Iterator<Item = (Trace, &'static str)> {
    named(&CONCURRENT)
}

/// Returns all traces that are there, each with the SHA-256 of its end.
pub fn all() -> impl Iterator<Item = (Trace, &'static str)> {
    alone().chain(concurrent())
}

/// Returns the 500 conformance histories and the SHA-256 of their ends, joined by U+000A.
pub fn conformance() -> Option<(Vec<Trace>, &'static str)> {
    let (name, end) = CONFORMANCE;
    let file = read(name)?;
    let traces = (0..).zip(list(&file)).map(|(number, trace)| trace_of(format!("{name} {number}"), trace));
    Some((traces.collect(), end))
}

/// Returns the trace in a file of the form of these files.
///
/// # Errors
///
/// If the file cannot be read.
///
/// # Panics
///
/// If the file is not a trace.
pub fn read_file(path: &Path) -> io::Result<Trace> {
    Ok(trace_of(path.display().to_string(), &parsed(File::open(path)?)))
}

/// Returns the SHA-256 of a text in hexadecimal digits.
pub fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn named(names: &'static [(&'static str, &'static str)]) -> impl Iterator<Item = (Trace, &'static str)> {
    names.iter().filter_map(|&(name, end)| Some((trace_of(name.to_owned(), &read(name)?), end)))
}

/// Reads a file, if it is there.
fn read(name: &str) -> Option<Value> {
    let folder = std::env::var_os("CONVERGE_TRACES").map(PathBuf::from);
    let file = folder.as_ref().and_then(|folder| File::open(folder.join(format!("{name}.json.gz"))).ok());
    let Some(file) = file else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CONVERGE_TRACES={folder:?} has no {name}.json.gz");
        eprintln!(
            "left out: {name}. Set CONVERGE_TRACES to a folder with {name}.json.gz, from the repositories \
             josephg/editing-traces and josephg/eg-walker-reference on GitHub"
        );
        return None;
    };
    Some(parsed(file))
}

/// Returns the content of a file. Parsing a text is faster than parsing what a reader decompresses.
fn parsed(file: File) -> Value {
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).expect("gzipped text");
    serde_json::from_str(&text).expect("JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> usize {
    value.as_u64().expect("a number") as usize
}

fn patches(value: &Value) -> Vec<Patch> {
    let patch = |patch: &Value| Patch {
        at: number(&patch[0]) as u32,
        remove: number(&patch[1]) as u32,
        insert: patch[2].as_str().expect("a text").to_owned(),
    };
    list(value).iter().map(patch).collect()
}

/// Returns a trace: each of its transactions is an event.
fn trace_of(name: String, trace: &Value) -> Trace {
    let mut events = Vec::new();
    // The event with the number of an operation, and the last event of each author.
    let mut by_number: BTreeMap<usize, usize> = BTreeMap::new();
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    for (event, txn) in list(&trace["txns"]).iter().enumerate() {
        let parents = list(&txn["parents"]).iter().map(number);
        let (peer, after, edits) = if let Some(agent) = txn["agent"].as_str() {
            // The transactions of an agent need not build on each other, so each is a peer.
            let after = parents.map(|parent| by_number[&parent]).collect();
            by_number.insert(number(&txn["span"][1]) - 1, event);
            (format!("{agent}\t{:08}", number(&txn["seqStart"])), after, &txn["ops"])
        } else {
            let peer = txn["agent"].as_u64().map_or(String::from("ann"), |agent| format!("{agent:03}"));
            let is_concurrent = txn["parents"].is_array();
            let after = if is_concurrent { parents.collect() } else { event.checked_sub(1).into_iter().collect() };
            (peer, after, &txn["patches"])
        };
        let previous = last.insert(peer.clone(), event);
        events.push(Event { peer, previous, after, patches: patches(edits) });
    }
    Trace { name, events }
}
