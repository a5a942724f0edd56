//! Runs and horizons as bytes: columns, of which `docs/format.md` tells the order. Peers go by their rank among the names.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

mod read;
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "writes what the engine holds, and reads nothing"
)]
mod write;

pub(crate) use read::{RunHead, RunsReader};
pub(crate) use write::{RankedHorizon, RankedStub, RunsWriter};
