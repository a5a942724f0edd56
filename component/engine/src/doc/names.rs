//! Names of events and branches, which follow from the set of known events.

use super::Doc;
use crate::error::{Error, Invalid};
use crate::id::{Counter, EventId, EventNumber, Fingerprint, PeerNumber, PeerVersion};
use crate::lanes::{AuthorNumber, branch_name, split_name};
use crate::sort;

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

impl Doc {
    /// The known events as a count per peer, sorted by peer as bytes; each branch of a forked peer under a name of its own.
    /// O(peers), and for forked ones O(log n) for each branch.
    #[must_use]
    pub fn version(&self) -> Vec<PeerVersion> {
        let table = self.branch_table();
        let versions = table.branches.iter().enumerate();
        versions.map(|(rank, branch)| PeerVersion { peer: table.name(rank).into_owned(), count: branch.end }).collect()
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
}

/// Candidates that the error for an ambiguous name lists at most.
const LISTED_CANDIDATES: usize = 16;

/// The permanent name of an event.
pub(super) fn permanent(author: &str, counter: u32, fingerprint: Fingerprint) -> EventId {
    EventId { peer: branch_name(author, fingerprint), counter }
}
