//! Decodes values.

use super::{ABSENT, BLOBS, INTEGERS, REALS, TEXTS};
use crate::codec::{Column, DeltaColumn, Reader, TextColumn, TextPiece};
use crate::convert::u64_of;
use crate::error::Error;
use crate::id::ColumnNumber;
use crate::limits;
use crate::oplog::{OpLog, Packed, Tag};
use crate::value::CANONICAL_NAN;
use crate::work;
use std::collections::BTreeMap;

/// Decodes the values of one column name.
#[derive(Debug)]
struct ValuesReader<'a> {
    tags: Column<'a>,
    integers: Option<DeltaColumn<'a>>,
    reals: Option<Column<'a>>,
    texts: Option<(TextColumn<'a>, Vec<Packed>)>,
    blobs: Option<(TextColumn<'a>, Vec<Packed>)>,
}

impl<'a> ValuesReader<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let present = reader.byte()?;
        if present > (INTEGERS | REALS | TEXTS | BLOBS) {
            return Err(reader.damage("values of an unknown kind"));
        }
        let tags = Column::read(reader)?;
        let has = |bit: u8| present & bit != 0;
        let integers = has(INTEGERS).then(|| DeltaColumn::read(reader)).transpose()?;
        let reals = has(REALS).then(|| Column::read_fixed(reader)).transpose()?;
        let texts = has(TEXTS).then(|| TextColumn::read(reader)).transpose()?.map(|texts| (texts, Vec::new()));
        let blobs = has(BLOBS).then(|| TextColumn::read(reader)).transpose()?.map(|blobs| (blobs, Vec::new()));
        Ok(Self { tags, integers, reals, texts, blobs })
    }

    /// Returns the next value, or `None` for an unset. Appends a new text or blob to the log; a
    /// repeated one is shared.
    fn next(&mut self, log: &mut OpLog) -> Result<Option<Packed>, Error> {
        let tag = self.tags.next()?;
        let absent = || self.tags.damage("values of a kind are missing");
        let (tag, payload) = match tag {
            0 => (Tag::Null, 0),
            1 => (Tag::False, 0),
            2 => (Tag::True, 0),
            3 => (Tag::Integer, self.integers.as_mut().ok_or_else(absent)?.next()?),
            4 => {
                let reals = self.reals.as_mut().ok_or_else(absent)?;
                let bits = reals.next()?;
                if f64::from_bits(bits).is_nan() && bits != CANONICAL_NAN {
                    return Err(reals.damage("a real is a NaN that documents do not hold"));
                }
                (Tag::Real, bits)
            }
            5 => {
                let (texts, known) = self.texts.as_mut().ok_or_else(absent)?;
                return next_piece(texts, known, log, |log, bytes| {
                    str::from_utf8(bytes).ok().map(|text| log.pack_text(text))
                });
            }
            6 => {
                let (blobs, known) = self.blobs.as_mut().ok_or_else(absent)?;
                return next_piece(blobs, known, log, |log, bytes| Some(log.pack_blob(bytes)));
            }
            ABSENT => return Ok(None),
            _ => return Err(self.tags.damage("a value is of an unknown kind")),
        };
        Ok(Some(Packed { tag, payload }))
    }

    fn finish(&self) -> Result<(), Error> {
        self.tags.finish()?;
        self.integers.as_ref().map_or(Ok(()), DeltaColumn::finish)?;
        self.reals.as_ref().map_or(Ok(()), Column::finish)?;
        self.texts.as_ref().map_or(Ok(()), |(texts, _)| texts.finish())?;
        self.blobs.as_ref().map_or(Ok(()), |(blobs, _)| blobs.finish())
    }
}

fn next_piece<'a>(
    texts: &mut TextColumn<'a>,
    known: &mut Vec<Packed>,
    log: &mut OpLog,
    pack: impl FnOnce(&mut OpLog, &'a [u8]) -> Option<Packed>,
) -> Result<Option<Packed>, Error> {
    match texts.next()? {
        TextPiece::Known(number) => {
            let named = known.get(number).copied();
            let packed = named.ok_or_else(|| texts.damage("a text is named that did not come before"))?;
            log.shared.insert(packed);
            Ok(Some(packed))
        }
        TextPiece::New { bytes, is_numbered } => {
            let len = u64_of(bytes.len());
            limits::VALUE_BYTES.check(len)?;
            limits::DOCUMENT_BYTES.check(u64_of(log.texts.len().max(log.blobs.len())).saturating_add(len))?;
            log.reserve_content(len)?;
            let packed = pack(log, bytes).ok_or_else(|| texts.damage("a text is not UTF-8"))?;
            if is_numbered {
                known.push(packed);
            }
            Ok(Some(packed))
        }
    }
}

/// Decodes what `ValueColumnsWriter` wrote.
#[derive(Debug)]
pub(crate) struct ValueColumns<'a> {
    columns: BTreeMap<u32, ValuesReader<'a>>,
    end: Reader<'a>,
}

impl<'a> ValueColumns<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let count = reader.number(limits::COLUMNS.maximum)?;
        let mut columns = BTreeMap::new();
        for _ in 0..count {
            work::step();
            let column = reader.u32_to(limits::COLUMNS.maximum)?;
            if columns.last_key_value().is_some_and(|(&last, _)| last >= column) {
                return Err(reader.damage("columns of values are not in the order of their names"));
            }
            columns.insert(column, ValuesReader::read(reader)?);
        }
        Ok(Self { columns, end: *reader })
    }

    /// Returns the next value of a column, or `None` for an unset.
    pub(crate) fn next(&mut self, column: ColumnNumber, log: &mut OpLog) -> Result<Option<Packed>, Error> {
        match self.columns.get_mut(&column.0) {
            Some(values) => values.next(log),
            None => Err(self.end.damage("the values of a column are missing")),
        }
    }

    /// Fails if there are further values.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        self.columns.values().try_for_each(ValuesReader::finish)
    }
}
