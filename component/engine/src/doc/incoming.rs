//! Incoming runs: the form that all events have on their way into a document, whether a caller
//! passed them, bytes contained them, or another document has them.

use crate::id::{EventId, EventNumber, Fingerprint};
use crate::lanes::split_name;
use crate::oplog::{Commit, CommitRef, OpLog, OpNames};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::mem;

/// An event that another event builds on.
#[derive(Debug, Clone)]
pub(super) struct Link<'a> {
    /// The name of its author, or of a branch, as the source of the run names it.
    pub(super) name: Cow<'a, str>,
    pub(super) counter: u32,
    pub(super) target: Target,
}

/// The identity of a linked event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// An event of the same call: the index of the run, and the index in the run.
    Inside { run: usize, place: usize },
    /// The event with this fingerprint.
    Print(Fingerprint),
}

impl<'a> Link<'a> {
    /// Returns the author without a branch.
    pub(super) fn author(&self) -> &str {
        split_name(&self.name).0
    }

    /// Returns the name of the event.
    pub(super) fn id(&self) -> EventId {
        EventId { peer: self.name.clone().into_owned(), counter: self.counter }
    }
}

/// Consecutive events of one peer, each of which depends only on the event before it.
#[derive(Clone)]
pub(super) struct IncomingRun<'a> {
    /// The author, or a branch of it, as the source of the run names it.
    pub(super) name: Cow<'a, str>,
    pub(super) start: u32,
    pub(super) len: u32,
    /// The claimed lamport time of the first event, if there is one.
    pub(super) lamport: Option<u32>,
    /// The author's event before the first one.
    pub(super) previous: Option<Link<'a>>,
    /// Whether the first event depends on `previous` directly.
    pub(super) is_direct: bool,
    /// The other dependencies of the first event.
    pub(super) others: Vec<Link<'a>>,
    /// A number that distinguishes the first event from an equal one, or 0.
    pub(super) salt: u64,
    pub(super) commits: Commits<'a>,
}

/// The operations of a run's events.
#[derive(Clone, Copy)]
pub(super) enum Commits<'a> {
    Plain(&'a [Commit]),
    /// The events of a log, beginning with this one.
    Logged {
        names: &'a dyn OpNames,
        log: &'a OpLog,
        first: EventNumber,
    },
}

impl<'a> IncomingRun<'a> {
    /// Returns the author without a branch.
    pub(super) fn author(&self) -> &str {
        split_name(&self.name).0
    }

    /// Replaces names of branches by names of peers. Waiting events are saved with permanent names,
    /// which do not contain the branch.
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

    /// Returns the counter after the last event.
    pub(super) fn end(&self) -> u32 {
        self.start + self.len
    }

    /// Returns the claimed lamport time of the event with this index, if there is one.
    pub(super) fn lamport_at(&self, place: usize) -> Option<u32> {
        Some(self.lamport? + place as u32)
    }

    /// Returns the previous event and the dependencies of the first event.
    pub(super) fn links(&self) -> impl Iterator<Item = &Link<'a>> {
        self.previous.iter().chain(&self.others)
    }

    /// Returns the operations of the event with this index.
    pub(super) fn commit(&self, place: usize) -> CommitRef<'a> {
        match self.commits {
            Commits::Plain(commits) => CommitRef::Plain(&commits[place]),
            Commits::Logged { names, log, first } => CommitRef::Logged { names, log, event: first.plus(place as u32) },
        }
    }
}

/// Returns one of the open runs that build on each other in a circle, or that build on such runs.
/// O(runs × log n).
pub(super) fn find_circle(runs: &[IncomingRun<'_>], is_open: impl Fn(usize) -> bool) -> Option<usize> {
    let inside = |run: usize| {
        runs[run].links().filter_map(|link| match link.target {
            Target::Inside { run, .. } => Some(run),
            Target::Print(_) => None,
        })
    };
    // For each run, the number of runs that it builds on and that were not removed yet.
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
        for follower in followers.get_mut(&run).map(mem::take).into_iter().flatten() {
            if let Some(count) = counts.get_mut(&follower) {
                *count -= 1;
                if *count == 0 {
                    free.push(follower);
                }
            }
        }
    }
    counts.into_iter().find(|(_, count)| *count > 0).map(|(run, _)| run)
}
