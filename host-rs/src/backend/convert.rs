//! The conversions between the crate's types and those of a backend, which are the generated types
//! of the component or the types of the engine. This module has what both backends share.
//!
//! Texts and blobs are moved, not copied. A list of records keeps its allocation if both records
//! have the same size.

use crate::Error;

/// A conversion between a type of the crate and the type of a backend that has the same content.
///
/// `From` would make the types of the backends a part of the crate's interface.
pub(crate) trait Convert<To> {
    /// Converts the value.
    fn convert(self) -> To;
}

/// Converts each element of a list.
pub(crate) fn list<From: Convert<To>, To>(elements: Vec<From>) -> Vec<To> {
    elements.into_iter().map(Convert::convert).collect()
}

impl<From: Convert<To>, To> Convert<Vec<To>> for Vec<From> {
    fn convert(self) -> Vec<To> {
        list(self)
    }
}

impl<From: Convert<To>, To> Convert<Option<To>> for Option<From> {
    fn convert(self) -> Option<To> {
        self.map(Convert::convert)
    }
}

impl<From, To, Failure> Convert<Result<To, Error>> for Result<From, Failure>
where
    From: Convert<To>,
    Failure: Convert<Error>,
{
    fn convert(self) -> Result<To, Error> {
        self.map(Convert::convert).map_err(Convert::convert)
    }
}

impl Convert<()> for () {
    fn convert(self) {}
}

/// Implements the conversion of records with the same fields on both sides, written as `FROM => TO
/// { field, field as convert }`. A field that is missing on one side is a compile error.
macro_rules! records {
    ($($($from:ident)::+ => $($to:ident)::+ { $($field:ident $(as $with:ident)?),* $(,)? })*) => {$(
        impl Convert<$($to)::+> for $($from)::+ {
            fn convert(self) -> $($to)::+ {
                let Self { $($field),* } = self;
                $($to)::+ { $($field: records!(@convert $field $($with)?)),* }
            }
        }
    )*};
    (@convert $field:ident) => { $field };
    (@convert $field:ident convert) => { $field.convert() };
}

/// Implements the conversion of enums with the same variants on both sides, whose content is moved.
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

/// Implements the conversions that are the same for both backends. The argument is the module with
/// the backend's types.
macro_rules! conversions {
    ($theirs:ident) => {
        records! {
            Cell => $theirs::Cell { column, value as convert }
            $theirs::Cell => Cell { column, value as convert }
            $theirs::TableSummary => TableSummary { name, rows }
            ScanOptions => $theirs::ScanOptions { range as convert, descending, limit, after, columns }
            EventId => $theirs::EventId { peer, counter }
            $theirs::EventId => EventId { peer, counter }
            PeerVersion => $theirs::PeerVersion { peer, count }
            $theirs::PeerVersion => PeerVersion { peer, count }
            EventRun => $theirs::EventRun {
                peer, start, lamport, deps as convert, fingerprints, salt, commits as convert
            }
            $theirs::EventRun => EventRun {
                peer, start, lamport, deps as convert, fingerprints, salt, commits as convert
            }
            $theirs::EventBatch => EventBatch { runs as convert, more }
            $theirs::MergeReport => MergeReport { applied, duplicate, waiting, dropped, missing as convert, forked }
            $theirs::Fork => Fork { peer, counter, branches as convert }
            $theirs::Changes => Changes { ops as convert, more }
            $theirs::CompactionReport => CompactionReport { events_dropped, tombstones_dropped, horizon as convert }
            TextChange => $theirs::TextChange { at, remove, insert }
            $theirs::TextChange => TextChange { at, remove, insert }
            Entry => $theirs::Entry { namespace, key, value as convert, timestamp, peer }
            $theirs::Entry => Entry { namespace, key, value as convert, timestamp, peer }
            SessionOptions => $theirs::SessionOptions {
                document, nonce, max_message_bytes, namespaces, read_only, accept as convert, writers
            }
            $theirs::Received => Received { durable as convert, ephemeral as convert, refused }
            $theirs::Progress => Progress { known_there as convert, unsent, awaited, in_sync }
            $theirs::Section => Section { id, name as convert, bytes }
            $theirs::Inspection => Inspection {
                content as convert,
                format_version,
                sections as convert,
                version as convert,
                horizon as convert,
                waiting,
                tables as convert,
            }
        }
        variants! {
            Value => $theirs::Value { Null, Boolean(boolean), Integer(integer), Real(real), Text(text), Blob(blob) }
            $theirs::Value => Value { Null, Boolean(boolean), Integer(integer), Real(real), Text(text), Blob(blob) }
            TextUnit => $theirs::TextUnit { Scalar, Utf16, Utf8 }
            Side => $theirs::Side { Before, After }
            $theirs::Content => Content { Document, Update, EphemeralSnapshot, EphemeralUpdate }
        }
    };
}

pub(super) use {conversions, records, variants};

impl Convert<Self> for String {
    fn convert(self) -> Self {
        self
    }
}

impl Convert<String> for &'static str {
    fn convert(self) -> String {
        self.to_owned()
    }
}
