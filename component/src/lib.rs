//! The engine as a component: what the contract in `wit/` says, answered by `converge-engine`.
//!
//! Converts and nothing else: no rule of the engine is known here. One file per interface, [`convert`] for the types.

mod convert;
mod durable;
mod engine;
mod ephemeral;
mod session;
mod transactions;

/// The contract, as Rust types and traits.
#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications, clippy::all)]
mod contract {
    wit_bindgen::generate!({ path: "../wit", world: "converge", pub_export_macro: true, export_macro_name: "export" });
}

/// What exports the contract's functions. It has no state: documents, watchers, transactions, readers, stores and
/// sessions are resources of their own.
pub(crate) struct Component;

/// The exports, in WebAssembly only: elsewhere their names would keep the workspace from linking.
#[cfg(target_family = "wasm")]
#[allow(unreachable_pub, unsafe_code, clippy::all)]
mod exports {
    use crate::Component;

    crate::contract::export!(Component with_types_in crate::contract);
}
