//! Decodes saved documents. Everything is checked before anything is returned.
//!
//! Does not decide about waiting events: they are merged like received ones.

use super::branches::SavedBranches;
use super::fingerprints::SavedPrints;
use crate::clock::Lamport;
use crate::codec::{Frame, FrameKind, Reader, Section};
use crate::doc::Doc;
use crate::error::Error;
use crate::graph::{Graph, Horizon, RunHead, RunsReader};
use crate::id::{Counter, EventNumber, PeerNumber, SharedText, read_texts};
use crate::limits;
use crate::oplog::{OpLog, OpsReader};
use crate::rows::{NameTable, Stamps, StateReader};
use smallvec::SmallVec;
use std::cell::RefCell;

/// The number of dependencies that are listed without an allocation.
const FEW_DEPENDENCIES: usize = 4;

/// Returns the frame of a saved document. Fails for other content.
pub(in crate::doc) fn document_frame(saved: &[u8]) -> Result<Frame<'_>, Error> {
    let frame = Frame::read(saved)?;
    let refuse = |what| Err(Reader::new(saved).damage(what));
    match frame.kind {
        FrameKind::Document => Ok(frame),
        FrameKind::Update => refuse("this is an update, not a document: give it to `merge-update`"),
        FrameKind::Snapshot | FrameKind::Entries => refuse(NOT_EVENTS),
    }
}

pub(in crate::doc) const NOT_EVENTS: &str =
    "these are a store's entries, not a document: give them to a store's `merge-update`";

/// Decodes the document in a frame without its waiting events. Returns it with the section of the
/// waiting events.
pub(in crate::doc) fn read_document<'a>(
    peer: SharedText,
    frame: &mut Frame<'a>,
) -> Result<(Doc, Option<Reader<'a>>), Error> {
    let mut section = frame.need(Section::Peers)?;
    let names = read_texts(&mut section, &limits::PEERS, limits::BRANCH_BYTES.maximum)?;
    let branches = SavedBranches::read(&mut section, &names)?;
    section.finish()?;
    let mut section = frame.need(Section::Names)?;
    let (table, shapes) = NameTable::read(&mut section)?;
    section.finish()?;

    let peer_count = branches.count();
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
    let mut state = StateReader::new(table, &shapes);
    state.read_states(&mut frame.need(Section::State)?, &mut log, &stamps)?;
    let has_horizon = !graph.horizon().is_empty();
    if let Some(mut changed) = if has_horizon { frame.take(Section::Changed) } else { None } {
        state.read_changed(&mut changed, &mut log, &stamps)?;
    }
    let mut contents = None;
    if let Some(edits) = frame.take(Section::Edits) {
        contents = Some(state.read_edits(edits, &stamps, &mut log)?);
    }
    (0..graph.horizon().stubs().len()).for_each(|_| log.end_event());
    let mut ops = OpsReader::read(&mut history, events)?;
    ops.set_contents(contents.unwrap_or_default());
    for (lamport, peer, len) in stamps.runs() {
        ops.events(&mut log, len, |steps| (lamport.plus(steps), peer), &shapes, &mut state)?;
    }
    ops.finish()?;
    history.finish()?;
    let rows = state.finish(&history, &log, (&graph, &lanes), has_horizon)?;
    if !rows.keeps_right_grounds(&log, &graph) {
        return Err(history.damage("grounds are kept for other edits than those that do not build on the horizon"));
    }

    let prints = RefCell::new(prints);
    let doc = Doc { peer, lanes, graph, log, rows, prints, ..Doc::empty() };
    Ok((doc, frame.take(Section::Waiting)))
}

/// Decodes the runs of a history, which are as long as possible and sorted by time and branch. The
/// last result is the number of events without stubs.
fn read_graph(
    history: &mut Reader<'_>,
    horizon: Horizon,
    branches: &SavedBranches,
    saved: &SavedPrints<'_>,
) -> Result<(Graph, Stamps, u64), Error> {
    let compacted = horizon.counts_of(branches.count());
    let mut runs = RunsReader::read(history, compacted.clone())?;
    let (graph, last) = (Graph::beyond(horizon), (Lamport::NEVER, 0));
    let stubs = graph.len().into();
    let mut history = HistoryReader { branches, compacted, graph, stamps: Stamps::default(), stubs, events: 0, last };
    let mut deps = Vec::new();
    for place in 0.. {
        let Some(run) = runs.next(&mut deps)? else { break };
        let salt = saved.salts.get(&place).copied().unwrap_or(0);
        history.add(run, &deps, salt, |what| runs.damage(what))?;
    }
    runs.finish()?;
    let HistoryReader { mut graph, stamps, events, .. } = history;
    if branches.all().any(|branch| graph.count(branch) == 0) {
        return Err(runs.damage("a peer has no events"));
    }
    graph.complete_so_far();
    Ok((graph, stamps, events))
}

/// The decoded runs of a history.
struct HistoryReader<'a> {
    branches: &'a SavedBranches,
    /// The number of compacted events of each branch.
    compacted: Vec<u32>,
    graph: Graph,
    stamps: Stamps,
    stubs: u64,
    /// The number of events without stubs.
    events: u64,
    /// The time and branch of the last run.
    last: (Lamport, u32),
}

impl HistoryReader<'_> {
    /// Adds a run. `damage` makes an error of a message.
    fn add(
        &mut self,
        run: RunHead,
        deps: &[(u32, u32)],
        salt: u64,
        damage: impl Fn(&'static str) -> Error,
    ) -> Result<(), Error> {
        let Self { branches, graph, .. } = self;
        let peer = PeerNumber(run.peer);
        let count = graph.count(peer);
        let previous = match (count, branches.parent(peer)) {
            (0, None) => None,
            (0, Some(parent)) => Some((parent, graph.count(parent))),
            _ => Some((peer, count)),
        };
        if run.start != previous.map_or(0, |(_, count)| count) {
            return Err(damage("a peer's events have a gap"));
        }
        let previous = previous.and_then(|(lane, count)| Some((lane, Counter(count.checked_sub(1)?))));
        let dependencies = deps.iter().map(|&(peer, counter)| graph.find(PeerNumber(peer), Counter(counter)));
        let dependencies: SmallVec<[EventNumber; FEW_DEPENDENCIES]> =
            dependencies.collect::<Option<_>>().ok_or_else(|| damage("an event comes before what it depends on"))?;
        let lamport = graph.lamport_after(&dependencies);
        let is_first = self.compacted.get(peer.index()).is_none_or(|&compacted| count <= compacted);
        let is_part = !is_first && salt == 0 && matches!(deps, [(peer, _)] if *peer == run.peer);
        if is_part || (lamport, run.peer) <= self.last {
            return Err(damage("the runs are not the longest, or not in their order"));
        }
        let siblings = if count == 0 && dependencies.len() > 1 { branches.siblings(peer) } else { &[] };
        let siblings = siblings.iter().filter(|&&lane| lane != peer).map(|&lane| (lane, Counter(run.start)));
        let siblings: Vec<(PeerNumber, Counter)> = siblings.collect();
        if graph.check(previous, &siblings, &dependencies).is_err() {
            return Err(damage("an event depends on events that it cannot depend on"));
        }
        self.events = self.events.saturating_add(run.len.into());
        limits::DOCUMENT_EVENTS.check(self.stubs.saturating_add(self.events))?;
        self.last = (lamport, run.peer);
        self.graph.push((peer, Counter(run.start)), &dependencies, salt, run.len);
        self.stamps.add(peer, lamport, run.len);
        Ok(())
    }
}
