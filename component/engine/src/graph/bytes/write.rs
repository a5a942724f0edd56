//! Encodes runs and horizons.

use crate::clock::Lamport;
use crate::codec::{ColumnWriter, DeltaWriter, put_varint, zigzag};
use crate::id::EventNumber;

/// Encodes runs of events.
#[derive(Debug)]
pub(crate) struct RunsWriter {
    count: u64,
    peers: ColumnWriter,
    /// The count of the peer's events between the previous run and this one.
    gaps: ColumnWriter,
    lens: ColumnWriter,
    dependency_counts: ColumnWriter,
    dependency_peers: ColumnWriter,
    /// The distance from each dependency to the last written event of its peer.
    distances: ColumnWriter,
    /// By rank, the counter after the last written event.
    next: Vec<u32>,
}

impl RunsWriter {
    /// Encodes runs that follow the first `next[rank]` events of each peer.
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

    /// Adds a run: the rank of its peer, the counter of its first event, the number of events, and
    /// the dependencies of the first event.
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

/// A horizon with ranks of branches.
#[derive(Debug)]
pub(crate) struct RankedHorizon {
    /// By rank, the count of compacted events.
    pub(crate) counts: Vec<u32>,
    /// Sorted by rank and counter.
    pub(crate) stubs: Vec<RankedStub>,
}

/// A stub with ranks of branches.
#[derive(Debug)]
pub(crate) struct RankedStub {
    pub(crate) rank: u32,
    pub(crate) counter: u32,
    pub(crate) lamport: Lamport,
    /// By rank, the count of events that the stub builds on, including itself.
    pub(crate) known: Vec<u32>,
    pub(crate) event: EventNumber,
}

impl RankedHorizon {
    /// Writes the counts of compacted events, and the stubs.
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
