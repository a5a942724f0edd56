//! Texts of cells, written or spliced.

use super::Rows;
use super::edits::Ground;
use super::stamp::Stamp;
use crate::clock::Lamport;
use crate::id::{ColumnNumber, Counter, EventNumber, PeerNumber, RowNumber};
use crate::oplog::{CellNumber, OpLog};
use crate::text::{CharName, Lengths, Misplaced, Sources, Text, Unit};
use crate::value::ValueRef;

/// The cell of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ViewedCell {
    pub(crate) table: String,
    pub(crate) row: String,
    pub(crate) column: String,
}

/// The text of a cell.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CellText<'a> {
    Written(&'a str),
    Spliced(&'a Text),
}

/// The time and the peer of the event that wrote a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextOrigin {
    pub(crate) lamport: Lamport,
    pub(crate) peer: PeerNumber,
}

/// What a cell shows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TextCell<'a> {
    /// Nothing, or null. It counts as an empty text.
    Empty,
    Text(CellText<'a>),
    /// Another value.
    Other,
}

/// The write, or the ground of the splices, from which the text of a cell comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextSource {
    Written(CellNumber),
    Spliced(Ground),
}

impl<'a> CellText<'a> {
    /// Returns the length of the text. O(1), and O(bytes) for a written text.
    pub(crate) fn lengths(self) -> Lengths {
        match self {
            Self::Written(text) => Lengths::of(text),
            Self::Spliced(text) => text.lengths(),
        }
    }

    /// Returns a position in all units. O(log n), and O(bytes) for a written text.
    ///
    /// # Errors
    /// `Misplaced` if the text is shorter, or the position is inside of a character.
    pub(crate) fn position(self, at: u32, unit: Unit, content: &str) -> Result<Lengths, Misplaced> {
        match self {
            Self::Written(text) => {
                let lengths = Lengths::of(text);
                let length = lengths.in_unit(unit);
                if at > length { Err(Misplaced::Beyond(length)) } else { lengths.up_to(at, unit, text) }
            }
            Self::Spliced(text) => text.position(at, unit, content),
        }
    }

    /// Returns the part of the text between two positions, in slices.
    pub(crate) fn slice(self, from: Lengths, to: Lengths, content: &'a str) -> impl Iterator<Item = &'a str> {
        let (written, spliced) = match self {
            Self::Written(text) => (text.get(from.bytes as usize..to.bytes as usize), None),
            Self::Spliced(text) => (None, text.slice(from.bytes..to.bytes, Unit::Utf8, content).ok()),
        };
        written.into_iter().chain(spliced.into_iter().flatten())
    }

    /// Copies the text.
    pub(crate) fn read(self, content: &str) -> String {
        match self {
            Self::Written(text) => text.to_owned(),
            Self::Spliced(text) => text.slices(content).collect(),
        }
    }
}

impl<'a> TextCell<'a> {
    /// Returns the text, if the cell has one.
    pub(crate) fn text(self) -> Option<CellText<'a>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Empty | Self::Other => None,
        }
    }
}

impl Rows {
    /// Returns what a cell of an existing row shows, or `None` if the row does not exist. O(log n).
    pub(crate) fn text_cell<'a>(
        &'a self,
        log: &'a OpLog,
        table: &str,
        row: &str,
        column: &str,
    ) -> Option<TextCell<'a>> {
        let row = self.find(table, row)?;
        Some(
            self.columns.find(column).map_or(TextCell::Empty, |column| self.shown_cell(log, row, ColumnNumber(column))),
        )
    }

    fn shown_cell<'a>(&'a self, log: &'a OpLog, row: RowNumber, column: ColumnNumber) -> TextCell<'a> {
        let state = &self.rows[row.index()].state;
        if let Some(text) = self.edits.get(row).and_then(|edits| edits.texts.shown(column, state)) {
            return TextCell::Text(CellText::Spliced(text));
        }
        // Additions to an absent cell or to null make it an integer.
        let is_on_write = state.written.iter().any(|write| write.column() == column && write.counts);
        if self.edits.get(row).is_some_and(|edits| edits.sums.get(column, is_on_write).is_some() && state.exists()) {
            return TextCell::Other;
        }
        let write = state.written.iter().find(|write| write.column() == column && write.shows());
        match write.map(|write| log.value(write.cell)) {
            None | Some(ValueRef::Null) => TextCell::Empty,
            Some(ValueRef::Text(text)) => TextCell::Text(CellText::Written(text)),
            Some(_) => TextCell::Other,
        }
    }

    /// Returns where the text of a cell comes from, if the cell shows one.
    pub(super) fn text_source(&self, log: &OpLog, row: RowNumber, column: ColumnNumber) -> Option<TextSource> {
        let state = &self.rows[row.index()].state;
        if !state.exists() {
            return None;
        }
        let texts = self.edits.get(row).map(|edits| &edits.texts);
        let write = state.written.iter().find(|write| write.column() == column && write.counts);
        let spliced = texts.and_then(|texts| texts.get(column, write.is_some())).filter(|entry| entry.value.shows());
        match (spliced, write) {
            (Some(entry), _) => Some(TextSource::Spliced(entry.ground)),
            (None, Some(write)) if write.shows() => log.text(write.cell).map(|_| TextSource::Written(write.cell)),
            _ => None,
        }
    }

    /// Returns the text of a cell that has one.
    pub(super) fn text_of<'a>(&'a self, log: &'a OpLog, row: RowNumber, column: ColumnNumber) -> Option<CellText<'a>> {
        self.text_source(log, row, column).and(self.shown_cell(log, row, column).text())
    }

    /// Returns the write of the text that a cell shows, or on which its splices act. `None` if it
    /// is not known any more, or if nothing was written.
    pub(crate) fn text_origin(&self, log: &OpLog, cell: &ViewedCell) -> Option<TextOrigin> {
        let row = self.find(&cell.table, &cell.row)?;
        let column = ColumnNumber(self.columns.find(&cell.column)?);
        let stamp = match self.text_source(log, row, column)? {
            TextSource::Written(_) => {
                let state = &self.rows[row.index()].state;
                state.written.iter().find(|write| write.column() == column)?.stamp
            }
            TextSource::Spliced(ground) => ground.is_write().then(|| ground.stamp())?,
        };
        let Stamp { lamport, peer, .. } = stamp;
        (lamport != Lamport::NEVER).then_some(TextOrigin { lamport, peer })
    }
}

/// A spliced cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SplicedCell {
    pub(crate) row: RowNumber,
    pub(crate) column: ColumnNumber,
}

/// The text that a splice is an edit of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EditedText<'a> {
    pub(crate) text: &'a Text,
    ground: Ground,
}

impl EditedText<'_> {
    /// Returns whether an event of this lane and time wrote the ground.
    pub(crate) fn is_written_at(&self, (lane, _, time): (PeerNumber, Counter, Lamport)) -> bool {
        let Stamp { lamport, peer, .. } = self.ground.stamp();
        (lamport, peer) == (time, lane)
    }
}

impl Rows {
    /// Returns the text of which an operation is an edit that counts.
    pub(crate) fn text_with_edit(&self, cell: SplicedCell, event: EventNumber, place: u32) -> Option<EditedText<'_>> {
        let texts = &self.edits.get(cell.row)?.texts;
        let mut entries = [true, false].into_iter().filter_map(|is_on_write| texts.get(cell.column, is_on_write));
        let entry = entries.find(|entry| entry.value.text.is_void(event, place) == Some(false))?;
        Some(EditedText { text: &entry.value.text, ground: entry.ground })
    }

    /// Returns the position of a character in the text that a cell shows, in scalar values. `None`
    /// if the character does not show there, or if another one has its name, because the text was
    /// written anew. O(pieces).
    pub(crate) fn char_position(
        &self,
        log: &OpLog,
        sources: Sources<'_>,
        cell: &ViewedCell,
        (name, char): (CharName, char),
    ) -> Option<u32> {
        let text = self.text_cell(log, &cell.table, &cell.row, &cell.column)?.text()?;
        let position = match (text, name) {
            (CellText::Spliced(text), _) => text.shown_position(name, sources)?,
            (CellText::Written(_), CharName::Ground(index)) => index,
            (CellText::Written(_), _) => return None,
        };
        let from = text.position(position, Unit::Scalar, log.content()).ok()?;
        let to = text.position(position.checked_add(1)?, Unit::Scalar, log.content()).ok()?;
        let there = text.slice(from, to, log.content()).next()?;
        there.starts_with(char).then_some(position)
    }
}
