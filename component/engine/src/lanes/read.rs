//! Builds lanes from the branches of a saved document.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

use super::{AuthorNumber, BranchStart, Lane, Lanes, split_name};
use crate::id::{Counter, PeerNumber};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::mem;

/// A branch of a saved document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadBranch<'a> {
    pub(crate) name: &'a str,
    /// Its first event, if the name of the branch contains the fingerprint.
    pub(crate) first: Option<BranchStart>,
    /// The branch that it follows; `None` if it begins with its author's first event.
    pub(crate) parent: Option<PeerNumber>,
    /// The counter after its last event.
    pub(crate) end: u32,
}

impl Lanes {
    /// Returns lanes of one branch each, in the order of the branches, which are sorted by name.
    /// `None` if the branches do not form trees. O(n log n).
    pub(crate) fn of_branches(branches: &[ReadBranch<'_>]) -> Option<Self> {
        let mut lanes = Self::default();
        for branch in branches {
            let author = AuthorNumber(lanes.authors.intern(split_name(branch.name).0));
            lanes.lanes.push(Lane { author, origin: None });
            if lanes.by_author.len() <= author.index() {
                lanes.by_author.push(SmallVec::new());
            }
        }
        let (roots, followers) = lanes.link(branches)?;
        lanes.grow(branches, &roots, followers)?;
        // The first lane of an author comes first in its list.
        for (of_author, root) in lanes.by_author.iter_mut().zip(&roots) {
            let at = of_author.iter().position(|lane| lane == root)?;
            of_author.swap(0, at);
        }
        Some(lanes)
    }

    /// Returns the first lane of each author, and the branches that follow each branch. Records the
    /// lanes that leave a first lane at its first event.
    fn link(&mut self, branches: &[ReadBranch<'_>]) -> Option<(Vec<PeerNumber>, Followers)> {
        let mut roots: Vec<Option<PeerNumber>> = vec![None; self.by_author.len()];
        let mut followers = Followers::new();
        for (lane, branch) in (0..).map(PeerNumber).zip(branches) {
            let author = self.author_of(lane);
            if let Some(parent) = branch.parent {
                let is_of_author = self.lanes.get(parent.index())?.author == author;
                if !is_of_author || branch.first.is_none() {
                    return None;
                }
                followers.entry(parent).or_default().push(lane);
                continue;
            }
            let root = roots.get_mut(author.index())?;
            match *root {
                None => *root = Some(lane),
                Some(root) => {
                    branches.get(root.index())?.first?;
                    branch.first?;
                    self.children.entry((root, Counter(0))).or_default().push(lane);
                }
            }
        }
        let roots: Vec<PeerNumber> = roots.into_iter().collect::<Option<_>>()?;
        for &root in &roots {
            // The only branch at the root of a history has the plain name of its author.
            let is_forked = !self.leaving(root, Counter(0)).is_empty();
            if branches.get(root.index())?.first.is_some() != is_forked {
                return None;
            }
        }
        Some((roots, followers))
    }

    /// Sets the origin of every lane, beginning with the first lanes, so that a lane is complete
    /// before the lanes that leave it. `None` if a lane is not reached.
    fn grow(&mut self, branches: &[ReadBranch<'_>], roots: &[PeerNumber], mut followers: Followers) -> Option<()> {
        let mut open: Vec<(PeerNumber, Option<(PeerNumber, Counter)>)> = Vec::new();
        for &root in roots {
            open.push((root, None));
            open.extend(self.leaving(root, Counter(0)).iter().map(|&lane| (lane, Some((root, Counter(0))))));
        }
        let mut left = branches.len();
        while let Some((lane, origin)) = open.pop() {
            left = left.checked_sub(1)?;
            let branch = branches.get(lane.index())?;
            let author = self.author_of(lane);
            let origin = origin.map(|(parent, start)| self.origin_at(parent, start));
            self.lanes.get_mut(lane.index())?.origin = origin;
            self.by_author.get_mut(author.index())?.push(lane);
            let start = self.start(lane);
            if branch.end <= start.0 {
                return None;
            }
            if let Some(first) = branch.first {
                self.set_start(author, (lane, start), first);
            }
            let following = followers.get_mut(&lane).map(mem::take).unwrap_or_default();
            if following.is_empty() {
                continue;
            }
            if following.len() < 2 {
                return None;
            }
            let end = (lane, Counter(branch.end));
            open.extend(following.iter().map(|&follower| (follower, Some(end))));
            self.children.insert(end, following);
        }
        (left == 0).then_some(())
    }
}

/// The branches that follow each branch.
type Followers = BTreeMap<PeerNumber, Vec<PeerNumber>>;
