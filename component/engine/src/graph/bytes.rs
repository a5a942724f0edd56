//! Runs and horizons as bytes: columns, of which `docs/format.md` tells the order. Peers go by their rank among the names.

use super::{Horizon, Stub};
use crate::clock::Lamport;
use crate::codec::{Column, ColumnWriter, DeltaColumn, DeltaWriter, Reader, put_varint, unzigzag, zigzag};
use crate::error::Error;
use crate::id::{Counter, EventNumber, PeerNumber};
use crate::limits;

/// The largest number that the distance between two counters is written as.
const MAX_DISTANCE: u64 = 1 << 34;

/// Writes runs of events.
#[derive(Debug)]
pub(crate) struct RunsWriter {
    count: u64,
    peers: ColumnWriter,
    /// How many events of the peer lie between those before and the run.
    gaps: ColumnWriter,
    lens: ColumnWriter,
    dependency_counts: ColumnWriter,
    dependency_peers: ColumnWriter,
    /// How far a dependency lies behind its peer's last event so far.
    distances: ColumnWriter,
    /// By peer rank, the counter after the last event so far.
    next: Vec<u32>,
}

impl RunsWriter {
    /// Writes runs that follow the first `next[rank]` events of each peer.
    pub(crate) fn new(next: Vec<u32>) -> Self {
        Self {
            count: 0,
            peers: ColumnWriter::new(),
            gaps: ColumnWriter::new(),
            lens: ColumnWriter::new(),
            dependency_counts: ColumnWriter::new(),
            dependency_peers: ColumnWriter::new(),
            distances: ColumnWriter::new(),
            next,
        }
    }

    /// Adds a run: its peer's rank, the counter of its first event, its events, and what the first depends on.
    pub(crate) fn push(&mut self, peer: u32, start: u32, len: u32, dependencies: impl Iterator<Item = (u32, u32)>) {
        self.count += 1;
        self.peers.push(peer.into());
        self.gaps.push((start - self.next[peer as usize]).into());
        self.lens.push(len.into());
        self.next[peer as usize] = start;
        let mut count = 0;
        for (peer, counter) in dependencies {
            count += 1;
            self.dependency_peers.push(peer.into());
            self.distances.push(zigzag(i64::from(self.next[peer as usize]) - 1 - i64::from(counter)));
        }
        self.dependency_counts.push(count);
        self.next[peer as usize] = start + len;
    }

    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        put_varint(out, self.count);
        for column in [self.peers, self.gaps, self.lens, self.dependency_counts, self.dependency_peers, self.distances]
        {
            column.finish(out);
        }
    }
}

/// A run as the bytes give it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunHead {
    /// A rank.
    pub(crate) peer: u32,
    pub(crate) start: u32,
    pub(crate) len: u32,
}

/// Reads what `RunsWriter` wrote.
#[derive(Debug)]
pub(crate) struct RunsReader<'a> {
    left: u64,
    peers: Column<'a>,
    gaps: Column<'a>,
    lens: Column<'a>,
    dependency_counts: Column<'a>,
    dependency_peers: Column<'a>,
    distances: Column<'a>,
    next: Vec<u32>,
}

impl<'a> RunsReader<'a> {
    /// Reads runs that follow the first `next[rank]` events of each peer.
    pub(crate) fn read(reader: &mut Reader<'a>, next: Vec<u32>) -> Result<Self, Error> {
        let left = reader.varint()?;
        let mut column = || Column::read(reader);
        let this = Self {
            left,
            peers: column()?,
            gaps: column()?,
            lens: column()?,
            dependency_counts: column()?,
            dependency_peers: column()?,
            distances: column()?,
            next,
        };
        this.peers.check_count(left)?;
        this.lens.check_count(left)?;
        Ok(this)
    }

    /// The next run. What its first event depends on is put into `dependencies`: ranks and counters, sorted by rank.
    pub(crate) fn next(&mut self, dependencies: &mut Vec<(u32, u32)>) -> Result<Option<RunHead>, Error> {
        dependencies.clear();
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let Some(last_peer) = (self.next.len() as u64).checked_sub(1) else {
            return Err(self.peers.damage("a run names a peer where there are none"));
        };
        let peer = self.peers.next_to(last_peer)? as u32;
        let next = &mut self.next[peer as usize];
        let start = u64::from(*next) + self.gaps.next_to(limits::COUNTER.maximum)?;
        let len = self.lens.next_to(limits::COUNTER.maximum)?;
        if len == 0 {
            return Err(self.lens.damage("a run has no events"));
        }
        limits::COUNTER.check(start + len - 1)?;
        let (start, len) = (start as u32, len as u32);
        *next = start;
        let count = self.dependency_counts.next()?;
        limits::EVENT_DEPENDENCIES.check(count)?;
        for _ in 0..count {
            let peer = self.dependency_peers.next_to(last_peer)? as u32;
            let distance = unzigzag(self.distances.next_to(MAX_DISTANCE)?);
            let counter = i64::from(self.next[peer as usize]) - 1 - distance;
            let Some(counter) =
                u32::try_from(counter).ok().filter(|&counter| u64::from(counter) <= limits::COUNTER.maximum)
            else {
                return Err(self.distances.damage("a run depends on an event that cannot be"));
            };
            if dependencies.last().is_some_and(|&(last, _)| last >= peer) {
                return Err(self.dependency_peers.damage("dependencies are not sorted by peer, each peer once"));
            }
            dependencies.push((peer, counter));
        }
        self.next[peer as usize] = start + len;
        Ok(Some(RunHead { peer, start, len }))
    }

    /// Refuses what is behind the last run.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        for column in
            [&self.peers, &self.gaps, &self.lens, &self.dependency_counts, &self.dependency_peers, &self.distances]
        {
            column.finish()?;
        }
        Ok(())
    }

    /// An error for the run that was read last.
    pub(crate) fn damage(&self, what: &'static str) -> Error {
        self.peers.damage(what)
    }
}

/// A horizon by the ranks of branches.
#[derive(Debug)]
pub(crate) struct RankedHorizon {
    /// By rank, how many events were compacted.
    pub(crate) counts: Vec<u32>,
    /// Sorted by rank and counter.
    pub(crate) stubs: Vec<RankedStub>,
}

/// A stub by ranks.
#[derive(Debug)]
pub(crate) struct RankedStub {
    pub(crate) rank: u32,
    pub(crate) counter: u32,
    pub(crate) lamport: Lamport,
    /// By rank, how many events it builds on, itself included.
    pub(crate) known: Vec<u32>,
    pub(crate) event: EventNumber,
}

impl RankedHorizon {
    /// Writes how many events of each branch were compacted, and the stubs.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut counts = ColumnWriter::new();
        self.counts.iter().for_each(|&count| counts.push(count.into()));
        counts.finish(out);

        let (mut stub_peers, mut distances) = (ColumnWriter::new(), ColumnWriter::new());
        let (mut lamports, mut unknown) = (DeltaWriter::new(), ColumnWriter::new());
        for stub in &self.stubs {
            stub_peers.push(stub.rank.into());
            distances.push((self.counts[stub.rank as usize] - 1 - stub.counter).into());
            lamports.push(stub.lamport.0.into());
            for (count, known) in self.counts.iter().zip(&stub.known) {
                unknown.push((count - known).into());
            }
        }
        put_varint(out, self.stubs.len() as u64);
        stub_peers.finish(out);
        distances.finish(out);
        lamports.finish(out);
        unknown.finish(out);
    }
}

impl Horizon {
    /// Reads what `write` wrote, for so many peers. The peers' numbers are their ranks.
    pub(crate) fn read(reader: &mut Reader<'_>, peers: u32) -> Result<Self, Error> {
        let mut given_up = Column::read(reader)?;
        given_up.check_count(peers.into())?;
        let mut counts = Vec::new();
        for _ in 0..peers {
            counts.push(given_up.next_to(limits::COUNTER.maximum + 1)? as u32);
        }
        given_up.finish()?;

        let count = reader.varint()?;
        let (mut stub_peers, mut distances) = (Column::read(reader)?, Column::read(reader)?);
        let (mut lamports, mut unknown) = (DeltaColumn::read(reader)?, Column::read(reader)?);
        let size = count.saturating_mul(peers.into());
        limits::HORIZON_COUNTS.check(size)?;
        unknown.check_count(size)?;
        stub_peers.check_count(count)?;
        let wrong = |column: &Column<'_>| column.damage("an event at the horizon cannot be");
        let mut stubs: Vec<Stub> = Vec::new();
        for _ in 0..count {
            let peer = stub_peers.next_to(u64::from(peers).saturating_sub(1))? as u32;
            let given_up = counts.get(peer as usize).copied().ok_or_else(|| wrong(&stub_peers))?;
            let lamport = lamports.next_to(limits::HORIZON_LAMPORT.maximum)? as u32;
            let distance = distances.next_to(u64::from(given_up))? as u32;
            let counter = (given_up - distance).checked_sub(1).ok_or_else(|| wrong(&stub_peers))?;
            let mut known = Vec::with_capacity(counts.len());
            for &count in &counts {
                known.push(count - unknown.next_to(count.into())? as u32);
            }
            let is_sorted = stubs.last().is_none_or(|last| (last.peer.0, last.counter.0) < (peer, counter));
            // A peer's times grow, so an event of time t builds on fewer than t events of any other peer.
            let is_late_enough = known.iter().zip(0..).all(|(&known, of)| known < lamport + u32::from(of == peer));
            if !is_sorted || !is_late_enough || known[peer as usize] != counter + 1 {
                return Err(wrong(&stub_peers));
            }
            let (peer, counter, lamport) = (PeerNumber(peer), Counter(counter), Lamport(lamport));
            stubs.push(Stub { peer, counter, lamport, known: known.into_boxed_slice() });
        }
        stub_peers.finish()?;
        distances.finish()?;
        lamports.finish()?;
        unknown.finish()?;
        let horizon = Self::new(counts, stubs).filter(|horizon| !horizon.is_empty());
        let horizon = horizon.ok_or_else(|| reader.damage("the horizon's events do not make its version"))?;
        horizon.check()?;
        Ok(horizon)
    }
}
