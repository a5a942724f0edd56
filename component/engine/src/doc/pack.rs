//! Events as bytes, with all the names that they need: what an update holds, and the waiting events of a document.
//!
//! An event that another one builds on is named by peer and counter. If it is in the same bytes, that identifies it; otherwise
//! its fingerprint is there too.

use super::incoming::{Commits, Incoming, Link, Target};
use super::waiting::Need;
use super::{Doc, check};
use crate::clock::Lamport;
use crate::codec::{Column, ColumnWriter, Frame, FrameWriter, Kind, Reader, Section, put_varint};
use crate::error::{Error, RunRule};
use crate::graph::{Chain, RunHead, RunsReader, RunsWriter};
use crate::id::{Counter, EventNumber, Fingerprint, Names, PeerNumber, Ranks, SharedText, read_texts, write_texts};
use crate::lanes::{BRANCH_MARK, check_name, split_name};
use crate::limits::{self, Limit};
use crate::memory;
use crate::oplog::{OpLog, OpsReader, OpsWriter, ShapesWriter};
use crate::rows::{Rows, StateReader};
use crate::sort;
use crate::work;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A run of events that is to be written.
pub(super) struct Outgoing<'a> {
    /// The name of its branch.
    pub(super) name: Cow<'a, str>,
    pub(super) start: u32,
    /// The author's event before the first one.
    pub(super) previous: Option<OutLink<'a>>,
    /// Whether the first event depends on it directly.
    pub(super) is_direct: bool,
    /// What else the first event depends on.
    pub(super) others: Vec<OutLink<'a>>,
    pub(super) salt: u64,
    /// Where its events lie in the log.
    pub(super) events: Vec<EventNumber>,
}

/// An event that a run builds on.
#[derive(Clone)]
pub(super) struct OutLink<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) counter: u32,
    pub(super) target: OutTarget,
}

/// Where the fingerprint of a linked event is.
#[derive(Debug, Clone, Copy)]
pub(super) enum OutTarget {
    Event(EventNumber),
    Print(Fingerprint),
}

/// Events as parts of bytes.
#[derive(Default)]
pub(super) struct Pack {
    peers: Vec<u8>,
    names: Vec<u8>,
    rows: Vec<u8>,
    history: Vec<u8>,
    prints: Vec<u8>,
}

/// The branch began earlier, or what it follows is not in these bytes.
const GOES_ON: u64 = 0;
/// The branch begins with its peer's first event, or its first event is in the bytes and follows one of the branch of the
/// rank that is added to this.
pub(super) const BEGINS: u64 = 1;

impl Pack {
    /// Writes these runs, whose operations lie in this log, and events that the reader should ask for if it lacks them.
    pub(super) fn write(
        (rows, log): (&Rows, &OpLog),
        runs: &[Outgoing<'_>],
        markers: &[Need],
        print: &dyn Fn(EventNumber) -> Fingerprint,
    ) -> Self {
        let mut pack = Self::default();
        // A run's own branch stands for the one that it follows, where that one is not written.
        let linked = runs.iter().flat_map(|run| run.others.iter().chain(&run.previous)).map(|link| &*link.name);
        let named = runs.iter().map(|run| &*run.name).chain(linked);
        let named: Vec<&str> = sort::distinct(named);
        let rank_in = |names: &[&str], name: &str| names.binary_search(&name).map_or(u32::MAX, |rank| rank as u32);
        let mut ranges: Vec<Vec<(u32, u32)>> = vec![Vec::new(); named.len()];
        for run in runs {
            let end = run.start + run.events.len() as u32;
            ranges[rank_in(&named, &run.name) as usize].push((run.start, end));
        }
        ranges.iter_mut().for_each(|ranges| sort::sort(ranges));
        let is_inside = |link: &OutLink<'_>| {
            let ranges = &ranges[rank_in(&named, &link.name) as usize];
            let at = ranges.partition_point(|(start, _)| *start <= link.counter);
            at.checked_sub(1).is_some_and(|at| link.counter < ranges[at].1)
        };
        let previous_name = |run: &'_ Outgoing<'_>| {
            let previous = run.previous.as_ref().filter(|previous| is_inside(previous));
            previous.map_or_else(|| run.name.clone().into_owned(), |previous| previous.name.clone().into_owned())
        };

        let previous: Vec<String> = runs.iter().map(previous_name).collect();
        let names = runs.iter().zip(&previous).flat_map(|(run, previous)| {
            run.others.iter().map(|link| &*link.name).chain([&*run.name, previous.as_str()])
        });
        let names: Vec<&str> = sort::distinct(names.chain(markers.iter().map(|marker| &*marker.name)));
        let rank = |name: &str| rank_in(&names, name);
        write_texts(names.len(), names.iter().copied(), &mut pack.peers);
        let mut begins = vec![GOES_ON; names.len()];
        for (run, previous) in runs.iter().zip(&previous) {
            if run.start > 0 && **previous != *run.name {
                begins[rank(&run.name) as usize] = BEGINS + 1 + u64::from(rank(previous));
            }
        }
        write_begins(&names, |rank| begins[rank], &mut pack.peers);

        let ops = || runs.iter().flat_map(|run| &run.events).flat_map(|&event| log.ops(event));
        let columns = ops().flat_map(|op| op.cells()).map(|cell| log.column(cell));
        let row_names = rows.some_names(ops().map(|op| op.row), columns);
        rows.write_names(&row_names, &mut pack.names);
        rows.write_ids(&row_names, &mut pack.rows);

        let row_ranks = Ranks::sparse(row_names.rows.iter().map(|row| row.0));
        let column_ranks = Ranks::sparse(row_names.columns.iter().copied());
        let mut heads = RunsWriter::new(vec![0; names.len()]);
        let mut ops = OpsWriter::new(log, &row_ranks, &column_ranks);
        let mut shapes = ShapesWriter::default();
        let mut prints = PrintsWriter::default();
        let print = |target: OutTarget| match target {
            OutTarget::Event(event) => print(event),
            OutTarget::Print(fingerprint) => fingerprint,
        };
        for (place, (run, previous)) in runs.iter().zip(&previous).enumerate() {
            let own = run.previous.iter().map(|link| (rank(previous), link)).filter(|_| run.is_direct);
            let mut deps: Vec<(u32, &OutLink<'_>)> =
                run.others.iter().map(|link| (rank(&link.name), link)).chain(own).collect();
            sort::sort_by_key(&mut deps, |(rank, link)| (*rank, link.counter));
            let len = run.events.len() as u32;
            heads.push(rank(&run.name), run.start, len, deps.iter().map(|(rank, link)| (*rank, link.counter)));
            let others = deps.iter().map(|&(_, link)| link).filter(|link| {
                run.previous.as_ref().is_none_or(|previous| !run.is_direct || !std::ptr::eq(previous, *link))
            });
            for link in run.previous.iter().chain(others).filter(|link| !is_inside(link)) {
                prints.push(print(link.target));
            }
            prints.salt(place, run.salt);
            run.events.iter().for_each(|&event| ops.event(event, &mut shapes, &|_| false));
        }
        heads.finish(&mut pack.history);
        ops.finish(&mut pack.history);
        shapes.finish(&mut pack.names);
        let markers = markers.iter().map(|marker| (rank(&marker.name), marker.counter, marker.fingerprint));
        prints.finish(markers, &mut pack.prints);
        pack
    }

    /// The parts as sections of an update.
    pub(super) fn into_update(self) -> Vec<u8> {
        let mut frame = FrameWriter::new(Kind::Update);
        frame.section(Section::Peers, self.peers);
        frame.section(Section::Names, self.names);
        frame.section(Section::Rows, self.rows);
        frame.section(Section::History, self.history);
        frame.section(Section::Fingerprints, self.prints);
        frame.finish()
    }

    /// The parts of a section of a document as an update.
    pub(super) fn section_into_update(mut section: Reader<'_>) -> Result<Vec<u8>, Error> {
        let mut part = || section.sized_part().and_then(|mut part| part.take(part.left() as u64).map(<[u8]>::to_vec));
        let pack = Self { peers: part()?, names: part()?, rows: part()?, history: part()?, prints: part()? };
        section.finish()?;
        Ok(pack.into_update())
    }

    /// The parts as one section of a document.
    pub(super) fn into_section(self) -> Vec<u8> {
        let mut section = Vec::new();
        for mut part in [self.peers, self.names, self.rows, self.history, self.prints] {
            put_varint(&mut section, part.len() as u64);
            section.append(&mut part);
        }
        section
    }
}

/// Writes, for each name of a branch, where the branch begins.
pub(super) fn write_begins(names: &[impl AsRef<str>], begins: impl Fn(usize) -> u64, out: &mut Vec<u8>) {
    let mut column = ColumnWriter::new();
    let branches = names.iter().enumerate().filter(|(_, name)| name.as_ref().contains(BRANCH_MARK));
    branches.for_each(|(rank, _)| column.push(begins(rank)));
    column.finish(out);
}

/// Reads what `write_begins` wrote: for each name `GOES_ON`, or the branch that it follows.
pub(super) fn read_begins(reader: &mut Reader<'_>, names: &Names) -> Result<Vec<u64>, Error> {
    let mut column = Column::read(reader)?;
    let mut begins = Vec::with_capacity(names.len());
    let sorted: Vec<&SharedText> = names.sorted().map(|(name, _)| name).collect();
    for name in &sorted {
        check_name(name).map_err(|error| match error {
            Error::LimitExceeded { .. } => error,
            _ => reader.damage("a name is not that of a peer or of a branch"),
        })?;
        let is_branch = name.contains(BRANCH_MARK);
        let begin = if is_branch { column.next_to(BEGINS + names.len() as u64)? } else { GOES_ON };
        let parent = begin.checked_sub(BEGINS + 1).and_then(|rank| sorted.get(rank as usize));
        if parent.is_some_and(|parent| split_name(parent).0 != split_name(name).0) {
            return Err(column.damage("a branch follows one of another peer"));
        }
        begins.push(begin);
    }
    column.finish()?;
    Ok(begins)
}

/// Writes the fingerprints of events that are not in the same bytes, and salts.
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

    /// Writes the fingerprints; how many runs are salted, which, and their salts; how many markers there are, their names,
    /// counters and fingerprints.
    fn finish(self, markers: impl Iterator<Item = (u32, u32, Fingerprint)>, out: &mut Vec<u8>) {
        self.outside.unwrap_or_else(ColumnWriter::fixed).finish(out);
        write_salts(self.salts, out);
        let markers: Vec<_> = markers.collect();
        write_events(&markers, out);
    }
}

/// Writes salts: of how many runs, of which, and the salts.
pub(super) fn write_salts(salted: Vec<(usize, u64)>, out: &mut Vec<u8>) {
    put_varint(out, salted.len() as u64);
    if salted.is_empty() {
        return;
    }
    let (mut runs, mut salts) = (ColumnWriter::new(), ColumnWriter::fixed());
    for (run, salt) in salted {
        runs.push(run as u64);
        salts.push(salt);
    }
    runs.finish(out);
    salts.finish(out);
}

/// Reads the salts that `write_salts` wrote, one for each run.
pub(super) fn read_salts(reader: &mut Reader<'_>, runs: usize) -> Result<BTreeMap<usize, u64>, Error> {
    let count = reader.varint()?;
    let mut salted = BTreeMap::new();
    if count == 0 {
        return Ok(salted);
    }
    let (mut places, mut salts) = (Column::read(reader)?, Column::read_fixed(reader)?);
    places.check_count(count)?;
    for _ in 0..count {
        let place = places.next_to((runs as u64).saturating_sub(1))? as usize;
        let salt = salts.next()?;
        if salt == 0 || salted.last_key_value().is_some_and(|(&last, _)| last >= place) {
            return Err(salts.damage("a salt is 0, or not in its place"));
        }
        salted.insert(place, salt);
    }
    places.finish()?;
    salts.finish()?;
    Ok(salted)
}

/// Writes events: how many they are, the ranks of their names, their counters and fingerprints.
pub(super) fn write_events(events: &[(u32, u32, Fingerprint)], out: &mut Vec<u8>) {
    put_varint(out, events.len() as u64);
    if events.is_empty() {
        return;
    }
    let (mut ranks, mut counters, mut prints) = (ColumnWriter::new(), ColumnWriter::new(), ColumnWriter::fixed());
    for &(rank, counter, fingerprint) in events {
        ranks.push(rank.into());
        counters.push(counter.into());
        prints.push(fingerprint.get());
    }
    ranks.finish(out);
    counters.finish(out);
    prints.finish(out);
}

/// Writes events with their names.
pub(crate) fn write_named_events(events: &[Need]) -> Vec<u8> {
    let names: Vec<&str> = sort::distinct(events.iter().map(|event| &*event.name));
    let rank = |name: &str| names.binary_search(&name).map_or(u32::MAX, |rank| rank as u32);
    let mut out = Vec::new();
    write_texts(names.len(), names.iter().copied(), &mut out);
    let events: Vec<_> = events.iter().map(|event| (rank(&event.name), event.counter, event.fingerprint)).collect();
    write_events(&events, &mut out);
    out
}

/// Reads what `write_named_events` wrote.
pub(crate) fn read_named_events(reader: &mut Reader<'_>) -> Result<Vec<Need>, Error> {
    let texts = read_texts(reader, &limits::PEERS, limits::BRANCH_BYTES.maximum)?;
    let mut names = Vec::with_capacity(texts.len());
    for (name, _) in texts.sorted() {
        check_name(name).map_err(|_| reader.damage("a name is not that of a peer or of a branch"))?;
        names.push(name.clone());
    }
    read_events(reader, &names, &limits::PEERS)
}

/// Reads what `write_events` wrote, for these names: at most `limit` events.
pub(super) fn read_events(
    reader: &mut Reader<'_>,
    names: &[SharedText],
    limit: &'static Limit,
) -> Result<Vec<Need>, Error> {
    let count = reader.varint()?;
    limit.check(count)?;
    memory::spend(count.saturating_mul(size_of::<Need>() as u64))?;
    if count == 0 {
        return Ok(Vec::new());
    }
    let (mut ranks, mut counters, mut prints) =
        (Column::read(reader)?, Column::read(reader)?, Column::read_fixed(reader)?);
    ranks.check_count(count)?;
    let mut events = Vec::new();
    for _ in 0..count {
        let rank = ranks.next_to((names.len() as u64).saturating_sub(1))?;
        let counter = counters.next_to(limits::COUNTER.maximum)? as u32;
        let fingerprint = next_print(&mut prints)?;
        let name = names.get(rank as usize).ok_or_else(|| ranks.damage("an event has a name that is not there"))?;
        events.push(Need { name: name.clone(), counter, fingerprint });
    }
    ranks.finish()?;
    counters.finish()?;
    prints.finish()?;
    Ok(events)
}

/// The next fingerprint of a column.
pub(super) fn next_print(column: &mut Column<'_>) -> Result<Fingerprint, Error> {
    Fingerprint::new(column.next()?).ok_or_else(|| column.damage("a fingerprint is 0"))
}

/// A run that was read.
#[derive(Debug)]
struct ReadRun {
    head: RunHead,
    previous: Option<ReadLink>,
    is_direct: bool,
    others: Vec<ReadLink>,
    salt: u64,
}

#[derive(Debug, Clone, Copy)]
struct ReadLink {
    rank: u32,
    counter: u32,
    target: Target,
}

/// Events that were read from bytes, and that nothing but their names and sizes was checked of.
#[derive(Debug)]
pub(super) struct Unpacked {
    peers: Vec<SharedText>,
    names: StateReader,
    log: OpLog,
    runs: Vec<ReadRun>,
    /// Events that the writer has, of peers of which it takes the reader to be ahead.
    pub(super) markers: Vec<Need>,
}

impl Unpacked {
    /// Reads the sections of an update.
    pub(super) fn of_update(frame: &mut Frame<'_>) -> Result<Self, Error> {
        let mut need = |section| frame.need(section);
        let parts = [
            need(Section::Peers)?,
            need(Section::Names)?,
            need(Section::Rows)?,
            need(Section::History)?,
            need(Section::Fingerprints)?,
        ];
        frame.finish()?;
        Self::read(parts)
    }

    /// Reads a section of a document.
    pub(super) fn of_section(mut section: Reader<'_>) -> Result<Self, Error> {
        let mut part = || section.sized_part();
        let parts = [part()?, part()?, part()?, part()?, part()?];
        section.finish()?;
        Self::read(parts)
    }

    fn read([mut peers, mut names, mut rows, mut history, mut prints]: [Reader<'_>; 5]) -> Result<Self, Error> {
        let peer_names = read_texts(&mut peers, &limits::PEERS, limits::BRANCH_BYTES.maximum)?;
        let begins = read_begins(&mut peers, &peer_names)?;
        peers.finish()?;
        let mut state = StateReader::read_names(&mut names)?;
        names.finish()?;
        state.read_ids(&mut rows)?;

        let mut heads = RunsReader::read(&mut history, vec![0; peer_names.len()])?;
        let (mut runs, mut deps, mut events) = (Vec::new(), Vec::new(), 0);
        while let Some(head) = heads.next(&mut deps)? {
            events += u64::from(head.len);
            limits::DOCUMENT_EVENTS.check(events)?;
            runs.push((head, deps.clone()));
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

        let runs = read_links(&mut prints, &runs, begins)?;
        let peers: Vec<SharedText> = peer_names.sorted().map(|(name, _)| name.clone()).collect();
        let markers = read_events(&mut prints, &peers, &limits::PEERS)?;
        prints.finish()?;
        Ok(Self { peers, names: state, log, runs, markers })
    }

    /// The runs, each checked as far as it can be on its own.
    pub(super) fn runs(&self) -> Result<Vec<Incoming<'_>>, Error> {
        let (mut runs, mut first) = (Vec::new(), EventNumber(0));
        while let Some(run) = self.run(runs.len(), first) {
            self.check(&self.runs[runs.len()]).map_err(|rule| check::broken(&run.name, run.start, runs.len(), rule))?;
            first.0 += run.len;
            runs.push(run);
        }
        Ok(runs)
    }

    /// Refuses a run that breaks a rule on its own.
    fn check(&self, run: &ReadRun) -> Result<(), RunRule> {
        if run.head.start > 0 && !run.is_direct && run.others.is_empty() {
            return Err(RunRule::PreviousMissing);
        }
        match run.others.iter().find(|link| link.rank == run.head.peer) {
            Some(own) => Err(RunRule::OwnDependency { counter: own.counter }),
            None => Ok(()),
        }
    }

    /// Returns the run at this place, if there is one. `first` is the number of its first event in the log.
    pub(super) fn run(&self, place: usize, first: EventNumber) -> Option<Incoming<'_>> {
        work::step();
        let run = self.runs.get(place)?;
        let RunHead { peer, start, len } = run.head;
        let link = |link: &ReadLink| Link {
            name: Cow::Borrowed(&*self.peers[link.rank as usize]),
            counter: link.counter,
            target: link.target,
        };
        Some(Incoming {
            name: Cow::Borrowed(&*self.peers[peer as usize]),
            start,
            len,
            lamport: None,
            previous: run.previous.as_ref().map(link),
            is_direct: run.is_direct,
            others: run.others.iter().map(link).collect(),
            salt: run.salt,
            commits: Commits::Logged { names: &self.names, log: &self.log, first },
        })
    }
}

/// Finds out what runs build on: events in the same bytes, or with a fingerprint.
fn read_links(
    prints: &mut Reader<'_>,
    heads: &[(RunHead, Vec<(u32, u32)>)],
    mut begins: Vec<u64>,
) -> Result<Vec<ReadRun>, Error> {
    // Runs of one name come in the order of their counters.
    let mut by_rank: Vec<Vec<usize>> = vec![Vec::new(); begins.len()];
    for (place, (head, _)) in heads.iter().enumerate() {
        by_rank[head.peer as usize].push(place);
    }
    let inside = |rank: u32, counter: u32| {
        let runs = &by_rank[rank as usize];
        let run = *runs.get(runs.partition_point(|&run| heads[run].0.start <= counter).checked_sub(1)?)?;
        let place = counter - heads[run].0.start;
        (place < heads[run].0.len).then_some(Target::Inside { run, place: place as usize })
    };
    let mut outside = Column::read_fixed(prints)?;
    let mut runs = Vec::with_capacity(heads.len());
    for (head, deps) in heads {
        let begin = std::mem::replace(&mut begins[head.peer as usize], GOES_ON);
        if begin == BEGINS || begin == BEGINS + 1 + u64::from(head.peer) {
            return Err(outside.damage("a branch follows nothing, or itself"));
        }
        let parent = begin.checked_sub(BEGINS + 1).map_or(head.peer, |rank| rank as u32);
        let previous = match head.start.checked_sub(1) {
            None => None,
            Some(counter) => {
                let target = match inside(parent, counter) {
                    Some(target) => target,
                    None => Target::Print(next_print(&mut outside)?),
                };
                Some(ReadLink { rank: parent, counter, target })
            }
        };
        let is_previous =
            |&(rank, counter): &(u32, u32)| previous.is_some_and(|link| (link.rank, link.counter) == (rank, counter));
        let is_direct = deps.iter().any(is_previous);
        let mut others = Vec::with_capacity(deps.len());
        for &(rank, counter) in deps.iter().filter(|dep| !is_previous(dep)) {
            let target = match inside(rank, counter) {
                Some(target) => target,
                None => Target::Print(next_print(&mut outside)?),
            };
            others.push(ReadLink { rank, counter, target });
        }
        runs.push(ReadRun { head: *head, previous, is_direct, others, salt: 0 });
    }
    outside.finish()?;
    for (place, salt) in read_salts(prints, runs.len())? {
        if let Some(run) = runs.get_mut(place) {
            run.salt = salt;
        }
    }
    Ok(runs)
}

impl Doc {
    /// The events of these chains, to be written in this order.
    pub(super) fn outgoing_of(&self, chains: &[Chain]) -> Vec<Outgoing<'_>> {
        let runs = chains.iter().map(|chain| {
            let first = chain.pieces[0].first;
            let previous = self.lanes.previous(chain.peer, chain.counter);
            let previous_event = previous.and_then(|(lane, counter)| self.graph.find(lane, counter));
            let others = self.dependencies(first).filter(|&event| Some(event) != previous_event);
            Outgoing {
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

    /// The link to an event that is there, or the last one of a lane that was compacted.
    pub(super) fn out_link(&self, lane: PeerNumber, counter: Counter) -> OutLink<'_> {
        let target = match self.graph.find(lane, counter) {
            Some(event) => OutTarget::Event(event),
            None => OutTarget::Print(self.tip_at_horizon(lane, counter).unwrap_or(Fingerprint::of_hash(0))),
        };
        OutLink { name: self.lanes.name(lane, counter), counter: counter.0, target }
    }
}
