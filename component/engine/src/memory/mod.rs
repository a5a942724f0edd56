//! Reservation of memory before anything changes, because a failing allocation ends the instance.
//!
//! Columns that grow with a document reserve their memory (`reserve`). Part of the memory, the
//! slack, is kept free for everything smaller, and for the arguments and results of calls; calls
//! report what they use of it (`spend`). Outside of WebAssembly, operating systems promise memory
//! that they do not have, so only the columns are checked there.

mod chunks;
#[cfg(test)]
pub(crate) mod refusal;

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
/// The smallest capacity of a column that has grown.
const MIN_CAPACITY: usize = 4;
/// If a column cannot double, it grows by this fraction.
const SMALL_GROWTH: usize = 8;

thread_local! {
    /// The bytes that can be spent before the slack is measured again.
    static LEFT_BYTES: Cell<usize> = const { Cell::new(0) };
}

/// Reserves memory for further items of a column.
///
/// # Errors
/// `LimitExceeded` if less than the slack would be left.
#[inline]
pub(crate) fn reserve<T>(items: &mut Vec<T>, more: usize) -> Result<(), Error> {
    #[cfg(test)]
    refusal::check()?;
    if items.capacity() - items.len() >= more { Ok(()) } else { grow(items, more) }
}

/// Reserves memory for further bytes of a text.
///
/// # Errors
/// `LimitExceeded` if less than the slack would be left.
#[inline]
pub(crate) fn reserve_text(text: &mut String, more: usize) -> Result<(), Error> {
    if text.capacity() - text.len() >= more { Ok(()) } else { grow(text, more) }
}

/// Doubles a column if the slack allows this. Otherwise, it grows by a fraction, or as little as
/// possible.
#[cold]
fn grow(column: &mut dyn Growable, more: usize) -> Result<(), Error> {
    let (len, before) = (column.len(), column.capacity());
    let wanted = len.saturating_add(more);
    for capacity in [wanted.max(2 * before).max(MIN_CAPACITY), wanted.max(len + len / SMALL_GROWTH), wanted] {
        if !column.try_capacity(capacity) {
            continue;
        }
        if spend_allocated((column.capacity() - before) * column.item_bytes()) {
            return Ok(());
        }
        column.shrink_to(before);
    }
    Err(exceeded(wanted.saturating_mul(column.item_bytes())))
}

/// What grows with a document.
trait Growable {
    fn item_bytes(&self) -> usize;
    fn len(&self) -> usize;
    fn capacity(&self) -> usize;
    fn shrink_to(&mut self, capacity: usize);
    /// Returns whether there is memory for this many items.
    fn try_capacity(&mut self, capacity: usize) -> bool;
}

/// Implements `Growable` by the functions of the same names.
macro_rules! growable {
    ($column:ty, $item:ty $(, $parameter:ident)?) => {
        impl$(<$parameter>)? Growable for $column {
            fn item_bytes(&self) -> usize {
                size_of::<$item>()
            }
            fn len(&self) -> usize {
                self.len()
            }
            fn capacity(&self) -> usize {
                self.capacity()
            }
            fn shrink_to(&mut self, capacity: usize) {
                self.shrink_to(capacity);
            }
            fn try_capacity(&mut self, capacity: usize) -> bool {
                self.try_reserve_exact(capacity - self.len()).is_ok()
            }
        }
    };
}

growable!(Vec<T>, T, T);
growable!(String, u8);

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
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    if take(bytes) || measure(bytes) { Ok(()) } else { Err(exceeded(bytes.saturating_add(slack_bytes()))) }
}

/// Ends the instance, because memory that was reserved is not there.
#[cold]
pub(crate) fn exhausted() -> ! {
    panic!("out of memory");
}

/// Spends slack on memory that was just allocated. Returns whether the slack is left.
fn spend_allocated(bytes: usize) -> bool {
    take(bytes) || measure(0)
}

/// Spends what the last measurement left. Returns whether this is enough.
fn take(bytes: usize) -> bool {
    if !cfg!(target_family = "wasm") {
        return true;
    }
    let left = LEFT_BYTES.get();
    LEFT_BYTES.set(left.saturating_sub(bytes));
    bytes <= left
}

/// Returns whether these bytes can be allocated in addition to the slack.
fn measure(bytes: usize) -> bool {
    let slack = slack_bytes();
    let mut probe: Vec<u8> = Vec::new();
    let fits = probe.try_reserve_exact(bytes.saturating_add(slack)).is_ok();
    drop(black_box(probe));
    LEFT_BYTES.set(if fits { slack / SPENT_SHARE } else { 0 });
    fits
}

fn slack_bytes() -> usize {
    (instance_bytes() / SLACK_SHARE).clamp(MIN_SLACK_BYTES, MAX_SLACK_BYTES)
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
