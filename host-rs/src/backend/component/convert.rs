//! Converts between the crate's types and the generated ones, field by field.

use super::super::Handle;
use super::super::convert::{Convert, conversions, records, variants};
use super::bindings::{durable, engine, ephemeral, session, texts, types};
use crate::{
    Acceptance, Cell, Changes, CompactionReport, Content, Entry, Error, EventBatch, EventId, EventRun, Fork,
    Inspection, KeyRange, Limit, MergeReport, PeerVersion, Progress, Received, RowId, RowOp, ScanOptions, Section,
    SessionOptions, Side, StoreOptions, TableSummary, TextChange, TextUnit, Value,
};
use wasmtime::component::ResourceAny;

/// The generated types of all interfaces.
mod theirs {
    pub(super) use super::durable::{Changes, CompactionReport, EventBatch, EventRun, Fork, MergeReport};
    pub(super) use super::engine::{Content, Inspection, Section};
    pub(super) use super::ephemeral::Entry;
    pub(super) use super::session::{Progress, Received, SessionOptions};
    pub(super) use super::texts::{Change as TextChange, Side, Unit as TextUnit};
    pub(super) use super::types::{Cell, EventId, PeerVersion, ScanOptions, TableSummary, Value};
}

conversions!(theirs);

records! {
    types::RowId => RowId { table, row }
    engine::Limit => Limit { name, maximum }
}

impl Convert<Handle> for ResourceAny {
    fn convert(self) -> Handle {
        Handle::Component(self)
    }
}

impl Convert<types::KeyRange> for KeyRange {
    fn convert(self) -> types::KeyRange {
        match self {
            Self::All => types::KeyRange::All,
            Self::Equal(id) => types::KeyRange::Equal(id),
            Self::AtLeast(id) => types::KeyRange::AtLeast(id),
            Self::AtMost(id) => types::KeyRange::AtMost(id),
            Self::Between(first, last) => types::KeyRange::Between(types::KeyBounds { first, last }),
            Self::StartsWith(start) => types::KeyRange::StartsWith(start),
        }
    }
}

impl Convert<durable::RowOp> for RowOp {
    fn convert(self) -> durable::RowOp {
        match self {
            Self::Insert { table, row, cells } => {
                durable::RowOp::Insert(durable::InsertOp { table, row, cells: cells.convert() })
            }
            Self::Update { table, row, cells } => {
                durable::RowOp::Update(durable::UpdateOp { table, row, cells: cells.convert() })
            }
            Self::Delete { table, row } => durable::RowOp::Delete(durable::DeleteOp { table, row }),
            Self::Unset { table, row, columns } => durable::RowOp::Unset(durable::UnsetOp { table, row, columns }),
            Self::Splice { table, row, column, at, remove, insert } => {
                durable::RowOp::Splice(durable::SpliceOp { table, row, column, at, remove, insert })
            }
            Self::Add { table, row, column, amount } => {
                durable::RowOp::Add(durable::AddOp { table, row, column, amount })
            }
        }
    }
}

impl Convert<RowOp> for durable::RowOp {
    fn convert(self) -> RowOp {
        match self {
            Self::Insert(durable::InsertOp { table, row, cells }) => {
                RowOp::Insert { table, row, cells: cells.convert() }
            }
            Self::Update(durable::UpdateOp { table, row, cells }) => {
                RowOp::Update { table, row, cells: cells.convert() }
            }
            Self::Delete(durable::DeleteOp { table, row }) => RowOp::Delete { table, row },
            Self::Unset(durable::UnsetOp { table, row, columns }) => RowOp::Unset { table, row, columns },
            Self::Splice(durable::SpliceOp { table, row, column, at, remove, insert }) => {
                RowOp::Splice { table, row, column, at, remove, insert }
            }
            Self::Add(durable::AddOp { table, row, column, amount }) => RowOp::Add { table, row, column, amount },
        }
    }
}

impl Convert<ephemeral::StoreOptions> for StoreOptions {
    fn convert(self) -> ephemeral::StoreOptions {
        ephemeral::StoreOptions { time_to_live: self.time_to_live_ms, max_skew: self.max_skew_ms }
    }
}

impl Convert<session::Acceptance> for Acceptance {
    fn convert(self) -> session::Acceptance {
        type Flags = session::Acceptance;
        let Self { events, entries, documents } = self;
        let mut flags = Flags::empty();
        for (is_accepted, flag) in [(events, Flags::EVENTS), (entries, Flags::ENTRIES), (documents, Flags::DOCUMENTS)] {
            if is_accepted {
                flags |= flag;
            }
        }
        flags
    }
}

impl Convert<Error> for types::Error {
    fn convert(self) -> Error {
        match self {
            Self::InvalidArgument(rule) => Error::InvalidArgument(rule),
            Self::LimitExceeded(types::ExceededLimit { limit, maximum, actual }) => {
                Error::LimitExceeded { limit, maximum, actual }
            }
            Self::NoSuchRow(types::RowId { table, row }) => Error::NoSuchRow { table, row },
            Self::Corrupt(what) => Error::Corrupt(what),
            Self::UnsupportedVersion(version) => Error::UnsupportedVersion(version),
            Self::UnsupportedFeature(feature) => Error::UnsupportedFeature(feature),
            Self::Compacted(horizon) => Error::Compacted(horizon.convert()),
            Self::Protocol(rule) => Error::Protocol(rule),
            Self::SessionEnded => Error::SessionEnded,
            Self::Other(what) => Error::Other(what),
        }
    }
}
