//! Names of events and branches. They follow from the set of known events.

use super::Doc;
use crate::clock::Lamport;
use crate::error::{Error, Invalid};
use crate::id::{Counter, EventId, EventNumber, Fingerprint, PeerNumber, PeerVersion};
use crate::lanes::{AuthorNumber, branch_name, split_name};
use crate::sort;

/// A place at which the history of a peer has several branches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// The peer, or the branch that forked again.
    pub peer: String,
    /// The counter of the first event of each branch.
    pub counter: u32,
    /// The first event of each branch, sorted by fingerprint.
    pub branches: Vec<EventId>,
}

impl Doc {
    /// Returns the number of known events of each peer, sorted by peer as bytes. Each branch of a
    /// forked peer has an entry. O(peers), and O(log n) for each branch.
    #[must_use]
    pub fn version(&self) -> Vec<PeerVersion> {
        let table = self.branch_table();
        let versions = table.branches.iter().enumerate();
        versions.map(|(rank, branch)| PeerVersion { peer: table.name(rank).into_owned(), count: branch.end }).collect()
    }

    /// Returns the events that no known event depends on, sorted by peer as bytes. The next commit
    /// depends on them. O(heads × log n).
    #[must_use]
    pub fn heads(&self) -> Vec<EventId> {
        let mut heads: Vec<EventId> = self.graph.heads().map(|head| self.event_id(head)).collect();
        sort::sort(&mut heads);
        heads
    }

    /// Returns the event of a lane at a time. O(log² n).
    pub(super) fn event_at(&self, lane: PeerNumber, lamport: Lamport) -> Option<EventNumber> {
        let (mut start, mut end) =
            (self.lanes.start(lane).0.max(self.graph.horizon().count(lane)), self.graph.count(lane));
        while start < end {
            let middle = start + (end - start) / 2;
            let event = self.graph.find(lane, Counter(middle))?;
            let (.., time) = self.graph.describe(event);
            if time == lamport {
                return Some(event);
            }
            (start, end) = if time < lamport { (middle + 1, end) } else { (start, middle) };
        }
        None
    }

    /// Returns the name of an event. O(log n).
    pub(super) fn event_id(&self, event: EventNumber) -> EventId {
        let (lane, counter, _) = self.graph.describe(event);
        EventId { peer: self.lanes.name(lane, counter).into_owned(), counter: counter.0 }
    }

    /// Returns known forks, sorted by peer and counter, starting after the first `skip`. O(forks ×
    /// log n).
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
        sort::sort(&mut starts);
        let branches = starts.into_iter().map(|first| EventId { peer: branch_name(author, first), counter: counter.0 });
        Fork { peer, counter: counter.0, branches: branches.collect() }
    }

    /// Returns a name of this event that never changes: the author, `~` and the event's
    /// fingerprint. O(log n), and O(history) for the first call after [`Doc::load`].
    ///
    /// # Errors
    /// `InvalidArgument` if no known event or several events have this name; `Compacted` if the
    /// event was compacted.
    pub fn permanent_id(&self, event: &EventId) -> Result<EventId, Error> {
        let (lane, counter) = self.resolve(event)?;
        let fingerprint = match self.graph.find(lane, counter) {
            Some(event) => self.print(event),
            None => self.tip_at_horizon(lane, counter).ok_or_else(|| self.compacted_error())?,
        };
        Ok(permanent(self.lanes.author_name(lane), counter.0, fingerprint))
    }

    /// Returns the lane and counter of the event with a name. The event can be compacted. A peer
    /// stands for all its branches, a branch for itself and the branches that follow it, and a
    /// fingerprint for its event. O(log n), O(branches) after a fork, and O(events of the author)
    /// for a name from before the history was shortened.
    ///
    /// # Errors
    /// `InvalidArgument` if no known event or several events have this name.
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
        let is_meant = |lane: PeerNumber| from.is_none_or(|from| self.lanes.is_on_path(from, (lane, counter)));
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

    /// Returns the author's event with this fingerprint and a counter smaller than `before`. It
    /// usually begins a branch.
    fn find_first(&self, author: AuthorNumber, first: Fingerprint, before: Counter) -> Option<(PeerNumber, Counter)> {
        let branch = self.lanes.find_branch(author, first);
        branch.or_else(|| (0..before.0).find_map(|counter| self.find_print(author, Counter(counter), first)))
    }
}

/// The maximum number of candidates in the error for an ambiguous name.
const LISTED_CANDIDATES: usize = 16;

/// Returns the permanent name of an event.
pub(super) fn permanent(author: &str, counter: u32, fingerprint: Fingerprint) -> EventId {
    EventId { peer: branch_name(author, fingerprint), counter }
}
