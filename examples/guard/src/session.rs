//! The interface `session`: wraps sessions of the engine, and checks the content of each message
//! before the engine receives it.

use crate::Component;
use crate::contract::converge::sync::durable as engine;
use crate::contract::converge::sync::ephemeral;
use crate::contract::converge::sync::session::Session as EngineSession;
use crate::contract::converge::sync::types::Error;
use crate::contract::exports::converge::sync::durable;
use crate::contract::exports::converge::sync::session as wit;
use crate::durable::Doc;
use crate::rules::Rules;
use std::cell::Cell;
use std::rc::Rc;

/// One side of a session.
pub(crate) struct Session {
    session: EngineSession,
    doc: Rc<engine::Doc>,
    /// Whether a rule rejected a message, which ends the session.
    is_over: Cell<bool>,
}

impl wit::Guest for Component {
    type Session = Session;
}

impl Session {
    fn check_not_over(&self) -> Result<(), Error> {
        match self.is_over.get() {
            true => Err(Error::SessionEnded),
            false => Ok(()),
        }
    }

    fn check(&self, rules: &Rules, message: &[u8]) -> Result<(), Error> {
        let Some(update) = self.session.update_of(message)? else { return Ok(()) };
        // `peek` succeeds for documents, whether the row exists or not, and fails for updates.
        match engine::Doc::peek(&update, "table", "row") {
            Ok(_) => rules.check_document(&update),
            Err(_) => rules.check_update(&self.doc, &update),
        }
    }
}

impl wit::GuestSession for Session {
    fn open(
        doc: durable::DocBorrow<'_>,
        store: &ephemeral::Store,
        options: wit::SessionOptions,
    ) -> Result<wit::Session, Error> {
        let doc = doc.get::<Doc>().0.clone();
        let session = EngineSession::open(&doc, store, &options.into())?;
        Ok(wit::Session::new(Self { session, doc, is_over: Cell::new(false) }))
    }

    fn poll(&self, now: f64) -> Result<Option<Vec<u8>>, Error> {
        self.check_not_over()?;
        self.session.poll(now)
    }

    fn receive(&self, message: Vec<u8>, now: f64) -> Result<wit::Received, Error> {
        self.check_not_over()?;
        if let Some(rules) = Rules::get()
            && let Err(error) = self.check(rules, &message)
        {
            self.is_over.set(true);
            return Err(error);
        }
        Ok(self.session.receive(&message, now)?.into())
    }

    fn update_of(&self, message: Vec<u8>) -> Result<Option<Vec<u8>>, Error> {
        self.check_not_over()?;
        self.session.update_of(&message)
    }

    fn progress(&self) -> wit::Progress {
        self.session.progress().into()
    }
}
