//! Decodes runs and horizons.

use crate::clock::Lamport;
use crate::codec::{Column, DeltaColumn, Reader, unzigzag};
use crate::convert::{index_of, u64_of};
use crate::error::Error;
use crate::graph::horizon::{Horizon, Stub};
use crate::id::{Counter, PeerNumber};
use crate::limits;

/// The maximum of an encoded distance between two counters.
const MAX_DISTANCE: u64 = 1 << 34;

/// A decoded run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunHead {
    /// The rank of the run's peer.
    pub(crate) peer: u32,
    pub(crate) start: u32,
    pub(crate) len: u32,
}

/// Decodes what `RunsWriter` wrote.
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
    /// Decodes runs that follow the first `next[rank]` events of each peer.
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

    /// Returns the next run. Fills `dependencies` with those of its first event: ranks and
    /// counters, sorted by rank.
    pub(crate) fn next(&mut self, dependencies: &mut Vec<(u32, u32)>) -> Result<Option<RunHead>, Error> {
        dependencies.clear();
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        const NO_PEERS: &str = "a run names a peer where there are none";
        let last_peer = u64_of(self.next.len()).checked_sub(1).ok_or_else(|| self.peers.damage(NO_PEERS))?;
        let peer = self.peers.next_u32_to(last_peer)?;
        let Some(next) = self.next.get_mut(index_of(peer)) else { return Err(self.peers.damage(NO_PEERS)) };
        let start = u64::from(*next).saturating_add(self.gaps.next_to(limits::COUNTER.maximum)?);
        let len = self.lens.next_u32_to(limits::COUNTER.maximum)?;
        let Some(steps) = len.checked_sub(1) else {
            return Err(self.lens.damage("a run has no events"));
        };
        limits::COUNTER.check(start.saturating_add(steps.into()))?;
        let start = u32::try_from(start).map_err(|_| self.gaps.damage("a run begins too late"))?;
        *next = start;
        let count = self.dependency_counts.next()?;
        limits::EVENT_DEPENDENCIES.check(count)?;
        for _ in 0..count {
            let dependency = self.next_dependency(last_peer)?;
            if dependencies.last().is_some_and(|last| last.0 >= dependency.0) {
                return Err(self.dependency_peers.damage("dependencies are not sorted by peer, each peer once"));
            }
            dependencies.push(dependency);
        }
        if let Some(next) = self.next.get_mut(index_of(peer)) {
            *next = start.saturating_add(len);
        }
        Ok(Some(RunHead { peer, start, len }))
    }

    /// Returns the rank and counter of the next dependency.
    fn next_dependency(&mut self, last_peer: u64) -> Result<(u32, u32), Error> {
        let peer = self.dependency_peers.next_u32_to(last_peer)?;
        let distance = unzigzag(self.distances.next_to(MAX_DISTANCE)?);
        let next = self.next.get(index_of(peer)).copied().unwrap_or(0);
        let counter = i64::from(next).saturating_sub(1).saturating_sub(distance);
        let counter = u32::try_from(counter).ok().filter(|&counter| u64::from(counter) <= limits::COUNTER.maximum);
        let counter = counter.ok_or_else(|| self.distances.damage("a run depends on an event that cannot be"))?;
        Ok((peer, counter))
    }

    /// Fails if there is anything after the last run.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        for column in
            [&self.peers, &self.gaps, &self.lens, &self.dependency_counts, &self.dependency_peers, &self.distances]
        {
            column.finish()?;
        }
        Ok(())
    }

    /// Returns an error for the last run.
    pub(crate) fn damage(&self, what: &'static str) -> Error {
        self.peers.damage(what)
    }
}

/// The columns of the stubs of a horizon.
struct StubColumns<'a> {
    peers: Column<'a>,
    distances: Column<'a>,
    lamports: DeltaColumn<'a>,
    unknown: Column<'a>,
}

impl Horizon {
    /// Decodes what `RankedHorizon::write` wrote, for this many peers. Ranks become lane numbers.
    pub(crate) fn read(reader: &mut Reader<'_>, peers: u32) -> Result<Self, Error> {
        let mut compacted = Column::read(reader)?;
        compacted.check_count(peers.into())?;
        let mut counts = Vec::new();
        for _ in 0..peers {
            counts.push(compacted.next_u32_to(limits::COUNTER.maximum.saturating_add(1))?);
        }
        compacted.finish()?;

        let count = reader.varint()?;
        let (peer_column, distances) = (Column::read(reader)?, Column::read(reader)?);
        let (lamports, unknown) = (DeltaColumn::read(reader)?, Column::read(reader)?);
        let mut columns = StubColumns { peers: peer_column, distances, lamports, unknown };
        let size = count.saturating_mul(peers.into());
        limits::HORIZON_COUNTS.check(size)?;
        columns.unknown.check_count(size)?;
        columns.peers.check_count(count)?;
        let mut stubs: Vec<Stub> = Vec::new();
        for _ in 0..count {
            let stub = columns.next(&counts)?;
            if stubs.last().is_some_and(|last| (last.peer, last.counter) >= (stub.peer, stub.counter)) {
                return Err(columns.wrong());
            }
            stubs.push(stub);
        }
        columns.finish()?;
        let horizon = Self::new(counts, stubs).filter(|horizon| !horizon.is_empty());
        let horizon = horizon.ok_or_else(|| reader.damage("the horizon's events do not make its version"))?;
        horizon.check()?;
        Ok(horizon)
    }
}

impl StubColumns<'_> {
    /// Returns the next stub. `counts` has the number of compacted events of each peer.
    fn next(&mut self, counts: &[u32]) -> Result<Stub, Error> {
        let peer = self.peers.next_u32_to(u64_of(counts.len()).saturating_sub(1))?;
        let compacted = counts.get(index_of(peer)).copied().ok_or_else(|| self.wrong())?;
        let lamport = self.lamports.next_u32_to(limits::HORIZON_LAMPORT.maximum)?;
        // The count of the peer's events that the stub builds on, including itself.
        let own = compacted.saturating_sub(self.distances.next_u32_to(compacted)?);
        let counter = own.checked_sub(1).ok_or_else(|| self.wrong())?;
        let mut known = Vec::with_capacity(counts.len());
        for &count in counts {
            known.push(count.saturating_sub(self.unknown.next_u32_to(count)?));
        }
        // The times of a peer's events grow, so an event of time t builds on fewer than t events of
        // any other peer.
        let max_known = |of: u32| if of == peer { lamport } else { lamport.saturating_sub(1) };
        let is_late_enough = lamport > 0 && known.iter().zip(0..).all(|(&known, of)| known <= max_known(of));
        if !is_late_enough || known.get(index_of(peer)) != Some(&own) {
            return Err(self.wrong());
        }
        let known = known.into_boxed_slice();
        Ok(Stub { peer: PeerNumber(peer), counter: Counter(counter), lamport: Lamport(lamport), known })
    }

    fn wrong(&self) -> Error {
        self.peers.damage("an event at the horizon cannot be")
    }

    fn finish(&self) -> Result<(), Error> {
        self.peers.finish()?;
        self.distances.finish()?;
        self.lamports.finish()?;
        self.unknown.finish()
    }
}
