//! The events of a history, merged in many ways.

use crate::history::{CELL, History, Index, concurrent_traces, conformance, text, text_of, traces};
use crate::seeds::{Checked, Random, ensure, for_each_seed, same};
use converge_engine::{Doc, EventRun, PeerVersion};
use converge_traces::sha256;
use std::time::Instant;

/// What a document shows that merged all events one after the other.
pub(crate) struct Reference {
    pub(crate) history: History,
    pub(crate) saved: Vec<u8>,
    pub(crate) text: String,
    digest: [u8; 32],
    version: Vec<PeerVersion>,
}

impl Reference {
    pub(crate) fn new(history: History) -> Checked<Self> {
        let mut doc = new_doc("reference");
        for event in 0..history.events.len() {
            let report = doc.merge_events(vec![history.run(event)]).map_err(|error| error.to_string())?;
            ensure!((report.applied, report.waiting) == (1, 0), "event {event}: {report:?}");
        }
        dbg_check(&doc);
        let (saved, text, digest, version) = (doc.save(), text(&doc), doc.digest(), doc.version());
        Ok(Self { history, saved, text, digest, version })
    }

    /// Returns a document with all events.
    pub(crate) fn doc(&self) -> Doc {
        Doc::load("reference", &self.saved).expect("a saved document")
    }

    /// Returns an update with all events.
    fn update(&self) -> Checked<Vec<u8>> {
        self.doc().update_since(&new_doc("nobody").summary()).map_err(|error| error.to_string())
    }

    /// Checks that a document has the same events, rows and bytes.
    pub(crate) fn check(&self, what: &str, doc: &Doc) -> Checked {
        let name = &self.history.name;
        ensure!(text(doc) == self.text, "{name}, {what}: another text");
        same("digests", &doc.digest(), &self.digest)?;
        ensure!(doc.save() == self.saved, "{name}, {what}: other bytes");
        Ok(())
    }

    /// Checks that a document that may have been compacted has the same rows.
    pub(crate) fn check_rows(&self, what: &str, doc: &Doc) -> Checked {
        ensure!(text(doc) == self.text, "{}, {what}: another text", self.history.name);
        same("digests", &doc.digest(), &self.digest)?;
        same("versions", &doc.version(), &self.version)
    }

    /// Merges events in this order, in groups of up to `most`. Between them, saves and loads the
    /// document, and compacts it below the events that follow, each with this chance out of 16.
    pub(crate) fn replay(
        &self,
        order: &[Index],
        most: usize,
        (reload, compact): (usize, usize),
        random: &mut Random,
    ) -> Checked<Doc> {
        let criticals = if compact > 0 { self.history.criticals() } else { Vec::new() };
        let mut doc = new_doc("replica");
        let (mut rest, mut arrived) = (order, vec![false; order.len()]);
        let mut prefix = 0;
        while !rest.is_empty() {
            let (group, behind) = rest.split_at((1 + random.below(most)).min(rest.len()));
            rest = behind;
            let runs: Vec<EventRun> = group.iter().map(|&event| self.history.run(event)).collect();
            // Waiting events are not part of an update.
            if self.history.prints.is_empty() && random.chance(1, 2) {
                merge_as_update(&mut doc, runs)?;
            } else {
                doc.merge_events(runs).map_err(|error| error.to_string())?;
            }
            group.iter().for_each(|&event| arrived[event] = true);
            while arrived.get(prefix) == Some(&true) {
                prefix += 1;
            }
            if random.chance(reload, 16) {
                let saved = doc.save();
                doc = Doc::load("replica", &saved).map_err(|error| format!("load: {error}"))?;
                ensure!(doc.save() == saved, "other bytes after load");
            }
            if random.chance(compact, 16) && prefix > 0 {
                let horizon = self.history.summary_up_to(criticals[prefix - 1]);
                doc.compact(&[horizon]).map_err(|error| format!("compact: {error}"))?;
            }
        }
        dbg_check(&doc);
        Ok(doc)
    }

    /// Checks the text that is read from the saved bytes alone.
    pub(crate) fn check_peek(&self, saved: &[u8]) -> Checked {
        let cells = Doc::peek(saved, CELL.0, CELL.1).map_err(|error| format!("peek: {error}"))?;
        let cells = cells.ok_or("peek found no row")?;
        let peeked = text_of(cells.into_iter().find(|cell| cell.column == CELL.2).map(|cell| cell.value));
        ensure!(peeked == self.text, "{}: peek returns another text", self.history.name);
        Ok(())
    }

    /// Merges everything as one update, loads and peeks.
    pub(crate) fn check_at_once(&self) -> Checked {
        let error = |error| format!("{}: {error}", self.history.name);
        let update = self.update()?;
        let mut merged = new_doc("merged");
        let start = Instant::now();
        let report = merged.merge_update(&update).map_err(error)?;
        let to_merge = start.elapsed();
        same("applied events", &report.applied, &(self.history.events.len() as u32))?;
        dbg_check(&merged);
        self.check("as one update", &merged)?;
        let start = Instant::now();
        let loaded = Doc::load("loaded", &self.saved).map_err(error)?;
        let read = text(&loaded);
        let to_load = start.elapsed();
        ensure!(read == self.text, "another text after load");
        dbg_check(&loaded);
        self.check("loaded", &loaded)?;
        self.check_peek(&self.saved)?;
        let mut compacted = loaded;
        compacted.compact(&[]).map_err(error)?;
        self.check_rows("compacted", &compacted)?;
        let saved = compacted.save();
        self.check_peek(&saved)?;
        let reloaded = Doc::load("loaded", &saved).map_err(error)?;
        self.check_rows("compacted and loaded", &reloaded)?;
        ensure!(reloaded.save() == saved, "other bytes after load");
        if self.history.events.len() > 500 {
            eprintln!(
                "{}: an update of {} bytes, merged in {to_merge:.1?}; {} bytes saved, loaded in {to_load:.1?}; {} compacted",
                self.history.name,
                update.len(),
                self.saved.len(),
                saved.len(),
            );
        }
        Ok(())
    }
}

pub(crate) fn new_doc(peer: &str) -> Doc {
    Doc::create(peer).expect("a valid name")
}

/// Checks the document from the inside, unless this would take too long.
pub(crate) fn dbg_check(doc: &Doc) {
    if doc.version().iter().map(|known| known.count).sum::<u32>() < 200 {
        doc.dbg_check();
    }
}

/// Merges runs as an update, which a document that has them in addition writes.
fn merge_as_update(doc: &mut Doc, runs: Vec<EventRun>) -> Checked {
    let count = runs.len() as u32;
    let mut other = Doc::load("other", &doc.save()).map_err(|error| error.to_string())?;
    other.merge_events(runs).map_err(|error| error.to_string())?;
    let update = other.update_since(&doc.summary()).map_err(|error| error.to_string())?;
    let report = doc.merge_update(&update).map_err(|error| error.to_string())?;
    same("applied and duplicate events", &(report.applied, report.duplicate), &(count, 0))
}

#[test]
fn traces_end_as_published() -> Checked {
    for (history, end) in traces() {
        let start = Instant::now();
        let reference = Reference::new(history)?;
        eprintln!(
            "{}: {} events, merged one by one in {:.1?}",
            reference.history.name,
            reference.history.events.len(),
            start.elapsed()
        );
        assert_eq!(sha256(&reference.text), end, "{}", reference.history.name);
        reference.check_at_once()?;
    }
    Ok(())
}

/// Each seed merges each history in another order, in other groups, and with other interruptions.
#[test]
fn concurrent_traces_end_as_published_in_any_order() -> Checked {
    let references = concurrent_traces().map(|(history, _)| Reference::new(history)).collect::<Checked<Vec<_>>>()?;
    for_each_seed(2, |seed| {
        for reference in &references {
            let mut random = Random::new(seed);
            let order = reference.history.shuffled(&mut random);
            // Interruptions cost as much as the history.
            let most = order.len() / [8, 4][(seed % 2) as usize];
            let compact = random.below(2) * 6;
            let doc = reference.replay(&order, most, (6, compact), &mut random)?;
            reference.check_rows("shuffled", &doc)?;
            if compact == 0 {
                reference.check("shuffled", &doc)?;
            }
            reference.check_peek(&doc.save())?;
        }
        Ok(())
    });
    Ok(())
}

/// The events of one author, with interruptions.
#[test]
fn traces_of_one_author_end_as_published_with_interruptions() -> Checked {
    let references: Vec<Reference> = traces()
        .filter(|(history, _)| history.events.len() < 40_000 && history.name != "node-nodecc")
        .map(|(history, _)| Reference::new(history))
        .collect::<Checked<_>>()?;
    for_each_seed(2, |seed| {
        for reference in &references {
            let mut random = Random::new(seed);
            let order: Vec<Index> = (0..reference.history.events.len()).collect();
            let doc = reference.replay(&order, order.len() / 8, (6, 6), &mut random)?;
            reference.check_rows("with interruptions", &doc)?;
            reference.check_peek(&doc.save())?;
        }
        Ok(())
    });
    Ok(())
}

#[test]
fn conformance_histories_end_as_published() -> Checked {
    let Some((histories, end)) = conformance() else { return Ok(()) };
    assert_eq!(histories.len(), 500);
    let references = histories.into_iter().map(Reference::new).collect::<Checked<Vec<_>>>()?;
    let ends: Vec<&str> = references.iter().map(|reference| reference.text.as_str()).collect();
    assert_eq!(sha256(&ends.join("\n")), end);
    references.iter().try_for_each(Reference::check_at_once)?;
    for_each_seed(3, |seed| {
        for reference in &references {
            let mut random = Random::new(seed);
            let order = reference.history.shuffled(&mut random);
            let (most, compact) = (1 + random.below(20), random.below(2) * 4);
            let doc = reference.replay(&order, most, (2, compact), &mut random)?;
            reference.check_rows("shuffled", &doc)?;
            if compact == 0 {
                reference.check("shuffled", &doc)?;
            }
            reference.check_peek(&doc.save())?;
        }
        Ok(())
    });
    Ok(())
}

/// Most events arrive before the events that they build on, and wait.
#[test]
fn conformance_histories_end_as_published_after_waiting() -> Checked {
    let Some((histories, _)) = conformance() else { return Ok(()) };
    let with_prints = |history| {
        let reference = Reference::new(history)?;
        let doc = reference.doc();
        Ok(Reference { history: reference.history.with_prints(&doc), ..reference })
    };
    let references = histories.into_iter().map(with_prints).collect::<Checked<Vec<_>>>()?;
    for_each_seed(1, |seed| {
        for reference in &references {
            let mut random = Random::new(seed);
            let mut order = reference.history.shuffled(&mut random);
            random.shuffle(&mut order);
            let most = 1 + random.below(20);
            let doc = reference.replay(&order, most, (2, 0), &mut random)?;
            reference.check("after waiting", &doc)?;
        }
        Ok(())
    });
    Ok(())
}
