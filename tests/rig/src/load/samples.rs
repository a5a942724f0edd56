//! Latencies and their percentiles.

use crate::random::Random;
use serde_json::{Value, json};
use std::time::Duration;

/// The maximum number of samples that are kept.
const MAX_SAMPLES: usize = 1_000_000;

/// A sample of latencies: all of them as long as there is room, and then a random choice.
pub(super) struct Samples {
    /// In microseconds.
    kept: Vec<u32>,
    count: usize,
    max: u32,
    random: Random,
}

impl Samples {
    pub(super) fn new() -> Self {
        Self { kept: Vec::new(), count: 0, max: 0, random: Random::new(1) }
    }

    /// Algorithm R, <https://doi.org/10.1145/3147.3165>.
    pub(super) fn add(&mut self, latency: Duration) {
        let latency = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
        self.count += 1;
        self.max = self.max.max(latency);
        if self.kept.len() < MAX_SAMPLES {
            self.kept.push(latency);
        } else {
            let place = self.random.below(self.count);
            if let Some(kept) = self.kept.get_mut(place) {
                *kept = latency;
            }
        }
    }

    /// Returns the number of latencies, kept or not.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns percentiles and the maximum in milliseconds, which are null if there are none.
    pub(super) fn summary(&self) -> Value {
        let mut sorted = self.kept.clone();
        sorted.sort_unstable();
        let percentile = |percent| nearest_rank(&sorted, percent).map(milliseconds);
        json!({
            "p50": percentile(50),
            "p90": percentile(90),
            "p99": percentile(99),
            "max": (self.count > 0).then_some(milliseconds(self.max)),
            "count": self.count,
        })
    }
}

fn milliseconds(microseconds: u32) -> f64 {
    f64::from(microseconds) / 1_000.0
}

/// Returns the smallest value that at least this part of the values does not exceed.
fn nearest_rank(sorted: &[u32], percent: usize) -> Option<u32> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::{MAX_SAMPLES, Samples, nearest_rank};
    use std::time::Duration;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let sorted: Vec<u32> = (1..=200).collect();
        assert_eq!([50, 90, 99, 100].map(|percent| nearest_rank(&sorted, percent)), [100, 180, 198, 200].map(Some));
        assert_eq!(nearest_rank(&[7], 50), Some(7));
        assert_eq!(nearest_rank(&[], 50), None);
    }

    #[test]
    fn the_number_of_samples_is_bounded() {
        let mut samples = Samples::new();
        assert!(samples.summary()["p50"].is_null() && samples.summary()["max"].is_null());
        for latency in 0..1_500_000 {
            samples.add(Duration::from_micros(latency));
        }
        let (summary, kept) = (samples.summary(), samples.kept.len());
        assert_eq!((kept, samples.count()), (MAX_SAMPLES, 1_500_000));
        assert_eq!(summary["max"].as_f64(), Some(1_499.999));
        assert!(summary["p50"].as_f64().is_some_and(|middle| (740.0..760.0).contains(&middle)), "{summary}");
    }
}
