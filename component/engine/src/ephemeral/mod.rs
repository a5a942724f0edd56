//! The ephemeral store: last-writer-wins registers by namespace and key, which have no history and
//! expire.
//!
//! Stores one entry for each register: the largest by timestamp, peer and value, which can be a
//! removal. Always holds: the visible registers depend on the received entries and on their times
//! of arrival, not on their order. Knows neither documents nor a clock: callers pass `now`.

mod bytes;
mod changes;
mod clock;
mod entry;
mod merge;
mod registers;
#[cfg(test)]
mod tests;
mod write;

pub use entry::Entry;
pub(crate) use entry::EntrySource;

use crate::error::{Error, Invalid, Name, Time};
use crate::id::SharedText;
use crate::sort;
use clock::Clock;
use entry::WrittenValue;
use registers::{Register, Registers};

/// The options of a store.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoreOptions {
    /// How long entries and removals live after their arrival, in milliseconds. Encoded entries
    /// keep their age. More than 0, and at most `limits::TIME_MS`.
    pub time_to_live_ms: f64,
    /// How far beyond `now` entries may be dated, in milliseconds. At most `limits::TIME_MS`.
    pub max_skew_ms: f64,
}

/// A replica of the ephemeral registers.
///
/// `docs/semantics.md` defines what the functions mean. Every `now` is the caller's clock, in
/// milliseconds since an origin that all replicas share. A function that fails has changed nothing.
/// In costs, n is the number of entries.
#[derive(Debug)]
pub struct Store {
    peer: SharedText,
    options: StoreOptions,
    clock: Clock,
    registers: Registers,
    /// The latest timestamp of this peer's removed entries. New entries are later, so that no
    /// timestamp is repeated if the clock jumps backwards.
    forgotten: f64,
    /// The last change that `take_update` returned.
    taken: u64,
    sources: u64,
    refused: u32,
}

/// A time before all times, which are not negative.
const BEFORE_ALL_TIMES: f64 = -1.0;

impl Store {
    /// Returns an empty store that writes as `peer`: 1 to `limits::PEER_BYTES` bytes.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty name, for options that are not times, and for a time to live
    /// of 0; `LimitExceeded` for a name or a time that is too large.
    pub fn create(peer: &str, options: StoreOptions) -> Result<Self, Error> {
        Name::Peer.check(peer)?;
        Time::TimeToLive.check(options.time_to_live_ms)?;
        Time::MaxSkew.check(options.max_skew_ms)?;
        if options.time_to_live_ms == 0.0 {
            return Err(Invalid::NoTimeToLive.into());
        }
        Ok(Self {
            peer: SharedText::from(peer),
            options,
            clock: Clock::default(),
            registers: Registers::default(),
            forgotten: BEFORE_ALL_TIMES,
            taken: 0,
            sources: 0,
            refused: 0,
        })
    }

    /// Returns the peer as which this store writes.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Returns the number of entries that `merge_update` and sessions of this store skipped, at
    /// most 2^32 - 1.
    #[must_use]
    pub fn refused(&self) -> u32 {
        self.refused
    }

    /// Returns the entry of a register, or `None` if it has no value. O(log n).
    #[must_use]
    pub fn get(&self, namespace: &str, key: &str) -> Option<Entry> {
        self.registers.get(namespace, key).filter(|register| register.is_live()).map(Register::entry)
    }

    /// Returns the live entries of a namespace, sorted by key as bytes. O(log n + registers of the
    /// namespace).
    #[must_use]
    pub fn get_all(&self, namespace: &str) -> Vec<Entry> {
        self.registers.of(namespace).filter(|register| register.is_live()).map(Register::entry).collect()
    }

    /// Returns the namespaces that have live entries, sorted as bytes. O(namespaces).
    #[must_use]
    pub fn namespaces(&self) -> Vec<String> {
        self.registers.live_namespaces().map(String::from).collect()
    }

    /// Removes expired entries. Returns those that were visible, sorted by namespace and key. O(log
    /// n) for each removed entry.
    ///
    /// # Errors
    /// `InvalidArgument` and `LimitExceeded` for a `now` that is not a time.
    pub fn expire(&mut self, now: f64) -> Result<Vec<Entry>, Error> {
        self.tick(now)?;
        let mut vanished = Vec::new();
        while let Some(register) = self.registers.pop_due(self.clock.elapsed()) {
            self.forget(&register.written);
            if register.is_live() {
                vanished.push(register.entry());
            }
        }
        sort::sort_by(&mut vanished, |a: &Entry, b: &Entry| (&a.namespace, &a.key).cmp(&(&b.namespace, &b.key)));
        Ok(vanished)
    }

    /// Remembers the timestamp of a removed entry, if this peer wrote it.
    fn forget(&mut self, written: &WrittenValue) {
        if written.peer == self.peer {
            self.forgotten = self.forgotten.max(written.timestamp);
        }
    }

    /// Advances the clock.
    ///
    /// # Errors
    /// `InvalidArgument` and `LimitExceeded` for a `now` that is not a time.
    pub(crate) fn tick(&mut self, now: f64) -> Result<(), Error> {
        Time::Now.check(now)?;
        self.clock.advance(now);
        Ok(())
    }

    /// Panics if an invariant is broken, which is a defect of the engine. For tests. O(everything).
    #[doc(hidden)]
    pub fn dbg_check(&self) {
        self.registers.dbg_check();
        assert!(self.taken <= self.registers.last_change());
    }
}
