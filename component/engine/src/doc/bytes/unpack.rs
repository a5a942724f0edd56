//! Decodes packs.

use super::branches::{BEGINS, CONTINUES, parent_rank, read_begins};
use super::events::{next_print, read_events};
use super::fingerprints::read_salts;
use super::pack::Pack;
use crate::clock::Lamport;
use crate::codec::{Column, Feature, Frame, Reader, Section};
use crate::convert::index_of;
use crate::doc::Doc;
use crate::doc::check;
use crate::doc::incoming::{Commits, IncomingRun, Link, Target};
use crate::doc::waiting::Need;
use crate::error::{Error, RunRule};
use crate::graph::{RunHead, RunsReader};
use crate::id::{EventNumber, PeerNumber, SharedText, read_texts};
use crate::limits;
use crate::oplog::{OpLog, OpsReader, SplicedContents};
use crate::rows::NameTable;
use crate::work;
use std::borrow::Cow;
/// A decoded run.
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

/// The decoded events of a pack. Only their names and sizes were checked.
#[derive(Debug)]
pub(in crate::doc) struct Unpacked {
    peers: Vec<SharedText>,
    names: NameTable,
    log: OpLog,
    runs: Vec<ReadRun>,
    /// The last events of branches on which the writer assumes that the reader is ahead.
    pub(in crate::doc) markers: Vec<Need>,
}

impl Unpacked {
    /// Decodes an update.
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
        let unpacked = Self::read(parts)?;
        check_features(frame, unpacked.log.has_edits())?;
        Ok(unpacked)
    }

    /// Returns whether an operation edits a cell.
    pub(in crate::doc) fn has_edits(&self) -> bool {
        self.log.has_edits()
    }

    /// Decodes a pack in a section of a document, or in a page of a session.
    pub(in crate::doc) fn of_section(section: Reader<'_>) -> Result<Self, Error> {
        Self::read(parts(section)?)
    }

    fn read([mut peers, mut names, mut rows, mut history, mut prints]: [Reader<'_>; 5]) -> Result<Self, Error> {
        let peer_names = read_texts(&mut peers, &limits::PEERS, limits::BRANCH_BYTES.maximum)?;
        let begins = read_begins(&mut peers, &peer_names)?;
        peers.finish()?;
        let (mut table, shapes) = NameTable::read(&mut names)?;
        names.finish()?;
        table.read_ids(&mut rows)?;

        let mut heads = RunsReader::read(&mut history, vec![0; peer_names.len()])?;
        let (mut runs, mut deps, mut events) = (Vec::new(), Vec::new(), 0_u64);
        while let Some(head) = heads.next(&mut deps)? {
            events = events.saturating_add(head.len.into());
            limits::DOCUMENT_EVENTS.check(events)?;
            runs.push((head, deps.clone()));
        }
        heads.finish()?;
        let mut ops = OpsReader::read(&mut history, events)?;
        let mut log = OpLog::default();
        if ops.has_splices() {
            ops.set_contents(SplicedContents::read(&mut history, &mut log)?);
        }
        // The times of events are not known here. They are needed only if a state contains values
        // of the history.
        let time = |_| (Lamport::NEVER, PeerNumber(0));
        ops.events(&mut log, u32::try_from(events).unwrap_or(u32::MAX), time, &shapes, &mut table)?;
        ops.finish()?;
        history.finish()?;

        let runs = Linker::read_links(&mut prints, &runs, begins)?;
        let peers: Vec<SharedText> = peer_names.sorted().map(|(name, _)| name.clone()).collect();
        let markers = read_events(&mut prints, &peers, &limits::PEERS)?;
        prints.finish()?;
        Ok(Self { peers, names: table, log, runs, markers })
    }

    /// Returns all runs. Checks each of them, as far as this is possible without other events.
    pub(in crate::doc) fn runs(&self) -> Result<Vec<IncomingRun<'_>>, Error> {
        let (mut runs, mut first) = (Vec::with_capacity(self.runs.len()), EventNumber(0));
        for (place, read) in self.runs.iter().enumerate() {
            let run = self.incoming(read, first);
            check_alone(read).map_err(|rule| check::broken(&run.name, run.start, place, rule))?;
            first = first.plus(run.len);
            runs.push(run);
        }
        Ok(runs)
    }

    /// Returns the run with this index, if there is one. `first` is the number of its first event
    /// in the log.
    pub(in crate::doc) fn run(&self, place: usize, first: EventNumber) -> Option<IncomingRun<'_>> {
        Some(self.incoming(self.runs.get(place)?, first))
    }

    fn incoming(&self, run: &ReadRun, first: EventNumber) -> IncomingRun<'_> {
        work::step();
        let RunHead { peer, start, len } = run.head;
        let name = |rank: u32| Cow::Borrowed(self.peers.get(index_of(rank)).map_or("", |name| &**name));
        let link = |link: &ReadLink| Link { name: name(link.rank), counter: link.counter, target: link.target };
        IncomingRun {
            name: name(peer),
            start,
            len,
            lamport: None,
            previous: run.previous.as_ref().map(link),
            is_direct: run.is_direct,
            others: run.others.iter().map(link).collect(),
            salt: run.salt,
            commits: Commits::Logged { names: &self.names, log: &self.log, first },
        }
    }
}

/// Fails unless the frame of a document or an update is marked as using exactly the features that
/// its content uses.
pub(in crate::doc) fn check_features(frame: &Frame<'_>, has_edits: bool) -> Result<(), Error> {
    if frame.uses(Feature::Edits) == has_edits {
        return Ok(());
    }
    Err(frame.damage("the features are not those of the content"))
}

impl Doc {
    /// Converts a page of a session to an update. O(bytes).
    ///
    /// # Errors
    /// `Corrupt` for bytes that are not a page.
    pub(crate) fn update_of_page(page: Reader<'_>) -> Result<Vec<u8>, Error> {
        let parts = parts(page)?;
        let [peers, _, _, history, _] = parts;
        let has_edits = has_edits(peers, history)?;
        Ok(Pack::of_parts(parts.map(|mut part| part.take_rest().to_vec()), has_edits).into_update())
    }
}

/// Returns whether an operation of a pack edits a cell. O(operations).
fn has_edits(mut peers: Reader<'_>, mut history: Reader<'_>) -> Result<bool, Error> {
    let peers = read_texts(&mut peers, &limits::PEERS, limits::BRANCH_BYTES.maximum)?;
    let mut heads = RunsReader::read(&mut history, vec![0; peers.len()])?;
    let (mut deps, mut events) = (Vec::new(), 0_u64);
    while let Some(head) = heads.next(&mut deps)? {
        events = events.saturating_add(head.len.into());
        limits::DOCUMENT_EVENTS.check(events)?;
    }
    OpsReader::any_edit(&mut history, events)
}

/// Returns the parts of a pack in a section.
fn parts(mut section: Reader<'_>) -> Result<[Reader<'_>; 5], Error> {
    let mut part = || section.sized_part();
    let parts = [part()?, part()?, part()?, part()?, part()?];
    section.finish()?;
    Ok(parts)
}

/// Fails if a run breaks a rule, as far as the run alone shows.
fn check_alone(run: &ReadRun) -> Result<(), RunRule> {
    if run.head.start > 0 && !run.is_direct && run.others.is_empty() {
        return Err(RunRule::PreviousMissing);
    }
    match run.others.iter().find(|link| link.rank == run.head.peer) {
        Some(own) => Err(RunRule::OwnDependency { counter: own.counter }),
        None => Ok(()),
    }
}

/// A run, and the ranks and counters of its first event's dependencies.
type LinkedHead = (RunHead, Vec<(u32, u32)>);

/// Determines what runs build on: events of the same pack, or events with a fingerprint.
struct Linker<'a> {
    heads: &'a [LinkedHead],
    /// By rank, the indexes of its runs, which are sorted by counter.
    by_rank: Vec<Vec<usize>>,
    /// The fingerprints of the events that are not in the pack.
    outside: Column<'a>,
}

impl<'a> Linker<'a> {
    fn read_links(
        prints: &mut Reader<'a>,
        heads: &'a [LinkedHead],
        mut begins: Vec<u64>,
    ) -> Result<Vec<ReadRun>, Error> {
        let mut by_rank: Vec<Vec<usize>> = vec![Vec::new(); begins.len()];
        for (place, (head, _)) in heads.iter().enumerate() {
            by_rank.get_mut(index_of(head.peer)).into_iter().for_each(|runs| runs.push(place));
        }
        let mut linker = Self { heads, by_rank, outside: Column::read_fixed(prints)? };
        let mut runs = Vec::with_capacity(heads.len());
        for (head, deps) in heads {
            // Only the first run of a branch follows another branch.
            let begin =
                begins.get_mut(index_of(head.peer)).map_or(CONTINUES, |begin| std::mem::replace(begin, CONTINUES));
            let parent = parent_rank(begin);
            if begin == BEGINS || parent == Some(head.peer) {
                return Err(linker.outside.damage("a branch follows nothing, or itself"));
            }
            runs.push(linker.run(*head, deps, parent.unwrap_or(head.peer))?);
        }
        linker.outside.finish()?;
        for (place, salt) in read_salts(prints, u32::try_from(runs.len()).unwrap_or(u32::MAX))? {
            if let Some(run) = runs.get_mut(place) {
                run.salt = salt;
            }
        }
        Ok(runs)
    }

    /// Links a run. Its previous event is on the branch of rank `parent`.
    fn run(&mut self, head: RunHead, deps: &[(u32, u32)], parent: u32) -> Result<ReadRun, Error> {
        let before = head.start.checked_sub(1);
        let previous = before.map(|counter| self.link(parent, counter)).transpose()?;
        let is_previous =
            |&(rank, counter): &(u32, u32)| previous.is_some_and(|link| (link.rank, link.counter) == (rank, counter));
        let is_direct = deps.iter().any(is_previous);
        let others = deps.iter().filter(|dep| !is_previous(dep));
        let others = others.map(|&(rank, counter)| self.link(rank, counter)).collect::<Result<_, _>>()?;
        Ok(ReadRun { head, previous, is_direct, others, salt: 0 })
    }

    fn link(&mut self, rank: u32, counter: u32) -> Result<ReadLink, Error> {
        let target = match self.inside(rank, counter) {
            Some(target) => target,
            None => Target::Print(next_print(&mut self.outside)?),
        };
        Ok(ReadLink { rank, counter, target })
    }

    /// Returns the event with this name if it is in the pack.
    fn inside(&self, rank: u32, counter: u32) -> Option<Target> {
        let runs = self.by_rank.get(index_of(rank))?;
        let head = |run: usize| self.heads.get(run).map(|(head, _)| head);
        let begins_before = |&run: &usize| head(run).is_some_and(|head| head.start <= counter);
        let run = *runs.get(runs.partition_point(begins_before).checked_sub(1)?)?;
        let head = head(run)?;
        let place = counter.checked_sub(head.start)?;
        (place < head.len).then_some(Target::Inside { run, place: index_of(place) })
    }
}
