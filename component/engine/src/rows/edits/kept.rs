//! Grounds that a compacted document keeps.
//!
//! The ground of an edit follows from its past. The past of an edit that does not build on the
//! horizon is not known any more, so its ground is kept, as far as it can still count.

use super::Ground;
use crate::clock::Lamport;
use crate::graph::Graph;
use crate::id::{ColumnNumber, PeerNumber};
use crate::oplog::OpLog;
use crate::rows::Rows;
use crate::rows::stamp::Stamp;
use crate::rows::state::{Meaning, RowState};
use std::collections::BTreeMap;

/// The grounds of the edits since the horizon that do not build on it, by the edit's stamp; `None`
/// for edits that can never count.
#[derive(Debug, Default)]
pub(in crate::rows) struct KeptGrounds(BTreeMap<(Lamport, PeerNumber, u32), Option<Ground>>);

impl KeptGrounds {
    /// Returns the kept ground of an edit, if there is one.
    pub(in crate::rows) fn get(&self, edit: Stamp) -> Option<Option<Ground>> {
        if self.0.is_empty() { None } else { self.0.get(&key(edit)).copied() }
    }

    /// Keeps a ground. Returns `false` if the edit had one.
    pub(in crate::rows) fn insert(&mut self, edit: Stamp, ground: Option<Ground>) -> bool {
        self.0.insert(key(edit), ground).is_none()
    }

    pub(in crate::rows) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the stamps of the edits, and their grounds.
    pub(in crate::rows) fn iter(&self) -> impl Iterator<Item = (Stamp, Option<Ground>)> {
        self.0.iter().map(|(&(lamport, peer, index), &ground)| (Stamp { lamport, peer, index }, ground))
    }
}

fn key(Stamp { lamport, peer, index }: Stamp) -> (Lamport, PeerNumber, u32) {
    (lamport, peer, index)
}

impl Ground {
    /// Returns the stamp of the write or delete.
    pub(in crate::rows) fn stamp(self) -> Stamp {
        match self {
            Self::Delete(stamp) | Self::Write(stamp) => stamp,
        }
    }

    /// Returns the ground with another stamp.
    pub(in crate::rows) fn with(self, stamp: Stamp) -> Self {
        match self {
            Self::Delete(_) => Self::Delete(stamp),
            Self::Write(_) => Self::Write(stamp),
        }
    }

    /// Returns the ground in a document whose stamps before `first_unsettled` were settled, or
    /// `None` if edits with this ground can never count there. `state` is the row at the horizon
    /// with all stamps. A settled unset is forgotten, so the delete takes its place.
    pub(in crate::rows) fn settled(
        self,
        column: ColumnNumber,
        state: &RowState,
        first_unsettled: Lamport,
        meaning: Meaning<'_>,
    ) -> Option<Self> {
        let is_settled = |stamp: Stamp| stamp.lamport < first_unsettled;
        let latest = state.latest(column, meaning);
        let deleted = if is_settled(state.deleted) { Stamp::NEVER } else { state.deleted };
        match self {
            Self::Delete(stamp) if state.deleted.is_before(stamp, meaning.peers) => Some(self),
            Self::Delete(stamp) => {
                let is_replaced = latest.is_some_and(|write| write.counts);
                (stamp == state.deleted && !is_replaced).then_some(Self::Delete(deleted))
            }
            Self::Write(stamp) if !is_settled(stamp) => Some(self),
            Self::Write(stamp) => {
                let write = latest.filter(|write| write.stamp == stamp && write.counts)?;
                Some(if write.is_unset { Self::Delete(deleted) } else { Self::Write(Stamp::SETTLED) })
            }
        }
    }
}

impl Rows {
    /// Returns whether grounds are kept for exactly the edits that do not build on the horizon.
    /// O(edits × heads of the horizon), and O(1) if there is no horizon.
    pub(crate) fn keeps_right_grounds(&self, log: &OpLog, graph: &Graph) -> bool {
        if graph.horizon().is_empty() || !log.has_edits() {
            return self.kept.len() == 0;
        }
        let mut kept = 0;
        for (event, index, _) in log.all_edits() {
            if !graph.is_above_horizon(&[event]) {
                let (peer, _, lamport) = graph.describe(event);
                if self.kept.get(Stamp { lamport, peer, index }).is_none() {
                    return false;
                }
                kept += 1;
            }
        }
        kept == self.kept.len()
    }
}
