//! What a merge does: which events are known, which take effect, which have to wait.
//!
//! An event is known if its author's event before it is, and one that follows that one has the same fingerprint. So events of
//! a run that goes on where the document ends need no hashing. Where an event does have another successor already, the run
//! begins a branch. Runs are tried once the runs of the same call that they build on are decided, and again when an event
//! that they lack takes effect.

use super::Doc;
use super::check;
use super::identity::{AboveOrBelow, Refusal};
use super::incoming::{Incoming, Link, Target, find_circle};
use super::merge::{key, waiting_event};
use super::prints::IncomingPrints;
use super::room::Coming;
use super::waiting::WaitingEvent;
use super::waiting::{Need, Waiter, Waiting, event_bytes};
use crate::clock::Lamport;
use crate::error::{Error, RunRule};
use crate::id::{Counter, EventKey, EventMap, EventNumber, Fingerprint, PeerNumber, SharedText};
use crate::lanes::{AuthorNumber, BranchStart, split_name};
use crate::memory;
use crate::oplog::CommitRef;
use crate::work;
use smallvec::SmallVec;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// Where events come from that take effect.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A run, from this place on.
    Piece {
        run: usize,
        first: usize,
    },
    Waiting(Waiter),
}

/// Events of one lane that take effect, each after the one before.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) source: Source,
    pub(super) lane: PeerNumber,
    pub(super) counters: Range<u32>,
    pub(super) lamport: Lamport,
}

impl Ready {
    /// The operations of the events.
    pub(super) fn commits<'a>(
        &'a self,
        runs: &'a [Incoming<'_>],
        waiting: &'a Waiting,
    ) -> impl Iterator<Item = CommitRef<'a>> + Clone {
        let len = self.counters.len();
        (0..len).filter_map(move |steps| match &self.source {
            Source::Piece { run, first } => Some(runs[*run].commit(first + steps)),
            Source::Waiting((author, key)) => waiting.get(author, *key).map(|event| CommitRef::Plain(&event.commit)),
        })
    }
}

/// What a merge does.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) duplicate: u32,
    /// In the order in which the graph already holds them.
    pub(super) ready: Vec<Ready>,
    /// Events that take effect and that waiting events need.
    pub(super) awake: Vec<(SharedText, EventKey)>,
    /// Waiting events that go without taking effect: they turned out to be wrong, or came again.
    pub(super) dropped: EventMap<()>,
    /// Events that have to wait.
    pub(super) late: Vec<(EventKey, WaitingEvent)>,
    /// Events for which there was no room to wait.
    pub(super) dropped_late: u32,
    /// By run, the last of its events that this replica then has.
    pub(super) reached: Vec<Option<(PeerNumber, Counter)>>,
}

/// Where an event stands in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Before the first event of its author.
    Root,
    /// The event with this counter on this lane.
    At(PeerNumber, Counter),
    /// Below the horizon, where nothing is left to compare with.
    Below,
}

/// What follows an event already.
enum Next {
    /// Nothing.
    Nothing,
    /// The event that was looked for.
    Same(PeerNumber),
    /// Something else; the event of the same lane, if no branch is known to begin with it.
    Other(Option<BranchStart>),
    /// Events that were given up and cannot be compared.
    GivenUp(PeerNumber),
}

/// What is known of a run.
#[derive(Debug, Clone)]
enum State {
    Open,
    /// Decided: from each of these places on, where the events are.
    Decided(SmallVec<[(usize, Position); 1]>),
}

/// What is to be tried.
#[derive(Debug)]
enum Candidate {
    Run(usize),
    Waiting(Waiter),
}

pub(super) struct Planner<'a, 'b> {
    doc: &'a mut Doc,
    runs: &'a [Incoming<'b>],
    plan: Plan,
    states: Vec<State>,
    prints: IncomingPrints,
    /// By run, the runs that build on it and were tried before it was decided.
    followers: BTreeMap<usize, Vec<usize>>,
    /// By missing event, the runs that need it.
    blocked: EventMap<Vec<usize>>,
    candidates: VecDeque<Candidate>,
    /// The events that take effect in this call, by author: how many pieces of `plan.ready` are in `planned`, and which
    /// there are.
    pieces: BTreeMap<AuthorNumber, (usize, Vec<usize>)>,
    planned: EventMap<PeerNumber>,
    /// By piece of `plan.ready`, its first event.
    firsts: Vec<EventNumber>,
    /// The waiting events that take effect.
    taken: EventMap<()>,
}

impl<'a, 'b> Planner<'a, 'b> {
    pub(super) fn new(doc: &'a mut Doc, runs: &'a [Incoming<'b>]) -> Self {
        Self {
            doc,
            runs,
            plan: Plan::default(),
            states: vec![State::Open; runs.len()],
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
    pub(super) fn plan(mut self) -> Result<Plan, Error> {
        self.candidates = (0..self.runs.len()).map(Candidate::Run).collect();
        self.settle()?;
        self.wait()?;
        self.finish()
    }

    /// Decides about waiting events of which something that they need is there now.
    pub(super) fn plan_waiting(mut self, waiters: Vec<Waiter>) -> Result<Plan, Error> {
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
        let mut authors: Vec<&str> = runs.iter().map(Incoming::author).collect();
        authors.sort_unstable();
        authors.dedup();
        let commits = plan.ready.iter().filter(|ready| matches!(ready.source, Source::Piece { .. }));
        let commits = commits.flat_map(|ready| ready.commits(runs, &doc.waiting));
        let late = plan.late.iter().map(|(_, event)| CommitRef::Plain(&event.commit));
        doc.check_room(&Coming {
            events: plan.late.len() as u64,
            peers: &authors,
            commits: commits.chain(late),
            dropped: &plan.dropped,
        })?;
        Ok(plan)
    }

    fn try_run(&mut self, number: usize) -> Result<(), Error> {
        let run = &self.runs[number];
        if !matches!(self.states[number], State::Open) {
            return Ok(());
        }
        let open = run.links().find_map(|link| match link.target {
            Target::Inside { run, place: _ } if matches!(self.states[run], State::Open) => Some(run),
            _ => None,
        });
        if let Some(open) = open {
            self.followers.entry(open).or_default().push(number);
            return Ok(());
        }
        self.decide(number).map_err(|refusal| match refusal {
            Refusal::Rule(rule) => check::broken(&run.name, run.start, number, rule),
            Refusal::BelowHorizon => self.doc.compacted(),
            Refusal::Error(error) => error,
        })
    }

    /// Decides about a run, unless it has to wait for an event.
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
                Next::GivenUp(_) if self.is_other_below(number, place, counter) => return Err(Refusal::BelowHorizon),
                Next::GivenUp(lane) => Position::At(lane, Counter(counter)),
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

    /// Where the event before the first one of a run is; `None` if that is missing.
    fn position_before(&mut self, number: usize) -> Result<Option<Position>, Refusal> {
        let run = &self.runs[number];
        let Some(previous) = &run.previous else { return Ok(Some(Position::Root)) };
        match previous.target {
            Target::Inside { run, place } => Ok(Some(self.position_of(run, place))),
            Target::Print(fingerprint) => {
                if let Some(lane) = self.find(&previous.name, previous.counter, fingerprint) {
                    return Ok(Some(Position::At(lane, Counter(previous.counter))));
                }
                let author = self.doc.lanes.author(run.author());
                let side = author.map(|author| self.doc.side_of(author, &run.name, run.start, false));
                if side == Some(AboveOrBelow::Below) {
                    return Ok(Some(Position::Below));
                }
                self.block(number, previous.author(), key(previous.counter, fingerprint));
                Ok(None)
            }
        }
    }

    /// Where an event of a run that is decided is.
    fn position_of(&self, run: usize, place: usize) -> Position {
        let State::Decided(places) = &self.states[run] else { return Position::Below };
        let counter = Counter(self.runs[run].start + place as u32);
        let at = places.partition_point(|(from, _)| *from <= place);
        match at.checked_sub(1).map(|at| places[at].1) {
            Some(Position::At(lane, _)) => Position::At(lane, counter),
            _ => Position::Below,
        }
    }

    /// What follows an event, seen from the event of a run that would follow it.
    fn next(&mut self, number: usize, place: usize, position: Position) -> Result<Next, Refusal> {
        let run = &self.runs[number];
        let counter = Counter(run.start + place as u32);
        let Some(author) = self.doc.lanes.author(run.author()) else { return Ok(Next::Nothing) };
        if position == Position::Below {
            let fingerprint = self.print(number, place);
            let found = self.find(run.author(), counter.0, fingerprint);
            return Ok(found.map_or(Next::Nothing, Next::Same));
        }
        let Some(lane) = self.doc.lane_behind(author, position.lane(), counter) else { return Ok(Next::Nothing) };
        let fingerprint = self.print(number, place);
        self.next_with(author, lane, counter, fingerprint)
    }

    /// What follows the event before this one of a lane that has successors, seen from an event with this fingerprint.
    fn next_with(
        &mut self,
        author: AuthorNumber,
        lane: PeerNumber,
        counter: Counter,
        fingerprint: Fingerprint,
    ) -> Result<Next, Refusal> {
        let Doc { lanes, graph, .. } = &*self.doc;
        if !lanes.leaving(lane, counter).is_empty() {
            if let Some((lane, start)) = lanes.find_branch(author, fingerprint)
                && start == counter
            {
                return Ok(Next::Same(lane));
            }
            // Where branches begin their first events are known, whatever was given up.
            let is_closed = self.doc.is_closed_at_horizon(lane, counter);
            return if is_closed { Err(Refusal::BelowHorizon) } else { Ok(Next::Other(None)) };
        }
        let Some(event) = graph.find(lane, counter) else {
            // It was given up; the last one of a lane left its fingerprint.
            return match self.doc.tip_at_horizon(lane, counter) {
                Some(tip) if tip == fingerprint => Ok(Next::Same(lane)),
                Some(_) => Err(Refusal::BelowHorizon),
                None => Ok(Next::GivenUp(lane)),
            };
        };
        let own = self.print_of(event);
        if own == fingerprint {
            return Ok(Next::Same(lane));
        }
        if self.doc.is_closed_at_horizon(lane, counter) {
            return Err(Refusal::BelowHorizon);
        }
        let lamport = self.doc.graph.describe(event).2;
        Ok(Next::Other(Some(BranchStart { fingerprint: own, lamport })))
    }

    /// Whether kept fingerprints show that an event that the horizon seems to hold is another one there.
    fn is_other_below(&mut self, number: usize, place: usize, counter: u32) -> bool {
        let Some(author) = self.doc.lanes.author(self.runs[number].author()) else { return false };
        let fingerprint = self.print(number, place);
        self.doc.is_other_at_horizon(author, Counter(counter), fingerprint)
    }

    /// Gives the graph the events of a run from this place on, which are new; `fork` if another event follows the one before.
    fn take_rest(
        &mut self,
        number: usize,
        place: usize,
        position: Position,
        fork: Option<Option<BranchStart>>,
        mut places: SmallVec<[(usize, Position); 1]>,
    ) -> Result<(), Refusal> {
        let run = &self.runs[number];
        let mut dependencies: SmallVec<[EventNumber; 4]> = SmallVec::new();
        let mut missing = None;
        if place == 0 {
            for link in &run.others {
                match self.locate(link)? {
                    Some(event) => dependencies.push(event),
                    None => missing = missing.or(Some(link)),
                }
            }
        }
        if let Some(link) = missing
            && let Target::Print(fingerprint) = link.target
        {
            self.block(number, link.author(), key(link.counter, fingerprint));
            return Ok(());
        }
        if place > 0 || run.is_direct {
            dependencies.push(self.event_at(position)?);
        }
        let counter = Counter(run.start + place as u32);
        let salt = if place == 0 { run.salt } else { 0 };
        let ground = Grounds { author: run.author(), position, counter, dependencies: &dependencies, salt };
        let claimed = run.lamport_at(place);
        let fork = fork.map(|sibling| (self.print(number, place), sibling));
        let len = run.len - place as u32;
        let (lane, lamport) = self.push(&ground, fork, claimed, len)?;
        self.note(Source::Piece { run: number, first: place }, lane, counter.0..run.end(), lamport);
        places.push((place, Position::At(lane, counter)));
        self.decided(number, places);
        Ok(())
    }

    /// The event at a position, if the graph has it.
    fn event_at(&self, position: Position) -> Result<EventNumber, Refusal> {
        let found = match position {
            Position::At(lane, counter) => self.doc.graph.find(lane, counter),
            Position::Root | Position::Below => None,
        };
        found.ok_or(Refusal::BelowHorizon)
    }

    /// The event that a link stands for; `None` if it is missing.
    fn locate(&mut self, link: &Link<'_>) -> Result<Option<EventNumber>, Refusal> {
        let position = match link.target {
            Target::Inside { run, place } => self.position_of(run, place),
            Target::Print(fingerprint) => match self.find(&link.name, link.counter, fingerprint) {
                Some(lane) => Position::At(lane, Counter(link.counter)),
                None => {
                    let author = self.doc.lanes.author(link.author());
                    let side = author.map(|author| self.doc.side_of(author, &link.name, link.counter, false));
                    if side != Some(AboveOrBelow::Below) {
                        return Ok(None);
                    }
                    Position::Below
                }
            },
        };
        self.event_at(position).map(Some)
    }

    /// Adds events to the graph whose dependencies are all known, or returns the rule that they break.
    fn push(
        &mut self,
        grounds: &Grounds<'_>,
        fork: Option<(Fingerprint, Option<BranchStart>)>,
        claimed: Option<u32>,
        len: u32,
    ) -> Result<(PeerNumber, Lamport), Refusal> {
        let Grounds { author: name, position, counter, dependencies, salt } = *grounds;
        let doc = &mut *self.doc;
        let lamport = doc.graph.lamport_after(dependencies);
        if !doc.graph.builds_on_horizon(dependencies) {
            return Err(Refusal::BelowHorizon);
        }
        if let Some(given) = claimed.filter(|&given| given != lamport.0) {
            return Err(Refusal::Rule(RunRule::Lamport { given, derived: lamport.0 }));
        }
        let author = doc.lanes.author(name);
        let previous = match position {
            Position::At(lane, counter) => Some((lane, counter)),
            Position::Root | Position::Below => None,
        };
        let parent = author.and_then(|author| doc.lane_behind(author, position.lane(), counter));
        let mut siblings: SmallVec<[(PeerNumber, Counter); 4]> = SmallVec::new();
        if let (Some(_), Some(parent)) = (fork, parent) {
            siblings.extend(doc.graph.find(parent, counter).map(|_| (parent, counter)));
            siblings.extend(doc.lanes.leaving(parent, counter).iter().map(|&lane| (lane, counter)));
        }
        doc.graph.check(previous, &siblings, dependencies).map_err(|broken| Refusal::Rule(doc.rule(broken)))?;
        let lane = match (author, fork, parent) {
            (None, _, _) => doc.lanes.add_author(name),
            (Some(author), Some((fingerprint, sibling)), Some(parent)) => {
                doc.lanes.check_branches(author, 1 + u64::from(sibling.is_some())).map_err(Refusal::Error)?;
                doc.lanes.add_lane(parent, counter, BranchStart { fingerprint, lamport }, sibling)
            }
            (Some(author), _, _) => position.lane().unwrap_or(doc.lanes.lanes_of(author)[0]),
        };
        let event = doc.graph.push((lane, counter), dependencies, salt, len);
        self.firsts.push(event);
        Ok((lane, lamport))
    }

    /// Notes events that the graph was given, and lets everything be tried that lacked them.
    fn note(&mut self, source: Source, lane: PeerNumber, counters: Range<u32>, lamport: Lamport) {
        let author = self.doc.lanes.author_of(lane);
        let name = self.doc.lanes.author_name(lane).clone();
        let piece = self.plan.ready.len();
        self.plan.ready.push(Ready { source, lane, counters: counters.clone(), lamport });
        self.pieces.entry(author).or_default().1.push(piece);
        let blocked = self.blocked.keys_in(&name, counters.start, counters.end).map(|key| key.counter);
        let mut concerned: Vec<u32> =
            blocked.chain(self.doc.waiting.counters_in(&name, counters.start, counters.end)).collect();
        concerned.sort_unstable();
        concerned.dedup();
        for counter in concerned {
            let event = EventNumber(self.firsts[piece].0 + (counter - counters.start));
            let known = key(counter, self.print_of(event));
            for run in self.blocked.remove(&name, known).into_iter().flatten() {
                self.candidates.push_back(Candidate::Run(run));
            }
            self.candidates.extend(self.doc.waiting.waiters(&name, known).cloned().map(Candidate::Waiting));
            if self.doc.waiting.waiters(&name, known).next().is_some() {
                self.plan.awake.push((name.clone(), known));
            }
            // It came again in this call, or waits under wrong names of what it needs, which its fingerprint does not cover.
            if self.doc.waiting.get(&name, known).is_some() && self.taken.get(&name, known).is_none() {
                self.plan.duplicate = self.plan.duplicate.saturating_add(1);
                self.plan.dropped.insert(&name, known, ());
            }
        }
    }

    fn decided(&mut self, number: usize, places: SmallVec<[(usize, Position); 1]>) {
        self.states[number] = State::Decided(places);
        for follower in self.followers.remove(&number).into_iter().flatten() {
            self.candidates.push_back(Candidate::Run(follower));
        }
    }

    fn block(&mut self, number: usize, author: &str, key: EventKey) {
        self.prints.forget(number);
        self.blocked.entry(author, key).push(number);
    }

    fn try_waiting(&mut self, waiter: &Waiter) {
        let (author, key) = waiter;
        if self.plan.dropped.get(author, *key).is_some() || self.taken.get(author, *key).is_some() {
            return;
        }
        match self.decide_waiting(waiter) {
            Ok(()) => {}
            Err(_) => {
                self.plan.dropped.insert(author, *key, ());
            }
        }
    }

    /// Lets a waiting event take effect, unless something that it needs is missing still.
    fn decide_waiting(&mut self, (author, key): &Waiter) -> Result<(), Refusal> {
        let Some(event) = self.doc.waiting.get(author, *key) else { return Ok(()) };
        let counter = Counter(key.counter);
        let (is_direct, salt) = (event.is_direct, event.salt);
        let (previous, others) = (event.previous.clone(), event.others.clone());
        let position = match &previous {
            None => Position::Root,
            Some(need) => match self.find(&need.name, need.counter, need.fingerprint) {
                Some(lane) => Position::At(lane, Counter(need.counter)),
                None => return Ok(()),
            },
        };
        let mut dependencies: SmallVec<[EventNumber; 4]> = SmallVec::new();
        for need in &others {
            match self.find(&need.name, need.counter, need.fingerprint) {
                Some(lane) => dependencies.push(self.event_at(Position::At(lane, Counter(need.counter)))?),
                None => return Ok(()),
            }
        }
        let number = self.doc.lanes.author(author);
        let parent = number.and_then(|number| self.doc.lane_behind(number, position.lane(), counter));
        let fork = match (number, parent) {
            (Some(number), Some(parent)) => match self.next_with(number, parent, counter, key.fingerprint)? {
                // It took effect under other names of what it needs, or was given up.
                Next::Same(_) | Next::GivenUp(_) => {
                    self.plan.dropped.insert(author, *key, ());
                    return Ok(());
                }
                Next::Other(sibling) => Some((key.fingerprint, sibling)),
                Next::Nothing => None,
            },
            _ => None,
        };
        if is_direct {
            dependencies.push(self.event_at(position)?);
        }
        let grounds = Grounds { author, position, counter, dependencies: &dependencies, salt };
        let (lane, lamport) = self.push(&grounds, fork, None, 1)?;
        self.taken.insert(author, *key, ());
        let source = Source::Waiting((author.clone(), *key));
        self.note(source, lane, key.counter..key.counter + 1, lamport);
        Ok(())
    }

    /// The lane of this event, if it took effect or does in this call.
    fn find(&mut self, name: &str, counter: u32, fingerprint: Fingerprint) -> Option<PeerNumber> {
        let author = split_name(name).0;
        let number = self.doc.lanes.author(author)?;
        if let Some((lane, _)) = self.doc.find_print(number, Counter(counter), fingerprint) {
            return Some(lane);
        }
        let (done, pieces) = self.pieces.get(&number)?;
        let new: Vec<usize> = pieces[*done..].to_vec();
        for piece in new {
            let Ready { lane, counters, .. } = &self.plan.ready[piece];
            let (lane, counters, first) = (*lane, counters.clone(), self.firsts[piece]);
            for (steps, counter) in (0..).zip(counters) {
                let fingerprint = self.print_of(EventNumber(first.0 + steps));
                self.planned.insert(author, key(counter, fingerprint), lane);
            }
            if let Some((done, _)) = self.pieces.get_mut(&number) {
                *done += 1;
            }
        }
        self.planned.get(author, key(counter, fingerprint)).copied()
    }

    /// The fingerprint of an event of a run whose links inside the call are decided.
    fn print(&mut self, run: usize, place: usize) -> Fingerprint {
        self.prints.of(self.runs, run, place)
    }

    /// The fingerprint of an event that took effect or does in this call.
    fn print_of(&mut self, event: EventNumber) -> Fingerprint {
        if event.0 < self.doc.log.events() {
            return self.doc.print(event);
        }
        let piece = self.firsts.partition_point(|first| *first <= event) - 1;
        let steps = (event.0 - self.firsts[piece].0) as usize;
        match &self.plan.ready[piece].source {
            Source::Piece { run, first } => {
                let (run, place) = (*run, first + steps);
                self.print(run, place)
            }
            Source::Waiting((_, key)) => key.fingerprint,
        }
    }

    /// Lets the events of runs that are not decided wait, as far as there is room.
    fn wait(&mut self) -> Result<(), Error> {
        let open: Vec<usize> = (0..self.runs.len()).filter(|&run| matches!(self.states[run], State::Open)).collect();
        let is_open = |run: usize| matches!(self.states[run], State::Open);
        if let Some(run) = find_circle(self.runs, is_open) {
            return Err(check::broken(&self.runs[run].name, self.runs[run].start, run, RunRule::Circle));
        }
        let mut room = Room::default();
        let mut late: EventMap<()> = EventMap::default();
        for run_number in open {
            let run = &self.runs[run_number];
            if self.needs_given_up(run) {
                return Err(self.doc.compacted());
            }
            let links: Vec<Need> = run.links().map(|link| self.need(link)).collect();
            let (first_previous, others) = match &run.previous {
                Some(_) => (links.first().cloned(), links[1..].to_vec()),
                None => (None, links),
            };
            let mut previous = first_previous;
            for place in 0..run.len as usize {
                work::step();
                let author = run.author();
                let key = key(run.start + place as u32, self.print(run_number, place));
                // An event that took effect can be claimed to need others, by names that its fingerprint does not cover.
                let is_known = self.doc.waiting.get(author, key).is_some()
                    || late.get(author, key).is_some()
                    || self.find(author, key.counter, key.fingerprint).is_some();
                if is_known {
                    self.plan.duplicate = self.plan.duplicate.saturating_add(1);
                } else {
                    let others = if place == 0 { others.clone() } else { Vec::new() };
                    let names = previous.iter().chain(&others).map(|need| need.name.len());
                    let bytes = event_bytes(names, run.commit(place));
                    if room.take(&self.doc.waiting, author, bytes) {
                        memory::spend(bytes.saturating_mul(2))?;
                        late.insert(author, key, ());
                        self.plan.late.push((key, waiting_event(run, place, previous.clone(), others)));
                    } else {
                        self.plan.dropped_late = self.plan.dropped_late.saturating_add(1);
                    }
                }
                previous = Some(Need { name: (&*run.name).into(), counter: key.counter, fingerprint: key.fingerprint });
            }
        }
        Ok(())
    }

    /// Whether a run that has to wait depends on an event that was given up, so that it would wait forever.
    fn needs_given_up(&mut self, run: &Incoming<'_>) -> bool {
        run.others.iter().any(|link| {
            let is_open = match link.target {
                Target::Inside { run, .. } => matches!(self.states[run], State::Open),
                Target::Print(_) => false,
            };
            !is_open && matches!(self.locate(link), Err(Refusal::BelowHorizon))
        })
    }

    fn need(&mut self, link: &Link<'_>) -> Need {
        let fingerprint = match link.target {
            Target::Inside { run, place } => self.print(run, place),
            Target::Print(fingerprint) => fingerprint,
        };
        Need { name: (&*link.name).into(), counter: link.counter, fingerprint }
    }
}

/// What events need to be given to the graph.
struct Grounds<'a> {
    author: &'a str,
    /// Of the author's event before the first one.
    position: Position,
    counter: Counter,
    dependencies: &'a [EventNumber],
    salt: u64,
}

impl Position {
    fn lane(self) -> Option<PeerNumber> {
        match self {
            Self::At(lane, _) => Some(lane),
            Self::Root | Self::Below => None,
        }
    }
}

fn is_same_lane(one: Position, other: Position) -> bool {
    match (one, other) {
        (Position::At(one, _), Position::At(other, _)) => one == other,
        _ => one == other,
    }
}

fn reached(state: &State, run: &Incoming<'_>) -> Option<(PeerNumber, Counter)> {
    let State::Decided(places) = state else { return None };
    match places.last() {
        Some((_, Position::At(lane, _))) => Some((*lane, Counter(run.end() - 1))),
        _ => None,
    }
}

/// What was promised of the room for waiting events.
#[derive(Debug, Default)]
struct Room {
    by_author: BTreeMap<String, (u64, u64)>,
    all: (u64, u64),
}

impl Room {
    /// Takes the room for one event, if there is any.
    fn take(&mut self, waiting: &Waiting, author: &str, bytes: u64) -> bool {
        let of_author = self.by_author.get(author).copied().unwrap_or_default();
        if !waiting.has_room(author, bytes, of_author, self.all) {
            return false;
        }
        self.by_author.insert(author.to_owned(), (of_author.0 + 1, of_author.1 + bytes));
        self.all = (self.all.0 + 1, self.all.1 + bytes);
        true
    }
}
