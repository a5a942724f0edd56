//! Names of events and branches, which follow from the set of known events.

use super::Doc;
use super::pack::{BEGINS, write_begins};
use super::waiting::{Need, permanent};
use crate::clock::Lamport;
use crate::codec::ColumnWriter;
use crate::error::{Error, Invalid};
use crate::graph::{Branches, Horizon, RankedHorizon, RankedStub};
use crate::id::{Counter, EventId, EventNumber, Fingerprint, PeerNumber, PeerVersion, write_texts};
use crate::lanes::{AuthorNumber, Branch, Lanes, branch_name, split_name};
use crate::sort;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Two or more events of one peer that follow the same event of that peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// The peer, or the branch of it that forked again.
    pub peer: String,
    /// The counter of the first event of each branch.
    pub counter: u32,
    /// The first event of each branch, sorted by fingerprint.
    pub branches: Vec<EventId>,
}

/// The branches of a document, sorted by name, and their places in this order.
pub(super) struct BranchTable<'a> {
    lanes: &'a Lanes,
    pub(super) branches: Vec<Branch>,
    /// By lane, the rank of its first branch.
    first: Vec<u32>,
    /// By the first event of a branch, its rank. Empty while no author's history is forked.
    ranks: BTreeMap<(PeerNumber, Counter), u32>,
    /// The same by lamport time.
    times: BTreeMap<(PeerNumber, Lamport), u32>,
}

impl Branches for BranchTable<'_> {
    fn rank(&self, lane: PeerNumber, counter: Counter) -> u32 {
        let forked = self.ranks.range((lane, Counter(0))..=(lane, counter)).next_back();
        forked.map_or(self.first[lane.index()], |(_, &rank)| rank)
    }

    fn begins_at(&self, lane: PeerNumber, counter: Counter) -> bool {
        self.lanes.start_at(lane, counter).is_some()
    }

    fn next_start(&self, lane: PeerNumber, counter: Counter) -> Option<Counter> {
        self.lanes.next_start(lane, counter)
    }
}

impl BranchTable<'_> {
    /// The rank of the branch of a lane that an event of this time lies on.
    pub(super) fn rank_at(&self, lane: PeerNumber, lamport: Lamport) -> u32 {
        let forked = self.times.range((lane, Lamport::NEVER)..=(lane, lamport)).next_back();
        forked.map_or(self.first[lane.index()], |(_, &rank)| rank)
    }

    /// Whether other branches follow the branch of this rank.
    pub(super) fn is_leaf(&self, rank: usize) -> bool {
        let Branch { lane, end, .. } = self.branches[rank];
        self.lanes.start_at(lane, Counter(end)).is_none() && self.lanes.leaving(lane, Counter(end)).is_empty()
    }

    /// The last event that was compacted of each branch, if a retained one follows it, by rank.
    pub(super) fn followed_at_horizon(&self, horizon: &Horizon) -> Vec<(PeerNumber, Counter)> {
        let given_up = self.counts_at_horizon(horizon);
        // By rank, whether the first event of a branch that follows it is retained.
        let mut is_followed = vec![false; self.branches.len()];
        for (branch, _) in self.branches.iter().zip(&given_up).filter(|(_, count)| **count == 0) {
            if let Some((lane, counter)) = self.lanes.previous(branch.lane, branch.start) {
                is_followed[self.rank(lane, counter) as usize] = true;
            }
        }
        let counts = self.branches.iter().zip(given_up).zip(is_followed).filter(|((_, count), _)| *count > 0);
        let followed = counts.filter(|((branch, count), is_followed)| *count < branch.end || *is_followed);
        followed.map(|((branch, count), _)| (branch.lane, Counter(count - 1))).collect()
    }

    /// By rank, how many events of each branch were compacted.
    pub(super) fn counts_at_horizon(&self, horizon: &Horizon) -> Vec<u32> {
        self.counts(|lane| horizon.count(lane))
    }

    /// Counts by lane as counts by rank: 0 for a branch of which nothing is counted.
    pub(super) fn counts(&self, count: impl Fn(PeerNumber) -> u32) -> Vec<u32> {
        let counts = self.branches.iter().map(|branch| {
            let count = count(branch.lane);
            if count > branch.start.0 { count.min(branch.end) } else { 0 }
        });
        counts.collect()
    }

    /// The horizon by ranks.
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

    /// The name of the branch of this rank.
    pub(super) fn name(&self, rank: usize) -> Cow<'_, str> {
        self.lanes.branch_name(&self.branches[rank])
    }
}

/// Cuts spans where branches begin, without ranks.
pub(super) struct BranchCuts<'a>(pub(super) &'a Lanes);

impl Branches for BranchCuts<'_> {
    fn rank(&self, _: PeerNumber, _: Counter) -> u32 {
        0
    }

    fn begins_at(&self, lane: PeerNumber, counter: Counter) -> bool {
        self.0.start_at(lane, counter).is_some()
    }

    fn next_start(&self, lane: PeerNumber, counter: Counter) -> Option<Counter> {
        self.0.next_start(lane, counter)
    }
}

impl Doc {
    /// The known events as a count per peer, sorted by peer as bytes; each branch of a forked peer under a name of its own.
    /// O(peers), and for forked ones O(log n) for each branch.
    #[must_use]
    pub fn version(&self) -> Vec<PeerVersion> {
        let table = self.branch_table();
        let versions = table.branches.iter().enumerate();
        versions.map(|(rank, branch)| PeerVersion { peer: table.name(rank).into_owned(), count: branch.end }).collect()
    }

    /// Whether the history of a peer is known to be forked.
    pub(super) fn is_forked(&self, author: &str) -> bool {
        self.lanes.author(author).is_some_and(|author| self.lanes.lanes_of(author).len() > 1)
    }

    /// Where branches begin.
    pub(super) fn cuts(&self) -> BranchCuts<'_> {
        BranchCuts(&self.lanes)
    }

    /// The branches of all peers of which events are known.
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

    /// The events that no known event depends on, sorted by peer as bytes. The next commit depends on them.
    /// O(heads × log n).
    #[must_use]
    pub fn heads(&self) -> Vec<EventId> {
        let mut heads: Vec<EventId> = self.graph.heads().map(|head| self.event_id(head)).collect();
        sort::sort(&mut heads);
        heads
    }

    /// The name of an event. O(log n).
    pub(super) fn event_id(&self, event: EventNumber) -> EventId {
        let (lane, counter, _) = self.graph.describe(event);
        EventId { peer: self.lanes.name(lane, counter).into_owned(), counter: counter.0 }
    }

    /// Returns known forks, sorted by peer and counter, starting after the first `skip`. O(forks × log n).
    #[must_use]
    pub fn forks(&self, skip: u32, limit: u32) -> Vec<Fork> {
        let mut forks: Vec<Fork> =
            self.lanes.forks().map(|(lane, counter, leaving)| self.fork(lane, counter, leaving)).collect();
        sort::sort_by(&mut forks, |a, b| (&a.peer, a.counter).cmp(&(&b.peer, b.counter)));
        forks.into_iter().skip(skip as usize).take(limit as usize).collect()
    }

    fn fork(&self, lane: PeerNumber, counter: Counter, leaving: &[PeerNumber]) -> Fork {
        let lanes = &self.lanes;
        let author = lanes.author_name(lane);
        let peer = match lanes.previous(lane, counter) {
            Some((lane, counter)) => lanes.name(lane, counter).into_owned(),
            None => String::from(&**author),
        };
        let starts = leaving.iter().chain([&lane]).filter_map(|&lane| lanes.start_at(lane, counter));
        let mut starts: Vec<Fingerprint> = starts.map(|start| start.fingerprint).collect();
        starts.sort_unstable();
        let branches = starts.into_iter().map(|first| EventId { peer: branch_name(author, first), counter: counter.0 });
        Fork { peer, counter: counter.0, branches: branches.collect() }
    }

    /// Returns a name of this event that never changes: the author, `~` and the event's fingerprint. O(log n), but for the
    /// first question after [`Doc::load`]: O(history).
    ///
    /// # Errors
    /// `InvalidArgument` if the name stands for no known event or for several; `Compacted` if the event was compacted away.
    pub fn permanent_id(&self, event: &EventId) -> Result<EventId, Error> {
        let (lane, counter) = self.resolve(event)?;
        let fingerprint = match self.graph.find(lane, counter) {
            Some(event) => self.print(event),
            None => self.tip_at_horizon(lane, counter).ok_or_else(|| self.compacted())?,
        };
        Ok(permanent(self.lanes.author_name(lane), counter.0, fingerprint))
    }

    /// The lane and counter of the event that a name stands for, compacted or not: a peer stands for all its branches, a branch
    /// for itself and those that begin on it, and a fingerprint for its event. O(log n), behind a fork O(branches); for
    /// a name from before a history was shortened O(events of the author).
    ///
    /// # Errors
    /// `InvalidArgument` if it is no event's name, or that of several.
    pub(super) fn resolve(&self, id: &EventId) -> Result<(PeerNumber, Counter), Error> {
        let unknown = || Error::from(Invalid::UnknownEvent { peer: id.peer.clone(), counter: id.counter });
        let (name, digits) = split_name(&id.peer);
        let author = self.lanes.author(name).ok_or_else(unknown)?;
        let counter = Counter(id.counter);
        let from = match digits {
            None => {
                let root = self.lanes.lanes_of(author)[0];
                if counter.0 < self.graph.count(root) && self.lanes.branch_of(root, counter).is_none() {
                    return Ok((root, counter));
                }
                None
            }
            Some(digits) => {
                let first = Fingerprint::parse(digits).ok_or_else(unknown)?;
                if let Some(found) = self.find_print(author, counter, first) {
                    return Ok(found);
                }
                Some(self.find_first(author, first, counter).ok_or_else(unknown)?)
            }
        };
        let has = |lane: PeerNumber| self.lanes.start(lane) <= counter && counter.0 < self.graph.count(lane);
        let is_meant = |lane: PeerNumber| from.is_none_or(|from| self.lanes.is_on_way(from, (lane, counter)));
        let lanes = self.lanes.lanes_of(author).iter().copied();
        let mut meant = lanes.filter(|&lane| has(lane) && is_meant(lane));
        let found = meant.next().ok_or_else(unknown)?;
        if let Some(other) = meant.next() {
            let candidates = [found, other].into_iter().chain(meant).take(LISTED_CANDIDATES);
            let mut candidates: Vec<String> =
                candidates.map(|lane| self.lanes.name(lane, counter).into_owned()).collect();
            sort::sort(&mut candidates);
            return Err(Invalid::AmbiguousEvent { peer: id.peer.clone(), counter: id.counter, candidates }.into());
        }
        Ok((found, counter))
    }

    /// The event of an author with this fingerprint, before the one with this counter: normally the first of a branch.
    fn find_first(&self, author: AuthorNumber, first: Fingerprint, before: Counter) -> Option<(PeerNumber, Counter)> {
        let branch = self.lanes.find_branch(author, first);
        branch.or_else(|| (0..before.0).find_map(|counter| self.find_print(author, Counter(counter), first)))
    }

    /// The name of a missing event: that of its peer, or its permanent name if it is on a branch, or if an event of that name is
    /// known here.
    pub(super) fn name_of_missing(&self, need: &Need) -> EventId {
        let Need { name, counter, fingerprint } = need;
        let (author, digits) = split_name(name);
        let lanes = self.lanes.author(author).map_or(&[][..], |author| self.lanes.lanes_of(author));
        let is_taken =
            lanes.iter().any(|&lane| self.lanes.start(lane).0 <= *counter && *counter < self.graph.count(lane));
        // A permanent name does not name the branch.
        let is_plain = digits.is_none_or(|digits| Fingerprint::parse(digits) == Some(*fingerprint));
        if is_plain && !is_taken {
            EventId { peer: author.to_owned(), counter: *counter }
        } else {
            permanent(author, *counter, *fingerprint)
        }
    }
}

/// Candidates that the error for an ambiguous name lists at most.
const LISTED_CANDIDATES: usize = 16;
