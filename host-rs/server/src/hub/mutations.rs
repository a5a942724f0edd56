//! Calls of mutators: their numbers, when they run, and what is recorded of them.
//!
//! A call and the row that records it in the table `converge.mutations` are one event of the home
//! peer. So a replica that has the effect also has the number that is used up, and a number is
//! used up exactly if its event is on disk. Always holds: of a client, the call with the number
//! after that in its row is the next one to run.

use super::{Access, BRANCH, Call, Failure, Hub, Pending, Rejection, Step, Stop, Writer, is_writer};
use converge::mutators::{self, Mutators};
use converge::{Error, EventId, Value};
use converge_frames::{Argument, MAX_NUMBER, Mutate, OutcomeState};
use converge_storage::Mutation;
use serde_json::{Value as Json, json};
use std::collections::{HashMap, VecDeque};

/// The table with a row for each client.
const TABLE: &str = "converge.mutations";
/// How the names of tables start that only the server writes.
pub(super) const RESERVED: &str = "converge.";
/// The cells of a row: the number of the last call, and its mark.
const LAST: &str = "last";
const MARK: &str = "mark";
/// The cell with the latest rejections: a JSON array with the number, the code and the reason of
/// each, the oldest first.
const REJECTED: &str = "rejected";

/// The number of rejections in a row.
const REJECTIONS: usize = 16;
/// The maximum length of a reason in bytes, in a row and elsewhere.
const ROW_WHY_BYTES: usize = 256;
const WHY_BYTES: usize = 1_024;
/// The maximum length of a client's name in bytes.
const CLIENT_BYTES: usize = 200;
/// The number of calls of a document that wait for events.
const HELD_CALLS: usize = 1_024;
/// The number of peers whose counts of events are remembered.
const KNOWN_PEERS: usize = 1_024;
/// After how many milliseconds a client sends a call again for which there is no room.
const RETRY_MS: u64 = 5_000;

/// The code of a call that was not run, because running it stopped the engine before.
const STOPPED: &str = "stopped";
/// The code of a call that wrote to a reserved table.
const RESERVED_TABLE: &str = "reserved-table";

/// The calls that wait for events of their clients.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// In the order of their arrival, each with the time until which it waits.
    calls: VecDeque<(Call, f64)>,
    /// How many events of a peer are known at least.
    known: HashMap<String, u64>,
}

impl Held {
    /// Forgets the calls of a connection.
    pub(super) fn forget(&mut self, caller: Writer) {
        self.calls.retain(|(call, _)| call.caller != caller);
    }

    /// Returns when the first call has waited long enough.
    pub(super) fn until(&self) -> Option<f64> {
        self.calls.front().map(|(_, until)| *until)
    }

    /// Returns the calls, and forgets them.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Call> {
        std::mem::take(&mut self.calls).into_iter().map(|(call, _)| call)
    }

    fn has(&self, client: &str, number: u64) -> bool {
        self.calls.iter().any(|(call, _)| call.mutate.client == client && call.mutate.number == number)
    }
}

/// What became of an attempt to run a call.
enum Attempt {
    Done(OutcomeState),
    /// Events, or an earlier call of the client, are missing.
    Wait,
}

/// What a row of the table says.
#[derive(Default)]
struct Record {
    last: u64,
    mark: u64,
    rejected: Vec<Json>,
}

impl Hub {
    /// Runs a call that arrived, or lets it wait for the events before it.
    pub(super) fn take_call(&mut self, call: &Call, now: f64, step: &mut Step<'_>) -> Result<(), Failure> {
        let state = match self.attempt(call, step)? {
            Attempt::Done(state) => state,
            Attempt::Wait if self.held.calls.len() < HELD_CALLS => {
                self.held.calls.push_back((call.clone(), now + self.options.mutation_wait_ms));
                return Ok(());
            }
            Attempt::Wait => not_now("too many calls wait for events"),
        };
        step.outcomes.push((call.caller, call.mutate.client.clone(), call.mutate.number, state));
        Ok(())
    }

    /// Runs the calls that waited for what arrived, and answers those that waited long enough.
    pub(super) fn take_held(&mut self, now: f64, step: &mut Step<'_>) -> Result<(), Failure> {
        let is_due = self.held.until().is_some_and(|until| until <= now);
        if self.held.calls.is_empty() || (step.updates.is_empty() && !is_due) {
            return Ok(());
        }
        // A call of a client follows the ones before it, so one pass is enough.
        for (call, until) in std::mem::take(&mut self.held.calls) {
            let state = match self.attempt(&call, step)? {
                Attempt::Done(state) => state,
                Attempt::Wait if now < until => {
                    self.held.calls.push_back((call, until));
                    continue;
                }
                Attempt::Wait => OutcomeState::NotNow {
                    retry_after_ms: 0,
                    why: "the events that the call comes after did not arrive in time".to_owned(),
                },
            };
            step.outcomes.push((call.caller, call.mutate.client, call.mutate.number, state));
        }
        Ok(())
    }

    fn attempt(&mut self, call: &Call, step: &mut Step<'_>) -> Result<Attempt, Failure> {
        let attempt = if call.mutate.client.is_empty() { self.run(call, None, step) } else { self.next(call, step) };
        match attempt {
            Ok(attempt) => Ok(attempt),
            Err(Stop::Rejected(rejection)) => Ok(Attempt::Done(OutcomeState::Refused(rejection.to_string()))),
            Err(Stop::Failed(failure)) => Err(failure),
        }
    }

    /// Runs a numbered call if it is the client's next one.
    fn next(&mut self, call: &Call, step: &mut Step<'_>) -> Result<Attempt, Stop> {
        let Mutate { client, number, mark, peer, after, .. } = &call.mutate;
        check_client(&call.access, client)?;
        let bound =
            step.mutations().find(|(_, of_step)| of_step.client == *client).map(|(subject, _)| subject.to_owned());
        let bound = bound.map_or_else(|| self.stored.subject_of(client), |subject| Ok(Some(subject)))?;
        let subject = &call.access.subject;
        if bound.is_some_and(|bound| !bound.is_empty() && bound != *subject) {
            let (subject, client) = (subject.clone(), client.clone());
            return Err(Stop::Rejected(Rejection::Client { subject, client }));
        }
        let record = self.record(client)?;
        if *number <= record.last {
            return self.earlier(&call.mutate, &record, step).map(Attempt::Done);
        }
        if *number > record.last + 1 {
            let waits = self.held.has(client, number - 1);
            return Ok(if waits { Attempt::Wait } else { Attempt::Done(OutcomeState::Expected(record.last + 1)) });
        }
        if self.count_of(peer, *after)? < *after {
            return Ok(Attempt::Wait);
        }
        debug_assert!(*mark > 0);
        self.run(call, Some(record), step)
    }

    /// Returns the outcome of a call whose number was used up before.
    fn earlier(&self, mutate: &Mutate, record: &Record, step: &Step<'_>) -> Result<OutcomeState, Stop> {
        let Mutate { client, number, mark, .. } = mutate;
        let of_step = step.mutations().map(|(_, mutation)| mutation);
        let mut of_step = of_step.filter(|mutation| mutation.client == *client && mutation.number == *number);
        let found = match of_step.next() {
            Some(mutation) => Some(mutation.clone()),
            None => self.stored.outcome(client, *number)?.map(|stored| stored.mutation),
        };
        Ok(match found {
            Some(mutation) if mutation.mark == *mark => outcome_of(&mutation),
            Some(_) => OutcomeState::Taken,
            None if *number == record.last && record.mark != *mark => OutcomeState::Taken,
            None => OutcomeState::Forgotten,
        })
    }

    /// Runs a call, and commits its effect. If it fails, commits that it was rejected. A call
    /// without a record has no number, and leaves nothing but its effect.
    fn run(&self, call: &Call, record: Option<Record>, step: &mut Step<'_>) -> Result<Attempt, Stop> {
        let Call { caller, access, mutate, mutators, stopped } = call;
        if !access.mutate {
            return Err(Stop::Rejected(Rejection::NoMutations(access.subject.clone())));
        }
        if let Some(bytes) = step.full {
            let full = Rejection::Full { bytes, max: self.options.max_file_bytes };
            return Ok(Attempt::Done(not_now(&full.to_string())));
        }
        let Some(mutators) = mutators else { return Err(Stop::Rejected(Rejection::NoMutators)) };
        let doc = self.stored.doc();
        let before = doc.summary()?;
        let effect = match stopped {
            Some(why) => Err(Reason { code: STOPPED, why: why.clone() }),
            None => self.effect(mutators, access, mutate, record.is_some())?,
        };
        let (event, rejected) = match (effect, record) {
            (Ok(event), _) => (event, None),
            (Err(Reason { code, why }), None) => {
                return Ok(Attempt::Done(OutcomeState::Rejected { code: code.to_owned(), why }));
            }
            (Err(Reason { code, why }), Some(record)) => {
                let committed = self.reject(mutate, record, code, &why);
                match committed {
                    Ok(event) => (event, Some((code.to_owned(), why))),
                    Err(error) if error.ends_instance() => return Err(error.into()),
                    Err(error) => return Ok(Attempt::Done(not_now(&error.to_string()))),
                }
            }
        };
        let Some(event) = event else {
            let (peer, counter) = (String::new(), 0);
            return Ok(Attempt::Done(OutcomeState::Confirmed { peer, counter }));
        };
        let mutation = Mutation {
            client: mutate.client.clone(),
            number: mutate.number,
            mark: mutate.mark,
            name: mutate.name.clone(),
            arguments: Argument::encode_all(&mutate.arguments, Vec::new()),
            rejected,
            event,
        };
        let state = outcome_of(&mutation);
        step.updates.push(Pending {
            writer: *caller,
            subject: access.subject.clone(),
            bytes: doc.update_since(&before)?,
            request: None,
            mutation: (!mutate.client.is_empty()).then_some(mutation),
        });
        Ok(Attempt::Done(state))
    }

    /// Commits the writes of a mutator, with the row that records the call.
    fn effect(
        &self,
        mutators: &Mutators,
        access: &Access,
        mutate: &Mutate,
        is_recorded: bool,
    ) -> Result<Result<Option<EventId>, Reason>, Error> {
        let doc = self.stored.doc();
        let call = mutators::Call::new(mutate.name.clone(), mutate.arguments.iter().map(value_of));
        let call = if access.subject.is_empty() { call } else { call.by(access.subject.clone()) };
        let transaction = match mutators.run(doc.begin()?, &call) {
            Ok(transaction) => transaction,
            Err(mutators::Error::Document(error)) if error.ends_instance() => return Err(error),
            Err(error) => return Ok(Err(Reason { code: error.code(), why: cut(&error.to_string(), WHY_BYTES) })),
        };
        let touched = transaction.touched()?;
        if let Some(row) = touched.iter().find(|row| row.table.starts_with(RESERVED)) {
            let why = format!("the mutator {} wrote to the table {:?}, which is reserved", mutate.name, row.table);
            return Ok(Err(Reason { code: RESERVED_TABLE, why: cut(&why, WHY_BYTES) }));
        }
        let committed = if is_recorded { transaction.insert(TABLE, &mutate.client, cells_of(mutate)) } else { Ok(()) };
        match committed.and_then(|()| doc.commit_transaction(transaction)) {
            Ok(event) => Ok(Ok(event)),
            Err(error) if error.ends_instance() => Err(error),
            // A guard, or a limit, does not accept the writes.
            Err(error) => Ok(Err(Reason { code: "failed", why: cut(&error.to_string(), WHY_BYTES) })),
        }
    }

    /// Commits that a call was rejected.
    fn reject(&self, mutate: &Mutate, record: Record, code: &str, why: &str) -> Result<Option<EventId>, Error> {
        let mut rejected = record.rejected;
        rejected.push(json!([mutate.number, code, cut(why, ROW_WHY_BYTES)]));
        rejected.drain(..rejected.len().saturating_sub(REJECTIONS));
        let doc = self.stored.doc();
        let transaction = doc.begin()?;
        let list = (REJECTED, Value::from(Json::from(rejected).to_string()));
        transaction.insert(TABLE, &mutate.client, cells_of(mutate).into_iter().chain([list]))?;
        doc.commit_transaction(transaction)
    }

    /// Reads the row of a client.
    fn record(&self, client: &str) -> Result<Record, Error> {
        let mut record = Record::default();
        for cell in self.stored.doc().get(TABLE, client)?.unwrap_or_default() {
            let number = match &cell.value {
                Value::Integer(integer) => u64::try_from(*integer).unwrap_or(0).min(MAX_NUMBER),
                _ => 0,
            };
            match (&*cell.column, &cell.value) {
                (LAST, _) => record.last = number,
                (MARK, _) => record.mark = number,
                (REJECTED, Value::Text(list)) => record.rejected = serde_json::from_str(list).unwrap_or_default(),
                _ => {}
            }
        }
        Ok(record)
    }

    /// Returns how many events of a peer are known, on any branch; or `enough`, if there are at
    /// least as many.
    fn count_of(&mut self, peer: &str, enough: u64) -> Result<u64, Error> {
        if enough == 0 || self.held.known.get(peer).is_some_and(|known| *known >= enough) {
            return Ok(enough);
        }
        let version = self.stored.doc().version()?;
        let of_peer = version.iter().filter(|entry| {
            let rest = entry.peer.strip_prefix(peer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(BRANCH))
        });
        let count = of_peer.map(|entry| u64::from(entry.count)).max().unwrap_or(0);
        if self.held.known.len() >= KNOWN_PEERS {
            self.held.known.clear();
        }
        self.held.known.insert(peer.to_owned(), count);
        Ok(count)
    }
}

impl Step<'_> {
    /// Returns the calls of this step that used up a number, with their subjects.
    fn mutations(&self) -> impl Iterator<Item = (&str, &Mutation)> {
        self.updates.iter().filter_map(|update| Some((&*update.subject, update.mutation.as_ref()?)))
    }
}

/// Why a call was rejected.
struct Reason {
    code: &'static str,
    why: String,
}

/// Fails if the access does not include calls of this client.
fn check_client(access: &Access, client: &str) -> Result<(), Stop> {
    let is_name = client.len() <= CLIENT_BYTES && !client.contains(BRANCH);
    if is_name && (access.writers.is_empty() || is_writer(&access.writers, client)) {
        return Ok(());
    }
    let (subject, client) = (access.subject.clone(), cut(client, CLIENT_BYTES));
    Err(Stop::Rejected(Rejection::Client { subject, client }))
}

/// Returns the cells that record that a call used up its number.
fn cells_of(mutate: &Mutate) -> [(&'static str, Value); 2] {
    // They are at most `MAX_NUMBER`.
    [(LAST, Value::Integer(mutate.number as i64)), (MARK, Value::Integer(mutate.mark as i64))]
}

fn outcome_of(mutation: &Mutation) -> OutcomeState {
    match &mutation.rejected {
        Some((code, why)) => OutcomeState::Rejected { code: code.clone(), why: why.clone() },
        None => {
            let EventId { peer, counter } = &mutation.event;
            OutcomeState::Confirmed { peer: peer.clone(), counter: (*counter).into() }
        }
    }
}

fn not_now(why: &str) -> OutcomeState {
    OutcomeState::NotNow { retry_after_ms: RETRY_MS, why: cut(why, WHY_BYTES) }
}

fn value_of(argument: &Argument) -> Value {
    match argument {
        Argument::Null => Value::Null,
        Argument::Boolean(boolean) => Value::Boolean(*boolean),
        Argument::Integer(integer) => Value::Integer(*integer),
        Argument::Real(real) => Value::Real(*real),
        Argument::Text(text) => Value::Text(text.clone()),
        Argument::Blob(blob) => Value::Blob(blob.clone()),
    }
}

/// Returns the beginning of a text, of at most `max` bytes.
fn cut(text: &str, max: usize) -> String {
    text[..text.floor_char_boundary(max)].to_owned()
}
