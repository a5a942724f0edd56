//! Writers that wait until the server acknowledges their events.

use super::crew::Rig;
use super::pace::Pace;
use super::samples::Samples;
use super::{GRACE, commit, lock};
use crate::Failure;
use converge_rig::net::{Cause, Client};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The maximum number of unacknowledged events of a writer that writes at a rate.
const MAX_UNACKNOWLEDGED: usize = 100_000;
/// The maximum number of events that are committed before the client sends them.
const MAX_BURST: usize = 256;
const MAX_WAIT: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    pub(super) documents: usize,
    /// The number of writers of each document.
    pub(super) writers: usize,
    pub(super) time: Duration,
    /// Commits of each writer a second. Without a rate, the window sets the pace.
    pub(super) rate: Option<f64>,
    /// The number of unacknowledged events of each writer.
    pub(super) window: usize,
}

impl Options {
    pub(super) fn clients(&self) -> usize {
        self.documents.saturating_mul(self.writers)
    }
}

struct Shared {
    rig: Arc<Rig>,
    options: Options,
    samples: Mutex<Samples>,
}

pub(super) async fn writers(rig: &Arc<Rig>, options: Options) -> Result<Value, Failure> {
    let shared = Arc::new(Shared { rig: rig.clone(), options, samples: Mutex::new(Samples::new()) });
    let of_crew = shared.clone();
    let write = move |number, client, start| write(of_crew.clone(), number, client, start);
    let crew = rig.gather(options.clients(), options.documents, write).await?;
    let acknowledged: u64 = crew.work("events acknowledged").await.into_iter().sum();
    let Options { documents, writers, time, rate, window } = options;
    Ok(json!({
        "work": "writers",
        "options": {
            "documents": documents,
            "writers": writers,
            "seconds": time.as_secs(),
            "rate": rate,
            "window": rate.is_none().then_some(window),
        },
        "acknowledged": acknowledged,
        "acknowledgedPerSecond": acknowledged as f64 / time.as_secs_f64(),
        "latencyMs": lock(&shared.samples).summary(),
    }))
}

/// Returns the number of events that were acknowledged before the end.
async fn write(shared: Arc<Shared>, number: usize, mut client: Client, start: Instant) -> Result<u64, Cause> {
    let Options { time, rate, window, .. } = shared.options;
    let mut pace = rate.map(|rate| Pace::new(start, rate, number, shared.options.clients()));
    let (end, peer) = (start + time, client.doc().peer()?);
    let (mut written, mut in_time) = (0_u64, 0_u64);
    // When each unacknowledged event was committed, or was due.
    let mut unacknowledged = VecDeque::new();
    loop {
        let mut wait = MAX_WAIT;
        let now = Instant::now();
        if now < end {
            let limit = if pace.is_some() { MAX_UNACKNOWLEDGED } else { window };
            for _ in unacknowledged.len()..limit.min(unacknowledged.len() + MAX_BURST) {
                let due = pace.as_mut().map_or_else(|| Some(Instant::now()), Pace::next);
                let Some(due) = due else { break };
                commit(client.doc(), &format!("{peer}-{written}"), written)?;
                written += 1;
                unacknowledged.push_back(due);
            }
            if unacknowledged.len() < limit {
                wait = wait.min(pace.as_ref().map_or(Duration::ZERO, Pace::wait));
            }
            wait = wait.min(end - now);
        } else if unacknowledged.is_empty() {
            return Ok(in_time);
        } else if now > end + GRACE {
            return Err(Cause::Timeout("the last events were not acknowledged in time"));
        }
        client.pump(wait).await?;
        let left = client.progress()?.unsent as usize;
        let acknowledged = unacknowledged.len().saturating_sub(left);
        let now = Instant::now();
        if acknowledged > 0 {
            let mut samples = lock(&shared.samples);
            unacknowledged.drain(..acknowledged).for_each(|due: Instant| samples.add(now - due));
            shared.rig.count(acknowledged);
        }
        if now <= end {
            in_time += acknowledged as u64;
        }
    }
}
