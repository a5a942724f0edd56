//! Facts about the engine, and about bytes that it wrote.

use super::{PeerVersion, TableSummary};

/// A limit on what the engine accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit {
    /// The limit's name, such as `commit-bytes`.
    pub name: String,
    /// The largest value that is accepted.
    pub maximum: u64,
}

/// What bytes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Content {
    /// A saved document.
    Document,
    /// Events of a document.
    Update,
    /// All entries of a store, or of some namespaces.
    EphemeralSnapshot,
    /// Entries of a store that changed.
    EphemeralUpdate,
}

/// A section of the format, by its number in `docs/format.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Section {
    /// The section's number.
    pub id: u32,
    /// The section's name.
    pub name: String,
    /// The section's length in bytes.
    pub bytes: u64,
}

/// What [`Instance::inspect`](crate::Instance::inspect) found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// What the bytes hold.
    pub content: Content,
    /// The version of the format.
    pub format_version: u32,
    /// The sections, in the order of the bytes.
    pub sections: Vec<Section>,
    /// The events contained in the bytes, per peer.
    pub version: Vec<PeerVersion>,
    /// The horizon of a compacted document; empty if the history is complete.
    pub horizon: Vec<PeerVersion>,
    /// The number of events that wait for missing dependencies.
    pub waiting: u32,
    /// The tables, sorted by name: of a document, those with rows; of an update, those that its
    /// operations name, with the number of rows that they name in each.
    pub tables: Vec<TableSummary>,
}
