//! Local writes, by this replica's peer.

use super::room::{Additions, make_room};
use super::translation::{FoundRows, Translation};
use super::{Doc, check};
use crate::clock::Lamport;
use crate::error::Error;
use crate::id::{Counter, EventId, EventMap, EventNumber, PeerNumber};
use crate::limits;
use crate::oplog::{Cell, Commit, CommitRef, OpKind, OpKinds, OpRef, RowOp, RowsOp, Totals};
use crate::sort;
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// The number of heads that are listed without an allocation.
const FEW_HEADS: usize = 4;

impl Doc {
    /// Commits an insert: creates the row, or sets these cells if the row exists. Cost as for
    /// [`Doc::commit`].
    ///
    /// # Errors
    /// Those of [`Doc::commit`].
    pub fn insert(
        &mut self,
        table: impl Into<String>,
        row: impl Into<String>,
        cells: Vec<Cell>,
    ) -> Result<EventId, Error> {
        self.commit(vec![RowOp::Insert { table: table.into(), row: row.into(), cells }])
    }

    /// Commits an update, which sets these cells of an existing row. Cost as for [`Doc::commit`].
    ///
    /// # Errors
    /// Those of [`Doc::commit`].
    pub fn update(
        &mut self,
        table: impl Into<String>,
        row: impl Into<String>,
        cells: Vec<Cell>,
    ) -> Result<EventId, Error> {
        self.commit(vec![RowOp::Update { table: table.into(), row: row.into(), cells }])
    }

    /// Commits a delete of an existing row. Cost as for [`Doc::commit`].
    ///
    /// # Errors
    /// Those of [`Doc::commit`].
    pub fn delete(&mut self, table: impl Into<String>, row: impl Into<String>) -> Result<EventId, Error> {
        self.commit(vec![RowOp::Delete { table: table.into(), row: row.into() }])
    }

    /// Commits an unset, which removes these cells of an existing row. Columns that have no cell
    /// are ignored. Cost as for [`Doc::commit`].
    ///
    /// # Errors
    /// Those of [`Doc::commit`].
    pub fn unset(
        &mut self,
        table: impl Into<String>,
        row: impl Into<String>,
        columns: Vec<String>,
    ) -> Result<EventId, Error> {
        self.commit(vec![RowOp::Unset { table: table.into(), row: row.into(), columns }])
    }

    /// Commits these operations as one event, and returns its name. If there are more heads than
    /// one event may depend on, events without operations join them first. O(log n) for each
    /// operation, cell and head.
    ///
    /// # Errors
    /// `InvalidArgument` for empty names and repeated columns; `LimitExceeded` if the operations
    /// are too large, or the document would be; `NoSuchRow` for any operation but an insert on a
    /// row that does not exist after the operations before it; the errors of [`Doc::add`].
    pub fn commit(&mut self, mut ops: Commit) -> Result<EventId, Error> {
        check::commit(&mut ops)?;
        self.commit_checked(CommitRef::Plain(&ops))
    }

    /// Commits an operation for each of these rows as one event, like [`Doc::commit`], and at the
    /// same cost.
    ///
    /// # Errors
    /// Those of [`Doc::commit`]; `InvalidArgument` for a row with a shape that is not given, or
    /// with more or fewer values than its shape has columns.
    pub fn commit_rows(&mut self, mut ops: Vec<RowsOp>) -> Result<EventId, Error> {
        check::rows(&mut ops)?;
        let ops: Vec<OpRef<'_>> = ops.iter().flat_map(RowsOp::ops).collect();
        let ops = CommitRef::Listed(&ops);
        limits::COMMIT_BYTES.check(ops.bytes())?;
        self.commit_checked(ops)
    }

    fn commit_checked(&mut self, ops: CommitRef<'_>) -> Result<EventId, Error> {
        let kinds = ops.kinds();
        let found = self.find_rows(ops, kinds)?;
        if !kinds.have_edits() {
            return self.commit_on_heads(ops, found, 0);
        }
        self.check_edits(ops)?;
        let event = self.commit_on_heads(ops, found, self.salt)?;
        self.salt = 0;
        Ok(event)
    }

    /// Commits the operations of another event again. Their rows need not exist. `salt` is used if
    /// an operation is an edit, so that edits of different events stay different events.
    pub(super) fn commit_again(&mut self, ops: CommitRef<'_>, salt: u64) -> Result<EventId, Error> {
        self.commit_on_heads(ops, FoundRows::new(), if ops.has_edits() { salt } else { 0 })
    }

    fn commit_on_heads(&mut self, ops: CommitRef<'_>, found: FoundRows, salt: u64) -> Result<EventId, Error> {
        let own = self.own_lane();
        let next = own.map_or(0, |lane| self.graph.count(lane));
        let joins = joins_before(self.graph.head_count());
        limits::COUNTER.check(u64::from(next) + joins)?;
        let size = Totals::of(ops);
        self.check_room(&Additions {
            events: joins + 1,
            peers: &[&self.peer],
            commits: std::iter::once(ops),
            size,
            dropped: &EventMap::default(),
        })?;

        make_room(&mut self.rows, &mut self.log, std::iter::once(ops.alike(1)), |_| size)?;

        let lane = match own {
            Some(lane) => lane,
            None => self.lanes.add_author(&self.peer),
        };
        self.join_heads(lane);
        let heads: SmallVec<[EventNumber; FEW_HEADS]> = self.graph.heads().collect();
        let event = self.commit_on((lane, salt), &heads, ops, found);
        let id = self.event_id(event);
        if !self.waiting.is_empty() {
            (next..=id.counter)
                .filter_map(|counter| self.graph.find(lane, Counter(counter)))
                .collect::<Vec<_>>()
                .into_iter()
                .for_each(|event| self.wake(event));
        }
        Ok(id)
    }

    /// Returns the lane on which this replica continues: that of its last event, if no event
    /// follows it; otherwise the peer's lane whose last event is executed last. O(1), and O(lanes
    /// of the peer) in the second case.
    fn own_lane(&mut self) -> Option<PeerNumber> {
        let author = self.lanes.author(&self.peer)?;
        if let &[lane] = self.lanes.lanes_of(author) {
            return Some(lane);
        }
        let is_leaf = |lane: PeerNumber, counter: Counter| {
            self.graph.count(lane) == counter.0 + 1 && self.lanes.leaving(lane, Counter(counter.0 + 1)).is_empty()
        };
        if let Some((lane, counter)) = self.own
            && is_leaf(lane, counter)
        {
            return Some(lane);
        }
        let ends = self.lanes.lanes_of(author).iter().filter_map(|&lane| {
            let last = Counter(self.graph.count(lane).checked_sub(1)?);
            let lamport = self.graph.find(lane, last).map_or(Lamport::NEVER, |event| self.graph.describe(event).2);
            is_leaf(lane, last).then_some((lamport, lane))
        });
        ends.max_by(|a, b| a.0.cmp(&b.0).then_with(|| self.lanes.order(a.1, b.1))).map(|(_, lane)| lane)
    }

    /// Fails if an operation needs a row that does not exist after the operations before it.
    pub(super) fn check_rows(&self, ops: CommitRef<'_>) -> Result<(), Error> {
        self.find_rows(ops, ops.kinds()).map(drop)
    }

    /// Looks up the rows of the operations. Fails if an operation needs a row that does not exist
    /// after the operations before it.
    fn find_rows(&self, ops: CommitRef<'_>, kinds: OpKinds) -> Result<FoundRows, Error> {
        if kinds.are_among(&[OpKind::Insert]) {
            // Inserted rows are looked up when they take effect.
            return Ok(FoundRows::new());
        }
        let missing = |table: &str, row: &str| Error::NoSuchRow { table: table.to_owned(), row: row.to_owned() };
        if ops.len() == 1 || kinds.are_among(&[OpKind::Update, OpKind::Unset, OpKind::Splice, OpKind::Add]) {
            let find = |op: OpRef<'_>| self.rows.find(op.table, op.row).ok_or_else(|| missing(op.table, op.row));
            return ops.ops().map(|op| find(op).map(Some)).collect();
        }
        let mut decided: BTreeMap<(&str, &str), bool> = BTreeMap::new();
        for OpRef { kind, table, row, .. } in ops.ops() {
            let exists = || self.rows.find(table, row).is_some();
            if kind != OpKind::Insert && !decided.get(&(table, row)).copied().unwrap_or_else(exists) {
                return Err(missing(table, row));
            }
            decided.insert((table, row), kind != OpKind::Delete);
        }
        Ok(FoundRows::new())
    }

    /// Commits events without operations until one event can depend on all heads. O(heads × log n),
    /// and the runs that the peer's previous event does not build on.
    fn join_heads(&mut self, peer: PeerNumber) {
        let max = limits::EVENT_DEPENDENCIES.maximum as usize;
        if self.graph.head_count() <= max {
            return;
        }
        let mut heads: Vec<EventNumber> = self.graph.heads().collect();
        // The first join must build on the peer's previous event and on the horizon; each further
        // one builds on the join before it.
        let previous = self.lanes.previous(peer, Counter(self.graph.count(peer)));
        let on_previous = previous.and_then(|(lane, previous)| self.graph.first_building_on(&heads, lane, previous));
        let horizon = self.graph.horizon().heads().iter();
        let on_horizon = horizon.filter_map(|&head| self.graph.first_reaching(&heads, head));
        let first = sort::distinct(on_horizon.chain(on_previous));
        sort::sort_by_key(&mut heads, |head| first.binary_search(head).is_err());
        let mut heads = heads.into_iter();
        let mut group: Vec<EventNumber> = heads.by_ref().take(max).collect();
        self.commit_on((peer, 0), &group, CommitRef::Plain(&[]), FoundRows::new());
        while self.graph.head_count() > max {
            group.clear();
            group.push(EventNumber(self.graph.len() - 1));
            group.extend(heads.by_ref().take(max - 1));
            self.commit_on((peer, 0), &group, CommitRef::Plain(&[]), FoundRows::new());
        }
    }

    fn commit_on(
        &mut self,
        (lane, salt): (PeerNumber, u64),
        dependencies: &[EventNumber],
        ops: CommitRef<'_>,
        found: FoundRows,
    ) -> EventNumber {
        let lamport = self.graph.lamport_after(dependencies);
        let counter = Counter(self.graph.count(lane));
        let event = self.graph.push((lane, counter), dependencies, salt, 1);
        self.take_effect(lane, lamport, ops, &mut Translation::of_found(found));
        self.apply_splices();
        self.own = Some((lane, counter));
        self.fork_index.get_mut().touch(lane);
        event
    }
}

/// Returns the number of joins that precede an event if there are this many heads. A join removes
/// heads and is one itself.
fn joins_before(heads: usize) -> u64 {
    let max = limits::EVENT_DEPENDENCIES.maximum;
    (heads as u64).saturating_sub(max).div_ceil(max - 1)
}
