//! An instance of the engine: a memory of its own, with bounds, that documents live in.
//!
//! Every call of the crate passes through [`Instance::call`]: it takes the lock, sets the time limit, and lets the
//! instance go after a failure that leaves it in an unknown state.

use crate::contract::Converge;
use crate::runtime::{Component, Limits, TimeLimit};
use crate::{Cell, Doc, Error, Inspection, Limit, PeerVersion, StoreOptions, UpdateReader};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

/// What an instance may use.
///
/// ```
/// use converge::{Instance, InstanceOptions};
/// use std::time::Duration;
///
/// let options = InstanceOptions { call_time: Some(Duration::from_secs(1)), ..InstanceOptions::default() };
/// let instance = Instance::new(options)?;
/// let (inbox, outbox) = (instance.doc("ann-inbox")?, instance.doc("ann-outbox")?);
/// # Ok::<(), converge::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceOptions {
    /// The most memory, in bytes, for all documents of the instance together. WebAssembly itself ends at 4 GiB.
    pub memory_bytes: usize,
    /// The longest time that one call may take, looked at every 10 ms; as long as it takes where there is none.
    pub call_time: Option<Duration>,
}

/// 2 GiB, and a minute a call.
impl Default for InstanceOptions {
    fn default() -> Self {
        Self { memory_bytes: 2 << 30, call_time: Some(Duration::from_secs(60)) }
    }
}

/// An instance of the engine, in which documents live: one for all documents of a program, or one for each group that must not
/// share its bounds. An instance reserves 4 GiB of addresses, takes 81 KiB and three to four memory mappings, of which Linux
/// allows a process 65,530 by default; a document in an existing instance takes 3 KiB. A clone is the same instance; it ends with the last of its
/// clones, documents and watchers.
///
/// Calls to one instance wait for each other; calls to different ones run side by side.
#[derive(Clone)]
pub struct Instance {
    live: Arc<Mutex<Option<Live>>>,
}

/// What there is until a call fails for good.
struct Live {
    store: Store<Limits>,
    bindings: Converge,
    time: TimeLimit,
}

impl Instance {
    /// A new instance. Costs some microseconds; the first one of a process compiles the engine, or loads it from the
    /// cache of compiled code.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] if this machine cannot run WebAssembly; [`Error::OutOfMemory`] if `memory_bytes` does not even hold the
    /// empty engine (2 MiB do); [`Error::NoRoom`] if the system has no addresses or memory mappings left.
    pub fn new(options: InstanceOptions) -> Result<Self, Error> {
        Self::of(Component::engine()?, options)
    }

    /// A new instance of another component than the engine.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn of(component: &Component, options: InstanceOptions) -> Result<Self, Error> {
        let InstanceOptions { memory_bytes, call_time } = options;
        let time = component.time_limit(call_time);
        let (store, bindings) = component.instantiate(memory_bytes, &time).map_err(Error::from_start)?;
        Ok(Self { live: Arc::new(Mutex::new(Some(Live { store, bindings, time }))) })
    }

    /// Creates an empty document in this instance, which writes as `peer`.
    ///
    /// # Errors
    ///
    /// As [`Doc::create`].
    pub fn doc(&self, peer: &str) -> Result<Doc, Error> {
        Doc::create_in(self, peer)
    }

    /// Loads a saved document in this instance, which writes as `peer` from now on.
    ///
    /// # Errors
    ///
    /// As [`Doc::load`].
    pub fn load(&self, peer: &str, saved: &[u8]) -> Result<Doc, Error> {
        Doc::load_in(self, peer, saved)
    }

    /// Returns the cells of one row of a saved document, in this instance, without loading it.
    ///
    /// # Errors
    ///
    /// As [`Doc::peek`].
    pub fn peek(&self, saved: &[u8], table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error> {
        Ok(self.call(|store, bindings| bindings.converge_sync_durable().doc().call_peek(store, saved, table, row))??)
    }

    /// Encodes a version as a summary, in this instance; see [`Doc::summary_of`].
    ///
    /// # Errors
    ///
    /// Those of [`Doc::summary_of`].
    pub fn summary_of(&self, version: &[PeerVersion]) -> Result<Vec<u8>, Error> {
        Ok(self.call(|store, bindings| bindings.converge_sync_durable().doc().call_summary_of(store, version))??)
    }

    /// Opens an update or a saved document, in this instance, to read its events; see [`UpdateReader::open`].
    ///
    /// # Errors
    ///
    /// Those of [`UpdateReader::open`].
    pub fn read_update(&self, update: &[u8]) -> Result<UpdateReader, Error> {
        UpdateReader::open_in(self, update)
    }

    /// Summarizes bytes that the engine wrote, in this instance; see [`inspect`](crate::inspect).
    ///
    /// # Errors
    ///
    /// Those of [`inspect`](crate::inspect).
    pub fn inspect(&self, bytes: &[u8]) -> Result<Inspection, Error> {
        Ok(self.call(|store, bindings| bindings.converge_sync_engine().call_inspect(store, bytes))??)
    }

    /// Creates an empty store in this instance, which writes as `peer`.
    ///
    /// # Errors
    ///
    /// As [`Store::create`](crate::Store::create).
    pub fn store(&self, peer: &str, options: StoreOptions) -> Result<crate::Store, Error> {
        crate::Store::create_in(self, peer, options)
    }

    /// Returns the engine's version, in semver.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] alone.
    pub fn version(&self) -> Result<String, Error> {
        self.call(|store, bindings| bindings.converge_sync_engine().call_version(store))
    }

    /// Returns every limit on what the engine accepts.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] alone.
    pub fn limits(&self) -> Result<Vec<Limit>, Error> {
        self.call(|store, bindings| bindings.converge_sync_engine().call_limits(store))
    }

    /// The bytes of the instance's memory, which grows and never shrinks; 0 where the instance is gone.
    pub fn memory_bytes(&self) -> usize {
        let live = self.live.lock().ok();
        live.and_then(|live| live.as_ref().map(|live| live.store.data().grown_bytes)).unwrap_or(0)
    }

    /// Whether the two are one.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.live, &other.live)
    }

    /// Frees a resource. Where the instance is gone, the resource went with it.
    pub(crate) fn let_go(&self, resource: ResourceAny) {
        let _ = self.call(|store, _| resource.resource_drop(store));
    }

    /// Makes one call. Where it fails in WebAssembly the instance is dropped, and its memory is free again.
    pub(crate) fn call<T>(
        &self,
        call: impl FnOnce(&mut Store<Limits>, &Converge) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        // Who panicked under the lock left a call half-made.
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
