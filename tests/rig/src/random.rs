//! Random numbers from a seed, the same on every machine and in every language.

/// SplitMix64, <https://doi.org/10.1145/2714064.2660195>.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns an index below `end`, which must not be 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Returns true with this probability. Always draws one number, whatever the probability.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        // The upper 53 bits are a number from 0 to 1, exclusive.
        ((self.next() >> 11) as f64) < probability * (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    /// The first numbers of <https://prng.di.unimi.it/splitmix64.c> for the seed 1234567.
    #[test]
    fn numbers_equal_those_of_the_reference_implementation() {
        let mut random = Random::new(1_234_567);
        let numbers = [random.next(), random.next(), random.next()];
        assert_eq!(numbers, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn events_happen_as_often_as_their_probability_says() {
        let mut random = Random::new(1);
        let mut count = |probability: f64| (0..10_000).filter(|_| random.happens(probability)).count();
        assert_eq!((count(0.0), count(1.0)), (0, 10_000));
        assert!((2_000..3_000).contains(&count(0.25)));
    }
}
