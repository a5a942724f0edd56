//! Writing as this replica's peer.

use super::room::{Coming, make_room};
use super::translation::{FoundRows, Translation};
use super::{Doc, check};
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
    pub fn insert(&mut self, table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Error> {
        self.commit(vec![RowOp::Insert { table: table.to_owned(), row: row.to_owned(), cells }])
    }

    /// Commits an update: sets these cells of a row that is there.
    ///
    /// # Errors
    /// As for [`Doc::commit`].
    pub fn update(&mut self, table: &str, row: &str, cells: Vec<Cell>) -> Result<EventId, Error> {
        self.commit(vec![RowOp::Update { table: table.to_owned(), row: row.to_owned(), cells }])
    }

    /// Commits a delete of a row that is there.
    ///
    /// # Errors
    /// As for [`Doc::commit`].
    pub fn delete(&mut self, table: &str, row: &str) -> Result<EventId, Error> {
        self.commit(vec![RowOp::Delete { table: table.to_owned(), row: row.to_owned() }])
    }

    /// Commits these operations as one event, and gives its name. Where there are more heads than one event may depend
    /// on, events without operations that join them come first. O(log n) for each operation, cell and head.
    ///
    /// # Errors
    /// `InvalidArgument` for empty names and repeated columns; `LimitExceeded` for what is too large, or does not fit
    /// into the document any more; `NoSuchRow` for an update or delete of a row that is not there after the operations
    /// before it; `ConflictingEvent` where waiting events show that this peer's next events were already written
    /// elsewhere: it can write again once those have come.
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
        let next = self.count_of(&self.peer);
        if let Some(counter) = self.waiting.first_claimed(&self.peer, next) {
            return Err(Error::ConflictingEvent { peer: String::from(&*self.peer), counter });
        }
        let joins = joins_before(self.graph.head_count());
        limits::COUNTER.check(u64::from(next) + joins)?;
        self.check_room(&Coming {
            events: joins + 1,
            peers: &[&self.peer],
            commits: std::iter::once(ops),
            dropped: &EventMap::default(),
        })?;

        make_room(&mut self.rows, &mut self.log, std::iter::once(ops))?;

        let peer = PeerNumber(self.peers.intern(&self.peer));
        self.join_heads(peer);
        let heads: SmallVec<[EventNumber; FEW_HEADS]> = self.graph.heads().collect();
        self.commit_on(peer, &heads, ops, found);
        Ok(EventId { peer: String::from(&*self.peer), counter: self.graph.count(peer) - 1 })
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
        if ops.len() == 1 || is(|op| matches!(op, RowOp::Update { .. })) {
            let found = ops
                .iter()
                .map(RowOp::parts)
                .map(|(table, row, _)| self.rows.find(table, row).map(Some).ok_or_else(|| missing(table, row)));
            return found.collect();
        }
        let mut decided: BTreeMap<(&str, &str), bool> = BTreeMap::new();
        for op in ops {
            let (table, row, _) = op.parts();
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
        let most = limits::EVENT_DEPENDENCIES.most as usize;
        if self.graph.head_count() <= most {
            return;
        }
        let mut heads: Vec<EventNumber> = self.graph.heads().collect();
        // The peer's next event must build on its previous one and on the horizon, each later one on the join before it.
        let previous = self.graph.count(peer).checked_sub(1).map(Counter);
        let on_previous = previous.and_then(|previous| self.graph.first_building_on(&heads, peer, previous));
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

    fn commit_on(&mut self, peer: PeerNumber, dependencies: &[EventNumber], ops: CommitRef<'_>, found: FoundRows) {
        let lamport = self.graph.lamport_after(dependencies);
        self.graph.push(peer, dependencies, 1);
        self.take_effect(peer, lamport, ops, &mut Translation::of_found(found));
    }
}

/// How many events without operations come before one that builds on so many heads. Each takes some away and is one.
fn joins_before(heads: usize) -> u64 {
    let most = limits::EVENT_DEPENDENCIES.most;
    (heads as u64).saturating_sub(most).div_ceil(most - 1)
}
