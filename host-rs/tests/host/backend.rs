//! Instances and documents with the backend that is tested.

use crate::BACKEND;
use converge::{Doc, Error, Instance, InstanceOptions};

/// Returns the default options with the tested backend.
pub(crate) fn options() -> InstanceOptions {
    InstanceOptions::default().backend(BACKEND)
}

/// Returns an instance with the default limits.
pub(crate) fn instance() -> Result<Instance, Error> {
    Instance::new(options())
}

/// Returns an empty document in an instance of its own.
pub(crate) fn create(peer: &str) -> Result<Doc, Error> {
    instance()?.doc(peer)
}

/// Loads a document into an instance of its own.
pub(crate) fn load(peer: &str, saved: &[u8]) -> Result<Doc, Error> {
    instance()?.load(peer, saved)
}
