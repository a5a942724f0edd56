//! Edits of a copy, and how they move into the document.

use super::ViewDelta;
use super::spans::{DeltaChange, DeltaSpan, EditRefusal, SpanKind, Spans, cut};
use crate::error::Error;
use crate::memory;
use crate::text::{Lengths, Misplaced, Unit};
use crate::work;

/// An edit of an editor's copy: one or more changes, each after the one before it.
#[derive(Debug, Clone)]
pub(crate) struct ViewEdit {
    unit: Unit,
    /// The length of the copy after the changes.
    length: u32,
    /// From the copy before the edit to the copy after it.
    spans: Spans,
}

impl ViewEdit {
    /// Returns an edit without changes of a copy with this length.
    pub(crate) fn new(unit: Unit, length: u32) -> Self {
        Self { unit, length, spans: Spans::default() }
    }

    /// Returns whether the changes change nothing.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.spans.list.is_empty()
    }

    /// Adds a change: removes `remove` units at `at`, then inserts text there. Costs O(1) if the
    /// change is behind the ones before it, and else O(changes).
    ///
    /// # Errors
    /// `Misplaced` if the copy is shorter, or a position is inside of a character that this edit
    /// inserted; `Failed` if there is not enough memory. The edit is not valid then.
    pub(crate) fn push(&mut self, at: u32, remove: u32, insert: &str) -> Result<(), EditRefusal> {
        let behind = at.checked_add(remove).and_then(|end| self.length.checked_sub(end));
        if behind.is_none() {
            return Err(Misplaced::Beyond(self.length).into());
        }
        let inserted = Lengths::of(insert).in_unit(self.unit);
        let change = DeltaChange { at, removed: remove, removed_text: "", inserted, inserted_text: insert };
        self.spans.compose(change, self.unit)?;
        self.length = self.length.saturating_sub(remove).saturating_add(inserted);
        Ok(())
    }
}

/// A change of the document that an edit of the copy causes, in the unit of the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocumentSplice {
    /// The position in the document's text before all changes of the edit.
    pub(crate) at: u32,
    pub(crate) remove: u32,
    pub(crate) insert: String,
}

/// An edit in the document, and the delta after the edit.
#[derive(Debug, Clone)]
pub(crate) struct Transformed {
    /// The changes in ascending order. They do not overlap or touch.
    pub(crate) splices: Vec<DocumentSplice>,
    /// The delta from the copy after the edit to the document's text after the splices.
    pub(crate) delta: ViewDelta,
}

impl ViewDelta {
    /// Moves an edit of the copy through the delta, and the delta through the edit.
    ///
    /// Text that others inserted stays, also inside of a part that the edit removes. Where both
    /// insert at one position of the copy, the text of the edit is before that of the others, as
    /// if the editor had taken the changes and its cursor had stayed in front of them. In a text
    /// that others replaced, the edit inserts after their text, unless it inserts at the start.
    ///
    /// The positions of the splices are those of the document's text before the edit. A caller
    /// converts them to scalar values and applies the last splice first, so that the other
    /// positions stay valid. The conversion fails if a position is inside of a character; the
    /// caller refuses the edit then. After the commit, the caller replaces the delta by the new
    /// one, and does not add the changes of the commit to it.
    ///
    /// O(spans of the delta and of the edit).
    ///
    /// # Errors
    /// `Misplaced` if a position is inside of a character of a known removed text; `Failed` if
    /// there is not enough memory.
    pub(crate) fn transform(&self, edit: &ViewEdit) -> Result<Transformed, EditRefusal> {
        debug_assert_eq!(self.unit, edit.unit);
        let (mut own, mut others) = (SpanParts::new(&edit.spans), SpanParts::new(&self.spans));
        let (mut splices, mut spans) = (Vec::new(), Spans::default());
        let mut at = 0_u32;
        while let Some(mine) = own.current {
            work::step();
            if mine.kind == SpanKind::Insert {
                let splice = splice_at(&mut splices, at)?;
                memory::reserve_text(&mut splice.insert, mine.text.len())?;
                splice.insert.push_str(mine.text);
                spans.push(DeltaSpan::new(SpanKind::Keep, mine.units))?;
                own.advance();
                continue;
            }
            let other = others.current.unwrap_or(SpanPart { kind: SpanKind::Keep, units: u32::MAX, text: "" });
            if other.kind == SpanKind::Insert {
                spans.push(DeltaSpan::new(SpanKind::Insert, other.units))?;
                at = at.saturating_add(other.units);
                others.advance();
                continue;
            }
            let units = mine.units.min(other.units);
            let text = others.take(units, self.unit)?;
            own.take(units, self.unit)?;
            match (mine.kind, other.kind) {
                (SpanKind::Remove, SpanKind::Remove) => {}
                (SpanKind::Remove, _) => {
                    let splice = splice_at(&mut splices, at)?;
                    splice.remove = splice.remove.saturating_add(units);
                    at = at.saturating_add(units);
                }
                (_, SpanKind::Remove) => spans.push(DeltaSpan::with_text(SpanKind::Remove, units, text)?)?,
                _ => {
                    spans.push(DeltaSpan::new(SpanKind::Keep, units))?;
                    at = at.saturating_add(units);
                }
            }
        }
        while let Some(other) = others.current {
            spans.push(DeltaSpan::with_text(other.kind, other.units, other.text)?)?;
            others.advance();
        }
        spans.trim();
        if spans.list.is_empty() {
            spans = Spans::default();
        }
        let mut delta = Self { unit: self.unit, spans };
        delta.bound();
        Ok(Transformed { splices, delta })
    }
}

/// Returns the last splice if it ends at a position of the document, or else a new one.
fn splice_at(splices: &mut Vec<DocumentSplice>, at: u32) -> Result<&mut DocumentSplice, Error> {
    if splices.last().is_none_or(|last| last.at.saturating_add(last.remove) != at) {
        memory::reserve(splices, 1)?;
        splices.push(DocumentSplice { at, remove: 0, insert: String::new() });
    }
    let last = splices.len() - 1;
    Ok(&mut splices[last])
}

/// A span, or the part of it that is not taken yet.
#[derive(Debug, Clone, Copy)]
struct SpanPart<'a> {
    kind: SpanKind,
    units: u32,
    text: &'a str,
}

/// Walks over spans, each of which can be split.
struct SpanParts<'a> {
    current: Option<SpanPart<'a>>,
    rest: &'a [DeltaSpan],
}

impl<'a> SpanParts<'a> {
    fn new(spans: &'a Spans) -> Self {
        let mut parts = Self { current: None, rest: &spans.list };
        parts.advance();
        parts
    }

    /// Continues with the next span.
    fn advance(&mut self) {
        let Some((next, rest)) = self.rest.split_first() else {
            self.current = None;
            return;
        };
        self.current = Some(SpanPart { kind: next.kind, units: next.units, text: &next.text });
        self.rest = rest;
    }

    /// Takes at most all units of the current span, and returns their text if it is known.
    fn take(&mut self, units: u32, unit: Unit) -> Result<&'a str, Misplaced> {
        let Some(current) = &mut self.current else { return Ok("") };
        let (head, tail) = cut(current.text, units, unit)?;
        current.units = current.units.saturating_sub(units);
        current.text = tail;
        if current.units == 0 {
            self.advance();
        }
        Ok(head)
    }
}
