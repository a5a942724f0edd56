//! Finds the ground of an edit: what the plain operations in its past left in the cell.
//!
//! Stores the plain operations on one row since the horizon, by lane. The past of an edit contains
//! the first operations of each lane, and stamps grow along a lane, so the latest delete or write
//! in a past is found by binary searches. Always holds: the lists of a lane are in the order of
//! execution. Does not know sums.

use super::{Ground, Past};
use crate::clock::Lamport;
use crate::graph::Graph;
use crate::id::{ColumnNumber, EventNumber, PeerNumber, RowNumber};
use crate::lanes::Lanes;
use crate::oplog::{LoggedOp, OpKind, OpLog};
use crate::rows::further::FurtherInserts;
use crate::rows::stamp::Stamp;
use crate::rows::state::{LatestWrite, Meaning, RowState};
use crate::value::ValueRef;
use crate::work;

/// The slack that a plain operation on an edited row uses at most, and each of its cells.
pub(crate) const PLAIN_SPENDS: u64 = 160;

/// The plain operations on one row since the horizon.
#[derive(Debug, Default)]
pub(in crate::rows) struct PlainOps {
    /// Sorted by lane.
    lanes: Vec<(PeerNumber, LaneOps)>,
    /// The lanes with an event that is or builds on all events of these operations, as far as they
    /// are known. Later events of such a lane do, too. Sorted.
    joined: Vec<PeerNumber>,
}

/// The operations of one lane.
#[derive(Debug)]
struct LaneOps {
    last: EventNumber,
    deletes: Vec<Stamp>,
    inserts: Vec<Stamp>,
    /// Sorted by column number.
    writes: Vec<(ColumnNumber, Vec<LatestWrite>)>,
}

impl LaneOps {
    /// Returns the index of the writes to a column.
    fn place(&self, column: ColumnNumber) -> Result<usize, usize> {
        self.writes.binary_search_by(|(other, _)| other.cmp(&column))
    }
}

impl PlainOps {
    /// Returns the plain operations on a row that the log has. O(operations × log n).
    pub(in crate::rows) fn of_row(row: RowNumber, log: &OpLog, graph: &Graph) -> Self {
        let mut plain = Self::default();
        let ops: Vec<u32> = log.ops_on(row).collect();
        for (event, index, op) in ops.into_iter().rev().map(|op| log.numbered(op)) {
            let (peer, _, lamport) = graph.describe(event);
            plain.push(event, Stamp { lamport, peer, index }, &op, log);
        }
        plain
    }

    /// Adds an operation. Those of a lane are added in their order. O(cells × log n).
    pub(in crate::rows) fn push(&mut self, event: EventNumber, stamp: Stamp, op: &LoggedOp, log: &OpLog) {
        work::step();
        self.joined.clear();
        let at = self.lanes.binary_search_by(|(lane, _)| lane.cmp(&stamp.peer)).unwrap_or_else(|at| {
            let ops = LaneOps { last: event, deletes: Vec::new(), inserts: Vec::new(), writes: Vec::new() };
            self.lanes.insert(at, (stamp.peer, ops));
            at
        });
        let (_, lane) = &mut self.lanes[at];
        lane.last = event;
        match op.kind {
            OpKind::Delete => lane.deletes.push(stamp),
            OpKind::Insert => lane.inserts.push(stamp),
            OpKind::Update | OpKind::Unset | OpKind::Splice | OpKind::Add => {}
        }
        for cell in op.cells() {
            work::step();
            let column = log.column(cell);
            let write = LatestWrite::new(stamp, cell, column, op.kind == OpKind::Unset);
            let at = lane.place(column).unwrap_or_else(|at| {
                lane.writes.insert(at, (column, Vec::new()));
                at
            });
            lane.writes[at].1.push(write);
        }
    }

    /// Returns whether a past contains all of these operations. O(lanes) steps in the graph, and
    /// O(log lanes) if an event of the same lane with the same answer was asked for since the last
    /// operation.
    pub(in crate::rows) fn are_all_in(&mut self, past: &Past<'_>) -> bool {
        let place = self.joined.binary_search(&past.lane());
        if place.is_ok() {
            return true;
        }
        let are_in = self.lanes.iter().all(|(_, lane)| past.contains(lane.last));
        if let (true, Err(at)) = (are_in, place) {
            self.joined.insert(at, past.lane());
        }
        are_in
    }

    /// Returns the ground of an edit of this column, or `None` if the edit is void: the row is not
    /// there in its past, or the ground left a value there that edits of this kind cannot act on.
    /// `base` is the row at the horizon. O(lanes × log operations).
    pub(in crate::rows) fn ground(
        &self,
        (row, column, kind): (RowNumber, ColumnNumber, OpKind),
        past: &Past<'_>,
        (base, further): (&RowState, &FurtherInserts),
        meaning: Meaning<'_>,
    ) -> Option<Ground> {
        let peers = meaning.peers;
        let ends: Vec<(&LaneOps, (Lamport, u32))> =
            self.lanes.iter().map(|(lane, ops)| (ops, past.end_of(*lane))).collect();
        let mut deleted = base.deleted;
        for (ops, end) in &ends {
            deleted = latest(deleted, ops.deletes[..count(&ops.deletes, *end)].last().copied(), peers);
        }
        let of_base = std::iter::once(base.inserted).filter(|_| base.exists()).chain(further.stamps(row));
        let of_base = of_base.into_iter().find(|insert| deleted.is_before(*insert, peers));
        let inserts = ends.iter().filter_map(|(ops, end)| {
            let known = &ops.inserts[..count(&ops.inserts, *end)];
            known.get(known.partition_point(|insert| !deleted.is_before(*insert, peers))).copied()
        });
        let inserted = of_base.into_iter().chain(inserts).min_by(|a, b| a.order(*b, peers))?;
        let mut written = base.latest(column, meaning).copied();
        for (ops, end) in &ends {
            let writes = ops.place(column).map_or(&[][..], |at| &ops.writes[at].1);
            let last = writes[..writes.partition_point(|write| is_within(write.stamp, *end))].last();
            written = match (written, last) {
                (Some(one), Some(other)) if other.stamp.is_before(one.stamp, peers) => Some(one),
                (one, other) => other.copied().or(one),
            };
        }
        let is_after = |write: &LatestWrite, stamp: Stamp| !write.stamp.is_before(stamp, peers);
        match written.filter(|write| is_after(write, deleted) && is_after(write, inserted)) {
            None => Some(Ground::Delete(deleted)),
            Some(write) => is_base(meaning.log, &write, kind).then_some(Ground::Write(write.stamp)),
        }
    }
}

/// Returns whether edits of this kind can act on a written value.
pub(super) fn is_base(log: &OpLog, write: &LatestWrite, kind: OpKind) -> bool {
    write.is_unset
        || match log.value(write.cell) {
            ValueRef::Null => true,
            ValueRef::Integer(_) => kind == OpKind::Add,
            ValueRef::Text(_) => kind == OpKind::Splice,
            _ => false,
        }
}

impl RowState {
    /// Returns the ground of an edit of this column that sees this row, or `None` if the edit is
    /// void. O(log cells).
    pub(in crate::rows) fn edit_ground(
        &self,
        (column, kind): (ColumnNumber, OpKind),
        meaning: Meaning<'_>,
    ) -> Option<Ground> {
        if !self.exists() {
            return None;
        }
        match self.latest(column, meaning).filter(|write| write.counts) {
            None => Some(Ground::Delete(self.deleted)),
            Some(write) => is_base(meaning.log, write, kind).then_some(Ground::Write(write.stamp)),
        }
    }

    /// Returns whether edits with this ground count, or can count after further operations. O(log
    /// cells).
    pub(in crate::rows) fn has_ground(&self, column: ColumnNumber, ground: Ground, meaning: Meaning<'_>) -> bool {
        let latest = self.latest(column, meaning);
        match ground {
            Ground::Write(stamp) => latest.is_some_and(|write| write.stamp == stamp),
            Ground::Delete(stamp) => self.exists() && self.deleted == stamp && latest.is_none_or(|write| !write.counts),
        }
    }
}

/// Returns the number of these stamps of a lane that are within a past.
fn count(stamps: &[Stamp], end: (Lamport, u32)) -> usize {
    stamps.partition_point(|stamp| is_within(*stamp, end))
}

fn is_within(stamp: Stamp, end: (Lamport, u32)) -> bool {
    (stamp.lamport, stamp.index) < end
}

fn latest(one: Stamp, other: Option<Stamp>, peers: &Lanes) -> Stamp {
    other.filter(|other| one.is_before(*other, peers)).unwrap_or(one)
}
