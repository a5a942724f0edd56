//! Every limit on what the engine takes. `ALL` is what `engine.limits` lists; `docs/limits.md` says why each is there.

use crate::error::Error;

/// A limit: its name in errors and in `engine.limits`, and the largest value that passes.
#[derive(Debug, PartialEq, Eq)]
pub struct Limit {
    /// The name, in kebab case, units last.
    pub name: &'static str,
    /// The largest value that the engine takes.
    pub most: u64,
}

impl Limit {
    /// Refuses what is larger.
    pub(crate) fn check(&'static self, given: u64) -> Result<(), Error> {
        if given <= self.most { Ok(()) } else { Err(Error::LimitExceeded { limit: self, given }) }
    }
}

macro_rules! limits {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $most:expr;)*) => {
        $($(#[$doc])* pub static $constant: Limit = Limit { name: $name, most: $most };)*
        /// Every limit, in the order in which they are documented.
        pub static ALL: &[&Limit] = &[$(&$constant),*];
    };
}

limits! {
    /// Bytes of a peer's name.
    PEER_BYTES = "peer-bytes", 256;
    /// Bytes of a table's name.
    TABLE_BYTES = "table-bytes", 256;
    /// Bytes of a row's id, and of the bounds of a scan.
    ROW_BYTES = "row-bytes", 4_096;
    /// Bytes of a column's name.
    COLUMN_BYTES = "column-bytes", 256;
    /// Bytes of one text or blob.
    VALUE_BYTES = "value-bytes", 16 << 20;
    /// Cells of one operation, and columns that one scan may name.
    OPERATION_CELLS = "operation-cells", 16_384;
    /// Operations of one commit.
    COMMIT_OPERATIONS = "commit-operations", 1_000_000;
    /// Bytes of one commit: of its names, texts and blobs, and 8 for every cell and operation.
    COMMIT_BYTES = "commit-bytes", 64 << 20;
    /// Events that one event may depend on directly.
    EVENT_DEPENDENCIES = "event-dependencies", 64;
    /// The number of an event among its peer's, so that a count of them fits into 32 bits too.
    COUNTER = "counter", u32::MAX as u64 - 1;
    /// Events that wait in a document for what they depend on.
    WAITING_EVENTS = "waiting-events", 100_000;
    /// Bytes of the waiting events, counted as for `commit-bytes`, and 64 for every event and dependency.
    WAITING_BYTES = "waiting-bytes", 64 << 20;
    /// Missing events that one merge report names.
    REPORTED_MISSING = "reported-missing", 1_000;
    /// Bytes after which a page of rows, changes or events ends, counted as for `commit-bytes`. The item that crosses
    /// the limit still belongs to the page, so that every page moves on.
    PAGE_BYTES = "page-bytes", 16 << 20;
    /// Watchers of one document.
    WATCHERS = "watchers", 1_024;
    /// Tables that one watcher may name.
    WATCHED_TABLES = "watched-tables", 1_024;
    /// Peers of one document, and entries of one version.
    PEERS = "peers", 1 << 20;
    /// Distinct table names in the history of one document.
    TABLES = "tables", 16_384;
    /// Distinct column names in the history of one document.
    COLUMNS = "columns", 16_384;
    /// Events in the history of one document.
    DOCUMENT_EVENTS = "document-events", 1 << 27;
    /// Operations in the history of one document.
    DOCUMENT_OPERATIONS = "document-operations", 1 << 27;
    /// Cells in the history of one document. As those around it, small enough that a growing column stays below the
    /// 2 GiB that one allocation can have in a 32-bit memory.
    DOCUMENT_CELLS = "document-cells", 1 << 26;
    /// Bytes of texts and blobs in the history of one document.
    DOCUMENT_BYTES = "document-bytes", 1 << 30;
    /// Heads of a horizon: one event must be able to build on them all, and on its peer's previous one.
    HORIZON_HEADS = "horizon-heads", 63;
    /// Peers, times the events at a horizon: its heads, and those that known events beyond it depend on.
    HORIZON_COUNTS = "horizon-counts", 1 << 22;
    /// The lamport time of an event at a horizon, so that those of the events beyond it fit into 32 bits.
    HORIZON_LAMPORT = "horizon-lamport", u32::MAX as u64 - (1 << 27);
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn names_are_distinct_and_kebab_case() {
        for (i, limit) in ALL.iter().enumerate() {
            assert!(limit.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", limit.name);
            assert!(ALL[..i].iter().all(|other| other.name != limit.name), "{}", limit.name);
        }
    }
}
