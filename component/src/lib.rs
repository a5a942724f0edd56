//! The engine as a component: implements the contract in `wit/` with `converge-engine`.
//!
//! Only converts types and contains no rules of the engine. Each interface has a file; [`convert`]
//! converts the types.

mod convert;
mod durable;
mod engine;
mod ephemeral;
mod ordering;
mod session;
mod texts;
mod transactions;

/// Generated Rust types and traits of the contract.
#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications, clippy::all)]
mod contract {
    wit_bindgen::generate!({ path: "../wit", world: "converge", pub_export_macro: true, export_macro_name: "export" });
}

/// Exports the functions of the contract. Has no state: documents, watchers, views, transactions,
/// readers, stores and sessions are resources.
pub(crate) struct Component;

/// The exports, only in WebAssembly: their names would break the native build of the workspace.
#[cfg(target_family = "wasm")]
#[allow(unreachable_pub, unsafe_code, clippy::all)]
mod exports {
    use crate::Component;

    crate::contract::export!(Component with_types_in crate::contract);
}
