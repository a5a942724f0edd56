//! Small valid saved documents and updates, and documents that receive them. They are small enough
//! to flip each of their bits, and contain everything that a section can contain.

use converge_engine::{Cell, Doc, Error, PeerVersion, RowOp, Value};

/// Valid bytes and their name.
pub(crate) struct Base {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// A document that receives bytes: its peer and its saved bytes.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) peer: &'static str,
    pub(crate) saved: Vec<u8>,
}

/// Returns saved documents and updates.
pub(crate) fn bases() -> Result<Vec<Base>, Error> {
    let (ann, ben) = replicas()?;
    let mut all = Vec::new();
    let mut add = |name, bytes| all.push(Base { name, bytes });
    add("an empty document", Doc::create("ann")?.save());
    add("a document of one row", one_row()?.save());
    add("a document of every kind of value", values()?.save());
    add("a document of concurrent events", ben.save());
    add("a document in which events wait", waiting()?.save());
    add("a document of long runs", long_runs()?.save());
    add("a document compacted at its version", compacted()?.save());
    add("a compacted document that changed since", compacted_and_changed()?.save());
    add("an update of one cell", ben.update_since(&ann.summary())?);
    add("an update of everything", ben.update_since(&summary_of(&[]))?);
    add("an update of every kind of value", values()?.update_since(&summary_of(&[]))?);
    add("an update of a part", ben.update_since(&summary_of(&[("ann", 2)]))?);
    add("an update of long runs", long_runs()?.update_since(&summary_of(&[("ann", 1)]))?);
    add("a document of a forked peer", forked()?.save());
    add("a compacted document of a forked peer", forked_and_compacted()?.save());
    add("a document in which an event of a branch waits", forked_and_waiting()?.save());
    add("an update of branches", forked()?.update_since(&one_row()?.summary())?);
    add("an update with a marker", behind()?);
    add("a document of additions", counted()?.save());
    add("a compacted document of additions", counted_and_compacted()?.save());
    add("a document in which an addition waits", counted_and_waiting()?.save());
    add("an update of additions", counted()?.update_since(&one_row()?.summary())?);
    add("an empty update", ben.update_since(&ben.summary())?);
    Ok(all)
}

/// Returns saved documents and updates with texts.
pub(crate) fn text_bases() -> Result<Vec<Base>, Error> {
    let mut all = Vec::new();
    let mut add = |name, bytes| all.push(Base { name, bytes });
    add("a document of texts", texts()?.save());
    add("a compacted document of texts", texts_and_compacted()?.save());
    add("a document of texts compacted at its version", texts_compacted_at_version()?.save());
    add("a document in which a splice waits", texts_and_waiting()?.save());
    add("an update of texts", texts()?.update_since(&one_row()?.summary())?);
    add("an update of runs of splices", typed()?.update_since(&one_row()?.summary())?);
    add("a document of runs of splices", typed()?.save());
    Ok(all)
}

/// Returns documents that know nothing, some and all of the events in the bases with texts.
pub(crate) fn text_readers() -> Result<Vec<Reader>, Error> {
    Ok(vec![
        Reader { peer: "nobody", saved: Doc::create("nobody")?.save() },
        Reader { peer: "ann", saved: one_row()?.save() },
        Reader { peer: "ben", saved: texts()?.save() },
        Reader { peer: "ann", saved: texts_and_compacted()?.save() },
    ])
}

/// Returns documents that know nothing, a part, all, and more of the events in the bases.
pub(crate) fn readers() -> Result<Vec<Reader>, Error> {
    let (ann, ben) = replicas()?;
    let mut ahead = Doc::load("dan", &ann.save())?;
    ahead.insert("people", "p9", vec![Cell::new("name", "Dan")])?;
    ahead.delete("people", "p1")?;
    // This replica wrote without knowing the other events, and is below every horizon.
    let mut below = Doc::create("ann")?;
    below.merge_events(ann.events_since(&summary_of(&[]), 2)?.runs)?;
    below.insert("people", "p8", vec![Cell::new("name", "Below")])?;
    Ok(vec![
        Reader { peer: "nobody", saved: Doc::create("nobody")?.save() },
        Reader { peer: "ann", saved: ann.save() },
        Reader { peer: "ben", saved: ben.save() },
        Reader { peer: "dan", saved: ahead.save() },
        Reader { peer: "ann", saved: below.save() },
        Reader { peer: "eve", saved: waiting()?.save() },
        Reader { peer: "ann", saved: compacted_and_changed()?.save() },
        Reader { peer: "gil", saved: compacted()?.save() },
        Reader { peer: "ann", saved: forked()?.save() },
        Reader { peer: "ben", saved: forked_and_compacted()?.save() },
        Reader { peer: "ben", saved: counted()?.save() },
    ])
}

/// Returns a summary of the first events of these peers; each peer comes with the number of its
/// events.
pub(crate) fn summary_of(counts: &[(&str, u32)]) -> Vec<u8> {
    let known = |(peer, count): &(&str, u32)| PeerVersion { peer: (*peer).to_owned(), count: *count };
    Doc::summary_of(&counts.iter().map(known).collect::<Vec<_>>()).expect("each peer once")
}

pub(crate) fn one_row() -> Result<Doc, Error> {
    let mut doc = Doc::create("ann")?;
    doc.insert("people", "p1", vec![Cell::new("name", "Alice"), Cell::new("age", 30)])?;
    Ok(doc)
}

/// Returns the replicas of ann and ben, who wrote concurrently and merged each other's events and
/// cleo's. Ben has one event more.
pub(crate) fn replicas() -> Result<(Doc, Doc), Error> {
    let (mut ann, mut ben) = (one_row()?, Doc::create("ben")?);
    let mut cleo = Doc::create("cleo")?;
    ann.insert("people", "p2", vec![Cell::new("name", "Bob"), Cell::new("age", 31)])?;
    exchange(&mut ann, &mut ben)?;
    ann.update("people", "p1", vec![Cell::new("age", 32)])?;
    ann.unset("people", "p1", vec!["age".into(), "town".into()])?;
    ann.delete("people", "p2")?;
    ben.update("people", "p2", vec![Cell::new("age", 33)])?;
    ben.commit(vec![
        RowOp::Delete { table: "people".into(), row: "p1".into() },
        RowOp::Insert { table: "people".into(), row: "p1".into(), cells: vec![Cell::new("name", "Alicia")] },
        RowOp::Insert { table: "pets".into(), row: "cat".into(), cells: Vec::new() },
    ])?;
    cleo.insert("people", "p1", vec![Cell::new("town", "Oslo")])?;
    cleo.commit(Vec::new())?;
    exchange(&mut ben, &mut cleo)?;
    exchange(&mut ann, &mut ben)?;
    ben.update("people", "p1", vec![Cell::new("age", 34)])?;
    Ok((ann, ben))
}

fn exchange(a: &mut Doc, b: &mut Doc) -> Result<(), Error> {
    b.merge_events(a.events_since(&b.summary(), u32::MAX)?.runs)?;
    a.merge_events(b.events_since(&a.summary(), u32::MAX)?.runs)?;
    Ok(())
}

fn values() -> Result<Doc, Error> {
    let mut doc = Doc::create("ann")?;
    let values = [
        Value::Null,
        Value::Boolean(true),
        Value::Boolean(false),
        Value::Integer(i64::MIN),
        Value::Integer(i64::MAX),
        Value::Real(f64::NAN),
        Value::Real(-0.0),
        Value::Text(String::new()),
        Value::Text("é\u{10ffff}".into()),
        Value::Blob(vec![0, 255]),
        Value::Blob(Vec::new()),
    ];
    let cells = values.into_iter().enumerate().map(|(place, value)| Cell::new(format!("{place}"), value));
    doc.insert("t", "r", cells.collect())?;
    doc.update("t", "r", vec![Cell::new("1", Value::Null)])?;
    doc.unset("t", "r", vec!["3".into()])?;
    Ok(doc)
}

/// Returns a document with several waiting events. One event is missing, and one waits for another
/// waiting event.
fn waiting() -> Result<Doc, Error> {
    let (mut doc, mut fay) = (one_row()?, Doc::create("fay")?);
    for age in 0..3 {
        fay.insert("people", "p1", vec![Cell::new("age", age)])?;
    }
    let mut gil = Doc::load("gil", &fay.save())?;
    gil.insert("people", "p1", Vec::new())?;
    let mut runs = fay.events_since(&summary_of(&[("fay", 1)]), u32::MAX)?.runs;
    runs.extend(gil.events_since(&fay.summary(), u32::MAX)?.runs);
    assert_eq!(doc.merge_events(runs)?.waiting, 3);
    Ok(doc)
}

/// Returns a document whose events, rows, columns and values form runs that are long enough to be
/// encoded as runs.
fn long_runs() -> Result<Doc, Error> {
    let mut doc = one_row()?;
    for age in 0..40 {
        doc.update("people", "p1", vec![Cell::new("age", age)])?;
    }
    let rows = (0..20).map(|row| RowOp::Insert {
        table: "people".into(),
        row: format!("q{row:02}"),
        cells: vec![Cell::new("name", "Alice"), Cell::new("age", 1.5)],
    });
    doc.commit(rows.collect())?;
    Ok(doc)
}

/// Returns the document of concurrent events, compacted at its version.
pub(crate) fn compacted() -> Result<Doc, Error> {
    let (_, mut doc) = replicas()?;
    doc.compact(&[])?;
    Ok(doc)
}

/// Returns the document of concurrent events, compacted. Since then rows have changed, and events
/// wait that depend on the horizon.
fn compacted_and_changed() -> Result<Doc, Error> {
    let mut doc = compacted()?;
    for age in 0..3 {
        doc.insert("people", "p2", vec![Cell::new("age", age)])?;
        doc.delete("people", "p2")?;
    }
    let mut fay = Doc::load("fay", &doc.save())?;
    fay.insert("people", "p3", vec![Cell::new("name", "Fay")])?;
    let known = fay.summary();
    fay.update("people", "p3", vec![Cell::new("name", "Fay F.")])?;
    doc.merge_update(&fay.update_since(&known)?)?;
    Ok(doc)
}

/// Returns a document with additions to written and absent cells. One of them is concurrent with a
/// write, and another one with a delete.
fn counted() -> Result<Doc, Error> {
    let mut ann = one_row()?;
    ann.insert("people", "p2", Vec::new())?;
    let mut ben = Doc::load("ben", &ann.save())?;
    ann.add("people", "p1", "age", 1)?;
    ann.add("people", "p1", "visits", i64::MAX)?;
    ben.add("people", "p1", "visits", 1)?;
    ben.add("people", "p2", "visits", -2)?;
    ben.update("people", "p1", vec![Cell::new("age", 40)])?;
    ann.delete("people", "p2")?;
    exchange(&mut ann, &mut ben)?;
    Ok(ben)
}

/// Returns the document of additions, compacted. An addition that does not build on the horizon
/// remains in the history, and rows have changed since.
fn counted_and_compacted() -> Result<Doc, Error> {
    let mut doc = counted()?;
    let known = doc.summary();
    let mut cleo = Doc::load("cleo", &one_row()?.save())?;
    cleo.add("people", "p1", "visits", 5)?;
    cleo.add("people", "p1", "age", 6)?;
    doc.merge_update(&cleo.update_since(&doc.summary())?)?;
    doc.compact(&[known])?;
    doc.add("people", "p1", "age", 2)?;
    Ok(doc)
}

/// Returns a document in which an addition waits.
fn counted_and_waiting() -> Result<Doc, Error> {
    let (mut doc, mut fay) = (one_row()?, Doc::load("fay", &one_row()?.save())?);
    fay.update("people", "p1", vec![Cell::new("age", 1)])?;
    let known = fay.summary();
    fay.add("people", "p1", "age", 1)?;
    assert_eq!(doc.merge_events(fay.events_since(&known, u32::MAX)?.runs)?.waiting, 1);
    Ok(doc)
}

/// Returns a splice of a column of a row of people.
pub(crate) fn splice(row: &str, column: &str, (at, remove): (u32, u32), insert: &str) -> RowOp {
    let [table, row, column, insert] = ["people", row, column, insert].map(String::from);
    RowOp::Splice { table, row, column, at, remove, insert }
}

/// Returns a document with texts: written and spliced by several peers at one place, begun on an
/// absent cell, hidden by a later write and by a delete, and with splices that are void.
fn texts() -> Result<Doc, Error> {
    let mut ann = one_row()?;
    ann.insert("people", "p2", vec![Cell::new("name", "äöü\u{10ffff}")])?;
    let mut ben = Doc::load("ben", &ann.save())?;
    ann.commit(vec![
        splice("p1", "name", (5, 0), " Ä"),
        splice("p1", "name", (1, 2), ""),
        splice("p1", "bio", (0, 0), ""),
    ])?;
    ben.commit(vec![splice("p1", "name", (5, 0), "ß\u{301}"), splice("p1", "bio", (0, 0), "ben")])?;
    ann.commit(vec![splice("p1", "bio", (0, 0), "ann")])?;
    ann.commit(vec![splice("p2", "name", (1, 2), "")])?;
    ben.commit(vec![splice("p2", "name", (3, 1), "hidden")])?;
    ben.update("people", "p2", vec![Cell::new("name", "new")])?;
    let mut runs = ann.events_since(&ben.summary(), u32::MAX)?.runs;
    let last = runs.last_mut().expect("a run");
    last.commits.push(vec![
        splice("p1", "name", (9, 9), "void"),
        splice("p1", "name", (0, 1), "a"),
        splice("p1", "age", (0, 0), "x"),
    ]);
    last.commits.push(vec![splice("none", "name", (0, 0), "void"), splice("p1", "bio", (u32::MAX, u32::MAX), "")]);
    ben.merge_events(runs)?;
    ben.commit(vec![splice("p1", "bio", (2, 3), "—"), splice("p2", "name", (3, 0), "er")])?;
    Ok(ben)
}

/// Returns the document of texts, compacted. Splices that do not build on the horizon remain in the
/// history, and texts have changed since.
fn texts_and_compacted() -> Result<Doc, Error> {
    let mut doc = texts()?;
    let known = doc.summary();
    let mut cleo = Doc::load("cleo", &one_row()?.save())?;
    cleo.commit(vec![splice("p1", "note", (0, 0), "cleo")])?;
    cleo.commit(vec![splice("p1", "name", (5, 0), "!")])?;
    doc.merge_update(&cleo.update_since(&doc.summary())?)?;
    doc.commit(vec![splice("p1", "bio", (0, 1), "1")])?;
    doc.compact(&[known])?;
    doc.commit(vec![splice("p1", "bio", (1, 1), "2"), splice("p2", "name", (0, 0), "3")])?;
    let mut dan = Doc::load("dan", &doc.save())?;
    dan.commit(vec![splice("p1", "bio", (2, 0), "dan"), splice("p1", "name", (0, 0), "dan")])?;
    doc.update("people", "p2", vec![Cell::new("name", Value::Null)])?;
    doc.merge_update(&dan.update_since(&doc.summary())?)?;
    Ok(doc)
}

/// Returns the document of texts, compacted at its version and changed since.
fn texts_compacted_at_version() -> Result<Doc, Error> {
    let mut doc = texts()?;
    doc.compact(&[])?;
    let mut dan = Doc::load("dan", &doc.save())?;
    dan.commit(vec![splice("p1", "bio", (1, 0), "dan"), splice("p1", "name", (0, 1), "")])?;
    doc.commit(vec![splice("p1", "bio", (1, 2), "x"), splice("p2", "name", (0, 0), "y")])?;
    doc.merge_update(&dan.update_since(&doc.summary())?)?;
    Ok(doc)
}

/// Returns a document in which a splice waits.
fn texts_and_waiting() -> Result<Doc, Error> {
    let (mut doc, mut fay) = (texts()?, Doc::load("fay", &texts()?.save())?);
    fay.commit(vec![splice("p1", "name", (0, 0), "missing")])?;
    let known = fay.summary();
    fay.commit(vec![splice("p1", "name", (0, 3), "fay"), splice("p1", "bio", (0, 0), "é")])?;
    assert_eq!(doc.merge_events(fay.events_since(&known, u32::MAX)?.runs)?.waiting, 1);
    Ok(doc)
}

/// Returns a document with long runs: typed, deleted forwards and backwards, by two peers.
fn typed() -> Result<Doc, Error> {
    let mut ann = one_row()?;
    let mut ben = Doc::load("ben", &ann.save())?;
    for at in 0..40 {
        ann.commit(vec![splice("p1", "bio", (at, 0), if at % 8 == 7 { "ö" } else { "x" })])?;
        ben.commit(vec![splice("p1", "bio", (0, 0), "y")])?;
    }
    (0..6).try_for_each(|_| ann.commit(vec![splice("p1", "bio", (3, 1), "")]).map(drop))?;
    (0..6).try_for_each(|step| ben.commit(vec![splice("p1", "bio", (20 - step, 1), "")]).map(drop))?;
    exchange(&mut ann, &mut ben)?;
    ann.commit(vec![splice("p1", "bio", (30, 9), "—")])?;
    Ok(ann)
}

/// Returns a restored copy of this document, which continues as the same peer.
fn twin(doc: &Doc) -> Result<Doc, Error> {
    Doc::load(doc.peer(), &doc.save())
}

/// Returns a document in which ann's history forks after her first event, and one of the branches
/// forks again. Ben writes after all of them.
pub(crate) fn forked() -> Result<Doc, Error> {
    let mut ann = one_row()?;
    let mut other = twin(&ann)?;
    ann.update("people", "p1", vec![Cell::new("age", 31)])?;
    other.update("people", "p1", vec![Cell::new("age", 32)])?;
    other.insert("people", "p2", Vec::new())?;
    let mut third = twin(&other)?;
    other.update("people", "p2", vec![Cell::new("age", 33)])?;
    third.delete("people", "p2")?;
    exchange(&mut ann, &mut other)?;
    exchange(&mut ann, &mut third)?;
    exchange(&mut ann, &mut other)?;
    let mut ben = Doc::load("ben", &ann.save())?;
    ben.update("people", "p1", vec![Cell::new("town", "Oslo")])?;
    Ok(ben)
}

/// Returns the forked history, compacted. Since then ann's history has forked once more.
fn forked_and_compacted() -> Result<Doc, Error> {
    let mut doc = forked()?;
    doc.compact(&[])?;
    let mut ann = Doc::load("ann", &doc.save())?;
    let mut other = twin(&ann)?;
    ann.update("people", "p1", vec![Cell::new("age", 40)])?;
    other.update("people", "p1", vec![Cell::new("age", 41)])?;
    exchange(&mut ann, &mut doc)?;
    exchange(&mut other, &mut doc)?;
    Ok(doc)
}

/// Returns a document that has the second event of a branch of ann, but not the first.
fn forked_and_waiting() -> Result<Doc, Error> {
    let mut ann = one_row()?;
    let mut other = twin(&ann)?;
    ann.update("people", "p1", vec![Cell::new("age", 31)])?;
    other.update("people", "p1", vec![Cell::new("age", 32)])?;
    let known = other.summary();
    other.update("people", "p1", vec![Cell::new("age", 33)])?;
    ann.merge_update(&other.update_since(&known)?)?;
    Ok(ann)
}

/// Returns what a replica that has only ann's first event sends to a replica that seems to have
/// more of her events.
fn behind() -> Result<Vec<u8>, Error> {
    let (mut behind, mut ahead) = (one_row()?, one_row()?);
    ahead.update("people", "p1", vec![Cell::new("age", 31)])?;
    behind = Doc::load("ben", &behind.save())?;
    behind.insert("people", "p3", Vec::new())?;
    behind.update_since(&ahead.summary())
}
