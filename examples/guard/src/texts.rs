//! The interface `texts`: wraps views of the engine, and checks their edits.

use crate::Component;
use crate::contract::converge::sync::durable as engine;
use crate::contract::converge::sync::texts::View as EngineView;
use crate::contract::converge::sync::types::{Cell, Error, EventId, Value};
use crate::contract::exports::converge::sync::durable;
use crate::contract::exports::converge::sync::texts as wit;
use crate::durable::Doc;
use crate::rules::Rules;
use std::rc::Rc;

/// A view of a text.
pub(crate) struct View {
    view: EngineView,
    doc: Rc<engine::Doc>,
    table: String,
    row: String,
    column: String,
}

impl wit::Guest for Component {
    type View = View;
}

impl View {
    /// Checks an edit with these insertions, which removes this number of units.
    fn check(&self, inserted: &[&str], removed: usize) -> Result<(), Error> {
        let Some(rules) = Rules::get() else { return Ok(()) };
        let Self { table, row, column, .. } = self;
        for insert in inserted {
            let (table, row, column, insert) = (table.clone(), row.clone(), column.clone(), (*insert).to_owned());
            rules.check_op(&engine::RowOp::Splice(engine::SpliceOp {
                table,
                row,
                column,
                at: 0,
                remove: 0,
                insert,
            }))?;
        }
        let cells = self.doc.get(table, row).unwrap_or_default();
        let before = match cells.iter().find(|Cell { column, .. }| *column == self.column) {
            Some(Cell { value: Value::Text(text), .. }) => text.len(),
            _ => 0,
        };
        let inserted: usize = inserted.iter().map(|insert| insert.len()).sum();
        rules.check_length(table, column, (before + inserted).saturating_sub(removed))
    }
}

impl wit::GuestView for View {
    fn open(
        doc: durable::DocBorrow<'_>,
        table: String,
        row: String,
        column: String,
        unit: wit::Unit,
    ) -> Result<wit::View, Error> {
        let doc = doc.get::<Doc>().0.clone();
        let view = EngineView::open(&doc, &table, &row, &column, unit.into())?;
        Ok(wit::View::new(Self { view, doc, table, row, column }))
    }

    fn read(&self) -> Option<String> {
        self.view.read()
    }

    fn length(&self) -> u32 {
        self.view.length()
    }

    fn slice(&self, start: u32, end: u32) -> Result<String, Error> {
        self.view.slice(start, end)
    }

    fn edit(&self, changes: Vec<wit::Change>) -> Result<EventId, Error> {
        let inserted: Vec<&str> = changes.iter().map(|change| change.insert.as_str()).collect();
        // A unit has at least one byte.
        self.check(&inserted, changes.iter().map(|change| change.remove as usize).fold(0, usize::saturating_add))?;
        self.view.edit(&changes.into_iter().map(Into::into).collect::<Vec<_>>())
    }

    fn take(&self) -> Option<Vec<wit::Change>> {
        Some(self.view.take()?.into_iter().map(Into::into).collect())
    }

    fn rewrite(&self, text: String) -> Result<Option<EventId>, Error> {
        // The present text is replaced, except for changes that the editor has not taken.
        self.check(&[&text], usize::MAX)?;
        self.view.rewrite(&text)
    }

    fn anchor(&self, at: u32, side: wit::Side) -> Result<Vec<u8>, Error> {
        self.view.anchor(at, side.into())
    }

    fn position(&self, anchor: Vec<u8>) -> Result<Option<u32>, Error> {
        self.view.position(&anchor)
    }
}
