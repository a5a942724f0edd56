//! Counts steps of work in unit tests. Growth is tested by counting work, never by a clock.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Counts a step: the visit of a run, an operation, a cell or a waiting event.
#[inline(always)]
pub(crate) fn step() {
    #[cfg(test)]
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

/// Returns the number of steps of `job`, and its result.
#[cfg(test)]
pub(crate) fn count<T>(job: impl FnOnce() -> T) -> (u64, T) {
    let before = STEPS.with(Cell::get);
    let result = job();
    (STEPS.with(Cell::get) - before, result)
}
