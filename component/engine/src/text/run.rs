//! A run of edits: what consecutive events of one peer do, if they type, delete backwards or delete
//! forwards. Also a single edit of any kind.

use super::Sources;
use super::unit::{Lengths, Unit};
use crate::id::EventNumber;
use crate::oplog::ContentRange;
use std::ops::Range;

/// An edit of a text: removes `remove` scalar values at `at`, then inserts content there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) event: EventNumber,
    /// The index of the operation in its commit.
    pub(crate) place: u32,
    /// The position in scalar values, in the text as the author had it.
    pub(crate) at: u32,
    pub(crate) remove: u32,
    /// The inserted content.
    pub(crate) content: ContentRange,
    /// The length of the inserted content in scalar values.
    pub(crate) scalars: u32,
}

/// What the events of a run have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunKind {
    /// Each event inserts directly after the one before; a single event can be of any kind.
    Typing,
    /// Each event removes directly before the one before.
    Backspace,
    /// Each event removes at the same position.
    Delete,
}

/// Edits of consecutive events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EditRun {
    pub(crate) first: EventNumber,
    pub(crate) count: u32,
    /// The position of the first edit.
    pub(crate) at: u32,
    /// The scalar values that each edit removes and inserts.
    pub(crate) remove: u32,
    pub(crate) insert: u32,
    /// The content that all edits insert.
    pub(crate) content: ContentRange,
    /// The index in the commit, multiplied by 8, plus the kind, plus 4 if the edits are void.
    packed: u32,
}

const VOID: u32 = 4;

impl EditRun {
    /// Returns the run of one edit.
    pub(crate) fn new(edit: &Edit) -> Self {
        Self::repeated(edit, 1, RunKind::Typing)
    }

    /// Returns a run that begins with an edit, whose content is that of all edits.
    pub(crate) fn repeated(edit: &Edit, count: u32, kind: RunKind) -> Self {
        Self {
            first: edit.event,
            count,
            at: edit.at,
            remove: edit.remove,
            insert: edit.scalars,
            content: edit.content,
            packed: edit.place << 3 | kind as u32,
        }
    }

    pub(crate) fn kind(&self) -> RunKind {
        match self.packed & 3 {
            0 => RunKind::Typing,
            1 => RunKind::Backspace,
            _ => RunKind::Delete,
        }
    }

    pub(crate) fn place(&self) -> u32 {
        self.packed >> 3
    }

    /// Returns the run, declared void.
    pub(crate) fn void(self) -> Self {
        Self { packed: self.packed | VOID, ..self }
    }

    pub(crate) fn is_void(&self) -> bool {
        self.packed & VOID != 0
    }

    pub(crate) fn last(&self) -> EventNumber {
        self.first.plus(self.count - 1)
    }

    /// Returns whether the run can be one of a text: its content has the characters that its edits
    /// insert, its positions fit, and its events build on each other. O(bytes).
    pub(super) fn is_sound(&self, sources: Sources<'_>) -> bool {
        let end = self.first.0.checked_add(self.count).filter(|end| *end <= sources.graph.len());
        let chained = |end: u32| sources.graph.run_at(self.first).0 == sources.graph.run_at(EventNumber(end - 1)).0;
        let inserted = self.insert.checked_mul(self.count);
        let removed = self.remove.checked_mul(self.count);
        let fits = match self.kind() {
            RunKind::Typing => {
                self.count == 1 || self.remove == 0 && inserted.is_some_and(|it| it.checked_add(self.at).is_some())
            }
            RunKind::Backspace => {
                self.insert == 0 && removed.is_some_and(|it| it.saturating_sub(self.remove) <= self.at)
            }
            RunKind::Delete => self.insert == 0,
        };
        let text = self.content.of(sources.content);
        self.count > 0
            && fits
            && removed.is_some()
            && end.is_some_and(chained)
            && text.len() == self.content.bytes as usize
            && inserted == Some(Lengths::of(text).scalars)
    }

    /// Returns what all edits of the run do together: the position of the first change, and the
    /// count of removed scalar values.
    pub(super) fn splice(&self) -> (u32, u32) {
        let removed = self.remove.saturating_mul(self.count);
        match self.kind() {
            RunKind::Backspace => (self.at.saturating_sub(removed.saturating_sub(self.remove)), removed),
            RunKind::Typing | RunKind::Delete => (self.at, removed),
        }
    }

    /// Returns the edits that are not void in a text of this length, which the first one edits.
    /// They are consecutive.
    pub(super) fn valid(&self, length: u32) -> Range<u32> {
        let beyond = u64::from(self.at).saturating_add(self.remove.into()).saturating_sub(length.into());
        let room = length.saturating_sub(self.at);
        match self.kind() {
            RunKind::Typing => 0..if beyond == 0 { self.count } else { 0 },
            // An edit removes `remove` before the one before it, so it may be valid where that one
            // is not.
            RunKind::Backspace => {
                let void = beyond.div_ceil(self.remove.max(1).into());
                u32::try_from(void).unwrap_or(u32::MAX).min(self.count)..self.count
            }
            RunKind::Delete => 0..room.checked_div(self.remove).unwrap_or(self.count).min(self.count),
        }
    }

    /// Returns some edits of the run. They can be none.
    pub(super) fn part(&self, edits: Range<u32>, content: &str) -> Self {
        if edits == (0..self.count) {
            return *self;
        }
        let start = self.content_before(edits.start, content);
        let end = self.content_before(edits.end, content);
        let moved = edits.start.saturating_mul(self.remove);
        let at = match self.kind() {
            RunKind::Typing => self.at.saturating_add(edits.start.saturating_mul(self.insert)),
            RunKind::Backspace => self.at.saturating_sub(moved),
            RunKind::Delete => self.at,
        };
        Self {
            first: self.first.plus(edits.start),
            count: edits.end.saturating_sub(edits.start),
            at,
            content: ContentRange { start: self.content.start.saturating_add(start), bytes: end.saturating_sub(start) },
            ..*self
        }
    }

    /// Returns the bytes that the first edits of the run insert.
    fn content_before(&self, edits: u32, content: &str) -> u32 {
        self.bytes_before(edits.saturating_mul(self.insert), content)
    }

    /// Returns the lengths of the content in bytes and scalar values.
    pub(super) fn lengths(&self) -> Lengths {
        let scalars = self.insert.saturating_mul(self.count);
        Lengths { bytes: self.content.bytes, scalars, utf16: scalars }
    }

    /// Returns the bytes before a scalar value of the content. O(bytes), and O(1) for ASCII.
    pub(super) fn bytes_before(&self, scalar: u32, content: &str) -> u32 {
        let lengths = self.lengths();
        if scalar >= lengths.scalars {
            return lengths.bytes;
        }
        lengths.up_to(scalar, Unit::Scalar, self.content.of(content)).map_or(0, |before| before.bytes)
    }

    /// Returns the scalar values before a byte of the content. O(bytes), and O(1) for ASCII.
    pub(super) fn scalars_before(&self, byte: u32, content: &str) -> u32 {
        let before = self.lengths().up_to(byte, Unit::Utf8, self.content.of(content));
        before.map_or(0, |before| before.scalars)
    }

    /// Returns the edits one by one.
    pub(super) fn edits(self, content: &str) -> impl Iterator<Item = Edit> {
        (0..self.count).map(move |number| {
            let one = self.part(number..number + 1, content);
            Edit {
                event: one.first,
                place: one.place(),
                at: one.at,
                remove: one.remove,
                content: one.content,
                scalars: one.insert,
            }
        })
    }

    /// Appends a run that continues this one, and returns whether it does. Its first event builds
    /// only on the event before it.
    pub(super) fn extend(&mut self, next: &Self) -> bool {
        let is_next = next.first.0 == self.last().0.saturating_add(1) && next.place() == self.place();
        let is_void = self.is_void() || next.is_void();
        if !is_next || is_void || (next.remove, next.insert) != (self.remove, self.insert) {
            return false;
        }
        let both_may_be = |kind: RunKind| self.may_be(kind) && next.may_be(kind);
        let (typed, removed) = (self.insert.checked_mul(self.count), self.remove.checked_mul(self.count));
        let behind = typed.and_then(|typed| self.at.checked_add(typed));
        let before = removed.and_then(|removed| self.at.checked_sub(removed));
        let follows = next.content.start == self.content.end();
        let count = self.count.saturating_add(next.count);
        let fits = self.remove.checked_mul(count).is_some()
            && self.insert.checked_mul(count).is_some_and(|typed| typed.checked_add(self.at).is_some());
        if !fits {
            return false;
        }
        let kind = match (self.remove, self.insert) {
            (0, 1..) if Some(next.at) == behind && follows => RunKind::Typing,
            (1.., 0) if Some(next.at) == before && both_may_be(RunKind::Backspace) => RunKind::Backspace,
            (1.., 0) if next.at == self.at && both_may_be(RunKind::Delete) => RunKind::Delete,
            _ => return false,
        };
        self.packed = self.packed & !3 | kind as u32;
        self.count = count;
        self.content.bytes = self.content.bytes.saturating_add(next.content.bytes);
        true
    }

    fn may_be(&self, kind: RunKind) -> bool {
        self.count == 1 || self.kind() == kind
    }
}

/// Edits that are void: of consecutive events, at one place of their commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VoidEdits {
    pub(crate) first: EventNumber,
    pub(crate) place: u32,
    pub(crate) count: u32,
}
