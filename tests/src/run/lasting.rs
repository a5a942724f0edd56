//! Checks of documents: saving, loading, forking and transmitting a document results in the same
//! document, whatever a case did to it.

use super::state::{State, horizon};
use crate::form;
use crate::host::{Document, Host, UpdateReader};
use converge::{Commit, Error, EventId, EventRun, RowOp};
use std::collections::BTreeMap;

/// Saves the document, loads it, forks it, transmits all of its events, and compares it with the
/// empty document: the result must be the same each time. Returns the saved bytes.
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
            true if copy.is_waiting() => return Err("the copy contains waiting events".to_owned()),
            true => copy.forget_waiting(),
            false => {}
        }
        Ok(copy)
    };
    let mut fork = document.fork_at(&state.heads, &peer).map_err(failed("fork-at"))?;
    state.check_same("the fork at the heads", &read(&mut fork)?)?;
    drop(fork);
    if horizon(host, document)?.is_none() {
        let nothing = host.summary_of(&[]).map_err(failed("summary-of"))?;
        let update = document.update_since(&nothing).map_err(failed("update-since"))?;
        let mut copy = host.create(&peer).map_err(failed("create"))?;
        copy.merge_update(&update).map_err(failed("merge-update"))?;
        state.check_same("the document that merged the update", &read(&mut copy)?)?;
        check_diff(document, &state)?;
        check_events(host, document, &nothing, &update)?;
    }
    Ok(saved)
}

/// Checks that an update reader returns the same events as `events-since`, without lamport times.
fn check_events<H: Host>(host: &H, document: &mut H::Document, nothing: &[u8], update: &[u8]) -> Result<(), String> {
    let batch = document.events_since(nothing, u32::MAX).map_err(failed("events-since"))?;
    if batch.more {
        return Ok(());
    }
    let mut reader = host.open_reader(update).map_err(failed("update-reader.open"))?;
    // The first page has one event, so that the second page continues after it.
    let mut runs = Vec::new();
    for limit in [1, u32::MAX] {
        let page = reader.next(limit);
        runs.extend(page.runs);
        if !page.more {
            break;
        }
    }
    if runs.iter().any(|run| run.lamport.is_some()) || by_event(&runs) != by_event(&batch.runs) {
        return Err(format!("the update reader returns {}", form::excerpt(&form::runs(&runs))));
    }
    Ok(())
}

/// Returns the events of runs, by peer and counter: the dependencies and the operations.
fn by_event(runs: &[EventRun]) -> BTreeMap<(&str, u32), (Vec<EventId>, &Commit)> {
    let events = runs.iter().flat_map(|run| {
        run.commits.iter().zip(run.start..).map(|(commit, counter)| {
            let before = || vec![EventId { peer: run.peer.clone(), counter: counter - 1 }];
            let deps = if counter == run.start { run.deps.clone() } else { before() };
            ((run.peer.as_str(), counter), (deps, commit))
        })
    });
    events.collect()
}

/// Saves the document and loads it: the result must be the same. Returns the state.
pub(super) fn check_saved<H: Host>(host: &H, document: &mut H::Document) -> Result<State, String> {
    let peer = document.peer();
    let state = State::of(document)?;
    let mut loaded = host.load(&peer, &state.saved).map_err(failed("load"))?;
    state.check_same("the loaded document", &State::of(&mut loaded)?)?;
    if loaded.peer() != peer {
        return Err(format!("the loaded document writes as {:?}", loaded.peer()));
    }
    let mut tables = state.contents.tables.iter().zip(&state.contents.rows);
    for (table, rows) in [tables.next(), tables.next_back()].into_iter().flatten() {
        let shown = [rows.first(), rows.last()].into_iter().flatten().map(|row| (row.id.as_str(), Some(&row.cells)));
        for (row, cells) in shown.chain([("no such row", None)]) {
            let found = host.peek(&state.saved, &table.name, row).map_err(failed("peek"))?;
            if found.as_ref() != cells {
                return Err(format!("peek returns {found:?} for the row {row:?} of {:?}, not {cells:?}", table.name));
            }
        }
    }
    Ok(state)
}

/// Checks `diff` from the empty document to the current one, and back.
fn check_diff<D: Document>(document: &mut D, state: &State) -> Result<(), String> {
    let mut inserts = Vec::new();
    let mut deletes = Vec::new();
    for (table, rows) in state.contents.tables.iter().zip(&state.contents.rows) {
        for row in rows {
            deletes.push(RowOp::delete(&table.name, &row.id));
            inserts.push(RowOp::insert(&table.name, &row.id, &row.cells));
        }
    }
    let heads = &state.heads[..];
    for (here, there, expected) in [(&[][..], heads, inserts), (heads, &[], deletes), (heads, heads, vec![])] {
        let ops = document.diff(here, there).map_err(failed("diff"))?;
        if ops != expected {
            let (ops, expected) = (form::excerpt(&form::ops(&ops)), form::excerpt(&form::ops(&expected)));
            return Err(format!("diff returns {ops}, not {expected}"));
        }
    }
    Ok(())
}

/// Formats the unexpected error of a call.
pub(super) fn failed(call: &str) -> impl Fn(Error) -> String {
    move |error| format!("{call} failed: {error:?}")
}
