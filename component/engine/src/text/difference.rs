//! The difference of two versions of a text.
//!
//! Both versions are ranges of the content, in the order of the text. Characters that both have are
//! in the same order in both.

use crate::oplog::ContentRange;
use crate::sort;
use crate::work;

/// A splice of a text: positions and counts in scalar values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextSplice {
    /// The position after the splices before this one.
    pub(crate) at: u32,
    pub(crate) remove: u32,
    pub(crate) insert: String,
}

/// Returns the splices that turn a text with the old ranges into one with the new ones. O(n log n)
/// in the ranges, and the changed characters.
pub(crate) fn difference(old: &[ContentRange], new: &[ContentRange], content: &str) -> Vec<TextSplice> {
    let mut splices: Vec<TextSplice> = Vec::new();
    let (old_parts, new_parts) = (parts(old, new), parts(new, old));
    let (mut old_parts, mut new_parts) = (old_parts.into_iter().peekable(), new_parts.into_iter().peekable());
    let mut at = 0_u32;
    let scalars = |range: ContentRange| range.of(content).chars().count() as u32;
    loop {
        work::step();
        let (mut remove, mut insert) = (0_u32, String::new());
        while let Some((gone, _)) = old_parts.next_if(|(_, is_in_both)| !is_in_both) {
            remove = remove.saturating_add(scalars(gone));
        }
        while let Some((came, _)) = new_parts.next_if(|(_, is_in_both)| !is_in_both) {
            insert.push_str(came.of(content));
        }
        let inserted = insert.chars().count() as u32;
        if remove > 0 || inserted > 0 {
            splices.push(TextSplice { at, remove, insert });
            at = at.saturating_add(inserted);
        }
        let (Some((one, _)), Some((other, _))) = (old_parts.peek_mut(), new_parts.peek_mut()) else { break };
        let bytes = one.bytes.min(other.bytes);
        at = at.saturating_add(scalars(ContentRange { bytes, ..*one }));
        for range in [one, other] {
            *range = ContentRange { start: range.start.saturating_add(bytes), bytes: range.bytes - bytes };
        }
        old_parts.next_if(|(range, _)| range.bytes == 0);
        new_parts.next_if(|(range, _)| range.bytes == 0);
    }
    splices
}

/// Cuts ranges into parts, each with whether the other ranges have it.
fn parts(ranges: &[ContentRange], others: &[ContentRange]) -> Vec<(ContentRange, bool)> {
    let mut sorted = others.to_vec();
    sort::sort(&mut sorted);
    let mut parts = Vec::new();
    for &range in ranges {
        let mut rest = range;
        let mut at = sorted.partition_point(|other| other.end() <= range.start);
        while rest.bytes > 0 {
            work::step();
            let (end, is_in_both) = match sorted.get(at) {
                Some(other) if other.start <= rest.start => {
                    at += 1;
                    (other.end().min(rest.end()), true)
                }
                Some(other) => (other.start.min(rest.end()), false),
                None => (rest.end(), false),
            };
            parts.push((ContentRange { start: rest.start, bytes: end - rest.start }, is_in_both));
            rest = ContentRange { start: end, bytes: rest.end() - end };
        }
    }
    parts
}
