//! The bytes of branches: their names, and the branches that they follow.

use crate::clock::Lamport;
use crate::codec::{Column, ColumnWriter, Reader};
use crate::convert::{index_of, u64_of};
use crate::doc::branches::BranchTable;
use crate::error::Error;
use crate::graph::Graph;
use crate::id::{Counter, Fingerprint, Names, PeerNumber, SharedText, write_texts};
use crate::lanes::{BRANCH_MARK, Branch, BranchStart, Lanes, ReadBranch, check_name, split_name};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The branches of a saved document, by rank.
#[derive(Debug)]
pub(super) struct SavedBranches {
    names: Vec<SharedText>,
    parents: Vec<Option<PeerNumber>>,
    firsts: Vec<Option<BranchStart>>,
    /// The branches that follow each branch.
    pub(super) followers: BTreeMap<PeerNumber, Vec<PeerNumber>>,
}

impl SavedBranches {
    /// Reads the beginnings of branches and the times of their first events, which follow the
    /// names.
    pub(super) fn read(reader: &mut Reader<'_>, names: &Names) -> Result<Self, Error> {
        let begins = read_begins(reader, names)?;
        let mut times = Column::read(reader)?;
        let names: Vec<SharedText> = names.sorted().map(|(name, _)| name.clone()).collect();
        let (mut parents, mut firsts) = (Vec::with_capacity(names.len()), Vec::with_capacity(names.len()));
        let mut followers: BTreeMap<PeerNumber, Vec<PeerNumber>> = BTreeMap::new();
        for (rank, (name, begin)) in (0..).map(PeerNumber).zip(names.iter().zip(begins)) {
            let parent = parent_rank(begin).map(PeerNumber);
            let fingerprint = split_name(name).1.and_then(Fingerprint::parse);
            firsts.push(match fingerprint {
                Some(fingerprint) => {
                    let lamport = Lamport(times.next_u32_to(u32::MAX)?);
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

    /// Returns all branches.
    pub(super) fn all(&self) -> impl Iterator<Item = PeerNumber> + use<> {
        (0..).map(PeerNumber).take(self.names.len())
    }

    /// Returns the number of branches. `limits::PEERS` is far below 2^32.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.names.len()).unwrap_or(u32::MAX)
    }

    /// Returns the branch that a branch follows.
    pub(super) fn parent(&self, branch: PeerNumber) -> Option<PeerNumber> {
        self.parents.get(branch.index()).copied().flatten()
    }

    /// Returns the branches that follow the same branch as this one, including itself.
    pub(super) fn siblings(&self, branch: PeerNumber) -> &[PeerNumber] {
        let parent = self.parent(branch);
        parent.and_then(|parent| self.followers.get(&parent)).map_or(&[], Vec::as_slice)
    }

    /// Returns lanes of one branch each, for a graph with their events. `None` if the branches do
    /// not form trees, or if the time of a first event is wrong.
    pub(super) fn lanes(&self, graph: &Graph) -> Option<Lanes> {
        for (rank, first) in (0..).map(PeerNumber).zip(&self.firsts) {
            let Some(first) = first else { continue };
            let start = self.parent(rank).map_or(0, |parent| graph.count(parent));
            let is_right = match graph.find(rank, Counter(start)) {
                Some(event) => graph.describe(event).2 == first.lamport,
                // The time of an event exceeds the number of the author's earlier events.
                None => first.lamport.0 > start,
            };
            if !is_right {
                return None;
            }
        }
        let branches = self.all().zip(&self.names).zip(self.firsts.iter().zip(&self.parents));
        let branches: Vec<ReadBranch<'_>> = branches
            .map(|((rank, name), (&first, &parent))| ReadBranch { name, first, parent, end: graph.count(rank) })
            .collect();
        Lanes::of_branches(&branches)
    }
}

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
impl BranchTable<'_> {
    /// Writes the names of the branches, their beginnings, and the times of their first events.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let names: Vec<Cow<'_, str>> = (0..self.branches.len()).map(|rank| self.name(rank)).collect();
        write_texts(names.len(), names.iter().map(|name| &**name), out);
        let begins = |rank: usize| {
            let Branch { lane, start, .. } = self.branches[rank];
            let parent = self.lanes.previous(lane, start);
            BEGINS + parent.map_or(0, |(lane, counter)| 1 + u64::from(self.rank(lane, counter)))
        };
        write_begins(&names, begins, out);
        let mut times = ColumnWriter::new();
        for branch in self.branches.iter().filter(|branch| branch.fingerprint.is_some()) {
            let start = self.lanes.start_at(branch.lane, branch.start);
            times.push(start.map_or(0, |start| start.lamport.0.into()));
        }
        times.finish(out);
    }
}

/// The bytes do not contain the beginning of the branch, or not the event that it follows.
pub(super) const CONTINUES: u64 = 0;

/// The branch begins with its peer's first event. If it follows a branch of the same bytes, the
/// rank of that branch plus 1 is added.
pub(super) const BEGINS: u64 = 1;

/// Returns the rank of the branch that a branch follows.
pub(super) fn parent_rank(begin: u64) -> Option<u32> {
    u32::try_from(begin.checked_sub(BEGINS)?.checked_sub(1)?).ok()
}

/// Writes the beginning of each branch. Names of peers have none.
pub(super) fn write_begins(names: &[impl AsRef<str>], begins: impl Fn(usize) -> u64, out: &mut Vec<u8>) {
    let mut column = ColumnWriter::new();
    let branches = names.iter().enumerate().filter(|(_, name)| name.as_ref().contains(BRANCH_MARK));
    branches.for_each(|(rank, _)| column.push(begins(rank)));
    column.finish(out);
}

/// Reads what `write_begins` wrote. Names of peers have `CONTINUES`.
pub(super) fn read_begins(reader: &mut Reader<'_>, names: &Names) -> Result<Vec<u64>, Error> {
    let mut column = Column::read(reader)?;
    let mut begins = Vec::with_capacity(names.len());
    let sorted: Vec<&SharedText> = names.sorted().map(|(name, _)| name).collect();
    for name in &sorted {
        check_name(name).map_err(|error| match error {
            Error::LimitExceeded { .. } => error,
            _ => reader.damage("a name is not that of a peer or of a branch"),
        })?;
        let is_branch = name.contains(BRANCH_MARK);
        let begin = if is_branch { column.next_to(BEGINS.saturating_add(u64_of(names.len())))? } else { CONTINUES };
        let parent = parent_rank(begin).and_then(|rank| sorted.get(index_of(rank)));
        if parent.is_some_and(|parent| split_name(parent).0 != split_name(name).0) {
            return Err(column.damage("a branch follows one of another peer"));
        }
        begins.push(begin);
    }
    column.finish()?;
    Ok(begins)
}
