//! Reading numbers and parts, within bounds.

use crate::error::{Damage, Error};

/// A part of some bytes that is read from its start on. Places in errors are those in the whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// The whole, up to where the part ends.
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads all of these bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// An error for the place that is read next.
    #[cold]
    #[inline(never)]
    pub(crate) fn damage(&self, what: &'static str) -> Error {
        Error::Corrupt(Damage { at: self.at, what })
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Refuses bytes behind what should be the last.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.left() == 0 { Ok(()) } else { Err(self.damage("something follows where a part should end")) }
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        let byte = self.bytes.get(self.at).copied().ok_or_else(|| self.damage("the bytes end too early"))?;
        self.at += 1;
        Ok(byte)
    }

    /// The next number, in its shortest form.
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

    /// The next number, which is at most `most`.
    pub(crate) fn number(&mut self, most: u64) -> Result<u64, Error> {
        let start = *self;
        let number = self.varint()?;
        if number <= most { Ok(number) } else { Err(start.damage("a number is larger than can be")) }
    }

    /// The next `len` bytes, as a part of their own.
    pub(crate) fn part(&mut self, len: u64) -> Result<Self, Error> {
        if len > self.left() as u64 {
            return Err(self.damage("a part is longer than what is left"));
        }
        let end = self.at + len as usize;
        let part = Self { bytes: &self.bytes[..end], at: self.at };
        self.at = end;
        Ok(part)
    }

    /// The next part, which says how long it is.
    pub(crate) fn sized_part(&mut self) -> Result<Self, Error> {
        let start = *self;
        let len = self.varint()?;
        self.part(len).map_err(|_| start.damage("a part is longer than what is left"))
    }

    /// The next `len` bytes.
    pub(crate) fn take(&mut self, len: u64) -> Result<&'a [u8], Error> {
        let part = self.part(len)?;
        Ok(&part.bytes[part.at..])
    }
}
