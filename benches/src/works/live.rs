//! Presence, sessions and real histories.

use super::Size;
use crate::libraries::{Replica, Result, Traffic};
use crate::results::{Figure, Unit};
use converge::EventRun;
use converge_rig::history;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::fs::File;
use std::path::Path;
use std::time::Instant;

/// A time to live and a skew that are never reached.
pub const FOREVER_MS: f64 = 1e12;
const KEYS: usize = 10;
const ROUNDS_PER_SECOND: f64 = 60.0;

/// A store of registers.
pub trait Live {
    fn set(&mut self, key: &str, number: i64, now: f64) -> Result<()>;
    /// Encodes what was set since the last call.
    fn take_update(&mut self) -> Result<Vec<u8>>;
    fn merge_update(&mut self, update: &[u8], now: f64) -> Result<()>;
    /// Returns the number of registers that are set.
    fn shown(&self) -> Result<usize>;
}

/// A replica of converge: a document, a store and, after `open_session`, a session.
pub trait Side: Live + Replica {
    fn merge_events(&mut self, events: Vec<EventRun>) -> Result<()>;
    fn open_session(&mut self) -> Result<()>;
    fn poll(&mut self) -> Result<Option<Vec<u8>>>;
    fn receive(&mut self, message: &[u8]) -> Result<()>;
    fn digest(&self) -> Result<[u8; 32]>;
}

/// Creates a store of registers.
pub trait MakeLive: Live + Sized {
    fn make(peer: u64) -> Result<Self>;
}

impl<S: Side> MakeLive for S {
    fn make(peer: u64) -> Result<Self> {
        Self::create(peer)
    }
}

pub fn presence<L: MakeLive>(size: Size) -> Result<Vec<Figure>> {
    let mut figures = writes_and_merges::<L>(size)?;
    figures.extend(rounds::<L>(size)?);
    Ok(figures)
}

fn writes_and_merges<L: MakeLive>(Size { sets, .. }: Size) -> Result<Vec<Figure>> {
    let (mut ann, mut ben) = (L::make(1)?, L::make(2)?);
    let keys = sets / 10;
    let mut updates = Vec::new();
    let start = Instant::now();
    for number in 0..sets {
        ann.set(&(number % keys).to_string(), number as i64, number as f64)?;
        updates.push(ann.take_update()?);
    }
    let set = start.elapsed().as_secs_f64();
    let mut figures = vec![Figure::per("set, and encode the update", set, sets, Unit::Nanoseconds)];
    for name in ["merge that wins", "merge that loses"] {
        let start = Instant::now();
        updates.iter().try_for_each(|update| ben.merge_update(update, sets as f64))?;
        figures.push(Figure::per(name, start.elapsed().as_secs_f64(), sets, Unit::Nanoseconds));
    }
    if ben.shown()? == keys { Ok(figures) } else { Err("registers are missing".into()) }
}

/// A hub that merges the writes of all peers in a round, and encodes what is new for all of them.
fn rounds<L: MakeLive>(Size { peers, rounds, .. }: Size) -> Result<Vec<Figure>> {
    let mut hub = L::make(0)?;
    let mut writers: Vec<L> = (1..=peers as u64).map(L::make).collect::<Result<_>>()?;
    let (mut hub_time, mut up, mut down) = (0.0, 0, 0);
    for round in 0..rounds {
        let now = 1_700_000_000_000.0 + round as f64 * 1_000.0 / ROUNDS_PER_SECOND;
        let mut updates = Vec::new();
        for (peer, writer) in writers.iter_mut().enumerate() {
            (0..KEYS).try_for_each(|key| writer.set(&format!("{peer}/{key}"), (round * key) as i64, now))?;
            updates.push(writer.take_update()?);
        }
        up += updates.iter().map(Vec::len).sum::<usize>() / peers;
        let start = Instant::now();
        updates.iter().try_for_each(|update| hub.merge_update(update, now))?;
        down += hub.take_update()?.len();
        hub_time += start.elapsed().as_secs_f64();
    }
    if hub.shown()? != peers * KEYS {
        return Err("registers are missing".into());
    }
    let share = hub_time / rounds as f64 * ROUNDS_PER_SECOND * 100.0;
    Ok(vec![
        Figure::new(&format!("{peers} peers, 60 rounds per second, hub"), share, Unit::PercentOfACore),
        Figure::new("from each peer, per round", (up / rounds) as f64, Unit::Bytes),
        Figure::new("to each peer, per round", (down / rounds) as f64, Unit::Bytes),
    ])
}

/// Merges real histories in several ways, and fetches them through a session.
pub fn histories<S: Side>() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for name in ["automerge", "yjs"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/data/rows/{name}.history.tsv.gz"));
        let mut events = history::read_events(File::open(path)?)?;
        history::add_fingerprints(&mut events)?;
        let mut shuffled = events.clone();
        shuffle(&mut shuffled);
        let mut digests = Vec::new();
        for (way, events, batch) in [
            ("one event per call", &events, 1),
            ("shuffled, one event per call", &shuffled, 1),
            ("one call", &events, events.len()),
        ] {
            let mut doc = S::create(1)?;
            let calls: Vec<Vec<EventRun>> = events.chunks(batch).map(<[_]>::to_vec).collect();
            let start = Instant::now();
            calls.into_iter().try_for_each(|events| doc.merge_events(events))?;
            let seconds = start.elapsed().as_secs_f64();
            let speed = shuffled.len() as f64 / seconds;
            figures.push(Figure::new(&format!("{name}, {way}"), speed, Unit::PerSecond));
            digests.push(doc.digest()?);
        }
        let (mut ann, mut ben) = (S::create(1)?, S::create(2)?);
        ann.merge_events(events)?;
        let start = Instant::now();
        let Traffic { bytes, .. } = talk(&mut ann, &mut ben)?;
        let speed = shuffled.len() as f64 / start.elapsed().as_secs_f64();
        figures.push(Figure::new(&format!("{name}, in a session"), speed, Unit::PerSecond));
        figures.push(Figure::new(&format!("{name}, in a session, sent"), bytes as f64, Unit::Bytes));
        digests.push(ben.digest()?);
        if digests.iter().any(|digest| *digest != digests[0]) {
            return Err("the orders end with different rows".into());
        }
    }
    Ok(figures)
}

/// Shuffles in an order that is always the same.
fn shuffle<T>(items: &mut [T]) {
    items.shuffle(&mut StdRng::seed_from_u64(1));
}

/// Opens two sessions and carries messages until neither has one.
pub fn talk<S: Side>(ann: &mut S, ben: &mut S) -> Result<Traffic> {
    let mut traffic = Traffic::default();
    ann.open_session()?;
    ben.open_session()?;
    loop {
        let before = traffic.messages;
        for is_back in [false, true] {
            let (from, to) = if is_back { (&mut *ben, &mut *ann) } else { (&mut *ann, &mut *ben) };
            while let Some(message) = from.poll()? {
                traffic.messages += 1;
                traffic.bytes += message.len();
                to.receive(&message)?;
            }
        }
        if traffic.messages == before {
            return Ok(traffic);
        }
    }
}
