//! Taking in events of other replicas: all of a call is decided and checked first, then carried out.
//!
//! The plan is made on the graph itself, which can undo what it was given; log, rows and waiting events are not
//! touched before everything is known to be right.

use super::events::EventRun;
use super::incoming::Incoming;
use super::room::{Coming, EVENT_SPENDS, make_room};
use super::translation::Translation;
use super::waiting::{self, Waiter, Waiting};
use super::{Doc, check};
use crate::clock::Lamport;
use crate::error::{Error, RunRule};
use crate::graph::Broken;
use crate::id::{Counter, EventId, EventMap, EventNumber, PeerNumber};
use crate::memory;
use crate::oplog::CommitRef;
use crate::work;
use std::collections::VecDeque;
use std::ops::Range;

/// What a merge did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MergeReport {
    /// Events that were new and took effect.
    pub applied: u32,
    /// Events that were already known.
    pub duplicate: u32,
    /// Events that wait, in this document, for others that they depend on.
    pub waiting: u32,
    /// What the waiting events wait for, sorted; the first [`limits::REPORTED_MISSING`](crate::limits::REPORTED_MISSING).
    pub missing: Vec<EventId>,
}

/// A part of a run that the document did not know.
#[derive(Debug, Clone)]
struct Piece {
    run: usize,
    places: Range<usize>,
}

/// Where events come from that may take effect.
#[derive(Debug)]
enum Source {
    Piece(usize),
    Waiting(Waiter),
}

/// Events of one peer that take effect, each after the one before.
#[derive(Debug)]
struct Ready {
    source: Source,
    peer: PeerNumber,
    counters: Range<u32>,
    lamport: Lamport,
}

/// Why events cannot take effect.
enum Refusal {
    Rule(RunRule),
    BelowHorizon,
}

/// What a merge does.
#[derive(Debug, Default)]
struct Plan {
    duplicate: u32,
    pieces: Vec<Piece>,
    /// In the order in which the graph already holds them.
    ready: Vec<Ready>,
    /// Waiting events that turned out to be wrong.
    dropped: EventMap<()>,
    /// Pieces that have to wait.
    late: Vec<Piece>,
}

impl Doc {
    /// Takes in events of other replicas, in any order, any grouping, any number of times. Events whose dependencies are
    /// unknown wait in the document until those come; where it shows then that a waiting event is wrong, it is dropped,
    /// as if it had not come. O(log n) for each event, operation, cell and dependency, whatever the history.
    ///
    /// # Errors
    /// `InvalidArgument` for a run that breaks a rule of [`RunRule`], an empty name or a repeated column;
    /// `ConflictingEvent` where another event of that name took effect, waits, or comes in the same call;
    /// `LimitExceeded` for what is too large, does not fit into the document any more, or would make too much wait;
    /// `Compacted` where an event does not build on the horizon.
    pub fn merge_events(&mut self, mut events: Vec<EventRun>) -> Result<MergeReport, Error> {
        check::runs(&mut events)?;
        self.merge(&events.iter().map(Incoming::from).collect::<Vec<_>>())
    }

    /// Takes in runs that were checked as far as they can be on their own.
    pub(super) fn merge(&mut self, runs: &[Incoming<'_>]) -> Result<MergeReport, Error> {
        memory::spend(runs.iter().map(|run| EVENT_SPENDS * (1 + run.deps.len() as u64)).sum())?;
        let mark = self.graph.mark();
        let peers = self.peers.len();
        let plan = Planner::new(self, runs).plan().and_then(|plan| self.make_room_for(&plan, runs).map(|()| plan));
        match plan {
            Ok(plan) => {
                self.graph.keep();
                Ok(self.carry_out(plan, runs))
            }
            Err(error) => {
                self.graph.undo(mark);
                self.peers.truncate(peers);
                Err(error)
            }
        }
    }

    fn make_room_for(&mut self, plan: &Plan, runs: &[Incoming<'_>]) -> Result<(), Error> {
        let Self { rows, log, waiting, .. } = self;
        let commits = plan.pieces.iter().flat_map(|Piece { run, places }| {
            let run = &runs[*run];
            places.clone().map(|place| run.commit(place))
        });
        let woken = plan.ready.iter().filter_map(|ready| match &ready.source {
            Source::Waiting((peer, counter)) => waiting.get(peer, *counter),
            Source::Piece(_) => None,
        });
        make_room(rows, log, commits.chain(woken.map(|event| CommitRef::Plain(&event.commit))))
    }

    fn carry_out(&mut self, plan: Plan, runs: &[Incoming<'_>]) -> MergeReport {
        let mut report = MergeReport { duplicate: plan.duplicate, ..MergeReport::default() };
        let mut translation = Translation::default();
        for Ready { source, peer, counters, lamport } in plan.ready {
            report.applied += counters.len() as u32;
            let name = self.peers.text(peer.0).clone();
            match source {
                Source::Piece(piece) => {
                    let Piece { run, places } = plan.pieces[piece].clone();
                    for (steps, place) in (0..).zip(places) {
                        self.take_effect(peer, lamport.plus(steps), runs[run].commit(place), &mut translation);
                    }
                }
                Source::Waiting((name, counter)) => {
                    if let Some(event) = self.waiting.remove(&name, counter) {
                        self.take_effect(peer, lamport, CommitRef::Plain(&event.commit), &mut translation);
                    }
                }
            }
            self.waiting.forget_needed(&name, counters);
        }
        debug_assert_eq!(self.log.events(), self.graph.len());
        for (peer, counter, ()) in plan.dropped.iter() {
            self.waiting.remove(peer, counter);
        }
        let Self { graph, peers, waiting, .. } = self;
        for Piece { run, places } in plan.late {
            let took_effect =
                |peer: &str, counter| peers.find(peer).is_some_and(|peer| graph.count(PeerNumber(peer)) > counter);
            waiting.add(&runs[run], places, took_effect);
        }
        report.waiting = self.waiting.len() as u32;
        report.missing = self.waiting.missing();
        report
    }
}

struct Planner<'a, 'b> {
    doc: &'a mut Doc,
    runs: &'a [Incoming<'b>],
    plan: Plan,
    /// By the counter of its first event, each piece.
    pieces: EventMap<usize>,
    /// By an event that is not there, the pieces that need it.
    blocked: EventMap<Vec<usize>>,
    is_ready: Vec<bool>,
    candidates: VecDeque<Source>,
}

impl<'a, 'b> Planner<'a, 'b> {
    fn new(doc: &'a mut Doc, runs: &'a [Incoming<'b>]) -> Self {
        Self {
            doc,
            runs,
            plan: Plan::default(),
            pieces: EventMap::default(),
            blocked: EventMap::default(),
            is_ready: Vec::new(),
            candidates: VecDeque::new(),
        }
    }

    fn plan(mut self) -> Result<Plan, Error> {
        for run in 0..self.runs.len() {
            self.sort_out(run)?;
        }
        self.is_ready = vec![false; self.plan.pieces.len()];
        self.candidates = (0..self.plan.pieces.len()).map(Source::Piece).collect();
        while let Some(candidate) = self.candidates.pop_front() {
            work::step();
            match candidate {
                Source::Piece(piece) => self.try_piece(piece)?,
                Source::Waiting(waiter) => self.try_waiting(waiter),
            }
        }
        let pieces = self.plan.pieces.iter().zip(&self.is_ready);
        self.plan.late = pieces.filter(|(_, is_ready)| !**is_ready).map(|(piece, _)| piece.clone()).collect();
        self.check_room()?;
        Ok(self.plan)
    }

    /// Parts what is known of a run from what is new.
    fn sort_out(&mut self, run_place: usize) -> Result<(), Error> {
        let run = &self.runs[run_place];
        let mut place = 0;
        while place < run.len as usize {
            let counter = run.start + place as u32;
            let is_known = self.is_known(run_place, place)?;
            let end = if is_known { counter + 1 } else { self.end_of_unknown(run, counter) };
            let places = place..(end - run.start) as usize;
            place = places.end;
            if is_known {
                self.plan.duplicate = self.plan.duplicate.saturating_add(1);
            } else {
                self.pieces.insert(run.peer, counter, self.plan.pieces.len());
                self.plan.pieces.push(Piece { run: run_place, places });
            }
        }
        Ok(())
    }

    /// Whether an event took effect, waits, or came earlier in this call, and is the same.
    fn is_known(&self, run_place: usize, place: usize) -> Result<bool, Error> {
        work::step();
        let run = &self.runs[run_place];
        let (counter, lamport) = (run.start + place as u32, run.lamport_at(place));
        let (deps, commit) = (run.deps_at(place), run.commit(place));
        let (is_same, derived) = if let Some(known) = self.doc.find_event(run.peer, counter) {
            if self.doc.is_stub(known) {
                return Ok(true);
            }
            let Lamport(derived) = self.doc.graph.describe(known).2;
            (self.doc.is_event(known, &deps, commit), Some(derived))
        } else if self.doc.count_of(run.peer) > counter {
            // It was given up: there is nothing left to compare with.
            return Ok(true);
        } else if let Some(waiting) = self.doc.waiting.get(run.peer, counter) {
            (waiting.deps == *deps && CommitRef::Plain(&waiting.commit).equals(commit), lamport)
        } else if let Some((other, place)) = self.piece_with(run.peer, counter) {
            (other.deps_at(place) == deps && other.commit(place).equals(commit), other.lamport_at(place))
        } else {
            return Ok(false);
        };
        if !is_same {
            return Err(Error::ConflictingEvent { peer: run.peer.to_owned(), counter });
        }
        if let (Some(given), Some(derived)) = (lamport, derived)
            && given != derived
        {
            return Err(check::broken(run.peer, run.start, run_place, RunRule::Lamport { given, derived }));
        }
        Ok(true)
    }

    /// The run of an earlier piece that holds this event, and the event's place in the run.
    fn piece_with(&self, peer: &str, counter: u32) -> Option<(&'a Incoming<'b>, usize)> {
        let (_, &piece) = self.pieces.last_before(peer, counter + 1)?;
        let Piece { run, places } = &self.plan.pieces[piece];
        let run = &self.runs[*run];
        let place = (counter - run.start) as usize;
        places.contains(&place).then_some((run, place))
    }

    /// Where the unknown part of a run that begins with this event ends.
    fn end_of_unknown(&self, run: &Incoming<'_>, counter: u32) -> u32 {
        let end = run.end();
        let end = self.doc.waiting.first_in(run.peer, counter..end).unwrap_or(end);
        self.pieces.first_in(run.peer, counter..end).map_or(end, |(counter, _)| counter)
    }

    fn try_piece(&mut self, number: usize) -> Result<(), Error> {
        let Piece { run: run_place, places } = self.plan.pieces[number].clone();
        let run = &self.runs[run_place];
        let counter = run.start + places.start as u32;
        let deps = run.deps_at(places.start);
        if let Some((peer, needed)) = self.first_unknown(run.peer, counter, &deps) {
            self.blocked.entry(peer, needed).push(number);
            return Ok(());
        }
        let counters = counter..counter + places.len() as u32;
        self.is_ready[number] = true;
        let lamport = run.lamport_at(places.start);
        self.try_events(Source::Piece(number), run.peer, counters, &deps, lamport).map_err(|refusal| match refusal {
            Refusal::Rule(rule) => check::broken(run.peer, run.start, run_place, rule),
            Refusal::BelowHorizon => self.doc.compacted(),
        })
    }

    fn try_waiting(&mut self, (peer, counter): Waiter) {
        let is_decided = self.doc.count_of(&peer) > counter || self.plan.dropped.get(&peer, counter).is_some();
        let Some(event) = self.doc.waiting.get(&peer, counter).filter(|_| !is_decided) else { return };
        if self.first_unknown(&peer, counter, &event.deps).is_some() {
            // Its last dependency will bring it back here.
            return;
        }
        let deps = event.deps.clone();
        let source = Source::Waiting((peer.clone(), counter));
        if self.try_events(source, &peer, counter..counter + 1, &deps, None).is_err() {
            self.plan.dropped.insert(&peer, counter, ());
        }
    }

    fn first_unknown<'c>(&self, peer: &'c str, counter: u32, deps: &'c [EventId]) -> Option<(&'c str, u32)> {
        let mut required = waiting::requirements(peer, counter, deps);
        required.find(|(peer, needed)| self.doc.count_of(peer) <= *needed)
    }

    /// Gives the graph events whose dependencies are all there, or tells which rule they break. `claimed` is the lamport
    /// time that the first of them came with.
    fn try_events(
        &mut self,
        source: Source,
        peer: &str,
        counters: Range<u32>,
        deps: &[EventId],
        claimed: Option<u32>,
    ) -> Result<(), Refusal> {
        let doc = &mut *self.doc;
        let dependencies: Vec<EventNumber> =
            deps.iter().filter_map(|dep| doc.find_event(&dep.peer, dep.counter)).collect();
        if dependencies.len() < deps.len() {
            return Err(Refusal::BelowHorizon);
        }
        let number = PeerNumber(doc.peers.find(peer).unwrap_or(doc.peers.len() as u32));
        let lamport = doc.graph.lamport_after(&dependencies);
        if !doc.graph.builds_on_horizon(&dependencies) {
            return Err(Refusal::BelowHorizon);
        }
        if let Some(given) = claimed.filter(|&given| given != lamport.0) {
            return Err(Refusal::Rule(RunRule::Lamport { given, derived: lamport.0 }));
        }
        doc.graph.check(number, &dependencies).map_err(|broken| Refusal::Rule(doc.rule(broken)))?;
        doc.peers.intern(peer);
        doc.graph.push(number, &dependencies, counters.len() as u32);
        for piece in self.blocked.remove_range(peer, counters.clone()).into_iter().flatten() {
            self.candidates.push_back(Source::Piece(piece));
        }
        self.candidates.extend(doc.waiting.waiters(peer, counters.clone()).cloned().map(Source::Waiting));
        self.plan.ready.push(Ready { source, peer: number, counters, lamport });
        Ok(())
    }

    /// Refuses what would not fit, or would make too much wait.
    fn check_room(&self) -> Result<(), Error> {
        let Self { doc, runs, plan, .. } = self;
        let (mut events, mut bytes) = (doc.waiting.len(), doc.waiting.bytes());
        let dropped = plan.dropped.iter().map(|(peer, counter, ())| (peer, counter));
        let woken = plan.ready.iter().filter_map(|ready| match &ready.source {
            Source::Waiting((peer, counter)) => Some((peer, *counter)),
            Source::Piece(_) => None,
        });
        for event in dropped.chain(woken).filter_map(|(peer, counter)| doc.waiting.get(peer, counter)) {
            events -= 1;
            bytes -= waiting::event_bytes(&event.deps, CommitRef::Plain(&event.commit));
        }
        let (mut late_events, mut late_bytes, mut late_peers) = (0, 0, Vec::new());
        for Piece { run, places } in &plan.late {
            late_events += places.len();
            let run = &runs[*run];
            late_peers.push(run.peer);
            late_bytes += places.clone().map(|at| waiting::event_bytes(&run.deps_at(at), run.commit(at))).sum::<u64>();
        }
        memory::spend(late_bytes.saturating_mul(2))?;
        bytes += late_bytes;
        Waiting::check_room(events + late_events, bytes)?;
        let commits = plan.pieces.iter().flat_map(|Piece { run, places }| {
            let run = &runs[*run];
            places.clone().map(|place| run.commit(place))
        });
        doc.check_room(&Coming { events: late_events as u64, peers: &late_peers, commits, dropped: &plan.dropped })
    }
}

impl Doc {
    fn rule(&self, broken: Broken) -> RunRule {
        match broken {
            Broken::PreviousMissing => RunRule::PreviousMissing,
            Broken::NotConcurrent(event) => {
                let (peer, Counter(counter), _) = self.graph.describe(event);
                RunRule::DependenciesNotConcurrent { peer: String::from(&**self.peers.text(peer.0)), counter }
            }
        }
    }
}
