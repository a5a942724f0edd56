//! Writing as this replica's peer.

use super::room::Coming;
use super::{Doc, check};
use crate::error::Error;
use crate::id::{Counter, EventId, EventMap, EventNumber, PeerNumber};
use crate::limits;
use crate::oplog::{Cell, Commit, CommitRef, Copies, RowOp};
use std::collections::{BTreeMap, BTreeSet};

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
        self.check_rows_are_there(&ops)?;
        self.commit_as_it_is(CommitRef::Plain(&ops))
    }

    /// Commits operations that were checked, also on rows that are not there.
    pub(super) fn commit_as_it_is(&mut self, ops: CommitRef<'_>) -> Result<EventId, Error> {
        let next = self.count_of(&self.peer);
        if let Some(counter) = self.waiting.first_claimed(&self.peer, next) {
            return Err(Error::ConflictingEvent { peer: String::from(&*self.peer), counter });
        }
        let joins = joins_before(self.graph.heads().len());
        limits::COUNTER.check(u64::from(next) + joins)?;
        self.check_room(&Coming {
            events: joins + 1,
            peers: &[&self.peer],
            commits: std::iter::once(ops),
            dropped: &EventMap::default(),
        })?;

        let peer = PeerNumber(self.peers.intern(&self.peer));
        self.join_heads(peer);
        let heads: Vec<EventNumber> = self.graph.heads().collect();
        self.commit_on(peer, &heads, ops);
        Ok(EventId { peer: String::from(&*self.peer), counter: self.graph.count(peer) - 1 })
    }

    /// Walks through the operations as they will be executed.
    fn check_rows_are_there(&self, ops: &[RowOp]) -> Result<(), Error> {
        if ops.iter().all(|op| matches!(op, RowOp::Insert { .. })) {
            return Ok(());
        }
        let mut decided: BTreeMap<(&str, &str), bool> = BTreeMap::new();
        for op in ops {
            let (table, row, _) = op.parts();
            let is_insert = matches!(op, RowOp::Insert { .. });
            let is_there = || decided.get(&(table, row)).copied().unwrap_or_else(|| self.rows.is_there(table, row));
            if !is_insert && !is_there() {
                return Err(Error::NoSuchRow { table: table.to_owned(), row: row.to_owned() });
            }
            decided.insert((table, row), !matches!(op, RowOp::Delete { .. }));
        }
        Ok(())
    }

    /// Joins heads by events without operations until one event can depend on all of them. O(heads × log n), and where
    /// there is something to join, the runs that the peer's previous event does not build on.
    fn join_heads(&mut self, peer: PeerNumber) {
        let most = limits::EVENT_DEPENDENCIES.most as usize;
        let mut heads: Vec<EventNumber> = self.graph.heads().collect();
        if heads.len() <= most {
            return;
        }
        // The peer's next event must build on its previous one and on the horizon, each later one on the join before it.
        let previous = self.graph.count(peer).checked_sub(1).map(Counter);
        let on_previous = previous.and_then(|previous| self.graph.first_building_on(&heads, peer, previous));
        let horizon = self.graph.horizon().heads().iter();
        let on_horizon = horizon.filter_map(|&head| self.graph.first_reaching(&heads, head));
        let first: BTreeSet<EventNumber> = on_horizon.chain(on_previous).collect();
        heads.sort_by_key(|head| !first.contains(head));
        let mut heads = heads.into_iter();
        let mut group: Vec<EventNumber> = heads.by_ref().take(most).collect();
        self.commit_on(peer, &group, CommitRef::Plain(&[]));
        while self.graph.heads().len() > most {
            group.clear();
            group.push(EventNumber(self.graph.len() - 1));
            group.extend(heads.by_ref().take(most - 1));
            self.commit_on(peer, &group, CommitRef::Plain(&[]));
        }
    }

    fn commit_on(&mut self, peer: PeerNumber, dependencies: &[EventNumber], ops: CommitRef<'_>) {
        let lamport = self.graph.lamport_after(dependencies);
        self.graph.push(peer, dependencies, 1);
        self.take_effect(peer, lamport, ops, &mut Copies::new());
    }
}

/// How many events without operations come before one that builds on so many heads. Each takes some away and is one.
fn joins_before(heads: usize) -> u64 {
    let most = limits::EVENT_DEPENDENCIES.most;
    (heads as u64).saturating_sub(most).div_ceil(most - 1)
}
