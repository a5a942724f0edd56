//! Decodes entries.

use super::REMOVED;
use crate::codec::{Feature, Frame, FrameKind, Reader, Section, unzigzag};
use crate::convert::u64_of;
use crate::ephemeral::entry::{Arrival, RegisterName, WrittenValue};
use crate::error::{Error, Name};
use crate::id::{Names, SharedText};
use crate::limits;
use crate::value::{CANONICAL_NAN, Value};

/// Decodes entries in a frame.
pub(in crate::ephemeral) fn read_frame(bytes: &[u8]) -> Result<Vec<Arrival>, Error> {
    let mut frame = Frame::read(bytes)?;
    if !matches!(frame.kind, FrameKind::Snapshot | FrameKind::Entries) {
        return Err(
            Reader::new(bytes).damage("these are events, not entries: give them to a document's `merge-update`")
        );
    }
    if frame.uses(Feature::Edits) {
        return Err(frame.damage("the features are not those of the content"));
    }
    let mut content = frame.need(Section::Entries)?;
    frame.finish()?;
    read(&mut content)
}

/// Decodes entries up to the end of the bytes.
pub(in crate::ephemeral) fn read(content: &mut Reader<'_>) -> Result<Vec<Arrival>, Error> {
    let count = content.varint()?;
    limits::STORE_ENTRIES.check(count)?;
    let (mut namespaces, mut peers, mut last) = (Names::default(), Names::default(), 0_u64);
    let mut arrivals: Vec<Arrival> = Vec::new();
    for _ in 0..count {
        let start = *content;
        let namespace = read_name(&mut namespaces, Name::Namespace, content)?;
        let key = content.text()?;
        Name::Key.check(key)?;
        let name = RegisterName { namespace, key: SharedText::from(key) };
        if arrivals.last().is_some_and(|last| last.name >= name) {
            return Err(start.damage("entries are not sorted by namespace and key"));
        }
        let peer = read_name(&mut peers, Name::Peer, content)?;
        last = last.wrapping_add_signed(unzigzag(content.varint()?));
        let timestamp = f64::from_bits(last);
        if !timestamp.is_finite() || timestamp.is_sign_negative() {
            return Err(start.damage("a timestamp is not finite, or negative"));
        }
        let age = milliseconds(content.number(limits::TIME_MS.maximum)?);
        let value = read_value(content)?;
        arrivals.push(Arrival { name, written: WrittenValue { value, timestamp, peer }, age });
    }
    content.finish()?;
    Ok(arrivals)
}

/// Converts milliseconds to a floating-point number.
#[allow(clippy::as_conversions, reason = "up to `limits::TIME_MS` every number is exact")]
fn milliseconds(time: u64) -> f64 {
    time as f64
}

/// Reads a new name, or the number of an earlier one.
fn read_name(known: &mut Names, kind: Name, content: &mut Reader<'_>) -> Result<SharedText, Error> {
    let start = *content;
    if let Some(number) = content.u32_to(u64_of(known.len()))?.checked_sub(1) {
        return Ok(known.text(number).clone());
    }
    let name = content.text()?;
    kind.check(name)?;
    if known.find(name).is_some() {
        return Err(start.damage("a name is written again where its number would do"));
    }
    let number = known.intern(name);
    Ok(known.text(number).clone())
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
            let real = f64::from_bits(u64::from_le_bytes(content.array()?));
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
