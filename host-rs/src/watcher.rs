//! The type `Watcher`, which has the function of the contract's `watcher`, and an iterator over the
//! changes.

use crate::backend::{Handle, Resource};
use crate::instance::Instance;
use crate::{Changes, Error, RowOp};
use std::collections::VecDeque;

/// The maximum number of rows whose changes the iterator takes with one call.
const PAGE_ROWS: u32 = 1_024;

/// Observes changes of a document, by local commits and by merges. A row that changes several times
/// between two calls of [`take`](Self::take) is reported once. Created by
/// [`Doc::watch`](crate::Doc::watch).
#[derive(Debug)]
pub struct Watcher {
    instance: Instance,
    handle: Handle,
    /// Operations that an iterator took from the engine and has not returned.
    taken: VecDeque<RowOp>,
    /// Whether there were more changes in the engine when `taken` was filled.
    more: bool,
}

impl Watcher {
    pub(crate) fn new(instance: Instance, handle: Handle) -> Self {
        Self { instance, handle, taken: VecDeque::new(), more: false }
    }

    /// Returns and clears the changes since the last call, for at most `limit` rows. Changes that
    /// an iterator of [`ops`](Self::ops) did not reach come first.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn take(&mut self, limit: u32) -> Result<Changes, Error> {
        if self.taken.is_empty() {
            return self.take_page(limit);
        }
        let count = usize::try_from(limit).unwrap_or(usize::MAX).min(self.taken.len());
        let ops = self.taken.drain(..count).collect();
        Ok(Changes { ops, more: self.more || !self.taken.is_empty() })
    }

    /// Returns an iterator over the changes that neither [`take`](Self::take) nor an earlier
    /// iterator returned, which reads them page by page. The iterator ends when no change is left,
    /// and after an error. A later iterator returns later changes.
    ///
    /// ```
    /// use converge::{Doc, RowOp};
    ///
    /// let doc = Doc::create("ann")?;
    /// let mut watcher = doc.watch(&["people"], false)?;
    /// doc.insert("people", "p1", [("name", "Alice")])?;
    /// for op in watcher.ops() {
    ///     assert_eq!(op?, RowOp::insert("people", "p1", [("name", "Alice")]));
    /// }
    /// # Ok::<(), converge::Error>(())
    /// ```
    pub fn ops(&mut self) -> Ops<'_> {
        Ops { watcher: self, failed: false }
    }

    fn take_page(&self, limit: u32) -> Result<Changes, Error> {
        self.instance.call(|live| live.watcher_take(self.handle, limit))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.instance.drop_resource(Resource::Watcher, self.handle);
    }
}

/// An iterator over the changes that a watcher has not returned yet. Created by [`Watcher::ops`].
#[derive(Debug)]
pub struct Ops<'watcher> {
    watcher: &'watcher mut Watcher,
    failed: bool,
}

impl Iterator for Ops<'_> {
    type Item = Result<RowOp, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        if self.watcher.taken.is_empty() {
            match self.watcher.take_page(PAGE_ROWS) {
                Ok(Changes { ops, more }) => {
                    self.watcher.taken = ops.into();
                    self.watcher.more = more;
                }
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
        self.watcher.taken.pop_front().map(Ok)
    }
}
