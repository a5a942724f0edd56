//! The digest of the tables: SHA-256 over the rows as `docs/semantics.md` specifies.

use super::Rows;
use super::edits::ShownValue;
use crate::id::RowNumber;
use crate::oplog::{OpLog, OpNames};
use crate::value::ValueRef;
use sha2::{Digest, Sha256};

/// Bytes are buffered up to this size before they are hashed.
const CHUNK_BYTES: usize = 1 << 14;

/// Hashes parts. Each is preceded by a mark for its type, and by its length.
struct Parts {
    hasher: Sha256,
    chunk: Vec<u8>,
}

impl Parts {
    fn text(&mut self, mark: u8, text: &[u8]) {
        self.fixed(mark, &(text.len() as u32).to_le_bytes());
        self.add(text);
    }

    /// Hashes a text in slices, of this many bytes together, like `text`.
    fn slices<'a>(&mut self, mark: u8, bytes: u32, slices: impl Iterator<Item = &'a str>) {
        self.fixed(mark, &bytes.to_le_bytes());
        slices.for_each(|slice| self.add(slice.as_bytes()));
    }

    fn fixed(&mut self, mark: u8, bytes: &[u8]) {
        self.add(&[mark]);
        self.add(bytes);
    }

    fn add(&mut self, bytes: &[u8]) {
        if self.chunk.len() + bytes.len() > CHUNK_BYTES {
            self.hasher.update(&self.chunk);
            self.chunk.clear();
        }
        if bytes.len() > CHUNK_BYTES {
            self.hasher.update(bytes);
        } else {
            self.chunk.extend_from_slice(bytes);
        }
    }

    fn finish(mut self) -> [u8; 32] {
        self.hasher.update(&self.chunk);
        self.hasher.finalize().into()
    }
}

impl Rows {
    /// Returns the digest of the tables. O(all rows).
    pub(crate) fn digest(&self, log: &OpLog) -> [u8; 32] {
        let mut cells = Vec::new();
        let mut parts = Parts { hasher: Sha256::new(), chunk: Vec::with_capacity(CHUNK_BYTES) };
        for (name, number) in self.table_names.sorted() {
            let existing = &self.tables[number as usize].existing;
            if existing.len() > 0 {
                parts.text(b'T', name.as_bytes());
            }
            for row in existing.iter() {
                parts.text(b'R', self.ids.text(row).as_bytes());
                self.content(log, RowNumber(row)).show(None, &mut cells);
                for cell in &cells {
                    parts.text(b'C', self.column_name(cell.column).as_bytes());
                    let value = match cell.value(log) {
                        ShownValue::Plain(value) => value,
                        ShownValue::Spliced { text, .. } => {
                            parts.slices(b't', text.lengths().bytes, text.slices(log.content()));
                            continue;
                        }
                    };
                    match value {
                        ValueRef::Null => parts.fixed(b'n', &[]),
                        ValueRef::Boolean(boolean) => parts.fixed(b'b', &[u8::from(boolean)]),
                        ValueRef::Integer(integer) => parts.fixed(b'i', &integer.to_le_bytes()),
                        ValueRef::Real(bits) => parts.fixed(b'r', &bits.to_le_bytes()),
                        ValueRef::Text(text) => parts.text(b't', text.as_bytes()),
                        ValueRef::Blob(blob) => parts.text(b'x', blob),
                    }
                }
            }
        }
        parts.finish()
    }
}
