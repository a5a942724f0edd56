//! The rule of identity, literally: an event consists of its author, the author's previous event,
//! its dependencies, and its operations. Names, versions, forks and the order of execution follow
//! from a set of events.
//!
//! The oracle is deliberately naive and independent of how the engine stores its history. A
//! fingerprint is an opaque number here. The engine decides how to compute it; the oracle checks
//! that it identifies an event.

use crate::rule::{Tables, tables_of};
use crate::seeds::{Checked, ensure, same};
use converge_engine::{Commit, EventId, Fork, PeerVersion};
use std::collections::{BTreeMap, BTreeSet};

/// The fingerprint of an event, as the engine reports it.
pub(crate) type Print = u64;

/// A set of events that contains, with each event, all its ancestors.
pub(crate) type Set = BTreeSet<Print>;

/// The content of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// The author's name, without a branch.
    pub(crate) author: String,
    pub(crate) previous: Option<Print>,
    pub(crate) deps: Set,
    pub(crate) ops: Commit,
}

/// Every event that any replica ever committed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events {
    by_print: BTreeMap<Print, Event>,
}

impl Events {
    /// Adds an event that a document reports. A fingerprint must belong to one event, and an event
    /// must have one fingerprint.
    pub(crate) fn add(&mut self, print: Print, event: Event) -> Checked {
        ensure!(print != 0, "a fingerprint of 0 for {event:?}");
        if let Some(known) = self.by_print.get(&print) {
            return same(&format!("the event {print:016x}"), &event, known);
        }
        let twin = self.by_print.iter().find(|(_, known)| **known == event);
        ensure!(
            twin.is_none(),
            "{print:016x} and {:016x} are one event: {event:?}",
            twin.map_or(0, |(print, _)| *print)
        );
        let builds_on = event.deps.iter().chain(&event.previous);
        let unknown = builds_on.copied().find(|print| !self.by_print.contains_key(print));
        ensure!(unknown.is_none(), "{print:016x} depends on {:016x}, which no replica committed", unknown.unwrap_or(0));
        self.by_print.insert(print, event);
        let past = self.past(self[print].deps.iter().copied());
        let covered = self[print].previous.is_none_or(|previous| past.contains(&previous));
        ensure!(covered, "{print:016x} does not depend on its author's previous event");
        let sibling = |other: &&Print| self.is_sibling(print, **other);
        ensure!(
            !past.iter().any(|other| sibling(&other)),
            "{print:016x} depends on an event with the same previous event"
        );
        ensure!(self.antichain(&self[print].deps), "{print:016x} has dependencies that depend on each other");
        Ok(())
    }

    pub(crate) fn contains(&self, print: Print) -> bool {
        self.by_print.contains_key(&print)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Print, &Event)> {
        self.by_print.iter().map(|(&print, event)| (print, event))
    }

    fn is_sibling(&self, one: Print, other: Print) -> bool {
        one != other && self[one].author == self[other].author && self[one].previous == self[other].previous
    }

    fn antichain(&self, prints: &Set) -> bool {
        prints.iter().all(|&print| {
            let below = self.past(self[print].deps.iter().copied());
            prints.iter().all(|other| !below.contains(other))
        })
    }

    /// Returns these events and all their ancestors.
    pub(crate) fn past(&self, of: impl IntoIterator<Item = Print>) -> Set {
        let mut past = Set::new();
        let mut next: Vec<Print> = of.into_iter().collect();
        while let Some(print) = next.pop() {
            if past.insert(print) {
                next.extend(self[print].deps.iter().chain(&self[print].previous));
            }
        }
        past
    }

    /// Returns the author's events up to this one, the first one first.
    pub(crate) fn chain(&self, print: Print) -> Vec<Print> {
        let mut chain: Vec<Print> = std::iter::successors(Some(print), |&at| self[at].previous).collect();
        chain.reverse();
        chain
    }

    pub(crate) fn counter(&self, print: Print) -> u32 {
        self.chain(print).len() as u32 - 1
    }

    /// Returns the lamport times of events and of all their ancestors.
    pub(crate) fn lamports(&self, of: &Set) -> BTreeMap<Print, u32> {
        let past = self.past(of.iter().copied());
        let mut lamports = BTreeMap::<Print, u32>::new();
        while lamports.len() < past.len() {
            for &print in &past {
                let deps = self[print].deps.iter().map(|dep| lamports.get(dep).copied());
                if let Some(latest) = deps.collect::<Option<Vec<u32>>>() {
                    lamports.insert(print, 1 + latest.into_iter().max().unwrap_or(0));
                }
            }
        }
        lamports
    }

    /// Returns events in the order of execution: by lamport time and author. Events of one author
    /// are ordered by branch: at the fork, the branch whose first event has the smaller fingerprint
    /// comes first.
    pub(crate) fn order(&self, set: &Set) -> Vec<Print> {
        let lamports = self.lamports(set);
        let mut order: Vec<Print> = set.iter().copied().collect();
        // Forked chains compare as the first events in which they differ.
        order.sort_by_cached_key(|print| (lamports[print], self[*print].author.as_bytes(), self.chain(*print)));
        order
    }

    /// Returns the tables that a set of events results in.
    pub(crate) fn tables(&self, set: &Set) -> Tables {
        let order = self.order(set);
        let places: BTreeMap<Print, usize> = order.iter().enumerate().map(|(place, &print)| (print, place)).collect();
        let deps = |print: &Print| self[*print].deps.iter().map(|dep| places[dep]).collect();
        let commits: Vec<&Commit> = order.iter().map(|&print| &self[print].ops).collect();
        let names: Vec<(&[u8], Vec<Print>)> =
            order.iter().map(|&print| (self[print].author.as_bytes(), self.chain(print))).collect();
        tables_of(&commits, &order.iter().map(deps).collect::<Vec<_>>(), &names)
    }

    /// Groups the events of a set that follow the same event, by author and followed event.
    pub(crate) fn families(&self, set: &Set) -> BTreeMap<(&str, Option<Print>), Set> {
        let mut families = BTreeMap::<(&str, Option<Print>), Set>::new();
        for &print in set {
            let Event { author, previous, .. } = &self[print];
            families.entry((author, *previous)).or_default().insert(print);
        }
        families
    }

    /// Returns the name of each event of a set. An event with siblings begins a branch. An event
    /// without siblings continues the branch of the previous event.
    pub(crate) fn names(&self, set: &Set) -> BTreeMap<Print, EventId> {
        let families = self.families(set);
        let name = |print: Print| {
            let author = &self[print].author;
            let begins = |at: &&Print| families[&(author.as_str(), self[**at].previous)].len() > 1;
            let chain = self.chain(print);
            let peer = match chain.iter().rev().find(begins) {
                Some(&first) => branch(author, first),
                None => author.clone(),
            };
            EventId { peer, counter: chain.len() as u32 - 1 }
        };
        set.iter().map(|&print| (print, name(print))).collect()
    }

    pub(crate) fn version(&self, set: &Set) -> Vec<PeerVersion> {
        self.counts(&self.names(set), set)
    }

    /// Returns the version of a subset, with the names that its events have in the whole set.
    pub(crate) fn counts(&self, names: &BTreeMap<Print, EventId>, part: &Set) -> Vec<PeerVersion> {
        let mut counts = BTreeMap::<&str, u32>::new();
        for print in part {
            let count = counts.entry(&names[print].peer).or_default();
            *count = (*count).max(names[print].counter + 1);
        }
        counts.into_iter().map(|(peer, count)| PeerVersion { peer: peer.to_owned(), count }).collect()
    }

    pub(crate) fn heads(&self, set: &Set) -> Set {
        let built_on: Set = set.iter().flat_map(|&print| self[print].deps.iter().copied()).collect();
        set.difference(&built_on).copied().collect()
    }

    pub(crate) fn forks(&self, set: &Set) -> Vec<Fork> {
        let names = self.names(set);
        let families = self.families(set);
        let mut forks: Vec<Fork> = families
            .into_iter()
            .filter(|(_, siblings)| siblings.len() > 1)
            .map(|((author, previous), siblings)| Fork {
                peer: previous.map_or_else(|| author.to_owned(), |previous| names[&previous].peer.clone()),
                counter: previous.map_or(0, |previous| names[&previous].counter + 1),
                branches: siblings.iter().map(|print| names[print].clone()).collect(),
            })
            .collect();
        forks.sort_by(|a, b| (&a.peer, a.counter).cmp(&(&b.peer, b.counter)));
        forks
    }

    /// Returns the author's events of a set that no other event of the author follows.
    pub(crate) fn leaves(&self, set: &Set, author: &str) -> Set {
        let own: Set = set.iter().copied().filter(|&print| self[print].author == author).collect();
        let followed: Set = own.iter().filter_map(|&print| self[print].previous).collect();
        own.difference(&followed).copied().collect()
    }
}

impl std::ops::Index<Print> for Events {
    type Output = Event;

    fn index(&self, print: Print) -> &Event {
        &self.by_print[&print]
    }
}

/// Returns the name of the branch of an author that begins with this event. It is also the peer of
/// this event's permanent name.
pub(crate) fn branch(author: &str, first: Print) -> String {
    format!("{author}~{first:016x}")
}

/// Returns the author of a name that may contain a branch.
pub(crate) fn author(peer: &str) -> &str {
    peer.split_once('~').map_or(peer, |(author, _)| author)
}

/// Returns the fingerprint in a name with a branch.
pub(crate) fn print_in(peer: &str) -> Checked<Print> {
    let digits = peer.split_once('~').map_or("", |(_, digits)| digits);
    ensure!(digits.len() == 16 && digits.to_lowercase() == digits, "{peer:?} holds no fingerprint");
    Print::from_str_radix(digits, 16).map_err(|error| format!("{peer:?}: {error}"))
}
