//! Which characters come back, and which go, if edits are taken back.

use super::{PLACEHOLDERS, Tracker, overlap};
use crate::error::Error;
use crate::id::EventNumber;
use crate::memory;
use crate::sort;
use crate::text::tracker::records::Record;
use crate::work;
use std::ops::Range;

/// Numbers of characters, as sorted ranges that do not overlap.
type Ids = Vec<Range<u32>>;

/// What some edits did.
#[derive(Debug, Default)]
pub(in crate::text) struct UndoneIds {
    inserted: Ids,
    /// The characters that only these edits removed, and that none of these edits inserted.
    removed: Ids,
}

/// Characters of the text, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::text) enum PlacedChars {
    /// This many characters show, and continue to show.
    Kept(u32),
    /// This many characters show that the edits inserted.
    Inserted(u32),
    /// Characters that only the edits removed: the number of the first one, and their count.
    Removed { id: u32, scalars: u32 },
}

impl Tracker {
    /// Returns what the edits of some events did.
    pub(in crate::text) fn undone(&self, is_undone: &impl Fn(EventNumber) -> bool) -> Result<UndoneIds, Error> {
        let (mut inserted, mut removed, mut by_others) = (Ids::new(), Ids::new(), Ids::new());
        for record in &self.records {
            let mut start = 0;
            while start < record.count() {
                work::step();
                let undone = is_undone(record.first().plus(start));
                let is_same = |index: &u32| is_undone(record.first().plus(*index)) == undone;
                let edits = start..start + (start..record.count()).take_while(is_same).count() as u32;
                start = edits.end;
                if undone {
                    memory::reserve(&mut inserted, 1)?;
                    inserted.push(record.inserted_by(&edits));
                }
                self.removed_by(record, &edits, if undone { &mut removed } else { &mut by_others })?;
            }
        }
        let [inserted, removed, by_others] = [inserted, removed, by_others].map(sorted);
        let removed = without(&without(&removed, &by_others)?, &inserted)?;
        Ok(UndoneIds { inserted, removed })
    }

    /// Adds the characters that some edits of a record removed.
    fn removed_by(&self, record: &Record, edits: &Range<u32>, ids: &mut Ids) -> Result<(), Error> {
        let removed = record.removed_by(edits);
        let mut before = 0;
        for &(id, count) in self.removed.get(record.targets()).unwrap_or_default() {
            let part = overlap(&removed, &(before..before + count));
            if !part.is_empty() {
                memory::reserve(ids, 1)?;
                ids.push(id + part.start..id + part.end);
            }
            before += count;
            if before >= removed.end {
                break;
            }
        }
        Ok(())
    }

    /// Returns the characters of the effect version, and those that come back, in the order of the
    /// text. Other removed characters are left out.
    pub(in crate::text) fn sequence_of<'a>(&'a self, undone: &'a UndoneIds) -> impl Iterator<Item = PlacedChars> + 'a {
        self.sequence.iter().filter(|block| block.len > 0).flat_map(move |block| {
            let id = self.nodes[block.key as usize].id;
            let is_removed = block.is_removed();
            let ranges = if is_removed { &undone.removed } else { &undone.inserted };
            let mut parts = Vec::new();
            let (mut next, end) = (id, id + block.len);
            let mut at = ranges.partition_point(|range| range.end <= id);
            while next < end {
                let found = ranges.get(at).filter(|range| range.start < end);
                let (start, stop) = found.map_or((end, end), |range| (range.start.max(next), range.end.min(end)));
                if start > next && !is_removed {
                    parts.push(PlacedChars::Kept(start - next));
                }
                if stop > start {
                    let scalars = stop - start;
                    parts.push(if is_removed {
                        PlacedChars::Removed { id: start, scalars }
                    } else {
                        PlacedChars::Inserted(scalars)
                    });
                }
                next = stop;
                at += 1;
            }
            parts
        })
    }

    /// Returns the index of the character of the text at the start that a number stands for.
    pub(in crate::text) fn placeholder_of(&self, id: u32) -> Option<u32> {
        id.checked_sub(PLACEHOLDERS)
    }
}

/// Sorts ranges, and joins those that overlap or touch.
fn sorted(mut ids: Ids) -> Ids {
    ids.retain(|range| !range.is_empty());
    sort::sort_by_key(&mut ids, |range| range.start);
    let mut joined: Ids = Vec::new();
    for range in ids {
        match joined.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// Returns the numbers in `ids` that are not in `others`.
fn without(ids: &Ids, others: &Ids) -> Result<Ids, Error> {
    let mut left = Ids::new();
    for range in ids {
        let mut next = range.start;
        let from = others.partition_point(|other| other.end <= range.start);
        for other in others[from..].iter().take_while(|other| other.start < range.end) {
            if other.start > next {
                memory::reserve(&mut left, 1)?;
                left.push(next..other.start);
            }
            next = next.max(other.end);
        }
        if next < range.end {
            memory::reserve(&mut left, 1)?;
            left.push(next..range.end);
        }
    }
    Ok(left)
}
