//! The changes of bytes in cases: damaging, cutting and splicing, with and without a corrected
//! checksum.
//!
//! This module depends on the frame of the format only, not on its content.

use crate::form::Bytes;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The length of the bytes before the version of the format.
const MAGIC_BYTES: usize = 4;
/// The length of the checksum at the end.
const CHECKSUM_BYTES: usize = 4;

/// One change of bytes.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "conformance/README.md documents them")]
pub enum Change {
    Flip(At, u8),
    Replace(At, usize, Bytes),
    Keep(At),
    Append(Bytes),
    Section(u64, Bytes),
    Checksum,
}

/// A place in bytes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
pub enum At {
    /// After this many bytes.
    Start(usize),
    /// This many bytes before the end.
    End(BeforeEnd),
}

/// A number of bytes before the end.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeforeEnd {
    end: usize,
}

impl Change {
    /// Applies the change to `bytes`. `named` contains the bytes that earlier steps named.
    ///
    /// # Errors
    /// Fails if the change cannot be applied to these bytes, or if no bytes have the name.
    pub fn apply(&self, bytes: &mut Vec<u8>, named: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
        let length = bytes.len();
        let beyond = || format!("{self:?} is outside of the {length} bytes");
        match self {
            Self::Flip(at, bit) => {
                let byte = at.offset(bytes).and_then(|at| bytes.get_mut(at)).ok_or_else(beyond)?;
                *byte ^= 1u8.checked_shl(u32::from(*bit)).ok_or("a byte has the bits 0 to 7")?;
            }
            Self::Replace(at, count, content) => {
                let start = at.offset(bytes).ok_or_else(beyond)?;
                let end = start.checked_add(*count).filter(|end| *end <= length).ok_or_else(beyond)?;
                bytes.splice(start..end, content.resolve(named)?);
            }
            Self::Keep(at) => bytes.truncate(at.offset(bytes).ok_or_else(beyond)?),
            Self::Append(content) => bytes.extend(content.resolve(named)?),
            Self::Section(id, content) => {
                add_section(bytes, *id, &content.resolve(named)?).ok_or("these bytes have no frame")?;
            }
            Self::Checksum => write_checksum(bytes),
        }
        Ok(())
    }
}

impl At {
    /// Returns the offset from the start, or `None` if it is outside of the bytes.
    fn offset(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Start(at) => (at <= bytes.len()).then_some(at),
            Self::End(BeforeEnd { end }) => bytes.len().checked_sub(end),
        }
    }
}

/// Replaces the last four bytes, if there are four, with the checksum of those before them.
pub fn write_checksum(bytes: &mut [u8]) {
    if let Some((content, checksum)) = bytes.split_last_chunk_mut::<CHECKSUM_BYTES>() {
        *checksum = crc32(content).to_le_bytes();
    }
}

/// Returns the CRC-32 (ISO-HDLC) of bytes.
fn crc32(bytes: &[u8]) -> u32 {
    let shift = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), shift))
}

/// Adds a section after the others, and corrects length and checksum. Returns `None` if the bytes
/// have no frame.
fn add_section(bytes: &mut Vec<u8>, id: u64, content: &[u8]) -> Option<()> {
    let mut at = MAGIC_BYTES;
    let _version = varint(bytes, &mut at)?;
    at += 1;
    let _features = varint(bytes, &mut at)?;
    let before_length = at;
    let length = usize::try_from(varint(bytes, &mut at)?).ok()?;
    let mut sections = bytes.get(at..at.checked_add(length)?)?.to_vec();
    write_varint(&mut sections, id);
    write_varint(&mut sections, content.len() as u64);
    sections.extend(content);
    bytes.truncate(before_length);
    write_varint(bytes, sections.len() as u64);
    bytes.extend(sections);
    bytes.extend([0; CHECKSUM_BYTES]);
    write_checksum(bytes);
    Some(())
}

/// Reads a variable-length integer at `at`, and advances `at`.
fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::{Change, crc32};
    use crate::form::{hex, parse};
    use serde_json::{Value as Json, json};
    use std::collections::BTreeMap;

    fn change(bytes: &[u8], change: Json) -> Result<String, String> {
        let named = BTreeMap::from([("two".to_owned(), vec![0x22, 0x22])]);
        let mut bytes = bytes.to_vec();
        parse::<Change>(change)?.apply(&mut bytes, &named)?;
        Ok(hex(&bytes))
    }

    #[test]
    fn changes_have_the_specified_results() {
        let bytes = [1, 2, 3, 4, 5, 6];
        assert_eq!(change(&bytes, json!({"flip": [1, 7]})).unwrap(), "018203040506");
        assert_eq!(change(&bytes, json!({"flip": [{"end": 1}, 0]})).unwrap(), "010203040507");
        assert_eq!(change(&bytes, json!({"replace": [1, 2, "ff"]})).unwrap(), "01ff040506");
        assert_eq!(change(&bytes, json!({"replace": [{"end": 0}, 0, {"bytes": "two"}]})).unwrap(), "0102030405062222");
        assert_eq!(change(&bytes, json!({"keep": {"end": 4}})).unwrap(), "0102");
        assert_eq!(change(&bytes, json!({"append": {"bytes": "two"}})).unwrap(), "0102030405062222");
        assert_eq!(change(&bytes, json!("checksum")).unwrap(), format!("0102{}", crc_of(&[1, 2])));
        assert_eq!(change(&bytes[..3], json!("checksum")).unwrap(), "010203");
        change(&bytes, json!({"flip": [6, 0]})).unwrap_err();
        change(&bytes, json!({"flip": [0, 8]})).unwrap_err();
        change(&bytes, json!({"replace": [5, 2, ""]})).unwrap_err();
        change(&bytes, json!({"keep": {"end": 7}})).unwrap_err();
        change(&bytes, json!({"append": {"bytes": "three"}})).unwrap_err();
        change(&bytes, json!({"section": [64, ""]})).unwrap_err();
    }

    #[test]
    fn a_section_is_added_after_the_others() {
        let head = [0xc7, 0x63, 0x76, 0x67, 1, 0x44, 0];
        let whole = [&head[..], &[3, 1, 1, 7, 0, 0, 0, 0]].concat();
        let longer = [&head[..], &[8, 1, 1, 7, 0xc8, 0x01, 2, 9, 8]].concat();
        let expected = hex(&longer) + &crc_of(&longer);
        assert_eq!(change(&whole, json!({"section": [200, "0908"]})).unwrap(), expected);
    }

    #[test]
    fn the_checksum_is_crc_32_iso_hdlc() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    fn crc_of(bytes: &[u8]) -> String {
        hex(&crc32(bytes).to_le_bytes())
    }
}
