//! A reader of an update's events: the contract's `update-reader`.

use crate::instance::{Instance, InstanceOptions};
use crate::{Error, EventBatch};
use wasmtime::component::ResourceAny;

/// Decodes the events of an update page by page, without merging them: for programs that decide whether to merge.
///
/// ```
/// use converge::{Doc, RowOp, UpdateReader};
///
/// let doc = Doc::create("ann")?;
/// doc.insert("people", "p1", [("name", "Alice")])?;
/// let mut reader = UpdateReader::open(&doc.save()?)?;
/// let batch = reader.next(u32::MAX)?;
/// assert_eq!(batch.runs[0].commits, [[RowOp::insert("people", "p1", [("name", "Alice")])]]);
/// # Ok::<(), converge::Error>(())
/// ```
#[derive(Debug)]
pub struct UpdateReader {
    instance: Instance,
    resource: ResourceAny,
}

impl UpdateReader {
    /// Opens an update or a saved document in an instance of its own; [`Instance::read_update`] uses an existing one. Checks
    /// the bytes as [`Doc::merge_update`](crate::Doc::merge_update) does.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`], [`Error::UnsupportedVersion`], [`Error::UnsupportedFeature`] and [`Error::LimitExceeded`] for the
    /// bytes.
    pub fn open(update: &[u8]) -> Result<Self, Error> {
        Self::open_in(&Instance::new(InstanceOptions::default())?, update)
    }

    pub(crate) fn open_in(instance: &Instance, update: &[u8]) -> Result<Self, Error> {
        let resource = instance
            .call(|store, bindings| bindings.converge_sync_durable().update_reader().call_open(store, update))??;
        Ok(Self { instance: instance.clone(), resource })
    }

    /// Returns at most `limit` further events, in an order in which each follows its dependencies. Lamport times are `None`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`], [`Error::OutOfTime`], [`Error::Trap`] and [`Error::Gone`].
    pub fn next(&mut self, limit: u32) -> Result<EventBatch, Error> {
        let resource = self.resource;
        self.instance
            .call(|store, bindings| bindings.converge_sync_durable().update_reader().call_next(store, resource, limit))
    }
}

impl Drop for UpdateReader {
    fn drop(&mut self) {
        self.instance.let_go(self.resource);
    }
}
