//! The bytes of documents, updates and summaries. `docs/format.md` specifies them.
//!
//! Encodes from a document, and decodes into one that did not exist before. Always holds: decoding
//! fails or returns checked data; it never changes a document. Does not merge.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

mod branches;
mod document;
mod events;
mod fingerprints;
mod inspect;
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
mod pack;
mod peek;
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
mod save;
mod summary;
mod unpack;

pub(super) use document::{NOT_EVENTS, document_frame, read_document};
pub(crate) use events::{read_named_events, write_named_events};
pub use inspect::{Content, Inspection, SectionSize, inspect};
pub(super) use pack::Pack;
pub(super) use summary::KnownBranch;
pub(crate) use summary::Summary;
pub(super) use unpack::{Unpacked, check_features};
