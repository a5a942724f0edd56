//! The entries and the options of a store.

use super::Value;

/// What a write left in a register of a [`Store`](crate::Store).
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The register's namespace.
    pub namespace: String,
    /// The register's key.
    pub key: String,
    /// The register's content, or `None` if the register was removed.
    pub value: Option<Value>,
    /// When the entry was written, in milliseconds on the writer's clock. A writer never uses a
    /// timestamp twice for the same register.
    pub timestamp: f64,
    /// The peer that wrote the entry.
    pub peer: String,
}

/// How long a [`Store`](crate::Store) keeps entries, and which timestamps it accepts.
///
/// ```
/// let options = converge::StoreOptions::default().time_to_live_ms(10_000.0);
/// let store = converge::Instance::new(Default::default())?.store("ann", options)?;
/// # Ok::<(), converge::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct StoreOptions {
    /// Entries, and traces of removals, expire this many milliseconds after they arrived. Encoded
    /// entries carry their age, so relaying an entry does not renew it.
    pub time_to_live_ms: f64,
    /// Entries with a timestamp later than the current time plus this many milliseconds are
    /// rejected, so that a wrong clock cannot pin a register.
    pub max_skew_ms: f64,
}

impl StoreOptions {
    /// Sets the time to live in milliseconds: a finite number above 0.
    #[must_use]
    pub fn time_to_live_ms(self, time_to_live_ms: f64) -> Self {
        Self { time_to_live_ms, ..self }
    }

    /// Sets the maximum skew in milliseconds: a finite number that is not negative.
    #[must_use]
    pub fn max_skew_ms(self, max_skew_ms: f64) -> Self {
        Self { max_skew_ms, ..self }
    }
}

/// The default time to live is 30 seconds, so that the entries of a peer that renews them every ten
/// seconds survive a lost message. The default maximum skew is 10 minutes; the clocks of devices
/// normally differ by less.
impl Default for StoreOptions {
    fn default() -> Self {
        Self { time_to_live_ms: 30_000.0, max_skew_ms: 600_000.0 }
    }
}
