//! The type `Store`, with the functions of the contract's `store`, and the current time.

use crate::backend::{Handle, Resource};
use crate::instance::Instance;
use crate::{Entry, Error, Value};
use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the current time, in milliseconds since the Unix epoch, from the system's clock.
///
/// The functions of [`Store`] and [`Session`](crate::Session) have the time as an argument, because
/// the engine has no clock. Any other clock whose origin all replicas share can be used instead.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1000.0)
}

/// A replica of the ephemeral registers: cursors, presence, positions, by namespace and key,
/// without history. Created by [`Instance::store`], in the instance of its document if a
/// [`Session`](crate::Session) uses both.
///
/// Every `now` is the current time in milliseconds, as [`now`] returns it.
///
/// In addition to the errors that a function documents, every call can fail with
/// [`Error::OutOfMemory`], [`Error::OutOfTime`], [`Error::Trap`] and [`Error::Gone`].
///
/// ```
/// use converge::{Instance, InstanceOptions, StoreOptions, Value};
///
/// let instance = Instance::new(InstanceOptions::default())?;
/// let ann = instance.store("ann", StoreOptions::default())?;
/// let ben = instance.store("ben", StoreOptions::default())?;
/// ann.set("cursor", "ann", 17, 1_000.0)?;
/// if let Some(update) = ann.take_update()? {
///     let changed = ben.merge_update(&update, 1_001.0)?;
///     assert_eq!(changed[0].value, Some(Value::from(17)));
/// }
/// // An entry that is not renewed for the time to live expires.
/// assert_eq!(ben.expire(31_001.0)?.len(), 1);
/// assert!(ben.get("cursor", "ann")?.is_none());
/// # Ok::<(), converge::Error>(())
/// ```
#[derive(Debug)]
pub struct Store {
    pub(crate) instance: Instance,
    pub(crate) handle: Handle,
}

impl Store {
    /// Returns the instance that the store lives in.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Returns the name that this store writes as.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn peer(&self) -> Result<String, Error> {
        self.instance.call(|live| live.store_peer(self.handle))
    }

    /// Sets a register and returns the new entry. The entry is always newer than the one it
    /// replaces.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if a name is empty, or if `now` is negative or not finite;
    /// [`Error::LimitExceeded`] if a name, the value or the store is too large.
    pub fn set(&self, namespace: &str, key: &str, value: impl Into<Value>, now: f64) -> Result<Entry, Error> {
        let value = value.into();
        self.instance.call(|live| live.store_set(self.handle, namespace, key, value, now))
    }

    /// Removes a register. Returns the removal, or `None` if the register has no value. The store
    /// keeps the removal for the time to live, so that older entries do not return.
    ///
    /// # Errors
    ///
    /// The errors of [`set`](Self::set).
    pub fn remove(&self, namespace: &str, key: &str, now: f64) -> Result<Option<Entry>, Error> {
        self.instance.call(|live| live.store_remove(self.handle, namespace, key, now))
    }

    /// Returns the live entry of a register, or `None` if the register has no value.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn get(&self, namespace: &str, key: &str) -> Result<Option<Entry>, Error> {
        self.instance.call(|live| live.store_get(self.handle, namespace, key))
    }

    /// Returns the live entries of a namespace, sorted by key.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn get_all(&self, namespace: &str) -> Result<Vec<Entry>, Error> {
        self.instance.call(|live| live.store_get_all(self.handle, namespace))
    }

    /// Returns the namespaces that have live entries, sorted.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn namespaces(&self) -> Result<Vec<String>, Error> {
        self.instance.call(|live| live.store_namespaces(self.handle))
    }

    /// Merges entries of other replicas. Returns the entries that changed what this store shows,
    /// sorted by namespace and key.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if a name is empty, a time is invalid, or the timestamp of an
    /// entry is too far ahead of `now`; [`Error::LimitExceeded`]. On an error nothing is merged.
    pub fn merge_entries(&self, entries: impl IntoIterator<Item = Entry>, now: f64) -> Result<Vec<Entry>, Error> {
        let entries = entries.into_iter().collect();
        self.instance.call(|live| live.store_merge_entries(self.handle, entries, now))
    }

    /// Encodes all live entries and recent removals of these namespaces, or of all namespaces if
    /// the list is empty: the state that a new replica needs.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn snapshot(&self, namespaces: &[&str]) -> Result<Vec<u8>, Error> {
        let namespaces: Vec<String> = namespaces.iter().map(|&namespace| namespace.to_owned()).collect();
        self.instance.call(|live| live.store_snapshot(self.handle, &namespaces))
    }

    /// Encodes what changed since the last call, by local writes and by merges, to be sent to all
    /// other replicas. Returns `None` if nothing changed.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn take_update(&self) -> Result<Option<Vec<u8>>, Error> {
        self.instance.call(|live| live.store_take_update(self.handle))
    }

    /// Merges bytes of [`snapshot`](Self::snapshot) or [`take_update`](Self::take_update) of
    /// another replica, like [`merge_entries`](Self::merge_entries), but skips entries whose
    /// timestamps are too far ahead; [`refused`](Self::refused) counts them.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] or [`Error::UnsupportedVersion`] if the bytes are invalid; the errors of
    /// [`merge_entries`](Self::merge_entries).
    pub fn merge_update(&self, update: &[u8], now: f64) -> Result<Vec<Entry>, Error> {
        self.instance.call(|live| live.store_merge_update(self.handle, update, now))
    }

    /// Returns how many entries [`merge_update`](Self::merge_update), and sessions of this store,
    /// skipped since the store was created, at most 2^32 - 1. If the number grows, a clock is
    /// wrong: this one, or the writer's.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn refused(&self) -> Result<u32, Error> {
        self.instance.call(|live| live.store_refused(self.handle))
    }

    /// Drops expired entries. Returns the entries that disappeared, sorted by namespace and key.
    /// Call it regularly: no other function drops expired entries.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] or [`Error::LimitExceeded`] if `now` is not a valid time.
    pub fn expire(&self, now: f64) -> Result<Vec<Entry>, Error> {
        self.instance.call(|live| live.store_expire(self.handle, now))
    }

    /// Removes every entry that this peer wrote, as on departure. Returns the removals, sorted by
    /// namespace and key.
    ///
    /// # Errors
    ///
    /// The errors of [`expire`](Self::expire).
    pub fn leave(&self, now: f64) -> Result<Vec<Entry>, Error> {
        self.instance.call(|live| live.store_leave(self.handle, now))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.instance.drop_resource(Resource::Store, self.handle);
    }
}
