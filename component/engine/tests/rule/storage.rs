//! Steps with bytes: replicas exchange updates and saved documents, and restart from a save.

use crate::model::{Events, Model, all_events_of, runs_of, scattered, with_sorted_cells};
use crate::oracle::Event;
use crate::past::by_name;
use crate::seeds::{Checked, Random, same};
use crate::since::random_version;
use crate::world::{World, show_peer};
use converge_engine::{Doc, PeerVersion};

impl World {
    /// Merges what `from` knows beyond some version, or everything that it saves, into `to` as
    /// bytes, sometimes twice.
    pub(crate) fn update(&mut self, from: usize, to: usize, dice: &mut Random, random: &mut Random) -> Checked {
        let (sender, receiver) = (&self.replicas[from], &self.replicas[to]);
        let Some(doc) = &sender.doc else { return Ok(()) };
        let known = match dice.below(4) {
            0 => None,
            1 => Some(Vec::new()),
            2 => Some(receiver.model.version()),
            _ => Some(random_version(dice, &[sender.model.version(), receiver.model.version()])),
        };
        let bytes = match &known {
            None => doc.save(),
            Some(known) => {
                doc.update_since(&by_name(known)).map_err(|error| format!("update_since {known:?}: {error}"))?
            }
        };
        let names = (show_peer(&receiver.name), show_peer(&sender.name));
        self.log.push(format!("{} merges {} bytes of {}, since {known:?}", names.0, bytes.len(), names.1));
        // Saved documents contain waiting events, but updates do not.
        let waiting = if known.is_none() { sender.model.waiting.clone() } else { Events::new() };
        let mut runs = runs_of(beyond(&sender.model.known, &known.unwrap_or_default()), || true);
        runs.extend(runs_of(waiting.values(), || true));
        let replica = &mut self.replicas[to];
        for _ in 0..1 + random.below(2) {
            let expected = replica.model.merge(&runs);
            let Some(doc) = &mut replica.doc else { continue };
            self.merges += 1;
            self.merges_that_wait += u32::from(expected.waiting > 0);
            same("the report", &doc.merge_update(&bytes), &Ok(expected))?;
        }
        self.check(to, random)
    }

    /// Keeps the replica's present save.
    pub(crate) fn save(&mut self, at: usize) -> Checked {
        let replica = &mut self.replicas[at];
        let Some(doc) = &replica.doc else { return Ok(()) };
        self.log.push(format!("{} saves", show_peer(&replica.name)));
        replica.saved = Some((doc.save(), replica.model.clone()));
        Ok(())
    }

    /// Ends the replica and its watchers, and restarts it from its present save or an earlier one,
    /// as the same peer or as a new one. If it wrote events as this peer after that save, these
    /// events come back to it from elsewhere before it writes again.
    pub(crate) fn restart(&mut self, at: usize, dice: &mut Random, random: &mut Random) -> Checked {
        let restarts = self.log.len();
        let replica = &mut self.replicas[at];
        let Some(doc) = &replica.doc else { return Ok(()) };
        let now = || (doc.save(), replica.model.clone());
        let (bytes, model) = replica.saved.clone().filter(|_| dice.chance(1, 2)).unwrap_or_else(now);
        let before = show_peer(&replica.name);
        if dice.chance(1, 4) {
            replica.name = format!("restarted {restarts}");
        }
        let events = model.known.len();
        self.log.push(format!("{before} restarts as {} with {events} events", show_peer(&replica.name)));
        let mut doc = loaded(&replica.name, &bytes, &model)?;
        same("the report", &doc.merge_events(Vec::new()), &Ok(model.clone().merge(&[])))?;
        (replica.doc, replica.model) = (Some(doc), model);
        replica.mirrors.clear();
        let replica = &self.replicas[at];
        let known = &replica.model.known;
        let is_own = |event: &Event| event.id.peer == replica.name && !known.contains_key(&event.id);
        let own: Vec<Event> = self.all_events().into_values().filter(is_own).collect();
        self.bring(at, scattered(dice, &own), random)
    }

    /// Checks that all replicas save the same bytes once they know the same events. Merging known
    /// events again, or loading, does not change the bytes.
    pub(crate) fn check_saves(&mut self, random: &mut Random) -> Checked {
        let events: Vec<Event> = self.all_events().into_values().collect();
        let mut first: Option<Vec<u8>> = None;
        for replica in &mut self.replicas {
            let Some(doc) = &mut replica.doc else { continue };
            let bytes = doc.save();
            same("the saved bytes of complete replicas", &bytes, first.get_or_insert_with(|| bytes.clone()))?;
            loaded(&replica.name, &bytes, &replica.model)?;
            loaded("another", &bytes, &replica.model)?;
            doc.merge_events(scattered(random, &events)).map_err(|error| error.to_string())?;
            doc.merge_update(&bytes).map_err(|error| error.to_string())?;
            same("the saved bytes after known events were merged again", &doc.save(), &bytes)?;
        }
        Ok(())
    }
}

/// Loads the document that saved these bytes, and compares it with the model at that time.
fn loaded(peer: &str, bytes: &[u8], model: &Model) -> Checked<Doc> {
    let doc = Doc::load(peer, bytes).map_err(|error| format!("load: {error}"))?;
    doc.dbg_check();
    same("the peer's name", &doc.peer(), &peer)?;
    same("the bytes that a loaded document saves", &doc.save(), &bytes.to_vec())?;
    same("its version", &doc.version(), &model.version())?;
    same("its heads", &doc.heads(), &model.heads())?;
    let batch = doc.events_since(&by_name(&[]), u32::MAX).map_err(|error| error.to_string())?;
    let mut events = all_events_of(&batch.runs);
    events.sort_by(|a, b| a.id.cmp(&b.id));
    same("its events", &events, &model.known.values().map(with_sorted_cells).collect())?;
    Ok(doc)
}

/// Returns the events beyond a version.
pub(crate) fn beyond<'a>(events: &'a Events, known: &[PeerVersion]) -> Vec<&'a Event> {
    let count = |peer: &str| known.iter().find(|known| known.peer == peer).map_or(0, |known| known.count);
    events.values().filter(|event| event.id.counter >= count(&event.id.peer)).collect()
}
