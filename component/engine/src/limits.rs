//! All limits of the engine. `engine.limits` lists `ALL`; `docs/limits.md` gives the reason for
//! each limit.

/// A limit: its name in errors and in `engine.limits`, and the largest allowed value.
#[derive(Debug, PartialEq, Eq)]
pub struct Limit {
    /// The name in kebab case, with the unit last.
    pub name: &'static str,
    /// The largest allowed value.
    pub maximum: u64,
}

macro_rules! limits {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $maximum:expr;)*) => {
        $($(#[$doc])* pub static $constant: Limit = Limit { name: $name, maximum: $maximum };)*
        /// All limits, in the order of the documentation.
        pub static ALL: &[&Limit] = &[$(&$constant),*];
    };
}

limits! {
    /// Bytes of a peer's name.
    PEER_BYTES = "peer-bytes", 200;
    /// Bytes of the name of a branch of a peer, and of a permanent name of an event.
    BRANCH_BYTES = "branch-bytes", 256;
    /// Branches of the history of one peer.
    PEER_BRANCHES = "peer-branches", 1 << 16;
    /// Bytes of a table's name.
    TABLE_BYTES = "table-bytes", 256;
    /// Bytes of a row's id, and of the bounds of a scan.
    ROW_BYTES = "row-bytes", 4_096;
    /// Bytes of a column's name.
    COLUMN_BYTES = "column-bytes", 256;
    /// Bytes of one text or blob.
    VALUE_BYTES = "value-bytes", 16 << 20;
    /// Cells that one operation sets or removes, and columns that one scan may name.
    OPERATION_CELLS = "operation-cells", 16_384;
    /// Operations of one commit.
    COMMIT_OPERATIONS = "commit-operations", 1_000_000;
    /// Bytes of one commit: of its names, texts and blobs, and 8 for every cell and operation.
    COMMIT_BYTES = "commit-bytes", 64 << 20;
    /// Direct dependencies of one event.
    EVENT_DEPENDENCIES = "event-dependencies", 64;
    /// The number of an event among its peer's events. One less than the maximum of 32 bits, so
    /// that a count of events fits too.
    COUNTER = "counter", u32::MAX as u64 - 1;
    /// Waiting events of one document.
    WAITING_EVENTS = "waiting-events", 100_000;
    /// Bytes of the waiting events, counted as for `commit-bytes`, and 64 for every event and
    /// dependency.
    WAITING_BYTES = "waiting-bytes", 64 << 20;
    /// Missing events that one merge report lists.
    REPORTED_MISSING = "reported-missing", 1_000;
    /// Bytes after which a page of rows, changes or events ends, counted as for `commit-bytes`, and
    /// 8 for every event. The item that crosses the limit still belongs to the page, so that every
    /// page makes progress.
    PAGE_BYTES = "page-bytes", 16 << 20;
    /// Watchers of one document.
    WATCHERS = "watchers", 1_024;
    /// Views of texts of one document.
    VIEWS = "views", 1_024;
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
    /// Cells in the history of one document. Like the neighboring limits, it is small enough that a
    /// growing column stays below 2 GiB, the maximum of one allocation in a 32-bit memory.
    DOCUMENT_CELLS = "document-cells", 1 << 26;
    /// Bytes of texts and blobs in the history of one document.
    DOCUMENT_BYTES = "document-bytes", 1 << 30;
    /// Heads of a horizon. One event must be able to depend on all of them and on its peer's
    /// previous event.
    HORIZON_HEADS = "horizon-heads", 63;
    /// The product of the count of peers and the count of stubs: heads of the horizon, and
    /// compacted events that known events beyond it depend on.
    HORIZON_COUNTS = "horizon-counts", 1 << 22;
    /// The lamport time of an event at a horizon. Bounded so that the times of events beyond the
    /// horizon fit into 32 bits.
    HORIZON_LAMPORT = "horizon-lamport", u32::MAX as u64 - (1 << 27);
    /// Bytes of the name of a namespace of a store.
    NAMESPACE_BYTES = "namespace-bytes", 256;
    /// Bytes of a register's key.
    KEY_BYTES = "key-bytes", 1_024;
    /// Bytes of the text or blob of one register.
    ENTRY_VALUE_BYTES = "entry-value-bytes", 64 << 10;
    /// Namespaces of one store, and namespaces that one session may request.
    NAMESPACES = "namespaces", 4_096;
    /// Entries, removals included, of one store that one peer wrote.
    PEER_ENTRIES = "peer-entries", 4_096;
    /// Entries, removals included, of one store.
    STORE_ENTRIES = "store-entries", 1 << 18;
    /// Bytes of the entries of one store: of their keys, peers, texts and blobs, and 64 for every
    /// entry.
    STORE_BYTES = "store-bytes", 64 << 20;
    /// A time, a duration or a skew, in milliseconds. Floating-point numbers up to this one
    /// represent every integer.
    TIME_MS = "time-ms", 1 << 53;
    /// Bytes of the name of a session's document.
    DOCUMENT_NAME_BYTES = "document-name-bytes", 1_024;
    /// Writers that a session may list.
    SESSION_WRITERS = "session-writers", 4_096;
    /// Bytes of one message of a session.
    MESSAGE_BYTES = "message-bytes", 16 << 20;
    /// Unacknowledged messages with content of a session. At the limit, the session returns no
    /// further ones.
    MESSAGES_IN_FLIGHT = "messages-in-flight", 16;
    /// Bytes of a hello in all of its parts.
    HELLO_BYTES = "hello-bytes", 64 << 20;
    /// Bytes of a page of events or entries in all of its parts. Only a page of a single event or
    /// entry has parts.
    PARTS_BYTES = "parts-bytes", 256 << 20;
    /// Bytes of an instance's memory. A host can set a smaller maximum, which then applies instead.
    MEMORY_BYTES = "memory-bytes", 1 << 32;
    /// Bytes of the saved document that a session sends to a side below the horizon.
    SAVED_BYTES = "saved-bytes", 1 << 30;
}

/// The smallest maximum size of a session's messages: room for the head of any message, and some
/// content.
pub const MIN_MESSAGE_BYTES: u32 = 64;

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
