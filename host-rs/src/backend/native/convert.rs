//! Converts between the crate's types and the engine's, field by field.

use super::super::convert::{Convert, conversions, records, variants};
use crate::{
    Acceptance, Cell, Changes, CompactionReport, Content, Entry, Error, EventBatch, EventId, EventRun, Fork,
    Inspection, KeyRange, Limit, MergeReport, Page, PeerVersion, Progress, Received, Row, RowId, RowOp, ScanOptions,
    Section, SessionOptions, Side, StoreOptions, TableSummary, TextChange, TextUnit, Value,
};
use converge_engine as engine;

/// The engine's types, by the names of the crate's.
mod theirs {
    pub(super) use converge_engine::{
        Cell, Changes, CompactionReport, Content, Entry, EventBatch, EventId, EventRun, Fork, Inspection, MergeReport,
        PeerVersion, Progress, Received, ScanOptions, SectionSize as Section, SessionOptions, Side, TableSummary,
        TextChange, Unit as TextUnit, Value,
    };
}

conversions!(theirs);

records! {
    engine::Row => Row { id, cells as convert }
    engine::Page => Page { rows as convert, more }
    StoreOptions => engine::StoreOptions { time_to_live_ms, max_skew_ms }
    Acceptance => engine::Acceptance { events, entries, documents }
}

impl Convert<Limit> for &engine::limits::Limit {
    fn convert(self) -> Limit {
        Limit { name: self.name.to_owned(), maximum: self.maximum }
    }
}

/// A row that a transaction touches.
impl Convert<RowId> for (String, String) {
    fn convert(self) -> RowId {
        let (table, row) = self;
        RowId { table, row }
    }
}

/// A peer and a count of its events.
impl Convert<PeerVersion> for (String, u32) {
    fn convert(self) -> PeerVersion {
        let (peer, count) = self;
        PeerVersion { peer, count }
    }
}

impl Convert<engine::KeyRange> for KeyRange {
    fn convert(self) -> engine::KeyRange {
        match self {
            Self::All => engine::KeyRange::All,
            Self::Equal(id) => engine::KeyRange::Equal(id),
            Self::AtLeast(id) => engine::KeyRange::AtLeast(id),
            Self::AtMost(id) => engine::KeyRange::AtMost(id),
            Self::Between(first, last) => engine::KeyRange::Between(first, last),
            Self::StartsWith(start) => engine::KeyRange::StartsWith(start),
        }
    }
}

impl Convert<engine::RowOp> for RowOp {
    fn convert(self) -> engine::RowOp {
        match self {
            Self::Insert { table, row, cells } => engine::RowOp::Insert { table, row, cells: cells.convert() },
            Self::Update { table, row, cells } => engine::RowOp::Update { table, row, cells: cells.convert() },
            Self::Delete { table, row } => engine::RowOp::Delete { table, row },
            Self::Unset { table, row, columns } => engine::RowOp::Unset { table, row, columns },
            Self::Splice { table, row, column, at, remove, insert } => {
                engine::RowOp::Splice { table, row, column, at, remove, insert }
            }
            Self::Add { table, row, column, amount } => engine::RowOp::Add { table, row, column, amount },
        }
    }
}

impl Convert<RowOp> for engine::RowOp {
    fn convert(self) -> RowOp {
        match self {
            Self::Insert { table, row, cells } => RowOp::Insert { table, row, cells: cells.convert() },
            Self::Update { table, row, cells } => RowOp::Update { table, row, cells: cells.convert() },
            Self::Delete { table, row } => RowOp::Delete { table, row },
            Self::Unset { table, row, columns } => RowOp::Unset { table, row, columns },
            Self::Splice { table, row, column, at, remove, insert } => {
                RowOp::Splice { table, row, column, at, remove, insert }
            }
            Self::Add { table, row, column, amount } => RowOp::Add { table, row, column, amount },
        }
    }
}

impl Convert<Error> for engine::Error {
    fn convert(self) -> Error {
        match self {
            Self::InvalidArgument(rule) => Error::InvalidArgument(rule.to_string()),
            Self::LimitExceeded { limit, actual } => {
                let Limit { name, maximum } = limit.convert();
                Error::LimitExceeded { limit: name, maximum, actual }
            }
            Self::NoSuchRow { table, row } => Error::NoSuchRow { table, row },
            corrupt @ Self::Corrupt(_) => Error::Corrupt(corrupt.to_string()),
            Self::UnsupportedVersion(version) => Error::UnsupportedVersion(version),
            Self::UnsupportedFeature(feature) => Error::UnsupportedFeature(feature),
            Self::Compacted(horizon) => Error::Compacted(horizon.convert()),
            Self::Protocol(rule) => Error::Protocol(rule.to_string()),
            Self::SessionEnded => Error::SessionEnded,
            other => Error::Other(other.to_string()),
        }
    }
}
