//! Numbers for stamps: first those of compacted events that still matter, then those of the events
//! in the history.

use crate::clock::Lamport;
use crate::codec::{Column, ColumnWriter, DeltaColumn, DeltaWriter, Reader, put_varint};
use crate::convert::u64_of;
use crate::error::Error;
use crate::id::PeerNumber;
use crate::rows::stamp::Stamp;
use crate::sort;
use std::collections::BTreeMap;

/// The number for the stamp of no operation.
pub(super) const NEVER: u64 = 0;
/// The number for the stamps of settled operations.
pub(super) const SETTLED: u64 = 1;
/// The first number for operations that are not settled.
const FIRST: u64 = 2;

/// The number for a stamp's time and peer, and the index in the commit.
pub(super) type StampNumber = (u64, u64);

/// The stamps of numbers. 0 stands for no operation, 1 for settled ones.
pub(super) trait StampTable {
    /// Returns the time and peer for a number from 2 on.
    fn stamp(&self, number: u64) -> Option<(Lamport, PeerNumber)>;
    /// Returns whether there can be settled operations.
    fn has_settled(&self) -> bool;
    /// Returns whether a number stands for an event of the history.
    fn is_retained(&self, number: u64) -> bool;
}

/// The times and peers of events by number, and the numbers by time and peer.
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    /// The stamps of compacted events, sorted by time and rank of the peer.
    dropped: Vec<(Lamport, PeerNumber)>,
    /// The indexes of these stamps.
    dropped_places: BTreeMap<(Lamport, PeerNumber), u64>,
    /// Whether there is a horizon, so that operations can be settled.
    has_settled: bool,
    runs: Vec<StampRun>,
    /// By peer number, the indexes of its runs.
    by_peer: Vec<Vec<usize>>,
    events: u64,
}

#[derive(Debug, Clone, Copy)]
struct StampRun {
    first: u64,
    len: u32,
    peer: PeerNumber,
    lamport: Lamport,
}

impl Stamps {
    /// Adds the next run of events.
    pub(crate) fn add(&mut self, peer: PeerNumber, lamport: Lamport, len: u32) {
        if self.by_peer.len() <= peer.index() {
            self.by_peer.resize_with(peer.index().saturating_add(1), Vec::new);
        }
        if let Some(runs) = self.by_peer.get_mut(peer.index()) {
            runs.push(self.runs.len());
        }
        self.runs.push(StampRun { first: self.events, len, peer, lamport });
        self.events = self.events.saturating_add(len.into());
    }

    /// Adds the stamps that are not those of the events, but of compacted events.
    pub(crate) fn add_dropped(
        &mut self,
        stamps: impl Iterator<Item = (Lamport, PeerNumber)>,
        rank: &impl Fn(Lamport, PeerNumber) -> u32,
    ) {
        let mut dropped: Vec<_> = stamps.filter(|&(lamport, peer)| self.event(lamport, peer).is_none()).collect();
        sort::sort_by_key(&mut dropped, |&(lamport, peer)| (lamport, rank(lamport, peer)));
        dropped.dedup();
        self.dropped_places = sort::map(dropped.iter().copied().zip(0..));
        self.dropped = dropped;
    }

    /// Returns the runs of events, in their order: the time of the first one, the peer, and their
    /// number.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (Lamport, PeerNumber, u32)> {
        self.runs.iter().map(|run| (run.lamport, run.peer, run.len))
    }

    /// Returns the index of an event.
    fn event(&self, lamport: Lamport, peer: PeerNumber) -> Option<u64> {
        let runs = self.by_peer.get(peer.index())?;
        let begins_before = |&run: &usize| self.runs.get(run).is_some_and(|run| run.lamport <= lamport);
        let at = runs.partition_point(begins_before).checked_sub(1)?;
        let run = self.runs.get(*runs.get(at)?)?;
        let steps = lamport.0.checked_sub(run.lamport.0)?;
        (steps < run.len).then(|| run.first.saturating_add(steps.into()))
    }

    /// Writes the stamps of compacted events, with the ranks of their branches.
    pub(crate) fn write_dropped(&self, rank: &impl Fn(Lamport, PeerNumber) -> u32, out: &mut Vec<u8>) {
        let (mut lamports, mut peers) = (DeltaWriter::new(), ColumnWriter::new());
        for &(lamport, peer) in &self.dropped {
            lamports.push(lamport.0.into());
            peers.push(rank(lamport, peer).into());
        }
        put_varint(out, self.dropped_len());
        lamports.finish(out);
        peers.finish(out);
    }

    /// Reads what `write_dropped` wrote, for this many peers. The events must be added before.
    pub(crate) fn read_dropped(&mut self, reader: &mut Reader<'_>, peer_count: u32) -> Result<(), Error> {
        self.has_settled = true;
        let count = reader.varint()?;
        let (mut lamports, mut peers) = (DeltaColumn::read(reader)?, Column::read(reader)?);
        lamports.check_count(count)?;
        for _ in 0..count {
            let lamport = Lamport(lamports.next_u32_to(u32::MAX)?);
            let peer = PeerNumber(peers.next_u32_to(peer_count.saturating_sub(1))?);
            let is_sorted = self.dropped.last().is_none_or(|&last| last < (lamport, peer));
            if !is_sorted || lamport == Lamport::NEVER || self.event(lamport, peer).is_some() {
                return Err(lamports.damage("a stamp is out of place"));
            }
            self.dropped.push((lamport, peer));
        }
        lamports.finish()?;
        peers.finish()
    }

    fn dropped_len(&self) -> u64 {
        u64_of(self.dropped.len())
    }

    /// Returns the number for a stamp.
    pub(super) fn number_of(&self, stamp: Stamp) -> StampNumber {
        match stamp {
            Stamp::NEVER => (NEVER, 0),
            Stamp::SETTLED => (SETTLED, 0),
            Stamp { lamport, peer, index } => (self.number(lamport, peer), index.into()),
        }
    }

    /// Returns the number for a stamp's time and peer.
    fn number(&self, lamport: Lamport, peer: PeerNumber) -> u64 {
        let event = self.event(lamport, peer).map(|event| self.dropped_len().saturating_add(event));
        let dropped = || self.dropped_places.get(&(lamport, peer)).copied();
        let number = event.or_else(dropped);
        debug_assert!(number.is_some(), "a stamp of no event");
        FIRST.saturating_add(number.unwrap_or(0))
    }
}

impl StampTable for Stamps {
    fn stamp(&self, number: u64) -> Option<(Lamport, PeerNumber)> {
        let number = number.checked_sub(FIRST)?;
        let Some(event) = number.checked_sub(self.dropped_len()) else {
            return self.dropped.get(usize::try_from(number).ok()?).copied();
        };
        if event >= self.events {
            return None;
        }
        let run = self.runs.get(self.runs.partition_point(|run| run.first <= event).checked_sub(1)?)?;
        let steps = u32::try_from(event.checked_sub(run.first)?).ok()?;
        Some((run.lamport.plus(steps), run.peer))
    }

    fn has_settled(&self) -> bool {
        self.has_settled
    }

    fn is_retained(&self, number: u64) -> bool {
        number >= FIRST.saturating_add(self.dropped_len())
    }
}
