//! The bytes of runs and horizons. `docs/format.md` specifies the columns. Peers are written as
//! ranks in the list of names.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

mod read;
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
mod write;

pub(crate) use read::{RunHead, RunsReader};
pub(crate) use write::{RankedHorizon, RankedStub, RunsWriter};
