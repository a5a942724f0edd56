//! Converts between the crate's types and the generated ones, field by field. Texts and blobs are
//! moved, not copied. A list of records keeps its allocation if both records have the same size.

use super::{durable, engine, ephemeral, session, types};
use crate::{
    Acceptance, Cell, Changes, CompactionReport, Content, Entry, Error, EventBatch, EventId, EventRun, Fork,
    Inspection, KeyRange, Limit, MergeReport, Page, PeerVersion, Progress, Received, Row, RowId, RowOp, ScanOptions,
    Section, SessionOptions, StoreOptions, TableSummary, Value,
};

/// Converts each element of a list.
pub(crate) fn list<From, To>(elements: Vec<From>) -> Vec<To>
where
    From: Into<To>,
{
    elements.into_iter().map(Into::into).collect()
}

/// Converts the cells that a caller passes.
pub(crate) fn cells(cells: impl IntoIterator<Item = impl Into<Cell>>) -> Vec<types::Cell> {
    cells.into_iter().map(|cell| cell.into().into()).collect()
}

/// Implements `From` for records with the same fields on both sides, written as `FROM => TO {
/// field, field as CONVERSION }`. A field that is missing on one side is a compile error.
macro_rules! records {
    ($($($from:ident)::+ => $($to:ident)::+ { $($field:ident $(as $with:ident)?),* $(,)? })*) => {$(
        impl From<$($from)::+> for $($to)::+ {
            fn from(from: $($from)::+) -> Self {
                let $($from)::+ { $($field),* } = from;
                Self { $($field: records!(@convert $field $($with)?)),* }
            }
        }
    )*};
    (@convert $field:ident) => { $field };
    (@convert $field:ident into) => { $field.into() };
    (@convert $field:ident option) => { $field.map(Into::into) };
    (@convert $field:ident list) => { list($field) };
    (@convert $field:ident commits) => { $field.into_iter().map(list).collect() };
}

records! {
    Cell => types::Cell { column, value as into }
    types::Cell => Cell { column, value as into }
    types::Row => Row { id, cells as list }
    types::Page => Page { rows as list, more }
    types::RowId => RowId { table, row }
    types::TableSummary => TableSummary { name, rows }
    ScanOptions => types::ScanOptions { range as into, descending, limit, after, columns }
    EventId => types::EventId { peer, counter }
    types::EventId => EventId { peer, counter }
    PeerVersion => types::PeerVersion { peer, count }
    types::PeerVersion => PeerVersion { peer, count }
    EventRun => durable::EventRun { peer, start, lamport, deps as list, fingerprints, salt, commits as commits }
    durable::EventRun => EventRun { peer, start, lamport, deps as list, fingerprints, salt, commits as commits }
    durable::EventBatch => EventBatch { runs as list, more }
    durable::MergeReport => MergeReport { applied, duplicate, waiting, dropped, missing as list, forked }
    durable::Fork => Fork { peer, counter, branches as list }
    durable::Changes => Changes { ops as list, more }
    durable::CompactionReport => CompactionReport { events_dropped, tombstones_dropped, horizon as list }
    Entry => ephemeral::Entry { namespace, key, value as option, timestamp, peer }
    ephemeral::Entry => Entry { namespace, key, value as option, timestamp, peer }
    SessionOptions => session::SessionOptions {
        document, nonce, max_message_bytes, namespaces, read_only, accept as into, writers
    }
    session::Received => Received { durable as option, ephemeral as list, refused }
    session::Progress => Progress { known_there as list, unsent, awaited, in_sync }
    engine::Limit => Limit { name, maximum }
    engine::Section => Section { id, name, bytes }
    engine::Inspection => Inspection {
        content as into, format_version, sections as list, version as list, horizon as list, waiting, tables as list
    }
}

/// Implements `From` for enums with the same variants on both sides.
macro_rules! variants {
    ($($from:ty => $to:ty { $($variant:ident $(($content:ident))?),* })*) => {$(
        impl From<$from> for $to {
            fn from(from: $from) -> Self {
                type Source = $from;
                match from {
                    $(Source::$variant $(($content))? => Self::$variant $(($content))?,)*
                }
            }
        }
    )*};
}

variants! {
    Value => types::Value { Null, Boolean(boolean), Integer(integer), Real(real), Text(text), Blob(blob) }
    types::Value => Value { Null, Boolean(boolean), Integer(integer), Real(real), Text(text), Blob(blob) }
    engine::Content => Content { Document, Update, EphemeralSnapshot, EphemeralUpdate }
}

impl From<KeyRange> for types::KeyRange {
    fn from(range: KeyRange) -> Self {
        match range {
            KeyRange::All => Self::All,
            KeyRange::Equal(id) => Self::Equal(id),
            KeyRange::AtLeast(id) => Self::AtLeast(id),
            KeyRange::AtMost(id) => Self::AtMost(id),
            KeyRange::Between(first, last) => Self::Between(types::KeyBounds { first, last }),
            KeyRange::StartsWith(start) => Self::StartsWith(start),
        }
    }
}

impl From<RowOp> for durable::RowOp {
    fn from(op: RowOp) -> Self {
        match op {
            RowOp::Insert { table, row, cells } => Self::Insert(durable::InsertOp { table, row, cells: list(cells) }),
            RowOp::Update { table, row, cells } => Self::Update(durable::UpdateOp { table, row, cells: list(cells) }),
            RowOp::Delete { table, row } => Self::Delete(durable::DeleteOp { table, row }),
            RowOp::Unset { table, row, columns } => Self::Unset(durable::UnsetOp { table, row, columns }),
        }
    }
}

impl From<durable::RowOp> for RowOp {
    fn from(op: durable::RowOp) -> Self {
        match op {
            durable::RowOp::Insert(durable::InsertOp { table, row, cells }) => {
                Self::Insert { table, row, cells: list(cells) }
            }
            durable::RowOp::Update(durable::UpdateOp { table, row, cells }) => {
                Self::Update { table, row, cells: list(cells) }
            }
            durable::RowOp::Delete(durable::DeleteOp { table, row }) => Self::Delete { table, row },
            durable::RowOp::Unset(durable::UnsetOp { table, row, columns }) => Self::Unset { table, row, columns },
        }
    }
}

impl From<StoreOptions> for ephemeral::StoreOptions {
    fn from(StoreOptions { time_to_live_ms, max_skew_ms }: StoreOptions) -> Self {
        Self { time_to_live: time_to_live_ms, max_skew: max_skew_ms }
    }
}

impl From<Acceptance> for session::Acceptance {
    fn from(Acceptance { events, entries, documents }: Acceptance) -> Self {
        let mut flags = Self::empty();
        for (is_accepted, flag) in [(events, Self::EVENTS), (entries, Self::ENTRIES), (documents, Self::DOCUMENTS)] {
            if is_accepted {
                flags |= flag;
            }
        }
        flags
    }
}

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        match error {
            types::Error::InvalidArgument(rule) => Self::InvalidArgument(rule),
            types::Error::LimitExceeded(types::ExceededLimit { limit, maximum, actual }) => {
                Self::LimitExceeded { limit, maximum, actual }
            }
            types::Error::NoSuchRow(types::RowId { table, row }) => Self::NoSuchRow { table, row },
            types::Error::Corrupt(what) => Self::Corrupt(what),
            types::Error::UnsupportedVersion(version) => Self::UnsupportedVersion(version),
            types::Error::UnsupportedFeature(feature) => Self::UnsupportedFeature(feature),
            types::Error::Compacted(horizon) => Self::Compacted(list(horizon)),
            types::Error::Protocol(rule) => Self::Protocol(rule),
            types::Error::SessionEnded => Self::SessionEnded,
            types::Error::Other(what) => Self::Other(what),
        }
    }
}
