//! Encodes numbers.

/// Appends a number in groups of seven bits, the lowest first (LEB128).
pub(crate) fn put_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        let [lowest, ..] = number.to_le_bytes();
        bytes.push(lowest | 0x80);
        number >>= 7;
    }
    let [lowest, ..] = number.to_le_bytes();
    bytes.push(lowest);
}
