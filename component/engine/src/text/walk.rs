//! Applies edits: one after the other, or branch by branch if they are concurrent.

use super::ancestry::{Ancestry, is_chained};
use super::run::{EditRun, VoidEdits};
use super::tracker::{Effect, Tracker};
use super::unit::{Lengths, Unit};
use super::{KeptTracker, Sources, Text};
use crate::error::Error;
use crate::id::EventNumber;
use crate::memory;
use crate::oplog::ContentRange;
use crate::work;
use std::ops::Range;

/// Up to this number, runs are walked in the order of their events.
const FEW_RUNS: usize = 4;
/// A tracker that lacks more runs of edits than this, and more than it has, is dropped.
const MAX_RUNS_BEHIND: usize = 256;

/// A change of the text: removes a range, then inserts content there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    /// The position in the text after the changes before this one.
    pub(crate) at: Lengths,
    pub(crate) removed: Lengths,
    /// The inserted content, and its length.
    pub(crate) content: ContentRange,
    pub(crate) inserted: Lengths,
    /// The end of the removed content in `Outcome::removed`.
    removed_end: u32,
}

/// The effects of edits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The edits that are void.
    pub(crate) void: Vec<VoidEdits>,
    /// The changes of the text, each in the text after the one before. They need not be in the
    /// order of the edits.
    pub(crate) changes: Vec<Change>,
    /// Whether the removed content is reported.
    keeps_removed: bool,
    /// The content that the changes removed.
    removed: Vec<ContentRange>,
}

impl Outcome {
    /// Returns an outcome without effects. `keeps_removed` says whether to report removed content.
    pub(crate) fn new(keeps_removed: bool) -> Self {
        Self { keeps_removed, ..Self::default() }
    }

    /// Returns the content that a change removed, if removed content is reported.
    pub(crate) fn removed_by(&self, change: &Change) -> &[ContentRange] {
        let mut bytes = 0;
        let before = self.removed.get(..change.removed_end as usize).unwrap_or_default();
        let count = before.iter().rev().take_while(|range| {
            bytes += range.bytes;
            bytes <= change.removed.bytes
        });
        &before[before.len() - count.count()..]
    }
}

/// A change of the text in scalar values, as the tracker reports it.
struct Splice {
    at: u32,
    remove: u32,
    content: ContentRange,
}

impl Text {
    /// Applies edits, one by one or in runs, and adds their effects to `outcome`. The events of the
    /// edits are in the graph, and the edits are sorted by event and place and follow all edits of
    /// the text. A tracker of more than `tracker_bytes` bytes is not kept.
    ///
    /// All changes, the one edit of a local commit and the edits of a merge, come through here.
    ///
    /// O(log n) for an edit that builds on all edits before it. The cost of concurrent edits
    /// depends on how their branches differ; they cost least if they are all passed in one call.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory. A single edit is not applied then; of several
    /// edits, the first ones can be.
    pub(crate) fn apply(
        &mut self,
        edits: impl Iterator<Item = EditRun>,
        sources: Sources<'_>,
        tracker_bytes: usize,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        self.apply_incoming(&joined(edits, sources)?, sources, tracker_bytes, outcome)
    }

    /// Applies edits as [`Self::apply`] does.
    pub(super) fn apply_incoming(
        &mut self,
        incoming: &[EditRun],
        sources: Sources<'_>,
        tracker_bytes: usize,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let mut ancestry = self.current_ancestry(sources)?;
        let result = self.apply_runs(incoming, &mut ancestry, sources, outcome);
        match result {
            Ok(()) => self.ancestry = Some(ancestry),
            Err(_) => self.tracker = None,
        }
        if self.tracker_bytes() > tracker_bytes {
            self.tracker = None;
        }
        result
    }

    /// Returns the ancestry of the text, which is computed after `load` and after an error.
    fn current_ancestry(&mut self, sources: Sources<'_>) -> Result<Ancestry, Error> {
        if let Some(ancestry) = self.ancestry.take() {
            return Ok(ancestry);
        }
        let mut ancestry = Ancestry::default();
        for run in self.edits.runs() {
            work::step();
            ancestry.reserve(1)?;
            if ancestry.is_next(run.first, sources.graph) {
                ancestry.push_next(run);
            } else {
                ancestry.push_concurrent(run, &self.edits, &[], sources.graph);
            }
        }
        Ok(ancestry)
    }

    fn apply_runs(
        &mut self,
        incoming: &[EditRun],
        ancestry: &mut Ancestry,
        sources: Sources<'_>,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let mut rest = incoming;
        while let Some((run, behind)) = rest.split_first() {
            ancestry.reserve(1)?;
            if ancestry.is_next(run.first, sources.graph) {
                self.apply_next(run, sources, outcome)?;
                ancestry.push_next(run);
                rest = behind;
                continue;
            }
            // The edits before the next one that builds on all others.
            let mut count = 0;
            for run in rest {
                if count > 0 && ancestry.is_next(run.first, sources.graph) {
                    break;
                }
                ancestry.reserve(1)?;
                ancestry.push_concurrent(run, &self.edits, incoming, sources.graph);
                count += 1;
            }
            let (concurrent, behind) = rest.split_at(count);
            self.apply_concurrent(concurrent, ancestry, sources, outcome)?;
            rest = behind;
        }
        Ok(())
    }

    /// Applies edits that build on all edits before them.
    fn apply_next(&mut self, run: &EditRun, sources: Sources<'_>, outcome: &mut Outcome) -> Result<(), Error> {
        let content = sources.content;
        let valid = run.valid(self.lengths().scalars);
        let part = run.part(valid.clone(), content);
        let (at, remove) = part.splice();
        let void = void_parts(run, &valid);
        self.edits.reserve(1 + void)?;
        memory::reserve(&mut outcome.void, void)?;
        memory::reserve(&mut outcome.changes, 1)?;
        self.pieces.reserve(1, part.content.bytes)?;
        // The next concurrent edit may not build on this one: then the tracker is needed again.
        let is_outdated =
            |kept: &KeptTracker| self.edits.runs_since(kept.end) > MAX_RUNS_BEHIND.max(kept.tracker.runs());
        self.tracker.take_if(|kept| is_outdated(kept));
        if part.count > 0 {
            self.splice(&Splice { at, remove, content: part.content }, content, outcome);
        }
        self.record(run, valid, sources, outcome);
        Ok(())
    }

    /// Records edits, of which only a part is valid.
    fn record(&mut self, run: &EditRun, valid: Range<u32>, sources: Sources<'_>, outcome: &mut Outcome) {
        let parts = [(0..valid.start, true), (valid.clone(), false), (valid.end..run.count, true)];
        for (edits, is_void) in parts {
            let part = run.part(edits, sources.content);
            if part.count == 0 {
                continue;
            }
            let is_chained = is_chained(part.first, sources.graph);
            if is_void {
                self.edits.push(&part.void(), is_chained);
                outcome.void.push(VoidEdits { first: part.first, place: part.place(), count: part.count });
            } else {
                self.edits.push(&part, is_chained);
            }
        }
    }

    /// Changes the pieces. Memory is reserved.
    fn splice(&mut self, splice: &Splice, content: &str, outcome: &mut Outcome) {
        let at = self.pieces.position(splice.at, Unit::Scalar, content).unwrap_or(self.lengths());
        let kept = outcome.keeps_removed.then_some(&mut outcome.removed);
        let removed = self.pieces.remove(splice.at, splice.remove, kept, content);
        let inserted = self.pieces.insert(splice.at, splice.content, content);
        if (removed, inserted) != Default::default() {
            let removed_end = outcome.removed.len() as u32;
            outcome.changes.push(Change { at, removed, content: splice.content, inserted, removed_end });
        }
    }

    /// Applies edits that are concurrent with others.
    fn apply_concurrent(
        &mut self,
        runs: &[EditRun],
        ancestry: &Ancestry,
        sources: Sources<'_>,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let mut tracker = self.tracker_for(ancestry, sources)?;
        let first = tracker.announce(runs)?;
        let (mut effects, mut splices, mut valid) = (Vec::new(), Vec::new(), Vec::new());
        memory::reserve(&mut valid, runs.len())?;
        valid.resize(runs.len(), 0..0);
        for at in branch_by_branch(runs, sources)? {
            let run = &runs[at];
            tracker.move_before(first + at, sources.graph)?;
            valid[at] = run.valid(tracker.prepared_scalars());
            let part = run.part(valid[at].clone(), sources.content);
            if part.count > 0 {
                tracker.apply(first + at, &part, (sources.graph, sources.lanes), &mut effects)?;
                add_splices(&mut splices, &effects, part.content)?;
                effects.clear();
            }
        }
        let void = runs.iter().zip(&valid).map(|(run, valid)| void_parts(run, valid)).sum();
        self.edits.reserve(runs.len() + void)?;
        memory::reserve(&mut outcome.void, void)?;
        memory::reserve(&mut outcome.changes, splices.len())?;
        let bytes = splices.iter().fold(0_u32, |sum, splice| sum.saturating_add(splice.content.bytes));
        self.pieces.reserve(splices.len(), bytes)?;
        for splice in &splices {
            self.splice(splice, sources.content, outcome);
        }
        for (run, valid) in runs.iter().zip(valid) {
            self.record(run, valid, sources, outcome);
        }
        self.tracker = Some(Box::new(KeptTracker { tracker, end: self.edits.end() }));
        Ok(())
    }

    /// Returns a tracker with all edits after a critical: the kept one, if updating it is less work
    /// than building a new one.
    fn tracker_for(&mut self, ancestry: &Ancestry, sources: Sources<'_>) -> Result<Tracker, Error> {
        let start = ancestry.last_critical();
        if let Some(kept) = self.tracker.take()
            && ancestry.is_critical(kept.tracker.start())
            && self.edits.runs_since(kept.end) <= self.edits.runs_after(start)
        {
            let KeptTracker { mut tracker, end } = *kept;
            track(&mut tracker, self.edits.since(end, sources.content), sources)?;
            return Ok(tracker);
        }
        self.tracked(start, sources)
    }

    /// Returns a tracker with the edits after a critical, or with all edits.
    pub(super) fn tracked(&self, start: Option<EventNumber>, sources: Sources<'_>) -> Result<Tracker, Error> {
        let mut tracker = Tracker::new(start)?;
        track(&mut tracker, self.edits.after(start, sources.content), sources)?;
        tracker.cut(self.lengths().scalars);
        Ok(tracker)
    }
}

/// Returns the number of parts of a run that are void: before and after the valid part.
fn void_parts(run: &EditRun, valid: &Range<u32>) -> usize {
    usize::from(valid.start > 0) + usize::from(valid.end < run.count)
}

/// Returns edits as runs.
fn joined(edits: impl Iterator<Item = EditRun>, sources: Sources<'_>) -> Result<Vec<EditRun>, Error> {
    let mut runs: Vec<EditRun> = Vec::new();
    for run in edits {
        let is_chained = is_chained(run.first, sources.graph);
        if !is_chained || !runs.last_mut().is_some_and(|last| last.extend(&run)) {
            memory::reserve(&mut runs, 1)?;
            runs.push(run);
        }
    }
    Ok(runs)
}

/// Applies edits whose effects are known.
fn track(tracker: &mut Tracker, edits: impl Iterator<Item = EditRun>, sources: Sources<'_>) -> Result<(), Error> {
    let mut runs = Vec::new();
    for run in edits.filter(|run| !run.is_void()) {
        memory::reserve(&mut runs, 1)?;
        runs.push(run);
    }
    let first = tracker.announce(&runs)?;
    let mut effects = Vec::new();
    for at in branch_by_branch(&runs, sources)? {
        tracker.move_before(first + at, sources.graph)?;
        tracker.apply(first + at, &runs[at], (sources.graph, sources.lanes), &mut effects)?;
        effects.clear();
    }
    Ok(())
}

/// Adds the effects of edits that insert this content.
fn add_splices(splices: &mut Vec<Splice>, effects: &[Effect], content: ContentRange) -> Result<(), Error> {
    memory::reserve(splices, effects.len())?;
    let mut last = None;
    for &effect in effects {
        match effect {
            Effect::Remove { at, scalars } => {
                splices.push(Splice { at, remove: scalars, content: ContentRange::default() });
                last = Some(at);
            }
            Effect::Insert { at } if last == Some(at) => {
                if let Some(splice) = splices.last_mut() {
                    splice.content = content;
                }
            }
            Effect::Insert { at } => splices.push(Splice { at, remove: 0, content }),
        }
    }
    Ok(())
}

/// Returns the indexes of runs, which are sorted, in an order in which a branch is finished before
/// another one begins, if possible.
fn branch_by_branch(runs: &[EditRun], sources: Sources<'_>) -> Result<Vec<usize>, Error> {
    let graph = sources.graph;
    let mut order = Vec::new();
    memory::reserve(&mut order, runs.len())?;
    let ([first, .., last], true) = (runs, runs.len() > FEW_RUNS) else {
        order.extend(0..runs.len());
        return Ok(order);
    };
    let of_graph = graph.run_at(first.first).0..graph.run_at(last.first).0 + 1;
    // The runs of edits in a run of the graph.
    let held = |number: usize| {
        let start = runs.partition_point(|run| run.first < graph.first_of_run(number));
        let is_last = number + 1 == of_graph.end;
        let end =
            if is_last { runs.len() } else { runs.partition_point(|run| run.first < graph.first_of_run(number + 1)) };
        start..end
    };
    for number in graph.branch_by_branch(of_graph.clone(), |number| held(number).len() as u64)? {
        work::step();
        order.extend(held(number));
    }
    Ok(order)
}
