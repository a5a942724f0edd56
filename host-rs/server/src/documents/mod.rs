//! The open documents of a server, by name.
//!
//! A document that is open has a task, which alone has its hub, and a mailbox. Its users hold its
//! [`Handle`]; a document without users is closed after a while, or when others need its room.
//! A name is reserved while its document is closed or replaced.

mod changes;
mod task;

pub(crate) use changes::{Change, Following};
pub(crate) use task::{Command, Outgoing, Reply};

use crate::hub::{Access, Read, Write};
use crate::metrics::Metrics;
use crate::mutators::MutatorTable;
use crate::refusal::{Reason, Refusal};
use crate::settings::Settings;
use crate::webhooks::Webhooks;
use converge_frames::Mutate;
use converge_storage::{Directory, Error, Presence};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// The open documents.
#[derive(Debug)]
pub(crate) struct Documents {
    pub(crate) directory: Directory,
    pub(crate) settings: Arc<Settings>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) mutators: Arc<MutatorTable>,
    webhooks: Option<Webhooks>,
    slots: Mutex<HashMap<String, Slot>>,
    /// Bounds how many documents are merged or stored at the same time.
    permits: Semaphore,
    /// Whether the last attempt to store or read a file failed.
    failing: AtomicBool,
    stopping: AtomicBool,
}

/// Ends when the name is free again.
type Busy = watch::Receiver<()>;

#[derive(Debug)]
enum Slot {
    Open(Arc<Handle>),
    Reserved(Busy),
}

/// An open document. It stays open as long as somebody other than [`Documents`] holds it.
#[derive(Debug)]
pub(crate) struct Handle {
    mailbox: mpsc::Sender<Command>,
    state: Arc<State>,
    /// Ends with the task.
    ended: watch::Receiver<()>,
}

/// The sizes of all open documents together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) documents: usize,
    pub(crate) memory_bytes: usize,
    pub(crate) wal_bytes: u64,
}

/// What is known of an open document outside of its task.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) memory_bytes: AtomicUsize,
    /// The size of the write-ahead log of its file.
    pub(crate) wal_bytes: AtomicU64,
    pub(crate) connections: AtomicUsize,
    used: Mutex<Instant>,
}

/// A name whose document is not open and cannot be opened, until this is dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    documents: Arc<Documents>,
    name: String,
    _ended: watch::Sender<()>,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        lock(&self.documents.slots).remove(&self.name);
    }
}

impl Handle {
    /// Passes a command to the task. Waits while the mailbox is full.
    pub(crate) async fn send(&self, command: Command) -> Result<(), Refusal> {
        self.mailbox.send(command).await.map_err(|_| ended())
    }

    /// Carries out a request that reads.
    pub(crate) async fn read(&self, read: Read) -> Reply {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Read(read, reply)).await?;
        answer.await.map_err(|_| ended())?
    }

    /// Carries out a request that writes.
    pub(crate) async fn write(&self, access: Access, write: Write) -> Reply {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Write(access, write, reply)).await?;
        answer.await.map_err(|_| ended())?
    }

    /// Calls a mutator.
    pub(crate) async fn call(&self, access: Access, mutate: Mutate) -> Reply {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Call(access, mutate, reply)).await?;
        answer.await.map_err(|_| ended())?
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }
}

fn ended() -> Refusal {
    Refusal::new(Reason::Restart, "the document was closed meanwhile; try again")
}

impl Documents {
    pub(crate) fn new(
        directory: Directory,
        settings: Arc<Settings>,
        metrics: Arc<Metrics>,
        mutators: Arc<MutatorTable>,
        webhooks: Option<Webhooks>,
    ) -> Self {
        let permits = Semaphore::new(settings.storage_threads);
        let (failing, stopping) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { directory, settings, metrics, mutators, webhooks, slots: Mutex::default(), permits, failing, stopping }
    }

    /// Opens a document; creates it if `create` is set and it does not exist.
    pub(crate) async fn open(self: &Arc<Self>, name: &str, create: bool) -> Result<Arc<Handle>, Refusal> {
        check_name(name)?;
        loop {
            if self.stopping.load(Ordering::Relaxed) {
                return Err(Refusal::new(Reason::Restart, "the server is stopping"));
            }
            let mut busy = match self.find(name) {
                Ok(Some(handle)) => {
                    *lock(&handle.state.used) = Instant::now();
                    return Ok(handle);
                }
                Ok(None) => {
                    self.check_presence(name, create).await?;
                    self.make_room().await?;
                    match self.start(name, create) {
                        Ok(handle) => return Ok(handle),
                        Err(busy) => busy,
                    }
                }
                Err(busy) => busy,
            };
            // This fails when the sender is dropped.
            let _ = busy.changed().await;
            tokio::task::yield_now().await;
        }
    }

    /// Returns the document if it is open, or what to wait for.
    fn find(&self, name: &str) -> Result<Option<Arc<Handle>>, Busy> {
        let slots = lock(&self.slots);
        match slots.get(name) {
            None => Ok(None),
            Some(Slot::Reserved(ended)) => Err(ended.clone()),
            Some(Slot::Open(handle)) if handle.mailbox.is_closed() => Err(handle.ended.clone()),
            Some(Slot::Open(handle)) => Ok(Some(handle.clone())),
        }
    }

    /// Reading a document that does not exist must not create a task or a file.
    async fn check_presence(self: &Arc<Self>, name: &str, create: bool) -> Result<(), Refusal> {
        let name = name.to_owned();
        let presence = self.blocking(move |documents| documents.directory.presence(&name)).await?;
        match presence {
            Ok(Presence::Present) => Ok(()),
            Ok(Presence::Missing) if create => Ok(()),
            Ok(Presence::Missing) => Err(Refusal::new(Reason::NotFound, "there is no document of this name")),
            Ok(Presence::Deleted(_)) => Err(Refusal::new(Reason::Deleted, "the document was deleted")),
            Err(error) => Err(self.storage_failed(&error)),
        }
    }

    /// Starts the task of a document, unless there is one.
    fn start(self: &Arc<Self>, name: &str, create: bool) -> Result<Arc<Handle>, Busy> {
        let mut slots = lock(&self.slots);
        match slots.get(name) {
            Some(Slot::Open(handle)) if !handle.mailbox.is_closed() => return Ok(handle.clone()),
            Some(Slot::Open(handle)) => return Err(handle.ended.clone()),
            Some(Slot::Reserved(ended)) => return Err(ended.clone()),
            None => {}
        }
        let (mailbox, commands) = mpsc::channel(self.settings.mailbox);
        let (alive, ended) = watch::channel(());
        let state = Arc::new(State {
            memory_bytes: AtomicUsize::new(0),
            wal_bytes: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            used: Mutex::new(Instant::now()),
        });
        let handle = Arc::new(Handle { mailbox, state: state.clone(), ended });
        slots.insert(name.to_owned(), Slot::Open(handle.clone()));
        let (documents, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            // Dropped last, when the file is closed: only then can the document be opened again.
            let _end = End { documents: documents.clone(), name: name.clone(), state: state.clone(), _alive: alive };
            task::Task::new(documents, name, state, commands).run(create).await;
        });
        Ok(handle)
    }

    /// Closes idle documents until there is room for one more.
    async fn make_room(self: &Arc<Self>) -> Result<(), Refusal> {
        loop {
            let oldest = {
                let slots = lock(&self.slots);
                let Settings { max_documents, max_memory_bytes, .. } = *self.settings;
                if slots.len() < max_documents && memory_bytes(&slots) < max_memory_bytes {
                    return Ok(());
                }
                let idle = idle(&slots);
                idle.into_iter().min_by_key(|(used, _)| *used).map(|(_, name)| name)
            };
            let Some(name) = oldest else {
                return Err(Refusal::new(Reason::Unavailable, "the server has no room for another open document"));
            };
            self.close_unused(&name).await;
        }
    }

    /// Closes documents that have been idle for a while. Runs until the server ends.
    pub(crate) async fn close_idle(self: Arc<Self>) {
        let timeout = self.settings.idle_timeout;
        let mut ticks = tokio::time::interval((timeout / 4).clamp(task::MIN_TICK, task::MAX_TICK));
        loop {
            ticks.tick().await;
            let idle = idle(&lock(&self.slots));
            for (_, name) in idle.into_iter().filter(|(used, _)| used.elapsed() >= timeout) {
                self.close_unused(&name).await;
            }
        }
    }

    /// Closes a document if it is open, and reserves its name. Its connections are told `refusal`.
    pub(crate) async fn close(self: &Arc<Self>, name: &str, refusal: Refusal) -> Reserved {
        loop {
            match self.reserve(name, |_| true) {
                Ok((reserved, former)) => {
                    finish(former, refusal).await;
                    return reserved;
                }
                Err(None) => {}
                Err(Some(mut busy)) => {
                    let _ = busy.changed().await;
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Closes a document unless somebody uses it.
    async fn close_unused(self: &Arc<Self>, name: &str) {
        if let Ok((_reserved, former)) = self.reserve(name, is_unused) {
            finish(former, ended()).await;
        }
    }

    /// Reserves a name if its document may be closed, and returns the document if it is open. Fails
    /// with what to wait for if the name is reserved.
    fn reserve(
        self: &Arc<Self>,
        name: &str,
        may_close: impl Fn(&Arc<Handle>) -> bool,
    ) -> Result<(Reserved, Option<Arc<Handle>>), Option<Busy>> {
        let mut slots = lock(&self.slots);
        let former = match slots.get(name) {
            Some(Slot::Reserved(busy)) => return Err(Some(busy.clone())),
            Some(Slot::Open(handle)) if !may_close(handle) => return Err(None),
            Some(Slot::Open(handle)) => Some(handle.clone()),
            None => None,
        };
        let (_ended, receiver) = watch::channel(());
        slots.insert(name.to_owned(), Slot::Reserved(receiver));
        Ok((Reserved { documents: self.clone(), name: name.to_owned(), _ended }, former))
    }

    /// Closes all documents, for the end of the server.
    pub(crate) async fn stop(self: &Arc<Self>) {
        self.stopping.store(true, Ordering::Relaxed);
        let names: Vec<String> = lock(&self.slots).keys().cloned().collect();
        let mut closing = JoinSet::new();
        for name in names {
            let documents = self.clone();
            closing.spawn(async move {
                let refusal = Refusal::new(Reason::Restart, "the server is stopping; connect again");
                drop(documents.close(&name, refusal).await);
            });
        }
        closing.join_all().await;
    }

    /// Returns the document if it is open. Does not count as a use.
    pub(crate) fn peek(&self, name: &str) -> Option<Arc<Handle>> {
        self.find(name).ok().flatten()
    }

    /// Returns the sizes of the open documents.
    pub(crate) fn sizes(&self) -> Sizes {
        let slots = lock(&self.slots);
        let wal_bytes = states(&slots).map(|state| state.wal_bytes.load(Ordering::Relaxed)).sum();
        Sizes { documents: slots.len(), memory_bytes: memory_bytes(&slots), wal_bytes }
    }

    /// Runs a function that blocks, in a thread for that.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let documents = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&documents)).await;
        done.map_err(|_| Refusal::new(Reason::Unavailable, "the server failed; its log says why"))
    }

    /// Logs an error of the storage, and returns what to tell the client.
    pub(crate) fn storage_failed(&self, error: &Error) -> Refusal {
        let refusal = Refusal::of_storage(error);
        if matches!(refusal.reason, Reason::Full | Reason::Unavailable) {
            tracing::error!(%error, "a document cannot be stored or read");
        }
        // Other errors are those of one file.
        if matches!(error, Error::Full { .. } | Error::Io { .. } | Error::Sqlite { .. }) {
            self.failing.store(true, Ordering::Relaxed);
        }
        refusal
    }

    pub(crate) fn storage_succeeded(&self) {
        self.failing.store(false, Ordering::Relaxed);
    }

    /// Returns whether documents can be served and stored, and the server is not stopping.
    pub(crate) fn is_ready(&self) -> bool {
        !self.failing.load(Ordering::Relaxed) && !self.stopping.load(Ordering::Relaxed)
    }
}

/// Frees the name when a task ends, also by a panic.
struct End {
    documents: Arc<Documents>,
    name: String,
    state: Arc<State>,
    _alive: watch::Sender<()>,
}

impl Drop for End {
    fn drop(&mut self) {
        let mut slots = lock(&self.documents.slots);
        // The name can be reserved, or another task can have it.
        if matches!(slots.get(&self.name), Some(Slot::Open(handle)) if Arc::ptr_eq(&handle.state, &self.state)) {
            slots.remove(&self.name);
        }
    }
}

/// Waits until a document is closed.
async fn finish(document: Option<Arc<Handle>>, refusal: Refusal) {
    if let Some(handle) = document {
        let mut ended = handle.ended.clone();
        let _ = handle.send(Command::Close(refusal)).await;
        drop(handle);
        // This fails when the sender is dropped.
        let _ = ended.changed().await;
    }
}

/// Returns whether nobody but the table of open documents has a handle. Nobody gets one while the
/// table is locked.
fn is_unused(handle: &Arc<Handle>) -> bool {
    Arc::strong_count(handle) == 1
}

/// Returns the documents that nobody uses, and since when.
fn idle(slots: &HashMap<String, Slot>) -> Vec<(Instant, String)> {
    let idle = slots.iter().filter_map(|(name, slot)| match slot {
        Slot::Open(handle) if is_unused(handle) => Some((*lock(&handle.state.used), name.clone())),
        _ => None,
    });
    idle.collect()
}

fn states(slots: &HashMap<String, Slot>) -> impl Iterator<Item = &State> {
    slots.values().filter_map(|slot| match slot {
        Slot::Open(handle) => Some(&*handle.state),
        Slot::Reserved(_) => None,
    })
}

fn memory_bytes(slots: &HashMap<String, Slot>) -> usize {
    states(slots).map(|state| state.memory_bytes.load(Ordering::Relaxed)).sum()
}

/// The maximum length of a document's name in bytes, as of a session.
pub(crate) const MAX_NAME_BYTES: usize = 1_024;

fn check_name(name: &str) -> Result<(), Refusal> {
    let len = name.len();
    let refuse = |why| Err(Refusal::new(Reason::Malformed, why));
    match len {
        0 => refuse("the name of the document is empty".to_owned()),
        1..=MAX_NAME_BYTES => Ok(()),
        _ => refuse(format!("the name of the document is {len} bytes long; the maximum is {MAX_NAME_BYTES}")),
    }
}

/// Locks what no code leaves in an inconsistent state.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
