//! Pasts: sets of events that contain, with each event, all its ancestors. Every version is a past.

use crate::model::{Events, Model, runs_of};
use crate::oracle::Event;
use crate::seeds::{Checked, Random};
use converge_engine::{Doc, EventId, PeerVersion, RowOp};

/// Returns these events and all their ancestors.
pub(crate) fn past<'a>(all: &Events, of: impl IntoIterator<Item = &'a EventId>) -> Events {
    let mut past = Events::new();
    let mut next: Vec<EventId> = of.into_iter().cloned().collect();
    while let Some(id) = next.pop() {
        if !past.contains_key(&id) {
            next.extend(all[&id].deps.iter().cloned());
            past.insert(id.clone(), all[&id].clone());
        }
    }
    past
}

/// Returns all pasts within these few events.
pub(crate) fn pasts(events: &[Event]) -> Vec<Events> {
    let subset = |bits: usize| {
        let chosen = events.iter().enumerate().filter(move |(place, _)| bits >> place & 1 == 1);
        chosen.map(|(_, event)| (event.id.clone(), event.clone())).collect::<Events>()
    };
    let is_past = |set: &Events| set.values().all(|event| event.deps.iter().all(|dep| set.contains_key(dep)));
    (0..1 << events.len()).map(subset).filter(is_past).collect()
}

/// Returns any past within this one: sometimes nothing, sometimes everything, mostly the ancestors
/// of a few events.
pub(crate) fn random_past(all: &Events, random: &mut Random) -> Events {
    if all.is_empty() || random.chance(1, 12) {
        return Events::new();
    }
    if random.chance(1, 12) {
        return all.clone();
    }
    let ids: Vec<&EventId> = all.keys().collect();
    let few: Vec<&EventId> = (0..1 + random.below(4)).map(|_| *random.pick(&ids)).collect();
    past(all, few)
}

/// Returns a past as a version.
pub(crate) fn version_of(past: &Events) -> Vec<PeerVersion> {
    model_of(past).version()
}

/// Returns a past as a summary that names its events.
pub(crate) fn summary_of(past: &Events) -> Vec<u8> {
    by_name(&version_of(past))
}

/// Returns a version, which names no peer twice, as a summary.
pub(crate) fn by_name(version: &[PeerVersion]) -> Vec<u8> {
    Doc::summary_of(version).expect("no peer is named twice")
}

/// Returns the events of a past on which no other event of it depends.
pub(crate) fn heads_of(past: &Events) -> Vec<EventId> {
    model_of(past).heads()
}

/// Returns a naive replica that knows this past.
pub(crate) fn model_of(past: &Events) -> Model {
    Model { known: past.clone(), waiting: Events::new() }
}

/// Returns a replica that merged this past, in random order.
pub(crate) fn document(peer: &str, past: &Events, random: &mut Random) -> Checked<Doc> {
    let mut doc = Doc::create(peer).map_err(|error| format!("create {peer:?}: {error}"))?;
    let mut events: Vec<&Event> = past.values().collect();
    random.shuffle(&mut events);
    let report = doc.merge_events(runs_of(events, || true)).map_err(|error| format!("merge: {error}"))?;
    if report.applied as usize == past.len() && report.waiting == 0 {
        return Ok(doc);
    }
    Err(format!("merging {} events with all their ancestors returned {report:?}", past.len()))
}

/// Returns the events beyond `known` that a replica that knows this past and was compacted at
/// `horizon` can merge. They depend on the horizon, and so do all their unknown ancestors.
pub(crate) fn takeable(all: &Events, known: &Events, horizon: &Events) -> Events {
    let mut order: Vec<&Event> = all.values().filter(|event| !known.contains_key(&event.id)).collect();
    order.sort_by_key(|event| event.lamport);
    let mut takeable = Events::new();
    for event in order {
        let is_here = |id: &EventId| known.contains_key(id) || takeable.contains_key(id);
        if event.deps.iter().all(is_here) && builds_on(all, event, horizon) {
            takeable.insert(event.id.clone(), event.clone());
        }
    }
    takeable
}

/// Returns whether an event depends on all of a past.
pub(crate) fn builds_on(all: &Events, event: &Event, horizon: &Events) -> bool {
    let below = past(all, [&event.id]);
    horizon.keys().all(|id| below.contains_key(id))
}

/// Returns the largest horizon within this one at which a replica that knows these events can be
/// compacted: each splice above it builds on every splice of the same cell below it. `former` is
/// the horizon before.
pub(crate) fn closed(known: &Events, horizon: &Events, former: &Events) -> Events {
    let mut closed = horizon.clone();
    loop {
        let above: Vec<&Event> = known.values().filter(|event| !closed.contains_key(&event.id)).collect();
        let concurrent = |event: &Event| {
            let shares_cell = |other: &&Event| spliced(event).any(|cell| spliced(other).any(|it| it == cell));
            above.iter().copied().filter(shares_cell).any(|other| !past(known, [&other.id]).contains_key(&event.id))
        };
        let must_stay = |event: &&Event| {
            !former.contains_key(&event.id)
                && (event.deps.iter().any(|dep| !closed.contains_key(dep)) || concurrent(event))
        };
        let Some(id) = closed.values().find(must_stay).map(|event| event.id.clone()) else { return closed };
        closed.remove(&id);
    }
}

/// Returns the cells that an event splices.
fn spliced(event: &Event) -> impl Iterator<Item = (&str, &str, &str)> {
    event.ops.iter().filter_map(|op| match op {
        RowOp::Splice { table, row, column, .. } => Some((table.as_str(), row.as_str(), column.as_str())),
        _ => None,
    })
}
