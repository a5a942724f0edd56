//! The entries of clients that are gone.

use super::ConnectionNumber;
use converge::{Entry, Error, Store};
use std::collections::{BTreeMap, BTreeSet};

/// The number of peers whose entries are removed when their connection closes. The entries of
/// further peers expire.
const PEERS: usize = 64;

/// Which peers write entries through which connection. A peer whose connection closed and that
/// writes no entry for a while is gone, and its entries are removed.
#[derive(Debug, Default)]
pub(super) struct Presence {
    present: BTreeMap<ConnectionNumber, BTreeSet<String>>,
    /// When a connection of the peer closed.
    leaving: BTreeMap<String, f64>,
}

impl Presence {
    /// Records the entries that arrived through a connection.
    pub(super) fn arrived(&mut self, connection: ConnectionNumber, entries: &[Entry]) {
        for entry in entries {
            self.leaving.remove(&entry.peer);
            let peers = self.present.entry(connection).or_default();
            if peers.len() < PEERS && !peers.contains(&entry.peer) {
                peers.insert(entry.peer.clone());
            }
        }
    }

    /// Records that a connection closed at this time.
    pub(super) fn closed(&mut self, connection: ConnectionNumber, now: f64) {
        for peer in self.present.remove(&connection).into_iter().flatten() {
            if !self.present.values().any(|peers| peers.contains(&peer)) {
                self.leaving.insert(peer, now);
            }
        }
    }

    /// Removes the entries of peers whose connections closed `grace_ms` before, or earlier. Costs
    /// the number of all entries if there are such peers.
    pub(super) fn remove(&mut self, store: &Store, grace_ms: f64, now: f64) -> Result<(), Error> {
        let gone: BTreeSet<String> =
            self.leaving.extract_if(.., |_, closed| *closed + grace_ms <= now).map(|(peer, _)| peer).collect();
        if gone.is_empty() {
            return Ok(());
        }
        for namespace in store.namespaces()? {
            for entry in store.get_all(&namespace)? {
                if gone.contains(&entry.peer) {
                    store.remove(&namespace, &entry.key, now)?;
                }
            }
        }
        Ok(())
    }
}
