//! Reading a document, and events: everything is decoded and checked before anything changes.

use super::pack::Unpacked;
use super::stamps::Stamps;
use super::{Doc, EventBatch, MergeReport};
use crate::clock::Lamport;
use crate::codec::{Frame, Kind, Reader, Section};
use crate::error::{Error, Name};
use crate::graph::{Graph, Horizon, RunsReader};
use crate::id::{Counter, PeerNumber, SharedText, read_texts};
use crate::limits;
use crate::oplog::{OpLog, OpsReader};
use crate::rows::StateReader;

/// The frame of a saved document; refuses what else has one.
pub(super) fn document_frame(saved: &[u8]) -> Result<Frame<'_>, Error> {
    let frame = Frame::read(saved)?;
    let refuse = |what| Err(Reader::new(saved).damage(what));
    match frame.kind {
        Kind::Document => Ok(frame),
        Kind::Update => refuse("this is an update, not a document: give it to `merge-update`"),
        Kind::Entries => refuse(NOT_EVENTS),
    }
}

const NOT_EVENTS: &str = "these are a store's entries, not a document: give them to a store's `merge-update`";

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

    /// Takes in what `update_since` or `save` of another replica wrote, as [`Doc::merge_events`] does; without what waits
    /// there. O(bytes × log n).
    ///
    /// # Errors
    /// Those of [`Doc::merge_events`]; `Corrupt`, `UnsupportedVersion` and `UnsupportedFeature` as for [`Doc::load`];
    /// `Compacted` where the bytes are of a document that gave up events which are not known here.
    pub fn merge_update(&mut self, update: &[u8]) -> Result<MergeReport, Error> {
        let mut frame = Frame::read(update)?;
        match frame.kind {
            Kind::Document => {}
            Kind::Update => return self.merge(&Unpacked::of_update(&mut frame)?.runs()?),
            Kind::Entries => return Err(Reader::new(update).damage(NOT_EVENTS)),
        }
        let other = Self::read(self.peer.clone(), &mut frame)?;
        let given_up = |number: u32| other.graph.horizon().count(PeerNumber(number));
        if other.peers.sorted().any(|(peer, number)| given_up(number) > self.count_of(peer)) {
            return Err(other.compacted());
        }
        self.merge(&other.runs())
    }

    /// The events that [`merge_update`](Self::merge_update) would be given by these bytes, and those that wait in a saved
    /// document, without merging them: at most `most` of those after the first `skip`. Their lamport times, which follow from
    /// what they depend on, are 0. A page ends once it has crossed `limits::PAGE_BYTES`. O(bytes × log n), and the page's size.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedVersion` and `UnsupportedFeature` as for [`Doc::load`].
    pub fn events_of(update: &[u8], skip: u32, most: u32) -> Result<EventBatch, Error> {
        let mut frame = Frame::read(update)?;
        match frame.kind {
            Kind::Update => Ok(EventBatch::page(&Unpacked::of_update(&mut frame)?.runs()?, skip, most)),
            Kind::Document => {
                let doc = Self::read(SharedText::from(""), &mut frame)?;
                let runs: Vec<_> = doc.runs().into_iter().chain(doc.waiting.runs()).collect();
                Ok(EventBatch::page(&runs, skip, most))
            }
            Kind::Entries => Err(Reader::new(update).damage(NOT_EVENTS)),
        }
    }

    fn read(peer: SharedText, frame: &mut Frame<'_>) -> Result<Self, Error> {
        let mut section = frame.need(Section::Peers)?;
        let peers = read_texts(&mut section, &limits::PEERS, limits::PEER_BYTES.most)?;
        section.finish()?;
        let mut section = frame.need(Section::Names)?;
        let mut state = StateReader::read_names(&mut section)?;
        section.finish()?;

        let peer_count = peers.len() as u32;
        let mut horizon_section = frame.take(Section::Horizon);
        let horizon = horizon_section.as_mut().map(|section| Horizon::read(section, peer_count)).transpose()?;
        let mut history = frame.need(Section::History)?;
        let (graph, mut stamps, events) = read_graph(&mut history, horizon.unwrap_or_default(), peer_count)?;
        if let Some(mut section) = horizon_section {
            stamps.read_dropped(&mut section, peer_count)?;
            section.finish()?;
        }

        let mut log = OpLog::default();
        state.read_states(&mut frame.need(Section::State)?, &mut log, (&stamps, &peers))?;
        let has_horizon = !graph.horizon().is_empty();
        if let Some(mut changed) = if has_horizon { frame.take(Section::Changed) } else { None } {
            state.read_changed(&mut changed, &mut log, (&stamps, &peers))?;
        }
        (0..graph.horizon().stubs().len()).for_each(|_| log.end_event());
        let mut ops = OpsReader::read(&mut history, events)?;
        let shapes = state.shapes();
        for (lamport, peer) in stamps.events() {
            ops.event(&mut log, (lamport, peer), &shapes, &mut state)?;
        }
        ops.finish()?;
        history.finish()?;
        let rows = state.finish(&history, &log, &peers, has_horizon)?;

        let mut doc = Self { peer, peers, graph, log, rows, ..Self::empty() };
        if let Some(section) = frame.take(Section::Waiting) {
            doc.read_waiting(section)?;
        }
        frame.finish()?;
        Ok(doc)
    }

    fn read_waiting(&mut self, section: Reader<'_>) -> Result<(), Error> {
        let wrong = section.damage("a waiting event does not wait, or breaks a rule");
        let unpacked = Unpacked::of_section(section)?;
        let report = unpacked.runs().and_then(|runs| self.merge(&runs)).map_err(|error| match error {
            Error::LimitExceeded { .. } => error,
            _ => wrong.clone(),
        })?;
        if report.applied == 0 && report.duplicate == 0 && report.waiting > 0 { Ok(()) } else { Err(wrong) }
    }
}

/// Reads the runs of a history, in the order of their times and peers, each as long as it can be.
fn read_graph(history: &mut Reader<'_>, horizon: Horizon, peers: u32) -> Result<(Graph, Stamps, u64), Error> {
    let numbers: Vec<PeerNumber> = (0..peers).map(PeerNumber).collect();
    let given_up = horizon.ranked_counts(&numbers);
    let mut runs = RunsReader::read(history, given_up.clone())?;
    let mut graph = Graph::beyond(horizon);
    let mut stamps = Stamps::default();
    let (mut deps, mut dependencies, mut last) = (Vec::new(), Vec::new(), (Lamport::NEVER, 0));
    let mut events = graph.len().into();
    while let Some(run) = runs.next(&mut deps)? {
        let peer = PeerNumber(run.peer);
        if run.start != graph.count(peer) {
            return Err(runs.damage("a peer's events have a gap"));
        }
        dependencies.clear();
        for &(peer, counter) in &deps {
            let event = graph.find(PeerNumber(peer), Counter(counter));
            dependencies.push(event.ok_or_else(|| runs.damage("an event comes before what it depends on"))?);
        }
        let lamport = graph.lamport_after(&dependencies);
        let is_part = run.start > given_up[run.peer as usize] && matches!(deps[..], [(peer, _)] if peer == run.peer);
        if is_part || (lamport, run.peer) <= last {
            return Err(runs.damage("the runs are not the longest, or not in their order"));
        }
        if graph.check(peer, &dependencies).is_err() {
            return Err(runs.damage("an event depends on events that it cannot depend on"));
        }
        events += u64::from(run.len);
        limits::DOCUMENT_EVENTS.check(events)?;
        last = (lamport, run.peer);
        graph.push(peer, &dependencies, run.len);
        stamps.add(peer, lamport, run.len);
    }
    runs.finish()?;
    if numbers.iter().any(|&peer| graph.count(peer) == 0) {
        return Err(runs.damage("a peer has no events"));
    }
    graph.complete_so_far();
    let beyond = events - graph.horizon().stubs().len() as u64;
    Ok((graph, stamps, beyond))
}
