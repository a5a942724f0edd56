//! The bytes of splices: where they act, and what they insert.
//!
//! What the splices of a cell insert is one text, in the order of the history, so that a reader
//! finds the text of a cell without the splices of others.

use crate::codec::{Column, DeltaColumn, Reader, unzigzag};
use crate::convert::u64_of;
use crate::error::Error;
use crate::id::{ColumnNumber, RowNumber};
use crate::limits;
use crate::memory;
use crate::oplog::{ContentRange, OpLog, SplicePlace};
use crate::work;
use std::collections::BTreeMap;

/// Decodes the places of splices.
#[derive(Debug)]
pub(super) struct SplicesReader<'a> {
    places: Column<'a>,
    removed: Column<'a>,
    inserted: Column<'a>,
    /// The position of the next splice if it continues the one before it.
    expected: u32,
}

impl<'a> SplicesReader<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let (places, removed, inserted) = (Column::read(reader)?, Column::read(reader)?, Column::read(reader)?);
        Ok(Self { places, removed, inserted, expected: 0 })
    }

    /// Returns the next place, and the number of inserted scalar values.
    pub(super) fn next(&mut self) -> Result<(SplicePlace, u32), Error> {
        let at = i64::from(self.expected).checked_add(unzigzag(self.places.next()?));
        let at = at.and_then(|at| u32::try_from(at).ok());
        let at = at.ok_or_else(|| self.places.damage("a splice is at no position"))?;
        let (remove, inserted) = (self.removed.next_u32_to(u32::MAX)?, self.inserted.next_u32_to(u32::MAX)?);
        self.expected = at.saturating_add(inserted);
        Ok((SplicePlace { at, remove }, inserted))
    }

    /// Returns the next splices, up to `max`, if they are at positions with equal distances, and
    /// remove and insert as much each: the place of the first one, the distance, the number of
    /// scalar values that each one inserts, and the number of splices. `skip` passes over them.
    pub(super) fn repeated(&mut self, max: u32) -> Result<Option<(SplicePlace, i32, u32, u32)>, Error> {
        let (Some((at, times)), Some((remove, removed)), Some((insert, inserted))) =
            (self.places.repeated()?, self.removed.repeated()?, self.inserted.repeated()?)
        else {
            return Ok(None);
        };
        let count = max.min(times).min(removed).min(inserted);
        let moved = unzigzag(at);
        let first = i64::from(self.expected).checked_add(moved).and_then(|at| u32::try_from(at).ok());
        let (remove, insert) = (u32::try_from(remove).ok(), u32::try_from(insert).ok());
        let step = insert.and_then(|insert| i32::try_from(moved.checked_add(insert.into())?).ok());
        let (Some(at), Some(remove), Some(insert), Some(step)) = (first, remove, insert, step) else { return Ok(None) };
        Ok(Some((SplicePlace { at, remove }, step, insert, count)))
    }

    /// Passes over repeated splices. The last one is at this position and inserts this many scalar
    /// values.
    pub(super) fn skip(&mut self, count: u32, (at, inserted): (u32, u32)) {
        [&mut self.places, &mut self.removed, &mut self.inserted].into_iter().for_each(|column| column.skip(count));
        self.expected = at.saturating_add(inserted);
    }

    pub(super) fn finish(&self) -> Result<(), Error> {
        [&self.places, &self.removed, &self.inserted].into_iter().try_for_each(Column::finish)
    }
}

/// What the splices of each cell insert. The texts are in a log.
#[derive(Debug, Clone, Default)]
pub(crate) struct SplicedContents {
    cells: BTreeMap<(RowNumber, ColumnNumber), SplicedContent>,
}

/// What the splices of one cell insert.
#[derive(Debug, Clone)]
struct SplicedContent {
    whole: ContentRange,
    /// What no splice has taken yet.
    rest: ContentRange,
    is_used: bool,
}

/// The memory that a cell uses at most.
const CELL_SPENDS: u64 = 128;

impl SplicedContents {
    /// Decodes what `ContentsWriter` wrote. Appends the texts to the log. Cells have the ranks of
    /// their rows and columns as numbers.
    pub(crate) fn read(reader: &mut Reader<'_>, log: &mut OpLog) -> Result<Self, Error> {
        let mut contents = Self::default();
        let count = reader.varint()?;
        if count == 0 {
            return Ok(contents);
        }
        let (mut rows, mut columns) = (DeltaColumn::read(reader)?, Column::read(reader)?);
        let mut lens = Column::read(reader)?;
        rows.check_count(count)?;
        memory::spend(count.saturating_mul(CELL_SPENDS))?;
        for _ in 0..count {
            work::step();
            let cell = (RowNumber(rows.next_u32_to(u32::MAX)?), ColumnNumber(columns.next_u32_to(u32::MAX)?));
            if contents.cells.last_key_value().is_some_and(|(last, _)| *last >= cell) {
                return Err(rows.damage("spliced cells are not sorted"));
            }
            let content = read_content(reader, lens.next()?, log)?;
            contents.cells.insert(cell, SplicedContent { whole: content, rest: content, is_used: false });
        }
        rows.finish()?;
        columns.finish()?;
        lens.finish()?;
        Ok(contents)
    }

    /// Returns whether there are no splices.
    pub(crate) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Returns the place of all that the splices of a cell insert.
    pub(crate) fn of(&self, row: RowNumber, column: ColumnNumber) -> ContentRange {
        self.cells.get(&(row, column)).map_or(ContentRange::default(), |content| content.whole)
    }

    /// Takes what the next splice of a cell inserts, which has this many scalar values. `None` if
    /// there is not as much.
    pub(super) fn take(&mut self, cell: (RowNumber, ColumnNumber), scalars: u32, log: &OpLog) -> Option<ContentRange> {
        let SplicedContent { rest, is_used, .. } = self.cells.get_mut(&cell)?;
        *is_used = true;
        let taken = rest.first_scalars(scalars, log.content())?;
        *rest = ContentRange { start: taken.end(), bytes: rest.bytes.checked_sub(taken.bytes)? };
        Some(taken)
    }

    /// Takes what the next splices of a cell insert, up to `max` of them, as long as it is ASCII.
    /// Each splice inserts this many characters. Returns the text and the number of splices, or
    /// `None` if they are fewer than two.
    pub(super) fn take_ascii(
        &mut self,
        cell: (RowNumber, ColumnNumber),
        (chars, max): (u32, u32),
        log: &OpLog,
    ) -> Option<(ContentRange, u32)> {
        let SplicedContent { rest, is_used, .. } = self.cells.get_mut(&cell)?;
        let whole = ContentRange { bytes: chars.saturating_mul(max).min(rest.bytes), ..*rest };
        let count = whole.ascii_parts(chars, max, log.content());
        if count < 2 {
            return None;
        }
        *is_used = true;
        let taken = ContentRange { bytes: chars.saturating_mul(count), ..whole };
        *rest = ContentRange { start: taken.end(), bytes: rest.bytes.saturating_sub(taken.bytes) };
        Some((taken, count))
    }

    /// Returns whether splices have taken everything.
    pub(super) fn is_taken(&self) -> bool {
        self.cells.values().all(|content| content.is_used && content.rest.bytes == 0)
    }
}

/// Reads a text of this many bytes, and appends it to the log.
pub(crate) fn read_content(reader: &mut Reader<'_>, bytes: u64, log: &mut OpLog) -> Result<ContentRange, Error> {
    let text = str::from_utf8(reader.take(bytes)?).map_err(|_| reader.damage("a text is not UTF-8"))?;
    limits::DOCUMENT_BYTES.check(u64_of(log.content().len()).saturating_add(bytes))?;
    log.reserve_content(bytes)?;
    Ok(log.push_content(text))
}
