//! Reads one row of a saved document without loading it.

use super::document::document_frame;
use crate::codec::Section;
use crate::doc::Doc;
use crate::error::Error;
use crate::oplog::Cell;
use crate::rows::NameTable;

impl Doc {
    /// Returns the cells of one row of a saved document, sorted by column, or `None` if the row
    /// does not exist. Checks the checksum, and decodes the names of tables and columns, and one
    /// block of rows. O(bytes) for the checksum.
    ///
    /// # Errors
    /// Those of [`Doc::load`].
    pub fn peek(saved: &[u8], table: &str, row: &str) -> Result<Option<Vec<Cell>>, Error> {
        let mut frame = document_frame(saved)?;
        let (names, shapes) = NameTable::read(&mut frame.need(Section::Names)?)?;
        let mut state = frame.need(Section::State)?;
        let edits = frame.take(Section::Edits);
        names.peek(&shapes, &mut state, edits, (table, row))
    }
}
