//! Registers: the last writer wins, without a clock. In this interface they never expire.

use crate::contract::converge::sync::ephemeral::{Entry, Store, StoreOptions};
use crate::convert::{engine_value, value};
use crate::wit;

/// The limit `time-ms`: no timestamp is larger.
const FOREVER: f64 = 9_007_199_254_740_992.0;

/// The registers of a document.
pub(crate) struct Registers(Store);

/// Returns the entry that reports an error.
pub(crate) fn none(key: String, val: wit::Value) -> wit::EphemeralEntry {
    wit::EphemeralEntry { key, val, timestamp: -1.0, peer: String::new() }
}

impl Registers {
    pub(crate) fn create(peer: &str) -> Option<Self> {
        Store::create(peer, StoreOptions { time_to_live: FOREVER, max_skew: FOREVER }).ok().map(Self)
    }

    pub(crate) fn set(&self, ns: &str, key: &str, val: &wit::Value, timestamp: f64) -> Option<wit::EphemeralEntry> {
        self.0.set(ns, key, &engine_value(val), timestamp).ok().and_then(entry)
    }

    pub(crate) fn get(&self, ns: &str, key: &str) -> Option<wit::EphemeralEntry> {
        self.0.get(ns, key).and_then(entry)
    }

    pub(crate) fn get_all(&self, ns: &str) -> Vec<wit::EphemeralEntry> {
        self.0.get_all(ns).into_iter().filter_map(entry).collect()
    }

    /// Merges all entries that the engine accepts. Returns those that changed something, sorted by
    /// namespace and key.
    pub(crate) fn merge(&self, entries: Vec<wit::EphemeralRemoteEntry>) -> Vec<wit::EphemeralRemoteEntry> {
        let entries: Vec<Entry> = entries.into_iter().map(engine_entry).collect();
        // The time of the call does not matter, only the entries' timestamps.
        let changed = self.0.merge_entries(&entries, 0.0);
        let changed = changed.unwrap_or_else(|_| {
            entries
                .iter()
                .flat_map(|entry| self.0.merge_entries(std::slice::from_ref(entry), 0.0).unwrap_or_default())
                .collect()
        });
        changed.into_iter().filter_map(remote_entry).collect()
    }
}

fn engine_entry(entry: wit::EphemeralRemoteEntry) -> Entry {
    let wit::EphemeralRemoteEntry { ns, key, val, timestamp, peer } = entry;
    Entry { namespace: ns, key, value: Some(engine_value(&val)), timestamp, peer }
}

fn entry(entry: Entry) -> Option<wit::EphemeralEntry> {
    let Entry { key, value: held, timestamp, peer, .. } = entry;
    Some(wit::EphemeralEntry { key, val: value(held?), timestamp, peer })
}

fn remote_entry(entry: Entry) -> Option<wit::EphemeralRemoteEntry> {
    let Entry { namespace, key, value: held, timestamp, peer } = entry;
    Some(wit::EphemeralRemoteEntry { ns: namespace, key, val: value(held?), timestamp, peer })
}
