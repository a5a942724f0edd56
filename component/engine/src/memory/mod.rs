//! Reservation of memory before anything changes, because a failing allocation ends the instance.
//!
//! Columns that grow with a document reserve their memory (`reserve`). Part of the memory, the
//! slack, is kept free for everything smaller, and for the arguments and results of calls; calls
//! report what they use of it (`spend`). Outside of WebAssembly, operating systems promise memory
//! that they do not have, so only the columns are checked there.

mod chunks;

pub(crate) use chunks::Chunks;

use crate::error::Error;
use crate::limits;
use std::cell::Cell;
use std::hint::black_box;

/// The slack is this fraction of the instance's memory.
const SLACK_SHARE: usize = 5;
const MIN_SLACK_BYTES: usize = 256 << 10;
const MAX_SLACK_BYTES: usize = 1 << 30;
/// The slack is measured again after this fraction of it was spent.
const SPENT_SHARE: usize = 8;
/// If a column cannot double, it grows by this fraction.
const SMALL_GROWTH: usize = 8;

thread_local! {
    /// The bytes that can be spent before the slack is measured again.
    static LEFT_BYTES: Cell<usize> = const { Cell::new(0) };
}

/// Reserves memory for further items of a column.
///
/// # Errors
/// `LimitExceeded` if there is not enough memory.
#[inline]
pub(crate) fn reserve<T>(items: &mut Vec<T>, more: usize) -> Result<(), Error> {
    if items.capacity() - items.len() >= more { Ok(()) } else { grow(items, more) }
}

/// Reserves memory for further bytes of a text.
///
/// # Errors
/// `LimitExceeded` if there is not enough memory.
#[inline]
pub(crate) fn reserve_text(text: &mut String, more: usize) -> Result<(), Error> {
    if text.capacity() - text.len() >= more {
        return Ok(());
    }
    let grown = text.try_reserve(more);
    let grown = grown.or_else(|_| text.try_reserve_exact(more.max(text.len() / SMALL_GROWTH)));
    let grown = grown.or_else(|_| text.try_reserve_exact(more));
    grown.map_err(|_| exceeded(text.len().saturating_add(more)))
}

#[cold]
fn grow<T>(items: &mut Vec<T>, more: usize) -> Result<(), Error> {
    let grown = items.try_reserve(more);
    let grown = grown.or_else(|_| items.try_reserve_exact(more.max(items.len() / SMALL_GROWTH)));
    let grown = grown.or_else(|_| items.try_reserve_exact(more));
    grown.map_err(|_| exceeded(items.len().saturating_add(more).saturating_mul(size_of::<T>())))
}

/// The slack that a call uses at most for each byte of an argument, if it reserves nothing else.
const SPENT_PER_BYTE: u64 = 4;

/// Spends the slack that a call uses for an argument.
///
/// # Errors
/// `LimitExceeded` if less than the slack would be left.
pub(crate) fn spend_on(argument: &[u8]) -> Result<(), Error> {
    spend(SPENT_PER_BYTE.saturating_mul(argument.len() as u64))
}

/// Spends slack on data that is small or is freed soon.
///
/// # Errors
/// `LimitExceeded` if less than the slack would be left.
pub(crate) fn spend(bytes: u64) -> Result<(), Error> {
    if !cfg!(target_family = "wasm") {
        return Ok(());
    }
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    let left = LEFT_BYTES.get();
    if bytes <= left {
        LEFT_BYTES.set(left - bytes);
        return Ok(());
    }
    let slack = (instance_bytes() / SLACK_SHARE).clamp(MIN_SLACK_BYTES, MAX_SLACK_BYTES);
    let wanted = bytes.saturating_add(slack);
    let mut probe: Vec<u8> = Vec::new();
    probe.try_reserve_exact(wanted).map_err(|_| exceeded(wanted))?;
    drop(black_box(probe));
    LEFT_BYTES.set(slack / SPENT_SHARE);
    Ok(())
}

fn exceeded(wanted: usize) -> Error {
    let given = (instance_bytes() as u64).saturating_add(wanted as u64);
    Error::LimitExceeded { limit: &limits::MEMORY_BYTES, actual: given }
}

/// Returns the size of the instance's memory in bytes.
fn instance_bytes() -> usize {
    #[cfg(target_arch = "wasm32")]
    return core::arch::wasm32::memory_size::<0>() << 16;
    #[cfg(not(target_arch = "wasm32"))]
    return 0;
}

#[cfg(test)]
mod tests {
    use super::{reserve, reserve_text};
    use crate::error::Error;
    use crate::limits;

    #[test]
    fn room_that_cannot_be_is_refused_and_nothing_is_lost() {
        let mut items = vec![1_u64, 2];
        let error = reserve(&mut items, usize::MAX / 16).unwrap_err();
        assert!(
            matches!(error, Error::LimitExceeded { limit, actual } if *limit == limits::MEMORY_BYTES && actual > limit.maximum)
        );
        assert_eq!((reserve(&mut items, 100), items.capacity() >= 102, &items[..]), (Ok(()), true, &[1, 2][..]));
        let mut text = String::from("ß");
        assert!(reserve_text(&mut text, usize::MAX / 2).is_err());
        assert_eq!((reserve_text(&mut text, 100), text.capacity() >= 102, text.as_str()), (Ok(()), true, "ß"));
    }
}
