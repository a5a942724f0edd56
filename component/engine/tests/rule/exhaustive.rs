//! All small histories: up to 5 events by 2 or 3 replicas on one row. The replicas know events of
//! each other in all possible patterns. Another replica receives the events in every order, one by
//! one; some of the longest histories only in the orders in which no event waits.
//!
//! Rows are independent of each other. So histories that differ only in the operations on their row
//! share a document, each with a row of its own. Histories of up to three events by 2 replicas have
//! a document each.

use crate::model::{Events, Model, run_of};
use crate::oracle::{self, Event};
use crate::past::pasts;
use crate::prints::Prints;
use crate::seeds::{Checked, first_failure, same};
use crate::world::{show_event, show_peer};
use converge_engine::{Cell, Commit, Doc, EventId, EventRun, MergeReport, PeerVersion, Row, RowOp, ScanOptions, Value};
use std::collections::BTreeSet;
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
        &[InsertY],
        &[InsertText],
        &[SpliceBeyond],
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
    let usual = Longest { of_four: 7, of_five: 2, of_five_in_order: 3, by_three: 3, of_five_by_three: 2 };
    let by_seeds = Longest { of_four: 9, of_five: 4, of_five_in_order: 5, by_three: 5, of_five_by_three: 4 };
    small_histories_of(EFFECTS, &sizes(usual, by_seeds));
}

#[test]
fn small_histories_with_splices() {
    let usual = Longest { of_four: 9, of_five: 2, of_five_in_order: 5, by_three: 4, of_five_by_three: 2 };
    let by_seeds = Longest { of_four: 9, of_five: 9, of_five_in_order: 9, by_three: 9, of_five_by_three: 5 };
    small_histories_of(SPLICES, &sizes(usual, by_seeds));
}

#[test]
fn small_histories_with_additions() {
    let usual = Longest { of_four: 7, of_five: 2, of_five_in_order: 3, by_three: 3, of_five_by_three: 2 };
    let by_seeds = Longest { of_four: 9, of_five: 4, of_five_in_order: 5, by_three: 5, of_five_by_three: 4 };
    small_histories_of(EDITS, &sizes(usual, by_seeds));
}

#[test]
fn all_patterns() {
    let counts = |replicas| [1, 2, 3, 4, 5].map(|events| patterns(events, replicas).len());
    // A pattern of two replicas is a pair of lattice paths that do not cross, so there is a Catalan
    // number of them.
    assert_eq!(counts(2), [2, 5, 14, 42, 132]);
    // No formula: as many as a program that shares no code with this one counted.
    assert_eq!(counts(3), [3, 12, 58, 321, 1968]);
}

/// Histories of this many events by this many replicas, each event with one of this many effects.
/// Up to `side_by_side` of them share a document.
struct Size {
    replicas: usize,
    events: usize,
    effects: usize,
    side_by_side: usize,
    /// Whether to try the orders in which events arrive before those that they depend on.
    waiting: bool,
}

/// How many effects the longest histories are tried with.
struct Longest {
    /// 4 events by 2 replicas, in every order.
    of_four: usize,
    /// 5 events by 2 replicas, in every order.
    of_five: usize,
    /// The same, in the orders in which no event arrives before those that it depends on.
    of_five_in_order: usize,
    /// 4 events by 3 replicas, in every order.
    by_three: usize,
    /// 5 events by 3 replicas, in the same orders as `of_five_in_order`.
    of_five_by_three: usize,
}

/// Returns the sizes to check. `just seeds` tries the longest histories with more effects.
fn sizes(usual: Longest, by_seeds: Longest) -> Vec<Size> {
    let longest = if std::env::var_os("CONVERGE_SEEDS").is_some() { by_seeds } else { usual };
    let size =
        |replicas, events, effects, side_by_side| Size { replicas, events, effects, side_by_side, waiting: true };
    vec![
        size(2, 1, 9, 1),
        size(2, 2, 9, 1),
        size(2, 3, 9, 1),
        size(2, 4, longest.of_four, 729),
        size(2, 5, longest.of_five, 625),
        Size { waiting: false, ..size(2, 5, longest.of_five_in_order, 625) },
        size(3, 3, 9, 729),
        size(3, 4, longest.by_three, 625),
        Size { waiting: false, ..size(3, 5, longest.of_five_by_three, 625) },
    ]
}

/// Checks all histories of these sizes.
fn small_histories_of(effects: [&'static [Effect]; 9], sizes: &[Size]) {
    for &Size { replicas, events, effects: count, side_by_side, waiting } in sizes {
        let effects = &effects[..count];
        let mut patterns = patterns(events, replicas);
        if replicas > 2 {
            patterns.retain(|pattern| all_take_part(pattern, replicas));
        }
        let all_orders = orders(events);
        let numbers = count.pow(events as u32);
        let deliveries = AtomicU64::new(0);
        let failure = first_failure(0..patterns.len() as u64, |pattern| {
            let bare = Bare::new(&patterns[pattern as usize]);
            let tried = |order: &&Vec<usize>| waiting || bare.none_waits(order);
            let orders: Vec<Vec<usize>> = all_orders.iter().filter(tried).cloned().collect();
            for first in (0..numbers).step_by(side_by_side) {
                let numbers = first..(first + side_by_side).min(numbers);
                deliveries.fetch_add((numbers.len() * orders.len()) as u64, Ordering::Relaxed);
                if let Err(why) = bare.check(numbers.clone(), effects, &orders) {
                    // If a history fails, a document of its own is easier to read than one with
                    // many histories.
                    numbers.into_iter().try_for_each(|number| bare.check(number..number + 1, effects, &orders))?;
                    return Err(why);
                }
            }
            Ok(())
        });
        if let Some((pattern, why)) = failure {
            panic!("{events} events by {replicas} replicas, pattern {pattern}: {why}");
        }
        let (histories, deliveries) = (patterns.len() * numbers, deliveries.into_inner());
        eprintln!("{histories} histories of {events} events by {replicas} replicas, delivered {deliveries} times");
    }
}

fn all_take_part(pattern: &[Event], replicas: usize) -> bool {
    pattern.iter().map(|event| &event.id.peer).collect::<BTreeSet<_>>().len() == replicas
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

/// Returns all patterns of this many events by up to this many replicas: all ways in which they
/// commit and receive each other's events. The events have no operations.
pub(crate) fn patterns(events: usize, replicas: usize) -> Vec<Vec<Event>> {
    let mut patterns = vec![Vec::new()];
    for _ in 0..events {
        patterns = patterns.iter().flat_map(|pattern| longer(pattern, replicas)).collect();
    }
    patterns
}

/// Returns the patterns that have one more event, which is the last one in the order of execution.
fn longer(pattern: &[Event], replicas: usize) -> Vec<Vec<Event>> {
    let mut longer = Vec::new();
    for peer in &["a", "b", "c"][..replicas] {
        let own = |event: &&Event| event.id.peer == *peer;
        let knows_own = |known: &Events| pattern.iter().filter(own).all(|event| known.contains_key(&event.id));
        for known in pasts(pattern).into_iter().filter(knows_own) {
            let event = Model { known, ..Model::default() }.next_event(peer, Vec::new());
            let key = |event: &Event| (event.lamport, event.id.peer.clone());
            if pattern.last().is_none_or(|last| key(last) < key(&event)) {
                longer.push([pattern, &[event][..]].concat());
            }
        }
    }
    longer
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

    /// Returns whether each event arrives after those that it depends on.
    fn none_waits(&self, order: &[usize]) -> bool {
        let subsets = order.iter().scan(0, |subset, place| {
            *subset |= 1 << place;
            Some(*subset)
        });
        subsets.into_iter().all(|subset: usize| self.expected[subset].waiting == 0)
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
