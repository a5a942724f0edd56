//! What presence and sessions cost, natively and in wasmtime: time, messages, bytes.

use converge::{EventRun, history};
use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::time::Instant;

/// A replica with a document, a store and, once it is opened, a session.
trait Side: Sized {
    fn create(peer: &str) -> Result<Self, Box<dyn Error>>;
    /// The same document, written by another peer from now on.
    fn copy(&self, peer: &str) -> Result<Self, Box<dyn Error>>;
    fn put(&mut self, row: &str, number: i64) -> Result<(), Box<dyn Error>>;
    fn merge_events(&mut self, events: &[EventRun]) -> Result<(), Box<dyn Error>>;
    fn set(&mut self, key: &str, number: i64, now: f64) -> Result<(), Box<dyn Error>>;
    fn take_update(&mut self) -> Result<Vec<u8>, Box<dyn Error>>;
    fn snapshot(&self) -> Result<Vec<u8>, Box<dyn Error>>;
    /// How many entries changed what shows.
    fn merge_update(&mut self, update: &[u8], now: f64) -> Result<usize, Box<dyn Error>>;
    fn open(&mut self) -> Result<(), Box<dyn Error>>;
    fn poll(&mut self) -> Result<Option<Vec<u8>>, Box<dyn Error>>;
    /// How many events took effect.
    fn receive(&mut self, message: &[u8]) -> Result<u32, Box<dyn Error>>;
    fn digest(&self) -> Result<[u8; 32], Box<dyn Error>>;
}

/// How much work is done.
#[derive(Clone, Copy)]
pub struct Size {
    pub sets: usize,
    pub peers: usize,
    pub rounds: usize,
    pub events: usize,
}

const KEYS: usize = 10;
const ROUNDS_PER_SECOND: f64 = 60.0;
const TIME_TO_LIVE_MS: f64 = 1e12;
const MOST_MESSAGE_BYTES: u32 = 1 << 16;

/// A line: what was done, and figures with their units.
type Line = (String, Vec<String>);

/// Measures everything and prints a table.
pub fn run(size: Size) -> Result<(), Box<dyn Error>> {
    println!("\n{:<56}{:<76}{:<76}", "presence and sessions", "native", "wasmtime");
    let (native, wasmtime) = (measure::<Native>(size)?, measure::<Wasmtime>(size)?);
    for ((what, native), (_, wasmtime)) in native.into_iter().zip(wasmtime) {
        println!("{what:<56}{:<76}{:<76}", native.join(", "), wasmtime.join(", "));
    }
    Ok(())
}

fn measure<S: Side>(size: Size) -> Result<Vec<Line>, Box<dyn Error>> {
    let mut lines = writes_and_merges::<S>(size)?;
    lines.extend(rounds::<S>(size)?);
    lines.push(catch_up::<S>(size)?);
    for name in ["automerge", "yjs"] {
        lines.push(whole_history::<S>(name)?);
    }
    Ok(lines)
}

fn writes_and_merges<S: Side>(Size { sets, .. }: Size) -> Result<Vec<Line>, Box<dyn Error>> {
    let (mut ann, mut ben) = (S::create("ann")?, S::create("ben")?);
    let mut updates = Vec::new();
    let set = nanos(sets, || {
        for number in 0..sets {
            ann.set(&(number % 1_000).to_string(), number as i64, number as f64)?;
            updates.push(ann.take_update()?);
        }
        Ok(())
    })?;
    let mut shown = 0;
    let mut merge = |updates: &[Vec<u8>]| {
        nanos(sets, || {
            for update in updates {
                shown += ben.merge_update(update, sets as f64)?;
            }
            Ok(())
        })
    };
    let (wins, loses) = (merge(&updates)?, merge(&updates)?);
    assert_eq!(shown, sets);
    let line = |what: &str, nanos: f64| (format!("{sets} {what}"), vec![format!("{nanos:.0} ns each")]);
    Ok(vec![
        line("sets, each taken as an update", set),
        line("merges of one entry that win", wins),
        line("merges of one entry that lose", loses),
    ])
}

/// A hub that merges what everyone wrote in a round, and gives everyone what is new.
fn rounds<S: Side>(Size { peers, rounds, .. }: Size) -> Result<Vec<Line>, Box<dyn Error>> {
    let mut hub = S::create("hub")?;
    let mut writers: Vec<S> = (0..peers).map(|peer| S::create(&format!("peer-{peer}"))).collect::<Result<_, _>>()?;
    let (mut hub_time, mut from_each, mut to_all) = (0.0, 0, 0);
    for round in 0..rounds {
        let now = 1_700_000_000_000.0 + round as f64 * 1_000.0 / ROUNDS_PER_SECOND;
        let mut updates = Vec::new();
        for (peer, writer) in writers.iter_mut().enumerate() {
            for key in 0..KEYS {
                writer.set(&format!("{peer}/{key}"), (round * key) as i64, now)?;
            }
            updates.push(writer.take_update()?);
        }
        from_each += updates.iter().map(Vec::len).sum::<usize>() / peers;
        let start = Instant::now();
        for update in &updates {
            assert_eq!(hub.merge_update(update, now)?, KEYS);
        }
        to_all += hub.take_update()?.len();
        hub_time += start.elapsed().as_secs_f64();
    }
    let share = hub_time / rounds as f64 * ROUNDS_PER_SECOND * 100.0;
    Ok(vec![(
        format!("{peers} peers x {KEYS} keys, {ROUNDS_PER_SECOND} rounds a second"),
        vec![
            format!("{share:.1} % of a core"),
            format!("{} B up", from_each / rounds),
            format!("{} B down", to_all / rounds),
            format!("{} B snapshot", hub.snapshot()?.len()),
        ],
    )])
}

fn catch_up<S: Side>(Size { events, .. }: Size) -> Result<Line, Box<dyn Error>> {
    let mut ann = S::create("ann")?;
    (0..events - 1).try_for_each(|number| ann.put(&(number % 1_000).to_string(), number as i64))?;
    let mut ben = ann.copy("ben")?;
    ann.put("0", -1)?;
    let Talk { messages, bytes, seconds, .. } = talk(&mut ann, &mut ben)?;
    let figures = vec![format!("{messages} messages"), format!("{bytes} B"), format!("{:.3} ms", seconds * 1_000.0)];
    Ok((format!("catch-up by one event in {events}"), figures))
}

fn whole_history<S: Side>(name: &str) -> Result<Line, Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/data/rows/{name}.history.tsv.gz"));
    let (mut ann, mut ben) = (S::create("ann")?, S::create("ben")?);
    ann.merge_events(&history::read_events(File::open(path)?)?)?;
    let Talk { messages, bytes, seconds, applied } = talk(&mut ann, &mut ben)?;
    let figures = vec![
        format!("{messages} messages"),
        format!("{bytes} B"),
        format!("{:.0} events/s", f64::from(applied) / seconds),
    ];
    Ok((format!("the history of {name}, {applied} events"), figures))
}

struct Talk {
    messages: usize,
    bytes: usize,
    seconds: f64,
    applied: u32,
}

/// From two new sessions until both are quiet.
fn talk<S: Side>(ann: &mut S, ben: &mut S) -> Result<Talk, Box<dyn Error>> {
    let mut talk = Talk { messages: 0, bytes: 0, seconds: 0.0, applied: 0 };
    let start = Instant::now();
    ann.open()?;
    ben.open()?;
    loop {
        let before = talk.messages;
        for is_back in [false, true] {
            let (from, to) = if is_back { (&mut *ben, &mut *ann) } else { (&mut *ann, &mut *ben) };
            while let Some(message) = from.poll()? {
                talk.messages += 1;
                talk.bytes += message.len();
                talk.applied += to.receive(&message)?;
            }
        }
        if talk.messages == before {
            break;
        }
    }
    talk.seconds = start.elapsed().as_secs_f64();
    assert_eq!(ann.digest()?, ben.digest()?);
    Ok(talk)
}

fn nanos(count: usize, work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e9 / count as f64)
}

struct Native {
    doc: converge_engine::Doc,
    store: converge_engine::Store,
    session: Option<converge_engine::Session>,
}

impl Native {
    fn of(doc: converge_engine::Doc) -> Result<Self, Box<dyn Error>> {
        let options = converge_engine::StoreOptions { time_to_live_ms: TIME_TO_LIVE_MS, most_skew_ms: TIME_TO_LIVE_MS };
        let store = converge_engine::Store::create(doc.peer(), options)?;
        Ok(Self { doc, store, session: None })
    }
}

impl Side for Native {
    fn create(peer: &str) -> Result<Self, Box<dyn Error>> {
        Self::of(converge_engine::Doc::create(peer)?)
    }

    fn copy(&self, peer: &str) -> Result<Self, Box<dyn Error>> {
        Self::of(converge_engine::Doc::load(peer, &self.doc.save())?)
    }

    fn put(&mut self, row: &str, number: i64) -> Result<(), Box<dyn Error>> {
        self.doc.insert("table", row, vec![converge_engine::Cell::new("number", number)])?;
        Ok(())
    }

    fn merge_events(&mut self, events: &[EventRun]) -> Result<(), Box<dyn Error>> {
        self.doc.merge_events(events.iter().map(crate::replica::native).collect())?;
        Ok(())
    }

    fn set(&mut self, key: &str, number: i64, now: f64) -> Result<(), Box<dyn Error>> {
        self.store.set("cursors", key, number.into(), now)?;
        Ok(())
    }

    fn take_update(&mut self) -> Result<Vec<u8>, Box<dyn Error>> {
        self.store.take_update().ok_or_else(|| "nothing changed".into())
    }

    fn snapshot(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        Ok(self.store.snapshot(&[]))
    }

    fn merge_update(&mut self, update: &[u8], now: f64) -> Result<usize, Box<dyn Error>> {
        Ok(self.store.merge_update(update, now)?.len())
    }

    fn open(&mut self) -> Result<(), Box<dyn Error>> {
        let options = converge_engine::SessionOptions {
            document: "bench".to_owned(),
            most_message_bytes: MOST_MESSAGE_BYTES,
            namespaces: Vec::new(),
            read_only: false,
        };
        self.session = Some(converge_engine::Session::open(&self.doc, &mut self.store, options)?);
        Ok(())
    }

    fn poll(&mut self) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
        let Self { doc, store, session } = self;
        Ok(session.as_mut().ok_or("no session")?.poll(doc, store, 0.0)?)
    }

    fn receive(&mut self, message: &[u8]) -> Result<u32, Box<dyn Error>> {
        let Self { doc, store, session } = self;
        let received = session.as_mut().ok_or("no session")?.receive(doc, store, message, 0.0)?;
        Ok(received.durable.map_or(0, |report| report.applied))
    }

    fn digest(&self) -> Result<[u8; 32], Box<dyn Error>> {
        Ok(self.doc.digest())
    }
}

struct Wasmtime {
    doc: converge::Doc,
    store: converge::Store,
    session: Option<converge::Session>,
}

impl Wasmtime {
    fn of(doc: converge::Doc) -> Result<Self, Box<dyn Error>> {
        let options = converge::StoreOptions { time_to_live: TIME_TO_LIVE_MS, most_skew: TIME_TO_LIVE_MS };
        let store = doc.instance().store(&doc.peer()?, options)?;
        Ok(Self { doc, store, session: None })
    }
}

impl Side for Wasmtime {
    fn create(peer: &str) -> Result<Self, Box<dyn Error>> {
        Self::of(converge::Doc::create(peer)?)
    }

    fn copy(&self, peer: &str) -> Result<Self, Box<dyn Error>> {
        Self::of(converge::Doc::load(peer, &self.doc.save()?)?)
    }

    fn put(&mut self, row: &str, number: i64) -> Result<(), Box<dyn Error>> {
        self.doc.insert("table", row, [("number", number)])?;
        Ok(())
    }

    fn merge_events(&mut self, events: &[EventRun]) -> Result<(), Box<dyn Error>> {
        self.doc.merge_events(events)?;
        Ok(())
    }

    fn set(&mut self, key: &str, number: i64, now: f64) -> Result<(), Box<dyn Error>> {
        self.store.set("cursors", key, number, now)?;
        Ok(())
    }

    fn take_update(&mut self) -> Result<Vec<u8>, Box<dyn Error>> {
        self.store.take_update()?.ok_or_else(|| "nothing changed".into())
    }

    fn snapshot(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        Ok(self.store.snapshot(&[])?)
    }

    fn merge_update(&mut self, update: &[u8], now: f64) -> Result<usize, Box<dyn Error>> {
        Ok(self.store.merge_update(update, now)?.len())
    }

    fn open(&mut self) -> Result<(), Box<dyn Error>> {
        let options = converge::SessionOptions::new("bench");
        self.session = Some(converge::Session::open(&self.doc, &self.store, &options)?);
        Ok(())
    }

    fn poll(&mut self) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
        Ok(self.session.as_ref().ok_or("no session")?.poll(0.0)?)
    }

    fn receive(&mut self, message: &[u8]) -> Result<u32, Box<dyn Error>> {
        let received = self.session.as_ref().ok_or("no session")?.receive(message, 0.0)?;
        Ok(received.durable.map_or(0, |report| report.applied))
    }

    fn digest(&self) -> Result<[u8; 32], Box<dyn Error>> {
        Ok(self.doc.digest()?.0)
    }
}
