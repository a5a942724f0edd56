//! The type `Instance`: an instance of the engine, with a memory of its own, in which documents
//! live.
//!
//! Every call of the crate passes through [`Instance::call`], which takes the lock, sets the time
//! limit, and drops the instance after a failure that leaves it in an unknown state.

use crate::contract::{Converge, list};
use crate::runtime::{Component, Limits, TimeLimit};
use crate::{Cell, Doc, Error, Inspection, Limit, PeerVersion, StoreOptions, UpdateReader};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

/// The limits of an instance. The defaults are 2 GiB of memory, and one minute for each call.
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
    /// The maximum memory of all documents of the instance together, in bytes.
    pub memory_bytes: usize,
    /// The maximum duration of a call, or `None` for no limit.
    pub call_time: Option<Duration>,
}

impl InstanceOptions {
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
        Self { memory_bytes: 2 << 30, call_time: Some(Duration::from_secs(60)) }
    }
}

/// An instance of the engine, in which documents live.
///
/// A program can use one instance for all of its documents, or several, so that groups of documents
/// have limits of their own. A clone refers to the same instance. The instance is dropped with the
/// last of its clones and of the documents and other objects in it. Calls to one instance run one
/// after the other; calls to different instances run in parallel.
///
/// An instance takes 81 KiB of memory, 4 GiB of address space, and three or four memory mappings,
/// of which Linux allows a process 65,530 by default. A document in an existing instance takes
/// 3 KiB.
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
    live: Arc<Mutex<Option<Live>>>,
}

/// The parts of an instance. They are dropped if a call leaves them in an unknown state.
struct Live {
    store: Store<Limits>,
    bindings: Converge,
    time: TimeLimit,
}

impl Instance {
    /// Creates an instance of the engine.
    ///
    /// Takes some microseconds. The first call in a process also compiles the engine, which takes
    /// some hundred milliseconds, or loads it from the cache of compiled code.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] if this machine cannot run WebAssembly; [`Error::OutOfMemory`] if
    /// `memory_bytes` is too small for an engine without documents (2 MiB are enough);
    /// [`Error::NoRoom`] if the system has no address space or memory mappings left.
    pub fn new(options: InstanceOptions) -> Result<Self, Error> {
        Self::of(Component::engine()?, options)
    }

    /// Creates an instance of another component than the engine.
    ///
    /// # Errors
    ///
    /// The errors of [`new`](Self::new).
    pub fn of(component: &Component, options: InstanceOptions) -> Result<Self, Error> {
        let InstanceOptions { memory_bytes, call_time } = options;
        let time = component.time_limit(call_time);
        let (store, bindings) = component.instantiate(memory_bytes, &time).map_err(Error::from_start)?;
        Ok(Self { live: Arc::new(Mutex::new(Some(Live { store, bindings, time }))) })
    }

    /// Creates an empty document in this instance, which writes as `peer`, a name without `~`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if the name is empty or contains `~`; [`Error::LimitExceeded`] if
    /// it is too long.
    pub fn doc(&self, peer: &str) -> Result<Doc, Error> {
        let resource =
            self.call(|store, bindings| bindings.converge_sync_durable().doc().call_create(store, peer))??;
        Ok(Doc { instance: self.clone(), resource })
    }

    /// Loads a saved document in this instance, which writes as `peer` from now on; see
    /// [`Doc::load`].
    ///
    /// # Errors
    ///
    /// The errors of [`Doc::load`].
    pub fn load(&self, peer: &str, saved: &[u8]) -> Result<Doc, Error> {
        let resource =
            self.call(|store, bindings| bindings.converge_sync_durable().doc().call_load(store, peer, saved))??;
        Ok(Doc { instance: self.clone(), resource })
    }

    /// Creates an empty store in this instance, which writes as `peer`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] or [`Error::LimitExceeded`] if the name or the options are
    /// invalid.
    pub fn store(&self, peer: &str, options: StoreOptions) -> Result<crate::Store, Error> {
        let options = options.into();
        let resource =
            self.call(|store, bindings| bindings.converge_sync_ephemeral().store().call_create(store, peer, options))??;
        Ok(crate::Store { instance: self.clone(), resource })
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
        let cells =
            self.call(|store, bindings| bindings.converge_sync_durable().doc().call_peek(store, saved, table, row))??;
        Ok(cells.map(list))
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
        let version = list(version.to_vec());
        Ok(self.call(|store, bindings| bindings.converge_sync_durable().doc().call_summary_of(store, &version))??)
    }

    /// Opens an update or a saved document, to read its events without merging them. Checks the
    /// bytes as [`Doc::merge_update`] does.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`], [`Error::UnsupportedVersion`], [`Error::UnsupportedFeature`] or
    /// [`Error::LimitExceeded`] if the bytes are invalid.
    pub fn read_update(&self, update: &[u8]) -> Result<UpdateReader, Error> {
        let resource =
            self.call(|store, bindings| bindings.converge_sync_durable().update_reader().call_open(store, update))??;
        Ok(UpdateReader::new(self.clone(), resource))
    }

    /// Summarizes the bytes of a saved document, an update, or an ephemeral snapshot or update,
    /// without loading them. Checks the checksum and everything that it reads.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`], [`Error::UnsupportedVersion`] or [`Error::UnsupportedFeature`] if the
    /// bytes are invalid.
    pub fn inspect(&self, bytes: &[u8]) -> Result<Inspection, Error> {
        Ok(self.call(|store, bindings| bindings.converge_sync_engine().call_inspect(store, bytes))??.into())
    }

    /// Returns the engine's version, as a semantic version.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn version(&self) -> Result<String, Error> {
        self.call(|store, bindings| bindings.converge_sync_engine().call_version(store))
    }

    /// Returns all limits of the engine.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn limits(&self) -> Result<Vec<Limit>, Error> {
        self.call(|store, bindings| bindings.converge_sync_engine().call_limits(store)).map(list)
    }

    /// Returns the size of the instance's memory in bytes, or 0 if the instance is gone. The memory
    /// never shrinks.
    pub fn memory_bytes(&self) -> usize {
        let live = self.live.lock().ok();
        live.and_then(|live| live.as_ref().map(|live| live.store.data().grown_bytes)).unwrap_or(0)
    }

    /// Returns whether `self` and `other` are clones of one instance.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.live, &other.live)
    }

    /// Drops a resource of the engine. Does nothing if the instance is gone.
    pub(crate) fn drop_resource(&self, resource: ResourceAny) {
        let _ = self.call(|store, _| resource.resource_drop(store));
    }

    /// Makes one call. If the call fails in WebAssembly, drops the instance, which frees its
    /// memory.
    pub(crate) fn call<T>(
        &self,
        call: impl FnOnce(&mut Store<Limits>, &Converge) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        // If a thread panicked while it held the lock, its call is unfinished.
        let mut live = self.live.lock().map_err(|_| Error::Gone)?;
        let Some(Live { store, bindings, time }) = live.as_mut() else { return Err(Error::Gone) };
        store.set_epoch_deadline(time.ticks);
        store.data_mut().was_refused = false;
        let result = call(&mut *store, bindings);
        let was_refused = store.data().was_refused;
        result.map_err(|error| {
            *live = None;
            Error::from_trap(error, was_refused)
        })
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").finish_non_exhaustive()
    }
}
