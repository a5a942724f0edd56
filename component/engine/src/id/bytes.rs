//! The bytes of sorted names.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

use super::Names;
use crate::codec::{Reader, SortedTexts, SortedTextsWriter, put_varint};
use crate::convert::u64_of;
use crate::error::Error;
use crate::limits::Limit;
use crate::work;

/// Writes the count of texts, and the texts. They must be sorted.
pub(crate) fn write_texts<'a>(count: usize, texts: impl Iterator<Item = &'a str>, out: &mut Vec<u8>) {
    put_varint(out, u64_of(count));
    let mut sorted = SortedTextsWriter::new();
    for text in texts {
        work::step();
        sorted.push(text);
    }
    sorted.finish(out);
}

/// Reads what `write_texts` wrote: at most `limit` names, none of them empty, of at most
/// `max_bytes` bytes each.
pub(crate) fn read_texts(reader: &mut Reader<'_>, limit: &'static Limit, max_bytes: u64) -> Result<Names, Error> {
    let count = reader.varint()?;
    limit.check(count)?;
    let mut texts = SortedTexts::read(reader)?;
    texts.check_count(count)?;
    let mut names = Names::default();
    for _ in 0..count {
        work::step();
        let text = texts.next(max_bytes)?;
        if !text.is_empty() {
            names.intern(text);
        }
    }
    texts.finish()?;
    if u64_of(names.len()) == count { Ok(names) } else { Err(reader.damage("a name is empty")) }
}
