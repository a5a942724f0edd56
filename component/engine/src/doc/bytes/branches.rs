//! The branches and fingerprints of a saved document.

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
    /// By branch, those that follow it.
    pub(super) followers: BTreeMap<PeerNumber, Vec<PeerNumber>>,
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

    /// All branches.
    pub(super) fn all(&self) -> impl Iterator<Item = PeerNumber> + use<> {
        (0..).map(PeerNumber).take(self.names.len())
    }

    /// How many branches there are: `limits::PEERS` is far below 2^32.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.names.len()).unwrap_or(u32::MAX)
    }

    /// The branch that a branch follows.
    pub(super) fn parent(&self, branch: PeerNumber) -> Option<PeerNumber> {
        self.parents.get(branch.index()).copied().flatten()
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
    reason = "writes what the engine holds, and reads nothing"
)]
impl BranchTable<'_> {
    /// Writes the names of the branches, where each branch of a forked peer begins, and the times of their first events.
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

/// The branch began earlier, or what it follows is not in these bytes.
pub(super) const GOES_ON: u64 = 0;

/// The branch begins with its peer's first event, or its first event is in the bytes and follows one of the branch of the
/// rank that is added to this.
pub(super) const BEGINS: u64 = 1;

/// The rank of the branch that a branch follows.
pub(super) fn parent_rank(begin: u64) -> Option<u32> {
    u32::try_from(begin.checked_sub(BEGINS)?.checked_sub(1)?).ok()
}

/// Writes, for each name of a branch, where the branch begins.
pub(super) fn write_begins(names: &[impl AsRef<str>], begins: impl Fn(usize) -> u64, out: &mut Vec<u8>) {
    let mut column = ColumnWriter::new();
    let branches = names.iter().enumerate().filter(|(_, name)| name.as_ref().contains(BRANCH_MARK));
    branches.for_each(|(rank, _)| column.push(begins(rank)));
    column.finish(out);
}

/// Reads what `write_begins` wrote: for each name `GOES_ON`, or the branch that it follows.
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
        let begin = if is_branch { column.next_to(BEGINS.saturating_add(u64_of(names.len())))? } else { GOES_ON };
        let parent = parent_rank(begin).and_then(|rank| sorted.get(index_of(rank)));
        if parent.is_some_and(|parent| split_name(parent).0 != split_name(name).0) {
            return Err(column.damage("a branch follows one of another peer"));
        }
        begins.push(begin);
    }
    column.finish()?;
    Ok(begins)
}
