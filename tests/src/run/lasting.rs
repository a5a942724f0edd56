//! What lasts of a document: whatever a case did to it, bytes bring it back, and damaged bytes do no harm.

use super::state::{State, horizon};
use crate::case::DamageKind;
use crate::damage::write_checksum;
use crate::form;
use crate::host::{Document, Host, Refusal};
use converge_engine::RowOp;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// Saves the document, loads it again, forks it, passes all of its events on and compares it with no rows at all: it must
/// be the same each time. Gives the saved bytes.
pub(super) fn check<H: Host>(host: &H, document: &mut H::Document) -> Result<Vec<u8>, String> {
    let peer = document.peer();
    let mut state = check_saved(host, document)?;
    let saved = state.saved.clone();
    let is_waiting = state.is_waiting();
    if is_waiting {
        state.forget_waiting();
    }
    let read = |document: &mut H::Document| {
        let mut copy = State::of(document)?;
        match is_waiting {
            true if copy.is_waiting() => return Err("waiting events were passed on".to_owned()),
            true => copy.forget_waiting(),
            false => {}
        }
        Ok(copy)
    };
    let mut fork = document.fork_at(state.heads.clone(), &peer).map_err(refused("fork-at"))?;
    state.must_be("the fork at the heads", &read(&mut fork)?)?;
    drop(fork);
    if horizon(document)?.is_none() {
        let update = document.update_since(Vec::new()).map_err(refused("update-since"))?;
        let mut copy = host.create(&peer).map_err(refused("create"))?;
        copy.merge_update(&update).map_err(refused("merge-update"))?;
        state.must_be("what the update gives", &read(&mut copy)?)?;
        check_diff(document, &state)?;
    }
    Ok(saved)
}

/// Saves the document and loads it again: it must be the same. Gives its state.
fn check_saved<H: Host>(host: &H, document: &mut H::Document) -> Result<State, String> {
    let peer = document.peer();
    let state = State::of(document)?;
    let mut loaded = host.load(&peer, &state.saved).map_err(refused("load"))?;
    state.must_be("what is loaded", &State::of(&mut loaded)?)?;
    if loaded.peer() != peer {
        return Err(format!("what is loaded writes as {:?}", loaded.peer()));
    }
    Ok(state)
}

/// From no rows to those that are there, and back.
fn check_diff<D: Document>(document: &mut D, state: &State) -> Result<(), String> {
    let mut inserts = Vec::new();
    let mut deletes = Vec::new();
    for (table, rows) in state.contents.tables.iter().zip(&state.contents.rows) {
        for row in rows {
            let (table, row, cells) = (table.name.clone(), row.id.clone(), row.cells.clone());
            deletes.push(RowOp::Delete { table: table.clone(), row: row.clone() });
            inserts.push(RowOp::Insert { table, row, cells });
        }
    }
    let heads = &state.heads;
    for (here, there, expected) in
        [(vec![], heads.clone(), inserts), (heads.clone(), vec![], deletes), (heads.clone(), heads.clone(), vec![])]
    {
        let ops = document.diff(here, there).map_err(refused("diff"))?;
        if ops != expected {
            let (ops, expected) = (form::excerpt(&form::ops(&ops)), form::excerpt(&form::ops(&expected)));
            return Err(format!("diff gives {ops} where the rows are {expected}"));
        }
    }
    Ok(())
}

/// Damages the bytes everywhere, one place at a time, and gives them to all that reads them.
pub(super) fn every_damage<H: Host>(host: &H, bytes: &[u8], kind: DamageKind, checksum: bool) -> Result<Json, String> {
    let mut all = Vec::new();
    let mut counts: [BTreeMap<String, u64>; 2] = Default::default();
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
        let verdicts = verdicts(host, &damaged).map_err(|failure| format!("{kind:?} {place}: {failure}"))?;
        // A whole document of other bytes can only be what a flip makes, and a checksum that was made to fit hides.
        let may_be_whole = kind == DamageKind::Flip && checksum;
        if !may_be_whole && verdicts.iter().any(|verdict| !verdict.is_object()) {
            return Err(format!("{kind:?} {place}: damaged bytes are taken"));
        }
        for (counts, verdict) in counts.iter_mut().zip(&verdicts) {
            let name = verdict.as_object().and_then(|error| error.keys().next());
            *counts.entry(name.map_or("taken", String::as_str).to_owned()).or_default() += 1;
        }
        all.push(json!(verdicts));
    }
    let [load, merge] = counts;
    Ok(json!({ "load": load, "merge-update": merge, "sha256": form::hash(Json::from(all).to_string().as_bytes()) }))
}

/// What `load` and `merge-update` say: why they refuse the bytes, or the digest of what they take.
fn verdicts<H: Host>(host: &H, bytes: &[u8]) -> Result<[Json; 2], String> {
    let loaded = match host.load("reader", bytes) {
        // Its tables and its history may be those of different documents: who makes a checksum fit can write a state that
        // the events do not give. So it is not forked, but must be readable and last.
        Ok(mut document) => digest(&check_saved(host, &mut document)?.contents.digest),
        Err(refusal) => verdict(&refusal)?,
    };
    let mut document = host.create("reader").map_err(refused("create"))?;
    let before = State::of(&mut document)?;
    let merged = match document.merge_update(bytes) {
        Ok(_) => {
            check(host, &mut document)?;
            digest(&document.digest())
        }
        Err(refusal) => {
            before.must_be("after a refusal the document", &State::of(&mut document)?)?;
            verdict(&refusal)?
        }
    };
    Ok([loaded, merged])
}

fn digest(bytes: &[u8]) -> Json {
    form::hex(bytes).into()
}

fn verdict(refusal: &Refusal) -> Result<Json, String> {
    match refusal {
        Refusal::Other(message) => Err(message.clone()),
        refusal => Ok(form::refusal(refusal)),
    }
}

fn refused(call: &str) -> impl Fn(Refusal) -> String {
    move |refusal| format!("{call} is refused: {refusal:?}")
}
