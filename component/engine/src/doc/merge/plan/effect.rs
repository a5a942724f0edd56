//! Adds the events that take effect to the graph.

use super::place::{Next, Position};
use super::{Planner, ReadySource, Refusal};
use crate::clock::Lamport;
use crate::doc::Doc;
use crate::doc::incoming::Target;
use crate::doc::waiting::Waiter;
use crate::error::RunRule;
use crate::graph::Broken;
use crate::id::{Counter, EventKey, EventNumber, Fingerprint, PeerNumber};
use crate::lanes::BranchStart;
use smallvec::SmallVec;

/// Consecutive events to add to the graph.
struct NewEvents<'a> {
    author: &'a str,
    /// The position of the author's event before the first one.
    position: Position,
    counter: Counter,
    dependencies: &'a [EventNumber],
    salt: u64,
}

impl Planner<'_, '_> {
    /// Adds the new events of a run, from this index on, to the graph. `fork` is set if another
    /// event already follows the previous one.
    pub(super) fn take_rest(
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
            self.block(number, link.author(), EventKey::new(link.counter, fingerprint));
            return Ok(());
        }
        if place > 0 || run.is_direct {
            dependencies.push(self.event_at(position)?);
        }
        let counter = Counter(run.start + place as u32);
        let salt = if place == 0 { run.salt } else { 0 };
        let ground = NewEvents { author: run.author(), position, counter, dependencies: &dependencies, salt };
        let claimed = run.lamport_at(place);
        let fork = fork.map(|sibling| (self.print(number, place), sibling));
        let len = run.len - place as u32;
        let (lane, lamport) = self.push(&ground, fork, claimed, len)?;
        self.note(ReadySource::Piece { run: number, first: place }, lane, counter.0..run.end(), lamport);
        places.push((place, Position::At(lane, counter)));
        self.decided(number, places);
        Ok(())
    }

    /// Adds events whose dependencies are known to the graph. Fails if they break a rule.
    fn push(
        &mut self,
        grounds: &NewEvents<'_>,
        fork: Option<(Fingerprint, Option<BranchStart>)>,
        claimed: Option<u32>,
        len: u32,
    ) -> Result<(PeerNumber, Lamport), Refusal> {
        let NewEvents { author: name, position, counter, dependencies, salt } = *grounds;
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

    pub(super) fn try_waiting(&mut self, waiter: &Waiter) {
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

    /// Lets a waiting event take effect, unless it still needs a missing event.
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
                // The event took effect with other names of its dependencies, or was compacted.
                Next::Same(_) | Next::Compacted(_) => {
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
        let grounds = NewEvents { author, position, counter, dependencies: &dependencies, salt };
        let (lane, lamport) = self.push(&grounds, fork, None, 1)?;
        self.taken.insert(author, *key, ());
        let source = ReadySource::Waiting((author.clone(), *key));
        self.note(source, lane, key.counter..key.counter + 1, lamport);
        Ok(())
    }
}

impl Doc {
    fn rule(&self, broken: Broken) -> RunRule {
        match broken {
            Broken::PreviousMissing => RunRule::PreviousMissing,
            Broken::OnSibling => RunRule::OnSibling,
            Broken::NotConcurrent(event) => {
                let (lane, counter, _) = self.graph.describe(event);
                let peer = self.lanes.name(lane, counter).into_owned();
                RunRule::DependenciesNotConcurrent { peer, counter: counter.0 }
            }
        }
    }
}
