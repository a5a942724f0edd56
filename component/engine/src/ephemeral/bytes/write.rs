//! Encodes entries.

use super::REMOVED;
use crate::codec::{FrameKind, FrameWriter, Section, put_varint, zigzag};
use crate::ephemeral::entry::{RegisterName, WrittenValue};
use crate::limits;
use crate::sort;
use crate::value::{Value, ValueRef};
use std::collections::BTreeMap;

/// An entry to write.
#[derive(Debug, Clone, Copy)]
pub(in crate::ephemeral) struct AgedEntry<'a> {
    pub(in crate::ephemeral) name: &'a RegisterName,
    pub(in crate::ephemeral) written: &'a WrittenValue,
    /// How long replicas have had the entry, in milliseconds.
    pub(in crate::ephemeral) age: f64,
}

/// Encodes entries in a frame of this kind.
pub(in crate::ephemeral) fn write_frame(kind: FrameKind, entries: Vec<AgedEntry<'_>>) -> Vec<u8> {
    let mut content = Vec::new();
    write(entries, &mut content);
    let mut frame = FrameWriter::new(kind);
    frame.section(Section::Entries, content);
    frame.finish()
}

/// Writes entries of distinct registers, sorted by namespace and key.
pub(in crate::ephemeral) fn write(mut entries: Vec<AgedEntry<'_>>, out: &mut Vec<u8>) {
    sort::sort_by(&mut entries, |a, b| a.name.cmp(b.name));
    put_varint(out, entries.len() as u64);
    let (mut namespaces, mut peers, mut last) = (BTreeMap::new(), BTreeMap::new(), 0_u64);
    for AgedEntry { name, written, age } in entries {
        put_name(&mut namespaces, &name.namespace, out);
        put_text(name.key.as_bytes(), out);
        put_name(&mut peers, &written.peer, out);
        let bits = written.timestamp.to_bits();
        put_varint(out, zigzag(bits.wrapping_sub(last) as i64));
        last = bits;
        put_varint(out, whole(age));
        put_value(written.value.as_ref(), out);
    }
}

/// Returns an age in whole milliseconds, rounded up, so that passing an entry on does not prolong
/// its life.
fn whole(age: f64) -> u64 {
    (age.ceil() as u64).min(limits::TIME_MS.maximum)
}

/// Writes a name, or its number if it was written before.
fn put_name<'a>(known: &mut BTreeMap<&'a str, u64>, name: &'a str, out: &mut Vec<u8>) {
    if let Some(&number) = known.get(name) {
        return put_varint(out, number);
    }
    known.insert(name, known.len() as u64 + 1);
    put_varint(out, 0);
    put_text(name.as_bytes(), out);
}

fn put_text(text: &[u8], out: &mut Vec<u8>) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text);
}

fn put_value(value: Option<&Value>, out: &mut Vec<u8>) {
    let Some(value) = value.map(Value::as_ref) else { return out.push(REMOVED) };
    out.push(value.tag() + 1);
    match value {
        ValueRef::Null | ValueRef::Boolean(_) => {}
        ValueRef::Integer(integer) => put_varint(out, zigzag(integer)),
        ValueRef::Real(bits) => out.extend_from_slice(&bits.to_le_bytes()),
        ValueRef::Text(text) => put_text(text.as_bytes(), out),
        ValueRef::Blob(blob) => put_text(blob, out),
    }
}

/// The maximum size of some encoded entries.
#[derive(Debug, Default)]
pub(in crate::ephemeral) struct Size<'a> {
    bytes: usize,
    names: BTreeMap<(bool, &'a str), ()>,
}

/// The maximum size of an encoded number.
const MAX_VARINT_BYTES: usize = 10;

impl<'a> Size<'a> {
    /// Adds an entry, and returns the maximum size of all entries in bytes.
    pub(in crate::ephemeral) fn add(&mut self, entry: &AgedEntry<'a>) -> usize {
        if self.bytes == 0 {
            self.bytes = varint_bytes(limits::STORE_ENTRIES.maximum);
        }
        for (is_peer, name) in [(false, &entry.name.namespace), (true, &entry.written.peer)] {
            let is_new = self.names.insert((is_peer, &**name), ()).is_none();
            self.bytes += varint_bytes(limits::STORE_ENTRIES.maximum);
            self.bytes += if is_new { varint_bytes(name.len() as u64) + name.len() } else { 0 };
        }
        let mut value = Vec::new();
        let content = entry.written.value.as_ref().map_or(0, |value| value.as_ref().content_bytes());
        if content == 0 {
            put_value(entry.written.value.as_ref(), &mut value);
        }
        self.bytes += varint_bytes(entry.name.key.len() as u64) + entry.name.key.len() + MAX_VARINT_BYTES;
        self.bytes += varint_bytes(whole(entry.age)) + value.len().max(1 + MAX_VARINT_BYTES + content as usize);
        self.bytes
    }
}

fn varint_bytes(number: u64) -> usize {
    let mut bytes = Vec::new();
    put_varint(&mut bytes, number);
    bytes.len()
}
