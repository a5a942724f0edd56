//! Reads the events of encoded bytes page by page, without merging them.
//!
//! Stores the decoded bytes and the position of the next event, so that a page costs only its own
//! events.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

use super::Doc;
use super::bytes::{NOT_EVENTS, Unpacked};
use super::check;
use super::events::{BatchFiller, EventBatch, EventRun};
use super::incoming::{IncomingRun, Target, find_circle};
use super::prints::IncomingPrints;
use super::waiting::Waiting;
use crate::codec::{Frame, FrameKind, Reader, Section};
use crate::convert::index_of;
use crate::error::{Error, RunRule};
use crate::id::{EventId, EventNumber, Fingerprint, SharedText};
use crate::oplog::Commit;
use crate::sort;

/// Reads the events of an update page by page.
#[derive(Debug)]
pub struct UpdateReader {
    /// The document of the bytes and its next event. Its events come first.
    document: Option<(Box<Doc>, EventNumber)>,
    /// The events of an update, or the waiting events of the document, and their fingerprints.
    unpacked: Option<(Unpacked, IncomingPrints)>,
    /// The index of the run of the next such event, the number of the run's first event in the log,
    /// and the index of the event in the run.
    run: usize,
    first: EventNumber,
    place: u32,
}

impl UpdateReader {
    /// Opens an update or a saved document. Checks the bytes like [`Doc::merge_update`], without
    /// merging them. O(bytes × log n).
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedVersion` and `UnsupportedFeature` as for [`Doc::load`];
    /// `InvalidArgument` for a run that breaks a rule.
    pub fn open(update: &[u8]) -> Result<Self, Error> {
        let mut frame = Frame::read(update)?;
        let mut reader = Self { document: None, unpacked: None, run: 0, first: EventNumber(0), place: 0 };
        let unpacked = match frame.kind {
            FrameKind::Update => Some(Unpacked::of_update(&mut frame)?),
            FrameKind::Document => {
                let waiting = Frame::read(update)?.take(Section::Waiting);
                let mut doc = Doc::read(SharedText::from(""), &mut frame)?;
                doc.waiting = Waiting::default();
                let next = doc.first_event();
                reader.document = Some((Box::new(doc), next));
                waiting.map(Unpacked::of_section).transpose()?
            }
            FrameKind::Snapshot | FrameKind::Entries => return Err(Reader::new(update).damage(NOT_EVENTS)),
        };
        if let Some(unpacked) = unpacked {
            let prints = all_prints(&unpacked.runs()?)?;
            reader.unpacked = Some((unpacked, prints));
        }
        Ok(reader)
    }

    /// Returns at most `limit` further events. Each comes after its dependencies, and lamport times
    /// are `None`. A page ends after it has crossed `limits::PAGE_BYTES`. O(size of the page), and
    /// O(log n) for each run.
    pub fn next(&mut self, limit: u32) -> EventBatch {
        let mut page = BatchFiller::new(limit);
        if let Some((doc, next)) = &mut self.document {
            for span in doc.graph.spans_from(*next).flat_map(|span| doc.parts(span)) {
                let run = |commits| EventRun { lamport: None, ..doc.event_run(&span, commits) };
                *next = next.plus(page.add(span.events().map(|event| doc.commit_of(event)), run));
                if page.batch.more {
                    return page.batch;
                }
            }
        }
        let Some((unpacked, prints)) = &self.unpacked else { return page.batch };
        while let Some(incoming) = unpacked.run(self.run, self.first) {
            let incoming = match &self.document {
                Some((doc, _)) => incoming.with_plain_names(|author| !doc.is_forked(author)),
                None => incoming,
            };
            let start = self.place;
            let commits = (index_of(start)..index_of(incoming.len)).map(|place| incoming.commit(place));
            let taken = page.add(commits, |commits| part_of(&incoming, prints, (self.run, start), commits));
            self.place = self.place.saturating_add(taken);
            if page.batch.more {
                break;
            }
            self.run = self.run.saturating_add(1);
            self.first = self.first.plus(incoming.len);
            self.place = 0;
        }
        page.batch
    }
}

/// Returns the fingerprints of all events of these runs. O(size of the runs).
fn all_prints(runs: &[IncomingRun<'_>]) -> Result<IncomingPrints, Error> {
    if let Some((place, run)) = find_circle(runs, |_| true).and_then(|place| Some((place, runs.get(place)?))) {
        return Err(check::broken(&run.name, run.start, place, RunRule::Circle));
    }
    let mut prints = IncomingPrints::new(runs.len());
    for (number, run) in runs.iter().enumerate() {
        prints.of(runs, number, index_of(run.len.saturating_sub(1)));
    }
    Ok(prints)
}

/// Returns the part of a run that begins at this index, with these commits.
fn part_of(
    run: &IncomingRun<'_>,
    prints: &IncomingPrints,
    (number, place): (usize, u32),
    commits: Vec<Commit>,
) -> EventRun {
    let start = run.start.saturating_add(place);
    let print = |target: Target| match target {
        Target::Inside { run, place } => prints.known(run, place),
        Target::Print(fingerprint) => fingerprint,
    };
    let (previous, mut deps) = match place.checked_sub(1) {
        None => {
            let deps = run.previous.iter().filter(|_| run.is_direct).chain(&run.others);
            let deps: Vec<(EventId, Fingerprint)> = deps.map(|link| (link.id(), print(link.target))).collect();
            (run.previous.as_ref().map(|link| print(link.target)), deps)
        }
        Some(before) => {
            let fingerprint = prints.known(number, index_of(before));
            let id = EventId { peer: run.name.clone().into_owned(), counter: start.saturating_sub(1) };
            (Some(fingerprint), vec![(id, fingerprint)])
        }
    };
    sort::sort_by(&mut deps, |(a, _), (b, _)| a.cmp(b));
    let fingerprints = previous.into_iter().chain(deps.iter().map(|&(_, fingerprint)| fingerprint));
    EventRun {
        peer: run.name.clone().into_owned(),
        start,
        lamport: None,
        fingerprints: fingerprints.map(Fingerprint::get).collect(),
        deps: deps.into_iter().map(|(id, _)| id).collect(),
        salt: if place == 0 { run.salt } else { 0 },
        commits,
    }
}
