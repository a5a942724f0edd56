//! Damages bytes in every place, one place at a time, and passes them to the functions that read
//! them. A function must either fail and change nothing, or return a complete result.

use super::lasting;
use super::passing::{self, StoreState};
use super::state::State;
use crate::case::DamageKind;
use crate::damage::write_checksum;
use crate::form;
use crate::host::{Document, Host, Session, Store};
use converge::{Error, SessionOptions};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// The peer of the replicas that read damaged bytes.
const READER: &str = "reader";

/// How bytes are damaged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Damage {
    pub(super) kind: DamageKind,
    /// Whether the checksum is corrected.
    pub(super) checksum: bool,
}

/// Passes damaged bytes to `load` and `merge-update` of a document.
pub(super) fn documents<H: Host>(host: &H, bytes: &[u8], damage: Damage) -> Result<Json, String> {
    everywhere(bytes, damage, ["load", "merge-update"], |damaged| of_documents(host, damaged))
}

/// Passes damaged bytes to `merge-update` of a store.
pub(super) fn stores<H: Host>(host: &H, bytes: &[u8], damage: Damage) -> Result<Json, String> {
    let mut document = host.create(READER).map_err(lasting::failed("create"))?;
    everywhere(bytes, damage, ["merge-update"], |damaged| {
        let mut store = passing::empty(host, &mut document, READER)?;
        let before = StoreState::of(&mut store);
        let verdict = match store.merge_update(damaged, 0.0) {
            Ok(_) => form::hash(&passing::check(host, &mut document, &mut store)?).into(),
            Err(_) if before != StoreState::of(&mut store) => {
                return Err("the call failed, but changed the state".to_owned());
            }
            Err(error) => verdict(&error)?,
        };
        Ok([verdict])
    })
}

/// Passes messages to `receive` of a session, of which the last one is damaged.
pub(super) fn sessions<H: Host>(host: &H, messages: &[Vec<u8>], damage: Damage) -> Result<Json, String> {
    let Some((last, before)) = messages.split_last() else { return Err("there is no message to damage".to_owned()) };
    everywhere(last, damage, ["receive"], |damaged| Ok([of_session(host, before, damaged)?]))
}

/// Damages the bytes in one place at a time. `verdicts` returns a verdict for each reader: the
/// error, which is an object, or another value if the bytes were accepted.
fn everywhere<const N: usize>(
    bytes: &[u8],
    Damage { kind, checksum }: Damage,
    readers: [&str; N],
    mut verdicts: impl FnMut(&[u8]) -> Result<[Json; N], String>,
) -> Result<Json, String> {
    let mut all = Vec::new();
    let mut counts = [const { BTreeMap::<String, u64>::new() }; N];
    let places = if kind == DamageKind::Flip { bytes.len() * 8 } else { bytes.len() };
    for place in 0..places {
        let mut damaged = bytes.to_vec();
        match kind {
            DamageKind::Flip => damaged[place / 8] ^= 1 << (place % 8),
            DamageKind::Keep => damaged.truncate(place),
        }
        if checksum {
            write_checksum(&mut damaged);
        }
        let verdicts = verdicts(&damaged).map_err(|failure| format!("{kind:?} {place}: {failure}"))?;
        // Only a flipped bit with a corrected checksum can result in another valid document.
        let may_be_whole = kind == DamageKind::Flip && checksum;
        if !may_be_whole && verdicts.iter().any(|verdict| !verdict.is_object()) {
            return Err(format!("{kind:?} {place}: damaged bytes are accepted"));
        }
        for (counts, verdict) in counts.iter_mut().zip(&verdicts) {
            let name = verdict.as_object().and_then(|error| error.keys().next());
            *counts.entry(name.map_or("taken", String::as_str).to_owned()).or_default() += 1;
        }
        all.push(json!(verdicts.as_slice()));
    }
    let counts = readers.iter().zip(&counts).map(|(reader, counts)| ((*reader).to_owned(), json!(counts)));
    let hash = form::hash(Json::from(all).to_string().as_bytes());
    Ok(Json::Object(counts.chain([("sha256".to_owned(), hash.into())]).collect()))
}

fn of_documents<H: Host>(host: &H, bytes: &[u8]) -> Result<[Json; 2], String> {
    let loaded = match host.load(READER, bytes) {
        // With a corrected checksum the tables can differ from the result of the events. So the
        // document is not forked, but it must be possible to read, save and load it.
        Ok(mut document) => digest(&lasting::check_saved(host, &mut document)?.contents.digest),
        Err(error) => verdict(&error)?,
    };
    let mut document = host.create(READER).map_err(lasting::failed("create"))?;
    let before = State::of(&mut document)?;
    let merged = match document.merge_update(bytes) {
        Ok(_) => {
            lasting::check(host, &mut document)?;
            digest(&document.digest())
        }
        Err(error) => {
            before.check_same("the document after an error", &State::of(&mut document)?)?;
            verdict(&error)?
        }
    };
    Ok([loaded, merged])
}

fn of_session<H: Host>(host: &H, before: &[Vec<u8>], damaged: &[u8]) -> Result<Json, String> {
    let mut document = host.create(READER).map_err(lasting::failed("create"))?;
    let mut store = passing::empty(host, &mut document, READER)?;
    let options = SessionOptions::new("doc").nonce(0);
    let mut session = H::Session::open(&mut document, &mut store, options).map_err(lasting::failed("session.open"))?;
    let poll_all = |document: &mut _, store: &mut _, session: &mut H::Session| {
        while session.poll(document, store, 0.0).map_err(lasting::failed("session.poll"))?.is_some() {}
        Ok::<_, String>(())
    };
    for message in before {
        poll_all(&mut document, &mut store, &mut session)?;
        session.receive(&mut document, &mut store, message, 0.0).map_err(lasting::failed("session.receive"))?;
    }
    poll_all(&mut document, &mut store, &mut session)?;
    let state = (State::of(&mut document)?, StoreState::of(&mut store));
    match session.receive(&mut document, &mut store, damaged, 0.0) {
        Ok(_) => {
            lasting::check(host, &mut document)?;
            let snapshot = passing::check(host, &mut document, &mut store)?;
            Ok(json!([form::hex(&document.digest()), form::hash(&snapshot)]))
        }
        Err(error) => {
            if state != (State::of(&mut document)?, StoreState::of(&mut store)) {
                return Err("the call failed, but changed the state".to_owned());
            }
            must_have_ended(&mut session, &mut document, &mut store)?;
            verdict(&error)
        }
    }
}

/// Checks that an error ended the session: every call fails.
pub(super) fn must_have_ended<D, S, T: Session<D, S>>(
    session: &mut T,
    document: &mut D,
    store: &mut S,
) -> Result<(), String> {
    let poll = session.poll(document, store, 0.0).map(|_| "a message".to_owned());
    let receive = session.receive(document, store, &[], 0.0).map(|_| "a result".to_owned());
    for (call, result) in [("poll", poll), ("receive", receive)] {
        match result {
            Err(Error::SessionEnded) => {}
            other => return Err(format!("the session continues after an error: {call} returns {other:?}")),
        }
    }
    Ok(())
}

fn digest(bytes: &[u8]) -> Json {
    form::hex(bytes).into()
}

/// Returns the verdict of an error, which must be a case of the contract.
fn verdict(error: &Error) -> Result<Json, String> {
    let verdict = form::error(error);
    if verdict.get("other").is_none() { Ok(verdict) } else { Err(error.to_string()) }
}
