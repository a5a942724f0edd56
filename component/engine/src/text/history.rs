//! Names of characters, and texts of older versions. Both read the edits of the text.

use super::names::{CharName, NamedSpan};
use super::run::EditRun;
use super::tracker::Tracker;
use super::walk::Outcome;
use super::{Lengths, Sources, Text};
use crate::error::Error;
use crate::id::EventNumber;
use crate::memory;
use crate::oplog::ContentRange;

/// Where a character is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CharPosition {
    /// It shows at this position, in scalar values.
    Shown(u32),
    /// It was removed. The position at which it would show, in scalar values.
    Removed(u32),
}

impl Text {
    /// Returns the text as it was in a version: a set of events that contains what its events build
    /// on. O(edits × log n), and the cost of [`Self::apply`] for concurrent edits.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn at(&self, has: impl Fn(EventNumber) -> bool, sources: Sources<'_>) -> Result<Self, Error> {
        let mut base = Vec::new();
        memory::reserve(&mut base, self.base.len())?;
        base.extend_from_slice(&self.base);
        let mut text = Self::new(base, sources.content)?;
        let mut runs: Vec<EditRun> = Vec::new();
        for run in self.edits.runs().filter(|run| !run.is_void() && has(run.first)) {
            // Each event of a run builds on the one before it.
            let (mut count, mut end) = (1, run.count);
            while count < end {
                let middle = count + (end - count) / 2;
                (count, end) = if has(run.first.plus(middle)) { (middle + 1, end) } else { (count, middle) };
            }
            memory::reserve(&mut runs, 1)?;
            runs.push(run.part(0..count, sources.content));
        }
        text.apply_incoming(&runs, sources, 0, &mut Outcome::default())?;
        Ok(text)
    }

    /// Returns the name of the character at a position in scalar values, or `None` at the end.
    /// O(log n); also reads the content of an edit if it is not ASCII.
    pub(crate) fn name_at(&self, scalar: u32, sources: Sources<'_>) -> Option<CharName> {
        let byte = self.pieces.content_at(scalar, sources.content)?;
        self.span_of_content(byte, sources).map(|span| span.name)
    }

    /// Returns the characters that show, in the order of the text, with their names.
    pub(crate) fn spans<'a>(&'a self, sources: Sources<'a>) -> impl Iterator<Item = NamedSpan> + 'a {
        let ranges = self.shown();
        ranges.flat_map(move |range| {
            let mut rest = range;
            std::iter::from_fn(move || {
                let span = self.span_at(rest, sources)?;
                let end = span.content.end().min(rest.end());
                rest = ContentRange { start: end, bytes: rest.end() - end };
                Some(span)
            })
        })
    }

    /// Returns the characters with consecutive names at the start of a range that shows.
    fn span_at(&self, range: ContentRange, sources: Sources<'_>) -> Option<NamedSpan> {
        if range.bytes == 0 {
            return None;
        }
        let span = self.span_of_content(range.start, sources)?;
        let bytes = span.content.bytes.min(range.bytes);
        let content = ContentRange { bytes, ..span.content };
        Some(NamedSpan { scalars: Lengths::of(content.of(sources.content)).scalars, content, ..span })
    }

    /// Returns the span of the base that contains a byte of the content.
    fn base_at(&self, byte: u32) -> Option<&NamedSpan> {
        let at = self.base.partition_point(|span| span.content.end() <= byte);
        self.base.get(at).filter(|span| span.content.start <= byte)
    }

    /// Returns the characters with consecutive names from a byte of the content on. They need not
    /// show.
    fn span_of_content(&self, byte: u32, sources: Sources<'_>) -> Option<NamedSpan> {
        let (whole, index) = match self.base_at(byte) {
            Some(span) => {
                let before = ContentRange { bytes: byte - span.content.start, ..span.content };
                (*span, Lengths::of(before.of(sources.content)).scalars)
            }
            None => {
                let (run, index) = self.edits.of_content(byte, sources.content)?;
                let (peer, counter, _) = sources.graph.describe(run.first);
                let name = CharName::Inserted { peer, counter, place: run.place(), offset: 0 };
                let scalars = run.insert.saturating_mul(run.count);
                (NamedSpan { name, of_each: run.insert, scalars, content: run.content }, index)
            }
        };
        let content = ContentRange { start: byte, bytes: whole.content.end().saturating_sub(byte) };
        let scalars = whole.scalars.saturating_sub(index);
        Some(NamedSpan { name: whole.name_at(index), scalars, content, ..whole })
    }

    /// Returns the run with the edit that inserted a character, the index of the edit in it, and
    /// the edit's event.
    fn edit_of(&self, name: CharName, sources: Sources<'_>) -> Option<(EditRun, u32, EventNumber)> {
        let CharName::Inserted { peer, counter, place, offset } = name else { return None };
        let event = sources.graph.find(peer, counter)?;
        let (run, index) = self.edits.find(event, place)?;
        (!run.is_void() && offset < run.insert).then_some((run, index, event))
    }

    /// Returns the position of a character that shows, in scalar values. `None` if the character is
    /// unknown or removed. O(pieces).
    pub(crate) fn shown_position(&self, name: CharName, sources: Sources<'_>) -> Option<u32> {
        let (byte, _) = self.content_of(name, sources)?;
        self.pieces.position_of(byte, sources.content).map(|at| at.scalars)
    }

    /// Returns where a character is, or `None` if it is unknown. O(pieces) if it shows; otherwise,
    /// the edits since the character was inserted are replayed.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn locate(&self, name: CharName, sources: Sources<'_>) -> Result<Option<CharPosition>, Error> {
        let Some((byte, origin)) = self.content_of(name, sources) else { return Ok(None) };
        if let Some(at) = self.pieces.position_of(byte, sources.content) {
            return Ok(Some(CharPosition::Shown(at.scalars)));
        }
        let start = match origin {
            CharOrigin::Base(_) => None,
            CharOrigin::Edit { event, .. } => match &self.ancestry {
                Some(ancestry) => ancestry.critical_before(event, &self.edits),
                None => None,
            },
        };
        let replayed;
        let tracker = match &self.tracker {
            Some(kept) if kept.tracker.start() == start && kept.end == self.edits.end() => &kept.tracker,
            _ => {
                replayed = self.tracked(start, sources)?;
                &replayed
            }
        };
        let id = match origin {
            CharOrigin::Base(index) => Some(Tracker::placeholder(index)),
            CharOrigin::Edit { event, place, offset } => tracker.id_of(event, place, offset),
        };
        let found = id.and_then(|id| tracker.position(id));
        Ok(found.map(|(at, is_shown)| if is_shown { CharPosition::Shown(at) } else { CharPosition::Removed(at) }))
    }

    /// Returns the byte of the content at which a character begins, and where it comes from.
    fn content_of(&self, name: CharName, sources: Sources<'_>) -> Option<(u32, CharOrigin)> {
        if let Some((run, index, event)) = self.edit_of(name, sources)
            && let CharName::Inserted { place, offset, .. } = name
        {
            let before = run.bytes_before(index.saturating_mul(run.insert).saturating_add(offset), sources.content);
            return Some((run.content.start.saturating_add(before), CharOrigin::Edit { event, place, offset }));
        }
        let mut index = 0_u32;
        for span in &self.base {
            if let Some(inside) = span.index_of(name) {
                let text = span.content.of(sources.content);
                let before = text.char_indices().nth(inside as usize).map_or(text.len(), |(at, _)| at);
                return Some((span.content.start.saturating_add(before as u32), CharOrigin::Base(index + inside)));
            }
            index = index.saturating_add(span.scalars);
        }
        None
    }
}

/// Where a character comes from.
#[derive(Debug, Clone, Copy)]
enum CharOrigin {
    /// The base: the index of the character in it.
    Base(u32),
    Edit {
        event: EventNumber,
        place: u32,
        offset: u32,
    },
}
