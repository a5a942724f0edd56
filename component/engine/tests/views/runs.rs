//! Runs of splices take effect at once. The result must be the same as if the events arrived one by
//! one, in pages of any size, or in another order.

use crate::seeds::{Checked, Random, ensure, for_each_seed, same};
use converge_engine::{
    Cell, Doc, Error, EventRun, RowOp, TextChange, Unit, UpdateReader, Value, ViewNumber, WatcherNumber,
};

/// The lengths of bursts, in events. A group of a column has up to 128 numbers.
const LENGTHS: [u32; 10] = [1, 2, 3, 4, 7, 40, 127, 128, 129, 260];

fn splice(column: &str, (at, remove): (u32, u32), insert: &str) -> RowOp {
    let [table, row, column, insert] = ["t", "r", column, insert].map(String::from);
    RowOp::Splice { table, row, column, at, remove, insert }
}

/// Returns the length of a text in scalar values.
fn length(doc: &Doc, column: &str) -> u32 {
    text(doc, column).chars().count() as u32
}

fn text(doc: &Doc, column: &str) -> String {
    let cells = doc.get("t", "r").unwrap_or_default();
    match cells.into_iter().find(|cell| cell.column == column).map(|cell| cell.value) {
        Some(Value::Text(text)) => text,
        _ => String::new(),
    }
}

/// Commits a burst: what an editor does while one key is held down, and sometimes other operations
/// within it.
fn burst(doc: &mut Doc, random: &mut Random) -> Result<(), Error> {
    let column = *random.pick(&["x", "x", "x", "y"]);
    let mut at = random.below(length(doc, column) as usize + 1) as u32;
    let (kind, count) = (random.below(6), *random.pick(&LENGTHS));
    let (odd, other) = (random.below(2 * count as usize) as u32, *random.pick(&["é", "\u{10ffff}", "ab", ""]));
    for step in 0..count {
        let now = length(doc, column);
        at = at.min(now);
        let each = if kind == 1 { "abc" } else { "a" };
        let op = match kind {
            0 | 1 if step == odd => splice(column, (at, 0), other),
            0 | 1 => splice(column, (at, 0), each),
            2 if at > 0 => splice(column, (at - 1, 1), ""),
            3 if at < now => splice(column, (at, 1), ""),
            4 => splice(column, (at, 1.min(now - at)), "b"),
            _ => splice(column, (0, 0), "c"),
        };
        at = match &op {
            RowOp::Splice { at, insert, .. } if kind < 2 => at + insert.chars().count() as u32,
            RowOp::Splice { at, .. } => *at,
            _ => at,
        };
        doc.commit(vec![op])?;
    }
    Ok(())
}

/// Commits something else than splices of one text.
fn interrupt(doc: &mut Doc, random: &mut Random) -> Result<(), Error> {
    let ops = match random.below(6) {
        0 => vec![],
        1 => vec![splice("x", (0, 0), "1"), splice("x", (1, 0), "2"), splice("y", (0, 0), "3")],
        2 => vec![RowOp::Add { table: "t".into(), row: "r".into(), column: "n".into(), amount: 1 }],
        3 => {
            let (table, row) = ("t".to_owned(), "r".to_owned());
            vec![RowOp::Update { table, row, cells: vec![Cell::new("x", "written")] }]
        }
        4 => vec![RowOp::Insert { table: "t".into(), row: "r".into(), cells: Vec::new() }],
        _ => {
            let delete = RowOp::Delete { table: "t".into(), row: "r".into() };
            vec![delete, RowOp::Insert { table: "t".into(), row: "r".into(), cells: vec![Cell::new("y", "new")] }]
        }
    };
    doc.commit(ops).map(drop)
}

/// Merges a run of splices that no honest replica commits: with equal distances, of which some are
/// void.
fn hostile(doc: &mut Doc, peer: &str, random: &mut Random) -> Result<(), Error> {
    let length = i64::from(length(doc, "x"));
    let count = i64::from(*random.pick(&LENGTHS));
    let first = *random.pick(&[0, length, length + 1, length / 2, i64::from(u32::MAX), i64::from(u32::MAX) - count]);
    let step = *random.pick(&[-2, -1, 0, 1, 2, 3]);
    let remove = *random.pick(&[0, 0, 1, 2, u32::MAX]);
    let insert = *random.pick(&["", "h", "hi", "é"]);
    let places = (0..count).map_while(|index| u32::try_from(first + step * index).ok());
    let commits = places.map(|at| vec![splice("x", (at, remove), insert)]).collect();
    let run = EventRun {
        peer: peer.into(),
        start: 0,
        lamport: None,
        deps: doc.heads(),
        fingerprints: Vec::new(),
        salt: 0,
        commits,
    };
    doc.merge_events(vec![run]).map(drop)
}

/// A replica that watches the table and views a text.
struct Watching {
    doc: Doc,
    watcher: WatcherNumber,
    view: ViewNumber,
    copy: String,
}

impl Watching {
    fn new(saved: &[u8]) -> Result<Self, Error> {
        let mut doc = Doc::load("zoe", saved)?;
        let watcher = doc.watch(&[], false)?;
        let view = doc.open_view("t", "r", "x", Unit::Utf8)?;
        let copy = text(&doc, "x");
        Ok(Self { doc, watcher, view, copy })
    }

    /// Applies the changes of the view to the copy of the text.
    fn take_view(&mut self) {
        let Some(changes) = self.doc.take_view(self.view) else { return self.copy.clear() };
        for TextChange { at, remove, insert } in changes {
            self.copy.replace_range(at as usize..(at + remove) as usize, &insert);
        }
    }
}

/// Makes replicas that write and merge, and returns one that has everything, and earlier versions.
fn history(random: &mut Random) -> Result<(Doc, Vec<Vec<u8>>), Error> {
    let mut ann = Doc::create("ann")?;
    ann.insert("t", "r", if random.chance(1, 2) { vec![Cell::new("x", "äbc")] } else { Vec::new() })?;
    let mut docs = vec![Doc::load("ben", &ann.save())?, Doc::load("ann", &ann.save())?, ann];
    let mut versions = vec![Doc::create("none")?.save(), docs[0].save()];
    for round in 0..6 {
        let at = random.below(docs.len());
        let doc = &mut docs[at];
        match random.below(8) {
            0 | 1 => interrupt(doc, random)?,
            2 => hostile(doc, &format!("eve{round}"), random)?,
            _ => burst(doc, random)?,
        }
        if random.chance(1, 2) {
            let from = random.below(docs.len());
            let update = docs[from].update_since(&docs[at].summary())?;
            docs[at].merge_update(&update)?;
        }
        versions.push(docs[random.below(docs.len())].save());
    }
    let mut whole = docs.remove(0);
    for doc in docs {
        whole.merge_update(&doc.update_since(&whole.summary())?)?;
    }
    Ok((whole, versions))
}

#[test]
fn runs_take_effect_like_single_events() {
    for_each_seed(150, |seed| check(seed, &mut Random::new(seed)));
}

fn check(seed: u64, random: &mut Random) -> Checked {
    let failed = |error: Error| format!("seed {seed}: {error}");
    let (whole, versions) = history(random).map_err(failed)?;
    let mut base = Doc::load("zoe", random.pick::<Vec<u8>>(&versions)).map_err(failed)?;
    // A replica may have compacted, and may have a part of a run.
    let part = random.below(300) as u32;
    if random.chance(1, 2) {
        let runs = whole.events_since(&base.summary(), part).map_err(failed)?.runs;
        base.merge_events(runs).map_err(failed)?;
    }
    if random.chance(1, 3) {
        base.compact(&[]).map_err(failed)?;
    }
    let base_bytes = base.save();
    let Ok(update) = whole.update_since(&base.summary()) else { return Ok(()) };
    let mut at_once = Watching::new(&base_bytes).map_err(failed)?;
    if let Err(error) = at_once.doc.merge_update(&update) {
        // Events that do not build on the horizon.
        return ensure_compacted(seed, &error);
    }
    let expected = at_once.doc.save();
    at_once.doc.dbg_check();
    at_once.take_view();
    same("the copy of the editor", &at_once.copy, &text(&at_once.doc, "x"))?;
    let changes = at_once.doc.take(at_once.watcher, u32::MAX);
    let loaded = Doc::load("zoe", &expected).map_err(failed)?;
    loaded.dbg_check();
    same::<Vec<u8>>("saved again", &loaded.save(), &expected)?;

    let ways: [(&str, u32, bool, bool); 4] = [
        ("one by one", 1, false, false),
        ("in pages", 0, false, false),
        ("viewed", 0, true, false),
        ("mixed", 1, true, true),
    ];
    for (way, size, is_viewed, is_mixed) in ways {
        let mut other = Watching::new(&base_bytes).map_err(failed)?;
        let mut reader = UpdateReader::open(&update).map_err(failed)?;
        let mut pages = Vec::new();
        loop {
            let size = if size > 0 { size } else { 1 + random.below(150) as u32 };
            let page = reader.next(size);
            pages.push(page.runs);
            if !page.more {
                break;
            }
        }
        if is_mixed {
            (1..pages.len()).for_each(|at| pages.swap(at, at - random.below(at.min(40) + 1)));
        }
        for page in pages {
            other.doc.merge_events(page).map_err(failed)?;
            if is_viewed && random.chance(1, 4) {
                other.take_view();
                same(way, &other.copy, &text(&other.doc, "x"))?;
            }
        }
        other.doc.dbg_check();
        other.take_view();
        same(way, &other.copy, &text(&other.doc, "x"))?;
        same(way, &other.doc.digest(), &at_once.doc.digest())?;
        ensure!(other.doc.save() == expected, "seed {seed}, {way}: the saved bytes differ");
        same(way, &other.doc.take(other.watcher, u32::MAX), &changes)?;
    }
    Ok(())
}

fn ensure_compacted(seed: u64, error: &Error) -> Checked {
    ensure!(matches!(error, Error::Compacted(_)), "seed {seed}: {error}");
    Ok(())
}
