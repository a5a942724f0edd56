//! Reading numbers and parts, within bounds.

use crate::error::{Damage, Error};

/// What is wrong with a number that is above its bound.
pub(super) const TOO_LARGE: &str = "a number is larger than can be";
/// What is wrong with a part that reaches beyond the end.
const TOO_LONG: &str = "a part is longer than what is left";

/// A part of some bytes that is read from its start on. Places in errors are those in the whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// The bytes of the part that were not read yet.
    rest: &'a [u8],
    /// Where the part ends in the whole.
    end: usize,
}

impl<'a> Reader<'a> {
    /// Reads all of these bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, end: bytes.len() }
    }

    /// An error for the place that is read next.
    #[cold]
    #[inline(never)]
    pub(crate) fn damage(&self, what: &'static str) -> Error {
        Error::Corrupt(Damage { at: self.end.saturating_sub(self.rest.len()), what })
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Refuses bytes behind what should be the last.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.left() == 0 { Ok(()) } else { Err(self.damage("something follows where a part should end")) }
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        let (&byte, rest) = self.rest.split_first().ok_or_else(|| self.damage("the bytes end too early"))?;
        self.rest = rest;
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
        if number <= most { Ok(number) } else { Err(start.damage(TOO_LARGE)) }
    }

    /// The next number, which is at most `most` and has 32 bits.
    pub(crate) fn u32_to(&mut self, most: impl Into<u64>) -> Result<u32, Error> {
        let start = *self;
        u32::try_from(self.number(most.into())?).map_err(|_| start.damage(TOO_LARGE))
    }

    /// The next `len` bytes, as a part of their own.
    pub(crate) fn part(&mut self, len: u64) -> Result<Self, Error> {
        let split = usize::try_from(len).ok().and_then(|len| self.rest.split_at_checked(len));
        let (part, rest) = split.ok_or_else(|| self.damage(TOO_LONG))?;
        self.rest = rest;
        Ok(Self { rest: part, end: self.end.saturating_sub(rest.len()) })
    }

    /// The next part, which says how long it is.
    pub(crate) fn sized_part(&mut self) -> Result<Self, Error> {
        let start = *self;
        let len = self.varint()?;
        self.part(len).map_err(|_| start.damage(TOO_LONG))
    }

    /// The next text, which says how long it is.
    pub(crate) fn text(&mut self) -> Result<&'a str, Error> {
        let start = *self;
        let len = self.varint()?;
        str::from_utf8(self.take(len)?).map_err(|_| start.damage("a text is not UTF-8"))
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let split = self.rest.split_first_chunk();
        let (array, rest) = split.ok_or_else(|| self.damage(TOO_LONG))?;
        self.rest = rest;
        Ok(*array)
    }

    /// All bytes that are left.
    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// The next `len` bytes.
    pub(crate) fn take(&mut self, len: u64) -> Result<&'a [u8], Error> {
        Ok(self.part(len)?.rest)
    }
}
