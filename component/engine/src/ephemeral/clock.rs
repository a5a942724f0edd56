//! The time that has passed, by a caller's clock that may stand still, jump, and go back.
//!
//! Always holds: time does not go back. While the caller's clock does, it stands still, so that a clock that was ahead for a
//! while does not prolong what came meanwhile.

/// How far the caller's clock has gone.
#[derive(Debug, Default)]
pub(super) struct Clock {
    now: f64,
    /// By how much the clock went back, in all.
    behind: f64,
}

impl Clock {
    /// Takes the caller's time, in milliseconds.
    pub(super) fn advance(&mut self, now: f64) {
        if now < self.now {
            self.behind += self.now - now;
        }
        self.now = now;
    }

    /// The time in milliseconds, from an origin that never changes: the caller's, for a clock that never went back.
    pub(super) fn elapsed(&self) -> f64 {
        self.now + self.behind
    }
}
