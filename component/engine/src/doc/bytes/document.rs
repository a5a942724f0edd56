//! Reading a document, and events: everything is decoded and checked before anything changes.

use super::branches::SavedBranches;
use super::fingerprints::SavedPrints;
use crate::clock::Lamport;
use crate::codec::{Frame, FrameKind, Reader, Section};
use crate::doc::Doc;
use crate::error::Error;
use crate::graph::{Graph, Horizon, RunsReader};
use crate::id::{Counter, PeerNumber, SharedText, read_texts};
use crate::limits;
use crate::oplog::{OpLog, OpsReader};
use crate::rows::{NameTable, Stamps, StateReader};
use std::cell::RefCell;

/// The frame of a saved document; refuses what else has one.
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

/// The document in a frame without its waiting events, and the section of these.
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
    let mut state = StateReader::new(table, &shapes);
    state.read_states(&mut frame.need(Section::State)?, &mut log, &stamps)?;
    let has_horizon = !graph.horizon().is_empty();
    if let Some(mut changed) = if has_horizon { frame.take(Section::Changed) } else { None } {
        state.read_changed(&mut changed, &mut log, &stamps)?;
    }
    (0..graph.horizon().stubs().len()).for_each(|_| log.end_event());
    let mut ops = OpsReader::read(&mut history, events)?;
    for (lamport, peer) in stamps.events() {
        ops.event(&mut log, (lamport, peer), &shapes, &mut state)?;
    }
    ops.finish()?;
    history.finish()?;
    let rows = state.finish(&history, &log, &lanes, has_horizon)?;

    let prints = RefCell::new(prints);
    let doc = Doc { peer, lanes, graph, log, rows, prints, ..Doc::empty() };
    Ok((doc, frame.take(Section::Waiting)))
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
