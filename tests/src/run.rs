//! Runs cases on a host, and records the results.
//!
//! This module uses hosts through [`Host`], and depends on no part of the engine but the contract.

use crate::case::{Call, Case, EveryDamage, Expected, Step};
use crate::form::{self, Bytes, Summary, SummaryOf, SummaryReplica};
use crate::host::{Document, Host};
use crate::live::{SessionCall, StoreCall};
use crate::view::ViewCall;
use converge::{Error, EventId, PeerVersion};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

mod cores;
mod delivery;
mod hostile;
mod lasting;
mod live;
mod passing;
mod reader;
mod state;
mod transaction;
mod view;

use hostile::Damage;
use live::{LiveState, SessionOf, StoreOf};
use state::{State, horizon};
use transaction::TransactionOf;
use view::ViewOf;

/// The maximum number of rounds of an `exchange`. Forks can need more than one.
const MAX_ROUNDS: usize = 4;

/// Runs all cases on all cores. Returns the transcript.
///
/// # Errors
/// Fails if a case fails. The text lists all failures: file, step, the expected result and the
/// actual one.
pub fn run_all<H: Host + Sync>(host: &H, cases: &[Case]) -> Result<String, String> {
    let mut transcript = String::new();
    let mut failures = String::new();
    let mut steps = 0;
    for (case, outcome) in cases.iter().zip(cores::outcomes(host, cases)) {
        match outcome {
            Ok(Outcome { results, saved }) => {
                steps += results.len();
                for (index, result) in results.iter().enumerate() {
                    writeln(&mut transcript, format_args!("{} {} {}", case.path, index + 1, form::transcribe(result)));
                }
                writeln(&mut transcript, format_args!("{} end {}", case.path, form::transcribe(&saved)));
            }
            Err(failure) => writeln(&mut failures, format_args!("{} on {}: {failure}\n", case.path, H::NAME)),
        }
    }
    if cases.is_empty() {
        writeln(&mut failures, format_args!("there are no cases"));
    }
    writeln(&mut transcript, format_args!("{} files, {steps} steps", cases.len()));
    if failures.is_empty() { Ok(transcript) } else { Err(failures) }
}

fn writeln(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a string does not fail");
}

/// The results of a case.
#[derive(Debug)]
pub struct Outcome {
    /// The result of each step.
    pub results: Vec<Json>,
    /// The saved bytes of the replicas and the snapshots of the stores at the end, by name.
    pub saved: Json,
}

/// Runs one case. At the end, checks that every replica can be saved and loaded, and that every
/// store can be transmitted, without a change.
///
/// # Errors
/// Fails with the first step that fails, the expected result and the actual one.
pub fn run<H: Host>(host: &H, case: &Case) -> Result<Outcome, String> {
    let mut world = World::new(host);
    let mut run = || Ok(Outcome { results: world.run(&case.steps)?, saved: world.end()? });
    run().map_err(|failure: String| format!("{failure}\n  case: {}", case.about))
}

/// The state of a running case: its replicas and other objects, by name.
struct World<'a, H: Host> {
    host: &'a H,
    replicas: BTreeMap<String, H::Document>,
    bytes: BTreeMap<String, Vec<u8>>,
    watchers: BTreeMap<String, Watcher<<H::Document as Document>::Watcher>>,
    transactions: BTreeMap<String, TransactionOf<<H::Document as Document>::Transaction>>,
    views: BTreeMap<String, ViewOf<<H::Document as Document>::View>>,
    readers: BTreeMap<String, H::Reader>,
    stores: BTreeMap<String, StoreOf<H::Store>>,
    sessions: BTreeMap<String, SessionOf<H::Session>>,
    /// The number of sessions that were opened.
    opened: u64,
}

/// A watcher, and the replica that it observes.
struct Watcher<W> {
    replica: String,
    watcher: W,
}

/// Why a call has no result: the host returned an error, or the case is wrong.
enum Stop {
    /// The error that the host returned.
    Refused(Error),
    /// The reason why the case fails.
    Failed(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<String> for Stop {
    fn from(failure: String) -> Self {
        Self::Failed(failure)
    }
}

impl<'a, H: Host> World<'a, H> {
    fn new(host: &'a H) -> Self {
        Self {
            host,
            replicas: BTreeMap::new(),
            bytes: BTreeMap::new(),
            watchers: BTreeMap::new(),
            transactions: BTreeMap::new(),
            views: BTreeMap::new(),
            readers: BTreeMap::new(),
            stores: BTreeMap::new(),
            sessions: BTreeMap::new(),
            opened: 0,
        }
    }

    /// Checks that every replica can be saved and loaded, and that every store can be transmitted,
    /// without a change. Returns the saved bytes and the snapshots.
    fn end(&mut self) -> Result<Json, String> {
        let mut saved = serde_json::Map::new();
        for (name, document) in &mut self.replicas {
            let bytes = lasting::check(self.host, document)
                .map_err(|failure| format!("at the end, replica {name:?}: {failure}"))?;
            saved.insert(name.clone(), form::bytes(&bytes));
        }
        saved.extend(self.stores_end()?);
        Ok(saved.into())
    }

    /// Runs steps. Returns their results.
    fn run(&mut self, steps: &[Step]) -> Result<Vec<Json>, String> {
        let mut results = Vec::with_capacity(steps.len());
        for (index, step) in steps.iter().enumerate() {
            let result =
                self.step(step).map_err(|failure| format!("step {}: {failure}\n  step: {}", index + 1, step.source))?;
            results.push(result);
        }
        Ok(results)
    }

    /// Makes the call, compares the result, and checks that an error changed nothing.
    fn step(&mut self, step: &Step) -> Result<Json, String> {
        let before = match &step.expected {
            Expected::Error(_) => self.state(step)?,
            _ => (None, None),
        };
        let result = match self.call(step) {
            Ok(result) => result,
            Err(Stop::Refused(error)) => json!({ "error": form::error(&error) }),
            Err(Stop::Failed(failure)) => return Err(failure),
        };
        match &step.expected {
            Expected::Success if result.get("error").is_none() => {}
            Expected::Success => return Err(format!("unexpected error: {result}")),
            Expected::Result(expected) if form::matches(expected, &result) => {}
            Expected::Result(expected) => return Err(different(expected, &result)),
            Expected::Error(expected) => {
                if !is_error(&result, expected) {
                    return Err(different(&json!({ "error": expected }), &result));
                }
                if before != self.state(step)? {
                    return Err(format!("the call failed with {result}, but changed the state"));
                }
                if let Call::Session(SessionCall::Poll(_) | SessionCall::Receive(..)) = step.call {
                    self.must_have_ended(step.on.as_deref())?;
                }
            }
        }
        Ok(result)
    }

    /// Makes the call of a step. Returns its result.
    fn call(&mut self, step: &Step) -> Result<Json, Stop> {
        Ok(match step.call.clone() {
            Call::EngineVersion([]) => self.host.version().into(),
            Call::EngineLimits([]) => self.host.limits().iter().map(|(name, maximum)| json!([name, maximum])).collect(),
            Call::EngineInspect(bytes) => form::inspection(&self.host.inspect(&bytes.resolve(&self.bytes)?)?),
            Call::OrderingBetween(after, before, seed) => {
                self.host.between(after.as_deref(), before.as_deref(), &seed)?.into()
            }
            Call::Create(peer) => {
                let document = self.host.create(&peer)?;
                self.add_replica(step, peer, document)
            }
            Call::Load(peer, saved) => {
                let document = self.host.load(&peer, &saved.resolve(&self.bytes)?)?;
                self.add_replica(step, peer, document)
            }
            Call::Peer([]) => self.on(step)?.peer().into(),
            Call::Insert(table, row, cells) => form::event(&self.on(step)?.insert(&table, &row, cells.into())?),
            Call::Update(table, row, cells) => form::event(&self.on(step)?.update(&table, &row, cells.into())?),
            Call::Delete(table, row) => form::event(&self.on(step)?.delete(&table, &row)?),
            Call::Unset(table, row, columns) => form::event(&self.on(step)?.unset(&table, &row, columns)?),
            Call::Splice(table, row, column, at, remove, insert) => {
                form::event(&self.on(step)?.splice(&table, &row, &column, at, remove, &insert)?)
            }
            Call::Add(table, row, column, amount) => {
                form::event(&self.on(step)?.add(&table, &row, &column, amount.get())?)
            }
            Call::Distinguish([salt]) => {
                self.on(step)?.distinguish(salt.get());
                Json::Null
            }
            Call::Commit(ops) => form::event(&self.on(step)?.commit(ops.into_iter().map(Into::into).collect())?),
            Call::Begin([]) => self.begin(step)?,
            Call::CommitTransaction(transaction) => self.commit_transaction(step, &transaction)?,
            Call::Peek(saved, table, row) => {
                let cells = self.host.peek(&saved.resolve(&self.bytes)?, &table, &row)?;
                cells.map_or(Json::Null, |cells| form::cells(&cells))
            }
            Call::SummaryOf(known) => {
                let summary = self.host.summary_of(&version(known))?;
                self.add_bytes(step, summary)
            }
            Call::Get(table, row) => self.on(step)?.get(&table, &row).map_or(Json::Null, |cells| form::cells(&cells)),
            Call::Scan(table, options) => form::page(&self.on(step)?.scan(&table, &options.into())?),
            Call::Tables([]) => self.on(step)?.tables().iter().map(|table| json!([table.name, table.rows])).collect(),
            Call::Watch(tables, from_start) => {
                let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
                let watcher = self.on(step)?.watch(&tables, from_start)?;
                self.add_watcher(step, watcher)?
            }
            Call::Take(limit) => {
                let Watcher { replica, watcher } = named(&mut self.watchers, step.on.as_deref())?;
                form::changes(&named(&mut self.replicas, Some(replica))?.take(watcher, limit))
            }
            Call::Digest([]) => form::hex(&self.on(step)?.digest()).into(),
            Call::Version([]) => form::version(&self.on(step)?.version()),
            Call::Heads([]) => form::events(&self.on(step)?.heads()),
            Call::Summary([]) => {
                let summary = self.on(step)?.summary();
                self.add_bytes(step, summary)
            }
            Call::Forks(skip, limit) => form::forks(&self.on(step)?.forks(skip, limit)),
            Call::PermanentId(peer, counter) => form::event(&self.on(step)?.permanent_id(&EventId { peer, counter })?),
            Call::EventsSince(summary, limit) => {
                let summary = self.summary(summary)?;
                form::batch(&self.on(step)?.events_since(&summary, limit)?)
            }
            Call::MergeEvents(runs) => {
                form::report(&self.on(step)?.merge_events(runs.into_iter().map(Into::into).collect())?)
            }
            Call::UpdateSince(summary) => {
                let summary = self.summary(summary)?;
                let update = self.on(step)?.update_since(&summary)?;
                self.add_bytes(step, update)
            }
            Call::MergeUpdate(update) => {
                let update = update.resolve(&self.bytes)?;
                form::report(&self.on(step)?.merge_update(&update)?)
            }
            Call::Save([]) => {
                let saved = self.on(step)?.save();
                self.add_bytes(step, saved)
            }
            Call::Compact(summaries) => {
                let summaries: Result<Vec<_>, Stop> =
                    summaries.into_iter().map(|summary| self.summary(summary)).collect();
                form::compaction(&self.on(step)?.compact(&summaries?)?)
            }
            Call::Rebase(saved) => {
                let saved = saved.resolve(&self.bytes)?;
                form::report(&self.on(step)?.rebase(&saved)?)
            }
            Call::Diff(from, to) => form::ops(&self.on(step)?.diff(&events(from), &events(to))?),
            Call::InverseOf(undone) => form::ops(&self.on(step)?.inverse_of(&events(undone))?),
            Call::ForkAt(heads, peer) => {
                let fork = self.on(step)?.fork_at(&events(heads), &peer)?;
                self.add_replica(step, peer, fork)
            }
            Call::Drop([]) => {
                named(&mut self.watchers, step.on.as_deref())?;
                self.drop_watcher(step.on.as_deref().unwrap_or_default())?;
                Json::Null
            }
            Call::Deliver(delivery) => self.deliver(step, &delivery)?,
            Call::Sync(from) => self.sync(&from, step.on.as_deref())?,
            Call::Exchange(names) => self.exchange(&names)?,
            Call::Same(names) => self.same(&names)?,
            Call::Differ(names) => self.differ(&names)?,
            Call::AllOrders(group) => self.all_orders(&group)?,
            Call::Damage(bytes, changes) => {
                let mut bytes = bytes.resolve(&self.bytes)?;
                for change in &changes {
                    change.apply(&mut bytes, &self.bytes)?;
                }
                self.add_bytes(step, bytes)
            }
            Call::EveryDamage(EveryDamage { bytes, kind, checksum }) => {
                hostile::documents(self.host, &bytes.resolve(&self.bytes)?, Damage { kind, checksum })?
            }
            Call::SameBytes(all) => self.same_bytes(&all)?,
            Call::OtherBytes(one, other) => {
                if one.resolve(&self.bytes)? == other.resolve(&self.bytes)? {
                    return Err(Stop::Failed("the bytes are equal".to_owned()));
                }
                Json::Null
            }
            Call::Shorter(bytes, bound) => {
                let length = bytes.resolve(&self.bytes)?.len();
                if length >= bound {
                    return Err(Stop::Failed(format!("{length} bytes are not less than {bound}")));
                }
                length.into()
            }
            Call::Store(call) => self.call_store(step.on.as_deref().unwrap_or_default(), step.name.as_deref(), call)?,
            Call::Session(call) => self.call_session(step.on.as_deref(), step.name.as_deref(), call)?,
            Call::Transaction(call) => self.call_transaction(step.on.as_deref().unwrap_or_default(), call)?,
            Call::View(call) => self.call_view(step, call)?,
            Call::Reader(call) => self.call_reader(step, call)?,
        })
    }

    /// Adds a replica. An earlier one of the same name is dropped, with its other objects.
    fn add_replica(&mut self, step: &Step, peer: String, document: H::Document) -> Json {
        let name = step.name.clone().unwrap_or(peer);
        self.watchers.retain(|_, watcher| watcher.replica != name);
        self.views.retain(|_, view| view.replica != name);
        self.transactions.retain(|_, transaction| transaction.replica != name);
        self.drop_stores_and_sessions(&name);
        self.replicas.insert(name, document);
        Json::Null
    }

    /// Adds bytes under the step's name, if the step has one.
    fn add_bytes(&mut self, step: &Step, bytes: Vec<u8>) -> Json {
        self.name_bytes(step.name.as_deref(), bytes)
    }

    /// Adds bytes under this name, if there is one.
    fn name_bytes(&mut self, name: Option<&str>, bytes: Vec<u8>) -> Json {
        let result = form::bytes(&bytes);
        if let Some(name) = name {
            self.bytes.insert(name.to_owned(), bytes);
        }
        result
    }

    /// Returns the bytes of a SUMMARY.
    fn summary(&mut self, summary: Summary) -> Result<Vec<u8>, Stop> {
        Ok(match summary {
            Summary::Literal(bytes) => bytes.resolve(&self.bytes)?,
            Summary::Of(SummaryOf { summary_of }) => self.host.summary_of(&version(summary_of))?,
            Summary::Replica(SummaryReplica { summary }) => named(&mut self.replicas, Some(&summary))?.summary(),
        })
    }

    /// Returns the replica that a step calls.
    fn on(&mut self, step: &Step) -> Result<&mut H::Document, String> {
        named(&mut self.replicas, step.on.as_deref())
    }

    fn add_watcher(&mut self, step: &Step, watcher: <H::Document as Document>::Watcher) -> Result<Json, String> {
        let (Some(replica), Some(name)) = (step.on.clone(), step.name.clone()) else {
            return Err("a watcher needs a replica and a name".to_owned());
        };
        self.drop_watcher(&name)?;
        self.watchers.insert(name, Watcher { replica, watcher });
        Ok(Json::Null)
    }

    /// Drops the watcher of this name, if there is one.
    fn drop_watcher(&mut self, name: &str) -> Result<(), String> {
        if let Some(Watcher { replica, watcher }) = self.watchers.remove(name) {
            named(&mut self.replicas, Some(&replica))?.unwatch(watcher);
        }
        Ok(())
    }

    /// Returns the state of the object that a step calls.
    fn state(&mut self, step: &Step) -> Result<(Option<State>, Option<LiveState>), String> {
        let Some(name) = step.on.as_deref() else { return Ok((None, None)) };
        Ok(match &step.call {
            Call::Store(StoreCall::Create(..)) => (None, None),
            Call::Store(_) => (None, self.live_state(name, false)?),
            Call::Session(_) => (None, self.live_state(name, true)?),
            Call::Transaction(_) => (Some(self.transaction_state(name)?), None),
            Call::View(ViewCall::Open(..)) => (Some(State::of(named(&mut self.replicas, Some(name))?)?), None),
            Call::View(_) => (Some(self.view_state(name)?), None),
            Call::Reader(_) => (None, None),
            _ => (Some(State::of(named(&mut self.replicas, Some(name))?)?), None),
        })
    }

    /// Merges the events into `to` that it lacks from `from`.
    fn sync(&mut self, from: &str, to: Option<&str>) -> Result<Json, Stop> {
        let summary = named(&mut self.replicas, to)?.summary();
        let batch = named(&mut self.replicas, Some(from))?.events_since(&summary, u32::MAX)?;
        if batch.more {
            return Err(Stop::Failed("the events do not fit into one page".to_owned()));
        }
        Ok(form::report(&named(&mut self.replicas, to)?.merge_events(batch.runs)?))
    }

    /// Lets all replicas merge each other's events until their versions and heads are equal.
    fn exchange(&mut self, names: &[String]) -> Result<Json, Stop> {
        let mut different = None;
        for _ in 0..MAX_ROUNDS {
            for from in names {
                for to in names.iter().filter(|to| *to != from) {
                    self.sync(from, Some(to))?;
                }
            }
            let mut known = Vec::new();
            for name in names {
                let document = named(&mut self.replicas, Some(name))?;
                known.push((document.version(), document.heads()));
            }
            different =
                known.windows(2).find(|pair| pair[0] != pair[1]).map(|pair| format!("{:?} and {:?}", pair[0], pair[1]));
            if different.is_none() {
                return self.same(names);
            }
        }
        Err(Stop::Failed(format!("the replicas differ after {MAX_ROUNDS} rounds: {}", different.unwrap_or_default())))
    }

    /// Checks that replicas have the same tables, and save the same bytes if they know the same.
    fn same(&mut self, names: &[String]) -> Result<Json, Stop> {
        let mut states: Vec<(State, Option<Vec<PeerVersion>>)> = Vec::with_capacity(names.len());
        for name in names {
            let document = named(&mut self.replicas, Some(name))?;
            let (state, horizon) = (State::of(document)?, horizon(self.host, document)?);
            let differs = |(other, other_horizon): &(State, _)| {
                let knows_the_same = state.version == other.version && horizon == *other_horizon;
                knows_the_same && !state.is_waiting() && !other.is_waiting() && state.saved != other.saved
            };
            if let Some(at) = states.iter().position(differs) {
                return Err(Stop::Failed(format!(
                    "{} and {name} know the same events, but save different bytes",
                    names[at]
                )));
            }
            if let Some((first, _)) = states.first()
                && first.contents != state.contents
            {
                let (a, b) = (format!("{:?}", first.contents), format!("{:?}", state.contents));
                let (a, b) = (form::excerpt(&a.into()), form::excerpt(&b.into()));
                return Err(Stop::Failed(format!("{} and {name} differ: {a} and {b}", names[0])));
            }
            states.push((state, horizon));
        }
        Ok(states.first().map_or(Json::Null, |(state, _)| form::hex(&state.contents.digest).into()))
    }

    /// Checks that all of these bytes are equal.
    fn same_bytes(&self, all: &[Bytes]) -> Result<Json, Stop> {
        let all = all.iter().map(|bytes| bytes.resolve(&self.bytes)).collect::<Result<Vec<_>, _>>()?;
        match all.windows(2).position(|pair| pair[0] != pair[1]) {
            Some(at) => {
                let (a, b) = (form::bytes(&all[at]), form::bytes(&all[at + 1]));
                Err(Stop::Failed(format!("the bytes {at} and {} differ: {a} and {b}", at + 1)))
            }
            None => Ok(all.first().map_or(Json::Null, |bytes| form::bytes(bytes))),
        }
    }

    /// Checks that no two replicas have the same digest.
    fn differ(&mut self, names: &[String]) -> Result<Json, Stop> {
        let mut digests = Vec::new();
        for name in names {
            digests.push(form::hex(&named(&mut self.replicas, Some(name))?.digest()));
        }
        for (index, digest) in digests.iter().enumerate() {
            if let Some(other) = digests[..index].iter().position(|other| other == digest) {
                let (a, b) = (&names[other], &names[index]);
                return Err(Stop::Failed(format!("{a} and {b} have the same digest {digest}")));
            }
        }
        Ok(digests.into())
    }
}

/// Returns the object of this name.
fn named<'a, T>(objects: &'a mut BTreeMap<String, T>, name: Option<&str>) -> Result<&'a mut T, String> {
    let name = name.unwrap_or_default();
    objects.get_mut(name).ok_or_else(|| format!("no object is named {name:?}"))
}

fn version(entries: Vec<(String, u32)>) -> Vec<PeerVersion> {
    entries.into_iter().map(|(peer, count)| PeerVersion { peer, count }).collect()
}

fn events(ids: Vec<(String, u32)>) -> Vec<EventId> {
    ids.into_iter().map(|(peer, counter)| EventId { peer, counter }).collect()
}

/// Returns whether the result is the expected error. The actual message must contain the expected
/// one.
fn is_error(result: &Json, expected: &Json) -> bool {
    let Some(error) = result.get("error") else { return false };
    let message = |error: &Json, name: &str| error.get(name).and_then(Json::as_str).map(str::to_owned);
    for name in ["invalid-argument", "corrupt", "protocol"] {
        if let (Some(message), Some(part)) = (message(error, name), message(expected, name)) {
            return !part.is_empty() && message.contains(&part);
        }
    }
    error == expected
}

/// Formats the expected and the actual result.
fn different(expected: &Json, result: &Json) -> String {
    format!("\n  expected: {}\n  got:      {}", form::excerpt(expected), form::excerpt(result))
}

#[cfg(test)]
mod tests;
