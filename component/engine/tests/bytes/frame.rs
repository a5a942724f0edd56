//! Decodes and encodes the frame of saved documents and updates (`docs/format.md`), with a correct
//! checksum. The content of the sections is not decoded.

/// The fields of a frame, in order. The lengths and the checksum follow from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) version: u64,
    pub(crate) kind: u8,
    pub(crate) features: u64,
    pub(crate) sections: Vec<Section>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) id: u64,
    pub(crate) content: Vec<u8>,
}

pub(crate) const MAGIC: [u8; 4] = [0xC7, 0x63, 0x76, 0x67];

impl Frame {
    /// Decodes bytes that the engine wrote.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (rest, checksum) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(rest) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let rest = &mut rest.strip_prefix(&MAGIC)?;
        let version = read_varint(rest)?;
        let kind = *rest.split_off_first()?;
        let features = read_varint(rest)?;
        if read_varint(rest)? != rest.len() as u64 {
            return None;
        }
        let mut sections = Vec::new();
        while !rest.is_empty() {
            let (id, length) = (read_varint(rest)?, read_varint(rest)?);
            let content = rest.split_off(..usize::try_from(length).ok()?)?.to_vec();
            sections.push(Section { id, content });
        }
        Some(Self { version, kind, features, sections })
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for Section { id, content } in &self.sections {
            body.extend([varint(*id), varint(content.len() as u64), content.clone()].concat());
        }
        let head = [&MAGIC[..], &varint(self.version), &[self.kind], &varint(self.features)].concat();
        sealed([head, varint(body.len() as u64), body].concat())
    }
}

/// Returns the bytes followed by their checksum.
pub(crate) fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// Returns the bytes with a correct checksum in place of the last four.
pub(crate) fn resealed(bytes: &[u8]) -> Vec<u8> {
    sealed(bytes[..bytes.len().saturating_sub(4)].to_vec())
}

/// Encodes a number as LEB128.
pub(crate) fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Reads a number and moves behind it.
pub(crate) fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{read_varint, sealed, varint};

    #[test]
    fn numbers_are_decoded_as_encoded() {
        for number in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u64::from(u32::MAX), 1 << 63, u64::MAX] {
            assert_eq!(read_varint(&mut varint(number).as_slice()), Some(number));
        }
    }

    /// The check value of CRC-32/ISO-HDLC.
    #[test]
    fn the_checksum_is_crc_32() {
        assert_eq!(sealed(b"123456789".to_vec())[9..], 0xCBF4_3926_u32.to_le_bytes());
    }
}
