//! Units of positions and lengths.

use crate::tree::Sum;

/// The length of a text, or a position in it, in all units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lengths {
    pub(crate) bytes: u32,
    /// Unicode scalar values, in which edits count.
    pub(crate) scalars: u32,
    /// UTF-16 code units.
    pub(crate) utf16: u32,
}

/// A unit of positions and lengths in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Unicode scalar values, in which events count.
    Scalar,
    /// UTF-16 code units, as in JavaScript strings.
    Utf16,
    /// UTF-8 bytes.
    Utf8,
}

/// Why a position does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misplaced {
    /// It is beyond the end of the text. The length in the unit of the position.
    Beyond(u32),
    /// It is inside of a character: of a surrogate pair, or of the bytes of a scalar value.
    Inside,
}

impl Lengths {
    /// Returns the lengths of a text. O(bytes).
    pub(crate) fn of(text: &str) -> Self {
        let bytes = text.len() as u32;
        if text.is_ascii() {
            return Self { bytes, scalars: bytes, utf16: bytes };
        }
        let (mut scalars, mut utf16) = (0, 0);
        for byte in text.bytes() {
            // A scalar value begins with any byte but a continuation; one beyond U+FFFF with 0xf0
            // or more.
            scalars += u32::from(byte & 0xc0 != 0x80);
            utf16 += u32::from(byte & 0xc0 != 0x80) + u32::from(byte >= 0xf0);
        }
        Self { bytes, scalars, utf16 }
    }

    /// Returns the length in a unit.
    pub(crate) fn in_unit(self, unit: Unit) -> u32 {
        match unit {
            Unit::Scalar => self.scalars,
            Unit::Utf16 => self.utf16,
            Unit::Utf8 => self.bytes,
        }
    }

    /// Returns whether bytes, scalar values and code units are the same.
    pub(crate) fn is_ascii(self) -> bool {
        self.bytes == self.scalars
    }

    /// Returns the lengths of the start of a text with these lengths, which ends at a position. The
    /// position is at most the length. O(bytes), and O(1) for ASCII.
    pub(crate) fn up_to(self, position: u32, unit: Unit, text: &str) -> Result<Self, Misplaced> {
        if self.is_ascii() {
            return Ok(Self { bytes: position, scalars: position, utf16: position });
        }
        let mut start = Self::default();
        for char in text.chars() {
            if start.in_unit(unit) >= position {
                break;
            }
            start.bytes += char.len_utf8() as u32;
            start.scalars += 1;
            start.utf16 += char.len_utf16() as u32;
        }
        if start.in_unit(unit) == position { Ok(start) } else { Err(Misplaced::Inside) }
    }
}

impl Sum for Lengths {
    fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.wrapping_add(other.bytes),
            scalars: self.scalars.wrapping_add(other.scalars),
            utf16: self.utf16.wrapping_add(other.utf16),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.wrapping_sub(other.bytes),
            scalars: self.scalars.wrapping_sub(other.scalars),
            utf16: self.utf16.wrapping_sub(other.utf16),
        }
    }
}
