//! Finds the positions of events in the document, and the events that follow them.

use super::{Planner, Ready, ReadySource, Refusal, RunState};
use crate::doc::Doc;
use crate::doc::below::AboveOrBelow;
use crate::doc::incoming::{Link, Target};
use crate::id::{Counter, EventKey, EventNumber, Fingerprint, PeerNumber};
use crate::lanes::{AuthorNumber, BranchStart, split_name};

/// The position of an event in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// Before the first event of its author.
    Root,
    /// The event with this counter on this lane.
    At(PeerNumber, Counter),
    /// Below the horizon, where nothing is left to compare with.
    Below,
}

/// What already follows an event.
pub(super) enum Next {
    /// No event.
    Nothing,
    /// The event that was looked for.
    Same(PeerNumber),
    /// Another event. Contains the event on the same lane, if it is not known to begin a branch.
    Other(Option<BranchStart>),
    /// Compacted events that cannot be compared.
    Compacted(PeerNumber),
}

impl Planner<'_, '_> {
    /// Returns the position of a run's previous event, or `None` if that event is missing.
    pub(super) fn position_before(&mut self, number: usize) -> Result<Option<Position>, Refusal> {
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
                self.block(number, previous.author(), EventKey::new(previous.counter, fingerprint));
                Ok(None)
            }
        }
    }

    /// Returns the position of an event of a decided run.
    pub(super) fn position_of(&self, run: usize, place: usize) -> Position {
        let RunState::Decided(places) = &self.states[run] else { return Position::Below };
        let counter = Counter(self.runs[run].start + place as u32);
        let at = places.partition_point(|(from, _)| *from <= place);
        match at.checked_sub(1).map(|at| places[at].1) {
            Some(Position::At(lane, _)) => Position::At(lane, counter),
            _ => Position::Below,
        }
    }

    /// Returns what follows a position, compared with the next event of a run.
    pub(super) fn next(&mut self, number: usize, place: usize, position: Position) -> Result<Next, Refusal> {
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

    /// Returns what follows the lane's event before this counter, compared with an event of this
    /// fingerprint. Other events follow it.
    pub(super) fn next_with(
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
            // The first events of branches are known even if they were compacted.
            let is_closed = self.doc.is_closed_at_horizon(lane, counter);
            return if is_closed { Err(Refusal::BelowHorizon) } else { Ok(Next::Other(None)) };
        }
        let Some(event) = graph.find(lane, counter) else {
            // The event was compacted. The fingerprint is kept if it is the last one of a lane.
            return match self.doc.tip_at_horizon(lane, counter) {
                Some(tip) if tip == fingerprint => Ok(Next::Same(lane)),
                Some(_) => Err(Refusal::BelowHorizon),
                None => Ok(Next::Compacted(lane)),
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

    /// Returns whether kept fingerprints show that a compacted event is another one than an event
    /// of a run.
    pub(super) fn is_other_below(&mut self, number: usize, place: usize, counter: u32) -> bool {
        let Some(author) = self.doc.lanes.author(self.runs[number].author()) else { return false };
        let fingerprint = self.print(number, place);
        self.doc.is_other_at_horizon(author, Counter(counter), fingerprint)
    }

    /// Returns the event at a position, if it is retained.
    pub(super) fn event_at(&self, position: Position) -> Result<EventNumber, Refusal> {
        let found = match position {
            Position::At(lane, counter) => self.doc.graph.find(lane, counter),
            Position::Root | Position::Below => None,
        };
        found.ok_or(Refusal::BelowHorizon)
    }

    /// Returns the event of a link, or `None` if it is missing.
    pub(super) fn locate(&mut self, link: &Link<'_>) -> Result<Option<EventNumber>, Refusal> {
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

    /// Returns the lane of an event that took effect, or that takes effect in this call.
    pub(super) fn find(&mut self, name: &str, counter: u32, fingerprint: Fingerprint) -> Option<PeerNumber> {
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
                let fingerprint = self.print_of(first.plus(steps));
                self.planned.insert(author, EventKey::new(counter, fingerprint), lane);
            }
            if let Some((done, _)) = self.pieces.get_mut(&number) {
                *done += 1;
            }
        }
        self.planned.get(author, EventKey::new(counter, fingerprint)).copied()
    }

    /// Returns the fingerprint of an event of a run whose links inside the call are decided.
    pub(super) fn print(&mut self, run: usize, place: usize) -> Fingerprint {
        self.prints.of(self.runs, run, place)
    }

    /// Returns the fingerprint of an event that took effect, or that takes effect in this call.
    pub(super) fn print_of(&mut self, event: EventNumber) -> Fingerprint {
        if event.0 < self.doc.log.events() {
            return self.doc.print(event);
        }
        let piece = self.firsts.partition_point(|first| *first <= event) - 1;
        let steps = (event.0 - self.firsts[piece].0) as usize;
        match &self.plan.ready[piece].source {
            ReadySource::Piece { run, first } => {
                let (run, place) = (*run, first + steps);
                self.print(run, place)
            }
            ReadySource::Waiting((_, key)) => key.fingerprint,
        }
    }
}

impl Doc {
    /// Returns the lane of the author's event before this counter, if other events already follow
    /// that event.
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
}

impl Position {
    pub(super) fn lane(self) -> Option<PeerNumber> {
        match self {
            Self::At(lane, _) => Some(lane),
            Self::Root | Self::Below => None,
        }
    }
}

pub(super) fn is_same_lane(one: Position, other: Position) -> bool {
    match (one, other) {
        (Position::At(one, _), Position::At(other, _)) => one == other,
        _ => one == other,
    }
}
