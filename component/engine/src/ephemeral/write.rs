//! Writing as this store's peer: always newer than what the store knows of the register.

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
    /// Sets what a register holds. The entry's timestamp is `now`, or just above that of what the store knows of the
    /// register, where the clock stands still or went back; then also above those of this peer's entries that
    /// expired or were displaced, so that it never repeats a timestamp. O(log n) and the value's size.
    ///
    /// # Errors
    /// `InvalidArgument` for empty names and for a `now` that is no time; `LimitExceeded` for what is too large, or does not
    /// fit into the store any more.
    pub fn set(&mut self, namespace: &str, key: &str, value: Value, now: f64) -> Result<Entry, Error> {
        check_names(namespace, key)?;
        limits::ENTRY_VALUE_BYTES.check(value.as_ref().content_bytes())?;
        Time::Now.check(now)?;
        memory::spend(ENTRY_SPENDS + key.len() as u64 + value.as_ref().content_bytes())?;
        self.write(RegisterName::new(namespace, key), Some(value.canonical()), now)
    }

    /// Removes what a register holds; none where it holds nothing. The removal is remembered for the time to live, so that
    /// what it removed does not come back. O(log n).
    ///
    /// # Errors
    /// As for [`Store::set`].
    pub fn remove(&mut self, namespace: &str, key: &str, now: f64) -> Result<Option<Entry>, Error> {
        check_names(namespace, key)?;
        Time::Now.check(now)?;
        if !self.registers.get(namespace, key).is_some_and(|register| register.is_live()) {
            self.clock.advance(now);
            return Ok(None);
        }
        self.write(RegisterName::new(namespace, key), None, now).map(Some)
    }

    /// Removes everything that this peer wrote, as on departure; gives the removals, sorted by namespace and key. O(log n) for
    /// each entry that it wrote.
    ///
    /// # Errors
    /// `InvalidArgument` and `LimitExceeded` for a `now` that is no time.
    pub fn leave(&mut self, now: f64) -> Result<Vec<Entry>, Error> {
        self.tick(now)?;
        let own = self.registers.written_by(&self.peer).filter(|register| register.is_live());
        let mut places: Vec<RegisterName> = own.map(|register| register.name.clone()).collect();
        sort::sort(&mut places);
        // A removal takes the place of a larger entry of the same peer: there is room for it.
        places.into_iter().map(|name| self.write(name, None, now)).collect()
    }

    fn write(&mut self, name: RegisterName, value: Option<Value>, now: f64) -> Result<Entry, Error> {
        let known = self.registers.find(&name.namespace, &name.key);
        let register = known.and_then(|number| self.registers.register(number));
        let latest = register.map_or(self.forgotten, |register| register.written.timestamp.max(self.forgotten));
        // Adding 0 makes 0.0 of -0.0.
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
