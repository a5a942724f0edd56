//! All small histories: up to 5 events by 2 replicas on one row. The replicas know each other's
//! events in all possible patterns. A third replica receives the events in every order, one by one.
//!
//! Rows are independent of each other. So histories of four and five events that differ only in the
//! operations on their row share a document, each with a row of its own. Histories of up to three
//! events have a document each.

use crate::model::{Events, Model, run_of};
use crate::oracle::{self, Event};
use crate::prints::Prints;
use crate::seeds::{Checked, first_failure, same};
use crate::world::{show_event, show_peer};
use converge_engine::{Cell, Commit, Doc, EventId, EventRun, MergeReport, PeerVersion, Row, RowOp, ScanOptions, Value};
use std::sync::atomic::{AtomicU64, Ordering};

/// The operations of an event on its row, which are executed in this order. With many events only
/// the first few of these are tried, with few events all of them.
pub(crate) const EFFECTS: [&[Effect]; 9] = {
    use Effect::{Delete, InsertX, InsertY, UnsetX, UpdateX, UpdateY};
    [
        &[InsertX],
        &[UpdateX],
        &[Delete],
        &[UnsetX],
        &[InsertY],
        &[],
        &[Delete, InsertX],
        &[InsertY, Delete],
        &[UpdateY, Delete, InsertY, UpdateX],
    ]
};

/// The same for histories with additions.
pub(crate) const EDITS: [&[Effect]; 9] = {
    use Effect::{AddX, Delete, InsertX, InsertY, UnsetX, UpdateX};
    [
        &[InsertY, AddX],
        &[AddX],
        &[Delete],
        &[UpdateX],
        &[UnsetX],
        &[InsertY],
        &[InsertX],
        &[Delete, InsertY, AddX],
        &[AddX, UpdateX, AddX],
    ]
};

/// The same for histories with splices.
pub(crate) const SPLICES: [&[Effect]; 9] = {
    use Effect::{AddX, Delete, InsertText, InsertY, SpliceAll, SpliceBeyond, SpliceEnd, SpliceStart, UnsetX};
    [
        &[InsertY, SpliceStart],
        &[SpliceEnd],
        &[Delete],
        &[SpliceAll],
        &[InsertText],
        &[SpliceBeyond],
        &[InsertY],
        &[UnsetX, SpliceStart, SpliceEnd],
        &[AddX, SpliceStart],
    ]
};

#[derive(Clone, Copy)]
pub(crate) enum Effect {
    InsertX,
    InsertY,
    UpdateX,
    UpdateY,
    Delete,
    UnsetX,
    AddX,
    /// Inserts a text in the column x.
    InsertText,
    /// Inserts at the start.
    SpliceStart,
    /// Inserts after the first two characters, which some texts do not have.
    SpliceEnd,
    /// Replaces the first two characters.
    SpliceAll,
    SpliceBeyond,
}

#[test]
fn small_histories() {
    // `just seeds` tries more of the longest ones.
    let of_five = if std::env::var_os("CONVERGE_SEEDS").is_some() { (5, 4, 64) } else { (5, 3, 243) };
    small_histories_of(EFFECTS, [(1, 9, 1), (2, 9, 1), (3, 9, 1), (4, 7, 343), of_five]);
}

#[test]
fn small_histories_with_splices() {
    let of_five = if std::env::var_os("CONVERGE_SEEDS").is_some() { (5, 4, 64) } else { (5, 3, 243) };
    small_histories_of(SPLICES, [(1, 9, 1), (2, 9, 1), (3, 9, 1), (4, 7, 343), of_five]);
}

#[test]
fn small_histories_with_additions() {
    let of_five = if std::env::var_os("CONVERGE_SEEDS").is_some() { (5, 4, 64) } else { (5, 3, 243) };
    small_histories_of(EDITS, [(1, 9, 1), (2, 9, 1), (3, 9, 1), (4, 7, 343), of_five]);
}

/// Checks histories of these sizes: the counts of events, of effects, and of histories in a
/// document.
fn small_histories_of(effects: [&'static [Effect]; 9], sizes: [(usize, usize, usize); 5]) {
    for (events, count, side_by_side) in sizes {
        let effects = &effects[..count];
        let patterns = patterns(events);
        // A pattern is a pair of lattice paths that do not cross, so the number of patterns is a
        // Catalan number.
        assert_eq!(patterns.len(), catalan(events + 1));
        let orders = orders(events);
        let deliveries = AtomicU64::new(0);
        let failure = first_failure(0..patterns.len() as u64, |pattern| {
            let bare = Bare::new(&patterns[pattern as usize]);
            for first in (0..count.pow(events as u32)).step_by(side_by_side) {
                let numbers = first..first + side_by_side;
                if let Err(why) = bare.check(numbers.clone(), effects, &orders) {
                    // If a history fails, a document of its own is easier to read than one with
                    // many histories.
                    numbers.into_iter().try_for_each(|number| bare.check(number..number + 1, effects, &orders))?;
                    return Err(why);
                }
                deliveries.fetch_add((side_by_side * orders.len()) as u64, Ordering::Relaxed);
            }
            Ok(())
        });
        if let Some((pattern, why)) = failure {
            panic!("{events} events, pattern {pattern}: {why}");
        }
        let histories = patterns.len() * count.pow(events as u32);
        assert_eq!(deliveries.into_inner(), (histories * orders.len()) as u64);
        eprintln!("{events} events: {histories} histories, each in {} orders", orders.len());
    }
}

fn catalan(n: usize) -> usize {
    (1..n).fold(1, |catalan, k| catalan * 2 * (2 * k + 1) / (k + 2))
}

/// Returns all permutations of `n` items, sorted.
fn orders(n: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for thing in 0..n {
        let with = |order: &Vec<usize>, place| {
            let mut order = order.clone();
            order.insert(place, thing);
            order
        };
        orders = orders.iter().flat_map(|order| (0..=thing).map(move |place| with(order, place))).collect();
    }
    orders.sort();
    orders
}

/// Returns all patterns of `n` events: all ways in which two replicas commit and receive each
/// other's events. The events have no operations.
pub(crate) fn patterns(n: usize) -> Vec<Vec<Event>> {
    let mut patterns = Vec::new();
    for a in 0..=n {
        for heard_by_a in rising(a, n - a) {
            for heard_by_b in rising(n - a, a) {
                patterns.extend(pattern(&heard_by_a, &heard_by_b));
            }
        }
    }
    patterns
}

/// Returns all non-decreasing sequences of this length with numbers up to `most`.
fn rising(length: usize, most: usize) -> Vec<Vec<usize>> {
    if length == 0 {
        return vec![Vec::new()];
    }
    let longer = |short: Vec<usize>| {
        let least = short.last().copied().unwrap_or(0);
        (least..=most).map(move |next| [short.as_slice(), &[next]].concat())
    };
    rising(length - 1, most).into_iter().flat_map(longer).collect()
}

/// Returns the events of a and b. The writer of the i-th event of a knew the first `heard_by_a[i]`
/// events of b, and the other way round. Returns `None` if an event would have to know a later one.
fn pattern(heard_by_a: &[usize], heard_by_b: &[usize]) -> Option<Vec<Event>> {
    let (mut by_a, mut by_b) = (0, 0);
    let mut all = Events::new();
    let mut made = Vec::new();
    while made.len() < heard_by_a.len() + heard_by_b.len() {
        let mut knows = Model::default();
        let peer = if let Some(&heard) = heard_by_a.get(by_a).filter(|heard| **heard <= by_b) {
            add_past(&mut knows.known, &all, "a", by_a);
            add_past(&mut knows.known, &all, "b", heard);
            by_a += 1;
            "a"
        } else {
            let &heard = heard_by_b.get(by_b).filter(|heard| **heard <= by_a)?;
            add_past(&mut knows.known, &all, "a", heard);
            add_past(&mut knows.known, &all, "b", by_b);
            by_b += 1;
            "b"
        };
        let event = knows.next_event(peer, Vec::new());
        all.insert(event.id.clone(), event.clone());
        made.push(event);
    }
    Some(made)
}

/// Adds the first `count` events of a peer, and all their ancestors.
fn add_past(past: &mut Events, all: &Events, peer: &str, count: usize) {
    let Some(last) = count.checked_sub(1) else { return };
    let mut next = vec![EventId { peer: peer.to_owned(), counter: last as u32 }];
    while let Some(id) = next.pop() {
        if !past.contains_key(&id) {
            next.extend(all[&id].deps.iter().cloned());
            past.insert(id.clone(), all[&id].clone());
        }
    }
}

/// A pattern, and what a replica must report for each subset of its events. Subsets are bit sets.
struct Bare {
    events: Vec<Event>,
    expected: Vec<Expected>,
}

struct Expected {
    applied: usize,
    waiting: u32,
    missing: Vec<EventId>,
    version: Vec<PeerVersion>,
    heads: Vec<EventId>,
}

impl Bare {
    fn new(events: &[Event]) -> Self {
        let expect = |subset: usize| {
            let mut model = Model::default();
            let chosen = chosen(events, subset);
            let report = model.merge(&chosen.map(run_of).collect::<Vec<_>>());
            let applied = events.iter().enumerate().filter(|(_, event)| model.known.contains_key(&event.id));
            Expected {
                applied: applied.fold(0, |bits, (place, _)| bits | 1 << place),
                waiting: report.waiting,
                missing: report.missing,
                version: model.version(),
                heads: model.heads(),
            }
        };
        Self { events: events.to_vec(), expected: (0..1 << events.len()).map(expect).collect() }
    }

    /// Delivers the histories of this pattern with these numbers, in one document, in each of the
    /// orders.
    fn check(&self, numbers: std::ops::Range<usize>, effects: &[&[Effect]], orders: &[Vec<usize>]) -> Checked {
        let mut events = self.events.clone();
        for (place, event) in events.iter_mut().enumerate() {
            let effect = |number: usize| effects[number / effects.len().pow(place as u32) % effects.len()];
            event.ops =
                numbers.clone().flat_map(|number| ops(effect(number), place, &format!("{number:04}"))).collect();
        }
        let all: Events = events.iter().map(|event| (event.id.clone(), event.clone())).collect();
        let runs = Prints::new(&all).fill(events.iter().map(run_of).collect());
        let rows: Vec<Vec<Row>> =
            self.expected.iter().map(|expected| rows(chosen(&events, expected.applied))).collect();
        let mut end = None;
        let mut last: &[usize] = &[];
        for order in orders {
            // The prefix that this order shares with the previous one was already checked.
            let looked_at = order.iter().zip(last).take_while(|(place, last)| place == last).count();
            self.deliver_all(&runs, &rows, order, looked_at, &mut end)
                .map_err(|why| format!("{why}\n{}", show(&events, order)))?;
            last = order;
        }
        Ok(())
    }

    /// Delivers the runs in this order to a new replica. Checks it after each run, except for the
    /// first `looked_at` ones.
    fn deliver_all(
        &self,
        runs: &[EventRun],
        rows: &[Vec<Row>],
        order: &[usize],
        looked_at: usize,
        end: &mut Option<([u8; 32], Vec<u8>)>,
    ) -> Checked {
        let mut doc = Doc::create("c").map_err(|error| error.to_string())?;
        let mut delivered = 0;
        for (already, &place) in order.iter().enumerate() {
            let before = &self.expected[delivered];
            delivered |= 1 << place;
            let report = doc.merge_events(vec![runs[place].clone()]).map_err(|error| error.to_string())?;
            if already >= looked_at {
                self.expected[delivered].check(&doc, &report, before)?;
                check_rows(&doc, &rows[delivered])?;
            }
        }
        let ends = (doc.digest(), doc.save());
        same("digest and saved bytes", &ends, end.get_or_insert_with(|| ends.clone()))
    }
}

impl Expected {
    fn check(&self, doc: &Doc, report: &MergeReport, before: &Self) -> Checked {
        let expected = MergeReport {
            applied: self.applied.count_ones() - before.applied.count_ones(),
            duplicate: 0,
            waiting: self.waiting,
            missing: self.missing.clone(),
            ..MergeReport::default()
        };
        same("the report", report, &expected)?;
        same("version", &doc.version(), &self.version)?;
        same("heads", &doc.heads(), &self.heads)
    }
}

fn chosen(events: &[Event], subset: usize) -> impl Iterator<Item = &Event> {
    events.iter().enumerate().filter(move |(place, _)| subset >> place & 1 == 1).map(|(_, event)| event)
}

/// Returns the operations for this row. Each value identifies the event and the operation that
/// wrote it.
pub(crate) fn ops(effect: &[Effect], event: usize, row: &str) -> Commit {
    let op = |(place, effect): (usize, &Effect)| {
        let cells = |column| vec![Cell::new(column, (10 * event + place) as i64)];
        let (table, row) = ("t".to_owned(), row.to_owned());
        // Texts identify the splices that count. Two characters show whether they stay together.
        let splice = |at, remove| RowOp::Splice {
            table: table.clone(),
            row: row.clone(),
            column: "x".to_owned(),
            at,
            remove,
            insert: format!("{event}{place}"),
        };
        match effect {
            Effect::InsertX => RowOp::Insert { table, row, cells: cells("x") },
            Effect::InsertY => RowOp::Insert { table, row, cells: cells("y") },
            Effect::UpdateX => RowOp::Update { table, row, cells: cells("x") },
            Effect::UpdateY => RowOp::Update { table, row, cells: cells("y") },
            Effect::Delete => RowOp::Delete { table, row },
            Effect::UnsetX => RowOp::Unset { table, row, columns: vec!["x".to_owned()] },
            Effect::InsertText => RowOp::Insert { table, row, cells: vec![Cell::new("x", "xyz")] },
            Effect::SpliceStart => splice(0, 0),
            Effect::SpliceEnd => splice(2, 0),
            Effect::SpliceAll => splice(0, 2),
            Effect::SpliceBeyond => splice(9, 1),
            // Sums identify the additions that count.
            Effect::AddX => RowOp::Add { table, row, column: "x".to_owned(), amount: 1_000 << (3 * event + place) },
        }
    };
    effect.iter().enumerate().map(op).collect()
}

/// Returns the rows that these events result in.
fn rows<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<Row> {
    let cell = |(column, value): (String, Value)| Cell { column, value };
    let rows = oracle::tables(events).remove("t").unwrap_or_default();
    rows.into_iter().map(|(id, cells)| Row { id, cells: cells.into_iter().map(cell).collect() }).collect()
}

fn check_rows(doc: &Doc, expected: &[Row]) -> Checked {
    let page = doc.scan("t", &ScanOptions::default()).map_err(|error| error.to_string())?;
    if page.rows == expected && !page.more {
        return Ok(());
    }
    let differ = |(engine, expected): &(&Row, &Row)| engine != expected;
    if let Some((engine, expected)) = page.rows.iter().zip(expected).find(differ) {
        return Err(format!("the engine has {engine:?}, expected {expected:?}"));
    }
    Err(format!("the engine has {} rows, expected {}", page.rows.len(), expected.len()))
}

pub(crate) fn show(events: &[Event], order: &[usize]) -> String {
    let lines = events.iter().map(|event| format!("{} {}", show_peer(&event.id.peer), show_event(event)));
    format!("events, delivered in the order {order:?}:\n  {}", lines.collect::<Vec<_>>().join("\n  "))
}
