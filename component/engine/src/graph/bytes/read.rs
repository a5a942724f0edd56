//! Reading runs and horizons.

use crate::clock::Lamport;
use crate::codec::{Column, DeltaColumn, Reader, unzigzag};
use crate::error::Error;
use crate::graph::horizon::{Horizon, Stub};
use crate::id::{Counter, PeerNumber};
use crate::limits;

/// The largest number that the distance between two counters is written as.
const MAX_DISTANCE: u64 = 1 << 34;

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
