//! Collaborative texts: the edits of one text and the text that they result in.
//!
//! A [`Text`] starts with its base: the value that was written as its ground, or the text at the
//! horizon. It applies edits in the order of their event numbers. An edit acts at the position that
//! its author saw, and the characters of concurrent edits are ordered by Fugue's tree. An edit at a
//! position that did not exist for its author is void: it does nothing.
//!
//! Stores the edits as runs (`edits`), the text as pieces (`pieces`), and how the edits build on
//! each other (`ancestry`). While concurrent edits are likely to follow, also a `tracker`. Content
//! stays in the log: callers pass it. Always holds: the pieces show what the edits result in,
//! whatever the order in which they arrived. Does not know tables, and which edits have the text's
//! ground.
//!
//! Sources: J. Gentle and M. Kleppmann, "Collaborative Text Editing with Eg-walker", 2025; M.
//! Weidner and M. Kleppmann, "The Art of the Fugue", 2025.

mod ancestry;
mod delta;
mod difference;
mod edits;
mod history;
mod names;
mod pieces;
mod rewrite;
mod run;
mod tracker;
mod undo;
mod unit;
mod walk;

pub(crate) use delta::{DocumentSplice, EditRefusal, Transformed, ViewChange, ViewDelta, ViewEdit};
pub(crate) use difference::{TextSplice, difference};
pub(crate) use history::CharPosition;
pub(crate) use names::{CharName, NamedSpan};
pub(crate) use rewrite::{Replacement, rewrite};
#[cfg(test)]
pub(crate) use run::VoidEdits;
pub(crate) use run::{Edit, EditRun, RunKind};
pub use unit::Unit;
pub(crate) use unit::{Lengths, Misplaced};
#[cfg(test)]
pub(crate) use walk::Change;
pub(crate) use walk::Outcome;

use crate::error::Error;
use crate::graph::Graph;
use crate::id::{EventNumber, PeerNumber};
use crate::lanes::Lanes;
use crate::memory;
use crate::oplog::ContentRange;
use crate::sort;
use ancestry::{Ancestry, is_chained};
use edits::{Edits, EditsEnd};
use pieces::Pieces;
use std::ops::Range;
use tracker::Tracker;

/// The bytes that the trackers of a document may keep.
pub(crate) const TRACKER_BYTES: usize = 16 << 20;

/// What the edits of a text refer to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'a> {
    /// The graph with the events of all edits.
    pub(crate) graph: &'a Graph,
    pub(crate) lanes: &'a Lanes,
    /// The content of the log, which `ContentRange` refers to.
    pub(crate) content: &'a str,
}

/// A tracker, which has all edits from its start to an end.
#[derive(Debug)]
struct KeptTracker {
    tracker: Tracker,
    end: EditsEnd,
}

/// A text, and the edits that lead to it.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// The characters before all edits, in the order of the text and of their content.
    base: Vec<NamedSpan>,
    edits: Edits,
    pieces: Pieces,
    /// `None` until an edit is applied after the text was loaded.
    ancestry: Option<Ancestry>,
    tracker: Option<Box<KeptTracker>>,
}

impl Text {
    /// Returns a text without edits. `base` is its content before all edits: one span for a written
    /// value, or the spans of the text at the horizon. Their content must be ascending, without
    /// overlaps, and before that of any edit.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn new(base: Vec<NamedSpan>, content: &str) -> Result<Self, Error> {
        let mut text = Self { base, ancestry: Some(Ancestry::default()), ..Self::default() };
        for at in 0..text.base.len() {
            let range = text.base[at].content;
            text.append(range, content)?;
        }
        Ok(text)
    }

    /// Returns a text with edits and the ranges of the content that show, which are not computed
    /// again. `runs` are sorted by event and place, and their content is ascending; edits that
    /// change nothing have an empty range anywhere. `None` if that is not so, or if a range is not
    /// one of characters of the base or of an edit, or shows twice. O(n log n).
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn load(
        base: Vec<NamedSpan>,
        runs: impl IntoIterator<Item = EditRun>,
        shown: &[ContentRange],
        sources: Sources<'_>,
    ) -> Result<Option<Self>, Error> {
        let mut text = Self { base, ..Self::default() };
        let mut content_end = text.base.last().map_or(0, |span| span.content.end());
        let mut last = None;
        for run in runs {
            let is_next =
                last < Some((run.first, run.place())) && (run.content.bytes == 0 || run.content.start >= content_end);
            if !is_next || !run.is_sound(sources) {
                return Ok(None);
            }
            content_end = content_end.max(if run.content.bytes == 0 { 0 } else { run.content.end() });
            last = Some((run.last(), run.place()));
            text.edits.reserve(1)?;
            text.edits.push(&run, is_chained(run.first, sources.graph));
        }
        if !text.is_partition(shown, sources.content)? {
            return Ok(None);
        }
        for &range in shown {
            text.append(range, sources.content)?;
        }
        Ok(Some(text))
    }

    fn append(&mut self, range: ContentRange, content: &str) -> Result<(), Error> {
        self.pieces.reserve(1, range.bytes)?;
        self.pieces.insert(self.pieces.lengths().scalars, range, content);
        Ok(())
    }

    /// Returns whether these ranges are of characters of the base or of edits that are not void,
    /// and do not overlap.
    fn is_partition(&self, shown: &[ContentRange], content: &str) -> Result<bool, Error> {
        let mut sorted: Vec<ContentRange> = Vec::new();
        memory::reserve(&mut sorted, shown.len())?;
        sorted.extend_from_slice(shown);
        sort::sort(&mut sorted);
        let of_edits = self.edits.runs().filter(|run| !run.is_void()).map(|run| run.content);
        let mut sources = self.base.iter().map(|span| span.content).chain(of_edits).filter(|range| range.bytes > 0);
        let mut source = sources.next();
        for range in &sorted {
            let (mut next, end) = (range.start, range.end());
            if range.of(content).len() != range.bytes as usize || range.bytes == 0 {
                return Ok(false);
            }
            // A range can have the content of several edits.
            while next < end {
                match source {
                    Some(held) if held.end() <= next => source = sources.next(),
                    Some(held) if held.start <= next => next = held.end(),
                    _ => return Ok(false),
                }
            }
        }
        Ok(sorted.windows(2).all(|pair| pair[0].end() <= pair[1].start))
    }

    /// Returns the length of the text.
    pub(crate) fn lengths(&self) -> Lengths {
        self.pieces.lengths()
    }

    /// Returns a position in all units. O(log n).
    ///
    /// # Errors
    /// `Misplaced` if the text is shorter, or the position is inside of a character.
    pub(crate) fn position(&self, at: u32, unit: Unit, content: &str) -> Result<Lengths, Misplaced> {
        self.pieces.position(at, unit, content)
    }

    /// Returns a part of the text, in slices of the content. O(log n) for the first slice.
    ///
    /// # Errors
    /// `Misplaced` if the text is shorter, or a position is inside of a character.
    pub(crate) fn slice<'a>(
        &self,
        range: Range<u32>,
        unit: Unit,
        content: &'a str,
    ) -> Result<impl Iterator<Item = &'a str>, Misplaced> {
        let from = self.position(range.start, unit, content)?;
        let to = self.position(range.end.max(range.start), unit, content)?;
        Ok(self.pieces.slice(from, to, content))
    }

    /// Returns the text in slices of the content. O(n).
    pub(crate) fn slices<'a>(&'a self, content: &'a str) -> impl Iterator<Item = &'a str> {
        self.shown().map(|range| range.of(content))
    }

    /// Returns whether an edit is not void.
    pub(crate) fn is_edited(&self) -> bool {
        self.edits.has_valid()
    }

    /// Replaces the numbers of peers, of a text without edits.
    pub(crate) fn renumber(&mut self, number: &impl Fn(PeerNumber) -> PeerNumber) {
        for span in &mut self.base {
            if let CharName::Inserted { peer, .. } = &mut span.name {
                *peer = number(*peer);
            }
        }
    }

    /// Returns the text. O(n).
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    #[cfg(test)]
    pub(crate) fn read(&self, content: &str) -> Result<String, Error> {
        let mut text = String::new();
        memory::reserve_text(&mut text, self.lengths().bytes as usize)?;
        self.pieces.slice(Lengths::default(), self.lengths(), content).for_each(|slice| text.push_str(slice));
        Ok(text)
    }

    /// Returns the characters before all edits.
    pub(crate) fn base(&self) -> &[NamedSpan] {
        &self.base
    }

    /// Returns the edits from an event on, each with whether it is void.
    pub(crate) fn edits_from<'a>(
        &'a self,
        event: EventNumber,
        content: &'a str,
    ) -> impl Iterator<Item = (Edit, bool)> + 'a {
        self.edits.from(event, content)
    }

    /// Returns the edits of the events after this one, or all edits for `None`, in runs.
    #[cfg(test)]
    pub(crate) fn runs_after<'a>(
        &'a self,
        event: Option<EventNumber>,
        content: &'a str,
    ) -> impl Iterator<Item = EditRun> + 'a {
        self.edits.after(event, content)
    }

    /// Returns whether an edit is void, or `None` if the operation with this index in the commit of
    /// an event is no edit of this text. O(log n).
    pub(crate) fn is_void(&self, event: EventNumber, place: u32) -> Option<bool> {
        self.are_void(event, place).map(|(are_void, _)| are_void)
    }

    /// Returns the same, and the number of consecutive events from this one on for which it is
    /// known to hold. O(log n).
    pub(crate) fn are_void(&self, event: EventNumber, place: u32) -> Option<(bool, u32)> {
        self.edits.find(event, place).map(|(run, index)| (run.is_void(), run.count - index))
    }

    /// Returns whether the operation with this index in the commit of an event is an edit of this
    /// text. O(log n).
    pub(crate) fn has_edit(&self, event: EventNumber, place: u32) -> bool {
        self.edits.find(event, place).is_some()
    }

    /// Returns the ranges of the content that show, in the order of the text.
    pub(crate) fn shown(&self) -> impl Iterator<Item = ContentRange> {
        self.pieces.ranges()
    }

    /// Returns the number of runs of edits.
    pub(crate) fn run_count(&self) -> usize {
        self.edits.runs_after(None)
    }

    /// Returns the bytes of memory that the text takes, without the tracker.
    #[cfg(test)]
    pub(crate) fn bytes_at_rest(&self) -> usize {
        self.base.capacity() * size_of::<NamedSpan>()
            + self.edits.bytes()
            + self.pieces.bytes()
            + self.ancestry.as_ref().map_or(0, Ancestry::bytes)
    }

    /// Returns the bytes of memory that the tracker takes.
    pub(crate) fn tracker_bytes(&self) -> usize {
        self.tracker.as_ref().map_or(0, |kept| kept.tracker.bytes())
    }

    /// Frees the memory of the tracker. The next concurrent edit rebuilds it.
    pub(crate) fn drop_tracker(&mut self) {
        self.tracker = None;
    }

    /// Panics if an invariant is broken. O(n²).
    pub(crate) fn dbg_check(&self, sources: Sources<'_>) {
        self.pieces.dbg_check(sources.content);
        self.edits.dbg_check(sources.content);
        if let Some(ancestry) = &self.ancestry {
            ancestry.dbg_check(&self.edits, sources.graph);
        }
        if let Some(kept) = &self.tracker {
            kept.tracker.dbg_check();
        }
        let shown: Vec<ContentRange> = self.shown().collect();
        assert_eq!(self.is_partition(&shown, sources.content), Ok(true));
    }
}

#[cfg(test)]
mod tests;
