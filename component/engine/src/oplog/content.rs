//! Ranges of the texts of a log.

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

    /// Returns the byte after the last one.
    pub(crate) fn end(self) -> u32 {
        self.start.saturating_add(self.bytes)
    }
}
