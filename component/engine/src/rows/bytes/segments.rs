//! Numbers in the bytes of texts, and the places of content in the log and in bytes.

use crate::oplog::ContentRange;
use crate::sort;
use crate::work;

/// The class of a splice that is not one of a present text.
pub(super) const NO_TEXT: u64 = 0;
/// The class of a splice of a text whose ground is a delete. A void one has this plus 1.
pub(super) const ON_DELETE: u64 = 1;
/// The class of a splice of a text whose ground is a write. A void one has this plus 1.
pub(super) const ON_WRITE: u64 = 3;

/// The text does not show: all its edits are void.
pub(super) const SHOWS_NOTHING: u64 = 0;
/// Before all edits, the text is the written value, or empty.
pub(super) const FROM_GROUND: u64 = 1;
/// Before all edits, the text is the one at the horizon.
pub(super) const FROM_HORIZON: u64 = 2;

/// The origin of characters of the ground. Those of a branch have its rank plus 1.
pub(super) const OF_GROUND: u64 = 0;

/// The parts of a text's content, in the log and in bytes.
pub(super) struct Segments {
    /// The ranges that are mapped, and where they are mapped to. Sorted.
    segments: Vec<(ContentRange, u32)>,
}

impl Segments {
    /// Maps the places of ranges in the log to their places one behind the other, or back. `mapped`
    /// gets both places, and returns those to map from and to.
    pub(super) fn new(ranges: impl Iterator<Item = ContentRange>, mapped: impl Fn(u32, u32) -> (u32, u32)) -> Self {
        let mut segments = Vec::new();
        let mut end = 0_u32;
        for range in ranges.filter(|range| range.bytes > 0) {
            let (from, to) = mapped(range.start, end);
            segments.push((ContentRange { start: from, bytes: range.bytes }, to));
            end = end.saturating_add(range.bytes);
        }
        sort::sort_by_key(&mut segments, |(range, _)| *range);
        Self { segments }
    }

    /// Returns the mapped parts of ranges. Neighbouring ones are joined; parts that are not mapped
    /// are left out.
    pub(super) fn translated(&self, ranges: impl Iterator<Item = ContentRange>) -> Vec<ContentRange> {
        let mut translated: Vec<ContentRange> = Vec::new();
        for mut rest in ranges {
            while let Some(part) = self.take(&mut rest) {
                match translated.last_mut() {
                    Some(last) if last.end() == part.start => last.bytes = last.bytes.saturating_add(part.bytes),
                    _ => translated.push(part),
                }
            }
        }
        translated
    }

    /// Returns the mapped parts of ranges, which are not joined. `None` if a part is not mapped.
    pub(super) fn split(&self, ranges: &[ContentRange]) -> Option<Vec<ContentRange>> {
        let mut parts = Vec::new();
        for &range in ranges {
            let mut rest = range;
            while rest.bytes > 0 {
                parts.push(self.take(&mut rest)?);
            }
        }
        Some(parts)
    }

    /// Removes the first part of a range, and returns where it is mapped to. `None` if the range is
    /// empty or does not begin with a mapped part.
    fn take(&self, rest: &mut ContentRange) -> Option<ContentRange> {
        if rest.bytes == 0 {
            return None;
        }
        work::step();
        let at = self.segments.partition_point(|(segment, _)| segment.end() <= rest.start);
        let (segment, to) = self.segments.get(at).filter(|(segment, _)| segment.start <= rest.start)?;
        let end = segment.end().min(rest.end());
        let start = to.checked_add(rest.start.checked_sub(segment.start)?)?;
        let bytes = end.checked_sub(rest.start)?;
        *rest = ContentRange { start: end, bytes: rest.end().checked_sub(end)? };
        Some(ContentRange { start, bytes })
    }
}
