//! The type `UpdateReader`, which has the function of the contract's `update-reader`.

use crate::backend::{Handle, Resource};
use crate::instance::Instance;
use crate::{Error, EventBatch};

/// Decodes the events of an update page by page, without merging them, so that a program can decide
/// whether to merge the update. Created by [`Instance::read_update`].
///
/// ```
/// use converge::{Doc, RowOp};
///
/// let doc = Doc::create("ann")?;
/// doc.insert("people", "p1", [("name", "Alice")])?;
/// let mut reader = doc.instance().read_update(&doc.save()?)?;
/// let batch = reader.next(u32::MAX)?;
/// assert_eq!(batch.runs[0].commits, [[RowOp::insert("people", "p1", [("name", "Alice")])]]);
/// # Ok::<(), converge::Error>(())
/// ```
#[derive(Debug)]
pub struct UpdateReader {
    instance: Instance,
    handle: Handle,
}

impl UpdateReader {
    pub(crate) fn new(instance: Instance, handle: Handle) -> Self {
        Self { instance, handle }
    }

    /// Returns at most `limit` further events, in an order in which each follows its dependencies.
    /// Lamport times are `None`. After the last event, returns an empty batch.
    ///
    /// # Errors
    ///
    /// Only those that every call can return; see [`Error`].
    pub fn next(&mut self, limit: u32) -> Result<EventBatch, Error> {
        self.instance.call(|live| live.reader_next(self.handle, limit))
    }
}

impl Drop for UpdateReader {
    fn drop(&mut self) {
        self.instance.drop_resource(Resource::UpdateReader, self.handle);
    }
}
