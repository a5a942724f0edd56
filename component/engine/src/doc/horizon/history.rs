//! Older versions: differences between versions, and copies of a version.

use crate::doc::Doc;
use crate::error::{Error, Name};
use crate::id::{EventId, EventNumber, PeerNumber, SharedText};
use crate::limits;
use crate::oplog::RowOp;
use crate::sort;

impl Doc {
    /// Returns the operations that lead from the tables at `here` to the tables at `there`, sorted
    /// by table and row. Both versions are given by heads: any events, which stand for themselves
    /// and all events that they build on. A row that exists in both versions gets an update of the
    /// cells that changed or are new, then an unset of the removed cells, then splices of texts
    /// that changed a little. O(peers); O(log n) for each event that only one version contains;
    /// and, for each row of these events, all operations on it since the horizon.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown event; `LimitExceeded` for more than `limits::PEERS` heads;
    /// `Compacted` for a version without all compacted events.
    pub fn diff(&self, here: &[EventId], there: &[EventId]) -> Result<Vec<RowOp>, Error> {
        let (here, there) = (self.version_at(here)?, self.version_at(there)?);
        let mut rows = Vec::new();
        for (peer, (&here, &there)) in self.lanes.all().zip(here.iter().zip(&there)) {
            for span in self.graph.spans(peer, here.min(there)..here.max(there)) {
                rows.extend(span.events().flat_map(|event| self.log.ops(event)).map(|op| op.row));
            }
        }
        sort::sort(&mut rows);
        rows.dedup();
        let holds = |counts: &[u32], event: EventNumber| {
            let (peer, counter, lamport) = self.graph.describe(event);
            (counter.0 < counts[peer.index()]).then_some((lamport, peer))
        };
        self.rows.diff(self.row_history(), rows, &|event| holds(&here, event), &|event| holds(&there, event))
    }

    /// Returns a new document with the content at `heads`, given as for [`Doc::diff`]. It writes as
    /// `peer`: 1 to `limits::PEER_BYTES` bytes. Executes the history again. O(history × log n).
    ///
    /// # Errors
    /// Those of [`Doc::diff`], and those of [`Doc::create`] for the name.
    pub fn fork_at(&self, heads: &[EventId], peer: &str) -> Result<Self, Error> {
        Name::Peer.check(peer)?;
        let counts = self.version_at(heads)?;
        let mut horizon = self.graph.horizon().counts().to_vec();
        horizon.resize(counts.len(), 0);
        Ok(Self { peer: SharedText::from(peer), ..self.rebuild(horizon, &counts)? })
    }

    /// Returns, by lane, the number of events that these are or build on.
    fn version_at(&self, heads: &[EventId]) -> Result<Vec<u32>, Error> {
        limits::PEERS.check(heads.len() as u64)?;
        let mut events = Vec::new();
        for head in heads {
            let (lane, counter) = self.resolve(head)?;
            // A compacted head adds nothing if the other heads cover the horizon.
            events.extend(self.graph.find(lane, counter));
        }
        let mut counts = self.graph.counts_at(&events);
        counts.resize(self.lanes.len(), 0);
        let horizon = self.graph.horizon();
        let covers = |(lane, &count): (PeerNumber, &u32)| horizon.count(lane) <= count;
        if self.lanes.all().zip(&counts).all(covers) { Ok(counts) } else { Err(self.compacted_error()) }
    }
}
