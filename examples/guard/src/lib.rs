//! Stands before the engine and lets only commits pass that a schema allows, whether they are made here or come from elsewhere.
//!
//! Exports what it imports of the engine; a host cannot tell the two apart but by the errors, which name the rule. Who writes
//! goes through [`rules`]; everything else is passed on. One file per interface, [`convert`] for the types.

mod convert;
mod durable;
mod rules;
mod session;
mod transactions;

/// Both sides of the contract, as Rust types and traits: the engine's, and, in `exports`, this component's own.
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

/// What exports the contract's functions.
pub(crate) struct Component;

/// The exports, in WebAssembly only: elsewhere their names would keep the workspace from linking.
#[cfg(target_family = "wasm")]
#[allow(unreachable_pub, unsafe_code, clippy::all)]
mod exports {
    use crate::Component;

    crate::contract::export!(Component with_types_in crate::contract);
}
