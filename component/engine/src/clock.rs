//! Lamport times: they follow from the dependencies of an event, so nobody can claim a later one.
//!
//! Source: L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", 1978.

/// The lamport time of an event: one more than the largest among its dependencies, 1 where there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lamport(pub(crate) u32);

impl Lamport {
    /// The time of an event with these dependencies; none where the times are used up.
    pub(crate) fn after(dependencies: impl Iterator<Item = Self>) -> Option<Self> {
        dependencies.max().map_or(0, |latest| latest.0).checked_add(1).map(Self)
    }

    /// The time of the event that stands `steps` behind this one in a run.
    pub(crate) fn plus(self, steps: u32) -> Self {
        Self(self.0 + steps)
    }
}
