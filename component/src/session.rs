//! The interface `session`: sessions as resources, which keep their document and store alive.

use crate::Component;
use crate::contract::exports::converge::sync::session as wit;
use crate::contract::exports::converge::sync::{durable, ephemeral, types};
use crate::durable::Doc;
use crate::ephemeral::Store;
use converge_engine as engine;
use std::cell::RefCell;
use std::rc::Rc;

/// One side of a session.
pub(crate) struct Session {
    session: RefCell<engine::Session>,
    doc: Rc<RefCell<engine::Doc>>,
    store: Rc<RefCell<engine::Store>>,
}

impl wit::Guest for Component {
    type Session = Session;
}

impl wit::GuestSession for Session {
    fn open(
        doc: durable::DocBorrow<'_>,
        store: ephemeral::StoreBorrow<'_>,
        options: wit::SessionOptions,
    ) -> Result<wit::Session, types::Error> {
        let (doc, store) = (doc.get::<Doc>().0.clone(), store.get::<Store>().0.clone());
        let session = engine::Session::open(&doc.borrow(), &mut store.borrow_mut(), options.into())?;
        Ok(wit::Session::new(Self { session: RefCell::new(session), doc, store }))
    }

    fn poll(&self, now: f64) -> Result<Option<Vec<u8>>, types::Error> {
        let Self { session, doc, store } = self;
        Ok(session.borrow_mut().poll(&doc.borrow(), &mut store.borrow_mut(), now)?)
    }

    fn receive(&self, message: Vec<u8>, now: f64) -> Result<wit::Received, types::Error> {
        let Self { session, doc, store } = self;
        Ok(session.borrow_mut().receive(&mut doc.borrow_mut(), &mut store.borrow_mut(), &message, now)?.into())
    }

    fn update_of(&self, message: Vec<u8>) -> Result<Option<Vec<u8>>, types::Error> {
        Ok(self.session.borrow().update_of(&message)?)
    }

    fn progress(&self) -> wit::Progress {
        self.session.borrow().progress(&self.doc.borrow()).into()
    }
}
