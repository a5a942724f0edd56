//! An asynchronous client of the server, for tests and for load.
//!
//! `docs/server.md` of the sources specifies the protocol. A [`Client`] is a [`Replica`] with a
//! WebSocket and a session. It has no task of its own: everything happens in [`Client::pump`].

pub use converge_client::socket::{Cause, Socket, segment};

use converge::{
    Doc, Entry, Error, Instance, InstanceOptions, PeerVersion, Progress, Session, SessionOptions, Store, StoreOptions,
    now,
};
use converge_client::ServerUrl;
use converge_client::socket::{self, Incoming, SocketError, binary, handshake, incoming};
use converge_frames::{Frame, Mutate, Outcome, Welcome};
use futures_util::{FutureExt, SinkExt, StreamExt};
use std::future::poll_fn;
use std::mem;
use std::time::{Duration, Instant};
use tokio::task::yield_now;
use tokio::time::{timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;

/// The maximum time until the welcome arrives.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum time for closing a connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The maximum time for which one call waits.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// The limit `message-bytes`.
const MAX_MESSAGE_BYTES: u32 = 16 << 20;
/// The maximum number of messages that are received before the client answers. A session answers
/// after 16 messages at the latest.
const MAX_BATCH: usize = 16;

/// A document and its store, in one instance of the engine.
#[derive(Debug)]
pub struct Replica {
    /// The document.
    pub doc: Doc,
    /// The store.
    pub store: Store,
}

impl Replica {
    /// Creates an empty replica in an instance of its own, which writes as `peer`.
    ///
    /// # Errors
    ///
    /// The errors of [`Instance::new`] and [`Instance::doc`].
    pub fn new(peer: &str) -> Result<Self, Error> {
        Self::within(&Instance::new(InstanceOptions::default())?, peer)
    }

    /// Creates an empty replica in this instance, which writes as `peer`.
    ///
    /// # Errors
    ///
    /// The errors of [`Instance::doc`].
    pub fn within(instance: &Instance, peer: &str) -> Result<Self, Error> {
        Ok(Self { doc: instance.doc(peer)?, store: instance.store(peer, StoreOptions::default())? })
    }

    fn session(&self, document: &str, welcome: &Welcome) -> Result<Session, Error> {
        let max = u32::try_from(welcome.max_message_bytes).unwrap_or(u32::MAX).min(MAX_MESSAGE_BYTES);
        Session::open(&self.doc, &self.store, &SessionOptions::new(document).max_message_bytes(max))
    }
}

/// Opens a WebSocket to the server at `address`; see [`socket::raw`].
///
/// # Errors
///
/// Those of [`socket::raw`].
pub async fn raw(address: &str, path: &str, headers: &[(&str, &str)]) -> Result<Socket, Cause> {
    socket::raw(&ServerUrl::plain(address), path, headers).await
}

/// Why a client could not connect, and its replica.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Failed {
    /// The replica that was passed.
    pub replica: Box<Replica>,
    /// Why the connection failed.
    pub cause: Cause,
}

/// What [`Client::pump`] received.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Pumped {
    /// The number of messages, host frames included.
    pub messages: u32,
    /// The number of events that took effect.
    pub events: u32,
    /// The entries that changed what the store shows, in the order of their messages.
    pub entries: Vec<Entry>,
    /// The outcomes of calls of mutators, in the order of their arrival.
    pub outcomes: Vec<Outcome>,
    /// When the last message was merged.
    pub at: Option<Instant>,
}

/// A replica with a connection to a server.
#[derive(Debug)]
pub struct Client {
    replica: Replica,
    session: Session,
    socket: Socket,
    welcome: Welcome,
    /// When something was last sent.
    sent: Instant,
    /// What was received since [`pump`](Self::pump) last returned.
    pumped: Pumped,
}

impl Client {
    /// Connects to the server at `address`, such as `127.0.0.1:4747`, sends the token, waits for
    /// the welcome, and opens a session of the document.
    ///
    /// # Errors
    ///
    /// [`Failed`] with the replica and the cause.
    pub async fn connect(address: &str, document: &str, token: &str, replica: Replica) -> Result<Self, Failed> {
        let opened = timeout(CONNECT_TIMEOUT, handshake(&ServerUrl::plain(address), document, token)).await;
        let opened = opened.unwrap_or(Err(Cause::Timeout("the welcome did not arrive within 30 seconds")));
        let opened = opened.and_then(|(socket, welcome)| {
            let session = replica.session(document, &welcome)?;
            Ok((socket, welcome, session))
        });
        match opened {
            Ok((socket, welcome, session)) => {
                Ok(Self { replica, session, socket, welcome, sent: Instant::now(), pumped: Pumped::default() })
            }
            Err(cause) => Err(Failed { replica: Box::new(replica), cause }),
        }
    }

    /// Returns the replica.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// Returns the document.
    pub fn doc(&self) -> &Doc {
        &self.replica.doc
    }

    /// Returns the store.
    pub fn store(&self) -> &Store {
        &self.replica.store
    }

    /// Returns what the server said first.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Reports how far both sides are.
    ///
    /// # Errors
    ///
    /// Those that every call of the engine can return.
    pub fn progress(&self) -> Result<Progress, Error> {
        self.session.progress()
    }

    /// Returns the events that the server has acknowledged, so that they are on its disk.
    ///
    /// # Errors
    ///
    /// Those that every call of the engine can return.
    pub fn acknowledged(&self) -> Result<Vec<PeerVersion>, Error> {
        Ok(self.progress()?.known_there)
    }

    /// Sends everything that the session has, and a ping if one is due. If messages have arrived,
    /// or one arrives within `wait`, merges and answers them. Returns what arrived.
    ///
    /// The call is cancel safe: if its future is dropped, no message is lost, and the next call
    /// returns what this call received.
    ///
    /// # Errors
    ///
    /// The cause, after which the client is of no further use. If the server said goodbye, the
    /// cause is the goodbye.
    pub async fn pump(&mut self, wait: Duration) -> Result<Pumped, Cause> {
        let deadline = Instant::now() + wait.min(MAX_WAIT);
        loop {
            if let Err(cause) = self.send().await {
                return Err(self.goodbye_or(cause).await);
            }
            if self.pumped.messages > 0 {
                return Ok(mem::take(&mut self.pumped));
            }
            // A timer takes at least a millisecond, so it is used only if nothing has arrived.
            let first = match self.socket.next().now_or_never() {
                Some(first) => first,
                None if wait.is_zero() => {
                    // Without this, a caller that never waits would starve other tasks.
                    yield_now().await;
                    return Ok(Pumped::default());
                }
                None => {
                    let end = deadline.min(self.sent + self.ping_interval());
                    match timeout_at(end.into(), self.socket.next()).await {
                        Ok(first) => first,
                        Err(_) if Instant::now() >= deadline => return Ok(Pumped::default()),
                        // A ping is due.
                        Err(_) => continue,
                    }
                }
            };
            self.receive(first)?;
            for _ in 1..MAX_BATCH {
                let Some(next) = self.socket.next().now_or_never() else { break };
                self.receive(next)?;
            }
        }
    }

    /// Calls [`pump`](Self::pump) until both sides are in sync: the server has acknowledged all
    /// events of this replica, and this replica has all events that the server announced.
    ///
    /// # Errors
    ///
    /// [`Cause::Timeout`] if that takes longer than `limit`; the errors of [`pump`](Self::pump).
    pub async fn settle(&mut self, limit: Duration) -> Result<(), Cause> {
        let settled = timeout(limit, async {
            self.pump(Duration::ZERO).await?;
            while !self.session.progress()?.in_sync {
                self.pump(MAX_WAIT).await?;
            }
            Ok::<(), Cause>(())
        });
        settled.await.unwrap_or(Err(Cause::Timeout("the replica and the server were not in sync in time")))
    }

    /// Sends a host frame, such as a new token.
    ///
    /// # Errors
    ///
    /// The cause if the connection ended.
    pub async fn send_frame(&mut self, frame: &Frame) -> Result<(), Cause> {
        self.sent = Instant::now();
        Ok(self.socket.send(binary(frame.encode())).await?)
    }

    /// Calls a mutator, and waits for the outcome. Other outcomes that arrive are lost.
    ///
    /// # Errors
    ///
    /// [`Cause::Timeout`] if that takes longer than `limit`; the errors of [`pump`](Self::pump).
    pub async fn call(&mut self, mutate: &Mutate, limit: Duration) -> Result<Outcome, Cause> {
        // The events before the call are sent first.
        self.send().await?;
        self.send_frame(&Frame::Mutate(mutate.clone())).await?;
        let arrived = timeout(limit, async {
            loop {
                let outcomes = self.pump(MAX_WAIT).await?.outcomes.into_iter();
                let is_of_call =
                    |outcome: &Outcome| (&outcome.client, outcome.number) == (&mutate.client, mutate.number);
                if let Some(outcome) = outcomes.into_iter().find(is_of_call) {
                    return Ok(outcome);
                }
            }
        });
        arrived.await.unwrap_or(Err(Cause::Timeout("the outcome of a call did not arrive in time")))
    }

    /// Closes the connection, and waits until the server has closed it, at most 2 seconds. Returns
    /// the replica.
    pub async fn close(mut self) -> Replica {
        let closing = async {
            self.socket.close(None).await?;
            while self.socket.next().await.is_some_and(|message| message.is_ok()) {}
            Ok::<(), SocketError>(())
        };
        // If the connection is lost, it is closed.
        let _ = timeout(CLOSE_TIMEOUT, closing).await;
        self.replica
    }

    /// Drops the connection, as a crash of the client does, and returns the replica.
    pub fn into_replica(self) -> Replica {
        self.replica
    }

    async fn send(&mut self) -> Result<(), Cause> {
        loop {
            // With room in the socket, a polled message is sent without an `await` in between.
            poll_fn(|context| self.socket.poll_ready_unpin(context)).await?;
            let message = match self.session.poll(now())? {
                Some(message) => message,
                None if self.sent.elapsed() >= self.ping_interval() => Frame::Ping.encode(),
                None => break,
            };
            self.sent = Instant::now();
            self.socket.start_send_unpin(binary(message))?;
        }
        Ok(self.socket.flush().await?)
    }

    fn receive(&mut self, message: Option<Result<Message, SocketError>>) -> Result<(), Cause> {
        let content = incoming(message)?;
        self.pumped.messages += 1;
        match content {
            Incoming::Message(message) => {
                let received = self.session.receive(&message, now())?;
                self.pumped.events += received.durable.map_or(0, |report| report.applied);
                self.pumped.entries.extend(received.ephemeral);
            }
            Incoming::Frame(Frame::Outcome(outcome)) => self.pumped.outcomes.push(outcome),
            Incoming::Frame(_) | Incoming::Nothing => {}
        }
        self.pumped.at = Some(Instant::now());
        Ok(())
    }

    /// Returns the server's goodbye if it arrived before sending failed, and otherwise `cause`.
    async fn goodbye_or(&mut self, cause: Cause) -> Cause {
        if matches!(cause, Cause::Engine(_)) {
            return cause;
        }
        let goodbye = async {
            loop {
                match incoming(self.socket.next().await) {
                    Ok(_) => {}
                    Err(goodbye @ Cause::Goodbye(_)) => return Some(goodbye),
                    Err(_) => return None,
                }
            }
        };
        timeout(CLOSE_TIMEOUT, goodbye).await.ok().flatten().unwrap_or(cause)
    }

    fn ping_interval(&self) -> Duration {
        Duration::from_millis(self.welcome.silence_ms).clamp(Duration::from_millis(30), MAX_WAIT) / 3
    }
}
