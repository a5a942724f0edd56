//! Columns of numbers, with run lengths.
//!
//! A column begins with twice its length in bytes, or, where it is a single number, with twice that number and one more.
//! It is a sequence of groups. A group begins with a byte: below 128, it is one number that stands that many times
//! and once more; else, so many numbers and one more (less 128) follow. So a byte stands for at most `ITEMS_PER_BYTE`
//! numbers, whatever the bytes are, and what a column expands to is bounded by its length.

use super::reader::TOO_LARGE;
use super::{Reader, put_varint, unzigzag, zigzag};
use crate::convert::u64_of;
use crate::error::Error;

/// Numbers of one group.
const GROUP: usize = 128;
/// Equal numbers from which on they are written once.
const LEAST_RUN: usize = 3;
/// The largest number that stands for a whole column.
const MAX_SINGLE: u64 = u64::MAX >> 1;
/// How many numbers a byte of a column can stand for.
pub(crate) const ITEMS_PER_BYTE: u64 = u64_of(GROUP) / 2;

/// How the numbers of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Varint,
    /// Eight bytes, the lowest first.
    Fixed,
}

/// Writes a column.
#[derive(Debug)]
pub(crate) struct ColumnWriter {
    form: Form,
    bytes: Vec<u8>,
    /// Numbers that are not a run.
    literals: Vec<u64>,
    /// The last number, and how often it came in a row.
    last: u64,
    times: usize,
}

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "writes what the engine holds, and reads nothing"
)]
impl ColumnWriter {
    /// A column of numbers that are small as a rule.
    pub(crate) fn new() -> Self {
        Self { form: Form::Varint, bytes: Vec::new(), literals: Vec::new(), last: 0, times: 0 }
    }

    /// A column of numbers all of whose bits are used.
    pub(crate) fn fixed() -> Self {
        Self { form: Form::Fixed, ..Self::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.literals.is_empty() && self.times == 0
    }

    #[inline(never)]
    pub(crate) fn push(&mut self, number: u64) {
        if self.times > 0 && (number != self.last || self.times == GROUP) {
            self.end_run();
        }
        self.last = number;
        self.times += 1;
    }

    fn end_run(&mut self) {
        if self.times < LEAST_RUN {
            self.literals.extend(std::iter::repeat_n(self.last, self.times));
            if self.literals.len() >= GROUP {
                self.end_literals(GROUP);
            }
        } else {
            self.end_literals(self.literals.len());
            self.bytes.push(self.times as u8 - 1);
            self.put(self.last);
        }
        self.times = 0;
    }

    fn end_literals(&mut self, len: usize) {
        if len == 0 {
            return;
        }
        self.bytes.push((GROUP + len - 1) as u8);
        let rest = self.literals.split_off(len);
        for number in std::mem::replace(&mut self.literals, rest) {
            self.put(number);
        }
    }

    fn put(&mut self, number: u64) {
        match self.form {
            Form::Varint => put_varint(&mut self.bytes, number),
            Form::Fixed => self.bytes.extend_from_slice(&number.to_le_bytes()),
        }
    }

    /// Writes the column, after its length in bytes.
    #[inline(never)]
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) {
        let is_single = self.bytes.is_empty() && self.literals.is_empty() && self.times == 1;
        if is_single && self.form == Form::Varint && self.last <= MAX_SINGLE {
            return put_varint(out, self.last << 1 | 1);
        }
        if self.times > 0 {
            self.end_run();
        }
        self.end_literals(self.literals.len());
        put_varint(out, (self.bytes.len() as u64) << 1);
        out.append(&mut self.bytes);
    }
}

/// Reads a column.
#[derive(Debug, Clone)]
pub(crate) struct Column<'a> {
    form: Form,
    reader: Reader<'a>,
    /// How many numbers of the group are left.
    left: u8,
    /// The number of the group, where it is one that is repeated.
    repeated: Option<u64>,
}

impl<'a> Column<'a> {
    /// The next column.
    #[inline(never)]
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let start = *reader;
        let head = reader.varint()?;
        if head & 1 == 1 {
            return Ok(Self { form: Form::Varint, reader: reader.part(0)?, left: 1, repeated: Some(head >> 1) });
        }
        Self::read_groups(reader, start, head, Form::Varint)
    }

    fn read_groups(reader: &mut Reader<'a>, start: Reader<'a>, head: u64, form: Form) -> Result<Self, Error> {
        match reader.part(head >> 1) {
            Ok(reader) if head & 1 == 0 => Ok(Self { form, reader, left: 0, repeated: None }),
            _ => Err(start.damage("a column is longer than what is left, or of the wrong form")),
        }
    }

    /// The next column, written by `ColumnWriter::fixed`.
    pub(crate) fn read_fixed(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let start = *reader;
        let head = reader.varint()?;
        Self::read_groups(reader, start, head, Form::Fixed)
    }

    /// Refuses a count of items that the column cannot hold, before anything is allocated for them.
    pub(crate) fn check_count(&self, count: u64) -> Result<(), Error> {
        if count <= self.max_items() {
            Ok(())
        } else {
            Err(self.damage("a column is shorter than what it should hold"))
        }
    }

    /// How many items there can be at most.
    pub(crate) fn max_items(&self) -> u64 {
        u64_of(self.reader.left()).saturating_mul(ITEMS_PER_BYTE).saturating_add(self.left.into())
    }

    /// The next number.
    #[inline(never)]
    pub(crate) fn next(&mut self) -> Result<u64, Error> {
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => {
                let head = self.reader.byte()?;
                self.repeated = if head < 0x80 { Some(self.item()?) } else { None };
                head & 0x7f
            }
        };
        match self.repeated {
            Some(number) => Ok(number),
            None => self.item(),
        }
    }

    /// The next number, which is at most `most`.
    pub(crate) fn next_to(&mut self, most: u64) -> Result<u64, Error> {
        let number = self.next()?;
        if number <= most { Ok(number) } else { Err(self.damage(TOO_LARGE)) }
    }

    /// The next number, which is at most `most` and has 32 bits.
    pub(crate) fn next_u32_to(&mut self, most: impl Into<u64>) -> Result<u32, Error> {
        u32::try_from(self.next_to(most.into())?).map_err(|_| self.damage(TOO_LARGE))
    }

    fn item(&mut self) -> Result<u64, Error> {
        match self.form {
            Form::Varint => self.reader.varint(),
            Form::Fixed => self.reader.array().map(u64::from_le_bytes),
        }
    }

    /// Refuses numbers behind what should be the last.
    #[inline(never)]
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.left == 0 { self.reader.finish() } else { Err(self.damage("a column holds more than it should")) }
    }

    /// An error for the place that is read next.
    pub(crate) fn damage(&self, what: &'static str) -> Error {
        self.reader.damage(what)
    }
}

/// Writes a column of the differences between numbers that follow each other.
#[derive(Debug)]
pub(crate) struct DeltaWriter {
    column: ColumnWriter,
    last: u64,
}

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "writes what the engine holds, and reads nothing"
)]
impl DeltaWriter {
    pub(crate) fn new() -> Self {
        Self { column: ColumnWriter::new(), last: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.column.is_empty()
    }

    pub(crate) fn push(&mut self, number: u64) {
        self.column.push(zigzag(number.wrapping_sub(self.last) as i64));
        self.last = number;
    }

    /// Writes the column, after its length in bytes.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        self.column.finish(out);
    }
}

/// Reads what `DeltaWriter` wrote.
#[derive(Debug, Clone)]
pub(crate) struct DeltaColumn<'a> {
    column: Column<'a>,
    last: u64,
}

impl<'a> DeltaColumn<'a> {
    /// The next column.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        Ok(Self { column: Column::read(reader)?, last: 0 })
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> Result<u64, Error> {
        self.last = self.last.wrapping_add_signed(unzigzag(self.column.next()?));
        Ok(self.last)
    }

    /// The next number, which is at most `most`.
    pub(crate) fn next_to(&mut self, most: u64) -> Result<u64, Error> {
        let number = self.next()?;
        if number <= most { Ok(number) } else { Err(self.damage(TOO_LARGE)) }
    }

    /// The next number, which is at most `most` and has 32 bits.
    pub(crate) fn next_u32_to(&mut self, most: impl Into<u64>) -> Result<u32, Error> {
        u32::try_from(self.next_to(most.into())?).map_err(|_| self.damage(TOO_LARGE))
    }

    /// Refuses a count of items that the column cannot hold.
    pub(crate) fn check_count(&self, count: u64) -> Result<(), Error> {
        self.column.check_count(count)
    }

    /// Refuses numbers behind what should be the last.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        self.column.finish()
    }

    /// An error for the place that is read next.
    pub(crate) fn damage(&self, what: &'static str) -> Error {
        self.column.damage(what)
    }
}
