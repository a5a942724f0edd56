//! The type `Session`, with the functions of the contract's `session`.

use crate::backend::{Handle, Resource};
use crate::instance::Instance;
use crate::{Doc, Error, Progress, Received, SessionOptions, Store};

/// One side of a conversation between two replicas. A session does no input or output: the program
/// moves bytes from one side's [`poll`](Self::poll) to the other side's [`receive`](Self::receive),
/// as whole messages, in order.
///
/// If one side loses its session, it opens a new one on the same connection. The other side detects
/// this by the new [`SessionOptions::nonce`], and starts over. A session keeps its document and its
/// store alive in the engine, even after their handles are dropped.
///
/// Every `now` is the current time in milliseconds, as [`now`](crate::now) returns it.
///
/// In addition to the errors that a function documents, every call can fail with
/// [`Error::OutOfMemory`], [`Error::OutOfTime`], [`Error::Trap`] and [`Error::Gone`].
///
/// ```
/// use converge::{Instance, InstanceOptions, Session, SessionOptions, StoreOptions};
///
/// let side = |peer| {
///     let instance = Instance::new(InstanceOptions::default())?;
///     let (doc, store) = (instance.doc(peer)?, instance.store(peer, StoreOptions::default())?);
///     let session = Session::open(&doc, &store, &SessionOptions::new("people"))?;
///     Ok::<_, converge::Error>((doc, store, session))
/// };
/// let (ann, ben) = (side("ann")?, side("ben")?);
/// ann.0.insert("people", "p1", [("name", "Alice")])?;
/// ben.1.set("cursor", "ben", "people/p1", 1_000.0)?;
///
/// while !(ann.2.progress()?.in_sync && ben.2.progress()?.in_sync) {
///     for (from, to) in [(&ann.2, &ben.2), (&ben.2, &ann.2)] {
///         for message in from.messages(1_000.0) {
///             to.receive(&message?, 1_000.0)?;
///         }
///     }
/// }
/// assert_eq!(ann.0.digest()?, ben.0.digest()?);
/// assert!(ann.1.get("cursor", "ben")?.is_some());
/// # Ok::<(), converge::Error>(())
/// ```
#[derive(Debug)]
pub struct Session {
    instance: Instance,
    handle: Handle,
}

impl Session {
    /// Opens one side of a session on this document and this store, which must live in one
    /// instance.
    ///
    /// # Errors
    ///
    /// [`Error::OtherInstance`] if the two live in different instances; [`Error::InvalidArgument`]
    /// or [`Error::LimitExceeded`] if the options are invalid.
    pub fn open(doc: &Doc, store: &Store, options: &SessionOptions) -> Result<Self, Error> {
        if !doc.instance.is_same(&store.instance) {
            return Err(Error::OtherInstance);
        }
        let options = options.clone();
        let handle = doc.instance.call(|live| live.session_open(doc.handle, store.handle, options))?;
        Ok(Self { instance: doc.instance.clone(), handle })
    }

    /// Returns the next message to send, or `None` if there is nothing to send now. Call it until
    /// it returns `None`: after opening, after a local write, and after [`receive`](Self::receive).
    /// Events and entries are encoded when they are polled: a program that polls only when its
    /// transport has room needs no queue.
    ///
    /// # Errors
    ///
    /// [`Error::SessionEnded`]; [`Error::InvalidArgument`] if `now` is negative or not finite;
    /// [`Error::LimitExceeded`] if a hello message or a saved document is too large. An error ends
    /// the session.
    pub fn poll(&self, now: f64) -> Result<Option<Vec<u8>>, Error> {
        self.instance.call(|live| live.session_poll(self.handle, now))
    }

    /// Returns an iterator over the messages to send now, which calls [`poll`](Self::poll) until it
    /// returns `None`. The iterator ends after an error.
    pub fn messages(&self, now: f64) -> impl Iterator<Item = Result<Vec<u8>, Error>> + use<'_> {
        let mut failed = false;
        std::iter::from_fn(move || {
            let message = if failed { None } else { self.poll(now).transpose() };
            failed = matches!(message, Some(Err(_)));
            message
        })
    }

    /// Processes one message of the other side. Returns what the message changed.
    ///
    /// # Errors
    ///
    /// [`Error::SessionEnded`]; [`Error::Corrupt`], [`Error::UnsupportedVersion`] or
    /// [`Error::UnsupportedFeature`] if the bytes are invalid; [`Error::Protocol`] if the message
    /// breaks the protocol or is about another document; [`Error::InvalidArgument`];
    /// [`Error::Compacted`]; [`Error::LimitExceeded`]. An error ends the session; document and
    /// store are as they were before the message.
    pub fn receive(&self, message: &[u8], now: f64) -> Result<Received, Error> {
        self.instance.call(|live| live.session_receive(self.handle, message, now))
    }

    /// Returns the update that [`receive`](Self::receive) would merge, or the document that it
    /// would rebase on, if the message completes one. Changes nothing. Read the events with
    /// [`UpdateReader`](crate::UpdateReader).
    ///
    /// # Errors
    ///
    /// [`Error::SessionEnded`]; [`Error::Corrupt`], [`Error::UnsupportedVersion`] or
    /// [`Error::LimitExceeded`] if the message is invalid.
    pub fn update_of(&self, message: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.instance.call(|live| live.session_update_of(self.handle, message))
    }

    /// Reports how far both sides are.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn progress(&self) -> Result<Progress, Error> {
        self.instance.call(|live| live.session_progress(self.handle))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.instance.drop_resource(Resource::Session, self.handle);
    }
}
