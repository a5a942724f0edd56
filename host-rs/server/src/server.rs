//! The sockets of a server, and its end.

use crate::app::App;
use crate::auth::{Key, Keys};
use crate::documents::Documents;
use crate::http;
use crate::metrics::Metrics;
use crate::mutators::{MutatorError, MutatorTable};
use crate::settings::Settings;
use crate::webhooks::Webhooks;
use converge_storage::Directory;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

/// The size of the header of a request in bytes, at most.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// How often documents that were deleted long ago are removed.
const PURGE_PERIOD: Duration = Duration::from_secs(3_600);
/// How long accepting stops when the system has no room for a socket.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] crate::auth::Error),
    /// Mutators cannot be loaded.
    #[error(transparent)]
    Mutators(#[from] MutatorError),
    /// The directory cannot be opened.
    #[error(transparent)]
    Storage(#[from] converge_storage::Error),
    /// An address cannot be used.
    #[error("cannot listen on {address}: {source}; `--listen` takes another address or port")]
    Listen {
        /// The address.
        address: String,
        /// The system's error.
        source: io::Error,
    },
    /// Without keys, an address is not one of loopback.
    #[error(
        "without a key, everybody who reaches the server has all rights, so it does not listen on {0}; pass --key FILE, \
         or --anonymous if that is intended"
    )]
    NotLoopback(SocketAddr),
    /// The system has no room for a thread.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// A server that is ready to run.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    listeners: Vec<TcpListener>,
}

impl Server {
    /// Opens the directory and the sockets.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn bind(settings: Settings) -> Result<Self, StartError> {
        let keys = settings.keys.iter().map(Key::load).collect::<Result<Vec<_>, _>>()?;
        let keys = Keys::new(keys)?;
        let mut listeners = Vec::new();
        for address in settings.addresses() {
            let failed = |source| StartError::Listen { address: address.clone(), source };
            let found = lookup_host(&address).await.map_err(failed)?.next();
            let socket = found.ok_or_else(|| failed(io::Error::other("the name has no address")))?;
            if keys.is_empty() && !settings.anonymous && !socket.ip().is_loopback() {
                return Err(StartError::NotLoopback(socket));
            }
            listeners.push(TcpListener::bind(socket).await.map_err(failed)?);
        }
        let mutators = MutatorTable::load(&settings)?;
        let directory = Directory::open(&settings.data)?;
        let (settings, metrics) = (Arc::new(settings), Arc::new(Metrics::new()));
        let webhooks = match &settings.webhooks[..] {
            [] => None,
            urls => Some(Webhooks::start(urls, &settings, &metrics).map_err(StartError::Thread)?),
        };
        let documents = Documents::new(directory, settings.clone(), metrics.clone(), Arc::new(mutators), webhooks);
        let app = Arc::new(App::new(settings, keys, Arc::new(documents), metrics));
        Ok(Self { app, listeners })
    }

    /// Returns the addresses that the server listens on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Returns whether everybody has all rights.
    pub fn is_anonymous(&self) -> bool {
        self.app.keys.is_empty()
    }

    /// Returns what loads files of the server again while it runs.
    pub fn reloader(&self) -> Reloader {
        Reloader { app: self.app.clone() }
    }

    /// Serves until `stop` ends. Then stores what has arrived, says goodbye to all clients, and
    /// closes the documents, within the drain timeout.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { app, listeners } = self;
        let mut tasks = JoinSet::new();
        tasks.spawn(app.documents.clone().close_idle());
        tasks.spawn(purge(app.documents.clone()));
        let connections = Arc::new(Semaphore::new(app.settings.max_connections));
        let (stopping, stopped) = watch::channel(());
        for listener in listeners {
            tasks.spawn(accept(app.clone(), listener, connections.clone(), stopped.clone()));
        }
        drop(stopped);
        stop.await;
        tracing::info!("stopping");
        tasks.shutdown().await;
        let drained = timeout(app.settings.drain_timeout, async {
            app.documents.stop().await;
            drop(stopping);
            // All connections have ended, those of WebSocket with a goodbye, when the permits are back.
            let all = u32::try_from(app.settings.max_connections).unwrap_or(u32::MAX);
            let _ = connections.acquire_many(all).await;
        });
        match drained.await {
            Ok(()) => tracing::info!("stopped"),
            Err(_) => tracing::warn!("stopped; some connections did not end in time"),
        }
    }
}

/// Loads files of a server again while it runs.
#[derive(Debug)]
pub struct Reloader {
    app: Arc<App>,
}

impl Reloader {
    /// Loads the mutators whose files changed. Calls that run continue with the former ones. What
    /// happens is in the log: if a file cannot be loaded, its former content stays in use.
    pub async fn reload(&self) {
        let reload = |documents: &Documents| documents.mutators.reload();
        if self.app.documents.blocking(reload).await.is_err() {
            tracing::error!("loading the mutators again failed");
        }
    }
}

async fn accept(app: Arc<App>, listener: TcpListener, connections: Arc<Semaphore>, stopping: watch::Receiver<()>) {
    let routes = http::routes(&app);
    loop {
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = connections.clone().try_acquire_owned() else {
            tokio::spawn(turn_away(socket));
            continue;
        };
        let _ = socket.set_nodelay(true);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(app.settings.header_timeout)
            .max_buf_size(MAX_HEADER_BYTES)
            .serve_connection(
                TokioIo::new(Counted { socket, _permit: permit }),
                TowerToHyperService::new(routes.clone()),
            )
            .with_upgrades();
        let mut stopping = stopping.clone();
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            // An error is one of this client.
            tokio::select! {
                _ = connection.as_mut() => {}
                // The sender is dropped.
                _ = stopping.changed() => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
        });
    }
}

/// A socket that counts as a connection until it is dropped, also as a WebSocket.
#[derive(Debug)]
struct Counted {
    socket: TcpStream,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

/// Answers a connection that exceeds the maximum.
async fn turn_away(mut socket: TcpStream) {
    let response =
        b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let _ = timeout(ACCEPT_PAUSE, socket.write_all(response)).await;
}

/// Removes the content of documents that were deleted long ago. Runs until the server ends.
async fn purge(documents: Arc<Documents>) {
    let mut ticks = interval(PURGE_PERIOD);
    loop {
        ticks.tick().await;
        let before = SystemTime::now().checked_sub(documents.settings.deleted_after);
        let Some(before) = before else { continue };
        match documents.blocking(move |documents| documents.directory.purge(before)).await {
            Ok(Ok(0)) | Err(_) => {}
            Ok(Ok(purged)) => tracing::info!(purged, "removed the content of deleted documents"),
            Ok(Err(error)) => tracing::warn!(%error, "cannot remove the content of deleted documents"),
        }
    }
}
