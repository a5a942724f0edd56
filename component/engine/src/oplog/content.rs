//! Ranges of the texts of a log.

use crate::convert::index_of;

/// A range of bytes of a log's texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ContentRange {
    pub(crate) start: u32,
    pub(crate) bytes: u32,
}

impl ContentRange {
    /// Returns the content; nothing if the range is not one of characters.
    pub(crate) fn of(self, content: &str) -> &str {
        let start = self.start as usize;
        content.get(start..start.saturating_add(self.bytes as usize)).unwrap_or("")
    }

    /// Returns the first scalar values of the range, if it has as many.
    pub(crate) fn first_scalars(self, scalars: u32, content: &str) -> Option<Self> {
        let text = self.of(content);
        let bytes = match text.char_indices().nth(index_of(scalars)) {
            Some((end, _)) => u32::try_from(end).ok()?,
            None if text.chars().count() == index_of(scalars) => self.bytes,
            None => return None,
        };
        Some(Self { start: self.start, bytes })
    }

    /// Returns how many parts of this many characters, up to `max`, the range begins with, as long
    /// as it is ASCII. O(bytes of these).
    pub(crate) fn ascii_parts(self, chars: u32, max: u32, content: &str) -> u32 {
        let start = index_of(self.start);
        let bytes = content.as_bytes().get(start..start.saturating_add(index_of(self.bytes))).unwrap_or_default();
        let ascii = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(bytes.len());
        let parts = ascii.checked_div(index_of(chars)).and_then(|parts| u32::try_from(parts).ok());
        parts.map_or(max, |parts| parts.min(max))
    }

    /// Returns the byte after the last one.
    pub(crate) fn end(self) -> u32 {
        self.start.saturating_add(self.bytes)
    }
}
