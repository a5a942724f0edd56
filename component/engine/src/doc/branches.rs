//! The branches of a document, in the order of their names.
//!
//! Local numbers of lanes differ between replicas; the rank of a branch in this order does not.

use super::Doc;
use crate::clock::Lamport;
use crate::graph::{Horizon, RankedHorizon, RankedStub};
use crate::id::{Counter, EventNumber, PeerNumber};
use crate::lanes::{Branch, Lanes};
use crate::sort;
use std::borrow::Cow;
use std::collections::BTreeMap;
/// The branches of a document, sorted by name. The index of a branch is its rank.
pub(super) struct BranchTable<'a> {
    pub(super) lanes: &'a Lanes,
    pub(super) branches: Vec<Branch>,
    /// The rank of the first branch of each lane.
    first: Vec<u32>,
    /// The rank of each branch, by its first event. Empty while no author is forked.
    ranks: BTreeMap<(PeerNumber, Counter), u32>,
    /// The rank of each branch, by the lamport time of its first event.
    times: BTreeMap<(PeerNumber, Lamport), u32>,
}

impl BranchTable<'_> {
    /// Returns the rank of an event's branch.
    pub(super) fn rank(&self, lane: PeerNumber, counter: Counter) -> u32 {
        let forked = self.ranks.range((lane, Counter(0))..=(lane, counter)).next_back();
        forked.map_or(self.first[lane.index()], |(_, &rank)| rank)
    }

    /// Returns the rank of the branch of the lane's event at this time.
    pub(super) fn rank_at(&self, lane: PeerNumber, lamport: Lamport) -> u32 {
        let forked = self.times.range((lane, Lamport::NEVER)..=(lane, lamport)).next_back();
        forked.map_or(self.first[lane.index()], |(_, &rank)| rank)
    }

    /// Returns whether no other branch follows the branch of this rank.
    pub(super) fn is_leaf(&self, rank: usize) -> bool {
        let Branch { lane, end, .. } = self.branches[rank];
        self.lanes.start_at(lane, Counter(end)).is_none() && self.lanes.leaving(lane, Counter(end)).is_empty()
    }

    /// Returns the last compacted event of each branch that a retained event follows, by rank.
    pub(super) fn followed_at_horizon(&self, horizon: &Horizon) -> Vec<(PeerNumber, Counter)> {
        let compacted = self.counts_at_horizon(horizon);
        // Whether the first event of a branch that follows it is retained, by rank.
        let mut is_followed = vec![false; self.branches.len()];
        for (branch, _) in self.branches.iter().zip(&compacted).filter(|(_, count)| **count == 0) {
            if let Some((lane, counter)) = self.lanes.previous(branch.lane, branch.start) {
                is_followed[self.rank(lane, counter) as usize] = true;
            }
        }
        let counts = self.branches.iter().zip(compacted).zip(is_followed).filter(|((_, count), _)| *count > 0);
        let followed = counts.filter(|((branch, count), is_followed)| *count < branch.end || *is_followed);
        followed.map(|((branch, count), _)| (branch.lane, Counter(count - 1))).collect()
    }

    /// Returns the number of compacted events of each branch, by rank.
    pub(super) fn counts_at_horizon(&self, horizon: &Horizon) -> Vec<u32> {
        self.counts(|lane| horizon.count(lane))
    }

    /// Converts counts by lane to counts by rank. A branch without counted events has 0.
    pub(super) fn counts(&self, count: impl Fn(PeerNumber) -> u32) -> Vec<u32> {
        let counts = self.branches.iter().map(|branch| {
            let count = count(branch.lane);
            if count > branch.start.0 { count.min(branch.end) } else { 0 }
        });
        counts.collect()
    }

    /// Returns the horizon with ranks.
    pub(super) fn horizon_view(&self, horizon: &Horizon) -> RankedHorizon {
        let stubs = (0..).map(EventNumber).zip(horizon.stubs()).map(|(event, stub)| RankedStub {
            rank: self.rank(stub.peer, stub.counter),
            counter: stub.counter.0,
            lamport: stub.lamport,
            known: self.counts(|lane| stub.known.get(lane.index()).copied().unwrap_or(0)),
            event,
        });
        let mut stubs: Vec<RankedStub> = stubs.collect();
        sort::sort_by_key(&mut stubs, |stub| (stub.rank, stub.counter));
        RankedHorizon { counts: self.counts_at_horizon(horizon), stubs }
    }

    /// Returns the name of the branch of this rank.
    pub(super) fn name(&self, rank: usize) -> Cow<'_, str> {
        self.lanes.branch_name(&self.branches[rank])
    }
}

impl Doc {
    /// Returns whether the history of a peer is known to be forked.
    pub(super) fn is_forked(&self, author: &str) -> bool {
        self.lanes.author(author).is_some_and(|author| self.lanes.lanes_of(author).len() > 1)
    }

    /// Returns the branches of all peers with known events.
    pub(super) fn branch_table(&self) -> BranchTable<'_> {
        let lanes = &self.lanes;
        let mut branches: Vec<Branch> = Vec::with_capacity(lanes.len());
        for (_, of_author) in lanes.authors() {
            branches.extend(of_author.iter().flat_map(|&lane| lanes.branches(lane, self.graph.count(lane))));
        }
        let mut table = BranchTable {
            lanes,
            branches,
            first: vec![u32::MAX; lanes.len()],
            ranks: BTreeMap::new(),
            times: BTreeMap::new(),
        };
        if lanes.is_forked() {
            sort::sort_by(&mut table.branches, |a, b| lanes.branch_name(a).cmp(&lanes.branch_name(b)));
        }
        for (rank, branch) in (0..).zip(&table.branches) {
            let first = &mut table.first[branch.lane.index()];
            if *first == u32::MAX {
                *first = rank;
            }
            if lanes.is_forked() {
                table.ranks.insert((branch.lane, branch.start), rank);
                let start = lanes.start_at(branch.lane, branch.start);
                table.times.insert((branch.lane, start.map_or(Lamport::NEVER, |start| start.lamport)), rank);
            }
        }
        table
    }
}
