//! Decodes what the edits of cells result in.

use super::by_row::ByRow;
use super::columns::stamp;
use super::grounds::GroundKind;
use super::stamps::{StampTable, Stamps};
use super::texts::ReadTexts;
use crate::codec::{Column, DeltaColumn, Reader, unzigzag};
use crate::convert::u64_of;
use crate::error::Error;
use crate::id::{ColumnNumber, RowNumber};
use crate::memory;
use crate::oplog::OpLog;
use crate::rows::edits::{Ground, KeptGrounds, Sums};
use crate::rows::stamp::Stamp;
use crate::rows::state::{Meaning, RowState};
use crate::work;

/// A decoded sum.
#[derive(Debug, Clone, Copy)]
struct ReadSum {
    column: ColumnNumber,
    kind: GroundKind,
    amount: i128,
}

/// The sums of a document's cells: now, and at the horizon of the rows that changed since; and the
/// grounds that the document keeps.
#[derive(Debug)]
pub(crate) struct EditsReader<'a> {
    now: ByRow<ReadSum>,
    changed: ByRow<ReadSum>,
    kept: KeptGrounds,
    texts: ReadTexts<'a>,
}

/// The memory that a sum uses at most.
const SUM_SPENDS: u64 = 256;

/// The kinds of kept grounds: none, because the edit can never count; a delete; a write.
pub(super) const KEPT_NOTHING: u64 = 0;
pub(super) const KEPT_DELETE: u64 = 1;
pub(super) const KEPT_WRITE: u64 = 2;

/// The number of columns of the kept grounds.
const KEPT_COLUMNS: usize = 5;

/// The steps of the carry of an encoded sum.
const CARRY: i128 = 1 << 64;
/// The largest absolute value of a carry. Sums of additions stay far below it, and 128 bits hold
/// what is added to a decoded sum.
const MAX_CARRY: u64 = 1 << 62;

impl<'a> EditsReader<'a> {
    /// Decodes the section of a document with this many columns. Appends texts to the log. Whether
    /// cells and edits have the sums, texts and grounds is checked later.
    pub(crate) fn read(
        mut section: Reader<'a>,
        stamps: &Stamps,
        columns: usize,
        log: &mut OpLog,
    ) -> Result<Self, Error> {
        let reader = &mut section;
        let (now, changed) = (read_sums(reader, columns)?, read_sums(reader, columns)?);
        let kept = read_kept(reader, stamps)?;
        let texts = if reader.left() > 0 { ReadTexts::read(reader, columns, log)? } else { ReadTexts::default() };
        if now.is_empty() && changed.is_empty() && kept.len() == 0 && texts.is_empty() {
            return Err(reader.damage("there are no edits where there should be"));
        }
        reader.finish()?;
        Ok(Self { now, changed, kept, texts })
    }

    /// Decodes the present sums and texts of the section. Appends texts to the log.
    pub(super) fn peek(mut section: Reader<'a>, columns: usize, log: &mut OpLog) -> Result<Self, Error> {
        let reader = &mut section;
        let (now, _) = (read_sums(reader, columns)?, read_sums(reader, columns)?);
        if reader.varint()? > 0 {
            DeltaColumn::read(reader)?;
            (1..KEPT_COLUMNS).try_for_each(|_| Column::read(reader).map(drop))?;
        }
        let texts = if reader.left() > 0 { ReadTexts::read(reader, columns, log)? } else { ReadTexts::default() };
        Ok(Self { now, texts, ..Self::none() })
    }

    /// Returns what a document without the section has.
    pub(super) fn none() -> Self {
        let none = ByRow::default;
        Self { now: none(), changed: none(), kept: KeptGrounds::default(), texts: ReadTexts::default() }
    }

    /// Returns the decoded texts.
    pub(super) fn texts(&mut self) -> &mut ReadTexts<'a> {
        &mut self.texts
    }

    /// Takes the grounds that the document keeps.
    pub(super) fn take_kept(&mut self) -> KeptGrounds {
        std::mem::take(&mut self.kept)
    }

    /// Takes the sums of a present row. Rows are passed in the order of their numbers.
    pub(super) fn take_now(&mut self, row: RowNumber) -> ReadSums<'_> {
        ReadSums(self.now.take(row))
    }

    /// Takes the sums at the horizon of a row that changed since, like `take_now`.
    pub(super) fn take_changed(&mut self, row: RowNumber) -> ReadSums<'_> {
        ReadSums(self.changed.take(row))
    }

    /// Returns whether all sums and texts were taken.
    pub(super) fn is_taken(&self) -> bool {
        self.now.is_empty() && self.changed.is_empty() && self.texts.is_taken()
    }
}

/// The decoded sums of a row.
#[derive(Clone, Copy)]
pub(super) struct ReadSums<'a>(&'a [(RowNumber, ReadSum)]);

impl<'a> ReadSums<'a> {
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Returns the sums on the grounds of this row, or `None` if a sum has none.
    pub(super) fn on(self, state: &RowState, meaning: Meaning<'_>) -> Option<Sums> {
        let mut sums = Sums::default();
        for &(_, ReadSum { column, kind, amount }) in self.0 {
            sums.set(column, kind.ground(column, state, meaning)?, amount);
        }
        sums.defect(state, meaning).is_none().then_some(sums)
    }

    /// Returns the columns with visible sums, and these sums.
    pub(super) fn shown(self) -> impl Iterator<Item = (ColumnNumber, i128)> + use<'a> {
        let sums = self.0.iter().map(|(_, sum)| sum).filter(|sum| sum.kind != GroundKind::HiddenWrite);
        sums.map(|sum| (sum.column, sum.amount))
    }
}

/// Reads the grounds of edits: the number and the place of each edit, and the kind, number and
/// place of its ground.
fn read_kept(reader: &mut Reader<'_>, stamps: &Stamps) -> Result<KeptGrounds, Error> {
    let count = reader.varint()?;
    let mut kept = KeptGrounds::default();
    if count == 0 {
        return Ok(kept);
    }
    memory::spend(count.saturating_mul(SUM_SPENDS))?;
    let mut edits = DeltaColumn::read(reader)?;
    edits.check_count(count)?;
    let (mut places, mut kinds) = (Column::read(reader)?, Column::read(reader)?);
    let (mut grounds, mut ground_places) = (Column::read(reader)?, Column::read(reader)?);
    let mut last = None;
    for _ in 0..count {
        work::step();
        let (number, place) = (edits.next()?, places.next()?);
        if last.is_some_and(|last| last >= (number, place)) {
            return Err(edits.damage("kept grounds are not in the order of their edits"));
        }
        last = Some((number, place));
        let edit = stamp(stamps, number, place).filter(|_| stamps.is_retained(number));
        let edit = edit.ok_or_else(|| edits.damage("a ground is kept for no edit of the history"))?;
        let kind = kinds.next_to(KEPT_WRITE)?;
        let ground = if kind == KEPT_NOTHING {
            None
        } else {
            let ground = stamp(stamps, grounds.next()?, ground_places.next()?);
            let is_possible =
                |&ground: &Stamp| if kind == KEPT_WRITE { ground != Stamp::NEVER } else { ground != Stamp::SETTLED };
            let ground = ground.filter(is_possible);
            let ground = ground.ok_or_else(|| grounds.damage("a ground is the operation of no event"))?;
            Some(if kind == KEPT_WRITE { Ground::Write(ground) } else { Ground::Delete(ground) })
        };
        kept.insert(edit, ground);
    }
    edits.finish()?;
    [places, kinds, grounds, ground_places].iter().try_for_each(Column::finish)?;
    Ok(kept)
}

/// The error for a sum in a document without columns.
const NO_COLUMN: &str = "a sum names a column where there are none";

fn read_sums(reader: &mut Reader<'_>, column_count: usize) -> Result<ByRow<ReadSum>, Error> {
    let count = reader.varint()?;
    let mut sums = Vec::new();
    if count == 0 {
        return Ok(ByRow::default());
    }
    memory::spend(count.saturating_mul(SUM_SPENDS))?;
    let mut rows = DeltaColumn::read(reader)?;
    rows.check_count(count)?;
    let (mut columns, mut kinds) = (Column::read(reader)?, Column::read(reader)?);
    let (mut rests, mut carries) = (Column::read(reader)?, Column::read(reader)?);
    let last_column = u64_of(column_count).checked_sub(1).ok_or_else(|| columns.damage(NO_COLUMN))?;
    let mut last = None;
    for _ in 0..count {
        work::step();
        let row = RowNumber(rows.next_u32_to(u32::MAX)?);
        let column = ColumnNumber(columns.next_u32_to(last_column)?);
        let kind = GroundKind::read(&mut kinds)?;
        let place = (row, column, kind.is_write());
        if last.is_some_and(|last| last >= place) {
            return Err(rows.damage("sums are not in the order of their cells"));
        }
        last = Some(place);
        let (rest, carry) = (unzigzag(rests.next()?), unzigzag(carries.next()?));
        if carry.unsigned_abs() > MAX_CARRY {
            return Err(carries.damage("a sum is larger than that of all additions can be"));
        }
        let amount = i128::from(carry).saturating_mul(CARRY).saturating_add(rest.into());
        sums.push((row, ReadSum { column, kind, amount }));
    }
    rows.finish()?;
    [columns, kinds, rests, carries].iter().try_for_each(Column::finish)?;
    Ok(ByRow::new(sums))
}
