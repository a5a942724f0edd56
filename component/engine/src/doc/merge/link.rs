//! Links the runs of a call to the events that they build on.

use crate::doc::Doc;
use crate::doc::check;
use crate::doc::events::EventRun;
use crate::doc::incoming::{Commits, IncomingRun, Link, Target};
use crate::error::{Error, Invalid, RunRule};
use crate::id::{EventId, Fingerprint};
use crate::lanes::split_name;
use crate::sort;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The runs of a call, ready to be merged.
pub(super) struct Linked<'a> {
    /// The runs in the order of the call. If a run is identified by name, its events below the
    /// horizon are left out.
    pub(super) runs: Vec<IncomingRun<'a>>,
    /// The number of events that were left out.
    pub(super) below: u32,
}

impl Doc {
    /// Resolves the links of runs: by fingerprint, or, for runs without fingerprints, by name in
    /// this document or in the same call. O(log n) for each link.
    ///
    /// # Errors
    /// `InvalidArgument` if a run without fingerprints names an unknown or ambiguous event;
    /// `Compacted` if it names one below the horizon whose fingerprint is not kept.
    pub(super) fn linked_runs<'a>(&self, events: &'a [EventRun]) -> Result<Linked<'a>, Error> {
        let below: Vec<u32> = events.iter().map(|run| self.below_by_name(run)).collect();
        let covering = covering(events, &below);
        let inside = |peer: &str, counter: u32| {
            let (&(_, start), &(end, run)) = covering.range((peer, 0)..=(peer, counter)).next_back()?;
            (counter < end).then_some(Target::Inside { run, place: (counter - start) as usize })
        };
        let linked = events.iter().zip(&below).enumerate().map(|(number, (run, &below))| {
            let links = self.links(run, below, &inside).map_err(|error| match error {
                Error::InvalidArgument(Invalid::UnknownEvent { peer, counter }) => {
                    check::broken(&run.peer, run.start, number, RunRule::UnknownName { peer, counter })
                }
                error => error,
            })?;
            let commits = &run.commits[below as usize..];
            Ok(IncomingRun {
                name: Cow::Borrowed(&*run.peer),
                start: run.start + below,
                len: commits.len() as u32,
                lamport: run.lamport.map(|lamport| lamport + below),
                previous: links.previous,
                is_direct: links.is_direct,
                others: links.others,
                salt: if below == 0 { run.salt } else { 0 },
                commits: Commits::Plain(commits),
            })
        });
        Ok(Linked { runs: linked.collect::<Result<_, Error>>()?, below: below.iter().sum() })
    }

    /// Returns the number of events of a run that are below the horizon, if the run is identified
    /// by name.
    fn below_by_name(&self, run: &EventRun) -> u32 {
        if !is_by_name(run) || self.graph.horizon().is_empty() {
            return 0;
        }
        let author = self.lanes.author(split_name(&run.peer).0);
        let end = author.and_then(|author| self.branch_at_horizon(author, &run.peer)).map_or(0, |(_, end)| end);
        end.saturating_sub(run.start).min(run.commits.len() as u32)
    }

    fn links<'a>(
        &self,
        run: &'a EventRun,
        below: u32,
        inside: &impl Fn(&str, u32) -> Option<Target>,
    ) -> Result<Links<'a>, Error> {
        let link = |peer: &'a str, counter: u32, target: Target| Link { name: Cow::Borrowed(peer), counter, target };
        if below as usize == run.commits.len() {
            return Ok(Links::default());
        }
        if below > 0 {
            let counter = run.start + below - 1;
            let target = self.target_of_name(&run.peer, counter, inside)?;
            return Ok(Links { previous: Some(link(&run.peer, counter, target)), is_direct: true, others: Vec::new() });
        }
        let before = run.start.checked_sub(1);
        if is_by_name(run) {
            let mut others = Vec::with_capacity(run.deps.len());
            for dep in &run.deps {
                let target = self.target_of_name(&dep.peer, dep.counter, inside)?;
                others.push(link(&dep.peer, dep.counter, target));
            }
            let Some(counter) = before else { return Ok(Links { others, ..Links::default() }) };
            // The previous event has the name of the run. If the run begins a branch, it has the
            // name of a dependency.
            let author = split_name(&run.peer).0;
            if let Some(own) = others.iter().position(|link| link.counter == counter && link.author() == author) {
                return Ok(Links { previous: Some(others.remove(own)), is_direct: true, others });
            }
            let target = match self.target_of_name(&run.peer, counter, inside) {
                Err(Error::InvalidArgument(Invalid::UnknownEvent { .. })) if run.peer != author => {
                    self.target_of_name(author, counter, inside)?
                }
                target => target?,
            };
            return Ok(Links { previous: Some(link(&run.peer, counter, target)), is_direct: false, others });
        }
        let mut prints = run.fingerprints.iter().map(|&print| Target::Print(Fingerprint::of_hash(print)));
        let previous = before.and_then(|counter| Some(link(&run.peer, counter, prints.next()?)));
        let deps = run.deps.iter().zip(prints).map(|(dep, print)| link(&dep.peer, dep.counter, print));
        let is_previous = |dep: &Link<'_>| previous.as_ref().is_some_and(|previous| previous.target == dep.target);
        let (own, others): (Vec<_>, Vec<_>) = deps.partition(is_previous);
        Ok(Links { previous, is_direct: !own.is_empty(), others })
    }

    /// Returns the event with a name. For events below the horizon, the document is a better source
    /// than the call.
    fn target_of_name(
        &self,
        peer: &str,
        counter: u32,
        inside: &impl Fn(&str, u32) -> Option<Target>,
    ) -> Result<Target, Error> {
        let here = self.resolve(&EventId { peer: peer.to_owned(), counter });
        let is_below = here.as_ref().is_ok_and(|&(lane, counter)| counter.0 < self.graph.horizon().count(lane));
        if let Some(target) = inside(peer, counter).filter(|_| !is_below) {
            return Ok(target);
        }
        let (lane, counter) = here?;
        self.print_at(lane, counter).map(Target::Print).ok_or_else(|| self.compacted_error())
    }
}

/// Returns runs that cover all counters of the call, by name and first counter: their ends and
/// indexes. A run that overlaps earlier ones is included if it reaches further.
fn covering<'a>(events: &'a [EventRun], below: &[u32]) -> BTreeMap<(&'a str, u32), (u32, usize)> {
    let mut longest: BTreeMap<(&str, u32), (u32, usize)> = BTreeMap::new();
    for (number, (run, below)) in events.iter().zip(below).enumerate() {
        let end = run.start + run.commits.len() as u32;
        let run = longest.entry((&run.peer, run.start + below)).or_insert((end, number));
        if run.0 < end {
            *run = (end, number);
        }
    }
    let mut reached: Option<(&str, u32)> = None;
    let beyond = longest.into_iter().filter(|&((peer, _), (end, _))| {
        let is_beyond = reached.is_none_or(|reached| reached < (peer, end));
        if is_beyond {
            reached = Some((peer, end));
        }
        is_beyond
    });
    sort::map(beyond)
}

/// The links of the first event of a run.
#[derive(Default)]
struct Links<'a> {
    previous: Option<Link<'a>>,
    is_direct: bool,
    others: Vec<Link<'a>>,
}

/// Returns whether a run has links that only names identify.
fn is_by_name(run: &EventRun) -> bool {
    run.fingerprints.is_empty() && (run.start > 0 || !run.deps.is_empty())
}
