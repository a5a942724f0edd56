//! What the horizon hides of events.

use super::Doc;
use super::waiting::Need;
use crate::error::Error;
use crate::id::{Counter, EventNumber, Fingerprint, PeerNumber, PeerVersion};
use crate::lanes::{AuthorNumber, split_name};
/// Where an event is that may have been compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AboveOrBelow {
    /// Above the horizon, or unknown.
    Above,
    /// Below the horizon, as far as branch and counter tell.
    Below,
}

impl Doc {
    /// The first event that was not compacted, if there is one.
    pub(super) fn first_event(&self) -> EventNumber {
        EventNumber(self.graph.horizon().stubs().len() as u32)
    }

    /// Whether an event was compacted, but for its name.
    pub(super) fn is_stub(&self, event: EventNumber) -> bool {
        event < self.first_event()
    }

    /// Whether something that follows the event of a lane before this counter was compacted.
    pub(super) fn is_closed_at_horizon(&self, lane: PeerNumber, counter: Counter) -> bool {
        let horizon = self.graph.horizon();
        horizon.count(lane) > counter.0 || self.lanes.leaving(lane, counter).iter().any(|&lane| horizon.count(lane) > 0)
    }

    /// The lanes of an author of which events were compacted, and behind the last of them nothing.
    fn leaves_at_horizon(&self, author: AuthorNumber) -> impl Iterator<Item = (PeerNumber, u32)> {
        let horizon = self.graph.horizon();
        let lanes = self.lanes.lanes_of(author).iter().map(move |&lane| (lane, horizon.count(lane)));
        lanes.filter(|&(lane, count)| count > 0 && !self.is_closed_at_horizon(lane, Counter(count)))
    }

    /// Whether an event that is not known, of an author and of the branch of this name, was compacted, as far as branch and
    /// counter tell. `is_previous_below`: the author's event before it was. O(lanes of the author).
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
        // Behind a fork that was compacted, a replica that does not know the fork still uses the branch's name.
        if let Some((lane, count)) = self.branch_at_horizon(author, name)
            && (counter < count || !self.is_closed_at_horizon(lane, Counter(count)))
        {
            return side(counter < count);
        }
        // Without its branch an event that is beyond a shorter one can continue that one.
        let is_ambiguous = !is_previous_below && counts().nth(1).is_some() && counts().any(|count| count <= counter);
        side(!is_ambiguous)
    }

    /// The lane of the branch of this name, and the counter after its last event that was compacted, if one was.
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

    /// Whether the fingerprints that are kept show that an event with this counter which was compacted is another one: those
    /// of the last events of all branches that reach the counter end there.
    pub(super) fn is_other_at_horizon(&self, author: AuthorNumber, counter: Counter, fingerprint: Fingerprint) -> bool {
        let mut reaching = self.leaves_at_horizon(author).filter(|&(_, count)| count > counter.0).peekable();
        let is_other = |(lane, count): (PeerNumber, u32)| {
            count == counter.0 + 1 && self.print_at(lane, counter).is_some_and(|tip| tip != fingerprint)
        };
        reaching.peek().is_some() && reaching.all(is_other)
    }

    /// Whether an event was compacted, as far as branch and counter show, and no kept fingerprint contradicts.
    pub(super) fn is_given_up(&self, need: &Need) -> bool {
        let author = self.lanes.author(need.author());
        author.is_some_and(|author| {
            self.side_of(author, &need.name, need.counter, false) == AboveOrBelow::Below
                && !self.is_other_at_horizon(author, Counter(need.counter), need.fingerprint)
        })
    }

    /// Whether an event is known here, or was compacted as far as branch and counter tell.
    pub(crate) fn knows_or_gave_up(&self, need: &Need) -> bool {
        self.has(need) || self.is_given_up(need)
    }

    /// How many events were compacted.
    pub(super) fn events_given_up(&self) -> u64 {
        let horizon = self.graph.horizon();
        let of_lane = |lane| u64::from(horizon.count(lane).saturating_sub(self.lanes.start(lane).0));
        self.lanes.all().map(of_lane).sum()
    }

    /// By name, how many events of each branch were compacted, sorted.
    fn given_up(&self) -> Vec<(String, u32)> {
        let table = self.branch_table();
        let counts = table.counts_at_horizon(self.graph.horizon());
        let counts = counts.into_iter().enumerate().filter(|&(_, count)| count > 0);
        counts.map(|(rank, count)| (table.name(rank).into_owned(), count)).collect()
    }

    pub(super) fn horizon(&self) -> Vec<PeerVersion> {
        self.given_up().into_iter().map(|(peer, count)| PeerVersion { peer, count }).collect()
    }

    /// The version up to which events were compacted, sorted by peer, as an error.
    pub(crate) fn compacted(&self) -> Error {
        Error::Compacted(self.given_up())
    }
}
