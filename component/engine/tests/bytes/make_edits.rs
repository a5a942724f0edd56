//! Makes the files of `tests/crashers` with edits: splices and additions.

use crate::bases::{one_row, splice, summary_of};
use crate::by_hand::{ByHand, Contents, EDITS, Splices};
use crate::edits_by_hand::{Bases, EditsByHand, Kept, Sums, Texts};
use crate::frame::{Frame, Section};
use crate::make::Made;
use converge_engine::{Doc, Error, EventRun, RowOp};

/// The number of the section of the edits.
const SECTION: u64 = 11;
/// The largest position of a splice.
const LAST: i64 = u32::MAX as i64;
/// The largest carry of a sum.
const MAX_CARRY: i64 = 1 << 62;

/// Returns all files that are made here.
pub(crate) fn edits() -> Result<Vec<Made>, Error> {
    let mut files = updates();
    files.extend(documents()?);
    files.extend(compacted()?);
    files.extend(bombs());
    files.push(("edits-good.bin", edited()?.save()));
    files.push(("edits-good-compacted.bin", edited_and_compacted()?.save()));
    files.push(("edits-void.bin", void()?.update_since(&edited()?.summary())?));
    files.push(("edits-void-saved.bin", void()?.save()));
    Ok(files)
}

/// Returns a document with a written text that is spliced, one that consists of a splice, and a
/// sum.
fn edited() -> Result<Doc, Error> {
    let mut doc = one_row()?;
    doc.commit(vec![splice("p1", "name", (5, 0), " Ä")])?;
    doc.commit(vec![splice("p1", "name", (0, 1), "")])?;
    doc.commit(vec![splice("p1", "bio", (0, 0), "x")])?;
    doc.add("people", "p1", "age", 1)?;
    Ok(doc)
}

fn edited_and_compacted() -> Result<Doc, Error> {
    let mut doc = edited()?;
    doc.compact(&[])?;
    Ok(doc)
}

/// Returns the edited document with edits of another peer, all of which do nothing.
fn void() -> Result<Doc, Error> {
    let mut doc = edited()?;
    let last = u32::MAX;
    let places = [(8, 0), (7, 1), (0, 8), (last, 0), (0, last), (last, last)];
    let mut commits: Vec<Vec<RowOp>> = places.iter().map(|&place| vec![splice("p1", "name", place, "void")]).collect();
    commits.push(vec![splice("p1", "age", (0, 0), "void")]);
    commits.push(vec![splice("p2", "name", (0, 0), "void")]);
    commits.push(vec![RowOp::Add { table: "people".into(), row: "p1".into(), column: "name".into(), amount: 1 }]);
    commits.extend((0..4).map(|at| vec![splice("p1", "bio", (1, at + 1), "")]));
    let run = EventRun {
        peer: "eve".into(),
        start: 0,
        lamport: None,
        deps: doc.heads(),
        fingerprints: Vec::new(),
        salt: 0,
        commits,
    };
    doc.merge_events(vec![run])?;
    Ok(doc)
}

/// Returns updates with splices in which one number is wrong, or a few.
fn updates() -> Vec<Made> {
    let of = |events: usize, change: &dyn Fn(&mut ByHand)| {
        let mut update = ByHand::typing(events);
        change(&mut update);
        update.bytes()
    };
    let with = |events, change: &dyn Fn(&mut Splices)| {
        of(events, &|update| change(update.splices.as_mut().expect("an update of splices")))
    };
    vec![
        ("splices-typed.bin", of(200, &|_| ())),
        ("splice-below-0.bin", with(1, &|splices| splices.places[0] = -1)),
        ("splice-at-2-32.bin", with(1, &|splices| splices.places[0] = LAST + 1)),
        ("splice-at-a-place-of-64-bits.bin", with(2, &|splices| splices.places[1] = i64::MIN)),
        ("splices-at-the-last-position.bin", with(100, &|splices| splices.places[0] = LAST)),
        ("splices-that-pass-the-last-position.bin", with(128, &|splices| pass(splices, LAST - 101, 1))),
        ("splices-that-end-at-the-last-position.bin", with(128, &|splices| pass(splices, LAST - 2 * 127, 1))),
        ("splices-behind-the-last-position.bin", with(90, &|splices| behind(splices, 100))),
        ("backspaces-to-0.bin", with(100, &|splices| backspace(splices, 99))),
        ("backspaces-below-0.bin", with(100, &|splices| backspace(splices, 98))),
        ("splices-that-remove-2-32-minus-1.bin", with(100, &|splices| splices.removed.fill(LAST as u64))),
        ("splice-that-removes-2-32.bin", with(2, &|splices| splices.removed[1] = LAST as u64 + 1)),
        ("splice-that-inserts-2-32.bin", with(2, &|splices| splices.inserted[1] = LAST as u64 + 1)),
        ("splice-with-a-place-less.bin", with(100, &|splices| splices.places.truncate(99))),
        ("splice-with-a-place-more.bin", with(100, &|splices| splices.places.push(0))),
        ("content-too-short.bin", with(100, &|splices| splices.inserted.fill(2))),
        ("content-too-short-by-one.bin", with(100, &|splices| splices.inserted[99] = 2)),
        ("content-left-over.bin", with(100, &|splices| splices.inserted[99] = 0)),
        ("content-not-utf-8.bin", with(100, &|splices| splices.contents.bytes[50] = 0xff)),
        ("content-cut-inside-a-character.bin", with(100, &cut)),
        ("content-of-ascii-but-for-one-character.bin", with(200, &|splices| other_character(splices, 100))),
        ("content-of-no-splice.bin", with(100, &|splices| list_cell(&mut splices.contents, 0, 0))),
        ("content-of-an-unknown-cell.bin", with(100, &|splices| list_cell(&mut splices.contents, 7, 0))),
        ("content-missing.bin", with(100, &|splices| splices.contents = Default::default())),
        ("content-of-another-cell.bin", with(100, &|splices| splices.contents.columns[0] = 0)),
        ("content-of-2-63-bytes.bin", with(100, &|splices| splices.contents.lengths[0] = 1 << 63)),
        ("splice-of-two-cells.bin", of(2, &|update| update.operation_shapes[1] = 0)),
        ("splice-of-no-cell.bin", of(2, &|update| (update.shape_lengths[1], update.shape_columns) = (0, vec![0, 1]))),
        ("splice-of-an-unknown-row.bin", of(100, &|update| update.rows[100] = 1)),
        ("splices-of-an-unknown-row.bin", of(100, &|update| update.rows[1..].fill(1))),
        ("splices-without-places.bin", of(2, &|update| update.splices = None)),
        ("splices-without-their-feature.bin", of(2, &|update| update.features = 0)),
        ("splice-of-an-old-update.bin", {
            let mut update = ByHand::new();
            update.kinds[1] = 4;
            update.bytes()
        }),
        ("unused-feature-of-an-update.bin", ByHand { features: EDITS, ..ByHand::new() }.bytes()),
        ("unused-places-of-splices.bin", {
            let splices = ByHand::typing(1).splices;
            ByHand { features: EDITS, splices, ..ByHand::new() }.bytes()
        }),
    ]
}

/// Moves the splices, so that each but the first is this far behind the one before.
fn pass(splices: &mut Splices, first: i64, further: i64) {
    splices.places.fill(further);
    splices.places[0] = first;
}

/// Makes each splice insert this many characters. The first one ends at the last position, and each
/// other one begins before that and ends behind it.
fn behind(splices: &mut Splices, inserted: i64) {
    splices.places.fill(1 - inserted);
    splices.places[0] = LAST - inserted;
    splices.inserted.fill(inserted as u64);
    let bytes = splices.places.len() * inserted as usize;
    splices.contents.lengths[0] = bytes as u64;
    splices.contents.bytes = vec![b'!'; bytes];
}

/// Makes the splices remove one character each, from this position backwards.
fn backspace(splices: &mut Splices, first: i64) {
    pass(splices, first, -1);
    splices.removed.fill(1);
    splices.inserted.fill(0);
    (splices.contents.lengths[0], splices.contents.bytes) = (0, Vec::new());
}

/// Makes two cells share a character.
fn cut(splices: &mut Splices) {
    list_cell(&mut splices.contents, 0, 1);
    splices.contents.bytes[..2].copy_from_slice("é".as_bytes());
}

/// Replaces the character with this index.
fn other_character(splices: &mut Splices, at: usize) {
    splices.contents.bytes.splice(at..=at, *b"\xf0\x9f\x98\x80");
    splices.contents.lengths[0] += 3;
}

/// Lists a cell of this column in addition. If it comes first, it gets the first bytes of the
/// content.
fn list_cell(contents: &mut Contents, column: u64, bytes: u64) {
    let at = contents.columns.partition_point(|listed| *listed < column);
    contents.rows.push(0);
    contents.columns.insert(at, column);
    contents.lengths.insert(at, 0);
    let all = contents.bytes.len() as u64;
    contents.lengths = if at == 0 { vec![bytes, all - bytes] } else { vec![all, 0] };
}

/// Returns the section of the document of `edited`.
fn section() -> EditsByHand {
    EditsByHand {
        sums: Sums { rows: vec![0], columns: vec![0], kinds: vec![2], rests: vec![1], carries: vec![0] },
        contents: Contents {
            rows: vec![0, 0],
            columns: vec![1, 2],
            lengths: vec![1, 3],
            bytes: "x Ä".as_bytes().to_vec(),
        },
        classes: vec![3, 3, 1],
        texts: Texts {
            rows: vec![0, 0],
            columns: vec![1, 2],
            kinds: vec![0, 2],
            sources: vec![1, 1],
            ranges: vec![1, 1],
            starts: vec![0, 1],
            lengths: vec![1, 7],
        },
        ..EditsByHand::default()
    }
}

/// Returns the section of the same document, compacted.
fn compacted_section() -> EditsByHand {
    let texts = Texts { sources: vec![2, 2], starts: vec![0, 0], ..section().texts };
    EditsByHand {
        sums: section().sums,
        bases: Bases {
            rows: vec![0, 0],
            columns: vec![1, 2],
            kinds: vec![0, 2],
            spans: vec![1, 2],
            origins: vec![1, 0, 1],
            firsts: vec![3, 1, 1],
            places: vec![0, 0],
            offsets: vec![0, 0],
            of_each: vec![1, 2],
            scalars: vec![1, 4, 2],
            characters: "xlice Ä".as_bytes().to_vec(),
        },
        texts,
        ..EditsByHand::default()
    }
}

/// Returns a document with another section of edits.
fn with_section(document: &[u8], section: Option<&EditsByHand>) -> Vec<u8> {
    let mut frame = Frame::parse(document).expect("the engine's own bytes");
    frame.sections.retain(|section| section.id != SECTION);
    frame.sections.extend(section.map(|section| Section { id: SECTION, content: section.bytes() }));
    frame.bytes()
}

#[test]
fn sections_by_hand_are_the_bytes_of_the_engine() -> Result<(), Error> {
    for (document, section) in [(edited()?, section()), (edited_and_compacted()?, compacted_section())] {
        assert_eq!(with_section(&document.save(), Some(&section)), document.save());
    }
    Ok(())
}

#[test]
fn splices_by_hand_are_the_bytes_of_the_engine() -> Result<(), Error> {
    let mut doc = one_row()?;
    (0..200).try_for_each(|at| doc.commit(vec![splice("p1", "name", (5 + at, 0), "!")]).map(drop))?;
    assert_eq!(ByHand::typing(200).bytes(), doc.update_since(&summary_of(&[]))?);
    Ok(())
}

/// An expected position beyond the last one is the last one, also within a run of splices.
#[test]
fn expected_positions_end_at_the_last_one() -> Result<(), Error> {
    for events in [2, 3, 90, 128, 129, 300] {
        let mut update = ByHand::typing(events);
        behind(update.splices.as_mut().expect("an update of splices"), 100);
        let mut doc = Doc::create("nobody")?;
        doc.merge_update(&update.bytes())?;
        let loaded = Doc::load("nobody", &doc.save())?;
        for doc in [doc, loaded] {
            let runs = doc.events_since(&summary_of(&[("ann", 1)]), u32::MAX)?.runs;
            let positions: Vec<u32> = runs.iter().flat_map(|run| &run.commits).map(|commit| position(commit)).collect();
            assert_eq!(positions[0], u32::MAX - 100);
            assert_eq!(positions[1..], vec![u32::MAX - 99; events - 1]);
        }
    }
    Ok(())
}

/// Returns the position of the only operation of a commit, which is a splice.
fn position(commit: &[RowOp]) -> u32 {
    match commit {
        [RowOp::Splice { at, .. }] => *at,
        _ => panic!("a commit of something else than one splice: {commit:?}"),
    }
}

/// Returns documents with an error in the section of edits.
fn documents() -> Result<Vec<Made>, Error> {
    let document = edited()?.save();
    let with = |change: &dyn Fn(&mut EditsByHand)| {
        let mut section = section();
        change(&mut section);
        with_section(&document, Some(&section))
    };
    let texts = |change: &dyn Fn(&mut Texts)| with(&|section| change(&mut section.texts));
    let sums = |change: &dyn Fn(&mut Sums)| with(&|section| change(&mut section.sums));
    let cells = |rows: &[i64], columns: &[u64], kinds: &[u64]| {
        texts(&|texts| (texts.rows, texts.columns, texts.kinds) = (rows.to_vec(), columns.to_vec(), kinds.to_vec()))
    };
    let ranges = |starts: &[i64], lengths: &[u64]| {
        texts(&|texts| {
            texts.ranges[1] = starts.len() as u64 - 1;
            (texts.starts, texts.lengths) = (starts.to_vec(), lengths.to_vec());
        })
    };
    let classes = |classes: &[u64]| with(&|section| section.classes = classes.to_vec());
    Ok(vec![
        ("spliced-text-beyond-the-content.bin", ranges(&[0, 1], &[1, 8])),
        ("spliced-text-of-2-32-minus-1-bytes.bin", ranges(&[0, 1], &[1, LAST as u64])),
        ("spliced-text-before-its-base.bin", ranges(&[0, -1], &[1, 7])),
        ("spliced-text-that-repeats-characters.bin", ranges(&[0, 1, -4], &[1, 7, 2])),
        ("spliced-text-cut-inside-a-character.bin", ranges(&[0, 1], &[1, 6])),
        ("spliced-text-with-an-empty-range.bin", ranges(&[0, 1, 0], &[1, 7, 0])),
        ("spliced-text-in-another-order.bin", ranges(&[0, 5, -7], &[1, 3, 4])),
        ("spliced-text-without-ranges.bin", ranges(&[0], &[1])),
        ("spliced-text-of-2-62-ranges.bin", texts(&|texts| texts.ranges[1] = 1 << 62)),
        ("spliced-text-of-a-void-splice.bin", classes(&[4, 3, 1])),
        ("spliced-text-that-begins-nowhere.bin", texts(&|texts| texts.sources[1] = 0)),
        ("spliced-text-that-begins-at-no-horizon.bin", texts(&|texts| texts.sources[1] = 2)),
        ("spliced-text-of-an-unknown-source.bin", texts(&|texts| texts.sources[1] = 3)),
        ("spliced-texts-not-sorted.bin", cells(&[0, 0], &[2, 1], &[2, 0])),
        ("spliced-text-twice.bin", cells(&[0, 0], &[1, 1], &[0, 0])),
        ("spliced-text-of-an-integer.bin", cells(&[0, 0], &[0, 2], &[2, 2])),
        ("spliced-text-of-an-unknown-row.bin", cells(&[0, 1], &[1, 2], &[0, 2])),
        ("spliced-text-of-an-unknown-column.bin", cells(&[0, 0], &[1, 3], &[0, 2])),
        ("spliced-text-of-a-hidden-write.bin", cells(&[0, 0], &[1, 2], &[0, 1])),
        ("spliced-text-of-an-unknown-kind.bin", cells(&[0, 0], &[1, 2], &[0, 3])),
        ("spliced-texts-more-than-listed.bin", with(&|section| section.texts.rows = vec![0; 3])),
        ("class-unknown.bin", classes(&[3, 3, 5])),
        ("class-of-no-text.bin", classes(&[3, 3, 3])),
        ("class-of-a-hidden-text.bin", classes(&[3, 1, 1])),
        ("classes-of-a-splice-less.bin", classes(&[3, 3])),
        ("classes-of-a-splice-more.bin", classes(&[3, 3, 1, 0])),
        ("class-of-a-shown-text-is-none.bin", classes(&[3, 0, 1])),
        (
            "contents-of-a-cell-less.bin",
            with(&|section| {
                let Contents { rows, columns, lengths, bytes } = &mut section.contents;
                (*rows, *columns, *lengths, *bytes) = (vec![0], vec![2], vec![3], " Ä".as_bytes().to_vec());
            }),
        ),
        (
            "contents-of-a-byte-more.bin",
            with(&|section| {
                section.contents.lengths[1] = 4;
                section.contents.bytes.push(b'!');
            }),
        ),
        ("sum-of-a-text.bin", sums(&|sums| sums.columns[0] = 2)),
        ("sum-of-a-spliced-cell.bin", sums(&|sums| (sums.columns[0], sums.kinds[0]) = (1, 0))),
        ("sum-of-an-unknown-row.bin", sums(&|sums| sums.rows[0] = 1)),
        ("sum-of-an-unknown-column.bin", sums(&|sums| sums.columns[0] = 3)),
        ("sum-of-a-hidden-write.bin", sums(&|sums| sums.kinds[0] = 1)),
        ("sum-of-an-unknown-kind.bin", sums(&|sums| sums.kinds[0] = 3)),
        ("sum-of-2-126.bin", sums(&|sums| (sums.rests[0], sums.carries[0]) = (i64::MAX, MAX_CARRY))),
        ("sum-of-minus-2-126.bin", sums(&|sums| (sums.rests[0], sums.carries[0]) = (i64::MIN, -MAX_CARRY))),
        ("sum-with-too-large-a-carry.bin", sums(&|sums| sums.carries[0] = MAX_CARRY + 1)),
        ("sum-with-the-smallest-carry.bin", sums(&|sums| sums.carries[0] = i64::MIN)),
        (
            "sum-twice.bin",
            sums(&|sums| {
                let twice = |number: u64| vec![number; 2];
                *sums = Sums {
                    rows: vec![0; 2],
                    columns: twice(0),
                    kinds: twice(2),
                    rests: vec![1; 2],
                    carries: vec![0; 2],
                };
            }),
        ),
        ("sum-at-no-horizon.bin", with(&|section| section.changed_sums = self::section().sums)),
        (
            "ground-kept-without-a-horizon.bin",
            with(&|section| {
                let one = || vec![0];
                section.kept =
                    Kept { events: vec![2], places: one(), kinds: one(), grounds: vec![], ground_places: vec![] };
            }),
        ),
        ("text-at-no-horizon.bin", with(&|section| section.bases = compacted_section().bases)),
        ("document-without-its-edits.bin", with_section(&document, None)),
    ])
}

/// Returns compacted documents with an error in the section of edits.
fn compacted() -> Result<Vec<Made>, Error> {
    let document = edited_and_compacted()?.save();
    let with = |change: &dyn Fn(&mut EditsByHand)| {
        let mut section = compacted_section();
        change(&mut section);
        with_section(&document, Some(&section))
    };
    let bases = |change: &dyn Fn(&mut Bases)| with(&|section| change(&mut section.bases));
    Ok(vec![
        ("horizon-text-of-an-unknown-peer.bin", bases(&|bases| bases.origins[2] = 2)),
        ("horizon-text-of-peer-2-32.bin", bases(&|bases| bases.origins[2] = 1 << 32)),
        (
            "horizon-text-beyond-all-counters.bin",
            bases(&|bases| {
                (bases.firsts[2], bases.of_each[1]) = (LAST, 1);
            }),
        ),
        ("horizon-text-beyond-all-offsets.bin", bases(&|bases| bases.offsets[1] = LAST as u64)),
        (
            "horizon-text-of-all-places.bin",
            bases(&|bases| {
                (bases.places[1], bases.of_each[1]) = (LAST as u64, LAST as u64);
            }),
        ),
        ("horizon-text-of-an-event-that-was-not-compacted.bin", bases(&|bases| bases.firsts[2] = 5)),
        ("horizon-text-beyond-its-ground.bin", bases(&|bases| bases.firsts[1] = LAST)),
        ("horizon-text-of-events-that-insert-nothing.bin", bases(&|bases| bases.of_each[1] = 0)),
        ("horizon-text-with-an-empty-span.bin", bases(&|bases| (bases.scalars[1], bases.scalars[2]) = (0, 6))),
        ("horizon-text-of-2-62-spans.bin", bases(&|bases| bases.spans[1] = 1 << 62)),
        ("horizon-text-of-too-few-characters.bin", bases(&|bases| bases.scalars[2] = 3)),
        ("horizon-text-of-too-many-characters.bin", bases(&|bases| bases.scalars[2] = 1)),
        ("horizon-text-not-utf-8.bin", bases(&|bases| bases.characters[0] = 0xff)),
        ("horizon-text-of-a-deleted-row.bin", bases(&|bases| bases.kinds[1] = 0)),
        ("horizon-text-of-an-integer.bin", bases(&|bases| bases.columns = vec![0, 2])),
        ("horizon-texts-not-sorted.bin", bases(&|bases| bases.columns.reverse())),
        ("horizon-text-not-shown.bin", with(&|section| section.texts = Texts::default())),
        ("horizon-text-cut-inside-a-character.bin", with(&|section| section.texts.lengths[1] = 6)),
        ("horizon-text-of-a-write.bin", with(&|section| section.texts.sources[1] = 1)),
        ("horizon-text-with-a-class.bin", with(&|section| section.classes = vec![0])),
    ])
}

/// Returns updates that expand to much.
fn bombs() -> Vec<Made> {
    let mut single = void_splices(400);
    single.run_events[0] = 2;
    single.event_operations = vec![1, 400];
    vec![
        ("void-splices-in-few-bytes.bin", void_splices(1_000).bytes()),
        ("void-splices-of-one-commit-in-few-bytes.bin", single.bytes()),
    ]
}

/// Returns an update of splices that are void, and so are not stored in runs.
pub(crate) fn void_splices(events: usize) -> ByHand {
    let mut update = ByHand::typing(events);
    let splices = update.splices.as_mut().expect("an update of splices");
    splices.removed.fill(LAST as u64);
    splices.inserted.fill(0);
    (splices.contents.lengths[0], splices.contents.bytes) = (0, Vec::new());
    update
}
