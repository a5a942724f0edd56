//! The calls on stores and sessions of a running case.

use super::hostile::{self, Damage};
use super::lasting::failed;
use super::passing::{self, StoreState};
use super::state::State;
use super::{Stop, World, named};
use crate::case::EveryDamage;
use crate::form;
use crate::host::{Host, Session, Store, UpdateReader};
use crate::live::{self, EveryMessageDamage, SessionCall, StoreCall};
use converge::{Entry, Received};
use serde_json::{Value as Json, json};

/// The maximum number of messages of one `session.carry`.
const MAX_MESSAGES: usize = 10_000;

/// A store, and the replica whose instance it lives in.
pub(super) struct StoreOf<S> {
    pub(super) replica: String,
    pub(super) store: S,
}

/// A session, and the names of its replica and its store.
pub(super) struct SessionOf<S> {
    pub(super) replica: String,
    pub(super) store: String,
    session: S,
}

/// The state that a failed call on a store or a session must not change.
#[derive(PartialEq)]
pub(super) struct LiveState {
    document: Option<State>,
    store: StoreState,
}

/// The counts that `session.carry` returns.
#[derive(Default)]
struct Carried {
    messages: [usize; 2],
    applied: u32,
    duplicate: u32,
    entries: usize,
    refused: u32,
}

impl<H: Host> World<'_, H> {
    pub(super) fn call_store(&mut self, on: &str, name: Option<&str>, call: StoreCall) -> Result<Json, Stop> {
        if let StoreCall::Create(peer, options) = call {
            let document = named(&mut self.replicas, Some(on))?;
            let store = self.host.store(document, &peer, options.into())?;
            let name = name.unwrap_or(&peer).to_owned();
            self.sessions.retain(|_, session| session.store != name);
            self.stores.insert(name, StoreOf { replica: on.to_owned(), store });
            return Ok(Json::Null);
        }
        if let StoreCall::EveryDamage(EveryDamage { bytes, kind, checksum }) = call {
            return Ok(hostile::stores(self.host, &bytes.resolve(&self.bytes)?, Damage { kind, checksum })?);
        }
        let StoreOf { store, .. } = named(&mut self.stores, Some(on))?;
        let optional = |entry: Option<Entry>| entry.as_ref().map_or(Json::Null, live::entry);
        Ok(match call {
            StoreCall::Create(..) | StoreCall::EveryDamage(_) => Json::Null,
            StoreCall::Peer([]) => store.peer().into(),
            StoreCall::Set(namespace, key, value, now) => {
                live::entry(&store.set(&namespace, &key, value.into(), now.into())?)
            }
            StoreCall::Remove(namespace, key, now) => optional(store.remove(&namespace, &key, now.into())?),
            StoreCall::Get(namespace, key) => optional(store.get(&namespace, &key)),
            StoreCall::GetAll(namespace) => live::entries(&store.get_all(&namespace)),
            StoreCall::Namespaces([]) => json!(store.namespaces()),
            StoreCall::Refused([]) => json!(store.refused()),
            StoreCall::MergeEntries(entries, now) => {
                live::entries(&store.merge_entries(entries.into_iter().map(Entry::from).collect(), now.into())?)
            }
            StoreCall::Snapshot(namespaces) => {
                let namespaces: Vec<&str> = namespaces.iter().map(String::as_str).collect();
                let snapshot = store.snapshot(&namespaces);
                self.name_bytes(name, snapshot)
            }
            StoreCall::TakeUpdate([]) => match store.take_update() {
                Some(update) => self.name_bytes(name, update),
                None => Json::Null,
            },
            StoreCall::MergeUpdate(update, now) => {
                let update = update.resolve(&self.bytes)?;
                live::entries(&store.merge_update(&update, now.into())?)
            }
            StoreCall::Expire(now) => live::entries(&store.expire(now.into())?),
            StoreCall::Leave(now) => live::entries(&store.leave(now.into())?),
            StoreCall::Drop([]) => {
                self.sessions.retain(|_, session| session.store != on);
                self.stores.remove(on);
                Json::Null
            }
        })
    }

    pub(super) fn call_session(
        &mut self,
        on: Option<&str>,
        name: Option<&str>,
        call: SessionCall,
    ) -> Result<Json, Stop> {
        Ok(match call {
            SessionCall::Open(replica, store, options) => {
                let document = named(&mut self.replicas, Some(&replica))?;
                let StoreOf { store: open, .. } = named(&mut self.stores, Some(&store))?;
                self.opened += 1;
                let session = H::Session::open(document, open, options.options(self.opened - 1))?;
                let name = name.unwrap_or_default().to_owned();
                self.sessions.insert(name, SessionOf { replica, store, session });
                Json::Null
            }
            SessionCall::Poll(now) => match self.poll(on, now.into())? {
                Some(message) => self.name_bytes(name, message),
                None => Json::Null,
            },
            SessionCall::Receive(message, now) => {
                let message = message.resolve(&self.bytes)?;
                live::received(&self.receive(on, &message, now.into())?)
            }
            SessionCall::UpdateOf(message) => {
                let message = message.resolve(&self.bytes)?;
                match named(&mut self.sessions, on)?.session.update_of(&message)? {
                    Some(update) => self.name_bytes(name, update),
                    None => Json::Null,
                }
            }
            SessionCall::Progress([]) => {
                let SessionOf { replica, session, .. } = named(&mut self.sessions, on)?;
                live::progress(&session.progress(named(&mut self.replicas, Some(replica))?))
            }
            SessionCall::Carry(sessions, now) => self.carry(&sessions, now.into())?,
            SessionCall::Drop([]) => {
                named(&mut self.sessions, on)?;
                self.sessions.remove(on.unwrap_or_default());
                Json::Null
            }
            SessionCall::EveryDamage(EveryMessageDamage { messages, kind, checksum }) => {
                let messages = messages.iter().map(|message| message.resolve(&self.bytes));
                let messages: Vec<Vec<u8>> = messages.collect::<Result<_, _>>()?;
                hostile::sessions(self.host, &messages, Damage { kind, checksum })?
            }
        })
    }

    /// Polls a session.
    fn poll(&mut self, on: Option<&str>, now: f64) -> Result<Option<Vec<u8>>, Stop> {
        let SessionOf { replica, store, session } = named(&mut self.sessions, on)?;
        let document = named(&mut self.replicas, Some(replica))?;
        Ok(session.poll(document, &mut named(&mut self.stores, Some(store))?.store, now)?)
    }

    /// Passes a message to `update-of` and `receive` of a session, and compares the results.
    fn receive(&mut self, on: Option<&str>, message: &[u8], now: f64) -> Result<Received, Stop> {
        let SessionOf { replica, store, session } = named(&mut self.sessions, on)?;
        let document = named(&mut self.replicas, Some(replica))?;
        let update = session.update_of(message);
        let received = session.receive(document, &mut named(&mut self.stores, Some(store))?.store, message, now)?;
        let update = update.map_err(failed("session.update-of"))?;
        if let Some(update) = &update {
            self.host.open_reader(update).map_err(failed("update-reader.open"))?.next(u32::MAX);
        }
        if update.is_some() != received.durable.is_some() {
            return Err(Stop::Failed(
                "session.update-of and session.receive disagree on whether the message completes an update".to_owned(),
            ));
        }
        Ok(received)
    }

    /// Carries messages between two sessions until neither has one.
    fn carry(&mut self, sessions: &[String; 2], now: f64) -> Result<Json, Stop> {
        let mut carried = Carried::default();
        loop {
            let before = carried.messages;
            for from in [0, 1] {
                while let Some(message) = self.poll(Some(&sessions[from]), now)? {
                    let received = self.receive(Some(&sessions[1 - from]), &message, now)?;
                    carried.messages[from] += 1;
                    carried.add(&received);
                    if carried.messages[from] > MAX_MESSAGES {
                        return Err(Stop::Failed(format!("the session has more than {MAX_MESSAGES} messages")));
                    }
                }
            }
            if carried.messages == before {
                return Ok(carried.json());
            }
        }
    }

    /// Returns the state that a call on a store or a session can change.
    pub(super) fn live_state(&mut self, on: &str, is_session: bool) -> Result<Option<LiveState>, String> {
        let (store, replica) = match self.sessions.get(on).filter(|_| is_session) {
            Some(SessionOf { store, replica, .. }) => (store.clone(), Some(replica.clone())),
            None => (on.to_owned(), None),
        };
        let Some(StoreOf { store, .. }) = self.stores.get_mut(&store) else { return Ok(None) };
        let store = StoreState::of(store);
        let document = match replica {
            Some(replica) => Some(State::of(named(&mut self.replicas, Some(&replica))?)?),
            None => None,
        };
        Ok(Some(LiveState { document, store }))
    }

    /// Checks that an error ended this session: every call fails.
    pub(super) fn must_have_ended(&mut self, on: Option<&str>) -> Result<(), String> {
        let SessionOf { replica, store, session } = named(&mut self.sessions, on)?;
        let document = named(&mut self.replicas, Some(replica))?;
        hostile::must_have_ended(session, document, &mut named(&mut self.stores, Some(store))?.store)
    }

    /// Checks that each store can be transmitted without a change. Returns their snapshots.
    pub(super) fn stores_end(&mut self) -> Result<Vec<(String, Json)>, String> {
        let mut snapshots = Vec::new();
        for (name, StoreOf { replica, store }) in &mut self.stores {
            let document = named(&mut self.replicas, Some(replica))?;
            let snapshot = passing::check(self.host, document, store)
                .map_err(|failure| format!("at the end, store {name:?}: {failure}"))?;
            snapshots.push((format!("store {name}"), form::bytes(&snapshot)));
        }
        Ok(snapshots)
    }

    /// Drops the stores and the sessions of a replica.
    pub(super) fn drop_stores_and_sessions(&mut self, replica: &str) {
        self.sessions.retain(|_, session| session.replica != replica);
        self.stores.retain(|_, store| store.replica != replica);
    }
}

impl Carried {
    fn add(&mut self, received: &Received) {
        let report = received.durable.clone().unwrap_or_default();
        self.applied += report.applied;
        self.duplicate += report.duplicate;
        self.entries += received.ephemeral.len();
        self.refused += received.refused;
    }

    fn json(&self) -> Json {
        form::without_defaults([
            ("messages", json!(self.messages)),
            ("applied", self.applied.into()),
            ("duplicate", self.duplicate.into()),
            ("entries", self.entries.into()),
            ("refused", self.refused.into()),
        ])
    }
}
