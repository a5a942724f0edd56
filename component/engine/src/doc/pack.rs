//! Events as bytes, with all the names that they need: what an update holds, and the waiting events of a document.

use super::incoming::{Commits, Incoming};
use super::{Doc, check};
use crate::clock::Lamport;
use crate::codec::{Frame, FrameWriter, Kind, Reader, Section, put_varint};
use crate::error::Error;
use crate::graph::{Chain, RunHead, RunsReader, RunsWriter};
use crate::id::{EventId, EventNumber, Names, PeerNumber, Ranks, read_texts, write_texts};
use crate::limits;
use crate::oplog::{OpLog, OpsReader, OpsWriter, ShapesWriter};
use crate::rows::{Rows, StateReader};
use crate::sort;
use std::borrow::Cow;

/// A run of events that is to be written.
pub(super) struct Outgoing<'a> {
    pub(super) peer: &'a str,
    pub(super) start: u32,
    /// What the first event depends on, sorted by peer.
    pub(super) deps: Vec<EventId>,
    /// Where its events lie in the log.
    pub(super) events: Vec<EventNumber>,
}

/// Events as parts of bytes.
#[derive(Default)]
pub(super) struct Pack {
    peers: Vec<u8>,
    names: Vec<u8>,
    rows: Vec<u8>,
    history: Vec<u8>,
}

impl Pack {
    /// Writes these runs, whose operations lie in this log.
    pub(super) fn write(rows: &Rows, log: &OpLog, runs: &[Outgoing<'_>]) -> Self {
        let mut pack = Self::default();
        let named = runs.iter().flat_map(|run| run.deps.iter().map(|dep| dep.peer.as_str()).chain([run.peer]));
        let peers: Vec<&str> = sort::distinct(named);
        write_texts(peers.len(), peers.iter().copied(), &mut pack.peers);
        let rank = |peer: &str| peers.binary_search(&peer).map_or(u32::MAX, |rank| rank as u32);

        let ops = || runs.iter().flat_map(|run| &run.events).flat_map(|&event| log.ops(event));
        let columns = ops().flat_map(|op| op.cells()).map(|cell| log.column(cell));
        let names = rows.some_names(ops().map(|op| op.row), columns);
        rows.write_names(&names, &mut pack.names);
        rows.write_ids(&names, &mut pack.rows);

        let row_ranks = Ranks::sparse(names.rows.iter().map(|row| row.0));
        let column_ranks = Ranks::sparse(names.columns.iter().copied());
        let mut heads = RunsWriter::new(vec![0; peers.len()]);
        let mut ops = OpsWriter::new(log, &row_ranks, &column_ranks);
        let mut shapes = ShapesWriter::default();
        for run in runs {
            let deps = run.deps.iter().map(|dep| (rank(&dep.peer), dep.counter));
            heads.push(rank(run.peer), run.start, run.events.len() as u32, deps);
            run.events.iter().for_each(|&event| ops.event(event, &mut shapes, &|_| false));
        }
        heads.finish(&mut pack.history);
        ops.finish(&mut pack.history);
        shapes.finish(&mut pack.names);
        pack
    }

    /// The parts as sections of an update.
    pub(super) fn into_update(self) -> Vec<u8> {
        let mut frame = FrameWriter::new(Kind::Update);
        frame.section(Section::Peers, self.peers);
        frame.section(Section::Names, self.names);
        frame.section(Section::Rows, self.rows);
        frame.section(Section::History, self.history);
        frame.finish()
    }

    /// The parts of a section of a document as an update.
    pub(super) fn section_into_update(mut section: Reader<'_>) -> Result<Vec<u8>, Error> {
        let mut part = || section.sized_part().and_then(|mut part| part.take(part.left() as u64).map(<[u8]>::to_vec));
        let pack = Self { peers: part()?, names: part()?, rows: part()?, history: part()? };
        section.finish()?;
        Ok(pack.into_update())
    }

    /// The parts as one section of a document.
    pub(super) fn into_section(self) -> Vec<u8> {
        let mut section = Vec::new();
        for mut part in [self.peers, self.names, self.rows, self.history] {
            put_varint(&mut section, part.len() as u64);
            section.append(&mut part);
        }
        section
    }
}

/// Events that were read from bytes, and that nothing but their names and sizes was checked of.
#[derive(Debug)]
pub(super) struct Unpacked {
    peers: Names,
    names: StateReader,
    log: OpLog,
    runs: Vec<(RunHead, Vec<EventId>)>,
}

impl Unpacked {
    /// Reads the sections of an update.
    pub(super) fn of_update(frame: &mut Frame<'_>) -> Result<Self, Error> {
        let mut need = |section| frame.need(section);
        let parts = [need(Section::Peers)?, need(Section::Names)?, need(Section::Rows)?, need(Section::History)?];
        frame.finish()?;
        Self::read(parts)
    }

    /// Reads a section of a document.
    pub(super) fn of_section(mut section: Reader<'_>) -> Result<Self, Error> {
        let mut part = || section.sized_part();
        let parts = [part()?, part()?, part()?, part()?];
        section.finish()?;
        Self::read(parts)
    }

    fn read([mut peers, mut names, mut rows, mut history]: [Reader<'_>; 4]) -> Result<Self, Error> {
        let peer_names = read_texts(&mut peers, &limits::PEERS, limits::PEER_BYTES.most)?;
        peers.finish()?;
        let mut state = StateReader::read_names(&mut names)?;
        names.finish()?;
        state.read_ids(&mut rows)?;

        let mut heads = RunsReader::read(&mut history, vec![0; peer_names.len()])?;
        let (mut runs, mut deps, mut events) = (Vec::new(), Vec::new(), 0);
        while let Some(head) = heads.next(&mut deps)? {
            let name = |peer: u32| String::from(&**peer_names.text(peer));
            events += u64::from(head.len);
            limits::DOCUMENT_EVENTS.check(events)?;
            runs.push((head, deps.iter().map(|&(peer, counter)| EventId { peer: name(peer), counter }).collect()));
        }
        heads.finish()?;
        let mut ops = OpsReader::read(&mut history, events)?;
        let (mut log, shapes) = (OpLog::default(), state.shapes());
        for _ in 0..events {
            // Times are not known yet; they would be asked for where a state held values.
            ops.event(&mut log, (Lamport::NEVER, PeerNumber(0)), &shapes, &mut state)?;
        }
        ops.finish()?;
        history.finish()?;
        Ok(Self { peers: peer_names, names: state, log, runs })
    }

    /// The runs, each checked as far as it can be on its own.
    pub(super) fn runs(&self) -> Result<Vec<Incoming<'_>>, Error> {
        let mut first = 0;
        let runs = self.runs.iter().enumerate().map(|(place, (head, deps))| {
            let &RunHead { peer, start, len } = head;
            let peer = &**self.peers.text(peer);
            check::rules(peer, start, len.into(), deps, None)
                .map_err(|rule| check::broken(peer, start, place, rule))?;
            let commits = Commits::Logged { names: &self.names, log: &self.log, first: EventNumber(first) };
            first += len;
            Ok(Incoming { peer, start, len, lamport: None, deps: Cow::Borrowed(deps), commits })
        });
        runs.collect()
    }
}

impl Doc {
    /// The events beyond these counts, by peer number, to be written: in an order that does not depend on how they came.
    pub(super) fn outgoing(&self, counts: &[u32]) -> Vec<Outgoing<'_>> {
        self.outgoing_of(&self.graph.chains(counts, &self.peer_ranks()))
    }

    /// The events of these chains, to be written in this order.
    pub(super) fn outgoing_of(&self, chains: &[Chain]) -> Vec<Outgoing<'_>> {
        let runs = chains.iter().map(|chain| Outgoing {
            peer: self.peers.text(chain.peer.0),
            start: chain.counter.0,
            deps: self.deps_of(chain.pieces[0].first),
            events: chain.events().collect(),
        });
        runs.collect()
    }

    /// The peers' ranks among their names.
    pub(super) fn peer_ranks(&self) -> Ranks {
        Ranks::dense(self.peers.len(), self.peers.sorted().map(|(_, number)| number))
    }
}
