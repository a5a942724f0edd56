//! Conversions between the types of the contract and of the engine, field by field. Texts and blobs
//! are moved, not copied.

use crate::contract::exports::converge::sync::durable as wit;
use crate::contract::exports::converge::sync::{engine as facts, ephemeral, session, texts, types};
use converge_engine as engine;

/// Converts each element of a list.
pub(crate) fn list<From, To>(elements: Vec<From>) -> Vec<To>
where
    From: Into<To>,
{
    elements.into_iter().map(Into::into).collect()
}

/// Implements `From` for records with the same fields, as `FROM => TO { field, field as list }`.
macro_rules! records {
    ($($from:ty => $to:ty { $($field:ident $(as $with:ident)?),* $(,)? })*) => {$(
        impl From<$from> for $to {
            fn from(from: $from) -> Self {
                Self { $($field: records!(@field from $field $($with)?)),* }
            }
        }
    )*};
    (@field $from:ident $field:ident) => { $from.$field };
    (@field $from:ident $field:ident into) => { $from.$field.into() };
    (@field $from:ident $field:ident option) => { $from.$field.map(Into::into) };
    (@field $from:ident $field:ident list) => { list($from.$field) };
    (@field $from:ident $field:ident commits) => { $from.$field.into_iter().map(list).collect() };
}

records! {
    types::Cell => engine::Cell { column, value as into }
    engine::Cell => types::Cell { column, value as into }
    engine::EventId => types::EventId { peer, counter }
    types::EventId => engine::EventId { peer, counter }
    engine::PeerVersion => types::PeerVersion { peer, count }
    types::PeerVersion => engine::PeerVersion { peer, count }
    wit::EventRun => engine::EventRun { peer, start, lamport, deps as list, fingerprints, salt, commits as commits }
    engine::EventRun => wit::EventRun { peer, start, lamport, deps as list, fingerprints, salt, commits as commits }
    engine::EventBatch => wit::EventBatch { runs as list, more }
    engine::MergeReport => wit::MergeReport { applied, duplicate, waiting, dropped, missing as list, forked }
    engine::Fork => wit::Fork { peer, counter, branches as list }
    engine::CompactionReport => wit::CompactionReport { events_dropped, tombstones_dropped, horizon as list }
    types::ScanOptions => engine::ScanOptions { range as into, descending, limit, after, columns }
    types::ShapedRow => engine::ShapedRow { id, shape, values as list }
    engine::ShapedRow => types::ShapedRow { id, shape, values as list }
    engine::ShapedPage => types::Page { shapes, rows as list, more }
    wit::TableRows => engine::TableRows { table, shapes, rows as list }
    engine::TableSummary => types::TableSummary { name, rows }
    engine::Changes => wit::Changes { ops as list, more }
    texts::Change => engine::TextChange { at, remove, insert }
    engine::TextChange => texts::Change { at, remove, insert }
    engine::Entry => ephemeral::Entry { namespace, key, value as option, timestamp, peer }
    ephemeral::Entry => engine::Entry { namespace, key, value as option, timestamp, peer }
    session::SessionOptions => engine::SessionOptions {
        document, nonce, max_message_bytes, namespaces, read_only, accept as into, writers
    }
    engine::Received => session::Received { durable as option, ephemeral as list, refused }
    engine::Progress => session::Progress { known_there as list, unsent, awaited, in_sync }
}

impl From<engine::Inspection> for facts::Inspection {
    fn from(inspection: engine::Inspection) -> Self {
        let engine::Inspection { content, format_version, sections, version, horizon, waiting, tables } = inspection;
        let section = |engine::SectionSize { id, name, bytes }| facts::Section { id, name: name.to_owned(), bytes };
        Self {
            content: match content {
                engine::Content::Document => facts::Content::Document,
                engine::Content::Update => facts::Content::Update,
                engine::Content::EphemeralSnapshot => facts::Content::EphemeralSnapshot,
                engine::Content::EphemeralUpdate => facts::Content::EphemeralUpdate,
            },
            format_version,
            sections: sections.into_iter().map(section).collect(),
            version: list(version),
            horizon: list(horizon),
            waiting,
            tables: list(tables),
        }
    }
}

impl From<session::Acceptance> for engine::Acceptance {
    fn from(accept: session::Acceptance) -> Self {
        Self {
            events: accept.contains(session::Acceptance::EVENTS),
            entries: accept.contains(session::Acceptance::ENTRIES),
            documents: accept.contains(session::Acceptance::DOCUMENTS),
        }
    }
}

impl From<texts::Unit> for engine::Unit {
    fn from(unit: texts::Unit) -> Self {
        match unit {
            texts::Unit::Scalar => Self::Scalar,
            texts::Unit::Utf16 => Self::Utf16,
            texts::Unit::Utf8 => Self::Utf8,
        }
    }
}

impl From<texts::Side> for engine::Side {
    fn from(side: texts::Side) -> Self {
        match side {
            texts::Side::Before => Self::Before,
            texts::Side::After => Self::After,
        }
    }
}

impl From<ephemeral::StoreOptions> for engine::StoreOptions {
    fn from(options: ephemeral::StoreOptions) -> Self {
        Self { time_to_live_ms: options.time_to_live, max_skew_ms: options.max_skew }
    }
}

impl From<types::Value> for engine::Value {
    fn from(value: types::Value) -> Self {
        match value {
            types::Value::Null => Self::Null,
            types::Value::Boolean(boolean) => Self::Boolean(boolean),
            types::Value::Integer(integer) => Self::Integer(integer),
            types::Value::Real(real) => Self::Real(real),
            types::Value::Text(text) => Self::Text(text),
            types::Value::Blob(blob) => Self::Blob(blob),
        }
    }
}

impl From<engine::Value> for types::Value {
    fn from(value: engine::Value) -> Self {
        match value {
            engine::Value::Null => Self::Null,
            engine::Value::Boolean(boolean) => Self::Boolean(boolean),
            engine::Value::Integer(integer) => Self::Integer(integer),
            engine::Value::Real(real) => Self::Real(real),
            engine::Value::Text(text) => Self::Text(text),
            engine::Value::Blob(blob) => Self::Blob(blob),
        }
    }
}

impl From<wit::RowOp> for engine::RowOp {
    fn from(op: wit::RowOp) -> Self {
        match op {
            wit::RowOp::Insert(wit::InsertOp { table, row, cells }) => Self::Insert { table, row, cells: list(cells) },
            wit::RowOp::Update(wit::UpdateOp { table, row, cells }) => Self::Update { table, row, cells: list(cells) },
            wit::RowOp::Delete(wit::DeleteOp { table, row }) => Self::Delete { table, row },
            wit::RowOp::Unset(wit::UnsetOp { table, row, columns }) => Self::Unset { table, row, columns },
            wit::RowOp::Splice(wit::SpliceOp { table, row, column, at, remove, insert }) => {
                Self::Splice { table, row, column, at, remove, insert }
            }
            wit::RowOp::Add(wit::AddOp { table, row, column, amount }) => Self::Add { table, row, column, amount },
        }
    }
}

impl From<engine::RowOp> for wit::RowOp {
    fn from(op: engine::RowOp) -> Self {
        match op {
            engine::RowOp::Insert { table, row, cells } => {
                Self::Insert(wit::InsertOp { table, row, cells: list(cells) })
            }
            engine::RowOp::Update { table, row, cells } => {
                Self::Update(wit::UpdateOp { table, row, cells: list(cells) })
            }
            engine::RowOp::Delete { table, row } => Self::Delete(wit::DeleteOp { table, row }),
            engine::RowOp::Unset { table, row, columns } => Self::Unset(wit::UnsetOp { table, row, columns }),
            engine::RowOp::Splice { table, row, column, at, remove, insert } => {
                Self::Splice(wit::SpliceOp { table, row, column, at, remove, insert })
            }
            engine::RowOp::Add { table, row, column, amount } => Self::Add(wit::AddOp { table, row, column, amount }),
        }
    }
}

impl From<wit::RowsOp> for engine::RowsOp {
    fn from(op: wit::RowsOp) -> Self {
        match op {
            wit::RowsOp::Insert(rows) => Self::Insert(rows.into()),
            wit::RowsOp::Update(rows) => Self::Update(rows.into()),
        }
    }
}

impl From<types::KeyRange> for engine::KeyRange {
    fn from(range: types::KeyRange) -> Self {
        match range {
            types::KeyRange::All => Self::All,
            types::KeyRange::Equal(id) => Self::Equal(id),
            types::KeyRange::AtLeast(id) => Self::AtLeast(id),
            types::KeyRange::AtMost(id) => Self::AtMost(id),
            types::KeyRange::Between(types::KeyBounds { first, last }) => Self::Between(first, last),
            types::KeyRange::StartsWith(start) => Self::StartsWith(start),
        }
    }
}

impl From<engine::Error> for types::Error {
    fn from(error: engine::Error) -> Self {
        match error {
            engine::Error::InvalidArgument(invalid) => Self::InvalidArgument(invalid.to_string()),
            engine::Error::LimitExceeded { limit, actual } => {
                let engine::limits::Limit { name, maximum } = *limit;
                Self::LimitExceeded(types::ExceededLimit { limit: name.to_owned(), maximum, actual })
            }
            engine::Error::NoSuchRow { table, row } => Self::NoSuchRow(types::RowId { table, row }),
            corrupt @ engine::Error::Corrupt(_) => Self::Corrupt(corrupt.to_string()),
            engine::Error::UnsupportedVersion(version) => Self::UnsupportedVersion(version),
            engine::Error::UnsupportedFeature(feature) => Self::UnsupportedFeature(feature),
            engine::Error::Protocol(rule) => Self::Protocol(rule.to_string()),
            engine::Error::SessionEnded => Self::SessionEnded,
            engine::Error::Compacted(version) => {
                let entries = version.into_iter();
                Self::Compacted(entries.map(|(peer, count)| types::PeerVersion { peer, count }).collect())
            }
            // The contract reports errors that it has no case for as text.
            other => Self::Other(other.to_string()),
        }
    }
}
