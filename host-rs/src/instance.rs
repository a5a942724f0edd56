//! The type `Instance`: an instance of the engine, with a memory of its own, in which documents
//! live.
//!
//! Every call of the crate passes through [`Instance::call`], which takes the lock, and drops the
//! instance after a failure that leaves it in an unknown state.

#[cfg(feature = "component")]
use crate::Component;
#[cfg(feature = "component")]
use crate::backend::component;
use crate::backend::{Backend, Handle, Live, Resource};
use crate::{Cell, Doc, Error, Inspection, Limit, PeerVersion, StoreOptions, UpdateReader};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The backend and the limits of an instance. The defaults are the default [`Backend`], 2 GiB of
/// memory, and one minute for each call.
///
/// The backend `Native` does not enforce the limits.
///
/// ```
/// use converge::{Instance, InstanceOptions};
/// use std::time::Duration;
///
/// let options = InstanceOptions::default()
///     .memory_bytes(64 << 20)
///     .call_time(Duration::from_secs(1));
/// let instance = Instance::new(options)?;
/// let (inbox, outbox) = (instance.doc("ann-inbox")?, instance.doc("ann-outbox")?);
/// # Ok::<(), converge::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceOptions {
    /// How the instance runs the engine.
    pub backend: Backend,
    /// The maximum memory of all documents of the instance together, in bytes.
    pub memory_bytes: usize,
    /// The maximum duration of a call, or `None` for no limit.
    pub call_time: Option<Duration>,
}

impl InstanceOptions {
    /// Sets how the instance runs the engine.
    #[must_use]
    pub fn backend(self, backend: Backend) -> Self {
        Self { backend, ..self }
    }

    /// Sets the maximum memory of all documents of the instance together, in bytes. Values above
    /// 4 GiB have no effect, because that is all that WebAssembly can address.
    #[must_use]
    pub fn memory_bytes(self, memory_bytes: usize) -> Self {
        Self { memory_bytes, ..self }
    }

    /// Sets the maximum duration of a call, which is checked every 10 ms, or `None` for no limit.
    #[must_use]
    pub fn call_time(self, call_time: impl Into<Option<Duration>>) -> Self {
        Self { call_time: call_time.into(), ..self }
    }
}

impl Default for InstanceOptions {
    fn default() -> Self {
        Self { backend: Backend::default(), memory_bytes: 2 << 30, call_time: Some(Duration::from_secs(60)) }
    }
}

/// An instance of the engine, in which documents live.
///
/// A program can use one instance for all of its documents, or several, so that groups of documents
/// have limits of their own. A clone refers to the same instance. The instance is dropped with the
/// last of its clones and of the documents and other objects in it. Calls to one instance run one
/// after the other; calls to different instances run in parallel.
///
/// An instance of the backend `Component` takes 81 KiB of memory, 4 GiB of address space, and three
/// or four memory mappings, of which Linux allows a process 65,530 by default. A document in an
/// existing instance takes 3 KiB.
///
/// ```
/// use converge::{Content, Instance, InstanceOptions};
///
/// let instance = Instance::new(InstanceOptions::default())?;
/// let doc = instance.doc("ann")?;
/// doc.insert("people", "p1", [("name", "Alice")])?;
///
/// let saved = doc.save()?;
/// let inspection = instance.inspect(&saved)?;
/// assert_eq!((inspection.content, inspection.version), (Content::Document, doc.version()?));
/// assert_eq!(instance.peek(&saved, "people", "p1")?, doc.get("people", "p1")?);
/// # Ok::<(), converge::Error>(())
/// ```
#[derive(Clone)]
pub struct Instance {
    /// The engine, or `None` after a call left it in an unknown state.
    live: Arc<Mutex<Option<Live>>>,
}

impl Instance {
    /// Creates an instance of the engine.
    ///
    /// Takes some microseconds. The first call in a process for the backend `Component` also
    /// compiles the engine, which takes some hundred milliseconds, or loads it from the cache of
    /// compiled code.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] if this machine cannot run WebAssembly; [`Error::OutOfMemory`] if
    /// `memory_bytes` is too small for an engine without documents (2 MiB are enough);
    /// [`Error::NoRoom`] if the system has no address space or memory mappings left. The backend
    /// `Native` returns none of these.
    pub fn new(options: InstanceOptions) -> Result<Self, Error> {
        match options.backend {
            #[cfg(feature = "component")]
            Backend::Component => Self::of(Component::engine()?, options),
            #[cfg(feature = "native")]
            Backend::Native => Ok(Self::with(Live::Native(Box::default()))),
        }
    }

    /// Creates an instance of another component than the engine. The backend of `options` has no
    /// effect.
    ///
    /// # Errors
    ///
    /// The errors of [`new`](Self::new).
    #[cfg(feature = "component")]
    pub fn of(component: &Component, options: InstanceOptions) -> Result<Self, Error> {
        let InstanceOptions { memory_bytes, call_time, .. } = options;
        let live = component::Live::new(component, memory_bytes, call_time)?;
        Ok(Self::with(Live::Component(Box::new(live))))
    }

    fn with(live: Live) -> Self {
        Self { live: Arc::new(Mutex::new(Some(live))) }
    }

    /// Creates an empty document in this instance, which writes as `peer`, a name without `~`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if the name is empty or contains `~`; [`Error::LimitExceeded`] if
    /// it is too long.
    pub fn doc(&self, peer: &str) -> Result<Doc, Error> {
        let handle = self.call(|live| live.doc_create(peer))?;
        Ok(Doc { instance: self.clone(), handle })
    }

    /// Loads a saved document in this instance, which writes as `peer` from now on; see
    /// [`Doc::load`].
    ///
    /// # Errors
    ///
    /// The errors of [`Doc::load`].
    pub fn load(&self, peer: &str, saved: &[u8]) -> Result<Doc, Error> {
        let handle = self.call(|live| live.doc_load(peer, saved))?;
        Ok(Doc { instance: self.clone(), handle })
    }

    /// Creates an empty store in this instance, which writes as `peer`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] or [`Error::LimitExceeded`] if the name or the options are
    /// invalid.
    pub fn store(&self, peer: &str, options: StoreOptions) -> Result<crate::Store, Error> {
        let handle = self.call(|live| live.store_create(peer, options))?;
        Ok(crate::Store { instance: self.clone(), handle })
    }

    /// Returns the cells of one row of a saved document, sorted by column, or `None` if the row
    /// does not exist, without loading the document.
    ///
    /// Costs a pass over the bytes for the checksum and the decoding of one block of rows. Other
    /// parts of the bytes are not checked.
    ///
    /// # Errors
    ///
    /// The errors of [`Doc::load`] for invalid bytes.
    pub fn peek(&self, saved: &[u8], table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error> {
        self.call(|live| live.doc_peek(saved, table, row))
    }

    /// Encodes a version as a summary that identifies events by name alone. `summary_of(&[])` is
    /// the summary of a replica that knows nothing.
    ///
    /// If two replicas wrote as the same peer, and the replica that reads the summary does not know
    /// of that fork yet, a count can claim events that are missing here; they are then not sent.
    /// Prefer [`Doc::summary`], which identifies events by content.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if the version names a peer twice; [`Error::LimitExceeded`] if it
    /// names too many peers.
    pub fn summary_of(&self, version: &[PeerVersion]) -> Result<Vec<u8>, Error> {
        let version = version.to_vec();
        self.call(|live| live.doc_summary_of(version))
    }

    /// Opens an update or a saved document, to read its events without merging them. Checks the
    /// bytes as [`Doc::merge_update`] does.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`], [`Error::UnsupportedVersion`], [`Error::UnsupportedFeature`] or
    /// [`Error::LimitExceeded`] if the bytes are invalid.
    pub fn read_update(&self, update: &[u8]) -> Result<UpdateReader, Error> {
        let handle = self.call(|live| live.reader_open(update))?;
        Ok(UpdateReader::new(self.clone(), handle))
    }

    /// Returns a key for an ordered list, between two keys. `None` stands for the start and the end
    /// of the list.
    ///
    /// Store the key in a column, or use it as a row id. Keys are compared as bytes, like `str`.
    ///
    /// `seed` distinguishes callers, normally by their peer name; any text of 1 to 200 bytes is a
    /// seed. Equal arguments return equal keys. If only the seed differs, the keys differ, except
    /// with a probability of about 2^-59. Keys that callers with different seeds create between the
    /// same two neighbors, without seeing each other's keys, do not interleave.
    ///
    /// The neighbors can be any texts, such as keys that were written by hand. The first key has
    /// 13 bytes. Appending or prepending lengthens keys logarithmically.
    ///
    /// ```
    /// use converge::Doc;
    ///
    /// let ann = Doc::create("ann")?;
    /// let instance = ann.instance();
    /// let first = instance.between(None, None, "ann")?;
    /// let last = instance.between(Some(&first), None, "ann")?;
    /// let middle = instance.between(Some(&first), Some(&last), "ann")?;
    /// assert!(first < middle && middle < last);
    /// # Ok::<(), converge::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if `after` is not less than `before`, if no text fits between
    /// them because `before` only adds spaces or control characters to `after`, or if the seed is
    /// empty. [`Error::LimitExceeded`] if the seed is longer than `peer-bytes`, or if a neighbor or
    /// the result is longer than `row-bytes`.
    pub fn between(&self, after: Option<&str>, before: Option<&str>, seed: &str) -> Result<String, Error> {
        self.call(|live| live.ordering_between(after, before, seed))
    }

    /// Summarizes the bytes of a saved document, an update, or an ephemeral snapshot or update,
    /// without loading them. Checks the checksum and everything that it reads.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`], [`Error::UnsupportedVersion`] or [`Error::UnsupportedFeature`] if the
    /// bytes are invalid.
    pub fn inspect(&self, bytes: &[u8]) -> Result<Inspection, Error> {
        self.call(|live| live.engine_inspect(bytes))
    }

    /// Returns the engine's version, as a semantic version.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn version(&self) -> Result<String, Error> {
        self.call(Live::engine_version)
    }

    /// Returns all limits of the engine.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn limits(&self) -> Result<Vec<Limit>, Error> {
        self.call(Live::engine_limits)
    }

    /// Returns the size of the instance's memory in bytes, or 0 if the instance is gone. The memory
    /// never shrinks. The backend `Native` uses the memory of the program and always returns 0.
    pub fn memory_bytes(&self) -> usize {
        let live = self.live.lock().ok();
        live.and_then(|live| live.as_ref().map(Live::memory_bytes)).unwrap_or(0)
    }

    /// Returns whether `self` and `other` are clones of one instance.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.live, &other.live)
    }

    /// Drops an object of the engine. Does nothing if the instance is gone.
    pub(crate) fn drop_resource(&self, resource: Resource, handle: Handle) {
        let _ = self.call(|live| live.resource_drop(resource, handle));
    }

    /// Makes one call. If the call leaves the engine in an unknown state, drops the engine, which
    /// frees its memory.
    #[inline]
    pub(crate) fn call<T>(&self, call: impl FnOnce(&mut Live) -> Result<T, Error>) -> Result<T, Error> {
        // If a thread panicked while it held the lock, its call is unfinished.
        let mut live = self.live.lock().map_err(|_| Error::Gone)?;
        let result = call(live.as_mut().ok_or(Error::Gone)?);
        if result.as_ref().is_err_and(Error::ends_instance) {
            *live = None;
        }
        result
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").finish_non_exhaustive()
    }
}
