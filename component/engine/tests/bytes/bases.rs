//! Small valid saves and updates, and documents to which bytes come. They are small so that every bit of them can be
//! flipped, and have something of everything that a section can hold.

use converge_engine::{Cell, Doc, Error, EventRun, PeerVersion, RowOp, Value};

/// Valid bytes, and what they are.
pub(crate) struct Base {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// A document to which bytes come: its peer, and what it saves.
pub(crate) struct Reader {
    pub(crate) peer: &'static str,
    pub(crate) saved: Vec<u8>,
}

/// Saved documents and updates.
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
    add("an update of one cell", ben.update_since(&ann.version())?);
    add("an update of everything", ben.update_since(&[])?);
    add("an update of every kind of value", values()?.update_since(&[])?);
    add("an update of a part", ben.update_since(&version(&[("ann", 2)]))?);
    add("an update of long runs", long_runs()?.update_since(&version(&[("ann", 1)]))?);
    add("an empty update", ben.update_since(&ben.version())?);
    Ok(all)
}

/// Documents that know nothing, a part, everything and more of what the bases hold.
pub(crate) fn readers() -> Result<Vec<Reader>, Error> {
    let (ann, ben) = replicas()?;
    let mut ahead = Doc::load("dan", &ann.save())?;
    ahead.insert("people", "p9", vec![Cell::new("name", "Dan")])?;
    ahead.delete("people", "p1")?;
    // It wrote without having heard of anything, and is below every horizon.
    let mut below = Doc::create("ann")?;
    below.merge_events(ann.events_since(&[], 2)?.runs)?;
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
    ])
}

pub(crate) fn version(counts: &[(&str, u32)]) -> Vec<PeerVersion> {
    counts.iter().map(|(peer, count)| PeerVersion { peer: (*peer).to_owned(), count: *count }).collect()
}

pub(crate) fn one_row() -> Result<Doc, Error> {
    let mut doc = Doc::create("ann")?;
    doc.insert("people", "p1", vec![Cell::new("name", "Alice"), Cell::new("age", 30)])?;
    Ok(doc)
}

/// Ann and ben, who wrote concurrently, heard of each other, and of cleo; ben has one event more.
pub(crate) fn replicas() -> Result<(Doc, Doc), Error> {
    let (mut ann, mut ben) = (one_row()?, Doc::create("ben")?);
    let mut cleo = Doc::create("cleo")?;
    ann.insert("people", "p2", vec![Cell::new("name", "Bob"), Cell::new("age", 31)])?;
    exchange(&mut ann, &mut ben)?;
    ann.update("people", "p1", vec![Cell::new("age", 32)])?;
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
    b.merge_events(a.events_since(&b.version(), u32::MAX)?.runs)?;
    a.merge_events(b.events_since(&a.version(), u32::MAX)?.runs)?;
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
    Ok(doc)
}

/// Events wait for one that is missing, and one for another that waits.
fn waiting() -> Result<Doc, Error> {
    let mut doc = one_row()?;
    let mut run = doc.events_since(&[], 1)?.runs.swap_remove(0);
    let commit = run.commits[0].clone();
    run = EventRun { peer: "fay".into(), start: 1, lamport: 2, deps: vec![id("fay", 0)], commits: vec![commit; 2] };
    let other = EventRun { peer: "gil".into(), start: 0, lamport: 3, deps: vec![id("fay", 1)], ..run.clone() };
    doc.merge_events(vec![run, other])?;
    Ok(doc)
}

fn id(peer: &str, counter: u32) -> converge_engine::EventId {
    converge_engine::EventId { peer: peer.to_owned(), counter }
}

/// Runs of events, of rows, of columns and of values, each long enough to be written as one.
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

/// The concurrent events, compacted at their version.
pub(crate) fn compacted() -> Result<Doc, Error> {
    let (_, mut doc) = replicas()?;
    doc.compact(&doc.version())?;
    Ok(doc)
}

/// The concurrent events, compacted; since then rows changed, and events wait that build on the horizon.
fn compacted_and_changed() -> Result<Doc, Error> {
    let mut doc = compacted()?;
    for age in 0..3 {
        doc.insert("people", "p2", vec![Cell::new("age", age)])?;
        doc.delete("people", "p2")?;
    }
    let mut fay = Doc::load("fay", &doc.save())?;
    fay.insert("people", "p3", vec![Cell::new("name", "Fay")])?;
    let known = fay.version();
    fay.update("people", "p3", vec![Cell::new("name", "Fay F.")])?;
    doc.merge_update(&fay.update_since(&known)?)?;
    Ok(doc)
}
