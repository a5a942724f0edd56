//! One document with its connections: what arrived is merged, stored in one transaction, and then
//! sent on.
//!
//! A hub does no input or output except to the document's file. Its caller passes what arrived, and
//! carries out what [`Hub::step`] returns. Always holds: nothing that shows an event, to a client
//! or in an answer, is returned before the event is on disk. A session is polled only when its
//! transport has room, so there are no queues here.

mod mutations;
mod presence;
#[cfg(test)]
mod tests;
mod types;

pub use types::{Access, Answer, Call, Failure, Input, Output, Read, Rejection, Write, Writer};

use converge::{Acceptance, Doc, Error, EventId, RowOp, Session, SessionOptions, Store, StoreOptions};
use converge_frames::{Outcome, OutcomeState};
use converge_storage::{Mutation, StoredDoc, Update};
use mutations::Held;
use presence::Presence;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The number of a connection, which its caller chooses.
pub type ConnectionNumber = u64;
/// The number of a request, which its caller chooses.
pub type RequestNumber = u64;

/// The number of events that are read at once from an update.
const AUTHORS_PAGE: u32 = 10_000;
/// Separates a peer's name from that of a branch.
const BRANCH: char = '~';
/// The length of a document's tag in bytes.
const TAG_BYTES: usize = 16;

/// How a hub works.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HubOptions {
    /// The maximum size of a message in bytes.
    pub max_message_bytes: u32,
    /// How long the entries of a client stay after its connection closed, in milliseconds.
    pub presence_grace_ms: f64,
    /// The time between two messages to a client that contain entries alone, in milliseconds.
    pub presence_interval_ms: f64,
    /// The size of the document's file in bytes from which on updates are rejected.
    pub max_file_bytes: u64,
    /// How long a call of a mutator waits for the events before it, in milliseconds.
    pub mutation_wait_ms: f64,
    /// The tables to which only mutators write.
    pub only_mutations: Vec<String>,
    /// Whether clients that may write can also bring events that wrote to reserved tables, because
    /// the file was restored from a backup.
    pub recover: bool,
}

impl HubOptions {
    /// Sets the maximum size of a message in bytes.
    #[must_use]
    pub fn max_message_bytes(self, max_message_bytes: u32) -> Self {
        Self { max_message_bytes, ..self }
    }

    /// Sets how long the entries of a client stay after its connection closed, in milliseconds.
    #[must_use]
    pub fn presence_grace_ms(self, presence_grace_ms: f64) -> Self {
        Self { presence_grace_ms, ..self }
    }

    /// Sets the time between two messages to a client that contain entries alone, in milliseconds.
    #[must_use]
    pub fn presence_interval_ms(self, presence_interval_ms: f64) -> Self {
        Self { presence_interval_ms, ..self }
    }

    /// Sets the size of the document's file in bytes from which on updates are rejected.
    #[must_use]
    pub fn max_file_bytes(self, max_file_bytes: u64) -> Self {
        Self { max_file_bytes, ..self }
    }

    /// Sets how long a call of a mutator waits for the events before it, in milliseconds.
    #[must_use]
    pub fn mutation_wait_ms(self, mutation_wait_ms: f64) -> Self {
        Self { mutation_wait_ms, ..self }
    }

    /// Sets the tables to which only mutators write.
    #[must_use]
    pub fn only_mutations(self, tables: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { only_mutations: tables.into_iter().map(Into::into).collect(), ..self }
    }

    /// Sets whether clients that may write can also bring events that wrote to reserved tables.
    #[must_use]
    pub fn recover(self, recover: bool) -> Self {
        Self { recover, ..self }
    }
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            max_message_bytes: 64 << 10,
            presence_grace_ms: 5_000.0,
            presence_interval_ms: 50.0,
            max_file_bytes: u64::MAX,
            mutation_wait_ms: 10_000.0,
            only_mutations: Vec::new(),
            recover: false,
        }
    }
}

/// One document with its connections.
#[derive(Debug)]
pub struct Hub {
    stored: StoredDoc,
    store: Store,
    connections: BTreeMap<ConnectionNumber, Connection>,
    options: HubOptions,
    presence: Presence,
    held: Held,
    /// After how many milliseconds entries that wait can be sent, or a call has waited long enough.
    poll_after_ms: Option<f64>,
    /// The number of waiting events after the last merge.
    waiting: u32,
}

#[derive(Debug)]
struct Connection {
    session: Session,
    access: Access,
    /// Whether there is room for one message to the client.
    has_room: bool,
    /// Whether there can be more to send than entries.
    is_urgent: bool,
    /// When the last message was sent, in milliseconds.
    sent: f64,
}

/// An update that has to be stored.
struct Pending {
    writer: Writer,
    subject: String,
    bytes: Vec<u8>,
    /// The key of the request, and its event.
    request: Option<(String, EventId)>,
    /// The call of a mutator that committed it.
    mutation: Option<Mutation>,
}

/// What a step has to store, and to answer once it is stored.
#[derive(Default)]
struct Step<'a> {
    updates: Vec<Pending>,
    answers: Vec<(RequestNumber, Answer)>,
    /// What became of calls: the caller, the client and the number of each.
    outcomes: Vec<(Writer, String, u64, OutcomeState)>,
    /// Requests that read, which are carried out when everything is stored.
    reads: Vec<(RequestNumber, &'a Read)>,
    closed: Vec<(ConnectionNumber, Rejection)>,
    /// The size of the file in bytes if it is too large for further updates.
    full: Option<u64>,
}

impl Hub {
    /// Creates the hub of a document.
    ///
    /// # Errors
    ///
    /// [`Failure::Engine`] if the engine stopped.
    pub fn new(stored: StoredDoc, options: HubOptions) -> Result<Self, Failure> {
        let peer = stored.doc().peer()?;
        let store = stored.doc().instance().store(&peer, StoreOptions::default())?;
        let waiting = stored.doc().merge_events([])?.waiting;
        let (connections, presence, held) = (BTreeMap::new(), Presence::default(), Held::default());
        Ok(Self { stored, store, connections, options, presence, held, poll_after_ms: None, waiting })
    }

    /// Returns the document.
    pub fn stored(&self) -> &StoredDoc {
        &self.stored
    }

    /// Returns the document, without its connections.
    pub fn into_stored(self) -> StoredDoc {
        self.stored
    }

    /// Returns the calls that wait for events, and forgets them.
    pub fn take_calls(&mut self) -> impl Iterator<Item = Call> {
        self.held.take()
    }

    /// Returns the number of connections.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Returns after how many milliseconds the next step is due even if nothing arrives, so that
    /// entries are sent and calls are answered. `None` if nothing waits.
    pub fn poll_after_ms(&self) -> Option<f64> {
        self.poll_after_ms
    }

    /// Merges what arrived, stores it in one transaction, and adds to `outputs` what to send then.
    /// `now` is the time in milliseconds, as [`converge::now`] returns it. Costs the size of what
    /// arrived, one synchronization of the disk if events arrived, and a call for each connection
    /// with room.
    ///
    /// # Errors
    ///
    /// [`Failure::Storage`] if the file cannot be written; [`Failure::Engine`] if the engine
    /// stopped. If that happens after the transaction, the outputs so far are valid: carry them
    /// out.
    pub fn step(&mut self, inputs: &[Input], now: f64, outputs: &mut Vec<Output>) -> Result<(), Failure> {
        let mut step = Step { full: self.full()?, ..Step::default() };
        for input in inputs {
            self.take(input, now, &mut step)?;
        }
        self.take_held(now, &mut step)?;
        let snapshot_failed = match &step.updates[..] {
            [] => None,
            updates => {
                let failed = self.store(updates, outputs)?;
                self.connections.values_mut().for_each(|connection| connection.is_urgent = true);
                failed
            }
        };
        // From here on, everything that the document contains is on disk.
        let sequence = self.stored.sequence();
        outputs.extend(step.answers.into_iter().map(|(number, answer)| Output::Answer(number, answer, sequence)));
        outputs.extend(step.outcomes.into_iter().map(|(caller, client, number, state)| match caller {
            Writer::Connection(to) => Output::Outcome(to, Outcome { client, number, state }),
            Writer::Request(to) => Output::Answer(to, Answer::Called(state), sequence),
        }));
        if let Some(source) = snapshot_failed {
            return Err(Failure::Storage { source, writers: Vec::new() });
        }
        for (number, reading) in step.reads {
            outputs.push(Output::Answer(number, answer(read(&self.stored, reading))?, sequence));
        }
        outputs.extend(step.closed.into_iter().map(|(number, rejection)| Output::Close(number, rejection)));
        self.store.expire(now)?;
        self.presence.remove(&self.store, self.options.presence_grace_ms, now)?;
        self.poll(now, outputs)
    }

    /// Stores updates in one transaction, and adds the changes of the rows to the outputs. Returns
    /// why a snapshot could not be written, if one was due.
    fn store(
        &mut self,
        pending: &[Pending],
        outputs: &mut Vec<Output>,
    ) -> Result<Option<converge_storage::Error>, Failure> {
        let updates: Vec<Update<'_>> = pending
            .iter()
            .map(|Pending { subject, bytes, request, mutation, .. }| {
                let update = Update::new(subject, bytes);
                let update = request.iter().fold(update, |update, (key, event)| update.request(key, event));
                mutation.iter().fold(update, Update::mutation)
            })
            .collect();
        match self.stored.store(&updates) {
            Ok(stored) => {
                if !stored.changes.is_empty() {
                    outputs.push(Output::Changed(stored.sequence, stored.changes));
                }
                Ok(stored.snapshot_failed)
            }
            Err(converge_storage::Error::Engine(error)) if error.ends_instance() => Err(error.into()),
            Err(source) => {
                Err(Failure::Storage { source, writers: pending.iter().map(|update| update.writer).collect() })
            }
        }
    }

    fn take<'a>(&mut self, input: &'a Input, now: f64, step: &mut Step<'a>) -> Result<(), Failure> {
        match input {
            Input::Connect(number, access) => match survive(self.open(access))? {
                Ok(session) => {
                    let (access, sent) = (access.clone(), f64::NEG_INFINITY);
                    let connection = Connection { session, access, has_room: true, is_urgent: true, sent };
                    self.connections.insert(*number, connection);
                }
                Err(error) => step.closed.push((*number, error.into())),
            },
            Input::Message(number, message) => self.receive(*number, message, now, step)?,
            Input::Room(number) => {
                if let Some(connection) = self.connections.get_mut(number) {
                    connection.has_room = true;
                }
            }
            Input::Disconnect(number) => {
                self.connections.remove(number);
                self.held.forget(Writer::Connection(*number));
                self.presence.closed(*number, now);
            }
            Input::Call(call) => self.take_call(call, now, step)?,
            Input::Read(number, read) => step.reads.push((*number, read)),
            Input::Write(number, access, write) => {
                let answer = answer(self.write(*number, access, write, step))?;
                step.answers.push((*number, answer));
            }
        }
        Ok(())
    }

    /// Returns the size of the file in bytes if it is too large for further updates.
    fn full(&self) -> Result<Option<u64>, Failure> {
        let bytes = self.stored.file_bytes().map_err(|source| Failure::Storage { source, writers: Vec::new() })?;
        Ok((bytes >= self.options.max_file_bytes).then_some(bytes))
    }

    fn open(&self, access: &Access) -> Result<Session, Error> {
        // A client's saved document could have a forged horizon, which would displace events.
        let accept = Acceptance::NONE.events(access.write).entries(access.presence);
        let options = SessionOptions::new(self.stored.name())
            .max_message_bytes(self.options.max_message_bytes)
            .accept(accept)
            .writers(&access.writers);
        Session::open(self.stored.doc(), &self.store, &options)
    }

    fn receive(
        &mut self,
        number: ConnectionNumber,
        message: &[u8],
        now: f64,
        step: &mut Step<'_>,
    ) -> Result<(), Failure> {
        let Some(connection) = self.connections.get_mut(&number) else { return Ok(()) };
        let (full, max) = (step.full, self.options.max_file_bytes);
        let (doc, options) = (self.stored.doc(), &self.options);
        let receive = || -> Result<(Option<Vec<u8>>, converge::Received), Rejection> {
            let update = connection.session.update_of(message)?;
            if let Some(update) = &update {
                if let Some(bytes) = full {
                    return Err(Rejection::Full { bytes, max });
                }
                let tables = doc.instance().inspect(update)?.tables;
                check_tables(tables.iter().map(|table| &*table.name), &connection.access, options)?;
            }
            Ok((update, connection.session.receive(message, now)?))
        };
        match receive() {
            Err(Rejection::Engine(error)) if error.ends_instance() => return Err(Failure::Engine(error)),
            Ok((update, received)) => {
                connection.is_urgent |= received.ephemeral.is_empty();
                self.presence.arrived(number, &received.ephemeral);
                let (Some(bytes), Some(report)) = (update, received.durable) else { return Ok(()) };
                // What was known before need not be stored again.
                if report.applied > 0 || report.waiting != self.waiting {
                    let (writer, subject) = (Writer::Connection(number), connection.access.subject.clone());
                    step.updates.push(Pending { writer, subject, bytes, request: None, mutation: None });
                }
                self.waiting = report.waiting;
            }
            Err(rejection) => {
                self.connections.remove(&number);
                self.presence.closed(number, now);
                step.closed.push((number, rejection));
            }
        }
        Ok(())
    }

    /// Carries out a request that writes.
    fn write(
        &mut self,
        number: RequestNumber,
        access: &Access,
        write: &Write,
        step: &mut Step<'_>,
    ) -> Result<Answer, Stop> {
        let Access { subject, write: may_write, writers, .. } = access;
        if !may_write {
            return Err(Stop::Rejected(Rejection::NotAllowed(subject.clone())));
        }
        if let Some(bytes) = step.full {
            return Err(Stop::Rejected(Rejection::Full { bytes, max: self.options.max_file_bytes }));
        }
        let doc = self.stored.doc();
        let pending = |bytes, request| {
            let (writer, subject) = (Writer::Request(number), subject.clone());
            Pending { writer, subject, bytes, request, mutation: None }
        };
        match write {
            Write::Push(update) => {
                check_authors(doc, update, subject, writers)?;
                let tables = doc.instance().inspect(update)?.tables;
                check_tables(tables.iter().map(|table| &*table.name), access, &self.options)?;
                let report = doc.merge_update(update)?;
                if report.applied > 0 || report.waiting != self.waiting {
                    step.updates.push(pending(update.clone(), None));
                }
                self.waiting = report.waiting;
                Ok(Answer::Merged(report))
            }
            Write::Commit { ops, key } => {
                if let Some(event) = key.as_ref().map(|key| self.committed(subject, key, step)).transpose()?.flatten() {
                    return Ok(Answer::Committed(event));
                }
                check_tables(ops.iter().map(RowOp::table), access, &self.options)?;
                let before = doc.summary()?;
                let event = doc.commit(ops.iter().cloned())?;
                let request = key.clone().map(|key| (key, event.clone()));
                step.updates.push(pending(doc.update_since(&before)?, request));
                Ok(Answer::Committed(event))
            }
        }
    }

    /// Returns the event that a subject committed with a key, in this step or before.
    fn committed(&self, subject: &str, key: &str, step: &Step<'_>) -> Result<Option<EventId>, Stop> {
        let of_step = step.updates.iter().filter(|update| update.subject == subject).find_map(|update| {
            let (known, event) = update.request.as_ref()?;
            (known == key).then(|| event.clone())
        });
        match of_step {
            Some(event) => Ok(Some(event)),
            None => Ok(self.stored.committed(subject, key)?),
        }
    }

    /// Polls the sessions whose transports have room. A session that has only entries to send sends
    /// them together from time to time: with many clients that move a cursor, a message for each
    /// entry would be most of the work.
    fn poll(&mut self, now: f64, outputs: &mut Vec<Output>) -> Result<(), Failure> {
        let mut failed = Vec::new();
        self.poll_after_ms = self.held.until().map(|until| (until - now).max(0.0));
        for (&number, connection) in self.connections.iter_mut().filter(|(_, connection)| connection.has_room) {
            let wait = connection.sent + self.options.presence_interval_ms - now;
            // The clock can jump backwards.
            if !connection.is_urgent && wait > 0.0 && wait <= self.options.presence_interval_ms {
                self.poll_after_ms = Some(self.poll_after_ms.map_or(wait, |other| other.min(wait)));
                continue;
            }
            match survive(connection.session.poll(now))? {
                Ok(None) => connection.is_urgent = false,
                Ok(Some(message)) => {
                    (connection.has_room, connection.sent) = (false, now);
                    outputs.push(Output::Send(number, message));
                }
                Err(error) => {
                    failed.push(number);
                    outputs.push(Output::Close(number, error.into()));
                }
            }
        }
        for number in failed {
            self.connections.remove(&number);
            self.presence.closed(number, now);
        }
        Ok(())
    }
}

/// Why a request that writes, or a call, has no answer.
enum Stop {
    Rejected(Rejection),
    Failed(Failure),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        if error.ends_instance() { Self::Failed(error.into()) } else { Self::Rejected(Rejection::Engine(error)) }
    }
}

impl From<Rejection> for Stop {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<converge_storage::Error> for Stop {
    fn from(source: converge_storage::Error) -> Self {
        Self::Failed(Failure::Storage { source, writers: Vec::new() })
    }
}

/// Fails if an update contains an event of an author that is none of `writers`, unless that list is
/// empty. A branch counts as its peer.
fn check_authors(doc: &Doc, update: &[u8], subject: &str, writers: &[String]) -> Result<(), Stop> {
    if writers.is_empty() {
        return Ok(());
    }
    let mut reader = doc.instance().read_update(update)?;
    loop {
        let batch = reader.next(AUTHORS_PAGE)?;
        for run in &batch.runs {
            let author = run.peer.split_once(BRANCH).map_or(&*run.peer, |(peer, _)| peer);
            if !is_writer(writers, author) {
                let (subject, author) = (subject.to_owned(), author.to_owned());
                return Err(Stop::Rejected(Rejection::Author { subject, author }));
            }
        }
        if !batch.more {
            return Ok(());
        }
    }
}

/// Returns whether a list names a peer.
fn is_writer(writers: &[String], peer: &str) -> bool {
    writers.iter().any(|writer| match writer.strip_suffix('*') {
        Some(prefix) => peer.starts_with(prefix),
        None => peer == writer,
    })
}

/// Fails if the access does not include operations on one of these tables.
fn check_tables<'a>(
    tables: impl Iterator<Item = &'a str>,
    access: &Access,
    options: &HubOptions,
) -> Result<(), Rejection> {
    let may_restore = access.admin || (options.recover && access.write);
    for table in tables {
        if table.starts_with(mutations::RESERVED) && !may_restore {
            return Err(Rejection::Table { subject: access.subject.clone(), table: table.to_owned() });
        }
        if options.only_mutations.iter().any(|only| only == table) && !options.recover {
            return Err(Rejection::OnlyMutations(table.to_owned()));
        }
    }
    Ok(())
}

fn read(stored: &StoredDoc, read: &Read) -> Result<Answer, Stop> {
    let doc = stored.doc();
    Ok(match read {
        Read::Save { unless } => {
            let tag = tag(&doc.summary()?);
            if unless.as_ref() == Some(&tag) { Answer::Unchanged(tag) } else { Answer::Saved(tag, doc.save()?) }
        }
        Read::Pull(summary) if summary.is_empty() => {
            Answer::Update(doc.update_since(&doc.instance().summary_of(&[])?)?)
        }
        Read::Pull(summary) => Answer::Update(doc.update_since(summary)?),
        Read::Tables => Answer::Tables(doc.tables()?),
        Read::Scan(table, options) => Answer::Page(doc.scan(table, options)?),
        Read::Get(table, row) => Answer::Row(doc.get(table, row)?),
        Read::Outcomes { client, after, limit, subject } => {
            let (bound, outcomes) = (stored.subject_of(client)?, stored.outcomes(client, *after, *limit)?);
            let may_see = subject.is_none() || bound.is_none() || bound == *subject;
            let is_known = bound.is_some() || !outcomes.is_empty();
            Answer::Outcomes((may_see && is_known).then_some(outcomes))
        }
    })
}

/// Returns the tag of the document with this summary.
fn tag(summary: &[u8]) -> String {
    Sha256::digest(summary).iter().take(TAG_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// Fails if the engine stopped. Other errors are those of one client.
fn survive<T>(result: Result<T, Error>) -> Result<Result<T, Error>, Failure> {
    match result {
        Err(error) if error.ends_instance() => Err(Failure::Engine(error)),
        other => Ok(other),
    }
}

/// Returns the answer to a request. Fails if the hub cannot continue.
fn answer(result: Result<Answer, Stop>) -> Result<Answer, Failure> {
    match result {
        Ok(answer) => Ok(answer),
        Err(Stop::Rejected(rejection)) => Ok(Answer::Rejected(rejection)),
        Err(Stop::Failed(failure)) => Err(failure),
    }
}
