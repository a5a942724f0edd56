//! Packs: the bytes of some events with all names that they need. An update is a pack; a document
//! contains one of its waiting events, and sessions send pages as packs.
//!
//! An event that another one builds on is named by branch and counter. If that event is in the same
//! pack, the name identifies it; otherwise the pack contains its fingerprint.

use super::branches::{BEGINS, CONTINUES, write_begins};
use super::events::{rank_in, write_events};
use super::fingerprints::write_salts;
use crate::codec::{ColumnWriter, Feature, FrameKind, FrameWriter, Section, put_varint};
use crate::doc::Doc;
use crate::doc::chains::Chain;
use crate::doc::waiting::Need;
use crate::graph::RunsWriter;
use crate::id::{Counter, EventNumber, Fingerprint, PeerNumber, Ranks, write_texts};
use crate::oplog::{OpLog, OpsWriter, ShapesWriter};
use crate::rows::Rows;
use crate::sort;
use std::borrow::Cow;

/// A run of events to write.
pub(in crate::doc) struct OutgoingRun<'a> {
    /// The name of its branch.
    pub(super) name: Cow<'a, str>,
    pub(super) start: u32,
    /// The author's event before the first one.
    pub(super) previous: Option<OutLink<'a>>,
    /// Whether the first event depends on `previous` directly.
    pub(super) is_direct: bool,
    /// The other dependencies of the first event.
    pub(super) others: Vec<OutLink<'a>>,
    pub(super) salt: u64,
    /// The events of the run in the log.
    pub(super) events: Vec<EventNumber>,
}

/// An event that a run builds on.
#[derive(Clone)]
pub(super) struct OutLink<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) counter: u32,
    pub(super) target: OutTarget,
}

/// The source of the fingerprint of a linked event.
#[derive(Debug, Clone, Copy)]
pub(super) enum OutTarget {
    Event(EventNumber),
    Print(Fingerprint),
}

/// The encoded parts of a pack.
#[derive(Default)]
pub(in crate::doc) struct Pack {
    peers: Vec<u8>,
    names: Vec<u8>,
    rows: Vec<u8>,
    history: Vec<u8>,
    prints: Vec<u8>,
    has_edits: bool,
}

impl Pack {
    /// Encodes runs, whose operations are in this log, and markers: events that the reader should
    /// request if it lacks them.
    pub(in crate::doc) fn write(
        (rows, log): (&Rows, &OpLog),
        runs: &[OutgoingRun<'_>],
        markers: &[Need],
        print: &dyn Fn(EventNumber) -> Fingerprint,
    ) -> Self {
        let mut pack = Self::default();
        let held = HeldEvents::of(runs);
        let previous: Vec<&str> = runs.iter().map(|run| held.previous_name(run)).collect();
        let names = runs
            .iter()
            .zip(&previous)
            .flat_map(|(run, previous)| run.others.iter().map(|link| &*link.name).chain([&*run.name, previous]));
        let names: Vec<&str> = sort::distinct(names.chain(markers.iter().map(|marker| &*marker.name)));
        let rank = |name: &str| rank_in(&names, name);
        write_texts(names.len(), names.iter().copied(), &mut pack.peers);
        let mut begins = vec![CONTINUES; names.len()];
        for (run, previous) in runs.iter().zip(&previous) {
            if run.start > 0 && **previous != *run.name {
                begins[rank(&run.name) as usize] = BEGINS + 1 + u64::from(rank(previous));
            }
        }
        write_begins(&names, |rank| begins[rank], &mut pack.peers);

        let events = || runs.iter().flat_map(|run| run.events.iter().copied());
        // Events that are alike name the same rows and columns.
        let ops = || log.groups(events()).flat_map(|(first, _)| log.ops(first));
        pack.has_edits = log.has_edits() && ops().any(|op| op.kind.is_edit());
        let columns = ops().flat_map(|op| log.columns_of(&op));
        let row_names = rows.some_names(ops().map(|op| op.row), columns);
        rows.write_names(&row_names, &mut pack.names);
        rows.write_ids(&row_names, &mut pack.rows);
        let row_ranks = Ranks::sparse(row_names.rows.iter().map(|row| row.0));
        let column_ranks = Ranks::sparse(row_names.columns.iter().copied());

        let mut prints = PrintsWriter::default();
        let mut heads = RunsWriter::new(vec![0; names.len()]);
        for (place, (run, previous)) in runs.iter().zip(&previous).enumerate() {
            let own = run.previous.iter().filter(|_| run.is_direct).map(|link| (rank(previous), link));
            let mut deps: Vec<(u32, &OutLink<'_>)> =
                run.others.iter().map(|link| (rank(&link.name), link)).chain(own).collect();
            sort::sort_by_key(&mut deps, |(rank, link)| (*rank, link.counter));
            let len = run.events.len() as u32;
            heads.push(rank(&run.name), run.start, len, deps.iter().map(|(rank, link)| (*rank, link.counter)));
            let is_other = |link: &&OutLink<'_>| run.previous.as_ref().is_none_or(|own| !std::ptr::eq(own, *link));
            let others = deps.iter().map(|&(_, link)| link).filter(is_other);
            for link in run.previous.iter().chain(others).filter(|link| !held.holds(link)) {
                prints.push(match link.target {
                    OutTarget::Event(event) => print(event),
                    OutTarget::Print(fingerprint) => fingerprint,
                });
            }
            prints.salt(place, run.salt);
        }
        heads.finish(&mut pack.history);
        let mut writer = OpsWriter::new(log, &row_ranks, &column_ranks);
        let mut shapes = ShapesWriter::default();
        writer.events(events(), &mut shapes, &|_| false);
        let contents = writer.finish(&mut pack.history);
        if !contents.is_empty() {
            contents.write(log, &mut pack.history);
        }
        shapes.finish(&mut pack.names);
        let markers = markers.iter().map(|marker| (rank(&marker.name), marker.counter, marker.fingerprint));
        prints.finish(markers, &mut pack.prints);
        pack
    }

    /// Returns whether an operation edits a cell.
    pub(in crate::doc) fn has_edits(&self) -> bool {
        self.has_edits
    }

    /// Returns the parts as sections of an update.
    pub(in crate::doc) fn into_update(self) -> Vec<u8> {
        let mut frame = FrameWriter::new(FrameKind::Update);
        if self.has_edits {
            frame.use_feature(Feature::Edits);
        }
        frame.section(Section::Peers, self.peers);
        frame.section(Section::Names, self.names);
        frame.section(Section::Rows, self.rows);
        frame.section(Section::History, self.history);
        frame.section(Section::Fingerprints, self.prints);
        frame.finish()
    }

    /// Returns a pack of encoded parts. `has_edits` reports whether an operation edits a cell.
    pub(super) fn of_parts([peers, names, rows, history, prints]: [Vec<u8>; 5], has_edits: bool) -> Self {
        Self { peers, names, rows, history, prints, has_edits }
    }

    /// Returns the parts as one section of a document.
    pub(in crate::doc) fn into_section(self) -> Vec<u8> {
        let mut section = Vec::new();
        for mut part in [self.peers, self.names, self.rows, self.history, self.prints] {
            put_varint(&mut section, part.len() as u64);
            section.append(&mut part);
        }
        section
    }
}

/// The events of some runs.
struct HeldEvents<'a> {
    /// The names of the runs' branches, and of the branches that they link to, sorted.
    names: Vec<&'a str>,
    /// For each name, the ranges of counters of its runs, sorted.
    ranges: Vec<Vec<(u32, u32)>>,
}

impl<'a> HeldEvents<'a> {
    fn of(runs: &'a [OutgoingRun<'_>]) -> Self {
        let linked = runs.iter().flat_map(|run| run.others.iter().chain(&run.previous)).map(|link| &*link.name);
        let names: Vec<&str> = sort::distinct(runs.iter().map(|run| &*run.name).chain(linked));
        let mut ranges: Vec<Vec<(u32, u32)>> = vec![Vec::new(); names.len()];
        for run in runs {
            let end = run.start + run.events.len() as u32;
            ranges[rank_in(&names, &run.name) as usize].push((run.start, end));
        }
        ranges.iter_mut().for_each(|ranges| sort::sort(ranges));
        Self { names, ranges }
    }

    fn holds(&self, link: &OutLink<'_>) -> bool {
        let ranges = &self.ranges[rank_in(&self.names, &link.name) as usize];
        let at = ranges.partition_point(|(start, _)| *start <= link.counter);
        at.checked_sub(1).is_some_and(|at| link.counter < ranges[at].1)
    }

    /// Returns the branch of a run's previous event, if the runs contain that event, and the run's
    /// own branch otherwise.
    fn previous_name<'b>(&self, run: &'b OutgoingRun<'_>) -> &'b str {
        run.previous.as_ref().filter(|previous| self.holds(previous)).map_or(&run.name, |previous| &previous.name)
    }
}

/// Encodes the fingerprints of events that are not in the pack, and the salts.
#[derive(Default)]
struct PrintsWriter {
    outside: Option<ColumnWriter>,
    salts: Vec<(usize, u64)>,
}

impl PrintsWriter {
    fn push(&mut self, fingerprint: Fingerprint) {
        self.outside.get_or_insert_with(ColumnWriter::fixed).push(fingerprint.get());
    }

    fn salt(&mut self, run: usize, salt: u64) {
        if salt != 0 {
            self.salts.push((run, salt));
        }
    }

    /// Writes the fingerprints, the salts, and the markers.
    fn finish(self, markers: impl Iterator<Item = (u32, u32, Fingerprint)>, out: &mut Vec<u8>) {
        self.outside.unwrap_or_else(ColumnWriter::fixed).finish(out);
        write_salts(self.salts, out);
        let markers: Vec<_> = markers.collect();
        write_events(&markers, out);
    }
}

impl Doc {
    /// Returns the runs of these chains, in their order.
    pub(in crate::doc) fn outgoing_of(&self, chains: &[Chain]) -> Vec<OutgoingRun<'_>> {
        let runs = chains.iter().map(|chain| {
            let first = chain.pieces[0].first;
            let previous = self.lanes.previous(chain.peer, chain.counter);
            let previous_event = previous.and_then(|(lane, counter)| self.graph.find(lane, counter));
            let others = self.dependencies(first).filter(|&event| Some(event) != previous_event);
            OutgoingRun {
                name: self.lanes.name(chain.peer, chain.counter),
                start: chain.counter.0,
                is_direct: self.dependencies(first).any(|event| Some(event) == previous_event),
                previous: previous.map(|(lane, counter)| self.out_link(lane, counter)),
                others: others.map(|event| self.out_link_to(event)).collect(),
                salt: self.graph.salt(first),
                events: chain.events().collect(),
            }
        });
        runs.collect()
    }

    fn out_link_to(&self, event: EventNumber) -> OutLink<'_> {
        let (lane, counter, _) = self.graph.describe(event);
        OutLink { name: self.lanes.name(lane, counter), counter: counter.0, target: OutTarget::Event(event) }
    }

    /// Returns a link to an event. A compacted event must be the last one of its lane.
    pub(super) fn out_link(&self, lane: PeerNumber, counter: Counter) -> OutLink<'_> {
        let target = match self.graph.find(lane, counter) {
            Some(event) => OutTarget::Event(event),
            None => OutTarget::Print(self.tip_at_horizon(lane, counter).unwrap_or(Fingerprint::of_hash(0))),
        };
        OutLink { name: self.lanes.name(lane, counter), counter: counter.0, target }
    }
}
