//! Elapsed time, measured by a caller's clock that may stop, or jump in both directions.
//!
//! Always holds: elapsed time never decreases. While the caller's clock is behind, elapsed time
//! does not advance, so a clock that was ahead for a while does not prolong the life of entries.

/// The elapsed time.
#[derive(Debug, Default)]
pub(super) struct Clock {
    now: f64,
    /// The sum of all backward jumps of the caller's clock.
    behind: f64,
}

impl Clock {
    /// Sets the caller's time, in milliseconds.
    pub(super) fn advance(&mut self, now: f64) {
        if now < self.now {
            self.behind += self.now - now;
        }
        self.now = now;
    }

    /// Returns the elapsed time in milliseconds. It is the caller's time if the clock never jumped
    /// backwards.
    pub(super) fn elapsed(&self) -> f64 {
        self.now + self.behind
    }
}
