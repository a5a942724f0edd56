//! The handle of a client.

use crate::error::Error;
use crate::options::Options;
use crate::replica::Replica;
use crate::shared::Shared;
use crate::status::{Connection, Status};
use crate::task;
use crate::url::ServerUrl;
use converge::{Commit, Doc, RowOp, Store};
use std::fmt;
use std::sync::Arc;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

/// A document that is kept in a file and synchronized with a server.
///
/// The document is there at once, also without a network. A task of tokio synchronizes it whenever
/// the server can be reached. What is written is on disk before anyone else sees it. Dropping the
/// client closes it, without waiting.
pub struct Client {
    shared: Arc<Shared>,
    task: Option<JoinHandle<()>>,
}

impl Client {
    /// Opens the document, and starts to synchronize it. Returns as soon as the local document can
    /// be read; [`synced`](Self::synced) waits for the server. Costs loading the file.
    ///
    /// `server` is a URL such as `wss://example.com`. Must be called in a runtime of tokio.
    ///
    /// # Errors
    ///
    /// [`Error::Url`]; [`Error::Storage`] if the file cannot be opened; [`Error::OtherDocument`] if
    /// it contains another document.
    pub async fn connect(server: &str, document: &str, options: Options) -> Result<Self, Error> {
        let server = ServerUrl::parse(server)?;
        let (name, for_file) = (document.to_owned(), options.clone());
        let opened = tokio::task::spawn_blocking(move || Replica::open(&name, &for_file)).await;
        let replica = opened.map_err(|error| Error::Stopped(error.to_string()))??;
        let shared = Arc::new(Shared::new(server, document.to_owned(), options, replica)?);
        let task = tokio::spawn(task::run(shared.clone()));
        Ok(Self { shared, task: Some(task) })
    }

    /// Calls a function that reads the document. Others wait meanwhile.
    ///
    /// # Errors
    ///
    /// The error of the function; [`Error::Closed`].
    pub fn read<T>(&self, read: impl FnOnce(&Doc) -> Result<T, converge::Error>) -> Result<T, Error> {
        self.shared.read(read)
    }

    /// Calls a function that writes to the document. When this returns, the writes are on disk, and
    /// they are sent as soon as possible. Blocks for a synchronization of the disk: put writes that
    /// belong together into one call.
    ///
    /// # Errors
    ///
    /// The error of the function. [`Error::Storage`] if the writes could not be stored: they are in
    /// memory then, and are stored and sent as soon as the file can be written again.
    pub fn write<T>(&self, write: impl FnOnce(&Doc) -> Result<T, converge::Error>) -> Result<T, Error> {
        let written = self.shared.with(|replica| {
            let written = write(replica.doc());
            // Also if the function failed in the middle.
            replica.keep()?;
            Ok(written?)
        });
        self.shared.written.notify_one();
        written
    }

    /// Calls a function that uses the store, whose entries others see while this client is
    /// connected. Entries of this client are renewed until they are removed, and removed when it
    /// closes.
    ///
    /// # Errors
    ///
    /// The error of the function; [`Error::Closed`].
    pub fn presence<T>(&self, work: impl FnOnce(&Store) -> Result<T, converge::Error>) -> Result<T, Error> {
        let done = self.shared.with(|replica| Ok(work(replica.store())?));
        self.shared.written.notify_one();
        done
    }

    /// Returns the status, and lets its caller wait for changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    /// Returns the changes of the rows from now on, once they are on disk: operations that bring a
    /// view of the tables up to date. A receiver that is behind by more than 1,024 changes gets an
    /// error, and has to read the rows again.
    pub fn changes(&self) -> broadcast::Receiver<Arc<[RowOp]>> {
        self.shared.changes.subscribe()
    }

    /// Waits until the server has everything that was written here, and this client everything that
    /// the server announced.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the client does not synchronize any more; [`Error::Closed`].
    pub async fn synced(&self) -> Result<(), Error> {
        let mut status = self.status();
        let ended = |status: &Status| matches!(status.connection, Connection::Stopped | Connection::Closed);
        let found = status.wait_for(|status| status.in_sync || ended(status)).await.map_err(|_| Error::Closed)?;
        match found.connection {
            Connection::Stopped => {
                Err(Error::Stopped(found.problem.as_ref().map_or_else(String::new, |problem| problem.why.clone())))
            }
            Connection::Closed => Err(Error::Closed),
            _ => Ok(()),
        }
    }

    /// Starts again with an empty document, and loads that of the server, after the document was
    /// replaced or deleted there, or the server refused writes of this client. Returns the commits
    /// of this client that the server is not known to have, in their order. The former file is kept
    /// next to the new one, with the ending `.former`.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the files cannot be moved or created.
    pub fn reset(&self) -> Result<Vec<Commit>, Error> {
        let commits = self.shared.with(Replica::reset)?;
        // Before the task does it, so that `synced` waits for the new document.
        self.shared.update(|status| (status.connection, status.problem) = (Connection::Connecting, None));
        self.shared.control.send_modify(|control| control.resets += 1);
        Ok(commits)
    }

    /// Closes the connection and the file. Everything that was written is on disk then. An online
    /// client first waits until the server has it too, at most 2 seconds without progress.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if something could not be stored.
    pub async fn close(mut self) -> Result<(), Error> {
        self.end(false).await
    }

    /// Closes the connection, and removes the file.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the file cannot be removed.
    pub async fn destroy(mut self) -> Result<(), Error> {
        self.end(true).await
    }

    async fn end(&mut self, destroy: bool) -> Result<(), Error> {
        self.shared.control.send_modify(|control| control.is_closing = true);
        if let Some(task) = self.task.take() {
            // Fails if the task panicked.
            let _ = task.await;
        }
        let Some(replica) = self.shared.take() else { return Err(Error::Closed) };
        let closed = tokio::task::spawn_blocking(move || replica.close(destroy)).await;
        closed.unwrap_or_else(|error| Err(Error::Stopped(error.to_string())))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.control.send_modify(|control| control.is_closing = true);
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.shared.status.borrow();
        f.debug_struct("Client").field("document", &self.shared.document).field("status", &*status).finish()
    }
}
