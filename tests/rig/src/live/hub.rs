//! The replica that all others connect to.

use super::replica::Replica;
use super::{DONE, END};
use crate::{Failure, wire};
use converge::{Session, now};
use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// The time between two commits, and the maximum wait for a message.
const PAUSE: Duration = Duration::from_millis(10);

enum Event {
    Opened(TcpStream),
    Message(Vec<u8>),
    Closed,
}

struct Connection {
    session: Session,
    stream: TcpStream,
}

/// Writes, and synchronizes with each connecting replica, until all `of` replicas have finished
/// their work and have all events.
pub(super) fn run(mut replica: Replica, listener: TcpListener, of: usize) -> Result<(), Failure> {
    let (to, events) = mpsc::channel();
    listen(listener, to.clone());
    let mut connections: BTreeMap<u64, Connection> = BTreeMap::new();
    let (mut worked, mut is_over) = (Instant::now(), false);
    loop {
        match events.recv_timeout(PAUSE) {
            Ok((number, Event::Opened(stream))) => {
                wire::read(stream.try_clone()?, to.clone(), move |message| {
                    (number, message.map_or(Event::Closed, Event::Message))
                });
                connections.insert(number, Connection { session: replica.session()?, stream });
            }
            Ok((number, Event::Message(message))) => {
                if let Some(connection) = connections.get(&number) {
                    replica.bytes += message.len();
                    connection.session.receive(&message, now())?;
                }
            }
            Ok((number, Event::Closed)) => drop(connections.remove(&number)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err("no replica can connect any more".into()),
        }
        if worked.elapsed() >= PAUSE {
            worked = Instant::now();
            replica.work()?;
            replica.announce_done()?;
        }
        send_all(&mut replica, &mut connections)?;
        let mut all_in_sync = connections.len() == of - 1;
        for Connection { session, .. } in connections.values() {
            all_in_sync = all_in_sync && session.progress()?.in_sync;
        }
        replica.status(if is_over { "over" } else { "hub" })?;
        if is_over && connections.is_empty() {
            return replica.done();
        }
        if !is_over && all_in_sync && replica.store.get_all(DONE)?.len() == of {
            is_over = true;
            replica.store.set(END, &replica.name, true, now())?;
            send_all(&mut replica, &mut connections)?;
        }
    }
}

fn send_all(replica: &mut Replica, connections: &mut BTreeMap<u64, Connection>) -> Result<(), Failure> {
    for Connection { session, stream } in connections.values_mut() {
        for message in session.messages(now()) {
            // If the other side closed the connection, the reader thread reports it.
            replica.bytes += wire::send(stream, &message?).unwrap_or(0);
        }
    }
    Ok(())
}

fn listen(listener: TcpListener, to: Sender<(u64, Event)>) {
    thread::spawn(move || {
        for (number, stream) in (0..).zip(listener.incoming()) {
            let Ok(stream) = stream else { continue };
            let _ = stream.set_nodelay(true);
            if to.send((number, Event::Opened(stream))).is_err() {
                return;
            }
        }
    });
}
