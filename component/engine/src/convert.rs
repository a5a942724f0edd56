//! Conversions between integers of different sizes, none of which loses anything.
//!
//! Always holds: an index has 32 or 64 bits, which is checked when the engine is compiled.

const _: () = assert!(usize::BITS == 32 || usize::BITS == 64, "an index has 32 or 64 bits");

/// Returns a length or an index as a number of 64 bits.
pub(crate) const fn u64_of(length: usize) -> u64 {
    length as u64
}

/// Returns a number as an index.
pub(crate) const fn index_of(number: u32) -> usize {
    number as usize
}
