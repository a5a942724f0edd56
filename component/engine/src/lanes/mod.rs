//! The peers of a document, and the branches of forked ones.
//!
//! The events of an author form a tree: each event follows the author's previous event. A lane is a
//! path in this tree. While the tree is a chain, its author has one lane. Where an event gets a
//! second successor, the new event begins a lane, whose origin is on the lane of the first
//! successor. Inside the engine, a lane is a peer number.
//!
//! Outside, events are named by branches. Branches follow from the set of events; lanes follow from
//! the order of arrival. A lane consists of one or more branches, and [`Lanes::name`] returns the
//! branch of an event.
//!
//! Always holds: an origin is on a lane with a smaller number, or on one that was read from the
//! same bytes. At an origin, two events begin branches: the first event of the new lane, and the
//! event of the old lane there, if it exists. Does not know events: callers pass the places where
//! lanes begin and end.

mod prune;
mod read;
mod tree;

pub(crate) use read::ReadBranch;

use crate::clock::Lamport;
use crate::error::{Error, Invalid, Name};
use crate::id::{Counter, Fingerprint, Names, PeerNumber, SharedText};
use crate::limits;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::collections::BTreeMap;

pub(crate) use crate::error::BRANCH_MARK;

/// An author of events: a peer's name without a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AuthorNumber(u32);

impl AuthorNumber {
    fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug, Clone)]
struct Lane {
    author: AuthorNumber,
    /// `None` for the author's first lane.
    origin: Option<Origin>,
}

/// The place at which a lane leaves another one.
#[derive(Debug, Clone, Copy)]
struct Origin {
    lane: PeerNumber,
    /// The counter of the lane's first event.
    start: Counter,
    /// The number of lanes from here to the author's first lane.
    depth: u32,
    /// A lane on the way to the author's first lane, chosen so that walks take O(log depth) steps.
    jump: PeerNumber,
}

/// The first event of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BranchStart {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) lamport: Lamport,
}

/// The events of one branch, which are a part of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Branch {
    pub(crate) lane: PeerNumber,
    /// The counter of its first event.
    pub(crate) start: Counter,
    /// The counter after its last event.
    pub(crate) end: u32,
    /// The fingerprint of its first event; `None` if the author's history is a chain up to here.
    pub(crate) fingerprint: Option<Fingerprint>,
}

/// The lanes of a document, by number, and their authors.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lanes {
    authors: Names,
    lanes: Vec<Lane>,
    by_author: Vec<SmallVec<[PeerNumber; 1]>>,
    /// The number of branches of each forked author.
    branch_counts: BTreeMap<AuthorNumber, u64>,
    /// The first events of branches. Empty while no author is forked.
    starts: BTreeMap<(PeerNumber, Counter), BranchStart>,
    by_fingerprint: BTreeMap<(AuthorNumber, Fingerprint), (PeerNumber, Counter)>,
    /// The lanes with an origin, by the lane and counter of the origin.
    children: BTreeMap<(PeerNumber, Counter), Vec<PeerNumber>>,
}

/// Splits the name of a branch, or a permanent name, into the author and the fingerprint.
pub(crate) fn split_name(name: &str) -> (&str, Option<&str>) {
    match name.split_once(BRANCH_MARK) {
        Some((author, fingerprint)) => (author, Some(fingerprint)),
        None => (name, None),
    }
}

/// Fails if a name is neither the name of a peer nor the name of a branch.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let (author, digits) = split_name(name);
    Name::Peer.check(author)?;
    match digits {
        Some(digits) if Fingerprint::parse(digits).is_none() => Err(Invalid::NotABranch(name.to_owned()).into()),
        _ => Ok(()),
    }
}

/// Returns the name of the branch that begins with the event of this fingerprint.
pub(crate) fn branch_name(author: &str, fingerprint: Fingerprint) -> String {
    format!("{author}{BRANCH_MARK}{fingerprint}")
}

impl Lanes {
    /// Returns the number of lanes.
    pub(crate) fn len(&self) -> usize {
        self.lanes.len()
    }

    /// Returns all lanes.
    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = PeerNumber> + use<> {
        (0..self.lanes.len() as u32).map(PeerNumber)
    }

    /// Returns whether any author is forked.
    pub(crate) fn is_forked(&self) -> bool {
        !self.starts.is_empty()
    }

    /// Returns the number of an author, if one of its events is known. O(1).
    pub(crate) fn author(&self, name: &str) -> Option<AuthorNumber> {
        self.authors.find(name).map(AuthorNumber)
    }

    /// Returns the author of a lane.
    pub(crate) fn author_of(&self, lane: PeerNumber) -> AuthorNumber {
        self.lanes[lane.index()].author
    }

    /// Returns the name of a lane's author.
    pub(crate) fn author_name(&self, lane: PeerNumber) -> &SharedText {
        self.authors.text(self.author_of(lane).0)
    }

    /// Returns all authors with their lanes, sorted by name.
    pub(crate) fn authors(&self) -> impl Iterator<Item = (&SharedText, &[PeerNumber])> {
        self.authors.sorted().map(|(name, author)| (name, &self.by_author[author as usize][..]))
    }

    /// Returns the lanes of an author, in the order in which they began.
    pub(crate) fn lanes_of(&self, author: AuthorNumber) -> &[PeerNumber] {
        &self.by_author[author.index()]
    }

    /// Adds the first lane of a new author. O(log n).
    pub(crate) fn add_author(&mut self, name: &str) -> PeerNumber {
        let author = AuthorNumber(self.authors.intern(name));
        self.push(author, None)
    }

    /// Adds a lane that leaves `parent` at the counter `start`. `sibling` is the event of `parent`
    /// there, if it begins a branch now. O(log n).
    pub(crate) fn add_lane(
        &mut self,
        parent: PeerNumber,
        start: Counter,
        first: BranchStart,
        sibling: Option<BranchStart>,
    ) -> PeerNumber {
        let author = self.author_of(parent);
        let origin = self.origin_at(parent, start);
        let lane = self.push(author, Some(origin));
        self.children.entry((parent, start)).or_default().push(lane);
        for (lane, first) in [(lane, Some(first)), (parent, sibling)] {
            if let Some(first) = first {
                self.set_start(author, (lane, start), first);
            }
        }
        lane
    }

    fn push(&mut self, author: AuthorNumber, origin: Option<Origin>) -> PeerNumber {
        let lane = PeerNumber(self.lanes.len() as u32);
        self.lanes.push(Lane { author, origin });
        if self.by_author.len() <= author.index() {
            self.by_author.push(SmallVec::new());
        }
        self.by_author[author.index()].push(lane);
        lane
    }

    /// Removes the lanes that were added when there were `len`. O(log n) for each.
    pub(crate) fn truncate(&mut self, len: usize) {
        while self.lanes.len() > len {
            let Some(Lane { author, origin }) = self.lanes.pop() else { return };
            let number = PeerNumber(self.lanes.len() as u32);
            self.by_author[author.index()].pop();
            let Some(Origin { lane: parent, start, .. }) = origin else {
                self.by_author.pop();
                self.authors.truncate(author.index());
                continue;
            };
            self.forget_start(author, number, start);
            if let Some(children) = self.children.get_mut(&(parent, start)) {
                children.pop();
                if children.is_empty() {
                    self.children.remove(&(parent, start));
                    self.forget_start(author, parent, start);
                }
            }
        }
    }

    /// Records the first event of a branch.
    fn set_start(&mut self, author: AuthorNumber, start: (PeerNumber, Counter), first: BranchStart) {
        self.starts.insert(start, first);
        self.by_fingerprint.insert((author, first.fingerprint), start);
        *self.branch_counts.entry(author).or_default() += 1;
    }

    fn forget_start(&mut self, author: AuthorNumber, lane: PeerNumber, start: Counter) {
        if let Some(first) = self.starts.remove(&(lane, start)) {
            self.by_fingerprint.remove(&(author, first.fingerprint));
            if let Some(count) = self.branch_counts.get_mut(&author) {
                *count -= 1;
            }
        }
    }

    /// Fails if there would be more authors than a document can have. At most `max_new` of the
    /// given names are new.
    pub(crate) fn check_room<'a>(&self, max_new: u64, given: impl Iterator<Item = &'a str>) -> Result<(), Error> {
        self.authors.check_room(&limits::PEERS, max_new, given)
    }

    /// Fails if an author would exceed the limit with this many new branches.
    pub(crate) fn check_branches(&self, author: AuthorNumber, new: u64) -> Result<(), Error> {
        limits::PEER_BRANCHES.check(self.branch_counts.get(&author).copied().unwrap_or(0) + new)
    }

    /// Returns the first event of the branch that an event is on, or `None` if the history is a
    /// chain up to the event. O(log n).
    pub(crate) fn branch_of(&self, lane: PeerNumber, counter: Counter) -> Option<(Counter, BranchStart)> {
        if self.starts.is_empty() {
            return None;
        }
        let mut starts = self.starts.range((lane, Counter(0))..=(lane, counter));
        starts.next_back().map(|(&(_, start), &first)| (start, first))
    }

    /// Returns the name of the branch that an event is on. O(log n).
    pub(crate) fn name(&self, lane: PeerNumber, counter: Counter) -> Cow<'_, str> {
        let author = self.author_name(lane);
        match self.branch_of(lane, counter) {
            Some((_, first)) => Cow::Owned(branch_name(author, first.fingerprint)),
            None => Cow::Borrowed(author),
        }
    }

    /// Returns the lane and counter of the first event of a branch. O(log n).
    pub(crate) fn find_branch(&self, author: AuthorNumber, first: Fingerprint) -> Option<(PeerNumber, Counter)> {
        self.by_fingerprint.get(&(author, first)).copied()
    }

    /// Returns the branch that begins with this event, if one does. O(log n).
    pub(crate) fn start_at(&self, lane: PeerNumber, counter: Counter) -> Option<BranchStart> {
        self.starts.get(&(lane, counter)).copied()
    }

    /// Returns the counter of the next event on a lane, after this one, that begins a branch. O(log
    /// n).
    pub(crate) fn next_start(&self, lane: PeerNumber, counter: Counter) -> Option<Counter> {
        if self.starts.is_empty() {
            return None;
        }
        let behind = (lane, Counter(counter.0.saturating_add(1)))..=(lane, Counter(u32::MAX));
        self.starts.range(behind).next().map(|(&(_, start), _)| start)
    }

    /// Returns the branches of a lane with `end` events, in their order. O(log n + the result).
    pub(crate) fn branches(&self, lane: PeerNumber, end: u32) -> SmallVec<[Branch; 1]> {
        let mut branches = SmallVec::new();
        let mut current = Branch { lane, start: self.start(lane), end, fingerprint: None };
        for (&(_, start), first) in self.starts.range((lane, Counter(0))..(lane, Counter(end))) {
            if start > current.start {
                branches.push(Branch { end: start.0, ..current });
            }
            current = Branch { start, fingerprint: Some(first.fingerprint), ..current };
        }
        if end > current.start.0 {
            branches.push(current);
        }
        branches
    }

    /// Returns the name of a branch.
    pub(crate) fn branch_name(&self, branch: &Branch) -> Cow<'_, str> {
        let author = self.author_name(branch.lane);
        match branch.fingerprint {
            Some(fingerprint) => Cow::Owned(branch_name(author, fingerprint)),
            None => Cow::Borrowed(author),
        }
    }

    /// Returns the lanes that leave this lane at this counter.
    pub(crate) fn leaving(&self, lane: PeerNumber, counter: Counter) -> &[PeerNumber] {
        if self.children.is_empty() {
            return &[];
        }
        self.children.get(&(lane, counter)).map_or(&[], Vec::as_slice)
    }

    /// Returns whether a lane leaves this lane after the counter. O(log n).
    pub(crate) fn forks_beyond(&self, lane: PeerNumber, counter: Counter) -> bool {
        let from = (lane, Counter(counter.0.saturating_add(1)));
        self.children.range(from..=(lane, Counter(u32::MAX))).next().is_some()
    }

    /// Returns the lanes that leave a lane, by lane and counter.
    pub(crate) fn forks(&self) -> impl Iterator<Item = (PeerNumber, Counter, &[PeerNumber])> {
        self.children.iter().map(|(&(lane, counter), children)| (lane, counter, &children[..]))
    }

    /// Returns the counter of the first event of a lane.
    pub(crate) fn start(&self, lane: PeerNumber) -> Counter {
        self.lanes[lane.index()].origin.map_or(Counter(0), |origin| origin.start)
    }

    /// Returns the lane that a lane leaves.
    pub(crate) fn parent(&self, lane: PeerNumber) -> Option<PeerNumber> {
        self.lanes[lane.index()].origin.map(|origin| origin.lane)
    }

    /// Returns the lane and counter of the author's event before this one. O(log depth).
    pub(crate) fn previous(&self, lane: PeerNumber, counter: Counter) -> Option<(PeerNumber, Counter)> {
        let previous = Counter(counter.0.checked_sub(1)?);
        Some((self.on_path(lane, previous), previous))
    }
}
