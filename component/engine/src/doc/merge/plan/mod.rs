//! The plan of a merge: which events are known, which take effect, and which wait.
//!
//! An event is known if its author's previous event is known and an event with the same fingerprint
//! follows that one. So a run that continues the end of a branch is not hashed. If another event
//! follows the previous one, the run begins a branch. A run is tried after the runs of the same
//! call that it builds on, and again when an event that it lacks takes effect.

mod effect;
mod place;
mod wait;

use crate::clock::Lamport;
use crate::doc::Doc;
use crate::doc::below::AboveOrBelow;
use crate::doc::check;
use crate::doc::incoming::{IncomingRun, Target};
use crate::doc::prints::IncomingPrints;
use crate::doc::room::Additions;
use crate::doc::waiting::{Waiter, Waiting, WaitingEvent};
use crate::error::{Error, RunRule};
use crate::id::{Counter, EventKey, EventMap, EventNumber, PeerNumber, SharedText};
use crate::lanes::AuthorNumber;
use crate::oplog::{AlikeCommits, CommitRef, Totals};
use crate::sort;
use crate::work;
use place::{Next, Position, is_same_lane};
use smallvec::SmallVec;
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::ops::Range;

/// The reason why events cannot take effect.
pub(super) enum Refusal {
    Rule(RunRule),
    BelowHorizon,
    Error(Error),
}

/// The source of events that take effect.
#[derive(Debug, Clone)]
pub(in crate::doc) enum ReadySource {
    /// A run, from the event with index `first` on.
    Piece {
        run: usize,
        first: usize,
    },
    Waiting(Waiter),
}

/// Consecutive events of one lane that take effect.
#[derive(Debug)]
pub(in crate::doc) struct Ready {
    pub(in crate::doc) source: ReadySource,
    pub(in crate::doc) lane: PeerNumber,
    pub(in crate::doc) counters: Range<u32>,
    pub(in crate::doc) lamport: Lamport,
}

impl Ready {
    /// Returns the operations of the events.
    pub(in crate::doc) fn commits<'a>(
        &'a self,
        runs: &'a [IncomingRun<'_>],
        waiting: &'a Waiting,
    ) -> impl Iterator<Item = AlikeCommits<'a>> + Clone {
        let mut rest = 0..self.counters.len() as u32;
        std::iter::from_fn(move || {
            let commit = match &self.source {
                _ if rest.is_empty() => return None,
                ReadySource::Piece { run, first } => runs[*run].commit(first + rest.start as usize),
                ReadySource::Waiting((author, key)) => CommitRef::Plain(&waiting.get(author, *key)?.commit),
            };
            let commits = commit.alike(rest.len() as u32);
            rest.start += commits.count;
            Some(commits)
        })
    }
}

/// The decisions of a merge.
#[derive(Debug, Default)]
pub(in crate::doc) struct Plan {
    pub(in crate::doc) duplicate: u32,
    /// The events that take effect, in the order of the graph, which already contains them.
    pub(in crate::doc) ready: Vec<Ready>,
    /// The events that take effect and that waiting events need.
    pub(in crate::doc) awake: Vec<(SharedText, EventKey)>,
    /// Waiting events to remove without effect: they broke a rule, or arrived again.
    pub(in crate::doc) dropped: EventMap<()>,
    /// The events that wait.
    pub(in crate::doc) late: Vec<(EventKey, WaitingEvent)>,
    /// The number of events for which there is no room to wait.
    pub(in crate::doc) dropped_late: u32,
    /// For each run, the lane and counter of its last event that this replica has after the merge.
    pub(in crate::doc) reached: Vec<Option<(PeerNumber, Counter)>>,
}

/// The state of a run.
#[derive(Debug, Clone)]
enum RunState {
    Open,
    /// Decided: the positions of the events, from each of these indexes on.
    Decided(SmallVec<[(usize, Position); 1]>),
}

/// Something to try.
#[derive(Debug)]
enum Candidate {
    Run(usize),
    Waiting(Waiter),
}

pub(in crate::doc) struct Planner<'a, 'b> {
    doc: &'a mut Doc,
    runs: &'a [IncomingRun<'b>],
    plan: Plan,
    states: Vec<RunState>,
    prints: IncomingPrints,
    /// For each undecided run, the runs that build on it and were tried.
    followers: BTreeMap<usize, Vec<usize>>,
    /// For each missing event, the runs that need it, and those that begin with it.
    blocked: EventMap<Vec<usize>>,
    candidates: VecDeque<Candidate>,
    /// For each author, the indexes of its pieces in `plan.ready`, and how many of these are in
    /// `planned`.
    pieces: BTreeMap<AuthorNumber, (usize, Vec<usize>)>,
    planned: EventMap<PeerNumber>,
    /// The first event of each piece in `plan.ready`.
    firsts: Vec<EventNumber>,
    /// The waiting events that take effect.
    taken: EventMap<()>,
}

impl<'a, 'b> Planner<'a, 'b> {
    pub(in crate::doc) fn new(doc: &'a mut Doc, runs: &'a [IncomingRun<'b>]) -> Self {
        Self {
            doc,
            runs,
            plan: Plan::default(),
            states: vec![RunState::Open; runs.len()],
            prints: IncomingPrints::new(runs.len()),
            followers: BTreeMap::new(),
            blocked: EventMap::default(),
            candidates: VecDeque::new(),
            pieces: BTreeMap::new(),
            planned: EventMap::default(),
            firsts: Vec::new(),
            taken: EventMap::default(),
        }
    }

    /// Decides about all runs.
    pub(in crate::doc) fn plan(mut self) -> Result<Plan, Error> {
        self.candidates = (0..self.runs.len()).map(Candidate::Run).collect();
        self.settle()?;
        self.wait()?;
        self.finish()
    }

    /// Decides about waiting events after one of their dependencies took effect.
    pub(in crate::doc) fn plan_waiting(mut self, waiters: Vec<Waiter>) -> Result<Plan, Error> {
        self.candidates = waiters.into_iter().map(Candidate::Waiting).collect();
        self.settle()?;
        self.finish()
    }

    fn settle(&mut self) -> Result<(), Error> {
        while let Some(candidate) = self.candidates.pop_front() {
            work::step();
            match candidate {
                Candidate::Run(run) => self.try_run(run)?,
                Candidate::Waiting(waiter) => self.try_waiting(&waiter),
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Plan, Error> {
        self.plan.reached = self.states.iter().zip(self.runs).map(|(state, run)| reached(state, run)).collect();
        let Self { doc, runs, plan, .. } = self;
        let authors = sort::distinct(runs.iter().map(IncomingRun::author));
        let commits = plan.ready.iter().filter(|ready| matches!(ready.source, ReadySource::Piece { .. }));
        let commits = commits.flat_map(|ready| ready.commits(runs, &doc.waiting));
        let late = plan.late.iter().map(|(_, event)| CommitRef::Plain(&event.commit).alike(1));
        let commits = commits.chain(late);
        doc.check_room(&Additions {
            events: plan.late.len() as u64,
            peers: &authors,
            size: Totals::of_all(commits.clone()),
            commits: commits.map(|commits| commits.first),
            dropped: &plan.dropped,
        })?;
        Ok(plan)
    }

    fn try_run(&mut self, number: usize) -> Result<(), Error> {
        let run = &self.runs[number];
        if !matches!(self.states[number], RunState::Open) {
            return Ok(());
        }
        let open = run.links().find_map(|link| match link.target {
            Target::Inside { run, place: _ } if matches!(self.states[run], RunState::Open) => Some(run),
            _ => None,
        });
        if let Some(open) = open {
            self.followers.entry(open).or_default().push(number);
            return Ok(());
        }
        self.decide(number).map_err(|refusal| match refusal {
            Refusal::Rule(rule) => check::broken(&run.name, run.start, number, rule),
            Refusal::BelowHorizon => self.doc.compacted_error(),
            Refusal::Error(error) => error,
        })
    }

    /// Decides about a run, unless it needs a missing event.
    fn decide(&mut self, number: usize) -> Result<(), Refusal> {
        let run = &self.runs[number];
        let Some(mut position) = self.position_before(number)? else { return Ok(()) };
        let mut places: SmallVec<[(usize, Position); 1]> = SmallVec::new();
        let mut place = 0;
        while place < run.len as usize {
            work::step();
            let counter = run.start + place as u32;
            let next = match self.next(number, place, position)? {
                Next::Same(lane) => Position::At(lane, Counter(counter)),
                Next::Compacted(_) if self.is_other_below(number, place, counter) => return Err(Refusal::BelowHorizon),
                Next::Compacted(lane) => Position::At(lane, Counter(counter)),
                Next::Nothing if position == Position::Below => {
                    let author = self.doc.lanes.author(run.author());
                    let side = author.map(|author| self.doc.side_of(author, &run.name, counter, true));
                    if side != Some(AboveOrBelow::Below) || self.is_other_below(number, place, counter) {
                        return Err(Refusal::BelowHorizon);
                    }
                    Position::Below
                }
                Next::Nothing => {
                    return self.take_rest(number, place, position, None, places);
                }
                Next::Other(sibling) => {
                    return self.take_rest(number, place, position, Some(sibling), places);
                }
            };
            if let (Position::At(lane, counter), Some(given)) = (next, run.lamport_at(place))
                && let Some(event) = self.doc.graph.find(lane, counter)
                && let (_, _, Lamport(derived)) = self.doc.graph.describe(event)
                && given != derived
            {
                return Err(Refusal::Rule(RunRule::Lamport { given, derived }));
            }
            if places.last().is_none_or(|(_, last)| !is_same_lane(*last, next)) {
                places.push((place, next));
            }
            self.plan.duplicate = self.plan.duplicate.saturating_add(1);
            position = next;
            place += 1;
        }
        self.decided(number, places);
        Ok(())
    }

    /// Records events that were added to the graph, and tries everything that lacked them.
    fn note(&mut self, source: ReadySource, lane: PeerNumber, counters: Range<u32>, lamport: Lamport) {
        let author = self.doc.lanes.author_of(lane);
        let name = self.doc.lanes.author_name(lane).clone();
        let piece = self.plan.ready.len();
        self.plan.ready.push(Ready { source, lane, counters: counters.clone(), lamport });
        self.pieces.entry(author).or_default().1.push(piece);
        let blocked = self.blocked.keys_in(&name, counters.start, counters.end).map(|key| key.counter);
        let waiting = self.doc.waiting.counters_in(&name, counters.start, counters.end);
        for counter in sort::distinct(blocked.chain(waiting)) {
            let event = self.firsts[piece].plus(counter - counters.start);
            let known = EventKey::new(counter, self.print_of(event));
            for run in self.blocked.remove(&name, known).into_iter().flatten() {
                self.candidates.push_back(Candidate::Run(run));
            }
            self.candidates.extend(self.doc.waiting.waiters(&name, known).cloned().map(Candidate::Waiting));
            if self.doc.waiting.waiters(&name, known).next().is_some() {
                self.plan.awake.push((name.clone(), known));
            }
            // The event arrived again in this call, or it waits with wrong names of its
            // dependencies, which the fingerprint does not cover.
            if self.doc.waiting.get(&name, known).is_some() && self.taken.get(&name, known).is_none() {
                self.plan.duplicate = self.plan.duplicate.saturating_add(1);
                self.plan.dropped.insert(&name, known, ());
            }
        }
    }

    fn decided(&mut self, number: usize, places: SmallVec<[(usize, Position); 1]>) {
        self.states[number] = RunState::Decided(places);
        for follower in self.followers.get_mut(&number).map(mem::take).into_iter().flatten() {
            self.candidates.push_back(Candidate::Run(follower));
        }
    }

    /// Lets a run wait for a missing event. It is tried again when that event takes effect, or when
    /// its own first event does: the run can have wrong names of the events that this one needs.
    fn block(&mut self, number: usize, author: &str, key: EventKey) {
        let run = &self.runs[number];
        let first = EventKey::new(run.start, self.print(number, 0));
        self.prints.forget(number);
        self.blocked.entry(author, key).push(number);
        self.blocked.entry(run.author(), first).push(number);
    }
}

fn reached(state: &RunState, run: &IncomingRun<'_>) -> Option<(PeerNumber, Counter)> {
    let RunState::Decided(places) = state else { return None };
    match places.last() {
        Some((_, Position::At(lane, _))) => Some((*lane, Counter(run.end() - 1))),
        _ => None,
    }
}
