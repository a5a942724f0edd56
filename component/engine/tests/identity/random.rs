//! Random histories. Replicas are copied, restored from old saves and run concurrently under one
//! name. They exchange events in every possible way, compact and rebase. In the end all must hold
//! the same events, and every write.

use crate::oracle::{Events, Print, Set};
use crate::seeds::{Checked, Random, caught, ensure, for_each_seed};
use crate::ways::{Outcome, Way};
use crate::world::{New, World, set};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of histories, of all three kinds together.
const HISTORIES: u64 = 5_000;

const NAMES: [&str; 3] = ["a", "b", "p"];
const ROWS: [&str; 3] = ["x", "y", "z"];
const STEPS: usize = 40;
const MAX_REPLICAS: usize = 5;

/// How the history is compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compaction {
    Never,
    /// Horizons contain only events that every replica has, and no replica is restored from a save
    /// below a horizon.
    Promised,
    /// Replicas are restored from saves below the horizon.
    Broken,
}

const KINDS: [Compaction; 3] = [Compaction::Never, Compaction::Promised, Compaction::Broken];

#[test]
fn without_compaction_every_replica_ends_with_every_write() {
    for_each_of(Compaction::Never);
}

#[test]
fn safe_compactions_reject_and_lose_nothing() {
    for_each_of(Compaction::Promised);
}

#[test]
fn replicas_restored_from_below_a_horizon_converge() {
    let lost = for_each_of(Compaction::Broken);
    eprintln!("restored from below a horizon: {lost} histories lose a write that the rule of D days excludes");
}

/// Plays this test's share of the seeds, and counts the histories that lose a write.
fn for_each_of(compaction: Compaction) -> u64 {
    let lost = AtomicU64::new(0);
    for_each_seed(HISTORIES, |seed| {
        if KINDS[(seed % KINDS.len() as u64) as usize] != compaction {
            return Ok(());
        }
        let losses = History::new(seed, compaction).check()?;
        lost.fetch_add(u64::from(losses > 0), Ordering::Relaxed);
        Ok(())
    });
    lost.into_inner()
}

/// One step. `at` and `with` choose replicas, modulo their number. `dice` decides the rest, so a
/// step has much the same effect if earlier steps are left out.
#[derive(Debug, Clone, Copy)]
struct Step {
    kind: Kind,
    at: usize,
    with: usize,
    dice: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Commit,
    Save,
    Restore,
    Copy,
    Bring,
    BringPart,
    Talk,
    Compact,
}

#[derive(Debug, Clone)]
struct History {
    compaction: Compaction,
    names: Vec<&'static str>,
    steps: Vec<Step>,
    /// The dice of the final exchange.
    dice: u64,
}

impl History {
    fn new(seed: u64, compaction: Compaction) -> Self {
        let mut random = Random::new(seed);
        let names = (0..2 + random.below(3)).map(|_| *random.pick(&NAMES)).collect();
        let steps = (0..STEPS).map(|_| Step::new(&mut random, compaction)).collect();
        Self { compaction, names, steps, dice: random.next() }
    }

    /// Plays the history and returns how many writes were lost. If it fails, the error describes
    /// the shortest failing history that was found.
    fn check(&self) -> Checked<usize> {
        let mut why = match self.play() {
            Ok(losses) => return Ok(losses),
            Err(why) => why,
        };
        let mut shortest = self.clone();
        let fails = |history: Self| history.play().err().map(|why| (history, why));
        while let Some(found) = shortest.shorter().into_iter().find_map(fails) {
            (shortest, why) = found;
        }
        Err(why)
    }

    fn shorter(&self) -> Vec<Self> {
        let mut shorter = Vec::new();
        let mut size = self.steps.len();
        while size > 0 {
            for start in (0..self.steps.len()).step_by(size) {
                let mut history = self.clone();
                history.steps.drain(start..(start + size).min(self.steps.len()));
                shorter.push(history);
            }
            size /= 2;
        }
        if self.names.len() > 2 {
            shorter.extend((0..self.names.len()).map(|name| {
                let mut history = self.clone();
                history.names.remove(name);
                history
            }));
        }
        shorter
    }

    fn play(&self) -> Checked<usize> {
        let mut game = Game::new(self)?;
        let mut play = || -> Checked<usize> {
            for step in &self.steps {
                game.step(*step)?;
            }
            game.exchange_all(&mut Random::new(self.dice))?;
            game.end()
        };
        let result = caught(&mut play);
        result.map_err(|why| {
            format!("{why}\nafter these steps ({:?}):\n  {}", self.compaction, game.world.log.join("\n  "))
        })
    }
}

impl Step {
    fn new(random: &mut Random, compaction: Compaction) -> Self {
        let kind = match random.below(100) {
            0..40 => Kind::Commit,
            40..50 => Kind::Save,
            50..57 => Kind::Restore,
            57..62 => Kind::Copy,
            62..69 => Kind::Bring,
            69..75 => Kind::BringPart,
            75..88 => Kind::Talk,
            _ if compaction != Compaction::Never => Kind::Compact,
            _ => Kind::Bring,
        };
        Self { kind, at: random.below(60), with: random.below(60), dice: random.next() }
    }
}

/// A history while it is played.
struct Game {
    compaction: Compaction,
    world: World,
    /// Saved documents and their replicas.
    saves: Vec<(String, Vec<u8>)>,
    /// The summary that a replica recorded when a session with another replica was last in sync.
    records: BTreeMap<(usize, usize), Vec<u8>>,
    /// Every event that any replica ever compacted. A rebase onto a document with a lower horizon
    /// can bring an event back.
    compacted: Set,
    /// Whether any replica rejected an input.
    refusals: usize,
}

impl Game {
    fn new(history: &History) -> Checked<Self> {
        let world = World::new(&history.names)?;
        Ok(Self {
            compaction: history.compaction,
            world,
            saves: Vec::new(),
            records: BTreeMap::new(),
            compacted: Set::new(),
            refusals: 0,
        })
    }

    fn step(&mut self, step: Step) -> Checked {
        let count = self.world.replicas.len();
        let (at, with, mut random) = (step.at % count, step.with % count, Random::new(step.dice));
        match step.kind {
            Kind::Commit => drop(self.commit(at, &mut random)?),
            Kind::Save => {
                let replica = &self.world.replicas[at];
                self.saves.push((replica.name.clone(), replica.doc.save()));
                self.world.log.push(format!("{at} is saved as save {}", self.saves.len() - 1));
            }
            Kind::Restore => self.restore(at, &mut random)?,
            Kind::Copy => self.copy(at)?,
            _ if at == with => {}
            Kind::Bring => {
                let way =
                    *random.pick(&[Way::Update, Way::Events(1), Way::Events(3), Way::Events(u32::MAX), Way::Whole]);
                self.outcome(|world| world.bring(at, with, way))?;
            }
            Kind::BringPart => self.outcome(|world| world.bring_part(at, with, &mut random))?,
            Kind::Talk => self.talk(at, with, &mut random)?,
            Kind::Compact => self.compact(at, &mut random)?,
        }
        if random.chance(1, 4) { self.world.check(at).map(drop) } else { Ok(()) }
    }

    /// Mostly writes a value that no other write has. Sometimes two copies commit equal writes on
    /// equal states; these are one event.
    fn commit(&mut self, at: usize, random: &mut Random) -> Checked<Print> {
        let row = *random.pick(&ROWS);
        match random.below(8) {
            0 => self.world.commit(at, &[set(row, "equal")]),
            _ => self.world.write(at, row),
        }
    }

    fn copy(&mut self, at: usize) -> Checked {
        if self.world.replicas.len() < MAX_REPLICAS {
            let copy = self.world.copy(at)?;
            self.copy_records(at, copy);
        }
        Ok(())
    }

    /// Restores a replica from an old save. With `Promised`, copies the present state of a replica
    /// instead.
    fn restore(&mut self, at: usize, random: &mut Random) -> Checked {
        if self.world.replicas.len() >= MAX_REPLICAS || self.saves.is_empty() {
            return Ok(());
        }
        let is_present = self.compaction == Compaction::Promised;
        let (name, saved) = if is_present {
            (self.world.replicas[at].name.clone(), self.world.doc(at).save())
        } else {
            random.pick(&self.saves).clone()
        };
        let name = if random.chance(7, 10) { name } else { (*random.pick(&NAMES)).to_owned() };
        let restored = self.world.load(&name, &saved)?;
        if is_present {
            self.copy_records(at, restored);
        }
        Ok(())
    }

    /// A copy has the records of its original. Replicas that recorded the original also recorded
    /// the copy.
    fn copy_records(&mut self, original: usize, copy: usize) {
        for ((by, of), summary) in self.records.clone() {
            if of == original {
                self.records.insert((by, copy), summary.clone());
            }
            if by == original {
                self.records.insert((copy, of), summary);
            }
        }
    }

    fn outcome(&mut self, bring: impl FnOnce(&mut World) -> Checked<Outcome>) -> Checked {
        let outcome = bring(&mut self.world)?;
        self.refusals += usize::from(outcome == Outcome::Compacted);
        ensure!(self.compaction != Compaction::Never || outcome == Outcome::Done, "rejected without compaction");
        Ok(())
    }

    fn talk(&mut self, at: usize, with: usize, random: &mut Random) -> Checked {
        let bytes = *random.pick(&[64, 200, 4_000, 65_536]);
        let max_messages = if random.chance(1, 6) { 1 + random.below(6) } else { usize::MAX };
        let in_sync = self.world.session([at, with], bytes, max_messages)?;
        if in_sync {
            self.records.insert((at, with), self.world.doc(at).summary());
            self.records.insert((with, at), self.world.doc(with).summary());
        } else if max_messages == usize::MAX {
            ensure!(self.compaction != Compaction::Never, "a session ends without being in sync");
            self.refusals += 1;
        }
        Ok(())
    }

    /// The horizon is what the others hold now, or what was recorded when each was last in sync.
    fn compact(&mut self, at: usize, random: &mut Random) -> Checked {
        let others = (0..self.world.replicas.len()).filter(|other| *other != at);
        let summaries: Option<Vec<Vec<u8>>> = if random.chance(1, 2) {
            Some(others.map(|other| self.world.doc(other).summary()).collect())
        } else {
            others.map(|other| self.records.get(&(at, other)).cloned()).collect()
        };
        let Some(summaries) = summaries else { return Ok(()) };
        self.world.log.push(format!("{at} compacts by what the others have"));
        let (before, saved) = (self.world.see(at, New::None)?, self.world.doc(at).save());
        match self.world.doc_mut(at).compact(&summaries) {
            Ok(report) => {
                let after = self.world.see(at, New::None)?;
                ensure!(after.known == before.known, "a compaction changed what {at} knows");
                ensure!(before.below.is_subset(&after.below), "the horizon of {at} shrank");
                self.compacted.extend(&after.below);
                let dropped = after.below.len() - before.below.len();
                ensure!(report.events_dropped as usize == dropped, "{dropped} events were dropped: {report:?}");
                self.world.log.push(format!("  at {:?}", report.horizon));
            }
            Err(converge_engine::Error::InvalidArgument(_)) => {
                self.world.log.push("  and is rejected".to_owned());
                ensure!(self.world.doc(at).save() == saved, "a rejected compaction changed {at}");
            }
            Err(error) => return Err(format!("{at} compacts: {error}")),
        }
        Ok(())
    }

    /// Exchanges events between all replicas until nothing changes any more.
    fn exchange_all(&mut self, random: &mut Random) -> Checked {
        self.world.log.push("each replica with each other one:".to_owned());
        let count = self.world.replicas.len();
        let mode = random.below(5);
        let mut pairs: Vec<[usize; 2]> = (0..count).flat_map(|a| (0..count).map(move |b| [a, b])).collect();
        pairs.retain(|[a, b]| a != b && (mode != 4 || *a == 0 || *b == 0));
        for _ in 0..24 {
            let before: Vec<Vec<u8>> = self.world.replicas.iter().map(|replica| replica.doc.save()).collect();
            random.shuffle(&mut pairs);
            for &[from, to] in &pairs {
                let by_session = mode == 2 || mode == 4 || (mode == 3 && random.chance(1, 2));
                if by_session {
                    if !self.world.session([from, to], 65_536, usize::MAX)? {
                        ensure!(self.compaction != Compaction::Never, "a session ends without being in sync");
                        self.refusals += 1;
                    }
                    continue;
                }
                self.pull(from, to, random)?;
                if mode == 1 {
                    self.pull(to, from, random)?;
                }
            }
            let saves = self.world.replicas.iter().map(|replica| replica.doc.save());
            if saves.eq(before) {
                return Ok(());
            }
        }
        Err("24 rounds of exchange did not end".to_owned())
    }

    fn pull(&mut self, from: usize, to: usize, random: &mut Random) -> Checked {
        let way = *random.pick(&[Way::Update, Way::Update, Way::Events(3), Way::Events(u32::MAX), Way::Whole]);
        // Pages cannot report another branch, so the rule asks for both directions. Updates can.
        let outcome = self.world.bring(from, to, way)?;
        if outcome == Outcome::Done {
            return if way == Way::Update { Ok(()) } else { self.pull_update(from, to) };
        }
        ensure!(self.compaction != Compaction::Never, "rejected without compaction");
        self.refusals += 1;
        if self.world.rebase(to, from)? == Outcome::Compacted {
            let _ = self.world.rebase(from, to)?;
        }
        Ok(())
    }

    fn pull_update(&mut self, from: usize, to: usize) -> Checked {
        let outcome = self.world.bring(from, to, Way::Update)?;
        ensure!(self.compaction != Compaction::Never || outcome == Outcome::Done, "rejected without compaction");
        self.refusals += usize::from(outcome == Outcome::Compacted);
        Ok(())
    }

    /// Checks that all replicas hold the same, and returns how many writes are lost.
    fn end(&mut self) -> Checked<usize> {
        let seen = self.world.check_converged()?;
        for at in 0..self.world.replicas.len() {
            let waiting = self.world.waiting(at)?;
            ensure!(self.compaction != Compaction::Never || waiting.is_none(), "{at} still waits: {waiting:?}");
        }
        let events = &self.world.events;
        ensure!(self.compaction != Compaction::Promised || self.refusals == 0, "{} refusals", self.refusals);
        let lost = lost(events, &seen.known);
        if self.compaction != Compaction::Broken {
            let shown: Vec<String> = lost.iter().map(|print| format!("{print:016x}")).collect();
            ensure!(lost.is_empty(), "lost: {shown:?}");
        }
        for &print in &lost {
            // The author's other branch is at least as long, and all of it was compacted.
            let Some(author) = events.iter().find(|(other, _)| *other == print).map(|(_, event)| &event.author) else {
                continue;
            };
            let counter = events.counter(print);
            let longer = self
                .compacted
                .iter()
                .any(|other| events[*other].author == *author && events.counter(*other) >= counter);
            ensure!(longer, "lost {print:016x}, although no compacted branch of {author:?} is as long");
        }
        let twice = twice(events, &seen.known);
        ensure!(self.compaction == Compaction::Broken || twice.is_none(), "written twice: {twice:?}");
        Ok(lost.len())
    }
}

/// Returns the events that are unknown, and for which there is no known event of the same author
/// with the same operations.
fn lost(events: &Events, known: &Set) -> Set {
    let is_there = |print: Print| {
        let (author, ops) = (&events[print].author, &events[print].ops);
        known.iter().any(|other| events[*other].author == *author && events[*other].ops == *ops)
    };
    events.iter().map(|(print, _)| print).filter(|print| !known.contains(print) && !is_there(*print)).collect()
}

/// Returns two known events with the same operations, although no two commits had the same ones.
fn twice(events: &Events, known: &Set) -> Option<(Print, Print)> {
    let is_token = |print: &&Print| events[**print].ops.iter().all(|op| !format!("{op:?}").contains("equal"));
    let writes: Vec<Print> = known.iter().filter(is_token).copied().collect();
    let pairs =
        writes.iter().enumerate().flat_map(|(place, one)| writes[..place].iter().map(move |other| (*one, *other)));
    pairs.into_iter().find(|(one, other)| events[*one].ops == events[*other].ops)
}
