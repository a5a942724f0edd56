//! Edits: operations on the value that their author saw in a cell.
//!
//! A write or a delete left that value there: the edit's ground. An edit counts while its ground is
//! still the cell's last write or delete. `docs/semantics.md` states the rule; `ground.rs` finds
//! the ground of an edit.
//!
//! Stores, for each cell with edits that can count, their sum or text by ground. Always holds: the
//! ground of an entry is the cell's latest write, or, if no write counts, the latest delete of an
//! existing row. An edit with another ground never counts again: stamps of later writes and deletes
//! only grow.

mod cell;
mod ground;
mod kept;
mod past;
mod per_ground;
mod shown;
mod sums;
mod texts;

pub(super) use cell::{CellEdit, EditedCell, TypedRun};
pub(crate) use ground::PLAIN_SPENDS;
pub(super) use ground::PlainOps;
pub(super) use kept::KeptGrounds;
pub(super) use past::Past;
use per_ground::PerGround;
pub(super) use shown::{Chosen, RowContent, ShownCell, ShownEdits, ShownValue};
pub(super) use sums::{Sums, sum_on};
pub(super) use texts::{SplicedText, TextBases, Texts, span_of_ground};

use super::Rows;
use super::stamp::Stamp;
use crate::id::{PeerNumber, RowNumber};
use std::collections::BTreeMap;

/// The write or delete that left the value on which an edit acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// The latest delete of the row; `Stamp::NEVER` if there is none. No write counts after it.
    Delete(Stamp),
    /// The latest write to the cell, which counts; an unset too.
    Write(Stamp),
}

impl Ground {
    pub(super) fn is_write(self) -> bool {
        matches!(self, Self::Write(_))
    }
}

/// What a row stores because its cells were edited.
#[derive(Debug, Default)]
pub(super) struct RowEdits {
    pub(super) sums: Sums,
    pub(super) texts: Texts,
    /// `None` until the next edit of the row, after it was loaded or peers were renumbered.
    pub(super) plain: Option<PlainOps>,
}

impl RowEdits {
    /// Returns what the edits result in.
    pub(super) fn shown(&self) -> ShownEdits<'_> {
        ShownEdits { sums: &self.sums, texts: &self.texts }
    }

    /// Returns whether the plain operations on the row are recorded.
    pub(super) fn is_indexed(&self) -> bool {
        self.plain.is_some()
    }

    /// Replaces the numbers of peers.
    pub(super) fn renumber(&mut self, number: &impl Fn(PeerNumber) -> PeerNumber) {
        self.sums.renumber(number);
        self.texts.renumber(number);
        self.texts.entries_mut().for_each(|entry| entry.value.text.renumber(number));
        self.plain = None;
    }
}

/// The edited rows of a document.
#[derive(Debug, Default)]
pub(super) struct EditedRows {
    /// The index of each row's edits.
    places: BTreeMap<RowNumber, u32>,
    edits: Vec<RowEdits>,
}

impl EditedRows {
    pub(super) fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Returns the edits of a row, if it was edited. O(log n).
    pub(super) fn get(&self, row: RowNumber) -> Option<&RowEdits> {
        self.places.get(&row).map(|&at| &self.edits[at as usize])
    }

    pub(super) fn get_mut(&mut self, row: RowNumber) -> Option<&mut RowEdits> {
        self.places.get(&row).map(|&at| &mut self.edits[at as usize])
    }

    /// Returns the edits of a row, and adds the row if it is new. O(log n).
    pub(super) fn entry(&mut self, row: RowNumber) -> &mut RowEdits {
        let next = self.edits.len() as u32;
        let at = *self.places.entry(row).or_insert(next);
        if at == next {
            self.edits.push(RowEdits::default());
        }
        &mut self.edits[at as usize]
    }

    /// Returns the edited rows, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (RowNumber, &RowEdits)> {
        self.places.iter().map(|(&row, &at)| (row, &self.edits[at as usize]))
    }

    /// Replaces the numbers of peers.
    pub(super) fn renumber(&mut self, number: &impl Fn(PeerNumber) -> PeerNumber) {
        self.edits.iter_mut().for_each(|edits| edits.renumber(number));
    }
}

impl Rows {
    /// Stores the sums and texts of a row that has none, unless they are empty.
    pub(super) fn set_edits(&mut self, row: RowNumber, sums: Sums, texts: Texts) {
        if !sums.is_empty() || !texts.is_empty() {
            self.rows[row.index()].is_edited = true;
            *self.edits.entry(row) = RowEdits { sums, texts, plain: None };
        }
    }
}
