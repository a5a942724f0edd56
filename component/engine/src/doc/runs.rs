//! Runs of events as callers pass them, and what their names and fingerprints stand for.

use super::Doc;
use super::events::EventRun;
use super::incoming::{Commits, Incoming, Link, Target};
use crate::error::{Error, Invalid};
use crate::id::{Counter, EventId, Fingerprint, PeerNumber};
use crate::lanes::split_name;
use std::borrow::Cow;
use std::collections::BTreeMap;

impl Doc {
    /// The runs with what they build on: events with these fingerprints, or, in runs without, those that names stand for here or
    /// in the same call.
    ///
    /// # Errors
    /// `InvalidArgument` if a run without fingerprints names an event that can be several.
    pub(super) fn linked_runs<'a>(&self, events: &'a [EventRun]) -> Result<Vec<Incoming<'a>>, Error> {
        // By name, where runs begin.
        let mut starts: BTreeMap<(&str, u32), usize> = BTreeMap::new();
        for (number, run) in events.iter().enumerate() {
            starts.entry((&run.peer, run.start)).or_insert(number);
        }
        let inside = |peer: &str, counter: u32| {
            let (_, &run) = starts.range((peer, 0)..=(peer, counter)).next_back()?;
            let place = (counter - events[run].start) as usize;
            (place < events[run].commits.len()).then_some(Target::Inside { run, place })
        };
        events.iter().map(|run| self.linked(run, &inside)).collect()
    }

    fn linked<'a>(
        &self,
        run: &'a EventRun,
        inside: &impl Fn(&str, u32) -> Option<Target>,
    ) -> Result<Incoming<'a>, Error> {
        let previous = run.start.checked_sub(1);
        let link = |name: &'a str, counter: u32, target: Target| Link { name: Cow::Borrowed(name), counter, target };
        let (previous, is_direct, others) = if run.fingerprints.is_empty() {
            self.linked_by_name(run, inside)?
        } else {
            let mut prints = run.fingerprints.iter().map(|&print| Target::Print(Fingerprint::of_hash(print)));
            let first = previous.and_then(|counter| Some(link(&run.peer, counter, prints.next()?)));
            let deps: Vec<Link<'a>> =
                run.deps.iter().zip(prints).map(|(dep, print)| link(&dep.peer, dep.counter, print)).collect();
            let is_first = |dep: &Link<'_>| first.as_ref().is_some_and(|first| first.target == dep.target);
            let (own, others): (Vec<_>, Vec<_>) = deps.into_iter().partition(is_first);
            (first, !own.is_empty(), others)
        };
        Ok(Incoming {
            name: Cow::Borrowed(&run.peer),
            start: run.start,
            len: run.commits.len() as u32,
            lamport: run.lamport,
            previous,
            is_direct,
            others,
            salt: run.salt,
            is_by_name: run.fingerprints.is_empty(),
            commits: Commits::Plain(&run.commits),
        })
    }

    /// The event that a name stands for, if it was given up and its fingerprint is kept. Without what it builds on, the event
    /// in a run has another one.
    fn given_up_target(&self, peer: &str, counter: u32) -> Option<Target> {
        if self.graph.horizon().is_empty() {
            return None;
        }
        let (lane, counter) = self.resolve(&EventId { peer: peer.to_owned(), counter }).ok()?;
        let is_given_up = counter.0 < self.graph.horizon().count(lane);
        self.print_at(lane, counter).filter(|_| is_given_up).map(Target::Print)
    }

    fn linked_by_name<'a>(
        &self,
        run: &'a EventRun,
        inside: &impl Fn(&str, u32) -> Option<Target>,
    ) -> Result<(Option<Link<'a>>, bool, Vec<Link<'a>>), Error> {
        let author = split_name(&run.peer).0;
        let target = |peer: &str, counter: u32| match self
            .given_up_target(peer, counter)
            .or_else(|| inside(peer, counter))
        {
            Some(target) => Ok(target),
            None => match self.resolve(&EventId { peer: peer.to_owned(), counter }) {
                Ok(place) => Ok(self.target_of(place)),
                // It may come later.
                Err(Error::InvalidArgument(Invalid::UnknownEvent { .. })) => Ok(Target::Print(Fingerprint::BY_NAME)),
                Err(error) => Err(error),
            },
        };
        let mut others: Vec<Link<'a>> = Vec::with_capacity(run.deps.len());
        for dep in &run.deps {
            others.push(Link {
                name: Cow::Borrowed(&dep.peer),
                counter: dep.counter,
                target: target(&dep.peer, dep.counter)?,
            });
        }
        let Some(counter) = run.start.checked_sub(1) else { return Ok((None, false, others)) };
        // The previous event has the run's own name, or, where the run begins a branch, that of a dependency.
        let own = others.iter().position(|link| link.counter == counter && link.author() == author);
        if let Some(own) = own {
            let previous = others.remove(own);
            return Ok((Some(previous), true, others));
        }
        let own = target(&run.peer, counter)?;
        let is_branch = run.peer != author && own == Target::Print(Fingerprint::BY_NAME);
        let target = if is_branch { target(author, counter)? } else { own };
        Ok((Some(Link { name: Cow::Borrowed(&run.peer), counter, target }), false, others))
    }

    /// What identifies an event that is known, or was given up.
    fn target_of(&self, (lane, counter): (PeerNumber, Counter)) -> Target {
        // Nothing is left of some events below the horizon but their names.
        Target::Print(self.print_at(lane, counter).unwrap_or(Fingerprint::BY_NAME))
    }
}
