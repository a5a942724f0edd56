//! What all clients of a run share, and crews: clients that start to work together.

use super::arguments::Target;
use super::lock;
use crate::Failure;
use converge::{Backend, Error, Instance, InstanceOptions};
use converge_rig::net::{Cause, Client, Failed, Replica};
use serde_json::{Value, json};
use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, sleep_until};

/// The maximum number of instances of the engine. Further replicas share them.
const MAX_INSTANCES: usize = 256;
/// The maximum number of clients of a crew that connect at the same time.
const MAX_CONNECTING: usize = 64;
/// How often a client connects again if the server postpones it.
const MAX_RETRIES: u32 = 10;
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);
/// The maximum time until a new connection is in sync.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(60);
/// The time until all clients of a crew know that it starts.
const START_DELAY: Duration = Duration::from_millis(200);
/// How long a client that waits for the start waits for messages. It sends pings meanwhile.
const LONG: Duration = Duration::from_secs(3_600);

/// What all clients of a run share.
pub(super) struct Rig {
    pub(super) target: Target,
    /// Distinguishes the documents and peers of this run from those of other runs.
    run: String,
    instances: Vec<Instance>,
    replicas: AtomicUsize,
    connecting: Semaphore,
    retries: AtomicU64,
    failures: Mutex<Vec<String>>,
    /// What is counted at present.
    stage: Mutex<&'static str>,
    count: AtomicU64,
}

impl Rig {
    /// Creates what a run with about this number of replicas needs.
    pub(super) fn new(target: Target, replicas: usize) -> Result<Self, Failure> {
        // The clients must not cost more than they have to, and they trust the engine.
        let options = InstanceOptions::default().backend(Backend::Native);
        let instances = (0..replicas.clamp(1, MAX_INSTANCES)).map(|_| Instance::new(options));
        Ok(Self {
            target,
            run: format!("{:08x}", RandomState::new().hash_one(SystemTime::now()) as u32),
            instances: instances.collect::<Result<_, _>>()?,
            replicas: AtomicUsize::new(0),
            connecting: Semaphore::new(MAX_CONNECTING),
            retries: AtomicU64::new(0),
            failures: Mutex::default(),
            stage: Mutex::new("started"),
            count: AtomicU64::new(0),
        })
    }

    /// Returns the name of a document of this run.
    pub(super) fn document(&self, number: usize) -> String {
        format!("{}{}-{number}", self.target.prefix, self.run)
    }

    /// Creates a replica that writes as a new peer.
    pub(super) fn replica(&self) -> Result<Replica, Error> {
        let number = self.replicas.fetch_add(1, Relaxed);
        Replica::within(&self.instances[number % self.instances.len()], &format!("{}-{number}", self.run))
    }

    /// Connects, as often as the server asks for that.
    pub(super) async fn connect(&self, document: &str, mut replica: Replica) -> Result<Client, Cause> {
        let mut retries = 0;
        loop {
            let connected = Client::connect(&self.target.address, document, &self.target.token, replica).await;
            let Failed { replica: same, cause } = match connected {
                Ok(client) => return Ok(client),
                Err(failed) => failed,
            };
            let Some(pause) = cause.retry_after().filter(|_| retries < MAX_RETRIES) else { return Err(cause) };
            retries += 1;
            self.retries.fetch_add(1, Relaxed);
            sleep(pause).await;
            replica = *same;
        }
    }

    /// Sets what is counted from now on.
    pub(super) fn stage(&self, stage: &'static str) {
        *lock(&self.stage) = stage;
        self.count.store(0, Relaxed);
    }

    pub(super) fn count(&self, count: usize) {
        self.count.fetch_add(count as u64, Relaxed);
    }

    /// Counts a client that failed.
    pub(super) fn fail(&self, why: &impl Display) {
        lock(&self.failures).push(why.to_string());
    }

    /// Returns the number of clients that failed.
    pub(super) fn failed(&self) -> usize {
        lock(&self.failures).len()
    }

    /// Adds what the reports of all works have.
    pub(super) fn add_outcome(&self, report: &mut Value) {
        let failures = lock(&self.failures);
        report["retries"] = json!(self.retries.load(Relaxed));
        report["failed"] = json!(failures.len());
        report["firstFailure"] = json!(failures.first());
    }

    /// Writes lines to standard error, forever.
    pub(super) async fn report_progress(self: Arc<Self>) {
        let started = Instant::now();
        loop {
            sleep(PROGRESS_INTERVAL).await;
            let stage = *lock(&self.stage);
            let (seconds, count, failed) = (started.elapsed().as_secs(), self.count.load(Relaxed), self.failed());
            let failed = if failed > 0 { format!("; {failed} clients failed") } else { String::new() };
            let _ = writeln!(io::stderr(), "{seconds:>4} s: {stage}: {count}{failed}");
        }
    }

    /// Connects clients to the documents in turn. Returns when all are in sync. They carry out the
    /// work, which gets the number of the client, the client, and the time of the start, when the
    /// crew is started. Until then they keep their connections open.
    pub(super) async fn gather<T, F, W>(
        self: &Arc<Self>,
        clients: usize,
        documents: usize,
        work: W,
    ) -> Result<Crew<T>, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Cause>> + Send + 'static,
        W: Fn(usize, Client, Instant) -> F + Send + Sync + 'static,
    {
        self.stage("clients connected");
        let work = Arc::new(work);
        let (start, started) = watch::channel(None);
        let (ready, mut arrivals) = mpsc::channel(MAX_CONNECTING);
        let mut tasks = JoinSet::new();
        for number in 0..clients {
            let (rig, work, ready, started) = (self.clone(), work.clone(), ready.clone(), started.clone());
            tasks.spawn(async move {
                let document = rig.document(number % documents);
                let (client, start) = rig.enter(&document, ready, started).await?;
                work(number, client, start).await
            });
        }
        drop(ready);
        for _ in 0..clients {
            tokio::select! {
                Some(()) = arrivals.recv() => {}
                Some(ended) = tasks.join_next() => {
                    // Before the start, a task ends with an error only.
                    if let Err(cause) = ended? {
                        return Err(cause.into());
                    }
                }
                else => break,
            }
        }
        Ok(Crew { rig: self.clone(), tasks, start })
    }

    /// Connects, and waits for the start.
    async fn enter(
        &self,
        document: &str,
        ready: mpsc::Sender<()>,
        mut started: watch::Receiver<Option<Instant>>,
    ) -> Result<(Client, Instant), Cause> {
        let permit = self.connecting.acquire().await;
        let mut client = self.connect(document, self.replica()?).await?;
        client.settle(SETTLE_TIMEOUT).await?;
        drop(permit);
        self.count(1);
        // Fails if the run has ended.
        let _ = ready.send(()).await;
        loop {
            let start = *started.borrow_and_update();
            if let Some(start) = start {
                sleep_until(start.into()).await;
                return Ok((client, start));
            }
            tokio::select! {
                pumped = client.pump(LONG) => drop(pumped?),
                changed = started.changed() => if changed.is_err() {
                    return Err(Cause::Timeout("the run ended before the start"));
                },
            }
        }
    }
}

/// Connected clients that wait for the start. If a crew is dropped, its connections are too.
pub(super) struct Crew<T> {
    rig: Arc<Rig>,
    tasks: JoinSet<Result<T, Cause>>,
    start: watch::Sender<Option<Instant>>,
}

impl<T: 'static> Crew<T> {
    /// Starts the work of all clients and waits until all have finished. Returns the results of
    /// those that succeeded. Counts those that failed.
    pub(super) async fn work(mut self, stage: &'static str) -> Vec<T> {
        self.rig.stage(stage);
        self.start.send_replace(Some(Instant::now() + START_DELAY));
        let mut results = Vec::new();
        while let Some(ended) = self.tasks.join_next().await {
            results.extend(self.result(ended));
        }
        results
    }

    /// Drops the connections. Counts the clients that lost theirs before.
    pub(super) fn dismiss(mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            self.result(ended);
        }
    }

    fn result(&self, ended: Result<Result<T, Cause>, JoinError>) -> Option<T> {
        match ended {
            Ok(Ok(result)) => return Some(result),
            Ok(Err(cause)) => self.rig.fail(&cause),
            Err(error) => self.rig.fail(&error),
        }
        None
    }
}
