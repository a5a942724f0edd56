//! What the horizon hides: which events were compacted, as far as the document still knows.
//!
//! A compacted document keeps counts, stubs, and the fingerprints of some compacted events.
//! Everything else about a compacted event is decided by its branch and counter.

use super::Doc;
use super::waiting::Need;
use crate::error::Error;
use crate::id::{Counter, EventNumber, Fingerprint, PeerNumber, PeerVersion};
use crate::lanes::{AuthorNumber, split_name};
/// The side of the horizon on which an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AboveOrBelow {
    /// Above the horizon, or unknown.
    Above,
    /// Below the horizon, as far as branch and counter show.
    Below,
}

impl Doc {
    /// Returns the first event that is not a stub.
    pub(super) fn first_event(&self) -> EventNumber {
        EventNumber(self.graph.horizon().stubs().len() as u32)
    }

    /// Returns whether an event is a stub.
    pub(super) fn is_stub(&self, event: EventNumber) -> bool {
        event < self.first_event()
    }

    /// Returns whether an event was compacted that follows the lane's event before this counter.
    pub(super) fn is_closed_at_horizon(&self, lane: PeerNumber, counter: Counter) -> bool {
        let horizon = self.graph.horizon();
        horizon.count(lane) > counter.0 || self.lanes.leaving(lane, counter).iter().any(|&lane| horizon.count(lane) > 0)
    }

    /// Returns the lanes of an author that end with a compacted event, and their counts of
    /// compacted events.
    fn leaves_at_horizon(&self, author: AuthorNumber) -> impl Iterator<Item = (PeerNumber, u32)> {
        let horizon = self.graph.horizon();
        let lanes = self.lanes.lanes_of(author).iter().map(move |&lane| (lane, horizon.count(lane)));
        lanes.filter(|&(lane, count)| count > 0 && !self.is_closed_at_horizon(lane, Counter(count)))
    }

    /// Returns the side of an unknown event, as far as branch and counter show. `is_previous_below`
    /// reports whether the author's event before it was compacted. O(lanes of the author).
    pub(super) fn side_of(
        &self,
        author: AuthorNumber,
        name: &str,
        counter: u32,
        is_previous_below: bool,
    ) -> AboveOrBelow {
        if self.graph.horizon().is_empty() {
            return AboveOrBelow::Above;
        }
        let counts = || self.leaves_at_horizon(author).map(|(_, count)| count);
        if counts().all(|count| count <= counter) {
            return AboveOrBelow::Above;
        }
        let side = |is_below| if is_below { AboveOrBelow::Below } else { AboveOrBelow::Above };
        // A replica that does not know a compacted fork uses the name of the branch below it for
        // later events.
        if let Some((lane, count)) = self.branch_at_horizon(author, name)
            && (counter < count || !self.is_closed_at_horizon(lane, Counter(count)))
        {
            return side(counter < count);
        }
        // Without its branch, an event beyond the end of a shorter branch could continue that
        // branch.
        let is_ambiguous = !is_previous_below && counts().nth(1).is_some() && counts().any(|count| count <= counter);
        side(!is_ambiguous)
    }

    /// Returns the lane of the branch of this name, and the count of its compacted events, if there
    /// are any.
    pub(super) fn branch_at_horizon(&self, author: AuthorNumber, name: &str) -> Option<(PeerNumber, u32)> {
        let horizon = self.graph.horizon();
        let (lane, start) = match split_name(name).1 {
            Some(digits) => self.lanes.find_branch(author, Fingerprint::parse(digits)?)?,
            None => (self.lanes.lanes_of(author)[0], Counter(0)),
        };
        let mut branches = self.lanes.branches(lane, horizon.count(lane)).into_iter();
        let branch = branches.find(|branch| branch.start == start)?;
        (branch.fingerprint.is_some() == name.contains(crate::lanes::BRANCH_MARK)).then_some((lane, branch.end))
    }

    /// Returns whether kept fingerprints show that the compacted event with this counter is another
    /// one: all branches that reach the counter end there, with other fingerprints.
    pub(super) fn is_other_at_horizon(&self, author: AuthorNumber, counter: Counter, fingerprint: Fingerprint) -> bool {
        let mut reaching = self.leaves_at_horizon(author).filter(|&(_, count)| count > counter.0).peekable();
        let is_other = |(lane, count): (PeerNumber, u32)| {
            count == counter.0 + 1 && self.print_at(lane, counter).is_some_and(|tip| tip != fingerprint)
        };
        reaching.peek().is_some() && reaching.all(is_other)
    }

    /// Returns whether an event was compacted, as far as branch and counter show, and no kept
    /// fingerprint contradicts.
    pub(super) fn is_compacted(&self, need: &Need) -> bool {
        let author = self.lanes.author(need.author());
        author.is_some_and(|author| {
            self.side_of(author, &need.name, need.counter, false) == AboveOrBelow::Below
                && !self.is_other_at_horizon(author, Counter(need.counter), need.fingerprint)
        })
    }

    /// Returns whether an event is known, or was compacted as far as branch and counter show.
    pub(crate) fn knows_or_compacted(&self, need: &Need) -> bool {
        self.has(need) || self.is_compacted(need)
    }

    /// Returns the number of compacted events.
    pub(super) fn compacted_events(&self) -> u64 {
        let horizon = self.graph.horizon();
        let of_lane = |lane| u64::from(horizon.count(lane).saturating_sub(self.lanes.start(lane).0));
        self.lanes.all().map(of_lane).sum()
    }

    /// Returns the number of compacted events of each branch, sorted by name.
    fn compacted_counts(&self) -> Vec<(String, u32)> {
        let table = self.branch_table();
        let counts = table.counts_at_horizon(self.graph.horizon());
        let counts = counts.into_iter().enumerate().filter(|&(_, count)| count > 0);
        counts.map(|(rank, count)| (table.name(rank).into_owned(), count)).collect()
    }

    pub(super) fn horizon(&self) -> Vec<PeerVersion> {
        self.compacted_counts().into_iter().map(|(peer, count)| PeerVersion { peer, count }).collect()
    }

    /// Returns the error for a call that needs compacted history.
    pub(crate) fn compacted_error(&self) -> Error {
        Error::Compacted(self.compacted_counts())
    }
}
