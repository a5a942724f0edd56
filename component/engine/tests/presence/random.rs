//! Random schedules for several stores; each step is compared with a naive model.
//!
//! Clocks do not advance, jump forwards and jump backwards. Updates and snapshots are lost,
//! repeated and reordered. Entries are removed and expire, and peers leave.

use crate::model::{Aged, Model, is_larger, is_same_register};
use crate::seeds::{Checked, Random, ensure, for_each_seed, same};
use converge_engine::{Entry, Store, StoreOptions, Value};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

const TIME_TO_LIVE_MS: f64 = 100.0;
const MAX_SKEW_MS: f64 = 50.0;
const OPTIONS: StoreOptions = StoreOptions { time_to_live_ms: TIME_TO_LIVE_MS, max_skew_ms: MAX_SKEW_MS };

struct Side {
    store: Store,
    model: Model,
    now: f64,
    /// Removals that took effect here, and the time until which they are remembered.
    removals: Vec<(Entry, f64)>,
    /// The writes of this peer. No two of them have the same timestamp.
    written: BTreeSet<(String, String, u64)>,
}

struct World {
    random: Random,
    sides: Vec<Side>,
    /// Bytes that a store wrote, and the entries that they contain.
    on_the_way: Vec<(Vec<u8>, Vec<Aged>)>,
}

/// Counts of events over all seeds. A run in which one of them never happens proves nothing.
#[derive(Default)]
struct Happened {
    expired: AtomicU64,
    held_back: AtomicU64,
    left_out: AtomicU64,
    restarted: AtomicU64,
    overtaken: AtomicU64,
    shown: AtomicU64,
}

fn value(random: &mut Random) -> Value {
    match random.below(8) {
        0 => Value::Null,
        1 => random.chance(1, 2).into(),
        2 => Value::Real([0.0, -0.0, 1.5, f64::INFINITY][random.below(4)]),
        3 => Value::Text(["", "a", "b", "ab"][random.below(4)].to_owned()),
        4 => Value::Blob(vec![random.below(3) as u8; random.below(3)]),
        _ => Value::Integer(random.below(5) as i64 - 2),
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let count = 2 + random.below(5);
        let sides = (0..count).map(|number| {
            let peer = ["ann", "ben", "cleo", "dora", "émile", "fritz"][number];
            let store = Store::create(peer, OPTIONS).expect("valid options");
            let model = Model::new(peer, TIME_TO_LIVE_MS);
            // Clocks differ, by less and by more than the maximum skew.
            let now = 1_000.0 + [0.0, 3.0, 40.0, 70.0][random.below(4)];
            Side { store, model, now, removals: Vec::new(), written: BTreeSet::new() }
        });
        let sides = sides.collect();
        Self { random, sides, on_the_way: Vec::new() }
    }

    fn step(&mut self, happened: &Happened) -> Checked {
        let at = self.random.below(self.sides.len());
        let random = &mut self.random;
        let side = &mut self.sides[at];
        match random.below(20) {
            0..4 => {}
            4..8 => side.now += random.below(20) as f64,
            8 => side.now -= random.below(60) as f64,
            9 => side.now += 60.0,
            _ => {}
        }
        let (namespace, key) = (["pos", "typing"][random.below(2)], ["a", "b", "c"][random.below(3)]);
        match random.below(17) {
            16 => {
                happened.restarted.fetch_add(1, Ordering::Relaxed);
                side.restart();
            }
            0..4 => side.set(namespace, key, value(random))?,
            4..6 => side.remove(namespace, key)?,
            6 => side.leave()?,
            7 => {
                let expired = side.expire()?;
                happened.expired.fetch_add(expired as u64, Ordering::Relaxed);
            }
            8 => side.merge_made_up(random)?,
            9..11 => {
                let update = side.store.take_update();
                let said = side.model.take_update();
                same("update", &update.is_some(), &!said.is_empty())?;
                self.on_the_way.extend(update.map(|update| (update, said)));
            }
            11 => self.on_the_way.push((side.store.snapshot(&[]), side.model.snapshot())),
            _ => self.deliver(at, happened)?,
        }
        self.sides[at].check(happened)
    }

    /// Delivers a random message. It may stay on the way and be delivered again, or be lost.
    fn deliver(&mut self, at: usize, happened: &Happened) -> Checked {
        let Some(last) = self.on_the_way.len().checked_sub(1) else { return Ok(()) };
        let picked = self.random.below(self.on_the_way.len());
        happened.overtaken.fetch_add(u64::from(picked < last), Ordering::Relaxed);
        let (bytes, said) = self.on_the_way[picked].clone();
        if self.random.chance(1, 3) {
            self.on_the_way.swap_remove(picked);
        }
        if self.random.chance(1, 8) {
            return Ok(());
        }
        self.sides[at].merge(&bytes, &said, happened)
    }

    fn settle(&mut self) -> Checked {
        // Clocks are equal again, and late enough that no entry has a timestamp in the future. They
        // no longer advance.
        let dated = self.sides.iter().flat_map(|side| side.model.snapshot()).map(|(entry, _)| entry.timestamp);
        let now = self.sides.iter().map(|side| side.now).chain(dated).fold(0.0, f64::max).ceil();
        for side in &mut self.sides {
            side.now = now;
            side.expire()?;
        }
        // Entries from before a restart, and the answers to them, take one round more.
        for _ in 0..3 {
            for from in 0..self.sides.len() {
                let (bytes, said) = (self.sides[from].store.snapshot(&[]), self.sides[from].model.snapshot());
                for to in 0..self.sides.len() {
                    self.sides[to].merge(&bytes, &said, &Happened::default())?;
                }
            }
        }
        let first = self.sides[0].shown();
        self.sides.iter().try_for_each(|side| same("entries at the end", &side.shown(), &first))
    }
}

impl Side {
    /// Replaces the store with a new one of the same peer, like a page that is loaded again. The
    /// new store may write with timestamps that the peer used before.
    fn restart(&mut self) {
        self.store = Store::create(self.store.peer(), OPTIONS).expect("valid options");
        self.model = Model::new(self.store.peer(), TIME_TO_LIVE_MS);
        self.removals.clear();
        self.written.clear();
    }

    fn set(&mut self, namespace: &str, key: &str, value: Value) -> Checked {
        let entry = self.store.set(namespace, key, value.clone(), self.now).map_err(|error| error.to_string())?;
        same("set", &entry, &self.model.write(namespace, key, Some(value), self.now))?;
        same("the entry after a set", &self.store.get(namespace, key), &Some(entry.clone()))?;
        self.wrote(entry)
    }

    fn remove(&mut self, namespace: &str, key: &str) -> Checked {
        let is_there = self.store.get(namespace, key).is_some();
        let removed = self.store.remove(namespace, key, self.now).map_err(|error| error.to_string())?;
        if !is_there {
            self.model.merge(&[], self.now);
            return same("nothing to remove", &removed, &None);
        }
        let expected = self.model.write(namespace, key, None, self.now);
        same("remove", &removed, &Some(expected.clone()))?;
        self.wrote(expected)
    }

    fn leave(&mut self) -> Checked {
        let removals = self.store.leave(self.now).map_err(|error| error.to_string())?;
        self.model.merge(&[], self.now);
        same("leave", &removals, &self.model.leave(self.now))?;
        removals.into_iter().try_for_each(|removal| self.wrote(removal))
    }

    fn expire(&mut self) -> Checked<usize> {
        let expired = self.store.expire(self.now).map_err(|error| error.to_string())?;
        same("expire", &expired, &self.model.expire(self.now))?;
        Ok(expired.len())
    }

    /// Merges random entries of peers that have no store here.
    fn merge_made_up(&mut self, random: &mut Random) -> Checked {
        let made_up = (0..random.below(4)).map(|_| Entry {
            namespace: ["pos", "typing"][random.below(2)].to_owned(),
            key: ["a", "b", "c"][random.below(3)].to_owned(),
            value: random.chance(3, 4).then(|| value(random)),
            timestamp: self.now - 20.0 + random.below(40) as f64,
            peer: ["x", "y"][random.below(2)].to_owned(),
        });
        let made_up: Vec<Entry> = made_up.collect();
        let changed = self.store.merge_entries(made_up.clone(), self.now).map_err(|error| error.to_string())?;
        let aged: Vec<Aged> = made_up.into_iter().map(|entry| (entry, 0.0)).collect();
        same("merge-entries", &changed, &self.model.merge(&aged, self.now))?;
        self.note_removals(&aged);
        Ok(())
    }

    fn merge(&mut self, bytes: &[u8], said: &[Aged], happened: &Happened) -> Checked {
        let (said, ahead): (Vec<Aged>, Vec<Aged>) =
            said.iter().cloned().partition(|(entry, _)| entry.timestamp <= self.now + MAX_SKEW_MS);
        happened.left_out.fetch_add(ahead.len() as u64, Ordering::Relaxed);
        let changed = self.store.merge_update(bytes, self.now).map_err(|error| error.to_string())?;
        same("merge-update", &changed, &self.model.merge(&said, self.now))?;
        self.note_removals(&said);
        Ok(())
    }

    fn note_removals(&mut self, entries: &[Aged]) {
        for (entry, age) in entries.iter().filter(|(entry, age)| entry.value.is_none() && *age < TIME_TO_LIVE_MS) {
            let is_known = self.removals.iter().any(|(known, _)| known == entry);
            let took_effect = self.model.snapshot().iter().any(|(held, _)| held == entry);
            if took_effect && !is_known {
                self.removals.push((entry.clone(), self.model.elapsed() + (TIME_TO_LIVE_MS - age)));
            }
        }
    }

    fn wrote(&mut self, entry: Entry) -> Checked {
        let is_new = self.written.insert((entry.namespace.clone(), entry.key.clone(), entry.timestamp.to_bits()));
        ensure!(is_new, "{entry:?} repeats a timestamp");
        if entry.value.is_none() {
            self.note_removals(&[(entry, 0.0)]);
        }
        Ok(())
    }

    fn shown(&self) -> Vec<Entry> {
        self.store.namespaces().iter().flat_map(|namespace| self.store.get_all(namespace)).collect()
    }

    /// Compares the store with the model, and checks that no removed entry is visible while its
    /// removal lives. A removal lives until its time is over or a newer entry is set.
    fn check(&mut self, happened: &Happened) -> Checked {
        let held = self.model.snapshot();
        let is_newer = |entry: &Entry, removal: &Entry| is_same_register(entry, removal) && is_larger(entry, removal);
        self.removals.retain(|(removal, _)| !held.iter().any(|(entry, _)| is_newer(entry, removal)));
        self.store.dbg_check();
        let shown = self.shown();
        same("shown", &shown, &self.model.shown())?;
        happened.shown.fetch_add(shown.len() as u64, Ordering::Relaxed);
        let alive = self.removals.iter().filter(|(_, deadline)| *deadline > self.model.elapsed());
        for (removal, _) in alive {
            happened.held_back.fetch_add(1, Ordering::Relaxed);
            let is_back = |entry: &&Entry| is_same_register(entry, removal) && !is_larger(entry, removal);
            if let Some(entry) = shown.iter().find(is_back) {
                return Err(format!("{entry:?} is visible, but {removal:?} still lives"));
            }
        }
        Ok(())
    }
}

#[test]
fn stores_equal_their_models_and_converge() {
    let happened = Happened::default();
    for_each_seed(5_000, |seed| {
        let mut world = World::new(seed);
        let steps = 10 + world.random.below(70);
        (0..steps).try_for_each(|_| world.step(&happened))?;
        world.settle()
    });
    let Happened { expired, held_back, left_out, restarted, overtaken, shown } = happened;
    let counts = [expired, held_back, left_out, restarted, overtaken, shown].map(AtomicU64::into_inner);
    let names = "expired, held back, left out, restarted, overtaken, shown";
    assert!(counts.iter().all(|&count| count > 0), "{names}: {counts:?}");
}

fn store(peer: &str) -> Store {
    Store::create(peer, OPTIONS).expect("valid options")
}

/// Ann leaves, and loads the page again with a clock that is some seconds behind.
#[test]
fn a_reloaded_page_is_visible_although_it_left_before() -> Result<(), converge_engine::Error> {
    for in_bytes in [false, true] {
        let (mut ann, mut ben) = (store("ann"), store("ben"));
        ann.set("cursor", "ann", 1_i64.into(), 1_000.0)?;
        ben.merge_update(&ann.take_update().unwrap_or_default(), 1_000.0)?;
        let removals = ann.leave(1_005.0)?;
        ben.merge_entries(removals.clone(), 1_005.0)?;

        let mut ann = store("ann");
        let entry = ann.set("cursor", "ann", 2_i64.into(), 1_001.0)?;
        assert_eq!(ben.merge_update(&ann.take_update().unwrap_or_default(), 1_006.0)?, []);
        let shown = match in_bytes {
            true => ann.merge_update(&ben.snapshot(&[]), 1_002.0)?,
            false => ann.merge_entries(removals, 1_002.0)?,
        };
        assert_eq!((shown, ann.get_all("cursor").len()), (Vec::new(), 1));
        let again = ann.take_update().expect("the entry is written again");
        let shown = ben.merge_update(&again, 1_007.0)?;
        assert_eq!(shown, [Entry { timestamp: 1_005.0_f64.next_up(), ..entry }]);
        assert_eq!(ann.get("cursor", "ann"), ben.get("cursor", "ann"));
    }
    Ok(())
}

/// Each write on two pages with the same name ends in one entry that both pages show, after a
/// limited number of messages.
#[test]
fn two_pages_with_one_name_stop_answering_each_other() -> Result<(), converge_engine::Error> {
    let mut pages = [store("ann"), store("ann")];
    for (step, writer) in [0, 1, 1, 0, 1].into_iter().enumerate() {
        let now = 1_000.0 + 10.0 * step as f64;
        // The clock of the second page is ahead.
        pages[writer].set("cursor", "ann", (step as i64).into(), now + 5.0 * writer as f64)?;
        let mut messages = 0;
        while let [Some(update), _] | [_, Some(update)] = [pages[0].take_update(), pages[1].take_update()] {
            messages += 1;
            assert!(messages < 10, "the pages never stop answering each other");
            for (page, ahead) in pages.iter_mut().zip([0.0, 5.0]) {
                page.merge_update(&update, now + 1.0 + ahead)?;
            }
        }
        let [one, other] = pages.each_ref().map(|page| page.get("cursor", "ann"));
        assert_eq!((&one, one.as_ref().and_then(|one| one.value.clone())), (&other, Some((step as i64).into())));
    }
    Ok(())
}

/// The clock of one client is an hour ahead. The others still see each other, whichever message
/// their entries come in.
#[test]
fn a_wrong_clock_does_not_hide_the_others() -> Result<(), converge_engine::Error> {
    let far = StoreOptions { max_skew_ms: 1e9, ..OPTIONS };
    let (mut relay, mut ann) = (Store::create("relay", far)?, store("ann"));
    let mut entries = Vec::new();
    for (peer, now) in [("ben", 1_000.0), ("cleo", 3_601_000.0), ("dora", 1_001.0)] {
        entries.push(store(peer).set("cursor", peer, 1_i64.into(), now)?);
    }
    relay.merge_entries(entries.clone(), 1_000.0)?;
    let shown = ann.merge_update(&relay.snapshot(&[]), 1_000.0)?;
    assert_eq!(shown.iter().map(|entry| entry.peer.as_str()).collect::<Vec<_>>(), ["ben", "dora"]);
    let mut cut = store("ann");
    let refused = cut.merge_entries(entries, 1_000.0);
    assert!(matches!(refused, Err(converge_engine::Error::InvalidArgument(_))), "{refused:?}");
    assert_eq!(cut.snapshot(&[]), store("ann").snapshot(&[]));
    Ok(())
}
