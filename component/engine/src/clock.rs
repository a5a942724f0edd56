//! Lamport times. The dependencies of an event determine its time, so no writer can claim a later
//! one.
//!
//! Source: L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", 1978.

/// The lamport time of an event: one more than the largest time of its dependencies, or 1 if there
/// are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lamport(pub(crate) u32);

impl Lamport {
    /// A time before that of any event.
    pub(crate) const NEVER: Self = Self(0);

    /// Returns the time of an event with these dependencies. This does not overflow: a document has
    /// at most `limits::DOCUMENT_EVENTS` events, and no time is larger than their number.
    pub(crate) fn after(dependencies: impl Iterator<Item = Self>) -> Self {
        dependencies.max().unwrap_or(Self::NEVER).plus(1)
    }

    /// Returns the time of the event that is `steps` events after this one in a run.
    pub(crate) fn plus(self, steps: u32) -> Self {
        Self(self.0 + steps)
    }
}
