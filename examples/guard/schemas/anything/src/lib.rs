//! A schema that allows everything.

use contract::exports::converge::guard::schema::{Guest, Table};

/// Generated Rust types and functions of the contract.
#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications, clippy::all)]
mod contract {
    wit_bindgen::generate!({
        path: ["../../../../wit", "../../wit"],
        world: "converge:guard/described",
        pub_export_macro: true,
        export_macro_name: "export",
    });
}

struct Anything;

impl Guest for Anything {
    fn tables() -> Option<Vec<Table>> {
        None
    }
}

/// The exports, only in WebAssembly: their names would break the native build of the workspace.
#[cfg(target_family = "wasm")]
#[allow(unreachable_pub, unsafe_code, clippy::all)]
mod exports {
    use crate::Anything;

    crate::contract::export!(Anything with_types_in crate::contract);
}
