//! The task of a client: connects, synchronizes, and connects again.

use crate::error::Error;
use crate::options::Options;
use crate::replica::Replica;
use crate::shared::{Control, Shared, blocking};
use crate::socket::{Cause, Incoming, Socket, binary, handshake, incoming, segment};
use crate::status::{Connection, Problem, Reason};
use crate::token;
use converge_frames::{Frame, Welcome};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until, timeout, timeout_at};
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// How often the entries of this client are set again; a third of the time after which they expire.
const RENEWAL: Duration = Duration::from_secs(10);
/// How long closing a connection may take without progress, and waiting for a goodbye after sending
/// failed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The close codes of the server that have a meaning of their own; see `docs/server.md`.
const TOKEN: u64 = 4401;
const CONFLICT: u64 = 4409;
const DELETED: u64 = 4410;

/// Why a connection ended.
enum Ended {
    /// The client is closing.
    Closing,
    /// Connect again after this time, or after the usual pause if it is `None`.
    Lost(Problem, Option<Duration>),
    /// The token was refused.
    TokenRefused(String),
    /// The history of this client was compacted away on the server.
    Conflict,
    /// Do not connect again.
    Stopped(Problem),
}

/// Synchronizes until the client is closed.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut control = shared.control.subscribe();
    let (mut pause, mut refused) = (Pause::new(&shared.options), 0);
    loop {
        let now = *control.borrow_and_update();
        if now.is_closing {
            break;
        }
        shared.update(|status| status.connection = Connection::Connecting);
        let ended = connection(&shared, &mut control, &mut pause).await;
        // Fails if the client was closed.
        let _ = shared.with(|replica| {
            replica.disconnect();
            Ok(())
        });
        shared.update(|status| (status.in_sync, status.awaited) = (false, 0));
        refused = if matches!(ended, Ended::TokenRefused(_)) { refused + 1 } else { 0 };
        let (problem, wait) = match ended {
            Ended::Closing => break,
            Ended::Lost(problem, wait) => (problem, wait.unwrap_or_else(|| pause.next())),
            Ended::TokenRefused(why) if refused < 2 => (Problem::new(Reason::Network, why), Duration::ZERO),
            Ended::TokenRefused(why) => {
                stop(&shared, Problem::new(Reason::Token, why), now, &mut control).await;
                continue;
            }
            Ended::Conflict => {
                let why = rebase(&shared).await.err();
                let why = why.unwrap_or_else(|| "the history was compacted; continuing from there".to_owned());
                (Problem::new(Reason::Network, why), pause.next())
            }
            Ended::Stopped(problem) => {
                stop(&shared, problem, now, &mut control).await;
                continue;
            }
        };
        shared.update(|status| {
            status.connection = Connection::Offline(wait);
            status.problem = Some(problem);
        });
        tokio::select! {
            () = sleep(wait) => {}
            _ = control.wait_for(|control| *control != now) => {}
        }
    }
    shared.update(|status| status.connection = Connection::Closed);
}

/// Waits until the client is reset or closed.
async fn stop(shared: &Shared, problem: Problem, now: Control, control: &mut watch::Receiver<Control>) {
    shared.update(|status| {
        status.connection = Connection::Stopped;
        status.problem = Some(problem);
    });
    // Fails if the client was dropped, which closes it.
    let _ = control.wait_for(|control| *control != now).await;
}

/// Connects, and synchronizes until the connection ends.
async fn connection(shared: &Arc<Shared>, control: &mut watch::Receiver<Control>, pause: &mut Pause) -> Ended {
    // What could not be kept is tried again, also without a network.
    if let Err(error) = blocking(shared, Replica::keep).await {
        return of_error(error);
    }
    let token = match fresh_token(shared).await {
        Ok(token) => token,
        Err(ended) => return ended,
    };
    let opened = timeout(shared.options.timeout, handshake(&shared.server, &shared.document, &token));
    let opened = tokio::select! {
        opened = opened => opened,
        _ = control.wait_for(|control| control.is_closing) => return Ended::Closing,
    };
    let (socket, welcome) = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(cause)) => return of_cause(cause),
        Err(_) => return lost("the server did not answer in time"),
    };
    let of_server = welcome.clone();
    if let Err(error) = blocking(shared, move |replica| replica.connect(&of_server)).await {
        return of_error(error);
    }
    shared.update(|status| status.connection = Connection::Online);
    let (sink, stream) = socket.split();
    let connected = Connected { shared, sink, stream, control, pause, is_read_only: !welcome.write };
    connected.synchronize(&welcome, &token).await.err().unwrap_or(Ended::Closing)
}

/// What a connection waits for.
enum Event {
    Arrived(Result<Incoming, Cause>),
    Written,
    PingIsDue,
    NoAnswer,
    RenewalIsDue,
    TokenIsDue,
    Closing,
}

struct Connected<'a> {
    shared: &'a Arc<Shared>,
    sink: SplitSink<Socket, Message>,
    stream: SplitStream<Socket>,
    control: &'a mut watch::Receiver<Control>,
    pause: &'a mut Pause,
    /// Whether the server accepts no events.
    is_read_only: bool,
}

impl Connected<'_> {
    /// Synchronizes until the client is closing.
    async fn synchronize(mut self, welcome: &Welcome, token: &str) -> Result<(), Ended> {
        let ping_interval = Duration::from_millis(welcome.silence_ms) / 3;
        let (mut sent, mut renewal) = (Instant::now(), Instant::now() + RENEWAL);
        let mut unanswered: Option<Instant> = None;
        let mut next_token = token::renewal(token).map(|left| Instant::now() + left);
        let mut message: Option<Bytes> = None;
        loop {
            if self.step(message.take()).await? > 0 {
                sent = Instant::now();
            }
            // Waits until there is a reason for another step.
            while message.is_none() {
                let far = Instant::now() + RENEWAL;
                let lost_at = unanswered.map_or(far, |since| since + self.shared.options.timeout);
                let event = tokio::select! {
                    arrived = self.stream.next() => Event::Arrived(incoming(arrived)),
                    () = self.shared.written.notified() => Event::Written,
                    () = sleep_until((sent + ping_interval).into()) => Event::PingIsDue,
                    () = sleep_until(lost_at.into()), if unanswered.is_some() => Event::NoAnswer,
                    () = sleep_until(renewal.into()) => Event::RenewalIsDue,
                    () = sleep_until(next_token.unwrap_or(far).into()), if next_token.is_some() => Event::TokenIsDue,
                    _ = self.control.wait_for(|control| control.is_closing) => Event::Closing,
                };
                match event {
                    Event::Arrived(Ok(Incoming::Message(bytes))) => (message, unanswered) = (Some(bytes), None),
                    Event::Arrived(Ok(_)) => unanswered = None,
                    Event::Arrived(Err(cause)) => return Err(of_cause(cause)),
                    Event::Written => break,
                    Event::PingIsDue => {
                        unanswered.get_or_insert_with(Instant::now);
                        sent = Instant::now();
                        self.send(Frame::Ping.encode()).await?;
                    }
                    Event::NoAnswer => return Err(lost("the server does not answer")),
                    Event::RenewalIsDue => {
                        renewal = Instant::now() + RENEWAL;
                        blocking(self.shared, |replica| replica.renew_presence()).await.map_err(of_error)?;
                        break;
                    }
                    Event::TokenIsDue => {
                        let token = fresh_token(self.shared).await?;
                        next_token = token::renewal(&token).map(|left| Instant::now() + left);
                        self.send(Frame::Token(token).encode()).await?;
                    }
                    Event::Closing => {
                        self.close().await;
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Merges a message, keeps everything, and sends what there is to send. Returns the number of
    /// messages that were sent.
    async fn step(&mut self, message: Option<Bytes>) -> Result<usize, Ended> {
        let (mut message, mut count) = (message, 0);
        loop {
            let arrived = message.take();
            let stepped = blocking(self.shared, move |replica| {
                let stepped = replica.step(arrived.as_deref())?;
                if stepped.is_in_sync {
                    replica.note_acknowledged()?;
                }
                Ok(stepped)
            });
            let stepped = stepped.await.map_err(of_error)?;
            count += stepped.messages.len();
            for message in stepped.messages {
                self.send(message).await?;
            }
            let is_in_sync = stepped.is_in_sync;
            if is_in_sync {
                self.pause.reset();
            }
            self.shared.update(|status| {
                (status.in_sync, status.awaited) = (is_in_sync && status.unsent == 0, stepped.awaited);
                if status.in_sync {
                    status.problem = None;
                }
            });
            if !stepped.has_more {
                return Ok(count);
            }
        }
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Ended> {
        match timeout(self.shared.options.timeout, self.sink.send(binary(bytes))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.goodbye_or(error.into()).await),
            Err(_) => Err(lost("the server does not take what is sent to it")),
        }
    }

    /// Returns the server's goodbye if it arrived before sending failed, and otherwise `cause`.
    async fn goodbye_or(&mut self, cause: Cause) -> Ended {
        let goodbye = async {
            loop {
                match incoming(self.stream.next().await) {
                    Ok(_) => {}
                    Err(goodbye @ Cause::Goodbye(_)) => return Some(goodbye),
                    Err(_) => return None,
                }
            }
        };
        of_cause(timeout(CLOSE_TIMEOUT, goodbye).await.ok().flatten().unwrap_or(cause))
    }

    /// Takes leave: removes the entries of this client, waits until the server has everything, and
    /// closes the socket. Ends early if nothing progresses.
    async fn close(mut self) {
        let mut left = blocking(self.shared, |replica| replica.leave()).await.map_err(of_error);
        let (mut message, mut unsent, mut deadline) = (None, u32::MAX, Instant::now());
        while left.is_ok() {
            left = self.step(message.take()).await.map(drop);
            let now = if self.is_read_only { 0 } else { self.shared.status.borrow().unsent };
            if now == 0 {
                break;
            }
            if now < unsent {
                (unsent, deadline) = (now, Instant::now() + CLOSE_TIMEOUT);
            }
            match timeout_at(deadline.into(), self.stream.next()).await.map(incoming) {
                Ok(Ok(Incoming::Message(bytes))) => message = Some(bytes),
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return,
                Err(_) => break,
            }
        }
        let closing = async {
            let _ = self.sink.close().await;
            while self.stream.next().await.is_some_and(|message| message.is_ok()) {}
        };
        // If the connection is lost, it is closed.
        let _ = timeout(CLOSE_TIMEOUT, closing).await;
    }
}

/// Calls the source of tokens, which can block.
async fn fresh_token(shared: &Arc<Shared>) -> Result<String, Ended> {
    let source = shared.options.token.clone();
    match tokio::task::spawn_blocking(move || source()).await {
        Ok(Ok(token)) => Ok(token),
        Ok(Err(error)) => Err(lost(&format!("there is no token: {error}"))),
        Err(error) => Err(lost(&format!("there is no token: {error}"))),
    }
}

/// Loads the saved document, and rebases this replica on it.
async fn rebase(shared: &Arc<Shared>) -> Result<(), String> {
    let url = shared.server.http(&format!("/v1/docs/{}", segment(&shared.document)));
    let (source, limit, time) =
        (shared.options.token.clone(), shared.options.memory_bytes as u64, shared.options.timeout);
    let load = move || -> Result<Vec<u8>, String> {
        let token = source().map_err(|error| format!("there is no token: {error}"))?;
        let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().timeout_global(Some(time)).build());
        let response = agent.get(&url).header("authorization", format!("Bearer {token}")).call();
        let mut response = response.map_err(|error| format!("{url}: {error}"))?;
        response.body_mut().with_config().limit(limit).read_to_vec().map_err(|error| format!("{url}: {error}"))
    };
    let saved = tokio::task::spawn_blocking(load).await.map_err(|error| error.to_string())??;
    blocking(shared, move |replica| replica.rebase(&saved)).await.map_err(|error| error.to_string())
}

fn lost(why: &str) -> Ended {
    Ended::Lost(Problem::new(Reason::Network, why), None)
}

fn of_cause(cause: Cause) -> Ended {
    let why = cause.to_string();
    match cause {
        Cause::Goodbye(goodbye) => match (goodbye.code, goodbye.retry_after_ms) {
            (TOKEN, _) => Ended::TokenRefused(goodbye.why),
            (CONFLICT, _) => Ended::Conflict,
            (DELETED, _) => Ended::Stopped(Problem::new(Reason::Deleted, goodbye.why)),
            (_, None) => Ended::Stopped(Problem::new(Reason::Refused, goodbye.why)),
            (_, Some(wait)) => {
                Ended::Lost(Problem::new(Reason::Network, goodbye.why), Some(Duration::from_millis(wait)))
            }
        },
        _ => lost(&why),
    }
}

fn of_error(error: Error) -> Ended {
    let why = error.to_string();
    match error {
        Error::Storage(_) => Ended::Lost(Problem::new(Reason::Storage, why), None),
        Error::Replaced => Ended::Stopped(Problem::new(Reason::Replaced, why)),
        Error::Engine(converge::Error::Compacted(_)) => Ended::Conflict,
        Error::Engine(error) if error.ends_instance() => Ended::Stopped(Problem::new(Reason::Engine, why)),
        // A reset ended the session.
        Error::Disconnected => Ended::Lost(Problem::new(Reason::Network, why), Some(Duration::ZERO)),
        Error::Closed => Ended::Closing,
        _ => lost(&why),
    }
}

/// The pauses before further connections: each is twice as long as the one before, and up to half
/// of it is random, so that clients do not all come back at once.
struct Pause {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Pause {
    fn new(options: &Options) -> Self {
        let max = options.max_pause.max(options.min_pause);
        Self { min: options.min_pause, max, next: options.min_pause }
    }

    fn reset(&mut self) {
        self.next = self.min;
    }

    fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.max);
        let mut random = [0];
        // Without random numbers, the pause is the longest one.
        let part = getrandom::fill(&mut random).map_or(0, |()| u32::from(random[0]));
        pause - pause * part / 512
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, Pause};
    use std::time::Duration;

    #[test]
    fn pauses_double_up_to_the_maximum() {
        let [min, max] = [1_000, 5_000].map(Duration::from_millis);
        let mut pause = Pause::new(&Options::default().pauses(min, max));
        for longest in [1_000, 2_000, 4_000, 5_000, 5_000].map(Duration::from_millis) {
            let next = pause.next();
            assert!(next <= longest && next >= longest / 2, "{next:?}");
        }
        pause.reset();
        assert!(pause.next() <= min);
    }
}
