//! The registers and what finds them: by name, by writer, by the time that they end, and in the order in which they changed.
//!
//! Always holds: each register is found in all of these ways and in no other; a register has one place in the order of
//! changes, that of its latest. Does not know which entry wins.

use super::changes::Source;
use super::entry::{Entry, Place, Written};
use crate::error::Error;
use crate::id::SharedText;
use crate::limits;
use crate::work;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// One register.
#[derive(Debug)]
pub(super) struct Register {
    pub(super) written: Written,
    /// When it ends, by the store's clock.
    pub(super) deadline: f64,
    /// The number of its latest change.
    change: u64,
    /// Who brought that.
    pub(super) source: Option<Source>,
}

/// All registers of a store.
#[derive(Debug, Default)]
pub(super) struct Registers {
    namespaces: BTreeMap<SharedText, Namespace>,
    by_peer: BTreeMap<SharedText, BTreeSet<Place>>,
    /// By the bits of the deadline, which sort as times do that are not negative.
    by_deadline: BTreeSet<(u64, Place)>,
    by_change: BTreeMap<u64, Place>,
    last_change: u64,
    bytes: u64,
}

#[derive(Debug, Default)]
struct Namespace {
    registers: BTreeMap<SharedText, Register>,
    live: usize,
}

/// What an entry counts for in `limits::STORE_BYTES`, beside its names and content.
const ENTRY_BYTES: u64 = 64;

impl Register {
    /// Whether it holds something.
    pub(super) fn is_live(&self) -> bool {
        self.written.value.is_some()
    }

    /// What it holds, as an entry.
    pub(super) fn entry(&self, namespace: &str, key: &str) -> Entry {
        self.written.entry(namespace, key)
    }
}

impl Registers {
    /// The register of this name. O(log n).
    pub(super) fn get(&self, namespace: &str, key: &str) -> Option<&Register> {
        self.namespaces.get(namespace)?.registers.get(key)
    }

    /// The registers of a namespace, sorted by key. O(log n).
    pub(super) fn of(&self, namespace: &str) -> impl Iterator<Item = (&SharedText, &Register)> {
        self.namespaces.get(namespace).into_iter().flat_map(|namespace| &namespace.registers)
    }

    /// All registers, sorted by namespace and key.
    pub(super) fn all(&self) -> impl Iterator<Item = (&SharedText, &SharedText, &Register)> {
        let of = |(name, namespace)| {
            let Namespace { registers, .. }: &Namespace = namespace;
            registers.iter().map(move |(key, register)| (name, key, register))
        };
        self.namespaces.iter().flat_map(of)
    }

    /// The namespaces that have live entries, sorted. O(namespaces).
    pub(super) fn live_namespaces(&self) -> impl Iterator<Item = &str> {
        self.namespaces.iter().filter(|(_, namespace)| namespace.live > 0).map(|(name, _)| &**name)
    }

    /// The names of the registers whose entry this peer wrote, sorted. O(log n).
    pub(super) fn written_by(&self, peer: &str) -> impl Iterator<Item = &Place> {
        self.by_peer.get(peer).into_iter().flatten()
    }

    /// The number of the latest change; 0 before the first.
    pub(super) fn last_change(&self) -> u64 {
        self.last_change
    }

    /// The registers that changed after this change, in the order of their latest changes, with its number. O(log n).
    pub(super) fn changed_after(&self, change: u64) -> impl Iterator<Item = (u64, &Place, &Register)> {
        let changed = self.by_change.range((Bound::Excluded(change), Bound::Unbounded));
        changed.filter_map(|(&change, place)| {
            work::step();
            Some((change, place, self.get(&place.namespace, &place.key)?))
        })
    }

    /// Sets what a register holds, until the deadline; gives what was there before. O(log n).
    pub(super) fn put(
        &mut self,
        place: Place,
        written: Written,
        deadline: f64,
        source: Option<Source>,
    ) -> Option<Register> {
        work::step();
        let before = self.take(&place);
        self.last_change += 1;
        let change = self.last_change;
        self.bytes += entry_bytes(&place.key, &written);
        self.by_change.insert(change, place.clone());
        self.by_deadline.insert((deadline.to_bits(), place.clone()));
        self.by_peer.entry(written.peer.clone()).or_default().insert(place.clone());
        let namespace = self.namespaces.entry(place.namespace).or_default();
        namespace.live += usize::from(written.value.is_some());
        namespace.registers.insert(place.key, Register { written, deadline, change, source });
        before
    }

    /// Takes out a register whose time has come. O(log n).
    pub(super) fn pop_due(&mut self, elapsed: f64) -> Option<(Place, Register)> {
        let (deadline, place) = self.by_deadline.first()?;
        if f64::from_bits(*deadline) > elapsed {
            return None;
        }
        work::step();
        let place = place.clone();
        let register = self.take(&place)?;
        Some((place, register))
    }

    /// Takes out a register. O(log n).
    fn take(&mut self, place: &Place) -> Option<Register> {
        let namespace = self.namespaces.get_mut(&place.namespace)?;
        let register = namespace.registers.remove(&place.key)?;
        namespace.live -= usize::from(register.is_live());
        if namespace.registers.is_empty() {
            self.namespaces.remove(&place.namespace);
        }
        self.by_change.remove(&register.change);
        self.by_deadline.remove(&(register.deadline.to_bits(), place.clone()));
        if let Some(written) = self.by_peer.get_mut(&register.written.peer) {
            written.remove(place);
            if written.is_empty() {
                self.by_peer.remove(&register.written.peer);
            }
        }
        self.bytes -= entry_bytes(&place.key, &register.written);
        Some(register)
    }

    /// Panics where something that always holds does not. O(everything).
    pub(super) fn dbg_check(&self) {
        let (mut bytes, mut entries) = (0, 0);
        for (name, namespace) in &self.namespaces {
            assert!(!namespace.registers.is_empty());
            assert_eq!(namespace.live, namespace.registers.values().filter(|register| register.is_live()).count());
            for (key, register) in &namespace.registers {
                let place = Place { namespace: name.clone(), key: key.clone() };
                assert_eq!(self.by_change.get(&register.change), Some(&place));
                assert!(self.by_deadline.contains(&(register.deadline.to_bits(), place.clone())));
                assert!(self.by_peer[&register.written.peer].contains(&place));
                assert!(register.deadline >= 0.0 && register.written.timestamp.is_sign_positive());
                bytes += entry_bytes(key, &register.written);
                entries += 1;
            }
        }
        assert_eq!(bytes, self.bytes);
        let written: usize = self.by_peer.values().map(BTreeSet::len).sum();
        assert_eq!([self.by_change.len(), self.by_deadline.len(), written], [entries; 3]);
        assert!(self.by_peer.values().all(|written| !written.is_empty()));
        assert!(self.by_change.keys().all(|&change| change <= self.last_change));
    }
}

fn entry_bytes(key: &str, written: &Written) -> u64 {
    let content = written.value.as_ref().map_or(0, |value| value.as_ref().content_bytes());
    ENTRY_BYTES + (key.len() + written.peer.len()) as u64 + content
}

/// What some entries would add to a store.
#[derive(Debug, Default)]
pub(super) struct Room<'a> {
    entries: u64,
    /// What they bring, and what they displace.
    brought: u64,
    displaced: u64,
    namespaces: BTreeSet<&'a str>,
    /// By peer, entries that it gains and that it loses.
    peers: BTreeMap<&'a str, (u64, u64)>,
}

impl<'a> Room<'a> {
    /// Adds an entry for a register that was not added before. O(log n).
    pub(super) fn add(&mut self, registers: &'a Registers, place: &'a Place, written: &'a Written) {
        self.brought += entry_bytes(&place.key, written);
        self.peers.entry(&*written.peer).or_default().0 += 1;
        match registers.get(&place.namespace, &place.key) {
            Some(old) => {
                self.displaced += entry_bytes(&place.key, &old.written);
                self.peers.entry(&*old.written.peer).or_default().1 += 1;
            }
            None => self.entries += 1,
        }
        if !registers.namespaces.contains_key(&place.namespace) {
            self.namespaces.insert(&*place.namespace);
        }
    }

    /// Refuses more than a store takes. O(log n) for each peer.
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
