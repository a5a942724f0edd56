//! One call with bytes that may be hostile, and what must hold afterwards. It panics where that does not hold.

use super::allowance::allocated_too_much;
use allocation_counter::measure;
use converge_engine::{
    Cell, Content, Doc, Error, EventBatch, EventId, MergeReport, PeerVersion, ScanOptions, UpdateReader, inspect,
};

/// The calls that take bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    Load,
    MergeUpdate,
    Rebase,
}

pub(crate) const CALLS: [Call; 3] = [Call::Load, Call::MergeUpdate, Call::Rebase];

/// A document to which bytes come.
pub(crate) struct Victim {
    doc: Doc,
    shown: Shown,
}

/// All that a document shows to who looks from outside.
#[derive(Debug, PartialEq)]
struct Shown {
    saved: Vec<u8>,
    digest: [u8; 32],
    version: Vec<PeerVersion>,
    heads: Vec<EventId>,
}

impl Shown {
    fn of(doc: &Doc) -> Self {
        Self { saved: doc.save(), digest: doc.digest(), version: doc.version(), heads: doc.heads() }
    }
}

impl Victim {
    /// The document that saved these bytes, writing as `peer`.
    pub(crate) fn new(peer: &str, saved: &[u8]) -> Result<Self, Error> {
        let doc = Doc::load(peer, saved)?;
        let shown = Shown::of(&doc);
        assert_eq!(shown.saved, saved, "a loaded document saves other bytes");
        Ok(Self { doc, shown })
    }

    /// Puts the bytes to a call, which `watch` carries out and may measure. `load` makes a document of them; the other
    /// calls bring them to this document, which is afterwards what it was before.
    pub(crate) fn attempt(
        &mut self,
        call: Call,
        bytes: &[u8],
        watch: impl FnOnce(&mut dyn FnMut()),
    ) -> Result<(), Error> {
        let doc = &mut self.doc;
        let mut made = None;
        let mut result = Ok(MergeReport::default());
        watch(&mut || match call {
            Call::Load => match Doc::load("loader", bytes) {
                Ok(doc) => made = Some(doc),
                Err(error) => result = Err(error),
            },
            Call::MergeUpdate => result = doc.merge_update(bytes),
            Call::Rebase => result = doc.rebase(bytes),
        });
        if call == Call::Load {
            check_peek(bytes, made.as_ref());
            check_inspection(bytes, made.as_mut());
        }
        if call == Call::MergeUpdate {
            check_events(bytes, &result);
        }
        if let Err(error) = &result {
            assert_eq!(Shown::of(doc), self.shown, "a refused call ({error}) changed the document");
            return result.map(drop);
        }
        if call == Call::Load {
            let mut doc = made.expect("load gives a document or an error");
            check_valid(&mut doc, false);
            return Ok(());
        }
        // The state that a saved document brings along is not checked against its history, so it may lie.
        check_valid(doc, call == Call::MergeUpdate);
        self.doc = Doc::load(self.doc.peer(), &self.shown.saved)?;
        Ok(())
    }
}

/// The events of bytes that were merged are told, in pages as at once, and are as many as the merge found.
fn check_events(bytes: &[u8], merged: &Result<MergeReport, Error>) {
    let reader = UpdateReader::open(bytes);
    let Ok(report) = merged else { return };
    let inspection = inspect(bytes).expect("what was merged can be inspected");
    assert!(matches!(inspection.content, Content::Document | Content::Update));
    let told = reader.expect("what was merged can be told").next(u32::MAX);
    let count = |batch: &EventBatch| batch.runs.iter().map(|run| run.commits.len()).sum::<usize>();
    if told.more {
        return;
    }
    assert!(count(&told) >= report.duplicate as usize);
    let half = count(&told) / 2;
    let mut reader = UpdateReader::open(bytes).expect("the same bytes");
    let (first, rest) = (reader.next(half as u32), reader.next(u32::MAX));
    assert_eq!((count(&first), count(&first) + count(&rest)), (half, count(&told)));
    assert_eq!(first.more, half < count(&told));
}

/// What is told of bytes is true of the document that they make. Bytes that make none may give any answer, but an answer,
/// for which little memory is enough.
fn check_inspection(bytes: &[u8], made: Option<&mut Doc>) {
    let mut found = None;
    let peak = measure(|| found = Some(inspect(bytes))).bytes_max;
    assert!(!allocated_too_much(peak, bytes.len()), "{peak} bytes allocated to inspect {} bytes", bytes.len());
    let Some(doc) = made else { return };
    let found = found.expect("it was inspected").expect("what can be loaded can be inspected");
    assert_eq!((found.content, found.format_version), (Content::Document, 1));
    assert_eq!((found.version, found.tables), (doc.version(), doc.tables()));
    assert_eq!(Ok(found.waiting), doc.merge_events(Vec::new()).map(|report| report.waiting));
    let horizon = Doc::summary_of(&found.horizon).expect("a good version");
    let report = doc.compact(&[horizon]).expect("the horizon is one already");
    assert_eq!((report.horizon, report.events_dropped), (found.horizon, 0));
    let sections: u64 = found.sections.iter().map(|section| section.bytes).sum();
    assert!(sections < bytes.len() as u64 && found.sections.is_sorted_by_key(|section| section.id));
}

/// One row of the bytes is that of the document that they make. Bytes that make none may give any answer, but an answer.
fn check_peek(bytes: &[u8], made: Option<&Doc>) {
    let Some(doc) = made else {
        for (table, row) in [("people", "p1"), ("a", ""), ("\u{10ffff}", "\u{10ffff}")] {
            let _ = Doc::peek(bytes, table, row);
        }
        return;
    };
    for table in doc.tables() {
        for descending in [false, true] {
            let options = ScanOptions { limit: 1, descending, ..ScanOptions::default() };
            let page = doc.scan(&table.name, &options).expect("a good scan");
            let row = page.rows.into_iter().next().expect("a table has rows");
            assert_eq!(Doc::peek(bytes, &table.name, &row.id), Ok(Some(row.cells)));
        }
    }
}

/// The document holds a valid history and can be used. With `honest`, its tables are what its history makes.
pub(crate) fn check_valid(doc: &mut Doc, honest: bool) {
    doc.dbg_check();
    check_history(doc, honest);
    check_reload(doc);
    read(doc);
    write(doc, honest);
    compact(doc, honest);
}

/// A complete history is one that a new replica accepts, page by page or as an update. The fingerprints in a saved document
/// are not checked against its history: where they lie, later events wait in other replicas, or two events are one there.
fn check_history(doc: &Doc, honest: bool) {
    let mut other = Doc::create("other").expect("a good name");
    loop {
        let batch = match doc.events_since(&other.summary(), u32::MAX) {
            Ok(batch) => batch,
            Err(error) => return assert!(matches!(error, Error::Compacted(_)), "{error}"),
        };
        let report = other.merge_events(batch.runs).expect("a history that a replica gives is valid");
        if !honest && (report.duplicate, report.waiting) != (0, 0) {
            return;
        }
        assert_eq!((report.duplicate, report.waiting), (0, 0), "a history that a replica gives is complete");
        if !batch.more {
            break;
        }
    }
    // Branches are named after fingerprints.
    if !honest && !doc.forks(0, 1).is_empty() {
        return;
    }
    assert_eq!((other.version(), other.heads()), (doc.version(), doc.heads()));
    assert!(!honest || other.digest() == doc.digest(), "the tables are not what the history makes");
    let update =
        doc.update_since(&Doc::create("other").expect("a good name").summary()).expect("events_since succeeded");
    let mut other = Doc::create("other").expect("a good name");
    assert_eq!(other.merge_update(&update).expect("an update that a replica gives is valid").waiting, 0);
    assert_eq!((other.version(), other.heads()), (doc.version(), doc.heads()));
}

/// What is saved can be loaded, and is the same document.
fn check_reload(doc: &Doc) {
    let shown = Shown::of(doc);
    let loaded = Doc::load("another", &shown.saved).expect("what is saved can be loaded");
    loaded.dbg_check();
    assert_eq!(Shown::of(&loaded), shown, "a loaded document differs from the one that was saved");
}

fn read(doc: &Doc) {
    for table in doc.tables() {
        let page = doc.scan(&table.name, &ScanOptions::default()).expect("a good scan");
        assert_eq!(page.rows.len(), table.rows as usize);
        for row in page.rows {
            assert_eq!(doc.get(&table.name, &row.id), Some(row.cells));
        }
    }
    let heads = doc.heads();
    assert_eq!(doc.diff(&heads, &heads), Ok(Vec::new()));
    if let Err(error) = doc.diff(&[], &heads) {
        assert!(matches!(error, Error::Compacted(_)), "{error}");
    }
    let fork = doc.fork_at(&heads, "fork").expect("the heads are known");
    assert_eq!((fork.version(), fork.heads()), (doc.version(), doc.heads()));
}

/// A commit, and a replica that hears of it. Where fingerprints lie, the two can take one event for two.
fn write(doc: &mut Doc, honest: bool) {
    let before = doc.summary();
    let mut other = Doc::load("another", &doc.save()).expect("what is saved can be loaded");
    match doc.insert("a table", "a row", vec![Cell::new("a column", 1)]) {
        // It has no more counters.
        Err(Error::LimitExceeded { .. }) => return,
        made => drop(made.expect("a good insert")),
    }
    let update = doc.update_since(&before).expect("what is new is there");
    let merged = other.merge_update(&update);
    if !honest {
        return check_reload(doc);
    }
    let report = merged.expect("what a replica writes is valid");
    assert!(report.applied >= 1 && report.duplicate == 0, "{report:?}");
    assert_eq!(Shown::of(&other), Shown::of(doc));
    doc.dbg_check();
    check_reload(doc);
}

/// Compaction leaves the tables as they are; where the state lied about the history, it may come out here.
fn compact(doc: &mut Doc, honest: bool) {
    let digest = doc.digest();
    doc.compact(&[]).expect("what a replica knows is a horizon");
    doc.dbg_check();
    assert!(!honest || doc.digest() == digest, "compaction changed the tables");
    check_reload(doc);
}

/// The contract's name of what a call gives.
pub(crate) fn verdict(result: &Result<(), Error>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(Error::InvalidArgument(_)) => "invalid-argument",
        Err(Error::LimitExceeded { .. }) => "limit-exceeded",
        Err(Error::Corrupt(_)) => "corrupt",
        Err(Error::UnsupportedFeature(_)) => "unsupported-feature",
        Err(Error::UnsupportedVersion(_)) => "unsupported-version",
        Err(Error::Compacted(_)) => "compacted",
        Err(other) => panic!("bytes cannot lead to this: {other}"),
    }
}
