//! Rows and entries that one client writes and others receive.

use super::crew::Rig;
use super::pace::Pace;
use super::samples::Samples;
use super::{GRACE, commit, lock};
use crate::Failure;
use converge::{Value, now};
use converge_rig::net::{Cause, Client, Pumped};
use serde_json::json;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The namespace of the registers.
const NAMESPACE: &str = "load";
/// The maximum time for which a client waits for messages.
const MAX_WAIT: Duration = Duration::from_millis(250);
/// The maximum number of writes before the client sends them.
const MAX_BURST: usize = 64;
/// How long peers receive entries after the last one was set.
const LINGER: Duration = Duration::from_secs(2);
/// [`Shared::committed`] before the writer has finished.
const UNKNOWN: usize = usize::MAX;

struct Shared {
    rig: Arc<Rig>,
    /// Times are microseconds since then.
    origin: Instant,
    rate: f64,
    time: Duration,
    samples: Mutex<Samples>,
    /// When each event was committed, or was due. All clients are in one process, so readers need
    /// not read rows to know when they were written.
    times: Box<[AtomicU64]>,
    /// The number of events, once the writer has finished.
    committed: AtomicUsize,
}

impl Shared {
    fn new(rig: &Arc<Rig>, rate: f64, time: Duration, events: usize) -> Arc<Self> {
        Arc::new(Self {
            rig: rig.clone(),
            origin: Instant::now(),
            rate,
            time,
            samples: Mutex::new(Samples::new()),
            times: (0..events).map(|_| AtomicU64::new(0)).collect(),
            committed: AtomicUsize::new(UNKNOWN),
        })
    }

    fn microseconds(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.origin).as_micros()).unwrap_or(u64::MAX)
    }

    /// Records the latencies of writes that have arrived, from the times of the writes.
    fn delivered(&self, pumped: &Pumped, written: impl ExactSizeIterator<Item = u64>) {
        if written.len() == 0 {
            return;
        }
        self.rig.count(written.len());
        let at = self.microseconds(pumped.at.unwrap_or_else(Instant::now));
        let mut samples = lock(&self.samples);
        written.for_each(|written| samples.add(Duration::from_micros(at.saturating_sub(written))));
    }

    /// Returns the keys of the report that both works have.
    fn report(&self, work: &str, options: &serde_json::Value) -> serde_json::Value {
        let samples = lock(&self.samples);
        json!({
            "work": work,
            "options": options,
            "deliveries": samples.count(),
            "deliveriesPerSecond": samples.count() as f64 / self.time.as_secs_f64(),
            "latencyMs": samples.summary(),
        })
    }
}

/// One writer, and many readers of a document.
pub(super) async fn fanout(
    rig: &Arc<Rig>,
    readers: usize,
    rate: f64,
    time: Duration,
) -> Result<serde_json::Value, Failure> {
    let events = (rate * time.as_secs_f64()).ceil() as usize;
    let shared = Shared::new(rig, rate, time, events);
    let of_crew = shared.clone();
    let work = move |number, client, start| {
        let shared = of_crew.clone();
        async move {
            match number {
                0 => write(&shared, client, start).await,
                _ => read(&shared, client, start).await,
            }
        }
    };
    let crew = rig.gather(readers + 1, 1, work).await?;
    crew.work("deliveries").await;
    let options = json!({ "readers": readers, "rate": rate, "seconds": time.as_secs() });
    let mut report = shared.report("fanout", &options);
    let committed = shared.committed.load(SeqCst);
    report["committed"] = json!((committed != UNKNOWN).then_some(committed));
    Ok(report)
}

async fn write(shared: &Shared, mut client: Client, start: Instant) -> Result<(), Cause> {
    let (end, peer) = (start + shared.time, client.doc().peer()?);
    let mut pace = Pace::new(start, shared.rate, 0, 1);
    let mut committed = 0;
    while Instant::now() < end && committed < shared.times.len() {
        for time in shared.times.iter().skip(committed).take(MAX_BURST) {
            let Some(due) = pace.next() else { break };
            let due = shared.microseconds(due);
            time.store(due, SeqCst);
            commit(client.doc(), &format!("{peer}-{committed}"), due)?;
            committed += 1;
        }
        client.pump(pace.wait().min(MAX_WAIT)).await?;
    }
    client.settle(GRACE).await?;
    shared.committed.store(committed, SeqCst);
    Ok(())
}

async fn read(shared: &Shared, mut client: Client, start: Instant) -> Result<(), Cause> {
    let deadline = start + shared.time + GRACE;
    // The events of one writer arrive in their order.
    let mut received = 0;
    while received < shared.committed.load(SeqCst) {
        if Instant::now() > deadline {
            return Err(Cause::Timeout("a reader did not receive all events in time"));
        }
        let pumped = client.pump(MAX_WAIT).await?;
        let next = (received + pumped.events as usize).min(shared.times.len());
        shared.delivered(&pumped, shared.times[received..next].iter().map(|time| time.load(SeqCst)));
        received = next;
    }
    Ok(())
}

/// Peers that each set a register, and receive the registers of the others.
pub(super) async fn presence(
    rig: &Arc<Rig>,
    peers: usize,
    rate: f64,
    time: Duration,
) -> Result<serde_json::Value, Failure> {
    let shared = Shared::new(rig, rate, time, 0);
    let of_crew = shared.clone();
    let work = move |number, client, start| set(of_crew.clone(), number, peers, client, start);
    let crew = rig.gather(peers, 1, work).await?;
    let sets: u64 = crew.work("deliveries").await.into_iter().sum();
    let options = json!({ "peers": peers, "rate": rate, "seconds": time.as_secs() });
    let mut report = shared.report("presence", &options);
    report["sets"] = json!(sets);
    Ok(report)
}

/// Returns how often the register was set.
async fn set(
    shared: Arc<Shared>,
    number: usize,
    peers: usize,
    mut client: Client,
    start: Instant,
) -> Result<u64, Cause> {
    let (end, peer) = (start + shared.time, client.store().peer()?);
    let mut pace = Pace::new(start, shared.rate, number, peers);
    let mut sets = 0;
    loop {
        let mut wait = MAX_WAIT;
        if Instant::now() < end {
            if let Some(due) = pace.next() {
                let due = i64::try_from(shared.microseconds(due)).unwrap_or(i64::MAX);
                client.store().set(NAMESPACE, &peer, Value::Integer(due), now())?;
                sets += 1;
            }
            wait = wait.min(pace.wait());
        } else if Instant::now() > end + LINGER {
            return Ok(sets);
        }
        let pumped = client.pump(wait).await?;
        let written: Vec<u64> = pumped.entries.iter().filter_map(|entry| written(entry.value.as_ref())).collect();
        shared.delivered(&pumped, written.into_iter());
    }
}

fn written(value: Option<&Value>) -> Option<u64> {
    match value {
        Some(Value::Integer(time)) => u64::try_from(*time).ok(),
        _ => None,
    }
}
