//! Writing runs and horizons.

use crate::clock::Lamport;
use crate::codec::{ColumnWriter, DeltaWriter, put_varint, zigzag};
use crate::id::EventNumber;

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
