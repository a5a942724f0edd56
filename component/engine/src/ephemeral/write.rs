//! Local writes, by this store's peer. A write is always newer than the known entry of the
//! register.

use super::Store;
use super::entry::{ENTRY_SPENDS, Entry, EntryOrigin, RegisterName, WrittenValue, check_names};
use super::merge::Winner;
use super::registers::StoreGrowth;
use crate::error::{Error, Time};
use crate::limits;
use crate::memory;
use crate::sort;
use crate::value::Value;

impl Store {
    /// Sets the value of a register. The timestamp of the entry is `now` if this is later than the
    /// known entry of the register and than this peer's removed entries; otherwise it is just above
    /// them. So no timestamp is repeated if the clock stops or jumps backwards. O(log n + size of
    /// the value).
    ///
    /// # Errors
    /// `InvalidArgument` for empty names and for a `now` that is not a time; `LimitExceeded` if the
    /// value is too large, or the store would be.
    pub fn set(&mut self, namespace: &str, key: &str, value: Value, now: f64) -> Result<Entry, Error> {
        check_names(namespace, key)?;
        limits::ENTRY_VALUE_BYTES.check(value.as_ref().content_bytes())?;
        Time::Now.check(now)?;
        memory::spend(ENTRY_SPENDS + key.len() as u64 + value.as_ref().content_bytes())?;
        self.write(RegisterName::new(namespace, key), Some(value.canonical()), now)
    }

    /// Removes the value of a register. Returns the removal, or `None` if the register has no
    /// value. The removal is remembered for the time to live, so that the removed value does not
    /// return. O(log n).
    ///
    /// # Errors
    /// Those of [`Store::set`].
    pub fn remove(&mut self, namespace: &str, key: &str, now: f64) -> Result<Option<Entry>, Error> {
        check_names(namespace, key)?;
        Time::Now.check(now)?;
        if !self.registers.get(namespace, key).is_some_and(|register| register.is_live()) {
            self.clock.advance(now);
            return Ok(None);
        }
        self.write(RegisterName::new(namespace, key), None, now).map(Some)
    }

    /// Removes all entries that this peer wrote, before it leaves. Returns the removals, sorted by
    /// namespace and key. O(log n) for each entry of this peer.
    ///
    /// # Errors
    /// `InvalidArgument` and `LimitExceeded` for a `now` that is not a time.
    pub fn leave(&mut self, now: f64) -> Result<Vec<Entry>, Error> {
        self.tick(now)?;
        let own = self.registers.written_by(&self.peer).filter(|register| register.is_live());
        let mut places: Vec<RegisterName> = own.map(|register| register.name.clone()).collect();
        sort::sort(&mut places);
        // A removal replaces a larger entry of the same peer, so there is room for it.
        places.into_iter().map(|name| self.write(name, None, now)).collect()
    }

    fn write(&mut self, name: RegisterName, value: Option<Value>, now: f64) -> Result<Entry, Error> {
        let known = self.registers.find(&name.namespace, &name.key);
        let register = known.and_then(|number| self.registers.register(number));
        let latest = register.map_or(self.forgotten, |register| register.written.timestamp.max(self.forgotten));
        // Adding 0 turns -0.0 into 0.0.
        let timestamp = if now > latest { now } else { latest.next_up() } + 0.0;
        let written = WrittenValue { value, timestamp, peer: self.peer.clone() };
        let mut growth = StoreGrowth::default();
        growth.add(&self.registers, known, &name, &written);
        growth.check(&self.registers)?;
        self.clock.advance(now);
        let entry = written.entry(&name);
        self.put(Winner { known, name, written, age: 0.0 }, EntryOrigin::Written);
        Ok(entry)
    }
}
