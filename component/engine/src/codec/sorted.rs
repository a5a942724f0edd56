//! Sorted texts. A text is stored as the length of the prefix that it shares with the text before
//! it, and the rest.

use super::{Column, ColumnWriter, Reader, put_varint};
use crate::convert::u64_of;
use crate::error::Error;

/// The maximum length of a shared prefix in bytes. Without a maximum, a few bytes could stand for
/// very long texts.
const MAX_SHARED: usize = 128;

/// Encodes texts in ascending order.
#[derive(Debug)]
pub(crate) struct SortedTextsWriter {
    shared: ColumnWriter,
    lens: ColumnWriter,
    bytes: Vec<u8>,
    last: Vec<u8>,
}

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
impl SortedTextsWriter {
    pub(crate) fn new() -> Self {
        Self { shared: ColumnWriter::new(), lens: ColumnWriter::new(), bytes: Vec::new(), last: Vec::new() }
    }

    pub(crate) fn push(&mut self, text: &str) {
        let text = text.as_bytes();
        let shared = text.iter().zip(&self.last).take(MAX_SHARED).take_while(|(a, b)| a == b).count();
        self.shared.push(shared as u64);
        self.lens.push((text.len() - shared) as u64);
        self.bytes.extend_from_slice(&text[shared..]);
        self.last.truncate(shared);
        self.last.extend_from_slice(&text[shared..]);
    }

    /// Writes the lengths of the prefixes, the lengths of the rests, and the rests.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) {
        self.shared.finish(out);
        self.lens.finish(out);
        put_varint(out, self.bytes.len() as u64);
        out.append(&mut self.bytes);
    }
}

/// Decodes what `SortedTextsWriter` wrote.
#[derive(Debug)]
pub(crate) struct SortedTexts<'a> {
    shared: Column<'a>,
    lens: Column<'a>,
    rests: Reader<'a>,
    last: Vec<u8>,
    is_first: bool,
}

impl<'a> SortedTexts<'a> {
    /// Reads the head of the next sorted texts.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let (shared, lens) = (Column::read(reader)?, Column::read(reader)?);
        Ok(Self { shared, lens, rests: reader.sized_part()?, last: Vec::new(), is_first: true })
    }

    /// Fails if there cannot be this many texts.
    pub(crate) fn check_count(&self, count: u64) -> Result<(), Error> {
        self.lens.check_count(count)
    }

    /// Returns the next text. Fails if it is not larger than the text before it, or is longer than
    /// `max` bytes.
    pub(crate) fn next(&mut self, max: u64) -> Result<&str, Error> {
        let shared = self.shared.next_to(u64_of(self.last.len().min(MAX_SHARED)))?;
        let len = self.lens.next_to(max.saturating_sub(shared))?;
        let rest = self.rests.take(len)?;
        let shared = usize::try_from(shared).unwrap_or(MAX_SHARED);
        let replaced = self.last.get(shared..).unwrap_or_default();
        let shares_more = shared < MAX_SHARED && !rest.is_empty() && rest.first() == replaced.first();
        if shares_more || (rest <= replaced && !self.is_first) {
            return Err(self.rests.damage("a text is not above the one before, or not in its shortest form"));
        }
        self.is_first = false;
        self.last.truncate(shared);
        self.last.extend_from_slice(rest);
        str::from_utf8(&self.last).map_err(|_| self.rests.damage("a text is not UTF-8"))
    }

    /// Fails if there are further texts.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        self.shared.finish()?;
        self.lens.finish()?;
        self.rests.finish()
    }
}
