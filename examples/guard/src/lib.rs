//! Wraps the engine and accepts only commits that a schema allows, whether they are local or
//! received.
//!
//! Exports the same interfaces as the engine. A host notices a difference only in errors, which
//! name the rule. Writes are checked by [`rules`]; all other calls are forwarded. Each interface
//! has a file; [`convert`] converts the types.

mod convert;
mod durable;
mod rules;
mod session;
mod texts;
mod transactions;

/// Generated Rust types and traits of the engine's interfaces and, in `exports`, of this
/// component's.
#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications, clippy::all)]
mod contract {
    wit_bindgen::generate!({
        path: ["../../wit", "wit"],
        world: "converge:guard/guard",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export",
    });
}

/// Exports the functions of the contract.
pub(crate) struct Component;

/// The exports, only in WebAssembly: their names would break the native build of the workspace.
#[cfg(target_family = "wasm")]
#[allow(unreachable_pub, unsafe_code, clippy::all)]
mod exports {
    use crate::Component;

    crate::contract::export!(Component with_types_in crate::contract);
}
