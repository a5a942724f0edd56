//! Lamport times: they follow from the dependencies of an event, so nobody can claim a later one.
//!
//! Source: L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", 1978.

/// The lamport time of an event: one more than the largest among its dependencies, 1 where there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lamport(pub(crate) u32);

impl Lamport {
    /// Before the time of any event.
    pub(crate) const NEVER: Self = Self(0);

    /// The time of an event with these dependencies. A document has at most `limits::DOCUMENT_EVENTS` events, and no
    /// time is larger than their number, so this does not overflow.
    pub(crate) fn after(dependencies: impl Iterator<Item = Self>) -> Self {
        dependencies.max().unwrap_or(Self::NEVER).plus(1)
    }

    /// The time of the event that stands `steps` behind this one in a run.
    pub(crate) fn plus(self, steps: u32) -> Self {
        Self(self.0 + steps)
    }
}
