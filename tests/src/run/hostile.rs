//! Damages bytes everywhere, one place at a time, and passes them to every reader: either the
//! reader rejects them and changes nothing, or the result is complete.

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

/// Tests `load` and `merge-update` of a document.
pub(super) fn documents<H: Host>(host: &H, bytes: &[u8], damage: Damage) -> Result<Json, String> {
    everywhere(bytes, damage, ["load", "merge-update"], |damaged| of_documents(host, damaged))
}

/// Tests `merge-update` of a store.
pub(super) fn stores<H: Host>(host: &H, bytes: &[u8], damage: Damage) -> Result<Json, String> {
    let mut beside = host.create(READER).map_err(lasting::refused("create"))?;
    everywhere(bytes, damage, ["merge-update"], |damaged| {
        let mut store = passing::empty(host, &mut beside, READER)?;
        let before = StoreState::of(&mut store);
        let verdict = match store.merge_update(damaged, 0.0) {
            Ok(_) => form::hash(&passing::check(host, &mut beside, &mut store)?).into(),
            Err(_) if before != StoreState::of(&mut store) => return Err("refused, but something changed".to_owned()),
            Err(error) => verdict(&error)?,
        };
        Ok([verdict])
    })
}

/// Tests `receive` of a session with the last of some messages, after the session received the
/// others.
pub(super) fn sessions<H: Host>(host: &H, messages: &[Vec<u8>], damage: Damage) -> Result<Json, String> {
    let Some((last, before)) = messages.split_last() else { return Err("there is no message to damage".to_owned()) };
    everywhere(last, damage, ["receive"], |damaged| Ok([of_session(host, before, damaged)?]))
}

/// Damages the bytes in each place in turn. `verdicts` returns for each reader an object, the
/// error, or the result.
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
        // With a corrected checksum the state need not be the one that the events result in. So the
        // document is not forked, but it must be readable and survive saving.
        Ok(mut document) => digest(&lasting::check_saved(host, &mut document)?.contents.digest),
        Err(error) => verdict(&error)?,
    };
    let mut document = host.create(READER).map_err(lasting::refused("create"))?;
    let before = State::of(&mut document)?;
    let merged = match document.merge_update(bytes) {
        Ok(_) => {
            lasting::check(host, &mut document)?;
            digest(&document.digest())
        }
        Err(error) => {
            before.must_be("after a refusal the document", &State::of(&mut document)?)?;
            verdict(&error)?
        }
    };
    Ok([loaded, merged])
}

fn of_session<H: Host>(host: &H, before: &[Vec<u8>], damaged: &[u8]) -> Result<Json, String> {
    let mut document = host.create(READER).map_err(lasting::refused("create"))?;
    let mut store = passing::empty(host, &mut document, READER)?;
    let options = SessionOptions::new("doc").nonce(0);
    let mut session = H::Session::open(&mut document, &mut store, options).map_err(lasting::refused("session.open"))?;
    let all_said = |document: &mut _, store: &mut _, session: &mut H::Session| {
        while session.poll(document, store, 0.0).map_err(lasting::refused("session.poll"))?.is_some() {}
        Ok::<_, String>(())
    };
    for message in before {
        all_said(&mut document, &mut store, &mut session)?;
        session.receive(&mut document, &mut store, message, 0.0).map_err(lasting::refused("session.receive"))?;
    }
    all_said(&mut document, &mut store, &mut session)?;
    let state = (State::of(&mut document)?, StoreState::of(&mut store));
    match session.receive(&mut document, &mut store, damaged, 0.0) {
        Ok(_) => {
            lasting::check(host, &mut document)?;
            let snapshot = passing::check(host, &mut document, &mut store)?;
            Ok(json!([form::hex(&document.digest()), form::hash(&snapshot)]))
        }
        Err(error) => {
            if state != (State::of(&mut document)?, StoreState::of(&mut store)) {
                return Err("refused, but something changed".to_owned());
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
    let receive = session.receive(document, store, &[], 0.0).map(|_| "what it received".to_owned());
    for (call, result) in [("poll", poll), ("receive", receive)] {
        match result {
            Err(Error::SessionEnded) => {}
            other => return Err(format!("after an error the session goes on: {call} gives {other:?}")),
        }
    }
    Ok(())
}

fn digest(bytes: &[u8]) -> Json {
    form::hex(bytes).into()
}

fn verdict(error: &Error) -> Result<Json, String> {
    let verdict = form::error(error);
    if verdict.get("other").is_none() { Ok(verdict) } else { Err(error.to_string()) }
}
