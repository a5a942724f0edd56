//! Reading a document, and events: everything is decoded and checked before anything changes.

use super::branches::{SavedBranches, SavedPrints};
use super::incoming::{Incoming, Target};
use super::pack::Unpacked;
use super::stamps::Stamps;
use super::{Doc, MergeReport};
use crate::clock::Lamport;
use crate::codec::{Frame, Kind, Reader, Section};
use crate::error::{Error, Name};
use crate::graph::{Graph, Horizon, RunsReader};
use crate::id::{Counter, PeerNumber, SharedText, read_texts};
use crate::lanes::branch_name;
use crate::limits;
use crate::oplog::{OpLog, OpsReader};
use crate::rows::StateReader;
use std::cell::RefCell;

/// The frame of a saved document; refuses what else has one.
pub(super) fn document_frame(saved: &[u8]) -> Result<Frame<'_>, Error> {
    let frame = Frame::read(saved)?;
    let refuse = |what| Err(Reader::new(saved).damage(what));
    match frame.kind {
        Kind::Document => Ok(frame),
        Kind::Update => refuse("this is an update, not a document: give it to `merge-update`"),
        Kind::Snapshot | Kind::Entries => refuse(NOT_EVENTS),
    }
}

pub(super) const NOT_EVENTS: &str =
    "these are a store's entries, not a document: give them to a store's `merge-update`";

impl Doc {
    /// The document that `save` wrote, writing as `peer` from now on: 1 to `limits::PEER_BYTES` bytes. A replica that goes
    /// on as the peer that it was goes on with its counter. O(bytes × log n), without executing the history again.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty name; `Corrupt` for bytes that are not a saved document, or are damaged;
    /// `UnsupportedVersion` and `UnsupportedFeature` for those that a newer engine wrote; `LimitExceeded` for a name or a
    /// document that is too large.
    pub fn load(peer: &str, saved: &[u8]) -> Result<Self, Error> {
        Name::Peer.check(peer)?;
        let mut frame = document_frame(saved)?;
        Self::read(SharedText::from(peer), &mut frame)
    }

    /// Merges bytes of `update_since` or `save` of another replica, as [`Doc::merge_events`] does, including the events that
    /// wait in a saved document. Waiting events that do not fit or do not build on the horizon are counted as `dropped`.
    /// O(bytes × log n).
    ///
    /// # Errors
    /// Those of [`Doc::merge_events`]; `Corrupt`, `UnsupportedVersion` and `UnsupportedFeature` as for [`Doc::load`];
    /// `Compacted` if the bytes are of a document that was compacted past events that are unknown here.
    pub fn merge_update(&mut self, update: &[u8]) -> Result<MergeReport, Error> {
        let mut frame = Frame::read(update)?;
        match frame.kind {
            Kind::Document => {}
            Kind::Update => {
                let unpacked = Unpacked::of_update(&mut frame)?;
                let report = self.merge(&unpacked.runs()?)?.report;
                self.announce(unpacked.markers.iter().cloned());
                return Ok(report.with_missing(self));
            }
            Kind::Snapshot | Kind::Entries => return Err(Reader::new(update).damage(NOT_EVENTS)),
        }
        let other = Self::read(self.peer.clone(), &mut frame)?;
        let summary = self.own_summary();
        let proven = other.proven(&summary, &[]);
        if other.is_below(&summary, &proven) {
            return Err(other.compacted());
        }
        let mut report = self.merge(&other.runs())?.report;
        for run in other.waiting_runs() {
            match self.merge(&[run]) {
                Ok(merged) => report.add(merged.report),
                Err(_) => report.dropped = report.dropped.saturating_add(1),
            }
        }
        Ok(report.with_missing(self))
    }

    pub(super) fn read(peer: SharedText, frame: &mut Frame<'_>) -> Result<Self, Error> {
        let mut section = frame.need(Section::Peers)?;
        let names = read_texts(&mut section, &limits::PEERS, limits::BRANCH_BYTES.maximum)?;
        let branches = SavedBranches::read(&mut section, &names)?;
        section.finish()?;
        let mut section = frame.need(Section::Names)?;
        let mut state = StateReader::read_names(&mut section)?;
        section.finish()?;

        let peer_count = names.len() as u32;
        let mut horizon_section = frame.take(Section::Horizon);
        let horizon = horizon_section.as_mut().map(|section| Horizon::read(section, peer_count)).transpose()?;
        let mut history = frame.need(Section::History)?;
        let mut prints_section = frame.take(Section::Fingerprints);
        if prints_section.is_some() == (peer_count == 0) {
            return Err(history.damage("a document with events has fingerprints, and no other one"));
        }
        let saved = prints_section.as_mut().map(|section| SavedPrints::read(section, &branches, horizon.as_ref()));
        let saved = saved.transpose()?.unwrap_or_else(SavedPrints::none);
        let (graph, mut stamps, events) = read_graph(&mut history, horizon.unwrap_or_default(), &branches, &saved)?;
        let lanes = branches.lanes(&graph).ok_or_else(|| history.damage("branches do not make trees"))?;
        if let Some(mut section) = horizon_section {
            stamps.read_dropped(&mut section, peer_count)?;
            section.finish()?;
        }
        let prints = saved.restore(&graph, &branches)?;

        let mut log = OpLog::default();
        state.read_states(&mut frame.need(Section::State)?, &mut log, &stamps)?;
        let has_horizon = !graph.horizon().is_empty();
        if let Some(mut changed) = if has_horizon { frame.take(Section::Changed) } else { None } {
            state.read_changed(&mut changed, &mut log, &stamps)?;
        }
        (0..graph.horizon().stubs().len()).for_each(|_| log.end_event());
        let mut ops = OpsReader::read(&mut history, events)?;
        let shapes = state.shapes();
        for (lamport, peer) in stamps.events() {
            ops.event(&mut log, (lamport, peer), &shapes, &mut state)?;
        }
        ops.finish()?;
        history.finish()?;
        let rows = state.finish(&history, &log, &lanes, has_horizon)?;

        let prints = RefCell::new(prints);
        let mut doc = Self { peer, lanes, graph, log, rows, prints, ..Self::empty() };
        if let Some(section) = frame.take(Section::Waiting) {
            doc.read_waiting(section)?;
        }
        frame.finish()?;
        Ok(doc)
    }

    fn read_waiting(&mut self, section: Reader<'_>) -> Result<(), Error> {
        let wrong = section.damage("a waiting event does not wait, or breaks a rule");
        let unpacked = Unpacked::of_section(section)?;
        let runs = unpacked.runs().map(|runs| {
            let plain = with_permanent_names(runs).into_iter();
            plain.map(|run| run.with_plain_names(|author| !self.is_forked(author))).collect::<Vec<_>>()
        });
        let merged = runs.and_then(|runs| self.merge(&runs)).map_err(|error| match error {
            Error::LimitExceeded { .. } => error,
            _ => wrong.clone(),
        })?;
        let report = merged.report;
        if report.applied == 0 && report.duplicate == 0 && report.waiting > 0 { Ok(()) } else { Err(wrong) }
    }
}

/// Names the events that waiting runs follow, which are not named in the bytes, as other dependencies are.
fn with_permanent_names(mut runs: Vec<Incoming<'_>>) -> Vec<Incoming<'_>> {
    for previous in runs.iter_mut().filter_map(|run| run.previous.as_mut()) {
        let Target::Print(fingerprint) = previous.target else { continue };
        previous.name = branch_name(previous.author(), fingerprint).into();
    }
    runs
}

/// Reads the runs of a history, in the order of their times and branches, each as long as it can be.
fn read_graph(
    history: &mut Reader<'_>,
    horizon: Horizon,
    branches: &SavedBranches,
    saved: &SavedPrints<'_>,
) -> Result<(Graph, Stamps, u64), Error> {
    let given_up = horizon.counts_of(branches.len() as u32);
    let mut runs = RunsReader::read(history, given_up.clone())?;
    let mut graph = Graph::beyond(horizon);
    let mut stamps = Stamps::default();
    let (mut deps, mut dependencies, mut last) = (Vec::new(), Vec::new(), (Lamport::NEVER, 0));
    let mut events = graph.len().into();
    let mut place = 0;
    while let Some(run) = runs.next(&mut deps)? {
        let peer = PeerNumber(run.peer);
        let count = graph.count(peer);
        let parent = branches.parent(peer);
        let previous = match (count, parent) {
            (0, None) => None,
            (0, Some(parent)) => Some((parent, graph.count(parent))),
            _ => Some((peer, count)),
        };
        if run.start != previous.map_or(0, |(_, count)| count) {
            return Err(runs.damage("a peer's events have a gap"));
        }
        let previous = previous.and_then(|(lane, count)| Some((lane, Counter(count.checked_sub(1)?))));
        dependencies.clear();
        for &(peer, counter) in &deps {
            let event = graph.find(PeerNumber(peer), Counter(counter));
            dependencies.push(event.ok_or_else(|| runs.damage("an event comes before what it depends on"))?);
        }
        let lamport = graph.lamport_after(&dependencies);
        let salt = saved.salts.get(&place).copied().unwrap_or(0);
        place += 1;
        let is_part =
            count > given_up[run.peer as usize] && salt == 0 && matches!(deps[..], [(peer, _)] if peer == run.peer);
        if is_part || (lamport, run.peer) <= last {
            return Err(runs.damage("the runs are not the longest, or not in their order"));
        }
        let siblings = if count == 0 { branches.siblings(peer) } else { &[] };
        let siblings: Vec<(PeerNumber, Counter)> = match dependencies.len() {
            0 | 1 => Vec::new(),
            _ => siblings.iter().filter(|&&lane| lane != peer).map(|&lane| (lane, Counter(run.start))).collect(),
        };
        if graph.check(previous, &siblings, &dependencies).is_err() {
            return Err(runs.damage("an event depends on events that it cannot depend on"));
        }
        events += u64::from(run.len);
        limits::DOCUMENT_EVENTS.check(events)?;
        last = (lamport, run.peer);
        graph.push((peer, Counter(run.start)), &dependencies, salt, run.len);
        stamps.add(peer, lamport, run.len);
    }
    runs.finish()?;
    if (0..branches.len() as u32).any(|peer| graph.count(PeerNumber(peer)) == 0) {
        return Err(runs.damage("a peer has no events"));
    }
    graph.complete_so_far();
    let beyond = events - graph.horizon().stubs().len() as u64;
    Ok((graph, stamps, beyond))
}
