//! The ways in which two replicas exchange events: updates, pages of events, saved documents, and
//! sessions.

use crate::oracle::Set;
use crate::seeds::{Checked, Random, ensure, same};
use crate::world::{New, Replica, World};
use converge_engine::{Acceptance, Doc, Error, EventRun, MergeReport, Received, Session, SessionOptions, UpdateReader};
use std::collections::VecDeque;

/// The time of the clock in every session.
pub(crate) const NOW: f64 = 1_000.0;

/// The maximum number of messages in a small history.
const MAX_MESSAGES: usize = 5_000;

/// A way in which one replica sends another one its missing events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Update,
    /// Pages with a limit of events for each page.
    Events(u32),
    Whole,
    /// In both directions, with a maximum size of each message.
    Session(u32),
}

/// The result of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// Rejected with `compacted`, or ended without being in sync.
    Compacted,
}

pub(crate) fn options(max_message_bytes: u32, nonce: u64) -> SessionOptions {
    SessionOptions {
        document: "doc".to_owned(),
        max_message_bytes,
        namespaces: Vec::new(),
        read_only: false,
        nonce,
        accept: Acceptance::ALL,
        writers: Vec::new(),
    }
}

impl World {
    /// Sends the events that `from` holds to `to`, once.
    pub(crate) fn bring(&mut self, from: usize, to: usize, way: Way) -> Checked<Outcome> {
        self.log.push(format!("{from} sends {to} its events by {way:?}"));
        match way {
            Way::Update => {
                let summary = self.doc(to).summary();
                match self.doc(from).update_since(&summary) {
                    Ok(update) => self.merge_update(to, &update),
                    Err(error) => compacted("update_since", error),
                }
            }
            Way::Whole => {
                let saved = self.doc(from).save();
                self.merge_update(to, &saved)
            }
            Way::Events(limit) => self.bring_pages(from, to, limit),
            Way::Session(bytes) => {
                let in_sync = self.session([from, to], bytes, usize::MAX)?;
                Ok(if in_sync { Outcome::Done } else { Outcome::Compacted })
            }
        }
    }

    pub(crate) fn merge_update(&mut self, to: usize, update: &[u8]) -> Checked<Outcome> {
        self.merge(to, |doc| doc.merge_update(update))
    }

    pub(crate) fn merge_events(&mut self, to: usize, runs: &[EventRun]) -> Checked<Outcome> {
        self.merge(to, |doc| doc.merge_events(runs.to_vec()))
    }

    /// Merges, checks the report, and checks that a rejected merge changed nothing.
    fn merge(&mut self, to: usize, call: impl Fn(&mut Doc) -> Result<MergeReport, Error>) -> Checked<Outcome> {
        let (before, saved) = (self.see(to, New::None)?, self.doc(to).save());
        match call(&mut self.replicas[to].doc) {
            Ok(report) => {
                self.doc(to).dbg_check();
                self.check_merge(to, &before, &report)?;
                Ok(Outcome::Done)
            }
            Err(error) => {
                ensure!(self.doc(to).save() == saved, "{to} changed, although it rejected the merge: {error}");
                compacted("merge", error)
            }
        }
    }

    /// Asks for pages of events until there are no more. If a page contains nothing new, it is
    /// asked for again with a larger limit. While the two replicas do not know each other's forks,
    /// a page may contain only known events.
    fn bring_pages(&mut self, from: usize, to: usize, limit: u32) -> Checked<Outcome> {
        let mut limit = limit;
        loop {
            let known = self.see(to, New::None)?.known.len();
            let summary = self.doc(to).summary();
            let batch = match self.doc(from).events_since(&summary, limit) {
                Ok(batch) => batch,
                Err(error) => return compacted("events_since", error),
            };
            let given: usize = batch.runs.iter().map(|run| run.commits.len()).sum();
            ensure!(given <= limit as usize, "{given} events in a page of {limit}");
            if self.merge_events(to, &batch.runs)? == Outcome::Compacted {
                return Ok(Outcome::Compacted);
            }
            if !batch.more {
                return Ok(Outcome::Done);
            }
            if self.see(to, New::None)?.known.len() == known {
                limit = limit.saturating_mul(2);
            }
        }
    }

    /// Merges some of the runs of an update, in any order, some of them twice.
    pub(crate) fn bring_part(&mut self, from: usize, to: usize, random: &mut Random) -> Checked<Outcome> {
        let summary = self.doc(to).summary();
        let update = match self.doc(from).update_since(&summary) {
            Ok(update) => update,
            Err(error) => return compacted("update_since", error),
        };
        let mut reader = UpdateReader::open(&update).map_err(|error| format!("an update's reader: {error}"))?;
        let mut runs = Vec::new();
        loop {
            let batch = reader.next(1 + random.below(4) as u32);
            runs.extend(batch.runs);
            if !batch.more {
                break;
            }
        }
        let mut part = random.sample(&runs, 3, 5);
        part.extend(random.sample(&runs, 1, 6));
        random.shuffle(&mut part);
        self.log.push(format!("{from} brings {to} {} runs of {}", part.len(), runs.len()));
        let calls = 1 + random.below(part.len() + 1);
        for call in part.chunks(calls) {
            let named = call
                .iter()
                .map(|run| format!("{} {}..{}", run.peer, run.start, run.start as usize + run.commits.len()));
            self.log.push(format!("  of them {}", named.collect::<Vec<_>>().join(", ")));
            if self.merge_events(to, call)? == Outcome::Compacted {
                return Ok(Outcome::Compacted);
            }
        }
        Ok(Outcome::Done)
    }

    /// Runs a session until both sides are quiet, or until `max_messages` messages have arrived.
    /// Returns whether both sides report that they are in sync; if so, they must hold the same
    /// events.
    pub(crate) fn session(&mut self, ends: [usize; 2], bytes: u32, max_messages: usize) -> Checked<bool> {
        let nonces = [self.nonce(), self.nonce()];
        let open = [options(bytes, nonces[0]), options(bytes, nonces[1])];
        self.session_with(ends, open, max_messages)
    }

    pub(crate) fn session_with(
        &mut self,
        ends: [usize; 2],
        options: [SessionOptions; 2],
        max_messages: usize,
    ) -> Checked<bool> {
        let mut talk = Talk::open(self, ends, options)?;
        let outcome = talk.run(self, max_messages)?;
        let in_sync = outcome == Outcome::Done && talk.in_sync(self);
        self.log.push(format!("{ends:?} talk: {} messages, {outcome:?}, in sync: {in_sync}", talk.carried));
        if !in_sync {
            return Ok(false);
        }
        let [one, other] = ends.map(|at| self.see(at, New::None));
        same("the events of two sides in sync", &one?.known, &other?.known)?;
        Ok(true)
    }

    /// Continues `at` from the saved document of `from`.
    pub(crate) fn rebase(&mut self, at: usize, from: usize) -> Checked<Outcome> {
        let saved = self.doc(from).save();
        let writes = self.writes(at)?;
        match self.doc_mut(at).rebase(&saved) {
            Ok(_) => {
                self.log.push(format!("{at} rebases onto {from}"));
                self.after_rebase(at, &writes)?;
                Ok(Outcome::Done)
            }
            Err(error) => compacted("rebase", error),
        }
    }

    /// Returns the events of a replica's author that are here above the horizon, and all events
    /// that were committed so far.
    fn writes(&mut self, at: usize) -> Checked<Writes> {
        let seen = self.see(at, New::None)?;
        let name = &self.replicas[at].name;
        let above = seen.known.difference(&seen.below).copied();
        let own = above.filter(|print| self.events[*print].author == *name).collect();
        Ok(Writes { own, committed: self.events.iter().map(|(print, _)| print).collect() })
    }

    /// Adds the events that a replica committed again, and checks that each of them has the
    /// operations of a replaced one.
    fn after_rebase(&mut self, at: usize, writes: &Writes) -> Checked {
        let seen = self.see(at, New::Own)?;
        let mut gone: Set = writes.own.difference(&seen.known).copied().collect();
        for (print, event) in self.events.iter().filter(|(print, _)| !writes.committed.contains(print)) {
            let original = gone.iter().copied().find(|original| self.events[*original].ops == event.ops);
            let Some(original) = original else {
                return Err(format!(
                    "{at} committed {print:016x} in a rebase, but had not written it before: {event:?}"
                ));
            };
            gone.remove(&original);
        }
        self.replicas[at].own = None;
        Ok(())
    }
}

/// The events before a rebase.
struct Writes {
    own: Set,
    committed: Set,
}

/// Returns the outcome. `compacted` is an outcome; any other error is a failure.
fn compacted(what: &str, error: Error) -> Checked<Outcome> {
    match error {
        Error::Compacted(_) => Ok(Outcome::Compacted),
        error => Err(format!("{what}: {error}")),
    }
}

/// Two sessions that exchange messages, and the messages on their way to each side.
pub(crate) struct Talk {
    pub(crate) ends: [usize; 2],
    pub(crate) sessions: [Session; 2],
    pub(crate) inboxes: [VecDeque<Vec<u8>>; 2],
    pub(crate) carried: usize,
    /// The number of bytes of all messages so far.
    pub(crate) bytes: usize,
    /// The number of received events that were already known.
    pub(crate) duplicate: u32,
    /// Whether every step is compared with the rule, which takes long for long histories.
    pub(crate) is_checked: bool,
}

/// The first byte of the last part of a document.
const DOCUMENT: u8 = 4;

impl Talk {
    pub(crate) fn open(world: &mut World, ends: [usize; 2], options: [SessionOptions; 2]) -> Checked<Self> {
        let [first, second] = options;
        let first = open(&mut world.replicas[ends[0]], first)?;
        let second = open(&mut world.replicas[ends[1]], second)?;
        let inboxes = [VecDeque::new(), VecDeque::new()];
        Ok(Self { ends, sessions: [first, second], inboxes, carried: 0, bytes: 0, duplicate: 0, is_checked: true })
    }

    /// Opens a new session on one side. Messages on their way stay there.
    pub(crate) fn reopen(&mut self, world: &mut World, end: usize, options: SessionOptions) -> Checked {
        self.sessions[end] = open(&mut world.replicas[self.ends[end]], options)?;
        Ok(())
    }

    /// Sends a message of one side, if it has one.
    pub(crate) fn poll(&mut self, world: &mut World, end: usize) -> Result<bool, Error> {
        let Replica { doc, store, .. } = &mut world.replicas[self.ends[end]];
        let Some(message) = self.sessions[end].poll(doc, store, NOW)? else { return Ok(false) };
        self.bytes += message.len();
        self.inboxes[1 - end].push_back(message);
        Ok(true)
    }

    /// Delivers the next message to one side, if there is one.
    pub(crate) fn deliver(&mut self, world: &mut World, end: usize) -> Checked<Result<bool, Error>> {
        let Some(message) = self.inboxes[end].pop_front() else { return Ok(Ok(false)) };
        self.carried += 1;
        let received = if self.is_checked {
            self.receive_checked(world, end, &message)?
        } else {
            self.receive(world, end, &message)
        };
        Ok(received.map(|received| {
            self.duplicate += received.durable.map_or(0, |report| report.duplicate);
            true
        }))
    }

    pub(crate) fn receive(&mut self, world: &mut World, end: usize, message: &[u8]) -> Result<Received, Error> {
        let Replica { doc, store, .. } = &mut world.replicas[self.ends[end]];
        self.sessions[end].receive(doc, store, message, NOW)
    }

    fn receive_checked(&mut self, world: &mut World, end: usize, message: &[u8]) -> Checked<Result<Received, Error>> {
        let at = self.ends[end];
        let (before, saved) = (world.see(at, New::None)?, world.doc(at).save());
        let writes = world.writes(at)?;
        let received = self.receive(world, end, message);
        match &received {
            Ok(received) => {
                world.doc(at).dbg_check();
                world.see(at, New::Own)?;
                if message.first() == Some(&DOCUMENT) {
                    world.after_rebase(at, &writes)?;
                } else {
                    world.check_merge(at, &before, &received.durable.clone().unwrap_or_default())?;
                }
            }
            Err(error) => {
                ensure!(world.doc(at).save() == saved, "{at} changed, although it rejected the message: {error}");
            }
        }
        Ok(received)
    }

    /// Carries messages until both sides are quiet, or until `max_messages` messages have arrived.
    pub(crate) fn run(&mut self, world: &mut World, max_messages: usize) -> Checked<Outcome> {
        loop {
            let mut is_quiet = true;
            for end in [0, 1] {
                match self.poll(world, end) {
                    Ok(polled) => is_quiet &= !polled,
                    Err(error) => return compacted("poll", error),
                }
                match self.deliver(world, 1 - end)? {
                    Ok(delivered) => is_quiet &= !delivered,
                    Err(error) => return compacted("receive", error),
                }
                if self.carried >= max_messages {
                    return Ok(Outcome::Done);
                }
            }
            ensure!(self.carried <= MAX_MESSAGES, "not quiet after {} messages", self.carried);
            if is_quiet {
                return Ok(Outcome::Done);
            }
        }
    }

    pub(crate) fn in_sync(&self, world: &World) -> bool {
        let in_sync = |end: usize| self.sessions[end].progress(world.doc(self.ends[end])).in_sync;
        in_sync(0) && in_sync(1)
    }

    /// Returns the progress of both sides, for messages of tests.
    pub(crate) fn progress(&self, world: &World) -> String {
        let of = |end: usize| {
            let doc = world.doc(self.ends[end]);
            format!("{:?} of {:?}", self.sessions[end].progress(doc), doc.version())
        };
        [of(0), of(1)].join("; ")
    }
}

fn open(replica: &mut Replica, options: SessionOptions) -> Checked<Session> {
    Session::open(&replica.doc, &mut replica.store, options).map_err(|error| format!("open: {error}"))
}
