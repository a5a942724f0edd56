//! Views: what happened to texts since editors last took the changes of others.
//!
//! A view names a cell, which need not exist. Its delta leads from the editor's copy to the text
//! that the cell shows. A cell that shows no text counts as an empty one.

use super::Rows;
use super::cell_text::{TextSource, ViewedCell};
use crate::error::Error;
use crate::id::{ColumnNumber, RowNumber, TableNumber};
use crate::limits;
use crate::oplog::{LoggedOp, OpLog};
use crate::text::{Lengths, Outcome, Unit, ViewDelta};
use std::collections::BTreeMap;

/// The number of a view in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewNumber(u32);

/// An editor's view of a text cell.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) cell: ViewedCell,
    pub(crate) unit: Unit,
    /// From the editor's copy to the document's text.
    pub(crate) delta: ViewDelta,
    /// The numbers of the row and the column, after these were known.
    place: Option<(RowNumber, ColumnNumber)>,
}

/// The views of a document.
#[derive(Debug, Default)]
pub(super) struct Views {
    views: BTreeMap<ViewNumber, View>,
    next: u32,
    /// The view whose edit is being committed. Its copy already has the changes.
    editing: Option<ViewNumber>,
}

/// The text of a viewed cell before an operation.
pub(super) struct ViewedText {
    view: ViewNumber,
    source: Option<TextSource>,
    lengths: Lengths,
    text: String,
}

impl Views {
    /// Panics if an invariant is broken. O(views).
    pub(super) fn dbg_check(&self) {
        assert_eq!(self.editing, None);
        self.views.values().for_each(|view| view.delta.dbg_check());
    }

    /// Returns whether there are any views.
    pub(super) fn any(&self) -> bool {
        !self.views.is_empty()
    }

    fn on(&mut self, place: (RowNumber, ColumnNumber)) -> impl Iterator<Item = &mut View> {
        let editing = self.editing;
        let views =
            self.views.iter_mut().filter(move |(number, view)| view.place == Some(place) && editing != Some(**number));
        views.map(|(_, view)| view)
    }
}

impl Rows {
    /// Opens a view of a cell.
    ///
    /// # Errors
    /// `LimitExceeded` for more than `limits::VIEWS` views.
    pub(crate) fn open_view(&mut self, cell: ViewedCell, unit: Unit) -> Result<ViewNumber, Error> {
        let views = &mut self.views;
        limits::VIEWS.check(views.views.len() as u64 + 1)?;
        while views.views.contains_key(&ViewNumber(views.next)) {
            views.next = views.next.wrapping_add(1);
        }
        let number = ViewNumber(views.next);
        views.next = views.next.wrapping_add(1);
        views.views.insert(number, View { cell, unit, delta: ViewDelta::new(unit), place: None });
        self.find_views();
        Ok(number)
    }

    pub(crate) fn close_view(&mut self, view: ViewNumber) {
        self.views.views.remove(&view);
    }

    pub(crate) fn view(&self, view: ViewNumber) -> Option<&View> {
        self.views.views.get(&view)
    }

    pub(crate) fn view_mut(&mut self, view: ViewNumber) -> Option<&mut View> {
        self.views.views.get_mut(&view)
    }

    /// Sets the view whose edit is being committed.
    pub(crate) fn set_editing(&mut self, view: Option<ViewNumber>) {
        self.views.editing = view;
    }

    /// Finds the cells of views that did not exist before. O(views) if there are such cells.
    fn find_views(&mut self) {
        let Self { views, table_names, columns, .. } = &*self;
        let unknown = views.views.iter().filter(|(_, view)| view.place.is_none());
        let found: Vec<_> = unknown
            .filter_map(|(number, View { cell, .. })| {
                let row = self.number(TableNumber(table_names.find(&cell.table)?), &cell.row)?;
                Some((*number, (row, ColumnNumber(columns.find(&cell.column)?))))
            })
            .collect();
        for (number, place) in found {
            if let Some(view) = self.views.views.get_mut(&number) {
                view.place = Some(place);
            }
        }
    }

    /// Returns the texts of the viewed cells of the row before an operation, if it is plain.
    pub(super) fn viewed_texts(&mut self, op: &LoggedOp, log: &OpLog) -> Vec<ViewedText> {
        if op.kind.is_edit() {
            return Vec::new();
        }
        let row = op.row;
        self.find_views();
        let on_row = self.views.views.iter().filter_map(|(&view, View { place, .. })| {
            let (of, column) = (*place)?;
            (of == row).then_some((view, column))
        });
        let texts = on_row.map(|(view, column)| {
            let text = self.text_of(log, row, column);
            ViewedText {
                view,
                source: self.text_source(log, row, column),
                lengths: text.map_or(Lengths::default(), |text| text.lengths()),
                text: text.map_or(String::new(), |text| text.read(log.content())),
            }
        });
        texts.collect()
    }

    /// Adds what a plain operation did to viewed cells to the views.
    pub(super) fn after_viewed(&mut self, row: RowNumber, before: Vec<ViewedText>, log: &OpLog) {
        for ViewedText { view, source, lengths, text } in before {
            let Some((_, column)) = self.view(view).and_then(|view| view.place) else { continue };
            if self.text_source(log, row, column) == source {
                continue;
            }
            let inserted = self.text_of(log, row, column).map_or(Lengths::default(), |text| text.lengths());
            if let Some(view) = self.view_mut(view) {
                view.delta.add(Lengths::default(), lengths, [&*text], inserted);
            }
        }
    }

    /// Adds what splices did to the text of a cell to its views.
    pub(super) fn after_splices(&mut self, place: (RowNumber, ColumnNumber), outcome: &Outcome, log: &OpLog) {
        for view in self.views.on(place) {
            for change in &outcome.changes {
                let removed = outcome.removed_by(change).iter().map(|range| range.of(log.content()));
                view.delta.add(change.at, change.removed, removed, change.inserted);
            }
        }
    }

    /// Returns whether a cell is viewed.
    pub(super) fn is_viewed(&mut self, place: (RowNumber, ColumnNumber)) -> bool {
        if !self.views.any() {
            return false;
        }
        self.find_views();
        self.views.on(place).next().is_some()
    }

    /// Takes over the views of other rows, which these rows replace. Their editors see the
    /// differences between both. O(the viewed texts).
    pub(crate) fn take_over_views(&mut self, log: &OpLog, old: &mut Self, old_log: &OpLog) {
        let mut views = std::mem::take(&mut old.views);
        for view in views.views.values_mut() {
            let ViewedCell { table, row, column } = &view.cell;
            let text = |rows: &Self, log: &OpLog| {
                let cell = rows.text_cell(log, table, row, column);
                cell.and_then(|cell| cell.text()).map_or(String::new(), |text| text.read(log.content()))
            };
            let (before, now) = (text(old, old_log), text(self, log));
            if before != now {
                view.delta.add(Lengths::default(), Lengths::of(&before), [&*before], Lengths::of(&now));
            }
            view.place = None;
        }
        self.views = views;
        self.find_views();
    }
}
