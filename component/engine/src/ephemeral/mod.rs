//! The ephemeral layer: last-writer-wins registers by namespace and key, without history, which expire.
//!
//! Holds one entry for each register, the largest by (timestamp, peer, value), or the removal that is. Always holds: what
//! a store shows depends on the entries that came and on when each came here, not on their order. Does not know documents,
//! nor a clock: `now` is the caller's.

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

/// What a store is made with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoreOptions {
    /// How long entries and the traces of removals live, in milliseconds, from their arrival here; what bytes bring has its
    /// age from before. More than 0, at most `limits::TIME_MS`.
    pub time_to_live_ms: f64,
    /// How far entries may be dated beyond `now`, in milliseconds; at most `limits::TIME_MS`.
    pub max_skew_ms: f64,
}

/// A replica of the ephemeral registers.
///
/// What the functions mean is in `docs/semantics.md`. Every `now` is the caller's clock, in milliseconds from an origin that
/// all replicas share. A function that fails has changed nothing. Costs are given in n, the entries of the store.
#[derive(Debug)]
pub struct Store {
    peer: SharedText,
    options: StoreOptions,
    clock: Clock,
    registers: Registers,
    /// The latest timestamp of this peer's own entries that are not here any more. What it writes is later: where its clock
    /// went back it would else repeat a timestamp.
    forgotten: f64,
    /// The last change that `take_update` gave.
    taken: u64,
    sources: u64,
    refused: u32,
}

/// Times are not negative.
const BEFORE_ALL_TIMES: f64 = -1.0;

impl Store {
    /// An empty store in which this replica writes as `peer`: 1 to `limits::PEER_BYTES` bytes.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty name, for options that are no times, and for a time to live of 0; `LimitExceeded` for
    /// what is too long.
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

    /// Whom this replica writes as.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Returns how many entries `merge_update`, and sessions of this store, skipped, at most 2^32 - 1.
    #[must_use]
    pub fn refused(&self) -> u32 {
        self.refused
    }

    /// What a register holds; none where it holds nothing. O(log n).
    #[must_use]
    pub fn get(&self, namespace: &str, key: &str) -> Option<Entry> {
        self.registers.get(namespace, key).filter(|register| register.is_live()).map(Register::entry)
    }

    /// The live entries of a namespace, sorted by key as bytes. O(log n) and the registers of the namespace.
    #[must_use]
    pub fn get_all(&self, namespace: &str) -> Vec<Entry> {
        self.registers.of(namespace).filter(|register| register.is_live()).map(Register::entry).collect()
    }

    /// The namespaces that have live entries, sorted as bytes. O(namespaces).
    #[must_use]
    pub fn namespaces(&self) -> Vec<String> {
        self.registers.live_namespaces().map(String::from).collect()
    }

    /// Drops what has outlived its time; gives the entries that vanished from view, sorted by namespace and key. O(log n) for
    /// each entry that is dropped.
    ///
    /// # Errors
    /// `InvalidArgument` and `LimitExceeded` for a `now` that is no time.
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

    /// Remembers of an entry that goes what its writer must not repeat.
    fn forget(&mut self, written: &WrittenValue) {
        if written.peer == self.peer {
            self.forgotten = self.forgotten.max(written.timestamp);
        }
    }

    /// Moves the clock on.
    ///
    /// # Errors
    /// `InvalidArgument` and `LimitExceeded` for a `now` that is no time.
    pub(crate) fn tick(&mut self, now: f64) -> Result<(), Error> {
        Time::Now.check(now)?;
        self.clock.advance(now);
        Ok(())
    }

    /// Panics where something that always holds does not: a defect of the engine. For tests. O(everything).
    #[doc(hidden)]
    pub fn dbg_check(&self) {
        self.registers.dbg_check();
        assert!(self.taken <= self.registers.last_change());
    }
}
