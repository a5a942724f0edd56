//! A store of the ephemeral layer: each function of the contract's `store`.

use crate::contract::exports::converge::sync::ephemeral::GuestStore;
use crate::instance::{Instance, InstanceOptions};
use crate::runtime::Limits;
use crate::{Entry, Error, StoreOptions, Value};
use std::time::{SystemTime, UNIX_EPOCH};
use wasmtime::component::ResourceAny;

/// The time for the functions of [`Store`] and [`Session`](crate::Session): milliseconds since the Unix epoch, by the
/// system's clock. The engine has no clock of its own; any other time that the replicas share does as well.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1000.0)
}

/// A replica of the ephemeral registers: cursors, presence, positions, by namespace and key, without history.
///
/// Every `now` is in milliseconds, as [`now`] gives it. Besides the errors that each function names, every one can fail with
/// [`Error::OutOfMemory`], [`Error::OutOfTime`], [`Error::Trap`] and [`Error::Gone`].
///
/// ```
/// use converge::{Store, StoreOptions, Value};
///
/// let (ann, ben) = (Store::create("ann", StoreOptions::default())?, Store::create("ben", StoreOptions::default())?);
/// ann.set("cursor", "ann", 17, 1_000.0)?;
/// if let Some(update) = ann.take_update()? {
///     let shown = ben.merge_update(&update, 1_001.0)?;
///     assert_eq!(shown[0].value, Some(Value::from(17)));
/// }
/// // Not renewed for the time to live, it is gone.
/// assert_eq!(ben.expire(31_001.0)?.len(), 1);
/// assert!(ben.get("cursor", "ann")?.is_none());
/// # Ok::<(), converge::Error>(())
/// ```
#[derive(Debug)]
pub struct Store {
    pub(crate) instance: Instance,
    pub(crate) resource: ResourceAny,
}

impl Store {
    /// An empty store, in an instance of its own with the default limits, in which this replica writes as `peer`. One that a
    /// [`Session`](crate::Session) is to carry is made by [`Instance::store`], beside its document.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] and [`Error::LimitExceeded`] for the name and the options; those of [`Instance::new`].
    pub fn create(peer: &str, options: StoreOptions) -> Result<Self, Error> {
        Self::create_in(&Instance::new(InstanceOptions::default())?, peer, options)
    }

    pub(crate) fn create_in(instance: &Instance, peer: &str, options: StoreOptions) -> Result<Self, Error> {
        let resource = instance
            .call(|store, bindings| bindings.converge_sync_ephemeral().store().call_create(store, peer, options))??;
        Ok(Self { instance: instance.clone(), resource })
    }

    /// The instance that the store lives in.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// The name that this replica writes as.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn peer(&self) -> Result<String, Error> {
        self.call(|store, host| store.call_peer(host, self.resource))
    }

    /// Sets what a register holds, newer than all that is known of it here. Gives the entry that it was.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for an empty name and for a `now` that is negative or not finite;
    /// [`Error::LimitExceeded`].
    pub fn set(&self, namespace: &str, key: &str, value: impl Into<Value>, now: f64) -> Result<Entry, Error> {
        let value = value.into();
        Ok(self.call(|store, host| store.call_set(host, self.resource, namespace, key, &value, now))??)
    }

    /// Removes what a register holds; none where it holds nothing. The removal is remembered for the time to live.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Self::set).
    pub fn remove(&self, namespace: &str, key: &str, now: f64) -> Result<Option<Entry>, Error> {
        Ok(self.call(|store, host| store.call_remove(host, self.resource, namespace, key, now))??)
    }

    /// What a register holds; none where it holds nothing.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn get(&self, namespace: &str, key: &str) -> Result<Option<Entry>, Error> {
        self.call(|store, host| store.call_get(host, self.resource, namespace, key))
    }

    /// The live entries of a namespace, sorted by key.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn get_all(&self, namespace: &str) -> Result<Vec<Entry>, Error> {
        self.call(|store, host| store.call_get_all(host, self.resource, namespace))
    }

    /// The namespaces that have live entries, sorted.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn namespaces(&self) -> Result<Vec<String>, Error> {
        self.call(|store, host| store.call_namespaces(host, self.resource))
    }

    /// Takes in entries of other replicas; gives those that changed what this store shows, sorted by namespace and key.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for empty names, for times that are none, and for an entry that is dated too far beyond
    /// `now`; [`Error::LimitExceeded`]. Nothing of the call is taken in then.
    pub fn merge_entries(&self, entries: &[Entry], now: f64) -> Result<Vec<Entry>, Error> {
        Ok(self.call(|store, host| store.call_merge_entries(host, self.resource, entries, now))??)
    }

    /// All live entries and remembered removals as bytes: what a newcomer needs. Of all namespaces where none are named.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn snapshot(&self, namespaces: &[&str]) -> Result<Vec<u8>, Error> {
        let namespaces: Vec<String> = namespaces.iter().map(|&namespace| namespace.to_owned()).collect();
        self.call(|store, host| store.call_snapshot(host, self.resource, &namespaces))
    }

    /// What was written here, and merged here from others, since the last call, as bytes: what to broadcast. None where
    /// nothing was.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn take_update(&self) -> Result<Option<Vec<u8>>, Error> {
        self.call(|store, host| store.call_take_update(host, self.resource))
    }

    /// Merges bytes of [`snapshot`](Self::snapshot) or [`take_update`](Self::take_update) of another replica, as
    /// [`merge_entries`](Self::merge_entries) does. Skips entries that are dated too far ahead; [`refused`](Self::refused)
    /// counts them.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] and [`Error::UnsupportedVersion`] for the bytes; those of [`merge_entries`](Self::merge_entries).
    pub fn merge_update(&self, update: &[u8], now: f64) -> Result<Vec<Entry>, Error> {
        Ok(self.call(|store, host| store.call_merge_update(host, self.resource, update, now))??)
    }

    /// Returns how many entries [`merge_update`](Self::merge_update), and sessions of this store, skipped since the store was
    /// created, at most 2^32 - 1. If the number grows, a clock is wrong: this one, or the writer's.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn refused(&self) -> Result<u32, Error> {
        self.call(|store, host| store.call_refused(host, self.resource))
    }

    /// Drops what has outlived its time; gives the entries that vanished from view. Call it now and then: nothing else drops
    /// entries.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] and [`Error::LimitExceeded`] for a `now` that is no time.
    pub fn expire(&self, now: f64) -> Result<Vec<Entry>, Error> {
        Ok(self.call(|store, host| store.call_expire(host, self.resource, now))??)
    }

    /// Removes every entry that this peer wrote, as on departure; gives the removals.
    ///
    /// # Errors
    ///
    /// Those of [`expire`](Self::expire).
    pub fn leave(&self, now: f64) -> Result<Vec<Entry>, Error> {
        Ok(self.call(|store, host| store.call_leave(host, self.resource, now))??)
    }

    fn call<T>(
        &self,
        call: impl FnOnce(GuestStore<'_>, &mut wasmtime::Store<Limits>) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        self.instance.call(|store, bindings| call(bindings.converge_sync_ephemeral().store(), store))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.instance.let_go(self.resource);
    }
}
