//! Runs of events on their way into a document, wherever they lie.

use crate::id::{EventId, EventNumber, Fingerprint};
use crate::lanes::split_name;
use crate::oplog::{Commit, CommitRef, OpLog, OpNames};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An event that another one builds on.
#[derive(Debug, Clone)]
pub(super) struct Link<'a> {
    /// The name of its author, or of a branch, where the run comes from.
    pub(super) name: Cow<'a, str>,
    pub(super) counter: u32,
    pub(super) target: Target,
}

/// What identifies a linked event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// An event of the same call: the run, and its place in the run.
    Inside { run: usize, place: usize },
    /// An event with this fingerprint.
    Print(Fingerprint),
}

impl<'a> Link<'a> {
    /// Its author, without a branch.
    pub(super) fn author(&self) -> &str {
        split_name(&self.name).0
    }

    /// Its name.
    pub(super) fn id(&self) -> EventId {
        EventId { peer: self.name.clone().into_owned(), counter: self.counter }
    }
}

/// Consecutive events of one peer, each of which depends on just the one before it.
#[derive(Clone)]
pub(super) struct IncomingRun<'a> {
    /// The author, or a branch of it as it is named where the run comes from.
    pub(super) name: Cow<'a, str>,
    pub(super) start: u32,
    pub(super) len: u32,
    /// The lamport time that the first event came with, where it did.
    pub(super) lamport: Option<u32>,
    /// The author's event before the first one.
    pub(super) previous: Option<Link<'a>>,
    /// Whether the first event depends on it directly.
    pub(super) is_direct: bool,
    /// What else the first event depends on.
    pub(super) others: Vec<Link<'a>>,
    /// Distinguishes the first event from an equal one, or 0.
    pub(super) salt: u64,
    pub(super) commits: Commits<'a>,
}

/// The operations of a run's events.
#[derive(Clone, Copy)]
pub(super) enum Commits<'a> {
    Plain(&'a [Commit]),
    /// From this event of a log on.
    Logged {
        names: &'a dyn OpNames,
        log: &'a OpLog,
        first: EventNumber,
    },
}

impl<'a> IncomingRun<'a> {
    /// The author, without a branch.
    pub(super) fn author(&self) -> &str {
        split_name(&self.name).0
    }

    /// The run with the names of peers in the place of those of branches. Waiting events are saved under permanent names, which
    /// tell nothing of branches.
    pub(super) fn with_plain_names(self, is_plain: impl Fn(&str) -> bool) -> Self {
        let plain = |name: Cow<'a, str>| {
            let author = split_name(&name).0;
            if author.len() < name.len() && is_plain(author) { Cow::Owned(author.to_owned()) } else { name }
        };
        let link = |link: Link<'a>| Link { name: plain(link.name), ..link };
        Self {
            name: plain(self.name),
            previous: self.previous.map(link),
            others: self.others.into_iter().map(link).collect(),
            ..self
        }
    }

    /// The counter just after the run's last event.
    pub(super) fn end(&self) -> u32 {
        self.start + self.len
    }

    /// The lamport time that the event at this place of the run came with.
    pub(super) fn lamport_at(&self, place: usize) -> Option<u32> {
        Some(self.lamport? + place as u32)
    }

    /// What the first event builds on directly, and its author's event before it.
    pub(super) fn links(&self) -> impl Iterator<Item = &Link<'a>> {
        self.previous.iter().chain(&self.others)
    }

    /// The operations of the event at this place of the run.
    pub(super) fn commit(&self, place: usize) -> CommitRef<'a> {
        match self.commits {
            Commits::Plain(commits) => CommitRef::Plain(&commits[place]),
            Commits::Logged { names, log, first } => CommitRef::Logged { names, log, event: first.plus(place as u32) },
        }
    }
}

/// One of the runs, among those that `is_open`, that build on each other in a circle, or on such runs. O(runs × log n).
pub(super) fn find_circle(runs: &[IncomingRun<'_>], is_open: impl Fn(usize) -> bool) -> Option<usize> {
    let inside = |run: usize| {
        runs[run].links().filter_map(|link| match link.target {
            Target::Inside { run, .. } => Some(run),
            Target::Print(_) => None,
        })
    };
    // By run, how many runs it builds on that are not behind it yet.
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    let mut followers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut free = Vec::new();
    for run in (0..runs.len()).filter(|&run| is_open(run)) {
        let mut count = 0;
        for other in inside(run).filter(|&other| is_open(other)) {
            followers.entry(other).or_default().push(run);
            count += 1;
        }
        if count == 0 {
            free.push(run);
        } else {
            counts.insert(run, count);
        }
    }
    while let Some(run) = free.pop() {
        for follower in followers.remove(&run).into_iter().flatten() {
            if let Some(count) = counts.get_mut(&follower) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&follower);
                    free.push(follower);
                }
            }
        }
    }
    counts.keys().next().copied()
}
