//! The spans of a delta, in a normal form.
//!
//! Stores what leads from one text, the copy, to another one, the document: units that both have,
//! units that only the document has, and units that only the copy has. What follows the last span
//! is the same in both. Always holds: no span is empty; between two kept spans, one span inserts at
//! most, and the spans that remove follow it; the last span is not kept; the text of a span is
//! unknown (empty) or has as many units as the span. Does not know why a text changed.

use crate::error::Error;
use crate::memory;
use crate::text::{Lengths, Misplaced, Unit};
use crate::work;
use std::mem::take;

/// Why an edit is refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum EditRefusal {
    /// A position does not exist. The length of `Misplaced::Beyond` is that of the copy.
    Misplaced(Misplaced),
    /// There is not enough memory.
    Failed(Error),
}

impl From<Misplaced> for EditRefusal {
    fn from(misplaced: Misplaced) -> Self {
        Self::Misplaced(misplaced)
    }
}

impl From<Error> for EditRefusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Which of the two texts has the units of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpanKind {
    /// Both have them.
    Keep,
    /// Only the document has them.
    Insert,
    /// Only the copy has them.
    Remove,
}

/// Consecutive units that the same texts have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeltaSpan {
    pub(super) kind: SpanKind,
    pub(super) units: u32,
    /// The inserted or removed text, or an empty text if it is not known.
    pub(super) text: String,
}

impl DeltaSpan {
    /// Returns a span without a known text.
    pub(super) fn new(kind: SpanKind, units: u32) -> Self {
        Self { kind, units, text: String::new() }
    }

    /// Returns a span with a text, which can be empty.
    pub(super) fn with_text(kind: SpanKind, units: u32, text: &str) -> Result<Self, Error> {
        let mut span = Self::new(kind, units);
        memory::reserve_text(&mut span.text, text.len())?;
        span.text.push_str(text);
        Ok(span)
    }

    /// Returns the units of the span that are in the copy.
    pub(super) fn in_copy(&self) -> u32 {
        if self.kind == SpanKind::Insert { 0 } else { self.units }
    }

    /// Returns the units of the span that are in the document.
    pub(super) fn in_document(&self) -> u32 {
        if self.kind == SpanKind::Remove { 0 } else { self.units }
    }

    /// Splits the span after at most all of its units. Each half can be empty.
    ///
    /// # Errors
    /// `Misplaced` if the text is known and the place is inside of a character.
    fn split(mut self, units: u32, unit: Unit) -> Result<(Self, Self), EditRefusal> {
        let (head, tail) = cut(&self.text, units, unit)?;
        let head = Self::with_text(self.kind, units, head)?;
        let skipped = self.text.len() - tail.len();
        self.text.drain(..skipped);
        Ok((head, Self { units: self.units.saturating_sub(units), ..self }))
    }
}

/// Cuts a text after a number of units. An empty text stands for one that is not known. O(units).
///
/// # Errors
/// `Inside` if this is inside of a character.
pub(super) fn cut(text: &str, units: u32, unit: Unit) -> Result<(&str, &str), Misplaced> {
    let bytes = units as usize;
    if text.is_empty() || text.as_bytes().get(..bytes).is_some_and(<[u8]>::is_ascii) {
        return text.split_at_checked(bytes.min(text.len())).ok_or(Misplaced::Inside);
    }
    let mut before = Lengths::default();
    for char in text.chars() {
        if before.in_unit(unit) >= units {
            break;
        }
        before.bytes += char.len_utf8() as u32;
        before.scalars += 1;
        before.utf16 += char.len_utf16() as u32;
    }
    let found = (before.in_unit(unit) == units).then(|| text.split_at_checked(before.bytes as usize)).flatten();
    found.ok_or(Misplaced::Inside)
}

/// A change of the document, in its units.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeltaChange<'a> {
    pub(super) at: u32,
    pub(super) removed: u32,
    /// The removed text, or an empty text if it is not known.
    pub(super) removed_text: &'a str,
    pub(super) inserted: u32,
    /// The inserted text, or an empty text if it is not known.
    pub(super) inserted_text: &'a str,
}

/// Spans in the normal form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spans {
    pub(super) list: Vec<DeltaSpan>,
    /// The units of all spans that are in the copy, and those that are in the document.
    pub(super) copy: u32,
    pub(super) document: u32,
}

impl Spans {
    /// Appends a span. One that inserts goes before the spans that remove at the same place.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(super) fn push(&mut self, span: DeltaSpan) -> Result<(), Error> {
        work::step();
        if span.units == 0 {
            return Ok(());
        }
        self.copy = self.copy.saturating_add(span.in_copy());
        self.document = self.document.saturating_add(span.in_document());
        let at = match span.kind {
            SpanKind::Insert => {
                self.list.iter().rposition(|before| before.kind != SpanKind::Remove).map_or(0, |before| before + 1)
            }
            SpanKind::Keep | SpanKind::Remove => self.list.len(),
        };
        let before = at.checked_sub(1).and_then(|before| self.list.get_mut(before));
        match before {
            Some(before) if before.kind == span.kind && before.text.is_empty() == span.text.is_empty() => {
                memory::reserve_text(&mut before.text, span.text.len())?;
                before.text.push_str(&span.text);
                before.units = before.units.saturating_add(span.units);
            }
            _ => {
                memory::reserve(&mut self.list, 1)?;
                self.list.insert(at, span);
            }
        }
        Ok(())
    }

    /// Removes the last span if it is kept.
    pub(super) fn trim(&mut self) {
        if let Some(last) = self.list.pop_if(|last| last.kind == SpanKind::Keep) {
            self.copy = self.copy.saturating_sub(last.units);
            self.document = self.document.saturating_sub(last.units);
        }
    }

    /// Adds a further change of the document. O(spans) for the search and the move of the spans
    /// behind the change, and O(1) for a change behind all spans.
    ///
    /// # Errors
    /// `Misplaced` if a position is inside of a character of a known text. After an error, the
    /// spans are no longer valid, except for the sums.
    pub(super) fn compose(&mut self, change: DeltaChange<'_>, unit: Unit) -> Result<(), EditRefusal> {
        let (from, before) = self.locate(change.at);
        let mut old = OldSpans { list: &mut self.list, next: from, rest: None, copy: 0, document: 0 };
        let mut made = Self::default();
        let mut skip = change.at.saturating_sub(before);
        while skip > 0 {
            match old.next() {
                Some(span) if span.in_document() <= skip => {
                    skip -= span.in_document();
                    made.push(span)?;
                }
                Some(span) => {
                    let (head, tail) = span.split(take(&mut skip), unit)?;
                    made.push(head)?;
                    old.rest = Some(tail);
                }
                None => made.push(DeltaSpan::new(SpanKind::Keep, take(&mut skip)))?,
            }
        }
        made.push(DeltaSpan::with_text(SpanKind::Insert, change.inserted, change.inserted_text)?)?;
        let (mut left, mut text) = (change.removed, change.removed_text);
        while left > 0 {
            let Some(span) = old.next() else {
                made.push(DeltaSpan::with_text(SpanKind::Remove, take(&mut left), text)?)?;
                break;
            };
            if span.kind == SpanKind::Remove {
                made.push(span)?;
                continue;
            }
            let units = span.units.min(left);
            let (gone, tail) = span.split(units, unit)?;
            let (gone_text, behind) = cut(text, units, unit)?;
            if gone.kind == SpanKind::Keep {
                made.push(DeltaSpan::with_text(SpanKind::Remove, units, gone_text)?)?;
            }
            (left, text) = (left - units, behind);
            old.rest = Some(tail).filter(|tail| tail.units > 0);
        }
        // The spans up to the next kept one belong to the same place.
        while let Some(span) = old.next() {
            let is_kept = span.kind == SpanKind::Keep;
            made.push(span)?;
            if is_kept {
                break;
            }
        }
        let (to, copy, document) = (old.next, old.copy, old.document);
        if to == self.list.len() {
            made.trim();
        }
        memory::reserve(&mut self.list, made.list.len().saturating_sub(to - from))?;
        self.list.splice(from..to, made.list);
        self.copy = self.copy.saturating_sub(copy).saturating_add(made.copy);
        self.document = self.document.saturating_sub(document).saturating_add(made.document);
        Ok(())
    }

    /// Returns the index of the first span that ends at or behind a position of the document, and
    /// the units of the document before the span.
    fn locate(&self, at: u32) -> (usize, u32) {
        if at > self.document {
            return (self.list.len(), self.document);
        }
        let mut before = 0;
        for (index, span) in self.list.iter().enumerate() {
            work::step();
            let end = before + span.in_document();
            if end >= at {
                return (index, before);
            }
            before = end;
        }
        (self.list.len(), before)
    }

    /// Makes all spans but a kept first one a single change, whose texts are not known.
    pub(super) fn collapse(&mut self) {
        let start = self.list.first().filter(|first| first.kind == SpanKind::Keep).map_or(0, |first| first.units);
        self.replace(start, self.copy.saturating_sub(start), self.document.saturating_sub(start));
    }

    /// Replaces all spans by one that is kept and a single change.
    pub(super) fn replace(&mut self, start: u32, removed: u32, inserted: u32) {
        let change = [(SpanKind::Keep, start), (SpanKind::Insert, inserted), (SpanKind::Remove, removed)];
        self.list.clear();
        self.list.extend(change.into_iter().filter(|(_, units)| *units > 0).map(|(kind, it)| DeltaSpan::new(kind, it)));
        (self.copy, self.document) = (start.saturating_add(removed), start.saturating_add(inserted));
        self.trim();
    }

    /// Panics if an invariant is broken. O(n).
    pub(super) fn dbg_check(&self, unit: Unit) {
        let mut before = None;
        for span in &self.list {
            assert!(span.units > 0, "{span:?} is empty");
            let is_known = !span.text.is_empty();
            assert!(!is_known || Lengths::of(&span.text).in_unit(unit) == span.units, "{span:?}");
            assert!(!is_known || span.kind != SpanKind::Keep, "{span:?}");
            let fits = match (before, span.kind) {
                (None, _) | (Some((SpanKind::Keep, _)), SpanKind::Insert) | (Some(_), SpanKind::Remove) => true,
                (Some((kind, _)), SpanKind::Keep) => kind != SpanKind::Keep,
                (Some(_), SpanKind::Insert) => false,
            };
            assert!(fits && before != Some((span.kind, is_known)), "{span:?} after {before:?}");
            before = Some((span.kind, is_known));
        }
        assert!(before.is_none_or(|(kind, _)| kind != SpanKind::Keep), "the last span is kept");
        assert_eq!(self.copy, self.list.iter().map(DeltaSpan::in_copy).sum::<u32>());
        assert_eq!(self.document, self.list.iter().map(DeltaSpan::in_document).sum::<u32>());
    }
}

/// The spans that a change replaces, which are taken one by one.
struct OldSpans<'a> {
    list: &'a mut [DeltaSpan],
    next: usize,
    /// The part of the last span that is not taken.
    rest: Option<DeltaSpan>,
    /// The units of the taken spans that are in the copy, and those that are in the document.
    copy: u32,
    document: u32,
}

impl OldSpans<'_> {
    fn next(&mut self) -> Option<DeltaSpan> {
        if let Some(rest) = self.rest.take() {
            return Some(rest);
        }
        let span = self.list.get_mut(self.next)?;
        self.next += 1;
        self.copy += span.in_copy();
        self.document += span.in_document();
        Some(DeltaSpan { text: take(&mut span.text), ..*span })
    }
}
