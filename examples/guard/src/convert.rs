//! Conversions between the types of this component's exports and of the engine, field by field.

use crate::contract::converge::sync::{durable as engine, session as engine_session};
use crate::contract::exports::converge::sync::{durable as wit, session};

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
    wit::InsertOp => engine::InsertOp { table, row, cells }
    engine::InsertOp => wit::InsertOp { table, row, cells }
    wit::UpdateOp => engine::UpdateOp { table, row, cells }
    engine::UpdateOp => wit::UpdateOp { table, row, cells }
    wit::DeleteOp => engine::DeleteOp { table, row }
    engine::DeleteOp => wit::DeleteOp { table, row }
    wit::UnsetOp => engine::UnsetOp { table, row, columns }
    engine::UnsetOp => wit::UnsetOp { table, row, columns }
    wit::EventRun => engine::EventRun { peer, start, lamport, deps, fingerprints, salt, commits as commits }
    engine::EventRun => wit::EventRun { peer, start, lamport, deps, fingerprints, salt, commits as commits }
    engine::EventBatch => wit::EventBatch { runs as list, more }
    engine::MergeReport => wit::MergeReport { applied, duplicate, waiting, dropped, missing, forked }
    engine::Fork => wit::Fork { peer, counter, branches }
    engine::CompactionReport => wit::CompactionReport { events_dropped, tombstones_dropped, horizon }
    engine::Changes => wit::Changes { ops as list, more }
    session::SessionOptions => engine_session::SessionOptions {
        document, nonce, max_message_bytes, namespaces, read_only, accept as into, writers
    }
    engine_session::Received => session::Received { durable as option, ephemeral, refused }
    engine_session::Progress => session::Progress { known_there, unsent, awaited, in_sync }
}

impl From<session::Acceptance> for engine_session::Acceptance {
    fn from(accept: session::Acceptance) -> Self {
        Self::from_bits_truncate(accept.bits())
    }
}

impl From<wit::RowOp> for engine::RowOp {
    fn from(op: wit::RowOp) -> Self {
        match op {
            wit::RowOp::Insert(op) => Self::Insert(op.into()),
            wit::RowOp::Update(op) => Self::Update(op.into()),
            wit::RowOp::Delete(op) => Self::Delete(op.into()),
            wit::RowOp::Unset(op) => Self::Unset(op.into()),
        }
    }
}

impl From<engine::RowOp> for wit::RowOp {
    fn from(op: engine::RowOp) -> Self {
        match op {
            engine::RowOp::Insert(op) => Self::Insert(op.into()),
            engine::RowOp::Update(op) => Self::Update(op.into()),
            engine::RowOp::Delete(op) => Self::Delete(op.into()),
            engine::RowOp::Unset(op) => Self::Unset(op.into()),
        }
    }
}
