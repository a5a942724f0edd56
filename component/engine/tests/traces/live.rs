//! Histories committed by replicas of their authors.

use crate::history::{CELL, Event, History, Index, concurrent_traces, conformance, text, traces};
use crate::replay::{Reference, dbg_check, new_doc};
use crate::seeds::{Checked, ensure, first_failure, same};
use converge_engine::{Doc, RowOp, Unit};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// The author types, and an editor of another view follows.
#[test]
fn authors_type_their_traces() -> Checked {
    for (history, _) in
        traces().filter(|(history, _)| history.name != "friendsforever" && history.name != "node-nodecc")
    {
        let mut doc = new_doc("setup");
        doc.commit(history.events[0].commit.clone()).map_err(|error| error.to_string())?;
        let mut doc = Doc::load("ann", &doc.save()).map_err(|error| error.to_string())?;
        let (table, row, column) = CELL;
        let view = doc.open_view(table, row, column, Unit::Utf16).map_err(|error| error.to_string())?;
        let mut copy: Vec<u16> = Vec::new();
        let start = Instant::now();
        for (index, event) in history.events.iter().enumerate().skip(1) {
            let id = doc.commit(event.commit.clone()).map_err(|error| format!("event {index}: {error}"))?;
            ensure!(id == event.id, "{id:?} instead of {:?}", event.id);
            if index % 64 == 0 || index + 1 == history.events.len() {
                for change in doc.take_view(view).ok_or("the text is gone")? {
                    let (at, end) = (change.at as usize, (change.at + change.remove) as usize);
                    copy.splice(at..end, change.insert.encode_utf16());
                }
            }
        }
        eprintln!("{}: {} events typed in {:.1?}", history.name, history.events.len(), start.elapsed());
        dbg_check(&doc);
        ensure!(String::from_utf16_lossy(&copy) == text(&doc), "{}: the editor has another text", history.name);
        Reference::new(history)?.check("typed", &doc)?;
    }
    Ok(())
}

/// Returns replicas of all authors, each with all events. An author merges what its next event
/// builds on just before it commits this event.
fn play(history: &History) -> Checked<BTreeMap<String, Doc>> {
    let mut docs: BTreeMap<String, Doc> = BTreeMap::new();
    let mut known: BTreeMap<String, BTreeSet<Index>> = BTreeMap::new();
    for (index, event) in history.events.iter().enumerate() {
        let peer = event.id.peer.clone();
        let doc = docs.entry(peer.clone()).or_insert_with(|| new_doc(&peer));
        let known = known.entry(peer).or_default();
        let mut missing = BTreeSet::new();
        let mut open = event.after.clone();
        while let Some(before) = open.pop() {
            if !known.contains(&before) && missing.insert(before) {
                open.extend(&history.events[before].after);
            }
        }
        let runs = missing.iter().map(|&event| history.run(event)).collect();
        doc.merge_events(runs).map_err(|error| format!("before event {index}: {error}"))?;
        known.extend(missing);
        known.insert(index);
        check_commit(doc, history, event)?;
    }
    Ok(docs)
}

/// Commits an event on the replica of its author.
fn check_commit(doc: &mut Doc, history: &History, event: &Event) -> Checked {
    let mut heads: Vec<_> = event.after.iter().map(|&before| history.events[before].id.clone()).collect();
    heads.sort();
    same("the heads before an event", &doc.heads(), &heads)?;
    let id = doc.commit(event.commit.clone()).map_err(|error| format!("{:?}: {error}", event.id))?;
    same("the event", &id, &event.id)
}

#[test]
fn two_authors_type_at_the_same_time() -> Checked {
    for (history, _) in concurrent_traces().filter(|(history, _)| history.name == "friendsforever") {
        let start = Instant::now();
        let mut docs = play(&history)?;
        eprintln!("{}: played by its authors in {:.1?}", history.name, start.elapsed());
        let reference = Reference::new(history)?;
        for doc in docs.values_mut() {
            let update = reference.doc().update_since(&doc.summary()).map_err(|error| error.to_string())?;
            doc.merge_update(&update).map_err(|error| error.to_string())?;
            dbg_check(doc);
            reference.check("played", doc)?;
        }
    }
    Ok(())
}

/// Each event is committed on a copy of the version that it builds on.
#[test]
fn authors_of_conformance_histories() -> Checked {
    let Some((histories, _)) = conformance() else { return Ok(()) };
    let failure = first_failure(0..histories.len() as u64, |number| {
        // Each fourth history.
        if number % 4 > 0 {
            return Ok(());
        }
        let reference = Reference::new(histories[number as usize].clone())?;
        let mut doc = new_doc("all");
        for event in &reference.history.events {
            let heads: Vec<_> = event.after.iter().map(|&it| reference.history.events[it].id.clone()).collect();
            let mut author = doc.fork_at(&heads, &event.id.peer).map_err(|error| error.to_string())?;
            check_commit(&mut author, &reference.history, event)?;
            let update = author.update_since(&doc.summary()).map_err(|error| error.to_string())?;
            doc.merge_update(&update).map_err(|error| error.to_string())?;
        }
        reference.check("forked and committed", &doc)
    });
    failure.map_or(Ok(()), |(number, why)| Err(format!("conformance {number}: {why}")))
}

/// A splice is a commit of one operation.
#[test]
fn splice_is_a_commit() -> Checked {
    for (history, _) in traces().filter(|(history, _)| history.name == "sveltecomponent") {
        let (table, row, column) = CELL;
        let mut doc = new_doc("setup");
        doc.commit(history.events[0].commit.clone()).map_err(|error| error.to_string())?;
        let mut doc = Doc::load("ann", &doc.save()).map_err(|error| error.to_string())?;
        for event in &history.events[1..] {
            let [RowOp::Splice { at, remove, insert, .. }] = &event.commit[..] else {
                doc.commit(event.commit.clone()).map_err(|error| error.to_string())?;
                continue;
            };
            doc.splice(table, row, column, (*at, *remove), insert).map_err(|error| error.to_string())?;
        }
        Reference::new(history)?.check("spliced", &doc)?;
    }
    Ok(())
}
