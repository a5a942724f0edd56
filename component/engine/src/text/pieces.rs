//! A text at rest: a sequence of pieces that refer to the content in the log.
//!
//! Stores where the characters of a text are, and never a character. Always holds: a piece has at
//! least one character and at most `MAX_PIECE_BYTES` bytes, and begins and ends between characters.
//! Does not know edits.

use super::unit::{Lengths, Misplaced, Unit};
use crate::error::Error;
use crate::oplog::ContentRange;
use crate::tree::{Cursor, Item, Sum, Tree};

/// The maximum length of a piece in bytes. Bounds the characters that a conversion of units reads.
const MAX_PIECE_BYTES: usize = 1_024;

/// Consecutive characters of a text that are consecutive in the content, too.
#[derive(Debug, Clone, Copy, Default)]
struct Piece {
    start: u32,
    bytes: u16,
    scalars: u16,
    utf16: u16,
}

impl Item for Piece {
    type Sum = Lengths;

    fn sum(&self) -> Lengths {
        Lengths { bytes: self.bytes.into(), scalars: self.scalars.into(), utf16: self.utf16.into() }
    }
}

impl Piece {
    fn new(start: u32, lengths: Lengths) -> Self {
        let short = |length: u32| u16::try_from(length).unwrap_or(u16::MAX);
        Self { start, bytes: short(lengths.bytes), scalars: short(lengths.scalars), utf16: short(lengths.utf16) }
    }

    fn range(self) -> ContentRange {
        ContentRange { start: self.start, bytes: self.bytes.into() }
    }

    /// Splits a piece after this many scalar values. Each half can be empty.
    fn split(self, scalars: u32, content: &str) -> (Self, Self) {
        let lengths = self.sum();
        let scalars = scalars.min(lengths.scalars);
        let head = if scalars == lengths.scalars {
            lengths
        } else {
            lengths.up_to(scalars, Unit::Scalar, self.range().of(content)).unwrap_or_default()
        };
        (Self::new(self.start, head), Self::new(self.start.saturating_add(head.bytes), lengths.minus(head)))
    }

    fn is_empty(self) -> bool {
        self.scalars == 0
    }
}

/// The pieces of a text.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    tree: Tree<Piece>,
}

impl Pieces {
    /// Returns the length of the text.
    pub(super) fn lengths(&self) -> Lengths {
        self.tree.total()
    }

    /// Returns the bytes of memory that the pieces take.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.tree.bytes()
    }

    /// Reserves memory for a number of splices that remove and insert in total this much.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(super) fn reserve(&mut self, splices: usize, bytes: u32) -> Result<(), Error> {
        // A piece that is not the last one of its content has at least this many bytes.
        let pieces = bytes as usize / (MAX_PIECE_BYTES - 3) + splices;
        self.tree.reserve(2 * splices, pieces + 2 * splices, 0)
    }

    /// Returns a position in all units. O(log n), and reads at most one piece.
    pub(super) fn position(&self, at: u32, unit: Unit, content: &str) -> Result<Lengths, Misplaced> {
        let (cursor, before) = self.tree.find(|sum| sum.in_unit(unit), at);
        let Some(inside) = at.checked_sub(before.in_unit(unit)) else { return Ok(before) };
        match self.tree.get(cursor) {
            _ if inside == 0 => Ok(before),
            Some(piece) => Ok(before.plus(piece.sum().up_to(inside, unit, piece.range().of(content))?)),
            None => Err(Misplaced::Beyond(before.in_unit(unit))),
        }
    }

    /// Returns the byte of the content at which a character begins, or `None` at the end.
    pub(super) fn content_at(&self, scalar: u32, content: &str) -> Option<u32> {
        let (cursor, before) = self.tree.find(|sum| sum.scalars, scalar);
        let piece = self.tree.get(cursor)?;
        Some(piece.split(scalar.saturating_sub(before.scalars), content).1.start)
    }

    /// Returns the position of the character that begins at a byte of the content, if it shows.
    /// O(pieces).
    pub(super) fn position_of(&self, byte: u32, content: &str) -> Option<Lengths> {
        let mut before = Lengths::default();
        for piece in self.tree.iter() {
            if let Some(inside) = byte.checked_sub(piece.start)
                && inside < piece.bytes.into()
            {
                let within = piece.sum().up_to(inside, Unit::Utf8, piece.range().of(content)).ok()?;
                return Some(before.plus(within));
            }
            before = before.plus(piece.sum());
        }
        None
    }

    /// Returns the content from one position to another one, in parts. O(log n) for the first part.
    pub(super) fn slice<'a>(&self, from: Lengths, to: Lengths, content: &'a str) -> impl Iterator<Item = &'a str> {
        let (cursor, before) = self.tree.find(|sum| sum.bytes, from.bytes);
        let (mut skip, mut left) = (from.bytes.saturating_sub(before.bytes), to.bytes.saturating_sub(from.bytes));
        let pieces = self.tree.iter_from(cursor);
        pieces.map_while(move |piece| {
            if left == 0 {
                return None;
            }
            let range = piece.range();
            let skipped = std::mem::take(&mut skip).min(range.bytes);
            let bytes = left.min(range.bytes - skipped);
            left -= bytes;
            Some(ContentRange { start: range.start.saturating_add(skipped), bytes }.of(content))
        })
    }

    /// Returns the ranges of the content that show, in the order of the text. Adjacent pieces are
    /// one range.
    pub(super) fn ranges(&self) -> impl Iterator<Item = ContentRange> {
        let mut pieces = self.tree.iter().map(Piece::range).peekable();
        std::iter::from_fn(move || {
            let mut range = pieces.next()?;
            while let Some(next) = pieces.next_if(|next| next.start == range.end()) {
                range.bytes += next.bytes;
            }
            Some(range)
        })
    }

    /// Removes scalar values, at most up to the end of the text, and returns their length.
    pub(super) fn remove(
        &mut self,
        at: u32,
        scalars: u32,
        mut kept: Option<&mut Vec<ContentRange>>,
        content: &str,
    ) -> Lengths {
        let (mut left, mut removed) = (scalars, Lengths::default());
        while left > 0 {
            let (cursor, before) = self.tree.find(|sum| sum.scalars, at);
            let Some(piece) = self.tree.get(cursor) else { break };
            let (head, rest) = piece.split(at.saturating_sub(before.scalars), content);
            let (gone, tail) = rest.split(left, content);
            if gone.is_empty() {
                break;
            }
            removed = removed.plus(gone.sum());
            kept.iter_mut().for_each(|kept| kept.push(gone.range()));
            left -= u32::from(gone.scalars);
            match (head.is_empty(), tail.is_empty()) {
                (true, true) => {
                    self.tree.remove(cursor);
                }
                (true, false) => self.tree.update(cursor, tail),
                (false, true) => self.tree.update(cursor, head),
                (false, false) => {
                    self.tree.update(cursor, head);
                    self.tree.insert(cursor.after(), tail);
                }
            }
        }
        removed
    }

    /// Inserts content at a position, and returns its length.
    pub(super) fn insert(&mut self, at: u32, range: ContentRange, content: &str) -> Lengths {
        let (mut rest, mut start, mut inserted) = (range.of(content), range.start, Lengths::default());
        let mut cursor = self.gap(at, content);
        if let Some(before) = self.tree.previous(cursor)
            && let Some(piece) = self.tree.get(before)
            && piece.range().end() == start
        {
            let (more, behind) = cut(rest, MAX_PIECE_BYTES.saturating_sub(piece.bytes.into()));
            inserted = Lengths::of(more);
            self.tree.update(before, Piece::new(piece.start, piece.sum().plus(inserted)));
            (rest, start) = (behind, start.saturating_add(inserted.bytes));
        }
        while !rest.is_empty() {
            let (chunk, behind) = cut(rest, MAX_PIECE_BYTES);
            let lengths = Lengths::of(chunk);
            cursor = self.tree.insert(cursor, Piece::new(start, lengths)).after();
            inserted = inserted.plus(lengths);
            (rest, start) = (behind, start.saturating_add(lengths.bytes));
        }
        inserted
    }

    /// Returns the place at a position. Splits a piece that contains it.
    fn gap(&mut self, at: u32, content: &str) -> Cursor {
        let (cursor, before) = self.tree.find(|sum| sum.scalars, at);
        let Some(piece) = self.tree.get(cursor) else { return cursor };
        let (head, tail) = piece.split(at.saturating_sub(before.scalars), content);
        if head.is_empty() {
            return cursor;
        }
        self.tree.update(cursor, head);
        self.tree.insert(cursor.after(), tail)
    }

    /// Panics if an invariant is broken. O(n).
    pub(super) fn dbg_check(&self, content: &str) {
        self.tree.dbg_check();
        for piece in self.tree.iter() {
            assert!(!piece.is_empty() && usize::from(piece.bytes) <= MAX_PIECE_BYTES, "{piece:?}");
            assert_eq!(Lengths::of(piece.range().of(content)), piece.sum(), "{piece:?}");
        }
    }
}

/// Cuts a text after at most this many bytes, between characters.
fn cut(text: &str, bytes: usize) -> (&str, &str) {
    text.split_at(text.floor_char_boundary(bytes))
}
