//! Replicas from below a horizon. The events that they wrote are committed again on top of the
//! compacted document. Their other events are given up.

use crate::check::Mirror;
use crate::compaction::{check_equal, show_past};
use crate::model::{Events, Model, all_events_of, run_of, with_sorted_cells};
use crate::oracle::Event;
use crate::past::{by_name, closed, document, model_of, past, random_past, summary_of, takeable, version_of};
use crate::prints::Prints;
use crate::random::history;
use crate::seeds::{Checked, Random, ensure, for_each_seed, same};
use converge_engine::{Cell, Commit, Doc, Error, EventId, MergeReport, RowOp, Transaction, Value};
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn from_below() {
    let (again, given_up) = (AtomicU64::new(0), AtomicU64::new(0));
    for_each_seed(500, |seed| {
        let mut random = Random::new(seed);
        history(&mut random).check_then(seed, |world, random| {
            let case = Case::new(&world.all_events(), random);
            let (made, lost) = case.check(random).map_err(|why| format!("{why}\n{}", case.show()))?;
            again.fetch_add(made, Ordering::Relaxed);
            given_up.fetch_add(lost, Ordering::Relaxed);
            Ok(())
        })
    });
    let (again, given_up) = (again.into_inner(), given_up.into_inner());
    eprintln!("rebases: {again} events committed again, {given_up} given up");
    assert!(again + given_up < 1_000 || again.min(given_up) > 100, "too few events are below a horizon");
}

/// Two copies of a replica commit their additions again on the same document. The addition that
/// both have counts once, and those that only one of them has count too.
#[test]
fn additions_of_copies_count_once_each() -> Result<(), Error> {
    let mut base = Doc::create("a")?;
    base.insert("t", "r", Vec::new())?;
    let mut common = Doc::load("b", &base.save())?;
    common.add("t", "r", "n", 1)?;
    base.insert("t", "s", Vec::new())?;
    base.compact(&[])?;
    let mut copies = Vec::new();
    for salt in [1, 2] {
        let mut copy = Doc::load("b", &common.save())?;
        copy.distinguish(salt);
        copy.add("t", "r", "n", 10)?;
        copy.rebase(&base.save())?;
        copies.push(copy);
    }
    for copy in &copies {
        base.merge_update(&copy.update_since(&base.summary())?)?;
    }
    assert_eq!(base.get("t", "r").unwrap()[0].value, Value::Integer(21));
    Ok(())
}

/// Both sides may have waiting events. This test does not specify which of them take effect. The
/// document must stay valid, and no write of the replica may be lost.
#[test]
fn with_waiting_events() {
    for_each_seed(375, |seed| {
        let mut random = Random::new(seed);
        history(&mut random).check_then(seed, |world, random| {
            let all = world.all_events();
            let case = Case { own_horizon: Events::new(), ..Case::new(&all, random) };
            case.check_waiting(&all, random).map_err(|why| format!("{why}\n{}", case.show()))
        })
    });
}

/// A replica and the saved document that it rebases onto: the pasts that the two know, and the
/// horizons at which they were compacted.
struct Case {
    peer: String,
    known: Events,
    own_horizon: Events,
    saved: Events,
    horizon: Events,
}

impl Case {
    fn new(all: &Events, random: &mut Random) -> Self {
        let peers: Vec<&str> = all.keys().map(|id| id.peer.as_str()).collect();
        let peer = if peers.is_empty() { "nobody" } else { *random.pick(&peers) };
        // A replica knows its own events.
        let own = all.keys().filter(|id| id.peer == peer);
        let mut known = past(all, own);
        known.extend(random_past(all, random));
        let saved = random_past(all, random);
        let horizon = closed(&saved, &random_past(&saved, random), &Events::new());
        let shared = horizon.clone().into_iter().filter(|(id, _)| known.contains_key(id)).collect();
        let own_horizon = if random.chance(1, 8) { random_past(&known, random) } else { random_past(&shared, random) };
        let own_horizon = if random.chance(1, 2) { own_horizon } else { Events::new() };
        let own_horizon = closed(&known, &own_horizon, &Events::new());
        Self { peer: peer.to_owned(), known, own_horizon, saved, horizon }
    }

    fn show(&self) -> String {
        let Self { peer, known, own_horizon, saved, horizon } = self;
        let pasts = [known, own_horizon, saved, horizon].map(show_past);
        let [known, own_horizon, saved, horizon] = pasts;
        format!("{peer:?} knows {known}, compacted at {own_horizon}; the saved document {saved}, at {horizon}")
    }

    /// Rebases, and returns how many events were committed again and how many were given up.
    fn check(&self, random: &mut Random) -> Checked<(u64, u64)> {
        let mut doc = document(&self.peer, &self.known, random)?;
        let compact = |doc: &mut Doc, horizon| doc.compact(&[summary_of(horizon)]).map_err(|error| error.to_string());
        compact(&mut doc, &self.own_horizon)?;
        let mut base = document("base", &self.saved, random)?;
        compact(&mut base, &self.horizon)?;
        let (bytes, before) = (base.save(), doc.save());

        let tables = model_of(&self.known).tables();
        let mut mirrors = vec![
            Mirror::new(&mut doc, &[], false, &tables)?,
            Mirror::new(&mut doc, &[], true, &tables)?,
            Mirror::new(&mut doc, &["t".to_owned()], false, &tables)?,
        ];
        let rebased = doc.rebase(&bytes);
        let within = |past: &Events| self.own_horizon.keys().all(|id| past.contains_key(id));
        if !within(&self.horizon) {
            // The saved document has a lower horizon than this replica.
            if rebased.is_err() || !within(&self.saved) {
                let counts = version_of(&self.own_horizon).into_iter().map(|at| (at.peer, at.count));
                same("the rebase", &rebased, &Err(Error::Compacted(counts.collect())))?;
                same("the saved bytes after that", &doc.save(), &before)?;
            }
            doc.dbg_check();
            return Ok((0, 0));
        }
        let (model, report) = self.expected(&doc)?;
        same("the report", &rebased, &Ok(report.clone()))?;
        check_equal(&doc, &model, random)?;
        self.check_events(&doc, &model)?;
        for mirror in &mut mirrors {
            mirror.catch_up(&mut doc, 1 + random.below(3) as u32, &model.tables())?;
        }

        // The other replicas merge the events that were committed again, and are equal then.
        let update = doc.update_since(&base.summary()).map_err(|error| format!("update_since: {error}"))?;
        base.merge_update(&update).map_err(|error| format!("merge_update: {error}"))?;
        check_equal(&base, &model, random)?;
        same("the saved bytes of both", &base.save(), &doc.save())?;
        let bytes = doc.save();
        let again = doc.rebase(&bytes).map_err(|error| format!("rebase: {error}"))?;
        same("a rebase onto the same", &(again.applied, again.missing.len()), &(0, 0))?;
        same("the saved bytes after that", &doc.save(), &bytes)?;
        Ok((model.known.len() as u64 - self.taken().len() as u64, report.missing.len() as u64))
    }

    /// Rebases with waiting events on both sides.
    fn check_waiting(&self, all: &Events, random: &mut Random) -> Checked {
        let mut doc = document(&self.peer, &self.known, random)?;
        let mut base = document("base", &self.saved, random)?;
        base.compact(&[summary_of(&self.horizon)]).map_err(|error| format!("compact: {error}"))?;
        let prints = Prints::new(all);
        for doc in [&mut doc, &mut base] {
            for event in random.sample(&all.values().cloned().collect::<Vec<_>>(), 1, 4) {
                let merged = doc.merge_events(prints.fill(vec![run_of(&event)]));
                ensure!(matches!(merged, Ok(_) | Err(Error::Compacted(_))), "{:?}: {merged:?}", event.id);
            }
        }
        let own = own_ops(&self.peer, &doc)?;
        let report = doc.rebase(&base.save()).map_err(|error| format!("rebase: {error}"))?;
        doc.dbg_check();
        let again = doc.merge_events(Vec::new()).map_err(|error| format!("merge: {error}"))?;
        same("waiting events", &again.waiting, &report.waiting)?;

        let batch = doc.events_since(&summary_of(&self.horizon), u32::MAX).map_err(|error| error.to_string())?;
        let below = self.horizon.values().map(with_sorted_cells);
        let known = below.chain(all_events_of(&batch.runs)).map(|event| (event.id.clone(), event)).collect::<Events>();
        check_equal(&doc, &model_of(&known), random)?;
        let mut kept = known.values().filter(|event| event.id.peer == self.peer).map(|event| &event.ops);
        let is_kept = |ops: &Commit, kept: &Commit| without_splices(kept) == without_splices(ops);
        let lost = own.iter().find(|ops| !kept.any(|kept| is_kept(ops, kept)));
        same("an own commit that is lost", &lost, &None)?;
        let loaded = Doc::load("another", &doc.save()).map_err(|error| format!("load: {error}"))?;
        same("the bytes that a loaded document saves", &loaded.save(), &doc.save())
    }

    /// Returns the saved document's events, and those of this replica that it can merge.
    fn taken(&self) -> Events {
        let mut all = self.known.clone();
        all.extend(self.saved.clone());
        let mut taken = takeable(&all, &self.saved, &self.horizon);
        taken.extend(self.saved.clone());
        taken
    }

    /// Returns what the replica knows afterwards, and its report.
    fn expected(&self, doc: &Doc) -> Checked<(Model, MergeReport)> {
        let batch = doc.events_since(&summary_of(&self.horizon), u32::MAX).map_err(|error| error.to_string())?;
        let made: Events = all_events_of(&batch.runs).into_iter().map(|event| (event.id.clone(), event)).collect();
        let mut model = model_of(&self.taken());
        let mut report = MergeReport {
            applied: (model.known.len() - self.saved.len()) as u32,
            duplicate: self.known.keys().filter(|id| self.saved.contains_key(id)).count() as u32,
            ..MergeReport::default()
        };
        let lost: Vec<&Event> = self.known.values().filter(|event| !model.known.contains_key(&event.id)).collect();
        for event in lost {
            if event.id.peer == self.peer {
                let mut again = model.next_event(&self.peer, event.ops.clone());
                // `splices_of_texts` checks the places of splices.
                if let Some(made) = made.get(&again.id).filter(|_| has_splices(&event.ops)) {
                    same(
                        "the other operations",
                        &without_splices(&made.ops),
                        &without_splices(&with_sorted_cells(event).ops),
                    )?;
                    again.ops = made.ops.clone();
                }
                model.known.insert(again.id.clone(), again);
                report.applied += 1;
            } else {
                report.missing.push(event.id.clone());
            }
        }
        Ok((model, report))
    }

    /// Checks that the history beyond the horizon is the expected one, event by event.
    fn check_events(&self, doc: &Doc, model: &Model) -> Checked {
        let batch =
            doc.events_since(&summary_of(&self.horizon), u32::MAX).map_err(|error| format!("events_since: {error}"))?;
        let mut events = all_events_of(&batch.runs);
        events.sort_by(|a, b| a.id.cmp(&b.id));
        let is_beyond = |id: &EventId| !self.horizon.contains_key(id);
        let expected = model.known.iter().filter(|(id, _)| is_beyond(id)).map(|(_, event)| with_sorted_cells(event));
        same("the history after the rebase", &events, &expected.collect())?;
        ensure!(!batch.more, "the page reports more events");
        Ok(())
    }
}

fn has_splices(ops: &Commit) -> bool {
    ops.iter().any(|op| matches!(op, RowOp::Splice { .. }))
}

fn without_splices(ops: &Commit) -> Commit {
    ops.iter().filter(|op| !matches!(op, RowOp::Splice { .. })).cloned().collect()
}

/// Peers type letters that exist once. One of them rebases from below a horizon: its letters that
/// showed are in the new text, next to the letters that they were next to, and the letters that it
/// removed are gone.
#[test]
fn splices_of_texts() {
    for_each_seed(500, |seed| {
        let mut random = Random::new(seed);
        let mut docs = Vec::new();
        for peer in ["a", "b", "c"] {
            docs.push(Doc::create(peer).map_err(|error| error.to_string())?);
        }
        let cells = if random.chance(1, 2) { vec![Cell::new("x", "0123456789")] } else { Vec::new() };
        docs[0].insert("t", "r", cells).map_err(|error| error.to_string())?;
        let mut next = 0x4e00;
        let steps = random.below(12);
        type_letters(&mut docs, steps, &mut next, &mut random, false)?;
        for at in [1, 2, 0, 1, 2] {
            let updates: Vec<Vec<u8>> =
                (0..3).map(|other| docs[other].update_since(&docs[at].summary()).unwrap()).collect();
            for update in updates {
                docs[at].merge_update(&update).map_err(|error| error.to_string())?;
            }
        }
        let common = text(&docs[2]);
        // The last replica works alone, while the others continue and are compacted.
        let mut alone = vec![docs.pop().unwrap()];
        let steps = 1 + random.below(8);
        type_letters(&mut alone, steps, &mut next, &mut random, false)?;
        let mut doc = alone.pop().unwrap();
        let (own, steps) = (text(&doc), random.below(8));
        type_letters(&mut docs, steps, &mut next, &mut random, true)?;
        docs[0].insert("t", "other", Vec::new()).map_err(|error| error.to_string())?;
        docs[0].compact(&[]).map_err(|error| error.to_string())?;
        let base = text(&docs[0]);
        doc.rebase(&docs[0].save()).map_err(|error| format!("rebase: {error}"))?;
        doc.dbg_check();
        let now = text(&doc);
        let why = |what: &str| format!("{what}: common {common:?}, own {own:?}, base {base:?}, now {now:?}");
        let typed: String = own.chars().filter(|letter| !common.contains(*letter)).collect();
        let kept: String = now.chars().filter(|letter| typed.contains(*letter)).collect();
        ensure!(kept == typed, "{}", why("own letters are lost, or in another order"));
        let stays = |letter: &char| own.contains(*letter) || !common.contains(*letter);
        let expected: String = base.chars().filter(stays).collect();
        let others: String = now.chars().filter(|letter| !typed.contains(*letter)).collect();
        ensure!(others == expected, "{}", why("letters of others are lost, or removed ones came back"));
        // Behind the nearest letter before it that still shows.
        let shown = |letter: &char| now.contains(*letter);
        for (place, letter) in own.char_indices().filter(|(_, letter)| typed.contains(*letter)) {
            let before = own[..place].chars().rfind(shown);
            let there = now.find(letter).unwrap();
            let between = before.map_or(0, |before| now.find(before).unwrap() + before.len_utf8());
            ensure!(between <= there, "{}", why("a letter is before the one that it was behind"));
        }
        let update = doc.update_since(&docs[0].summary()).map_err(|error| error.to_string())?;
        docs[0].merge_update(&update).map_err(|error| error.to_string())?;
        same("the text of both", &text(&docs[0]), &now)
    });
}

/// Lets replicas type and remove letters, in commits of up to three splices. They merge what the
/// others did, all of it if `is_merged`.
fn type_letters(docs: &mut [Doc], steps: usize, next: &mut u32, random: &mut Random, is_merged: bool) -> Checked {
    for _ in 0..steps {
        let at = random.below(docs.len());
        if docs.len() > 1 && (is_merged || random.chance(1, 3)) {
            let other = (at + 1) % docs.len();
            let update = docs[other].update_since(&docs[at].summary()).map_err(|error| error.to_string())?;
            docs[at].merge_update(&update).map_err(|error| error.to_string())?;
        }
        let mut transaction = Transaction::default();
        for _ in 0..1 + random.below(3) {
            let cells = transaction.get(&docs[at], "t", "r").unwrap_or_default();
            let Some(length) = cells.iter().find(|cell| cell.column == "x").map_or(Some(0), |cell| match &cell.value {
                Value::Text(text) => Some(text.chars().count()),
                _ => None,
            }) else {
                continue;
            };
            if transaction.get(&docs[at], "t", "r").is_none() {
                continue;
            }
            let start = random.below(length + 1);
            let remove = (random.below(4) * random.below(2)).min(length - start) as u32;
            let letters: String = (0..random.below(3)).map(|_| letter(next)).collect();
            transaction
                .splice(&docs[at], "t", "r", "x", (start as u32, remove), letters)
                .map_err(|error| error.to_string())?;
        }
        transaction.commit(&mut docs[at]).map_err(|error| error.to_string())?;
    }
    if is_merged {
        for (at, other) in [(0, 1), (1, 0)] {
            let update = docs[other].update_since(&docs[at].summary()).map_err(|error| error.to_string())?;
            docs[at].merge_update(&update).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

fn letter(next: &mut u32) -> char {
    *next += 1;
    char::from_u32(*next).unwrap()
}

fn text(doc: &Doc) -> String {
    let cells = doc.get("t", "r").unwrap_or_default();
    match cells.into_iter().find(|cell| cell.column == "x").map(|cell| cell.value) {
        Some(Value::Text(text)) => text,
        _ => String::new(),
    }
}

/// Returns the operations of a peer, commit by commit.
fn own_ops(peer: &str, doc: &Doc) -> Checked<Vec<Commit>> {
    let batch = doc.events_since(&by_name(&[]), u32::MAX).map_err(|error| error.to_string())?;
    let mut events = all_events_of(&batch.runs);
    events.retain(|event| event.id.peer == peer);
    Ok(events.into_iter().map(|event| event.ops).collect())
}
