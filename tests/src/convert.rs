//! Converts the types of the crate `converge` to those of the engine and back, field by field.

use converge::Error;
use converge_engine as engine;

/// The conversion between a type of the crate and the engine's type of the same name.
pub trait Convert<To> {
    /// Converts the value to the other type.
    fn convert(self) -> To;
}

impl<From: Convert<To>, To> Convert<Vec<To>> for Vec<From> {
    fn convert(self) -> Vec<To> {
        self.into_iter().map(Convert::convert).collect()
    }
}

impl<From: Convert<To>, To> Convert<Option<To>> for Option<From> {
    fn convert(self) -> Option<To> {
        self.map(Convert::convert)
    }
}

/// Implements the conversion of types that both sides share, which returns the same value.
macro_rules! same {
    ($($type:ty)*) => {$(
        impl Convert<$type> for $type {
            fn convert(self) -> $type {
                self
            }
        }
    )*};
}

same! { () bool u8 u32 u64 f64 String }
same! { engine::Doc engine::Session engine::Store engine::UpdateReader engine::WatcherNumber }

impl<'a, Borrowed: ?Sized> Convert<&'a Borrowed> for &'a Borrowed {
    fn convert(self) -> &'a Borrowed {
        self
    }
}

/// Implements the conversion of records in both directions. Both sides have the same fields.
macro_rules! records {
    ($($name:ident { $($field:ident),* })*) => {
        to_engine! { $($name { $($field),* })* }
        $(impl Convert<converge::$name> for engine::$name {
            fn convert(self) -> converge::$name {
                converge::$name { $($field: self.$field.convert()),* }
            }
        })*
    };
}

/// Implements the conversion of records that are arguments of the engine.
macro_rules! to_engine {
    ($($name:ident { $($field:ident),* })*) => {$(
        impl Convert<engine::$name> for converge::$name {
            fn convert(self) -> engine::$name {
                engine::$name { $($field: self.$field.convert()),* }
            }
        }
    )*};
}

/// Implements the conversion of records that the engine returns. Later versions of the crate can
/// extend them, so they are created with `default()`.
macro_rules! to_crate {
    ($($name:ident { $($field:ident),* })*) => {$(
        impl Convert<converge::$name> for engine::$name {
            fn convert(self) -> converge::$name {
                let Self { $($field),* } = self;
                let mut record = converge::$name::default();
                $(record.$field = $field.convert();)*
                record
            }
        }
    )*};
}

records! {
    Cell { column, value }
    Row { id, cells }
    EventId { peer, counter }
    PeerVersion { peer, count }
    Entry { namespace, key, value, timestamp, peer }
}

to_engine! {
    EventRun { peer, start, lamport, deps, fingerprints, salt, commits }
    ScanOptions { range, descending, limit, after, columns }
    StoreOptions { time_to_live_ms, max_skew_ms }
    SessionOptions { document, nonce, max_message_bytes, namespaces, read_only, accept, writers }
    Acceptance { events, entries, documents }
}

to_crate! {
    Page { rows, more }
    TableSummary { name, rows }
    Changes { ops, more }
    EventBatch { runs, more }
    MergeReport { applied, duplicate, waiting, dropped, missing, forked }
    Fork { peer, counter, branches }
    CompactionReport { events_dropped, tombstones_dropped, horizon }
    Received { durable, ephemeral, refused }
    Progress { known_there, unsent, awaited, in_sync }
}

impl Convert<converge::EventRun> for engine::EventRun {
    fn convert(self) -> converge::EventRun {
        let Self { peer, start, lamport, deps, fingerprints, salt, commits } = self;
        let mut run = converge::EventRun::new(peer, start, commits.convert());
        (run.lamport, run.deps, run.fingerprints, run.salt) = (lamport, deps.convert(), fingerprints, salt);
        run
    }
}

/// Implements the conversion between enums with the same variants.
macro_rules! variants {
    ($($from:ty => $to:ty { $($variant:ident $(($content:ident))?),* })*) => {$(
        impl Convert<$to> for $from {
            fn convert(self) -> $to {
                match self {
                    $(Self::$variant $(($content))? => <$to>::$variant $(($content))?,)*
                }
            }
        }
    )*};
}

variants! {
    converge::Value => engine::Value { Null, Boolean(is), Integer(integer), Real(real), Text(text), Blob(blob) }
    engine::Value => converge::Value { Null, Boolean(is), Integer(integer), Real(real), Text(text), Blob(blob) }
    engine::Content => converge::Content { Document, Update, EphemeralSnapshot, EphemeralUpdate }
}

impl Convert<engine::KeyRange> for converge::KeyRange {
    fn convert(self) -> engine::KeyRange {
        match self {
            Self::All => engine::KeyRange::All,
            Self::Equal(id) => engine::KeyRange::Equal(id),
            Self::AtLeast(id) => engine::KeyRange::AtLeast(id),
            Self::AtMost(id) => engine::KeyRange::AtMost(id),
            Self::Between(first, last) => engine::KeyRange::Between(first, last),
            Self::StartsWith(start) => engine::KeyRange::StartsWith(start),
            other => panic!("the engine has no range {other:?}"),
        }
    }
}

impl Convert<engine::RowOp> for converge::RowOp {
    fn convert(self) -> engine::RowOp {
        match self {
            Self::Insert { table, row, cells } => engine::RowOp::Insert { table, row, cells: cells.convert() },
            Self::Update { table, row, cells } => engine::RowOp::Update { table, row, cells: cells.convert() },
            Self::Delete { table, row } => engine::RowOp::Delete { table, row },
            Self::Unset { table, row, columns } => engine::RowOp::Unset { table, row, columns },
            other => panic!("the engine has no operation {other:?}"),
        }
    }
}

impl Convert<converge::RowOp> for engine::RowOp {
    fn convert(self) -> converge::RowOp {
        match self {
            Self::Insert { table, row, cells } => converge::RowOp::Insert { table, row, cells: cells.convert() },
            Self::Update { table, row, cells } => converge::RowOp::Update { table, row, cells: cells.convert() },
            Self::Delete { table, row } => converge::RowOp::Delete { table, row },
            Self::Unset { table, row, columns } => converge::RowOp::Unset { table, row, columns },
        }
    }
}

impl Convert<Error> for engine::Error {
    fn convert(self) -> Error {
        match self {
            Self::InvalidArgument(invalid) => Error::InvalidArgument(invalid.to_string()),
            Self::LimitExceeded { limit, actual } => {
                Error::LimitExceeded { limit: limit.name.to_owned(), maximum: limit.maximum, actual }
            }
            Self::NoSuchRow { table, row } => Error::NoSuchRow { table, row },
            corrupt @ Self::Corrupt(_) => Error::Corrupt(corrupt.to_string()),
            Self::UnsupportedVersion(version) => Error::UnsupportedVersion(version),
            Self::UnsupportedFeature(feature) => Error::UnsupportedFeature(feature),
            Self::Protocol(rule) => Error::Protocol(rule.to_string()),
            Self::SessionEnded => Error::SessionEnded,
            Self::Compacted(horizon) => {
                let known = |(peer, count): (String, u32)| converge::PeerVersion::new(peer, count);
                Error::Compacted(horizon.into_iter().map(known).collect())
            }
            other => Error::Other(other.to_string()),
        }
    }
}

impl<From: Convert<To>, To> Convert<Result<To, Error>> for Result<From, engine::Error> {
    fn convert(self) -> Result<To, Error> {
        self.map(Convert::convert).map_err(Convert::convert)
    }
}
