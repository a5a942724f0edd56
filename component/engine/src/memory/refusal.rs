//! Refuses reservations in unit tests, as if there were not enough memory.

use super::exceeded;
use crate::error::Error;
use std::cell::Cell;

thread_local! {
    /// The number of reservations until one is refused.
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Runs a job during which a reservation is refused after this many others, and all further ones.
pub(crate) fn after<T>(reservations: u32, job: impl FnOnce() -> T) -> T {
    LEFT.set(Some(reservations));
    let result = job();
    LEFT.set(None);
    result
}

pub(super) fn check() -> Result<(), Error> {
    let Some(left) = LEFT.get() else { return Ok(()) };
    LEFT.set(Some(left.saturating_sub(1)));
    if left > 0 { Ok(()) } else { Err(exceeded(0)) }
}
