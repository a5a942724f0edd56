//! A replica that is alternately offline and online.

use super::END;
use super::replica::Replica;
use crate::{Failure, wire};
use converge::{Session, now};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// The number of commits per turn, offline or online.
const BURST: usize = 12;
/// The time between two commits, and the maximum wait for a message.
const PAUSE: Duration = Duration::from_millis(10);

/// Writes, and synchronizes with the hub on this port, until the hub announces the end.
pub(super) fn run(mut replica: Replica, port: u16) -> Result<(), Failure> {
    loop {
        for _ in 0..BURST {
            replica.work()?;
            replica.status("offline")?;
            thread::sleep(PAUSE);
        }
        if online(&mut replica, port)? {
            return replica.done();
        }
    }
}

/// Runs a turn online. Returns whether the run is over.
fn online(replica: &mut Replica, port: u16) -> Result<bool, Failure> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let is_over = talk(replica, &mut stream);
    // Without this the socket stays open, because the reader thread has a handle of it.
    stream.shutdown(Shutdown::Both)?;
    is_over
}

fn talk(replica: &mut Replica, stream: &mut TcpStream) -> Result<bool, Failure> {
    stream.set_nodelay(true)?;
    let (to, messages) = mpsc::channel();
    wire::read(stream.try_clone()?, to, |message| message);
    let session = replica.session()?;
    let (mut worked, mut commits) = (Instant::now(), 0);
    loop {
        send_all(replica, &session, stream)?;
        match messages.recv_timeout(PAUSE) {
            Ok(Some(message)) => {
                replica.bytes += message.len();
                session.receive(&message, now())?;
            }
            Ok(None) | Err(RecvTimeoutError::Disconnected) => return Err("the hub closed the connection".into()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if worked.elapsed() >= PAUSE && commits < BURST {
            worked = Instant::now();
            commits += 1;
            replica.work()?;
        }
        let in_sync = session.progress()?.in_sync;
        replica.status(if in_sync { "in sync" } else { "syncing" })?;
        if in_sync {
            // Entries can overtake events: announce the end only when the hub has all events.
            replica.announce_done()?;
        }
        let is_over = !replica.store.get_all(END)?.is_empty();
        if in_sync && is_over {
            send_all(replica, &session, stream)?;
            return Ok(true);
        }
        if in_sync && commits == BURST && replica.has_work() {
            return Ok(false);
        }
    }
}

fn send_all(replica: &mut Replica, session: &Session, stream: &mut TcpStream) -> Result<(), Failure> {
    for message in session.messages(now()) {
        replica.bytes += wire::send(stream, &message?)?;
    }
    Ok(())
}
