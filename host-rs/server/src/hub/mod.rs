//! One document with its connections: what arrived is merged, stored in one transaction, and then
//! sent on.
//!
//! A hub does no input or output except to the document's file. Its caller passes what arrived, and
//! carries out what [`Hub::step`] returns. Always holds: nothing that shows an event, to a client
//! or in an answer, is returned before the event is on disk. A session is polled only when its
//! transport has room, so there are no queues here.

#[cfg(test)]
mod tests;

use converge::{Acceptance, Doc, EventId, MergeReport, RowOp, Session, SessionOptions, Store, StoreOptions};
use converge_storage::{StoredDoc, Update};
use std::collections::BTreeMap;

/// What a connection or a request may do, and who it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// The user or program. It is stored with its updates.
    pub subject: String,
    /// Whether it may write events.
    pub write: bool,
    /// Whether it may write entries of the store.
    pub presence: bool,
    /// The authors whose events and entries it may bring; those of all authors if this is empty. An
    /// element that ends with `*` stands for all names that start with the text before it.
    pub writers: Vec<String>,
}

impl Access {
    /// Creates the access of a subject to reading alone.
    pub fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..Self::default() }
    }

    /// Sets whether it may write events.
    #[must_use]
    pub fn write(self, write: bool) -> Self {
        Self { write, ..self }
    }

    /// Sets whether it may write entries of the store.
    #[must_use]
    pub fn presence(self, presence: bool) -> Self {
        Self { presence, ..self }
    }

    /// Sets the authors whose events and entries it may bring.
    #[must_use]
    pub fn writers(self, writers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { writers: writers.into_iter().map(Into::into).collect(), ..self }
    }
}

/// The number of a connection, which its caller chooses.
pub type ConnectionNumber = u64;
/// The number of a request, which its caller chooses.
pub type RequestNumber = u64;

/// What arrived for a document.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// A client connected. There is room for one message to it.
    Connect(ConnectionNumber, Access),
    /// A message of a session arrived.
    Message(ConnectionNumber, Vec<u8>),
    /// There is room for one message to the client.
    Room(ConnectionNumber),
    /// A client is gone.
    Disconnect(ConnectionNumber),
    /// A request without a session.
    Request(RequestNumber, Access, Request),
}

/// A request without a session.
#[derive(Debug)]
#[non_exhaustive]
pub enum Request {
    /// Returns the saved document.
    Save,
    /// Returns the update that a replica with this summary lacks.
    Pull(Vec<u8>),
    /// Merges an update.
    Push(Vec<u8>),
    /// Commits operations as the home peer.
    Commit(Vec<RowOp>),
}

/// The answer to a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Answer {
    /// The saved document, or the update.
    Bytes(Vec<u8>),
    /// The update was merged, and is on disk.
    Merged(MergeReport),
    /// The operations are an event, which is on disk.
    Committed(EventId),
    /// The request was rejected, and changed nothing.
    Rejected(Rejection),
}

/// Why a request was rejected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The access does not include this.
    #[error("the access of {0:?} does not include writing")]
    NotAllowed(String),
    /// The engine rejected it.
    #[error(transparent)]
    Engine(converge::Error),
}

/// What the caller carries out.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send this message. There is no room for another one until [`Input::Room`].
    Send(ConnectionNumber, Vec<u8>),
    /// Close the connection: its session failed with this error. The hub has forgotten it.
    Close(ConnectionNumber, converge::Error),
    /// Answer a request.
    Answer(RequestNumber, Answer),
}

/// Why a hub cannot continue. Its document in memory may be ahead of its file: drop the hub, and
/// open the document again. Nothing of the step was shown to anyone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The updates could not be stored.
    #[error(transparent)]
    Storage(#[from] converge_storage::Error),
    /// The engine stopped, for example because it ran out of memory.
    #[error("the engine stopped: {0}")]
    Engine(converge::Error),
}

/// One document with its connections.
#[derive(Debug)]
pub struct Hub {
    stored: StoredDoc,
    store: Store,
    connections: BTreeMap<ConnectionNumber, Connection>,
    max_message_bytes: u32,
    /// The number of waiting events after the last merge.
    waiting: u32,
}

#[derive(Debug)]
struct Connection {
    session: Session,
    subject: String,
    /// Whether there is room for one message to the client.
    has_room: bool,
}

/// What a step has to store, and to answer once it is stored.
#[derive(Default)]
struct Step {
    /// The updates with their subjects.
    updates: Vec<(String, Vec<u8>)>,
    answers: Vec<(RequestNumber, Answer)>,
    /// Requests that read, which are carried out when everything is stored.
    reads: Vec<(RequestNumber, Request)>,
    closed: Vec<(ConnectionNumber, converge::Error)>,
}

impl Hub {
    /// Creates the hub of a document. Messages have at most `max_message_bytes` bytes.
    ///
    /// # Errors
    ///
    /// [`Failure::Engine`] if the engine stopped.
    pub fn new(stored: StoredDoc, max_message_bytes: u32) -> Result<Self, Failure> {
        let peer = stored.doc().peer().map_err(Failure::Engine)?;
        let store = stored.doc().instance().store(&peer, StoreOptions::default()).map_err(Failure::Engine)?;
        let waiting = stored.doc().merge_events([]).map_err(Failure::Engine)?.waiting;
        Ok(Self { stored, store, connections: BTreeMap::new(), max_message_bytes, waiting })
    }

    /// Returns the document.
    pub fn stored(&self) -> &StoredDoc {
        &self.stored
    }

    /// Returns the number of connections.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Merges what arrived, stores it in one transaction, and returns what to send then. `now` is
    /// the time in milliseconds, as [`converge::now`] returns it. Costs the size of what arrived,
    /// one synchronization of the disk if events arrived, and a call for each connection with room.
    ///
    /// # Errors
    ///
    /// [`Failure::Storage`] if the file cannot be written; [`Failure::Engine`] if the engine
    /// stopped.
    pub fn step(&mut self, inputs: Vec<Input>, now: f64) -> Result<Vec<Output>, Failure> {
        let mut step = Step::default();
        for input in inputs {
            self.take(input, now, &mut step)?;
        }
        let Step { updates, answers, reads, closed } = step;
        if !updates.is_empty() {
            let updates: Vec<Update<'_>> = updates.iter().map(|(subject, bytes)| Update { subject, bytes }).collect();
            self.stored.store(&updates)?;
        }
        // From here on, everything that the document contains is on disk.
        let mut outputs: Vec<Output> =
            answers.into_iter().map(|(number, answer)| Output::Answer(number, answer)).collect();
        for (number, request) in reads {
            outputs.push(Output::Answer(number, answer(read(self.stored.doc(), &request))?));
        }
        outputs.extend(closed.into_iter().map(|(number, error)| Output::Close(number, error)));
        self.store.expire(now).map_err(Failure::Engine)?;
        self.poll(now, &mut outputs)?;
        Ok(outputs)
    }

    fn take(&mut self, input: Input, now: f64, step: &mut Step) -> Result<(), Failure> {
        match input {
            Input::Connect(number, access) => {
                let session = survive(self.open(&access))?;
                match session {
                    Ok(session) => {
                        let connection = Connection { session, subject: access.subject, has_room: true };
                        self.connections.insert(number, connection);
                    }
                    Err(error) => step.closed.push((number, error)),
                }
            }
            Input::Message(number, message) => self.receive(number, &message, now, step)?,
            Input::Room(number) => {
                if let Some(connection) = self.connections.get_mut(&number) {
                    connection.has_room = true;
                }
            }
            Input::Disconnect(number) => drop(self.connections.remove(&number)),
            Input::Request(number, access, request) => match request {
                Request::Push(_) | Request::Commit(_) if !access.write => {
                    let rejection = Answer::Rejected(Rejection::NotAllowed(access.subject));
                    step.answers.push((number, rejection));
                }
                Request::Push(update) => {
                    let merged = survive(self.stored.doc().merge_update(&update))?;
                    if merged.is_ok() {
                        step.updates.push((access.subject, update));
                    }
                    step.answers.push((number, answer(merged.map(Answer::Merged))?));
                }
                Request::Commit(ops) => {
                    let committed = survive(commit(self.stored.doc(), ops))?;
                    let committed = committed.map(|(event, update)| {
                        step.updates.push((access.subject, update));
                        Answer::Committed(event)
                    });
                    step.answers.push((number, answer(committed)?));
                }
                reading => step.reads.push((number, reading)),
            },
        }
        Ok(())
    }

    fn open(&self, access: &Access) -> Result<Session, converge::Error> {
        // A client's saved document could have a forged horizon, which would displace events.
        let accept = Acceptance::NONE.events(access.write).entries(access.presence);
        let options = SessionOptions::new(self.stored.name())
            .max_message_bytes(self.max_message_bytes)
            .accept(accept)
            .writers(&access.writers);
        Session::open(self.stored.doc(), &self.store, &options)
    }

    fn receive(&mut self, number: ConnectionNumber, message: &[u8], now: f64, step: &mut Step) -> Result<(), Failure> {
        let Some(connection) = self.connections.get(&number) else { return Ok(()) };
        let receive = || -> Result<(Option<Vec<u8>>, converge::Received), converge::Error> {
            Ok((connection.session.update_of(message)?, connection.session.receive(message, now)?))
        };
        match survive(receive())? {
            Ok((update, received)) => {
                let (Some(update), Some(report)) = (update, received.durable) else { return Ok(()) };
                // What was known before need not be stored again.
                if report.applied > 0 || report.waiting != self.waiting {
                    step.updates.push((connection.subject.clone(), update));
                }
                self.waiting = report.waiting;
            }
            Err(error) => {
                self.connections.remove(&number);
                step.closed.push((number, error));
            }
        }
        Ok(())
    }

    /// Polls the sessions whose transports have room.
    fn poll(&mut self, now: f64, outputs: &mut Vec<Output>) -> Result<(), Failure> {
        let mut failed = Vec::new();
        for (&number, connection) in self.connections.iter_mut().filter(|(_, connection)| connection.has_room) {
            match survive(connection.session.poll(now))? {
                Ok(None) => {}
                Ok(Some(message)) => {
                    connection.has_room = false;
                    outputs.push(Output::Send(number, message));
                }
                Err(error) => {
                    failed.push(number);
                    outputs.push(Output::Close(number, error));
                }
            }
        }
        for number in failed {
            self.connections.remove(&number);
        }
        Ok(())
    }
}

/// Commits operations as the home peer. Returns the event, and the update that contains it.
fn commit(doc: &Doc, ops: Vec<RowOp>) -> Result<(EventId, Vec<u8>), converge::Error> {
    let before = doc.summary()?;
    let event = doc.commit(ops)?;
    Ok((event, doc.update_since(&before)?))
}

fn read(doc: &Doc, request: &Request) -> Result<Answer, converge::Error> {
    match request {
        Request::Pull(summary) => doc.update_since(summary).map(Answer::Bytes),
        _ => doc.save().map(Answer::Bytes),
    }
}

/// Fails if the engine stopped. Other errors are those of one client.
fn survive<T>(result: Result<T, converge::Error>) -> Result<Result<T, converge::Error>, Failure> {
    match result {
        Err(error) if error.ends_instance() => Err(Failure::Engine(error)),
        other => Ok(other),
    }
}

fn answer(result: Result<Answer, converge::Error>) -> Result<Answer, Failure> {
    Ok(survive(result)?.unwrap_or_else(|error| Answer::Rejected(Rejection::Engine(error))))
}
