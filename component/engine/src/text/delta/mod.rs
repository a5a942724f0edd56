//! What happened in a text since an editor last took the changes of others.
//!
//! An editor has a copy of the text, and the document changes without it. A [`ViewDelta`] leads
//! from the copy to the document's text: `add` composes it with a change of the document, and
//! `transform` moves an edit of the copy into the document and the delta behind the edit, as
//! between a client and a server that transform operations.
//!
//! Stores spans of units that both texts have, and of units that only one of them has. Everything
//! is counted in the unit of the view. Inserted text is not stored, because the document's text has
//! it. Removed text is stored if the caller passes it, so that positions in it can be checked and
//! the copy can be read. Always holds: what `spans` says; at most `MAX_SPANS` spans; at most
//! `MAX_KEPT_BYTES` bytes of removed text. Does not know events and the text itself.
//!
//! A change costs O(spans): a search through at most 4,096 spans of a few bytes, and a move of
//! those behind the change. A tree would take more memory for the usual few spans.
//!
//! Source: J. Gentle and others, the type `text` of ottypes, for the composition and the
//! transformation of spans.

mod edit;
mod spans;

pub(crate) use edit::{DocumentSplice, Transformed, ViewEdit};
pub(crate) use spans::EditRefusal;

use super::unit::{Lengths, Unit};
use crate::error::Error;
use crate::memory;
#[cfg(test)]
use spans::DeltaSpan;
use spans::{DeltaChange, SpanKind, Spans, cut};

/// The maximum number of spans. A delta that would have more becomes one change.
pub(super) const MAX_SPANS: usize = 4_096;
/// The maximum number of bytes of removed text that a delta stores.
pub(super) const MAX_KEPT_BYTES: usize = 256 << 10;

/// A change of the copy, in the unit of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ViewChange {
    /// The position in the copy after the changes before this one. It is also the position of the
    /// inserted text in the document.
    pub(crate) at: u32,
    pub(crate) remove: u32,
    /// The length of the inserted text.
    pub(crate) insert: u32,
}

/// What leads from an editor's copy of a text to the document's text.
#[derive(Debug, Clone)]
pub(crate) struct ViewDelta {
    unit: Unit,
    spans: Spans,
}

impl ViewDelta {
    /// Returns a delta that changes nothing, for a view with this unit.
    pub(crate) fn new(unit: Unit) -> Self {
        Self { unit, spans: Spans::default() }
    }

    /// Returns whether the copy is equal to the document's text because nothing changed.
    #[cfg(test)]
    pub(crate) fn is_identity(&self) -> bool {
        self.spans.list.is_empty()
    }

    /// Returns the number of spans.
    #[cfg(test)]
    pub(crate) fn span_count(&self) -> usize {
        self.spans.list.len()
    }

    /// Returns the bytes of memory that the delta takes.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        let texts: usize = self.spans.list.iter().map(|span| span.text.capacity()).sum();
        self.spans.list.capacity() * size_of::<DeltaSpan>() + texts
    }

    /// Forgets all changes, because the editor has the document's text.
    pub(crate) fn clear(&mut self) {
        self.spans = Spans::default();
    }

    /// Adds a change of the document, which is not one of the editor's own edits. `at` is the
    /// position in the document's text before the change.
    ///
    /// `removed_text` is the removed text in slices. Without it, or if it does not have the length
    /// of `removed`, positions inside of that part of the copy are not checked.
    ///
    /// If the delta would have more than `MAX_SPANS` spans, or if there is not enough memory, the
    /// delta becomes one change, from the first changed character to the last one. Until the editor
    /// takes it, what the editor removes in that part stays, and what the editor inserts there goes
    /// behind that part. O(spans).
    pub(crate) fn add<'a>(
        &mut self,
        at: Lengths,
        removed: Lengths,
        removed_text: impl IntoIterator<Item = &'a str>,
        inserted: Lengths,
    ) {
        let mut kept: usize = self.spans.list.iter().map(|span| span.text.len()).sum();
        let mut text = String::new();
        for slice in removed_text {
            kept = kept.saturating_add(slice.len());
            if kept > MAX_KEPT_BYTES || memory::reserve_text(&mut text, slice.len()).is_err() {
                text.clear();
                break;
            }
            text.push_str(slice);
        }
        if Lengths::of(&text) != removed {
            text.clear();
        }
        let unit = self.unit;
        let (at, removed, inserted) = (at.in_unit(unit), removed.in_unit(unit), inserted.in_unit(unit));
        let (copy, document) = (self.spans.copy, self.spans.document);
        let change = DeltaChange { at, removed, removed_text: &text, inserted, inserted_text: "" };
        if self.spans.compose(change, unit).is_err() {
            // Everything up to the end of the change and of the spans is replaced.
            let end = document.max(at.saturating_add(removed));
            let of_copy = copy.saturating_add(end.saturating_sub(document));
            self.spans.replace(0, of_copy, end.saturating_sub(removed).saturating_add(inserted));
        }
        self.bound();
    }

    /// Makes the delta one change if it has too many spans.
    fn bound(&mut self) {
        if self.spans.list.len() > MAX_SPANS {
            self.spans.collapse();
        }
    }

    /// Returns the changes that make the copy equal to the document's text, in ascending order.
    pub(crate) fn changes(&self) -> impl Iterator<Item = ViewChange> {
        let mut spans = self.spans.list.iter().peekable();
        let mut at = 0_u32;
        std::iter::from_fn(move || {
            while let Some(kept) = spans.next_if(|span| span.kind == SpanKind::Keep) {
                at = at.saturating_add(kept.units);
            }
            let insert = spans.next_if(|span| span.kind == SpanKind::Insert).map_or(0, |span| span.units);
            let mut remove = 0_u32;
            while let Some(span) = spans.next_if(|span| span.kind == SpanKind::Remove) {
                remove = remove.saturating_add(span.units);
            }
            let change = ViewChange { at, remove, insert };
            at = at.saturating_add(insert);
            (insert > 0 || remove > 0).then_some(change)
        })
    }

    /// Returns the length of the copy in the unit of the view. `document` is the length of the
    /// document's text.
    pub(crate) fn copy_length(&self, document: Lengths) -> u32 {
        let kept = document.in_unit(self.unit).saturating_sub(self.spans.document);
        self.spans.copy.saturating_add(kept)
    }

    /// Returns the copy. `document` is the document's text. Returns `None` if a removed text is not
    /// known. O(n).
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn copy_of(&self, document: &str) -> Result<Option<String>, Error> {
        let (mut copy, mut rest) = (String::new(), document);
        for span in &self.spans.list {
            let text = if span.kind == SpanKind::Remove {
                span.text.as_str()
            } else {
                let Ok((text, behind)) = cut(rest, span.units, self.unit) else { return Ok(None) };
                rest = behind;
                text
            };
            if text.is_empty() {
                return Ok(None);
            }
            if span.kind != SpanKind::Insert {
                memory::reserve_text(&mut copy, text.len())?;
                copy.push_str(text);
            }
        }
        memory::reserve_text(&mut copy, rest.len())?;
        copy.push_str(rest);
        Ok(Some(copy))
    }

    /// Returns the position in the document of a position in the copy, both in the unit of the
    /// view: where `transform` inserts. The position in the copy is not checked. O(spans).
    pub(crate) fn to_document(&self, at: u32) -> u32 {
        let (mut copy, mut document) = (0_u32, 0_u32);
        for span in &self.spans.list {
            let inside = at.saturating_sub(copy);
            match span.kind {
                _ if inside == 0 => return document,
                SpanKind::Keep if inside < span.units => return document.saturating_add(inside),
                SpanKind::Remove if inside < span.units => return document,
                SpanKind::Keep | SpanKind::Insert | SpanKind::Remove => {}
            }
            copy = copy.saturating_add(span.in_copy());
            document = document.saturating_add(span.in_document());
        }
        document.saturating_add(at.saturating_sub(copy))
    }

    /// Returns the position in the copy of a position in the document, both in the unit of the
    /// view. A position in an inserted text is at the place of that text. O(spans).
    pub(crate) fn to_copy(&self, at: u32) -> u32 {
        let (mut copy, mut document) = (0_u32, 0_u32);
        for span in &self.spans.list {
            let inside = at.saturating_sub(document);
            match span.kind {
                _ if inside == 0 => return copy,
                SpanKind::Keep if inside < span.units => return copy.saturating_add(inside),
                SpanKind::Insert if inside <= span.units => return copy,
                SpanKind::Keep | SpanKind::Insert | SpanKind::Remove => {}
            }
            copy = copy.saturating_add(span.in_copy());
            document = document.saturating_add(span.in_document());
        }
        copy.saturating_add(at.saturating_sub(document))
    }

    /// Returns the position in the document of the first unit of the copy, from a position on, that
    /// both texts have; the length of the document if there is none. O(spans).
    pub(crate) fn next_in_document(&self, at: u32) -> u32 {
        let (mut copy, mut document) = (0_u32, 0_u32);
        for span in &self.spans.list {
            let end = copy.saturating_add(span.in_copy());
            if span.kind == SpanKind::Keep && at < end {
                return document.saturating_add(at.saturating_sub(copy));
            }
            (copy, document) = (end, document.saturating_add(span.in_document()));
        }
        document.saturating_add(at.saturating_sub(copy))
    }

    /// Returns the position in the copy of the first unit of the document, from a position on, that
    /// both texts have; the length of the copy if there is none. O(spans).
    pub(crate) fn next_in_copy(&self, at: u32) -> u32 {
        let (mut copy, mut document) = (0_u32, 0_u32);
        for span in &self.spans.list {
            let end = document.saturating_add(span.in_document());
            if span.kind == SpanKind::Keep && at < end {
                return copy.saturating_add(at.saturating_sub(document));
            }
            (copy, document) = (copy.saturating_add(span.in_copy()), end);
        }
        copy.saturating_add(at.saturating_sub(document))
    }

    /// Panics if an invariant is broken. O(n).
    pub(crate) fn dbg_check(&self) {
        self.spans.dbg_check(self.unit);
        let kept: usize = self.spans.list.iter().map(|span| span.text.len()).sum();
        let spans = self.spans.list.len();
        assert!(spans <= MAX_SPANS && kept <= MAX_KEPT_BYTES, "{spans} spans, {kept} bytes");
    }
}
