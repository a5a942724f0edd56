//! Entries, and the order in which the largest entry of a register wins.

use crate::error::{Error, Name};
use crate::id::SharedText;
use crate::value::{Value, ValueRef};
use std::cmp::Ordering;

/// The slack that an entry uses at most, without its key and its text or blob.
pub(super) const ENTRY_SPENDS: u64 = 512;

/// A write of a register: a value, or a removal.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The namespace of the register.
    pub namespace: String,
    /// The key of the register.
    pub key: String,
    /// The value; `None` if the register was removed.
    pub value: Option<Value>,
    /// The time of the write in milliseconds, by the writer's clock. A peer never repeats a
    /// timestamp for a register.
    pub timestamp: f64,
    /// The peer that wrote it.
    pub peer: String,
}

/// An entry without the name of its register.
#[derive(Debug, Clone)]
pub(super) struct WrittenValue {
    pub(super) value: Option<Value>,
    /// Finite and not negative. Not -0.0.
    pub(super) timestamp: f64,
    pub(super) peer: SharedText,
}

/// A received entry.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) name: RegisterName,
    pub(super) written: WrittenValue,
    /// How long other replicas had the entry, in milliseconds.
    pub(super) age: f64,
}

/// A session that delivers entries to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntrySource(pub(super) u64);

/// How an entry got into a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryOrigin {
    /// This store wrote it.
    Written,
    /// A caller merged it.
    Merged,
    /// A session delivered it.
    Brought(EntrySource),
}

/// The name of a register.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RegisterName {
    pub(super) namespace: SharedText,
    pub(super) key: SharedText,
}

impl RegisterName {
    pub(super) fn new(namespace: &str, key: &str) -> Self {
        Self { namespace: SharedText::from(namespace), key: SharedText::from(key) }
    }
}

impl WrittenValue {
    /// Compares by timestamp, then peer, then value.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let by_time = self.timestamp.total_cmp(&other.timestamp);
        by_time
            .then_with(|| self.peer.cmp(&other.peer))
            .then_with(|| compare(self.value.as_ref(), other.value.as_ref()))
    }

    /// Returns the entry of the register with this name.
    pub(super) fn entry(&self, name: &RegisterName) -> Entry {
        Entry {
            namespace: String::from(&*name.namespace),
            key: String::from(&*name.key),
            value: self.value.clone(),
            timestamp: self.timestamp,
            peer: String::from(&*self.peer),
        }
    }
}

/// Compares values by type, then as bytes; numbers as 8 bytes, big-endian. A removal is the
/// smallest. `docs/semantics.md` defines this order.
fn compare(value: Option<&Value>, other: Option<&Value>) -> Ordering {
    let (Some(value), Some(other)) = (value, other) else { return value.is_some().cmp(&other.is_some()) };
    let (value, other) = (value.as_ref(), other.as_ref());
    value.tag().cmp(&other.tag()).then_with(|| match (value, other) {
        (ValueRef::Integer(value), ValueRef::Integer(other)) => (value as u64).cmp(&(other as u64)),
        (ValueRef::Real(value), ValueRef::Real(other)) => value.cmp(&other),
        (ValueRef::Text(value), ValueRef::Text(other)) => value.cmp(other),
        (ValueRef::Blob(value), ValueRef::Blob(other)) => value.cmp(other),
        _ => Ordering::Equal,
    })
}

/// Fails if the namespace or the key of a register is empty or too long.
pub(super) fn check_names(namespace: &str, key: &str) -> Result<(), Error> {
    Name::Namespace.check(namespace)?;
    Name::Key.check(key)
}
