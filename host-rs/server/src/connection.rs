//! A WebSocket: carries the messages of one session between a client and the task of a document.

use crate::app::App;
use crate::auth::{Grant, Rights};
use crate::documents::{Command, Handle, Outgoing, lock};
use crate::refusal::{Reason, Refusal};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use converge_frames::{Frame, Goodbye, Welcome};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{sleep, timeout};

/// The number of messages that wait for a socket: one of the session, one more each time that the
/// session is started again, and a goodbye.
const OUTBOX: usize = 4;
/// The number of calls of mutators of a connection without an outcome. Its socket is not read while
/// there are more.
const CALLS_IN_FLIGHT: usize = 64;
/// How long a socket may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a connection is checked during the slow timeout, and the pause in between, at least.
const CHECKS: u32 = 4;
const MIN_PAUSE: Duration = Duration::from_millis(5);
/// The maximum length of the text of a close frame in bytes.
const CLOSE_BYTES: usize = 123;

type Sink = SplitSink<WebSocket, Message>;
type Stream = SplitStream<WebSocket>;

/// Serves a connection until one side closes it.
pub(crate) async fn serve(app: Arc<App>, document: String, socket: WebSocket) {
    app.metrics.connected();
    let (mut sink, mut stream) = socket.split();
    if let Err(refusal) = session(&app, &document, &mut sink, &mut stream).await {
        app.metrics.refused(refusal.reason);
        tracing::debug!(document, reason = refusal.reason.name(), why = refusal.why, "closed a connection");
        let _ = timeout(CLOSE_TIMEOUT, say_goodbye(&app, &refusal, &mut sink, &mut stream)).await;
    } else {
        // Sends the answer to the client's close frame.
        let _ = timeout(CLOSE_TIMEOUT, sink.close()).await;
    }
    app.metrics.disconnected();
}

/// Sends a goodbye and a close frame, and waits for the other side's close frame.
async fn say_goodbye(app: &App, refusal: &Refusal, sink: &mut Sink, stream: &mut Stream) -> Result<(), axum::Error> {
    let Refusal { reason, why } = refusal;
    let retry_after_ms = app.retry_after(*reason).map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let goodbye = Frame::Goodbye(Goodbye { code: reason.close_code().into(), retry_after_ms, why: why.clone() });
    sink.send(Message::Binary(goodbye.encode().into())).await?;
    let mut end = why.len().min(CLOSE_BYTES);
    while !why.is_char_boundary(end) {
        end -= 1;
    }
    let close = CloseFrame { code: reason.close_code(), reason: why[..end].into() };
    sink.send(Message::Close(Some(close))).await?;
    while let Some(Ok(_)) = stream.next().await {}
    Ok(())
}

async fn session(app: &Arc<App>, document: &str, sink: &mut Sink, stream: &mut Stream) -> Result<(), Refusal> {
    let first = timeout(app.settings.handshake_timeout, next_message(stream)).await;
    let token = match first.map_err(|_| Refusal::new(Reason::Slow, "the token did not arrive in time"))?? {
        None => return Ok(()),
        Some(message) => match Frame::decode(&message) {
            Some(Frame::Token(token)) => token,
            _ => return Err(Refusal::new(Reason::Malformed, "the first frame must be a token")),
        },
    };
    let grant = app.grant(&token)?;
    let rights = grant.rights(document);
    if !rights.read {
        return Err(Refusal::new(Reason::Refused, format!("the token does not allow reading {document:?}")));
    }
    let (number, (outbox, inbox)) = (app.connection_number(), mpsc::channel(OUTBOX + CALLS_IN_FLIGHT));
    let (handle, incarnation) = connect(app, document, &grant, number, outbox).await?;
    let welcome = Frame::Welcome(Welcome {
        incarnation,
        write: rights.write,
        presence: rights.presence,
        full_sync: app.settings.sync == converge_storage::Sync::Full,
        max_message_bytes: app.settings.max_message_bytes as u64,
        silence_ms: u64::try_from(app.settings.silence_timeout.as_millis()).unwrap_or(u64::MAX),
        mutate: rights.mutate && app.documents.mutators.of(document).is_some(),
        subject: grant.subject().to_owned(),
    });
    let pumps = Pumps {
        app,
        document,
        handle: &handle,
        number,
        subject: grant.subject().to_owned(),
        rights,
        calls: Semaphore::new(CALLS_IN_FLIGHT),
        times: Mutex::new(Times { received: Instant::now(), unanswered: None, expires: grant.expires() }),
    };
    let (pongs, pong_inbox) = mpsc::channel(1);
    let outcome = match sink.send(Message::Binary(welcome.encode().into())).await {
        Err(_) => Ok(()),
        Ok(()) => {
            tokio::select! {
                outcome = pumps.receive(stream, pongs) => outcome,
                outcome = pumps.send(sink, inbox, pong_inbox) => outcome,
            }
        }
    };
    // Fails if the document is closed.
    let _ = handle.send(Command::Disconnect(number)).await;
    outcome
}

/// Opens the document and a session. Returns the document and its incarnation.
async fn connect(
    app: &Arc<App>,
    document: &str,
    grant: &Grant,
    number: u64,
    outbox: mpsc::Sender<Outgoing>,
) -> Result<(Arc<Handle>, String), Refusal> {
    let handle = app.documents.open(document, grant.rights(document).may_create()).await?;
    let (reply, incarnation) = oneshot::channel();
    handle.send(Command::Connect(number, app.access(grant, document), outbox, reply)).await?;
    let incarnation = incarnation.await;
    let closed = |_| Refusal::new(Reason::Restart, "the document was closed meanwhile; connect again");
    Ok((handle, incarnation.map_err(closed)??))
}

/// What arrives on a socket.
enum Incoming {
    /// A binary message.
    Message(Vec<u8>),
    /// A ping, which the library answers, or a pong, with the size of its content in bytes.
    Control(usize),
}

/// Returns what arrives next, or `None` at the end of the connection.
async fn next(stream: &mut Stream) -> Result<Option<Incoming>, Refusal> {
    match stream.next().await {
        None | Some(Ok(Message::Close(_))) => Ok(None),
        Some(Ok(Message::Binary(bytes))) => Ok(Some(Incoming::Message(bytes.into()))),
        Some(Ok(Message::Text(_))) => Err(Refusal::new(Reason::Text, "messages must be binary")),
        Some(Ok(Message::Ping(bytes) | Message::Pong(bytes))) => Ok(Some(Incoming::Control(bytes.len()))),
        Some(Err(error)) => of_socket(error).map_or(Ok(None), Err),
    }
}

/// Returns the next binary message, or `None` at the end of the connection.
async fn next_message(stream: &mut Stream) -> Result<Option<Vec<u8>>, Refusal> {
    loop {
        match next(stream).await? {
            None => return Ok(None),
            Some(Incoming::Message(message)) => return Ok(Some(message)),
            Some(Incoming::Control(_)) => tokio::task::yield_now().await,
        }
    }
}

/// Returns why a connection must be closed, or `None` if it is lost.
fn of_socket(error: axum::Error) -> Option<Refusal> {
    use tungstenite::Error;
    let error = error.into_inner();
    let reason = match error.downcast_ref::<Error>()? {
        Error::Capacity(_) => Reason::TooLarge,
        Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => return None,
        Error::Protocol(_) | Error::Utf8(_) => Reason::WebSocket,
        _ => return None,
    };
    Some(Refusal::new(reason, error.to_string()))
}

/// When something last happened on a connection.
struct Times {
    received: Instant,
    /// When the first message was sent that the client did not react to.
    unanswered: Option<Instant>,
    expires: Option<SystemTime>,
}

/// Both directions of a connection.
struct Pumps<'a> {
    app: &'a App,
    document: &'a str,
    handle: &'a Handle,
    number: u64,
    subject: String,
    rights: Rights,
    /// What is left of the calls that may have no outcome yet.
    calls: Semaphore,
    times: Mutex<Times>,
}

impl Pumps<'_> {
    /// Passes on what the client sends, no faster than the rates allow.
    async fn receive(&self, stream: &mut Stream, pongs: mpsc::Sender<()>) -> Result<(), Refusal> {
        let settings = &self.app.settings;
        let mut messages = Bucket::new(settings.rate_messages as f64, settings.rate_burst as f64);
        let mut bytes = Bucket::new(settings.rate_bytes as f64, settings.rate_bytes as f64 * 4.0);
        while let Some(incoming) = next(stream).await? {
            let size = match &incoming {
                Incoming::Message(message) => message.len(),
                Incoming::Control(size) => *size,
            };
            let wait = messages.take(1.0).max(bytes.take(size as f64));
            if let Incoming::Message(message) = incoming {
                self.receive_message(message, &pongs).await?;
            }
            if !wait.is_zero() {
                sleep(wait).await;
            }
        }
        Ok(())
    }

    async fn receive_message(&self, message: Vec<u8>, pongs: &mpsc::Sender<()>) -> Result<(), Refusal> {
        {
            let mut times = lock(&self.times);
            times.received = Instant::now();
            times.unanswered = None;
        }
        match Frame::is_one(&message) {
            true => self.receive_frame(&message, pongs).await,
            false => self.handle.send(Command::Message(self.number, message)).await,
        }
    }

    async fn receive_frame(&self, message: &[u8], pongs: &mpsc::Sender<()>) -> Result<(), Refusal> {
        match Frame::decode(message) {
            // A call in no name is one of a request.
            Some(Frame::Mutate(mutate)) if !mutate.client.is_empty() => {
                // The outcome returns the permit. The semaphore is never closed.
                if let Ok(permit) = self.calls.acquire().await {
                    permit.forget();
                }
                self.handle.send(Command::Mutate(self.number, mutate)).await
            }
            Some(Frame::Ping) => {
                // If a pong waits already, it answers both.
                let _ = pongs.try_send(());
                Ok(())
            }
            Some(Frame::Pong) => Ok(()),
            Some(Frame::Token(token)) => {
                let grant = self.app.grant(&token)?;
                if grant.subject() != self.subject || grant.rights(self.document) != self.rights {
                    return Err(Refusal::new(
                        Reason::Token,
                        "the new token has another subject or other rights; connect again",
                    ));
                }
                lock(&self.times).expires = grant.expires();
                Ok(())
            }
            _ => {
                Err(Refusal::new(Reason::Malformed, "the host frame is damaged, or of a kind that clients do not send"))
            }
        }
    }

    /// Sends what the task passes, and closes the connection of a client that does not react.
    async fn send(
        &self,
        sink: &mut Sink,
        mut inbox: mpsc::Receiver<Outgoing>,
        mut pongs: mpsc::Receiver<()>,
    ) -> Result<(), Refusal> {
        loop {
            let message = tokio::select! {
                outgoing = inbox.recv() => match outgoing {
                    Some(Outgoing::Message(message)) => message,
                    Some(Outgoing::Outcome(frame)) => {
                        self.calls.add_permits(1);
                        frame
                    }
                    Some(Outgoing::Close(refusal)) => return Err(refusal),
                    None => return Err(Refusal::new(Reason::Restart, "the document was closed; connect again")),
                },
                Some(()) = pongs.recv() => Frame::Pong.encode(),
                refusal = self.overdue() => return Err(refusal),
            };
            let is_of_session = !Frame::is_one(&message);
            match timeout(self.app.settings.slow_timeout, sink.send(Message::Binary(message.into()))).await {
                Err(_) => return Err(Refusal::new(Reason::Slow, "the client does not take what is sent to it")),
                Ok(Err(_)) => return Ok(()),
                Ok(Ok(())) => {}
            }
            if is_of_session {
                self.app.metrics.sent();
                lock(&self.times).unanswered.get_or_insert_with(Instant::now);
                self.handle.send(Command::Room(self.number)).await?;
            }
        }
    }

    /// Ends when the connection has to be closed, with the reason.
    async fn overdue(&self) -> Refusal {
        let settings = &self.app.settings;
        loop {
            let now = Instant::now();
            let (expires, slow, silent) = {
                let times = lock(&self.times);
                (
                    times.expires.map(|at| at.duration_since(SystemTime::now()).unwrap_or_default()),
                    times.unanswered.map(|since| (since + settings.slow_timeout).saturating_duration_since(now)),
                    (times.received + settings.silence_timeout).saturating_duration_since(now),
                )
            };
            if expires.is_some_and(|left| left.is_zero()) {
                return Refusal::new(Reason::Token, "the token expired; connect with a new one");
            }
            if slow.is_some_and(|left| left.is_zero()) {
                return Refusal::new(Reason::Slow, "the client does not answer");
            }
            if silent.is_zero() {
                return Refusal::new(Reason::Slow, "the client is silent; it must send pings");
            }
            let next = [expires, slow].into_iter().flatten().fold(silent, Duration::min);
            // A message can be sent, or a token can arrive, meanwhile.
            sleep(next.min(settings.slow_timeout / CHECKS).max(MIN_PAUSE)).await;
        }
    }
}

/// Bounds a rate: what arrives faster has to wait.
struct Bucket {
    rate: f64,
    burst: f64,
    left: f64,
    at: Instant,
}

impl Bucket {
    fn new(rate: f64, burst: f64) -> Self {
        Self { rate, burst, left: burst, at: Instant::now() }
    }

    /// Takes an amount. Returns how long to wait before the next one.
    fn take(&mut self, amount: f64) -> Duration {
        let now = Instant::now();
        self.left = (self.left + (now - self.at).as_secs_f64() * self.rate).min(self.burst) - amount;
        self.at = now;
        Duration::try_from_secs_f64(-self.left / self.rate).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Bucket;
    use std::time::Duration;

    #[test]
    fn a_burst_passes_and_more_has_to_wait() {
        let mut bucket = Bucket::new(10.0, 5.0);
        assert!((0..5).all(|_| bucket.take(1.0) < Duration::from_millis(1)));
        let wait = bucket.take(20.0);
        assert!(wait > Duration::from_millis(1_900) && wait <= Duration::from_secs(2), "{wait:?}");
    }
}
