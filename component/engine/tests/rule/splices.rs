//! Splices that no honest replica commits, and texts at their limits. A refused call changes
//! nothing.

use crate::seeds::Random;
use converge_engine::{Cell, Doc, Error, EventId, EventRun, Invalid, RowOp, Unit, Value, limits};

fn splice(row: &str, column: &str, at: u32, remove: u32, insert: &str) -> RowOp {
    let [table, row, column, insert] = ["t", row, column, insert].map(String::from);
    RowOp::Splice { table, row, column, at, remove, insert }
}

fn cell(column: &str) -> (String, String, String) {
    ("t".into(), "r".into(), column.into())
}

/// Returns a document with a spliced and a written text, an integer, a blob and a null.
fn doc() -> Doc {
    let mut doc = Doc::create("ann").unwrap();
    let cells = [
        Cell::new("written", "äb\u{10ffff}"),
        Cell::new("integer", 1),
        Cell::new("blob", Value::Blob(vec![1])),
        Cell::new("null", Value::Null),
    ];
    doc.insert("t", "r", cells.into()).unwrap();
    doc.commit(vec![splice("r", "spliced", 0, 0, "äb\u{10ffff}")]).unwrap();
    doc
}

fn value(doc: &Doc, column: &str) -> Option<Value> {
    doc.get("t", "r")?.into_iter().find(|cell| cell.column == column).map(|cell| cell.value)
}

/// Makes a commit, which must fail and change nothing.
fn refused(doc: &mut Doc, ops: Vec<RowOp>) -> Error {
    let before = doc.save();
    let error = doc.commit(ops).unwrap_err();
    assert_eq!(doc.save(), before, "a refused commit ({error}) changed the document");
    doc.dbg_check();
    error
}

/// Merges a commit of another peer, which built on this document, and returns the document.
fn merged(doc: &Doc, ops: Vec<RowOp>) -> Doc {
    let mut doc = Doc::load("ann", &doc.save()).unwrap();
    let run = EventRun {
        peer: "eve".into(),
        start: 0,
        lamport: None,
        deps: doc.heads(),
        fingerprints: Vec::new(),
        salt: 0,
        commits: vec![ops],
    };
    assert_eq!(doc.merge_events(vec![run]).unwrap().applied, 1);
    doc.dbg_check();
    let saved = doc.save();
    let mut loaded = Doc::load("ann", &saved).unwrap();
    assert_eq!((loaded.save(), loaded.digest()), (saved, doc.digest()));
    loaded.compact(&[]).unwrap();
    assert_eq!(loaded.digest(), doc.digest());
    doc
}

#[test]
fn positions_beyond_the_text() {
    let max = u32::MAX;
    for (at, remove) in
        [(4, 0), (max, 0), (0, 4), (1, 3), (3, 1), (0, max), (1, max), (max, 1), (max, max), (3, max - 2)]
    {
        for (column, length) in [("spliced", 3), ("written", 3), ("absent", 0), ("null", 0)] {
            let at = if length == 0 { at.max(1) } else { at };
            let expected = Error::from(Invalid::SpliceBeyondText { cell: cell(column), at, remove, length });
            let mut doc = doc();
            let hostile = splice("r", column, at, remove, "x");
            assert_eq!(refused(&mut doc, vec![hostile.clone()]), expected);
            // After and before splices that fit.
            let fits = splice("r", column, 0, 0, "");
            assert_eq!(refused(&mut doc, vec![fits.clone(), hostile.clone()]), expected);
            assert_eq!(refused(&mut doc, vec![hostile.clone(), fits.clone()]), expected);
            // In a commit that has other operations, too.
            let insert = RowOp::Insert { table: "t".into(), row: "other".into(), cells: Vec::new() };
            assert_eq!(refused(&mut doc, vec![insert, hostile.clone()]), expected);
            // Remote splices are void: they do nothing, and those around them count.
            let before = value(&doc, column);
            assert_eq!(value(&merged(&doc, vec![hostile.clone()]), column), before);
            let text = match before {
                Some(Value::Text(text)) => text,
                _ => String::new(),
            };
            let around = vec![splice("r", column, 0, 0, "<"), hostile, splice("r", column, length + 1, 0, ">")];
            let around = merged(&doc, around);
            let is_inside = u64::from(at) + u64::from(remove) <= u64::from(length) + 1;
            if !is_inside {
                assert_eq!(value(&around, column), Some(Value::Text(format!("<{text}>"))), "{column} {at} {remove}");
            }
        }
    }
}

#[test]
fn the_end_is_a_position() {
    let mut doc = doc();
    doc.splice("t", "r", "spliced", (3, 0), "!").unwrap();
    doc.splice("t", "r", "written", (3, 0), "!").unwrap();
    doc.splice("t", "r", "null", (0, 0), "").unwrap();
    doc.splice("t", "r", "absent", (0, 0), "").unwrap();
    assert_eq!(value(&doc, "spliced"), Some("äb\u{10ffff}!".into()));
    assert_eq!(value(&doc, "written"), Some("äb\u{10ffff}!".into()));
    assert_eq!((value(&doc, "null"), value(&doc, "absent")), (Some("".into()), Some("".into())));
    doc.splice("t", "r", "spliced", (0, 4), "").unwrap();
    assert_eq!(value(&doc, "spliced"), Some("".into()));
}

/// An author edits the end of a text that another author shortened.
#[test]
fn pos_past_placeholder() {
    let start = doc();
    let copy = |peer| Doc::load(peer, &start.save()).unwrap();
    let [mut at_end, mut empties, mut in_between] = ["a", "b", "c"].map(copy);
    at_end.commit(vec![splice("r", "spliced", 3, 0, "A")]).unwrap();
    empties.commit(vec![splice("r", "spliced", 0, 3, "")]).unwrap();
    empties.commit(vec![splice("r", "spliced", 0, 0, "B")]).unwrap();
    in_between.commit(vec![splice("r", "spliced", 3, 0, "C"), splice("r", "spliced", 2, 2, "D")]).unwrap();
    let void = |peer: &str, deps: &[EventId], ops| EventRun {
        peer: peer.into(),
        start: 0,
        lamport: None,
        deps: deps.to_vec(),
        fingerprints: Vec::new(),
        salt: 0,
        commits: vec![ops],
    };
    let beyond =
        void("e", &start.heads(), vec![splice("r", "spliced", 4, 0, "void"), splice("r", "spliced", 3, 0, "E")]);
    let after =
        void("f", &empties.heads(), vec![splice("r", "spliced", 3, 0, "void"), splice("r", "spliced", 1, 0, "F")]);
    let others = [at_end, empties, in_between];
    let updates = others.map(|other| other.update_since(&start.summary()).unwrap());
    let mut ends = Vec::new();
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut doc = Doc::load("reader", &start.save()).unwrap();
        let mut steps: Vec<usize> = (0..5).collect();
        random.shuffle(&mut steps);
        // The last run builds on the second update.
        if steps.iter().position(|&step| step == 4) < steps.iter().position(|&step| step == 1) {
            continue;
        }
        for step in steps {
            match step {
                3 => drop(doc.merge_events(vec![beyond.clone()]).unwrap()),
                4 => drop(doc.merge_events(vec![after.clone()]).unwrap()),
                _ => drop(doc.merge_update(&updates[step]).unwrap()),
            }
            doc.dbg_check();
        }
        ends.push((value(&doc, "spliced"), doc.save()));
    }
    ends.dedup();
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert_eq!(ends[0].0, Some("BFDAE".into()));
}

#[test]
fn edits_of_other_values() {
    let mut doc = doc();
    for column in ["integer", "blob"] {
        let expected = Error::from(Invalid::NotAText { cell: cell(column) });
        assert_eq!(refused(&mut doc, vec![splice("r", column, 0, 0, "x")]), expected);
        assert_eq!(refused(&mut doc, vec![splice("r", column, 9, 9, "x"), splice("r", column, 0, 0, "")]), expected);
        let view = doc.open_view("t", "r", column, Unit::Scalar).unwrap();
        assert_eq!((doc.read_view(view), doc.take_view(view), doc.view_length(view)), (None, None, 0));
        assert_eq!(doc.rewrite_view(view, "x"), Err(expected));
        let after = merged(&doc, vec![splice("r", column, 0, 0, "x"), splice("r", column, 0, 1, "")]);
        assert_eq!((after.digest(), value(&after, column)), (doc.digest(), value(&doc, column)));
    }
    for column in ["spliced", "written", "blob"] {
        let add = RowOp::Add { table: "t".into(), row: "r".into(), column: column.into(), amount: 1 };
        let expected = Error::from(Invalid::NotAnInteger { cell: cell(column) });
        assert_eq!(refused(&mut doc, vec![add.clone()]), expected);
        assert_eq!(refused(&mut doc, vec![splice("r", "spliced", 0, 0, "x"), add.clone()]), expected);
        let after = merged(&doc, vec![add]);
        assert_eq!((after.digest(), value(&after, column)), (doc.digest(), value(&doc, column)));
    }
    // A splice makes a text of an absent cell, to which nothing can be added then.
    let add = RowOp::Add { table: "t".into(), row: "r".into(), column: "new".into(), amount: 1 };
    let expected = Error::from(Invalid::NotAnInteger { cell: cell("new") });
    assert_eq!(refused(&mut doc, vec![splice("r", "new", 0, 0, "x"), add.clone()]), expected);
    let expected = Error::from(Invalid::NotAText { cell: cell("new") });
    assert_eq!(refused(&mut doc, vec![add, splice("r", "new", 0, 0, "x")]), expected);
}

#[test]
fn splices_of_rows_that_do_not_exist() {
    let mut doc = doc();
    for row in ["none", "gone"] {
        if row == "gone" {
            doc.insert("t", "gone", vec![Cell::new("x", "text")]).unwrap();
            doc.delete("t", "gone").unwrap();
        }
        let expected = Error::NoSuchRow { table: "t".into(), row: row.into() };
        assert_eq!(refused(&mut doc, vec![splice(row, "x", 0, 0, "x")]), expected);
        assert_eq!(refused(&mut doc, vec![splice("r", "spliced", 0, 0, "x"), splice(row, "x", 0, 0, "x")]), expected);
        let after = merged(&doc, vec![splice(row, "x", 0, 0, "x")]);
        assert_eq!((after.digest(), after.get("t", row)), (doc.digest(), None));
        // Void for ever: the row of a later insert does not have it.
        let mut after = after;
        after.insert("t", row, Vec::new()).unwrap();
        assert_eq!(after.get("t", row), Some(Vec::new()));
        let mut view_of = Doc::load("ann", &doc.save()).unwrap();
        let view = view_of.open_view("t", row, "x", Unit::Utf8).unwrap();
        assert_eq!(view_of.rewrite_view(view, "x"), Err(expected));
    }
    let names = [("", "r", "c"), ("t", "", "c"), ("t", "r", "")];
    for (table, row, column) in names {
        let [table, row, column] = [table, row, column].map(String::from);
        let op = RowOp::Splice { table, row, column, at: 0, remove: 0, insert: String::new() };
        assert!(matches!(refused(&mut doc, vec![op]), Error::InvalidArgument(_)));
    }
}

/// Many splices in one commit cost no copies of the text.
#[test]
fn a_commit_of_many_splices() {
    let mut doc = Doc::create("ann").unwrap();
    let length = 1 << 20;
    doc.insert("t", "r", vec![Cell::new("x", "ab".repeat(length / 2))]).unwrap();
    // Replaces every 16th character, from the end.
    let count = 65_536;
    let ops: Vec<RowOp> = (0..count).rev().map(|at| splice("r", "x", at * 16, 1, "ß")).collect();
    doc.commit(ops.clone()).unwrap();
    let mut expected = "ab".repeat(length / 2);
    (0..count as usize).rev().for_each(|at| expected.replace_range(at * 16..=at * 16, "ß"));
    assert_eq!(value(&doc, "x"), Some(expected.as_str().into()));
    // The same on a text that was spliced, at scattered places, and by another replica.
    let mut other = Doc::load("ben", &doc.save()).unwrap();
    let mut random = Random::new(7);
    let scattered: Vec<RowOp> = (0..count).map(|_| splice("r", "x", random.below(length) as u32, 0, "x")).collect();
    doc.commit(scattered).unwrap();
    other.commit(ops.into_iter().rev().collect()).unwrap();
    let [to_other, to_doc] = [doc.update_since(&other.summary()).unwrap(), other.update_since(&doc.summary()).unwrap()];
    other.merge_update(&to_other).unwrap();
    doc.merge_update(&to_doc).unwrap();
    assert_eq!(doc.save(), other.save());
    // One of them is beyond the text.
    let before = doc.save();
    let beyond = (0..count).map(|at| splice("r", "x", if at == 60_000 { u32::MAX } else { at }, 0, "")).collect();
    assert!(matches!(doc.commit(beyond), Err(Error::InvalidArgument(Invalid::SpliceBeyondText { .. }))));
    assert!(doc.save() == before);
}

#[test]
fn texts_beyond_the_limit() {
    let max = limits::VALUE_BYTES.maximum as usize;
    let mut doc = Doc::create("ann").unwrap();
    doc.insert("t", "r", Vec::new()).unwrap();
    // One splice inserts at most a value, and a text is at most as long.
    let long = "é".repeat(max / 2);
    assert!(matches!(doc.splice("t", "r", "x", (0, 0), format!("{long}x")), Err(Error::LimitExceeded { .. })));
    doc.splice("t", "r", "x", (0, 0), &*long).unwrap();
    let before = doc.digest();
    for (ops, fits) in [
        (vec![splice("r", "x", 0, 0, "x")], false),
        (vec![splice("r", "x", 0, 1, "xyz")], false),
        (vec![splice("r", "x", 0, 0, "x"), splice("r", "x", 1, 1, "")], false),
        (vec![splice("r", "x", 1, 1, ""), splice("r", "x", 0, 0, "xy")], true),
        (vec![splice("r", "x", 0, 1, "xy")], true),
    ] {
        let mut doc = Doc::load("ann", &doc.save()).unwrap();
        let result = doc.commit(ops.clone());
        assert_eq!(result.is_ok(), fits, "{:?}", result.err());
        assert!(fits || matches!(result, Err(Error::LimitExceeded { .. })));
        assert!(fits || doc.digest() == before);
    }
    // Concurrent splices make it longer than a value.
    let mut other = Doc::load("ben", &doc.save()).unwrap();
    other.splice("t", "r", "x", (1, 1), "bé").unwrap_err();
    other.splice("t", "r", "x", (1, 2), "béx").unwrap();
    doc.splice("t", "r", "x", (0, 2), "ann!").unwrap();
    let update = other.update_since(&doc.summary()).unwrap();
    doc.merge_update(&update).unwrap();
    let Some(Value::Text(text)) = value(&doc, "x") else { panic!("the text is gone") };
    assert!(text.len() > max, "{} bytes", text.len());
    // It can be saved, loaded, compacted and shortened, and gets no longer.
    let saved = doc.save();
    let mut doc = Doc::load("ann", &saved).unwrap();
    assert!(value(&doc, "x") == Some(text.as_str().into()) && doc.save() == saved);
    doc.compact(&[]).unwrap();
    let saved = doc.save();
    let mut doc = Doc::load("ann", &saved).unwrap();
    assert!(value(&doc, "x") == Some(text.as_str().into()) && doc.save() == saved);
    assert!(matches!(doc.splice("t", "r", "x", (0, 0), "x"), Err(Error::LimitExceeded { .. })));
    let view = doc.open_view("t", "r", "x", Unit::Utf16).unwrap();
    assert_eq!(doc.view_length(view) as usize, text.encode_utf16().count());
    doc.splice("t", "r", "x", (0, 100), "").unwrap();
    doc.splice("t", "r", "x", (0, 0), "x").unwrap();
}
