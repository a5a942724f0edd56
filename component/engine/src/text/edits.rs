//! The edits of one text, in runs.
//!
//! Stores what each edit asks for, in the order of the events, and whether the edit is void.
//! Consecutive events that type, delete backwards or delete forwards are one run. Always holds: the
//! runs are sorted by event and place; each event of a run builds on the one before it and on
//! nothing else that is newer; the content of the edits is in the log in the same order. The
//! content of an edit that inserts nothing begins where that of the edit before it ends.

use super::run::{Edit, EditRun};
use super::unit::Lengths;
use crate::error::Error;
use crate::id::EventNumber;
use crate::memory::Chunks;
use crate::work;

/// The edits of one text.
#[derive(Debug, Default)]
pub(super) struct Edits {
    runs: Chunks<EditRun>,
    /// Whether an edit is not void.
    has_valid: bool,
}

/// The end of the edits at some time: the number of runs, and of the edits in the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EditsEnd {
    runs: usize,
    of_last: u32,
}

impl Edits {
    /// Returns the end of the edits.
    pub(super) fn end(&self) -> EditsEnd {
        EditsEnd { runs: self.runs.len(), of_last: self.last().map_or(0, |last| last.count) }
    }

    /// Returns the number of runs that were added since, without the one that was the last.
    pub(super) fn runs_since(&self, end: EditsEnd) -> usize {
        self.runs.len() - end.runs
    }

    /// Returns the number of runs whose events come after this one.
    pub(super) fn runs_after(&self, event: Option<EventNumber>) -> usize {
        self.runs.len() - event.map_or(0, |event| self.partition_point(|run| run.last() <= event))
    }

    /// Returns the edits that were added since, as runs.
    pub(super) fn since(&self, end: EditsEnd, content: &str) -> impl Iterator<Item = EditRun> {
        let last = end.runs.checked_sub(1).and_then(|last| self.get(last));
        let grown = last.filter(|run| run.count > end.of_last).map(|run| run.part(end.of_last..run.count, content));
        grown.into_iter().chain(self.runs_from(end.runs).copied())
    }

    /// Returns whether an edit is not void.
    pub(super) fn has_valid(&self) -> bool {
        self.has_valid
    }

    /// Returns the runs.
    pub(super) fn runs(&self) -> impl Iterator<Item = &EditRun> {
        self.runs.iter()
    }

    fn runs_from(&self, index: usize) -> impl Iterator<Item = &EditRun> {
        (index..self.runs.len()).map(|at| &self.runs[at])
    }

    fn get(&self, index: usize) -> Option<&EditRun> {
        (index < self.runs.len()).then(|| &self.runs[index])
    }

    fn last(&self) -> Option<&EditRun> {
        self.get(self.runs.len().checked_sub(1)?)
    }

    /// Returns the number of runs for which a condition holds, which holds for the first ones.
    fn partition_point(&self, holds: impl Fn(&EditRun) -> bool) -> usize {
        let (mut start, mut end) = (0, self.runs.len());
        while start < end {
            let middle = start + (end - start) / 2;
            (start, end) = if holds(&self.runs[middle]) { (middle + 1, end) } else { (start, middle) };
        }
        start
    }

    /// Returns the bytes of memory that the edits take.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        (self.runs.len() + self.runs.room()) * size_of::<EditRun>()
    }

    /// Reserves memory for this many further edits.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(super) fn reserve(&mut self, more: usize) -> Result<(), Error> {
        self.runs.reserve(more)
    }

    /// Appends a run of edits. `is_chained` says whether its first event builds only on the event
    /// before it.
    pub(super) fn push(&mut self, run: &EditRun, is_chained: bool) {
        let mut run = *run;
        self.has_valid |= !run.is_void();
        if let Some(last) = self.runs.len().checked_sub(1) {
            let last = &mut self.runs[last];
            if run.content.bytes == 0 {
                run.content.start = last.content.end();
            }
            if is_chained && last.extend(&run) {
                return;
            }
        }
        self.runs.push(run);
    }

    /// Returns the runs of edits whose events come after this one; all runs for `None`.
    pub(super) fn after(&self, event: Option<EventNumber>, content: &str) -> impl Iterator<Item = EditRun> {
        let from = event.map_or(0, |event| self.partition_point(|run| run.last() <= event));
        self.runs_from(from).filter_map(move |run| {
            let skip = event.map_or(0, |event| (event.0 + 1).saturating_sub(run.first.0));
            (skip < run.count).then(|| run.part(skip..run.count, content))
        })
    }

    /// Returns the event of the last edit at or before this event, if there is one. O(log n).
    pub(super) fn last_up_to(&self, event: EventNumber) -> Option<EventNumber> {
        let at = self.partition_point(|run| run.first <= event).checked_sub(1)?;
        Some(self.runs[at].last().min(event))
    }

    /// Returns the event of the first edit at or after this event, if there is one. O(log n).
    pub(super) fn first_from(&self, event: EventNumber) -> Option<EventNumber> {
        let run = self.get(self.partition_point(|run| run.last() < event))?;
        Some(run.first.max(event))
    }

    /// Returns whether an event has an edit. O(log n).
    pub(super) fn has(&self, event: EventNumber) -> bool {
        self.last_up_to(event) == Some(event)
    }

    /// Returns the run with an edit, and the index of the edit in it. O(log n).
    pub(super) fn find(&self, event: EventNumber, place: u32) -> Option<(EditRun, u32)> {
        work::step();
        let at = self.partition_point(|run| (run.last(), run.place()) < (event, place));
        let run = self.get(at)?;
        let index = event.0.checked_sub(run.first.0)?;
        (run.place() == place && index < run.count).then_some((*run, index))
    }

    /// Returns the edits from an event on, each with whether it is void. O(log n) for the first.
    pub(super) fn from(&self, event: EventNumber, content: &str) -> impl Iterator<Item = (Edit, bool)> {
        let before = event.0.checked_sub(1).map(EventNumber);
        self.after(before, content).flat_map(move |run| run.edits(content).map(move |edit| (edit, run.is_void())))
    }

    /// Returns the run that inserted a byte of the content, and the index of the character in the
    /// content of the run. O(log n); also reads the content of the run if it is not ASCII.
    pub(super) fn of_content(&self, byte: u32, content: &str) -> Option<(EditRun, u32)> {
        let run = self.get(self.partition_point(|run| run.content.start <= byte).checked_sub(1)?)?;
        let inside = byte.checked_sub(run.content.start).filter(|inside| *inside < run.content.bytes)?;
        Some((*run, run.scalars_before(inside, content)))
    }

    /// Panics if an invariant is broken. O(n).
    pub(super) fn dbg_check(&self, content: &str) {
        for (run, next) in self.runs().zip(self.runs_from(1)) {
            assert!((run.last(), run.place()) < (next.first, next.place()), "{run:?}, {next:?}");
            assert!(run.content.end() <= next.content.start, "the content of {run:?}, {next:?}");
        }
        for run in self.runs() {
            assert_eq!(Lengths::of(run.content.of(content)).scalars, run.insert * run.count, "{run:?}");
        }
    }
}
