//! Values as a log stores them.

use super::ContentRange;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tag {
    Null,
    False,
    True,
    Integer,
    Real,
    Text,
    Blob,
}

/// A value as the log stores it. A text or blob is its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Packed {
    pub(super) tag: Tag,
    pub(super) payload: u64,
}

impl Packed {
    /// The stored value of the cells of an unset.
    pub(crate) const NULL: Self = Self { tag: Tag::Null, payload: 0 };

    pub(super) fn at(tag: Tag, start: usize, len: usize) -> Self {
        Self { tag, payload: (start as u64) << 32 | len as u64 }
    }

    /// Returns the value of a text in the log.
    pub(super) fn text(ContentRange { start, bytes }: ContentRange) -> Self {
        Self::at(Tag::Text, start as usize, bytes as usize)
    }

    /// Returns an integer, which needs no log.
    pub(crate) fn integer(integer: i64) -> Self {
        Self { tag: Tag::Integer, payload: integer as u64 }
    }

    /// Returns the place of a text.
    pub(super) fn content(self) -> Option<ContentRange> {
        let (start, bytes) = ((self.payload >> 32) as u32, self.payload as u32);
        (self.tag == Tag::Text).then_some(ContentRange { start, bytes })
    }

    /// Returns whether the value is an integer.
    pub(crate) fn is_integer(self) -> bool {
        self.tag == Tag::Integer
    }

    /// Returns the length of a text or blob, and 0 for other values.
    pub(crate) fn content_bytes(self) -> u64 {
        if matches!(self.tag, Tag::Text | Tag::Blob) { self.payload & 0xffff_ffff } else { 0 }
    }
}
