//! Views of texts in cases: their calls, in the notation of `conformance/README.md`.

use crate::form::Bytes;
use converge::TextChange;
use serde::Deserialize;

type Nothing = [(); 0];

/// A function of a view, or the call that drops one, with its argument.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "conformance/README.md documents them")]
pub enum ViewCall {
    Open(String, String, String, Unit),
    Read(Nothing),
    Length(Nothing),
    Slice(u32, u32),
    Edit(Vec<Change>),
    Take(Nothing),
    Rewrite(String),
    Anchor(u32, Side),
    Position(Bytes),
    Drop(Nothing),
}

/// A UNIT.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "conformance/README.md documents them")]
pub enum Unit {
    Scalar,
    Utf16,
    Utf8,
}

/// A SIDE.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "conformance/README.md documents them")]
pub enum Side {
    Before,
    After,
}

/// A CHANGE.
#[derive(Debug, Clone, Deserialize)]
pub struct Change(u32, u32, String);

impl From<Unit> for converge::TextUnit {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Scalar => Self::Scalar,
            Unit::Utf16 => Self::Utf16,
            Unit::Utf8 => Self::Utf8,
        }
    }
}

impl From<Side> for converge::Side {
    fn from(side: Side) -> Self {
        match side {
            Side::Before => Self::Before,
            Side::After => Self::After,
        }
    }
}

impl From<Change> for TextChange {
    fn from(Change(at, remove, insert): Change) -> Self {
        Self { at, remove, insert }
    }
}
