//! Columns of numbers, with run lengths.
//!
//! A column of a single number is that number, doubled, plus 1. Any other column begins with its
//! length in bytes, doubled, and is a sequence of groups. A group begins with a byte n. If n is
//! below 128, one number follows, which is repeated n + 1 times; otherwise n - 127 numbers follow.
//!
//! Always holds: a byte stands for at most `ITEMS_PER_BYTE` numbers, so the length of a column
//! bounds what it expands to.

use super::reader::TOO_LARGE;
use super::{Reader, put_varint, unzigzag, zigzag};
use crate::convert::u64_of;
use crate::error::Error;

/// The maximum count of numbers in a group.
const GROUP: usize = 128;
/// The minimum count of equal numbers that are written as a repeated number.
const MIN_RUN: usize = 3;
/// The largest number that can be a column on its own.
const MAX_SINGLE: u64 = u64::MAX >> 1;
/// The maximum count of numbers that a byte of a column stands for.
pub(crate) const ITEMS_PER_BYTE: u64 = u64_of(GROUP) / 2;

/// The encoding of the numbers of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Varint,
    /// Eight bytes, little-endian.
    Fixed,
}

/// Encodes a column.
#[derive(Debug)]
pub(crate) struct ColumnWriter {
    form: Form,
    bytes: Vec<u8>,
    /// Numbers that are not repeated.
    literals: Vec<u64>,
    /// The last number, and how often it was repeated.
    last: u64,
    times: usize,
}

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
impl ColumnWriter {
    /// Begins a column of numbers that are usually small.
    pub(crate) fn new() -> Self {
        Self { form: Form::Varint, bytes: Vec::new(), literals: Vec::new(), last: 0, times: 0 }
    }

    /// Begins a column of numbers that use all 64 bits, such as hashes.
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

    /// Adds a number several times.
    pub(crate) fn push_times(&mut self, number: u64, times: u32) {
        let mut left = times as usize;
        while left > 0 {
            self.push(number);
            let more = (GROUP - self.times).min(left - 1);
            self.times += more;
            left -= more + 1;
        }
    }

    fn end_run(&mut self) {
        if self.times < MIN_RUN {
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

    /// Writes the column, preceded by its length in bytes.
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

/// Decodes a column.
#[derive(Debug, Clone)]
pub(crate) struct Column<'a> {
    form: Form,
    reader: Reader<'a>,
    /// The count of numbers that are left in the group.
    left: u8,
    /// The repeated number, if the group has one.
    repeated: Option<u64>,
}

impl<'a> Column<'a> {
    /// Reads the head of the next column.
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

    /// Reads the head of the next column, which `ColumnWriter::fixed` wrote.
    pub(crate) fn read_fixed(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let start = *reader;
        let head = reader.varint()?;
        Self::read_groups(reader, start, head, Form::Fixed)
    }

    /// Fails if the column cannot hold this many items. Called before anything is allocated for
    /// them.
    pub(crate) fn check_count(&self, count: u64) -> Result<(), Error> {
        if count <= self.max_items() {
            Ok(())
        } else {
            Err(self.damage("a column is shorter than what it should hold"))
        }
    }

    /// Returns the maximum count of items that are left.
    pub(crate) fn max_items(&self) -> u64 {
        u64_of(self.reader.left()).saturating_mul(ITEMS_PER_BYTE).saturating_add(self.left.into())
    }

    /// Returns the next number.
    #[inline(never)]
    pub(crate) fn next(&mut self) -> Result<u64, Error> {
        if self.left == 0 {
            self.begin_group()?;
        }
        self.left = self.left.saturating_sub(1);
        match self.repeated {
            Some(number) => Ok(number),
            None => self.item(),
        }
    }

    /// Reads the head of the next group.
    fn begin_group(&mut self) -> Result<(), Error> {
        let head = self.reader.byte()?;
        self.repeated = if head < 0x80 { Some(self.item()?) } else { None };
        self.left = (head & 0x7f).saturating_add(1);
        Ok(())
    }

    /// Returns the next number if it is a repeated one, and how often the group still has it.
    /// `skip` passes over it.
    pub(crate) fn repeated(&mut self) -> Result<Option<(u64, u32)>, Error> {
        if self.left == 0 {
            self.begin_group()?;
        }
        Ok(self.repeated.map(|number| (number, self.left.into())))
    }

    /// Passes over repeated numbers, as many as `repeated` returned at most.
    pub(crate) fn skip(&mut self, count: u32) {
        self.left = self.left.saturating_sub(u8::try_from(count).unwrap_or(u8::MAX));
    }

    /// Returns the next number. Fails if it is larger than `max`.
    pub(crate) fn next_to(&mut self, max: u64) -> Result<u64, Error> {
        let number = self.next()?;
        if number <= max { Ok(number) } else { Err(self.damage(TOO_LARGE)) }
    }

    /// Returns the next number as 32 bits. Fails if it is larger than `max`.
    pub(crate) fn next_u32_to(&mut self, max: impl Into<u64>) -> Result<u32, Error> {
        u32::try_from(self.next_to(max.into())?).map_err(|_| self.damage(TOO_LARGE))
    }

    fn item(&mut self) -> Result<u64, Error> {
        match self.form {
            Form::Varint => self.reader.varint(),
            Form::Fixed => self.reader.array().map(u64::from_le_bytes),
        }
    }

    /// Fails if the column has further numbers.
    #[inline(never)]
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.left == 0 { self.reader.finish() } else { Err(self.damage("a column holds more than it should")) }
    }

    /// Returns an error for the current position.
    pub(crate) fn damage(&self, what: &'static str) -> Error {
        self.reader.damage(what)
    }
}

/// Encodes a column of the differences between consecutive numbers.
#[derive(Debug)]
pub(crate) struct DeltaWriter {
    column: ColumnWriter,
    last: u64,
}

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
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

    /// Adds a number several times.
    pub(crate) fn push_times(&mut self, number: u64, times: u32) {
        if let Some(more) = times.checked_sub(1) {
            self.push(number);
            self.column.push_times(0, more);
        }
    }

    /// Writes the column, preceded by its length in bytes.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        self.column.finish(out);
    }
}

/// Decodes what `DeltaWriter` wrote.
#[derive(Debug, Clone)]
pub(crate) struct DeltaColumn<'a> {
    column: Column<'a>,
    last: u64,
}

impl<'a> DeltaColumn<'a> {
    /// Reads the head of the next column.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        Ok(Self { column: Column::read(reader)?, last: 0 })
    }

    /// Returns the next number.
    pub(crate) fn next(&mut self) -> Result<u64, Error> {
        self.last = self.last.wrapping_add_signed(unzigzag(self.column.next()?));
        Ok(self.last)
    }

    /// Returns the next number. Fails if it is larger than `max`.
    pub(crate) fn next_to(&mut self, max: u64) -> Result<u64, Error> {
        let number = self.next()?;
        if number <= max { Ok(number) } else { Err(self.damage(TOO_LARGE)) }
    }

    /// Returns the next number as 32 bits. Fails if it is larger than `max`.
    pub(crate) fn next_u32_to(&mut self, max: impl Into<u64>) -> Result<u32, Error> {
        u32::try_from(self.next_to(max.into())?).map_err(|_| self.damage(TOO_LARGE))
    }

    /// Returns the last number, and how often the next numbers are equal to it, as far as the
    /// group shows. `skip` passes over them.
    pub(crate) fn repeated(&mut self) -> Result<Option<(u64, u32)>, Error> {
        let equal = self.column.repeated()?.filter(|(difference, _)| *difference == 0);
        Ok(equal.map(|(_, times)| (self.last, times)))
    }

    /// Passes over repeated numbers, as many as `repeated` returned at most.
    pub(crate) fn skip(&mut self, count: u32) {
        self.column.skip(count);
    }

    /// Fails if the column cannot hold this many items.
    pub(crate) fn check_count(&self, count: u64) -> Result<(), Error> {
        self.column.check_count(count)
    }

    /// Fails if the column has further numbers.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        self.column.finish()
    }

    /// Returns an error for the current position.
    pub(crate) fn damage(&self, what: &'static str) -> Error {
        self.column.damage(what)
    }
}
