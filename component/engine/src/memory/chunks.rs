//! A column that grows by chunks. Only the first chunk is ever moved, and at most one chunk of
//! memory is unused.

use super::reserve;
use crate::error::Error;
use std::ops::{Index, IndexMut};

/// The binary logarithm of the number of items in a chunk.
const CHUNK_BITS: u32 = 10;
const CHUNK: usize = 1 << CHUNK_BITS;

/// A sequence of items, by index.
#[derive(Debug)]
pub(crate) struct Chunks<T> {
    /// All chunks before the last one with items are full.
    chunks: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T> Chunks<T> {
    /// Returns the number of items.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the number of items that can be added without an allocation.
    pub(crate) fn room(&self) -> usize {
        let held = match &self.chunks[..] {
            [first] => first.capacity().min(CHUNK),
            chunks => chunks.len() * CHUNK,
        };
        held - self.len
    }

    /// Reserves memory for this many further items.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn reserve(&mut self, more: usize) -> Result<(), Error> {
        let wanted = self.len + more;
        while self.chunks.len() * CHUNK < wanted {
            reserve(&mut self.chunks, 1)?;
            let mut chunk = Vec::new();
            // The first chunk grows, so that few items take little memory.
            if !self.chunks.is_empty() {
                reserve(&mut chunk, CHUNK)?;
            }
            self.chunks.push(chunk);
        }
        match self.chunks.first_mut() {
            Some(first) => reserve(first, wanted.min(CHUNK).saturating_sub(first.len())),
            None => Ok(()),
        }
    }

    /// Adds an item.
    pub(crate) fn push(&mut self, item: T) {
        let at = self.len >> CHUNK_BITS;
        if at == self.chunks.len() {
            self.chunks.push(if at == 0 { Vec::new() } else { Vec::with_capacity(CHUNK) });
        }
        self.chunks[at].push(item);
        self.len += 1;
    }

    /// Removes the last item.
    pub(crate) fn pop(&mut self) {
        if let Some(last) = self.len.checked_sub(1) {
            self.chunks[last >> CHUNK_BITS].pop();
            self.len = last;
        }
    }

    /// Returns all items.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }
}

impl<T> Index<usize> for Chunks<T> {
    type Output = T;

    #[inline]
    fn index(&self, at: usize) -> &T {
        &self.chunks[at >> CHUNK_BITS][at & (CHUNK - 1)]
    }
}

impl<T> IndexMut<usize> for Chunks<T> {
    #[inline]
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.chunks[at >> CHUNK_BITS][at & (CHUNK - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, Chunks};

    #[test]
    fn holds_what_a_vector_holds() {
        let mut chunks = Chunks::default();
        for at in 0..3 * CHUNK + 5 {
            if at % 7 == 0 {
                let more = at % 300;
                chunks.reserve(more).unwrap();
                assert!(chunks.room() >= more, "{at}: room for {} and not {more}", chunks.room());
            }
            chunks.push(at);
            chunks.push(at);
            chunks.pop();
            chunks[at] *= 2;
        }
        assert_eq!(chunks.len(), 3 * CHUNK + 5);
        assert!(chunks.iter().copied().eq((0..chunks.len()).map(|at| at * 2)));
        assert_eq!((chunks[CHUNK], chunks[chunks.len() - 1]), (CHUNK * 2, (chunks.len() - 1) * 2));
    }
}
