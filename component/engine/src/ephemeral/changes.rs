//! Changes of a store: snapshots, updates to broadcast, and changes for sessions.

use super::Store;
use super::bytes::{self, AgedEntry};
use super::entry::{EntryOrigin, EntrySource};
use super::registers::Register;
use crate::codec::FrameKind;
use crate::sort;
use std::collections::BTreeSet;

impl Store {
    /// Encodes all live entries and remembered removals of these namespaces, or of all namespaces
    /// if none are named. A new replica merges them. `docs/format.md` specifies the bytes.
    /// O(registers of the namespaces).
    #[must_use]
    pub fn snapshot(&self, namespaces: &[String]) -> Vec<u8> {
        let wanted = sort::distinct(namespaces.iter().map(String::as_str));
        let is_wanted =
            |register: &&Register| wanted.is_empty() || wanted.binary_search(&&*register.name.namespace).is_ok();
        let all = self.registers.all().filter(is_wanted);
        bytes::write_frame(FrameKind::Snapshot, all.map(|register| self.outgoing(register)).collect())
    }

    /// Encodes the changes since the last call, written or merged here, for broadcasting. Each
    /// changed register occurs once. Returns `None` if nothing changed. O(log n) for each changed
    /// register.
    pub fn take_update(&mut self) -> Option<Vec<u8>> {
        let changed = self.registers.changed_after(self.taken);
        let changed: Vec<AgedEntry<'_>> = changed.map(|register| self.outgoing(register)).collect();
        let update = (!changed.is_empty()).then(|| bytes::write_frame(FrameKind::Entries, changed));
        self.taken = self.registers.last_change();
        update
    }

    /// Returns a new source of entries. Entries are not sent back to the source that brought them.
    pub(crate) fn new_source(&mut self) -> EntrySource {
        self.sources += 1;
        EntrySource(self.sources)
    }

    /// Returns the number of the latest change, or 0 before the first one.
    pub(crate) fn last_change(&self) -> u64 {
        self.registers.last_change()
    }

    /// Writes the registers that changed after the change `after`, without a frame: of these
    /// namespaces, or of all if none are named, and without those whose latest change is from
    /// `not_from`. Writes them in the order of their changes, as many as fit into `max_bytes`, but
    /// at least one. Returns the change up to which all were written. O(log n) for each changed
    /// register.
    pub(crate) fn write_changes(
        &self,
        after: u64,
        not_from: EntrySource,
        namespaces: &BTreeSet<String>,
        max_bytes: usize,
        out: &mut Vec<u8>,
    ) -> u64 {
        let (mut changed, mut done, mut size) = (Vec::new(), after, bytes::Size::default());
        for register in self.registers.changed_after(after) {
            let is_wanted = namespaces.is_empty() || namespaces.contains(&*register.name.namespace);
            if is_wanted && register.origin != EntryOrigin::Brought(not_from) {
                let outgoing = self.outgoing(register);
                if size.add(&outgoing) > max_bytes && !changed.is_empty() {
                    bytes::write(changed, out);
                    return done;
                }
                changed.push(outgoing);
            }
            done = register.change;
        }
        if !changed.is_empty() {
            bytes::write(changed, out);
        }
        self.registers.last_change()
    }

    fn outgoing<'a>(&self, register: &'a Register) -> AgedEntry<'a> {
        let left = register.deadline - self.clock.elapsed();
        let age = (self.options.time_to_live_ms - left).max(0.0);
        AgedEntry { name: &register.name, written: &register.written, age }
    }
}
