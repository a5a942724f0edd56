//! The contract's bindings, which are generated from `wit/`.
//!
//! The generated records are private to the backend, so that no public function can return one.

pub(super) use generated::exports::converge::sync::{durable, engine, ephemeral, session, texts, transactions, types};
pub(super) use generated::{Converge, ConvergePre};

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({ path: "wit", world: "converge" });
}
