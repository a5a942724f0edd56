//! Lanes made of the branches that a saved document lists.

use super::{AuthorNumber, BranchStart, Lane, Lanes, split_name};
use crate::id::{Counter, Names, PeerNumber};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// A branch of a saved document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadBranch<'a> {
    pub(crate) name: &'a str,
    /// Its first event, if its name tells.
    pub(crate) first: Option<BranchStart>,
    /// The branch that it follows; `None` if it begins with its author's first event.
    pub(crate) parent: Option<PeerNumber>,
    /// The counter after its last event.
    pub(crate) end: u32,
}

impl Lanes {
    /// Lanes of one branch each, in the order of the branches, which are sorted by name. `None` if they are not those of trees.
    /// O(n log n).
    pub(crate) fn of_branches(branches: &[ReadBranch<'_>]) -> Option<Self> {
        let mut lanes = Self { authors: Names::default(), ..Self::default() };
        for branch in branches {
            let author = AuthorNumber(lanes.authors.intern(split_name(branch.name).0));
            lanes.lanes.push(Lane { author, origin: None });
            if lanes.by_author.len() <= author.0 as usize {
                lanes.by_author.push(SmallVec::new());
            }
        }
        let mut roots: Vec<Option<PeerNumber>> = vec![None; lanes.by_author.len()];
        let mut followers: BTreeMap<PeerNumber, Vec<PeerNumber>> = BTreeMap::new();
        for (lane, branch) in (0..).map(PeerNumber).zip(branches) {
            let author = lanes.author_of(lane);
            match branch.parent {
                Some(parent) => {
                    let is_of_author = lanes.lanes.get(parent.index())?.author == author;
                    if !is_of_author || branch.first.is_none() {
                        return None;
                    }
                    followers.entry(parent).or_default().push(lane);
                }
                // A first lane; further ones leave it before its first event.
                None => match roots[author.0 as usize] {
                    None => roots[author.0 as usize] = Some(lane),
                    Some(root) => {
                        branches[root.index()].first?;
                        branch.first?;
                        lanes.children.entry((root, Counter(0))).or_default().push(lane);
                    }
                },
            }
        }
        for (lane, branch) in (0..).map(PeerNumber).zip(branches) {
            let is_root = roots[lanes.author_of(lane).0 as usize] == Some(lane);
            // A branch that begins a history alone has the plain name.
            let is_forked = !lanes.leaving(lane, Counter(0)).is_empty();
            if is_root && branch.first.is_some() != is_forked {
                return None;
            }
        }
        // From the first lanes on, so that a lane is there before those that leave it.
        let mut open: Vec<(PeerNumber, Option<(PeerNumber, Counter)>)> = Vec::new();
        for root in roots.iter().flatten() {
            open.push((*root, None));
            open.extend(lanes.leaving(*root, Counter(0)).iter().map(|&lane| (lane, Some((*root, Counter(0))))));
        }
        let mut done = 0;
        while let Some((lane, origin)) = open.pop() {
            done += 1;
            let author = lanes.author_of(lane);
            lanes.lanes[lane.index()].origin = origin.map(|(parent, start)| lanes.origin_at(parent, start));
            lanes.by_author[author.0 as usize].push(lane);
            let start = origin.map_or(Counter(0), |(_, start)| start);
            if branches[lane.index()].end <= start.0 {
                return None;
            }
            if let Some(first) = branches[lane.index()].first {
                lanes.starts.insert((lane, start), first);
                lanes.by_fingerprint.insert((author, first.fingerprint), (lane, start));
                *lanes.branch_counts.entry(author).or_default() += 1;
            }
            let Some(following) = followers.remove(&lane) else { continue };
            if following.len() < 2 {
                return None;
            }
            let start = Counter(branches[lane.index()].end);
            open.extend(following.iter().map(|&follower| (follower, Some((lane, start)))));
            lanes.children.insert((lane, start), following);
        }
        // The first lane of an author stands before its others.
        for (author, root) in roots.iter().enumerate() {
            let root = (*root)?;
            let of_author = &mut lanes.by_author[author];
            let at = of_author.iter().position(|&lane| lane == root)?;
            of_author.swap(0, at);
        }
        (done == branches.len()).then_some(lanes)
    }
}
