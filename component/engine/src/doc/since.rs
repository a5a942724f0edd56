//! What another replica knows and lacks, as its summary shows.

use super::Doc;
use super::below::AboveOrBelow;
use super::bytes::{KnownBranch, Pack, Summary};
use super::events::{BatchFiller, EventBatch};
use super::waiting::Need;
use crate::error::Error;
use crate::id::{Counter, EventNumber, Fingerprint, PeerNumber};
use crate::lanes::{AuthorNumber, split_name};
use crate::sort;
use crate::work;
use std::collections::{BTreeMap, BTreeSet};

/// The events that another replica has, as far as its summary proves.
#[derive(Debug)]
pub(crate) struct Proven {
    /// By lane, the number of events that the replica has.
    pub(crate) counts: Vec<u32>,
    /// Branches of the summary whose last events are unknown here, with the author if it is known.
    pub(crate) unknown: Vec<(Option<AuthorNumber>, KnownBranch)>,
}

/// The events to send to another replica.
#[derive(Debug)]
pub(super) struct Lacking {
    /// By lane, the counter of the first event to send.
    pub(super) counts: Vec<u32>,
    /// The last events of branches that are left out because the other replica seems to be ahead.
    pub(super) markers: Vec<Need>,
}

impl Doc {
    /// Returns what the other replica has. `more` are further events that it has. O(lanes), and
    /// O(log n) for each branch of the summary.
    pub(crate) fn proven(&self, summary: &Summary, more: &[Need]) -> Proven {
        let mut unknown = Vec::new();
        let mut events: BTreeSet<EventNumber> = BTreeSet::new();
        let mut named = vec![0; self.lanes.len()];
        let mut add = |author: AuthorNumber, counter: u32, fingerprint: Fingerprint| {
            work::step();
            let found = self.find_print(author, Counter(counter), fingerprint);
            events.extend(found.and_then(|(lane, counter)| self.graph.find(lane, counter)));
            found.is_some()
        };
        for branch in &summary.branches {
            let (author, digits) = split_name(&branch.name);
            let author = self.lanes.author(author);
            let is_known = match (author, branch.tip) {
                (None, _) => summary.is_by_name,
                (Some(author), None) => {
                    self.count_by_name(author, branch, &mut named);
                    true
                }
                (Some(author), Some(tip)) => {
                    let is_known = add(author, branch.last_counter(), tip);
                    // The name of a branch contains the fingerprint of its first event.
                    if let Some(first) = digits.and_then(Fingerprint::parse).filter(|_| !is_known) {
                        add(author, branch.start, first);
                    }
                    is_known
                }
            };
            if !is_known {
                unknown.push((author, branch.clone()));
            }
        }
        for event in summary.horizon.iter().chain(more) {
            if let Some(author) = self.lanes.author(event.author()) {
                add(author, event.counter, event.fingerprint);
            }
        }
        let events: Vec<EventNumber> = events.into_iter().collect();
        let mut counts = self.graph.counts_at(&events);
        counts.resize(self.lanes.len(), 0);
        // A version stands for exactly the named events.
        counts.iter_mut().zip(&named).for_each(|(count, named)| *count = *named.max(count));
        Proven { counts, unknown }
    }

    /// Raises the counts by the events of a branch that is identified by name: those before every
    /// fork, or those on the branch.
    fn count_by_name(&self, author: AuthorNumber, branch: &KnownBranch, counts: &mut [u32]) {
        let first = match split_name(&branch.name).1 {
            None => Some((self.lanes.lanes_of(author)[0], Counter(0))),
            Some(digits) => Fingerprint::parse(digits).and_then(|first| self.lanes.find_branch(author, first)),
        };
        let Some((lane, start)) = first else { return };
        let branches = self.lanes.branches(lane, self.graph.count(lane));
        let Some(known) = branches.iter().find(|known| known.start == start) else { return };
        if known.fingerprint.is_some() != branch.name.contains(crate::lanes::BRANCH_MARK) {
            return;
        }
        let (mut lane, mut count) = (lane, branch.count.min(known.end));
        if count <= start.0 {
            return;
        }
        loop {
            work::step();
            counts[lane.index()] = counts[lane.index()].max(count);
            count = self.lanes.start(lane).0;
            match self.lanes.parent(lane) {
                Some(parent) => lane = parent,
                None => return,
            }
        }
    }

    /// Fails if another replica is below this one's horizon, as far as its summary shows.
    pub(super) fn check_not_below(&self, summary: &Summary, proven: &Proven) -> Result<(), Error> {
        if self.is_below(summary, proven) { Err(self.compacted_error()) } else { Ok(()) }
    }

    /// Returns whether another replica is below this one's horizon. Each head of the horizon must
    /// be proven, be a head of the other horizon, or be on a branch on which the other replica is
    /// ahead.
    pub(crate) fn is_below(&self, summary: &Summary, proven: &Proven) -> bool {
        self.graph.horizon().heads().iter().any(|&head| {
            let (lane, counter, _) = self.graph.describe(head);
            let author = self.lanes.author_of(lane);
            let fingerprint = self.print(head);
            let is_ahead = |(other, branch): &(Option<AuthorNumber>, KnownBranch)| {
                *other == Some(author) && branch.last_counter() > counter.0 && branch.tip.is_some()
            };
            proven.counts[lane.index()] <= counter.0
                && !summary.horizon.iter().any(|other| other.fingerprint == fingerprint)
                && !summary.branches.iter().any(|branch| branch.tip == Some(fingerprint))
                && !proven.unknown.iter().any(is_ahead)
        })
    }

    /// Returns the events that a replica with this summary lacks.
    ///
    /// # Errors
    /// `Compacted` if some of these events were compacted, or if the other replica cannot merge
    /// some of them.
    pub(super) fn lacking(&self, summary: &Summary) -> Result<Lacking, Error> {
        let proven = self.proven(summary, &[]);
        self.check_not_below(summary, &proven)?;
        let horizon = self.graph.horizon();
        let known = proven.counts.iter().enumerate();
        let mut counts: Vec<u32> =
            known.map(|(lane, &count)| count.max(horizon.count(PeerNumber(lane as u32)))).collect();
        let asked = summary.wanted.iter().filter(|need| self.has(need));
        let asked = sort::distinct(asked.filter_map(|need| self.lanes.author(need.author())));
        let mut markers = Vec::new();
        for (author, branch) in &proven.unknown {
            let Some(author) = author.filter(|author| asked.binary_search(author).is_err()) else { continue };
            let Some(lane) = self.only_leaf(author, branch) else { continue };
            let count = self.graph.count(lane);
            if branch.count > count {
                let last = count.checked_sub(1).and_then(|last| self.graph.find(lane, Counter(last)));
                if let Some(last) = last.filter(|_| counts[lane.index()] < count) {
                    markers.push(self.need_of(last));
                }
                counts[lane.index()] = count;
            }
        }
        self.check_can_take(summary, &proven, &counts)?;
        Ok(Lacking { counts, markers })
    }

    /// Returns the only lane that continues a branch of another replica, if there is exactly one.
    pub(crate) fn only_leaf(&self, author: AuthorNumber, branch: &KnownBranch) -> Option<PeerNumber> {
        match split_name(&branch.name).1 {
            None => match self.lanes.lanes_of(author) {
                &[lane] => Some(lane),
                _ => None,
            },
            Some(digits) => {
                let first = Fingerprint::parse(digits)?;
                let (lane, start) = self.find_print(author, Counter(branch.start), first)?;
                (!self.lanes.forks_beyond(lane, start)).then_some(lane)
            }
        }
    }

    /// Fails if there are events to send that do not build on the horizon of the other replica,
    /// which could not merge them. Ignores authors of which it has unknown events.
    pub(super) fn check_can_take(&self, summary: &Summary, proven: &Proven, counts: &[u32]) -> Result<(), Error> {
        if self.some_outside(summary, proven, counts) { Err(self.compacted_error()) } else { Ok(()) }
    }

    /// Returns whether an event beyond these counts does not build on the horizon of the other
    /// replica. `false` if a head of that horizon is unknown. O(heads) for each run beyond the
    /// counts that does not build on another such run.
    pub(crate) fn some_outside(&self, summary: &Summary, proven: &Proven, counts: &[u32]) -> bool {
        let mut heads = Vec::new();
        for head in &summary.horizon {
            let Some(author) = self.lanes.author(head.author()) else { return false };
            match self.find_print(author, Counter(head.counter), head.fingerprint) {
                Some((lane, counter)) => heads.extend(self.graph.find(lane, counter).map(|_| (lane, counter))),
                None if self.side_of(author, &head.name, head.counter, false) == AboveOrBelow::Below => {}
                None => return false,
            }
        }
        if heads.is_empty() {
            return false;
        }
        let unknown = sort::distinct(proven.unknown.iter().filter_map(|(author, _)| *author));
        // The runs that build on all heads: their lengths by first event.
        let mut good: BTreeMap<EventNumber, u32> = BTreeMap::new();
        for span in self.graph.since(counts) {
            work::step();
            let is_good = |event: EventNumber| {
                good.range(..=event).next_back().is_some_and(|(first, len)| event.0 - first.0 < *len)
            };
            let builds_on_all = self.dependencies(span.first).any(is_good)
                || heads
                    .iter()
                    .all(|&(lane, counter)| self.graph.first_building_on(&[span.first], lane, counter).is_some());
            if builds_on_all {
                good.insert(span.first, span.len);
            } else if unknown.binary_search(&self.lanes.author_of(span.peer)).is_err() {
                return true;
            }
        }
        false
    }

    /// Returns at most `limit` events that the replica with this summary lacks, each after its
    /// dependencies. If that replica is ahead on a branch, it is assumed to have this replica's
    /// part of the branch. A page ends after it has crossed `limits::PAGE_BYTES`. O(peers), and
    /// O(size × log n) for the events.
    ///
    /// # Errors
    /// `Corrupt` and `UnsupportedVersion` for bytes that are not a summary; `LimitExceeded` for a
    /// summary of too many peers; `Compacted` if some of the events were compacted, or if the other
    /// replica cannot merge some of them.
    pub fn events_since(&self, summary: &[u8], limit: u32) -> Result<EventBatch, Error> {
        let lacking = self.lacking(&Summary::read(summary)?)?;
        let mut page = BatchFiller::new(limit);
        for span in self.graph.since(&lacking.counts).flat_map(|span| self.parts(span)) {
            page.add(span.events().map(|event| self.commit_of(event)), |commits| self.event_run(&span, commits));
            if page.batch.more {
                break;
            }
        }
        Ok(page.batch)
    }

    /// Encodes the events that the replica with this summary lacks, for storage and transport.
    /// `docs/format.md` specifies the bytes. O(peers × log n), and O(size × log n) for the events.
    ///
    /// # Errors
    /// Those of [`Doc::events_since`].
    pub fn update_since(&self, summary: &[u8]) -> Result<Vec<u8>, Error> {
        let lacking = self.lacking(&Summary::read(summary)?)?;
        let chains = self.chains(&lacking.counts, &self.branch_table());
        let print = |event| self.print(event);
        let runs = self.outgoing_of(&chains);
        Ok(Pack::write((&self.rows, &self.log), &runs, &lacking.markers, &print).into_update())
    }

    /// Returns the error for the horizon of another replica.
    pub(crate) fn compacted_at(&self, summary: &Summary) -> Error {
        Error::Compacted(summary.horizon.iter().map(|head| (String::from(&*head.name), head.counter + 1)).collect())
    }
}
