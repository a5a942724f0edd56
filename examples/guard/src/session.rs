//! `session`: conversations, each around one of the engine's. What a message brings is looked at before it is received.

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

/// One side of a conversation.
pub(crate) struct Session {
    session: EngineSession,
    doc: Rc<engine::Doc>,
    /// Whether a rule refused what came, which ends it.
    is_over: Cell<bool>,
}

impl wit::Guest for Component {
    type Session = Session;
}

impl Session {
    fn check_is_on(&self) -> Result<(), Error> {
        match self.is_over.get() {
            true => Err(Error::SessionEnded),
            false => Ok(()),
        }
    }

    fn check(&self, rules: &Rules, message: &[u8]) -> Result<(), Error> {
        let Some(update) = self.session.update_of(message)? else { return Ok(()) };
        // A document answers, whether it has the row or not; an update cannot.
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
        self.check_is_on()?;
        self.session.poll(now)
    }

    fn receive(&self, message: Vec<u8>, now: f64) -> Result<wit::Received, Error> {
        self.check_is_on()?;
        if let Some(rules) = Rules::get()
            && let Err(error) = self.check(rules, &message)
        {
            self.is_over.set(true);
            return Err(error);
        }
        Ok(self.session.receive(&message, now)?.into())
    }

    fn update_of(&self, message: Vec<u8>) -> Result<Option<Vec<u8>>, Error> {
        self.check_is_on()?;
        self.session.update_of(&message)
    }

    fn progress(&self) -> wit::Progress {
        self.session.progress().into()
    }
}
