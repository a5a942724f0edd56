//! A bounded reader of numbers and parts.

use crate::error::{Damage, Error};

/// The error for a number that exceeds its maximum.
pub(super) const TOO_LARGE: &str = "a number is larger than can be";
/// The error for a part that exceeds the bytes that are left.
const TOO_LONG: &str = "a part is longer than what is left";

/// Reads a part of some bytes from its start. Positions in errors are positions in the whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// The unread bytes of the part.
    rest: &'a [u8],
    /// The position in the whole at which the part ends.
    end: usize,
}

impl<'a> Reader<'a> {
    /// Begins at the first of these bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, end: bytes.len() }
    }

    /// Returns an error for the current position.
    #[cold]
    #[inline(never)]
    pub(crate) fn damage(&self, what: &'static str) -> Error {
        Error::Corrupt(Damage { at: self.end.saturating_sub(self.rest.len()), what })
    }

    /// Returns the count of unread bytes.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Fails if there are unread bytes.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.left() == 0 { Ok(()) } else { Err(self.damage("something follows where a part should end")) }
    }

    /// Returns the next byte.
    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        let (&byte, rest) = self.rest.split_first().ok_or_else(|| self.damage("the bytes end too early"))?;
        self.rest = rest;
        Ok(byte)
    }

    /// Returns the next number. Fails if it is not in its shortest form.
    #[inline(never)]
    pub(crate) fn varint(&mut self) -> Result<u64, Error> {
        let start = *self;
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let group = u64::from(byte & 0x7f);
            if shift == 63 && group > 1 {
                break;
            }
            number |= group << shift;
            if byte < 0x80 {
                return if byte == 0 && shift > 0 {
                    Err(start.damage("a number has needless bytes"))
                } else {
                    Ok(number)
                };
            }
        }
        Err(start.damage("a number is larger than 64 bits"))
    }

    /// Returns the next number. Fails if it is larger than `max`.
    pub(crate) fn number(&mut self, max: u64) -> Result<u64, Error> {
        let start = *self;
        let number = self.varint()?;
        if number <= max { Ok(number) } else { Err(start.damage(TOO_LARGE)) }
    }

    /// Returns the next number as 32 bits. Fails if it is larger than `max`.
    pub(crate) fn u32_to(&mut self, max: impl Into<u64>) -> Result<u32, Error> {
        let start = *self;
        u32::try_from(self.number(max.into())?).map_err(|_| start.damage(TOO_LARGE))
    }

    /// Returns a reader of the next `len` bytes.
    pub(crate) fn part(&mut self, len: u64) -> Result<Self, Error> {
        let split = usize::try_from(len).ok().and_then(|len| self.rest.split_at_checked(len));
        let (part, rest) = split.ok_or_else(|| self.damage(TOO_LONG))?;
        self.rest = rest;
        Ok(Self { rest: part, end: self.end.saturating_sub(rest.len()) })
    }

    /// Returns a reader of the next part, which begins with its length.
    pub(crate) fn sized_part(&mut self) -> Result<Self, Error> {
        let start = *self;
        let len = self.varint()?;
        self.part(len).map_err(|_| start.damage(TOO_LONG))
    }

    /// Returns the next text, which begins with its length.
    pub(crate) fn text(&mut self) -> Result<&'a str, Error> {
        let start = *self;
        let len = self.varint()?;
        str::from_utf8(self.take(len)?).map_err(|_| start.damage("a text is not UTF-8"))
    }

    /// Returns the next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let split = self.rest.split_first_chunk();
        let (array, rest) = split.ok_or_else(|| self.damage(TOO_LONG))?;
        self.rest = rest;
        Ok(*array)
    }

    /// Returns all unread bytes.
    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Returns the next `len` bytes.
    pub(crate) fn take(&mut self, len: u64) -> Result<&'a [u8], Error> {
        Ok(self.part(len)?.rest)
    }
}
