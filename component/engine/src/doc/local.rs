//! Writing as this replica's peer.

use super::room::{Coming, make_room};
use super::translation::{FoundRows, Translation};
use super::{Doc, check};
use crate::clock::Lamport;
use crate::error::Error;
use crate::id::{Counter, EventId, EventMap, EventNumber, PeerNumber};
use crate::limits;
use crate::oplog::{Cell, Commit, CommitRef, RowOp};
use crate::sort;
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// Heads that are listed without an allocation.
const FEW_HEADS: usize = 4;

impl Doc {
    /// Commits an insert: makes the row, or sets these cells where it is there. Errors and cost as for [`Doc::commit`].
    ///
    /// # Errors
    /// As for [`Doc::commit`].
    pub fn insert(
        &mut self,
        table: impl Into<String>,
        row: impl Into<String>,
        cells: Vec<Cell>,
    ) -> Result<EventId, Error> {
        self.commit(vec![RowOp::Insert { table: table.into(), row: row.into(), cells }])
    }

    /// Commits an update: sets these cells of a row that is there.
    ///
    /// # Errors
    /// As for [`Doc::commit`].
    pub fn update(
        &mut self,
        table: impl Into<String>,
        row: impl Into<String>,
        cells: Vec<Cell>,
    ) -> Result<EventId, Error> {
        self.commit(vec![RowOp::Update { table: table.into(), row: row.into(), cells }])
    }

    /// Commits a delete of a row that is there.
    ///
    /// # Errors
    /// As for [`Doc::commit`].
    pub fn delete(&mut self, table: impl Into<String>, row: impl Into<String>) -> Result<EventId, Error> {
        self.commit(vec![RowOp::Delete { table: table.into(), row: row.into() }])
    }

    /// Commits the removal of these cells of a row. Columns that have no cell are ignored.
    ///
    /// # Errors
    /// As for [`Doc::commit`]; `NoSuchRow` if the row does not exist.
    pub fn unset(
        &mut self,
        table: impl Into<String>,
        row: impl Into<String>,
        columns: Vec<String>,
    ) -> Result<EventId, Error> {
        self.commit(vec![RowOp::Unset { table: table.into(), row: row.into(), columns }])
    }

    /// Commits these operations as one event, and returns its name. Where there are more heads than one event may depend
    /// on, events without operations that join them come first. O(log n) for each operation, cell and head.
    ///
    /// # Errors
    /// `InvalidArgument` for empty names and repeated columns; `LimitExceeded` for what is too large, or does not fit
    /// into the document any more; `NoSuchRow` for an update, delete or unset of a row that is not there after the operations
    /// before it.
    pub fn commit(&mut self, mut ops: Commit) -> Result<EventId, Error> {
        check::commit(&mut ops)?;
        let found = self.find_rows(&ops)?;
        self.commit_on_heads(CommitRef::Plain(&ops), found)
    }

    /// Commits operations that were checked, also on rows that are not there.
    pub(super) fn commit_as_it_is(&mut self, ops: CommitRef<'_>) -> Result<EventId, Error> {
        self.commit_on_heads(ops, FoundRows::new())
    }

    fn commit_on_heads(&mut self, ops: CommitRef<'_>, found: FoundRows) -> Result<EventId, Error> {
        let own = self.own_lane();
        let next = own.map_or(0, |lane| self.graph.count(lane));
        let joins = joins_before(self.graph.head_count());
        limits::COUNTER.check(u64::from(next) + joins)?;
        self.check_room(&Coming {
            events: joins + 1,
            peers: &[&self.peer],
            commits: std::iter::once(ops),
            dropped: &EventMap::default(),
        })?;

        make_room(&mut self.rows, &mut self.log, std::iter::once(ops))?;

        let lane = match own {
            Some(lane) => lane,
            None => self.lanes.add_author(&self.peer),
        };
        self.join_heads(lane);
        let heads: SmallVec<[EventNumber; FEW_HEADS]> = self.graph.heads().collect();
        let event = self.commit_on(lane, &heads, ops, found);
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

    /// The lane on which this replica continues: that of its last event, or, if others wrote on behind that or this replica did
    /// not write yet, the one of its peer whose last event is executed last. O(1), and then O(lanes of the peer).
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

    /// The rows that the operations name, as far as they are known. Refuses operations on rows that are not there, walking
    /// through them as they will be executed.
    fn find_rows(&self, ops: &[RowOp]) -> Result<FoundRows, Error> {
        let is = |kind: fn(&RowOp) -> bool| ops.iter().all(kind);
        if is(|op| matches!(op, RowOp::Insert { .. })) {
            // Each is looked up when it takes effect.
            return Ok(FoundRows::new());
        }
        let missing = |table: &str, row: &str| Error::NoSuchRow { table: table.to_owned(), row: row.to_owned() };
        if ops.len() == 1 || is(|op| matches!(op, RowOp::Update { .. } | RowOp::Unset { .. })) {
            let found = ops
                .iter()
                .map(RowOp::row_name)
                .map(|(table, row)| self.rows.find(table, row).map(Some).ok_or_else(|| missing(table, row)));
            return found.collect();
        }
        let mut decided: BTreeMap<(&str, &str), bool> = BTreeMap::new();
        for op in ops {
            let (table, row) = op.row_name();
            let is_insert = matches!(op, RowOp::Insert { .. });
            let is_there = || self.rows.find(table, row).is_some();
            if !is_insert && !decided.get(&(table, row)).copied().unwrap_or_else(is_there) {
                return Err(missing(table, row));
            }
            decided.insert((table, row), !matches!(op, RowOp::Delete { .. }));
        }
        Ok(FoundRows::new())
    }

    /// Joins heads by events without operations until one event can depend on all of them. O(heads × log n), and where
    /// there is something to join, the runs that the peer's previous event does not build on.
    fn join_heads(&mut self, peer: PeerNumber) {
        let most = limits::EVENT_DEPENDENCIES.maximum as usize;
        if self.graph.head_count() <= most {
            return;
        }
        let mut heads: Vec<EventNumber> = self.graph.heads().collect();
        // The peer's next event must build on its previous one and on the horizon, each later one on the join before it.
        let previous = self.lanes.previous(peer, Counter(self.graph.count(peer)));
        let on_previous = previous.and_then(|(lane, previous)| self.graph.first_building_on(&heads, lane, previous));
        let horizon = self.graph.horizon().heads().iter();
        let on_horizon = horizon.filter_map(|&head| self.graph.first_reaching(&heads, head));
        let first = sort::distinct(on_horizon.chain(on_previous));
        sort::sort_by_key(&mut heads, |head| first.binary_search(head).is_err());
        let mut heads = heads.into_iter();
        let mut group: Vec<EventNumber> = heads.by_ref().take(most).collect();
        self.commit_on(peer, &group, CommitRef::Plain(&[]), FoundRows::new());
        while self.graph.head_count() > most {
            group.clear();
            group.push(EventNumber(self.graph.len() - 1));
            group.extend(heads.by_ref().take(most - 1));
            self.commit_on(peer, &group, CommitRef::Plain(&[]), FoundRows::new());
        }
    }

    fn commit_on(
        &mut self,
        lane: PeerNumber,
        dependencies: &[EventNumber],
        ops: CommitRef<'_>,
        found: FoundRows,
    ) -> EventNumber {
        let lamport = self.graph.lamport_after(dependencies);
        let counter = Counter(self.graph.count(lane));
        let event = self.graph.push((lane, counter), dependencies, 0, 1);
        self.take_effect(lane, lamport, ops, &mut Translation::of_found(found));
        self.own = Some((lane, counter));
        self.fork_index.get_mut().touch(lane);
        event
    }
}

/// Returns how many events without operations precede one that builds on this many heads. Each takes some away and is one.
fn joins_before(heads: usize) -> u64 {
    let most = limits::EVENT_DEPENDENCIES.maximum;
    (heads as u64).saturating_sub(most).div_ceil(most - 1)
}
