//! Runs and horizons as bytes: columns, of which `docs/format.md` tells the order. Peers go by their rank among the names.

mod read;
mod write;

pub(crate) use read::{RunHead, RunsReader};
pub(crate) use write::{RankedHorizon, RankedStub, RunsWriter};
