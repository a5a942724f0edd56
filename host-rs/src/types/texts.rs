//! Positions and changes of texts.

/// The unit of positions and lengths of a [`TextView`](crate::TextView). Events always count
/// Unicode scalar values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum TextUnit {
    /// Unicode scalar values, `char`s.
    #[default]
    Scalar,
    /// UTF-16 code units, as in JavaScript strings and in the Language Server Protocol.
    Utf16,
    /// UTF-8 bytes, as in `str`.
    Utf8,
}

/// On which side of a position an anchor sticks to the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// To the character before the position, or to the start of the text. Text that is inserted at
    /// the position comes after the anchor.
    Before,
    /// To the character after the position, or to the end of the text. Text that is inserted at the
    /// position comes before the anchor.
    After,
}

/// A change of a text: removes `remove` units at `at`, then inserts `insert` there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TextChange {
    /// The position, in the unit of the view.
    pub at: u32,
    /// The number of units to remove.
    pub remove: u32,
    /// The text to insert.
    pub insert: String,
}

impl TextChange {
    /// Creates a change.
    pub fn new(at: u32, remove: u32, insert: impl Into<String>) -> Self {
        Self { at, remove, insert: insert.into() }
    }
}
