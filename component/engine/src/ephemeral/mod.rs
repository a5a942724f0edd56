//! The ephemeral layer.

use crate::error::{Error, Name};
use crate::value::Value;

/// A register as a replica wrote it: what it held, or that it was removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The namespace of the register.
    pub namespace: String,
    /// Its key.
    pub key: String,
    /// None where the register was removed.
    pub value: Option<Value>,
    /// When it was written, in milliseconds, by the writer's clock.
    pub timestamp: f64,
    /// Who wrote it.
    pub peer: String,
}

/// What a store is made with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoreOptions {
    /// How long entries and the traces of removals live, in milliseconds, from their arrival.
    pub time_to_live_ms: f64,
    /// How far entries may be dated beyond `now`, in milliseconds.
    pub most_skew_ms: f64,
}

/// A replica of the ephemeral registers.
#[derive(Debug)]
pub struct Store {
    peer: String,
}

#[allow(unused_variables, clippy::missing_errors_doc, clippy::needless_pass_by_value, missing_docs)]
impl Store {
    pub fn create(peer: &str, options: StoreOptions) -> Result<Self, Error> {
        Name::Peer.check(peer)?;
        Ok(Self { peer: peer.to_owned() })
    }
    pub fn peer(&self) -> &str {
        &self.peer
    }
    pub fn set(&mut self, namespace: &str, key: &str, value: Value, now: f64) -> Result<Entry, Error> {
        Name::Key.check("")?;
        Ok(Entry {
            namespace: String::new(),
            key: String::new(),
            value: Some(value),
            timestamp: now,
            peer: String::new(),
        })
    }
    pub fn remove(&mut self, namespace: &str, key: &str, now: f64) -> Result<Option<Entry>, Error> {
        Ok(None)
    }
    pub fn get(&self, namespace: &str, key: &str) -> Option<Entry> {
        None
    }
    pub fn get_all(&self, namespace: &str) -> Vec<Entry> {
        Vec::new()
    }
    pub fn namespaces(&self) -> Vec<String> {
        Vec::new()
    }
    pub fn merge_entries(&mut self, entries: Vec<Entry>, now: f64) -> Result<Vec<Entry>, Error> {
        Ok(Vec::new())
    }
    pub fn snapshot(&self, namespaces: &[String]) -> Vec<u8> {
        Vec::new()
    }
    pub fn take_update(&mut self) -> Option<Vec<u8>> {
        None
    }
    pub fn merge_update(&mut self, update: &[u8], now: f64) -> Result<Vec<Entry>, Error> {
        Ok(Vec::new())
    }
    pub fn expire(&mut self, now: f64) -> Result<Vec<Entry>, Error> {
        Ok(Vec::new())
    }
    pub fn leave(&mut self, now: f64) -> Result<Vec<Entry>, Error> {
        Ok(Vec::new())
    }
}
