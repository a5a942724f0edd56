//! What takes back events: alone, everything is as it was; together with others, theirs stays.

use crate::seeds::{Checked, Random, ensure, for_each_seed, same};
use converge_engine::{Cell, Commit, Doc, Error, EventId, RowOp, ScanOptions, Value};

const COLUMNS: [&str; 3] = ["x", "y", "z"];

fn commit(random: &mut Random) -> Commit {
    let count = 1 + random.below(3);
    (0..count).map(|_| op(random)).collect()
}

fn op(random: &mut Random) -> RowOp {
    let (table, row) = ("t".to_owned(), ["r", "s"][random.below(2)].to_owned());
    let column = (*random.pick(&COLUMNS)).to_owned();
    let value = match random.below(4) {
        0 => Value::Null,
        1 => Value::Text("abc".to_owned()),
        _ => Value::Integer(random.below(5) as i64),
    };
    match random.below(12) {
        0..3 => RowOp::Insert { table, row, cells: vec![Cell { column, value }] },
        3 | 4 => RowOp::Update { table, row, cells: vec![Cell { column, value }] },
        5 => RowOp::Unset { table, row, columns: vec![column] },
        6 => RowOp::Delete { table, row },
        7 | 8 => RowOp::Add { table, row, column, amount: random.below(7) as i64 - 3 },
        _ => RowOp::Splice {
            table,
            row,
            column,
            at: random.below(4) as u32,
            remove: random.below(5).saturating_sub(2) as u32,
            insert: (*random.pick(&["", "1", "23", "ß\u{10ffff}"])).to_owned(),
        },
    }
}

type Rows = Vec<converge_engine::Row>;

fn rows(doc: &Doc) -> Checked<Rows> {
    doc.scan("t", &ScanOptions::default()).map(|page| page.rows).map_err(|error| error.to_string())
}

/// Returns the rows without the cells that edits of absent cells leave: empty texts, zeros and
/// nulls.
fn without_empty(mut rows: Rows) -> Rows {
    let empty = [Value::Null, Value::Integer(0), Value::Text(String::new())];
    rows.iter_mut().for_each(|row| row.cells.retain(|cell| !empty.contains(&cell.value)));
    rows
}

/// Commits random operations, and returns the events.
fn write(doc: &mut Doc, count: usize, random: &mut Random) -> Checked<Vec<EventId>> {
    let mut events = Vec::new();
    while events.len() < count {
        match doc.commit(commit(random)) {
            Ok(event) => events.push(event),
            Err(Error::NoSuchRow { .. } | Error::InvalidArgument(_)) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(events)
}

fn undo(doc: &mut Doc, events: &[EventId]) -> Checked<EventId> {
    let ops = doc.inverse_of(events).map_err(|error| format!("inverse: {error}"))?;
    let shown = format!("{ops:?}");
    doc.commit(ops).map_err(|error| format!("the inverse {shown} is refused: {error}"))
}

#[test]
fn alone_everything_is_as_it_was() {
    for_each_seed(2_000, |seed| {
        let mut random = Random::new(seed);
        let mut doc = Doc::create("a").map_err(|error| error.to_string())?;
        let count = random.below(6);
        write(&mut doc, count, &mut random)?;
        if random.chance(1, 4) {
            let own = doc.summary();
            doc.compact(&[own]).map_err(|error| error.to_string())?;
        }
        let before = without_empty(rows(&doc)?);
        let count = 1 + random.below(5);
        let events = write(&mut doc, count, &mut random)?;
        let after = without_empty(rows(&doc)?);
        if random.chance(1, 4) {
            doc = Doc::load("a", &doc.save()).map_err(|error| error.to_string())?;
        }
        let show = |doc: &Doc| format!("{:?}", doc.events_since(&Doc::create("n").unwrap().summary(), u32::MAX));
        let undone = undo(&mut doc, &events)?;
        same("the rows after an undo", &without_empty(rows(&doc)?), &before)
            .map_err(|why| format!("{why}\n{}", show(&doc)))?;
        let redone = undo(&mut doc, &[undone])?;
        same("the rows after a redo", &without_empty(rows(&doc)?), &after)
            .map_err(|why| format!("{why}\n{}", show(&doc)))?;
        undo(&mut doc, &[redone])?;
        same("the rows after another undo", &without_empty(rows(&doc)?), &before)
            .map_err(|why| format!("{why}\n{}", show(&doc)))?;
        doc.dbg_check();
        Ok(())
    });
}

/// Three peers insert and remove letters of their own. An undo removes the own ones, brings back
/// what only the peer removed, and leaves what the others did.
#[test]
fn what_others_wrote_stays() {
    for_each_seed(1_000, |seed| {
        let mut random = Random::new(seed);
        let mut docs = Vec::new();
        for peer in ["a", "b", "c"] {
            docs.push(Doc::create(peer).map_err(|error| error.to_string())?);
        }
        docs[0].insert("t", "r", Vec::new()).map_err(|error| error.to_string())?;
        let mut own: Vec<Vec<EventId>> = vec![Vec::new(); 3];
        let mut next = 0_u32;
        for _ in 0..30 {
            let at = random.below(3);
            if random.chance(1, 3) {
                let other = (at + 1 + random.below(2)) % 3;
                let update = docs[other].update_since(&docs[at].summary()).map_err(|error| error.to_string())?;
                docs[at].merge_update(&update).map_err(|error| error.to_string())?;
                continue;
            }
            let Some(length) = docs[at].get("t", "r").map(|cells| length(&cells)) else { continue };
            let start = random.below(length + 1);
            let remove = random.below(3).min(length - start) * random.below(2);
            // Each letter exists once, and names its peer.
            let letters: String = (0..random.below(3)).map(|_| letter(at, &mut next)).collect();
            let place = (start as u32, remove as u32);
            let event = docs[at].splice("t", "r", "x", place, letters).map_err(|error| error.to_string())?;
            own[at].push(event);
        }
        let at = random.below(3);
        let doc = &mut docs[at];
        let before = text(doc);
        if own[at].is_empty() {
            return Ok(());
        }
        undo(doc, &own[at])?;
        let after = text(doc);
        let is_own = |letter: &char| (*letter as u32 - 0x4e00) % 3 == at as u32;
        ensure!(!after.chars().any(|letter| is_own(&letter)), "own letters stay: {before:?}, {after:?}");
        let mut rest = after.chars();
        let stays = before.chars().filter(|letter| !is_own(letter)).all(|letter| rest.any(|other| other == letter));
        ensure!(stays, "letters of others are lost: {before:?}, {after:?}");
        // What the others do without these events is the same.
        let others: Vec<Vec<u8>> =
            (0..3).map(|it| docs[it].update_since(&Doc::create("n").unwrap().summary()).unwrap()).collect();
        let mut all = Doc::create("z").map_err(|error| error.to_string())?;
        for update in &others {
            all.merge_update(update).map_err(|error| error.to_string())?;
        }
        all.dbg_check();
        Ok(())
    });
}

fn letter(peer: usize, next: &mut u32) -> char {
    *next += 1;
    char::from_u32(0x4e00 + 3 * *next + peer as u32).unwrap()
}

fn text(doc: &Doc) -> String {
    let cells = doc.get("t", "r").unwrap_or_default();
    match cells.into_iter().find(|cell| cell.column == "x").map(|cell| cell.value) {
        Some(Value::Text(text)) => text,
        _ => String::new(),
    }
}

fn length(cells: &[Cell]) -> usize {
    let cell = cells.iter().find(|cell| cell.column == "x");
    cell.map_or(0, |cell| if let Value::Text(text) = &cell.value { text.chars().count() } else { 0 })
}

#[test]
fn errors_are_those_of_names() -> Result<(), Error> {
    let mut doc = Doc::create("a")?;
    let event = doc.insert("t", "r", Vec::new())?;
    let unknown = EventId { peer: "b".to_owned(), counter: 0 };
    assert!(matches!(doc.inverse_of(&[unknown]), Err(Error::InvalidArgument(_))));
    assert_eq!(doc.inverse_of(&[])?, Vec::new());
    let own = doc.summary();
    doc.compact(&[own])?;
    doc.insert("t", "s", Vec::new())?;
    assert!(matches!(doc.inverse_of(&[event]), Err(Error::Compacted(_))));
    Ok(())
}
