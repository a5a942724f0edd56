//! What a register holds, and which of two entries is the larger.

use crate::error::{Error, Name};
use crate::id::SharedText;
use crate::value::{Value, ValueRef};
use std::cmp::Ordering;

/// Bytes of the memory's slack that an entry takes at most beside its key and its text or blob.
pub(super) const ENTRY_SPENDS: u64 = 512;

/// A register as a replica wrote it: what it held from then on, or that it was removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The namespace of the register.
    pub namespace: String,
    /// Its key.
    pub key: String,
    /// None where the register was removed.
    pub value: Option<Value>,
    /// When it was written, in milliseconds, by the writer's clock. A writer's own entries of a register never repeat a
    /// timestamp.
    pub timestamp: f64,
    /// Who wrote it.
    pub peer: String,
}

/// An entry without the name of its register.
#[derive(Debug, Clone)]
pub(super) struct WrittenValue {
    pub(super) value: Option<Value>,
    /// Finite and not negative, -0.0 included.
    pub(super) timestamp: f64,
    pub(super) peer: SharedText,
}

/// An entry that comes from elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) name: RegisterName,
    pub(super) written: WrittenValue,
    /// How long others had it, in milliseconds.
    pub(super) age: f64,
}

/// One of the sessions that deliver entries to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntrySource(pub(super) u64);

/// How an entry came to be in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryOrigin {
    /// The store wrote it.
    Written,
    /// It was merged.
    Merged,
    /// A session brought it.
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
    /// Compares by timestamp, then peer, then value, as `docs/semantics.md` writes values down.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let by_time = self.timestamp.total_cmp(&other.timestamp);
        by_time
            .then_with(|| self.peer.cmp(&other.peer))
            .then_with(|| compare(self.value.as_ref(), other.value.as_ref()))
    }

    /// The entry of the register of this name.
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

/// Compares values by their kinds, and those of one kind as bytes, numbers as 8 bytes with the highest first. A removal is
/// the smallest.
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

/// Refuses names of a register that are empty or too long.
pub(super) fn check_names(namespace: &str, key: &str) -> Result<(), Error> {
    Name::Namespace.check(namespace)?;
    Name::Key.check(key)
}
