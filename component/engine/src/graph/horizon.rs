//! The horizon of a compacted graph: the version up to which events were compacted.
//!
//! The graph keeps some events below the horizon: the heads of the horizon, on which later events
//! can depend, and the events that a retained event depends on. These stubs have no operations and
//! no dependencies, and the smallest event numbers. Each stub keeps a count for each lane, as other
//! runs with counts do, so walks end there.

use super::{Graph, Run};
use crate::clock::Lamport;
use crate::error::Error;
use crate::id::{Counter, EventNumber, PeerNumber};
use crate::limits;
use crate::sort;
use crate::work;
use std::collections::BTreeSet;

/// A compacted event: its name, its time, and what it builds on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stub {
    pub(crate) peer: PeerNumber,
    pub(crate) counter: Counter,
    pub(crate) lamport: Lamport,
    /// By lane number, the count of the lane's events that the stub builds on, including itself.
    pub(crate) known: Box<[u32]>,
}

/// The compacted events of a graph.
#[derive(Debug, Clone, Default)]
pub(crate) struct Horizon {
    /// By lane number, the count of compacted events.
    pub(super) counts: Vec<u32>,
    pub(super) stubs: Vec<Stub>,
    /// The stubs that no other stub builds on.
    pub(super) heads: Vec<EventNumber>,
}

impl Horizon {
    /// Returns a horizon with these counts and stubs, or `None` if the stubs do not add up to the
    /// counts. O(stubs × lanes).
    pub(crate) fn new(counts: Vec<u32>, stubs: Vec<Stub>) -> Option<Self> {
        // By lane, the highest count that a stub builds on, and the number of stubs with this
        // count.
        let mut highest = vec![(0, 0); counts.len()];
        for stub in &stubs {
            for (highest, &known) in highest.iter_mut().zip(&stub.known) {
                match known.cmp(&highest.0) {
                    std::cmp::Ordering::Greater => *highest = (known, 1),
                    std::cmp::Ordering::Equal => highest.1 += 1,
                    std::cmp::Ordering::Less => {}
                }
            }
        }
        let is_whole = highest.iter().map(|&(count, _)| count).eq(counts.iter().copied());
        let is_head = |stub: &Stub| highest[stub.peer.index()] == (stub.counter.0 + 1, 1);
        let heads = (0..).map(EventNumber).zip(&stubs).filter(|(_, stub)| is_head(stub)).map(|(event, _)| event);
        let heads = heads.collect();
        is_whole.then_some(Self { counts, stubs, heads })
    }

    /// Returns the horizon with other numbers of lanes. There are `len` new numbers; several lanes
    /// can get the same one.
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

    /// Fails if there are more heads than an event can build on.
    pub(super) fn check(&self) -> Result<(), Error> {
        limits::HORIZON_HEADS.check(self.heads.len() as u64)
    }

    /// Returns the events of the horizon that no other event of it builds on.
    pub(crate) fn heads(&self) -> &[EventNumber] {
        &self.heads
    }

    /// Returns the count of compacted events of a lane.
    pub(crate) fn count(&self, peer: PeerNumber) -> u32 {
        self.counts.get(peer.index()).copied().unwrap_or(0)
    }

    /// Returns whether nothing was compacted.
    pub(crate) fn is_empty(&self) -> bool {
        self.stubs.is_empty()
    }

    /// Returns the counts of compacted events of this many lanes.
    pub(crate) fn counts_of(&self, peers: u32) -> Vec<u32> {
        (0..peers).map(|peer| self.count(PeerNumber(peer))).collect()
    }

    /// Returns the counts of compacted events by lane number, without trailing zeros.
    pub(crate) fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Returns the compacted events that the graph keeps.
    pub(crate) fn stubs(&self) -> &[Stub] {
        &self.stubs
    }
}

impl Graph {
    /// Returns a graph with the stubs of a horizon and no other events.
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
        graph.heads = sort::set(horizon.heads.iter().copied());
        graph.horizon = horizon;
        graph.complete_so_far();
        graph
    }

    /// Returns the compacted events of the graph.
    pub(crate) fn horizon(&self) -> &Horizon {
        &self.horizon
    }

    /// Declares that every event from now on builds on the horizon.
    pub(crate) fn complete_so_far(&mut self) {
        self.complete_from = EventNumber(self.len);
    }

    /// Returns whether an event with these dependencies builds on the horizon. O(dependencies) if a
    /// dependency was added after the horizon was set; otherwise the cost of
    /// `is_above_horizon`.
    pub(crate) fn builds_on_horizon(&self, dependencies: &[EventNumber]) -> bool {
        let is_complete = |event: &EventNumber| *event >= self.complete_from;
        self.horizon.is_empty() || dependencies.iter().any(is_complete) || self.is_above_horizon(dependencies)
    }

    /// Returns whether some of these events build on each head of the horizon. The cost of
    /// `first_reaching` for each head.
    pub(crate) fn is_above_horizon(&self, events: &[EventNumber]) -> bool {
        self.horizon.heads.iter().all(|&head| self.first_reaching(events, head).is_some())
    }

    /// Returns whether these counts, by lane number, are a version: for each event, they contain
    /// its dependencies. Ignores counts below the horizon. O(runs × log n).
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

    /// Returns the horizon that remains if the events before `counts` are compacted, and only the
    /// events before `end` are kept. Both are versions by lane number that include the present
    /// horizon. O(runs × log n + stubs × lanes).
    ///
    /// # Errors
    /// `LimitExceeded` if there are too many stubs or heads, or their times are too large.
    pub(crate) fn horizon_at(&self, counts: Vec<u32>, end: &[u32]) -> Result<Horizon, Error> {
        let is_compacted = |event: EventNumber| {
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
            let compacted = counts[run.peer.index()].saturating_sub(run.counter.0);
            if compacted > 0 {
                built_on.extend(dependencies);
                if compacted < len {
                    kept.insert(EventNumber(run.first.0 + compacted - 1));
                }
            } else if len > 0 {
                kept.extend(dependencies.filter(|&event| is_compacted(event)));
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

    /// Returns the smallest lamport time of the events that are beyond the horizon and before
    /// `end`, or that may still be written. O(lanes × log n).
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
