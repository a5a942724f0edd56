//! Replays published histories of texts on the crate `converge` with the component in wasmtime, and
//! compares the results with those of the engine as a library.

use converge::{
    Backend, Doc, Error, EventId, EventRun, Instance, InstanceOptions, RowOp, Session, SessionOptions, StoreOptions,
    Value,
};
use converge_traces::{Trace, sha256};
use std::thread;

/// The table, the row and the column of the text.
const CELL: (&str, &str, &str) = ("texts", "text", "body");

/// The number of interruptions of a replay.
const INTERRUPTIONS: usize = 6;

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end.max(1) as u64) as usize
    }
}

fn create(backend: Backend, peer: &str) -> Result<Doc, Error> {
    Instance::new(InstanceOptions::default().backend(backend))?.doc(peer)
}

/// Returns the events of a trace, one run each, and for each event those that it builds on. The
/// first event inserts the row.
fn history(trace: &Trace) -> (Vec<EventRun>, Vec<Vec<usize>>) {
    let (table, row, column) = CELL;
    let mut runs = vec![EventRun::new("setup", 0, [vec![RowOp::insert(table, row, [] as [converge::Cell; 0])]])];
    let mut past = vec![Vec::new()];
    for event in &trace.events {
        let start = event.previous.map_or(0, |previous| runs[previous + 1].start + 1);
        let splice = |patch: &converge_traces::Patch| {
            RowOp::splice(table, row, column, patch.at, patch.remove, patch.insert.as_str())
        };
        let mut run = EventRun::new(event.peer.as_str(), start, [event.patches.iter().map(splice).collect()]);
        let mut after: Vec<usize> = event.after.iter().map(|before| before + 1).collect();
        if after.is_empty() {
            after.push(0);
        }
        run.deps = after.iter().map(|&before| EventId::new(runs[before].peer.as_str(), runs[before].start)).collect();
        run.deps.sort();
        runs.push(run);
        after.extend(event.previous.map(|previous| previous + 1));
        past.push(after);
    }
    (runs, past)
}

/// Returns a random order in which each event comes after those that it builds on.
fn shuffled(past: &[Vec<usize>], random: &mut Random) -> Vec<usize> {
    let mut missing: Vec<usize> = past.iter().map(Vec::len).collect();
    let mut followers = vec![Vec::new(); past.len()];
    for (event, past) in past.iter().enumerate() {
        past.iter().for_each(|&before| followers[before].push(event));
    }
    let mut ready: Vec<usize> = (0..past.len()).filter(|&event| missing[event] == 0).collect();
    let mut order = Vec::new();
    while !ready.is_empty() {
        let event = ready.swap_remove(random.below(ready.len()));
        order.push(event);
        for &follower in &followers[event] {
            missing[follower] -= 1;
            if missing[follower] == 0 {
                ready.push(follower);
            }
        }
    }
    order
}

fn text(doc: &Doc) -> Result<String, Error> {
    let (table, row, column) = CELL;
    let cells = doc.get(table, row)?.unwrap_or_default();
    Ok(match cells.into_iter().find(|cell| cell.column == column).map(|cell| cell.value) {
        Some(Value::Text(text)) => text,
        None => String::new(),
        Some(other) => panic!("{other:?} is not a text"),
    })
}

/// Merges events in this order, in groups of up to `max_group`, and saves and loads the document in
/// between. If `compacts` is set, it is compacted then, too.
fn replay(
    runs: &[EventRun],
    order: &[usize],
    (max_group, compacts): (usize, bool),
    random: &mut Random,
) -> Result<Doc, Error> {
    let mut doc = create(Backend::Component, "reader")?;
    let mut rest = order;
    while !rest.is_empty() {
        let (group, behind) = rest.split_at(rest.len().min(1 + random.below(max_group)));
        rest = behind;
        doc.merge_events(group.iter().map(|&event| runs[event].clone()))?;
        if random.below(order.len()) < INTERRUPTIONS * group.len() {
            if compacts {
                doc.compact(&[doc.summary()?])?;
            }
            doc = doc.instance().load("reader", &doc.save()?)?;
        }
    }
    Ok(doc)
}

/// Synchronizes two documents by sessions.
fn synchronize(docs: [&Doc; 2]) -> Result<(), Error> {
    let open = |doc: &Doc| {
        let store = doc.instance().store(&doc.peer()?, StoreOptions::default())?;
        Session::open(doc, &store, &SessionOptions::new("traces"))
    };
    let sessions = [open(docs[0])?, open(docs[1])?];
    let mut is_active = true;
    while std::mem::take(&mut is_active) {
        for (from, to) in [(&sessions[0], &sessions[1]), (&sessions[1], &sessions[0])] {
            while let Some(message) = from.poll(0.0)? {
                to.receive(&message, 0.0)?;
                is_active = true;
            }
        }
    }
    Ok(())
}

/// Checks that the component ends with the text and the bytes of the library in every way. Returns
/// the text.
fn check(trace: &Trace, seed: u64) -> Result<String, Error> {
    let (runs, past) = history(trace);
    let reference = create(Backend::Native, "reader")?;
    reference.merge_events(runs.iter().cloned())?;
    let (end, saved) = (text(&reference)?, reference.save()?);
    let check = |way: &str, doc: &Doc| -> Result<(), Error> {
        assert_eq!(text(doc)?, end, "{}, {way}, seed {seed}", trace.name);
        assert_eq!(doc.digest()?, reference.digest()?, "{}, {way}, seed {seed}", trace.name);
        assert!(doc.save()? == saved, "{}, {way}, seed {seed}: other bytes", trace.name);
        Ok(())
    };
    let random = &mut Random(seed);
    let in_order: Vec<usize> = (0..runs.len()).collect();
    check("by events", &replay(&runs, &in_order, (1, false), random)?)?;
    let order = shuffled(&past, random);
    check("shuffled", &replay(&runs, &order, (1, false), random)?)?;
    check("in groups", &replay(&runs, &order, (1 + runs.len() / 5, false), random)?)?;
    let doc = create(Backend::Component, "reader")?;
    doc.merge_update(&reference.update_since(&doc.summary()?)?)?;
    check("as one update", &doc)?;
    let doc = create(Backend::Component, "reader")?;
    synchronize([&reference, &doc])?;
    check("by a session", &doc)?;
    doc.compact(&[doc.summary()?])?;
    assert_eq!(text(&doc.instance().load("reader", &doc.save()?)?)?, end, "{}, compacted", trace.name);
    if trace.events.iter().all(|event| event.peer == trace.events[0].peer) {
        let compacted = replay(&runs, &in_order, (500, true), random)?;
        assert_eq!(text(&compacted)?, end, "{}, compacted in between, seed {seed}", trace.name);
    }
    Ok(end)
}

#[test]
fn traces_end_as_published_in_wasmtime() {
    thread::scope(|scope| {
        for (trace, end) in converge_traces::all() {
            scope.spawn(move || {
                let text = check(&trace, 1).unwrap_or_else(|error| panic!("{}: {error}", trace.name));
                assert_eq!(sha256(&text), end, "{}", trace.name);
            });
        }
    });
}

#[test]
fn conformance_histories_end_as_published_in_wasmtime() {
    let Some((traces, end)) = converge_traces::conformance() else { return };
    let check =
        |(number, trace): (u64, &Trace)| check(trace, number).unwrap_or_else(|error| panic!("{}: {error}", trace.name));
    let ends: Vec<String> = (0..).zip(&traces).map(check).collect();
    assert_eq!(sha256(&ends.join("\n")), end);
}
