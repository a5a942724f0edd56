//! The registers of a store, with indexes by name, by writer, by deadline, and by change.
//!
//! Always holds: every register is in all indexes; the index by change contains only its latest
//! change. Does not know which entry wins.

use super::entry::{Entry, EntryOrigin, RegisterName, WrittenValue};
use crate::error::Error;
use crate::id::SharedText;
use crate::limits;
use crate::work;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// A register.
#[derive(Debug)]
pub(super) struct Register {
    pub(super) name: RegisterName,
    pub(super) written: WrittenValue,
    /// The elapsed time at which the register expires.
    pub(super) deadline: f64,
    /// The number of its latest change.
    pub(super) change: u64,
    /// The origin of its latest change.
    pub(super) origin: EntryOrigin,
}

/// The number of a register while the register exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RegisterNumber(u32);

/// An index of registers by a number.
type Ordered = BTreeSet<(u64, RegisterNumber)>;

/// All registers of a store.
#[derive(Debug, Default)]
pub(super) struct Registers {
    by_number: Vec<Option<Register>>,
    free: Vec<RegisterNumber>,
    namespaces: BTreeMap<SharedText, Namespace>,
    /// The registers of each writer. The numbers in this index are 0.
    by_peer: BTreeMap<SharedText, Ordered>,
    /// By the bits of the deadline. For times that are not negative, these have the same order.
    by_deadline: Ordered,
    by_change: Ordered,
    last_change: u64,
    bytes: u64,
}

#[derive(Debug, Default)]
struct Namespace {
    numbers: BTreeMap<SharedText, RegisterNumber>,
    live: usize,
}

/// The size of an entry in `limits::STORE_BYTES`, without its names and content.
const ENTRY_BYTES: u64 = 64;

impl Register {
    /// Returns whether the register has a value.
    pub(super) fn is_live(&self) -> bool {
        self.written.value.is_some()
    }

    /// Returns the register's entry.
    pub(super) fn entry(&self) -> Entry {
        self.written.entry(&self.name)
    }
}

impl Registers {
    /// Returns the number of the register with this name. O(log n).
    pub(super) fn find(&self, namespace: &str, key: &str) -> Option<RegisterNumber> {
        self.namespaces.get(namespace)?.numbers.get(key).copied()
    }

    /// Returns the register with this number, if there is one.
    pub(super) fn register(&self, number: RegisterNumber) -> Option<&Register> {
        self.by_number.get(number.0 as usize)?.as_ref()
    }

    /// Returns the register with this name. O(log n).
    pub(super) fn get(&self, namespace: &str, key: &str) -> Option<&Register> {
        self.register(self.find(namespace, key)?)
    }

    /// Returns the registers of a namespace, sorted by key. O(log n).
    pub(super) fn of(&self, namespace: &str) -> impl Iterator<Item = &Register> {
        self.namespaces.get(namespace).into_iter().flat_map(|namespace| self.sorted(namespace))
    }

    /// Returns all registers, sorted by namespace and key.
    pub(super) fn all(&self) -> impl Iterator<Item = &Register> {
        self.namespaces.values().flat_map(|namespace| self.sorted(namespace))
    }

    fn sorted<'a>(&'a self, namespace: &'a Namespace) -> impl Iterator<Item = &'a Register> {
        namespace.numbers.values().filter_map(|&number| self.register(number))
    }

    /// Returns the namespaces that have live entries, sorted. O(namespaces).
    pub(super) fn live_namespaces(&self) -> impl Iterator<Item = &str> {
        self.namespaces.iter().filter(|(_, namespace)| namespace.live > 0).map(|(name, _)| &**name)
    }

    /// Returns the registers whose entry this peer wrote, in any order. O(log n).
    pub(super) fn written_by(&self, peer: &str) -> impl Iterator<Item = &Register> {
        self.by_peer.get(peer).into_iter().flatten().filter_map(|&(_, number)| self.register(number))
    }

    /// Returns the number of the latest change, or 0 before the first one.
    pub(super) fn last_change(&self) -> u64 {
        self.last_change
    }

    /// Returns the registers that changed after this change, in the order of their latest changes.
    /// O(log n).
    pub(super) fn changed_after(&self, change: u64) -> impl Iterator<Item = &Register> {
        let after = (change, RegisterNumber(u32::MAX));
        self.by_change.range((Bound::Excluded(after), Bound::Unbounded)).filter_map(|&(_, number)| {
            work::step();
            self.register(number)
        })
    }

    /// Adds a register that expires at the deadline. O(log n).
    pub(super) fn add(&mut self, name: RegisterName, written: WrittenValue, deadline: f64, origin: EntryOrigin) {
        work::step();
        let change = self.next_change();
        let number = self.free.pop().unwrap_or_else(|| {
            self.by_number.push(None);
            // `limits::STORE_ENTRIES` is far below 2^32.
            RegisterNumber(self.by_number.len() as u32 - 1)
        });
        self.bytes += entry_bytes(&name.key, &written);
        self.by_change.insert((change, number));
        self.by_deadline.insert((deadline.to_bits(), number));
        self.credit(&written.peer, number);
        let namespace = self.namespaces.entry(name.namespace.clone()).or_default();
        namespace.live += usize::from(written.value.is_some());
        namespace.numbers.insert(name.key.clone(), number);
        self.by_number[number.0 as usize] = Some(Register { name, written, deadline, change, origin });
    }

    /// Sets the entry and the deadline of a register, and returns the previous entry. O(log n).
    pub(super) fn set(
        &mut self,
        number: RegisterNumber,
        written: WrittenValue,
        deadline: f64,
        origin: EntryOrigin,
    ) -> Option<WrittenValue> {
        work::step();
        let change = self.next_change();
        let register = self.by_number.get_mut(number.0 as usize)?.as_mut()?;
        let (was_live, is_live) = (register.is_live(), written.value.is_some());
        if was_live != is_live
            && let Some(namespace) = self.namespaces.get_mut(&register.name.namespace)
        {
            namespace.live = namespace.live + usize::from(is_live) - usize::from(was_live);
        }
        let key = &register.name.key;
        self.bytes = self.bytes + entry_bytes(key, &written) - entry_bytes(key, &register.written);
        self.by_change.remove(&(register.change, number));
        self.by_change.insert((change, number));
        self.by_deadline.remove(&(register.deadline.to_bits(), number));
        self.by_deadline.insert((deadline.to_bits(), number));
        (register.deadline, register.change, register.origin) = (deadline, change, origin);
        let peer = written.peer.clone();
        let before = std::mem::replace(&mut register.written, written);
        if before.peer != peer {
            self.discredit(&before.peer, number);
            self.credit(&peer, number);
        }
        Some(before)
    }

    /// Removes and returns a register whose deadline has passed. O(log n).
    pub(super) fn pop_due(&mut self, elapsed: f64) -> Option<Register> {
        let &(deadline, number) = self.by_deadline.first()?;
        if f64::from_bits(deadline) > elapsed {
            return None;
        }
        work::step();
        let register = self.by_number.get_mut(number.0 as usize)?.take()?;
        self.free.push(number);
        self.by_deadline.pop_first();
        self.by_change.remove(&(register.change, number));
        self.discredit(&register.written.peer, number);
        self.bytes -= entry_bytes(&register.name.key, &register.written);
        if let Some(namespace) = self.namespaces.get_mut(&register.name.namespace) {
            namespace.live -= usize::from(register.is_live());
            namespace.numbers.remove(&register.name.key);
            if namespace.numbers.is_empty() {
                self.namespaces.remove(&register.name.namespace);
            }
        }
        Some(register)
    }

    fn next_change(&mut self) -> u64 {
        self.last_change += 1;
        self.last_change
    }

    fn credit(&mut self, peer: &SharedText, number: RegisterNumber) {
        self.by_peer.entry(peer.clone()).or_default().insert((0, number));
    }

    fn discredit(&mut self, peer: &SharedText, number: RegisterNumber) {
        if let Some(written) = self.by_peer.get_mut(peer) {
            written.remove(&(0, number));
            if written.is_empty() {
                self.by_peer.remove(peer);
            }
        }
    }

    /// Panics if an invariant is broken. O(everything).
    pub(super) fn dbg_check(&self) {
        let (mut bytes, mut entries) = (0, 0);
        for (name, namespace) in &self.namespaces {
            assert!(!namespace.numbers.is_empty());
            assert_eq!(namespace.live, self.sorted(namespace).filter(|register| register.is_live()).count());
            for (key, &number) in &namespace.numbers {
                let register = self.register(number).unwrap();
                assert_eq!((&register.name.namespace, &register.name.key), (name, key));
                assert!(self.by_change.contains(&(register.change, number)));
                assert!(self.by_deadline.contains(&(register.deadline.to_bits(), number)));
                assert!(self.by_peer[&register.written.peer].contains(&(0, number)));
                assert!(register.deadline >= 0.0 && register.written.timestamp.is_sign_positive());
                bytes += entry_bytes(key, &register.written);
                entries += 1;
            }
        }
        assert_eq!(bytes, self.bytes);
        let written: usize = self.by_peer.values().map(BTreeSet::len).sum();
        let there = self.by_number.iter().flatten().count();
        assert_eq!([self.by_change.len(), self.by_deadline.len(), written, there], [entries; 4]);
        assert_eq!(self.free.len() + entries, self.by_number.len());
        assert!(self.free.iter().all(|&number| self.register(number).is_none()));
        assert!(self.by_peer.values().all(|written| !written.is_empty()));
        assert!(self.by_change.iter().all(|&(change, _)| change <= self.last_change));
    }
}

fn entry_bytes(key: &str, written: &WrittenValue) -> u64 {
    let content = written.value.as_ref().map_or(0, |value| value.as_ref().content_bytes());
    ENTRY_BYTES + (key.len() + written.peer.len()) as u64 + content
}

/// The growth of a store by some entries.
#[derive(Debug, Default)]
pub(super) struct StoreGrowth<'a> {
    entries: u64,
    /// The bytes of the new entries, and of the replaced ones.
    brought: u64,
    displaced: u64,
    namespaces: BTreeSet<&'a str>,
    /// For each peer, the number of entries that it gains and that it loses.
    peers: BTreeMap<&'a str, (u64, u64)>,
}

impl<'a> StoreGrowth<'a> {
    /// Adds an entry of a register that was not added before. `known` is the number of the register
    /// if it exists. O(log n).
    pub(super) fn add(
        &mut self,
        registers: &'a Registers,
        known: Option<RegisterNumber>,
        name: &'a RegisterName,
        written: &'a WrittenValue,
    ) {
        self.brought += entry_bytes(&name.key, written);
        let Some(old) = known.and_then(|number| registers.register(number)) else {
            self.entries += 1;
            self.peers.entry(&*written.peer).or_default().0 += 1;
            if !registers.namespaces.contains_key(&name.namespace) {
                self.namespaces.insert(&*name.namespace);
            }
            return;
        };
        self.displaced += entry_bytes(&name.key, &old.written);
        if old.written.peer != written.peer {
            self.peers.entry(&*written.peer).or_default().0 += 1;
            self.peers.entry(&*old.written.peer).or_default().1 += 1;
        }
    }

    /// Fails if the store would exceed a limit. O(log n) for each peer.
    pub(super) fn check(&self, registers: &Registers) -> Result<(), Error> {
        limits::STORE_ENTRIES.check(registers.by_change.len() as u64 + self.entries)?;
        limits::STORE_BYTES.check(registers.bytes + self.brought - self.displaced)?;
        limits::NAMESPACES.check((registers.namespaces.len() + self.namespaces.len()) as u64)?;
        for (peer, (gained, lost)) in &self.peers {
            let written = registers.by_peer.get(*peer).map_or(0, BTreeSet::len) as u64;
            limits::PEER_ENTRIES.check(written + gained - lost)?;
        }
        Ok(())
    }
}
