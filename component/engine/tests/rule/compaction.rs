//! Compaction. Two replicas learn the same events, and one of them is compacted at random horizons.
//! Events that depend on the horizon must have the same effect on both. The compacted replica
//! rejects other events and does not change.

use crate::check::check_tables;
use crate::history::check_history_of;
use crate::model::{Events, Model, all_events_of, events_of, run_of, runs_of, scattered, with_sorted_cells};
use crate::oracle::Event;
use crate::past::{
    builds_on, by_name, closed, document, heads_of, model_of, past, random_past, summary_of, takeable, version_of,
};
use crate::prints::Prints;
use crate::random::history;
use crate::seeds::{Checked, Random, ensure, for_each_seed, same};
use crate::since::random_version;
use crate::storage::beyond;
use crate::world::{show_event, show_peer, show_runs};
use converge_engine::{CompactionReport, Doc, Error, EventId, EventRun, PeerVersion, RowOp};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn compacted_twins() {
    let (refused, taken) = (AtomicU64::new(0), AtomicU64::new(0));
    for_each_seed(375, |seed| {
        let mut random = Random::new(seed);
        history(&mut random).check_then(seed, |world, random| {
            let mut twins = Twins::new(world.all_events(), random)?;
            twins.compact(random)?;
            for _ in 0..8 + random.below(16) {
                let step = twins.step(random);
                step.map_err(|why| format!("{why}\ntwins: {}", twins.log.join("\n  ")))?;
            }
            refused.fetch_add(twins.refused, Ordering::Relaxed);
            taken.fetch_add(twins.taken, Ordering::Relaxed);
            Ok(())
        })
    });
    let (refused, taken) = (refused.into_inner(), taken.into_inner());
    eprintln!("compacted twins: {taken} events above a horizon merged, {refused} rejected");
    assert!(taken < 1_000 || refused > taken / 10, "too few events are below a horizon");
}

struct Twins {
    plain: Doc,
    compacted: Doc,
    /// The events that both know. Both also wait for the same events.
    model: Model,
    horizon: Events,
    /// Every event that was ever committed.
    all: Events,
    prints: Prints,
    log: Vec<String>,
    refused: u64,
    taken: u64,
}

impl Twins {
    fn new(all: Events, random: &mut Random) -> Checked<Self> {
        let known = random_past(&all, random);
        let (plain, compacted) = (document("plain", &known, random)?, document("compacted", &known, random)?);
        let log = vec![format!("they know {}", show_past(&known))];
        let (model, horizon) = (model_of(&known), Events::new());
        let prints = Prints::new(&all);
        Ok(Self { plain, compacted, model, horizon, all, prints, log, refused: 0, taken: 0 })
    }

    /// Commits events of other replicas that know the horizon and any further events. Neither of
    /// the two receives them yet.
    fn write_elsewhere(&mut self, random: &mut Random) {
        for _ in 0..1 + random.below(4) {
            self.write_one_elsewhere(random);
        }
    }

    fn write_one_elsewhere(&mut self, random: &mut Random) {
        let author = *random.pick(&["\u{1}", "m", "\u{10ffff}"]);
        let mut knows = random_past(&self.all, random);
        knows.extend(past(&self.all, self.all.keys().filter(|id| id.peer == author)));
        knows.extend(self.horizon.clone());
        let ops: Vec<RowOp> = self.all.values().flat_map(|event| event.ops.clone()).collect();
        let few = random.below(3);
        let ops = if ops.is_empty() { ops } else { (0..few).map(|_| random.pick(&ops).clone()).collect() };
        let event = model_of(&knows).next_event(author, ops);
        self.log.push(format!("elsewhere {author:?} commits {}", show_event(&event)));
        self.all.insert(event.id.clone(), event);
    }

    /// Returns runs with fingerprints. Some runs that need none get none.
    fn fill(&mut self, runs: Vec<EventRun>, random: &mut Random) -> Vec<EventRun> {
        self.prints.learn(&self.all);
        self.prints.fill_some(runs, &self.model.known, random)
    }

    fn step(&mut self, random: &mut Random) -> Checked {
        self.prints.learn(&self.all);
        match random.below(20) {
            16.. => self.write_elsewhere(random),
            0 | 1 => self.compact(random)?,
            2..7 => self.merge(random)?,
            7 | 8 => self.merge_from_below(random)?,
            9 => self.commit(random)?,
            10 => self.reload()?,
            11 => self.update_since(random)?,
            12 => self.merge_saved(random)?,
            13 => self.compact_at_no_version(random)?,
            _ => self.look_back(random)?,
        }
        self.check(random)
    }

    fn compact(&mut self, random: &mut Random) -> Checked {
        let horizon = random_past(&self.model.known, random);
        let both: Events = self.horizon.clone().into_iter().chain(horizon.clone()).collect();
        // The caller of `compact` guarantees that later events depend on the horizon, so the
        // waiting events must, too.
        let good = takeable(&self.all, &self.model.known, &both);
        if !self.model.waiting.keys().all(|id| good.contains_key(id)) {
            return Ok(());
        }
        self.log.push(format!("compacted at {}", show_past(&horizon)));
        let report = self.compacted.compact(&[by_name(&shuffled(version_of(&horizon), random))]);
        let report = report.map_err(|error| format!("compact: {error}"))?;
        let both = closed(&self.model.known, &both, &self.horizon);
        same("the horizon in force", &report.horizon, &version_of(&both))?;
        same("dropped events", &(report.events_dropped as usize), &(both.len() - self.horizon.len()))?;
        let tables = self.model.tables();
        let is_there = |table: &str, row: &str| tables.get(table).is_some_and(|rows| rows.contains_key(row));
        let gone = |(table, row): &(&str, &str)| !is_there(table, row);
        let rows = both.values().flat_map(|event| &event.ops).map(name_of).filter(gone).collect::<BTreeSet<_>>();
        ensure!(report.tombstones_dropped as usize <= rows.len(), "{report:?}, but only {rows:?} were deleted");
        self.horizon = both;

        let bytes = self.compacted.save();
        let unchanged = CompactionReport { horizon: version_of(&self.horizon), ..CompactionReport::default() };
        let again = self.compacted.compact(&[summary_of(&self.horizon)]);
        same("a repeated horizon", &again, &Ok(unchanged.clone()))?;
        same("a lower horizon", &self.compacted.compact(&[by_name(&[])]), &Ok(unchanged))?;
        same("the saved bytes after that", &self.compacted.save(), &bytes)
    }

    /// Merges events that the compacted replica must accept into both, and some events that they
    /// know.
    fn merge(&mut self, random: &mut Random) -> Checked {
        let good = takeable(&self.all, &self.model.known, &self.horizon);
        let good: Vec<Event> = good.into_values().collect();
        let known: Vec<Event> = self.model.known.values().cloned().collect();
        let thirds = 1 + random.below(3);
        let mut events = random.sample(&good, thirds, 3);
        events.extend(random.sample(&known, 1, 8));
        let runs = self.fill(scattered(random, &events), random);
        self.log.push(format!("both merge {}", show_runs(&runs)));
        let expected = self.model.merge(&runs);
        if !self.horizon.is_empty() {
            self.taken += u64::from(expected.applied);
        }
        same("the plain replica's report", &self.plain.merge_events(runs.clone()), &Ok(expected.clone()))?;
        same("the report", &self.compacted.merge_events(runs), &Ok(expected))
    }

    /// Merges an event that does not depend on the horizon, together with valid ones.
    fn merge_from_below(&mut self, random: &mut Random) -> Checked {
        let good = takeable(&self.all, &self.model.known, &self.horizon);
        let known = |id: &EventId| self.model.known.contains_key(id);
        let is_from_below = |event: &&Event| {
            let is_new = !known(&event.id) && !self.model.waiting.contains_key(&event.id);
            is_new && event.deps.iter().all(known) && !builds_on(&self.all, event, &self.horizon)
        };
        let from_below: Vec<&Event> = self.all.values().filter(is_from_below).collect();
        if from_below.is_empty() {
            return Ok(());
        }
        let event = *random.pick(&from_below);
        let good: Vec<Event> = good.into_values().collect();
        let some = random.sample(&good, 1, 6);
        let mut runs = scattered(random, &some);
        runs.insert(random.below(runs.len() + 1), run_of(event));
        let runs = self.prints.fill_some(runs, &self.model.known, random);
        self.log.push(format!("an event from below arrives: {} {}", show_peer(&event.id.peer), show_event(event)));
        let before = self.compacted.save();
        let refused = self.compacted.merge_events(runs);
        same("an event from below", &refused, &Err(self.refusal()))?;
        same("the saved bytes after that", &self.compacted.save(), &before)?;
        // The same event as bytes, from a replica that knows only the event's ancestors.
        let author = document("author", &past(&self.all, [&event.id]), random)?;
        let bytes = author.update_since(&self.plain.summary()).map_err(|error| error.to_string())?;
        same("an update from below", &self.compacted.merge_update(&bytes), &Err(self.refusal()))?;
        same("the saved bytes after that", &self.compacted.save(), &before)?;
        self.refused += 1;
        Ok(())
    }

    /// Commits an event on one of the two, and merges it into the other one.
    fn commit(&mut self, random: &mut Random) -> Checked {
        let by_compacted = random.chance(1, 2);
        let (author, reader) =
            if by_compacted { (&mut self.compacted, &mut self.plain) } else { (&mut self.plain, &mut self.compacted) };
        let ops: Vec<&RowOp> = self.all.values().flat_map(|event| &event.ops).collect();
        let is_insert = |op: &&&RowOp| matches!(op, RowOp::Insert { .. });
        let Some(&op) = ops.iter().find(is_insert) else { return Ok(()) };
        let event = self.model.next_event(author.peer(), vec![op.clone()]);
        self.log.push(format!("{} commits {}", author.peer(), show_event(&event)));
        let known = reader.summary();
        same("the commit", &author.commit(event.ops.clone()), &Ok(event.id.clone()))?;
        let bytes = author.update_since(&known).map_err(|error| format!("update_since: {error}"))?;
        let expected = self.model.merge(&[run_of(&event)]);
        same("the report", &reader.merge_update(&bytes), &Ok(expected))?;
        self.all.insert(event.id.clone(), event);
        Ok(())
    }

    fn reload(&mut self) -> Checked {
        self.log.push("both are loaded from their saved bytes".to_owned());
        for doc in [&mut self.plain, &mut self.compacted] {
            let bytes = doc.save();
            *doc = Doc::load(doc.peer(), &bytes).map_err(|error| format!("load: {error}"))?;
            same("the bytes that a loaded document saves", &doc.save(), &bytes)?;
        }
        Ok(())
    }

    /// Asks for the history above the horizon, and for history below it, which is rejected.
    fn update_since(&mut self, random: &mut Random) -> Checked {
        let versions = [version_of(&self.horizon), self.model.version()];
        let known = random_version(random, &versions);
        let is_named = |id: &&EventId| known.iter().any(|known| known.peer == id.peer && known.count > id.counter);
        if heads_of(&self.horizon).iter().any(|id| !is_named(&id)) {
            same("events from below", &self.compacted.events_since(&by_name(&known), u32::MAX), &Err(self.refusal()))?;
            return same("an update from below", &self.compacted.update_since(&by_name(&known)), &Err(self.refusal()));
        }
        let batch = self.compacted.events_since(&by_name(&known), u32::MAX).map_err(|error| error.to_string())?;
        let mut events = all_events_of(&batch.runs);
        events.sort_by(|a, b| a.id.cmp(&b.id));
        let is_beyond = |id: &EventId| !is_named(&id) && !self.horizon.contains_key(id);
        let beyond = self.model.known.values().filter(|event| is_beyond(&event.id));
        let expected = beyond.map(with_sorted_cells).collect();
        same("events since", &events, &expected)?;
        let bytes = self.compacted.update_since(&by_name(&known)).map_err(|error| error.to_string())?;
        let report = Model { waiting: Events::new(), ..self.model.clone() }.merge(&runs_of(&events, || true));
        let mut complete = document("complete", &self.model.known, random)?;
        same("the update's report", &complete.merge_update(&bytes), &Ok(report))
    }

    /// Merges the saved bytes of the compacted document into a replica that may or may not know the
    /// horizon.
    fn merge_saved(&mut self, random: &mut Random) -> Checked {
        let mut known = random_past(&self.all, random);
        if random.chance(1, 2) {
            known.extend(self.horizon.clone());
        }
        let mut doc = document("reader", &known, random)?;
        let (bytes, before) = (self.compacted.save(), doc.save());
        if self.horizon.keys().any(|id| !known.contains_key(id)) {
            same("a compacted document", &doc.merge_update(&bytes), &Err(self.refusal()))?;
            return same("the saved bytes after that", &doc.save(), &before);
        }
        let mut model = model_of(&known);
        let events = beyond(&self.model.known, &version_of(&self.horizon));
        let waiting = self.model.waiting.values();
        let expected = model.merge(&[runs_of(events, || true), runs_of(waiting, || true)].concat());
        same("the report of a compacted document", &doc.merge_update(&bytes), &Ok(expected))?;
        check_equal(&doc, &model, random)
    }

    /// Compacts at counts that are no version, or beyond the known events. They are rejected, or
    /// result in a horizon below them, but never change the tables.
    fn compact_at_no_version(&mut self, random: &mut Random) -> Checked {
        let counts = random_version(random, &[self.model.version()]);
        let bytes = self.compacted.save();
        let mut doc = Doc::load("another", &bytes).map_err(|error| format!("load: {error}"))?;
        let is_below = |id: &EventId| counts.iter().any(|at| at.peer == id.peer && at.count > id.counter);
        let covered: Events = self.all.clone().into_iter().filter(|(id, _)| is_below(id)).collect();
        let is_known = |at: &PeerVersion| {
            at.count == 0 || self.model.version().iter().any(|known| known.peer == at.peer && known.count >= at.count)
        };
        let holds = |id: &EventId| covered.contains_key(id);
        let is_version = covered.values().all(|event| event.deps.iter().all(holds));
        let compacted = doc.compact(&[by_name(&counts)]);
        let case = format!("compacted at {counts:?}");
        if counts.iter().all(is_known) && is_version {
            ensure!(compacted.is_ok(), "{case}: {compacted:?}");
        }
        if compacted.is_err() {
            ensure!(matches!(compacted, Err(Error::InvalidArgument(_))), "{case}: {compacted:?}");
            return same("the saved bytes after that", &doc.save(), &bytes);
        }
        same(&case, &doc.digest(), &self.compacted.digest())?;
        doc.dbg_check();
        Ok(())
    }

    /// Checks that `diff` and `fork_at` return the same above the horizon as without it, and are
    /// rejected below it.
    fn look_back(&mut self, random: &mut Random) -> Checked {
        let covers = |past: &Events| self.horizon.keys().all(|id| past.contains_key(id));
        let mut pasts = [random_past(&self.model.known, random), random_past(&self.model.known, random)];
        for past in &mut pasts {
            if random.chance(3, 4) {
                past.extend(self.horizon.clone());
            }
        }
        let refusal = (!pasts.iter().all(covers)).then(|| self.refusal());
        let horizon = version_of(&self.horizon);
        check_history_of(&self.compacted, &horizon, &pasts, refusal.as_ref(), random)?;
        check_history_of(&self.plain, &[], &pasts, None, random)
    }

    fn refusal(&self) -> Error {
        Error::Compacted(version_of(&self.horizon).into_iter().map(|at| (at.peer, at.count)).collect())
    }

    fn check(&mut self, random: &mut Random) -> Checked {
        for doc in [&self.plain, &self.compacted] {
            check_equal(doc, &self.model, random).map_err(|why| format!("{}: {why}", doc.peer()))?;
        }
        same("the digests of both", &self.compacted.digest(), &self.plain.digest())?;
        if random.chance(1, 3) {
            // A document consists of its known events and its horizon, however it came to have
            // them.
            let mut other = document("other", &self.model.known, random)?;
            other.compact(&[summary_of(&self.horizon)]).map_err(|error| format!("compact: {error}"))?;
            let waiting: Vec<Event> = self.model.waiting.values().cloned().collect();
            other
                .merge_events(self.prints.fill(scattered(random, &waiting)))
                .map_err(|error| format!("merge: {error}"))?;
            same("the saved bytes of the same events and horizon", &self.compacted.save(), &other.save())?;
        }
        Ok(())
    }
}

/// Compares the document with a model of the same events.
pub(crate) fn check_equal(doc: &Doc, model: &Model, random: &mut Random) -> Checked {
    doc.dbg_check();
    same("version", &doc.version(), &model.version())?;
    same("heads", &doc.heads(), &model.heads())?;
    check_tables(doc, &model.tables(), random)
}

/// Merges events one by one, in any order, into a compacted document. It rejects events that do not
/// depend on the horizon, or drops them once that is known. In the end it has all others.
#[test]
fn any_event_to_a_compacted_document() {
    for_each_seed(500, |seed| {
        let mut random = Random::new(seed);
        history(&mut random).check_then(seed, |world, random| {
            let all = world.all_events();
            let known = random_past(&all, random);
            let horizon = closed(&known, &random_past(&known, random), &Events::new());
            let mut doc = document("compacted", &known, random)?;
            doc.compact(&[summary_of(&horizon)]).map_err(|error| format!("compact: {error}"))?;
            let prints = Prints::new(&all);
            let mut order: Vec<&Event> = all.values().collect();
            random.shuffle(&mut order);
            for event in order {
                let merged = doc.merge_events(prints.fill(vec![run_of(event)]));
                let refused = matches!(merged, Err(Error::Compacted(_)));
                ensure!(merged.is_ok() || refused, "{} {}: {merged:?}", show_peer(&event.id.peer), show_event(event));
                doc.dbg_check();
            }
            let mut all_taken = known.clone();
            all_taken.extend(takeable(&all, &known, &horizon));
            check_equal(&doc, &model_of(&all_taken), random)
                .map_err(|why| format!("{why}\nknown: {}\nhorizon: {}", show_past(&known), show_past(&horizon)))?;
            let bytes = doc.save();
            let loaded = Doc::load("another", &bytes).map_err(|error| format!("load: {error}"))?;
            same("the bytes that a loaded document saves", &loaded.save(), &bytes)
        })
    });
}

/// Rows that were deleted below the horizon leave no trace in the bytes, and do not come back.
#[test]
fn deleted_rows_leave_no_trace() -> Result<(), Box<dyn std::error::Error>> {
    let mut doc = Doc::create("ann")?;
    let name = "a row that was deleted";
    doc.insert("t", name, vec![converge_engine::Cell::new("x", 1)])?;
    doc.insert("t", "kept", vec![converge_engine::Cell::new("x", 2)])?;
    let late = events_of(&doc.events_since(&by_name(&[]), u32::MAX)?.runs[0]);
    doc.delete("t", name)?;
    let holds = |doc: &Doc| doc.save().windows(name.len()).any(|window| window == name.as_bytes());
    assert!(holds(&doc), "the test requires that names are saved without compression");
    let report = doc.compact(&[])?;
    assert_eq!(report, CompactionReport { events_dropped: 3, tombstones_dropped: 1, horizon: doc.version() });
    assert!(!holds(&doc));
    for event in late {
        assert_eq!(doc.merge_events(vec![run_of(&event)])?.duplicate, 1);
    }
    assert_eq!((doc.get("t", name), doc.tables()[0].rows), (None, 1));
    doc.insert("t", name, Vec::new())?;
    assert_eq!(doc.get("t", name), Some(Vec::new()));
    Ok(())
}

fn name_of(op: &RowOp) -> (&str, &str) {
    op.row_name()
}

fn shuffled(mut version: Vec<PeerVersion>, random: &mut Random) -> Vec<PeerVersion> {
    random.shuffle(&mut version);
    version
}

/// Formats a past in one line.
pub(crate) fn show_past(past: &Events) -> String {
    let counts = version_of(past).into_iter().map(|at| format!("{}:{}", show_peer(&at.peer), at.count));
    counts.collect::<Vec<_>>().join(" ")
}

/// A horizon that is lowered below a branch counts none of the events that the branch follows.
#[test]
fn a_lowered_horizon_of_a_forked_peer() -> Result<(), Error> {
    let splice = |doc: &mut Doc, insert: &str| doc.splice("t", "r", "s", (0, 0), insert).map(drop);
    for is_compacted in [false, true] {
        let mut a = Doc::create("a")?;
        a.insert("t", "r", vec![converge_engine::Cell::new("s", "abc")])?;
        if is_compacted {
            a.compact(&[])?;
        }
        let mut b = Doc::load("a", &a.save())?;
        splice(&mut a, "1")?;
        splice(&mut b, "2")?;
        let mut v = Doc::load("v", &b.save())?;
        splice(&mut v, "3")?;
        a.merge_update(&b.update_since(&a.summary())?)?;
        let asked = a.summary();
        a.merge_update(&v.update_since(&a.summary())?)?;
        let (before, dropped) = (a.digest(), a.compact(&[asked])?);
        assert_eq!(dropped.events_dropped, u32::from(!is_compacted), "{dropped:?}");
        a.dbg_check();
        assert_eq!((a.digest(), Doc::load("z", &a.save())?.digest()), (before, before));
    }
    Ok(())
}

/// The ground of a text was hidden at the horizon, and counts now, because an earlier insert
/// arrived. `peek` finds the text at the horizon all the same.
#[test]
fn a_text_that_was_hidden_at_the_horizon() -> Result<(), Error> {
    let mut a = Doc::create("a")?;
    a.insert("t", "r", vec![converge_engine::Cell::new("s", "abc")])?;
    let (mut b, mut c) = (Doc::load("b", &a.save())?, Doc::load("c", &a.save())?);
    a.delete("t", "r")?;
    b.commit(Vec::new())?;
    b.update("t", "r", vec![converge_engine::Cell::new("s", "xyz")])?;
    b.splice("t", "r", "s", (3, 0), "!")?;
    a.merge_update(&b.update_since(&a.summary())?)?;
    let all = a.summary();
    c.insert("t", "r", Vec::new())?;
    a.merge_update(&c.update_since(&a.summary())?)?;
    a.compact(&[all])?;
    let shown = a.get("t", "r");
    assert_eq!((Doc::peek(&a.save(), "t", "r")?, Doc::load("z", &a.save())?.get("t", "r")), (shown.clone(), shown));
    Ok(())
}

#[test]
fn the_ground_of_an_edit_on_an_unset_that_was_replaced() -> Result<(), Error> {
    let mut ann = Doc::create("ann")?;
    ann.insert("t", "r", vec![converge_engine::Cell::new("x", 3)])?;
    ann.unset("t", "r", vec!["x".to_owned()])?;
    let mut ben = Doc::load("ben", &ann.save())?;
    // The edit has the same lamport time as the write, which is therefore not settled.
    ann.add("t", "r", "x", 1)?;
    ben.insert("t", "r", vec![converge_engine::Cell::new("x", 4)])?;
    let mut twice = Doc::load("twice", &ann.save())?;
    twice.merge_update(&ben.update_since(&ann.summary())?)?;
    let mut once = Doc::load("once", &twice.save())?;
    let version = |counts: &[(&str, u32)]| {
        by_name(
            &counts
                .iter()
                .map(|(peer, count)| PeerVersion { peer: (*peer).to_owned(), count: *count })
                .collect::<Vec<_>>(),
        )
    };
    twice.compact(&[version(&[("ann", 2)])])?;
    for doc in [&mut twice, &mut once] {
        doc.compact(&[version(&[("ann", 2), ("ben", 1)])])?;
    }
    assert_eq!(once.save(), twice.save());
    Ok(())
}
