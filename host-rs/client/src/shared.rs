//! What a client and its task share.

use crate::error::Error;
use crate::options::Options;
use crate::replica::Replica;
use crate::status::{Connection, Problem, Reason, Status};
use crate::url::ServerUrl;
use converge::{Doc, RowOp};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, broadcast, watch};

/// The number of changes that a receiver of changes can be behind.
const CHANGES: usize = 1_024;

/// What the task has to do besides synchronizing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Control {
    pub(crate) is_closing: bool,
    /// How often the client was reset.
    pub(crate) resets: u64,
}

pub(crate) struct Shared {
    pub(crate) server: ServerUrl,
    pub(crate) document: String,
    pub(crate) options: Options,
    /// `None` once the client is closed.
    replica: Mutex<Option<Replica>>,
    /// Something was written.
    pub(crate) written: Notify,
    pub(crate) control: watch::Sender<Control>,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) changes: broadcast::Sender<Arc<[RowOp]>>,
}

impl Shared {
    pub(crate) fn new(server: ServerUrl, document: String, options: Options, replica: Replica) -> Result<Self, Error> {
        let status = Status {
            connection: Connection::Connecting,
            unsent: replica.unsent()?,
            awaited: 0,
            in_sync: false,
            saved_here: replica.is_kept(),
            problem: None,
        };
        Ok(Self {
            server,
            document,
            options,
            replica: Mutex::new(Some(replica)),
            written: Notify::new(),
            control: watch::Sender::new(Control::default()),
            status: watch::Sender::new(status),
            changes: broadcast::Sender::new(CHANGES),
        })
    }

    /// Reads the document.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Doc) -> Result<T, converge::Error>) -> Result<T, Error> {
        Ok(read(self.lock().as_ref().ok_or(Error::Closed)?.doc())?)
    }

    /// Uses the replica, and publishes what changed.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Replica) -> Result<T, Error>) -> Result<T, Error> {
        let mut guard = self.lock();
        let replica = guard.as_mut().ok_or(Error::Closed)?;
        let result = work(replica);
        let changes = replica.take_changes();
        if !changes.is_empty() {
            // Fails if nobody receives.
            let _ = self.changes.send(changes.into());
        }
        // Fails if the engine stopped; then the counts stay as they were.
        let unsent = replica.unsent().ok();
        let saved_here = replica.is_kept();
        self.update(|status| {
            status.unsent = unsent.unwrap_or(status.unsent);
            status.saved_here = saved_here;
            status.in_sync &= status.unsent == 0;
            if let Err(Error::Storage(error)) = &result {
                status.problem = Some(Problem::new(Reason::Storage, error.to_string()));
            }
        });
        result
    }

    /// Takes the replica, to close it.
    pub(crate) fn take(&self) -> Option<Replica> {
        self.lock().take()
    }

    /// Changes the status. Wakes those that wait for it only if it differs.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_if_modified(|status| {
            let before = status.clone();
            change(status);
            *status != before
        });
    }

    fn lock(&self) -> MutexGuard<'_, Option<Replica>> {
        // A panic leaves the replica as the engine had it before the call.
        self.replica.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Uses the replica in a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&mut Replica) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let shared = shared.clone();
    let done = tokio::task::spawn_blocking(move || shared.with(work)).await;
    done.unwrap_or_else(|error| Err(Error::Stopped(format!("the client failed: {error}"))))
}
