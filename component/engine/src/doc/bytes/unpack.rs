//! Events read from bytes.

use super::branches::{BEGINS, GOES_ON, read_begins};
use super::events::{next_print, read_events};
use super::fingerprints::read_salts;
use crate::clock::Lamport;
use crate::codec::{Column, Frame, Reader, Section};
use crate::doc::check;
use crate::doc::incoming::{Commits, IncomingRun, Link, Target};
use crate::doc::waiting::Need;
use crate::error::{Error, RunRule};
use crate::graph::{RunHead, RunsReader};
use crate::id::{EventNumber, PeerNumber, SharedText, read_texts};
use crate::limits;
use crate::oplog::{OpLog, OpsReader};
use crate::rows::NameTable;
use crate::work;
use std::borrow::Cow;
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
pub(in crate::doc) struct Unpacked {
    peers: Vec<SharedText>,
    names: NameTable,
    log: OpLog,
    runs: Vec<ReadRun>,
    /// Events that the writer has, of peers of which it takes the reader to be ahead.
    pub(in crate::doc) markers: Vec<Need>,
}

impl Unpacked {
    /// Reads the sections of an update.
    pub(in crate::doc) fn of_update(frame: &mut Frame<'_>) -> Result<Self, Error> {
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
    pub(in crate::doc) fn of_section(mut section: Reader<'_>) -> Result<Self, Error> {
        let mut part = || section.sized_part();
        let parts = [part()?, part()?, part()?, part()?, part()?];
        section.finish()?;
        Self::read(parts)
    }

    fn read([mut peers, mut names, mut rows, mut history, mut prints]: [Reader<'_>; 5]) -> Result<Self, Error> {
        let peer_names = read_texts(&mut peers, &limits::PEERS, limits::BRANCH_BYTES.maximum)?;
        let begins = read_begins(&mut peers, &peer_names)?;
        peers.finish()?;
        let (mut table, shapes) = NameTable::read(&mut names)?;
        names.finish()?;
        table.read_ids(&mut rows)?;

        let mut heads = RunsReader::read(&mut history, vec![0; peer_names.len()])?;
        let (mut runs, mut deps, mut events) = (Vec::new(), Vec::new(), 0);
        while let Some(head) = heads.next(&mut deps)? {
            events += u64::from(head.len);
            limits::DOCUMENT_EVENTS.check(events)?;
            runs.push((head, deps.clone()));
        }
        heads.finish()?;
        let mut ops = OpsReader::read(&mut history, events)?;
        let mut log = OpLog::default();
        for _ in 0..events {
            // Times are not known yet; they would be asked for where a state held values.
            ops.event(&mut log, (Lamport::NEVER, PeerNumber(0)), &shapes, &mut table)?;
        }
        ops.finish()?;
        history.finish()?;

        let runs = read_links(&mut prints, &runs, begins)?;
        let peers: Vec<SharedText> = peer_names.sorted().map(|(name, _)| name.clone()).collect();
        let markers = read_events(&mut prints, &peers, &limits::PEERS)?;
        prints.finish()?;
        Ok(Self { peers, names: table, log, runs, markers })
    }

    /// The runs, each checked as far as it can be on its own.
    pub(in crate::doc) fn runs(&self) -> Result<Vec<IncomingRun<'_>>, Error> {
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
    pub(in crate::doc) fn run(&self, place: usize, first: EventNumber) -> Option<IncomingRun<'_>> {
        work::step();
        let run = self.runs.get(place)?;
        let RunHead { peer, start, len } = run.head;
        let link = |link: &ReadLink| Link {
            name: Cow::Borrowed(&*self.peers[link.rank as usize]),
            counter: link.counter,
            target: link.target,
        };
        Some(IncomingRun {
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
