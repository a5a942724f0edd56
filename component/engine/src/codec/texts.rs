//! Texts and blobs in any order; one that came before can be named by its number instead.

use super::{Column, ColumnWriter, Reader, put_varint};
use crate::convert::index_of;
use crate::error::Error;
use std::collections::BTreeMap;

/// How many different texts of a column later ones can name.
const MAX_KNOWN: u32 = 4_096;

/// Writes texts.
#[derive(Debug)]
pub(crate) struct TextColumnWriter<'a> {
    /// 0 for a new text, else 1 and the number of the one that it is.
    codes: ColumnWriter,
    lens: ColumnWriter,
    bytes: Vec<u8>,
    known: BTreeMap<&'a [u8], u64>,
    last: Option<(&'a [u8], u64)>,
}

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "writes what the engine holds, and reads nothing"
)]
impl<'a> TextColumnWriter<'a> {
    pub(crate) fn new() -> Self {
        let (codes, lens) = (ColumnWriter::new(), ColumnWriter::new());
        Self { codes, lens, bytes: Vec::new(), known: BTreeMap::new(), last: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    pub(crate) fn push(&mut self, text: &'a [u8]) {
        if let Some((last, code)) = self.last
            && last == text
        {
            return self.codes.push(code);
        }
        if let Some(&code) = self.known.get(text) {
            self.last = Some((text, code));
            return self.codes.push(code);
        }
        self.codes.push(0);
        self.lens.push(text.len() as u64);
        self.bytes.extend_from_slice(text);
        self.last = None;
        if self.known.len() < index_of(MAX_KNOWN) {
            let code = self.known.len() as u64 + 1;
            self.known.insert(text, code);
            self.last = Some((text, code));
        }
    }

    /// Writes the codes, the lengths of new texts, and these.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) {
        self.codes.finish(out);
        self.lens.finish(out);
        put_varint(out, self.bytes.len() as u64);
        out.append(&mut self.bytes);
    }
}

/// A text as it lies in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextPiece<'a> {
    /// A new one, which gets the next number, from 0, where `is_numbered`.
    New { bytes: &'a [u8], is_numbered: bool },
    /// The one with this number.
    Known(usize),
}

/// Reads what `TextColumnWriter` wrote.
#[derive(Debug)]
pub(crate) struct TextColumn<'a> {
    codes: Column<'a>,
    lens: Column<'a>,
    bytes: Reader<'a>,
    known: u32,
}

impl<'a> TextColumn<'a> {
    /// The next texts.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let (codes, lens) = (Column::read(reader)?, Column::read(reader)?);
        Ok(Self { codes, lens, bytes: reader.sized_part()?, known: 0 })
    }

    /// The next text.
    pub(crate) fn next(&mut self) -> Result<TextPiece<'a>, Error> {
        match self.codes.next_u32_to(self.known)?.checked_sub(1) {
            None => {
                let bytes = self.bytes.take(self.lens.next()?)?;
                let is_numbered = self.known < MAX_KNOWN;
                self.known = self.known.saturating_add(is_numbered.into());
                Ok(TextPiece::New { bytes, is_numbered })
            }
            Some(number) => Ok(TextPiece::Known(index_of(number))),
        }
    }

    /// Refuses texts behind what should be the last.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        self.codes.finish()?;
        self.lens.finish()?;
        self.bytes.finish()
    }

    /// An error for the place that is read next.
    pub(crate) fn damage(&self, what: &'static str) -> Error {
        self.bytes.damage(what)
    }
}
