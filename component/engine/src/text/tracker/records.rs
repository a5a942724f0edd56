//! The effects of the edits of a tracker, so that edits can be undone and redone.

use super::{PLACEHOLDERS, START_ID, Tracker, overlap};
use crate::error::Error;
use crate::graph::Graph;
use crate::id::{Counter, EventNumber, PeerNumber};
use crate::memory;
use crate::text::run::{EditRun, RunKind};
use crate::work;
use std::ops::Range;

/// The effect of a run of edits; nothing until the run is applied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    first: EventNumber,
    count: u32,
    place: u32,
    /// The number of the first inserted character.
    id: u32,
    /// The scalar values that each edit inserted and removed.
    insert: u32,
    remove: u32,
    /// The removed characters, in `Tracker::removed`, in the order of the text.
    targets: u32,
    targets_end: u32,
    is_backwards: bool,
}

/// The edits that inserted the characters from this number on.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdOwner {
    pub(super) id: u32,
    pub(super) record: u32,
}

impl Record {
    fn new(run: &EditRun) -> Self {
        Self {
            first: run.first,
            count: run.count,
            place: run.place(),
            id: 0,
            insert: 0,
            remove: 0,
            targets: 0,
            targets_end: 0,
            is_backwards: false,
        }
    }

    pub(super) fn first(&self) -> EventNumber {
        self.first
    }

    pub(super) fn last(&self) -> EventNumber {
        self.first.plus(self.count - 1)
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Returns the numbers of the characters that some edits inserted.
    pub(super) fn inserted_by(&self, edits: &Range<u32>) -> Range<u32> {
        self.id + edits.start * self.insert..self.id + edits.end * self.insert
    }

    /// Returns the places of the removed characters in `Tracker::removed`.
    pub(super) fn targets(&self) -> Range<usize> {
        self.targets as usize..self.targets_end as usize
    }

    /// Records the effect of a part of the run.
    pub(super) fn fill(&mut self, part: &EditRun, id: u32, targets: Range<usize>) {
        *self = Self {
            id,
            insert: part.insert,
            remove: part.remove,
            targets: targets.start as u32,
            targets_end: targets.end as u32,
            is_backwards: part.kind() == RunKind::Backspace,
            ..Self::new(part)
        };
    }

    /// Returns which of the removed characters some edits removed, in the order of the text.
    pub(super) fn removed_by(&self, edits: &Range<u32>) -> Range<u32> {
        let edits = if self.is_backwards { self.count - edits.end..self.count - edits.start } else { edits.clone() };
        edits.start * self.remove..edits.end * self.remove
    }
}

impl Tracker {
    /// Announces runs of edits, in the order of their events, and returns the number of the first
    /// record.
    pub(in crate::text) fn announce(&mut self, runs: &[EditRun]) -> Result<usize, Error> {
        memory::reserve(&mut self.records, runs.len())?;
        let first = self.records.len();
        self.records.extend(runs.iter().map(Record::new));
        Ok(first)
    }

    /// Undoes or redoes the edits of events in the prepare version.
    pub(super) fn toggle_events(&mut self, first: EventNumber, len: u32, is_done: bool) -> Result<(), Error> {
        let events = first.0..first.0.saturating_add(len);
        let mut at = self.records.partition_point(|record| record.last() < first);
        while let Some(&record) = self.records.get(at).filter(|record| record.first.0 < events.end) {
            work::step();
            at += 1;
            let edits = overlap(&events, &(record.first.0..record.first.0 + record.count));
            if record.insert > 0 {
                let inserted = edits.start * record.insert..edits.end * record.insert;
                self.toggle(record.id + inserted.start, inserted.end - inserted.start, is_done)?;
            }
            let removed = record.removed_by(&edits);
            let mut before = 0;
            for target in record.targets..record.targets_end {
                let Some(&(id, count)) = self.removed.get(target as usize) else { break };
                let part = overlap(&removed, &(before..before + count));
                if !part.is_empty() {
                    self.toggle(id + part.start, part.end - part.start, is_done)?;
                }
                before += count;
                if before >= removed.end {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Returns the name of the edit that inserted a character: peer, counter and place. `None` for
    /// the start and for placeholders.
    pub(super) fn name_of(&self, id: u32, graph: &Graph) -> Option<(PeerNumber, Counter, u32)> {
        let (event, place, _) = self.origin_of(id)?;
        let (peer, counter, _) = graph.describe(event);
        Some((peer, counter, place))
    }

    /// Returns the edit that inserted a character, and the index of the character in it.
    pub(in crate::text) fn origin_of(&self, id: u32) -> Option<(EventNumber, u32, u32)> {
        if id == START_ID || id >= PLACEHOLDERS {
            return None;
        }
        let owner = self.owners.get(self.owners.partition_point(|owner| owner.id <= id).checked_sub(1)?)?;
        let record = self.records.get(owner.record as usize)?;
        let inside = id - owner.id;
        let index = inside.checked_div(record.insert)?;
        Some((record.first.plus(index), record.place, inside - index * record.insert))
    }

    /// Returns the number of a character that an edit inserted.
    pub(in crate::text) fn id_of(&self, event: EventNumber, place: u32, offset: u32) -> Option<u32> {
        let at = self.records.partition_point(|record| (record.last(), record.place) < (event, place));
        let record = self.records.get(at).filter(|record| record.place == place)?;
        let index = event.0.checked_sub(record.first.0).filter(|index| *index < record.count)?;
        (offset < record.insert).then(|| record.id + index * record.insert + offset)
    }
}
