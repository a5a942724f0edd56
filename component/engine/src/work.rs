//! Counts elementary steps, in unit tests alone: growth is tested by counting work, never by a clock.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Says that a step was done: a run, an operation, a cell or a waiting event was looked at.
#[inline(always)]
pub(crate) fn step() {
    #[cfg(test)]
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

/// The steps that `job` does, and its result.
#[cfg(test)]
pub(crate) fn count<T>(job: impl FnOnce() -> T) -> (u64, T) {
    let before = STEPS.with(Cell::get);
    let result = job();
    (STEPS.with(Cell::get) - before, result)
}
