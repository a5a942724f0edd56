//! Conversions between integer types that keep every value.
//!
//! Always holds: an index has 32 or 64 bits. The compiler checks this.

const _: () = assert!(usize::BITS == 32 || usize::BITS == 64, "an index has 32 or 64 bits");

/// Converts a length or an index to 64 bits.
pub(crate) const fn u64_of(length: usize) -> u64 {
    length as u64
}

/// Converts a number to an index.
pub(crate) const fn index_of(number: u32) -> usize {
    number as usize
}
