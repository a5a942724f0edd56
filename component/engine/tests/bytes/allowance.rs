//! The memory that a call may allocate for an input.

/// The memory that a call may have allocated at any moment, in addition to the share for each byte.
const MAX_BYTES: u64 = 256 << 10;
/// The memory that a call may have allocated at any moment for each byte of the input.
pub(crate) const MAX_BYTES_PER_BYTE: u64 = 1_024;

/// Returns whether a call allocated more memory for an input of this length than it may.
pub(crate) fn allocated_too_much(peak: u64, length: usize) -> bool {
    beyond(peak, length) > MAX_BYTES
}

/// Returns the memory that was allocated beyond the share for each byte.
pub(crate) fn beyond(peak: u64, length: usize) -> u64 {
    peak.saturating_sub(MAX_BYTES_PER_BYTE * length as u64)
}
