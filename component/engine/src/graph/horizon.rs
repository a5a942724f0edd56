//! The horizon: a version up to which the events were compacted.
//!
//! Of the events below it, only those are kept that an event beyond it depends on, or may depend on: the horizon's own
//! heads. They are stubs: events without operations and without dependencies, the first ones by number, each with the
//! counts of what it builds on, at which walks end as at any run that keeps counts.

use super::{Graph, Run};
use crate::clock::Lamport;
use crate::error::Error;
use crate::id::{Counter, EventNumber, PeerNumber};
use crate::limits;
use crate::work;
use std::collections::BTreeSet;

/// An event that was compacted, but for its name, its time and what it builds on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stub {
    pub(crate) peer: PeerNumber,
    pub(crate) counter: Counter,
    pub(crate) lamport: Lamport,
    /// By peer number, how many of the peer's events it builds on, itself included.
    pub(crate) known: Box<[u32]>,
}

/// What was compacted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Horizon {
    /// By peer number, how many events of the peer were compacted.
    pub(super) counts: Vec<u32>,
    pub(super) stubs: Vec<Stub>,
    /// The stubs on which no other one builds.
    pub(super) heads: Vec<EventNumber>,
}

impl Horizon {
    /// A horizon with these counts and stubs; none where the stubs do not make the counts. O(stubs × peers).
    pub(crate) fn new(counts: Vec<u32>, stubs: Vec<Stub>) -> Option<Self> {
        // By peer, the most that a stub builds on, and how many stubs do.
        let mut most = vec![(0, 0); counts.len()];
        for stub in &stubs {
            for (most, &known) in most.iter_mut().zip(&stub.known) {
                match known.cmp(&most.0) {
                    std::cmp::Ordering::Greater => *most = (known, 1),
                    std::cmp::Ordering::Equal => most.1 += 1,
                    std::cmp::Ordering::Less => {}
                }
            }
        }
        let is_whole = most.iter().map(|&(count, _)| count).eq(counts.iter().copied());
        let is_head = |stub: &Stub| most[stub.peer.index()] == (stub.counter.0 + 1, 1);
        let heads = (0..).map(EventNumber).zip(&stubs).filter(|(_, stub)| is_head(stub)).map(|(event, _)| event);
        let heads = heads.collect();
        is_whole.then_some(Self { counts, stubs, heads })
    }

    /// The horizon with other numbers of lanes, of which there are `len`; a number that several have stands for all of them.
    pub(crate) fn renumbered(&self, numbers: &[PeerNumber], len: usize) -> Self {
        let renumbered = |counts: &[u32]| {
            let mut new = vec![0; len];
            for (lane, &count) in numbers.iter().zip(counts).filter(|(_, count)| **count > 0) {
                let new: &mut u32 = &mut new[lane.index()];
                *new = count.max(*new);
            }
            new
        };
        let stubs = self.stubs.iter().map(|stub| Stub {
            peer: numbers[stub.peer.index()],
            known: renumbered(&stub.known).into_boxed_slice(),
            ..*stub
        });
        Self { counts: renumbered(&self.counts), stubs: stubs.collect(), heads: self.heads.clone() }
    }

    /// Refuses more than can be built on.
    pub(super) fn check(&self) -> Result<(), Error> {
        limits::HORIZON_HEADS.check(self.heads.len() as u64)
    }

    /// The events of the version that no other one of it builds on.
    pub(crate) fn heads(&self) -> &[EventNumber] {
        &self.heads
    }

    /// How many events of this peer were compacted.
    pub(crate) fn count(&self, peer: PeerNumber) -> u32 {
        self.counts.get(peer.index()).copied().unwrap_or(0)
    }

    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.stubs.is_empty()
    }

    /// By peer number, how many events of the peer were compacted away.
    pub(crate) fn counts_of(&self, peers: u32) -> Vec<u32> {
        (0..peers).map(|peer| self.count(PeerNumber(peer))).collect()
    }

    /// By peer number, how many events of the peer were compacted.
    pub(crate) fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// What is left of events.
    pub(crate) fn stubs(&self) -> &[Stub] {
        &self.stubs
    }
}

impl Graph {
    /// A graph of nothing but what this horizon leaves.
    pub(crate) fn beyond(horizon: Horizon) -> Self {
        let mut graph = Self::default();
        for stub in &horizon.stubs {
            let first = EventNumber(graph.len);
            let number = super::RunNumber(first.0);
            graph.runs.push(Run {
                first,
                peer: stub.peer,
                counter: stub.counter,
                lamport: stub.lamport,
                dependencies: 0,
                toll: 1,
                known: Some(stub.known.clone()),
            });
            if graph.by_peer.len() <= stub.peer.index() {
                graph.by_peer.resize_with(stub.peer.index() + 1, Vec::new);
            }
            graph.by_peer[stub.peer.index()].push(number);
            graph.len += 1;
        }
        graph.heads = horizon.heads.iter().copied().collect();
        graph.horizon = horizon;
        graph.complete_so_far();
        graph
    }

    /// What was compacted.
    pub(crate) fn horizon(&self) -> &Horizon {
        &self.horizon
    }

    /// Says that every event from now on builds on the horizon.
    pub(crate) fn complete_so_far(&mut self) {
        self.complete_from = EventNumber(self.len);
    }

    /// Whether an event with these dependencies builds on the horizon. O(dependencies), where one of them was added since
    /// the horizon was set, else what `first_reaching` costs for each head of the horizon.
    pub(crate) fn builds_on_horizon(&self, dependencies: &[EventNumber]) -> bool {
        let is_complete = |event: &EventNumber| *event >= self.complete_from;
        self.horizon.is_empty()
            || dependencies.iter().any(is_complete)
            || self.horizon.heads.iter().all(|&head| self.first_reaching(dependencies, head).is_some())
    }

    /// Whether these counts, by peer number, are those of a version: with each event they hold what it depends on.
    /// Counts below the horizon are not looked at. O(runs × log n).
    pub(crate) fn is_version(&self, counts: &[u32]) -> bool {
        let holds = |event: EventNumber| {
            let (peer, counter, _) = self.describe(event);
            counter.0 < counts[peer.index()]
        };
        (0..self.runs.len() as u32).map(super::RunNumber).all(|number| {
            work::step();
            !holds(self.runs[number.index()].first) || self.run_dependencies(number).iter().all(|&event| holds(event))
        })
    }

    /// What giving up these events leaves, by peer number, where of those beyond only the ones before `end` are kept. Both
    /// are versions, and hold the present horizon. O(runs × log n), and the stubs × peers.
    ///
    /// # Errors
    /// `LimitExceeded` where that is too much.
    pub(crate) fn horizon_at(&self, counts: Vec<u32>, end: &[u32]) -> Result<Horizon, Error> {
        let is_given_up = |event: EventNumber| {
            let (peer, counter, _) = self.describe(event);
            counter.0 < counts[peer.index()]
        };
        let mut built_on = BTreeSet::new();
        let mut kept: BTreeSet<EventNumber> = BTreeSet::new();
        for number in (0..self.runs.len() as u32).map(super::RunNumber) {
            work::step();
            let run = &self.runs[number.index()];
            let dependencies = self.run_dependencies(number).iter().copied();
            let len = self.run_len(number).min(end[run.peer.index()].saturating_sub(run.counter.0));
            let given_up = counts[run.peer.index()].saturating_sub(run.counter.0);
            if given_up > 0 {
                built_on.extend(dependencies);
                if given_up < len {
                    kept.insert(EventNumber(run.first.0 + given_up - 1));
                }
            } else if len > 0 {
                kept.extend(dependencies.filter(|&event| is_given_up(event)));
            }
        }
        for (peer, &count) in (0..).map(PeerNumber).zip(&counts) {
            let last = count.checked_sub(1).and_then(|last| self.find(peer, Counter(last)));
            let was_head =
                |event: EventNumber| event.index() >= self.horizon.stubs.len() || self.horizon.heads.contains(&event);
            kept.extend(last.filter(|event| was_head(*event) && !built_on.contains(event)));
        }
        limits::HORIZON_COUNTS.check(kept.len() as u64 * counts.len() as u64)?;
        let mut stubs = Vec::new();
        for event in kept {
            let (peer, counter, lamport) = self.describe(event);
            limits::HORIZON_LAMPORT.check(lamport.0.into())?;
            let mut known = self.counts_at(&[event]);
            known.resize(counts.len(), 0);
            stubs.push(Stub { peer, counter, lamport, known: known.into_boxed_slice() });
        }
        let horizon = Horizon::new(counts, stubs);
        debug_assert!(horizon.is_some());
        let horizon = horizon.unwrap_or_default();
        horizon.check()?;
        Ok(horizon)
    }

    /// The least lamport time of an event beyond a horizon and before `end`, by peer number, or of one that is still to come
    /// and builds on the horizon. O(peers × log n).
    pub(crate) fn first_unsettled(&self, horizon: &Horizon, end: &[u32]) -> Lamport {
        let to_come = horizon.stubs.iter().map(|stub| stub.lamport).max().unwrap_or(Lamport::NEVER).plus(1);
        let beyond = (0..self.by_peer.len() as u32).map(PeerNumber).filter_map(|peer| {
            let first = horizon.count(peer);
            let event = self.first_beyond(peer, first)?;
            let (_, counter, lamport) = self.describe(event);
            (counter.0 < end[peer.index()]).then_some(lamport)
        });
        beyond.chain([to_come]).min().unwrap_or(to_come)
    }
}
