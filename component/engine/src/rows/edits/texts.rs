//! The texts of the spliced cells of one row.

use super::{Ground, PerGround};
use crate::error::Error;
use crate::id::{ColumnNumber, EventNumber};
use crate::memory;
use crate::oplog::{ContentRange, OpKind, OpLog};
use crate::rows::state::{Meaning, RowState};
use crate::text::{CharName, EditRun, Lengths, NamedSpan, Outcome, Sources, Text};
use std::sync::Arc;

/// By cell and ground, the texts that splices made.
pub(in crate::rows) type Texts = PerGround<SplicedText>;

/// By cell and ground, the characters of the texts at the horizon.
pub(in crate::rows) type TextBases = PerGround<Arc<[NamedSpan]>>;

/// The value of a ground, with the splices that have this ground.
#[derive(Debug)]
pub(in crate::rows) struct SplicedText {
    pub(in crate::rows) text: Text,
    /// Whether there is a text before all edits: the ground wrote one, or the horizon has one.
    has_base: bool,
}

impl SplicedText {
    /// Returns a text without edits. `base` are the characters of the text at the horizon.
    pub(in crate::rows) fn at_horizon(base: &[NamedSpan], log: &OpLog) -> Result<Self, Error> {
        Self::new(base, true, log)
    }

    /// Returns the value of a ground as a text without edits. `state` is a row that has this
    /// ground.
    pub(in crate::rows) fn of_ground(
        column: ColumnNumber,
        ground: Ground,
        state: &RowState,
        meaning: Meaning<'_>,
    ) -> Result<Self, Error> {
        let written = state.latest(column, meaning).filter(|write| ground.is_write() && !write.is_unset);
        match written.and_then(|write| meaning.log.text(write.cell)) {
            Some(content) => Self::new(span_of_ground(content, meaning.log).as_slice(), true, meaning.log),
            None => Self::new(&[], false, meaning.log),
        }
    }

    fn new(base: &[NamedSpan], has_base: bool, log: &OpLog) -> Result<Self, Error> {
        let mut spans = Vec::new();
        memory::reserve(&mut spans, base.len())?;
        spans.extend_from_slice(base);
        Ok(Self { text: Text::new(spans, log.content())?, has_base })
    }

    /// Returns a loaded text.
    pub(in crate::rows) fn loaded(text: Text, has_base: bool) -> Self {
        Self { text, has_base }
    }

    /// Returns whether there is a text before all edits.
    pub(in crate::rows) fn has_base(&self) -> bool {
        self.has_base
    }

    /// Returns whether the cell shows a text. It does not if all edits of an absent cell are void.
    pub(in crate::rows) fn shows(&self) -> bool {
        self.has_base || self.text.is_edited()
    }

    /// Returns the text without its edits, whose content is appended to another log.
    pub(in crate::rows) fn copied(&self, sources: Sources<'_>, log: &mut OpLog) -> Result<Self, Error> {
        log.reserve_content(self.text.lengths().bytes.into())?;
        let mut spans: Vec<NamedSpan> = Vec::new();
        for span in self.text.spans(sources) {
            memory::reserve(&mut spans, 1)?;
            let content = log.push_content(span.content.of(sources.content));
            log.count_content(content.bytes);
            spans.push(NamedSpan { content, ..span });
        }
        Ok(Self { text: Text::new(spans, log.content())?, has_base: true })
    }

    /// Returns the text as it was in a version, like [`Text::at`].
    pub(in crate::rows) fn at(&self, has: impl Fn(EventNumber) -> bool, sources: Sources<'_>) -> Result<Self, Error> {
        Ok(Self { text: self.text.at(has, sources)?, has_base: self.has_base })
    }

    /// Applies edits whose trackers are not kept.
    pub(in crate::rows) fn apply(
        &mut self,
        edits: impl Iterator<Item = EditRun>,
        sources: Sources<'_>,
    ) -> Result<(), Error> {
        self.text.apply(edits, sources, 0, &mut Outcome::default())
    }
}

/// Returns the characters of a written text; none if it is empty.
pub(in crate::rows) fn span_of_ground(content: ContentRange, log: &OpLog) -> Option<NamedSpan> {
    let scalars = Lengths::of(content.of(log.content())).scalars;
    (scalars > 0).then_some(NamedSpan { name: CharName::Ground(0), of_each: 1, scalars, content })
}

impl Texts {
    /// Returns an invariant that is broken, if one is.
    pub(in crate::rows) fn defect(&self, state: &RowState, meaning: Meaning<'_>) -> Option<&'static str> {
        self.defect_of(OpKind::Splice, state, meaning).then_some("a cell was spliced that is no text")
    }

    /// Returns the text that a cell shows, if it was spliced.
    pub(in crate::rows) fn shown(&self, column: ColumnNumber, state: &RowState) -> Option<&Text> {
        let is_on_write = state.written.iter().any(|write| write.column() == column && write.counts);
        let entry = self.get(column, is_on_write).filter(|_| state.exists())?;
        entry.value.shows().then_some(&entry.value.text)
    }

    /// Returns the bases of texts, all of which are texts at the horizon.
    pub(in crate::rows) fn bases(&self) -> TextBases {
        let mut bases = TextBases::default();
        for entry in self.iter() {
            bases.set(entry.column, entry.ground, entry.value.text.base().into());
        }
        bases
    }
}
