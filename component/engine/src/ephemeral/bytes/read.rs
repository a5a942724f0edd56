//! Reading entries.

use super::REMOVED;
use crate::codec::{Frame, FrameKind, Reader, Section, unzigzag};
use crate::ephemeral::entry::{Arrival, RegisterName, WrittenValue};
use crate::error::{Error, Name};
use crate::id::{Names, SharedText};
use crate::limits;
use crate::value::{CANONICAL_NAN, Value};

/// Reads entries with a frame around them.
pub(in crate::ephemeral) fn read_frame(bytes: &[u8]) -> Result<Vec<Arrival>, Error> {
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
pub(in crate::ephemeral) fn read(content: &mut Reader<'_>) -> Result<Vec<Arrival>, Error> {
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
