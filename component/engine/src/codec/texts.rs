//! Texts and blobs in any order. A repeated text is stored as the number of its first occurrence.

use super::{Column, ColumnWriter, Reader, put_varint};
use crate::convert::index_of;
use crate::error::Error;
use std::collections::BTreeMap;

/// The maximum count of texts in a column that can be referred to by number.
const MAX_KNOWN: u32 = 4_096;

/// Encodes texts.
#[derive(Debug)]
pub(crate) struct TextColumnWriter<'a> {
    /// 0 for a new text; otherwise the number of an earlier text, plus 1.
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
    reason = "encodes data of the engine; reads no input"
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

    /// Writes the codes, and the lengths and bytes of the new texts.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) {
        self.codes.finish(out);
        self.lens.finish(out);
        put_varint(out, self.bytes.len() as u64);
        out.append(&mut self.bytes);
    }
}

/// A text, or a reference to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextPiece<'a> {
    /// A new text. If `is_numbered`, it gets the next number, from 0.
    New { bytes: &'a [u8], is_numbered: bool },
    /// The text with this number.
    Known(usize),
}

/// Decodes what `TextColumnWriter` wrote.
#[derive(Debug)]
pub(crate) struct TextColumn<'a> {
    codes: Column<'a>,
    lens: Column<'a>,
    bytes: Reader<'a>,
    known: u32,
}

impl<'a> TextColumn<'a> {
    /// Reads the head of the next texts.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let (codes, lens) = (Column::read(reader)?, Column::read(reader)?);
        Ok(Self { codes, lens, bytes: reader.sized_part()?, known: 0 })
    }

    /// Returns the next text.
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

    /// Fails if there are further texts.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        self.codes.finish()?;
        self.lens.finish()?;
        self.bytes.finish()
    }

    /// Returns an error for the current position.
    pub(crate) fn damage(&self, what: &'static str) -> Error {
        self.bytes.damage(what)
    }
}
