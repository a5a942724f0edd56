//! Pasts: sets of events that hold, with each event, all that it builds on. Every version is one.

use crate::model::{Events, Model, runs_of};
use crate::oracle::Event;
use crate::seeds::{Checked, Random};
use converge_engine::{Doc, EventId, PeerVersion};

/// These events, and all that they build on.
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

/// Any past within this one: at times nothing, at times everything, mostly what a few events build on.
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

/// A past as a version.
pub(crate) fn version_of(past: &Events) -> Vec<PeerVersion> {
    model_of(past).version()
}

/// A past as a summary that names its events.
pub(crate) fn summary_of(past: &Events) -> Vec<u8> {
    by_name(&version_of(past))
}

/// A version, which names no peer twice, as a summary.
pub(crate) fn by_name(version: &[PeerVersion]) -> Vec<u8> {
    Doc::summary_of(version).expect("no peer is named twice")
}

/// The events of a past on which none of its others builds.
pub(crate) fn heads_of(past: &Events) -> Vec<EventId> {
    model_of(past).heads()
}

/// A naive replica that knows this past.
pub(crate) fn model_of(past: &Events) -> Model {
    Model { known: past.clone(), waiting: Events::new() }
}

/// A replica that knows this past, and learned it in any order.
pub(crate) fn document(peer: &str, past: &Events, random: &mut Random) -> Checked<Doc> {
    let mut doc = Doc::create(peer).map_err(|error| format!("create {peer:?}: {error}"))?;
    let mut events: Vec<&Event> = past.values().collect();
    random.shuffle(&mut events);
    let report = doc.merge_events(runs_of(events, || true)).map_err(|error| format!("merge: {error}"))?;
    if report.applied as usize == past.len() && report.waiting == 0 {
        return Ok(doc);
    }
    Err(format!("of {} events, that build on no others, {report:?}", past.len()))
}

/// Of all events, those beyond `known` which a replica that knows this can take when it was compacted at `horizon`: they
/// build on the horizon, and so does all that they build on and that it does not know.
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

/// Whether an event builds on all of a past.
pub(crate) fn builds_on(all: &Events, event: &Event, horizon: &Events) -> bool {
    let below = past(all, [&event.id]);
    horizon.keys().all(|id| below.contains_key(id))
}
