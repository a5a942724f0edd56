//! Merges the entries of other replicas: the largest entry of a register wins, in whichever order
//! entries arrive.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

use super::bytes;
use super::entry::{Arrival, ENTRY_SPENDS, Entry, EntryOrigin, EntrySource, RegisterName, WrittenValue, check_names};
use super::registers::{RegisterNumber, Registers, StoreGrowth};
use super::{Store, StoreOptions};
use crate::codec::Reader;
use crate::error::{Error, Invalid, Name, Time};
use crate::id::SharedText;
use crate::limits;
use crate::memory;
use crate::sort;
use crate::value::Value;
use std::cmp::Ordering;

impl Store {
    /// Merges entries of other replicas. Returns those that changed the visible registers, sorted
    /// by namespace and key. An entry that is not larger than the known one has no effect, not even
    /// on the register's life. O(log n) for each entry.
    ///
    /// # Errors
    /// `InvalidArgument` for empty names, for a `now` or timestamp that is not a time, and for an
    /// entry that is dated more than `max_skew_ms` beyond `now`; `LimitExceeded` if an entry is too
    /// large, or the store would be.
    pub fn merge_entries(&mut self, entries: Vec<Entry>, now: f64) -> Result<Vec<Entry>, Error> {
        let sizes = entries.iter().map(|entry| entry.value.as_ref().map_or(0, |value| value.as_ref().content_bytes()));
        memory::spend(sizes.fold(0, |sum, bytes| sum.saturating_add(ENTRY_SPENDS).saturating_add(bytes)))?;
        let arrivals = entries.into_iter().map(arrival).collect::<Result<_, _>>()?;
        self.merge(arrivals, now)
    }

    /// Merges the bytes of `snapshot` or `take_update` of another replica like
    /// [`Store::merge_entries`]. Entries keep their age. Skips entries that are dated more than
    /// `max_skew_ms` beyond `now`, and counts them in [`Store::refused`], so that one wrong clock
    /// does not keep out all other entries. O(log n) for each entry.
    ///
    /// # Errors
    /// `InvalidArgument` and `LimitExceeded` as for [`Store::merge_entries`]; `Corrupt`,
    /// `UnsupportedVersion` and `UnsupportedFeature` for bytes that are damaged or are not entries.
    pub fn merge_update(&mut self, update: &[u8], now: f64) -> Result<Vec<Entry>, Error> {
        memory::spend_on(update)?;
        let arrivals = bytes::read_frame(update)?;
        let arrived = arrivals.len();
        let arrivals = self.timely(arrivals, now);
        let skipped = difference(arrived, arrivals.len());
        let changed = self.merge(arrivals, now)?;
        self.refused = self.refused.saturating_add(skipped);
        Ok(changed)
    }

    /// Merges the entries of a session's message. Returns those that changed the visible registers,
    /// and the number of skipped entries: those of peers that may not write, that are dated too far
    /// ahead, or that do not fit into the store. O(log n) for each entry.
    ///
    /// # Errors
    /// `Corrupt`, `InvalidArgument` and `LimitExceeded` for content that is not entries;
    /// `InvalidArgument` and `LimitExceeded` for a `now` that is not a time.
    pub(crate) fn merge_from(
        &mut self,
        source: EntrySource,
        content: &mut Reader<'_>,
        may_write: impl Fn(&str) -> bool,
        now: f64,
    ) -> Result<(Vec<Entry>, u32), Error> {
        let arrivals = bytes::read(content)?;
        self.tick(now)?;
        let came = arrivals.len();
        let arrivals = arrivals.into_iter().filter(|arrival| may_write(&arrival.written.peer)).collect();
        let fit = self.timely(arrivals, now);
        let mut refused = difference(came, fit.len());
        let mut changed = Vec::new();
        for winner in self.winners(fit) {
            let mut growth = StoreGrowth::default();
            winner.add_to(&mut growth, &self.registers);
            if growth.check(&self.registers).is_ok() {
                changed.extend(self.take(winner, EntryOrigin::Brought(source)));
            } else {
                refused = refused.saturating_add(1);
            }
        }
        self.refused = self.refused.saturating_add(refused);
        Ok((changed, refused))
    }

    /// Returns the entries that are not dated too far ahead.
    fn timely(&self, mut arrivals: Vec<Arrival>, now: f64) -> Vec<Arrival> {
        arrivals.retain(|arrival| check_skew(&self.options, arrival, now).is_ok());
        arrivals
    }

    fn merge(&mut self, arrivals: Vec<Arrival>, now: f64) -> Result<Vec<Entry>, Error> {
        Time::Now.check(now)?;
        arrivals.iter().try_for_each(|arrival| check_skew(&self.options, arrival, now))?;
        let winners = self.winners(arrivals);
        let mut growth = StoreGrowth::default();
        winners.iter().for_each(|winner| winner.add_to(&mut growth, &self.registers));
        growth.check(&self.registers)?;
        self.clock.advance(now);
        Ok(winners.into_iter().filter_map(|winner| self.take(winner, EntryOrigin::Merged)).collect())
    }

    /// Returns the entries that take effect, sorted by namespace and key: the largest entry of each
    /// register, if it is larger than the known one and not expired.
    fn winners(&self, arrivals: Vec<Arrival>) -> Vec<Winner> {
        let mut winners: Vec<Winner> = Vec::new();
        for Arrival { name, written, age } in arrivals {
            let known = self.registers.find(&name.namespace, &name.key);
            let register = known.and_then(|number| self.registers.register(number));
            let wins = register.is_none_or(|known| written.compare(&known.written) == Ordering::Greater);
            if wins && age < self.options.time_to_live_ms {
                winners.push(Winner { known, name, written, age });
            }
        }
        // Of two equal entries, the younger one.
        let larger_first = |a: &Winner, b: &Winner| b.written.compare(&a.written).then(a.age.total_cmp(&b.age));
        sort::sort_by(&mut winners, |a, b| a.name.cmp(&b.name).then_with(|| larger_first(a, b)));
        winners.dedup_by(|later, earlier| later.name == earlier.name);
        winners
    }

    /// Lets an entry take effect. Returns it if this changes the visible registers.
    fn take(&mut self, winner: Winner, origin: EntryOrigin) -> Option<Entry> {
        if self.write_again(&winner) {
            return None;
        }
        let entry = winner.written.entry(&winner.name);
        let before = self.put(winner, origin);
        if let Some(before) = &before {
            self.forget(before);
        }
        (before.is_some_and(|before| before.value.is_some()) || entry.value.is_some()).then_some(entry)
    }

    /// Handles an entry that an earlier store of this peer wrote. If this store wrote the register
    /// since then, raises its timestamp above that of the entry, and returns `true`.
    ///
    /// An entry with this peer's name is of an earlier store if other replicas had it before this
    /// store wrote; a removal also if its age is unknown, because this peer is present. Two live
    /// stores with one name do not answer each other endlessly: the later write stays.
    fn write_again(&mut self, winner: &Winner) -> bool {
        let Some(number) = winner.known.filter(|_| winner.written.peer == self.peer) else { return false };
        let Some(register) = self.registers.register(number).filter(|known| known.origin == EntryOrigin::Written)
        else {
            return false;
        };
        let lived = self.clock.elapsed() - (register.deadline - self.options.time_to_live_ms);
        let is_removal = winner.written.value.is_none() && register.is_live();
        if !is_removal && winner.age <= lived {
            return false;
        }
        let written = WrittenValue { timestamp: winner.written.timestamp.next_up(), ..register.written.clone() };
        let deadline = register.deadline;
        self.registers.set(number, written, deadline, EntryOrigin::Written);
        true
    }

    /// Sets the entry of a register, and returns the previous one. O(log n).
    pub(super) fn put(&mut self, winner: Winner, origin: EntryOrigin) -> Option<WrittenValue> {
        let Winner { known, name, written, age } = winner;
        let deadline = self.clock.elapsed() + (self.options.time_to_live_ms - age);
        if let Some(number) = known {
            return self.registers.set(number, written, deadline, origin);
        }
        self.registers.add(name, written, deadline, origin);
        None
    }
}

/// An entry that takes effect.
#[derive(Debug)]
pub(super) struct Winner {
    /// The register, if it exists.
    pub(super) known: Option<RegisterNumber>,
    pub(super) name: RegisterName,
    pub(super) written: WrittenValue,
    /// How long other replicas had the entry, in milliseconds.
    pub(super) age: f64,
}

impl Winner {
    fn add_to<'a>(&'a self, growth: &mut StoreGrowth<'a>, registers: &'a Registers) {
        growth.add(registers, self.known, &self.name, &self.written);
    }
}

/// Checks an entry as far as this is possible without a clock.
fn arrival(entry: Entry) -> Result<Arrival, Error> {
    let Entry { namespace, key, value, timestamp, peer } = entry;
    check_names(&namespace, &key)?;
    Name::Peer.check(&peer)?;
    if let Some(value) = &value {
        limits::ENTRY_VALUE_BYTES.check(value.as_ref().content_bytes())?;
    }
    Time::Timestamp.check(timestamp)?;
    // Adding 0 turns -0.0 into 0.0.
    let value = value.map(Value::canonical);
    let written = WrittenValue { value, timestamp: timestamp + 0.0, peer: SharedText::from(peer) };
    Ok(Arrival { name: RegisterName::new(&namespace, &key), written, age: 0.0 })
}

/// Returns the difference of two counts.
fn difference(all: usize, some: usize) -> u32 {
    u32::try_from(all.saturating_sub(some)).unwrap_or(u32::MAX)
}

fn check_skew(options: &StoreOptions, arrival: &Arrival, now: f64) -> Result<(), Error> {
    let (timestamp, max_skew) = (arrival.written.timestamp, options.max_skew_ms);
    if timestamp > now + max_skew {
        return Err(Invalid::AheadOfClock { timestamp, now, max_skew }.into());
    }
    Ok(())
}
