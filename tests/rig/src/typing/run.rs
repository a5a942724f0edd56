//! The run of a person: alternately online and offline, until both persons have typed everything.

use super::person::Person;
use crate::{Failure, wire};
use converge::{Session, now};
use serde_json::json;
use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// The minimum number of keystrokes between two periods offline.
const ONLINE_KEYSTROKES: u32 = 100;
/// A person goes offline only if this many keystrokes can be typed alone.
const MIN_ALONE: usize = 20;
/// The maximum number of keystrokes in a period offline.
const OFFLINE_KEYSTROKES: u32 = 150;
/// The interval between reports, and the maximum wait for a message.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// How a connection begins.
pub(super) enum Way {
    Listen(TcpListener),
    Connect(u16),
}

pub(super) struct Run<'a, Output> {
    person: Person,
    way: Way,
    pause: Duration,
    output: &'a mut Output,
    typed: Instant,
    reported: Option<Instant>,
    /// Bytes sent and received.
    bytes: usize,
    /// The number of keystrokes that were typed without a connection.
    offline: u32,
    /// The number of periods offline.
    periods: u32,
}

impl<'a, Output: Write> Run<'a, Output> {
    pub(super) fn new(person: Person, way: Way, pause: Duration, output: &'a mut Output) -> Self {
        let typed = Instant::now();
        Self { person, way, pause, output, typed, reported: None, bytes: 0, offline: 0, periods: 0 }
    }

    pub(super) fn finish(mut self) -> Result<(), Failure> {
        while !self.online()? {
            self.offline()?;
        }
        self.reported = None;
        self.report("done")?;
        let (text, digest) = self.person.end()?;
        self.print("done", &json!({ "text": text, "digest": digest }))
    }

    /// Types without a connection, at most until a keystroke of the other person is needed.
    fn offline(&mut self) -> Result<(), Failure> {
        self.periods += 1;
        for _ in 0..OFFLINE_KEYSTROKES {
            if !self.person.can_type() {
                break;
            }
            thread::sleep(self.pause.saturating_sub(self.typed.elapsed()));
            self.type_next()?;
            self.offline += 1;
            self.report("offline")?;
        }
        Ok(())
    }

    /// Types with a connection. Returns whether both persons have everything.
    fn online(&mut self) -> Result<bool, Failure> {
        let mut stream = match &self.way {
            Way::Listen(listener) => listener.accept()?.0,
            Way::Connect(port) => TcpStream::connect(("127.0.0.1", *port))?,
        };
        stream.set_nodelay(true)?;
        let (to, messages) = mpsc::channel();
        wire::read(stream.try_clone()?, to, |message| message);
        let is_over = self.converse(&mut stream, &messages);
        // Without this the socket stays open, because the reader thread has a handle of it. It
        // fails if the other side has closed the connection.
        let _ = stream.shutdown(Shutdown::Both);
        is_over
    }

    fn converse(&mut self, stream: &mut TcpStream, messages: &Receiver<Option<Vec<u8>>>) -> Result<bool, Failure> {
        let session = self.person.session()?;
        // Whether both sides exchange keystrokes, or have nothing to exchange.
        let mut has_met = false;
        let mut keystrokes = 0;
        loop {
            self.send_all(&session, stream)?;
            let can_type = self.person.can_type();
            let wait = if can_type { self.pause.saturating_sub(self.typed.elapsed()) } else { REPORT_INTERVAL };
            match messages.recv_timeout(wait.min(REPORT_INTERVAL)) {
                Ok(Some(message)) => {
                    self.bytes += message.len();
                    has_met |= self.person.receive(&session, &message)?;
                }
                // At the end, the side that is in sync first closes the connection.
                Ok(None) | Err(RecvTimeoutError::Disconnected) => return Ok(self.person.has_all()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if (!has_met || self.person.has_all()) && session.progress()?.in_sync {
                has_met = true;
                if self.person.has_all() {
                    self.send_all(&session, stream)?;
                    return Ok(true);
                }
            }
            if can_type && self.typed.elapsed() >= self.pause {
                self.type_next()?;
                keystrokes += 1;
                self.offline += u32::from(!has_met);
            }
            self.report(if has_met { "online" } else { "connecting" })?;
            if has_met && keystrokes >= ONLINE_KEYSTROKES && self.person.can_type_alone(MIN_ALONE) {
                self.send_all(&session, stream)?;
                return Ok(false);
            }
        }
    }

    fn type_next(&mut self) -> Result<(), Failure> {
        self.typed = Instant::now();
        self.person.type_next()
    }

    fn send_all(&mut self, session: &Session, stream: &mut TcpStream) -> Result<(), Failure> {
        for message in session.messages(now()) {
            // If the other side closed the connection, the reader thread reports it.
            self.bytes += wire::send(stream, &message?).unwrap_or(0);
        }
        Ok(())
    }

    /// Prints at intervals what the person sees.
    fn report(&mut self, activity: &str) -> Result<(), Failure> {
        if self.reported.is_some_and(|reported| reported.elapsed() < REPORT_INTERVAL) {
            return Ok(());
        }
        self.reported = Some(Instant::now());
        self.person.show_cursor()?;
        let (text, cursors) = self.person.screen()?;
        self.print("status", &json!({ "activity": activity, "text": text, "cursors": cursors }))
    }

    /// Prints a line, with the counts of this run.
    fn print(&mut self, kind: &str, facts: &serde_json::Value) -> Result<(), Failure> {
        let Person { peer, count, merged, .. } = &self.person;
        let Self { bytes, offline, periods, .. } = self;
        let mut line = json!({
            "typed": count, "merged": merged, "bytes": bytes, "offline": offline, "periods": periods,
        });
        if let (Some(line), Some(facts)) = (line.as_object_mut(), facts.as_object()) {
            line.extend(facts.clone());
        }
        writeln!(self.output, "{kind}\t{peer}\t{line}")?;
        self.output.flush()?;
        Ok(())
    }
}
