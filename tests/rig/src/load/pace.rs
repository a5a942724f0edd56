//! The times at which a client writes.

use std::time::{Duration, Instant};

/// Timers are late by up to this much, which does not count as lateness of the client.
const TIMER_ERROR: Duration = Duration::from_millis(2);

/// Times in equal intervals.
#[derive(Debug)]
pub(super) struct Pace {
    due: Instant,
    interval: Duration,
}

impl Pace {
    /// Creates the times of client `number` of `clients` that each write `rate` times a second. The
    /// clients take turns.
    pub(super) fn new(start: Instant, rate: f64, number: usize, clients: usize) -> Self {
        let interval = Duration::from_secs_f64(1.0 / rate);
        Self { due: start + interval.mul_f64(number as f64 / clients as f64), interval }
    }

    /// Returns when the next write was due, if that has passed. Its latency counts from then on.
    pub(super) fn next(&mut self) -> Option<Instant> {
        let (now, due) = (Instant::now(), self.due);
        if now < due {
            return None;
        }
        self.due += self.interval;
        Some(if now - due < TIMER_ERROR { now } else { due })
    }

    /// Returns the time until the next write is due.
    pub(super) fn wait(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use std::time::{Duration, Instant};

    #[test]
    fn late_writes_count_from_the_time_when_they_were_due() {
        let now = Instant::now();
        let Some(start) = now.checked_sub(Duration::from_millis(250)) else { return };
        let mut pace = Pace::new(start, 10.0, 1, 2);
        let due = [50, 150].map(|milliseconds| Some(start + Duration::from_millis(milliseconds)));
        assert_eq!([pace.next(), pace.next()], due);
        // The third write is due now.
        assert!(pace.next().is_none_or(|at| at >= now));
        assert!(pace.wait() <= Duration::from_millis(100));
    }
}
