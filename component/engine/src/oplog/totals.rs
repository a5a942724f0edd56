//! The sizes of logs and commits.

use super::{AlikeCommits, CommitRef, OpKind, SPLICE_CELLS};
use crate::error::Error;
use crate::limits;
use crate::work;
use std::ops::{AddAssign, SubAssign};

/// The size of a log, or of what is added to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) operations: u64,
    pub(crate) cells: u64,
    /// Bytes of texts and blobs.
    pub(crate) bytes: u64,
    /// The operations that are splices, and those that are alone in their commit.
    pub(crate) splices: u64,
    pub(crate) lone_splices: u64,
}

impl Totals {
    /// Returns the size of a commit. O(cells).
    pub(crate) fn of(commit: CommitRef<'_>) -> Self {
        if let CommitRef::Logged { log, event, .. } = commit {
            return log.totals_of(event);
        }
        let mut totals = Self { operations: commit.len() as u64, ..Self::default() };
        for op in commit.ops() {
            work::step();
            totals.cells += op.cells.len() as u64;
            totals.bytes += op.cells.iter().map(|(_, value)| value.content_bytes()).sum::<u64>();
            totals.splices += u64::from(op.kind == OpKind::Splice);
        }
        totals.with_lone_splices()
    }

    /// Returns the size of splices that are alone in their commits, and insert this many bytes.
    pub(crate) fn of_splices(count: u32, bytes: u32) -> Self {
        let one = Self { operations: 1, cells: SPLICE_CELLS as u64, bytes: 0, splices: 1, lone_splices: 1 };
        Self { bytes: bytes.into(), ..one.times(count) }
    }

    /// Returns the sum of two sizes.
    pub(super) fn with(mut self, other: Self) -> Self {
        self += other;
        self
    }

    /// Returns the size of one commit, with its count of lone splices.
    pub(super) fn with_lone_splices(self) -> Self {
        Self { lone_splices: u64::from(self.operations == 1 && self.splices == 1), ..self }
    }

    /// Returns the size of some commits. O(cells), and O(1) for commits that are alike.
    pub(crate) fn of_all<'a>(commits: impl Iterator<Item = AlikeCommits<'a>>) -> Self {
        let mut totals = Self::default();
        commits.for_each(|commits| totals += Self::of(commits.first).times(commits.count));
        totals
    }

    /// Returns the size of this many commits that have this size each.
    pub(crate) fn times(self, count: u32) -> Self {
        let count = u64::from(count);
        Self {
            operations: self.operations * count,
            cells: self.cells * count,
            bytes: self.bytes * count,
            splices: self.splices * count,
            lone_splices: self.lone_splices * count,
        }
    }

    /// Fails if a document cannot have this size.
    pub(crate) fn check(&self) -> Result<(), Error> {
        limits::DOCUMENT_OPERATIONS.check(self.operations)?;
        limits::DOCUMENT_CELLS.check(self.cells)?;
        limits::DOCUMENT_BYTES.check(self.bytes)
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.operations += other.operations;
        self.cells += other.cells;
        self.bytes += other.bytes;
        self.splices += other.splices;
        self.lone_splices += other.lone_splices;
    }
}

impl SubAssign for Totals {
    fn sub_assign(&mut self, other: Self) {
        self.operations -= other.operations;
        self.cells -= other.cells;
        self.bytes -= other.bytes;
        self.splices -= other.splices;
        self.lone_splices -= other.lone_splices;
    }
}
