//! Makes files of `tests/crashers`, each of which is an attack by a possible sender.

use crate::bases::{compacted, forked, one_row, replicas, summary_of};
use crate::by_hand::{ByHand, column, fixed, names};
use crate::expand::updates;
use crate::frame::{Frame, MAGIC, Section, resealed, sealed, varint};
use crate::make_edits;
use converge_engine::{Cell, Doc, Error};

/// A file's name and content.
pub(crate) type Made = (&'static str, Vec<u8>);

/// Returns all files that are made here.
pub(crate) fn all() -> Result<Vec<Made>, Error> {
    let document = one_row()?.save();
    let mut files = frames(&document);
    files.extend(columns());
    files.extend(identities());
    files.extend(make_edits::edits()?);
    files.push(("one-text-ten-thousand-times.bin", updates(10_000, 6_000).bytes()));
    let (ann, mut ben) = replicas()?;
    files.push(("document-good.bin", document.clone()));
    files.push(("reserved-table-in-a-document.bin", reserved_table()?));
    files.push(("document-compacted.bin", compacted()?.save()));
    files.push(("horizon-of-more-events-than-its-time-has.bin", early_horizon()?));
    files.extend(forks()?);
    files.push(("update-good.bin", two_events()?.update_since(&summary_of(&[]))?));
    // By a replica that was away while the others compacted.
    let mut away = Doc::create("zoe")?;
    away.merge_events(ann.events_since(&summary_of(&[]), 2)?.runs)?;
    away.update("people", "p1", vec![Cell::new("age", 99)])?;
    files.push(("update-from-below-the-horizon.bin", away.update_since(&summary_of(&[("ann", 2)]))?));
    let known = ben.summary();
    ben.insert("people", "p4", Vec::new())?;
    files.push(("update-on-top-of-the-horizon.bin", ben.update_since(&known)?));
    Ok(files)
}

/// Returns a document with a table whose name is reserved, but which is no table of the engine.
fn reserved_table() -> Result<Vec<u8>, Error> {
    let mut doc = Doc::create("ann")?;
    doc.insert("converge.fields", "r", Vec::new())?;
    let mut bytes = doc.save();
    let at = bytes.windows(6).position(|name| name == b"fields").expect("the name of its table");
    bytes[at..at + 6].copy_from_slice(b"secret");
    Ok(resealed(&bytes))
}

/// Returns a compacted document of five events whose horizon claims six.
fn early_horizon() -> Result<Vec<u8>, Error> {
    let mut doc = one_row()?;
    for age in 0..4 {
        doc.update("people", "p1", vec![Cell::new("age", age)])?;
    }
    doc.compact(&[])?;
    let mut frame = Frame::parse(&doc.save()).expect("the engine's own bytes");
    let horizon = frame.sections.iter_mut().find(|section| section.id == 3).expect("a horizon");
    assert_eq!(horizon.content[..1], column(&[5]));
    horizon.content.splice(..1, column(&[6]));
    Ok(frame.bytes())
}

/// Returns the document whose update `ByHand` encodes.
fn two_events() -> Result<Doc, Error> {
    let mut doc = one_row()?;
    doc.update("people", "p1", vec![Cell::new("name", "Alice"), Cell::new("age", 31)])?;
    Ok(doc)
}

#[test]
fn by_hand_encodes_the_bytes_of_the_engine() -> Result<(), Error> {
    assert_eq!(ByHand::new().bytes(), two_events()?.update_since(&summary_of(&[]))?);
    Ok(())
}

/// Returns updates in which one number is wrong, or a few.
fn columns() -> Vec<Made> {
    let with = |change: &dyn Fn(&mut ByHand)| {
        let mut update = ByHand::new();
        change(&mut update);
        update.bytes()
    };
    // A run of equal numbers takes two bytes for each 128 of them.
    let million_peers =
        [varint(1_000_000), column(&vec![0; 1_000_000]), column(&vec![0; 1_000_000]), varint(0)].concat();
    vec![
        ("a-million-peers-with-empty-names.bin", with(&|update| update.peers = million_peers.clone())),
        ("a-million-peers-in-three-bytes.bin", with(&|update| drop(update.peers.splice(0..1, varint(1_000_000))))),
        ("dictionary-index-out-of-range.bin", with(&|update| update.name_codes[1] = 2)),
        ("dictionary-index-2-64.bin", with(&|update| update.name_codes[1] = u64::MAX)),
        ("text-beyond-the-end.bin", with(&|update| update.name_lengths[0] = 6)),
        ("text-of-2-63-bytes.bin", with(&|update| update.name_lengths[0] = 1 << 63)),
        ("text-not-utf-8.bin", with(&|update| update.name_bytes[4] = 0xff)),
        ("run-of-2-32-minus-1-events.bin", with(&|update| update.run_events[0] = u64::from(u32::MAX))),
        ("run-of-2-64-minus-1-events.bin", with(&|update| update.run_events[0] = u64::MAX)),
        ("run-of-no-events.bin", with(&|update| update.run_events[0] = 0)),
        ("runs-2-63.bin", with(&|update| update.runs = 1 << 63)),
        ("run-that-begins-at-2-32.bin", with(&|update| update.run_gaps[0] = 1 << 32)),
        ("run-that-begins-at-the-last-counter.bin", with(&|update| update.run_gaps[0] = u64::from(u32::MAX))),
        ("run-of-an-unknown-peer.bin", with(&|update| update.run_peers[0] = 1)),
        ("event-that-depends-on-itself.bin", with(&|update| depend(update, -1))),
        ("event-that-depends-on-its-future.bin", with(&|update| depend(update, -2))),
        ("event-that-depends-on-a-counter-below-0.bin", with(&|update| depend(update, 1))),
        ("event-that-depends-on-2-63.bin", with(&|update| depend(update, i64::MIN))),
        ("event-with-2-62-dependencies.bin", with(&|update| update.run_dependencies[0] = 1 << 62)),
        ("event-with-2-62-operations.bin", with(&|update| update.event_operations[1] = 1 << 62)),
        ("event-with-an-operation-less.bin", with(&|update| update.event_operations[1] = 0)),
        ("operation-of-an-unknown-kind.bin", with(&|update| update.kinds[1] = 6)),
        ("unset.bin", with(&unset)),
        ("unset-with-values.bin", with(&|update| update.kinds[1] = 3)),
        (
            "update-without-values.bin",
            with(&|update| {
                unset(update);
                update.kinds[1] = 1;
            }),
        ),
        ("operation-on-an-unknown-row.bin", with(&|update| update.rows[1] = 1)),
        ("operation-on-a-row-below-0.bin", with(&|update| update.rows[1] = -1)),
        ("operation-of-an-unknown-shape.bin", with(&|update| update.operation_shapes[1] = 1)),
        ("delete-with-cells.bin", with(&|update| update.kinds[1] = 2)),
        ("shape-of-an-unknown-column.bin", with(&|update| update.shape_columns[1] = 2)),
        ("shape-with-a-column-twice.bin", with(&|update| update.shape_columns[1] = 0)),
        ("shapes-2-63.bin", with(&|update| update.shapes = 1 << 63)),
        ("shape-of-2-62-columns.bin", with(&|update| update.shape_lengths[0] = 1 << 62)),
        ("value-of-an-unknown-kind.bin", with(&|update| update.age_kinds[1] = 8)),
        ("value-missing.bin", with(&|update| update.ages.truncate(1))),
        ("value-too-many.bin", with(&|update| update.ages.push(32))),
        ("table-of-2-62-rows.bin", with(&|update| update.table_rows[0] = 1 << 62)),
        ("row-without-a-table.bin", with(&|update| update.table_rows.push(1))),
        ("name-empty.bin", with(&|update| update.columns = names(&["", "name"]))),
        ("name-twice.bin", with(&|update| update.columns = names(&["name", "name"]))),
        ("names-not-sorted.bin", with(&|update| update.columns = names(&["name", "age"]))),
        ("name-nobody-uses.bin", with(&|update| update.tables = names(&["people", "pets"]))),
        ("reserved-table.bin", with(&|update| update.tables = names(&["converge.secret"]))),
        ("name-too-long.bin", with(&|update| update.peers = names(&[&"a".repeat(257)]))),
    ]
}

/// Returns updates with an error in their branches or fingerprints.
fn identities() -> Vec<Made> {
    let with = |change: &dyn Fn(&mut ByHand)| {
        let mut update = ByHand::new();
        change(&mut update);
        update.bytes()
    };
    let named = |name: &str| with(&|update| (update.peers, update.begins) = (names(&[name]), vec![0]));
    vec![
        ("branch-without-a-fingerprint.bin", named("ann~")),
        ("branch-of-fingerprint-0.bin", named("ann~0000000000000000")),
        ("branch-in-capital-letters.bin", named("ann~00000000000000AB")),
        ("branch-of-a-branch.bin", named("ann~0000000000000001~0000000000000002")),
        ("branch-of-nobody.bin", named("~0000000000000001")),
        ("branch-of-a-peer-of-201-bytes.bin", named(&format!("{}~0000000000000001", "a".repeat(201)))),
        ("branch-that-nothing-begins.bin", with(&|update| update.begins = vec![0])),
        ("branch-that-follows-no-branch.bin", with(&|update| branch(update, 3))),
        ("branch-that-follows-itself.bin", with(&|update| branch(update, 2))),
        (
            "fingerprint-missing.bin",
            with(&|update| {
                follow(update);
                update.outside.clear();
            }),
        ),
        ("fingerprint-too-many.bin", with(&|update| update.outside = vec![1])),
        (
            "fingerprint-0.bin",
            with(&|update| {
                follow(update);
                update.outside = vec![0];
            }),
        ),
        ("runs-that-build-on-each-other.bin", with(&circle)),
        ("salt.bin", with(&|update| salt(update, &[0], &[1]))),
        ("salt-0.bin", with(&|update| salt(update, &[0], &[0]))),
        ("salt-of-an-unknown-run.bin", with(&|update| salt(update, &[1], &[1]))),
        ("salt-twice.bin", with(&|update| salt(update, &[0, 0], &[1, 2]))),
        ("marker.bin", with(&|update| mark(update, 0, 7, 1))),
        ("marker-of-an-unknown-peer.bin", with(&|update| mark(update, 1, 7, 1))),
        ("marker-of-fingerprint-0.bin", with(&|update| mark(update, 0, 7, 0))),
        ("marker-beyond-all-counters.bin", with(&|update| mark(update, 0, u64::from(u32::MAX), 1))),
        (
            "a-million-markers.bin",
            with(&|update| {
                update.marker_peers = vec![0; 1_000_000];
                update.marker_counters = vec![7; 1_000_000];
                update.marker_fingerprints = vec![1; 1_000_000];
            }),
        ),
    ]
}

/// Puts the run on a branch, with this number in the column `begins`.
fn branch(update: &mut ByHand, begins: u64) {
    (update.peers, update.begins) = (names(&["ann~0000000000000001"]), vec![begins]);
    follow(update);
}

/// Makes the run follow an event that is not in the update.
fn follow(update: &mut ByHand) {
    depend(update, 0);
    update.run_gaps = vec![1];
    update.outside = vec![1];
}

/// Makes two runs depend on each other.
fn circle(update: &mut ByHand) {
    update.peers = names(&["ann", "ben"]);
    update.runs = 2;
    (update.run_peers, update.run_gaps, update.run_events) = (vec![0, 1], vec![0, 0], vec![1, 1]);
    (update.run_dependencies, update.dependency_peers) = (vec![1, 1], vec![1, 0]);
    update.dependency_distances = vec![-1, 0];
}

fn salt(update: &mut ByHand, runs: &[u64], salts: &[u64]) {
    (update.salted_runs, update.salts) = (runs.to_vec(), salts.to_vec());
}

fn mark(update: &mut ByHand, peer: u64, counter: u64, fingerprint: u64) {
    (update.marker_peers, update.marker_counters) = (vec![peer], vec![counter]);
    update.marker_fingerprints = vec![fingerprint];
}

/// Returns documents of a forked peer: a valid one, and others in which the data of its branches is
/// wrong.
fn forks() -> Result<Vec<Made>, Error> {
    let document = forked()?.save();
    let good = Frame::parse(&document).expect("the engine's own bytes");
    let with = |section: u64, change: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = good.clone();
        frame.sections.iter_mut().filter(|found| found.id == section).for_each(|found| change(&mut found.content));
        frame.bytes()
    };
    let without_prints = || {
        let mut frame = good.clone();
        frame.sections.retain(|section| section.id != 10);
        frame.bytes()
    };
    Ok(vec![
        ("document-without-fingerprints.bin", without_prints()),
        ("document-with-a-tip-less.bin", with(10, &|prints| *prints = [fixed(&[1]), vec![0; 3]].concat())),
        ("document-with-a-tip-of-0.bin", with(10, &|prints| *prints = [fixed(&[0; 4]), vec![0; 3]].concat())),
        ("document-without-times-of-branches.bin", with(1, &|peers| peers.truncate(peers.len() - 1))),
        ("document-forked.bin", document),
    ])
}

/// Makes the second event remove the cells that the first one set.
fn unset(update: &mut ByHand) {
    update.kinds[1] = 3;
    (update.age_kinds[1], update.name_kinds[1]) = (7, 7);
    update.ages.truncate(1);
    update.name_codes.truncate(1);
}

/// Makes the first event depend on an event of its own peer, at this distance from the last event
/// before it.
fn depend(update: &mut ByHand, distance: i64) {
    update.run_dependencies = vec![1];
    update.dependency_peers = vec![0];
    update.dependency_distances = vec![distance];
}

/// Returns files with an error in the frame itself.
fn frames(document: &[u8]) -> Vec<Made> {
    let head = [&MAGIC[..], &varint(1), b"D", &varint(0)].concat();
    let good = Frame::parse(document).expect("the engine's own bytes");
    let with = |change: &dyn Fn(&mut Frame)| {
        let mut frame = good.clone();
        change(&mut frame);
        frame.bytes()
    };
    let sections = |bytes: &[u8]| sealed([&head[..], &varint(bytes.len() as u64), bytes].concat());
    let body = &document[head.len() + 1..document.len() - 4];
    let length = varint(body.len() as u64);
    assert_eq!(document, sections(body), "the body's length takes one byte");
    let overlong = [length[0] | 0x80, 0];
    vec![
        ("empty.bin", Vec::new()),
        ("magic-alone.bin", MAGIC.to_vec()),
        ("length-claims-2-63.bin", sealed([&head[..], &varint(1 << 63)].concat())),
        ("length-claims-2-64.bin", sealed([&head[..], &varint(u64::MAX)].concat())),
        ("section-claims-2-63.bin", sections(&[varint(1), varint(1 << 63)].concat())),
        ("section-claims-one-byte-more.bin", sections(&[1, 2, 0])),
        ("number-without-end.bin", sealed([&MAGIC[..], &[0x80; 40]].concat())),
        ("number-of-eleven-bytes.bin", sealed([&head[..], &[0xff; 10], &[1]].concat())),
        ("overlong-length.bin", sealed([&head[..], &overlong, body].concat())),
        ("overlong-version.bin", sealed([&MAGIC[..], &[0x81, 0], &document[5..document.len() - 4]].concat())),
        ("overlong-section-id.bin", sections(&[&[body[0] | 0x80, 0], &body[1..]].concat())),
        ("trailing-byte.bin", [document, &[0]].concat()),
        ("trailing-byte-sealed.bin", sealed([&document[..document.len() - 4], &[0]].concat())),
        ("trailing-byte-in-a-section.bin", with(&|frame| frame.sections[0].content.push(0))),
        ("two-documents.bin", [document, document].concat()),
        ("two-documents-sealed.bin", sealed([document, document].concat())),
        ("a-document-in-a-document.bin", sections(document)),
        ("section-twice.bin", with(&|frame| frame.sections.insert(0, frame.sections[0].clone()))),
        ("sections-not-sorted.bin", with(&|frame| frame.sections.reverse())),
        ("section-missing.bin", with(&|frame| drop(frame.sections.remove(0)))),
        ("no-sections.bin", sections(&[])),
        ("unknown-section-to-skip.bin", with(&|frame| frame.sections.push(Section { id: 64, content: vec![1] }))),
        ("unknown-section-to-refuse.bin", with(&|frame| frame.sections.push(Section { id: 63, content: vec![1] }))),
        ("withheld-operations.bin", with(&|frame| frame.features = 1)),
        ("unused-feature.bin", with(&|frame| frame.features = 2)),
        ("signed.bin", with(&|frame| frame.features = 4)),
        ("unknown-kind-with-a-feature.bin", with(&|frame| (frame.kind, frame.features) = (b'Z', 8))),
        ("unknown-feature-63.bin", with(&|frame| frame.features = 1 << 63)),
        ("newer-version.bin", with(&|frame| frame.version = 2)),
        ("version-0.bin", with(&|frame| frame.version = 0)),
        ("version-beyond-32-bits.bin", with(&|frame| frame.version = 1 << 32)),
        ("unknown-kind.bin", with(&|frame| frame.kind = b'E')),
        ("document-that-claims-to-be-an-update.bin", with(&|frame| frame.kind = b'U')),
    ]
}
