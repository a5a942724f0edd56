//! Numbers and texts of frames, as bytes.

/// Appends a number.
pub(crate) fn number(mut bytes: Vec<u8>, mut value: u64) -> Vec<u8> {
    while value >= 128 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// Appends a text.
pub(crate) fn text(bytes: Vec<u8>, text: &str) -> Vec<u8> {
    blob(bytes, text.as_bytes())
}

/// Appends bytes, and their number before them.
pub(crate) fn blob(bytes: Vec<u8>, content: &[u8]) -> Vec<u8> {
    let mut bytes = number(bytes, content.len() as u64);
    bytes.extend_from_slice(content);
    bytes
}

/// Takes the first byte.
pub(crate) fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (&byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(byte)
}

/// Takes a number.
pub(crate) fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(bytes)?;
        let part = u64::from(byte & 127);
        if part << shift >> shift != part {
            return None;
        }
        value |= part << shift;
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

/// Takes a text.
pub(crate) fn take_text(bytes: &mut &[u8]) -> Option<String> {
    String::from_utf8(take_blob(bytes)?).ok()
}

/// Takes bytes, with their number before them.
pub(crate) fn take_blob(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let len = usize::try_from(take_number(bytes)?).ok()?;
    let (content, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(content.to_vec())
}
