//! The bytes of the fingerprints and salts of a document.

use super::branches::SavedBranches;
use super::events::next_print;
use crate::chain::Prints;
use crate::codec::{Column, ColumnWriter, Reader, put_varint};
use crate::convert::{index_of, u64_of};
use crate::doc::Doc;
use crate::doc::branches::BranchTable;
use crate::doc::chains::Chain;
use crate::error::Error;
use crate::graph::{Graph, Horizon};
use crate::id::{Counter, Fingerprint, PeerNumber};
use std::collections::BTreeMap;
/// The fingerprints of a saved document.
#[derive(Debug)]
pub(super) struct SavedPrints<'a> {
    /// The last events of branches that no other branch follows.
    tips: Vec<(PeerNumber, Fingerprint)>,
    /// The last compacted events of branches that a retained event follows.
    followed: Option<Column<'a>>,
    stubs: Vec<Fingerprint>,
    /// By run, the salt of its first event.
    pub(super) salts: BTreeMap<usize, u64>,
}

impl<'a> SavedPrints<'a> {
    /// Returns the fingerprints of a document without events.
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
        for branch in branches.all() {
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
        // A salted event begins a run, so the bytes of runs bound the number of salts.
        let salts = read_salts(reader, u32::MAX)?;
        reader.finish()?;
        Ok(Self { tips, followed, stubs, salts })
    }

    /// Returns the fingerprints as a document keeps them. Its lanes are the branches.
    pub(super) fn restore(self, graph: &Graph, branches: &SavedBranches) -> Result<Prints, Error> {
        let horizon = graph.horizon();
        let mut prints = Prints::beyond(self.stubs.into_iter());
        for (lane, tip) in self.tips {
            let last = Counter(graph.count(lane).saturating_sub(1));
            match graph.find(lane, last) {
                Some(event) if event.index() >= horizon.stubs().len() => prints.mark(event, tip),
                _ => prints.set_at_horizon(lane, last, tip),
            }
        }
        let Some(mut followed) = self.followed else { return Ok(prints) };
        for branch in branches.all() {
            let Some(last) = horizon.count(branch).checked_sub(1) else { continue };
            let followers = branches.followers.get(&branch).into_iter().flatten();
            let is_followed = followers.copied().any(|follower| horizon.count(follower) == 0);
            if graph.count(branch) > horizon.count(branch) || is_followed {
                prints.set_at_horizon(branch, Counter(last), next_print(&mut followed)?);
            }
        }
        followed.finish()?;
        Ok(prints)
    }
}

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
impl Doc {
    /// Encodes the fingerprints of the last events of branches that no other branch follows, by
    /// rank; of the last compacted events of branches that a retained event follows; of the stubs;
    /// and the salts.
    pub(super) fn saved_prints(&self, table: &BranchTable<'_>, chains: &[Chain]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut tips = ColumnWriter::fixed();
        for (rank, branch) in table.branches.iter().enumerate().filter(|(rank, _)| table.is_leaf(*rank)) {
            let tip = self.print_at(branch.lane, Counter(branch.end - 1));
            debug_assert!(tip.is_some(), "branch {rank}");
            tips.push(tip.map_or(1, Fingerprint::get));
        }
        tips.finish(&mut out);
        let horizon = self.graph.horizon();
        let mut followed = ColumnWriter::fixed();
        for (lane, counter) in table.followed_at_horizon(horizon) {
            followed.push(self.tip_at_horizon(lane, counter).map_or(1, Fingerprint::get));
        }
        followed.finish(&mut out);
        let mut stubs = ColumnWriter::fixed();
        for stub in table.horizon_view(horizon).stubs {
            stubs.push(self.print(stub.event).get());
        }
        stubs.finish(&mut out);
        let salted = chains.iter().enumerate().map(|(run, chain)| (run, self.graph.salt(chain.pieces[0].first)));
        write_salts(salted.filter(|&(_, salt)| salt != 0).collect(), &mut out);
        out
    }
}

/// Writes the number of salts, their runs, and the salts.
pub(super) fn write_salts(salted: Vec<(usize, u64)>, out: &mut Vec<u8>) {
    put_varint(out, u64_of(salted.len()));
    if salted.is_empty() {
        return;
    }
    let (mut runs, mut salts) = (ColumnWriter::new(), ColumnWriter::fixed());
    for (run, salt) in salted {
        runs.push(u64_of(run));
        salts.push(salt);
    }
    runs.finish(out);
    salts.finish(out);
}

/// Reads what `write_salts` wrote, for this many runs.
pub(super) fn read_salts(reader: &mut Reader<'_>, runs: u32) -> Result<BTreeMap<usize, u64>, Error> {
    let count = reader.varint()?;
    let mut salted = BTreeMap::new();
    if count == 0 {
        return Ok(salted);
    }
    let (mut places, mut salts) = (Column::read(reader)?, Column::read_fixed(reader)?);
    places.check_count(count)?;
    for _ in 0..count {
        let place = index_of(places.next_u32_to(runs.saturating_sub(1))?);
        let salt = salts.next()?;
        if salt == 0 || salted.last_key_value().is_some_and(|(&last, _)| last >= place) {
            return Err(salts.damage("a salt is 0, or not in its place"));
        }
        salted.insert(place, salt);
    }
    places.finish()?;
    salts.finish()?;
    Ok(salted)
}
