//! The splices of a log, in runs.
//!
//! Most splices type or delete character by character, in events of their own. Consecutive events
//! like these are stored as one run. Always holds: runs are sorted by event and by operation; the
//! events of a run that covers them have one operation each, and these are the run's splices.

use super::{ContentRange, SplicePlace};
use crate::id::{ColumnNumber, EventNumber, RowNumber};
use crate::memory::Chunks;
use crate::work;
use std::cell::Cell;

/// Splices of one cell, at positions with equal distances, that remove and insert as much each.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpliceRun {
    /// The event and the number of the first splice.
    pub(super) event: EventNumber,
    pub(super) op: u32,
    pub(super) count: u32,
    pub(super) row: RowNumber,
    pub(super) column: ColumnNumber,
    /// For the first splice, as in `OpLog::before`. The others follow each other.
    pub(super) before: u32,
    /// The position of the first splice, and the distance of each one to the one before it.
    at: u32,
    step: i32,
    remove: u32,
    /// The inserted texts follow each other in the log's texts.
    content: u32,
    bytes_of_each: u32,
    /// The number of splices in the runs before this one.
    splices_before: u32,
    /// The number of events that the runs before this one cover.
    covered_before: u32,
    /// Whether the run covers its events. Otherwise it is one splice of an event with further
    /// operations, or of one that has not ended.
    pub(super) covers: bool,
}

impl SpliceRun {
    /// Returns the inserted text and the place of a splice of the run.
    pub(super) fn splice(&self, index: u32) -> (ContentRange, SplicePlace) {
        let at = i64::from(self.at) + i64::from(self.step) * i64::from(index);
        let content = ContentRange { start: self.content + index * self.bytes_of_each, bytes: self.bytes_of_each };
        (content, SplicePlace { at: at as u32, remove: self.remove })
    }

    /// Returns the number of the operation after the last splice.
    fn end(&self) -> u32 {
        self.op + self.count
    }

    /// Returns the number of events that the run covers.
    fn covered(&self) -> u32 {
        if self.covers { self.count } else { 0 }
    }

    /// Appends a run, and returns whether it continues this one.
    fn extend(&mut self, next: &Self) -> bool {
        let is_next = self.covers && next.event == self.event.plus(self.count) && next.op == self.end();
        let is_alike = (next.row, next.column, next.remove, next.bytes_of_each)
            == (self.row, self.column, self.remove, self.bytes_of_each);
        let (last, place) = self.splice(self.count - 1);
        let follows = self.bytes_of_each == 0 || next.content == last.end();
        let step = i32::try_from(i64::from(next.at) - i64::from(place.at));
        let is_alike_in = |run: &Self, step| run.count == 1 || step == run.step;
        let step = step.ok().filter(|&step| is_alike_in(self, step) && is_alike_in(next, step));
        match step {
            Some(step) if is_next && is_alike && follows => {
                self.step = step;
                self.count += next.count;
                true
            }
            _ => false,
        }
    }
}

/// Splices of one cell, of consecutive events without further operations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Splices {
    pub(crate) row: RowNumber,
    pub(crate) column: ColumnNumber,
    pub(crate) count: u32,
    /// The place of the first splice, and the distance of each position to the one before it.
    pub(crate) place: SplicePlace,
    pub(crate) step: i32,
    /// What all splices insert, each as many bytes.
    pub(crate) content: ContentRange,
    pub(crate) bytes_of_each: u32,
}

/// What consecutive splices do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typed {
    /// Each one inserts ASCII directly after the one before.
    Typing,
    /// Each one removes directly before the one before.
    Backspace,
    /// Each one removes at the same position.
    Delete,
}

impl Splices {
    /// Returns what the first splices do, and how many these are, if they do one of these. They
    /// take effect at once. O(inserted bytes).
    pub(crate) fn typed(&self, content: &str) -> Option<(Typed, u32)> {
        let Self { step, bytes_of_each: each, place: SplicePlace { at, remove }, .. } = *self;
        let typed = if remove == 0 && each > 0 && i64::from(step) == i64::from(each) {
            Typed::Typing
        } else if remove > 0 && each == 0 && i64::from(step) == -i64::from(remove) {
            Typed::Backspace
        } else if remove > 0 && each == 0 && step == 0 {
            Typed::Delete
        } else {
            return None;
        };
        let count = self.content.ascii_parts(each, self.count, content);
        let typed_bytes = each.checked_mul(count).and_then(|bytes| bytes.checked_add(at));
        (count > 0 && typed_bytes.is_some() && remove.checked_mul(count).is_some()).then_some((typed, count))
    }

    /// Returns the first splices.
    pub(crate) fn first(&self, count: u32) -> Self {
        let content = ContentRange { bytes: count * self.bytes_of_each, ..self.content };
        Self { count, content, ..*self }
    }

    /// Returns the position of the last splice, if there are such positions, and if the position
    /// behind each inserted text also is one.
    pub(crate) fn last_position(&self) -> Option<u32> {
        let moved = i64::from(self.step).checked_mul(i64::from(self.count).saturating_sub(1))?;
        let last = u32::try_from(i64::from(self.place.at).checked_add(moved)?).ok()?;
        self.place.at.max(last).checked_add(self.bytes_of_each)?;
        Some(last)
    }
}

/// Where an operation is stored.
pub(super) enum StoredOp<'a> {
    /// The run of a splice, and the index in it.
    Splice(&'a SpliceRun, u32),
    /// The index of another operation.
    Other(usize),
}

/// Where the operations of an event are stored.
pub(super) enum StoredEvent {
    /// The event has one operation, a splice with this number.
    Splice(u32),
    /// The event has this index among those that no run covers. Its operations begin with this
    /// number, or with a later one if the event before it is also one of these.
    Other { index: usize, min_start: u32 },
}

/// The splices of a log.
#[derive(Debug, Default)]
pub(super) struct SpliceRuns {
    runs: Chunks<SpliceRun>,
    /// The run that was found last. Most searches are for it, or for a run next to it.
    found: Cell<usize>,
}

impl SpliceRuns {
    /// Returns the number of splices.
    pub(super) fn len(&self) -> u32 {
        self.last().map_or(0, |last| last.splices_before + last.count)
    }

    /// Returns the number of events that runs cover.
    pub(super) fn covered(&self) -> u32 {
        self.last().map_or(0, |last| last.covered_before + last.covered())
    }

    fn last(&self) -> Option<&SpliceRun> {
        self.runs.len().checked_sub(1).map(|last| &self.runs[last])
    }

    /// Returns the column of the last splice.
    pub(super) fn last_column(&self) -> Option<ColumnNumber> {
        self.last().map(|last| last.column)
    }

    /// Returns the columns of the splices, each at least once.
    pub(super) fn columns(&self) -> impl Iterator<Item = ColumnNumber> {
        self.runs.iter().map(|run| run.column)
    }

    /// Appends a splice with this number, of an event that has not ended.
    pub(super) fn push(
        &mut self,
        (event, op, before): (EventNumber, u32, u32),
        (row, column): (RowNumber, ColumnNumber),
        (content, place): (ContentRange, SplicePlace),
    ) {
        self.runs.push(SpliceRun {
            event,
            op,
            count: 1,
            row,
            column,
            before,
            at: place.at,
            step: 0,
            remove: place.remove,
            content: content.start,
            bytes_of_each: content.bytes,
            splices_before: self.len(),
            covered_before: self.covered(),
            covers: false,
        });
    }

    /// Appends splices, and ends their events. They have numbers from `op` on, and belong to the
    /// events from `event` on. `before` is for the first one.
    pub(super) fn push_ended(&mut self, (event, op, before): (EventNumber, u32, u32), splices: &Splices) {
        let Splices { row, column, count, place, step, content, bytes_of_each } = *splices;
        let each = ContentRange { bytes: bytes_of_each, ..content };
        self.push((event, op, before), (row, column), (each, place));
        let last = self.runs.len() - 1;
        let run = &mut self.runs[last];
        (run.count, run.step, run.covers) = (count, step, true);
        self.join_last();
    }

    /// Returns the splices from an event on, up to `max`, if a run covers the event. O(log runs).
    pub(super) fn from(&self, event: EventNumber, max: u32) -> Option<Splices> {
        let run = &self.runs[self.last_up_to(event.0, |run| run.event.0)?];
        let index = event.0 - run.event.0;
        let count = run.covered().checked_sub(index)?.min(max);
        let (content, place) = run.splice(index);
        let content = ContentRange { bytes: count * run.bytes_of_each, ..content };
        let SpliceRun { row, column, step, bytes_of_each, .. } = *run;
        (count > 0).then_some(Splices { row, column, count, place, step, content, bytes_of_each })
    }

    /// Ends an event that has one operation, with this number. Returns whether a run covers the
    /// event.
    pub(super) fn cover(&mut self, op: u32) -> bool {
        let Some(last) = self.runs.len().checked_sub(1).filter(|&last| self.runs[last].op == op) else {
            return false;
        };
        self.runs[last].covers = true;
        self.join_last();
        true
    }

    /// Makes the last two runs one, if they continue each other.
    fn join_last(&mut self) {
        if let Some(last) = self.runs.len().checked_sub(1)
            && let Some(before) = last.checked_sub(1)
        {
            let next = self.runs[last];
            if self.runs[before].extend(&next) {
                self.runs.pop();
            }
        }
    }

    /// Returns where an operation is. O(log runs).
    #[inline]
    pub(super) fn find(&self, op: u32) -> StoredOp<'_> {
        if self.runs.len() == 0 {
            return StoredOp::Other(op as usize);
        }
        let Some(run) = self.last_up_to(op, |run| run.op).map(|run| &self.runs[run]) else {
            return StoredOp::Other(op as usize);
        };
        let index = op - run.op;
        if index < run.count {
            StoredOp::Splice(run, index)
        } else {
            StoredOp::Other((op - run.splices_before - run.count) as usize)
        }
    }

    /// Returns where the operations of an event are. O(log runs).
    #[inline]
    pub(super) fn find_event(&self, event: EventNumber) -> StoredEvent {
        if self.runs.len() == 0 {
            return StoredEvent::Other { index: event.index(), min_start: 0 };
        }
        if let Some(run) = self.last_up_to(event.0, |run| run.event.0).map(|run| &self.runs[run]) {
            let index = event.0 - run.event.0;
            if index < run.covered() {
                return StoredEvent::Splice(run.op + index);
            }
        }
        let before = event.0.checked_sub(1).and_then(|before| self.last_up_to(before, |run| run.event.0));
        let Some(run) = before.map(|run| &self.runs[run]) else {
            return StoredEvent::Other { index: event.index(), min_start: 0 };
        };
        let index = (event.0 - run.covered_before - run.covered()) as usize;
        StoredEvent::Other { index, min_start: if run.covers { run.end() } else { 0 } }
    }

    /// Returns the number of covered events before an operation of an uncovered one. O(log runs).
    pub(super) fn covered_before(&self, op: u32) -> u32 {
        let run = self.last_up_to(op, |run| run.op).map(|run| &self.runs[run]);
        run.map_or(0, |run| run.covered_before + run.covered())
    }

    /// Returns the last run whose key is at most `max`. Keys never decrease. O(log runs), and O(1)
    /// next to the run that was found last.
    fn last_up_to(&self, max: u32, key: impl Fn(&SpliceRun) -> u32) -> Option<usize> {
        let len = self.runs.len();
        let holds = |run: usize| run < len && key(&self.runs[run]) <= max;
        let found = self.found.get();
        for run in [found, found.wrapping_add(1), found.wrapping_sub(1)] {
            if holds(run) && !holds(run + 1) {
                self.found.set(run);
                return Some(run);
            }
        }
        let (mut start, mut end) = (0, len);
        while start < end {
            work::step();
            let middle = start + (end - start) / 2;
            (start, end) = if holds(middle) { (middle + 1, end) } else { (start, middle) };
        }
        self.found.set(start.saturating_sub(1));
        start.checked_sub(1)
    }
}
