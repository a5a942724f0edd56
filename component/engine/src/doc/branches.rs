//! The branches and fingerprints of a saved document.

use super::pack::{BEGINS, next_print, read_begins, read_salts};
use crate::chain::Prints;
use crate::clock::Lamport;
use crate::codec::{Column, Reader};
use crate::error::Error;
use crate::graph::{Graph, Horizon};
use crate::id::{Counter, EventNumber, Fingerprint, Names, PeerNumber, SharedText};
use crate::lanes::{BranchStart, Lanes, ReadBranch, split_name};
use std::collections::BTreeMap;

/// The branches of a saved document, by rank.
#[derive(Debug)]
pub(super) struct SavedBranches {
    names: Vec<SharedText>,
    parents: Vec<Option<PeerNumber>>,
    firsts: Vec<Option<BranchStart>>,
    /// By branch, those that follow it.
    followers: BTreeMap<PeerNumber, Vec<PeerNumber>>,
}

impl SavedBranches {
    /// Reads, behind the names, where branches begin and the times of their first events.
    pub(super) fn read(reader: &mut Reader<'_>, names: &Names) -> Result<Self, Error> {
        let begins = read_begins(reader, names)?;
        let mut times = Column::read(reader)?;
        let names: Vec<SharedText> = names.sorted().map(|(name, _)| name.clone()).collect();
        let (mut parents, mut firsts) = (Vec::with_capacity(names.len()), Vec::with_capacity(names.len()));
        let mut followers: BTreeMap<PeerNumber, Vec<PeerNumber>> = BTreeMap::new();
        for (rank, (name, begin)) in (0..).map(PeerNumber).zip(names.iter().zip(begins)) {
            let parent = begin.checked_sub(BEGINS + 1).map(|rank| PeerNumber(rank as u32));
            let fingerprint = split_name(name).1.and_then(Fingerprint::parse);
            firsts.push(match fingerprint {
                Some(fingerprint) => {
                    let lamport = Lamport(times.next_to(u32::MAX.into())? as u32);
                    Some(BranchStart { fingerprint, lamport })
                }
                None => None,
            });
            if fingerprint.is_some() && begin < BEGINS {
                return Err(reader.damage("a branch does not begin"));
            }
            if let Some(parent) = parent {
                followers.entry(parent).or_default().push(rank);
            }
            parents.push(parent);
        }
        times.finish()?;
        Ok(Self { names, parents, firsts, followers })
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The branch that a branch follows.
    pub(super) fn parent(&self, branch: PeerNumber) -> Option<PeerNumber> {
        self.parents[branch.index()]
    }

    /// The branches that follow the same one as this, itself included.
    pub(super) fn siblings(&self, branch: PeerNumber) -> &[PeerNumber] {
        let parent = self.parent(branch);
        parent.and_then(|parent| self.followers.get(&parent)).map_or(&[], Vec::as_slice)
    }

    /// The lanes that these branches are, in a graph that has their events; `None` if they are not those of trees, or if an
    /// event does not have the time that is said.
    pub(super) fn lanes(&self, graph: &Graph) -> Option<Lanes> {
        for (rank, first) in (0..).map(PeerNumber).zip(&self.firsts) {
            let Some(first) = first else { continue };
            let start = self.parent(rank).map_or(0, |parent| graph.count(parent));
            let is_right = match graph.find(rank, Counter(start)) {
                Some(event) => graph.describe(event).2 == first.lamport,
                // An event comes after all of its author's earlier ones.
                None => first.lamport.0 > start,
            };
            if !is_right {
                return None;
            }
        }
        let branches: Vec<ReadBranch<'_>> = (0..self.len())
            .map(|rank| ReadBranch {
                name: &self.names[rank],
                first: self.firsts[rank],
                parent: self.parents[rank],
                end: graph.count(PeerNumber(rank as u32)),
            })
            .collect();
        Lanes::of_branches(&branches)
    }
}

/// The fingerprints of a saved document.
#[derive(Debug)]
pub(super) struct SavedPrints<'a> {
    /// Those of the last events of branches that no other one follows.
    tips: Vec<(PeerNumber, Fingerprint)>,
    /// Those of the last events that were compacted of branches where a retained event follows.
    followed: Option<Column<'a>>,
    stubs: Vec<Fingerprint>,
    /// By run, what distinguishes its first event from an equal one.
    pub(super) salts: BTreeMap<usize, u64>,
}

impl<'a> SavedPrints<'a> {
    /// Of a document without events.
    pub(super) fn none() -> Self {
        Self { tips: Vec::new(), followed: None, stubs: Vec::new(), salts: BTreeMap::new() }
    }

    pub(super) fn read(
        reader: &mut Reader<'a>,
        branches: &SavedBranches,
        horizon: Option<&Horizon>,
    ) -> Result<Self, Error> {
        let mut column = Column::read_fixed(reader)?;
        let mut tips = Vec::new();
        for branch in (0..branches.len() as u32).map(PeerNumber) {
            if !branches.followers.contains_key(&branch) {
                tips.push((branch, next_print(&mut column)?));
            }
        }
        column.finish()?;
        let followed = Some(Column::read_fixed(reader)?);
        let mut column = Column::read_fixed(reader)?;
        let mut stubs = Vec::new();
        for _ in 0..horizon.map_or(0, |horizon| horizon.stubs().len()) {
            stubs.push(next_print(&mut column)?);
        }
        column.finish()?;
        // A salted event begins a run, so there are not more of them than bytes that tell of runs.
        let salts = read_salts(reader, u32::MAX as usize)?;
        reader.finish()?;
        Ok(Self { tips, followed, stubs, salts })
    }

    /// The fingerprints as a document keeps them, whose lanes are the branches.
    pub(super) fn restore(self, graph: &Graph, branches: &SavedBranches) -> Result<Prints, Error> {
        let horizon = graph.horizon();
        let mut prints = Prints::beyond(self.stubs.into_iter());
        for (lane, tip) in self.tips {
            let last = Counter(graph.count(lane).saturating_sub(1));
            match graph.find(lane, last) {
                Some(event) if event >= EventNumber(horizon.stubs().len() as u32) => prints.mark(event, tip),
                _ => prints.set_at_horizon(lane, last, tip),
            }
        }
        let Some(mut followed) = self.followed else { return Ok(prints) };
        for branch in (0..branches.len() as u32).map(PeerNumber) {
            let Some(last) = horizon.count(branch).checked_sub(1) else { continue };
            let followers = branches.followers.get(&branch).into_iter().flatten();
            let is_followed = followers.copied().any(|follower| horizon.count(follower) == 0);
            if graph.count(branch) > last + 1 || is_followed {
                prints.set_at_horizon(branch, Counter(last), next_print(&mut followed)?);
            }
        }
        followed.finish()?;
        Ok(prints)
    }
}
