//! The interface `texts`: views as resources, which keep their document alive.

use crate::Component;
use crate::contract::exports::converge::sync::texts as wit;
use crate::contract::exports::converge::sync::{durable, types};
use crate::convert::list;
use crate::durable::Doc;
use converge_engine as engine;
use std::cell::RefCell;
use std::rc::Rc;

/// A view of a text.
pub(crate) struct View {
    doc: Rc<RefCell<engine::Doc>>,
    number: engine::ViewNumber,
}

impl wit::Guest for Component {
    type View = View;
}

impl Drop for View {
    fn drop(&mut self) {
        self.doc.borrow_mut().close_view(self.number);
    }
}

impl wit::GuestView for View {
    fn open(
        doc: durable::DocBorrow<'_>,
        table: String,
        row: String,
        column: String,
        unit: wit::Unit,
    ) -> Result<wit::View, types::Error> {
        let doc = doc.get::<Doc>().0.clone();
        let number = doc.borrow_mut().open_view(table, row, column, unit.into())?;
        Ok(wit::View::new(Self { doc, number }))
    }

    fn read(&self) -> Option<String> {
        self.doc.borrow_mut().read_view(self.number)
    }

    fn length(&self) -> u32 {
        self.doc.borrow().view_length(self.number)
    }

    fn slice(&self, start: u32, end: u32) -> Result<String, types::Error> {
        Ok(self.doc.borrow().view_slice(self.number, start, end)?)
    }

    fn edit(&self, changes: Vec<wit::Change>) -> Result<types::EventId, types::Error> {
        let changes: Vec<engine::TextChange> = list(changes);
        Ok(self.doc.borrow_mut().edit_view(self.number, &changes)?.into())
    }

    fn take(&self) -> Option<Vec<wit::Change>> {
        self.doc.borrow_mut().take_view(self.number).map(list)
    }

    fn rewrite(&self, text: String) -> Result<Option<types::EventId>, types::Error> {
        Ok(self.doc.borrow_mut().rewrite_view(self.number, &text)?.map(Into::into))
    }

    fn anchor(&self, at: u32, side: wit::Side) -> Result<Vec<u8>, types::Error> {
        Ok(self.doc.borrow().anchor_view(self.number, at, side.into())?)
    }

    fn position(&self, anchor: Vec<u8>) -> Result<Option<u32>, types::Error> {
        Ok(self.doc.borrow().anchor_position(self.number, &anchor)?)
    }
}
