//! The kinds of grounds in bytes.

use crate::codec::Column;
use crate::error::Error;
use crate::id::ColumnNumber;
use crate::rows::edits::Ground;
use crate::rows::state::{Meaning, RowState};

/// The ground of a sum or a text, and whether it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GroundKind {
    Delete = 0,
    /// A write that does not count.
    HiddenWrite = 1,
    /// A write that counts.
    Write = 2,
}

impl GroundKind {
    /// Returns the kind of a ground of a cell in this row.
    pub(super) fn of(ground: Ground, column: ColumnNumber, state: &RowState, meaning: Meaning<'_>) -> Self {
        match ground {
            Ground::Delete(_) => Self::Delete,
            Ground::Write(_) if state.latest(column, meaning).is_some_and(|write| write.counts) => Self::Write,
            Ground::Write(_) => Self::HiddenWrite,
        }
    }

    /// Returns the kind with this number.
    pub(super) fn read(kinds: &mut Column<'_>) -> Result<Self, Error> {
        match kinds.next()? {
            0 => Ok(Self::Delete),
            1 => Ok(Self::HiddenWrite),
            2 => Ok(Self::Write),
            _ => Err(kinds.damage("a ground is of an unknown kind")),
        }
    }

    /// Returns the ground of this kind that a cell of this row has, if it has one.
    pub(super) fn ground(self, column: ColumnNumber, state: &RowState, meaning: Meaning<'_>) -> Option<Ground> {
        if self == Self::Delete {
            return Some(Ground::Delete(state.deleted));
        }
        let latest = state.latest(column, meaning);
        let write = latest.filter(|write| write.counts == (self == Self::Write));
        write.map(|write| Ground::Write(write.stamp))
    }

    pub(super) fn is_write(self) -> bool {
        self != Self::Delete
    }
}
