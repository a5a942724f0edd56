//! Entries as bytes: what `docs/format.md` says of them.

use super::entry::{Arrival, RegisterName, WrittenValue};
use crate::codec::{Frame, FrameKind, FrameWriter, Reader, Section, put_varint, unzigzag, zigzag};
use crate::error::{Error, Name};
use crate::id::{Names, SharedText};
use crate::limits;
use crate::sort;
use crate::value::{CANONICAL_NAN, Value, ValueRef};
use std::collections::BTreeMap;

/// Stands for a removal; a value's kind is one more than its tag.
const REMOVED: u8 = 0;

/// An entry that is to be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct AgedEntry<'a> {
    pub(super) name: &'a RegisterName,
    pub(super) written: &'a WrittenValue,
    /// How long it has been here, and elsewhere before, in milliseconds.
    pub(super) age: f64,
}

/// Encodes entries with a frame around them, of a kind for entries.
pub(super) fn write_frame(kind: FrameKind, entries: Vec<AgedEntry<'_>>) -> Vec<u8> {
    let mut content = Vec::new();
    write(entries, &mut content);
    let mut frame = FrameWriter::new(kind);
    frame.section(Section::Entries, content);
    frame.finish()
}

/// Writes entries, each of another register, sorted by namespace and key.
pub(super) fn write(mut entries: Vec<AgedEntry<'_>>, out: &mut Vec<u8>) {
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

/// An age in whole milliseconds, rounded up, so that to be passed on does not make young.
fn whole(age: f64) -> u64 {
    (age.ceil() as u64).min(limits::TIME_MS.maximum)
}

/// Writes a text, or the number that it got when it was written before.
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

/// How many bytes some entries take at most.
#[derive(Debug, Default)]
pub(super) struct Size<'a> {
    bytes: usize,
    names: BTreeMap<(bool, &'a str), ()>,
}

/// The longest of a number.
const MAX_VARINT_BYTES: usize = 10;

impl<'a> Size<'a> {
    /// Adds an entry; gives what all take together.
    pub(super) fn add(&mut self, entry: &AgedEntry<'a>) -> usize {
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

/// Reads entries with a frame around them.
pub(super) fn read_frame(bytes: &[u8]) -> Result<Vec<Arrival>, Error> {
    let mut frame = Frame::read(bytes)?;
    if !matches!(frame.kind, FrameKind::Snapshot | FrameKind::Entries) {
        return Err(
            Reader::new(bytes).damage("these are events, not entries: give them to a document's `merge-update`")
        );
    }
    let mut content = frame.need(Section::Entries)?;
    frame.finish()?;
    read(&mut content)
}

/// Reads entries to the end.
pub(super) fn read(content: &mut Reader<'_>) -> Result<Vec<Arrival>, Error> {
    let count = content.varint()?;
    limits::STORE_ENTRIES.check(count)?;
    let (mut namespaces, mut peers, mut last) = (Names::default(), Names::default(), 0_u64);
    let mut arrivals: Vec<Arrival> = Vec::new();
    for _ in 0..count {
        let start = *content;
        let namespace = read_name(&mut namespaces, Name::Namespace, content)?;
        let key = read_text(content)?;
        Name::Key.check(key)?;
        let name = RegisterName { namespace, key: SharedText::from(key) };
        if arrivals.last().is_some_and(|last| last.name >= name) {
            return Err(start.damage("entries are not sorted by namespace and key"));
        }
        let peer = read_name(&mut peers, Name::Peer, content)?;
        last = last.wrapping_add(unzigzag(content.varint()?) as u64);
        let timestamp = f64::from_bits(last);
        if !timestamp.is_finite() || timestamp.is_sign_negative() {
            return Err(start.damage("a timestamp is not finite, or negative"));
        }
        let age = content.number(limits::TIME_MS.maximum)? as f64;
        let value = read_value(content)?;
        arrivals.push(Arrival { name, written: WrittenValue { value, timestamp, peer }, age });
    }
    content.finish()?;
    Ok(arrivals)
}

/// A text that is new, or that a number stands for.
fn read_name(known: &mut Names, kind: Name, content: &mut Reader<'_>) -> Result<SharedText, Error> {
    let start = *content;
    if let Some(at) = content.number(known.len() as u64)?.checked_sub(1) {
        return Ok(known.text(at as u32).clone());
    }
    let name = read_text(content)?;
    kind.check(name)?;
    if known.find(name).is_some() {
        return Err(start.damage("a name is written again where its number would do"));
    }
    let number = known.intern(name);
    Ok(known.text(number).clone())
}

fn read_text<'a>(content: &mut Reader<'a>) -> Result<&'a str, Error> {
    let start = *content;
    let len = content.varint()?;
    str::from_utf8(content.take(len)?).map_err(|_| start.damage("a text is not UTF-8"))
}

fn read_value(content: &mut Reader<'_>) -> Result<Option<Value>, Error> {
    let start = *content;
    let bytes = |content: &mut Reader<'_>| {
        let len = content.varint()?;
        limits::ENTRY_VALUE_BYTES.check(len)?;
        Ok::<_, Error>(content.take(len)?.to_vec())
    };
    Ok(Some(match content.byte()? {
        REMOVED => return Ok(None),
        1 => Value::Null,
        2 => Value::Boolean(false),
        3 => Value::Boolean(true),
        4 => Value::Integer(unzigzag(content.varint()?)),
        5 => {
            let mut bits = [0; 8];
            bits.copy_from_slice(content.take(8)?);
            let real = f64::from_bits(u64::from_le_bytes(bits));
            if real.is_nan() && real.to_bits() != CANONICAL_NAN {
                return Err(start.damage("a real is a NaN that nobody holds"));
            }
            Value::Real(real)
        }
        6 => Value::Text(String::from_utf8(bytes(content)?).map_err(|_| start.damage("a text is not UTF-8"))?),
        7 => Value::Blob(bytes(content)?),
        _ => return Err(start.damage("a value is of an unknown kind")),
    }))
}
