//! Views of texts, for editors.
//!
//! A view has its editor's copy of a text: as of the last take or read, plus the editor's own
//! edits. Positions that an editor passes and receives are positions in its copy.

use super::Doc;
use crate::error::{Error, Invalid, Name};
use crate::id::EventId;
use crate::limits;
use crate::oplog::{Commit, RowOp};
use crate::rows::{CellText, TextCell, View, ViewNumber, ViewedCell};
use crate::text::{
    DocumentSplice, EditRefusal, Lengths, Misplaced, Replacement, Transformed, Unit, ViewChange, ViewEdit, rewrite,
};

/// A change of an editor's copy: removes `remove` units at `at`, then inserts `insert` there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextChange {
    /// The position, in the unit of the view.
    pub at: u32,
    /// The number of units to remove.
    pub remove: u32,
    /// What is inserted.
    pub insert: String,
}

impl Doc {
    /// Opens a view of a text cell. Neither the cell nor the row need exist. The editor's copy is
    /// the text that the cell shows now; an empty text if it shows none. O(log n).
    ///
    /// # Errors
    /// `InvalidArgument` for empty names; `LimitExceeded` for names that are too long, and for more
    /// than `limits::VIEWS` views.
    pub fn open_view(
        &mut self,
        table: impl Into<String>,
        row: impl Into<String>,
        column: impl Into<String>,
        unit: Unit,
    ) -> Result<ViewNumber, Error> {
        let cell = ViewedCell { table: table.into(), row: row.into(), column: column.into() };
        Name::Table.check(&cell.table)?;
        Name::Row.check(&cell.row)?;
        Name::Column.check(&cell.column)?;
        self.rows.open_view(cell, unit)
    }

    /// Ends a view.
    pub fn close_view(&mut self, view: ViewNumber) {
        self.rows.close_view(view);
    }

    /// Returns the whole text, and forgets what changed before. `None` if the cell shows no text,
    /// or if the view was closed. O(length of the text).
    pub fn read_view(&mut self, view: ViewNumber) -> Option<String> {
        let text = self.viewed_text(view).map(|text| text.read(self.log.content()));
        self.rows.view_mut(view)?.delta.clear();
        text
    }

    /// Returns the length of the document's text in the unit of the view; 0 if the cell shows no
    /// text. O(log n), and O(length) for a text that was never spliced.
    #[must_use]
    pub fn view_length(&self, view: ViewNumber) -> u32 {
        let unit = self.rows.view(view).map_or(Unit::Scalar, |view| view.unit);
        self.viewed_text(view).map_or(0, |text| text.lengths().in_unit(unit))
    }

    /// Returns a part of the document's text. O(log n + the result).
    ///
    /// # Errors
    /// `InvalidArgument` if the text is shorter, if `end` is before `start`, if a position is
    /// inside of a character, and if the view was closed.
    pub fn view_slice(&self, view: ViewNumber, start: u32, end: u32) -> Result<String, Error> {
        let unit = self.open(view)?.unit;
        let text = self.viewed_text(view).unwrap_or(CellText::Written(""));
        let content = self.log.content();
        let position = |at| text.position(at, unit, content).map_err(|misplaced| refused(misplaced, at));
        let (from, to) = (position(start)?, position(end)?);
        if start > end {
            return Err(Invalid::PositionBeyondText { at: start, length: end }.into());
        }
        Ok(text.slice(from, to, content).collect())
    }

    /// Commits changes of the editor's copy as one event. Each change acts on the copy after the
    /// change before it. What the editor removes stays removed; where others inserted text in the
    /// removed part, that text stays. The cost is that of [`Doc::commit`], and O(changes of others
    /// since the last take) for each change.
    ///
    /// # Errors
    /// `InvalidArgument` for a position beyond the copy or inside of a character, if the cell shows
    /// another value than a text, and if the view was closed; `NoSuchRow` if the row does not
    /// exist; `LimitExceeded` if the text gets longer than `limits::VALUE_BYTES`, and as for
    /// [`Doc::commit`].
    pub fn edit_view(&mut self, view: ViewNumber, changes: &[TextChange]) -> Result<EventId, Error> {
        limits::COMMIT_OPERATIONS.check(changes.len() as u64)?;
        let mut edit = self.begin_edit(view)?;
        for TextChange { at, remove, insert } in changes {
            edit.push(*at, *remove, insert).map_err(|refusal| refused_edit(refusal, *at))?;
        }
        self.commit_edit(view, &edit)
    }

    /// Returns the changes by others since the last take, in ascending order; each acts on the copy
    /// after the change before it. `None` if the cell shows no text, or if the view was closed; the
    /// copy is then empty. O(changes + the inserted text).
    pub fn take_view(&mut self, view: ViewNumber) -> Option<Vec<TextChange>> {
        let View { unit, delta, .. } = self.rows.view(view)?;
        let changes = self.viewed_text(view).map(|text| {
            let content = self.log.content();
            let position = |at| text.position(at, *unit, content).unwrap_or(text.lengths());
            let change = |ViewChange { at, remove, insert }: ViewChange| TextChange {
                at,
                remove,
                insert: text.slice(position(at), position(at.saturating_add(insert)), content).collect(),
            };
            delta.changes().map(change).collect()
        });
        self.rows.view_mut(view)?.delta.clear();
        changes
    }

    /// Edits the text so that the editor's copy becomes `text`, with few changes of whole words,
    /// and returns the event; `None` if the copy is equal. O((length of both) × differences).
    ///
    /// # Errors
    /// Those of [`Doc::edit_view`].
    pub fn rewrite_view(&mut self, view: ViewNumber, text: &str) -> Result<Option<EventId>, Error> {
        limits::VALUE_BYTES.check(text.len() as u64)?;
        let View { unit, delta, .. } = self.open(view)?;
        let unit = *unit;
        let document = self.viewed_text(view).map_or(String::new(), |text| text.read(self.log.content()));
        let copy = match delta.copy_of(&document)? {
            Some(copy) => copy,
            // Others removed too much to tell what the editor has.
            None => {
                if let Some(view) = self.rows.view_mut(view) {
                    view.delta.clear();
                }
                document
            }
        };
        let replacements = rewrite(&copy, text)?;
        if replacements.is_empty() {
            return Ok(None);
        }
        let mut edit = self.begin_edit(view)?;
        // Positions count scalar values of the text so far, which begins like the new text.
        let (mut done, mut position) = (0, Lengths::default());
        let mut kept = copy.as_str();
        for Replacement { at, remove, insert } in replacements {
            let (before, rest) = cut(kept, at - done);
            let (removed, rest) = cut(rest, remove);
            kept = rest;
            position = sum(position, Lengths::of(before));
            let inserted = text.get(insert).unwrap_or_default();
            let (at, remove) = (position.in_unit(unit), Lengths::of(removed).in_unit(unit));
            edit.push(at, remove, inserted).map_err(|refusal| refused_edit(refusal, at))?;
            position = sum(position, Lengths::of(inserted));
            done = position.scalars;
        }
        self.commit_edit(view, &edit).map(Some)
    }

    /// Returns an open view.
    pub(super) fn open(&self, view: ViewNumber) -> Result<&View, Error> {
        self.rows.view(view).ok_or_else(|| Invalid::ClosedView.into())
    }

    /// Returns the text that the cell of a view shows.
    pub(super) fn viewed_text(&self, view: ViewNumber) -> Option<CellText<'_>> {
        let ViewedCell { table, row, column } = &self.rows.view(view)?.cell;
        self.rows.text_cell(&self.log, table, row, column)?.text()
    }

    /// Returns an edit of the editor's copy, which has no changes yet.
    fn begin_edit(&self, view: ViewNumber) -> Result<ViewEdit, Error> {
        let View { cell: ViewedCell { table, row, column }, unit, delta, .. } = self.open(view)?;
        let cell = || (table.clone(), row.clone(), column.clone());
        let lengths = match self.rows.text_cell(&self.log, table, row, column) {
            None => return Err(Error::NoSuchRow { table: table.clone(), row: row.clone() }),
            Some(TextCell::Other) => return Err(Invalid::NotAText { cell: cell() }.into()),
            Some(TextCell::Empty) => Lengths::default(),
            Some(TextCell::Text(text)) => text.lengths(),
        };
        Ok(ViewEdit::new(*unit, delta.copy_length(lengths)))
    }

    fn commit_edit(&mut self, view: ViewNumber, edit: &ViewEdit) -> Result<EventId, Error> {
        let View { cell: ViewedCell { table, row, column }, unit, delta, .. } = self.open(view)?;
        let Transformed { splices, delta } = delta.transform(edit).map_err(|refusal| refused_edit(refusal, 0))?;
        let text = self.viewed_text(view).unwrap_or(CellText::Written(""));
        let mut ops = Commit::new();
        // The last change first, so that it does not move the places of the others.
        for DocumentSplice { at, remove, insert } in splices.into_iter().rev() {
            let position = |at: u32| {
                let found = text.position(at, *unit, self.log.content());
                found.map_err(|misplaced| refused(misplaced, at))
            };
            let (start, end) = (position(at)?.scalars, position(at.saturating_add(remove))?.scalars);
            let (table, row, column) = (table.clone(), row.clone(), column.clone());
            ops.push(RowOp::Splice { table, row, column, at: start, remove: end - start, insert });
        }
        self.rows.set_editing(Some(view));
        let committed = self.commit(ops);
        self.rows.set_editing(None);
        let event = committed?;
        if let Some(view) = self.rows.view_mut(view) {
            view.delta = delta;
        }
        Ok(event)
    }
}

fn sum(one: Lengths, other: Lengths) -> Lengths {
    use crate::tree::Sum;
    one.plus(other)
}

/// Cuts a text after this many scalar values.
fn cut(text: &str, scalars: u32) -> (&str, &str) {
    let end = text.char_indices().nth(scalars as usize).map_or(text.len(), |(end, _)| end);
    text.split_at(end)
}

/// Returns the error for a position that does not exist.
pub(super) fn refused(misplaced: Misplaced, at: u32) -> Error {
    match misplaced {
        Misplaced::Beyond(length) => Invalid::PositionBeyondText { at, length }.into(),
        Misplaced::Inside => Invalid::PositionInCharacter { at }.into(),
    }
}

fn refused_edit(refusal: EditRefusal, at: u32) -> Error {
    match refusal {
        EditRefusal::Misplaced(misplaced) => refused(misplaced, at),
        EditRefusal::Failed(error) => error,
    }
}
