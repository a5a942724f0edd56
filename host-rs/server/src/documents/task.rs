//! The task of an open document: groups what arrives, lets the hub merge and store it, and passes
//! on what the hub returns.

use super::changes::Changes;
use super::{Documents, Following, State};
use crate::hub::{Access, Answer, Call, Failure, Hub, HubOptions, Input, Output, Read, Write, Writer};
use crate::refusal::{Reason, Refusal};
use converge::{Error, Instance, InstanceOptions};
use converge_frames::{Frame, Mutate};
use converge_storage::Presence;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// The number of commands that are merged and stored together.
const GROUP: usize = 512;
/// The number of calls of mutators that are run and stored together. What arrives with a call waits
/// until it has run, so these are fewer.
const CALLS: usize = 64;
/// How many groups have a single command after the engine stopped, so that the command that stops
/// it is found.
const CAREFUL_GROUPS: u32 = 100;
/// How often a document is started again without a success in between.
const STARTS: u32 = 3;
/// The size of a write-ahead log in bytes from which on a warning is logged. SQLite empties the log
/// at 4 MiB, unless another program reads the file all the time.
const WAL_WARNING: u64 = 64 << 20;
/// How often expired entries are removed.
pub(super) const MIN_TICK: Duration = Duration::from_millis(20);
pub(super) const MAX_TICK: Duration = Duration::from_secs(5);

/// What a request gets: the answer, and the number of the last update that it contains.
pub(crate) type Reply = Result<(Answer, u64), Refusal>;

/// What the users of a document pass to its task.
#[derive(Debug)]
pub(crate) enum Command {
    /// A client connected. The reply is the incarnation.
    Connect(u64, Access, mpsc::Sender<Outgoing>, oneshot::Sender<Result<String, Refusal>>),
    /// A message of a client's session arrived.
    Message(u64, Vec<u8>),
    /// A client called a mutator.
    Mutate(u64, Mutate),
    /// The last message was passed to the socket of a client.
    Room(u64),
    /// A client is gone.
    Disconnect(u64),
    /// A request that reads.
    Read(Read, oneshot::Sender<Reply>),
    /// A request that writes.
    Write(Access, Write, oneshot::Sender<Reply>),
    /// A request that calls a mutator.
    Call(Access, Mutate, oneshot::Sender<Reply>),
    /// Follows the changes after the update of this number.
    Follow(Option<u64>, oneshot::Sender<Following>),
    /// Closes the connections of a subject, or all. The reply is their number.
    Expel(Option<String>, oneshot::Sender<usize>),
    /// Closes the document.
    Close(Refusal),
}

/// What the task passes to a connection.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Send this message, and say when there is room for another one.
    Message(Vec<u8>),
    /// Send this host frame, the outcome of a call.
    Outcome(Vec<u8>),
    /// Close the connection.
    Close(Refusal),
}

struct Member {
    access: Access,
    outbox: mpsc::Sender<Outgoing>,
}

pub(super) struct Task {
    documents: Arc<Documents>,
    name: String,
    state: Arc<State>,
    commands: mpsc::Receiver<Command>,
    members: HashMap<u64, Member>,
    replies: HashMap<u64, oneshot::Sender<Reply>>,
    next_request: u64,
    changes: Changes,
    /// How many groups will have a single command.
    careful: u32,
    /// How often the document was started since something succeeded.
    starts: u32,
}

impl Task {
    pub(super) fn new(
        documents: Arc<Documents>,
        name: String,
        state: Arc<State>,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        let (members, replies, changes) = (HashMap::new(), HashMap::new(), Changes::new());
        Self { documents, name, state, commands, members, replies, next_request: 0, changes, careful: 0, starts: 0 }
    }

    /// Serves the document until it is closed, or cannot be continued.
    pub(super) async fn run(mut self, create: bool) {
        let refusal = match self.load(create, None).await {
            Ok(hub) => self.serve(hub).await,
            Err(refusal) => refusal,
        };
        self.end(&refusal);
    }

    /// Opens the document's file in an instance of its own. If there is a `former` hub, its file
    /// stays open, since a full disk has no space for opening it again.
    async fn load(&mut self, create: bool, former: Option<Hub>) -> Result<Hub, Refusal> {
        self.starts += 1;
        let name = self.name.clone();
        let _permit = self.documents.permits.acquire().await;
        let opened = self.documents.blocking(move |documents| open(documents, &name, create, former)).await?;
        let hub = opened.map_err(|failure| self.refusal_of(&failure))?;
        self.note_size(&hub);
        Ok(hub)
    }

    async fn serve(&mut self, mut hub: Hub) -> Refusal {
        let tick = self.documents.settings.presence_grace.clamp(MIN_TICK, MAX_TICK);
        let mut ticks = tokio::time::interval(tick);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut commands = Vec::with_capacity(GROUP);
        loop {
            let limit = if self.careful > 0 { 1 } else { GROUP };
            let poll_after = hub.poll_after_ms().map(|wait| Duration::from_secs_f64(wait / 1e3));
            tokio::select! {
                biased;
                count = self.commands.recv_many(&mut commands, limit) => if count == 0 {
                    return Refusal::new(Reason::Restart, "the document was closed");
                },
                () = tokio::time::sleep(poll_after.unwrap_or_default()), if poll_after.is_some() => {}
                _ = ticks.tick(), if !self.members.is_empty() => {}
            }
            self.careful = self.careful.saturating_sub(1);
            let (mut inputs, mut close) = (Vec::with_capacity(commands.len()), None);
            for command in commands.drain(..) {
                match command {
                    Command::Close(refusal) => close = Some(refusal),
                    other => self.take(other, &hub, &mut inputs),
                }
            }
            hub = match self.step(hub, inputs).await {
                Ok(hub) => hub,
                Err(refusal) => return refusal,
            };
            self.state.connections.store(self.members.len(), Ordering::Relaxed);
            self.note_size(&hub);
            if let Some(refusal) = close {
                // Closing the last connection of SQLite writes its log into the file.
                let _ = self.documents.blocking(move |_| drop(hub)).await;
                return refusal;
            }
        }
    }

    fn take(&mut self, command: Command, hub: &Hub, inputs: &mut Vec<Input>) {
        match command {
            Command::Connect(number, access, outbox, reply) => {
                let max = self.documents.settings.max_document_connections;
                if self.members.len() >= max {
                    let why = format!("the document has {max} connections, which is the maximum");
                    let _ = reply.send(Err(Refusal::new(Reason::TooMany, why)));
                } else if reply.send(Ok(hub.stored().incarnation().to_owned())).is_ok() {
                    inputs.push(Input::Connect(number, access.clone()));
                    self.members.insert(number, Member { access, outbox });
                }
            }
            Command::Message(number, message) => inputs.push(Input::Message(number, message)),
            Command::Mutate(number, mutate) => {
                if let Some(member) = self.members.get(&number) {
                    inputs.push(self.call(Writer::Connection(number), member.access.clone(), mutate));
                }
            }
            Command::Room(number) => inputs.push(Input::Room(number)),
            Command::Disconnect(number) => {
                self.members.remove(&number);
                inputs.push(Input::Disconnect(number));
            }
            Command::Read(read, reply) => inputs.push(Input::Read(self.expect(reply), read)),
            Command::Write(access, write, reply) => inputs.push(Input::Write(self.expect(reply), access, write)),
            Command::Call(access, mutate, reply) => {
                let number = self.expect(reply);
                inputs.push(self.call(Writer::Request(number), access, mutate));
            }
            Command::Follow(after, reply) => {
                let _ = reply.send(self.changes.follow(after, hub.stored().sequence()));
            }
            Command::Expel(subject, reply) => {
                let expelled =
                    |member: &Member| subject.as_ref().is_none_or(|subject| member.access.subject == *subject);
                let numbers: Vec<u64> =
                    self.members.iter().filter(|(_, member)| expelled(member)).map(|(&number, _)| number).collect();
                for &number in &numbers {
                    inputs.push(Input::Disconnect(number));
                    self.close_member(number, &Refusal::new(Reason::Refused, "an administrator closed the connection"));
                }
                let _ = reply.send(numbers.len());
            }
            Command::Close(_) => {}
        }
    }

    fn call(&self, caller: Writer, access: Access, mutate: Mutate) -> Input {
        let mutators = self.documents.mutators.of(&self.name);
        Input::Call(Call { caller, access, mutate, mutators, stopped: None })
    }

    fn expect(&mut self, reply: oneshot::Sender<Reply>) -> u64 {
        self.next_request += 1;
        self.replies.insert(self.next_request, reply);
        self.next_request
    }

    /// Lets the hub merge and store what arrived, and passes on what it returns. If it cannot
    /// continue, starts the document again.
    async fn step(&mut self, mut hub: Hub, inputs: Vec<Input>) -> Result<Hub, Refusal> {
        let mut groups = groups_of(inputs);
        while let Some(inputs) = groups.pop_front() {
            let started = Instant::now();
            let permit = self.documents.permits.acquire().await;
            let (former, inputs, outputs, result) = self
                .documents
                .blocking(move |_| {
                    let mut outputs = Vec::new();
                    let step = AssertUnwindSafe(|| hub.step(&inputs, converge::now(), &mut outputs));
                    // A panic leaves the hub in an unknown state, like a trap.
                    let result = catch_unwind(step).unwrap_or(Err(Failure::Engine(Error::Gone)));
                    (hub, inputs, outputs, result)
                })
                .await?;
            drop(permit);
            self.documents.metrics.stepped(&inputs, started.elapsed());
            // They are on disk, also if the hub failed afterwards.
            outputs.into_iter().for_each(|output| self.pass_on(output));
            hub = match result {
                Ok(()) => {
                    self.starts = 0;
                    former
                }
                Err(failure) => self.restart(former, &failure, inputs, &mut groups).await?,
            };
        }
        Ok(hub)
    }

    fn pass_on(&mut self, output: Output) {
        match output {
            Output::Send(number, message) => {
                if let Some(member) = self.members.get(&number) {
                    // It has room, or is gone.
                    let _ = member.outbox.try_send(Outgoing::Message(message));
                }
            }
            Output::Outcome(number, outcome) => {
                self.documents.metrics.called(&outcome.state);
                if let Some(member) = self.members.get(&number) {
                    // A connection has room for the outcomes of all its calls.
                    let _ = member.outbox.try_send(Outgoing::Outcome(Frame::Outcome(outcome).encode()));
                }
            }
            Output::Answer(number, Answer::Called(state), sequence) => {
                self.documents.metrics.called(&state);
                self.reply(number, Ok((Answer::Called(state), sequence)));
            }
            Output::Close(number, rejection) => self.close_member(number, &Refusal::of_rejection(&rejection)),
            Output::Answer(number, answer, sequence) => self.reply(number, Ok((answer, sequence))),
            Output::Changed(sequence, ops) => {
                self.documents.storage_succeeded();
                if let Some(webhooks) = &self.documents.webhooks {
                    webhooks.changed(&self.name, sequence);
                }
                self.changes.push(sequence, ops);
            }
        }
    }

    fn reply(&mut self, number: u64, reply: Reply) {
        if let Some(sender) = self.replies.remove(&number) {
            // Fails if nobody waits for the answer any more.
            let _ = sender.send(reply);
        }
    }

    fn close_member(&mut self, number: u64, refusal: &Refusal) {
        if let Some(member) = self.members.remove(&number) {
            let _ = member.outbox.try_send(Outgoing::Close(refusal.clone()));
        }
    }

    /// Starts the document again after a failure, with new sessions for all connections. Adds to
    /// `groups` what has to be done again: the requests without an answer, and the calls without an
    /// outcome.
    async fn restart(
        &mut self,
        mut former: Hub,
        failure: &Failure,
        mut inputs: Vec<Input>,
        groups: &mut VecDeque<Vec<Input>>,
    ) -> Result<Hub, Refusal> {
        let refusal = self.refusal_of(failure);
        match failure {
            Failure::Storage { writers, .. } => {
                for writer in writers {
                    match *writer {
                        Writer::Connection(number) => self.close_member(number, &refusal),
                        Writer::Request(number) => self.reply(number, Err(refusal.clone())),
                    }
                }
            }
            Failure::Engine(error) => {
                self.documents.metrics.restarted();
                let document = &*self.name;
                tracing::error!(document, %error, inputs = inputs.len(), "the engine stopped; starting the document again");
                if let [input] = &mut inputs[..] {
                    self.refuse(input, error);
                }
                self.careful = CAREFUL_GROUPS;
            }
        }
        if self.starts >= STARTS {
            return Err(refusal);
        }
        let held: Vec<Input> = former.take_calls().map(Input::Call).collect();
        let hub = self.load(false, Some(former)).await?;
        for input in held.into_iter().chain(inputs).rev() {
            // Messages belong to the former sessions. Their clients send again what was not acknowledged.
            let is_open = match &input {
                Input::Read(number, _) | Input::Write(number, ..) => self.replies.contains_key(number),
                Input::Call(call) => match &call.caller {
                    Writer::Connection(number) => self.members.contains_key(number),
                    Writer::Request(number) => self.replies.contains_key(number),
                },
                _ => false,
            };
            if is_open {
                groups.push_front(vec![input]);
            }
        }
        groups.push_front(
            self.members.iter().map(|(&number, member)| Input::Connect(number, member.access.clone())).collect(),
        );
        Ok(hub)
    }

    /// Refuses what made the engine stop when it was alone in its group. A call will be recorded as
    /// rejected.
    fn refuse(&mut self, input: &mut Input, error: &Error) {
        let refusal = Refusal::new(Reason::Refused, format!("this stopped the engine, and is not accepted: {error}"));
        match input {
            Input::Connect(number, _) | Input::Message(number, _) => {
                let subject = self.members.get(number).map(|member| &*member.access.subject);
                tracing::error!(
                    document = &*self.name,
                    connection = number,
                    subject,
                    "a connection stopped the engine"
                );
                self.close_member(*number, &refusal);
            }
            Input::Read(number, _) | Input::Write(number, ..) => self.reply(*number, Err(refusal)),
            Input::Call(call) => {
                let (document, mutator, subject) = (&*self.name, &*call.mutate.name, &*call.access.subject);
                tracing::error!(document, mutator, subject, "a call stopped the engine");
                call.stopped = Some(refusal.why);
            }
            Input::Room(_) | Input::Disconnect(_) => {}
        }
    }

    fn refusal_of(&self, failure: &Failure) -> Refusal {
        match failure {
            Failure::Storage { source, .. } => self.documents.storage_failed(source),
            Failure::Engine(_) => {
                Refusal::new(Reason::Unavailable, "the document cannot be served now; the server's log says why")
            }
        }
    }

    fn note_size(&self, hub: &Hub) {
        let (stored, state) = (hub.stored(), &self.state);
        state.memory_bytes.store(stored.doc().instance().memory_bytes(), Ordering::Relaxed);
        let wal_bytes = stored.wal_bytes();
        let former = state.wal_bytes.swap(wal_bytes, Ordering::Relaxed);
        if former < WAL_WARNING && wal_bytes >= WAL_WARNING {
            let document = &*self.name;
            tracing::warn!(
                document,
                wal_bytes,
                "the write-ahead log is long; a program may keep a read transaction open"
            );
        }
    }

    /// Closes all connections, and refuses all requests.
    fn end(mut self, refusal: &Refusal) {
        self.commands.close();
        for number in self.members.keys().copied().collect::<Vec<_>>() {
            self.close_member(number, refusal);
        }
        for number in self.replies.keys().copied().collect::<Vec<_>>() {
            self.reply(number, Err(refusal.clone()));
        }
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Connect(.., reply) => drop(reply.send(Err(refusal.clone()))),
                Command::Read(_, reply) | Command::Write(.., reply) | Command::Call(.., reply) => {
                    drop(reply.send(Err(refusal.clone())));
                }
                _ => {}
            }
        }
        self.state.connections.store(0, Ordering::Relaxed);
    }
}

/// Splits what arrived into groups that are stored together.
fn groups_of(inputs: Vec<Input>) -> VecDeque<Vec<Input>> {
    let (mut groups, mut calls) = (VecDeque::from([Vec::new()]), 0);
    for input in inputs {
        calls += usize::from(matches!(input, Input::Call(_)));
        if calls > CALLS {
            groups.push_back(Vec::new());
            calls = 1;
        }
        if let Some(group) = groups.back_mut() {
            group.push(input);
        }
    }
    groups
}

fn open(documents: &Documents, name: &str, create: bool, former: Option<Hub>) -> Result<Hub, Failure> {
    let settings = &documents.settings;
    let limits = InstanceOptions::default().memory_bytes(settings.max_document_bytes).call_time(settings.call_timeout);
    let instance = Instance::new(limits)?;
    let options = converge_storage::Options::default().sync(settings.sync);
    let is_missing = || documents.directory.presence(name).is_ok_and(|presence| presence == Presence::Missing);
    let stored = match former {
        Some(hub) => hub.into_stored().reload(&instance),
        None if create && is_missing() => documents.directory.create(name, &instance, &options),
        None => documents.directory.load(name, &instance, &options),
    };
    let stored = stored.map_err(|source| match source {
        converge_storage::Error::Engine(error) => Failure::Engine(error),
        source => Failure::Storage { source, writers: Vec::new() },
    });
    let options = HubOptions::default()
        .max_message_bytes(u32::try_from(settings.max_message_bytes).unwrap_or(u32::MAX))
        .presence_grace_ms(settings.presence_grace.as_secs_f64() * 1e3)
        .presence_interval_ms(settings.presence_interval.as_secs_f64() * 1e3)
        .max_file_bytes(settings.max_file_bytes as u64)
        .mutation_wait_ms(settings.mutation_wait.as_secs_f64() * 1e3)
        .only_mutations(&settings.only_mutations)
        .recover(settings.recover);
    Hub::new(stored?, options)
}
