//! Events by what identifies them, and what the horizon hides of that.

use super::Doc;
use super::waiting::Need;
use crate::chain::Ledger;
use crate::error::{Error, RunRule};
use crate::graph::Broken;
use crate::id::{Counter, EventNumber, Fingerprint, PeerNumber};
use crate::lanes::{AuthorNumber, split_name};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Why events cannot take effect.
pub(super) enum Refusal {
    Rule(RunRule),
    BelowHorizon,
    Error(Error),
}

/// Where an event is that may have been compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AboveOrBelow {
    /// Above the horizon, or unknown.
    Above,
    /// Below the horizon, as far as branch and counter tell.
    Below,
}

/// The events of authors with several lanes by fingerprint. Each author's is made when it is first asked for.
#[derive(Debug, Default)]
pub(super) struct ForkIndex {
    authors: BTreeMap<AuthorNumber, BTreeMap<Fingerprint, (PeerNumber, Counter)>>,
    /// By lane, the counter up to which its events are in.
    done: BTreeMap<PeerNumber, u32>,
    /// Lanes that got events since.
    touched: Vec<PeerNumber>,
}

impl ForkIndex {
    /// Says that a lane got events.
    pub(super) fn touch(&mut self, lane: PeerNumber) {
        if !self.authors.is_empty() && self.touched.last() != Some(&lane) {
            self.touched.push(lane);
        }
    }
}

impl Doc {
    /// The fingerprint of an event that took effect. O(1) events are hashed, but for the first question after `load`.
    pub(super) fn print(&self, event: EventNumber) -> Fingerprint {
        let Self { graph, lanes, log, rows, prints, .. } = self;
        prints.borrow_mut().of(event, Ledger { graph, lanes, log, names: rows })
    }

    /// The lane and counter of the event of an author with this counter and fingerprint, if it took effect: the event is
    /// there, a stub, or the last one of a lane that was compacted. O(log n).
    pub(super) fn find_print(
        &self,
        author: AuthorNumber,
        counter: Counter,
        fingerprint: Fingerprint,
    ) -> Option<(PeerNumber, Counter)> {
        let &[lane] = self.lanes.lanes_of(author) else {
            return self.find_in_index(author, fingerprint).filter(|&(_, found)| found == counter);
        };
        let is_it = match self.graph.find(lane, counter).filter(|event| event.0 < self.log.events()) {
            Some(event) => self.print(event) == fingerprint,
            None => self.tip_at_horizon(lane, counter) == Some(fingerprint),
        };
        is_it.then_some((lane, counter))
    }

    /// The event of an author with several lanes. O(log n), but for events that were not looked at before.
    fn find_in_index(&self, author: AuthorNumber, fingerprint: Fingerprint) -> Option<(PeerNumber, Counter)> {
        let mut index = self.fork_index.borrow_mut();
        let index = &mut *index;
        let mut stale: Vec<PeerNumber> = std::mem::take(&mut index.touched);
        if let Entry::Vacant(unseen) = index.authors.entry(author) {
            let stubs = (0..).map(EventNumber).zip(self.graph.horizon().stubs());
            let of_author = stubs.filter(|(_, stub)| self.lanes.author_of(stub.peer) == author);
            let below = of_author.map(|(event, stub)| (self.print(event), (stub.peer, stub.counter))).collect();
            unseen.insert(below);
            stale.extend(self.lanes.lanes_of(author));
        }
        for lane in stale {
            let Some(events) = index.authors.get_mut(&self.lanes.author_of(lane)) else { continue };
            let done = index.done.entry(lane).or_insert(0);
            if *done == 0 {
                let prints = self.prints.borrow();
                events.extend(prints.kept_of(lane).map(|(counter, kept)| (kept, (lane, counter))));
            }
            let start = self.graph.horizon().count(lane).max(*done);
            for span in self.graph.spans(lane, start..u32::MAX) {
                for steps in 0..span.len {
                    let (event, counter) = (EventNumber(span.first.0 + steps), Counter(span.counter.0 + steps));
                    if event.0 < self.log.events() {
                        events.insert(self.print(event), (lane, counter));
                        *done = counter.0 + 1;
                    }
                }
            }
        }
        index.authors.get(&author)?.get(&fingerprint).copied()
    }

    /// The fingerprint of an event that was compacted, if it is kept: that of the last one of a branch, and of one that a
    /// retained event follows.
    pub(super) fn tip_at_horizon(&self, lane: PeerNumber, counter: Counter) -> Option<Fingerprint> {
        self.prints.borrow().at_horizon(lane, counter)
    }

    /// The lane that an event, with the event of this lane before it, lies beside: where that one has successors already.
    pub(super) fn lane_behind(
        &self,
        author: AuthorNumber,
        lane: Option<PeerNumber>,
        counter: Counter,
    ) -> Option<PeerNumber> {
        let lane = lane.unwrap_or(self.lanes.lanes_of(author)[0]);
        let has_successor = self.graph.count(lane) > counter.0 || !self.lanes.leaving(lane, counter).is_empty();
        has_successor.then_some(lane)
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

    pub(super) fn rule(&self, broken: Broken) -> RunRule {
        match broken {
            Broken::PreviousMissing => RunRule::PreviousMissing,
            Broken::OnSibling => RunRule::OnSibling,
            Broken::NotConcurrent(event) => {
                let (lane, counter, _) = self.graph.describe(event);
                let peer = self.lanes.name(lane, counter).into_owned();
                RunRule::DependenciesNotConcurrent { peer, counter: counter.0 }
            }
        }
    }
}
