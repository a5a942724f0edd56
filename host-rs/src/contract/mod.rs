//! The contract's bindings, which are generated from `wit/`, and the conversions between their
//! types and the crate's.
//!
//! The rest of the crate makes calls through the resource handles that this module exports. The
//! generated records are private to this module, so that no public function can return one.

mod convert;
#[cfg(feature = "mutators")]
pub(crate) mod mutator;

pub(crate) use convert::{cells, list};
pub(crate) use durable::GuestDoc;
pub(crate) use ephemeral::GuestStore;
use generated::exports::converge::sync::{durable, engine, ephemeral, session, transactions, types};
pub(crate) use generated::{Converge, ConvergePre};
pub(crate) use session::GuestSession;
pub(crate) use transactions::GuestTransaction;

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({ path: "wit", world: "converge" });
}
