//! Makes one call with bytes that may be hostile and panics if the result is wrong.

use super::allowance::allocated_too_much;
use allocation_counter::measure;
use converge_engine::{
    Cell, Content, Doc, Error, EventBatch, EventId, MergeReport, PeerVersion, ScanOptions, TextChange, Unit,
    UpdateReader, Value, inspect,
};

/// The calls that take bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    Load,
    MergeUpdate,
    Rebase,
}

pub(crate) const CALLS: [Call; 3] = [Call::Load, Call::MergeUpdate, Call::Rebase];

/// A document that receives bytes.
pub(crate) struct Victim {
    doc: Doc,
    shown: Shown,
}

/// Everything that a document shows to its caller.
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
    /// Loads the document that saved these bytes, as `peer`.
    pub(crate) fn new(peer: &str, saved: &[u8]) -> Result<Self, Error> {
        let doc = Doc::load(peer, saved)?;
        let shown = Shown::of(&doc);
        assert_eq!(shown.saved, saved, "a loaded document saves other bytes");
        Ok(Self { doc, shown })
    }

    /// Makes a call with the bytes. `watch` runs the call and may measure it. `load` creates a
    /// document from the bytes. The other calls merge them into this document, which is restored
    /// afterwards.
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
            assert_eq!(Shown::of(doc), self.shown, "a rejected call ({error}) changed the document");
            return result.map(drop);
        }
        if call == Call::Load {
            let mut doc = made.expect("load returns a document or an error");
            check_valid(&mut doc, false);
            return Ok(());
        }
        // The state in a saved document is not checked against its history, so the two may differ.
        check_valid(doc, call == Call::MergeUpdate);
        self.doc = Doc::load(self.doc.peer(), &self.shown.saved)?;
        Ok(())
    }
}

/// Checks that an `UpdateReader` returns the events of merged bytes, in pages as well as at once,
/// and as many as the merge found.
fn check_events(bytes: &[u8], merged: &Result<MergeReport, Error>) {
    let reader = UpdateReader::open(bytes);
    let Ok(report) = merged else { return };
    let inspection = inspect(bytes).expect("merged bytes can be inspected");
    assert!(matches!(inspection.content, Content::Document | Content::Update));
    let told = reader.expect("merged bytes can be read").next(u32::MAX);
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

/// Checks that the inspection of the bytes describes the document that they encode. Bytes that
/// encode no document may have any result, but inspecting them needs little memory.
fn check_inspection(bytes: &[u8], made: Option<&mut Doc>) {
    let mut found = None;
    let peak = measure(|| found = Some(inspect(bytes))).bytes_max;
    assert!(!allocated_too_much(peak, bytes.len()), "{peak} bytes allocated to inspect {} bytes", bytes.len());
    let Some(doc) = made else { return };
    let found = found.expect("the inspection was run").expect("loadable bytes can be inspected");
    assert_eq!((found.content, found.format_version), (Content::Document, 1));
    assert_eq!((found.version, found.tables), (doc.version(), doc.tables()));
    assert_eq!(Ok(found.waiting), doc.merge_events(Vec::new()).map(|report| report.waiting));
    let horizon = Doc::summary_of(&found.horizon).expect("a valid version");
    let report = doc.compact(&[horizon]).expect("the horizon is valid");
    assert_eq!((report.horizon, report.events_dropped), (found.horizon, 0));
    let sections: u64 = found.sections.iter().map(|section| section.bytes).sum();
    assert!(sections < bytes.len() as u64 && found.sections.is_sorted_by_key(|section| section.id));
}

/// Checks that a row that is read from the bytes equals the row of the document that they encode.
/// Bytes that encode no document may have any result.
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
            let page = doc.scan(&table.name, &options).expect("a valid scan");
            let row = page.rows.into_iter().next().expect("a table has rows");
            assert_eq!(Doc::peek(bytes, &table.name, &row.id), Ok(Some(row.cells)));
        }
    }
}

/// Checks that the document has a valid history and can be used. With `honest`, its tables must be
/// those of its history.
pub(crate) fn check_valid(doc: &mut Doc, honest: bool) {
    doc.dbg_check();
    check_history(doc, honest);
    check_reload(doc);
    read(doc);
    write(doc, honest);
    edit(doc, honest);
    compact(doc, honest);
    edit(doc, honest);
}

/// Checks that a new replica accepts a complete history, page by page and as an update.
///
/// The fingerprints in a saved document are not checked against its history. If they are wrong,
/// other replicas may keep later events waiting, or take two events for one.
fn check_history(doc: &Doc, honest: bool) {
    let mut other = Doc::create("other").expect("a valid name");
    loop {
        let batch = match doc.events_since(&other.summary(), u32::MAX) {
            Ok(batch) => batch,
            Err(error) => return assert!(matches!(error, Error::Compacted(_)), "{error}"),
        };
        let report = other.merge_events(batch.runs).expect("the history of a replica is valid");
        if !honest && (report.duplicate, report.waiting) != (0, 0) {
            return;
        }
        assert_eq!((report.duplicate, report.waiting), (0, 0), "the history of a replica must be complete");
        if !batch.more {
            break;
        }
    }
    // The names of branches contain fingerprints.
    if !honest && !doc.forks(0, 1).is_empty() {
        return;
    }
    assert_eq!((other.version(), other.heads()), (doc.version(), doc.heads()));
    assert!(!honest || other.digest() == doc.digest(), "the tables differ from those of the history");
    let update =
        doc.update_since(&Doc::create("other").expect("a valid name").summary()).expect("events_since succeeded");
    let mut other = Doc::create("other").expect("a valid name");
    assert_eq!(other.merge_update(&update).expect("the update of a replica is valid").waiting, 0);
    assert_eq!((other.version(), other.heads()), (doc.version(), doc.heads()));
}

/// Checks that the saved document can be loaded and is the same.
fn check_reload(doc: &Doc) {
    let shown = Shown::of(doc);
    let loaded = Doc::load("another", &shown.saved).expect("a saved document can be loaded");
    loaded.dbg_check();
    assert_eq!(Shown::of(&loaded), shown, "a loaded document differs from the one that was saved");
}

fn read(doc: &Doc) {
    for table in doc.tables() {
        let page = doc.scan(&table.name, &ScanOptions::default()).expect("a valid scan");
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

/// Commits an event and merges it into another replica. If fingerprints are wrong, the replicas may
/// take one event for two.
fn write(doc: &mut Doc, honest: bool) {
    let before = doc.summary();
    let mut other = Doc::load("another", &doc.save()).expect("a saved document can be loaded");
    match doc.insert("a table", "a row", vec![Cell::new("a column", 1)]) {
        // The peer has no more counters.
        Err(Error::LimitExceeded { .. }) => return,
        made => drop(made.expect("a valid insert")),
    }
    let update = doc.update_since(&before).expect("the new event is available");
    let merged = other.merge_update(&update);
    if !honest {
        return check_reload(doc);
    }
    let report = merged.expect("the event of a replica is valid");
    assert!(report.applied >= 1 && report.duplicate == 0, "{report:?}");
    assert_eq!(Shown::of(&other), Shown::of(doc));
    doc.dbg_check();
    check_reload(doc);
}

/// The maximum number of texts that are edited.
const EDITED: usize = 4;

/// Edits texts of a copy by views, and merges concurrent splices of another replica. If the saved
/// texts were wrong, the results are, too. If fingerprints are wrong, the merged splices may wait
/// forever, and such a document cannot be loaded.
fn edit(doc: &Doc, honest: bool) {
    let doc = &mut Doc::load("copy", &doc.save()).expect("a saved document can be loaded");
    let mut other = Doc::load("editor", &doc.save()).expect("a saved document can be loaded");
    let mut views = Vec::new();
    for (table, row, column, text) in texts(doc).into_iter().take(EDITED) {
        let view = doc.open_view(&table, &row, &column, Unit::Utf16).expect("a valid name");
        assert_eq!(doc.view_length(view), text.encode_utf16().count() as u32);
        assert_eq!(doc.view_slice(view, 0, doc.view_length(view)), Ok(text.clone()));
        assert_eq!(doc.read_view(view), Some(text.clone()));
        let (middle, length) = (text.chars().count() as u32 / 2, text.chars().count() as u32);
        // The peer may have no more counters, and a text may be too long.
        let spliced = other.splice(&table, &row, &column, (middle, 1.min(length - middle)), "é\u{1f600}");
        assert!(!honest || matches!(spliced, Ok(_) | Err(Error::LimitExceeded { .. })), "{spliced:?}");
        let _ = other.splice(&table, &row, &column, (0, 0), "e");
        let first = text.chars().next().map_or(0, char::len_utf16) as u32;
        let changes = [(0, first, "ü"), (1, 0, "\u{1f600}")];
        let changes = changes.map(|(at, remove, insert)| TextChange { at, remove, insert: insert.to_owned() });
        let edited = doc.edit_view(view, &changes);
        assert!(!honest || matches!(edited, Ok(_) | Err(Error::LimitExceeded { .. })), "{edited:?}");
        views.push((view, table, row, column, doc.read_view(view).expect("a text")));
    }
    let update = other.update_since(&doc.summary()).expect("the new events are available");
    let merged = doc.merge_update(&update);
    for (view, table, row, column, mut copy) in views {
        let changes = doc.take_view(view).unwrap_or_default();
        let now = texts(doc).into_iter().find(|it| (&it.0, &it.1, &it.2) == (&table, &row, &column));
        let now = now.map_or(String::new(), |(.., text)| text);
        if honest {
            changes.iter().for_each(|change| apply(change, &mut copy));
            assert_eq!(copy, now, "the changes of a view lead to another text");
        }
        let _ = doc.rewrite_view(view, &format!("{now} rewritten"));
        doc.close_view(view);
    }
    if !honest {
        return drop(Doc::load("another", &doc.save()));
    }
    assert_eq!(
        merged.expect("the events of a replica are valid").waiting,
        doc.merge_events(Vec::new()).expect("nothing").waiting
    );
    doc.dbg_check();
    other.merge_update(&doc.update_since(&other.summary()).expect("known events")).expect("valid events");
    assert_eq!(Shown::of(&other), Shown::of(doc));
    check_reload(doc);
}

/// Applies a change to a copy, in units of UTF-16.
fn apply(change: &TextChange, copy: &mut String) {
    let mut units: Vec<u16> = copy.encode_utf16().collect();
    units.splice(change.at as usize..(change.at + change.remove) as usize, change.insert.encode_utf16());
    *copy = String::from_utf16(&units).expect("no change is inside of a character");
}

/// Returns all cells that are texts, with the names of their tables, rows and columns.
fn texts(doc: &Doc) -> Vec<(String, String, String, String)> {
    let mut texts = Vec::new();
    for table in doc.tables() {
        for row in doc.scan(&table.name, &ScanOptions::default()).expect("a valid scan").rows {
            for cell in row.cells {
                if let Value::Text(text) = cell.value {
                    texts.push((table.name.clone(), row.id.clone(), cell.column, text));
                }
            }
        }
    }
    texts
}

/// Checks that compaction does not change the tables. If the saved state was wrong, the tables may
/// change here.
fn compact(doc: &mut Doc, honest: bool) {
    let digest = doc.digest();
    doc.compact(&[]).expect("the version of a replica is a horizon");
    doc.dbg_check();
    assert!(!honest || doc.digest() == digest, "compaction changed the tables");
    check_reload(doc);
}

/// Returns the name that the contract uses for the result of a call.
pub(crate) fn verdict(result: &Result<(), Error>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(Error::InvalidArgument(_)) => "invalid-argument",
        Err(Error::LimitExceeded { .. }) => "limit-exceeded",
        Err(Error::Corrupt(_)) => "corrupt",
        Err(Error::UnsupportedFeature(_)) => "unsupported-feature",
        Err(Error::UnsupportedVersion(_)) => "unsupported-version",
        Err(Error::Compacted(_)) => "compacted",
        Err(other) => panic!("bytes must not cause this error: {other}"),
    }
}
