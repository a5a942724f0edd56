//! The calls `deliver` and `all-orders`: merge chosen events of a replica, in several calls or in
//! all orders.

use super::{Stop, World, different, named};
use crate::case::{AllOrders, Calls, Delivery, Pick, Step};
use crate::form;
use crate::host::{Document, Host};
use converge::{Error, EventId, EventRun, PeerVersion};
use serde_json::{Value as Json, json};

impl<H: Host> World<'_, H> {
    /// Merges the events of a delivery into the replica that the step calls.
    pub(super) fn deliver(&mut self, step: &Step, delivery: &Delivery) -> Result<Json, Stop> {
        let pieces = self.pick(&delivery.from, &delivery.events)?;
        let calls: Vec<EventRun> = match delivery.calls {
            Calls::One => return Ok(form::report(&self.on(step)?.merge_events(pieces)?)),
            Calls::Piece => pieces,
            Calls::Event => single_events(named(&mut self.replicas, Some(&delivery.from))?, &pieces)?,
        };
        let document = self.on(step)?;
        let mut reports = Vec::with_capacity(calls.len());
        for run in calls {
            reports.push(form::report(&document.merge_events(vec![run])?));
        }
        Ok(reports.into())
    }

    /// Returns the pieces of runs that contain these events.
    fn pick(&mut self, from: &str, picks: &[Pick]) -> Result<Vec<EventRun>, Stop> {
        let nothing = self.host.summary_of(&[])?;
        let document = named(&mut self.replicas, Some(from))?;
        let batch = document.events_since(&nothing, u32::MAX)?;
        if batch.more {
            return Err(Stop::Failed("the events do not fit into one page".to_owned()));
        }
        let mut pieces = Vec::new();
        for pick in picks {
            let (peer, first, last) = match pick {
                Pick::Range(peer, first, last) => (peer, *first, Some(*last)),
                Pick::One(peer, counter) => (peer, *counter, Some(*counter)),
                Pick::All([peer]) => (peer, 0, None),
            };
            let mut next = first;
            let mut runs: Vec<&EventRun> = batch.runs.iter().filter(|run| run.peer == *peer).collect();
            runs.sort_by_key(|run| run.start);
            for run in runs {
                let piece = cut(document, run, first, last)?;
                next += piece.as_ref().map_or(0, |piece| piece.commits.len() as u32);
                pieces.extend(piece);
            }
            if last.map_or(next == first, |last| next != last.saturating_add(1)) {
                return Err(Stop::Failed(format!("{from} does not know the events {pick:?}")));
            }
        }
        Ok(pieces)
    }

    /// Merges events in all orders, and compares the saved bytes and the results of the steps.
    pub(super) fn all_orders(&mut self, group: &AllOrders) -> Result<Json, Stop> {
        let from = named(&mut self.replicas, Some(&group.from))?;
        let version = group.events.is_none().then(|| from.version());
        let everything = || from.version().into_iter().map(|known| Pick::All([known.peer])).collect();
        let picks = group.events.clone().unwrap_or_else(everything);
        let pieces = self.pick(&group.from, &picks)?;
        let events = single_events(named(&mut self.replicas, Some(&group.from))?, &pieces)?;
        let orders = permutations(events.len())?;
        let mut first = None;
        for order in &orders {
            let events: Vec<EventRun> = order.iter().map(|&index| events[index].clone()).collect();
            for calls in [events.iter().cloned().map(|run| vec![run]).collect(), vec![events.clone()]] {
                let (saved, results) = self.in_order(group, calls, version.as_ref()).map_err(|failure| {
                    let order: Json = events.iter().map(|run| json!([run.peer, run.start])).collect();
                    format!("in the order {order}: {failure}")
                })?;
                let (first_saved, first) = first.get_or_insert_with(|| (saved.clone(), results.clone()));
                if *first != results {
                    return Err(Stop::Failed(format!(
                        "the results differ between orders: {}",
                        different(first, &results)
                    )));
                }
                if *first_saved != saved {
                    return Err(Stop::Failed("the saved bytes differ between orders".to_owned()));
                }
            }
        }
        Ok(json!({ "orders": orders.len(), "steps": first.map(|(_, results)| results) }))
    }

    /// Merges events with these calls into a new document, saves it, and runs the steps. Returns
    /// the saved bytes and the results.
    fn in_order(
        &self,
        group: &AllOrders,
        calls: Vec<Vec<EventRun>>,
        version: Option<&Vec<PeerVersion>>,
    ) -> Result<(Vec<u8>, Json), String> {
        let failed = |error: Error| format!("unexpected error: {error:?}");
        let mut document = self.host.create(&group.name).map_err(failed)?;
        let mut waiting = 0;
        for runs in calls {
            waiting = document.merge_events(runs).map_err(failed)?.waiting;
        }
        if waiting != 0 {
            return Err(format!("{waiting} events wait at the end"));
        }
        if version.is_some_and(|version| *version != document.version()) {
            return Err(format!("the version at the end is {:?}", document.version()));
        }
        let saved = document.save();
        let mut world = World::new(self.host);
        world.replicas.insert(group.name.clone(), document);
        Ok((saved, world.run(&group.steps)?.into()))
    }
}

/// Returns the part of a run between these counters, both included. The document knows the run.
fn cut<D: Document>(document: &mut D, run: &EventRun, first: u32, last: Option<u32>) -> Result<Option<EventRun>, Stop> {
    let end = run.start + run.commits.len() as u32;
    let from = first.max(run.start);
    let to = last.map_or(end, |last| last.saturating_add(1).min(end));
    if from >= to {
        return Ok(None);
    }
    let skipped = from - run.start;
    let commits = run.commits[skipped as usize..(to - run.start) as usize].to_vec();
    let lamport = run.lamport.map(|lamport| lamport + skipped);
    let peer = run.peer.clone();
    Ok(Some(match from.checked_sub(1) {
        Some(counter) if skipped > 0 => {
            let before = EventId { peer: peer.clone(), counter };
            // One for the author's previous event, and one for the dependency, which is the same
            // event.
            let fingerprints = vec![fingerprint(document, &before)?; 2];
            let mut rest = EventRun::new(peer, from, commits);
            (rest.lamport, rest.deps, rest.fingerprints) = (lamport, vec![before], fingerprints);
            rest
        }
        _ => {
            let mut beginning = run.clone();
            (beginning.lamport, beginning.commits) = (lamport, commits);
            beginning
        }
    }))
}

/// Returns the fingerprint of an event, which its permanent name contains.
fn fingerprint<D: Document>(document: &mut D, event: &EventId) -> Result<u64, Stop> {
    let name = document.permanent_id(event)?.peer;
    let digits = name.rsplit_once('~').map(|(_, digits)| u64::from_str_radix(digits, 16));
    match digits {
        Some(Ok(fingerprint)) => Ok(fingerprint),
        _ => Err(Stop::Failed(format!("{name:?} is not the permanent name of {event:?}"))),
    }
}

/// Returns each event of these runs as a run of its own.
fn single_events<D: Document>(document: &mut D, runs: &[EventRun]) -> Result<Vec<EventRun>, Stop> {
    let mut events = Vec::new();
    for run in runs {
        for counter in (run.start..).take(run.commits.len()) {
            events.extend(cut(document, run, counter, Some(counter))?);
        }
    }
    Ok(events)
}

/// Returns all orders of this many elements.
pub(super) fn permutations(count: usize) -> Result<Vec<Vec<usize>>, String> {
    if count == 0 || count > 7 {
        return Err(format!("all-orders has {count} events; the minimum is 1 and the maximum 7"));
    }
    let mut orders = vec![Vec::new()];
    for _ in 0..count {
        let longer = |order: Vec<usize>| {
            let rest: Vec<usize> = (0..count).filter(|index| !order.contains(index)).collect();
            rest.into_iter().map(move |index| order.iter().copied().chain([index]).collect())
        };
        orders = orders.into_iter().flat_map(longer).collect();
    }
    Ok(orders)
}
